/* SPDX-License-Identifier: MIT */

/* refusal.c - pointing at a word. */
#include "cli/show/refusal.h"

#include "base/utf8.h"
#include "cli/show/help.h"
#include "cli/show/output_formats.h"
#include "cli/text/cells.h"

#define MARKS_MAX 200

static ssize_t keep(void *context, const char *bytes, size_t size)
{
    return buf_append(context, (struct gm_bytes){(const uint8_t *)bytes, size}) ? (ssize_t)size : 0;
}

/* Cells that `text` takes as output_safe shows it: a character may be wide, and a control is shown as several. */
static size_t cells(struct gm_bytes text, bool utf8)
{
    struct buf shown;
    buf_init(&shown, 4 * text.size + 16);
    FILE *file = fopencookie(&shown, "w", (cookie_io_functions_t){.write = keep});
    if (file != NULL) {
        output_safe(file, text, utf8);
        fclose(file);
    }
    size_t count = 0;
    for (size_t at = 0; at < shown.size;) {
        uint32_t character;
        size_t size = utf8_decode((struct gm_bytes){shown.data + at, shown.size - at}, &character);
        int width = size > 0 ? cells_of(character) : 1;
        count += width > 0 ? (size_t)width : 0;
        at += size > 0 ? size : 1;
    }
    buf_finish(&shown);
    return count;
}

static void put_many(FILE *file, char mark, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputc(mark, file);
    }
}

void refusal_point(FILE *file, struct gm_bytes line, size_t from, size_t to, bool utf8)
{
    size_t before = from < line.size ? from : line.size;
    size_t end = to < line.size ? to : line.size;
    size_t marks = end > before ? cells((struct gm_bytes){line.data + before, end - before}, utf8) : 0;
    fputs("  ", file);
    output_safe(file, line, utf8);
    fputs("\n  ", file);
    put_many(file, ' ', cells((struct gm_bytes){line.data, before}, utf8) + from - before);
    put_many(file, '^', marks > MARKS_MAX ? MARKS_MAX : marks > 0 ? marks : 1);
    fputc('\n', file);
}

bool refusal_say(FILE *file, const struct catalog *catalog, struct gm_bytes line, const struct words *words, bool utf8)
{
    const struct catalog_command *command = catalog_find(catalog, words->argv, words->count, NULL);
    if (!catalog->exact || command == NULL || !command->parsed) {
        return false;
    }
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_bound bound = {0};
    enum usage_outcome outcome = usage_bind(&command->grammar, words->argv, (uint32_t)words->count, args, &bound);
    if (outcome == USAGE_OK) {
        return false;
    }
    char arity[sizeof USAGE_ARITY_TEXT + USAGE_NAME_MAX];
    snprintf(arity, sizeof arity, USAGE_ARITY_TEXT, command->grammar.name);
    const char *error = outcome == USAGE_ARITY ? arity : bound.error;
    fputs("(not sent) ", file);
    output_safe(file, gm_bytes_of(strncmp(error, "ERR ", 4) == 0 ? error + 4 : error), utf8);
    fputc('\n', file);
    bool missing = bound.at >= words->count;
    refusal_point(file, line, missing ? words->ends[words->count - 1] + 1 : words->starts[bound.at],
                  missing ? 0 : words->ends[bound.at], utf8);
    fputs("  usage: ", file);
    help_usage(file, command);
    fputc('\n', file);
    return true;
}
