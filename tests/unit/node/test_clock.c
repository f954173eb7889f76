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
