/* SPDX-License-Identifier: MIT */

/* saver.h - when a snapshot is made, what becomes of it, and which files stay. See saver.c for the argument. */
#ifndef GEOMYS_REPLICA_SAVER_H
#define GEOMYS_REPLICA_SAVER_H

#include "base/counters.h"
#include "base/trace.h"
#include "env/disk.h"
#include "log/snapshot_writer.h"
#include "replica/proof.h"
#include "replica/recovery.h"
#include "replica/snapshot_target.h"
#include "shard/shard.h"

struct saver_options {
    uint64_t log_size;   /* bytes of log after which a snapshot is made; 0: never by size */
    int64_t interval_ms; /* after which one is made if anything has changed; 0: never by time */
    size_t memory_max;   /* bytes of one that may wait for the disk, at least 1 MiB */
    enum snapshot_codec codec;
};

#define SAVER_SURPLUS_MAX 64 /* files that wait for their removal; more are left for the next start */

struct saver {
    struct snapshot_target target; /* where the sweep's records come in */
    struct shard *shard;           /* borrowed, as are these */
    struct disk *disk;             /* NULL: nothing is ever saved */
    struct wal *wal;               /* NULL until the log is open, or where there is none */
    const struct trace *trace;
    struct saver_options options;
    void (*on_idle)(void *context); /* none is under way or wanted any more; may be NULL */
    void *context;

    struct snapshot_writer *writer; /* owned; NULL: no snapshot is under way */
    struct snapshot_cut cut;        /* of the one under way */
    uint64_t keys;                  /* that it will hold */
    bool wanted;                    /* as soon as the sweep is free */
    bool told;                      /* its failure */
    int64_t begun_ms;               /* monotonic */
    int64_t slice_end_us;           /* monotonic: of the last slice of the sweep */
    uint64_t slice_commands;        /* commands until then */

    uint64_t newest; /* cut of the newest snapshot that is there, 0: none */
    uint64_t older;  /* ... and of the one before */
    uint64_t newest_size;
    uint64_t log_at_begin; /* bytes that the log had written at the cut of the one under way */
    uint64_t log_at_cut;   /* ... of the newest */
    uint64_t log_before;   /* bytes of log behind the newest snapshot when the server started */
    uint64_t surplus[SAVER_SURPLUS_MAX];
    size_t surplus_count;
    struct disk_request removal;
    bool removing;
    bool scarce;        /* space is short: what can be spared goes */
    bool tried;         /* ... and a snapshot has been begun for it */
    uint64_t kept_from; /* record that the log reaches back to for the snapshots, as far as the saver has said */
    struct proof proof; /* of the newest, before the older one goes for want of space */

    bool patient;         /* one was given up because clients changed too much: the next has them wait for it */
    bool failed;          /* the last one did */
    bool lacked_space;    /* ... for want of it */
    uint64_t made;        /* since the start */
    int64_t last_wall_ms; /* of the last one that was made, or of the start */
    int64_t last_ms;      /* the same, monotonic */
    int64_t last_took_ms; /* -1: none since the start */
    int64_t retry_ms;     /* monotonic: not before, by itself */
    size_t last_memory;   /* bytes that it needed at most */
};

/* `shard`, `disk` and `trace` outlive the saver. */
void saver_init(struct saver *saver, struct shard *shard, struct disk *disk, const struct saver_options *options,
                const struct trace *trace);

/* Takes over other options. The snapshot under way keeps its codec and memory; when the next one is due is looked at
 * anew in this turn. */
void saver_configure(struct saver *saver, const struct saver_options *options);

/* The log is open, and this is what recovery found. */
void saver_begin(struct saver *saver, struct wal *wal, const struct recovery_end *found);

/* Gives up what is under way; waits for the disk. */
void saver_finish(struct saver *saver);

/* Asks for a snapshot. OK: it is under way, or there is nothing new and the last one counts. EXISTS: one is under way
 * already. REFUSED: nothing is written here, as the complaint says. */
must_use enum status saver_start(struct saver *saver, struct complaint *complaint);

/* Space on the disk is short: the older snapshot and the log before the newest go, once the newest has been read back
 * whole, and a new one is made if that lets more of the log go. Again while that is under way is nothing new. */
void saver_spare(struct saver *saver);

/* Space has come from elsewhere: what has not begun yet need not. */
void saver_spare_no_more(struct saver *saver);

/* Something was removed by somebody: a snapshot that failed for want of space is tried again. */
void saver_space_came(struct saver *saver);

/* A snapshot is under way, or about to be. */
static inline bool saver_is_busy(const struct saver *saver)
{
    return saver->writer != NULL || saver->wanted;
}

/* Once per turn, between batches. True: it could go on at once. */
bool saver_turn(struct saver *saver);

/* When saver_turn wants to be called at the latest, monotonic ms; INT64_MAX: no wish. */
int64_t saver_next_ms(const struct saver *saver);

struct saver_counts {
    uint64_t changes;     /* records since the newest snapshot */
    bool busy;            /* a snapshot is under way, or about to be */
    bool scheduled;       /* one is to begin as soon as it can */
    bool failed;          /* the last one */
    int64_t last_wall_s;  /* Unix time */
    int64_t last_took_ms; /* -1: none since the start */
    int64_t taking_s;     /* -1: none is under way */
    uint64_t made;
    uint64_t last_memory; /* bytes */
    uint64_t newest;      /* sequences */
    uint64_t older;
    uint64_t newest_size; /* bytes */
    uint64_t log_since;   /* bytes of log behind the newest */
};

/* Only with a log. O(1). */
void saver_count(const struct saver *saver, struct saver_counts *out);

extern const struct counter_table saver_counters; /* of struct saver_counts: saver_counters.c */

#endif
