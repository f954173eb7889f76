/* SPDX-License-Identifier: MIT */

/* help.c - HELP. Everything shown is the server's text, made safe for a terminal. */
#include "cli/show/help.h"

#include <strings.h>

#include "cli/show/output_formats.h"
#include "module/usage/usage_hint.h"

#define NO_GROUP BYTES("other")

static void safe(FILE *file, struct gm_bytes text)
{
    output_safe(file, text, true);
}

static struct gm_bytes group_of(const struct catalog_command *command)
{
    return command->group.size > 0 ? command->group : NO_GROUP;
}

static size_t first_word_size(const char *name)
{
    return strcspn(name, " ");
}

/* Whether the command at `index` is the first with its first word: the table is sorted. */
static bool begins_family(const struct catalog *catalog, size_t index)
{
    const char *name = catalog->commands[index].name;
    size_t size = first_word_size(name);
    const char *above = index > 0 ? catalog->commands[index - 1].name : "";
    return first_word_size(above) != size || strncmp(above, name, size) != 0;
}

static bool seen_group(const struct catalog *catalog, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (gm_bytes_equal(group_of(&catalog->commands[i]), group_of(&catalog->commands[index]))) {
            return true;
        }
    }
    return false;
}

static void list_group(FILE *file, const struct catalog *catalog, struct gm_bytes group, size_t columns)
{
    safe(file, group);
    fputs("\n ", file);
    size_t column = 1;
    for (size_t i = 0; i < catalog->count; i++) {
        const char *name = catalog->commands[i].name;
        size_t size = first_word_size(name);
        if (!gm_bytes_equal(group_of(&catalog->commands[i]), group) || !begins_family(catalog, i)) {
            continue;
        }
        if (column + 1 + size >= columns && column > 1) {
            fputs("\n ", file);
            column = 1;
        }
        fprintf(file, " %.*s", (int)size, name);
        column += 1 + size;
    }
    fputc('\n', file);
}

void help_all(FILE *file, const struct catalog *catalog, size_t columns)
{
    if (catalog->count == 0) {
        fputs("The server declares no commands (it knows neither COMMAND USAGE nor COMMAND DOCS), or has not been "
              "asked yet.\n",
              file);
    }
    for (size_t i = 0; i < catalog->count; i++) {
        if (!seen_group(catalog, i)) {
            list_group(file, catalog, group_of(&catalog->commands[i]), columns);
        }
    }
    fputs("\nHELP <command> explains one. TAB completes, Ctrl-R searches the history, Ctrl-D or \"exit\" leaves.\n",
          file);
}

void help_usage(FILE *file, const struct catalog_command *command)
{
    if (!command->parsed) {
        size_t name = strlen(command->name); /* stands in the line too, of the same size */
        fputs(command->name, file);
        if (command->usage.size > name) {
            safe(file, (struct gm_bytes){command->usage.data + name, command->usage.size - name});
        }
        return;
    }
    struct buf line;
    buf_init(&line, 2 * USAGE_LINE_MAX);
    usage_synopsis(&command->grammar, &line);
    safe(file, buf_bytes(&line));
    buf_finish(&line);
}

static void row(FILE *file, const char *label, struct gm_bytes text)
{
    if (text.size > 0) {
        fprintf(file, "  %-11s ", label);
        safe(file, text);
        fputc('\n', file);
    }
}

static void explain(FILE *file, const struct catalog_command *command)
{
    fputs("\n", file);
    help_usage(file, command);
    fputs("\n", file);
    if (command->summary.size > 0) {
        fputs("  ", file);
        safe(file, command->summary);
        fputs("\n", file);
    }
    row(file, "complexity", command->complexity);
    row(file, "group", command->group);
    row(file, "module", command->module);
    row(file, "since", command->since);
    row(file, "example", command->example);
    if (command->dangerous) {
        row(file, "note", BYTES("declared dangerous: you are asked before it is sent"));
    }
}

/* The sub-commands of `name`, one line each. */
static size_t list_family(FILE *file, const struct catalog *catalog, struct gm_bytes name)
{
    size_t count = 0;
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_command *command = &catalog->commands[i];
        size_t size = first_word_size(command->name);
        if (size != name.size || strncasecmp(command->name, (const char *)name.data, size) != 0 ||
            command->name[size] == '\0') {
            continue;
        }
        fputs(count++ == 0 ? "\n" : "", file);
        help_usage(file, command);
        fputs("\n", file);
        if (command->summary.size > 0) {
            fputs("  ", file);
            safe(file, command->summary);
            fputs("\n", file);
        }
    }
    return count;
}

bool help_command(FILE *file, const struct catalog *catalog, const struct gm_bytes *argv, size_t argc)
{
    size_t words = 0;
    const struct catalog_command *command = catalog_find(catalog, argv, argc, &words);
    bool exact = command != NULL && words == (argc < 2 ? argc : 2);
    if (exact) {
        explain(file, command);
    }
    size_t family = argc == 1 ? list_family(file, catalog, argv[0]) : 0;
    if (exact || family > 0) {
        fputs("\n", file);
    }
    return exact || family > 0;
}
