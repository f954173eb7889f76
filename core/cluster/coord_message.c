/* SPDX-License-Identifier: MIT */

/* coord_message.c - messages between engines; coord_message.h has the layout. */
#include "cluster/coord_message.h"

#include "base/codec.h"

#define VERSION 1

enum offset {
    AT_KIND = 0,
    AT_VERSION = 1,
    AT_ZERO = 2,
    AT_FROM = 8,
    AT_TO = 16,
    AT_TERM = 24,
    AT_STAMP = 32,
    AT_PAYLOAD = COORD_MESSAGE_HEADER,
};

enum payload_size {
    APPEND_SIZE = 28,
    APPENDED_SIZE = 16,
    VOTE_SIZE = 17,
    VOTED_SIZE = 2,
    SWAP_SIZE = 8,
    ANSWER_SIZE = 1,
};

#define APPEND_COUNT (AT_PAYLOAD + 24)

/* ---- writing ---- */

static void put(struct buf *out, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    codec_put_u64(bytes, value);
    (void)buf_append(out, gm_bytes_at(bytes, size));
}

static void encode_payload(const struct coord_message *message, struct buf *out)
{
    switch (message->kind) {
    case COORD_MESSAGE_APPEND:
        put(out, message->append.prev_index, 8);
        put(out, message->append.prev_term, 8);
        put(out, message->append.commit, 8);
        put(out, message->append.count, 4);
        break;
    case COORD_MESSAGE_APPENDED:
        put(out, message->appended.rejected, 8);
        put(out, message->appended.last, 8);
        break;
    case COORD_MESSAGE_VOTE:
        put(out, message->vote.last_index, 8);
        put(out, message->vote.last_term, 8);
        put(out, message->vote.pre_vote, 1);
        break;
    case COORD_MESSAGE_VOTED:
        put(out, message->voted.granted, 1);
        put(out, message->voted.pre_vote, 1);
        break;
    case COORD_MESSAGE_SWAP:
        put(out, message->ask.expected, 8);
        (void)buf_append(out, message->ask.document);
        break;
    case COORD_MESSAGE_READ:
        break;
    case COORD_MESSAGE_ANSWER:
        put(out, message->ask.outcome, 1);
        (void)buf_append(out, message->ask.document);
        break;
    }
}

void coord_message_encode(const struct coord_message *message, struct buf *out)
{
    put(out, message->kind, 1);
    put(out, VERSION, 1);
    put(out, 0, 6);
    put(out, message->from, 8);
    put(out, message->to, 8);
    put(out, message->term, 8);
    put(out, message->stamp, 8);
    encode_payload(message, out);
}

void coord_message_add(struct buf *out, const struct coord_store_entry *entry)
{
    put(out, entry->term, 8);
    put(out, entry->type, 2);
    put(out, 0, 2);
    put(out, entry->data.size, 4);
    (void)buf_append(out, entry->data);
}

void coord_message_set_count(struct buf *out, uint32_t count)
{
    check(out->size >= AT_PAYLOAD + APPEND_SIZE);
    codec_put_u32(out->data + APPEND_COUNT, count);
}

/* ---- reading ---- */

/* A change of servers, as the library writes it: version 1 (1 byte), how many (8), then of each the id (8), the address
 * with its zero, the role (1); zeros to a multiple of eight. */
bool coord_message_is_change(struct gm_bytes data)
{
    if (data.size < 9 || data.size % 8 != 0 || data.data[0] != 1) {
        return false;
    }
    uint64_t count = codec_u64(data.data + 1);
    size_t at = 9;
    for (uint64_t i = 0; i < count; i++) { /* each takes ten bytes or the loop ends */
        if (data.size - at < 10 || codec_u64(data.data + at) == 0) {
            return false;
        }
        at += 8;
        const uint8_t *zero = memchr(data.data + at, 0, data.size - at);
        if (zero == NULL || zero == data.data + at) {
            return false;
        }
        for (; data.data + at < zero; at++) { /* a node's id in decimal */
            if (data.data[at] < '0' || data.data[at] > '9') {
                return false;
            }
        }
        at++;
        if (at == data.size || data.data[at] > 2) {
            return false;
        }
        at++;
    }
    return count <= TOPOLOGY_MEMBERS_MAX + 1 && data.size - at < 8;
}

static bool is_entry(struct gm_bytes rest, size_t *size)
{
    if (rest.size < COORD_MESSAGE_ENTRY) {
        return false;
    }
    uint64_t term = codec_u64(rest.data);
    uint16_t type = codec_u16(rest.data + 8);
    *size = codec_u32(rest.data + 12);
    if (*size > COORD_STORE_ENTRY_MAX || *size > rest.size - COORD_MESSAGE_ENTRY || term == 0 ||
        term > COORD_MESSAGE_INDEX_MAX) {
        return false;
    }
    struct gm_bytes data = gm_bytes_at(rest.data + COORD_MESSAGE_ENTRY, *size);
    return type == COORD_STORE_COMMAND || type == COORD_STORE_BARRIER ||
           (type == COORD_STORE_CHANGE && coord_message_is_change(data)); /* coord_message P2 */
}

