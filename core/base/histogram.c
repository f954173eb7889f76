/* SPDX-License-Identifier: MIT */

/* histogram.c - reading a histogram; histogram.h has the argument. */
#include "base/histogram.h"

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram_up_to(histogram, HISTOGRAM_MAX);
}

uint64_t histogram_step_end_of(uint32_t step, uint32_t bits)
{
    uint32_t row = step >> bits;
    if (row == 0) {
        return step;
    }
    uint32_t shift = row - 1;
    uint64_t first = (uint64_t)(step - (shift << bits)) << shift;
    return first + ((uint64_t)1 << shift) - 1;
}

uint64_t histogram_step_end(uint32_t step)
{
    return histogram_step_end_of(step, HISTOGRAM_STEP_BITS);
}

uint64_t histogram_ranked(const uint64_t *steps, uint32_t count, uint32_t bits, double rank)
{
    uint64_t seen = 0;
    uint64_t value = 0;
    for (uint32_t step = 0; step < count && (seen == 0 || (double)seen < rank); step++) {
        if (steps[step] > 0) {
            seen += steps[step];
            value = histogram_step_end_of(step, bits);
        }
    }
    return value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    double rank = (double)histogram_count(histogram) * percent / 100.0;
    return histogram_ranked(histogram->steps, HISTOGRAM_STEPS, HISTOGRAM_STEP_BITS, rank);
}

uint64_t histogram_up_to(const struct histogram *histogram, uint64_t value)
{
    uint32_t last = histogram_step(value < HISTOGRAM_MAX ? value : HISTOGRAM_MAX);
    uint64_t seen = 0;
    for (uint32_t step = 0; step <= last; step++) {
        seen += histogram->steps[step];
    }
    return seen;
}

void histogram_merge(struct histogram *into, const struct histogram *part)
{
    for (uint32_t i = 0; i < HISTOGRAM_STEPS; i++) {
        into->steps[i] += part->steps[i];
    }
}
