/* SPDX-License-Identifier: MIT */

/* output_table.c - replies in rows and columns.
 *
 * Idea     Three shapes have columns: an array of maps (a column per key), a map of maps (the same, with the outer key
 *          first), an array of arrays (a column per place). Any other array is one column, any other map two; what is
 *          no aggregate is written as in human output. Written in two passes, widths first, so that nothing is kept
 *          but the widths.
 *
 * Promises T1  A cell is one line of at most TABLE_CELL cells of the terminal; what is longer is cut and ends in "...".
 *          T2  No byte of a reply can control the terminal.
 *
 * Limits   TABLE_COLUMNS columns; further ones are left out, and a last line says so.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "cli/show/output_formats.h"
#include "cli/text/cells.h"

#define TABLE_CELL    60
#define TABLE_COLUMNS 64
#define CELL_SOURCE   256 /* bytes of a text that can be seen in a cell */
#define CELL_BYTES    (4 * CELL_SOURCE + 8)

enum shape {
    SHAPE_VALUES, /* one column */
    SHAPE_PAIRS,  /* key and value */
    SHAPE_MAPS,   /* a row is a map */
    SHAPE_NAMED,  /* a row is a key and a map */
    SHAPE_ROWS,   /* a row is an array */
};

struct table {
    const struct answer *reply;
    enum shape shape;
    bool utf8;
    const struct answer *heads[TABLE_COLUMNS]; /* the columns' keys; with SHAPE_MAPS and SHAPE_NAMED */
    size_t columns;
    bool cut; /* there were more */
    size_t widths[TABLE_COLUMNS];
};

/* ---- cells --------------------------------------------------------------------------------------------------- */

/* Shortens `text` to what may be shown; returns its cells. */
static size_t clip(char *text, bool utf8)
{
    struct gm_bytes rest = gm_bytes_of(text);
    size_t cells = 0;
    size_t keep = 0; /* bytes that leave room for the dots */
    while (rest.size > 0) {
        uint32_t character = 0;
        size_t size = utf8 ? utf8_decode(rest, &character) : 1;
        int width = utf8 ? cells_of(character) : 1;
        size = size > 0 ? size : 1;
        cells += width > 0 ? (size_t)width : 0;
        if (cells <= TABLE_CELL - 3) {
            keep = (size_t)((const char *)rest.data - text) + size;
        }
        if (cells > TABLE_CELL) {
            memcpy(text + keep, "...", 4);
            return clip(text, utf8);
        }
        rest = (struct gm_bytes){rest.data + size, rest.size - size};
    }
    return cells;
}

static size_t render_text(struct gm_bytes text, bool utf8, char out[CELL_BYTES + 4])
{
    struct gm_bytes seen = {text.data, text.size < CELL_SOURCE ? text.size : CELL_SOURCE};
    memset(out, 0, CELL_BYTES + 4);
    FILE *file = fmemopen(out, CELL_BYTES, "w");
    if (file == NULL) {
        return 0;
    }
    output_safe(file, seen, utf8);
    fclose(file);
    return clip(out, utf8);
}

/* Writes what a cell shows; returns how many cells of the terminal it takes. */
static size_t render(const struct answer *item, bool utf8, char out[CELL_BYTES + 4])
{
    if (item == NULL || item->type == ANSWER_NULL) {
        *out = '\0';
        return 0;
    }
    if (answer_is_text(item)) {
        return render_text(item->text, utf8, out);
    }
    char json[CELL_SOURCE + 1] = "";
    FILE *file = fmemopen(json, CELL_SOURCE, "w"); /* what does not fit is not seen anyway */
    if (file != NULL) {
        output_json_value(file, item);
        fclose(file);
    }
    return render_text(gm_bytes_of(json), utf8, out);
}

/* ---- shapes -------------------------------------------------------------------------------------------------- */

static bool all_are(const struct answer *reply, enum answer_type type, size_t first, size_t step)
{
    for (size_t i = first; i < reply->count; i += step) {
        if (reply->items[i].type != type) {
            return false;
        }
    }
    return reply->count > first;
}

static enum shape shape_of(const struct answer *reply)
{
    if (reply->type == ANSWER_MAP) {
        return all_are(reply, ANSWER_MAP, 1, 2) ? SHAPE_NAMED : SHAPE_PAIRS;
    }
    return all_are(reply, ANSWER_MAP, 0, 1)     ? SHAPE_MAPS
           : all_are(reply, ANSWER_ARRAY, 0, 1) ? SHAPE_ROWS
                                                : SHAPE_VALUES;
}

static bool same_key(const struct answer *one, const struct answer *other)
{
    return answer_is_text(one) && answer_is_text(other) && gm_bytes_equal(one->text, other->text);
}

static const struct answer *value_of(const struct answer *map, const struct answer *key)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (same_key(&map->items[i], key)) {
            return &map->items[i + 1];
        }
    }
    return NULL;
}

static size_t find_head(const struct table *table, size_t first, const struct answer *key)
{
    size_t at = first;
    while (at < table->columns && !same_key(table->heads[at], key)) {
        at++;
    }
    return at;
}

