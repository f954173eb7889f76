/* SPDX-License-Identifier: MIT */

/* copy.h - a COPY record that somebody else has planned, or this node before. See copy.c. */
#ifndef GEOMYS_SHARD_COPY_H
#define GEOMYS_SHARD_COPY_H

#include "shard/apply.h"

/* As apply_again, which takes all other records, for a record of any kind. */
must_use enum status copy_or_apply_slow(struct shard *shard, const struct record *record, uint64_t hash,
                                        struct complaint *complaint);
must_use static inline enum status copy_or_apply(struct shard *shard, const struct record *record, uint64_t hash,
                                                 struct complaint *complaint)
{
    bool copies = record->type == 0 && record->op == RECORD_OP_COPY;
    return __builtin_expect(copies, 0) ? copy_or_apply_slow(shard, record, hash, complaint)
                                       : apply_again(shard, record, hash, complaint);
}

#endif
