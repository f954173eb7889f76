/* SPDX-License-Identifier: MIT */

/* cmd_latency.c - LATENCY: what took long (latency.h), and how long each command usually takes (timing.h).
 *
 * DOCTOR says in sentences what the samples of each event mean; GRAPH draws them, one column for each. */
#include <stdio.h>

#include "base/histogram.h"
#include "command/cmd.h"

#define REPORT_MAX    ((size_t)64 * 1024) /* bytes of a DOCTOR or a GRAPH */
#define GRAPH_COLUMNS 80
#define GRAPH_ROWS    4

static struct latency *latency_of(struct gm_call *abi)
{
    return &call_of(abi)->worker->meters.latency;
}

static struct latency_event *find(struct gm_call *abi, struct gm_bytes name)
{
    struct latency *latency = latency_of(abi);
    for (uint32_t i = 0; i < latency->count; i++) {
        if (bytes_equal_nocase(name, latency->events[i]->name)) {
            return latency->events[i];
        }
    }
    return NULL;
}

/* ---- LATEST, HISTORY, RESET ---- */

static void reply_value(struct reply *reply, const struct counter_row *row, const void *of)
{
    struct counter_value value = counters_value(row, of);
    check(value.form == COUNTER_COUNT);
    reply_int(reply, (int64_t)value.count);
}

static void plan_latest(struct gm_call *abi)
{
    const struct latency *latency = latency_of(abi);
    struct reply *reply = &call_of(abi)->reply;
    reply_array(reply, latency->count);
    for (uint32_t i = 0; i < latency->count; i++) {
        const struct latency_event *event = latency->events[i];
        reply_array(reply, 1 + latency_event_counters.count);
        reply_text(reply, event->name);
        for (uint32_t row = 0; row < latency_event_counters.count; row++) {
            reply_value(reply, &latency_event_counters.rows[row], event);
        }
    }
}

static void plan_history(struct gm_call *abi)
{
    const struct latency_event *event = find(abi, gm_arg_at(abi, 0, 0));
    struct reply *reply = &call_of(abi)->reply;
    uint32_t count = event != NULL ? event->count : 0;
    reply_array(reply, count);
    while (count > 0) {
        struct latency_sample sample = latency_sample(event, --count);
        reply_array(reply, 2);
        reply_int(reply, sample.time_s);
        reply_int(reply, sample.ms);
    }
}

static void plan_reset(struct gm_call *abi)
{
    struct latency *latency = latency_of(abi);
    int64_t forgotten = 0;
    for (uint32_t i = 0; i < gm_arg(abi, 0)->count; i++) {
        forgotten += latency_forget(latency, find(abi, gm_arg_at(abi, 0, i)));
    }
    while (gm_arg(abi, 0)->count == 0 && latency->count > 0) {
        forgotten += latency_forget(latency, latency->events[0]);
    }
    gm_reply_int(abi, forgotten);
}

/* ---- DOCTOR ---- */

/* What helps against an event, by its name; the first whose name begins alike. */
static const char *advice(const char *name)
{
    static const struct {
        const char *beginning;
        const char *sentence;
    } known[] = {
        {"command",
         "Some commands take long. SLOWLOG GET shows which: those whose cost grows with the size of the value "
         "or of the keyspace should get less to do at a time."},
        {"fast-command",
         "Commands that always cost the same took long, so the machine had no time for the server: look "
         "for other programs, for swapping (compare used_memory_rss), for a host that steals time."},
        {"aof-fsync",
         "The disk takes long to make a write durable. With persistence writethroughdisk every answer to a "
         "write waits for it; a faster disk helps, or bufferedwrite if the last moments may be lost."},
        {"expire-cycle",
         "Many keys expire at the same moment. Spread their times, for instance by adding some chance."},
        {"eviction", "Keys are evicted to stay below maxmemory. Raise it, or let values expire earlier."},
        {"snapshot", "A snapshot's share of a turn took long: some module dumps a value in pieces that are too large."},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(name, known[i].beginning, strlen(known[i].beginning)) == 0) {
            return known[i].sentence;
        }
    }
    return "";
}

struct summary {
    uint64_t average_ms;
    uint64_t deviation_ms; /* mean absolute */
    uint32_t least_ms;
    uint32_t most_ms;
    uint32_t oldest_s;
};

static struct summary summarize(const struct latency_event *event)
{
    struct summary summary = {.least_ms = UINT32_MAX};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < event->count; i++) {
        struct latency_sample sample = latency_sample(event, i);
        sum += sample.ms;
        summary.least_ms = sample.ms < summary.least_ms ? sample.ms : summary.least_ms;
        summary.most_ms = sample.ms > summary.most_ms ? sample.ms : summary.most_ms;
        summary.oldest_s = sample.time_s;
    }
    summary.average_ms = sum / event->count;
    uint64_t apart = 0;
    for (uint32_t i = 0; i < event->count; i++) {
        uint64_t ms = latency_sample(event, i).ms;
        apart += ms > summary.average_ms ? ms - summary.average_ms : summary.average_ms - ms;
    }
    summary.deviation_ms = apart / event->count;
    return summary;
}

