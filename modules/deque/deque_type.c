/* SPDX-License-Identifier: MIT */

/* deque_type.c - records become changes of a cell, and a cell becomes records.
 *
 * Idea     A small deque is kept inline with its key, without a pointer:
 *
 *              GM_BYTES    [count][packed elements ...]       at most INLINE_COUNT elements in INLINE_SIZE bytes
 *              GM_WORD     pointer to a struct deque
 *
 *          It becomes blocks when it outgrows that, by copying its run into the first block, and bytes again when a
 *          removal leaves no more than a quarter, so that a queue that breathes around the limit does not change form
 *          at each step. Nobody can see the form but through OBJECT ENCODING: a dump says only what the elements are.
 *
 * Promises
 *   P1  A body is checked wholly before the first change; what cannot belong to the value is GM_CORRUPT.
 *   P2  An empty deque does not exist: the change that takes the last element clears the cell.
 *   P3  Dumps are canonical: filled greedily from the front, so equal elements give equal records.
 *
 * Limits   An element has at most GM_VALUE_SIZE_MAX bytes.
 */
#include "deque_type.h"

#include "geomys/call.h"

#define INLINE_SIZE  512 /* bytes of packed elements */
#define INLINE_COUNT 128

#define RETURN_SIZE  (INLINE_SIZE / 4)
#define RETURN_COUNT (INLINE_COUNT / 4)

/* ---- looking into a cell -------------------------------------------------------------------------------------- */

static inline struct deque *deque_of(const struct gm_cell *cell)
{
    return (struct deque *)(uintptr_t)cell->word;
}

static inline struct gm_bytes run_of(const struct gm_cell *cell)
{
    return (struct gm_bytes){cell->data + 1, cell->size - 1};
}

uint64_t deque_cell_length(const struct gm_cell *cell)
{
    switch (cell->form) {
    case GM_WORD:
        return deque_of(cell)->length;
    case GM_BYTES:
        return cell->data[0];
    default:
        return 0;
    }
}

struct deque_cursor deque_cell_seek(const struct gm_cell *cell, uint64_t index)
{
    if (cell->form == GM_WORD) {
        return deque_seek(deque_of(cell), index);
    }
    return deque_seek_packed(run_of(cell), cell->data[0], index);
}

/* ---- changing form -------------------------------------------------------------------------------------------- */

static void *lend_alloc(void *apply, size_t size)
{
    return gm_alloc(apply, size);
}

static void *lend_realloc(void *apply, void *memory, size_t size)
{
    return gm_realloc(apply, memory, size);
}

static void lend_release(void *apply, void *memory)
{
    gm_release(apply, memory);
}

static uint64_t lend_reserved(void *apply, const void *memory)
{
    return gm_held(apply, memory);
}

static inline struct deque_memory memory_of(struct gm_apply *apply)
{
    return (struct deque_memory){lend_alloc, lend_realloc, lend_release, lend_reserved, apply};
}

/* The cell as blocks, whatever it was. */
static struct deque *as_blocks(struct gm_apply *apply, const struct deque_memory *memory)
{
    if (apply->cell.form == GM_WORD) {
        return deque_of(&apply->cell);
    }
    struct deque *deque = apply->cell.form == GM_BYTES
                              ? deque_create_packed(memory, run_of(&apply->cell), apply->cell.data[0])
                              : deque_create(memory);
    gm_set_word(apply, (uint64_t)(uintptr_t)deque);
    return deque;
}

static void become_inline(struct gm_apply *apply, const struct deque_memory *memory, struct deque *deque)
{
    struct deque_cursor cursor = deque_seek(deque, 0);
    struct gm_bytes element;
    uint8_t *at = gm_resize(apply, 1 + (size_t)deque->packed);
    *at++ = (uint8_t)deque->length;
    while (deque_next(&cursor, &element)) {
        at = packed_write(at, element);
    }
    deque_destroy(deque, memory);
}

/* After elements of a deque of blocks, not all of them, went or shrank. */
static void settle(struct gm_apply *apply, const struct deque_memory *memory, struct deque *deque)
{
    if (deque->length <= RETURN_COUNT && deque->packed <= RETURN_SIZE) {
        become_inline(apply, memory, deque);
    }
}

