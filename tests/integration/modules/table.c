/* SPDX-License-Identifier: MIT */

/* table.c - fields and values under one key, in the order of the fields: a type as modules have it, that uses what the
 * three that come with Geomys do not need.
 *
 *     rows    TABLE_SET   { u32 size, field, u32 size, value }...      all of one command
 *             TABLE_DROP  { u32 size, field }...
 *             TABLE_TIME  u64 time, u8 later, { u32 size, field }...      when they go; later: when they come
 *             TABLE_SHOW  { u32 size, field }...                          they have come
 *
 * A field that has a time goes by itself, or comes by itself, which is what is due in a value. Between the time and the
 * plan of that, those who read go by the turn's time.
 *
 * Each row has a tag, a hash of its field with a key that comes of the data set's secret: the same on all nodes and
 * after each restart, and of another data set another.
 *
 * What apply finds (how many fields were new, how many were there) is the answer. Sizes are little-endian. */
#include <stdlib.h>

#include <geomys/codec.h>
#include <geomys/ext/wait.h>
#include <geomys/hash.h>
#include <geomys/module.h>

enum { TABLE_SET = 1, TABLE_DROP = 2, TABLE_TIME = 3, TABLE_SHOW = 4 };

#define TIME_HEAD 9

struct row {
    uint8_t *bytes; /* field, then value; owned */
    uint32_t field_size;
    uint32_t value_size;
    uint64_t tag;
    int64_t at_ms; /* 0: it has no time */
    bool later;    /* it comes then; else it goes */
};

struct table {
    struct row *rows; /* owned */
    uint64_t held;    /* bytes: the sum of gm_held */
    uint32_t count;
    uint32_t room;
    int64_t due_ms; /* the least of the rows' times; 0: none has one */
};

static struct table *table_of(const struct gm_cell *cell)
{
    return (struct table *)(uintptr_t)cell->word;
}

static struct gm_bytes field_of(const struct row *row)
{
    return (struct gm_bytes){row->bytes, row->field_size};
}

static struct gm_bytes value_of(const struct row *row)
{
    return (struct gm_bytes){row->bytes + row->field_size, row->value_size};
}

static int compare(struct gm_bytes a, struct gm_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

#define LABEL "test.table/tag"

static uint64_t tag_of(const struct gm_secret *secret, struct gm_bytes field)
{
    struct gm_hash_key key = gm_hash_key_of(secret, LABEL);
    return gm_hash(&key, field);
}

/* The place of the field, or where it would be. */
static uint32_t find(const struct table *table, struct gm_bytes field, bool *there)
{
    uint32_t low = 0;
    uint32_t high = table->count;
    *there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(field_of(&table->rows[middle]), field);
        if (order == 0) {
            *there = true;
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return low;
}

/* ---- bodies ---- */

static bool read_piece(struct gm_bytes *rest, struct gm_bytes *out)
{
    if (rest->size < 4) {
        return false;
    }
    uint32_t size = (uint32_t)rest->data[0] | (uint32_t)rest->data[1] << 8 | (uint32_t)rest->data[2] << 16 |
                    (uint32_t)rest->data[3] << 24;
    if (size > rest->size - 4) {
        return false;
    }
    *out = (struct gm_bytes){rest->data + 4, size};
    *rest = (struct gm_bytes){rest->data + 4 + size, rest->size - 4 - size};
    return true;
}

static uint8_t *write_size(uint8_t *out, size_t size)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(size >> (8 * i));
    }
    return out + 4;
}

static size_t write_piece(uint8_t *out, struct gm_bytes piece)
{
    out = write_size(out, piece.size);
    if (piece.size > 0) {
        memcpy(out, piece.data, piece.size);
    }
    return 4 + piece.size;
}

/* The body is hostile: all of it is looked at before anything changes. */
static bool is_sound(const struct gm_record *record)
{
    struct gm_bytes rest = record->body;
    if (record->op == TABLE_TIME) {
        if (rest.size < TIME_HEAD || (int64_t)gm_load_u64(rest.data) <= 0 || rest.data[8] > 1) {
            return false;
        }
        rest = (struct gm_bytes){rest.data + TIME_HEAD, rest.size - TIME_HEAD};
    }
    struct gm_bytes piece;
    uint32_t pieces = 0;
    while (rest.size > 0) {
        if (!read_piece(&rest, &piece)) {
            return false;
        }
        pieces++;
    }
    bool pairs = record->op == TABLE_SET;
    return pieces > 0 && record->op >= TABLE_SET && record->op <= TABLE_SHOW && (!pairs || pieces % 2 == 0);
}

