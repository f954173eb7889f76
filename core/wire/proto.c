/* SPDX-License-Identifier: MIT */

/* proto.c - an allocator with a ceiling; proto.h has the argument. */
#include "wire/proto.h"

struct lender {
    struct arena *arena;
    size_t rest; /* bytes that may still be lent */
};

static void *lend(void *context, size_t size)
{
    struct lender *lender = context;
    if (size > lender->rest) {
        return NULL; /* proto P1 */
    }
    lender->rest -= size;
    return arena_try(lender->arena, size > 0 ? size : 1);
}

static void keep(void *context, void *memory)
{
    (void)context, (void)memory; /* it goes with the arena */
}

ProtobufCMessage *proto_unpack(const ProtobufCMessageDescriptor *descriptor, struct gm_bytes bytes, size_t max,
                               struct arena *arena)
{
    struct lender lender = {arena, max};
    ProtobufCAllocator allocator = {.alloc = lend, .free = keep, .allocator_data = &lender};
    static const uint8_t nothing[1];
    return protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data != NULL ? bytes.data : nothing);
}

bool proto_pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *target = buf_reserve(out, size);
    if (target == NULL) {
        return false;
    }
    size_t packed = protobuf_c_message_pack(message, target);
    check(packed == size);
    out->size += size;
    return true;
}

ProtobufCBinaryData proto_data(struct gm_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.size, .data = (uint8_t *)(uintptr_t)bytes.data};
}
