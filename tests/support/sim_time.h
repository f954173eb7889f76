/* SPDX-License-Identifier: MIT */

/* sim_time.h - virtual time, and what is to happen in it: tasks, carried out one after another in an order that a seed
 * chooses.
 *
 * Idea     A task is a moment and a function. The earliest is carried out; of several at one moment any. Nothing else
 *          moves the clock. Whatever is seen on the way is put into a trace, a hash: two runs of one seed that differ
 *          anywhere have two.
 *
 *          A node has its own clocks (struct sim_clock): they begin somewhere and go a little too fast or too slow.
 */
#ifndef GEOMYS_TESTS_SUPPORT_SIM_TIME_H
#define GEOMYS_TESTS_SUPPORT_SIM_TIME_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/prng.h"

#define SIM_REST INT64_MAX /* a task that waits to be woken */

struct sim_task {
    struct list link;
    int64_t at_us;
    void (*run)(struct sim_task *task); /* it rests meanwhile, unless it says when it wants to run again */
};

struct sim_time {
    int64_t now_us;
    struct prng prng; /* every choice of a run comes from here */
    struct list tasks;
    uint64_t trace, steps;
};

void sim_time_init(struct sim_time *time, uint64_t seed);

/* The task rests. Removed by list_remove of its link. */
void sim_time_add(struct sim_time *time, struct sim_task *task, void (*run)(struct sim_task *task));

/* It runs then, or earlier if it was to. */
static inline void sim_task_wake(struct sim_task *task, int64_t at_us)
{
    task->at_us = at_us < task->at_us ? at_us : task->at_us;
}

/* When the next one is. SIM_REST: all rest. */
int64_t sim_time_next_us(const struct sim_time *time);

/* Carries out the next one. Something does not rest. */
void sim_time_step(struct sim_time *time);

/* A number between two, both possible. */
int64_t sim_time_between(struct sim_time *time, int64_t low, int64_t high);

/* Once in so many. */
bool sim_time_chance(struct sim_time *time, uint64_t in);

void sim_time_note(struct sim_time *time, uint64_t what);
void sim_time_note_bytes(struct sim_time *time, struct gm_bytes bytes);

/* ---- a node's clocks ---- */

struct sim_clock {
    int64_t wall_us, monotonic_us; /* at the moment 0 */
    int64_t drift_ppm;             /* millionths too fast */
};

static inline int64_t sim_clock_passed_us(const struct sim_clock *clock, int64_t now_us)
{
    return now_us + now_us / 1000 * clock->drift_ppm / 1000;
}

static inline int64_t sim_clock_wall_ms(const struct sim_clock *clock, int64_t now_us)
{
    return (clock->wall_us + sim_clock_passed_us(clock, now_us)) / 1000;
}

static inline int64_t sim_clock_monotonic_us(const struct sim_clock *clock, int64_t now_us)
{
    return clock->monotonic_us + sim_clock_passed_us(clock, now_us);
}

/* The moment at which the monotonic clock shows so much, or a little after. */
int64_t sim_clock_when_us(const struct sim_clock *clock, int64_t monotonic_ms);

#endif
