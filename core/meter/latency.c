/* SPDX-License-Identifier: MIT */

/* latency.c - keeping what took long. */
#include "meter/latency.h"

#include <string.h>

#include "base/memory.h"

static struct counter_value last_time(const void *of)
{
    return counter_count(latency_sample(of, 0).time_s);
}

static struct counter_value last_ms(const void *of)
{
    return counter_count(latency_sample(of, 0).ms);
}

static const struct counter_row rows[] = {
    {"time", "When it last took long, Unix time.", COUNTER_BY(last_time), .kind = COUNTER_GAUGE, .unit = COUNTER_PLAIN},
    {"latest_ms", "How long it took then.", COUNTER_BY(last_ms), .kind = COUNTER_GAUGE, .unit = COUNTER_MS},
    {"max_ms", "The longest that it ever took.", COUNTER_OF(struct latency_event, worst_ms), .kind = COUNTER_GAUGE,
     .unit = COUNTER_MS, .merge = COUNTER_MAX},
};

const struct counter_table latency_event_counters = COUNTER_TABLE(struct latency_event, rows);

void latency_finish(struct latency *latency)
{
    while (latency->count > 0) {
        memory_free(latency->events[--latency->count]);
    }
}

static struct latency_event *find(struct latency *latency, const char *name)
{
    check(latency->count <= LATENCY_EVENTS);
    for (uint32_t i = 0; i < latency->count; i++) {
        if (strcmp(latency->events[i]->name, name) == 0) {
            return latency->events[i];
        }
    }
    if (latency->count == LATENCY_EVENTS) {
        return NULL;
    }
    struct latency_event *event = memory_zeroed(sizeof *event);
    event->name = name;
    return latency->events[latency->count++] = event;
}

void latency_add(struct latency *latency, const char *name, int64_t ms)
{
    if (latency->threshold_ms == 0 || ms < latency->threshold_ms) {
        return;
    }
    struct latency_event *event = find(latency, name);
    if (event == NULL) {
        return;
    }
    check(latency->threshold_ms > 0 && ms >= latency->threshold_ms);   /* latency I1 */
    int64_t time_s = latency->now_ms > 0 ? latency->now_ms / 1000 : 0; /* the clock may say anything */
    struct latency_sample now = {time_s < UINT32_MAX ? (uint32_t)time_s : UINT32_MAX,
                                 ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX};
    struct latency_sample *last = &event->samples[(event->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    event->worst_ms = now.ms > event->worst_ms ? now.ms : event->worst_ms;
    check(event->count == 0 || last->ms <= event->worst_ms); /* latency I1 */
    if (event->count > 0 && last->time_s == now.time_s) {
        last->ms = now.ms > last->ms ? now.ms : last->ms;
        return;
    }
    event->samples[event->next] = now;
    event->next = (event->next + 1) % LATENCY_SAMPLES;
    event->count += event->count < LATENCY_SAMPLES;
    check(event->next < LATENCY_SAMPLES && event->count > 0); /* latency I2 */
}

uint32_t latency_forget(struct latency *latency, struct latency_event *event)
{
    for (uint32_t i = 0; i < latency->count; i++) {
        if (latency->events[i] == event) {
            check(event->count > 0); /* latency I2 */
            memory_free(event);
            latency->count--;
            memmove(latency->events + i, latency->events + i + 1, (latency->count - i) * sizeof latency->events[0]);
            return 1;
        }
    }
    return 0;
}

struct latency_sample latency_sample(const struct latency_event *event, uint32_t age)
{
    check(age < event->count);
    return event->samples[(event->next + LATENCY_SAMPLES - 1 - age) % LATENCY_SAMPLES];
}
