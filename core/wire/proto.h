/* SPDX-License-Identifier: MIT */

/* proto.h - messages of Protocol Buffers, unpacked into bounded memory.
 *
 * Why      What a peer sends may unfold: two bytes of an empty message inside become a struct of sixty. A ceiling on
 *          the bytes alone is none on the memory.
 * Idea     protobuf-c asks an allocator, and takes NULL for an answer. This one lends memory of an arena, up to a
 *          ceiling, and gives nothing back by itself: the arena does, when the message was looked at.
 *
 * Promises
 *   P1  Unpacking takes at most the ceiling, whatever comes; a message that would take more is refused as one that
 *       cannot be read. */
#ifndef GEOMYS_WIRE_PROTO_H
#define GEOMYS_WIRE_PROTO_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"

/* The message, whose strings and bytes are in the arena: valid until that is reset. NULL: it is no such message, or
 * takes more than `max` bytes of memory. O(bytes). */
ProtobufCMessage *proto_unpack(const ProtobufCMessageDescriptor *descriptor, struct gm_bytes bytes, size_t max,
                               struct arena *arena);

/* Appends the message. False past the buffer's ceiling. O(bytes). */
bool proto_pack(const ProtobufCMessage *message, struct buf *out);

/* Both ways between their bytes and ours; borrowed. */
static inline struct gm_bytes proto_bytes(ProtobufCBinaryData data)
{
    return (struct gm_bytes){data.data, data.len};
}

ProtobufCBinaryData proto_data(struct gm_bytes bytes);

#endif