/* ---- apply ---- */

static void set_row(struct gm_apply *apply, struct table *table, uint32_t at, struct gm_bytes field,
                    struct gm_bytes value)
{
    struct row *row = &table->rows[at];
    row->bytes = gm_alloc_counted(apply, field.size + value.size + 1, &table->held);
    row->field_size = (uint32_t)field.size;
    row->value_size = (uint32_t)value.size;
    row->tag = tag_of(gm_secret(apply), field);
    row->at_ms = 0;
    row->later = false;
    if (field.size > 0) {
        memcpy(row->bytes, field.data, field.size);
    }
    if (value.size > 0) {
        memcpy(row->bytes + field.size, value.data, value.size);
    }
}

/* Whether the field is new. */
static bool set(struct gm_apply *apply, struct table *table, struct gm_bytes field, struct gm_bytes value)
{
    bool there;
    uint32_t at = find(table, field, &there);
    if (there) {
        gm_release_counted(apply, table->rows[at].bytes, &table->held);
    } else {
        if (table->count == table->room) {
            table->room = table->room == 0 ? 4 : table->room * 2;
            table->rows = gm_realloc_counted(apply, table->rows, table->room * sizeof *table->rows, &table->held);
        }
        memmove(table->rows + at + 1, table->rows + at, (table->count - at) * sizeof *table->rows);
        table->count++;
    }
    set_row(apply, table, at, field, value);
    return !there;
}

static bool drop(struct gm_apply *apply, struct table *table, struct gm_bytes field)
{
    bool there;
    uint32_t at = find(table, field, &there);
    if (there) {
        gm_release_counted(apply, table->rows[at].bytes, &table->held);
        table->count--;
        memmove(table->rows + at, table->rows + at + 1, (table->count - at) * sizeof *table->rows);
    }
    return there;
}

/* Of a field that is there. */
static bool set_time(struct table *table, struct gm_bytes field, int64_t at_ms, bool later)
{
    bool there;
    uint32_t at = find(table, field, &there);
    if (there) {
        table->rows[at].at_ms = at_ms;
        table->rows[at].later = later;
    }
    return there;
}

/* O(rows), and only where one may have had a time: a type for many rows keeps them in a heap. */
static void settle_due(struct table *table, int64_t added_ms)
{
    int64_t least = added_ms;
    for (uint32_t i = 0; table->due_ms != 0 && i < table->count; i++) {
        int64_t at_ms = table->rows[i].at_ms;
        least = at_ms != 0 && (least == 0 || at_ms < least) ? at_ms : least;
    }
    table->due_ms = least;
}

static int apply_table(struct gm_apply *apply, const struct gm_record *record)
{
    if (!is_sound(record) || (apply->cell.form == GM_ABSENT && record->op != TABLE_SET)) {
        return GM_CORRUPT;
    }
    if (apply->cell.form == GM_ABSENT) {
        struct table *fresh = gm_alloc(apply, sizeof *fresh);
        fresh->held = gm_held(apply, fresh);
        gm_set_word(apply, (uint64_t)(uintptr_t)fresh);
    }
    struct table *table = table_of(&apply->cell);
    struct gm_bytes rest = record->body;
    struct gm_bytes field;
    struct gm_bytes value;
    int64_t found = 0;
    int64_t at_ms = 0;
    bool later = false;
    if (record->op == TABLE_TIME) {
        at_ms = (int64_t)gm_load_u64(rest.data);
        later = rest.data[8] != 0;
        rest = (struct gm_bytes){rest.data + TIME_HEAD, rest.size - TIME_HEAD};
    }
    while (read_piece(&rest, &field)) {
        if (record->op == TABLE_DROP) {
            found += drop(apply, table, field);
        } else if (record->op != TABLE_SET) {
            found += set_time(table, field, at_ms, later);
        } else if (read_piece(&rest, &value)) {
            found += set(apply, table, field, value);
        }
    }
    settle_due(table, found > 0 ? at_ms : 0);
    gm_outcome(apply, found);
    return GM_OK;
}

