/* SPDX-License-Identifier: MIT */

/* Stories of each meter by itself: no shard, no session, no command. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "meter/meters.h"
#include "meter/traffic.h"

static const char *printed(const struct counter_table *table, const void *of, const char *label)
{
    static char text[4096];
    struct buf out;
    buf_init(&out, sizeof text - 1);
    counters_print(table, of, label, &out);
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    buf_finish(&out);
    return text;
}

/* ---- all together ---- */

static const struct meters_options quiet = {.slowlog_us = -1};

Test(meters, more_commands_keep_what_was_counted)
{
    struct meters meters;
    meters_init(&meters, &quiet, 2);
    meters.commands[1].calls = 7;
    command_meter_time(&meters.commands[1], 1000);
    meters_grow(&meters, 2);
    meters_grow(&meters, 500);
    cr_expect_eq(meters.command_count, 500);
    cr_expect_eq(meters.commands[1].calls, 7);
    cr_expect_eq(histogram_count(meters.commands[1].times), 1);
    cr_expect(meters.commands[499].calls == 0 && meters.commands[499].times == NULL);
    meters_finish(&meters);
    cr_expect_eq(meters.command_count, 0);
}

Test(meters, none_at_all)
{
    struct meters meters;
    meters_init(&meters, &quiet, 0);
    meters_reset(&meters);
    meters_grow(&meters, 1);
    cr_expect_not(command_meter_used(&meters.commands[0]));
    meters_finish(&meters);
}

Test(meters, a_reset_begins_anew)
{
    struct meters meters;
    meters_init(&meters, &(struct meters_options){.slowlog_us = 1, .slowlog_len = 10, .latency_ms = 5}, 1);
    meters.counts = (struct meters_counts){.commands = 1,
                                           .hits = 2,
                                           .misses = 3,
                                           .guesses = 9,
                                           .dropped = 4,
                                           .stalled = 5,
                                           .garbled = 6,
                                           .foreign = 7,
                                           .idle = 8,
                                           .killed = 9,
                                           .evicted = 12,
                                           .reset = 10,
                                           .lost = 11};
    errors_count(&meters.errors, BYTES("-ERR no\r\n"));
    meters.commands[0] = (struct command_meter){.calls = 1, .failed = 1, .rejected = 1};
    command_meter_time(&meters.commands[0], 5000);
    latency_add(&meters.latency, "command", 5);
    slowlog_add(&meters.slowlog, &(struct slowlog_call){.address = "", .name = ""}, 5);
    cr_expect_str_eq(
        printed(&meters_counters, &meters.counts, NULL),
        "total_commands_processed:1\r\nkeyspace_hits:2\r\nkeyspace_misses:3\r\nacl_access_denied_auth:9\r\n"
        "client_output_limit_disconnections:4\r\nclient_stalled_disconnections:5\r\n"
        "client_protocol_error_disconnections:6\r\n"
        "client_foreign_disconnections:7\r\n"
        "client_idle_disconnections:8\r\nclient_killed_disconnections:9\r\nevicted_clients:12\r\nretracted_clients:"
        "0\r\n"
        "client_reset_disconnections:10\r\nclient_lost_disconnections:11\r\n");
    meters_reset(&meters);
    cr_expect_str_eq(
        printed(&meters_counters, &meters.counts, NULL),
        "total_commands_processed:0\r\nkeyspace_hits:0\r\nkeyspace_misses:0\r\nacl_access_denied_auth:0\r\n"
        "client_output_limit_disconnections:0\r\nclient_stalled_disconnections:0\r\n"
        "client_protocol_error_disconnections:0\r\n"
        "client_foreign_disconnections:0\r\n"
        "client_idle_disconnections:0\r\nclient_killed_disconnections:0\r\nevicted_clients:0\r\nretracted_clients:0\r\n"
        "client_reset_disconnections:0\r\nclient_lost_disconnections:0\r\n");
    cr_expect(meters.errors.sum == 0 && meters.errors.count == 0);
    cr_expect_not(command_meter_used(&meters.commands[0]));
    cr_expect(meters.commands[0].times == NULL && meters.commands[0].failed == 0);
    cr_expect_eq(meters.latency.count, 1, "LATENCY RESET is for that");
    cr_expect_eq(meters.slowlog.count, 1, "SLOWLOG RESET is for that");
    cr_expect_eq(meters.latency.threshold_ms, 5);
    meters_finish(&meters);
}

