/* SPDX-License-Identifier: MIT */

/* test_clock.c - a whole node and the clock on the wall: what it is told, and what it makes of a wrong one. */
#include <criterion/criterion.h>

#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

static struct node_fixture at;

static void begin(struct clock *clock)
{
    node_fixture_init(&at, 5);
    at.clock = clock;
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    cr_assert_eq(node_fixture_start(&at, modules, 3), STATUS_OK, "%s", at.complaint.text);
}

static void finish(void)
{
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

static void start_again(void)
{
    node_fixture_close(&at);
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    cr_assert_eq(node_fixture_start(&at, modules, 3), STATUS_OK, "%s", at.complaint.text);
}

static void expect(const char *command, const char *wanted)
{
    const char *said = node_fixture_say(&at, "%s", command);
    cr_assert_not_null(said, "%s: not answered", command);
    cr_expect_str_eq(said, wanted, "%s: %s", command, said);
}

/* ---- microseconds ---- */

static int64_t wall_now_us;

static int64_t wall_us(struct clock *clock)
{
    (void)clock;
    return wall_now_us++;
}

static int64_t monotonic_us(struct clock *clock)
{
    (void)clock;
    return at.monotonic_ms * 1000;
}

static const struct clock_ops fine_ops = {.wall_us = wall_us, .monotonic_us = monotonic_us};

Test(clock, time_is_told_in_microseconds)
{
    struct clock fine = {.ops = &fine_ops};
    begin(&fine);
    wall_now_us = 1700000000123456;
    expect("TIME", "[\"1700000000\" \"123456\"]");
    expect("TIME", "[\"1700000000\" \"123457\"]");
    cr_expect_not_null(strstr(node_fixture_say(&at, "INFO server"), "server_time_usec:1700000000123458\r\n"));
    wall_now_us = 1700000001000007;
    expect("MONITOR", "OK");
    expect("PING", "PONG");
    expect("PING", "1700000001.000007 [0 ] \"PING\""); /* of the first */
    finish();
}

Test(clock, time_before_1970_is_told_as_well)
{
    struct clock fine = {.ops = &fine_ops};
    begin(&fine);
    wall_now_us = -1;
    expect("TIME", "[\"-1\" \"999999\"]");
    expect("TIME", "[\"0\" \"0\"]");
    wall_now_us = -5000000;
    expect("TIME", "[\"-5\" \"0\"]");
    finish();
}

Test(clock, without_a_clock_the_turns_time_is_told)
{
    begin(NULL);
    at.now_ms = 1700000000122;
    expect("TIME", "[\"1700000000\" \"123000\"]");
    finish();
}

/* ---- a clock that is wrong ---- */

#define REFUSAL                                                                                                        \
    "-ERR the clock of this server is before 1970, so no key can be given a time at which it expires: set the clock; " \
    "nothing was changed"

/* A client's mistake is one by every clock. */
Test(clock, before_1970_no_key_can_be_given_an_expiry)
{
    static const char *const commands[] = {
        "SET f 1 PX 2000",   "SET f 1 EX 2",
        "SET f 1 2000",      "SET f 1 EXAT 4102444800",
        "SETEX f 2 1",       "PSETEX f 2000 1",
        "SET f 1 PXAT 1",    "GETEX f PX 2000",
        "GETEX f EX 2",      "GETEX f EXAT 4102444800",
        "EXPIRE f 2",        "PEXPIRE f 2000",
        "EXPIREAT f 0",      "EXPIREAT f 4102444800",
        "PEXPIREAT f 1",     "SET f 1 PXAT 9223372036854775807",
        "SET f 2 GET EX 10", "PEXPIREAT f 9223372036854775807",
    };
    static const int64_t times_ms[] = {-62135596800000, -2001, -2000, -1}; /* before the turn in which it runs */
    begin(NULL);
    expect("SET f old", "OK");
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        for (size_t k = 0; k < sizeof commands / sizeof commands[0]; k++) {
            at.now_ms = times_ms[i] - 1;
            expect(commands[k], REFUSAL);
        }
        at.now_ms = times_ms[i] - 10;
        expect("SET f new PX 0", "-ERR invalid expire time in 'set' command");
        expect("GET f", "\"old\"");
        at.now_ms = times_ms[i] - 10;
        expect("TTL f", ":-1");
        expect("PERSIST f", ":0");
        at.now_ms = times_ms[i] - 10;
        expect("SET f old", "OK");
        expect("MULTI", "OK");
        at.now_ms = times_ms[i] - 10;
        expect("SET f new EX 1", "QUEUED");
        expect("EXEC",
               "[-ERR the clock of this server is before 1970, so no key can be given a time at which it expires: "
               "set the clock; nothing was changed]");
    }
    at.now_ms = 1000;
    expect("SET f 1 PX 2000", "OK");
    finish();
}

