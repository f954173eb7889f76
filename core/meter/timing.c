/* SPDX-License-Identifier: MIT */

/* timing.c - reading the counter, and counting; timing.h has the argument. */
#include "meter/timing.h"

#include "base/histogram.h"
#include "base/memory.h"
#include "meter/latency.h"
#include "meter/slowlog.h"
#include "serve/call.h"

static uint64_t limit_ns(int64_t limit, uint64_t unit_ns)
{
    uint64_t ns;
    return __builtin_mul_overflow((uint64_t)limit, unit_ns, &ns) ? UINT64_MAX : ns;
}

void timing_configure(struct shard *shard)
{
    const struct shard_options *options = &shard->options;
    struct timing *timing = &shard->timing;
    timing->ticks = shard->clock != NULL ? shard->clock->ops->ticks : NULL;
    timing->scale = timing->ticks != NULL ? shard->clock->ops->tick_scale(shard->clock) : 0;
    uint64_t slowlog_ns = options->slowlog_us < 0 ? UINT64_MAX : limit_ns(options->slowlog_us, 1000);
    uint64_t latency_ns = options->latency_ms == 0 ? UINT64_MAX : limit_ns(options->latency_ms, 1000000);
    timing->slow_ns = slowlog_ns < latency_ns ? slowlog_ns : latency_ns;
    slowlog_limit(&shard->slowlog, options->slowlog_len);
}

void timing_finish(struct shard *shard)
{
    for (uint32_t i = 0; i < registry_command_numbers(shard->registry); i++) {
        memory_free(shard->command_stats[i].times);
    }
}

void timing_reset(struct shard *shard)
{
    timing_finish(shard);
    memset(shard->command_stats, 0, registry_command_numbers(shard->registry) * sizeof *shard->command_stats);
}

void timing_begin(struct shard *shard)
{
    if (__builtin_expect(shard->timing.ticks != NULL, 1)) {
        shard->timing.now = shard->timing.ticks(shard->clock);
    }
}

/* The nanoseconds since the call began; the next begins now. Counters of two processors may differ by a little. */
static uint64_t end(struct call *call)
{
    struct timing *timing = &call->shard->timing;
    uint64_t now = timing->ticks(call->shard->clock);
    uint64_t ticks = now > call->began ? now - call->began : 0;
    timing->now = now;
    return (uint64_t)(((unsigned __int128)ticks * timing->scale) >> 32);
}

static void tell_slow(const struct call *call, uint64_t ns)
{
    struct shard *shard = call->shard;
    const struct shard_options *options = &shard->options;
    uint64_t us = ns / 1000;
    uint32_t flags = call->command->abi->flags;
    if (options->slowlog_us >= 0 && us >= (uint64_t)options->slowlog_us && (flags & CALL_COMPOUND) == 0) {
        slowlog_add(&shard->slowlog, call, us);
    }
    latency_add(shard, (flags & GM_FAST) != 0 ? "fast-command" : "command", (int64_t)(us / 1000));
}

void timing_count(struct call *call)
{
    struct shard *shard = call->shard;
    if (__builtin_expect(shard->timing.ticks == NULL, 0)) {
        return;
    }
    uint64_t ns = end(call);
    if (__builtin_expect(call->again, 0)) {
        ns += call->session->spent_ns;
        call->session->spent_ns = 0;
    }
    struct shard_command_stats *stats = &shard->command_stats[call->command->index];
    if (__builtin_expect(stats->times == NULL, 0)) {
        stats->times = memory_zeroed(sizeof *stats->times);
    }
    stats->ns += ns;
    histogram_add(stats->times, ns);
    if (__builtin_expect(ns >= shard->timing.slow_ns, 0)) {
        tell_slow(call, ns);
    }
}

void timing_wait(struct call *call)
{
    if (call->shard->timing.ticks == NULL) {
        return;
    }
    uint64_t ns = end(call);
    call->session->spent_ns = (call->again ? call->session->spent_ns : 0) + ns;
}

int64_t timing_moment_us(const struct shard *shard)
{
    bool wanted = shard->clock != NULL && shard->options.latency_ms > 0;
    return wanted ? shard->clock->ops->monotonic_us(shard->clock) : 0;
}
