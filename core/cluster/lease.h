/* SPDX-License-Identifier: MIT */

/* lease.h - until when a leader knows that nobody else leads, and until when a replica lets nobody else. See lease.c
 * for the argument. All moments are microseconds of a clock that counts the time in which a machine sleeps; those of
 * two nodes have nothing to do with each other, and are never compared. */
#ifndef GEOMYS_CLUSTER_LEASE_H
#define GEOMYS_CLUSTER_LEASE_H

#include "log/record.h"
#include "replica/stand.h"

#define LEASE_NEVER INT64_MIN

/* ---- the leader's side */

struct lease {
    struct record_epoch set; /* who counts; an empty one: the leader alone */
    /* By place in the set: when the lease by the newest beat that this replica has granted ends, LEASE_NEVER: it has
     * granted none. */
    int64_t ends_us[RECORD_REPLICAS_MAX];
};

/* Nobody has granted anything. `set` is copied. */
void lease_begin(struct lease *lease, const struct record_epoch *set);

/* Another set counts from now on; who is in both keeps what it has granted. */
void lease_change(struct lease *lease, const struct record_epoch *set);

/* Replica `node` has granted a beat for `lease_ms`, which was sent at `sent_us`, by this node's clock: a reading before
 * it was given to the link. Of a node that is not of the set, or an older one: nothing changes. O(members). */
void lease_granted(struct lease *lease, uint64_t node, int64_t sent_us, uint32_t lease_ms);

/* Whatever this node has granted counts no more: another folder is there under its number (cluster C21). */
void lease_forget(struct lease *lease, uint64_t node);

/* Until when the leader may answer: a majority of the set, with itself, lets nobody else lead. LEASE_NEVER: no majority
 * has granted anything; INT64_MAX: it counts alone. O(members^2). */
int64_t lease_end_us(const struct lease *lease);

/* ---- a replica's side */

struct grant {
    uint64_t leader; /* 0: nobody has one */
    uint64_t start;
    int64_t until_us;
    int64_t sent_us;  /* of the newest beat that was granted, by the leader's clock */
    int64_t quiet_us; /* until then it says yes to nobody but whom it has promised: it may have granted more before it
                          was started (cluster C5) */
    uint32_t ceiling_ms; /* no lease may be longer than this: it stands on the disk */
};

struct grant_beat {
    uint64_t epoch, leader, start;
    int64_t sent_us;
    uint32_t lease_ms; /* what it asks for */
};

enum grant_answer {
    GRANT_YES,
    GRANT_NO,    /* it is not whom this replica has promised, or its beat is older than one that was granted */
    GRANT_STORE, /* it would be longer than what stands on the disk: first there, then again */
};

/* A replica begins its life: what was granted before may run for `ceiling_ms` still. */
void grant_init(struct grant *grant, uint32_t ceiling_ms, int64_t now_us);

/* A beat was taken from its link; `now_us` was read behind that (cluster C3). `promise`: the replica's at that
 * moment. */
enum grant_answer grant_take(struct grant *grant, const struct grant_beat *beat, const struct stand_promise *promise,
                             int64_t now_us);

/* The disk has another longest lease. A lower one only when nothing that was granted before can still run for
 * longer. */
void grant_ceiling(struct grant *grant, uint32_t ceiling_ms);

/* The leader has said that it leads no more: beats up to the one that was sent at `sent_us` count no more. Older than
 * the newest that was granted, or of another: nothing changes. */
void grant_resigned(struct grant *grant, uint64_t leader, uint64_t start, int64_t sent_us);

/* Whether a yes to this candidate would break what was granted: to another one, or perhaps before this life. `promise`:
 * the replica's now. */
bool grant_forbids(const struct grant *grant, uint64_t candidate, uint64_t start, const struct stand_promise *promise,
                   int64_t now_us);

/* How long a candidate that is forbidden would have to wait, in ms; 0: it is not. */
uint32_t grant_wait_ms(const struct grant *grant, int64_t now_us);

#endif
