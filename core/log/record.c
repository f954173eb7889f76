/* SPDX-License-Identifier: MIT */

/* record.c - encoding and checking the one record; record.h has the layout.
 *
 * Idea     Two checksums. The header's says that the sizes are what was written, so the body can be awaited and the
 *          next record be found even where a body is damaged; the body's covers the rest. Both are there before a
 *          single field is believed, so the checks behind them meet only our own mistakes and forgeries, and have to
 *          survive both.
 *
 * Limits   Key 64 KiB - 1, body 512 MiB: a record is never larger than RECORD_SIZE_MAX.
 */
#include "log/record.h"

#include <inttypes.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "geomys/value.h"

enum offset {
    AT_HEADER_CRC = 0,
    AT_BODY_CRC = 4,
    AT_SIZE = 8,
    AT_FLAGS = 12,
    AT_OP = 14,
    AT_SEQUENCE = 16,
    AT_EPOCH = 24,
    AT_TIME = 32,
    AT_TYPE = 40,
    AT_SLOT = 42,
    AT_KEY_SIZE = 44,
    AT_DATABASE = 46,
};

_Static_assert(AT_SEQUENCE == 16, "record_sequence reads there");

#define FLAGS_KNOWN   511u
#define EXPIRY_SIZE   8u
#define TYPE_BODY_MIN 3u
#define DURABLE_BODY  16u
#define REVISION_HEAD 4u  /* bytes of a REVISION record's body before the writer */
#define EPOCH_FIXED   16u /* bytes of an EPOCH record's body before the replicas */

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static size_t unpadded_size(const struct record *record)
{
    size_t expiry = (record->flags & RECORD_EXPIRE) != 0 ? EXPIRY_SIZE : 0;
    return RECORD_HEADER_SIZE + expiry + record->key.size + record->body.size;
}

size_t record_size(const struct record *record)
{
    return padded(unpadded_size(record));
}

/* Whether flags and type agree with each other: the same for both directions. */
static bool coherent(uint16_t flags, uint16_t op, uint16_t type)
{
    if ((flags & ~FLAGS_KNOWN) != 0 || (flags & (RECORD_DUMP | RECORD_DAMAGED)) == RECORD_DAMAGED ||
        (flags & (RECORD_DAMAGED | RECORD_MISFIT)) == RECORD_MISFIT) {
        return false;
    }
    bool about_file = type == 0 && (op == RECORD_OP_TYPE || op == RECORD_OP_DURABLE || op == RECORD_OP_EPOCHS ||
                                    op == RECORD_OP_REVISION);
    if ((flags & RECORD_LOCAL) != 0) {
        return type == 0 && (flags & RECORD_MORE) == 0;
    }
    return !about_file;
}

/* Whether it is about the file, or about everything that is stored: then it names no database. */
static bool is_of_all(uint16_t flags, uint16_t op, uint16_t type)
{
    return (flags & RECORD_LOCAL) != 0 || (type == 0 && (op == RECORD_OP_FLUSH || op == RECORD_OP_EPOCH));
}

static void seal_header(uint8_t *encoded)
{
    codec_put_u32(encoded + AT_HEADER_CRC, crc32c((struct gm_bytes){encoded + 4, RECORD_HEADER_SIZE - 4}));
}

static uint8_t *put_bytes(uint8_t *to, struct gm_bytes bytes)
{
    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return to + bytes.size;
}

