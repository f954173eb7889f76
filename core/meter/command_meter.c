/* SPDX-License-Identifier: MIT */

/* command_meter.c - the rows of one command, and its histogram.
 *
 * Promises
 *   I1  Each time that is in `ns` is in the histogram too, and the other way round: both or none.
 *   I2  A command is timed at most as often as it was called, and a histogram is never empty. */
#include "meter/command_meter.h"

#include "base/memory.h"

static struct counter_value mean_us(const void *of)
{
    const struct command_meter *meter = of;
    check(meter->calls > 0 || meter->ns == 0); /* command_meter I2 */
    return counter_real(meter->calls > 0 ? (double)meter->ns / 1e3 / (double)meter->calls : 0);
}

static const struct counter_row counters[] = {
    {"calls", "Calls that ran.", COUNTER_OF(struct command_meter, calls), .resets = true},
    {"usec", "Time that its calls took.", COUNTER_OF(struct command_meter, ns), .unit = COUNTER_NS, .resets = true},
    {"usec_per_call", "Time per call.", COUNTER_BY(mean_us), .kind = COUNTER_GAUGE, .unit = COUNTER_MEAN_US},
    {"rejected_calls", "Calls that were refused before they ran.", COUNTER_OF(struct command_meter, rejected),
     .resets = true},
    {"failed_calls", "Calls that ran and ended with an error.", COUNTER_OF(struct command_meter, failed),
     .resets = true},
};

const struct counter_table command_meter_counters = COUNTER_FAMILY(struct command_meter, counters, "cmdstat_");

static struct counter_value percentile_us(const struct command_meter *meter, double percent)
{
    bool timed = meter->times != NULL;
    check(percent > 0 && percent <= 100);
    return timed ? counter_real((double)histogram_percentile(meter->times, percent) / 1e3) : COUNTER_NONE;
}

static struct counter_value p50(const void *of)
{
    return percentile_us(of, 50);
}

static struct counter_value p99(const void *of)
{
    return percentile_us(of, 99);
}

static struct counter_value p999(const void *of)
{
    return percentile_us(of, 99.9);
}

static const struct counter_row times[] = {
    {"p50", "Half of its calls took at most so long.", COUNTER_BY(p50), .kind = COUNTER_GAUGE, .unit = COUNTER_LONG_US},
    {"p99", "99 % of its calls took at most so long.", COUNTER_BY(p99), .kind = COUNTER_GAUGE, .unit = COUNTER_LONG_US},
    {"p99.9", "99.9 % of its calls took at most so long.", COUNTER_BY(p999), .kind = COUNTER_GAUGE,
     .unit = COUNTER_LONG_US},
};

const struct counter_table command_meter_times =
    COUNTER_FAMILY(struct command_meter, times, "latency_percentiles_usec_");

static struct counter_value timed_calls(const void *of)
{
    const struct command_meter *meter = of;
    uint64_t count = meter->times != NULL ? histogram_count(meter->times) : 0;
    check((count > 0) == (meter->times != NULL)); /* command_meter I2 */
    return count > 0 ? counter_count(count) : COUNTER_NONE;
}

static const struct counter_row timed[] = {
    {"calls", "Calls that were timed.", COUNTER_BY(timed_calls)},
};

const struct counter_table command_meter_timed = COUNTER_TABLE(struct command_meter, timed);

void command_meter_time(struct command_meter *meter, uint64_t ns)
{
    if (__builtin_expect(meter->times == NULL, 0)) {
        check(meter->ns == 0); /* command_meter I1 */
        meter->times = memory_zeroed(sizeof *meter->times);
    }
    meter->ns += ns;
    histogram_add(meter->times, ns);
    check_slow(histogram_count(meter->times) <= meter->calls); /* command_meter I2 */
}

void command_meter_reset(struct command_meter *meter)
{
    counters_reset(&command_meter_counters, meter);
    memory_free(meter->times);
    meter->times = NULL;
    check(meter->ns == 0); /* command_meter I1 */
}

void command_meter_merge(struct command_meter *into, const struct command_meter *part)
{
    check(into != part);
    counters_merge(&command_meter_counters, into, part);
    if (part->times == NULL) {
        return;
    }
    if (into->times == NULL) {
        into->times = memory_zeroed(sizeof *into->times);
    }
    histogram_merge(into->times, part->times);
}
