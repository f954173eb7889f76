/* SPDX-License-Identifier: MIT */

/* latency.h - --latency: how long a PING takes there and back. */
#ifndef GEOMYS_CLI_LATENCY_H
#define GEOMYS_CLI_LATENCY_H

#include "base/histogram.h"
#include "cli/options/options.h"

#define LATENCY_STEP_BITS 6  /* a step is at most 1/64 of its value wide */
#define LATENCY_MAX_BITS  42 /* values from 2^42 on (73 minutes, in nanoseconds) share one step */
/* One more than those of all values below: the last is for what is above. */
#define LATENCY_STEPS (((LATENCY_MAX_BITS - LATENCY_STEP_BITS + 1) << LATENCY_STEP_BITS) + 1)

/* How long things took, in nanoseconds: finer than the server's histograms, with exact ends. Zeroed memory is empty. */
struct latency {
    uint64_t steps[LATENCY_STEPS];
    uint64_t count;
    uint64_t least; /* exact; meaningless without a value */
    uint64_t most;  /* exact */
};

void latency_add(struct latency *latency, uint64_t ns);

/* The least value that `per_mille` thousandths of all values do not exceed, too large by at most 1/64 of itself, and
 * never above the largest; 0 without a value. O(LATENCY_STEPS). */
uint64_t latency_quantile(const struct latency *latency, double per_mille);

/* Writes the figures in microseconds, on one line without its end; as a JSON object if `json`. */
void latency_print(FILE *file, const struct latency *latency, bool json);

int latency_run(const struct options *options, bool utf8);

#endif
