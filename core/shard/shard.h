/* SPDX-License-Identifier: MIT */

/* shard.h - the deterministic heart: some slots, their keyspace, their log, and who waits for what. No clock, no disk,
 * no socket, no thread: its driver gives it the time once per turn, bytes per connection, and takes the output away.
 *
 * One turn, as the driver sees it
 *
 *     shard_turn(now)  ->  session_input(...) for each connection that has bytes  ->  shard_turn_end()
 *     ->  the WAL takes what is new in the tail  ->  sessions in `dirty` send what the gate lets go
 *
 * A shard holds no pointer to another shard, and nothing below it holds a pointer to it but through what it was given.
 */
#ifndef GEOMYS_SHARD_SHARD_H
#define GEOMYS_SHARD_SHARD_H

#include "base/arena.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "env/clock.h"
#include "log/tail.h"
#include "log/wal.h"
#include "meter/errors.h"
#include "meter/latency.h"
#include "meter/slowlog.h"
#include "meter/timing.h"
#include "module/registry.h"
#include "serve/interest.h"
#include "serve/pubsub.h"
#include "serve/tracking.h"
#include "shard/evict.h"
#include "shard/gate.h"
#include "shard/note.h"
#include "store/keyspace.h"
#include "wire/resp.h"

struct call;
struct snapshot_writer;
struct histogram;

/* A type by the number that entries carry. Number 0 is the host. */
struct shard_type {
    const struct gm_type *abi; /* NULL: its module is absent, its values are frozen */
    char name[RECORD_TYPE_NAME_MAX + 1];
};

struct shard_options {
    struct resp_limits limits;   /* of clients that have shown the password, or need none */
    size_t output_max;           /* bytes of answers held for one client */
    size_t queue_max;            /* bytes of commands held by one MULTI  */
    int64_t default_expiry_ms;   /* of values written without one, 0 = none */
    const char *password;        /* borrowed; NULL or "": none is needed */
    struct evict_options memory; /* the limit of the data; changed by evict_configure alone */
    uint32_t notify;             /* classes of keyspace events that are told, see notify.h; 0: none */
    uint64_t tracking_max_keys;  /* that are remembered for clients that cache them; 0: no limit */
    int64_t slowlog_us;          /* from which a command is kept in SLOWLOG; below 0: none is */
    uint32_t slowlog_len;        /* entries */
    int64_t latency_ms;          /* from which an event is kept for LATENCY; 0: none is */
    uint64_t seed;               /* of the hash key and the random generator */
};

/* A snapshot being made: see sweep.h. */
struct sweep {
    struct snapshot_writer *writer; /* borrowed; NULL: there is none, or it has failed and entries are only marked */
    bool active;                    /* there are entries that are owed */
    bool flushed;                   /* the last one ended because everything was removed */
    uint64_t cursor;                /* of the walk through the table */
    struct entry *half;             /* a large value that is being dumped in pieces, or NULL */
    uint64_t half_cursor;           /* of its dump */
    struct list held;               /* sessions whose command waits for a large value */
    uint64_t before;                /* values dumped because they were about to change */
    int64_t longest_us;             /* of the turns so far */
};

struct shard_command_stats {
    uint64_t calls;
    uint64_t failed;         /* ran and replied with an error */
    uint64_t rejected;       /* refused before it ran */
    uint64_t ns;             /* of all calls */
    struct histogram *times; /* owned; ns of each; NULL: none yet */
};

struct shard_stats {
    uint64_t commands;
    uint64_t hits, misses; /* keys of reads that were there, or not */
    uint64_t expired;
    uint64_t evicted;
    uint64_t errors;
    uint64_t damaged; /* records that did not fit their value */
    uint64_t dropped; /* connections closed because their output passed the limit */
};

