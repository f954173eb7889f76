/* SPDX-License-Identifier: MIT */

/* test_client.c - what one client may do to others: nothing is lost, doubled or overtaken by it. */
#include <criterion/criterion.h>

#include "support/shard_fixture.h"

/* cmd_client I1 */
Test(client, a_killed_waiter_takes_nothing)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 1, "", "BLPOP list 0");
    expect_said(&at, 2, "", "BLPOP list 0");
    struct gm_bytes both = BYTES("CLIENT KILL ID 2\r\nRPUSH list a\r\nCLIENT LIST ID 2\r\n");
    cr_expect_eq(shard_fixture_send(&at, 0, both), both.size);
    expect_heard(&at, 0, ":1 | :1 | \"\"");
    cr_expect(at.clients[1]->overflowed);
    expect_heard(&at, 2, "[\"list\" \"a\"]");
    expect_said(&at, 0, ":0", "CLIENT KILL ID 2");
    expect_said(&at, 0, ":1", "CLIENT KILL ID 1 SKIPME NO");
    cr_expect(at.clients[0]->doomed);
    cr_expect_not(at.clients[0]->overflowed);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    shard_fixture_close(&at);
}

static unsigned lines_of(struct shard_fixture *at, const char *ids)
{
    const char *said = shard_fixture_say(at, 0, "CLIENT LIST ID %s", ids);
    unsigned lines = 0;
    for (const char *line = strstr(said, "id="); line != NULL; line = strstr(line + 1, "id=")) {
        lines += line == said || line[-1] != 'r'; /* not "lib-ver=", "redir=", ... */
    }
    return lines;
}

/* In any order, and several times: each of them is shown once. */
Test(client, a_list_by_ids)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    cr_expect_eq(lines_of(&at, "2"), 1);
    cr_expect_eq(lines_of(&at, "3 -1 2 3 99 2 1 0 9223372036854775807"), 3);
    cr_expect_eq(lines_of(&at, "99 7777"), 0);
    expect_said(&at, 0, "-ERR Invalid client ID", "CLIENT LIST ID 1 2 x");
    shard_fixture_close(&at);
}

Test(client, filters_of_kill)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
    expect_said(&at, 0, "OK", "AUTH secret");
    expect_said(&at, 1, "OK", "AUTH secret");
    (void)snprintf(at.clients[2]->address, sizeof at.clients[2]->address, "1.2.3.4:5");
    (void)snprintf(at.clients[3]->local, sizeof at.clients[3]->local, "1.2.3.4:6");
    expect_said(&at, 0, ":0", "CLIENT KILL ADDR 1.2.3.4:5 USER default");
    expect_begins(&at, 0, "-ERR No such user", "CLIENT KILL USER somebody");
    expect_said(&at, 0, "-ERR Unknown client type 'strange'", "CLIENT KILL TYPE strange");
    expect_said(&at, 0, ":0", "CLIENT KILL MAXAGE 3");
    shard_fixture_pass(&at, 3000);
    expect_said(&at, 0, "OK", "CLIENT KILL 1.2.3.4:5");
    cr_expect(at.clients[2]->overflowed);
    expect_said(&at, 0, ":1", "CLIENT KILL LADDR 1.2.3.4:6 MAXAGE 3");
    cr_expect(at.clients[3]->overflowed);
    expect_said(&at, 0, ":1", "CLIENT KILL USER default");
    cr_expect(at.clients[1]->overflowed);
    cr_expect_not(at.clients[0]->doomed);
    shard_fixture_close(&at);
}