/* Header and expiry, but for the checksums. Returns where the key goes. */
static uint8_t *put_head(const struct record *record, size_t size, uint8_t *head)
{
    check(record->key.size <= RECORD_KEY_MAX);
    check(record->body.size <= RECORD_BODY_MAX);
    check(record->slot < RECORD_SLOT_COUNT);
    check(coherent(record->flags, record->op, record->type));
    check(record->database == 0 || !is_of_all(record->flags, record->op, record->type));
    check(((record->flags & RECORD_EXPIRE) != 0) == (record->expire_at_ms > 0));
    check((record->flags & RECORD_EXPIRE) != 0 || record->expire_at_ms == 0);
    codec_put_u32(head + AT_SIZE, (uint32_t)size);
    codec_put_u16(head + AT_FLAGS, record->flags);
    codec_put_u16(head + AT_OP, record->op);
    codec_put_u64(head + AT_SEQUENCE, record->sequence);
    codec_put_u64(head + AT_EPOCH, record->epoch);
    codec_put_u64(head + AT_TIME, (uint64_t)record->time_ms);
    codec_put_u16(head + AT_TYPE, record->type);
    codec_put_u16(head + AT_SLOT, record->slot);
    codec_put_u16(head + AT_KEY_SIZE, (uint16_t)record->key.size);
    codec_put_u16(head + AT_DATABASE, record->database);
    uint8_t *at = head + RECORD_HEADER_SIZE;
    if ((record->flags & RECORD_EXPIRE) != 0) {
        codec_put_u64(at, (uint64_t)record->expire_at_ms);
        at += EXPIRY_SIZE;
    }
    return at;
}

bool record_encode(const struct record *record, struct buf *out)
{
    size_t size = unpadded_size(record);
    uint8_t *head = buf_reserve(out, padded(size));
    if (head == NULL) {
        return false;
    }
    uint8_t *at = put_head(record, size, head);
    at = put_bytes(put_bytes(at, record->key), record->body);
    memset(at, 0, padded(size) - size);
    codec_put_u32(head + AT_BODY_CRC, crc32c((struct gm_bytes){head + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE}));
    seal_header(head);
    out->size += padded(size);
    return true;
}

size_t record_encode_head(const struct record *record, uint8_t out[static RECORD_HEAD_MAX])
{
    size_t taken = (size_t)(put_head(record, unpadded_size(record), out) - out);
    uint32_t crc = crc32c((struct gm_bytes){out + RECORD_HEADER_SIZE, taken - RECORD_HEADER_SIZE});
    codec_put_u32(out + AT_BODY_CRC, crc32c_more(crc32c_more(crc, record->key), record->body));
    seal_header(out);
    return taken;
}

void record_set_more(uint8_t *encoded, bool more)
{
    uint16_t flags = codec_u16(encoded + AT_FLAGS);
    flags = (uint16_t)(more ? flags | RECORD_MORE : flags & ~RECORD_MORE);
    codec_put_u16(encoded + AT_FLAGS, flags);
    seal_header(encoded);
}

void record_set_type(uint8_t *encoded, uint16_t type)
{
    check(type != 0 && codec_u16(encoded + AT_TYPE) != 0); /* record I1: what is coherent stays so */
    codec_put_u16(encoded + AT_TYPE, type);
    seal_header(encoded);
}

void record_read(const uint8_t *encoded, struct record *out, size_t *size)
{
    uint32_t bytes = codec_u32(encoded + AT_SIZE);
    out->flags = codec_u16(encoded + AT_FLAGS);
    out->op = codec_u16(encoded + AT_OP);
    out->sequence = codec_u64(encoded + AT_SEQUENCE);
    out->epoch = codec_u64(encoded + AT_EPOCH);
    out->time_ms = (int64_t)codec_u64(encoded + AT_TIME);
    out->type = codec_u16(encoded + AT_TYPE);
    out->slot = codec_u16(encoded + AT_SLOT);
    const uint8_t *at = encoded + RECORD_HEADER_SIZE;
    out->expire_at_ms = 0;
    if ((out->flags & RECORD_EXPIRE) != 0) {
        out->expire_at_ms = (int64_t)codec_u64(at);
        at += EXPIRY_SIZE;
    }
    out->database = codec_u16(encoded + AT_DATABASE);
    out->key = (struct gm_bytes){at, codec_u16(encoded + AT_KEY_SIZE)};
    at += out->key.size;
    out->body = (struct gm_bytes){at, bytes - (size_t)(at - encoded)};
    *size = padded(bytes);
}

static enum status bad(struct complaint *complaint, const char *what)
{
    if (complaint != NULL) {
        complaint_set(complaint, "%s", what);
    }
    return STATUS_CORRUPT;
}

