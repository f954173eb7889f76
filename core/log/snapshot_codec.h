/* SPDX-License-Identifier: MIT */

/* snapshot_codec.h - what compresses the content of a block, and undoes it: LZ4's block format, or one zstd frame.
 *
 * The structs hold the memory that a library works in, so that nothing is allocated per block. Each belongs to one
 * thread at a time. */
#ifndef GEOMYS_LOG_SNAPSHOT_CODEC_H
#define GEOMYS_LOG_SNAPSHOT_CODEC_H

#include "log/snapshot.h"

struct snapshot_packer;   /* opaque */
struct snapshot_unpacker; /* opaque */

/* For blocks of up to `plain_max` bytes. With SNAPSHOT_PLAIN it never finds anything to gain. */
struct snapshot_packer *snapshot_packer_create(enum snapshot_codec codec, size_t plain_max);
void snapshot_packer_destroy(struct snapshot_packer *packer); /* NULL is fine */

/* Bytes of memory that it holds. */
size_t snapshot_packer_memory(const struct snapshot_packer *packer);

/* Compresses `plain`; the result lies in the packer until the next call. False: not worth it, less than a sixteenth
 * would be gained. About 2 ns a byte (LZ4) to 4 (zstd). */
bool snapshot_pack(struct snapshot_packer *packer, struct gm_bytes plain, struct gm_bytes *out);

struct snapshot_unpacker *snapshot_unpacker_create(void);
void snapshot_unpacker_destroy(struct snapshot_unpacker *unpacker); /* NULL is fine */

/* Fills out[0..size) from `stored`, which may be any bytes. False: they do not give exactly `size` bytes. Memory does
 * not depend on what they claim. */
must_use bool snapshot_unpack(struct snapshot_unpacker *unpacker, enum snapshot_codec codec, struct gm_bytes stored,
                              uint8_t *out, size_t size);

#endif
