/* SPDX-License-Identifier: MIT */

/* histogram.c - buckets that widen with the value.
 *
 * Idea     Values below 64 have a bucket each. Above, each power of two is cut into 64 equal buckets:
 *
 *              value   0 .. 63 | 64 .. 127 | 128 .. 255 | 256 .. 511 ...
 *              width         1 |         1 |          2 |          4
 */
#include "cli/tools/histogram.h"

#include <math.h>

#define FINE ((uint64_t)1 << HISTOGRAM_FINE_BITS)

static size_t bucket_of(uint64_t value)
{
    if (value < FINE) {
        return (size_t)value;
    }
    unsigned top = 63U - (unsigned)__builtin_clzll(value);
    if (top >= HISTOGRAM_TOP_BITS) {
        return HISTOGRAM_BUCKETS - 1;
    }
    unsigned shift = top - HISTOGRAM_FINE_BITS;
    return ((size_t)(shift + 1) << HISTOGRAM_FINE_BITS) + (size_t)((value >> shift) & (FINE - 1));
}

/* The largest value of a bucket. */
static uint64_t end_of(size_t bucket)
{
    if (bucket < FINE) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_FINE_BITS) - 1;
    uint64_t fine = (bucket & (FINE - 1)) | FINE;
    return ((fine + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->least = histogram->count == 0 || value < histogram->least ? value : histogram->least;
    histogram->most = value > histogram->most ? value : histogram->most;
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
}

uint64_t histogram_quantile(const struct histogram *histogram, double per_mille)
{
    double wanted = ceil((double)histogram->count * per_mille / 1000);
    uint64_t seen = 0;
    for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            return end_of(i) < histogram->most ? end_of(i) : histogram->most;
        }
    }
    return histogram->most;
}
