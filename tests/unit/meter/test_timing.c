/* SPDX-License-Identifier: MIT */

/* Stories of commands that take their time: what is counted, what SLOWLOG and LATENCY keep. The clock is the test's:
 * each look at it finds that `step` ticks have passed. */
#include <criterion/criterion.h>

#include "base/histogram.h"
#include "support/shard_fixture.h"

struct slow_clock {
    struct clock base;
    uint64_t now;
    uint64_t step; /* ticks */
    uint64_t scale;
    int64_t monotonic_us;
    int64_t monotonic_step_us;
    unsigned looks;
};

static uint64_t ticks(struct clock *base)
{
    struct slow_clock *clock = (struct slow_clock *)base;
    clock->looks++;
    return clock->now += clock->step;
}

static uint64_t tick_scale(struct clock *base)
{
    return ((struct slow_clock *)base)->scale;
}

static int64_t monotonic_us(struct clock *base)
{
    struct slow_clock *clock = (struct slow_clock *)base;
    return clock->monotonic_us += clock->monotonic_step_us;
}

static const struct clock_ops ops = {.monotonic_us = monotonic_us, .ticks = ticks, .tick_scale = tick_scale};

/* A tick is two nanoseconds here. */
static void open(struct shard_fixture *at, struct slow_clock *clock, uint64_t step_us)
{
    *clock = (struct slow_clock){
        .base = {&ops}, .step = step_us * 500, .scale = (uint64_t)2 << 32, .now = 1000000, .monotonic_us = 1};
    shard_fixture_open(at, &(struct shard_fixture_options){.seed = 1});
    timing_watch(&at->worker.meters.timing, &clock->base);
    at->options.meters.slowlog_us = 1000;
    shard_fixture_configure(at);
    at->options.meters.slowlog_len = 128;
    shard_fixture_configure(at);
}

static const struct command_meter *stats(const struct shard_fixture *at, const char *name)
{
    for (uint32_t i = 0; i < registry_command_count(at->shard.registry); i++) {
        if (strcmp(registry_command(at->shard.registry, i)->usage.name, name) == 0) {
            return &at->worker.meters.commands[i];
        }
    }
    cr_assert(false, "there is no command %s", name);
    return NULL;
}

/* ---- counting ---- */

#define GET "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"

Test(timing, each_command_has_its_time)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 30);
    expect_said(&at, 0, "OK", "SET a 1");
    clock.step = 1000; /* 2 us */
    expect_said(&at, 0, "\"1\"", "GET a");
    expect_said(&at, 0, "\"1\"", "GET a");
    cr_expect_eq(stats(&at, "set")->ns, 30000);
    cr_expect_eq(stats(&at, "get")->ns, 4000);
    cr_expect_eq(histogram_count(stats(&at, "get")->times), 2);
    cr_expect_eq(histogram_up_to(stats(&at, "get")->times, 1800), 0);
    cr_expect(stats(&at, "del")->times == NULL);
    meters_reset(&at.worker.meters);
    cr_expect_eq(stats(&at, "set")->ns, 0);
    cr_expect_eq(stats(&at, "set")->calls, 0);
    cr_expect(stats(&at, "set")->times == NULL);
    shard_fixture_close(&at);
}

/* The end of one is the beginning of the next: one look per command, and one where they begin. */
Test(timing, a_pipeline_of_commands_looks_once_at_each)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 5);
    cr_assert_eq(shard_fixture_send(&at, 0, BYTES("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n" GET GET GET)),
                 27 + 3 * 20);
    cr_expect_eq(clock.looks, 5);
    cr_expect_eq(stats(&at, "get")->ns, 15000);
    shard_fixture_close(&at);
}

Test(timing, a_refused_command_is_not_the_time_of_the_next)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 5);
    cr_assert_eq(shard_fixture_send(&at, 0,
                                    BYTES("*1\r\n$3\r\nGET\r\n"
                                          "*1\r\n$6\r\nNOSUCH\r\n" GET)),
                 13 + 16 + 20);
    cr_expect_eq(stats(&at, "get")->ns, 5000);
    cr_expect_eq(stats(&at, "get")->calls, 1);
    cr_expect_eq(stats(&at, "get")->rejected, 1);
    shard_fixture_close(&at);
}

