/* SPDX-License-Identifier: MIT */

/* meters.c - the meters of one thread begin, end, and begin anew. */
#include "meter/meters.h"

#include <string.h>

#include "base/check.h"
#include "base/histogram.h"
#include "base/memory.h"

static uint64_t limit_ns(int64_t limit, uint64_t unit_ns)
{
    uint64_t ns;
    return __builtin_mul_overflow((uint64_t)limit, unit_ns, &ns) ? UINT64_MAX : ns;
}

void meters_init(struct meters *meters, const struct meters_options *options, uint32_t command_count)
{
    *meters = (struct meters){.commands = NULL};
    slowlog_init(&meters->slowlog);
    meters_grow(meters, command_count);
    meters_configure(meters, options);
}

static void release_times(struct meters *meters)
{
    for (uint32_t i = 0; i < meters->command_count; i++) {
        memory_free(meters->commands[i].times);
        meters->commands[i].times = NULL;
    }
}

void meters_finish(struct meters *meters)
{
    release_times(meters);
    memory_free(meters->commands);
    meters->commands = NULL;
    meters->command_count = 0;
    slowlog_clear(&meters->slowlog);
    latency_finish(&meters->latency);
}

void meters_configure(struct meters *meters, const struct meters_options *options)
{
    uint64_t slowlog_ns = options->slowlog_us < 0 ? UINT64_MAX : limit_ns(options->slowlog_us, 1000);
    uint64_t latency_ns = options->latency_ms == 0 ? UINT64_MAX : limit_ns(options->latency_ms, 1000000);
    meters->timing.slow_ns = slowlog_ns < latency_ns ? slowlog_ns : latency_ns;
    meters->latency.threshold_ms = options->latency_ms;
    meters->slowlog.from_us = options->slowlog_us;
    slowlog_limit(&meters->slowlog, options->slowlog_len);
}

void meters_grow(struct meters *meters, uint32_t command_count)
{
    check(command_count >= meters->command_count);
    struct command_meter *commands = memory_zeroed(((size_t)command_count + 1) * sizeof *commands);
    if (meters->command_count > 0) {
        memcpy(commands, meters->commands, meters->command_count * sizeof *commands);
    }
    memory_free(meters->commands);
    meters->commands = commands;
    meters->command_count = command_count;
}

void meters_reset(struct meters *meters)
{
    release_times(meters);
    memset(meters->commands, 0, meters->command_count * sizeof *meters->commands);
    meters->counts = (struct meters_counts){.commands = 0};
    errors_reset(&meters->errors);
}

int64_t meters_moment_us(const struct meters *meters)
{
    struct clock *clock = meters->timing.clock;
    return clock != NULL && meters->latency.threshold_ms > 0 ? clock->ops->monotonic_us(clock) : 0;
}

void meters_took(struct meters *meters, const char *name, int64_t since_us)
{
    int64_t now_us = since_us != 0 ? meters_moment_us(meters) : 0;
    if (now_us != 0) {
        latency_add(&meters->latency, name, (now_us - since_us) / 1000);
    }
}
