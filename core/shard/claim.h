/* SPDX-License-Identifier: MIT */

/* claim.h - keys with which somebody is busy over several turns: a value that is read piece by piece, a key that is
 * about to get a value that is being built.
 *
 * Idea     Whoever would change such a key and has a choice (a client's command, expiry, eviction) comes later, as with
 *          a value that a sweep is dumping (sweep_claim). Whoever has none changes it, and the claim is broken: its
 *          owner hears of it before the next step, and begins again or gives up. So the claim is a matter of manners,
 *          and nothing is wrong without it.
 *
 * Promises
 *   I1  A claim whose key has changed since it was taken is broken, whichever way the change came, and so it is when
 *       code of types has changed.
 *   I2  Who waited for a claim goes on when it is dropped. */
#ifndef GEOMYS_SHARD_CLAIM_H
#define GEOMYS_SHARD_CLAIM_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "shard/change.h"

struct claim {
    struct list link;     /* in claims.list, or alone */
    struct gm_bytes name; /* owned; NULL: nothing is claimed */
    uint32_t database;
    bool changed;   /* the key has, since it was claimed */
    uint64_t epoch; /* claims.epoch, when it was */
};

struct claims {
    struct list list; /* claim.link */
    uint32_t count;
    uint64_t epoch;                   /* counts up when code of types changes */
    struct list *listeners;           /* borrowed: where changes are announced */
    struct change_listener listener;  /* hears of them while there are claims */
    void (*on_let_go)(void *context); /* what had to wait may be tried again; NULL: nobody waits */
    void *context;
};

void claims_init(struct claims *claims, struct list *listeners);

/* Whoever had to wait may try again. */
static inline void claims_let_go(const struct claims *claims)
{
    if (claims->on_let_go != NULL) {
        claims->on_let_go(claims->context);
    }
}

/* Claims the key, whose name is copied. The claim is where it is until it is dropped. */
void claim_take(struct claims *claims, struct claim *claim, const struct change_key *key);

/* Of zeroed memory, or of a claim that was dropped: nothing happens. */
void claim_drop(struct claims *claims, struct claim *claim);

/* Of zeroed memory: false. */
bool claim_is_broken(const struct claims *claims, const struct claim *claim);

static inline bool claim_is_of(const struct claim *claim, uint32_t database, struct gm_bytes name)
{
    return claim->database == database && gm_bytes_equal(claim->name, name);
}

/* Whether the key is claimed, by whomever. O(claims). */
static inline bool claims_have(const struct claims *claims, uint32_t database, struct gm_bytes name)
{
    const struct list *at = claims->list.next;
    while (at != &claims->list && !claim_is_of(container_of(at, const struct claim, link), database, name)) {
        at = at->next;
    }
    return at != &claims->list;
}

#endif
