/* SPDX-License-Identifier: MIT */

/* histogram.c - reading a histogram; histogram.h has the argument. */
#include "base/histogram.h"

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram_up_to(histogram, HISTOGRAM_MAX);
}

uint64_t histogram_step_end(uint32_t step)
{
    uint32_t row = step >> HISTOGRAM_STEP_BITS;
    if (row == 0) {
        return step;
    }
    uint32_t shift = row - 1;
    uint64_t first = (uint64_t)(step - (shift << HISTOGRAM_STEP_BITS)) << shift;
    return first + ((uint64_t)1 << shift) - 1;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    uint64_t count = histogram_count(histogram);
    double wanted = (double)count * percent / 100.0;
    uint64_t seen = 0;
    uint64_t value = 0;
    for (uint32_t step = 0; step < HISTOGRAM_STEPS && seen < count; step++) {
        if (histogram->steps[step] > 0) {
            seen += histogram->steps[step];
            value = histogram_step_end(step);
            if ((double)seen >= wanted) {
                break;
            }
        }
    }
    return value;
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
