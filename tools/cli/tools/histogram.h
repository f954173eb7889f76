/* SPDX-License-Identifier: MIT */

/* histogram.h - how long things took: any number of them, in memory that does not grow. [any thread] */
#ifndef GEOMYS_CLI_HISTOGRAM_H
#define GEOMYS_CLI_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_FINE_BITS 6  /* a bucket is at most 1/64 of its value wide */
#define HISTOGRAM_TOP_BITS  42 /* values from 2^42 on (73 minutes, in nanoseconds) share one bucket */
/* One more than those of all values below: the last is for what is above. */
#define HISTOGRAM_BUCKETS (((size_t)(HISTOGRAM_TOP_BITS - HISTOGRAM_FINE_BITS + 1) << HISTOGRAM_FINE_BITS) + 1)

/* Zeroed memory is an empty histogram. */
struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t least; /* exact; meaningless without a value */
    uint64_t most;  /* exact */
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The least value that `per_mille` thousandths of all values do not exceed, too large by at most 1/64 of itself, and
 * never above the largest; 0 without a value. O(buckets). */
uint64_t histogram_quantile(const struct histogram *histogram, double per_mille);

#endif
