/* SPDX-License-Identifier: MIT */

/* meters.h - what is measured of the commands that one thread carries out, in one place: how many, how long, which
 * were slow, which failed. Nothing here knows what a command, a session or a shard is: core/serve says what happened.
 */
#ifndef GEOMYS_METER_METERS_H
#define GEOMYS_METER_METERS_H

#include "meter/command_meter.h"
#include "meter/errors.h"
#include "meter/latency.h"
#include "meter/slowlog.h"
#include "meter/timing.h"

struct meters_options {
    int64_t slowlog_us;   /* from which a command is kept in SLOWLOG; below 0: none is */
    uint32_t slowlog_len; /* entries */
    int64_t latency_ms;   /* from which an event is kept for LATENCY; 0: none is */
};

/* Of all commands together. */
struct meters_counts {
    uint64_t commands;     /* that came, the refused ones too */
    uint64_t hits, misses; /* keys of reads that were there, or not */
    uint64_t dropped;      /* connections closed because their output passed the limit */
    uint64_t stalled;      /* ... because they read nothing for too long */
    uint64_t guesses;      /* passwords that were wrong */
    uint64_t garbled;      /* ... because what came is not the protocol */
    uint64_t foreign;      /* ... because it is another one */
    uint64_t idle;         /* ... because nothing came */
    uint64_t killed;       /* ... because somebody else wanted it (CLIENT KILL) */
    uint64_t evicted;      /* ... because the clients held too much memory */
    uint64_t retracted;    /* ... because an answer that was held did not come, and could not be told from messages */
    uint64_t reset;        /* connections that the other side has broken off */
    uint64_t lost;         /* ... that broke: the other side is not to be reached */
};

extern const struct counter_table meters_counters; /* of struct meters_counts */

struct meters {
    struct timing timing;
    struct latency latency;
    struct slowlog slowlog;
    struct errors errors;
    struct meters_counts counts;
    struct command_meter *commands; /* owned; by the command's index in the registry */
    uint32_t command_count;
};

/* Without a clock: see timing_watch. */
void meters_init(struct meters *meters, const struct meters_options *options, uint32_t command_count);
void meters_finish(struct meters *meters);

/* The options have changed. */
void meters_configure(struct meters *meters, const struct meters_options *options);

/* There are that many commands now, never fewer than before: what was counted stays. O(commands). */
void meters_grow(struct meters *meters, uint32_t command_count);

/* Begins all counts anew, but for SLOWLOG and LATENCY, which have a RESET of their own. O(commands). */
void meters_reset(struct meters *meters);

/* For the parts of a turn that are no commands: a moment, and how long it is past. meters_moment_us gives 0 while
 * nobody wants to know (latency_monitor_threshold is 0), and with 0 meters_took does nothing. `name` is a static text.
 */
int64_t meters_moment_us(const struct meters *meters);
void meters_took(struct meters *meters, const char *name, int64_t since_us);

#endif
