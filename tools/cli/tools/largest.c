/* SPDX-License-Identifier: MIT */

/* largest.c - SCAN from end to end of each database, and a question for each key.
 *
 * Idea     The server accounts for each key whatever its type, so MEMORY USAGE and PEEK answer in constant time, and so
 *          does OBJECT IDLETIME; none of them counts as a use of the key. A page of SCAN is asked about in a pipeline;
 *          only the best so far are kept.
 *
 * Limits   What changes meanwhile is seen or not. Keys longer than RANKING_KEY are shown cut, with three dots.
 */
#include "cli/tools/largest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cli/show/output_formats.h"
#include "cli/talk/pipeline.h"
#include "cli/terminal/progress.h"
#include "cli/tools/keyspaces.h"
#include "cli/tools/ranking.h"
#include "cli/tools/tool.h"

#define PAGE "500" /* keys that SCAN is asked for at once */

struct largest {
    struct tool *tool;
    struct ranking ranking;
    struct progress progress;
    const struct answer *page; /* the keys that are asked about */
    int database;              /* ... where they are */
    bool several;              /* there are keys in more than one */
    uint64_t total;            /* keys, when it began */
    uint64_t seen;
    uint64_t scanned;       /* places, as far as SCAN tells */
    uint64_t failed;        /* keys that the server gave an error for */
    struct complaint first; /* of them */
};

static void take_score(void *context, uint64_t index, const struct answer *reply)
{
    struct largest *self = context;
    const struct answer *score = self->tool->options->order == ORDER_LENGTH ? answer_get(reply, "length") : reply;
    if (reply->type == ANSWER_ERROR) {
        if (self->failed++ == 0) {
            complaint_set(&self->first, "%.*s", (int)(reply->text.size < 200 ? reply->text.size : 200),
                          (const char *)reply->text.data);
        }
    } else if (score != NULL && score->type == ANSWER_INTEGER) { /* else the key has gone meanwhile */
        ranking_add(&self->ranking, self->database, self->page->items[index].text, score->integer);
    }
}

static bool finish_pipeline(struct largest *self, enum status status, struct pipeline *pipeline,
                            struct complaint *complaint)
{
    status = status == STATUS_OK ? pipeline_drain(pipeline, complaint) : status;
    pipeline_finish(pipeline);
    if (status == STATUS_AGAIN) {
        self->tool->stopped = true;
    } else if (status != STATUS_OK) {
        tool_complain(self->tool, EXIT_CONNECTION, complaint);
    }
    return status == STATUS_OK;
}

static must_use enum status ask_about_one(struct pipeline *pipeline, enum options_order order, struct gm_bytes key,
                                          struct complaint *complaint)
{
    switch (order) {
    case ORDER_LENGTH:
        return pipeline_push(pipeline, (const struct gm_bytes[]){BYTES("PEEK"), key, BYTES("0")}, 3, complaint);
    case ORDER_IDLE:
        return pipeline_push(pipeline, (const struct gm_bytes[]){BYTES("OBJECT"), BYTES("IDLETIME"), key}, 3,
                             complaint);
    case ORDER_MEMORY:
        break;
    }
    return pipeline_push(pipeline, (const struct gm_bytes[]){BYTES("MEMORY"), BYTES("USAGE"), key}, 3, complaint);
}

static bool ask_about(struct largest *self, const struct answer *keys)
{
    struct complaint complaint;
    struct pipeline pipeline;
    enum status status = STATUS_OK;
    self->page = keys;
    pipeline_init(&pipeline, &self->tool->dialog.channel, self, take_score);
    for (size_t i = 0; i < keys->count && status == STATUS_OK; i++) {
        status = ask_about_one(&pipeline, self->tool->options->order, keys->items[i].text, &complaint);
    }
    return finish_pipeline(self, status, &pipeline, &complaint);
}

static void show_progress(struct largest *self)
{
    if (!progress_due(&self->progress, tool_now_ns())) {
        return;
    }
    char bar[64];
    char line[160];
    progress_bar(bar, sizeof bar, self->scanned, self->total);
    snprintf(line, sizeof line, "%s %" PRIu64 " keys", bar, self->seen);
    progress_draw(&self->progress, line);
}

static bool is_page(const struct answer *reply)
{
    if (reply->type != ANSWER_ARRAY || reply->count != 2 || !answer_is_text(&reply->items[0]) ||
        reply->items[1].type != ANSWER_ARRAY) {
        return false;
    }
    for (size_t i = 0; i < reply->items[1].count; i++) {
        if (!answer_is_text(&reply->items[1].items[i])) {
            return false;
        }
    }
    return true;
}

