/* SPDX-License-Identifier: MIT */

/* replica.h - one copy of one shard on one node: its data, its log, its snapshots, and what it may do with them.
 *
 * States
 *
 *     loading ──everything read──► serving ──replica_reload──► loading
 *        └──────damage──────┐         └──sync failed──┐
 *                           └──────► failed ◄─────────┘
 *
 *   loading   the snapshot and the log are read, a slice per turn; nobody sees the data
 *   serving   commands are carried out, the log is written, snapshots are made; without space to open the log at all
 *             the data can be read only, until there is
 *   failed    nothing is written any more, nothing may be answered any more; `complaint` says why
 *
 * Of a cluster  (env.member) it begins as a follower, and leads when it is told to: replica_lead. Without any data
 *               of its own it waits, loading, until it knows whose data it is to have: replica_take_origin.
 *
 * It knows no client: whoever serves its shard hears of changes as a listener. [loop's thread]
 */
#ifndef GEOMYS_REPLICA_REPLICA_H
#define GEOMYS_REPLICA_REPLICA_H

#include "base/trace.h"
#include "env/disk.h"
#include "env/entropy.h"
#include "log/wal.h"
#include "replica/acks.h"
#include "replica/datatime.h"
#include "replica/recovery.h"
#include "replica/reserve.h"
#include "replica/saver.h"
#include "replica/stand.h"
#include "shard/shard.h"

enum replica_state {
    REPLICA_LOADING,
    REPLICA_SERVING,
    REPLICA_FAILED,
};

struct replica_options {
    struct shard_options shard;
    struct saver_options saver;
    struct wal_config wal; /* its salt is drawn when the log is opened; WAL_NONE: there is no log */
    uint64_t reserve_size; /* bytes of the disk held for the rescue of a log that meets its end; 0: none */
};

/* What it is given, and borrows. */
struct replica_env {
    struct disk *disk;       /* NULL with WAL_NONE: nothing is read or written */
    struct entropy *entropy; /* of secrets: the data set's, and the salt of the log */
    const struct trace *trace;
    struct lock *lock; /* of its stand, where a cluster loop runs on another thread; NULL: none does */
    bool member;       /* of a cluster: nobody leads by itself */
};

struct replica {
    struct shard shard;
    struct replica_options options;
    struct replica_env env;
    enum replica_state state;
    struct complaint complaint; /* with REPLICA_FAILED */
    struct recovery *recovery;  /* owned, while loading */
    struct wal *wal;            /* owned; NULL while loading, and with WAL_NONE */
    struct saver saver;
    struct stand stand;
    struct acks acks;     /* while it leads */
    struct datatime time; /* of the data, in a cluster */
    uint64_t told;        /* while it follows: the leader has said that a majority has all up to here, and so has it */
    bool blank;           /* it waits to be told whose data it is to have */
    void (*on_origin)(void *context); /* the shard has got another secret; may be NULL */
    void (*on_down)(void *context);   /* the log is about to go: who reads it or holds it lets go; may be NULL */
    void *context;
    struct reserve reserve;
    struct recovery_end found;       /* while the log waits to be opened */
    bool unopened;                   /* it does: there was no space */
    bool waited;                     /* the log has, in the turn before, for space */
    int64_t space_ms;                /* monotonic: when space is looked for again */
    struct recovery_progress loaded; /* so far, or in the end */
    int64_t load_began_ms;           /* monotonic */
    int64_t load_ended_ms;           /* monotonic */
    int64_t load_told_ms;            /* monotonic: the last line about it */
    enum status lack;                /* of the log, as told last */
    uint64_t syncs_told;             /* to LATENCY */
};

/* Looks at the files, and begins loading. The registry and what is in `env` outlive the replica. On a refusal
 * replica_finish is to be called all the same. CORRUPT, VERSION, IO with a sentence. Blocks. */
must_use enum status replica_init(struct replica *replica, const struct registry *registry,
                                  const struct replica_options *options, const struct replica_env *env,
                                  struct complaint *complaint);
