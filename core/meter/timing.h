/* SPDX-License-Identifier: MIT */

/* timing.h - how long commands take: the time of each, and where it is counted.
 *
 * Idea     The counter is read once where the commands of a connection begin and once at the end of each: the end of
 *          one is the beginning of the next. A command that runs others (EXEC) keeps the moment at which it began, so
 *          it is counted as a whole and each of the others by itself. One that waits is counted once it is answered,
 *          with the time for which it was carried out, not that for which it waited.
 *
 * Limits   Of a command, not of its answer: what the network and the disk take is not in it. Nothing is measured
 *          without a clock, or with one that has no ticks, and nothing that must repeat rests on what was measured.
 */
#ifndef GEOMYS_METER_TIMING_H
#define GEOMYS_METER_TIMING_H

#include <stdint.h>

struct call;
struct clock;
struct shard;

struct timing {
    uint64_t (*ticks)(struct clock *); /* of shard->clock; NULL: nothing is measured */
    uint64_t now;                      /* ticks: when what is under way began */
    uint64_t scale;                    /* nanoseconds per tick, times 2^32 */
    uint64_t slow_ns;                  /* from here on somebody wants to hear of a command: SLOWLOG or LATENCY */
};

/* After the shard's options or its clock have changed, and once a second: takes over the limits, and the length of a
 * tick. */
void timing_configure(struct shard *shard);

/* Releases what timing_count has allocated. */
void timing_finish(struct shard *shard);

/* Begins all counts of commands anew. O(commands). */
void timing_reset(struct shard *shard);

/* What follows is not the time of what was before. */
void timing_begin(struct shard *shard);

/* The call has been carried out. O(1), but for a slow one. */
void timing_count(struct call *call);

/* The call waits: what it took so far is kept for then. */
void timing_wait(struct call *call);

/* Microseconds between two moments of shard->clock; 0 for `since` 0, which timing_moment_us gives while nobody wants to
 * know: latency_monitor_threshold is 0. For the parts of a turn that are no commands. */
int64_t timing_moment_us(const struct shard *shard);

#endif
