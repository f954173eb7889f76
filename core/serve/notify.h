/* SPDX-License-Identifier: MIT */

/* notify.h - keyspace notifications: messages about what happens to keys, for those who ask for them.
 *
 * Idea     After a command has been committed its emissions say all that there is to tell, in their order. What the
 *          host decides by itself (expiry, eviction) is heard of as a change (shard/change.h). The event of a module's
 *          record is what the module says: in the emission, or else of the command, or else the command's name in lower
 *          case; the host has no table of them. Its class is that of the record's type, by the word that TYPE answers:
 *          what clients know ("string": $, "list": l), else d. The host's own events are Redis': del, expire, persist,
 *          expired, evicted, rename_from, rename_to, copy_to, new, keymiss, and come where Redis has them: new before
 *          the first event of a key, expire behind the record's, del behind the last, a copy's at the end. An
 *          event is published on __keyspace@0__:<key> (K) and on __keyevent@0__:<event> (E).
 *
 *          Unlike Redis, what leaves the value as it is has no event (APPEND of nothing, SETRANGE of the same bytes,
 *          LTRIM of all), and a value that would have expired already is not set but deleted: del.
 *
 * Cost     None but one comparison per write while no class is chosen, or nobody subscribes.
 *
 * Order    A message leaves when the change that it tells of is as durable as the policy asks. */
#ifndef GEOMYS_SERVE_NOTIFY_H
#define GEOMYS_SERVE_NOTIFY_H

#include "base/arena.h"
#include "serve/pubsub.h"
#include "shard/change.h"

/* K keyspace, E keyevent; g what is common to all types, $ strings, l lists, s sets, h hashes, z sorted sets,
 * t streams, d other modules' types, x expired, e evicted; A all of these; n new keys, m keys that a read missed. */
#define NOTIFY_LETTERS "KEg$lshztdxeAnm"

struct call;

struct notify {
    struct change_listener listener; /* while x or e is chosen */
    struct list *listeners;          /* borrowed: the shard's */
    struct pubsub *pubsub;           /* borrowed */
    struct arena *arena;             /* borrowed: for the names of channels; reset by its owner */
    uint32_t classes;                /* 0: none */
    bool misses;                     /* m is one of them */
};

/* What it borrows outlives it. */
void notify_init(struct notify *notify, struct pubsub *pubsub, struct arena *arena, struct list *listeners);
void notify_finish(struct notify *notify);

/* The classes that the letters stand for, 0 for none; other letters count for nothing. */
uint32_t notify_classes(const char *letters);

/* From now on events of these classes are told. */
void notify_configure(struct notify *notify, uint32_t classes);

static inline bool notify_wanted(const struct notify *notify)
{
    return notify->classes != 0 && pubsub_busy(notify->pubsub);
}

static inline bool notify_misses(const struct notify *notify)
{
    return notify->misses && pubsub_busy(notify->pubsub);
}

/* After the call has been committed, if notify_wanted. O(emissions). */
void notify_call(const struct call *call);

/* The command has found no such key, if notify_misses. */
void notify_miss(const struct call *call, uint32_t key);

#endif
