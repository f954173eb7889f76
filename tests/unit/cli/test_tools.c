/* SPDX-License-Identifier: MIT */

/* test_tools.c - the pure parts of the tools: figures, rankings, frames. */
#include "support.h"

#include <locale.h>

#include "base/memory.h"
#include "cli/options/options.h"
#include "cli/talk/selection.h"
#include "cli/terminal/frame.h"
#include "cli/terminal/progress.h"
#include "cli/tools/keyspaces.h"
#include "cli/tools/latency.h"
#include "cli/tools/ranking.h"
#include "cli/tools/stat.h"
#include "cli/tools/tool.h"
#include "support/seed.h"

Test(latency, quantiles_are_near_the_truth)
{
    struct latency *latency = memory_zeroed(sizeof *latency);
    cr_expect_eq(latency_quantile(latency, 500), 0);
    for (uint64_t value = 1; value <= 10000; value++) {
        latency_add(latency, value * 1000);
    }
    cr_expect_eq(latency->least, 1000);
    cr_expect_eq(latency->most, 10000000);
    static const double per_mille[] = {1, 500, 900, 990, 999, 1000};
    for (size_t i = 0; i < sizeof per_mille / sizeof *per_mille; i++) {
        double truth = per_mille[i] * 10 * 1000;
        double found = (double)latency_quantile(latency, per_mille[i]);
        cr_expect(found >= truth && found <= truth * (1 + 1.0 / 64) + 1, "%g: %g, not %g", per_mille[i], found, truth);
    }
    cr_expect_eq(latency_quantile(latency, 1000), 10000000, "never above the largest");
    latency_add(latency, UINT64_MAX);
    cr_expect_eq(latency->most, UINT64_MAX);
    cr_expect_eq(latency_quantile(latency, 1000), UINT64_MAX);
    memory_free(latency);
}

Test(latency, any_value_falls_between_its_neighbours)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int i = 0; i < 2000; i++) {
        struct latency *latency = memory_zeroed(sizeof *latency);
        uint64_t value = prng_next(&random) >> (prng_next(&random) % 64);
        value = i == 0 ? ((uint64_t)1 << LATENCY_MAX_BITS) - 1 : value >> 22; /* the greatest that has its own bucket */
        latency_add(latency, value);
        latency_add(latency, UINT64_MAX);
        uint64_t found = latency_quantile(latency, 500);
        cr_assert(found >= value && found <= value + value / 64, "%lu became %lu", value, found);
        memory_free(latency);
    }
}

Test(latency, one_line_for_people_one_for_programs)
{
    struct latency *latency = memory_zeroed(sizeof *latency);
    latency_add(latency, 40);
    latency_add(latency, 50000);
    char text[300] = "";
    FILE *file = fmemopen(text, sizeof text, "w");
    latency_print(file, latency, false);
    fputc('|', file);
    latency_print(file, latency, true);
    fclose(file);
    cr_expect_str_eq(text, "min 0.0  p50 0.0  p90 50.0  p99 50.0  p99.9 50.0  max 50.0 us  (2 round trips)|"
                           "{\"min_us\":0.0,\"p50_us\":0.0,\"p90_us\":50.0,\"p99_us\":50.0,\"p99.9_us\":50.0,"
                           "\"max_us\":50.0,\"count\":2}");
    memory_free(latency);
}

Test(stat, info_is_read_and_compared)
{
    struct stat_sample before = stat_read(BYTES("# Server\r\nused_memory_human:1K\r\nused_memory:123456789012\r\n"
                                                "connected_clients:7\r\nblocked_clients:2\r\n"
                                                "total_commands_processed:100\r\ninstantaneous_ops_per_sec:55\r\n"
                                                "db0:keys=12,expires=3,avg_ttl=0\r\ndb15:keys=30\r\ndbx"));
    cr_expect_eq(before.keys, 42);
    cr_expect_eq(before.memory, 123456789012);
    cr_expect_eq(before.clients, 7);
    cr_expect_eq(before.blocked, 2);
    cr_expect_eq(before.ops, 55);
    struct stat_sample after = before;
    after.commands = 1101;
    cr_expect_eq(stat_rate(&before, &after, 500000000), 2000, "without the INFO itself");
    cr_expect_eq(stat_rate(&after, &before, 500000000), 0, "the server was started again");
    cr_expect_eq(stat_rate(&before, &after, 0), 0);
    struct stat_sample nothing = stat_read(BYTES("db0:keys=\nused_memory:x\ntotal_commands_processed:"
                                                 "99999999999999999999\n"));
    cr_expect(nothing.keys == 0 && nothing.memory == 0 && nothing.commands == 0);
}

