/* SPDX-License-Identifier: MIT */

/* forwarding.c - between the generated messages and ours. */
#include "wire/forwarding.h"

#include <string.h>

#include "geomys/v1/store.pb-c.h"
#include "wire/proto.h"

#define MEMORY ((size_t)80 * 1024) /* of an unpacked message: data are the largest, of FORWARDING_DATA_MAX */

/* ---- packing ---- */

/* Texts are terminated in the generated messages; ours are not. */
static char *terminated(struct gm_bytes text, size_t max, char *room)
{
    check(text.size <= max);
    if (text.size > 0) {
        memcpy(room, text.data, text.size);
    }
    room[text.size] = '\0';
    return room;
}

static Geomys__V1__ForwardMark mark_of(struct forwarding_mark mark)
{
    Geomys__V1__ForwardMark message = GEOMYS__V1__FORWARD_MARK__INIT;
    message.epoch = mark.epoch;
    message.sequence = mark.sequence;
    return message;
}

static bool pack_open(const struct forwarding_open *open, struct buf *out)
{
    char address[FORWARDING_TEXT_MAX + 1];
    char user[FORWARDING_TEXT_MAX + 1];
    char name[FORWARDING_TEXT_MAX + 1];
    Geomys__V1__ForwardMark written = mark_of(open->written);
    Geomys__V1__ForwardUp__Open message = GEOMYS__V1__FORWARD_UP__OPEN__INIT;
    message.address = terminated(open->address, FORWARDING_TEXT_MAX, address);
    message.user = terminated(open->user, FORWARDING_TEXT_MAX, user);
    message.name = terminated(open->name, FORWARDING_TEXT_MAX, name);
    message.database = open->database;
    message.resp3 = open->resp3;
    message.quorum = open->quorum;
    message.no_touch = open->no_touch;
    message.waited_ms = open->waited_ms;
    message.written = &written;
    Geomys__V1__ForwardUp up = GEOMYS__V1__FORWARD_UP__INIT;
    up.kind_case = GEOMYS__V1__FORWARD_UP__KIND_OPEN;
    up.open = &message;
    return proto_pack(&up.base, out);
}

static bool pack_data(struct gm_bytes data, struct buf *out)
{
    check(data.size > 0 && data.size <= FORWARDING_DATA_MAX);
    Geomys__V1__ForwardUp up = GEOMYS__V1__FORWARD_UP__INIT;
    up.kind_case = GEOMYS__V1__FORWARD_UP__KIND_DATA;
    up.data = proto_data(data);
    return proto_pack(&up.base, out);
}

static bool pack_credit(uint64_t credit, struct buf *out)
{
    Geomys__V1__ForwardUp up = GEOMYS__V1__FORWARD_UP__INIT;
    up.kind_case = GEOMYS__V1__FORWARD_UP__KIND_CREDIT;
    up.credit = credit;
    return proto_pack(&up.base, out);
}

static bool pack_answer(const struct forwarding_answer *answer, struct buf *out)
{
    check(answer->bytes.size <= FORWARDING_DATA_MAX);
    Geomys__V1__ForwardMark mark = mark_of(answer->mark);
    Geomys__V1__ForwardDown__Answer message = GEOMYS__V1__FORWARD_DOWN__ANSWER__INIT;
    message.bytes = proto_data(answer->bytes);
    message.mark = &mark;
    message.answered = answer->answered;
    message.listens = answer->listens;
    Geomys__V1__ForwardDown down = GEOMYS__V1__FORWARD_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FORWARD_DOWN__KIND_ANSWER;
    down.answer = &message;
    return proto_pack(&down.base, out);
}

static bool pack_not_begun(const struct forwarding_not_begun *not_begun, struct buf *out)
{
    Geomys__V1__ForwardDown__NotBegun message = GEOMYS__V1__FORWARD_DOWN__NOT_BEGUN__INIT;
    message.from = not_begun->from;
    message.parked = not_begun->parked;
    Geomys__V1__ForwardDown down = GEOMYS__V1__FORWARD_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FORWARD_DOWN__KIND_NOT_BEGUN;
    down.not_begun = &message;
    return proto_pack(&down.base, out);
}

static bool pack_close(struct gm_bytes reason, struct buf *out)
{
    char text[FORWARDING_REASON + 1];
    Geomys__V1__ForwardDown__Close message = GEOMYS__V1__FORWARD_DOWN__CLOSE__INIT;
    message.reason = terminated(reason, FORWARDING_REASON, text);
    Geomys__V1__ForwardDown down = GEOMYS__V1__FORWARD_DOWN__INIT;
    down.kind_case = GEOMYS__V1__FORWARD_DOWN__KIND_CLOSE;
    down.close = &message;
    return proto_pack(&down.base, out);
}

bool forwarding_pack(const struct forwarding_message *message, struct buf *out)
{
    switch (message->kind) {
    case FORWARDING_OPEN:
        return pack_open(&message->open, out);
    case FORWARDING_DATA:
        return pack_data(message->data, out);
    case FORWARDING_CREDIT:
        return pack_credit(message->credit, out);
    case FORWARDING_ANSWER:
        return pack_answer(&message->answer, out);
    case FORWARDING_NOT_BEGUN:
        return pack_not_begun(&message->not_begun, out);
    case FORWARDING_CLOSE:
        break;
    }
    check(message->kind == FORWARDING_CLOSE);
    return pack_close(message->reason, out);
}

