/* SPDX-License-Identifier: MIT */

/* call.h - one command under way: what the module sees of it, and what the host keeps beside.
 *
 * The host's own commands have the same signature as a module's, and get at their shard and caller through call_of.
 *
 * Promises
 *   I1  A call knows its caller by value, and no session but through it: what has no connection here can call as well.
 *   I2  `mark` is at least the sequence of every record whose effect the reply shows (gate I1), and 0 for a refusal
 *       that shows nothing; call_depends alone raises it. What is shown of all keys is marked by call_depends_on_all.
 *   I3  It is the first thing that a plan does wrong that is told, in a reply or an emission alike.
 *   I4  A command's faults are one line of the log, however often they come.
 */
#ifndef GEOMYS_SERVE_CALL_H
#define GEOMYS_SERVE_CALL_H

#include "serve/request.h"
#include "serve/session.h"
#include "serve/worker.h"
#include "shard/shard.h"
#include "wire/reply.h"

/* Flags of the host's own commands, above those of the ABI. */
#define CALL_NO_MISS (UINT32_C(1) << 31) /* an absent key is no news to listeners for "keymiss" */
enum call_flag {
    CALL_SELECTS = 1 << 15,     /* its first argument is the number of the database for those that follow */
    CALL_NO_QUEUE = 1 << 16,    /* carried out inside MULTI rather than queued */
    CALL_NO_AUTH = 1 << 17,     /* before the password, too */
    CALL_LOADING = 1 << 18,     /* during recovery, too */
    CALL_FROZEN = 1 << 19,      /* takes keys whose values cannot be read here */
    CALL_NO_MULTI = 1 << 20,    /* not inside MULTI */
    CALL_GLOBAL = 1 << 21,      /* a read of everything: depends on all that was written */
    CALL_SUBSCRIBED = 1 << 22,  /* from a session of RESP2 that listens to channels, too */
    CALL_UNPAUSED = 1 << 23,    /* while clients are paused, too */
    CALL_SECRET = 1 << 25,      /* its words may hold a password: MONITOR shows none */
    CALL_SESSION = 1 << 26,     /* about the connection: not for a caller that has none here */
    CALL_ASIDE = 1 << 27,       /* not what CLIENT CACHING was said for: that comes later */
    CALL_COMPOUND = 1 << 30,    /* runs commands that SLOWLOG has by themselves */
    CALL_WRITE_ALIKE = 1 << 24, /* not while clients may not write; EXEC: if it would write */
    CALL_NO_TOUCH = 1 << 28,    /* looking at a key is not using it */
    CALL_TOUCH = 1 << 29,       /* uses its keys even for a client that wants to leave no trace (CLIENT NO-TOUCH) */
};

enum call_emission_kind {
    CALL_EMIT_RECORD,
    CALL_EMIT_DELETE,
    CALL_EMIT_EXPIRE,
    CALL_EMIT_COPY,   /* the value that was built aside becomes that of the key, in database `target` */
    CALL_EMIT_RENAME, /* the value goes over to the key that the body names (record_read_rename) */
    CALL_EMIT_MOVE,   /* ... to the same key in another database, which the body names */
    /* Of no key: */
    CALL_EMIT_FLUSH, /* all databases */
    CALL_EMIT_FLUSH_DATABASE,
    CALL_EMIT_SWAP, /* two databases: the second stands in the body (record_read_swap) */
};

struct call_emission {
    uint32_t key;   /* index into call.keys */
    uint32_t flags; /* enum gm_emit_flag, or-ed */
    uint16_t op;
    uint8_t kind;    /* enum call_emission_kind */
    uint8_t type;    /* number */
    uint32_t target; /* RENAME: the other key; COPY, MOVE: the database that it goes to; of no key: the database */
    int64_t expire_at_ms;
    struct gm_bytes body;
    const char *event; /* NULL: the command's, of a deletion none */
    union {
        const char *gone_event; /* of a deletion, behind it; NULL: "del" */
        struct build *build;    /* of a COPY: what was built; borrowed */
    };
};

static inline bool call_emission_is_of_key(const struct call_emission *emission)
{
    return emission->kind < CALL_EMIT_FLUSH;
}

/* Memory that a plan has asked for. */
struct call_needs {
    size_t scratch;    /* bytes that it was lent */
    uint64_t afforded; /* bytes by gm_afford */
    const char *lack;  /* the error, if there is no memory for it; NULL: there is */
};

#define CALL_KEYS_INLINE 16
#define CALL_FAULT_MAX   512