static void add_heads(struct table *table, size_t first, const struct answer *map)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (!answer_is_text(&map->items[i]) || find_head(table, first, &map->items[i]) < table->columns) {
            continue;
        }
        if (table->columns == TABLE_COLUMNS) {
            table->cut = true;
            return;
        }
        table->heads[table->columns++] = &map->items[i];
    }
}

static size_t row_count(const struct table *table)
{
    bool pairs = table->shape == SHAPE_PAIRS || table->shape == SHAPE_NAMED;
    return pairs ? table->reply->count / 2 : table->reply->count;
}

static void find_columns(struct table *table)
{
    const struct answer *reply = table->reply;
    table->columns = table->shape == SHAPE_PAIRS ? 2 : table->shape == SHAPE_MAPS || table->shape == SHAPE_ROWS ? 0 : 1;
    for (size_t i = 0; i < row_count(table); i++) {
        if (table->shape == SHAPE_MAPS) {
            add_heads(table, 0, &reply->items[i]);
        } else if (table->shape == SHAPE_NAMED) {
            add_heads(table, 1, &reply->items[2 * i + 1]);
        } else if (table->shape == SHAPE_ROWS && reply->items[i].count > table->columns) {
            table->cut = table->cut || reply->items[i].count > TABLE_COLUMNS;
            table->columns = reply->items[i].count < TABLE_COLUMNS ? reply->items[i].count : TABLE_COLUMNS;
        }
    }
}

static const struct answer *cell_at(const struct table *table, size_t row, size_t column)
{
    const struct answer *items = table->reply->items;
    switch (table->shape) {
    case SHAPE_VALUES:
        return &items[row];
    case SHAPE_PAIRS:
        return &items[2 * row + column];
    case SHAPE_MAPS:
        return value_of(&items[row], table->heads[column]);
    case SHAPE_NAMED:
        return column == 0 ? &items[2 * row] : value_of(&items[2 * row + 1], table->heads[column]);
    case SHAPE_ROWS:
        return column < items[row].count ? &items[row].items[column] : NULL;
    }
    return NULL;
}

static size_t render_head(const struct table *table, size_t column, char out[CELL_BYTES + 4])
{
    bool keyed = table->shape == SHAPE_MAPS || table->shape == SHAPE_NAMED;
    if (keyed && table->heads[column] != NULL) {
        return render_text(table->heads[column]->text, table->utf8, out);
    }
    bool key = column == 0 && (table->shape == SHAPE_PAIRS || table->shape == SHAPE_NAMED);
    if (table->shape == SHAPE_ROWS) {
        snprintf(out, CELL_BYTES, "%zu", column + 1);
    } else {
        snprintf(out, CELL_BYTES, "%s", key ? "key" : "value");
    }
    return strlen(out);
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static bool is_number(const struct answer *item)
{
    return item != NULL && (item->type == ANSWER_INTEGER || item->type == ANSWER_DOUBLE || item->type == ANSWER_BIG);
}

static void print_cell(FILE *file, const struct table *table, size_t column, const char *text, size_t cells, bool right)
{
    size_t pad = table->widths[column] - cells;
    bool last = column + 1 == table->columns;
    fprintf(file, "%*s%s", right ? (int)pad : 0, "", text);
    fprintf(file, "%*s%s", right || last ? 0 : (int)pad, "", last ? "\n" : "  ");
}

static void measure(struct table *table)
{
    char text[CELL_BYTES + 4];
    for (size_t column = 0; column < table->columns; column++) {
        size_t width = render_head(table, column, text);
        for (size_t row = 0; row < row_count(table); row++) {
            size_t cells = render(cell_at(table, row, column), table->utf8, text);
            width = cells > width ? cells : width;
        }
        table->widths[column] = width;
    }
}

static void print(FILE *file, const struct table *table)
{
    char text[CELL_BYTES + 4];
    for (size_t column = 0; column < table->columns; column++) {
        size_t cells = render_head(table, column, text);
        print_cell(file, table, column, text, cells, false);
    }
    for (size_t row = 0; row < row_count(table); row++) {
        for (size_t column = 0; column < table->columns; column++) {
            const struct answer *item = cell_at(table, row, column);
            size_t cells = render(item, table->utf8, text);
            print_cell(file, table, column, text, cells, is_number(item));
        }
    }
    fprintf(file, "(%zu row%s%s)\n", row_count(table), row_count(table) == 1 ? "" : "s",
            table->cut ? ", not all columns" : "");
}

void output_table(FILE *file, const struct answer *reply, bool utf8)
{
    if (reply->type < ANSWER_ARRAY || reply->count == 0) {
        output_human(file, reply, utf8);
        return;
    }
    struct table table = {.reply = reply, .utf8 = utf8, .shape = shape_of(reply)};
    find_columns(&table);
    measure(&table);
    if (table.columns > 0) {
        print(file, &table);
    } else {
        output_human(file, reply, utf8); /* rows without anything in them */
    }
}