Test(timing, exec_has_the_time_of_all_its_commands)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 2000);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SET a 1");
    expect_said(&at, 0, "QUEUED", "GET a");
    expect_said(&at, 0, "[OK \"1\"]", "EXEC");
    cr_expect_eq(stats(&at, "set")->ns, 2000000);
    cr_expect_eq(stats(&at, "get")->ns, 2000000);
    cr_expect_eq(stats(&at, "exec")->ns, 6000000);
    clock.step = 0;
    expect_said(&at, 0, ":3", "SLOWLOG LEN"); /* MULTI, SET, GET: EXEC shows nothing new */
    shard_fixture_close(&at);
}

Test(timing, waiting_is_not_working)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 10);
    expect_said(&at, 0, "", "BLPOP a 0");
    cr_expect(stats(&at, "blpop")->times == NULL);
    clock.now += 1000000000;
    expect_said(&at, 1, ":1", "RPUSH a x");
    expect_heard(&at, 0, "[\"a\" \"x\"]");
    cr_expect_eq(stats(&at, "blpop")->ns, 20000, "what it took to find nothing, and to be served");
    cr_expect_eq(stats(&at, "rpush")->ns, 10000);
    expect_said(&at, 0, "", "BLPOP a 0.1");
    shard_fixture_pass(&at, 100);
    cr_expect_eq(stats(&at, "blpop")->ns, 40000);
    shard_fixture_close(&at);
}

Test(timing, a_counter_that_goes_back_takes_no_time)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 0);
    clock.step = (uint64_t)-1000;
    expect_said(&at, 0, "nil", "GET a");
    cr_expect_eq(stats(&at, "get")->ns, 0);
    shard_fixture_close(&at);
}

Test(timing, without_a_clock_nothing_is_measured)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 5000);
    timing_watch(&at.worker.meters.timing, NULL);
    expect_said(&at, 0, "OK", "SET a 1");
    expect_said(&at, 0, ":0", "SLOWLOG LEN");
    cr_expect(stats(&at, "set")->times == NULL);
    cr_expect_eq(stats(&at, "set")->calls, 1);
    cr_expect_eq(clock.looks, 0);
    shard_fixture_close(&at);
}

/* ---- SLOWLOG ---- */

Test(slowlog, who_said_what_and_how_long_it_took)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 0);
    expect_said(&at, 0, "OK", "CLIENT SETNAME sloth");
    snprintf(at.clients[0]->address, sizeof at.clients[0]->address, "127.0.0.1:5000");
    clock.step = 750 * 1000;
    expect_said(&at, 0, "OK", "SET a 1");
    clock.step = 499999; /* 999.998 us */
    expect_said(&at, 0, "\"1\"", "GET a");
    clock.step = 500000;
    expect_said(&at, 0, "\"1\"", "GET a");
    clock.step = 0;
    expect_said(&at, 0,
                "[[:1 :1000 :1000 [\"GET\" \"a\"] \"127.0.0.1:5000\" \"sloth\"] [:0 :1000 :1500 [\"SET\" \"a\" \"1\"] "
                "\"127.0.0.1:5000\" \"sloth\"]]",
                "SLOWLOG GET");
    expect_said(&at, 0, "[[:1 :1000 :1000 [\"GET\" \"a\"] \"127.0.0.1:5000\" \"sloth\"]]", "SLOWLOG GET 1");
    expect_said(&at, 0, "[]", "SLOWLOG GET 0");
    expect_said(&at, 0, "OK", "SLOWLOG RESET");
    expect_said(&at, 0, "[]", "SLOWLOG GET -1");
    clock.step = 500000;
    expect_said(&at, 0, "\"1\"", "GET a");
    clock.step = 0;
    expect_begins(&at, 0, "[[:2 ", "SLOWLOG GET -1");
    shard_fixture_close(&at);
}

