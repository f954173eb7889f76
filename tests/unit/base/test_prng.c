/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>

#include "base/prng.h"

Test(prng, gives_the_published_numbers)
{
    /* The authors' reference program, from the state 1 2 3 4. */
    static const uint64_t numbers[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600};
    struct prng prng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        cr_assert_eq(prng_next(&prng), numbers[i], "number %zu", i);
    }

    /* splitmix64's reference outputs for 1234567 are the state. */
    prng_seed(&prng, 1234567);
    cr_assert_eq(prng.state[0], 6457827717110365317u);
    cr_assert_eq(prng.state[1], 3203168211198807973u);
    cr_assert_eq(prng.state[2], 9817491932198370423u);
    cr_assert_eq(prng.state[3], 4593380528125082431u);

    prng_seed(&prng, 0);
    cr_assert_eq(prng_next(&prng), 0x99ec5f36cb75f2b4u, "seed 0 must not give the all-zero state");
}

Test(prng, repeats_by_seed_and_stays_below_the_bound)
{
    struct prng a;
    struct prng b;
    prng_seed(&a, 42);
    prng_seed(&b, 42);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = prng_below(&a, 10);
        cr_assert_eq(number, prng_below(&b, 10));
        cr_assert_lt(number, 10);
        seen |= 1u << number;
    }
    cr_assert_eq(seen, 0x3ffu, "each of 0..9 comes up");
    cr_assert_eq(prng_below(&a, 1), 0);
    cr_assert_leq(prng_below(&a, UINT64_MAX), UINT64_MAX - 1);
}