/* Whether the cell is, or may become, an inline one with `count` elements in `size` bytes. */
static inline bool fits_inline(const struct gm_apply *apply, uint64_t count, size_t size)
{
    return apply->cell.form != GM_WORD && count <= INLINE_COUNT && size <= INLINE_SIZE;
}

/* ---- inline --------------------------------------------------------------------------------------------------- */

/* Replaces `old` bytes at offset `at` of the run by `size` bytes, written by the caller to where this points; the count
 * becomes `count`. An absent cell is an empty run. */
static uint8_t *inline_gap(struct gm_apply *apply, size_t at, size_t old, size_t size, uint64_t count)
{
    size_t before = apply->cell.form == GM_BYTES ? apply->cell.size : 1;
    size_t tail = before - 1 - at - old;
    uint8_t *data = before + size - old > before ? gm_resize(apply, before + size - old) : apply->cell.data;
    if (tail > 0 && size != old) {
        memmove(data + 1 + at + size, data + 1 + at + old, tail);
    }
    if (size < old) {
        data = gm_resize(apply, before + size - old);
    }
    data[0] = (uint8_t)count;
    return data + 1 + at;
}

/* The offset in an inline run at which element `index` begins. */
static size_t inline_offset(const struct gm_cell *cell, uint64_t index)
{
    struct deque_cursor cursor = deque_cell_seek(cell, index);
    return (size_t)(cursor.at - cursor.begin);
}

/* ---- apply ---------------------------------------------------------------------------------------------------- */

static void push_one(struct gm_apply *apply, struct gm_bytes element, bool front)
{
    uint64_t count = deque_cell_length(&apply->cell);
    size_t used = apply->cell.form == GM_BYTES ? apply->cell.size - 1 : 0;
    size_t need = packed_size(element.size);
    if (fits_inline(apply, count + 1, used + need)) {
        packed_write(inline_gap(apply, front ? 0 : used, 0, need, count + 1), element);
        return;
    }
    struct deque_memory memory = memory_of(apply);
    struct deque *deque = as_blocks(apply, &memory);
    if (front) {
        deque_push_front(deque, &memory, element);
    } else {
        deque_push_back(deque, &memory, element);
    }
}

static int apply_push_many(struct gm_apply *apply, struct gm_bytes body, bool front)
{
    struct gm_reader in = gm_reader_of(body);
    while (gm_read_left(&in) > 0) {
        (void)gm_read_item(&in);
    }
    if (body.size == 0 || !gm_read_fine(&in)) {
        return GM_CORRUPT;
    }
    for (in = gm_reader_of(body); gm_read_left(&in) > 0;) {
        push_one(apply, gm_read_item(&in), front);
    }
    return GM_OK;
}

/* Keeps elements [start, start + count), count > 0, all of which there are. */
static void keep(struct gm_apply *apply, uint64_t start, uint64_t count)
{
    if (apply->cell.form == GM_BYTES) {
        size_t end = inline_offset(&apply->cell, start + count);
        (void)inline_gap(apply, end, apply->cell.size - 1 - end, 0, start + count);
        (void)inline_gap(apply, 0, inline_offset(&apply->cell, start), 0, count);
        return;
    }
    struct deque_memory memory = memory_of(apply);
    struct deque *deque = deque_of(&apply->cell);
    deque_drop_back(deque, &memory, deque->length - start - count);
    deque_drop_front(deque, &memory, start);
    settle(apply, &memory, deque);
}

static void discard(struct gm_apply *apply)
{
    if (apply->cell.form == GM_WORD) {
        struct deque_memory memory = memory_of(apply);
        deque_destroy(deque_of(&apply->cell), &memory);
    }
    gm_clear(apply);
}

static int apply_pop(struct gm_apply *apply, struct gm_bytes body, bool front)
{
    uint64_t length = deque_cell_length(&apply->cell);
    struct gm_reader in = gm_reader_of(body);
    uint64_t count = gm_read_varint(&in);
    if (!gm_read_all(&in) || count == 0 || count > length) {
        return GM_CORRUPT;
    }
    if (count == length) {
        discard(apply);
    } else {
        keep(apply, front ? count : 0, length - count);
    }
    return GM_OK;
}

