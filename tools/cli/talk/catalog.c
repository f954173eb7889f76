/* SPDX-License-Identifier: MIT */

/* catalog.c - from the server's reply to a sorted table.
 *
 * Idea     The reply's tree is kept and the texts are borrowed from it; only the grammars are new. Names are unified to
 *          capitals with blanks ("client|setname" -> "CLIENT SETNAME"), which sorts a command before its sub-commands.
 *
 * Promises C1  A name consists of letters, digits and "._-" in words, so it may be shown as it is.
 *          C2  An entry that is not understood costs itself, never the catalog.
 */
#include "cli/talk/catalog.h"

#include <stdlib.h>

#include "base/memory.h"
#include "cli/talk/catalog_docs.h"

#define NAME_WORDS 2 /* a command, a sub-command */

void catalog_finish(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->count; i++) {
        usage_finish(&catalog->commands[i].grammar);
        memory_free((void *)(uintptr_t)catalog->commands[i].owned.data);
    }
    memory_free(catalog->commands);
    answer_finish(&catalog->source);
    *catalog = (struct catalog){.source = {.type = ANSWER_NULL}};
}

/* ---- building ------------------------------------------------------------------------------------------------ */

/* Writes the unified name; false if it is none. */
static bool unify_name(char out[USAGE_NAME_MAX + 1], struct gm_bytes name)
{
    if (name.size == 0 || name.size > USAGE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool upper = byte >= 'A' && byte <= 'Z';
        bool lower = byte >= 'a' && byte <= 'z';
        bool digit = byte >= '0' && byte <= '9';
        bool between = byte == '|' || byte == ' ';
        if (!upper && !lower && !digit && !between && byte != '.' && byte != '_' && byte != '-') {
            return false;
        }
        if (between && (i == 0 || i + 1 == name.size || out[i - 1] == ' ')) {
            return false;
        }
        out[i] = (char)(lower ? byte - 32 : between ? ' ' : byte);
    }
    out[name.size] = '\0';
    return true;
}

static struct gm_bytes text_of(const struct answer *map, const char *key)
{
    const struct answer *found = answer_get(map, key);
    return found != NULL && answer_is_text(found) ? found->text : BYTES_NONE;
}

static bool flagged(const struct answer *map, const char *flag)
{
    const struct answer *flags = answer_get(map, "flags");
    for (size_t i = 0; flags != NULL && i < flags->count; i++) {
        if (answer_is_text(&flags->items[i]) && bytes_equal_nocase(flags->items[i].text, flag)) {
            return true;
        }
    }
    return false;
}

static void parse_grammar(struct catalog_command *command)
{
    char line[USAGE_LINE_MAX + 1];
    if (command->usage.size == 0 || command->usage.size > USAGE_LINE_MAX ||
        memchr(command->usage.data, 0, command->usage.size) != NULL) {
        return;
    }
    memcpy(line, command->usage.data, command->usage.size);
    line[command->usage.size] = '\0';
    struct complaint ignored;
    char parsed_name[USAGE_NAME_MAX + 1];
    command->parsed = usage_parse(&command->grammar, line, &ignored) == STATUS_OK;
    if (command->parsed &&
        (!unify_name(parsed_name, gm_bytes_of(command->grammar.name)) || strcmp(parsed_name, command->name) != 0)) {
        usage_finish(&command->grammar); /* a line about something else */
        command->grammar = (struct usage){0};
        command->parsed = false;
    }
}

struct building {
    struct catalog catalog;
    size_t capacity;
    bool docs;
};

static void write_usage(struct catalog_command *command, const struct answer *about)
{
    struct buf line;
    buf_init(&line, USAGE_LINE_MAX);
    buf_append(&line, gm_bytes_of(command->name));
    for (size_t i = 0; i < line.size; i++) {
        line.data[i] = line.data[i] == ' ' ? '|' : line.data[i];
    }
    catalog_docs_usage(&line, answer_get(about, "arguments"));
    command->usage = buf_bytes(&line);
    command->owned = command->usage; /* the buffer's memory is the command's from here on */
}

static void add_command(struct building *building, const struct answer *name, const struct answer *about)
{
    struct catalog_command command = {
        .summary = text_of(about, "summary"),
        .complexity = text_of(about, "complexity"),
        .group = text_of(about, "group"),
        .module = text_of(about, "module"),
        .since = text_of(about, "since"),
        .example = text_of(about, "example"),
        .usage = text_of(about, "usage"),
        .dangerous = flagged(about, "dangerous"),
    };
    if (!answer_is_text(name) || !unify_name(command.name, name->text)) {
        return;
    }
    if (building->docs) {
        write_usage(&command, about);
    }
    parse_grammar(&command);
    struct catalog *catalog = &building->catalog;
    if (catalog->count == building->capacity) {
        building->capacity = building->capacity == 0 ? 64 : building->capacity * 2;
        catalog->commands = memory_realloc(catalog->commands, building->capacity * sizeof command);
    }
    catalog->commands[catalog->count++] = command;
}