/* Rows of about GM_DUMP_BODY bytes, each a head and its bytes where they lie. */
static uint64_t dump_table(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    const struct table *table = table_of(cell);
    uint64_t at = cursor;
    size_t size = 0;
    do {
        const struct row *row = &table->rows[at++];
        if (row->tag != tag_of(gm_dump_secret(sink), field_of(row))) {
            return GM_DUMP_REFUSED; /* apply and dump have one secret */
        }
        uint8_t heads[8];
        (void)write_size(heads, row->field_size);
        (void)write_size(heads + 4, row->value_size);
        const struct gm_bytes parts[] = {{heads, 4}, field_of(row), {heads + 4, 4}, value_of(row)};
        gm_dump_parts(sink, TABLE_SET, parts, 4);
        if (row->at_ms != 0) {
            uint8_t head[TIME_HEAD + 4];
            (void)write_size(gm_store_u8(gm_store_u64(head, (uint64_t)row->at_ms), row->later), row->field_size);
            const struct gm_bytes time[] = {{head, sizeof head}, field_of(row)};
            gm_dump_parts(sink, TABLE_TIME, time, 2);
        }
        size += 8 + row->field_size + row->value_size;
    } while (at < table->count && size < GM_DUMP_BODY);
    return at < table->count ? at : 0;
}

static void free_table(struct gm_apply *apply)
{
    struct table *table = table_of(&apply->cell);
    for (uint32_t i = 0; i < table->count; i++) {
        gm_release(apply, table->rows[i].bytes);
    }
    gm_release(apply, table->rows);
    gm_release(apply, table);
}

static uint64_t memory(const struct gm_cell *cell)
{
    return table_of(cell)->held;
}

static bool is_empty(const struct gm_cell *cell)
{
    return table_of(cell)->count == 0;
}

static uint64_t length(const struct gm_cell *cell)
{
    return table_of(cell)->count;
}

static int64_t due(const struct gm_cell *cell)
{
    return table_of(cell)->due_ms;
}

/* The fields whose time has come: some go, some come. A record of each, and about GM_DUMP_BODY bytes in all. */
static void plan_due(struct gm_call *call)
{
    const struct table *table = table_of(&gm_key(call, 0)->cell);
    for (int show = 0; show < 2; show++) {
        uint8_t *body = gm_scratch_raw(call, GM_DUMP_BODY);
        size_t size = 0;
        for (uint32_t i = 0; body != NULL && i < table->count; i++) {
            const struct row *row = &table->rows[i];
            bool over = row->at_ms != 0 && row->at_ms <= call->now_ms && row->later == (show != 0);
            if (over && size + 4 + row->field_size <= GM_DUMP_BODY) {
                size += write_piece(body + size, field_of(row));
            }
        }
        if (size > 0) {
            gm_emit(call, &GM_EMISSION(.op = show ? TABLE_SHOW : TABLE_DROP, .flags = GM_BORROWED, .body = {body, size},
                                       .event = show ? "tshow" : "texpired"));
        }
    }
}

/* ---- elements ---- */

static uint64_t show_rows(const struct gm_cell *cell, uint64_t cursor, struct gm_visitor *visitor)
{
    const struct table *table = table_of(cell);
    uint64_t at = cursor;
    for (; at < table->count && at < cursor + 100; at++) {
        const struct row *row = &table->rows[at];
        if (!gm_visit(visitor, &(struct gm_element){.name = field_of(row), .bytes = value_of(row)})) {
            return 0;
        }
    }
    return at < table->count ? at : 0;
}

/* A row of each: what has nothing beside its name has an empty value. */
static void plan_rows(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t heads[8];
        (void)write_size(heads, elements[i].name.size);
        (void)write_size(heads + 4, elements[i].bytes.size);
        const struct gm_bytes parts[] = {elements[i].name, {heads + 4, 4}, elements[i].bytes};
        gm_emit(call, &GM_EMISSION(.key = key, .flags = i == 0 ? GM_FRESH : 0, .op = TABLE_SET, .body = {heads, 4},
                                   .parts = parts, .part_count = 3));
    }
}

static const struct gm_type table_type = {.size = sizeof table_type,
                                          .id = "test.table/1",
                                          .name = "table",
                                          .apply = apply_table,
                                          .dump = dump_table,
                                          .free = free_table,
                                          .memory = memory,
                                          .empty = is_empty,
                                          .length = length,
                                          .due = due,
                                          .plan_due = plan_due,
                                          .elements = show_rows,
                                          .from_elements = plan_rows};