Test(clock, before_1970_what_expires_by_default_is_refused)
{
    node_fixture_init(&at, 5);
    at.config.default_expiry_ms = 60000;
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    cr_assert_eq(node_fixture_start(&at, modules, 3), STATUS_OK, "%s", at.complaint.text);
    expect("RPUSH old a", ":1");
    at.now_ms = -100000;
    expect("SET k 1", REFUSAL);
    expect("RPUSH new a", REFUSAL);
    expect("INCR n", REFUSAL);
    expect("RPUSH old b", ":2");
    expect("SET old x KEEPTTL", "OK");
    expect("DEL old", ":1");
    finish();
}

/* Keys have an expiry when the clock jumps back, over a start as well. */
Test(clock, keys_that_expire_outlive_a_clock_before_1970)
{
    begin(NULL);
    expect("SET a 1 PX 5000", "OK");
    expect("SET far 1 PXAT 9223372036854775807", "OK");
    at.now_ms = -62135596800000;
    expect("PTTL far", ":9223372036854775807");
    expect("TTL far", ":9223372036854776");
    cr_expect_not_null(strstr(node_fixture_say(&at, "INFO keyspace"), "expires=2"));
    expect("SET far 2 KEEPTTL", "OK");
    expect("COPY far near", ":1");
    expect("RENAME near nearer", "OK");
    start_again();
    expect("DBSIZE", ":3");
    expect("PEXPIRETIME nearer", ":9223372036854775807");
    cr_expect_not_null(node_fixture_say(&at, "SAVE"));
    cr_expect_not_null(node_fixture_say(&at, "LASTSAVE"));
    start_again();
    expect("DBSIZE", ":3");
    at.now_ms = 2000000;
    expect("GET a", "nil");
    expect("DBSIZE", ":2");
    finish();
}

/* Whatever the clock says, and wherever it jumps: each of the host's examples is carried out. */
Test(clock, no_command_ends_the_server_whatever_the_clock_says)
{
    static const int64_t times_ms[] = {-62135596800000, -1001, -2, -1, 0, 1, 999999999999, 253402300799999};
    static const char *const aside[] = {"quit",       "monitor",      "subscribe", "psubscribe",
                                        "ssubscribe", "client|reply", "multi",     "shutdown"};
    begin(NULL);
    expect("CONFIG SET latency_monitor_threshold 1 slowlog_log_slower_than 0", "OK");
    for (size_t i = 0; i < 2 * sizeof times_ms / sizeof times_ms[0]; i++) {
        at.now_ms = times_ms[i * 5 % (sizeof times_ms / sizeof times_ms[0])] - 1;
        (void)node_fixture_say(&at, "SET old 1 PX 100");
        for (uint32_t k = 0; k < registry_command_count(at.registry); k++) {
            const struct command *command = registry_command(at.registry, k);
            bool runs = command->abi->example != NULL;
            for (size_t n = 0; n < sizeof aside / sizeof aside[0]; n++) {
                runs = runs && strcmp(command->usage.name, aside[n]) != 0;
            }
            if (runs) {
                int64_t now_ms = at.now_ms;
                (void)node_fixture_say(&at, "%s", command->abi->example);
                cr_assert(at.node->state == NODE_SERVING && at.conn.user != NULL, "%s", command->abi->example);
                buf_clear(&at.conn.output, SIZE_MAX);
                at.now_ms = now_ms;
            }
        }
    }
    finish();
}
