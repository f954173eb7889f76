/* SPDX-License-Identifier: MIT */

/* tracking.h - telling clients that keep copies of values which of these are no longer true: CLIENT TRACKING.
 *
 * Idea     A client that tracks has a tracker. By default the keys that its commands read are remembered for it, and
 *          forgotten with the first change, of which it is told: so a key costs memory only while it may be in a cache.
 *          With BCAST nothing is remembered: the client is told of all changed keys that begin with one of its
 *          prefixes, in one message per prefix and turn.
 *
 *          keys: name ──► link ──► link ...              by key: whom to tell
 *          tracker->links ──► link ──► link ...          by tracker: what to forget
 *          links: (tracker, key) ──► link                reading a key again costs the same with a million readers
 *
 *          prefixes: text ──► bcast ──► bcast ...        by prefix: whom to tell
 *                         ──► change ──► change ...      what has changed in this turn, each key once
 *
 *          A tracker that ends, and all of them at FLUSHALL, takes its links along: they are given back some at a time
 *          in the turns that follow, so that a client with a million keys leaves without a pause.
 *
 * Cost     A change: nothing while nobody tracks, since it does not listen then (shard/change.h); else one look-up, and
 *          one per length that a prefix has. A read: one comparison if the client does not track; else one look-up per
 *          key.
 *
 * Order    A message leaves when the change that it tells of is as durable as the policy asks, like an answer that
 *          shows the change; to the client whose own command it was, behind that command's answer.
 *
 * Limits   max_keys keys, and TRACKING_LINKS_PER_KEY times as many links: beyond them keys are taken
 *          at random, told as changed, and forgotten. TRACKING_PREFIXES_MAX prefixes per client, of at most
 *          TRACKING_PREFIX_MAX bytes. Changes wait for the end of the turn up to TRACKING_PENDING_MAX bytes; then they
 *          are told at once. A client that does not read is dropped at its output limit, like any other. */
#ifndef GEOMYS_SERVE_TRACKING_H
#define GEOMYS_SERVE_TRACKING_H

#include "base/list.h"
#include "base/prng.h"
#include "base/table.h"
#include "shard/change.h"
#include "wire/reply.h"

#define TRACKING_LINKS_PER_KEY 8u
#define TRACKING_PREFIXES_MAX  1024u
#define TRACKING_PREFIX_MAX    1024u                  /* bytes */
#define TRACKING_PENDING_MAX   ((size_t)1 << 20)      /* bytes */
#define TRACKING_CHANNEL       "__redis__:invalidate" /* where a listener of RESP2 hears it */

struct gm_key;
struct session;

/* What a client has asked for. */
struct tracking_mode {
    bool bcast;
    bool optin;  /* remember only what is read right after CLIENT CACHING YES */
    bool optout; /* do not remember what is read right after CLIENT CACHING NO */
    bool noloop; /* do not tell of the client's own changes */
};

struct tracking_wish {
    struct tracking_mode mode;
    struct session *target;          /* borrowed: the session that is told instead; NULL: its own */
    const struct gm_bytes *prefixes; /* borrowed; with `bcast` alone, none: all keys */
    uint32_t prefix_count;
};

struct tracker {
    struct session *session; /* borrowed; NULL: it has ended, and its links are still to be given back */
    struct list all;         /* in tracking.trackers, or in tracking.leaving */
    struct list links;       /* tracking_link.in_tracker */
    uint64_t link_count;
    size_t bytes;       /* that its links and prefixes take, and the keys for which it pays: session.holdings */
    struct list bcasts; /* tracking_bcast.in_tracker, by their prefixes' bytes */
    uint32_t bcast_count;
    struct tracking_mode mode;
    bool caching;           /* CLIENT CACHING was said: for the command, or the transaction, that follows */
    bool broken;            /* a message could not be sent because the target has gone */
    uint64_t target_id;     /* 0: none */
    struct session *target; /* borrowed; NULL: there is none, or it has gone */
    struct list in_target;  /* in its `redirections`, or alone */
};

/* Exists while somebody wants to know of the keys that begin so. */
struct tracking_prefix {
    struct list bcasts;  /* tracking_bcast.in_prefix */
    struct list changes; /* of this turn, in order */
    struct table seen;   /* the same, by key */
    struct list changed; /* in tracking.changed while there are changes, or alone */
    uint64_t mark;       /* the highest sequence of them */
    uint32_t size;
    uint8_t name[];
};

/* One client's wish to know of one prefix. */
struct tracking_bcast {
    struct list in_prefix;
    struct list in_tracker;
    struct tracking_prefix *prefix;
    struct tracker *tracker; /* borrowed */
};