/* ---- plans ---- */

static const struct table none = {0};

static const struct table *table_at(const struct gm_call *call, uint32_t key)
{
    return gm_key(call, key)->state == GM_KEY_OWN ? table_of(&gm_key(call, key)->cell) : &none;
}

/* One record of all words from argument number 1 on. */
static void emit_words(struct gm_call *call, uint16_t op)
{
    uint32_t first = gm_arg(call, 1)->first;
    size_t size = 0;
    for (uint32_t i = first; i < call->argc; i++) {
        size += 4 + call->argv[i].size;
    }
    uint8_t *body = gm_scratch_raw(call, size);
    size_t at = 0;
    for (uint32_t i = first; body != NULL && i < call->argc; i++) {
        at += write_piece(body + at, call->argv[i]);
    }
    gm_emit(call, &GM_EMISSION(.op = op, .flags = GM_BORROWED, .body = {body, at}));
}

static void plan_set(struct gm_call *call)
{
    emit_words(call, TABLE_SET);
}

static void plan_drop(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, 0);
        return;
    }
    emit_words(call, TABLE_DROP);
}

static void answer_number(struct gm_call *call)
{
    gm_reply_int(call, gm_outcome_of(call, 0));
}

/* Whether it is there by this turn's time, whatever was planned. */
static bool is_there(const struct gm_call *call, const struct row *row)
{
    return row->at_ms == 0 || (row->at_ms <= call->now_ms) == row->later;
}

/* The first row from `at` on that is there. */
static uint32_t next_there(const struct gm_call *call, const struct table *table, uint32_t at)
{
    while (at < table->count && !is_there(call, &table->rows[at])) {
        at++;
    }
    return at;
}

/* TABLE.EXPIRE, and TABLE.LATER behind the record that has set the field. */
static void emit_time(struct gm_call *call, int64_t ms, bool later)
{
    uint32_t first = gm_arg(call, 2)->first;
    uint32_t end = later ? first + 1 : call->argc;
    size_t size = TIME_HEAD;
    for (uint32_t i = first; i < end; i++) {
        size += 4 + call->argv[i].size;
    }
    uint8_t *body = gm_scratch_raw(call, size);
    if (body == NULL) {
        return;
    }
    (void)gm_store_u8(gm_store_u64(body, (uint64_t)(call->now_ms + ms)), later);
    size = TIME_HEAD;
    for (uint32_t i = first; i < end; i++) {
        size += write_piece(body + size, call->argv[i]);
    }
    gm_emit(call, &GM_EMISSION(.op = TABLE_TIME, .flags = GM_BORROWED, .body = {body, size}));
}

#define MS_MAX ((int64_t)1 << 50)

static void plan_expire(struct gm_call *call)
{
    int64_t ms = gm_arg(call, 1)->integer;
    if (ms > MS_MAX) {
        gm_reply_error(call, "ERR that is too far away");
    } else if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, 0);
    } else {
        emit_time(call, ms, false);
    }
}

static void plan_later(struct gm_call *call)
{
    int64_t ms = gm_arg(call, 1)->integer;
    struct gm_bytes field = gm_arg_at(call, 2, 0);
    struct gm_bytes value = gm_arg_at(call, 3, 0);
    uint8_t *body = gm_scratch_raw(call, 8 + field.size + value.size);
    if (ms > MS_MAX) {
        gm_reply_error(call, "ERR that is too far away");
    } else if (body != NULL) {
        size_t size = write_piece(body, field);
        size += write_piece(body + size, value);
        gm_emit(call, &GM_EMISSION(.op = TABLE_SET, .flags = GM_BORROWED, .body = {body, size}));
        emit_time(call, ms, true);
        gm_reply_status(call, "OK");
    }
}

/* Milliseconds; -1: it has no time, -2: it is not there. */
static void plan_ttl(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    bool there;
    uint32_t at = find(table, gm_arg_at(call, 1, 0), &there);
    there = there && is_there(call, &table->rows[at]);
    int64_t at_ms = there && !table->rows[at].later ? table->rows[at].at_ms : 0;
    gm_reply_int(call, !there ? -2 : at_ms == 0 ? -1 : at_ms - call->now_ms);
}

