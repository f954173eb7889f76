/* SPDX-License-Identifier: MIT */

/* change.h - hearing of every change of the data, whichever way it came: a command's first execution, a record of a
 * leader, the host's own decision, recovery.
 *
 * Idea     apply.c is the only place where values change, and announces each change there. Listeners are in one list;
 *          a listener that has nothing to look for at the moment takes itself out of it, so that a change costs one
 *          comparison while nobody listens.
 *
 *              struct change_listener: link, rank, on_change
 *              shard->listeners ──► claim ──► interest ──► tracking ──► notify        by rank
 *
 * Promises
 *   I1  Every change is announced once to each listener that is in the list when it happens, in the order of ranks;
 *       nothing is announced that has not changed anything.
 *   I2  A change of keys is announced after it has happened. One of whole databases is announced just before, while
 *       keyspace_find still tells which keys there are.
 *   I3  `sequence` is that of the change's record, in the log or about to be there; it is the highest so far.
 *
 * A listener does not change values, and may take itself, but no other, out of the list. [loop's thread]
 */
#ifndef GEOMYS_SHARD_CHANGE_H
#define GEOMYS_SHARD_CHANGE_H

#include "base/bytes.h"
#include "base/list.h"

#define CHANGE_NOBODY 0 /* author: the host, recovery, another node; callers' ids begin at 1 */

struct record;

enum change_scope {
    CHANGE_KEY,      /* keys[0] */
    CHANGE_KEYS,     /* keys[0] and keys[1]: for records of the host that move a value */
    CHANGE_DATABASE, /* all keys of keys[0].database go */
    CHANGE_SWAP,     /* keys[0].database and keys[1].database get each other's keys */
    CHANGE_ALL,      /* all keys of all databases go; without a record: the data begin anew */
};

struct change_key {
    struct gm_bytes name; /* borrowed */
    uint64_t hash;        /* keyspace_hash of it */
    uint32_t database;
};

struct change {
    enum change_scope scope;
    const struct record *record; /* borrowed: what was carried out; NULL: the data begin anew (shard_clear) */
    struct change_key keys[2];
    uint64_t sequence; /* 0 without a record */
    uint64_t author;   /* the id of the caller whose doing it is, or CHANGE_NOBODY */
};

/* Lower ranks hear first. */
enum change_rank {
    CHANGE_RANK_CLAIM,
    CHANGE_RANK_INTEREST,
    CHANGE_RANK_TRACKING,
    CHANGE_RANK_NOTIFY,
    CHANGE_RANK_LAST,
};

struct change_listener {
    struct list link; /* in the shard's list, or alone */
    enum change_rank rank;
    void (*on_change)(struct change_listener *listener, const struct change *change);
};

/* Not in a list yet. */
void change_listener_init(struct change_listener *listener, enum change_rank rank,
                          void (*on_change)(struct change_listener *listener, const struct change *change));

/* From now on it hears of changes; nothing happens if it does already. O(listeners). */
void change_listen(struct list *listeners, struct change_listener *listener);

/* It hears no more; nothing happens if it did not. O(1). */
void change_ignore(struct change_listener *listener);

/* For apply.c alone. */
void change_announce(const struct list *listeners, const struct change *change);

#endif