/* Takes one page; `cursor` moves on. False: there is no going on. */
static bool scan_page(struct largest *self, char cursor[32])
{
    const struct options *options = self->tool->options;
    struct gm_bytes argv[8] = {BYTES("SCAN"), gm_bytes_of(cursor), BYTES("COUNT"), BYTES(PAGE)};
    size_t argc = 4;
    if (options->match != NULL) {
        argv[argc++] = BYTES("MATCH");
        argv[argc++] = gm_bytes_of(options->match);
    }
    if (options->type != NULL) {
        argv[argc++] = BYTES("TYPE");
        argv[argc++] = gm_bytes_of(options->type);
    }
    struct answer page = {0};
    if (!tool_ask(self->tool, argv, argc, &page)) {
        return false;
    }
    bool fine = is_page(&page) && page.items[0].text.size < 32;
    if (fine) {
        const struct answer *keys = &page.items[1];
        snprintf(cursor, 32, "%.*s", (int)page.items[0].text.size, (const char *)page.items[0].text.data);
        bool filtered = options->match != NULL || options->type != NULL;
        self->scanned += filtered ? (uint64_t)strtoull(PAGE, NULL, 10) : keys->count;
        self->seen += keys->count;
        fine = ask_about(self, keys);
        show_progress(self);
    } else {
        tool_complain(self->tool, EXIT_CONNECTION, &(struct complaint){"SCAN was answered with something else"});
    }
    answer_finish(&page);
    bool useless = self->failed > 0 && self->failed == self->seen; /* it does not know the command, or forbids it */
    return fine && !useless && !tool_stopped(self->tool);
}

static bool choose(struct largest *self, int database)
{
    char number[20];
    struct answer reply = {0};
    if (self->tool->dialog.selection.database != database) {
        struct gm_bytes argv[] = {BYTES("SELECT"), {(const uint8_t *)number, bytes_from_int(number, database)}};
        if (!tool_ask(self->tool, argv, 2, &reply)) {
            return false;
        }
        answer_finish(&reply);
    }
    self->database = database;
    return true;
}

static bool scan_database(struct largest *self)
{
    char cursor[32] = "0";
    do {
        if (!scan_page(self, cursor)) {
            return false;
        }
    } while (strcmp(cursor, "0") != 0);
    return true;
}

/* The one that was said. */
static bool scan_one(struct largest *self)
{
    struct answer size = {0};
    if (!tool_ask(self->tool, (const struct gm_bytes[]){BYTES("DBSIZE")}, 1, &size)) {
        return false;
    }
    self->database = self->tool->dialog.selection.database;
    self->total = size.type == ANSWER_INTEGER && size.integer > 0 ? (uint64_t)size.integer : 0;
    answer_finish(&size);
    return scan_database(self);
}

/* All that have keys, as INFO says. */
static bool scan_all(struct largest *self, struct gm_bytes info)
{
    struct keyspaces_line line;
    size_t count = 0;
    for (size_t at = 0; keyspaces_next(info, &at, &line); count++) {
        self->total += line.keys;
    }
    self->several = count > 1;
    bool fine = true;
    for (size_t at = 0; fine && keyspaces_next(info, &at, &line);) {
        fine = choose(self, line.database) && scan_database(self);
    }
    return fine;
}

static bool scan(struct largest *self)
{
    const struct gm_bytes argv[] = {BYTES("INFO"), BYTES("keyspace")};
    struct complaint complaint;
    struct answer info = {0};
    if (self->tool->options->database_said) {
        return scan_one(self);
    }
    enum status status = dialog_command(&self->tool->dialog, argv, 2, &info, &complaint);
    if (status != STATUS_OK) {
        self->tool->stopped = self->tool->stopped || status == STATUS_AGAIN;
        if (status != STATUS_AGAIN) {
            tool_complain(self->tool, EXIT_CONNECTION, &complaint);
        }
        return false;
    }
    bool told = info.type != ANSWER_ERROR && answer_is_text(&info); /* it may be forbidden */
    bool fine = told ? scan_all(self, info.text) : scan_one(self);
    answer_finish(&info);
    return fine;
}

/* ---- the result ---------------------------------------------------------------------------------------------- */

static struct gm_bytes copy(struct gm_bytes text, const char *end)
{
    size_t more = strlen(end);
    uint8_t *data = memory_alloc(text.size + more + 1);
    memcpy(data, text.size > 0 ? text.data : (const uint8_t *)"", text.size);
    memcpy(data + text.size, end, more + 1);
    return (struct gm_bytes){data, text.size + more};
}

static struct answer text_answer(struct gm_bytes text, const char *end)
{
    return (struct answer){.type = ANSWER_STRING, .text = copy(text, end)};
}

static struct gm_bytes type_of(struct largest *self, int database, struct gm_bytes key, struct answer *reply)
{
    bool got = choose(self, database) && tool_ask(self->tool, (const struct gm_bytes[]){BYTES("TYPE"), key}, 2, reply);
    return got && answer_is_text(reply) ? reply->text : BYTES("");
}

