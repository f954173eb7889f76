/* SPDX-License-Identifier: MIT */

/* crowd.h - the memory that all clients hold together, and what is done when it is too much. Knows no session.
 *
 * States
 *
 *     easy ──sum above three quarters of the limit──► tight ──below five eighths──► easy
 *
 *   easy    Nobody is restrained.
 *   tight   Who holds CROWD_SMALL bytes or more goes on only if what it still needs has room below the limit, and that
 *           is set aside for it then; else it is restrained: nothing more is read from it, so that it holds no more.
 *           So is one whose next command may have a reply of that size. One of these at a time, who came first, is
 *           favoured: it goes on whatever it needs, until its query or reply is through. Who holds little is served as
 *           ever.
 *
 *     over    The sum, without what the favoured one's query or reply takes, is above the limit: somebody is cut, the
 *             worst first (crowd_worst). While somebody waits, those are cut too that neither send nor take anything
 *             (crowd_stuck).
 *
 *   So the clients hold the limit and one query or reply at most, but for what came within one turn. A query or a reply
 *   alone, however large, is not cut while it makes progress: CROWD_STEP bytes within the patience.
 *
 * Order    Worst are those that hold CROWD_SMALL or more and make no progress, the largest first, since their memory
 *          comes back to nobody; then the largest. Sizes are compared by powers of two.
 *
 * Cost     A change: two additions; a step from list to list at each power of two. The worst: O(clients) at most. */
#ifndef GEOMYS_SERVE_CROWD_H
#define GEOMYS_SERVE_CROWD_H

#include "base/check.h"
#include "serve/holdings.h"

#define CROWD_SMALL       ((size_t)64 * 1024) /* bytes that anybody may hold */
#define CROWD_STEP        ((size_t)64 * 1024) /* bytes to and fro that are progress */
#define CROWD_PATIENCE_MS 10000               /* at most */
#define CROWD_LOOK        16                  /* of those who wait, how many are looked at in a turn */
#define CROWD_SIZES       48                  /* powers of two */
#define CROWD_NO_LIMIT    UINT64_MAX

struct crowd_options {
    uint64_t limit;      /* bytes; CROWD_NO_LIMIT */
    int64_t patience_ms; /* within which a step makes progress */
};

struct crowd {
    struct crowd_options options;
    uint64_t of[HOLDINGS];            /* bytes, of all */
    uint64_t sum;                     /* bytes that count: all but the records */
    uint64_t leaving;                 /* bytes of `sum`: of those who are about to be closed */
    uint64_t promised;                /* bytes that have been set aside for who goes on */
    struct list by_size[CROWD_SIZES]; /* holdings.sized: by the power of two */
    struct list restrained;           /* holdings.restrained: who came first, first */
    struct holdings *favoured;        /* NULL: nobody */
    bool waits;                       /* the favoured one has not been given anything yet */
    bool tight;
};

/* A crowd without a limit. */
void crowd_init(struct crowd *crowd);
void crowd_finish(const struct crowd *crowd); /* nobody may be left, and nothing held */

void crowd_configure(struct crowd *crowd, const struct crowd_options *options);

/* Somebody comes, holding nothing yet; or goes, holding nothing more but the record. */
void crowd_join(struct crowd *crowd, struct holdings *holdings, int64_t now_ms);
void crowd_leave(struct holdings *holdings);

/* It is about to be closed: what it holds will be free, and counts no more. Once is enough. */
void crowd_dismiss(struct holdings *holdings);

/* It has sent or taken bytes. Or: that it did not is no fault of its own. */
static inline void crowd_moved(struct holdings *holdings, size_t bytes, int64_t now_ms)
{
    holdings->moved = bytes < CROWD_STEP ? holdings->moved + bytes : CROWD_STEP;
    if (holdings->moved >= CROWD_STEP) {
        holdings->moved = 0;
        holdings->progress_ms = now_ms;
    }
}
static inline void crowd_excused(struct holdings *holdings, int64_t now_ms)
{
    holdings->progress_ms = now_ms;
}

static inline bool crowd_progresses(const struct holdings *holdings, const struct crowd *crowd, int64_t now_ms)
{
    return now_ms - holdings->progress_ms < crowd->options.patience_ms;
}

/* All bytes that the clients take, their records too. */
static inline uint64_t crowd_total(const struct crowd *crowd)
{
    return crowd->sum + crowd->of[HOLDING_RECORD];
}

/* Whether it goes on only if there is room for it. */
static inline bool crowd_holds_back(const struct holdings *holdings)
{
    return holdings->crowd->tight && holdings != holdings->crowd->favoured && !holdings->exempt;
}

/* Whether it may go on, who needs so many bytes more; they are set aside for it then, instead of what was before. */
bool crowd_admit(struct holdings *holdings, size_t needs);

/* It waits from now on until it is favoured, or admitted. Once is enough. */
void crowd_restrain(struct holdings *holdings);

/* Whether there is more than the limit already, without what is about to be closed: then no message is added to those
 * that a client has not read. */
static inline bool crowd_is_full(const struct crowd *crowd)
{
    return crowd->sum - crowd->leaving > crowd->options.limit;
}

/* When there is room again: true, once; nobody is tight any more, and the caller lets all go on who are restrained
 * (crowd_next_free). */
bool crowd_ease(struct crowd *crowd);

/* The first that is restrained, and is no more; NULL: nobody. */
struct holdings *crowd_next_free(struct crowd *crowd);

/* The same, of the first CROWD_LOOK that are restrained, one for whom there is room. */
struct holdings *crowd_next_admitted(struct crowd *crowd);

/* It has been given what it waited for, and what it holds now is counted. */
static inline void crowd_given(struct holdings *holdings)
{
    struct crowd *crowd = holdings->crowd;
    if (holdings->promised > 0) {
        crowd->promised -= holdings->promised;
        holdings->promised = 0;
    }
    crowd->waits = crowd->waits && crowd->favoured != holdings;
}

/* While it is tight: who is favoured from now on and was not before; the caller lets it go on. NULL: nobody. O(1). */
struct holdings *crowd_favour(struct crowd *crowd);

/* Who is to be cut: NULL, nobody. The caller dismisses it, and asks again. */
struct holdings *crowd_worst(const struct crowd *crowd, int64_t now_ms);

/* One that keeps others waiting and makes no progress with its query or reply: it is to be cut, or excused. NULL:
 * nobody. O(clients) at most. */
struct holdings *crowd_stuck(const struct crowd *crowd, int64_t now_ms);

/* For the moment at which it becomes tight: restrains those who hold much already and for whom there is no room, the
 * largest first, and tells the caller of each. O(they). */
void crowd_restrain_all(struct crowd *crowd, void (*on_restrained)(struct holdings *holdings));

/* ---- between crowd.c and holdings.c ---- */

static inline unsigned crowd_size_of(size_t bytes)
{
    unsigned bits = bytes == 0 ? 0 : 64 - (unsigned)__builtin_clzll(bytes);
    return bits < CROWD_SIZES ? bits : CROWD_SIZES - 1;
}

bool crowd_must_be_tight(const struct crowd *crowd);

#endif