static int apply_trim(struct gm_apply *apply, struct gm_bytes body)
{
    uint64_t length = deque_cell_length(&apply->cell);
    struct gm_reader in = gm_reader_of(body);
    uint64_t start = gm_read_varint(&in);
    uint64_t count = gm_read_varint(&in);
    if (!gm_read_all(&in) || count == 0 || start > length || count > length - start) {
        return GM_CORRUPT;
    }
    keep(apply, start, count);
    return GM_OK;
}

static int apply_set(struct gm_apply *apply, struct gm_bytes body)
{
    uint64_t length = deque_cell_length(&apply->cell);
    struct gm_reader in = gm_reader_of(body);
    uint64_t index = gm_read_varint(&in);
    if (!gm_read_fine(&in) || index >= length) {
        return GM_CORRUPT;
    }
    body = gm_read_rest(&in);
    if (apply->cell.form == GM_BYTES) {
        size_t at = inline_offset(&apply->cell, index);
        size_t old = inline_offset(&apply->cell, index + 1) - at;
        size_t need = packed_size(body.size);
        if (fits_inline(apply, length, apply->cell.size - 1 - old + need)) {
            packed_write(inline_gap(apply, at, old, need, length), body);
            return GM_OK;
        }
    }
    struct deque_memory memory = memory_of(apply);
    struct deque *deque = as_blocks(apply, &memory);
    deque_set(deque, &memory, index, body);
    settle(apply, &memory, deque);
    return GM_OK;
}

static int apply_insert(struct gm_apply *apply, struct gm_bytes body)
{
    uint64_t length = deque_cell_length(&apply->cell);
    struct gm_reader in = gm_reader_of(body);
    uint64_t index = gm_read_varint(&in);
    if (!gm_read_fine(&in) || length == 0 || index > length) {
        return GM_CORRUPT;
    }
    body = gm_read_rest(&in);
    size_t need = packed_size(body.size);
    if (fits_inline(apply, length + 1, apply->cell.size - 1 + need)) {
        packed_write(inline_gap(apply, inline_offset(&apply->cell, index), 0, need, length + 1), body);
        return GM_OK;
    }
    struct deque_memory memory = memory_of(apply);
    deque_insert(as_blocks(apply, &memory), &memory, index, body);
    return GM_OK;
}

/* Whether runs are well formed and take out at least one and at most `length` elements; how many. */
static bool runs_check(struct gm_bytes runs, uint64_t length, uint64_t *removed)
{
    struct gm_reader in = gm_reader_of(runs);
    uint64_t left = length;
    *removed = 0;
    while (gm_read_left(&in) > 0) {
        uint64_t skip = gm_read_varint(&in);
        uint64_t drop = gm_read_varint(&in);
        if (!gm_read_fine(&in) || drop == 0 || skip > left || drop > left - skip) {
            return false;
        }
        left -= skip + drop;
        *removed += drop;
    }
    return *removed > 0;
}

static void inline_remove(struct gm_apply *apply, struct gm_reader runs, uint64_t removed)
{
    uint64_t count = apply->cell.data[0];
    uint8_t *run = apply->cell.data + 1;
    const uint8_t *in = run;
    const uint8_t *end = run + apply->cell.size - 1;
    uint8_t *out = run;
    for (uint64_t left = count; left > 0;) {
        uint64_t skip = left;
        uint64_t drop = 0;
        if (gm_read_left(&runs) > 0) {
            skip = gm_read_varint(&runs);
            drop = gm_read_varint(&runs);
        }
        const uint8_t *kept = in;
        in = packed_seek(in, end, left, skip);
        memmove(out, kept, (size_t)(in - kept));
        out += in - kept;
        in = packed_seek(in, end, left - skip, drop);
        left -= skip + drop;
    }
    run[-1] = (uint8_t)(count - removed);
    (void)gm_resize(apply, 1 + (size_t)(out - run));
}