/* The fields of a header whose checksum is right. */
static const char *header_fault(const uint8_t *encoded)
{
    uint32_t size = codec_u32(encoded + AT_SIZE);
    uint32_t key_size = codec_u16(encoded + AT_KEY_SIZE);
    uint16_t flags = codec_u16(encoded + AT_FLAGS);
    uint32_t fixed = RECORD_HEADER_SIZE + ((flags & RECORD_EXPIRE) != 0 ? EXPIRY_SIZE : 0);
    if (!coherent(flags, codec_u16(encoded + AT_OP), codec_u16(encoded + AT_TYPE))) {
        return "the record's flags do not fit together";
    }
    if (codec_u16(encoded + AT_SLOT) >= RECORD_SLOT_COUNT) {
        return "the record's slot is out of range";
    }
    if (codec_u16(encoded + AT_DATABASE) != 0 &&
        is_of_all(flags, codec_u16(encoded + AT_OP), codec_u16(encoded + AT_TYPE))) {
        return "the record names a database, but is of none";
    }
    if (codec_u64(encoded + AT_SEQUENCE) > RECORD_NUMBER_MAX || codec_u64(encoded + AT_EPOCH) > RECORD_NUMBER_MAX) {
        return "the record's sequence or epoch is out of range";
    }
    if (size < fixed + key_size || size - fixed - key_size > RECORD_BODY_MAX) {
        return "the record's size is out of range";
    }
    return NULL;
}

static bool all_zero(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        if (*at++ != 0) {
            return false;
        }
    }
    return true;
}

enum status record_parse(struct gm_bytes bytes, struct record *out, size_t *size, struct complaint *complaint)
{
    if (bytes.size < RECORD_HEADER_SIZE) {
        *size = RECORD_HEADER_SIZE;
        return STATUS_AGAIN;
    }
    const uint8_t *head = bytes.data;
    if (crc32c((struct gm_bytes){head + 4, RECORD_HEADER_SIZE - 4}) != codec_u32(head + AT_HEADER_CRC)) {
        return bad(complaint, "the checksum of the record's header is wrong");
    }
    const char *fault = header_fault(head);
    if (fault != NULL) {
        return bad(complaint, fault);
    }
    uint32_t unpadded = codec_u32(head + AT_SIZE);
    *size = padded(unpadded);
    if (bytes.size < *size) {
        return STATUS_AGAIN;
    }
    struct gm_bytes body = {head + RECORD_HEADER_SIZE, unpadded - RECORD_HEADER_SIZE};
    if (crc32c(body) != codec_u32(head + AT_BODY_CRC)) {
        return bad(complaint, "the checksum of the record's body is wrong");
    }
    if (!all_zero(head + unpadded, head + *size)) {
        return bad(complaint, "the record's padding is not zero");
    }
    record_read(head, out, size);
    if ((out->flags & RECORD_EXPIRE) != 0 && out->expire_at_ms <= 0) {
        return bad(complaint, "the record's expiry is out of range");
    }
    return STATUS_OK;
}

static bool encode_local(uint64_t sequence, int64_t time_ms, uint16_t op, struct gm_bytes body, struct buf *out)
{
    struct record record = {.sequence = sequence, .time_ms = time_ms, .flags = RECORD_LOCAL, .op = op, .body = body};
    return record_encode(&record, out);
}

