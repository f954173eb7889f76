/* SPDX-License-Identifier: MIT */

/* shard.h - the data of one shard, and its only way to change: slots, keyspace, the end of the log in memory. No
 * session, no RESP, no clock, no disk, no thread: its driver gives it the time once per turn.
 *
 * One turn, as the driver sees it
 *
 *     shard_turn(now)  ->  commands (serve/)  ->  upkeep_turn()  ->  the WAL takes what the tail has
 *
 * A shard holds no pointer to another shard, and nothing below it holds a pointer to it but through what it was given.
 * Those above hear of changes as listeners (change.h), and of the rest through struct shard_events.
 *
 * Roles
 *
 *     loading ──► alone ─────────────► loading      recovery runs again
 *        ├──────► leading ◄──► fenced ──┤           a lease is lost, or comes back
 *        └──────► following ────────────┘
 *
 *   loading    recovery is under way: no command sees the data
 *   alone      writes are taken; there is no other replica
 *   leading    writes are taken under a lease
 *   following  records come from the leader: apply_follow alone changes values
 *   fenced     a leader that may not write now: no lease, or it hands over
 */
#ifndef GEOMYS_SHARD_SHARD_H
#define GEOMYS_SHARD_SHARD_H

#include "base/arena.h"
#include "base/prng.h"
#include "env/clock.h"
#include "log/tail.h"
#include "log/wal.h"
#include "module/registry.h"
#include "shard/change.h"
#include "shard/claim.h"
#include "shard/crumb.h"
#include "shard/evict.h"
#include "shard/gate.h"
#include "shard/remains.h"
#include "shard/sweep.h"
#include "shard/types.h"
#include "store/databases.h"

struct meters;

struct shard_options {
    int64_t default_expiry_ms;   /* of values written without one, 0 = none */
    struct evict_options memory; /* the limit of the data */
    uint32_t databases;          /* how many there are; 0: DATABASES_DEFAULT */
    uint64_t seed;               /* of the random generators: nothing secret comes from it */
    uint32_t replicas_wanted;    /* so many nodes must follow for a write to be taken */
    int64_t replicas_lag_ms;     /* ... and have been heard within this time */
};

#define SHARD_SAYS_MAX 256

enum shard_role {
    SHARD_LOADING,
    SHARD_ALONE,
    SHARD_LEADING,
    SHARD_FOLLOWING,
    SHARD_FENCED,
};

/* Why the data may not be changed by a command now. */
enum shard_refusal {
    SHARD_OPEN, /* they may */
    SHARD_IS_LOADING,
    SHARD_IS_FULL, /* the log takes nothing until there is space on the disk */
    SHARD_IS_HELD, /* the log takes nothing until something else is there that it lacks */
    SHARD_IS_FOLLOWING,
    SHARD_IS_FENCED,
    SHARD_IS_LONELY, /* too few nodes follow (options.replicas_wanted) */
};

struct shard_stats {
    uint64_t expired;
    uint64_t evicted;
    uint64_t damaged; /* records that did not fit their value */
    uint64_t due;     /* plans of what was due in a value */
};

/* What its owner wants to know beside the changes. */
struct shard_events {
    void (*on_damage)(void *context, const char *sentence); /* a key is quarantined; NULL: nobody hears of it */
    void (*on_mended)(void *context, const char *sentence); /* a key is quarantined no more; NULL: as above */
    void (*on_fault)(void *context, const char *sentence);  /* a module breaks its contract; NULL: as above */
    void *context;
};

struct shard {
    const struct registry *registry; /* held */
    struct gm_secret secret;         /* of the data set: the same from the first moment to the last */
    struct wal *wal;                 /* borrowed; NULL: no record is written anywhere */
    struct clock *clock;             /* borrowed; NULL: nothing is measured. Never in a decision that must repeat */
    struct meters *meters;           /* borrowed, of the thread; NULL: nothing is measured */
    struct shard_options options;
    enum shard_role role;
    char says
        [SHARD_SAYS_MAX]; /* of a cluster: why no write is taken in this role, for clients; "": what is always said */
    bool unlogged;        /* there is to be a log, but no space to open it: nothing may change until there is */
    bool ending;          /* it is being finished: nothing waits for a later turn */
    uint32_t replicas;    /* nodes that follow, as options.replicas_lag_ms says; where none are wanted, nobody counts */
    bool still;           /* the data stay as they are for a while, of the host's own accord: CLIENT PAUSE */
    int64_t now_ms;       /* wall clock of this turn */
    int64_t monotonic_ms; /* of this turn */

    struct databases databases;
    struct sweep sweep;
    struct tail tail;
    struct gate gate;
    struct evict evict;
    struct list listeners; /* change_listener.link, by rank */
    struct arena arena;    /* of the host's own decisions */
    struct prng prng;

    struct types types;
    struct remains remains;
    struct claims claims;
    struct list builds; /* build.link (build.h) */
    uint64_t adoptions; /* of registries */
    void (*on_let_go)(
        void *context); /* what had to wait for a sweep or a claim may be tried again; NULL: nobody does */
    void *let_go_context;

    struct shard_stats stats;
    uint8_t refused;          /* number of the type that did not accept a record, the first since it was set to 0 */
    int64_t outcome;          /* what the last apply that had something to say has left (gm_outcome) */
    struct complaint unheard; /* why a record was not carried out that nobody waits to hear of */
    struct crumb *crumb;      /* owned; what a type is doing, for its epitaph */
    uint8_t *dump_scratch;    /* owned; GM_DUMP_SCRATCH bytes that a dump is lent (dump.c) */
    struct shard_events events;
};

