/* SPDX-License-Identifier: MIT */

/* replication.c - between the generated messages and ours. */
#include "wire/replication.h"

#include <string.h>

#include "geomys/v1/replication.pb-c.h"
#include "wire/proto.h"

#define UP_MEMORY   ((size_t)256 * 1024)      /* of an unpacked message: a table of 1024 entries is the largest */
#define DOWN_MEMORY ((size_t)2 * 1024 * 1024) /* the bytes of a message, and little beside */

typedef Geomys__V1__FollowUp Up;
typedef Geomys__V1__FollowDown Down;

/* ---- packing ---- */

static ProtobufCBinaryData id_data(const struct replication_id *id)
{
    return proto_data((struct gm_bytes){id->bytes, sizeof id->bytes});
}

static bool pack_hello(const struct replication_hello *hello, struct buf *out)
{
    Geomys__V1__Epoch entries[REPLICATION_EPOCHS_MAX];
    Geomys__V1__Epoch *list[REPLICATION_EPOCHS_MAX];
    check(hello->epoch_count <= REPLICATION_EPOCHS_MAX);
    for (size_t i = 0; i < hello->epoch_count; i++) {
        geomys__v1__epoch__init(&entries[i]);
        entries[i].epoch = hello->epochs[i].epoch;
        entries[i].leader = hello->epochs[i].leader;
        entries[i].first = hello->epochs[i].first;
        list[i] = &entries[i];
    }
    Geomys__V1__FollowUp__Hello message = GEOMYS__V1__FOLLOW_UP__HELLO__INIT;
    message.cluster_id = id_data(&hello->cluster);
    message.shard = hello->shard;
    message.node = hello->node;
    message.folder_id = id_data(&hello->folder);
    message.start = hello->start;
    message.anew = hello->anew;
    message.n_epochs = hello->epoch_count;
    message.epochs = list;
    message.last_sequence = hello->last_sequence;
    message.synced = hello->synced;
    message.owes = hello->owes;
    message.owes_epoch = hello->owes_epoch;
    message.epoch = hello->epoch;
    message.leader = hello->leader;
    Up up = GEOMYS__V1__FOLLOW_UP__INIT;
    up.kind_case = GEOMYS__V1__FOLLOW_UP__KIND_HELLO;
    up.hello = &message;
    return proto_pack(&up.base, out);
}

static bool pack_ack(const struct replication_ack *ack, struct buf *out)
{
    Geomys__V1__FollowUp__Ack message = GEOMYS__V1__FOLLOW_UP__ACK__INIT;
    message.epoch = ack->epoch;
    message.received = ack->received;
    message.synced = ack->synced;
    Up up = GEOMYS__V1__FOLLOW_UP__INIT;
    up.kind_case = GEOMYS__V1__FOLLOW_UP__KIND_ACK;
    up.ack = &message;
    return proto_pack(&up.base, out);
}

/* Texts are terminated in the generated messages; ours are not. */
static char *terminated(struct gm_bytes text, char room[static REPLICATION_SENTENCE_MAX + 1])
{
    size_t size = text.size < REPLICATION_SENTENCE_MAX ? text.size : REPLICATION_SENTENCE_MAX;
    if (size > 0) {
        memcpy(room, text.data, size);
    }
    room[size] = '\0';
    return room;
}

static bool pack_start(const struct replication_start *start, struct buf *out)
{
    Geomys__V1__FollowDown__Start message = GEOMYS__V1__FOLLOW_DOWN__START__INIT;
    message.epoch = start->epoch;
    message.leader = start->leader;
    message.mode = (Geomys__V1__FollowDown__Mode)start->mode;
    message.sequence = start->sequence;
    message.secret = proto_data((struct gm_bytes){start->secret.bytes, sizeof start->secret.bytes});
    message.size = start->size;
    message.checksum = start->checksum;
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_START;
    down.start = &message;
    return proto_pack(&down.base, out);
}