static void add_map(struct building *building, const struct answer *map, bool inner)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        const struct answer *about = &map->items[i + 1];
        const struct answer *subcommands = building->docs ? answer_get(about, "subcommands") : NULL;
        add_command(building, &map->items[i], about);
        if (subcommands != NULL && !inner) {
            add_map(building, subcommands, true);
        }
    }
}

static int compare_commands(const void *a, const void *b)
{
    return strcmp(((const struct catalog_command *)a)->name, ((const struct catalog_command *)b)->name);
}

static bool build(struct catalog *catalog, struct answer *reply, bool docs)
{
    if ((reply->type != ANSWER_MAP && reply->type != ANSWER_ARRAY) || reply->count < 2) {
        return false;
    }
    struct building building = {.docs = docs};
    add_map(&building, reply, false);
    if (building.catalog.count == 0) {
        return false;
    }
    qsort(building.catalog.commands, building.catalog.count, sizeof *building.catalog.commands, compare_commands);
    catalog_finish(catalog);
    *catalog = building.catalog;
    catalog->source = *reply;
    catalog->exact = !docs;
    *reply = (struct answer){.type = ANSWER_NULL};
    return true;
}

bool catalog_from_usage(struct catalog *catalog, struct answer *reply)
{
    return build(catalog, reply, false);
}

bool catalog_from_docs(struct catalog *catalog, struct answer *reply)
{
    return build(catalog, reply, true);
}

/* ---- looking up ---------------------------------------------------------------------------------------------- */

static int compare_name(const void *name, const void *command)
{
    return strcmp(name, ((const struct catalog_command *)command)->name);
}

const struct catalog_command *catalog_named(const struct catalog *catalog, struct gm_bytes name)
{
    char unified[USAGE_NAME_MAX + 1];
    if (catalog->count == 0 || !unify_name(unified, name)) {
        return NULL;
    }
    return bsearch(unified, catalog->commands, catalog->count, sizeof *catalog->commands, compare_name);
}

const struct catalog_command *catalog_find(const struct catalog *catalog, const struct gm_bytes *argv, size_t count,
                                           size_t *words)
{
    for (size_t used = count < NAME_WORDS ? count : NAME_WORDS; used > 0; used--) {
        char name[USAGE_NAME_MAX + 1];
        size_t size = argv[0].size;
        bool fits = size < sizeof name && memchr(argv[0].data, ' ', size) == NULL;
        if (fits && used == 2) {
            fits = argv[1].size < sizeof name - size - 1 && memchr(argv[1].data, ' ', argv[1].size) == NULL;
        }
        if (!fits) {
            continue;
        }
        memcpy(name, argv[0].data, size);
        if (used == 2) {
            name[size] = ' ';
            memcpy(name + size + 1, argv[1].data, argv[1].size);
            size += 1 + argv[1].size;
        }
        const struct catalog_command *found = catalog_named(catalog, (struct gm_bytes){(const uint8_t *)name, size});
        if (found != NULL) {
            if (words != NULL) {
                *words = used;
            }
            return found;
        }
    }
    return NULL;
}

/* How many letters must be changed, added, dropped or swapped with their neighbour; above `most`: any more. */
static size_t distance(struct gm_bytes a, const char *b, size_t most)
{
    size_t b_size = strlen(b);
    size_t rows[3][USAGE_NAME_MAX + 2];
    if (a.size > USAGE_NAME_MAX || b_size > USAGE_NAME_MAX) {
        return most + 1;
    }
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            uint8_t letter =
                a.data[i - 1] >= 'a' && a.data[i - 1] <= 'z' ? (uint8_t)(a.data[i - 1] - 32) : a.data[i - 1];
            bool same = letter == (uint8_t)b[j - 1];
            size_t best = above[j - 1] + (same ? 0 : 1);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && (a.data[i - 2] & 0xdf) == (uint8_t)b[j - 1] && letter == (uint8_t)b[j - 2] &&
                above2[j - 2] + 1 < best) {
                best = above2[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[a.size % 3][b_size];
}

const char *catalog_nearest(const struct catalog *catalog, struct gm_bytes name)
{
    size_t best = name.size < 3 ? 1 : name.size < 8 ? 2 : 3;
    const char *nearest = NULL;
    for (size_t i = 0; i < catalog->count; i++) {
        const char *candidate = catalog->commands[i].name;
        if (strchr(candidate, ' ') != NULL) {
            continue;
        }
        size_t far = distance(name, candidate, best);
        if (far > 0 && (far < best || (far == best && nearest == NULL))) {
            best = far;
            nearest = candidate;
        }
    }
    return nearest;
}

bool catalog_secret(const struct catalog *catalog, const struct gm_bytes *argv, size_t count)
{
    size_t words;
    const struct catalog_command *command = catalog_find(catalog, argv, count, &words);
    if (command == NULL || !command->parsed || count > UINT32_MAX) {
        return false;
    }
    int leaf = usage_find(&command->grammar, "password");
    if (leaf < 0 || usage_leaf(&command->grammar, (uint32_t)leaf)->kind != USAGE_ARGUMENT) {
        return false;
    }
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_bound bound = {0};
    if (usage_bind(&command->grammar, argv, (uint32_t)count, args, &bound) == USAGE_OK) {
        return args[leaf].count > 0;
    }
    return count > words; /* wrong, but one of its words may be the password */
}
