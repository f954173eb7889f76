/* SPDX-License-Identifier: MIT */

/* refusal.c - pointing at a word. */
#include "refusal.h"

#include "help.h"
#include "output.h"

void refusal_point(FILE *file, struct gm_bytes line, size_t from, size_t to, bool utf8)
{
    fputs("  ", file);
    output_safe(file, line, utf8);
    fputs("\n  ", file);
    for (size_t i = 0; i < from; i++) { /* one past the line where a word is missing */
        bool continued = utf8 && i < line.size && (line.data[i] & 0xc0) == 0x80;
        fputs(continued ? "" : " ", file);
    }
    size_t marks = to > from ? to - from : 1;
    for (size_t i = 0; i < marks && i < 200; i++) {
        bool continued = utf8 && from + i < line.size && (line.data[from + i] & 0xc0) == 0x80;
        fputs(continued ? "" : "^", file);
    }
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