static void plan_all(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    gm_reply_begin(call, GM_REPLY_MAP);
    for (uint32_t i = next_there(call, table, 0); i < table->count; i = next_there(call, table, i + 1)) {
        gm_reply_bytes(call, field_of(&table->rows[i]));
        gm_reply_bytes(call, value_of(&table->rows[i]));
    }
    gm_reply_end(call);
}

static double number_of(struct gm_bytes text)
{
    char copy[32] = {0};
    memcpy(copy, text.data, text.size < sizeof copy ? text.size : sizeof copy - 1);
    return strtod(copy, NULL);
}

static bool is_within(struct gm_call *call, uint32_t arg, double number, bool low)
{
    double end = gm_arg(call, arg)->number;
    bool exclusive = gm_arg_at(call, arg, 0).data[0] == '(';
    return low ? (exclusive ? number > end : number >= end) : (exclusive ? number < end : number <= end);
}

static void plan_between(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    gm_reply_begin(call, GM_REPLY_PAIRS);
    for (uint32_t i = next_there(call, table, 0); i < table->count; i = next_there(call, table, i + 1)) {
        double number = number_of(value_of(&table->rows[i]));
        if (is_within(call, 1, number, true) && is_within(call, 2, number, false)) {
            gm_reply_bytes(call, field_of(&table->rows[i]));
            gm_reply_double(call, number);
        }
    }
    gm_reply_end(call);
}

/* Of each key the fields behind the one that is said for it; a key that has none is left out. */
static void plan_after(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_ARRAY);
    for (uint32_t k = 0; k < call->key_count; k++) {
        const struct table *table = table_at(call, k);
        bool there;
        uint32_t at = find(table, gm_arg_at(call, 4, k), &there);
        at = next_there(call, table, at + there);
        if (at == table->count) {
            continue;
        }
        gm_reply_array(call, 2);
        gm_reply_bytes(call, gm_key(call, k)->name);
        gm_reply_begin(call, GM_REPLY_ARRAY);
        for (int64_t left = gm_given(call, 1) ? gm_arg(call, 1)->integer : INT64_MAX; at < table->count && left > 0;
             at = next_there(call, table, at + 1), left--) {
            gm_reply_bytes(call, field_of(&table->rows[at]));
        }
        gm_reply_end(call);
    }
    gm_reply_end(call);
}

/* Waits for a field behind the last one that was there when it came: that one it keeps, behind a byte that says that it
 * has looked. */
static void plan_wait(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    const struct table *table = table_at(call, 0);
    struct gm_bytes kept = wait->kept(call);
    if (kept.data == NULL) {
        struct gm_bytes last = gm_bytes_of("");
        for (uint32_t i = next_there(call, table, 0); i < table->count; i = next_there(call, table, i + 1)) {
            last = field_of(&table->rows[i]);
        }
        uint8_t *seen = gm_scratch(call, 1 + last.size);
        if (seen == NULL) {
            return;
        }
        memcpy(seen + 1, last.data, last.size);
        kept = (struct gm_bytes){seen, 1 + last.size};
    }
    bool there;
    uint32_t at = find(table, (struct gm_bytes){kept.data + 1, kept.size - 1}, &there);
    at = next_there(call, table, at + there);
    if (at < table->count) {
        gm_reply_bytes(call, field_of(&table->rows[at]));
    } else if (!wait->wait(call, gm_arg(call, 1)->integer, kept)) {
        gm_reply_null(call);
    }
}

/* Which of the words it is told are there, and how many different ones it was told. */
static void plan_have(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    const bool *first = gm_first(call, 1);
    uint32_t distinct = 0;
    if (first == NULL) {
        return;
    }
    gm_reply_array(call, 2);
    gm_reply_begin(call, GM_REPLY_SET);
    for (uint32_t k = 0; k < gm_arg(call, 1)->count; k++) {
        bool there;
        uint32_t at = find(table, gm_arg_at(call, 1, k), &there);
        there = there && is_there(call, &table->rows[at]);
        distinct += first[k];
        if (first[k] && there) {
            gm_reply_bytes(call, gm_arg_at(call, 1, k));
        }
    }
    gm_reply_end(call);
    gm_reply_int(call, distinct);
}

static void plan_sum(struct gm_call *call)
{
    double sum = 0;
    for (uint32_t k = 0; k < gm_arg(call, 0)->count; k++) {
        sum += gm_number_at(call, 0, k) * (double)gm_int_at(call, 1, k);
    }
    gm_reply_double(call, sum);
}