static int apply_remove(struct gm_apply *apply, struct gm_bytes body)
{
    uint64_t length = deque_cell_length(&apply->cell);
    uint64_t removed = 0;
    if (!runs_check(body, length, &removed)) {
        return GM_CORRUPT;
    }
    if (removed == length) {
        discard(apply);
    } else if (apply->cell.form == GM_BYTES) {
        inline_remove(apply, gm_reader_of(body), removed);
    } else {
        struct deque_memory memory = memory_of(apply);
        struct deque *deque = deque_of(&apply->cell);
        deque_remove(deque, &memory, body);
        settle(apply, &memory, deque);
    }
    return GM_OK;
}

static int apply_record(struct gm_apply *apply, const struct gm_record *record)
{
    struct gm_bytes body = record->body;
    if (body.size > GM_VALUE_SIZE_MAX) {
        return GM_CORRUPT;
    }
    switch (record->op) {
    case DEQUE_PUSH_BACK1:
    case DEQUE_PUSH_FRONT1:
        push_one(apply, body, record->op == DEQUE_PUSH_FRONT1);
        return GM_OK;
    case DEQUE_PUSH_BACK:
    case DEQUE_PUSH_FRONT:
        return apply_push_many(apply, body, record->op == DEQUE_PUSH_FRONT);
    case DEQUE_POP_BACK:
    case DEQUE_POP_FRONT:
        return apply_pop(apply, body, record->op == DEQUE_POP_FRONT);
    case DEQUE_SET:
        return apply_set(apply, body);
    case DEQUE_INSERT:
        return apply_insert(apply, body);
    case DEQUE_REMOVE:
        return apply_remove(apply, body);
    case DEQUE_TRIM:
        return apply_trim(apply, body);
    default:
        return GM_CORRUPT;
    }
}

/* ---- dump ----------------------------------------------------------------------------------------------------- */

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    uint64_t length = deque_cell_length(cell);
    if (cursor >= length) {
        return 0;
    }
    uint8_t *body = gm_dump_scratch(sink, GM_DUMP_BODY); /* the first that is asked for: never NULL */
    uint8_t *at = body;
    uint64_t taken = 0;
    struct gm_bytes first = {0};
    struct gm_bytes element;
    struct deque_cursor place = deque_cell_seek(cell, cursor);
    while (deque_next(&place, &element)) {
        size_t room = GM_DUMP_BODY - (size_t)(at - body);
        bool fits = element.size < room && gm_item_size(element.size) <= room;
        if (taken == 0) {
            first = element;
        } else if (!fits) {
            break;
        }
        taken++;
        if (!fits) {
            break;
        }
        at = gm_store_item(at, element);
    }
    if (taken == 1) {
        gm_dump(sink, DEQUE_PUSH_BACK1, first);
    } else {
        gm_dump(sink, DEQUE_PUSH_BACK, gm_bytes_between(body, at));
    }
    return cursor + taken < length ? cursor + taken : 0;
}

static void release_value(struct gm_apply *apply)
{
    if (apply->cell.form == GM_WORD) {
        struct deque_memory memory = memory_of(apply);
        deque_destroy(deque_of(&apply->cell), &memory);
    }
}

static bool release_some(struct gm_apply *apply, uint64_t budget)
{
    struct deque_memory memory = memory_of(apply);
    return deque_destroy_some(deque_of(&apply->cell), &memory, budget);
}

/* ---- facets --------------------------------------------------------------------------------------------------- */

static uint64_t memory(const struct gm_cell *cell)
{
    return cell->form == GM_WORD ? deque_of(cell)->memory : 0;
}

static const char *encoding(const struct gm_cell *cell)
{
    return cell->form == GM_WORD ? "quicklist" : "listpack";
}

static void view(const struct gm_cell *cell, uint64_t first, uint64_t count, struct gm_call *call)
{
    uint64_t length = deque_cell_length(cell);
    uint64_t shown = first >= length ? 0 : count < length - first ? count : length - first;
    gm_reply_array(call, (size_t)shown);
    if (shown == 0) {
        return;
    }
    struct deque_cursor cursor = deque_cell_seek(cell, first);
    struct gm_bytes element;
    for (; shown > 0 && deque_next(&cursor, &element); shown--) {
        gm_reply_bytes(call, element);
    }
}

#define SHOWN_BYTES 40 /* of one element, in a line for people */
#define SHOWN_ITEMS 8

