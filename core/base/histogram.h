/* SPDX-License-Identifier: MIT */

/* histogram.h - how long things took: counts by length, so that the middle and the worst can be told afterwards.
 *
 * Idea     Sixteen steps for each doubling, so a value is known to a sixteenth; adding one is a shift and an increment.
 *
 *     value   0 1 2 ... 15 | 16 17 ... 31 | 32 34 ... 62 | 64 68 ... 124 | ...
 *     step    1            | 1            | 2            | 4             |
 *
 * Limits   What is larger than HISTOGRAM_MAX counts as that. 4.4 KB.
 */
#ifndef GEOMYS_BASE_HISTOGRAM_H
#define GEOMYS_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 4
#define HISTOGRAM_MAX_BITS  37 /* 137 s in nanoseconds */
#define HISTOGRAM_MAX       (((uint64_t)1 << HISTOGRAM_MAX_BITS) - 1)
#define HISTOGRAM_STEPS     ((HISTOGRAM_MAX_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)

/* ---- steps of any fineness: 2^bits for each doubling. For those who count by themselves ---- */

static inline uint32_t histogram_step_of(uint64_t value, uint32_t bits)
{
    if (value < ((uint64_t)1 << bits)) {
        return (uint32_t)value;
    }
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - bits;
    return (shift << bits) + (uint32_t)(value >> shift);
}

/* The largest value of a step. */
uint64_t histogram_step_end_of(uint32_t step, uint32_t bits);

/* The largest value of the step that has the value of this rank, in order of size (1: the least); that of the last step
 * with a value if there are fewer, 0 if there is none. O(count). */
uint64_t histogram_ranked(const uint64_t *steps, uint32_t count, uint32_t bits, double rank);

/* ---- the usual one ---- */

struct histogram {
    uint64_t steps[HISTOGRAM_STEPS];
};

/* The step of a value, at most HISTOGRAM_MAX. */
static inline uint32_t histogram_step(uint64_t value)
{
    return histogram_step_of(value, HISTOGRAM_STEP_BITS);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->steps[histogram_step(value < HISTOGRAM_MAX ? value : HISTOGRAM_MAX)]++;
}

/* Adds the values of another. O(steps). */
void histogram_merge(struct histogram *into, const struct histogram *part);

/* How many values there are. O(steps). */
uint64_t histogram_count(const struct histogram *histogram);

/* The largest value of a step. */
uint64_t histogram_step_end(uint32_t step);

/* The value that `percent` of all values do not exceed, to a sixteenth; 0 if there is none. O(steps). */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

/* How many values are at most `value`, as far as steps tell: those of the step that it is in count. O(steps). */
uint64_t histogram_up_to(const struct histogram *histogram, uint64_t value);

#endif