static void add_event(struct buf *out, const struct latency_event *event, int64_t now_s)
{
    struct summary summary = summarize(event);
    int64_t span_s = now_s - summary.oldest_s;
    (void)buf_format(out,
                     "%s: %u of the last %lld seconds had one of %u ms to %u ms (average %llu ms, deviation %llu ms); "
                     "the worst ever took %u ms.\n  %s\n",
                     event->name, event->count, (long long)(span_s > 0 ? span_s : 1), summary.least_ms, summary.most_ms,
                     (unsigned long long)summary.average_ms, (unsigned long long)summary.deviation_ms, event->worst_ms,
                     advice(event->name));
}

static void plan_doctor(struct gm_call *abi)
{
    const struct worker *worker = call_of(abi)->worker;
    const struct latency *latency = &worker->meters.latency;
    struct buf out;
    buf_init(&out, REPORT_MAX);
    if (latency->threshold_ms == 0) {
        (void)buf_append(&out, BYTES("Nothing is watched: latency_monitor_threshold is 0. CONFIG SET "
                                     "latency_monitor_threshold 100 watches for whatever takes 100 ms or longer.\n"));
    } else if (latency->count == 0) {
        (void)buf_format(&out, "Nothing has taken %lld ms or longer since the server began, or since LATENCY RESET.\n",
                         (long long)latency->threshold_ms);
    }
    for (uint32_t i = 0; i < latency->count; i++) {
        add_event(&out, latency->events[i], worker->now_ms / 1000);
    }
    reply_verbatim(&call_of(abi)->reply, buf_bytes(&out));
    buf_finish(&out);
}

/* ---- GRAPH ---- */

struct graph {
    uint32_t columns;
    uint32_t low_ms;
    uint32_t high_ms;
    struct latency_sample samples[GRAPH_COLUMNS]; /* the oldest first */
    char ages[GRAPH_COLUMNS][8];
};

static void write_age(char age[8], int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t unit = 0;
    while (unit < 3 && seconds < units[unit].seconds) {
        unit++;
    }
    int64_t count = seconds / units[unit].seconds;
    (void)snprintf(age, 8, "%u%c", (unsigned)(count < 99999 ? count : 99999) % 100000, units[unit].letter);
}

static void graph_fill(struct graph *graph, const struct latency_event *event, int64_t now_s)
{
    graph->columns = event->count < GRAPH_COLUMNS ? event->count : GRAPH_COLUMNS;
    graph->low_ms = UINT32_MAX;
    graph->high_ms = 0;
    for (uint32_t i = 0; i < graph->columns; i++) {
        struct latency_sample sample = latency_sample(event, graph->columns - 1 - i);
        graph->samples[i] = sample;
        graph->low_ms = sample.ms < graph->low_ms ? sample.ms : graph->low_ms;
        graph->high_ms = sample.ms > graph->high_ms ? sample.ms : graph->high_ms;
        write_age(graph->ages[i], now_s > sample.time_s ? now_s - sample.time_s : 0);
    }
}

/* Each row of a column has three heights: '_' low, 'o' middle, '#' at the top; '|' where the column goes on above. */
static char cell(const struct graph *graph, uint32_t column, uint32_t row)
{
    static const char marks[] = "_o#";
    uint32_t steps = GRAPH_ROWS * 3 - 1;
    uint64_t range = graph->high_ms > graph->low_ms ? graph->high_ms - graph->low_ms : 1;
    uint32_t height = (uint32_t)((graph->samples[column].ms - graph->low_ms) * (uint64_t)steps / range);
    if (height / 3 == row) {
        return marks[height % 3];
    }
    return height / 3 > row ? '|' : ' ';
}

static void graph_write(const struct graph *graph, struct buf *out)
{
    for (uint32_t row = GRAPH_ROWS; row-- > 0;) {
        for (uint32_t column = 0; column < graph->columns; column++) {
            (void)buf_format(out, "%c", cell(graph, column, row));
        }
        (void)buf_append(out, BYTES("\n"));
    }
    bool more = true;
    for (size_t line = 0; line < sizeof graph->ages[0] && more; line++) { /* the ages, from top to bottom */
        more = false;
        (void)buf_append(out, BYTES("\n"));
        for (uint32_t column = 0; column < graph->columns; column++) {
            size_t size = strlen(graph->ages[column]);
            (void)buf_format(out, "%c", line < size ? graph->ages[column][line] : ' ');
            more = more || line + 1 < size;
        }
    }
    (void)buf_append(out, BYTES("\n"));
}

