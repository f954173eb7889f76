/* SPDX-License-Identifier: MIT */

/* meters.c - the meters of one thread begin, end, and begin anew.
 *
 * Promises
 *   I1  What is counted of a command stays under its index, however many commands there will be.
 *   I2  A command that SLOWLOG or LATENCY wants to hear of takes at least slow_ns: so one comparison is enough.
 *   I3  Whoever asked how long something took before anybody wanted to know is not answered with all the time since. */
#include "meter/meters.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

static const struct counter_row counts[] = {
    {"total_commands_processed", "Commands that came, the refused ones too.",
     COUNTER_OF(struct meters_counts, commands), .resets = true},
    {"keyspace_hits", "Keys of reading commands that were there.", COUNTER_OF(struct meters_counts, hits),
     .resets = true},
    {"keyspace_misses", "Keys of reading commands that were not there.", COUNTER_OF(struct meters_counts, misses),
     .resets = true},
    {"acl_access_denied_auth", "Passwords that were wrong.", COUNTER_OF(struct meters_counts, guesses), .resets = true},
    {"client_output_limit_disconnections", "Connections closed because they did not read what they had asked for.",
     COUNTER_OF(struct meters_counts, dropped), .resets = true},
    {"client_stalled_disconnections", "Connections closed because they read nothing of much for client_stall_s.",
     COUNTER_OF(struct meters_counts, stalled), .resets = true},
    {"client_protocol_error_disconnections", "Connections closed because what they sent is not RESP.",
     COUNTER_OF(struct meters_counts, garbled), .resets = true},
    {"client_foreign_disconnections", "Connections closed because they speak another protocol, as a browser does.",
     COUNTER_OF(struct meters_counts, foreign), .resets = true},
    {"client_idle_disconnections", "Connections closed because they were silent for timeout_s.",
     COUNTER_OF(struct meters_counts, idle), .resets = true},
    {"client_killed_disconnections", "Connections closed by CLIENT KILL of another client.",
     COUNTER_OF(struct meters_counts, killed), .resets = true},
    {"evicted_clients", "Connections closed because the clients held more memory than maxmemory_clients.",
     COUNTER_OF(struct meters_counts, evicted), .resets = true},
    {"retracted_clients",
     "Connections closed because an answer that waited for a majority did not come, and could not be told from "
     "messages.",
     COUNTER_OF(struct meters_counts, retracted), .resets = true},
    {"client_reset_disconnections", "Connections that the client's side broke off, with something still under way.",
     COUNTER_OF(struct meters_counts, reset), .resets = true},
    {"client_lost_disconnections", "Connections whose other side could not be reached any more.",
     COUNTER_OF(struct meters_counts, lost), .resets = true},
};

const struct counter_table meters_counters = COUNTER_TABLE(struct meters_counts, counts);

static uint64_t limit_ns(int64_t limit, uint64_t unit_ns)
{
    uint64_t ns;
    check(limit >= 0);
    return __builtin_mul_overflow((uint64_t)limit, unit_ns, &ns) ? UINT64_MAX : ns;
}

void meters_init(struct meters *meters, const struct meters_options *options, uint32_t command_count)
{
    check(options != NULL);
    *meters = (struct meters){.commands = NULL};
    slowlog_init(&meters->slowlog);
    meters_grow(meters, command_count);
    meters_configure(meters, options);
}

static void reset_commands(struct meters *meters)
{
    for (uint32_t i = 0; i < meters->command_count; i++) {
        command_meter_reset(&meters->commands[i]);
    }
}

void meters_finish(struct meters *meters)
{
    reset_commands(meters);
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
    check(meters->timing.slow_ns <= slowlog_ns && meters->timing.slow_ns <= latency_ns); /* meters I2 */
    meters->latency.threshold_ms = options->latency_ms;
    meters->slowlog.from_us = options->slowlog_us;
    slowlog_limit(&meters->slowlog, options->slowlog_len);
}

void meters_grow(struct meters *meters, uint32_t command_count)
{
    check(command_count >= meters->command_count); /* meters I1 */
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
    reset_commands(meters);
    counters_reset(&meters_counters, &meters->counts);
    counters_reset(&errors_counters, &meters->errors);
    check(meters->counts.commands == 0 && meters->errors.count == 0);
}

int64_t meters_moment_us(const struct meters *meters)
{
    struct clock *clock = meters->timing.clock;
    return clock != NULL && meters->latency.threshold_ms > 0 ? clock->ops->monotonic_us(clock) : 0;
}

void meters_took(struct meters *meters, const char *name, int64_t since_us)
{
    int64_t now_us = since_us != 0 ? meters_moment_us(meters) : 0;
    if (now_us != 0) { /* meters I3 */
        check(now_us >= since_us);
        latency_add(&meters->latency, name, (now_us - since_us) / 1000);
    }
}
