/* SPDX-License-Identifier: MIT */

/* worker.h - what one thread owns beside its data: the clients whose connections end here, what they listen to and wait
 * for, and the calls under way. It lives in turns (turn.h).
 *
 * Today it serves one shard; worker_shard is the place where a request finds the one that it is about.
 *
 * Options are published by value, the password too, so that nothing here points into the configuration.
 */
#ifndef GEOMYS_SERVE_WORKER_H
#define GEOMYS_SERVE_WORKER_H

#include "base/arena.h"
#include "base/heap.h"
#include "meter/meters.h"
#include "serve/guess.h"
#include "serve/interest.h"
#include "serve/notify.h"
#include "serve/pubsub.h"
#include "serve/session.h"
#include "serve/tracking.h"
#include "serve/tuning.h"
#include "shard/shard.h"

struct call;
struct copies;

#define WORKER_PASSWORD_MAX  512                 /* bytes */
#define WORKER_DUE_REPLY_MAX ((size_t)64 * 1024) /* bytes of a reply that nobody is to hear */

/* All that a worker is told by its settings, by value: nothing in it is borrowed. */
struct worker_options {
    struct resp_limits limits;  /* of clients that have shown the password, or need none */
    size_t output_max;          /* bytes of one reply */
    size_t push_max;            /* bytes of messages held for one client that it has not asked for */
    size_t queue_max;           /* bytes of commands held by one MULTI  */
    uint32_t notify;            /* classes of keyspace events that are told, see notify.h; 0: none */
    uint64_t tracking_max_keys; /* that are remembered for clients that cache them; 0: no limit */
    struct meters_options meters;
    char password[WORKER_PASSWORD_MAX + 1]; /* "": none is needed */
};

/* Why the input of a session is not taken: see hold.h. */
enum hold_reason {
    HOLD_PAUSE,  /* CLIENT PAUSE */
    HOLD_SWEEP,  /* its next command would change a large value that is being dumped, or a key that is claimed */
    HOLD_GUESS,  /* it would try a password, and some were wrong */
    HOLD_MEMORY, /* its next command is about a large value, and the clients hold much already: see crowd.h */
    HOLD_ROUTE,  /* it is not for this node, or must not come before the answers of others; whoever routes lets go */
    HOLD_REASONS,
};

/* Where a command is carried out. */
enum route {
    ROUTE_HERE,
    ROUTE_TAKEN, /* nothing more is to be done for it: it is on its way to another node, or was answered */
    ROUTE_LATER, /* it is not known yet: its session is held, and it stays in the input (HOLD_ROUTE) */
};

/* For plans that nobody has called (due.h). */
struct worker_due {
    struct buf out;                /* owned: where one that replies would reply to */
    bool blamed[ENTRY_TYPE_COUNT]; /* by the type's number: its plan_due was named in the log already */
};

struct worker {
    struct shard *shard;             /* borrowed */
    const struct registry *registry; /* borrowed: the shard's; changed by renew alone */
    struct worker_options options;   /* changed by worker_configure alone */
    int64_t now_ms;                  /* wall clock of this turn */
    int64_t monotonic_ms;            /* of this turn */
    struct session_pool sessions;
    struct meters meters;
    struct interest interest;
    struct pubsub pubsub;
    struct tracking tracking;
    struct notify notify;
    struct list monitors;           /* session.monitors: who sees all commands */
    struct list syncing;            /* session.syncing: who waits for the disk alone */
    struct list stints;             /* session.stints: whose command goes on in the next turn */
    struct list held[HOLD_REASONS]; /* session.held: whose input is not taken */
    struct heap timeouts;           /* session.timeout: of sessions that wait */
    uint64_t synced;                /* of the log, when they were last tried */
    int64_t pause_until_ms;         /* monotonic; 0: no pause */
    bool pause_all;                 /* while there is a pause */
    struct guesses guesses;         /* passwords that were wrong */
    int64_t guess_next_ms;          /* monotonic: nobody of HOLD_GUESS goes on before; INT64_MAX: there is none */
    bool serving_waiters;
    struct arena arena;          /* of the command under way */
    struct arena requests;       /* of the commands that were parsed together */
    unsigned depth;              /* calls under way: 0, 1, or 2 inside EXEC */
    struct call *calls[2];       /* owned; by depth */
    const struct copies *copies; /* borrowed: other nodes that have the data; NULL: there are none */
    void *owner;                 /* of the worker: whom the node's own commands ask */
    struct worker_due due;
    /* Asked for each command of a session before it is carried out, and again after LATER. NULL: all is here. */
    enum route (*route)(struct session *session, const struct request *request);
    /* The command that the session waits with can wait here no more. True: whoever routes has taken it, or will. */
    bool (*reroute)(struct session *session);
    void *route_context;
    struct tuning *tuning; /* owned: what plans read of their modules' settings; changed by worker_tune alone */
};

/* The registry is the shard's, which outlives the worker. From now on the shard is measured by the worker's meters, and
 * lets those go that the worker holds back for its sweep. `ops` is what calls lend to plans: &host_call_ops; borrowed.
 * `clock` may be NULL: nothing is measured. */
void worker_init(struct worker *worker, struct shard *shard, const struct gm_call_ops *ops, struct clock *clock,
                 const struct worker_options *options);
void worker_finish(struct worker *worker); /* no session may be left */

/* The shard has got another secret, while it has no data: what is found by the hash of a key is found by another one.
 * O(keys that anybody watches or waits for). */
void worker_rekey(struct worker *worker);

/* Takes over other options, but for what sessions do about a lower limit: sessions_configure. O(sessions). */
void worker_configure(struct worker *worker, const struct worker_options *options);

/* The settings of modules have these values from now on: takes over the tuning, which is of the worker's registry. No
 * plan may be under way in a module; a command of the host may. */
void worker_tune(struct worker *worker, struct tuning *tuning);

/* The shard that the request is about. */
static inline struct shard *worker_shard(const struct worker *worker, const struct request *request)
{
    (void)request;
    return worker->shard;
}

/* A moment of the wall clock: unix time, as clients are told it. */
struct worker_moment {
    int64_t seconds; /* below 0 before 1970 */
    uint32_t us;     /* since that second: 0 to 999999 */
};

/* Now, by the clock itself where there is one: commands of one turn differ, as they do for whoever watches. Nothing
 * that is kept goes by it, that is now_ms. Without a clock the turn's time. O(1). */
struct worker_moment worker_moment(const struct worker *worker);

/* Whether clients must show a password. */
static inline bool worker_needs_password(const struct worker *worker)
{
    return worker->options.password[0] != '\0';
}

#endif