/* ---- unpacking ---- */

static enum status refuse(struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "a message of a Forward stream cannot be read: %s", why);
    return STATUS_CORRUPT;
}

/* A message that is not there is one of zeros. */
static struct forwarding_mark take_mark(const Geomys__V1__ForwardMark *message)
{
    return message != NULL ? (struct forwarding_mark){message->epoch, message->sequence} : (struct forwarding_mark){0};
}

/* False: it is longer than it may be. */
static bool take_text(const char *text, size_t max, struct gm_bytes *out)
{
    size_t size = strnlen(text, max + 1);
    *out = (struct gm_bytes){(const uint8_t *)text, size};
    return size <= max;
}

static enum status take_open(const Geomys__V1__ForwardUp__Open *message, struct forwarding_open *out,
                             struct complaint *complaint)
{
    *out = (struct forwarding_open){.database = message->database,
                                    .resp3 = message->resp3,
                                    .quorum = message->quorum,
                                    .no_touch = message->no_touch,
                                    .waited_ms = message->waited_ms,
                                    .written = take_mark(message->written)};
    bool texts = take_text(message->address, FORWARDING_TEXT_MAX, &out->address) &&
                 take_text(message->user, FORWARDING_TEXT_MAX, &out->user) &&
                 take_text(message->name, FORWARDING_TEXT_MAX, &out->name);
    if (!texts || message->database > UINT16_MAX) { /* forwarding P1 */
        return refuse(complaint, "what it says of the client makes no sense");
    }
    return STATUS_OK;
}

static enum status take_up(const Geomys__V1__ForwardUp *up, struct forwarding_message *out, struct complaint *complaint)
{
    switch (up->kind_case) {
    case GEOMYS__V1__FORWARD_UP__KIND_OPEN:
        out->kind = FORWARDING_OPEN;
        return take_open(up->open, &out->open, complaint);
    case GEOMYS__V1__FORWARD_UP__KIND_DATA:
        out->kind = FORWARDING_DATA;
        out->data = proto_bytes(up->data);
        return out->data.size > 0 && out->data.size <= FORWARDING_DATA_MAX /* forwarding P1 */
                   ? STATUS_OK
                   : refuse(complaint, "its data are too large, or none");
    case GEOMYS__V1__FORWARD_UP__KIND_CREDIT:
        out->kind = FORWARDING_CREDIT;
        out->credit = up->credit;
        return out->credit > 0 && out->credit <= FORWARDING_WINDOW ? STATUS_OK /* forwarding P1 */
                                                                   : refuse(complaint, "its credit makes no sense");
    default:
        return refuse(complaint, "it is of no known kind");
    }
}

enum status forwarding_unpack_up(struct gm_bytes bytes, struct forwarding_message *out, struct arena *arena,
                                 struct complaint *complaint)
{
    ProtobufCMessage *message = proto_unpack(&geomys__v1__forward_up__descriptor, bytes, MEMORY, arena);
    if (message == NULL) {
        return refuse(complaint, "it is none, or too large");
    }
    return take_up((const Geomys__V1__ForwardUp *)(const void *)message, out, complaint);
}

static enum status take_answer(const Geomys__V1__ForwardDown__Answer *message, struct forwarding_answer *out,
                               struct complaint *complaint)
{
    *out = (struct forwarding_answer){.bytes = proto_bytes(message->bytes),
                                      .mark = take_mark(message->mark),
                                      .answered = message->answered,
                                      .listens = message->listens};
    return out->bytes.size > 0 && out->bytes.size <= FORWARDING_DATA_MAX /* forwarding P1 */
               ? STATUS_OK
               : refuse(complaint, "its answer is too large, or none");
}

static enum status take_down(const Geomys__V1__ForwardDown *down, struct forwarding_message *out,
                             struct complaint *complaint)
{
    switch (down->kind_case) {
    case GEOMYS__V1__FORWARD_DOWN__KIND_ANSWER:
        out->kind = FORWARDING_ANSWER;
        return take_answer(down->answer, &out->answer, complaint);
    case GEOMYS__V1__FORWARD_DOWN__KIND_NOT_BEGUN:
        out->kind = FORWARDING_NOT_BEGUN;
        out->not_begun = (struct forwarding_not_begun){down->not_begun->from, down->not_begun->parked};
        return STATUS_OK;
    case GEOMYS__V1__FORWARD_DOWN__KIND_CLOSE:
        out->kind = FORWARDING_CLOSE;
        return take_text(down->close->reason, FORWARDING_REASON, &out->reason) /* forwarding P1 */
                   ? STATUS_OK
                   : refuse(complaint, "its reason is too long");
    default:
        return refuse(complaint, "it is of no known kind");
    }
}

enum status forwarding_unpack_down(struct gm_bytes bytes, struct forwarding_message *out, struct arena *arena,
                                   struct complaint *complaint)
{
    ProtobufCMessage *message = proto_unpack(&geomys__v1__forward_down__descriptor, bytes, MEMORY, arena);
    if (message == NULL) {
        return refuse(complaint, "it is none, or too large");
    }
    return take_down((const Geomys__V1__ForwardDown *)(const void *)message, out, complaint);
}
