/* SPDX-License-Identifier: MIT */

/* build.h - a copy of a value, made aside and piece by piece, that then becomes that of another key at once. See
 * build.c for the argument.
 *
 *     build_begin  ->  build_step until it does not go on  ->  build_ready, a record of the host, and apply.c
 *                 └──  build_keep, if others are served between the steps
 */
#ifndef GEOMYS_SHARD_BUILD_H
#define GEOMYS_SHARD_BUILD_H

#include "base/buf.h"
#include "shard/apply.h"

enum build_state {
    BUILD_GOES_ON, /* there is more to do */
    BUILD_DONE,    /* it can be put in its place */
    BUILD_FAILED,  /* for a reason that was given: it cannot be built */
    BUILD_BROKEN,  /* what it was made from has changed: it is of no use */
};

struct build {
    struct list link; /* in shard.builds */
    struct shard *shard;
    struct change_key source;  /* borrowed, or the claims' */
    struct change_key target;  /* ... */
    struct claim source_claim; /* while others are served meanwhile */
    struct claim target_claim;
    struct keyspace aside; /* nobody's database: the value under the target's key, and nothing else */
    struct buf records;    /* of one piece */
    uint64_t cursor;       /* of the source's dump; of a frozen one the bytes that were copied */
    uint8_t type;          /* number, of the copy */
    enum build_state state;
    bool given_away; /* a command has it: what is left of it goes at the end of the turn */
};

/* Begins to copy the value of key `source`, which is there, for key `target`, another one. Both names are borrowed
 * until the build is kept, put or dropped. O(1). */
struct build *build_begin(struct shard *shard, const struct change_key *source, const struct change_key *target);

/* One piece: about GM_DUMP_BODY bytes. BUILD_FAILED: the complaint says why. */
enum build_state build_step(struct build *build, struct complaint *complaint);

/* Others are served before the next step: whoever would change one of the two keys waits, if there is a choice; if the
 * source changes all the same, the build is broken. Copies the names. Again: nothing happens. */
void build_keep(struct build *build);

/* Instead of what could not be built: the records of the source as they are, in a value that is damaged. False: the
 * source does not tell them. O(value). */
must_use bool build_damaged(struct build *build, struct complaint *complaint);

/* Where the value is, which is done, and the expiry that it gets: for the record that puts it in its place
 * (apply.h). */
struct apply_aside build_ready(struct build *build);

/* Whoever began it has no more to do with it: it is put by the command under way, and goes at the end of the turn. */
void build_give_away(struct build *build);

/* Releases it, whatever it is by then. NULL is fine. */
void build_drop(struct build *build);

/* Releases those that were given away; or all of them. */
void builds_reap(struct shard *shard, bool all);

/* Bytes that it takes besides the copy, which is charged to its type. */
size_t build_size(const struct build *build);

#endif
