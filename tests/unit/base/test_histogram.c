/* SPDX-License-Identifier: MIT */

/* Stories of a histogram: where values go, and what can be told of them afterwards. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/histogram.h"
#include "base/prng.h"

Test(histogram, steps_follow_each_other_without_a_gap)
{
    uint64_t next = 0;
    for (uint32_t step = 0; step < HISTOGRAM_STEPS; step++) {
        cr_assert_eq(histogram_step(next), step, "value %llu", (unsigned long long)next);
        uint64_t end = histogram_step_end(step);
        cr_assert_eq(histogram_step(end), step, "value %llu", (unsigned long long)end);
        cr_assert(end == next || end - next < next / 16 + 1, "a step is at most a sixteenth of its values");
        next = end + 1;
    }
    cr_assert_eq(next - 1, HISTOGRAM_MAX);
}

Test(histogram, nothing_is_beyond_the_last_step)
{
    static struct histogram histogram;
    histogram_add(&histogram, UINT64_MAX);
    histogram_add(&histogram, HISTOGRAM_MAX);
    cr_assert_eq(histogram.steps[HISTOGRAM_STEPS - 1], 2);
    cr_assert_eq(histogram_percentile(&histogram, 50), HISTOGRAM_MAX);
}

Test(histogram, percentiles)
{
    static struct histogram histogram;
    cr_assert_eq(histogram_percentile(&histogram, 99), 0, "of nothing");
    for (uint64_t i = 1; i <= 1000; i++) {
        histogram_add(&histogram, i * 1000);
    }
    const struct {
        double percent;
        uint64_t value;
    } cases[] = {{50, 500000}, {99, 990000}, {99.9, 999000}, {100, 1000000}, {0, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = histogram_percentile(&histogram, cases[i].percent);
        cr_expect(got >= cases[i].value && got <= cases[i].value + cases[i].value / 16 + 1, "p%g is %llu",
                  cases[i].percent, (unsigned long long)got);
    }
    cr_assert_eq(histogram_count(&histogram), 1000);
    cr_assert_eq(histogram_up_to(&histogram, 900), 0);
    cr_assert_eq(histogram_up_to(&histogram, 1000), 1);
    cr_assert_eq(histogram_up_to(&histogram, UINT64_MAX), 1000);
}

Test(histogram, any_value_is_known_to_a_sixteenth)
{
    struct prng prng;
    prng_seed(&prng, 42);
    for (int i = 0; i < 100000; i++) {
        uint64_t value = prng_next(&prng) >> (64 - HISTOGRAM_MAX_BITS + prng_next(&prng) % HISTOGRAM_MAX_BITS);
        uint64_t end = histogram_step_end(histogram_step(value));
        cr_assert(end >= value && end - value <= value / 16, "%llu is told as %llu", (unsigned long long)value,
                  (unsigned long long)end);
    }
}

Test(histogram, two_are_one)
{
    static struct histogram a;
    static struct histogram b;
    histogram_add(&a, 3);
    histogram_add(&b, 3);
    histogram_add(&b, 5000);
    histogram_merge(&a, &b);
    cr_expect_eq(histogram_count(&a), 3);
    cr_expect_eq(histogram_up_to(&a, 3), 2);
    cr_expect_eq(histogram_count(&b), 2);
}
