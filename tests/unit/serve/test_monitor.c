/* SPDX-License-Identifier: MIT */

/* test_monitor.c - what MONITOR shows and what it never shows; and WAITAOF over a disk that takes its time. */
#include <criterion/criterion.h>

#include "support/shard_fixture.h"

static void name_clients(struct shard_fixture *at)
{
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        (void)snprintf(at->clients[i]->address, sizeof at->clients[i]->address, "c%u", i);
    }
}

Test(monitor, commands_as_they_are_carried_out)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    name_clients(&at);
    shard_fixture_jump(&at, 1234567);
    expect_said(&at, 0, "OK", "MONITOR");
    expect_said(&at, 1, "OK", "set a \"x\\x00\\\"y\\n\"");
    expect_heard(&at, 0, "1234.567000 [0 c1] \"set\" \"a\" \"x\\x00\\\"y\\n\"");
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "GET a");
    expect_heard(&at, 0, "1234.567000 [0 c1] \"MULTI\"");
    (void)shard_fixture_say(&at, 1, "EXEC");
    expect_heard(&at, 0, "1234.567000 [0 c1] \"EXEC\" | 1234.567000 [0 c1] \"GET\" \"a\"");
    expect_begins(&at, 1, "-ERR", "FLY");
    expect_begins(&at, 1, "-ERR", "GET");
    expect_heard(&at, 0, "");
    expect_said(&at, 0, "PONG | 1234.567000 [0 c0] \"PING\"", "PING");
    expect_said(&at, 0, "RESET | 1234.567000 [0 c0] \"RESET\"", "RESET");
    expect_said(&at, 1, "PONG", "PING");
    expect_heard(&at, 0, "");
    shard_fixture_close(&at);
}

Test(monitor, twice_is_once_and_bytes_are_shown_as_they_are)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    name_clients(&at);
    expect_said(&at, 0, "OK", "MONITOR");
    expect_begins(&at, 0, "OK | 1000.", "MONITOR");
    expect_said(&at, 1, "OK", "SET a \"\\x7f\\xff~ \\t\"");
    expect_heard(&at, 0, "1000.000000 [0 c1] \"SET\" \"a\" \"\\x7f\\xff~ \\t\"");
    shard_fixture_close(&at);
}

Test(monitor, no_secret_is_shown)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
    name_clients(&at);
    expect_begins(&at, 0, "-NOAUTH", "MONITOR");
    expect_said(&at, 0, "OK", "AUTH secret");
    expect_said(&at, 0, "OK", "MONITOR");
    expect_said(&at, 1, "OK", "AUTH default secret");
    expect_heard(&at, 0, "1000.000000 [0 c1] \"AUTH\" \"(redacted)\" \"(redacted)\"");
    (void)shard_fixture_say(&at, 2, "HELLO 2 AUTH default secret");
    cr_expect_null(strstr(shard_fixture_hear(&at, 0), "secret"));
    shard_fixture_close(&at);
}

Test(monitor, a_long_line_is_cut_and_a_slow_watcher_dropped)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 100000});
    name_clients(&at);
    expect_said(&at, 0, "OK", "MONITOR");
    (void)shard_fixture_say(&at, 1, "SET a \"%s%030000d\"", "\\x00", 0);
    const char *line = shard_fixture_hear(&at, 0);
    cr_expect_eq(line[strlen(line) - 1], '"');
    struct gm_bytes long_command = BYTES("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$70000\r\n");
    static uint8_t bytes[70100];
    memcpy(bytes, long_command.data, long_command.size);
    memset(bytes + long_command.size, 'x', 70000);
    memcpy(bytes + long_command.size + 70000, "\r\n", 2);
    struct gm_bytes whole = {bytes, long_command.size + 70002};
    cr_expect_eq(shard_fixture_send(&at, 1, whole), whole.size);
    line = shard_fixture_hear(&at, 0);
    cr_expect_str_eq(line + strlen(line) - 4, "x...");
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(shard_fixture_send(&at, 1, whole), whole.size);
        cr_expect_not(at.clients[0]->overflowed);
    }
    cr_expect_eq(shard_fixture_send(&at, 1, whole), whole.size);
    cr_expect(at.clients[0]->overflowed);
    shard_fixture_hang_up(&at, 0);
    expect_begins(&at, 1, "OK", "SET a 1");
    shard_fixture_close(&at);
}

Test(waitaof, waits_for_the_disk_and_not_for_others)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true, .held = true});
    expect_said(&at, 0, "[:1 :0]", "WAITAOF 1 0 0");
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 0, "", "WAITAOF 1 0 0");
    expect_said(&at, 1, "[:1 :0]", "WAITAOF 1 0 0");
    cr_expect(at.clients[0]->waiting);
    shard_fixture_sync(&at);
    shard_fixture_pass(&at, 0);
    expect_heard(&at, 0, "OK | [:1 :0]");
    cr_expect_not(at.clients[0]->waiting);
    /* Nobody waits longer than he wishes. */
    expect_said(&at, 1, "", "SET a 2");
    expect_said(&at, 1, "", "WAITAOF 1 0 50");
    expect_said(&at, 0, ":1", "CLIENT UNBLOCK 2");
    expect_said(&at, 1, "", "WAITAOF 1 0 50");
    shard_fixture_pass(&at, 50);
    cr_expect_not(at.clients[1]->waiting);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    shard_fixture_sync(&at);
    expect_heard(&at, 1, "OK | [:0 :0] | [:0 :0]");
    shard_fixture_close(&at);
}

Test(waitaof, needs_a_log)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_begins(&at, 0, "-ERR WAITAOF cannot be used", "WAITAOF 1 0 0");
    expect_said(&at, 0, "[:0 :0]", "WAITAOF 0 0 0");
    shard_fixture_close(&at);
}
