/* SPDX-License-Identifier: MIT */

/* source.h - records from elsewhere, as one stream: a snapshot and a log that are read back, or what a leader sends.
 * A sink (log/record.h) over apply_again, which knows what the stream's type numbers mean here.
 *
 * Promises
 *   I1  A record reaches apply_again with the shard's own type number, found by the type's name; one whose number was
 *       never declared is refused.
 *   I2  What was foreseen changes nothing but the time that it takes: the hash handed on is that of the key.
 *
 * Limits   SOURCE_TYPES type numbers, of at most ENTRY_TYPE_COUNT types.
 */
#ifndef GEOMYS_SHARD_SOURCE_H
#define GEOMYS_SHARD_SOURCE_H

#include "log/record.h"
#include "shard/shard.h"

#define SOURCE_TYPES (ENTRY_TYPE_COUNT * 4)

struct source {
    struct record_sink sink;                /* for who has the records */
    struct shard *shard;                    /* borrowed */
    uint16_t types[SOURCE_TYPES];           /* the shard's number by the stream's; 0: not declared */
    uint64_t hashes[RECORD_SINK_AHEAD];     /* of the keys that were announced, in turns */
    const uint8_t *keys[RECORD_SINK_AHEAD]; /* where these keys are */
    uint64_t announced, taken;
};

/* Nothing has been declared yet. `shard` outlives the source. */
void source_init(struct source *source, struct shard *shard);

#endif