Test(tool, sizes_and_bars_can_be_read)
{
    char out[16];
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0B"}, {1023, "1023B"}, {1024, "1.00K"}, {5033164, "4.80M"}, {UINT64_MAX, "16.00E"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tool_size(out, cases[i].bytes);
        cr_expect_str_eq(out, cases[i].text);
    }
    char bar[64];
    progress_bar(bar, sizeof bar, 1, 2);
    cr_expect_str_eq(bar, "[###############...............]  50%");
    progress_bar(bar, sizeof bar, 9, 2);
    cr_expect_str_eq(bar, "[##############################] 100%");
    progress_bar(bar, sizeof bar, 9, 0);
    cr_expect_str_eq(bar, "");
}

Test(ranking, keeps_the_highest_of_many)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    struct ranking ranking;
    ranking_init(&ranking, 10);
    int64_t scores[500];
    for (int i = 0; i < 500; i++) {
        scores[i] = (int64_t)(prng_next(&random) % 1000);
    }
    for (int i = 0; i < 1500; i++) { /* every key comes more than once */
        char key[20];
        int number = i < 500 ? i : (int)(prng_next(&random) % 500);
        snprintf(key, sizeof key, "k%d", number);
        ranking_add(&ranking, 0, gm_bytes_of(key), scores[number]);
    }
    ranking_sort(&ranking);
    cr_assert_eq(ranking.count, 10);
    for (size_t i = 0; i < ranking.count; i++) {
        size_t higher = 0;
        struct gm_bytes key = ranking.entries[i].key;
        int64_t number = -1;
        cr_assert(bytes_to_int((struct gm_bytes){key.data + 1, key.size - 1}, &number));
        cr_expect_eq(ranking.entries[i].score, scores[number]);
        for (int j = 0; j < 500; j++) {
            higher += scores[j] > ranking.entries[i].score ? 1 : 0;
        }
        cr_expect(higher <= i, "place %zu: %zu are higher", i, higher);
        cr_expect(i == 0 || ranking.entries[i - 1].score >= ranking.entries[i].score);
        for (size_t j = 0; j < i; j++) {
            cr_expect_not(gm_bytes_equal(ranking.entries[i].key, ranking.entries[j].key), "twice");
        }
    }
    ranking_finish(&ranking);
}

Test(ranking, ties_and_long_keys)
{
    struct ranking ranking;
    ranking_init(&ranking, 2);
    ranking_add(&ranking, 0, BYTES("c"), 1);
    ranking_add(&ranking, 0, BYTES("b"), 1);
    ranking_add(&ranking, 0, BYTES("a"), 1);
    uint8_t *long_key = memory_zeroed(RANKING_KEY + 1);
    ranking_add(&ranking, 0, (struct gm_bytes){long_key, RANKING_KEY + 1}, 9);
    ranking_sort(&ranking);
    cr_assert_eq(ranking.count, 2);
    cr_expect(ranking.entries[0].cut);
    cr_expect_eq(ranking.entries[0].key.size, RANKING_KEY);
    cr_expect(gm_bytes_equal(ranking.entries[1].key, BYTES("a")), "the first of equals");
    memory_free(long_key);
    ranking_finish(&ranking);
}

Test(frame, is_cut_to_the_terminal)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    struct buf out;
    buf_init(&out, 4096);
    frame_draw(&out, BYTES("title"), BYTES("a\tb\n123456\n\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\nlast\n"), 5, 5, true);
    static const char wanted[] =
        "\x1b[H\x1b[2Jtitle\x1b[K\r\na b\x1b[K\r\n12345\x1b[K\r\n\xe4\xb8\xad\xe4\xb8\xad\x1b[K"
        "\r\n\x1b[J";
    cr_expect_eq(out.size, sizeof wanted - 1);
    cr_expect_arr_eq(out.data, wanted, out.size < sizeof wanted ? out.size : sizeof wanted);
    buf_clear(&out, 0);
    frame_draw(&out, BYTES("t"), BYTES_NONE, 5, 1, false);
    cr_expect(gm_bytes_equal(buf_bytes(&out), BYTES("\x1b[Ht\x1b[K\r\n\x1b[J")));
    buf_finish(&out);
}