/* cmd_client I2 */
Test(client, who_is_unblocked_is_served_no_more)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 1, "", "BLPOP list 0");
    expect_said(&at, 2, "", "BLPOP list 5");
    struct gm_bytes all = BYTES("CLIENT UNBLOCK 2\r\nCLIENT UNBLOCK 2\r\nCLIENT UNBLOCK 3 ERROR\r\nRPUSH list a\r\n"
                                "CLIENT UNBLOCK 1\r\nCLIENT UNBLOCK 99\r\n");
    cr_expect_eq(shard_fixture_send(&at, 0, all), all.size);
    expect_heard(&at, 0, ":1 | :0 | :1 | :1 | :0 | :0");
    expect_heard(&at, 1, "nil[]");
    expect_heard(&at, 2, "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    expect_said(&at, 1, "[\"list\" \"a\"]", "BLPOP list 0");
    shard_fixture_pass(&at, 10000);
    expect_heard(&at, 2, "");
    /* In a transaction, two calls deep. */
    expect_said(&at, 1, "", "BLPOP list 0");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "CLIENT UNBLOCK 2 TIMEOUT");
    expect_said(&at, 0, "[:1]", "EXEC");
    expect_heard(&at, 1, "nil[]");
    cr_expect_eq(at.worker.sessions.blocked, 0);
    shard_fixture_close(&at);
}

/* An error ends the waiting as an answer does: what the client has sent meanwhile is taken then. */
Test(client, who_is_unblocked_goes_on)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 4096});
    expect_said(&at, 1, "", "BLPOP list 0");
    expect_said(&at, 0, ":1", "CLIENT UNBLOCK 2 ERROR");
    cr_expect(at.clients[1]->resumed);
    cr_expect_not(list_empty(&at.clients[1]->dirty));
    expect_heard(&at, 1, "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    /* But not one whose end is near because it does not read. */
    (void)shard_fixture_say(&at, 2, "HELLO 3");
    (void)shard_fixture_say(&at, 2, "SUBSCRIBE c");
    expect_said(&at, 2, "", "BLPOP list 0");
    for (int i = 0; i < 4; i++) {
        (void)shard_fixture_say(&at, 0, "PUBLISH c %02000d", i);
    }
    cr_expect(at.clients[2]->doomed);
    expect_said(&at, 0, ":0", "CLIENT UNBLOCK 3");
    expect_said(&at, 0, ":0", "CLIENT UNBLOCK 3 ERROR");
    shard_fixture_close(&at);
}

Test(client, the_old_form_of_kill_takes_also_oneself)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    (void)snprintf(at.clients[0]->address, sizeof at.clients[0]->address, "1.2.3.4:5");
    expect_said(&at, 0, ":0", "CLIENT KILL ADDR 1.2.3.4:5");
    expect_said(&at, 0, "-ERR syntax error", "CLIENT KILL 1.2.3.4:5 SKIPME NO");
    expect_begins(&at, 0, "-ERR wrong number", "CLIENT KILL");
    cr_expect_not(at.clients[0]->doomed);
    expect_said(&at, 0, "OK", "CLIENT KILL 1.2.3.4:5");
    cr_expect(at.clients[0]->doomed);
    cr_expect_not(at.clients[0]->overflowed);
    shard_fixture_close(&at);
}

Test(client, a_pause_has_limits)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "-ERR timeout is negative", "CLIENT PAUSE -1");
    expect_said(&at, 0, "-ERR timeout is out of range", "CLIENT PAUSE 9223372036854775807");
    expect_said(&at, 0, "OK", "CLIENT PAUSE 0");
    cr_expect_eq(at.worker.pause_until_ms, 0);
    expect_said(&at, 0, "OK | OK", "CLIENT PAUSE 1000 WRITE\r\nCLIENT PAUSE 10 WRITE"); /* the longer one counts */
    cr_expect_eq(at.worker.pause_until_ms, at.monotonic_ms + 1000);
    expect_said(&at, 0, "OK", "CLIENT PAUSE 9223372036854770000 WRITE");
    expect_said(&at, 0, "OK", "CLIENT UNPAUSE");
    shard_fixture_close(&at);
}

/* Nothing is kept for who may not do anything anyway. */
Test(client, a_pause_does_not_hold_who_has_shown_no_password)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
    expect_said(&at, 0, "OK | OK", "AUTH secret\r\nCLIENT PAUSE 1000");
    expect_begins(&at, 1, "-NOAUTH", "GET k");
    cr_expect_eq(at.worker.sessions.blocked, 0);
    expect_said(&at, 0, "OK", "CLIENT UNPAUSE");
    shard_fixture_close(&at);
}