static bool are_entries(struct gm_bytes entries, uint32_t count) /* coord_message P1 */
{
    for (uint32_t i = 0; i < count; i++) {
        size_t size;
        if (!is_entry(entries, &size)) {
            return false;
        }
        entries = gm_bytes_at(entries.data + COORD_MESSAGE_ENTRY + size, entries.size - COORD_MESSAGE_ENTRY - size);
    }
    return entries.size == 0;
}

static bool decode_append(struct gm_bytes payload, struct coord_message *out)
{
    if (payload.size < APPEND_SIZE) {
        return false;
    }
    out->append.prev_index = codec_u64(payload.data);
    out->append.prev_term = codec_u64(payload.data + 8);
    out->append.commit = codec_u64(payload.data + 16);
    out->append.count = codec_u32(payload.data + 24);
    out->append.entries = gm_bytes_at(payload.data + APPEND_SIZE, payload.size - APPEND_SIZE);
    return out->append.prev_index < COORD_MESSAGE_INDEX_MAX && out->append.prev_term <= out->term &&
           (out->append.prev_index == 0) == (out->append.prev_term == 0) &&
           out->append.commit < COORD_MESSAGE_INDEX_MAX && out->append.count <= COORD_MESSAGE_ENTRIES_MAX &&
           are_entries(out->append.entries, out->append.count);
}

static bool decode_payload(struct gm_bytes payload, struct coord_message *out)
{
    const uint8_t *at = payload.data;
    switch (out->kind) {
    case COORD_MESSAGE_APPEND:
        return decode_append(payload, out);
    case COORD_MESSAGE_APPENDED:
        if (payload.size != APPENDED_SIZE) {
            return false;
        }
        out->appended.rejected = codec_u64(at);
        out->appended.last = codec_u64(at + 8);
        return out->appended.rejected < COORD_MESSAGE_INDEX_MAX && out->appended.last < COORD_MESSAGE_INDEX_MAX;
    case COORD_MESSAGE_VOTE:
        if (payload.size != VOTE_SIZE || at[16] > 1) {
            return false;
        }
        out->vote.last_index = codec_u64(at);
        out->vote.last_term = codec_u64(at + 8);
        out->vote.pre_vote = at[16] == 1;
        return out->vote.last_index < COORD_MESSAGE_INDEX_MAX && out->vote.last_term < COORD_MESSAGE_INDEX_MAX;
    case COORD_MESSAGE_VOTED:
        if (payload.size != VOTED_SIZE || at[0] > 1 || at[1] > 2) {
            return false;
        }
        out->voted.granted = at[0] == 1;
        out->voted.pre_vote = at[1];
        return true;
    case COORD_MESSAGE_SWAP:
        if (payload.size < SWAP_SIZE) {
            return false;
        }
        out->ask.expected = codec_u64(at);
        out->ask.document = gm_bytes_at(at + SWAP_SIZE, payload.size - SWAP_SIZE);
        return true;
    case COORD_MESSAGE_READ:
        return payload.size == 0;
    case COORD_MESSAGE_ANSWER:
        if (payload.size < ANSWER_SIZE || at[0] > COORD_MESSAGE_ELSEWHERE) {
            return false;
        }
        out->ask.outcome = at[0];
        out->ask.document = gm_bytes_at(at + ANSWER_SIZE, payload.size - ANSWER_SIZE);
        return true;
    }
    return false;
}

enum status coord_message_decode(struct gm_bytes bytes, struct coord_message *out)
{
    static const uint8_t zeros[AT_FROM - AT_ZERO];
    if (bytes.size < COORD_MESSAGE_HEADER || bytes.data[AT_KIND] < COORD_MESSAGE_APPEND ||
        bytes.data[AT_KIND] > COORD_MESSAGE_ANSWER || bytes.data[AT_VERSION] != VERSION ||
        memcmp(bytes.data + AT_ZERO, zeros, sizeof zeros) != 0) {
        return STATUS_CORRUPT;
    }
    memset(out, 0, sizeof *out);
    out->kind = (enum coord_message_kind)bytes.data[AT_KIND];
    out->from = codec_u64(bytes.data + AT_FROM);
    out->to = codec_u64(bytes.data + AT_TO);
    out->term = codec_u64(bytes.data + AT_TERM);
    out->stamp = codec_u64(bytes.data + AT_STAMP);
    bool raft = out->kind <= COORD_MESSAGE_VOTED;
    if (out->from == 0 || (raft && (out->to == 0 || out->term == 0 || out->term > COORD_MESSAGE_INDEX_MAX))) {
        return STATUS_CORRUPT;
    }
    struct gm_bytes payload = gm_bytes_at(bytes.data + AT_PAYLOAD, bytes.size - AT_PAYLOAD);
    return decode_payload(payload, out) ? STATUS_OK : STATUS_CORRUPT;
}

struct coord_store_entry coord_message_entry(struct gm_bytes *entries)
{
    size_t size;
    bool good = is_entry(*entries, &size);
    check(good);
    struct coord_store_entry entry = {
        .term = codec_u64(entries->data),
        .type = codec_u16(entries->data + 8),
        .data = {entries->data + COORD_MESSAGE_ENTRY, size},
    };
    *entries = gm_bytes_at(entries->data + COORD_MESSAGE_ENTRY + size, entries->size - COORD_MESSAGE_ENTRY - size);
    return entry;
}
