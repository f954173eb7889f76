/* SPDX-License-Identifier: MIT */

/* counter_type.c - records become changes of a cell, and a cell becomes one record.
 *
 * Idea     GM_WORD    the integer itself: a counter needs no memory besides its cell
 *          GM_BYTES   the text of a number that is no 64-bit integer, as INCRBYFLOAT left it
 *
 *          ADD takes one or two bytes in the log where SET takes up to ten; SET is for what cannot be said as a sum
 *          (the first value after a string of another type, a float that is whole again) and for dumps.
 *
 * Promises
 *   P1  ADD never wraps: a sum beyond 64 bits, which plan never logs, is GM_CORRUPT. So is ADD to a fraction.
 *   P2  A number has one form only: what fits a word is a word, so that equal values dump equal records.
 */
#include "counter_type.h"

#include "counter_value.h"
#include "geomys/codec.h"
#include "geomys/number.h"

/* False: it is not the code of a number, and of nothing else. */
static bool read_number(struct gm_bytes body, int64_t *number)
{
    struct gm_reader in = gm_reader_of(body);
    *number = gm_read_signed(&in);
    return gm_read_all(&in);
}

static int apply_add(struct gm_apply *apply, struct gm_bytes body)
{
    int64_t sum = apply->cell.form == GM_WORD ? (int64_t)apply->cell.word : 0;
    int64_t offset = 0;
    if (apply->cell.form == GM_BYTES || !read_number(body, &offset) || __builtin_add_overflow(sum, offset, &sum)) {
        return GM_CORRUPT;
    }
    gm_set_word(apply, (uint64_t)sum);
    return GM_OK;
}

static int apply_set(struct gm_apply *apply, struct gm_bytes body)
{
    int64_t number = 0;
    if (!read_number(body, &number)) {
        return GM_CORRUPT;
    }
    gm_set_word(apply, (uint64_t)number);
    return GM_OK;
}

static int apply_float(struct gm_apply *apply, struct gm_bytes body)
{
    if (!counter_float_canonical(body)) {
        return GM_CORRUPT;
    }
    memcpy(gm_resize(apply, body.size), body.data, body.size);
    return GM_OK;
}

static int apply_record(struct gm_apply *apply, const struct gm_record *record)
{
    switch (record->op) {
    case COUNTER_ADD:
        return apply_add(apply, record->body);
    case COUNTER_SET:
        return apply_set(apply, record->body);
    case COUNTER_FLOAT:
        return apply_float(apply, record->body);
    default:
        return GM_CORRUPT;
    }
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    if (cell->form == GM_WORD) {
        uint8_t code[GM_VARINT_MAX];
        gm_dump(sink, COUNTER_SET, gm_bytes_between(code, gm_store_varint(code, gm_zigzag((int64_t)cell->word))));
    } else if (cell->form == GM_BYTES) {
        gm_dump(sink, COUNTER_FLOAT, (struct gm_bytes){cell->data, cell->size});
    }
    return 0;
}

static void describe(const struct gm_record *record, struct gm_text *text)
{
    int64_t number = 0;
    if (record->op == COUNTER_FLOAT) {
        gm_text_format(text, "float ");
        gm_text_quote(text, record->body, 64);
    } else if (record->op != COUNTER_ADD && record->op != COUNTER_SET) {
        gm_text_format(text, "unknown operation %u", record->op);
    } else if (read_number(record->body, &number)) {
        gm_text_format(text, "%s %lld", record->op == COUNTER_ADD ? "add" : "set", (long long)number);
    } else {
        gm_text_format(text, "%s malformed", record->op == COUNTER_ADD ? "add" : "set");
    }
}

static struct gm_bytes scalar(const struct gm_cell *cell, char scratch[GM_SCALAR_SCRATCH])
{
    if (cell->form != GM_WORD) {
        return (struct gm_bytes){cell->data, cell->size};
    }
    return gm_bytes_at(scratch, gm_format_int(scratch, (int64_t)cell->word));
}

static void view(const struct gm_cell *cell, uint64_t first, uint64_t count, struct gm_call *call)
{
    char scratch[GM_SCALAR_SCRATCH];
    (void)first;
    (void)count;
    if (cell->form == GM_WORD) {
        gm_reply_int(call, (int64_t)cell->word);
    } else {
        gm_reply_bytes(call, scalar(cell, scratch));
    }
}

static const char *encoding(const struct gm_cell *cell)
{
    return cell->form == GM_WORD ? "int" : "embstr";
}

const struct gm_type counter_type = {
    .size = sizeof(struct gm_type),
    .id = "geomys.counter/1",
    .name = "string",
    .apply = apply_record,
    .dump = dump,
    .describe = describe,
    .scalar = scalar,
    .view = view,
    .encoding = encoding,
};