void replica_finish(struct replica *replica); /* zeroed memory is fine; after the worker */

/* Takes over options that can change while it serves: those of the shard, of the saver, and the log's interval. */
void replica_configure(struct replica *replica, const struct replica_options *options);

/* Once per turn, between batches, behind what the worker has done: reads on, or gives the log and the snapshots their
 * turn. True: it could go on at once. */
bool replica_turn(struct replica *replica);

/* When replica_turn wants to be called at the latest, monotonic ms; INT64_MAX: no wish. */
int64_t replica_next_ms(const struct replica *replica);

/* All that was written goes down to the disk, and everything is read again, in this process: the data begin anew. The
 * listeners hear of it; commands are refused meanwhile. Not while failed. Else, with a sentence: it has failed.
 * Blocks. */
must_use enum status replica_reload(struct replica *replica, struct complaint *complaint);

/* ---- of a cluster */

/* The data that it has none of yet are those of this secret: it goes on from loading, as a follower. While blank. */
void replica_take_origin(struct replica *replica, const struct gm_secret *secret);

/* It leads from now on, in this epoch, which begins with a record at once: whoever calls has asked a majority of the
 * set (cluster C8). False, and nothing has changed: it is not this any more that the replica's stand has promised, or
 * the replica has failed. A blank one begins a data set. Once more while it leads: a new epoch of the same leader. */
bool replica_lead(struct replica *replica, uint64_t epoch, const struct record_epoch *leader);

/* A leader may not write for now, or may again: it has lost its lease, and got it back. */
void replica_fence(struct replica *replica, bool fenced);

/* It leads no more. While it leads, or is fenced. */
void replica_follow(struct replica *replica);

/* The log goes back to record `sequence`, as its leader's history does not have what is behind it: that is kept in
 * files of its own, and everything is read again. While it follows. NOT_FOUND: neither log nor snapshots reach back so
 * far. REFUSED: a majority has been said to have more than that. Else, with a sentence: it has failed. Blocks. */
must_use enum status replica_rewind(struct replica *replica, uint64_t sequence, struct complaint *complaint);

/* The snapshot of record `cut` that has come (intake.h) takes the place of everything that is here, and is read: what
 * there was is kept under other names, and what was acknowledged is owed until it has come again. `secret`: of the
 * data, for a blank one. While it follows, or is blank. Else, with a sentence: it has failed. Blocks. */
must_use enum status replica_replace(struct replica *replica, uint64_t cut, const struct gm_secret *secret,
                                     struct complaint *complaint);

/* What time it is in the data, for a turn at this one; and nothing else happens. Without a cluster the wall's. O(1). */
int64_t replica_time(struct replica *replica, int64_t wall_ms, int64_t monotonic_ms);

/* replica_released, of a cluster. */
void replica_released_member(struct replica *replica, uint64_t *local, uint64_t *quorum);

/* Up to where answers may leave, by level. Publishes the position (stand.h) and counts it, if it leads. O(1) alone,
 * O(members^2) in a cluster. */
static inline void replica_released(struct replica *replica, uint64_t *local, uint64_t *quorum)
{
    const struct shard *shard = &replica->shard;
    *local = shard->wal != NULL ? wal_released(shard->wal) : shard->tail.last_sequence;
    *quorum = *local; /* alone: a quorum is this replica */
    if (__builtin_expect(replica->env.member, 0)) {
        replica_released_member(replica, local, quorum);
    }
}

/* Everything is written down and synced; a snapshot under way is given up. Nothing happens after a failure. Blocks. */
must_use enum status replica_close(struct replica *replica, struct complaint *complaint);

/* Bytes that wait for the disk. */
size_t replica_backlog(const struct replica *replica);

/* More than `max` of them do, and the log is not stuck: they get fewer by themselves. */
bool replica_is_behind(const struct replica *replica, size_t max);

#endif