Test(slowlog, long_commands_are_cut)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 1000);
    static char line[32768];
    size_t size = (size_t)snprintf(line, sizeof line, "DEL");
    for (int i = 1; i < 40; i++) {
        size += (size_t)snprintf(line + size, sizeof line - size, " %0*d", i == 1 ? 129 : i == 2 ? 128 : 1, 7);
    }
    (void)snprintf(line + size, sizeof line - size, "\r\n");
    (void)shard_fixture_send(&at, 0, gm_bytes_of(line));
    clock.step = 0;
    const char *said = shard_fixture_say(&at, 0, "SLOWLOG GET 1");
    char wanted[512];
    (void)snprintf(wanted, sizeof wanted, "[\"DEL\" \"%0*d... (1 more bytes)\" \"%0*d\" \"7\" \"7\"", 128, 0, 128, 7);
    cr_expect(strstr(said, wanted) != NULL, "%s", said);
    cr_expect(strstr(said, " \"7\" \"... (9 more arguments)\"] ") != NULL, "%s", said);
    shard_fixture_close(&at);
}

Test(slowlog, passwords_are_not_kept)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 1000);
    (void)shard_fixture_say(&at, 0, "AUTH hunter2");
    clock.step = 0;
    const char *said = shard_fixture_say(&at, 0, "SLOWLOG GET");
    cr_expect(strstr(said, "[\"AUTH\" \"(redacted)\"]") != NULL && strstr(said, "hunter2") == NULL, "%s", said);
    shard_fixture_close(&at);
}

Test(slowlog, no_more_than_wanted_are_kept)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 1000);
    at.options.meters.slowlog_len = 3;
    shard_fixture_configure(&at);
    for (int i = 0; i < 5; i++) {
        (void)shard_fixture_say(&at, 0, "GET key%d", i);
    }
    clock.step = 0;
    expect_said(&at, 0, ":3", "SLOWLOG LEN");
    const char *said = shard_fixture_say(&at, 0, "SLOWLOG GET");
    cr_expect(strstr(said, "key4") != NULL && strstr(said, "key2") != NULL && strstr(said, "key1") == NULL, "%s", said);
    at.options.meters.slowlog_len = 1;
    shard_fixture_configure(&at);
    expect_said(&at, 0, ":1", "SLOWLOG LEN");
    at.options.meters.slowlog_len = 0;
    shard_fixture_configure(&at);
    expect_said(&at, 0, ":0", "SLOWLOG LEN");
    clock.step = 500000;
    (void)shard_fixture_say(&at, 0, "GET a");
    expect_said(&at, 0, ":0", "SLOWLOG LEN");
    shard_fixture_close(&at);
}

/* ---- LATENCY ---- */

Test(latency, the_worst_of_each_second_is_kept)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 0);
    at.options.meters.latency_ms = 10;
    shard_fixture_configure(&at);
    latency_add(&at.worker.meters.latency, "aof-fsync-always", 9);
    expect_said(&at, 0, "[]", "LATENCY LATEST");
    latency_add(&at.worker.meters.latency, "aof-fsync-always", 20);
    latency_add(&at.worker.meters.latency, "aof-fsync-always", 50);
    latency_add(&at.worker.meters.latency, "aof-fsync-always", 30);
    expect_said(&at, 0, "[[\"aof-fsync-always\" :1000 :50 :50]]", "LATENCY LATEST");
    shard_fixture_pass(&at, 2000);
    latency_add(&at.worker.meters.latency, "aof-fsync-always", 10);
    expect_said(&at, 0, "[[:1000 :50] [:1002 :10]]", "LATENCY HISTORY aof-fsync-always");
    expect_said(&at, 0, "[[\"aof-fsync-always\" :1002 :10 :50]]", "LATENCY LATEST");
    expect_said(&at, 0, "[]", "LATENCY HISTORY nosuch");
    expect_said(&at, 0, ":0", "LATENCY RESET nosuch");
    expect_said(&at, 0, ":1", "LATENCY RESET AOF-FSYNC-ALWAYS nosuch");
    expect_said(&at, 0, "[]", "LATENCY LATEST");
    at.options.meters.latency_ms = 0;
    shard_fixture_configure(&at);
    latency_add(&at.worker.meters.latency, "command", 1000);
    expect_said(&at, 0, "[]", "LATENCY LATEST");
    shard_fixture_close(&at);
}

