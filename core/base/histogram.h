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

struct histogram {
    uint64_t steps[HISTOGRAM_STEPS];
};

/* The step of a value, at most HISTOGRAM_MAX. */
static inline uint32_t histogram_step(uint64_t value)
{
    if (value < (1u << HISTOGRAM_STEP_BITS)) {
        return (uint32_t)value;
    }
    uint32_t shift = 63u - (uint32_t)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return (shift << HISTOGRAM_STEP_BITS) + (uint32_t)(value >> shift);
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
