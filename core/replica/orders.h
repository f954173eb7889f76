/* SPDX-License-Identifier: MIT */

/* orders.h - what the cluster loop wants of a worker, and what it is told of it: the second thing, beside its stand,
 * that the two share. See orders.c for the argument. */
#ifndef GEOMYS_REPLICA_ORDERS_H
#define GEOMYS_REPLICA_ORDERS_H

#include "env/clock.h"
#include "env/lock.h"
#include "env/net.h"
#include "log/record.h"

#define ORDERS_ID_SIZE       16 /* bytes of a cluster's identity */
#define ORDERS_FOLLOWERS_MAX 64 /* that a leader tells of */

enum orders_role {
    ORDERS_WAIT,   /* it serves what it has, and follows nobody */
    ORDERS_FOLLOW, /* it has what that leader has */
    ORDERS_LEAD,   /* it begins this epoch, or is in it */
};

struct orders_now {
    uint64_t number; /* one more with each change; 0: nothing has been ordered yet */
    enum orders_role role;
    uint8_t cluster_id[ORDERS_ID_SIZE];
    uint64_t epoch, leader;        /* of FOLLOW and LEAD */
    char address[NET_ADDRESS_MAX]; /* of the leader's node port; "": not known at the moment */
    struct record_epoch set;       /* of LEAD: who counts */
    bool quorum;                   /* write_acks: an answer leaves when a majority has what it depends on */
};

/* What a leader knows of one that follows. */
struct orders_follower {
    uint64_t node;
    uint64_t received, synced; /* sequences */
    bool near;                 /* it has all that was there a second ago, on its disk */
};

/* What the worker has to say. All zeros: it has not turned yet. */
struct orders_report {
    int64_t turned_ms; /* monotonic: when it turned last */
    int64_t moved_ms;  /* when its log was last known to lack nothing, or has gone on */
    bool loaded;       /* the data can be read */
    bool fit;          /* it could lead well: its disk is neither full nor stuck */
    uint64_t epoch;    /* the newest one whose record it has written as a leader, in this life; 0: none */
    uint64_t newest_epoch, newest_leader; /* of its log: the newest that it knows of */
    uint64_t last, committed;             /* sequences; committed: in its own epoch */
    uint64_t first;                       /* of its own epoch: that record's sequence */
    uint32_t follower_count;
    struct orders_follower followers[ORDERS_FOLLOWERS_MAX];
};

struct orders {
    struct lock *lock;   /* borrowed, the stand's; NULL: one thread has both sides */
    struct clock *clock; /* borrowed; NULL: no lease is looked at */
    struct orders_now now;
    int64_t lease_end_us; /* until then a leader may answer; INT64_MIN: not at all, INT64_MAX: for ever */
    int64_t lost_us;      /* since when there has been no lease */
    struct orders_report report;
    void (*wake)(void *context); /* the worker is to turn soon; from the cluster loop's thread. May be NULL */
    void *context;
};

void orders_init(struct orders *orders, struct lock *lock, struct clock *clock);

/* ---- the cluster loop's side [its thread] */

/* Other orders; `now->number` is ignored, and one more than the last. The worker is woken. */
void orders_give(struct orders *orders, const struct orders_now *now);

/* Until when a leader may answer. No more than a later moment: nothing is woken by it, as long as it held before. */
void orders_lease(struct orders *orders, int64_t end_us);

void orders_heard(struct orders *orders, struct orders_report *out);

/* ---- the worker's side [worker's thread] */

/* True: they are other ones than number `known`, and `out` is them. */
bool orders_take(struct orders *orders, uint64_t known, struct orders_now *out);

/* Whether a leader's lease holds, by the clock as it is read in this call: after whatever is to be answered was
 * computed (cluster C4). Always where there is no clock. */
bool orders_may_answer(struct orders *orders);

/* How long there has been no lease, ms; 0: there is one. */
uint64_t orders_without_lease_ms(struct orders *orders);

void orders_tell(struct orders *orders, const struct orders_report *report);

#endif