struct shard {
    const struct registry *registry; /* borrowed */
    struct wal *wal;                 /* borrowed; NULL: no record is written anywhere */
    struct clock *clock;             /* borrowed; NULL: nothing is measured. Never in a decision that must repeat */
    struct shard_options options;
    int64_t now_ms;       /* wall clock of this turn */
    int64_t monotonic_ms; /* of this turn */
    bool loading;         /* recovery is under way: commands are refused */
    bool serving_waiters;
    bool pause_all;         /* while there is a pause */
    int64_t pause_until_ms; /* monotonic; 0: no pause */
    struct list monitors;   /* sessions that see all commands */
    uint64_t synced;        /* of the log, when they were last tried */
    struct list syncing;    /* sessions that wait for the disk alone */
    struct list held;       /* sessions whose input waits for its end */
    unsigned depth;         /* calls under way: 0, 1, or 2 inside EXEC */

    struct keyspace keyspace;
    struct sweep sweep;
    struct tail tail;
    struct gate gate;
    struct interest interest;
    struct pubsub pubsub;
    struct tracking tracking;
    struct evict evict;
    struct buf pushed;    /* messages for the session whose command is under way */
    struct heap timeouts; /* of sessions that wait */
    struct arena arena;   /* of the command under way */
    struct prng prng;
    struct call *calls[2]; /* owned; by depth */

    struct shard_type types[ENTRY_TYPE_COUNT];
    uint32_t type_count;
    uint8_t *type_numbers;                       /* owned; registry type index -> number */
    uint16_t source_types[ENTRY_TYPE_COUNT * 4]; /* numbers of a record source -> ours; see apply.c */
    struct record_sink sink;                     /* where recovery puts its records */
    uint64_t sink_hashes[RECORD_SINK_AHEAD];     /* of the keys that were announced to it, in turns */
    const uint8_t *sink_keys[RECORD_SINK_AHEAD]; /* where these keys are */
    uint64_t sink_announced, sink_taken;

    const uint8_t *foreseen_key; /* the bytes of a key whose hash is known already; NULL: none */
    uint64_t foreseen_hash;

    struct list dirty;    /* sessions that have something to send, or input to go on with */
    struct list sessions; /* all of them */
    uint64_t session_count;
    uint64_t session_blocked;                  /* sessions that wait */
    struct shard_command_stats *command_stats; /* owned; by command index */
    struct shard_stats stats;
    struct errors errors;
    struct timing timing;
    struct slowlog slowlog;
    struct latency latency;
    struct note *note;                                      /* owned; what a module is doing, for its epitaph */
    void (*on_damage)(void *context, const char *sentence); /* told about quarantined keys; may be NULL */
    void *context;
    void *owner; /* of the shard: whom the node's own commands ask */
};

/* The registry is complete by now and outlives the shard. */
void shard_init(struct shard *shard, const struct registry *registry, const struct shard_options *options);
void shard_finish(struct shard *shard);

/* Begins a turn with its time. Times out who has waited long enough. */
void shard_turn(struct shard *shard, int64_t now_ms, int64_t monotonic_ms);

/* Removes what has expired, evicts what there is no memory for, releases what was flushed, a bounded amount of each.
 * True: there is more to do at once. */
bool shard_turn_end(struct shard *shard);

/* When shard_turn wants to be called at the latest, monotonic ms: a wait or an expiry is due. INT64_MAX: no wish. */
int64_t shard_next_ms(const struct shard *shard);

/* Whether data may change though no client asks for it now: not while the log is read or takes nothing, and not while
 * CLIENT PAUSE holds writes back. Else keys whose time has come are only treated as absent, none is evicted, and who
 * waits for a key goes on waiting. */
bool shard_may_change(const struct shard *shard);

/* The number of a type by name, a new one if it is unknown; -1: there are too many. Declares it to the log. */
int shard_type_number(struct shard *shard, struct gm_bytes name);

static inline const struct shard_type *shard_type_of(const struct shard *shard, const struct entry *entry)
{
    return &shard->types[entry->type];
}

/* The value as a module sees it. Borrowed from the entry. */
struct gm_cell shard_cell(const struct entry *entry);

/* Order-independent digest of all that is stored: keys, types, expiries, values as dumped. O(data). */
uint64_t shard_digest(struct shard *shard);

#endif