static bool pack_type(const struct replication_type *type, struct buf *out)
{
    char room[REPLICATION_SENTENCE_MAX + 1];
    Geomys__V1__FollowDown__Type message = GEOMYS__V1__FOLLOW_DOWN__TYPE__INIT;
    message.index = type->index;
    message.name = terminated(type->name, room);
    message.anew = type->anew;
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_TYPE;
    down.type = &message;
    return proto_pack(&down.base, out);
}

static bool pack_revision(const struct replication_revision *revision, struct buf *out)
{
    char room[REPLICATION_SENTENCE_MAX + 1];
    Geomys__V1__FollowDown__Revision message = GEOMYS__V1__FOLLOW_DOWN__REVISION__INIT;
    message.index = revision->index;
    message.revision = revision->revision;
    message.writer = terminated(revision->writer, room);
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_REVISION;
    down.revision = &message;
    return proto_pack(&down.base, out);
}

static bool pack_records(const struct replication_records *records, struct buf *out)
{
    Geomys__V1__FollowDown__Records message = GEOMYS__V1__FOLLOW_DOWN__RECORDS__INIT;
    message.first = records->first;
    message.last = records->last;
    message.offset = records->offset;
    message.total = records->total;
    message.bytes = proto_data(records->bytes);
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_RECORDS;
    down.records = &message;
    return proto_pack(&down.base, out);
}

static bool pack_piece(const struct replication_piece *piece, struct buf *out)
{
    Geomys__V1__FollowDown__Piece message = GEOMYS__V1__FOLLOW_DOWN__PIECE__INIT;
    message.offset = piece->offset;
    message.bytes = proto_data(piece->bytes);
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_PIECE;
    down.piece = &message;
    return proto_pack(&down.base, out);
}

static bool pack_progress(const struct replication_progress *progress, struct buf *out)
{
    Geomys__V1__FollowDown__Progress message = GEOMYS__V1__FOLLOW_DOWN__PROGRESS__INIT;
    message.committed = progress->committed;
    message.last = progress->last;
    message.now_ms = progress->now_ms;
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_PROGRESS;
    down.progress = &message;
    return proto_pack(&down.base, out);
}

static bool pack_refusal(const struct replication_refusal *refusal, struct buf *out)
{
    char room[REPLICATION_SENTENCE_MAX + 1];
    Geomys__V1__FollowDown__Refusal message = GEOMYS__V1__FOLLOW_DOWN__REFUSAL__INIT;
    message.code = refusal->code;
    message.sentence = terminated(refusal->sentence, room);
    message.leader = refusal->leader;
    Down down = GEOMYS__V1__FOLLOW_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FOLLOW_DOWN__KIND_REFUSAL;
    down.refusal = &message;
    return proto_pack(&down.base, out);
}

bool replication_pack(const struct replication_message *message, struct buf *out)
{
    switch (message->kind) {
    case REPLICATION_HELLO:
        return pack_hello(&message->hello, out);
    case REPLICATION_ACK:
        return pack_ack(&message->ack, out);
    case REPLICATION_START:
        return pack_start(&message->start, out);
    case REPLICATION_TYPE:
        return pack_type(&message->type, out);
    case REPLICATION_REVISION:
        return pack_revision(&message->revision, out);
    case REPLICATION_RECORDS:
        return pack_records(&message->records, out);
    case REPLICATION_PIECE:
        return pack_piece(&message->piece, out);
    case REPLICATION_PROGRESS:
        return pack_progress(&message->progress, out);
    case REPLICATION_REFUSAL:
        return pack_refusal(&message->refusal, out);
    }
    check(false);
    return false;
}

/* ---- unpacking ---- */

static enum status refuse(struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "a message of the other node cannot be read: %s", why);
    return STATUS_CORRUPT;
}

static bool take_id(ProtobufCBinaryData data, struct replication_id *out)
{
    if (data.len != sizeof out->bytes) {
        return false;
    }
    memcpy(out->bytes, data.data, sizeof out->bytes);
    return true;
}

