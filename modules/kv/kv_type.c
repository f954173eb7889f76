/* SPDX-License-Identifier: MIT */

/* kv_type.c - geomys.string/1: how records change a value, and how a value becomes records.
 *
 * Why     A write must cost in the log what it changes, not what the value weighs: setting one bit of a bitmap of a
 *         megabyte is a record of five bytes. So there are four operations, and no more than four, since each is a
 *         promise for ever.
 *
 * Idea    The value is always a cell of bytes, kept inline with its key; an absent cell counts as an empty value.
 *
 *              SET     |value ...|                 replaces
 *              APPEND  |bytes ...|                 at the end
 *              PATCH   |offset u64|bytes ...|      overwrites from offset on; a gap before it becomes zeros; without
 *                                                  bytes it makes the value at least `offset` long
 *              BIT     |number u32|bit u8|         one bit, from the most significant one of byte 0; grows with zeros
 *
 * Promises
 *   P1  A body is checked whole, and the size it leads to, before the cell is touched: GM_CORRUPT changes nothing.
 *   P2  No value becomes larger than GM_VALUE_SIZE_MAX.
 *   P3  dump is canonical: SET with the first GM_DUMP_BODY bytes, then APPENDs of as many, the last one shorter.
 */
#include "kv_type.h"

#include "geomys/call.h"
#include "geomys/codec.h"
#include "kv_value.h"

/* ---- apply --------------------------------------------------------------------------------------------------- */

/* Makes the value at least `size` bytes long. False, and nothing has changed: that is above the ceiling. */
static bool reserve(struct gm_apply *apply, uint64_t size, uint8_t **data)
{
    if (size > GM_VALUE_SIZE_MAX) {
        return false;
    }
    bool enough = apply->cell.form == GM_BYTES && size <= apply->cell.size;
    *data = enough ? apply->cell.data : gm_resize(apply, (size_t)size);
    return true;
}

static int write_at(struct gm_apply *apply, uint64_t offset, struct gm_bytes bytes)
{
    uint64_t end;
    uint8_t *data;
    if (__builtin_add_overflow(offset, bytes.size, &end) || !reserve(apply, end, &data)) {
        return GM_CORRUPT;
    }
    if (bytes.size > 0) {
        memcpy(data + offset, bytes.data, bytes.size);
    }
    return GM_OK;
}

static int apply_set(struct gm_apply *apply, struct gm_bytes body)
{
    uint8_t *data = gm_resize(apply, body.size);
    if (data == NULL) {
        return GM_CORRUPT;
    }
    if (body.size > 0) {
        memcpy(data, body.data, body.size);
    }
    return GM_OK;
}

static int apply_patch(struct gm_apply *apply, struct gm_bytes body)
{
    if (body.size < KV_PATCH_HEAD) {
        return GM_CORRUPT;
    }
    struct gm_bytes bytes = {body.data + KV_PATCH_HEAD, body.size - KV_PATCH_HEAD};
    return write_at(apply, gm_load_u64(body.data), bytes);
}

static int apply_bit(struct gm_apply *apply, struct gm_bytes body)
{
    if (body.size != KV_BIT_BODY || body.data[4] > 1) {
        return GM_CORRUPT;
    }
    uint64_t bit = gm_load_u32(body.data);
    uint8_t *data;
    if (!reserve(apply, (bit >> 3) + 1, &data)) {
        return GM_CORRUPT;
    }
    uint8_t mask = (uint8_t)(0x80u >> (bit & 7));
    data[bit >> 3] = (uint8_t)(body.data[4] ? data[bit >> 3] | mask : data[bit >> 3] & ~mask);
    return GM_OK;
}

static int apply(struct gm_apply *apply, const struct gm_record *record)
{
    if (apply->cell.form == GM_WORD) {
        return GM_CORRUPT;
    }
    switch (record->op) {
    case KV_OP_SET:
        return apply_set(apply, record->body);
    case KV_OP_APPEND:
        return write_at(apply, apply->cell.size, record->body);
    case KV_OP_PATCH:
        return apply_patch(apply, record->body);
    case KV_OP_BIT:
        return apply_bit(apply, record->body);
    default:
        return GM_CORRUPT;
    }
}

/* ---- dump ---------------------------------------------------------------------------------------------------- */

/* The cursor is how many bytes have been dumped. */
static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    if (cursor > cell->size) {
        return 0;
    }
    size_t left = cell->size - (size_t)cursor;
    size_t size = left < GM_DUMP_BODY ? left : GM_DUMP_BODY;
    struct gm_bytes body = {size > 0 ? cell->data + cursor : NULL, size};
    gm_dump(sink, cursor == 0 ? KV_OP_SET : KV_OP_APPEND, body);
    return size < left ? cursor + size : 0;
}

/* ---- facets -------------------------------------------------------------------------------------------------- */

#define DESCRIBED_BYTES_MAX 64

static void describe(const struct gm_record *record, struct gm_text *text)
{
    struct gm_bytes body = record->body;
    if (record->op == KV_OP_SET || record->op == KV_OP_APPEND) {
        gm_text_format(text, record->op == KV_OP_SET ? "set " : "append ");
        gm_text_quote(text, body, DESCRIBED_BYTES_MAX);
        gm_text_format(text, " (%zu bytes)", body.size);
    } else if (record->op == KV_OP_PATCH && body.size >= KV_PATCH_HEAD) {
        struct gm_bytes bytes = {body.data + KV_PATCH_HEAD, body.size - KV_PATCH_HEAD};
        gm_text_format(text, "patch at %llu ", (unsigned long long)gm_load_u64(body.data));
        gm_text_quote(text, bytes, DESCRIBED_BYTES_MAX);
        gm_text_format(text, " (%zu bytes)", bytes.size);
    } else if (record->op == KV_OP_BIT && body.size == KV_BIT_BODY) {
        gm_text_format(text, "bit %u = %u", gm_load_u32(body.data), body.data[4]);
    } else {
        gm_text_format(text, "malformed: operation %u, %zu bytes", record->op, body.size);
    }
}

static struct gm_bytes bytes_of(const struct gm_cell *cell)
{
    /* An empty value has a text, the empty one; only NULL would say that it has none. */
    return (struct gm_bytes){cell->size > 0 ? cell->data : (const uint8_t *)"", cell->size};
}

static struct gm_bytes scalar(const struct gm_cell *cell, char scratch[GM_SCALAR_SCRATCH])
{
    (void)scratch;
    return bytes_of(cell);
}

static void view(const struct gm_cell *cell, uint64_t first, uint64_t count, struct gm_call *call)
{
    (void)first;
    (void)count;
    gm_reply_bytes(call, bytes_of(cell));
}

static const char *encoding(const struct gm_cell *cell)
{
    return kv_value_encoding(bytes_of(cell));
}

static uint64_t length(const struct gm_cell *cell)
{
    return cell->size;
}

const struct gm_type kv_type = {
    .size = sizeof(struct gm_type),
    .id = "geomys.string/1",
    .name = "string",
    .apply = apply,
    .dump = dump,
    .describe = describe,
    .scalar = scalar,
    .view = view,
    .encoding = encoding,
    .length = length,
};