struct call {
    struct gm_call abi;
    struct worker *worker;         /* whose thread carries it out */
    struct shard *shard;           /* that the command is about */
    const struct request *request; /* borrowed */
    const struct command *command; /* the request's; NULL: there is none */
    struct caller caller;
    struct buf *out; /* borrowed: where the reply goes */
    struct reply reply;
    uint64_t mark;       /* the sequence that the reply depends on */
    uint64_t written;    /* the last sequence of its own records; 0: none */
    struct gm_key *keys; /* what abi.keys is; `host` is the entry, `host_more` the hash, `held` the number of
                                        the type whose value it has by what was emitted; 0: none */
    struct call_emission *emissions; /* in the arena beyond the first few */
    uint32_t emission_count;
    uint32_t emission_room;
    size_t emission_size; /* bytes of the records, about */
    int64_t *outcomes;    /* of its emissions, by gm_outcome; NULL but for an answer (answer.c) */
    uint32_t outcome_count;
    uint64_t seen;           /* the log's last sequence when the keys were looked up; UINT64_MAX: no matter */
    struct table_slot *slot; /* of the first key, as it was then; NULL: it is absent */
    bool nested;             /* inside EXEC */
    bool again;              /* parked before: run because a key changed */
    bool timed_out;
    bool waits;     /* plan asked to be run again */
    bool answering; /* its records have been applied: `answer` replies */
    bool closes;    /* the session closes after this answer */
    int64_t wait_ms;
    const struct type *lent;    /* whose from_elements is emitting (elements.c); NULL: the command's own plan */
    struct gm_bytes keep;       /* what a call that waits gives to keep; its own */
    struct call_needs needs;    /* of its plan */
    struct arena_mark before;   /* within EXEC: what the worker's arena has given later is the call's */
    uint64_t began;             /* ticks */
    char fault[CALL_FAULT_MAX]; /* what the module has done wrong first: the answer; "": nothing */
    struct gm_key keys_inline[CALL_KEYS_INLINE];
    struct call_emission emissions_inline[CALL_KEYS_INLINE];
    struct gm_arg args[USAGE_LEAF_MAX]; /* of a request that was kept */
};

static inline struct call *call_of(struct gm_call *abi)
{
    return container_of(abi, struct call, abi);
}

static inline struct entry *call_entry(const struct call *call, uint32_t key)
{
    return (struct entry *)(uintptr_t)call->keys[key].host;
}

/* The database that the command is about, to look at. */
static inline const struct keyspace *call_keyspace(const struct call *call)
{
    return databases_see(&call->shard->databases, call->caller.database);
}

static inline uint64_t call_hash(const struct call *call, uint32_t key)
{
    return (uint64_t)(uintptr_t)call->keys[key].host_more;
}

/* The reply shows what the record of that sequence has changed, or that it has been carried out. */
static inline void call_depends(struct call *call, uint64_t sequence)
{
    call->mark = sequence > call->mark ? sequence : call->mark; /* call I2 */
}

/* The reply shows something of all keys: it waits for the log as others do, unless that is stuck (gate.h). */
static inline void call_depends_on_all(struct call *call)
{
    uint64_t last = call->shard->tail.last_sequence;
    if (call->caller.session != NULL) {
        session_depends_on_all(call->caller.session, last);
    } else if (!call->shard->gate.stuck) {
        call_depends(call, last);
    }
}

/* The connection of a command that is about it (CALL_SESSION). */
static inline struct session *call_session(const struct call *call)
{
    check(call->caller.session != NULL); /* call I1: admit.c refuses such commands to others */
    return call->caller.session;
}

/* The ABI's functions over a struct call. */
extern const struct gm_call_ops host_call_ops;

/* "wait/2": geomys/ext/wait.h */
extern const struct gm_wait_2 host_wait_2;

/* One more emission, zeroed. */
struct call_emission *call_emit(struct call *call, enum call_emission_kind kind, uint32_t key, size_t body_size);

/* Emits the record that moves the value of key `source` to key `target`, another one; both are looked up, `source` is
 * there. */
void call_emit_rename(struct call *call, uint32_t source, uint32_t target);

/* Emits the record that moves the value of the key, which is there, to another database. */
void call_emit_move(struct call *call, uint32_t key, uint32_t database);

/* Emits a record of whole databases: of `database`, and of `other` if it swaps the two. */
void call_emit_databases(struct call *call, enum call_emission_kind kind, uint32_t database, uint32_t other);

/* Where a copy goes. */
struct call_target {
    uint32_t key; /* its number in the call */
    uint32_t database;
};

/* Emits the record by which what was built from key `source`, and is done, becomes the value of the target; listeners
 * hear the event. */
void call_emit_copy(struct call *call, uint32_t source, struct call_target target, struct build *build,
                    const char *event);

/* The module breaks its contract: from "the module x.y" on, as "emitted a record that ...". That becomes the answer,
 * and the first time a line of the log. */
__attribute__((format(printf, 2, 3))) void call_fault(struct call *call, const char *format, ...);
/* The type of another module does, which the call has asked for something. */
__attribute__((format(printf, 3, 4))) void call_fault_of(struct call *call, const struct shard_type *type,
                                                         const char *format, ...);
/* The same, of a plan that has come back without a whole reply. */
void call_fault_unfinished(struct call *call);

/* There is no memory for what the call needs: this error becomes the answer, and nothing is changed. Static. */
void call_lacks(struct call *call, const char *error);

/* gm_afford, for the host's own commands. */
bool call_affords(struct call *call, uint64_t bytes);

#define CALL_TOO_LARGE "ERR the records of this command or transaction are larger than 1 GiB: nothing was changed by it"
#define CALL_NO_MEMORY                                                                                                 \
    "OOM the system has no memory for what this command needs: nothing was changed by it; ask for less at a time, or " \
    "give the server more"

/* Of host_emit.c, for host_call_ops. */
void host_emit(struct gm_call *abi, const struct gm_emission *given);
void host_emit_lent(struct gm_call *abi, const struct gm_emission *given);
void host_emit_delete(struct gm_call *abi, uint32_t key);
void host_emit_expire(struct gm_call *abi, uint32_t key, int64_t at_ms);

#endif