/* The tag of the row, or, where there is none, what it would be. A real module keeps what comes of the secret to
 * itself.
 */
static void plan_tag(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    bool there;
    uint32_t at = find(table, gm_arg_at(call, 1, 0), &there);
    uint64_t tag = there ? table->rows[at].tag : tag_of(gm_call_secret(call), gm_arg_at(call, 1, 0));
    gm_reply_int(call, (int64_t)(tag >> 1));
}

/* ---- settings ---- */

enum { PAGE, ROOM, WAIT, LOUD, FACTOR, ORDER };

static const struct gm_setting settings[] = {
    {.size = sizeof(struct gm_setting),
     .kind = GM_SETTING_INT,
     .name = "page",
     .min = -5,
     .max = 1000,
     .fallback = 10,
     .help = "How many fields TABLE.PAGE gives."},
    {.size = sizeof(struct gm_setting),
     .kind = GM_SETTING_BYTES,
     .name = "room",
     .max = (int64_t)1 << 40,
     .fallback = 65536,
     .help = "Bytes, for the tests."},
    {.size = sizeof(struct gm_setting),
     .kind = GM_SETTING_MS,
     .name = "wait_ms",
     .max = 60000,
     .fallback = 250,
     .help = "A time, for the tests."},
    {.size = sizeof(struct gm_setting), .kind = GM_SETTING_BOOL, .name = "loud", .help = "A truth, for the tests."},
    {.size = sizeof(struct gm_setting),
     .kind = GM_SETTING_NUMBER,
     .name = "factor",
     .number_min = 1e-9,
     .number_max = 0.5,
     .number_fallback = 0.1,
     .help = "A number, for the tests."},
    {.size = sizeof(struct gm_setting),
     .kind = GM_SETTING_WORD,
     .name = "order",
     .words = "up down none-at-all",
     .fallback = 1,
     .help = "A word, for the tests."},
};

/* What the settings are. */
static void plan_settings(struct gm_call *call)
{
    gm_reply_array(call, 6);
    for (uint32_t i = 0; i < 6; i++) {
        if (i == FACTOR) {
            gm_reply_double(call, gm_setting_number(call, i));
        } else {
            gm_reply_int(call, gm_setting_int(call, i));
        }
    }
}

/* The first fields, as many as the setting says. */
static void plan_page(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    gm_reply_begin(call, GM_REPLY_ARRAY);
    for (uint32_t i = 0; i < table->count && i < gm_setting_int(call, PAGE); i++) {
        gm_reply_bytes(call, field_of(&table->rows[i]));
    }
    gm_reply_end(call);
}

/* ---- other types ---- */

struct gathered {
    struct gm_call *call;
    struct gm_element *elements; /* scratch */
    size_t count;
    size_t room;
};

static bool gather(void *context, const struct gm_element *element)
{
    struct gathered *all = context;
    if (all->count == all->room) {
        size_t room = all->room == 0 ? 16 : all->room * 2;
        struct gm_element *wider = gm_scratch_raw(all->call, room * sizeof *wider);
        if (wider == NULL) {
            return false;
        }
        if (all->count > 0) {
            memcpy(wider, all->elements, all->count * sizeof *wider);
        }
        all->elements = wider;
        all->room = room;
    }
    all->elements[all->count++] = *element;
    return true;
}

/* All elements of all sources, whatever they are, as a value of the kind that is asked for. */
static void plan_join(struct gm_call *call)
{
    struct gathered all = {.call = call};
    for (uint32_t k = 1; k < call->key_count; k++) {
        uint64_t cursor = 0;
        do {
            cursor = gm_walk(call, k, cursor, gather, &all);
        } while (cursor != 0);
    }
    if (gm_emit_elements(call, 0, gm_given(call, 0) ? "list" : "table", all.elements, all.count)) {
        gm_reply_int(call, (int64_t)all.count);
    }
}

/* Of each field what the key of that name holds. */
static void plan_deref(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    gm_reply_array(call, table->count);
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t key = gm_key_add(call, field_of(&table->rows[i]));
        if (key == GM_KEY_NONE) {
            return;
        }
        struct gm_bytes text = gm_scalar(call, key);
        if (text.data != NULL) {
            gm_reply_bytes(call, text);
        } else {
            gm_reply_null(call);
        }
    }
}