Test(meters, whoever_wants_to_hear_of_the_shorter_decides)
{
    static const struct {
        struct meters_options options;
        uint64_t slow_ns;
    } cases[] = {
        {{.slowlog_us = -1, .latency_ms = 0}, UINT64_MAX},
        {{.slowlog_us = 10, .latency_ms = 0}, 10000},
        {{.slowlog_us = -1, .latency_ms = 3}, 3000000},
        {{.slowlog_us = 3001, .latency_ms = 3}, 3000000},
        {{.slowlog_us = 0, .latency_ms = 3}, 0},
        {{.slowlog_us = INT64_MAX, .latency_ms = INT64_MAX}, UINT64_MAX},
    };
    struct meters meters;
    meters_init(&meters, &quiet, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        meters_configure(&meters, &cases[i].options);
        cr_expect_eq(meters.timing.slow_ns, cases[i].slow_ns, "case %zu", i);
        cr_expect_eq(slowlog_wants(&meters.slowlog, 10), i == 1 || i == 4, "case %zu", i);
    }
    meters_finish(&meters);
}

struct still_clock {
    struct clock base;
    int64_t now_us;
};

static int64_t monotonic_us(struct clock *base)
{
    return ((struct still_clock *)base)->now_us;
}

static const struct clock_ops ops = {.monotonic_us = monotonic_us};

Test(meters, parts_of_a_turn_are_events_while_somebody_wants_to_know)
{
    struct still_clock clock = {{&ops}, 1000};
    struct meters meters;
    meters_init(&meters, &quiet, 1);
    cr_expect_eq(meters_moment_us(&meters), 0, "there is no clock");
    timing_watch(&meters.timing, &clock.base);
    cr_expect_eq(meters_moment_us(&meters), 0, "nobody wants to know");
    meters_configure(&meters, &(struct meters_options){.slowlog_us = -1, .latency_ms = 2});
    int64_t since_us = meters_moment_us(&meters);
    cr_expect_eq(since_us, 1000);
    clock.now_us = 2999;
    meters_took(&meters, "expire-cycle", since_us);
    cr_expect_eq(meters.latency.count, 0, "1.999 ms");
    clock.now_us = 3000;
    meters_took(&meters, "expire-cycle", 0);
    cr_expect_eq(meters.latency.count, 0, "nobody wanted to know when it began");
    latency_turn(&meters.latency, 77000);
    meters_took(&meters, "expire-cycle", since_us);
    cr_assert_eq(meters.latency.count, 1);
    cr_expect_str_eq(printed(&latency_event_counters, meters.latency.events[0], NULL),
                     "time:77\r\nlatest_ms:2\r\nmax_ms:2\r\n");
    meters_finish(&meters);
}

/* ---- one command ---- */

Test(command_meter, its_lines)
{
    struct command_meter meter = {.calls = 4, .failed = 1, .rejected = 2};
    cr_expect_eq(counters_value(&command_meter_timed.rows[0], &meter).form, COUNTER_UNKNOWN);
    for (int i = 0; i < 3; i++) {
        command_meter_time(&meter, 1500);
    }
    command_meter_time(&meter, 100000);
    cr_expect_str_eq(printed(&command_meter_counters, &meter, "get"),
                     "cmdstat_get:calls=4,usec=104,usec_per_call=26.12,rejected_calls=2,failed_calls=1\r\n");
    cr_expect_str_eq(printed(&command_meter_times, &meter, "get"),
                     "latency_percentiles_usec_get:p50=1.535,p99=102.399,p99.9=102.399\r\n");
    cr_expect_str_eq(printed(&command_meter_timed, &meter, NULL), "calls:4\r\n");
    command_meter_reset(&meter);
    cr_expect(meter.times == NULL && meter.ns == 0 && !command_meter_used(&meter));
}

