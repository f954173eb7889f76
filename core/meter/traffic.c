/* SPDX-License-Identifier: MIT */

/* traffic.c - turning sums into rates. */
#include "meter/traffic.h"

static void roll(struct traffic_rate *rate, uint64_t sum)
{
    rate->per_second = sum - rate->before;
    rate->before = sum;
}

void traffic_second(struct traffic *traffic, uint64_t input, uint64_t output)
{
    roll(&traffic->input, input);
    roll(&traffic->output, output);
    if (++traffic->seconds >= TRAFFIC_RECENT_S) {
        traffic->seconds = 0;
        traffic->input_max[1] = traffic->input_max[0];
        traffic->output_max[1] = traffic->output_max[0];
        traffic->input_max[0] = 0;
        traffic->output_max[0] = 0;
    }
}

void traffic_reset(struct traffic *traffic)
{
    traffic->reads = 0;
    traffic->writes = 0;
    traffic->input.before = 0;
    traffic->output.before = 0;
}