bool record_encode_type(uint64_t sequence, int64_t time_ms, uint16_t type, struct gm_bytes name, struct buf *out)
{
    uint8_t body[2 + RECORD_TYPE_NAME_MAX];
    check(type > 0);
    check(name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    codec_put_u16(body, type);
    memcpy(body + 2, name.data, name.size);
    return encode_local(sequence, time_ms, RECORD_OP_TYPE, (struct gm_bytes){body, 2 + name.size}, out);
}

bool record_encode_durable(uint64_t sequence, int64_t time_ms, uint64_t durable, uint64_t salt, struct buf *out)
{
    uint8_t body[DURABLE_BODY];
    codec_put_u64(body, durable);
    codec_put_u64(body + 8, salt);
    return encode_local(sequence, time_ms, RECORD_OP_DURABLE, (struct gm_bytes){body, sizeof body}, out);
}

static bool is_local(const struct record *record, uint16_t op)
{
    return (record->flags & RECORD_LOCAL) != 0 && record->op == op && record->key.size == 0;
}

bool record_read_type(const struct record *record, uint16_t *type, struct gm_bytes *name)
{
    if (!is_local(record, RECORD_OP_TYPE) || record->body.size < TYPE_BODY_MIN ||
        record->body.size > 2 + RECORD_TYPE_NAME_MAX) {
        return false;
    }
    *type = codec_u16(record->body.data);
    *name = (struct gm_bytes){record->body.data + 2, record->body.size - 2};
    return *type > 0 && type_id_is_valid(*name);
}

bool record_read_durable(const struct record *record, uint64_t *durable, uint64_t *salt)
{
    if (!is_local(record, RECORD_OP_DURABLE) || record->body.size != DURABLE_BODY) {
        return false;
    }
    *durable = codec_u64(record->body.data);
    *salt = codec_u64(record->body.data + 8);
    return true;
}

/* ---- revisions ---- */

_Static_assert(RECORD_REVISION_MAX == GM_REVISION_MAX, "a module's revisions fit into a record");

static bool is_printable(struct gm_bytes text)
{
    size_t at = 0;
    while (at < text.size && text.data[at] >= 0x20 && text.data[at] < 0x7f) {
        at++;
    }
    return at == text.size;
}

static bool is_revision(const struct record_revision *revision)
{
    return revision->type > 0 && revision->revision >= 2 && revision->revision <= RECORD_REVISION_MAX &&
           revision->writer.size > 0 && revision->writer.size <= RECORD_WRITER_MAX && is_printable(revision->writer);
}

bool record_encode_revision(uint64_t sequence, int64_t time_ms, const struct record_revision *revision, struct buf *out)
{
    uint8_t body[REVISION_HEAD + RECORD_WRITER_MAX];
    check(is_revision(revision));
    codec_put_u16(body, revision->type);
    codec_put_u16(body + 2, revision->revision);
    memcpy(body + REVISION_HEAD, revision->writer.data, revision->writer.size);
    struct gm_bytes all = {body, REVISION_HEAD + revision->writer.size};
    return encode_local(sequence, time_ms, RECORD_OP_REVISION, all, out);
}

bool record_read_revision(const struct record *record, struct record_revision *revision)
{
    if (!is_local(record, RECORD_OP_REVISION) || record->flags != RECORD_LOCAL || record->body.size <= REVISION_HEAD) {
        return false;
    }
    *revision = (struct record_revision){
        .type = codec_u16(record->body.data),
        .revision = codec_u16(record->body.data + 2),
        .writer = {record->body.data + REVISION_HEAD, record->body.size - REVISION_HEAD},
    };
    return is_revision(revision);
}

void record_explain_local(const struct record *record, struct complaint *complaint)
{
    if (record->op == RECORD_OP_REVISION) {
        complaint_set(complaint, "a record about a type's revision makes no sense");
        return;
    }
    if (!is_local(record, RECORD_OP_TYPE) || record->flags != RECORD_LOCAL || record->body.size < TYPE_BODY_MIN ||
        codec_u16(record->body.data) == 0) {
        complaint_set(complaint, "a record about the file makes no sense");
        return;
    }
    char quoted[160];
    struct gm_text text = {.data = quoted, .capacity = sizeof quoted - 1};
    gm_text_quote(&text, (struct gm_bytes){record->body.data + 2, record->body.size - 2}, 32);
    quoted[text.size] = '\0';
    complaint_set(complaint, "type number %u is called %s, but types have other names: " TYPE_ID_RULE,
                  codec_u16(record->body.data), quoted);
}

/* ---- epochs ---- */

/* Node IDs that ascend from above 0 on: a set has one order, so equal records have equal bytes (record I2). */
static bool ascend(const struct record_epoch *epoch)
{
    uint64_t before = 0;
    for (uint32_t i = 0; i < epoch->replica_count; i++) {
        if (epoch->replicas[i] <= before) {
            return false;
        }
        before = epoch->replicas[i];
    }
    return true;
}

struct gm_bytes record_epoch_body(const struct record_epoch *epoch, uint8_t out[static RECORD_EPOCH_MAX])
{
    check(epoch->leader > 0);
    check(epoch->replica_count <= RECORD_REPLICAS_MAX);
    check(ascend(epoch)); /* record I2 */
    codec_put_u64(out, epoch->leader);
    codec_put_u32(out + 8, epoch->replica_count);
    codec_put_u32(out + 12, 0);
    for (uint32_t i = 0; i < epoch->replica_count; i++) {
        codec_put_u64(out + EPOCH_FIXED + i * sizeof(uint64_t), epoch->replicas[i]);
    }
    return (struct gm_bytes){out, EPOCH_FIXED + epoch->replica_count * sizeof(uint64_t)};
}

bool record_read_epoch(const struct record *record, struct record_epoch *out)
{
    const struct gm_bytes *body = &record->body;
    if (record->type != 0 || record->op != RECORD_OP_EPOCH || (record->flags & ~RECORD_MORE) != 0 ||
        record->key.size > 0 || body->size < EPOCH_FIXED || body->size > RECORD_EPOCH_MAX) {
        return false;
    }
    *out = (struct record_epoch){.leader = codec_u64(body->data), .replica_count = codec_u32(body->data + 8)};
    if (out->leader == 0 || record->slot != 0 || codec_u32(body->data + 12) != 0 ||
        (body->size - EPOCH_FIXED) / sizeof(uint64_t) != out->replica_count || body->size % sizeof(uint64_t) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < out->replica_count; i++) {
        out->replicas[i] = codec_u64(body->data + EPOCH_FIXED + i * sizeof(uint64_t));
    }
    return ascend(out);
}

/* ---- values that move ---- */

#define TARGET_FIXED 2u /* bytes before the target's key */

struct gm_bytes record_target_body(const struct record_target *target, uint8_t *out)
{
    check(target->key.size <= RECORD_KEY_MAX);
    codec_put_u16(out, target->database);
    (void)put_bytes(out + TARGET_FIXED, target->key);
    return (struct gm_bytes){out, TARGET_FIXED + target->key.size};
}

/* The other key of a record about two, which are not the same. */
static bool read_other(const struct record *record, uint16_t op, uint16_t flags, struct record_target *other)
{
    const struct gm_bytes *body = &record->body;
    if (record->type != 0 || record->op != op || (record->flags & ~RECORD_MORE) != flags || body->size < TARGET_FIXED ||
        body->size > RECORD_TARGET_MAX) {
        return false;
    }
    other->database = codec_u16(body->data);
    other->key = (struct gm_bytes){body->data + TARGET_FIXED, body->size - TARGET_FIXED};
    return other->database != record->database || !gm_bytes_equal(other->key, record->key);
}

bool record_read_rename(const struct record *record, struct record_target *target)
{
    return read_other(record, RECORD_OP_RENAME, RECORD_REMOVES, target);
}

bool record_read_copy(const struct record *record, struct record_target *source)
{
    return read_other(record, RECORD_OP_COPY, 0, source);
}

/* ---- databases ---- */

struct gm_bytes record_swap_body(uint16_t other, uint8_t out[static 2])
{
    codec_put_u16(out, other);
    return (struct gm_bytes){out, 2};
}

bool record_read_swap(const struct record *record, uint16_t *other)
{
    if (record->type != 0 || record->op != RECORD_OP_SWAP || (record->flags & ~RECORD_MORE) != 0 ||
        record->key.size > 0 || record->body.size != 2) {
        return false;
    }
    *other = codec_u16(record->body.data);
    return *other != record->database;
}

uint16_t record_database_last(const struct record *record)
{
    struct record_target target;
    uint16_t other = 0;
    if (__builtin_expect(record->type == 0, 0)) {
        if (record_read_rename(record, &target) || record_read_copy(record, &target)) {
            other = target.database;
        } else if (!record_read_swap(record, &other)) {
            other = 0;
        }
    }
    return other > record->database ? other : record->database;
}

enum status record_expect_known_op(const struct record *record, struct complaint *complaint)
{
    if (record->op >= RECORD_OP_TYPE && record->op <= RECORD_OP_REVISION) {
        return STATUS_OK;
    }
    complaint_set(complaint,
                  "record %" PRIu64
                  " has operation %u of the host, which this program does not know: a newer one wrote "
                  "it, and is needed to read it",
                  record->sequence, record->op);
    return STATUS_VERSION;
}