Test(command_meter, of_two_threads)
{
    struct command_meter a = {.calls = 1};
    struct command_meter b = {.calls = 2, .rejected = 1};
    struct command_meter none = {.calls = 0};
    command_meter_time(&b, 1000);
    command_meter_time(&b, 2000);
    command_meter_merge(&a, &b);
    cr_expect(a.calls == 3 && a.ns == 3000 && a.rejected == 1 && histogram_count(a.times) == 2);
    command_meter_merge(&a, &none);
    command_meter_merge(&a, &b);
    cr_expect(a.calls == 5 && a.ns == 6000 && histogram_count(a.times) == 4);
    cr_expect_eq(histogram_count(b.times), 2, "it is only read");
    command_meter_reset(&a);
    command_meter_reset(&b);
}

/* ---- errors ---- */

static uint64_t errors_of(const struct errors *errors, const char *word)
{
    for (uint32_t i = 0; i < errors->count; i++) {
        if (strcmp(errors->kinds[i].word, word) == 0) {
            return errors->kinds[i].count;
        }
    }
    return 0;
}

Test(errors, by_their_first_word)
{
    static struct errors errors;
    static const char *const answers[] = {"-ERR no\r\n", "-WRONGTYPE\r\n", "-ERR again\r\n", "-OOM x", "",       "-",
                                          "- none",      "-a:b c",         "-a=b c",         "-a,b c", "-\x80 c"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        errors_count(&errors, gm_bytes_of(answers[i]));
    }
    cr_expect_eq(errors.sum, 11);
    cr_expect_eq(errors.count, 3, "the others could not stand in a line");
    cr_expect(errors_of(&errors, "ERR") == 2 && errors_of(&errors, "WRONGTYPE") == 1);
    cr_expect_str_eq(printed(&errors_kind_counters, &errors.kinds[0], errors.kinds[0].word),
                     "errorstat_ERR:count=2\r\n");
    cr_expect_str_eq(printed(&errors_counters, &errors, NULL), "total_error_replies:11\r\n");
}

Test(errors, words_have_their_limit)
{
    static struct errors errors;
    char answer[64];
    (void)snprintf(answer, sizeof answer, "-%0*d x", ERRORS_WORD, 1);
    errors_count(&errors, gm_bytes_of(answer));
    (void)snprintf(answer, sizeof answer, "-%0*d x", ERRORS_WORD + 1, 1);
    errors_count(&errors, gm_bytes_of(answer));
    cr_expect_eq(errors.count, 1);
    for (int i = 0; i < ERRORS_KINDS + 5; i++) {
        (void)snprintf(answer, sizeof answer, "-E%d x", i);
        errors_count(&errors, gm_bytes_of(answer));
    }
    cr_expect_eq(errors.count, ERRORS_KINDS);
    cr_expect_eq(errors.sum, 2 + ERRORS_KINDS + 5);
}

Test(errors, of_two_threads)
{
    static struct errors a;
    static struct errors b;
    errors_count(&a, BYTES("-ERR 1"));
    errors_count(&b, BYTES("-OOM 1"));
    errors_count(&b, BYTES("-ERR 1"));
    errors_count(&b, BYTES("-"));
    errors_merge(&a, &b);
    cr_expect(a.sum == 4 && a.count == 2);
    cr_expect(errors_of(&a, "ERR") == 2 && errors_of(&a, "OOM") == 1);
}

/* ---- SLOWLOG ---- */

static const struct slowlog_entry *newest(const struct slowlog *slowlog)
{
    return container_of(slowlog->entries.next, struct slowlog_entry, link);
}

Test(slowlog, what_is_secret_is_not_kept)
{
    struct slowlog slowlog = {.limit = 2, .from_us = 10};
    slowlog_init(&slowlog);
    const struct gm_bytes argv[] = {BYTES("CONFIG"), BYTES("SET"), BYTES("password"), BYTES("hunter2")};
    struct slowlog_call call = {
        .argv = argv, .argc = 4, .shown = 2, .address = "1.2.3.4:5", .name = "me", .time_s = 99};
    cr_expect(slowlog_wants(&slowlog, 10) && !slowlog_wants(&slowlog, 9));
    slowlog_add(&slowlog, &call, 12);
    const struct slowlog_entry *entry = newest(&slowlog);
    cr_expect(entry->us == 12 && entry->time_s == 99 && entry->id == 0 && entry->argc == 4);
    cr_expect_str_eq(entry->address, "1.2.3.4:5");
    cr_expect_str_eq(entry->name, "me");
    cr_expect(gm_bytes_equal(entry->argv[1], BYTES("SET")));
    cr_expect(gm_bytes_equal(entry->argv[2], BYTES("(redacted)")) &&
              gm_bytes_equal(entry->argv[3], BYTES("(redacted)")));
    call.shown = UINT32_MAX;
    slowlog_add(&slowlog, &call, 13);
    cr_expect(gm_bytes_equal(newest(&slowlog)->argv[3], BYTES("hunter2")));
    slowlog_add(&slowlog, &call, 14);
    cr_expect(slowlog.count == 2 && newest(&slowlog)->id == 2, "the oldest has gone");
    slowlog_limit(&slowlog, 0);
    cr_expect(slowlog.count == 0 && list_empty(&slowlog.entries));
    slowlog_add(&slowlog, &call, 15);
    cr_expect(slowlog.count == 0 && slowlog.next_id == 3, "nobody wants it");
}

