/* SPDX-License-Identifier: MIT */

/* coord_guard.h - the raft library's outside world, arranged so that its known faults cannot be reached.
 *
 * Why      libraft 0.15.0 (Debian 12) is not safe as it is. It counts copies of an entry of an older term as if they
 *          committed it (S1), asks for votes with entries that are not on its disk (S2), a follower's "yes" covers what
 *          was never compared (S3), and so does what a follower takes for committed (S4); each loses what was
 *          committed. tests/unit/cluster/test_raft_defects.c shows all four, here and without the guard. Why it is used
 *          all the same: docs/decisions/0054.
 *
 * Idea     The library is given one *event* at a time (a tick, a message, a proposal), and the next only when all that
 *          the last one stored is on the disk and its completions have been given back. What it sends is held so long.
 *
 *             event ─► library ─► store ... idle ─► completions ─► sends go out ─► next event
 *
 * Promises
 *   P1  Term, vote, entries and cuts are on the disk before anything of the event that made them is seen by anybody,
 *       and before the next event (S2, S8).
 *   P2  A server that begins to lead appends a barrier, and it is stored before any other event: only entries of its
 *       own term are ever counted (S1).
 *   P3  A success reply says no more than what its request compared: its last entry, or what it stands behind (S3).
 *   P4  What a leader calls committed counts here up to what the request compared (S4).
 *   P5  Leadership is never transferred, snapshots are neither made nor taken, and such messages are dropped (S5, S7).
 *   P6  Servers are changed only by a leader whose barrier is committed, one at a time (S6). Where the library would
 *       not find the way back (a change that was in the log at the start is cut) the engine stops and is started again.
 *   P7  When the store has failed nothing is sent and nothing is called back any more (S8).
 *   P9  A server is asked for its vote by whoever's configuration has it as a voter, and answers; its own may be older
 *       (S9: the library answers no, and when a leader ends behind having stored a promotion that nobody else has, no
 *       leader is ever elected again).
 *   P8  "Confirmed" says that after the stamp was drawn a majority of the voters had not heard of a later term.
 */
#ifndef GEOMYS_CLUSTER_COORD_GUARD_H
#define GEOMYS_CLUSTER_COORD_GUARD_H

#include <raft.h>

#include "base/prng.h"
#include "cluster/coord.h"
#include "cluster/coord_message.h"
#include "cluster/coord_store.h"

#define COORD_GUARD_PEERS     (TOPOLOGY_MEMBERS_MAX + 1)
#define COORD_GUARD_INBOX_MAX ((size_t)8 * 1024 * 1024) /* bytes; what comes beyond is dropped, as a network might */

struct coord_guard_config {
    struct disk *disk; /* the cluster's own folder; borrowed until finish */
    struct coord_sender sender;
    uint64_t node;
    uint64_t server;   /* above 0 */
    uint64_t log_size; /* bytes: of a log that is made, see coord_store.h */
    uint32_t beat_ms;  /* between two beats of the library's leader */
    uint32_t elect_ms; /* without them a follower stands for election, between once and twice this */
    uint64_t seed;
    int64_t now_us;
    bool bootstrap;       /* an empty folder is the first server of a new cluster */
    struct raft_fsm *fsm; /* borrowed */
    /* A message that is not the library's. The bytes it has are borrowed until it returns. */
    void (*on_ask)(void *context, uint64_t from, const struct coord_message *message);
    void *context;
};

struct coord_guard_peer {
    uint64_t server;
    int64_t heard_us;     /* when it last answered */
    uint64_t term, stamp; /* the newest stamp that it answered in this term */
};

struct coord_guard {
    struct coord_guard_config config;
    struct coord_store store;
    struct raft_io io;
    struct raft raft;
    struct prng prng;
    int64_t now_us;
    raft_io_tick_cb tick;
    raft_io_recv_cb recv;
    raft_io_close_cb closed;
    int64_t tick_us; /* between two ticks; 0: not started */
    int64_t next_tick_us;
    struct list inbox; /* struct letter */
    size_t inbox_size;
    struct list outbox;  /* struct parcel */
    struct list appends; /* struct waiter */
    struct {             /* the APPEND that is being answered, if `server` is not 0 */
        uint64_t server, checked, stamp;
    } request;
    uint64_t stamp; /* the last one drawn */
    struct coord_guard_peer peers[COORD_GUARD_PEERS];
    struct raft_barrier barrier;
    uint64_t barrier_term; /* the barrier of this term was asked for */
    uint64_t settled_term; /* the barrier of this term is committed */
    bool must_restart;     /* coord_guard P6 */
    bool running;          /* raft_init was done */
    bool closing;
    bool stopped;
    struct complaint trouble;
};

/* Reads the folder. Blocks. Then coord_guard_run starts the library with what was read, and forgets it. */
must_use enum status coord_guard_start(struct coord_guard *guard, const struct coord_guard_config *config,
                                       struct complaint *complaint);
must_use enum status coord_guard_run(struct coord_guard *guard, struct complaint *complaint);
void coord_guard_finish(struct coord_guard *guard);

/* A message that arrived: copied, looked at in the next turn. */
void coord_guard_receive(struct coord_guard *guard, uint64_t from, struct gm_bytes message);

/* Gives the library all events that are due, until one waits for the disk. */
void coord_guard_turn(struct coord_guard *guard, int64_t now_us);
uint32_t coord_guard_next_ms(const struct coord_guard *guard, int64_t now_us);

/* Whether the library may be given an event: between turns, by who proposes something. */
bool coord_guard_ready(const struct coord_guard *guard);

/* Whether this server leads, and all that was committed before its term has been applied here. */
bool coord_guard_settled(const struct coord_guard *guard);

/* The node that leads, as far as is known; 0: nobody. */
uint64_t coord_guard_leader(const struct coord_guard *guard);

uint64_t coord_guard_stamp(struct coord_guard *guard);
bool coord_guard_confirmed(const struct coord_guard *guard, uint64_t stamp);

/* When `server` last answered; INT64_MIN: never. */
int64_t coord_guard_heard_us(const struct coord_guard *guard, uint64_t server);

/* The first sentence stays. */
void coord_guard_stop(struct coord_guard *guard, const char *why);

/* Sends a message that is not the library's. */
void coord_guard_send(struct coord_guard *guard, uint64_t to, const struct coord_message *message);

#endif