Test(client, skip_says_nothing_new_to_who_wants_no_answers)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "", "CLIENT REPLY OFF");
    expect_said(&at, 0, "", "CLIENT REPLY SKIP");
    expect_said(&at, 0, "", "PING");
    expect_said(&at, 0, "", "PING");
    expect_said(&at, 0, "OK", "CLIENT REPLY ON");
    expect_said(&at, 0, "", "CLIENT REPLY SKIP");
    expect_said(&at, 0, "", "PING");
    expect_said(&at, 0, "PONG", "PING");
    shard_fixture_close(&at);
}

Test(client, a_pause_holds_what_comes_and_keeps_its_order)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 0, "OK", "SET k 0 PX 100");
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "APPEND a x");
    expect_said(&at, 0, "OK", "CLIENT PAUSE 1000 WRITE");
    struct gm_bytes first = BYTES("GET a\r\n");
    struct gm_bytes rest = BYTES("\r\nAPPEND a y\r\nGET a\r\nGET a\r\n");
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("EXEC\r\nGET a\r\n")), 0);
    cr_expect_eq(shard_fixture_send(&at, 2, BYTES("GET a\r\n\r\nAPPEND a y\r\nGET a\r\nGET a\r\n")), first.size + 2);
    expect_heard(&at, 2, "nil");
    cr_expect_eq(shard_fixture_send(&at, 2, rest), 0);
    cr_expect_eq(at.worker.sessions.blocked, 2);
    (void)shard_fixture_records(&at);
    shard_fixture_pass(&at, 999);
    expect_said(&at, 0, "nil", "GET k");
    expect_records(&at, ""); /* it has expired, but nobody writes */
    expect_said(&at, 0, "OK", "CLIENT PAUSE 10 WRITE");
    cr_expect_eq(turn_next_ms(&at.worker), 1000 + 1009);
    shard_fixture_pass(&at, 5);
    cr_expect_not(at.clients[2]->resumed);
    shard_fixture_pass(&at, 5);
    cr_expect(at.clients[1]->resumed);
    cr_expect(at.clients[2]->resumed);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    expect_records(&at, "expired k removes");
    cr_expect_eq(shard_fixture_send(&at, 2, rest), rest.size);
    expect_heard(&at, 2, ":1 | \"y\" | \"y\"");
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("EXEC\r\nGET a\r\n")), 13);
    expect_heard(&at, 1, "[:2] | \"yx\"");
    shard_fixture_close(&at);
}

/* Who waits for a key is not served while nobody may write; timeouts run on, and so do those who read. */
Test(client, a_pause_lets_who_waits_wait_on)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 1, "", "BLPOP list 0.5");
    expect_said(&at, 2, "", "BLPOP list 0");
    expect_said(&at, 3, "", "BLPOP list 0");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "RPUSH list a b");
    expect_said(&at, 0, "QUEUED", "CLIENT PAUSE 1000 WRITE");
    expect_said(&at, 0, "[:2 OK]", "EXEC");
    expect_heard(&at, 1, "");
    expect_said(&at, 0, ":2", "LLEN list");
    shard_fixture_pass(&at, 500);
    expect_heard(&at, 1, "nil[]");
    shard_fixture_hang_up(&at, 3);
    (void)shard_fixture_records(&at);
    shard_fixture_pass(&at, 499);
    expect_records(&at, "");
    expect_heard(&at, 2, "");
    shard_fixture_pass(&at, 1);
    expect_heard(&at, 2, "[\"list\" \"a\"]");
    expect_said(&at, 0, "[\"b\"]", "LRANGE list 0 -1");
    shard_fixture_close(&at);
}

Test(client, a_pause_of_everything_leaves_a_way_out)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 0, "OK", "CLIENT PAUSE 100000");
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("PING\r\n")), 0);
    cr_expect_eq(shard_fixture_send(&at, 3, BYTES("PING\r\n")), 0);
    expect_begins(&at, 2, "-ERR unknown command", "FLY");
    expect_said(&at, 2, ":3", "CLIENT ID");
    expect_said(&at, 2, ":1", "CLIENT KILL ID 4");
    expect_said(&at, 0, "OK", "CLIENT UNPAUSE");
    expect_said(&at, 1, "PONG", "PING");
    expect_said(&at, 0, "OK", "CLIENT PAUSE 100000 ALL");
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("PING\r\n")), 0);
    shard_fixture_hang_up(&at, 1);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    shard_fixture_close(&at);
}

