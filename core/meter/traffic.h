/* SPDX-License-Identifier: MIT */

/* traffic.h - what goes in and out over all connections: sums, rates of the last second, and the largest buffers of
 * late. */
#ifndef GEOMYS_METER_TRAFFIC_H
#define GEOMYS_METER_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_RECENT_S 5 /* at least so long, at most twice as long, a large buffer is remembered */

struct traffic_rate {
    uint64_t before;     /* the sum at the end of the last second */
    uint64_t per_second; /* in the last full second */
};

struct traffic {
    uint64_t reads; /* with something new in them */
    uint64_t writes;
    struct traffic_rate input; /* bytes */
    struct traffic_rate output;
    size_t input_max[2]; /* bytes: of these seconds, and of those before */
    size_t output_max[2];
    uint32_t seconds; /* of the present ones */
};

static inline void traffic_read(struct traffic *traffic, size_t waiting, size_t known)
{
    traffic->reads += waiting > known;
    traffic->input_max[0] = waiting > traffic->input_max[0] ? waiting : traffic->input_max[0];
}

static inline void traffic_write(struct traffic *traffic, size_t waiting)
{
    traffic->writes++;
    traffic->output_max[0] = waiting > traffic->output_max[0] ? waiting : traffic->output_max[0];
}

/* Once a second, with the sums of bytes. */
void traffic_second(struct traffic *traffic, uint64_t input, uint64_t output);

/* All sums begin anew. */
void traffic_reset(struct traffic *traffic);

#endif