static enum status take_epochs(const Geomys__V1__FollowUp__Hello *message, struct replication_hello *hello,
                               struct arena *arena, struct complaint *complaint)
{
    if (message->n_epochs > REPLICATION_EPOCHS_MAX) {
        return refuse(complaint, "its table of epochs is too long");
    }
    struct replication_epoch *list = arena_alloc(arena, message->n_epochs * sizeof *list + 1);
    struct replication_epoch last = {0, 0, 0};
    for (size_t i = 0; i < message->n_epochs; i++) {
        const Geomys__V1__Epoch *entry = message->epochs[i];
        list[i] = (struct replication_epoch){entry->epoch, entry->leader, entry->first};
        if (entry->leader == 0 || entry->epoch <= last.epoch || entry->first <= last.first ||
            entry->first > message->last_sequence) {
            return refuse(complaint, "its table of epochs is in no order");
        }
        last = list[i];
    }
    hello->epochs = list;
    hello->epoch_count = message->n_epochs;
    return STATUS_OK;
}

static enum status take_hello(const Geomys__V1__FollowUp__Hello *message, struct replication_hello *out,
                              struct arena *arena, struct complaint *complaint)
{
    *out = (struct replication_hello){
        .shard = message->shard,
        .node = message->node,
        .start = message->start,
        .anew = message->anew,
        .last_sequence = message->last_sequence,
        .synced = message->synced,
        .owes = message->owes,
        .owes_epoch = message->owes_epoch,
        .epoch = message->epoch,
        .leader = message->leader,
    };
    if (!take_id(message->cluster_id, &out->cluster) || !take_id(message->folder_id, &out->folder)) {
        return refuse(complaint, "an identity has not 16 bytes");
    }
    if (message->node == 0 || message->synced > message->last_sequence) {
        return refuse(complaint, "its hello makes no sense");
    }
    return take_epochs(message, out, arena, complaint);
}

enum status replication_unpack_up(struct gm_bytes bytes, struct replication_message *out, struct arena *arena,
                                  struct complaint *complaint)
{
    const Up *up = (const Up *)(const void *)proto_unpack(&geomys__v1__follow_up__descriptor, bytes, UP_MEMORY, arena);
    if (up != NULL && up->kind_case == GEOMYS__V1__FOLLOW_UP__KIND_HELLO) {
        out->kind = REPLICATION_HELLO;
        return take_hello(up->hello, &out->hello, arena, complaint);
    }
    if (up != NULL && up->kind_case == GEOMYS__V1__FOLLOW_UP__KIND_ACK) {
        out->kind = REPLICATION_ACK;
        out->ack = (struct replication_ack){up->ack->epoch, up->ack->received, up->ack->synced};
        return up->ack->synced <= up->ack->received ? STATUS_OK
                                                    : refuse(complaint, "it has synced more than it has received");
    }
    return refuse(complaint, "it is of no kind that a follower sends");
}

static enum status take_start(const Geomys__V1__FollowDown__Start *message, struct replication_start *out,
                              struct complaint *complaint)
{
    if ((unsigned)message->mode > REPLICATION_SNAPSHOT || message->secret.len != sizeof out->secret.bytes ||
        message->leader == 0 || message->epoch == 0) {
        return refuse(complaint, "its start makes no sense");
    }
    *out = (struct replication_start){
        .epoch = message->epoch,
        .leader = message->leader,
        .mode = (enum replication_mode)message->mode,
        .sequence = message->sequence,
        .size = message->size,
        .checksum = message->checksum,
    };
    memcpy(out->secret.bytes, message->secret.data, sizeof out->secret.bytes);
    return STATUS_OK;
}

/* False: it is longer than a text may be. */
static bool take_text(const char *text, size_t max, struct gm_bytes *out)
{
    size_t size = strnlen(text, max + 1);
    *out = (struct gm_bytes){(const uint8_t *)text, size};
    return size <= max;
}