Test(options, periods_have_units)
{
    static const struct {
        const char *text;
        double seconds; /* negative: refused */
    } cases[] = {{"1s", 1}, {"500ms", 0.5}, {"0.5", 0.5}, {"2m", 120}, {"1h", 3600},
                 {"0", -1}, {"-1s", -1},    {"s", -1},    {"ms", -1},  {"1d", -1},
                 {"", -1},  {"25h", -1},    {"1 s", -1},  {"nan", -1}, {"0.1ms", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double seconds = 0;
        bool read = options_period(gm_bytes_of(cases[i].text), &seconds);
        cr_expect_eq(read, cases[i].seconds > 0, "%s", cases[i].text);
        if (read) {
            cr_expect_float_eq(seconds, cases[i].seconds, 1e-9, "%s", cases[i].text);
        }
    }
}

/* ---- databases ---- */

Test(keyspaces, are_the_lines_that_say_so_whatever_stands_between)
{
    struct gm_bytes info =
        BYTES("# Keyspace\r\ndb0:keys=12,expires=1\r\ndb65535:keys=3\r\ndb65536:keys=1\r\ndb:keys=1\r\n"
              "db1:expires=1\r\ndb2:keys=99999999999999999999\r\ntype_db3:keys=1\r\ndb7:keys=8");
    struct keyspaces_line line;
    size_t at = 0;
    cr_assert(keyspaces_next(info, &at, &line) && line.database == 0 && line.keys == 12);
    cr_assert(keyspaces_next(info, &at, &line) && line.database == 65535 && line.keys == 3);
    cr_assert(keyspaces_next(info, &at, &line) && line.database == 7 && line.keys == 8);
    cr_assert_not(keyspaces_next(info, &at, &line));
    at = 0;
    cr_assert_not(keyspaces_next(BYTES_NONE, &at, &line));
}

static void follow(struct selection *selection, const char *first, const char *second, enum answer_type type,
                   const char *text)
{
    struct gm_bytes argv[2] = {gm_bytes_of(first), gm_bytes_of(second != NULL ? second : "")};
    struct selection_step step = selection_step(argv, second != NULL ? 2 : 1);
    struct answer reply = {.type = type, .text = gm_bytes_of(text)};
    selection_follow(selection, &step, &reply);
}

Test(selection, is_what_was_answered_and_not_what_was_asked)
{
    struct selection at = {.database = 2};
    follow(&at, "SELECT", "5", ANSWER_ERROR, "ERR");
    cr_expect_eq(at.database, 2);
    follow(&at, "select", "5", ANSWER_STATUS, "OK");
    cr_expect_eq(at.database, 5);
    follow(&at, "select", "x", ANSWER_STATUS, "OK");
    follow(&at, "select", "-1", ANSWER_STATUS, "OK");
    follow(&at, "select", "65536", ANSWER_STATUS, "OK");
    cr_expect_eq(at.database, 5);
    follow(&at, "select", "6", ANSWER_STATUS, "QUEUED");
    cr_expect_eq(at.database, 5);
    follow(&at, "exec", NULL, ANSWER_NULL, "");
    cr_expect_eq(at.database, 5, "a watched key had changed");
    follow(&at, "select", "6", ANSWER_STATUS, "QUEUED");
    follow(&at, "discard", NULL, ANSWER_STATUS, "OK");
    follow(&at, "exec", NULL, ANSWER_ARRAY, "");
    cr_expect_eq(at.database, 5);
    follow(&at, "select", "6", ANSWER_STATUS, "QUEUED");
    follow(&at, "exec", NULL, ANSWER_ARRAY, "");
    cr_expect_eq(at.database, 6);
    follow(&at, "reset", NULL, ANSWER_STATUS, "RESET");
    cr_expect_eq(at.database, 0);
}
