/* SPDX-License-Identifier: MIT */

/* interest.h - who wants to know that a key changes: transactions that watch it, commands that wait for it.
 *
 * Idea     A table of the keys that somebody is interested in, each with its list of watchers and its queue of waiters,
 *          first come first served. A change of a key marks its watchers, and puts it on the `ready` list if somebody
 *          waits. It listens to changes (shard/change.h) while somebody is interested in anything.
 *
 *          A ready key whose first waiter must not run yet is put off: it stays aside, and changes of it cost nothing,
 *          until interest_resume, or until one of its waiters goes.
 *
 * Limits   A session names at most as many keys as one command has arguments, per WATCH or wait.
 */
#ifndef GEOMYS_SERVE_INTEREST_H
#define GEOMYS_SERVE_INTEREST_H

#include "base/list.h"
#include "base/table.h"
#include "shard/change.h"
#include "store/databases.h"

struct session;

/* A key of a database that somebody is interested in; exists while one of its lists is not empty, or it is being
 * served. */
struct interest_key {
    struct list watchers;              /* of interest_link */
    struct list waiters;               /* of interest_link, in order of arrival */
    struct list ready;                 /* in interest.ready or interest.later, or alone */
    const struct interest_link *payer; /* whose session the key's memory counts to; NULL: nobody's */
    uint32_t waiting;                  /* waiters, those that are being served too */
    bool put_off;                      /* it is in interest.later */
    bool changed;                      /* since it was last taken from there */
    uint32_t database;
    uint32_t size;
    uint8_t key[];
};

/* What a watching link is found by: bytes of no padding. */
struct interest_pair {
    uint64_t session; /* id */
    uint64_t key;     /* its address: of a key that is there, so no two have the same */
};

/* One session's interest in one key. */
struct interest_link {
    struct interest_pair pair;
    struct list in_key;     /* watchers or waiters */
    struct list in_session; /* the session's own list */
    struct interest_key *key;
    struct session *session; /* borrowed */
};

struct interest {
    struct change_listener listener;
    struct list *listeners;            /* borrowed: the shard's; it listens while there are keys */
    const struct databases *databases; /* borrowed */
    struct table **keys;               /* owned; by database; NULL: nobody is interested in a key of it */
    uint64_t key_count;                /* in all of them */
    struct table watching;             /* the watchers' links, by pair: so that watching twice is seen at once */
    struct list ready;                 /* interest_key.ready: changed while somebody waits */
    struct list later;                 /* the same, put off */
    const struct interest_key *served; /* the last from interest_ready, until it is settled or put off; or NULL */
    uint64_t watchers;                 /* links */
    uint64_t waiters;                  /* links */
    uint64_t awaited;                  /* keys that somebody waits for */
};

/* It will hear of the changes that `listeners` hear of, to keys of `databases`; both outlive it. */
void interest_init(struct interest *interest, const struct databases *databases, struct list *listeners);
void interest_finish(struct interest *interest); /* no links may be left */

/* The databases have got another hash key. O(keys). */
void interest_rekey(struct interest *interest);

/* Adds a link to the end of the session's `list`, for a key of the database that the session has chosen. Watching the
 * same key twice is one link. Expected O(1), however many watch the key. */
void interest_watch(struct interest *interest, struct session *session, struct list *list, struct gm_bytes key);
void interest_wait(struct interest *interest, struct session *session, struct list *list, struct gm_bytes key);

/* Removes all links of a session's list. */
void interest_forget(struct interest *interest, struct list *list, bool watching);

/* The next changed key; NULL if there is none. It is served with `changed` cleared, and lives until interest_settled or
 * interest_put_off. One at a time. */
struct interest_key *interest_ready(struct interest *interest);

/* The caller is through with a key from interest_ready: it leaves the list, or goes to its end if it has changed
 * meanwhile. */
void interest_settled(struct interest *interest, struct interest_key *key);

/* The caller cannot serve a key from interest_ready yet. */
void interest_put_off(struct interest *interest, struct interest_key *key);

/* What was put off is ready again. O(keys that were put off). */
void interest_resume(struct interest *interest);

#endif