/* Holds the registry. The shard is loading. The secret (copied) is that of the data which it is to have: drawn from the
 * system's entropy when they began, never from the options' seed, whose numbers clients see. The keyspace's hash key
 * comes of it, by a step that has no way back, so clients cannot choose keys that collide, and a key has its place
 * wherever the data are (SCAN's cursors go on). */
void shard_init(struct shard *shard, const struct registry *registry, const struct shard_options *options,
                const struct gm_secret *secret);
void shard_finish(struct shard *shard);

/* Goes over to a newer registry, made from the shard's own, and holds that instead. Between commands, not while the log
 * is read. Values go over to newer code bit by bit (settle.h). Whoever has pointers into the old registry looks to it
 * (worker_adopt). STATUS_TOO_BIG: there would be too many types; nothing has changed then. */
must_use enum status shard_adopt(struct shard *shard, const struct registry *newer, struct complaint *complaint);

/* Takes over other options, at once: the next command sees them. The seed is the same. O(1), or O(buckets) as
 * evict_configure says. */
void shard_configure(struct shard *shard, const struct shard_options *options);

/* Another role, one that may follow the one before (see above). */
void shard_become(struct shard *shard, enum shard_role role);

/* Whether recovery is under way: nobody sees the data. */
static inline bool shard_is_loading(const struct shard *shard)
{
    return shard->role == SHARD_LOADING;
}

/* Why no command may change the data now; SHARD_OPEN: nothing stands against it. The one place that says so. O(1). */
enum shard_refusal shard_refusal(const struct shard *shard);

/* The error reply for a refusal, until the shard's next turn. Not for SHARD_OPEN. */
const char *shard_refusal_text(const struct shard *shard, enum shard_refusal refusal);

/* Whether data may change though no client asks for it now: not while shard_refusal says no, nor while they are kept
 * still. Else keys whose time has come are only treated as absent, none is evicted, and who waits for a key goes on
 * waiting. */
static inline bool shard_may_change(const struct shard *shard)
{
    return !shard->still && shard_refusal(shard) == SHARD_OPEN;
}

/* So many nodes follow. */
static inline void shard_see_replicas(struct shard *shard, uint32_t count)
{
    shard->replicas = count;
}

/* Keeps the data still, or no more. */
void shard_keep_still(struct shard *shard, bool still);

/* Everything that is stored goes, and the log's end begins anew behind `last_sequence`: recovery is about to run. The
 * listeners hear that the whole database has changed. The wal must be gone. O(listeners); memory is given back at once,
 * O(data). */
void shard_clear(struct shard *shard);

/* The data are those of this record, with this time: a snapshot has been read whole. While loading. */
void shard_stand_at(struct shard *shard, uint64_t sequence, uint64_t epoch, int64_t time_ms);

/* Everything has been read: records are numbered on from here. While loading. */
void shard_continue(struct shard *shard, uint64_t last_sequence, uint64_t epoch);

/* The secret that stands at the head of a file or a stream is that of the data here, or what follows it must not be
 * taken: CORRUPT, with a sentence about the data from `whence` ("the leader"). */
must_use enum status shard_expect_secret(const struct shard *shard, const struct gm_secret *secret, const char *whence,
                                         struct complaint *complaint);

/* The epochs of the history so far, as recovery has found them; their secret is the shard's. Copies. While loading. */
void shard_know_epochs(struct shard *shard, const struct epochs *epochs);

/* The next write begins this epoch, under this leader: see tail_lead. */
void shard_lead(struct shard *shard, uint64_t epoch, const struct record_epoch *leader);

/* The same, and the epoch begins at once: a record of its own says so. Everything counts as changed by it, so nothing
 * is answered before it is released (cluster C12). Returns its sequence. */
uint64_t shard_begin_epoch(struct shard *shard, uint64_t epoch, const struct record_epoch *leader);

/* Another secret, before there are data: of the data set that is about to come. While loading, with no key and no log.
 * O(databases). */
void shard_take_secret(struct shard *shard, const struct gm_secret *secret);

/* Records go to this log from now on; NULL: to none. */
void shard_log_to(struct shard *shard, struct wal *wal);

/* For a change of the entry that has a choice: whether it is to come later, because the key is claimed (claim.h) or
 * because a sweep is busy with the value (sweep_claim). */
static inline bool shard_delays(struct shard *shard, const struct keyspace *keyspace, const struct entry *entry)
{
    bool claimed = __builtin_expect(shard->claims.count > 0, 0) && !keyspace->flushed &&
                   claims_have(&shard->claims, keyspace->number, entry_key(entry));
    return claimed || sweep_claim(shard, keyspace, entry);
}

/* Begins a turn with its time; upkeep.h ends it. */
void shard_turn(struct shard *shard, int64_t now_ms, int64_t monotonic_ms);

static inline const struct shard_type *shard_type_of(const struct shard *shard, const struct entry *entry)
{
    check_slow(entry->type < shard->types.count);
    return &shard->types.by_number[entry->type];
}

/* The value as a module sees it. Borrowed from the entry. */
struct gm_cell shard_cell(const struct entry *entry);

#define SHARD_OWNED_MAX ((uint64_t)1 << 40) /* bytes that a type is believed to have allocated for one value */

/* Bytes that the value owns outside its entry, as its type says; 0 where that says nothing, or its module is absent.
 * Costs what the type's `memory` costs. */
uint64_t shard_owned_memory(const struct shard *shard, const struct entry *entry);

/* Bytes of the entry's value, with what it owns. Costs the same. */
uint64_t shard_value_memory(const struct shard *shard, const struct entry *entry);

/* Whether it may be more than `bytes`: what owns memory and does not say how much may be any. Costs the same. */
bool shard_value_may_exceed(const struct shard *shard, const struct entry *entry, uint64_t bytes);

#endif
