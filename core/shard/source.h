/* SPDX-License-Identifier: MIT */

/* source.h - records from elsewhere, as one stream: a snapshot and a log that are read back, or what a leader sends.
 * A sink (log/record.h) over apply_again, which knows what the stream's type numbers mean here.
 *
 * Promises
 *   I1  A record reaches apply_again with the shard's own type number, found by the type's name; one whose number was
 *       never declared is refused.
 *   I2  What was foreseen changes nothing but the time that it takes: the hash handed on is that of the key.
 *
 *   I3  A record of a few bytes that makes its value much larger (a write far behind the end of a text) is noted with
 *       its key: whoever loads such a log shall see what takes the memory. It is no reason to refuse it: it was
 *       acknowledged.
 *   I4  A record that names a database which is not there is not carried out, and none behind it: the source goes on
 *       only to find how many databases its records need (source_lack).
 *
 * Limits   SOURCE_TYPES type numbers, of at most ENTRY_TYPE_COUNT types.
 */
#ifndef GEOMYS_SHARD_SOURCE_H
#define GEOMYS_SHARD_SOURCE_H

#include "log/record.h"
#include "shard/shard.h"

#define SOURCE_TYPES (ENTRY_TYPE_COUNT * 4)

#define SOURCE_LEAP       ((uint64_t)64 * 1024 * 1024) /* bytes of memory that one record takes, to be noted, */
#define SOURCE_LEAP_RATIO 1000                         /* and times its own size */
#define SOURCE_KEY_SHOWN  64                           /* bytes of a key, with the terminator */

/* Records that made their values much larger than they are themselves. */
struct source_leaps {
    uint64_t count;
    uint64_t bytes;             /* of memory, all together */
    uint64_t last_bytes;        /* of the last one, */
    uint64_t last_size;         /* the bytes of its key and body, */
    uint64_t last_sequence;     /* its sequence, */
    char key[SOURCE_KEY_SHOWN]; /* and the beginning of its key */
};

struct source {
    struct record_sink sink;                /* for who has the records */
    struct shard *shard;                    /* borrowed */
    uint16_t types[SOURCE_TYPES];           /* the shard's number by the stream's; 0: not declared */
    uint64_t hashes[RECORD_SINK_AHEAD];     /* of the keys that were announced, in turns */
    const uint8_t *keys[RECORD_SINK_AHEAD]; /* where these keys are */
    uint64_t announced, taken;
    uint64_t expected; /* keys that are about to come, most of them in the database of the first; 0: nobody knows */
    struct source_leaps leaps;
    bool serves;               /* the shard goes on serving whatever comes: what its code is too old for is frozen. Else
                                  a type that needs newer code than there is ends it */
    uint32_t databases_needed; /* 0: those that there are were enough so far */
};

/* Nothing has been declared yet. `shard` outlives the source. */
void source_init(struct source *source, struct shard *shard);

/* So many keys are about to come, the source says: room for them is made in the database where the first one goes. */
void source_expect(struct source *source, uint64_t keys);

/* Everything has come: REFUSED, with the number that is needed, if there are too few databases. */
must_use enum status source_lack(const struct source *source, struct complaint *complaint);

#endif
