/* SPDX-License-Identifier: MIT */

/* harness.h - a small shard over a simulated disk: it adds batches whose content follows from their sequence, remembers
 * where each batch ends and what was promised, and knows whether what comes back is exactly a beginning of that. */
#ifndef GEOMYS_TESTS_LOG_HARNESS_H
#define GEOMYS_TESTS_LOG_HARNESS_H

#include "base/prng.h"
#include "log/replay.h"
#include "log/replay_rules.h"
#include "log/wal.h"
#include "support/sim_disk.h"

#define HARNESS_SEQUENCES 4096 /* at most so many records */
#define HARNESS_LEADER    7    /* node ID */

struct harness {
    struct sim_disk *sim;
    struct wal_config config;
    struct tail tail;
    struct wal *wal;
    int64_t now_ms;
    struct prng prng;
    bool plain_bodies; /* no zeros in them */

    bool ends[HARNESS_SEQUENCES];       /* a batch ends with this record */
    uint16_t epochs[HARNESS_SEQUENCES]; /* that this record begins, in a life of its own; 0: none */
    uint64_t promised;                  /* the highest synced sequence that the wal ever told */
    uint64_t from;                      /* recovery begins behind this record: a snapshot is there; 0: none */
    uint64_t older;                     /* the older of the two snapshots that are kept, 0: none */
    uint64_t newer;                     /* the newer one */
    unsigned snapshots;                 /* harness_script takes one in so many steps; 0: never */
    unsigned failures;                  /* calls of on_failed */
    unsigned progresses;
    struct complaint complaint;

    /* what the last recovery gave */
    struct record_sink sink;
    uint64_t delivered; /* the last record, beginning with `from` */
    uint64_t declared;
    bool wrong; /* a record was not what had been added */
    struct replay_progress progress;
    struct replay_end end;
};

/* Begins with an empty disk. `config` is completed where it is zero: segments of 2 KiB, a sync after 50 ms. */
void harness_init(struct harness *harness, uint64_t seed, enum wal_policy policy);
void harness_finish(struct harness *harness);

/* Replaces the disk; the old one is destroyed. */
void harness_take_disk(struct harness *harness, struct sim_disk *sim);

/* Reads the log back, without going on. OK also says: no wrong record, and it ends with the end of a batch. */
enum status harness_recover(struct harness *harness, bool repair, const struct replay_rules *rules);

/* Whether a record is the one that was added with its sequence. */
bool harness_knows(const struct harness *harness, const struct record *record);

/* The table of epochs of the history up to this record, as it was added. */
void harness_epochs(const struct harness *harness, uint64_t last, struct epochs *out);

/* Recovers, creates tail and wal, declares the type. The first batch begins an epoch: its EPOCH record comes before its
 * other records, and has a sequence of its own. */
enum status harness_start(struct harness *harness);

/* Forgets tail and wal, as a process that ends does. */
void harness_stop(struct harness *harness);

void harness_add(struct harness *harness, unsigned records);  /* one batch */
void harness_turn(struct harness *harness, int64_t later_ms); /* wal_turn, so much later */
void harness_settle(struct harness *harness, int64_t for_ms); /* turns and disk work for so long, in steps of 10 ms */
/* A snapshot of a batch that is synced appears, the older of the two before is gone, and the log is told. */
void harness_snapshot(struct harness *harness);

void harness_script(struct harness *harness, unsigned batches); /* adds, turns and disk work in a random order */
bool harness_close(struct harness *harness);                    /* wal_close and stop */

#endif