/* As any other error, though the command is not run again for it. */
Test(client, who_is_unblocked_by_an_error_has_failed)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 1, "", "BLPOP list 0");
    const struct command_meter *meter = &at.worker.meters.commands[at.clients[1]->parked->request.command->index];
    expect_said(&at, 0, ":1", "CLIENT UNBLOCK 2 ERROR");
    expect_heard(&at, 1, "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    cr_expect_eq(at.worker.meters.errors.sum, 1);
    cr_expect_str_eq(at.worker.meters.errors.kinds[0].word, "UNBLOCKED");
    cr_expect_eq(meter->calls, 1);
    cr_expect_eq(meter->failed, 1);
    expect_said(&at, 1, "", "BLPOP list 0");
    expect_said(&at, 0, ":1", "CLIENT UNBLOCK 2");
    expect_heard(&at, 1, "nil[]");
    cr_expect_eq(meter->calls, 2);
    cr_expect_eq(meter->failed, 1);
    cr_expect_eq(at.worker.meters.errors.sum, 1);
    shard_fixture_close(&at);
}

/* pause I1: in either order, the stronger kind and the later end count; the next pause begins anew. */
Test(client, a_weaker_pause_takes_nothing_from_a_stronger_one)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 0, "OK | OK", "CLIENT PAUSE 1000 ALL\r\nCLIENT PAUSE 10 WRITE");
    shard_fixture_pass(&at, 999);
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("GET k\r\n")), 0);
    expect_said(&at, 0, "OK", "CLIENT PAUSE 10 WRITE");
    shard_fixture_pass(&at, 1);
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("GET k\r\n")), 0);
    shard_fixture_pass(&at, 9);
    cr_expect_eq(at.worker.pause_until_ms, 0);
    expect_said(&at, 0, "OK", "CLIENT PAUSE 10 WRITE");
    expect_said(&at, 1, "nil", "GET k");
    expect_said(&at, 0, "OK", "CLIENT PAUSE 5 ALL");
    shard_fixture_pass(&at, 5);
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("GET k\r\n")), 0);
    expect_said(&at, 0, "OK", "CLIENT UNPAUSE");
    shard_fixture_close(&at);
}

/* pause I2: alone and in MULTI; what is wrong with it is known already. */
Test(client, a_command_that_is_wrong_is_refused_during_a_pause)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 0, "OK", "CLIENT PAUSE 1000 ALL");
    expect_said(&at, 2, "-ERR wrong number of arguments for 'set' command", "SET k");
    expect_said(&at, 2, "-ERR syntax error", "SET k v NEVER");
    expect_said(&at, 2, "-ERR value is not an integer or out of range", "EXPIRE k x");
    expect_said(&at, 1, "-ERR wrong number of arguments for 'get' command", "GET");
    cr_expect_eq(at.worker.sessions.blocked, 0);
    expect_said(&at, 0, "OK", "CLIENT UNPAUSE");
    expect_begins(&at, 1, "-EXECABORT", "EXEC");
    shard_fixture_close(&at);
}

Test(client, silence_covers_answers_that_come_late_too)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 1, "", "CLIENT REPLY SKIP");
    expect_said(&at, 1, "", "BLPOP list 0");
    expect_said(&at, 0, ":1", "RPUSH list a");
    expect_heard(&at, 1, "");
    expect_said(&at, 1, "PONG", "PING");
    expect_said(&at, 1, "", "CLIENT REPLY OFF");
    expect_said(&at, 1, "", "MULTI");
    expect_said(&at, 1, "", "SET a 1");
    expect_said(&at, 1, "", "EXEC");
    expect_said(&at, 1, "", "FLY");
    expect_said(&at, 1, "RESET", "RESET");
    shard_fixture_close(&at);
}