static void plan_graph(struct gm_call *abi)
{
    const struct latency_event *event = find(abi, gm_arg_at(abi, 0, 0));
    if (event == NULL) {
        struct gm_bytes name = gm_arg_at(abi, 0, 0);
        reply_errorf(&call_of(abi)->reply, "ERR No samples available for event '%.*s'",
                     (int)(name.size < 128 ? name.size : 128), (const char *)name.data);
        return;
    }
    struct graph graph;
    struct buf out;
    buf_init(&out, REPORT_MAX);
    graph_fill(&graph, event, call_of(abi)->worker->now_ms / 1000);
    (void)buf_format(&out, "%s - high %u ms, low %u ms (all time high %u ms)\n", event->name, graph.high_ms,
                     graph.low_ms, event->worst_ms);
    for (uint32_t i = 0; i < GRAPH_COLUMNS; i++) {
        (void)buf_append(&out, BYTES("-"));
    }
    (void)buf_append(&out, BYTES("\n"));
    graph_write(&graph, &out);
    reply_verbatim(&call_of(abi)->reply, buf_bytes(&out));
    buf_finish(&out);
}

/* ---- HISTOGRAM ---- */

/* The upper ends of the buckets: powers of two of a microsecond. Those that add nothing are left out, as in Redis. */
static void reply_histogram(struct reply *reply, const struct histogram *times, bool write, size_t *buckets)
{
    uint64_t count = histogram_count(times);
    uint64_t before = 0;
    for (uint64_t end_us = 1; before < count; end_us *= 2) {
        uint64_t up_to = histogram_up_to(times, end_us * 1000);
        if (up_to > before && write) {
            reply_int(reply, (int64_t)end_us);
            reply_int(reply, (int64_t)up_to);
        }
        *buckets += up_to > before;
        before = up_to;
    }
}

static void reply_command(struct reply *reply, const char *name, const struct command_meter *meter)
{
    size_t buckets = 0;
    reply_histogram(reply, meter->times, false, &buckets);
    reply_text(reply, name);
    reply_map(reply, 1 + command_meter_timed.count);
    for (uint32_t row = 0; row < command_meter_timed.count; row++) {
        reply_text(reply, command_meter_timed.rows[row].name);
        reply_value(reply, &command_meter_timed.rows[row], meter);
    }
    reply_text(reply, "histogram_usec");
    reply_map(reply, buckets);
    reply_histogram(reply, meter->times, true, &buckets);
}

/* "config" names all of its sub-commands. */
static bool is_named(struct gm_call *abi, const char *name)
{
    uint32_t count = gm_arg(abi, 0)->count;
    for (uint32_t i = 0; i < count; i++) {
        struct gm_bytes asked = gm_arg_at(abi, 0, i);
        const char *bar = strchr(name, '|');
        bool container = bar != NULL && asked.size == (size_t)(bar - name) &&
                         strncasecmp(name, (const char *)asked.data, asked.size) == 0;
        if (container || bytes_equal_nocase(asked, name)) {
            return true;
        }
    }
    return count == 0;
}

static size_t histograms(struct gm_call *abi, bool write)
{
    struct call *call = call_of(abi);
    size_t count = 0;
    for (uint32_t i = 0; i < registry_command_numbers(call->worker->registry); i++) {
        const char *name = registry_command_name(call->worker->registry, i);
        const struct command_meter *meter = &call->worker->meters.commands[i];
        if (meter->times != NULL && is_named(abi, name)) {
            count++;
            if (write) {
                reply_command(&call->reply, name, meter);
            }
        }
    }
    return count;
}

static void plan_histogram(struct gm_call *abi)
{
    reply_map(&call_of(abi)->reply, histograms(abi, false));
    (void)histograms(abi, true);
}

/* ---- the table ---- */

#define ASKING (GM_READ | GM_ADMIN | CALL_LOADING)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "LATENCY|DOCTOR", .flags = ASKING, .plan = plan_doctor, .complexity = "O(1)",
     .summary = "Says in sentences what took long, and what helps.", .example = "LATENCY DOCTOR"},
    {CMD_COMMAND, .usage = "LATENCY|GRAPH event", .flags = ASKING, .plan = plan_graph, .complexity = "O(1)",
     .summary = "Draws how long an event took of late.", .example = NULL},
    CMD_HELP("LATENCY", GM_READ | CALL_LOADING),
    {CMD_COMMAND, .usage = "LATENCY|HISTOGRAM [command...]", .flags = ASKING, .plan = plan_histogram,
     .complexity = "O(n), n the commands", .summary = "Tells how many calls of commands took how many microseconds.",
     .example = "LATENCY HISTOGRAM info"},
    {CMD_COMMAND, .usage = "LATENCY|HISTORY event", .flags = ASKING, .plan = plan_history, .complexity = "O(1)",
     .summary = "Lists when an event took how many milliseconds.", .example = "LATENCY HISTORY command"},
    {CMD_COMMAND, .usage = "LATENCY|LATEST", .flags = ASKING, .plan = plan_latest, .complexity = "O(1)",
     .summary = "Lists the events that took long, with the last and the worst time.", .example = "LATENCY LATEST"},
    {CMD_COMMAND, .usage = "LATENCY|RESET [event...]", .flags = ASKING, .plan = plan_reset, .complexity = "O(1)",
     .summary = "Forgets events, or all of them.", .example = "LATENCY RESET"},
};

CMD_MODULE(cmd_latency, .name = "geomys.latency", .group = "server", .summary = "Tells what takes long.");