/* As SMOVE: a source that is not there matters before what the destination is. */
static void plan_move(struct gm_call *call)
{
    const struct table *table = table_at(call, 0);
    struct gm_bytes field = gm_arg_at(call, 2, 0);
    bool there;
    uint32_t at = find(table, field, &there);
    if (!there) {
        gm_reply_int(call, 0);
    } else if (gm_key(call, 1)->state > GM_KEY_OWN) {
        gm_reply_error(call, "WRONGTYPE Operation against a key holding the wrong kind of value");
    } else {
        const struct gm_element row = {.name = field, .bytes = value_of(&table->rows[at])};
        uint8_t heads[8];
        (void)write_size(heads, field.size);
        (void)write_size(heads + 4, row.bytes.size);
        const struct gm_bytes parts[] = {field, {heads + 4, 4}, row.bytes};
        gm_emit(call, &GM_EMISSION(.op = TABLE_DROP, .body = {heads, 4}, .parts = parts, .part_count = 1));
        gm_emit(call, &GM_EMISSION(.key = 1, .op = TABLE_SET, .body = {heads, 4}, .parts = parts, .part_count = 3));
        gm_reply_int(call, 1);
    }
}

#define WORDS .size = sizeof(struct gm_command), .summary = "For the tests.", .complexity = "O(n)"

static const struct gm_type *const types[] = {&table_type};
static const char *const needs[] = {GM_WAIT_2};
static const struct gm_command commands[] = {
    {WORDS, .usage = "TABLE.SET key {field value}...", .flags = GM_WRITE | GM_GROWS, .type = &table_type,
     .plan = plan_set, .answer = answer_number, .answer_max = 32},
    {WORDS, .usage = "TABLE.DROP key field...", .flags = GM_WRITE, .type = &table_type, .plan = plan_drop,
     .answer = answer_number, .answer_max = 32},
    {WORDS, .usage = "TABLE.EXPIRE key ms:positive field...", .flags = GM_WRITE, .type = &table_type,
     .plan = plan_expire, .answer = answer_number, .answer_max = 32},
    {WORDS, .usage = "TABLE.LATER key ms:positive field value", .flags = GM_WRITE | GM_GROWS, .type = &table_type,
     .plan = plan_later},
    {WORDS, .usage = "TABLE.TTL key field", .flags = GM_READ, .type = &table_type, .plan = plan_ttl},
    {WORDS, .usage = "TABLE.ALL key", .flags = GM_READ, .type = &table_type, .plan = plan_all},
    {WORDS, .usage = "TABLE.BETWEEN key min:bound max:bound", .flags = GM_READ, .type = &table_type,
     .plan = plan_between},
    {WORDS, .usage = "TABLE.AFTER [COUNT count:int] TABLES key:rkey... field{key}", .flags = GM_READ,
     .type = &table_type, .plan = plan_after},
    {WORDS, .usage = "TABLE.WAIT key timeout:timeout", .flags = GM_READ | GM_BLOCKS, .type = &table_type,
     .plan = plan_wait},
    {WORDS, .usage = "TABLE.HAVE key field...", .flags = GM_READ, .type = &table_type, .plan = plan_have},
    {WORDS, .usage = "TABLE.SETTINGS", .flags = GM_READ, .plan = plan_settings},
    {WORDS, .usage = "TABLE.PAGE key", .flags = GM_READ, .type = &table_type, .plan = plan_page},
    {WORDS, .usage = "TABLE.TAG key field", .flags = GM_READ, .type = &table_type, .plan = plan_tag},
    {WORDS, .usage = "TABLE.JOIN [LIST] destination:key-any source:rkey-elements...", .flags = GM_WRITE | GM_GROWS,
     .plan = plan_join},
    {WORDS, .usage = "TABLE.DEREF key", .flags = GM_READ, .type = &table_type, .plan = plan_deref},
    {WORDS, .usage = "TABLE.MOVE source:key destination:key-any field", .flags = GM_WRITE | GM_GROWS,
     .type = &table_type, .plan = plan_move},
    {WORDS, .usage = "TABLE.SUM {score:score times:int}...", .flags = GM_READ, .plan = plan_sum},
};

GM_MODULE(.name = "test.table", .version = "1.0.0", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0], .settings = settings, .setting_count = 6,
          .needs = needs, .need_count = 1)