static void describe_number(struct gm_reader *rest, const char *name, struct gm_text *text)
{
    uint64_t number = gm_read_varint(rest);
    if (gm_read_fine(rest)) {
        gm_text_format(text, " %s %llu", name, (unsigned long long)number);
    } else {
        gm_text_format(text, " malformed");
    }
}

static void describe_items(struct gm_reader rest, struct gm_text *text)
{
    for (int shown = 0; gm_read_left(&rest) > 0; shown++) {
        if (shown == SHOWN_ITEMS) {
            gm_text_format(text, " ... (%zu bytes more)", gm_read_left(&rest));
            return;
        }
        struct gm_bytes item = gm_read_item(&rest);
        if (!gm_read_fine(&rest)) {
            gm_text_format(text, " malformed");
            return;
        }
        gm_text_format(text, " ");
        gm_text_quote(text, item, SHOWN_BYTES);
    }
}

static void describe_runs(struct gm_reader rest, struct gm_text *text)
{
    for (int shown = 0; gm_read_left(&rest) > 0; shown++) {
        if (shown == SHOWN_ITEMS) {
            gm_text_format(text, " ... (%zu bytes more)", gm_read_left(&rest));
            return;
        }
        describe_number(&rest, "keep", text);
        describe_number(&rest, "drop", text);
    }
}

static void describe(const struct gm_record *record, struct gm_text *text)
{
    static const char *const names[] = {
        [DEQUE_PUSH_BACK1] = "push-back",
        [DEQUE_PUSH_FRONT1] = "push-front",
        [DEQUE_PUSH_BACK] = "push-back",
        [DEQUE_PUSH_FRONT] = "push-front",
        [DEQUE_POP_BACK] = "pop-back",
        [DEQUE_POP_FRONT] = "pop-front",
        [DEQUE_SET] = "set",
        [DEQUE_INSERT] = "insert",
        [DEQUE_REMOVE] = "remove",
        [DEQUE_TRIM] = "trim",
    };
    struct gm_reader rest = gm_reader_of(record->body);
    if (record->op < DEQUE_PUSH_BACK1 || record->op > DEQUE_TRIM) {
        gm_text_format(text, "unknown operation %u", record->op);
        return;
    }
    gm_text_format(text, "%s", names[record->op]);
    switch (record->op) {
    case DEQUE_PUSH_BACK1:
    case DEQUE_PUSH_FRONT1:
        gm_text_format(text, " ");
        gm_text_quote(text, gm_read_rest(&rest), SHOWN_BYTES);
        break;
    case DEQUE_PUSH_BACK:
    case DEQUE_PUSH_FRONT:
        describe_items(rest, text);
        break;
    case DEQUE_POP_BACK:
    case DEQUE_POP_FRONT:
        describe_number(&rest, "count", text);
        break;
    case DEQUE_SET:
    case DEQUE_INSERT:
        describe_number(&rest, "index", text);
        gm_text_format(text, " ");
        gm_text_quote(text, gm_read_rest(&rest), SHOWN_BYTES);
        break;
    case DEQUE_TRIM:
        describe_number(&rest, "start", text);
        describe_number(&rest, "count", text);
        break;
    default:
        describe_runs(rest, text);
        break;
    }
}

#define PAGE 1024 /* elements shown in one go */

/* The cursor is the number of elements shown. */
static uint64_t elements(const struct gm_cell *cell, uint64_t cursor, struct gm_visitor *visitor)
{
    uint64_t length = deque_cell_length(cell);
    cursor = cursor < length ? cursor : length;
    uint64_t end = length - cursor > PAGE ? cursor + PAGE : length;
    struct deque_cursor at = deque_cell_seek(cell, cursor);
    struct gm_element element = {0};
    for (; cursor < end && deque_next(&at, &element.name) && gm_visit(visitor, &element); cursor++) {
    }
    return end < length ? end : 0;
}

const struct gm_type deque_type = {
    .size = sizeof(struct gm_type),
    .id = "geomys.deque/1",
    .name = "list",
    .apply = apply_record,
    .dump = dump,
    .free = release_value,
    .memory = memory,
    .describe = describe,
    .view = view,
    .encoding = encoding,
    .length = deque_cell_length,
    .free_some = release_some,
    .elements = elements,
    .from_elements = deque_plan_elements,
};
