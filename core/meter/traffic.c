/* SPDX-License-Identifier: MIT */

/* traffic.c - turning sums into rates.
 *
 * Promises
 *   I1  What was before is part of the sum, so that a rate is never below 0: whatever resets the one resets the other.
 *   I2  A large buffer is remembered for TRAFFIC_RECENT_S seconds at least, and forgotten after twice as many. */
#include "meter/traffic.h"

static struct counter_value larger(const size_t of[2])
{
    return counter_count(of[0] > of[1] ? of[0] : of[1]);
}

static struct counter_value input_max(const void *of)
{
    return larger(((const struct traffic *)of)->input_max);
}

static struct counter_value output_max(const void *of)
{
    return larger(((const struct traffic *)of)->output_max);
}

static struct counter_value kbps(const struct traffic_rate *rate)
{
    return counter_real((double)rate->per_second / 1024);
}

static struct counter_value input_kbps(const void *of)
{
    return kbps(&((const struct traffic *)of)->input);
}

static struct counter_value output_kbps(const void *of)
{
    return kbps(&((const struct traffic *)of)->output);
}

static const struct counter_row rows[] = {
    {"total_connections_received", "Connections accepted.", COUNTER_OF(struct traffic, connections), .resets = true},
    {"instantaneous_ops_per_sec", "Commands in the last full second.", COUNTER_OF(struct traffic, commands.per_second),
     .kind = COUNTER_GAUGE},
    {NULL, "Commands until the last second.", COUNTER_OF(struct traffic, commands.sum), .resets = true},
    {NULL, "Commands until the second before.", COUNTER_OF(struct traffic, commands.before), .resets = true},
    {"total_net_input_bytes", "Bytes of commands from clients.", COUNTER_OF(struct traffic, input.sum),
     .unit = COUNTER_BYTES, .resets = true},
    {NULL, "Bytes from clients until the last second.", COUNTER_OF(struct traffic, input.before), .resets = true},
    {NULL, "Bytes from clients in the last full second.", COUNTER_OF(struct traffic, input.per_second),
     .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
    {"total_net_output_bytes", "Bytes of answers to clients.", COUNTER_OF(struct traffic, output.sum),
     .unit = COUNTER_BYTES, .resets = true},
    {NULL, "Bytes to clients until the last second.", COUNTER_OF(struct traffic, output.before), .resets = true},
    {NULL, "Bytes to clients in the last full second.", COUNTER_OF(struct traffic, output.per_second),
     .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
    {"rejected_connections", "Connections refused because of maxclients, or of how many had not shown the password.",
     COUNTER_OF(struct traffic, connections_rejected), .resets = true},
    {"rejected_unauthenticated", "Of the refused, those because too many had not shown the password.",
     COUNTER_OF(struct traffic, unknown_rejected), .resets = true},
    {"closed_unauthenticated", "Connections closed because they had not shown the password in time.",
     COUNTER_OF(struct traffic, unknown_cut), .resets = true},
    {"instantaneous_input_kbps", "From clients in the last full second.", COUNTER_BY(input_kbps), .kind = COUNTER_GAUGE,
     .unit = COUNTER_RATE},
    {"instantaneous_output_kbps", "To clients in the last full second.", COUNTER_BY(output_kbps), .kind = COUNTER_GAUGE,
     .unit = COUNTER_RATE},
    {"total_reads_processed", "Reads from connections that brought something.", COUNTER_OF(struct traffic, reads),
     .resets = true},
    {"total_writes_processed", "Writes to connections.", COUNTER_OF(struct traffic, writes), .resets = true},
};

const struct counter_table traffic_counters = COUNTER_TABLE(struct traffic, rows);

#define LARGEST(member)                                                                                                \
    COUNTER_OF(struct traffic, member), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES, .merge = COUNTER_MAX

static const struct counter_row client_rows[] = {
    {"client_recent_max_input_buffer", "The most input of a client that waited at once, in the last seconds.",
     COUNTER_BY(input_max), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
    {"client_recent_max_output_buffer", "The most output of a client that waited at once, in the last seconds.",
     COUNTER_BY(output_max), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
    {NULL, "The most input, in these seconds.", LARGEST(input_max[0])},
    {NULL, "The most input, in the seconds before.", LARGEST(input_max[1])},
    {NULL, "The most output, in these seconds.", LARGEST(output_max[0])},
    {NULL, "The most output, in the seconds before.", LARGEST(output_max[1])},
};

const struct counter_table traffic_client_counters = COUNTER_TABLE(struct traffic, client_rows);

static void roll(struct traffic_rate *rate, uint64_t sum)
{
    check(sum >= rate->before); /* traffic I1 */
    rate->per_second = sum - rate->before;
    rate->sum = sum;
    rate->before = sum;
}

void traffic_second(struct traffic *traffic, uint64_t commands)
{
    roll(&traffic->input, traffic->input.sum);
    roll(&traffic->output, traffic->output.sum);
    roll(&traffic->commands, commands);
    check(traffic->seconds < TRAFFIC_RECENT_S);
    if (++traffic->seconds >= TRAFFIC_RECENT_S) { /* traffic I2 */
        traffic->seconds = 0;
        traffic->input_max[1] = traffic->input_max[0];
        traffic->output_max[1] = traffic->output_max[0];
        traffic->input_max[0] = 0;
        traffic->output_max[0] = 0;
    }
}