Test(slowlog, an_address_that_does_not_fit_is_cut)
{
    struct slowlog slowlog = {.limit = 1};
    slowlog_init(&slowlog);
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    slowlog_add(&slowlog, &(struct slowlog_call){.address = longer, .name = longer}, 1);
    cr_expect_eq(strlen(newest(&slowlog)->address), SLOWLOG_ADDRESS - 1);
    cr_expect_eq(strlen(newest(&slowlog)->name), SLOWLOG_NAME - 1);
    slowlog_clear(&slowlog);
}

/* ---- traffic ---- */

Test(traffic, rates_and_large_buffers)
{
    struct traffic traffic = {.connections = 2, .connections_rejected = 1};
    traffic_read(&traffic, 3000, 0);
    traffic_read(&traffic, 3000, 3000); /* nothing new */
    traffic.input.sum += 3000;
    traffic_write(&traffic, 500, 512 - 12);
    traffic_second(&traffic, 40);
    cr_expect_str_eq(printed(&traffic_counters, &traffic, NULL),
                     "total_connections_received:2\r\ninstantaneous_ops_per_sec:40\r\ntotal_net_input_bytes:3000\r\n"
                     "total_net_output_bytes:500\r\nrejected_connections:1\r\n"
                     "rejected_unauthenticated:0\r\nclosed_unauthenticated:0\r\ninstantaneous_input_kbps:2.93\r\n"
                     "instantaneous_output_kbps:0.49\r\ntotal_reads_processed:1\r\ntotal_writes_processed:1\r\n");
    cr_expect_str_eq(printed(&traffic_client_counters, &traffic, NULL),
                     "client_recent_max_input_buffer:3000\r\nclient_recent_max_output_buffer:500\r\n");
    for (int i = 1; i < 2 * TRAFFIC_RECENT_S - 1; i++) {
        traffic_second(&traffic, 45);
    }
    cr_expect_eq(traffic.commands.per_second, 0);
    cr_expect_str_eq(printed(&traffic_client_counters, &traffic, NULL),
                     "client_recent_max_input_buffer:3000\r\nclient_recent_max_output_buffer:500\r\n");
    traffic_second(&traffic, 45);
    cr_expect_str_eq(printed(&traffic_client_counters, &traffic, NULL),
                     "client_recent_max_input_buffer:0\r\nclient_recent_max_output_buffer:0\r\n");
    counters_reset(&traffic_counters, &traffic);
    cr_expect(traffic.input.sum == 0 && traffic.connections == 0 && traffic.reads == 0);
    traffic_second(&traffic, 3); /* what was before has gone, too */
    cr_expect(traffic.commands.per_second == 3 && traffic.input.per_second == 0);
}

Test(traffic, of_two_threads)
{
    struct traffic a = {.reads = 1, .input_max = {5, 9}};
    struct traffic b = {.reads = 2, .input_max = {7, 1}};
    a.input.per_second = 1024;
    b.input.per_second = 512;
    counters_merge(&traffic_counters, &a, &b);
    counters_merge(&traffic_client_counters, &a, &b);
    cr_expect(a.reads == 3 && a.input_max[0] == 7 && a.input_max[1] == 9);
    cr_expect_eq(counters_value(counters_find(&traffic_counters, "instantaneous_input_kbps"), &a).real, 1.5);
}
