/* SPDX-License-Identifier: MIT */

/* latency.c - PING, again and again, one at a time.
 *
 * Limits   What is measured ends when the reply is read here: a machine without a free core measures itself. */
#include "cli/tools/latency.h"

#include <inttypes.h>
#include <math.h>

#include "base/memory.h"
#include "cli/terminal/terminal.h"
#include "cli/tools/tool.h"

#define BETWEEN_NS  10000000  /* default time from a reply to the next PING */
#define REDRAW_NS   100000000 /* between drawings at a terminal */
#define LATENCY_TOP ((uint64_t)1 << LATENCY_MAX_BITS)

/* ---- figures ------------------------------------------------------------------------------------------------- */

void latency_add(struct latency *latency, uint64_t ns)
{
    latency->least = latency->count == 0 || ns < latency->least ? ns : latency->least;
    latency->most = ns > latency->most ? ns : latency->most;
    latency->steps[histogram_step_of(ns < LATENCY_TOP ? ns : LATENCY_TOP, LATENCY_STEP_BITS)]++;
    latency->count++;
}

uint64_t latency_quantile(const struct latency *latency, double per_mille)
{
    double rank = ceil((double)latency->count * per_mille / 1000);
    uint64_t value = histogram_ranked(latency->steps, LATENCY_STEPS, LATENCY_STEP_BITS, rank);
    return value < LATENCY_TOP && value < latency->most ? value : latency->most;
}

void latency_print(FILE *file, const struct latency *latency, bool json)
{
    static const struct {
        const char *name;
        double per_mille;
    } quantiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p99.9", 999}};
    fprintf(file, json ? "{\"min_us\":%.1f" : "min %.1f", (double)latency->least / 1000);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double us = (double)latency_quantile(latency, quantiles[i].per_mille) / 1000;
        fprintf(file, json ? ",\"%s_us\":%.1f" : "  %s %.1f", quantiles[i].name, us);
    }
    fprintf(file, json ? ",\"max_us\":%.1f,\"count\":%" PRIu64 "}" : "  max %.1f us  (%" PRIu64 " round trips)",
            (double)latency->most / 1000, latency->count);
}

/* ---- measuring ----------------------------------------------------------------------------------------------- */

static bool measure(struct tool *tool, struct latency *latency)
{
    struct answer pong = {0};
    int64_t began_ns = tool_now_ns();
    if (!tool_ask(tool, (const struct gm_bytes[]){BYTES("PING")}, 1, &pong)) {
        return false;
    }
    latency_add(latency, (uint64_t)(tool_now_ns() - began_ns));
    answer_finish(&pong);
    return true;
}

/* Draws over what was drawn last, cut to the terminal: a wrapped line could not be drawn over. */
static void redraw(const struct latency *latency)
{
    char line[256] = "";
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    FILE *file = fmemopen(line, sizeof line - 1, "w");
    if (file != NULL) {
        latency_print(file, latency, false);
        fclose(file);
    }
    printf("\r%.*s\x1b[K", (int)columns - 1, line);
    fflush(stdout);
}

static void show_round_trips(struct tool *tool, struct latency *latency)
{
    const struct options *options = tool->options;
    bool json = options->format == OUTPUT_JSON || options->format == OUTPUT_JSONL;
    bool live = tool->live && !json;
    int64_t between_ns = options->interval_given ? (int64_t)(options->interval_s * 1e9) : BETWEEN_NS;
    int64_t end_ns = options->duration_s > 0 ? tool_now_ns() + (int64_t)(options->duration_s * 1e9) : INT64_MAX;
    int64_t drawn_ns = 0;
    while (measure(tool, latency)) {
        int64_t now_ns = tool_now_ns();
        if (live && now_ns - drawn_ns >= REDRAW_NS) {
            redraw(latency);
            drawn_ns = now_ns;
        }
        if (now_ns + between_ns >= end_ns || !tool_wait(tool, between_ns)) {
            break;
        }
    }
    if (latency->count > 0) {
        fputs(live ? "\r\x1b[K" : "", stdout);
        latency_print(stdout, latency, json);
        fputc('\n', stdout);
    }
}

int latency_run(const struct options *options, bool utf8)
{
    struct tool tool;
    if (tool_begin(&tool, options, utf8)) {
        struct latency *latency = memory_zeroed(sizeof *latency);
        show_round_trips(&tool, latency);
        memory_free(latency);
    }
    return (int)tool_end(&tool);
}