#define FIELDS 4

/* One row as a map, or as an array for the formats without names. Which database it is, is said where there are
 * several. */
static struct answer make_row(struct largest *self, const struct ranking_entry *entry, bool named)
{
    static const char *const scores[] = {[ORDER_MEMORY] = "memory", [ORDER_LENGTH] = "length", [ORDER_IDLE] = "idle"};
    const char *names[FIELDS] = {scores[self->tool->options->order], "type", "db", "key"};
    struct answer type = {0};
    struct gm_bytes type_name = entry->cut ? BYTES("") : type_of(self, entry->database, entry->key, &type);
    struct answer fields[FIELDS] = {{.type = ANSWER_INTEGER, .integer = entry->score},
                                    text_answer(type_name, ""),
                                    {.type = ANSWER_INTEGER, .integer = entry->database},
                                    text_answer(entry->key, entry->cut ? "..." : "")};
    answer_finish(&type);
    struct answer row = {.type = named ? ANSWER_MAP : ANSWER_ARRAY};
    row.items = memory_alloc(2 * FIELDS * sizeof *row.items);
    for (size_t i = 0; i < FIELDS; i++) {
        if (i == 2 && !self->several) {
            continue;
        }
        if (named) {
            row.items[row.count++] = text_answer(gm_bytes_of(names[i]), "");
        }
        row.items[row.count++] = fields[i];
    }
    return row;
}

static void show_lines(const struct answer *rows, enum output_format format)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct answer *row = &rows->items[i];
        if (format == OUTPUT_CSV) {
            output_csv(stdout, row);
        } else {
            printf("%" PRId64 "\t", row->items[0].integer);
            output_bytes(stdout, row->items[1].text);
            fputc('\t', stdout);
            if (row->count == FIELDS) {
                printf("%" PRId64 "\t", row->items[2].integer);
            }
            output_raw(stdout, &row->items[row->count - 1]);
        }
    }
}

static void show(struct largest *self)
{
    enum output_format format = self->tool->options->format;
    bool named = format != OUTPUT_RAW && format != OUTPUT_CSV;
    struct answer rows = {.type = ANSWER_ARRAY, .count = self->ranking.count};
    rows.items = memory_zeroed((rows.count + 1) * sizeof *rows.items);
    ranking_sort(&self->ranking);
    for (size_t i = 0; i < rows.count; i++) {
        rows.items[i] = make_row(self, &self->ranking.entries[i], named);
    }
    if (named) {
        output_answer(stdout, format == OUTPUT_HUMAN ? OUTPUT_TABLE : format, &rows, self->tool->utf8);
    } else {
        show_lines(&rows, format);
    }
    answer_finish(&rows);
}

/* What OBJECT IDLETIME answers while a policy of frequency is chosen, as in Redis. */
static bool keeps_frequency(const struct largest *self)
{
    static const char answer[] = "ERR An LFU maxmemory policy is selected";
    return self->tool->options->order == ORDER_IDLE && strncmp(self->first.text, answer, sizeof answer - 1) == 0;
}

static void complain_about_keys(struct largest *self)
{
    struct tool *tool = self->tool;
    if (keeps_frequency(self)) {
        fputs("the server notes how often keys are used and not when, since its maxmemory_policy is one of lfu: "
              "--by idle needs another policy, --by mem and --by len do not\n",
              stderr);
        tool->exit = batch_worse(tool->exit, EXIT_REPLY);
        return;
    }
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " keys gave an error, the first: ", self->failed, self->seen);
    output_safe(stderr, gm_bytes_of(self->first.text), tool->utf8);
    fputc('\n', stderr);
    tool->exit = batch_worse(tool->exit, EXIT_REPLY);
}

static void find_largest(struct tool *tool)
{
    struct largest self = {.tool = tool, .progress = {.on = tool->progress}};
    ranking_init(&self.ranking, (size_t)tool->options->top);
    bool whole = scan(&self);
    progress_clear(&self.progress);
    if (tool->stopped) {
        fprintf(stderr, "stopped after %" PRIu64 " keys\n", self.seen);
        tool->exit = batch_worse(tool->exit, EXIT_CONNECTION);
    }
    if ((whole || tool->stopped) && channel_is_open(&tool->dialog.channel)) {
        show(&self);
    }
    if (self.failed > 0) {
        complain_about_keys(&self);
    }
    ranking_finish(&self.ranking);
}

int largest_run(const struct options *options, bool utf8)
{
    struct tool tool;
    if (tool_begin(&tool, options, utf8)) {
        find_largest(&tool);
    }
    return (int)tool_end(&tool);
}
