/* SPDX-License-Identifier: MIT */

/* coord_store.h - what a raft server must not forget: its term, its vote, its entries; in two files, without waiting.
 *
 * Idea     Two files of the cluster's folder (docs/formats/coordinator.md). `raft.state` has two slots of one sector
 *          that say all but the entries: term, vote, and *up to where the log counts*. `raft.log` has the entries, one
 *          behind the other, in room that was written before. What lies behind the place that the state names does not
 *          exist: so a torn write is nothing, and cutting the log is a new state.
 *
 *             append    the log's bytes, synced ─► the state, synced (both slots, one after the other)
 *             truncate, term, vote                 the state
 *
 *          Calls change the memory at once and queue what is to be written; coord_store_idle says when all of it is on
 *          the disk. Who uses it lets nothing be seen before.
 *
 * Promises
 *   P1  Once it was idle, a start finds exactly what was there then, or what was queued later, in that order.
 *   P2  Bytes that an earlier state counts are not overwritten before a state that does not count them is on the disk.
 *   P3  What the state counts is whole, or the start is refused; nothing is changed or removed then.
 *   P4  One slot may be damaged without anything being lost: both have the same once it is idle.
 *   P5  When a write or a sync has failed nothing is written any more: coord_store_failed.
 *
 * Limits   All entries stay, in the log and in memory: there are no snapshots. The log's size is given when it is made;
 *          a file that is full takes no more (coord_store_room).
 */
#ifndef GEOMYS_CLUSTER_COORD_STORE_H
#define GEOMYS_CLUSTER_COORD_STORE_H

#include "base/buf.h"
#include "env/disk.h"
#include "wire/topology.h"

#define COORD_STORE_STATE     "raft.state"
#define COORD_STORE_LOG       "raft.log"
#define COORD_STORE_SLOT      512
#define COORD_STORE_HEADER    512 /* bytes before the first entry */
#define COORD_STORE_LOG_MIN   ((uint64_t)64 * 1024)
#define COORD_STORE_LOG_MAX   ((uint64_t)256 * 1024 * 1024)
#define COORD_STORE_ENTRY_MAX (TOPOLOGY_BYTES_MAX + 64) /* bytes of an entry's data */

enum coord_store_type { /* as raft numbers them */
                        COORD_STORE_COMMAND = 1,
                        COORD_STORE_BARRIER,
                        COORD_STORE_CHANGE,
};

struct coord_store_entry {
    uint64_t term;
    uint16_t type;        /* enum coord_store_type */
    struct gm_bytes data; /* of a loaded one: the store's */
};

struct coord_store {
    struct disk *disk;
    struct disk_file *state_file;
    struct disk_file *log_file;
    uint64_t server;
    uint64_t counter;
    uint64_t term;
    uint64_t vote;
    uint64_t last;    /* index of the last entry; the first has 1 */
    uint64_t applied; /* up to here entries are known to be committed; it may lag */
    uint64_t *ends;   /* owned: where entry i + 1 ends in the file */
    size_t ends_room;
    uint64_t size;     /* bytes of the log's file */
    struct list steps; /* struct step, in order; the first is under way if `busy` */
    bool busy;
    bool failed;
    struct complaint trouble; /* of `failed` */
    struct disk_request request;
    uint8_t *loaded;    /* owned, until coord_store_forget: the log as it was read */
    uint64_t read;      /* entries that are in `loaded` */
    uint8_t slots_left; /* of the step that is under way */
    uint8_t first_slot; /* 0 or 1: the one to write first, which is never the only whole one */
};

/* Reads the folder's files, or makes them: `server` is who this is (above 0), `log_size` the size of a log that is
 * made. CORRUPT, VERSION, INVALID (another server's) or what the disk says, with a sentence. Blocks. */
must_use enum status coord_store_open(struct coord_store *store, struct disk *disk, uint64_t server, uint64_t log_size,
                                      struct complaint *complaint);

/* No request is under way: the disk was drained, or it has crashed. */
void coord_store_close(struct coord_store *store);

/* Entry `index` (1 to last) as it was loaded; before coord_store_forget. */
struct coord_store_entry coord_store_loaded(const struct coord_store *store, uint64_t index);
void coord_store_forget(struct coord_store *store);

void coord_store_set_term(struct coord_store *store, uint64_t term); /* and no vote in it */
void coord_store_set_vote(struct coord_store *store, uint64_t vote);
void coord_store_set_applied(struct coord_store *store, uint64_t index);

/* Bytes of entries' data that still go in, with their headers. */
uint64_t coord_store_room(const struct coord_store *store);

/* Copies the entries. NO_SPACE: they do not go in; nothing was changed. */
must_use enum status coord_store_append(struct coord_store *store, const struct coord_store_entry *entries,
                                        size_t count);

/* Entries from `index` on (1 to last + 1) are gone. */
void coord_store_truncate(struct coord_store *store, uint64_t index);

static inline bool coord_store_idle(const struct coord_store *store)
{
    return list_empty(&store->steps) && !store->failed;
}

#endif