struct tracking {
    struct change_listener listener;
    struct list *listeners; /* borrowed: the shard's; it listens while there are trackers */
    uint64_t max_keys;      /* 0: no limit */
    struct prng prng;       /* of which keys go */
    struct table keys;      /* of struct tracking_key */
    struct table links;     /* of struct tracking_link */
    uint64_t items;         /* links of trackers that have not ended */
    uint64_t leaving_bytes; /* of those that have */
    struct list trackers;
    struct list leaving;
    uint64_t tracker_count;                    /* in `trackers` */
    struct table prefixes;                     /* of struct tracking_prefix */
    struct list changed;                       /* tracking_prefix.changed */
    size_t pending;                            /* bytes of changes that are to be told at the end of the turn */
    uint32_t longest;                          /* bytes: no prefix has more */
    uint32_t lengths[TRACKING_PREFIX_MAX + 1]; /* of prefixes: how many there are of each */
};

/* `hash_key` is that of the keyspace: a key has one hash in both. It will hear of the changes that `listeners` hear of,
 * which outlive it. */
void tracking_init(struct tracking *tracking, const struct siphash_key *hash_key, struct list *listeners,
                   uint64_t seed);
/* The keyspace has got another hash key, and no key: nobody has been told of one. O(prefixes). */
void tracking_rekey(struct tracking *tracking, const struct siphash_key *hash_key);
void tracking_finish(struct tracking *tracking); /* no session may track any more */

/* Another limit: what is above it goes in the turns that follow, some at a time. */
void tracking_limit(struct tracking *tracking, uint64_t max_keys);

/* Begins, or goes on with other options. NULL: done; else why not, for the client: static, or in `text`. O(p*q), p the
 * prefixes, q those that the client has by then. */
#define TRACKING_TEXT_MAX 512
const char *tracking_on(struct tracking *tracking, struct session *session, const struct tracking_wish *wish,
                        char text[TRACKING_TEXT_MAX]);
void tracking_off(struct tracking *tracking,
                  struct session *session); /* nothing happens if it does not track. O(its prefixes) */

/* The session ends: it tracks no more, and nothing goes to it for others. */
void tracking_forget(struct tracking *tracking, struct session *session);

/* At the end of a turn: tells what has been kept for it, and gives back some of what has ended. True: there is more.
 * While nobody tracks and nothing is to be given back: two comparisons. */
bool tracking_turn_end_slow(struct tracking *tracking);
static inline bool tracking_turn_end(struct tracking *tracking)
{
    return __builtin_expect(tracking->tracker_count > 0 || !list_empty(&tracking->leaving), 0) &&
           tracking_turn_end_slow(tracking);
}

/* After a command of a session that tracks, one that is not part of another: what CLIENT CACHING said is over, unless
 * the command is `aside`. */
void tracking_settle(struct session *session, bool aside);

/* A plan has looked at these keys for a session that tracks. `host_more` of each is its hash. O(keys). */
void tracking_read(struct tracking *tracking, struct session *session, const struct gm_key *keys, uint32_t count);

/* ---- between tracking.c and tracking_bcast.c ---- */

/* So many bytes more, or fewer, are kept for the tracker. */
void tracking_charge(struct tracking *tracking, struct tracker *tracker, size_t bytes);
void tracking_discharge(struct tracking *tracking, struct tracker *tracker, size_t bytes);

/* A message to the session that is told for the tracker (itself, or the one it redirects to): after the beginning one
 * element follows, then the end. False: there is no such session. */
struct tracking_letter {
    struct reply reply;
    struct session *to;
};

bool tracking_letter_begin(struct tracker *tracker, uint64_t mark, struct tracking_letter *letter);
void tracking_letter_end(struct tracking_letter *letter);

/* NULL: the prefixes can be added. */
const char *tracking_bcast_check(const struct tracker *tracker, const struct tracking_wish *wish,
                                 char text[TRACKING_TEXT_MAX]);
void tracking_bcast_add(struct tracking *tracking, struct tracker *tracker, struct gm_bytes prefix);
void tracking_bcast_forget(struct tracking *tracking, struct tracker *tracker);
void tracking_bcast_changed(struct tracking *tracking, struct gm_bytes key, uint64_t hash, uint64_t author,
                            uint64_t sequence);

/* Tells what has changed since the last time. */
void tracking_bcast_tell(struct tracking *tracking);

static inline struct gm_bytes tracking_prefix_name(const struct tracking_prefix *prefix)
{
    return (struct gm_bytes){prefix->name, prefix->size};
}

#endif