Test(latency, commands_and_expiry_are_events)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 15 * 1000);
    at.options.meters.latency_ms = 10;
    shard_fixture_configure(&at);
    at.options.meters.slowlog_us = -1;
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 0, "GET a");
    (void)shard_fixture_say(&at, 0, "KEYS *");
    clock.step = 0;
    expect_said(&at, 0, "[[\"fast-command\" :1000 :15 :15] [\"command\" :1000 :15 :15]]", "LATENCY LATEST");
    expect_said(&at, 0, ":0", "SLOWLOG LEN");
    clock.monotonic_step_us = 12345;
    shard_fixture_pass(&at, 1);
    clock.monotonic_step_us = 0;
    expect_said(&at, 0, "[[:1000 :12]]", "LATENCY HISTORY expire-cycle");
    expect_said(&at, 0, ":3", "LATENCY RESET");
    shard_fixture_close(&at);
}

Test(latency, old_samples_and_names_without_number_do_not_pile_up)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 0);
    at.options.meters.latency_ms = 1;
    shard_fixture_configure(&at);
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q", "r"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        latency_add(&at.worker.meters.latency, names[i], 5);
    }
    cr_expect_eq(at.worker.meters.latency.count, LATENCY_EVENTS);
    for (int i = 0; i < LATENCY_SAMPLES + 10; i++) {
        shard_fixture_pass(&at, 1000);
        latency_add(&at.worker.meters.latency, "a", i + 1);
    }
    const struct latency_event *event = at.worker.meters.latency.events[0];
    cr_expect_eq(event->count, LATENCY_SAMPLES);
    cr_expect_eq(latency_sample(event, 0).ms, LATENCY_SAMPLES + 10);
    cr_expect_eq(latency_sample(event, LATENCY_SAMPLES - 1).ms, 11);
    shard_fixture_close(&at);
}

Test(latency, doctor_and_graph)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 0);
    expect_begins(&at, 0, "\"Nothing is watched: latency_monitor_threshold is 0.", "LATENCY DOCTOR");
    at.options.meters.latency_ms = 10;
    shard_fixture_configure(&at);
    expect_begins(&at, 0, "\"Nothing has taken 10 ms or longer", "LATENCY DOCTOR");
    latency_add(&at.worker.meters.latency, "command", 10);
    shard_fixture_pass(&at, 60000);
    latency_add(&at.worker.meters.latency, "command", 120);
    shard_fixture_pass(&at, 15000);
    latency_add(&at.worker.meters.latency, "command", 65);
    expect_begins(
        &at, 0,
        "\"command: 3 of the last 75 seconds had one of 10 ms to 120 ms (average 65 ms, deviation 36 ms); the "
        "worst ever took 120 ms.",
        "LATENCY DOCTOR");
    const char *said = shard_fixture_say(&at, 0, "LATENCY GRAPH command");
    cr_expect(strstr(said, "command - high 120 ms, low 10 ms (all time high 120 ms)") != NULL, "%s", said);
    cr_expect(strstr(said, " # \n | \n |#\n_||\n\n110\nm5s\n s \n") != NULL, "%s", said);
    expect_said(&at, 0, "-ERR No samples available for event 'nosuch'", "LATENCY GRAPH nosuch");
    shard_fixture_close(&at);
}

Test(latency, histogram_of_commands)
{
    struct shard_fixture at;
    struct slow_clock clock;
    open(&at, &clock, 3);
    (void)shard_fixture_say(&at, 0, "GET a");
    (void)shard_fixture_say(&at, 0, "GET a");
    clock.step = 500 * 70;
    (void)shard_fixture_say(&at, 0, "GET a");
    clock.step = 0;
    (void)shard_fixture_say(&at, 0, "CLIENT ID");
    expect_said(&at, 0, "[\"get\" [\"calls\" :3 \"histogram_usec\" [:4 :2 :128 :3]]]", "LATENCY HISTOGRAM GET nosuch");
    expect_said(&at, 0, "[\"client|id\" [\"calls\" :1 \"histogram_usec\" [:1 :1]]]", "LATENCY HISTOGRAM client");
    expect_said(&at, 0, "[]", "LATENCY HISTOGRAM nosuch");
    expect_begins(&at, 0, "[\"client|id\" ", "LATENCY HISTOGRAM");
    shard_fixture_close(&at);
}
