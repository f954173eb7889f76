/* SPDX-License-Identifier: MIT */

/* latency.c - PING, again and again, one at a time.
 *
 * Limits   What is measured ends when the reply is read here: a machine without a free core measures itself. */
#include "cli/tools/latency.h"

#include <inttypes.h>

#include "base/memory.h"
#include "cli/terminal/terminal.h"
#include "cli/tools/tool.h"

#define BETWEEN_NS 10000000  /* default time from a reply to the next PING */
#define REDRAW_NS  100000000 /* between drawings at a terminal */

void latency_print(FILE *file, const struct histogram *histogram, bool json)
{
    static const struct {
        const char *name;
        double per_mille;
    } quantiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p99.9", 999}};
    fprintf(file, json ? "{\"min_us\":%.1f" : "min %.1f", (double)histogram->least / 1000);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double us = (double)histogram_quantile(histogram, quantiles[i].per_mille) / 1000;
        fprintf(file, json ? ",\"%s_us\":%.1f" : "  %s %.1f", quantiles[i].name, us);
    }
    fprintf(file, json ? ",\"max_us\":%.1f,\"count\":%" PRIu64 "}" : "  max %.1f us  (%" PRIu64 " round trips)",
            (double)histogram->most / 1000, histogram->count);
}

static bool measure(struct tool *tool, struct histogram *histogram)
{
    struct answer pong = {0};
    int64_t began_ns = tool_now_ns();
    if (!tool_ask(tool, (const struct gm_bytes[]){BYTES("PING")}, 1, &pong)) {
        return false;
    }
    histogram_add(histogram, (uint64_t)(tool_now_ns() - began_ns));
    answer_finish(&pong);
    return true;
}

/* Draws over what was drawn last, cut to the terminal: a wrapped line could not be drawn over. */
static void redraw(const struct histogram *histogram)
{
    char line[256] = "";
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    FILE *file = fmemopen(line, sizeof line - 1, "w");
    if (file != NULL) {
        latency_print(file, histogram, false);
        fclose(file);
    }
    printf("\r%.*s\x1b[K", (int)columns - 1, line);
    fflush(stdout);
}

static void show_round_trips(struct tool *tool, struct histogram *histogram)
{
    const struct options *options = tool->options;
    bool json = options->format == OUTPUT_JSON || options->format == OUTPUT_JSONL;
    bool live = tool->live && !json;
    int64_t between_ns = options->interval_given ? (int64_t)(options->interval_s * 1e9) : BETWEEN_NS;
    int64_t end_ns = options->duration_s > 0 ? tool_now_ns() + (int64_t)(options->duration_s * 1e9) : INT64_MAX;
    int64_t drawn_ns = 0;
    while (measure(tool, histogram)) {
        int64_t now_ns = tool_now_ns();
        if (live && now_ns - drawn_ns >= REDRAW_NS) {
            redraw(histogram);
            drawn_ns = now_ns;
        }
        if (now_ns + between_ns >= end_ns || !tool_wait(tool, between_ns)) {
            break;
        }
    }
    if (histogram->count > 0) {
        fputs(live ? "\r\x1b[K" : "", stdout);
        latency_print(stdout, histogram, json);
        fputc('\n', stdout);
    }
}

int latency_run(const struct options *options, bool utf8)
{
    struct tool tool;
    if (tool_begin(&tool, options, utf8)) {
        struct histogram *histogram = memory_zeroed(sizeof *histogram);
        show_round_trips(&tool, histogram);
        memory_free(histogram);
    }
    return (int)tool_end(&tool);
}
