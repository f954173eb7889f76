/* SPDX-License-Identifier: MIT */

/* traffic.h - what goes in and out over all connections: sums, rates of the last second, and the largest buffers of
 * late. */
#ifndef GEOMYS_METER_TRAFFIC_H
#define GEOMYS_METER_TRAFFIC_H

#include "base/counters.h"

#define TRAFFIC_RECENT_S 5 /* at least so long, at most twice as long, a large buffer is remembered */

struct traffic_rate {
    uint64_t sum;
    uint64_t before;     /* the sum at the end of the last second */
    uint64_t per_second; /* in the last full second */
};

struct traffic {
    uint64_t connections;          /* accepted */
    uint64_t connections_rejected; /* because there were maxclients of them */
    uint64_t unknown_rejected;     /* of these, because too many had not shown the password */
    uint64_t unknown_cut;          /* closed because they had not shown the password */
    uint64_t reads;                /* with something new in them */
    uint64_t writes;
    struct traffic_rate input;    /* bytes */
    struct traffic_rate output;   /* bytes */
    struct traffic_rate commands; /* `sum` as of the last second */
    size_t input_max[2];          /* bytes: of these seconds, and of those before */
    size_t output_max[2];
    uint32_t seconds; /* of the present ones */
};

extern const struct counter_table traffic_counters;        /* INFO stats */
extern const struct counter_table traffic_client_counters; /* INFO clients */

/* `waiting` bytes of a connection's input are there, of which `known` were there before. */
static inline void traffic_read(struct traffic *traffic, size_t waiting, size_t known)
{
    traffic->reads += waiting > known;
    traffic->input_max[0] = waiting > traffic->input_max[0] ? waiting : traffic->input_max[0];
}

/* Of `waiting` bytes of output the system took that many. */
static inline void traffic_write(struct traffic *traffic, size_t waiting, size_t taken)
{
    traffic->writes++;
    traffic->output.sum += taken;
    traffic->output_max[0] = waiting > traffic->output_max[0] ? waiting : traffic->output_max[0];
}

/* Once a second, with how many commands there have been so far. */
void traffic_second(struct traffic *traffic, uint64_t commands);

#endif