static enum status take_type(const Geomys__V1__FollowDown__Type *message, struct replication_type *out,
                             struct complaint *complaint)
{
    *out = (struct replication_type){.index = (uint16_t)message->index, .anew = message->anew};
    bool fits = take_text(message->name, REPLICATION_TEXT_MAX, &out->name);
    return fits && message->index > 0 && message->index <= UINT16_MAX ? STATUS_OK
                                                                      : refuse(complaint, "a type makes no sense");
}

static enum status take_revision(const Geomys__V1__FollowDown__Revision *message, struct replication_revision *out,
                                 struct complaint *complaint)
{
    *out = (struct replication_revision){.index = (uint16_t)message->index, .revision = (uint16_t)message->revision};
    bool fits = take_text(message->writer, REPLICATION_TEXT_MAX, &out->writer);
    bool in_range =
        message->index > 0 && message->index <= UINT16_MAX && message->revision > 1 && message->revision <= UINT16_MAX;
    return fits && in_range ? STATUS_OK : refuse(complaint, "a revision makes no sense");
}

static enum status take_records(const Geomys__V1__FollowDown__Records *message, struct replication_records *out,
                                struct complaint *complaint)
{
    *out = (struct replication_records){
        .first = message->first,
        .last = message->last,
        .offset = message->offset,
        .total = message->total,
        .bytes = proto_bytes(message->bytes),
    };
    bool fits = out->bytes.size > 0 && out->offset <= out->total && out->bytes.size <= out->total - out->offset;
    return fits && out->first > 0 && out->first <= out->last ? STATUS_OK
                                                             : refuse(complaint, "its records make no sense");
}

enum status replication_unpack_down(struct gm_bytes bytes, struct replication_message *out, struct arena *arena,
                                    struct complaint *complaint)
{
    const Down *down =
        (const Down *)(const void *)proto_unpack(&geomys__v1__follow_down__descriptor, bytes, DOWN_MEMORY, arena);
    if (down == NULL) {
        return refuse(complaint, "it is no message of a leader");
    }
    switch (down->kind_case) {
    case GEOMYS__V1__FOLLOW_DOWN__KIND_START:
        out->kind = REPLICATION_START;
        return take_start(down->start, &out->start, complaint);
    case GEOMYS__V1__FOLLOW_DOWN__KIND_TYPE:
        out->kind = REPLICATION_TYPE;
        return take_type(down->type, &out->type, complaint);
    case GEOMYS__V1__FOLLOW_DOWN__KIND_REVISION:
        out->kind = REPLICATION_REVISION;
        return take_revision(down->revision, &out->revision, complaint);
    case GEOMYS__V1__FOLLOW_DOWN__KIND_RECORDS:
        out->kind = REPLICATION_RECORDS;
        return take_records(down->records, &out->records, complaint);
    case GEOMYS__V1__FOLLOW_DOWN__KIND_PIECE:
        out->kind = REPLICATION_PIECE;
        out->piece = (struct replication_piece){down->piece->offset, proto_bytes(down->piece->bytes)};
        return STATUS_OK;
    case GEOMYS__V1__FOLLOW_DOWN__KIND_PROGRESS:
        out->kind = REPLICATION_PROGRESS;
        out->progress =
            (struct replication_progress){down->progress->committed, down->progress->last, down->progress->now_ms};
        return STATUS_OK;
    case GEOMYS__V1__FOLLOW_DOWN__KIND_REFUSAL:
        out->kind = REPLICATION_REFUSAL;
        out->refusal = (struct replication_refusal){.code = down->refusal->code, .leader = down->refusal->leader};
        return take_text(down->refusal->sentence, REPLICATION_SENTENCE_MAX, &out->refusal.sentence)
                   ? STATUS_OK
                   : refuse(complaint, "a refusal is too long");
    case GEOMYS__V1__FOLLOW_DOWN__KIND__NOT_SET:
    default:
        return refuse(complaint, "it is of no kind that a leader sends");
    }
}
