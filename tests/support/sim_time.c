/* SPDX-License-Identifier: MIT */

/* sim_time.c - the list of tasks, looked through as a whole: there are some dozens. */
#include "support/sim_time.h"

void sim_time_init(struct sim_time *time, uint64_t seed)
{
    *time = (struct sim_time){.trace = seed};
    prng_seed(&time->prng, seed);
    list_init(&time->tasks);
}

void sim_time_add(struct sim_time *time, struct sim_task *task, void (*run)(struct sim_task *task))
{
    task->at_us = SIM_REST;
    task->run = run;
    list_push_back(&time->tasks, &task->link);
}

int64_t sim_time_next_us(const struct sim_time *time)
{
    int64_t next_us = SIM_REST;
    for (const struct list *at = time->tasks.next; at != &time->tasks; at = at->next) {
        const struct sim_task *task = container_of(at, const struct sim_task, link);
        next_us = task->at_us < next_us ? task->at_us : next_us;
    }
    return next_us == SIM_REST || next_us > time->now_us ? next_us : time->now_us;
}

void sim_time_step(struct sim_time *time)
{
    int64_t next_us = sim_time_next_us(time);
    uint64_t due = 0;
    struct sim_task *chosen = NULL;
    check(next_us != SIM_REST);
    time->now_us = next_us;
    for (struct list *at = time->tasks.next; at != &time->tasks; at = at->next) {
        struct sim_task *task = container_of(at, struct sim_task, link);
        if (task->at_us <= next_us && prng_below(&time->prng, ++due) == 0) {
            chosen = task;
        }
    }
    time->steps++;
    sim_time_note(time, (uint64_t)next_us);
    chosen->at_us = SIM_REST;
    chosen->run(chosen);
}

int64_t sim_time_between(struct sim_time *time, int64_t low, int64_t high)
{
    check(low <= high);
    return low + (int64_t)prng_below(&time->prng, (uint64_t)(high - low) + 1);
}

bool sim_time_chance(struct sim_time *time, uint64_t in)
{
    return prng_below(&time->prng, in) == 0;
}

void sim_time_note(struct sim_time *time, uint64_t what)
{
    uint64_t mixed = (time->trace ^ what) * 0x9e3779b97f4a7c15u;
    time->trace = mixed ^ mixed >> 29;
}

void sim_time_note_bytes(struct sim_time *time, struct gm_bytes bytes)
{
    sim_time_note(time, bytes.size);
    for (size_t i = 0; i < bytes.size; i++) {
        sim_time_note(time, bytes.data[i]);
    }
}

int64_t sim_clock_when_us(const struct sim_clock *clock, int64_t monotonic_ms)
{
    if (monotonic_ms >= INT64_MAX / 4000) {
        return SIM_REST;
    }
    int64_t passed_us = monotonic_ms * 1000 - clock->monotonic_us;
    int64_t now_us = passed_us - passed_us / 1000 * clock->drift_ppm / 1000;
    while (clock->monotonic_us + sim_clock_passed_us(clock, now_us) < monotonic_ms * 1000) {
        now_us += 1 + (monotonic_ms * 1000 - clock->monotonic_us - sim_clock_passed_us(clock, now_us)) / 2;
    }
    return now_us;
}
