/* SPDX-License-Identifier: MIT */

/* How lately and how often: the arithmetic, on a clock that the test turns. */
#include <criterion/criterion.h>

#include "store/heat.h"

#define MINUTE ((int64_t)60000)

static struct heat make(bool frequency, uint32_t log_factor, uint32_t decay_minutes)
{
    struct heat heat = {.frequency = frequency, .log_factor = log_factor, .decay_minutes = decay_minutes};
    prng_seed(&heat.prng, 9);
    heat_turn(&heat, 0);
    return heat;
}

static uint32_t use(struct heat *heat, uint32_t note, int times)
{
    struct table_slot slot = {0x123456789ab0};
    table_set_note(&slot, note);
    for (int i = 0; i < times; i++) {
        heat_use(heat, &slot);
        cr_assert_eq(table_element(&slot), (void *)0x123456789ab0);
    }
    return table_note(&slot);
}

Test(heat, recency_is_seconds_and_comes_round_after_twelve_days)
{
    struct heat heat = make(false, 0, 0);
    uint32_t note = heat_new(&heat);
    cr_assert_eq(heat_idle_s(&heat, note), 0);
    heat_turn(&heat, 999);
    cr_assert_eq(heat_idle_s(&heat, note), 0);
    heat_turn(&heat, 61000);
    cr_assert_eq(heat_idle_s(&heat, note), 61);
    cr_assert_eq(heat_coldness(&heat, note), 61);
    note = use(&heat, note, 1);
    cr_assert_eq(heat_idle_s(&heat, note), 0);
    cr_assert_eq(use(&heat, note, 1), note); /* heat I1 */
    heat_turn(&heat, 61000 + (int64_t)(HEAT_SECONDS - 1) * 1000);
    cr_assert_eq(heat_idle_s(&heat, note), HEAT_SECONDS - 1);
    heat_turn(&heat, 61000 + (int64_t)HEAT_SECONDS * 1000);
    cr_assert_eq(heat_idle_s(&heat, note), 0);
}

/* What Redis' documentation of lfu-log-factor shows: 100 uses give about 10 at factor 10, a million 255 at 100. */
Test(heat, the_counter_is_a_logarithm_of_the_uses)
{
    struct heat heat = make(true, 10, 1);
    uint32_t note = use(&heat, heat_new(&heat), 100);
    cr_assert(heat_counter(&heat, note) >= 8 && heat_counter(&heat, note) <= 13, "%u", heat_counter(&heat, note));
    note = use(&heat, note, 900);
    cr_assert(heat_counter(&heat, note) >= 15 && heat_counter(&heat, note) <= 22, "%u", heat_counter(&heat, note));
    note = use(&heat, note, 99000);
    cr_assert(heat_counter(&heat, note) >= 125 && heat_counter(&heat, note) <= 160, "%u", heat_counter(&heat, note));
    heat = make(true, 0, 1);
    note = use(&heat, heat_new(&heat), 300);
    cr_assert_eq(heat_counter(&heat, note), HEAT_MAX);
    cr_assert_eq(heat_coldness(&heat, note), 0);
}

Test(heat, a_counter_falls_by_one_for_each_period_without_a_use)
{
    struct heat heat = make(true, 0, 3);
    uint32_t note = use(&heat, heat_new(&heat), 15);
    cr_assert_eq(heat_counter(&heat, note), 20);
    heat_turn(&heat, 2 * MINUTE);
    cr_assert_eq(heat_counter(&heat, note), 20);
    heat_turn(&heat, 3 * MINUTE);
    cr_assert_eq(heat_counter(&heat, note), 19);
    heat_turn(&heat, 31 * MINUTE);
    cr_assert_eq(heat_counter(&heat, note), 10);
    note = use(&heat, note, 1);
    cr_assert_eq(heat_counter(&heat, note), 11, "first it decays, then it rises");
    heat_turn(&heat, 31 * MINUTE + 200 * MINUTE);
    cr_assert_eq(heat_counter(&heat, note), 0);
    heat.decay_minutes = 0;
    cr_assert_eq(heat_counter(&heat, note), 11, "0: never");
}

Test(heat, minutes_come_round_too)
{
    struct heat heat = make(true, 0, 1);
    heat_turn(&heat, (int64_t)(HEAT_MINUTES - 2) * MINUTE);
    uint32_t note = use(&heat, heat_new(&heat), 10);
    cr_assert_eq(heat_counter(&heat, note), 15);
    heat_turn(&heat, (int64_t)(HEAT_MINUTES + 2) * MINUTE);
    cr_assert_eq(heat_counter(&heat, note), 11, "four minutes later, in the next round");
}

Test(heat, the_same_uses_give_the_same_notes)
{
    struct heat one = make(true, 10, 1);
    struct heat other = make(true, 10, 1);
    uint32_t note = heat_new(&one);
    for (int i = 1; i < 3000; i++) {
        heat_turn(&one, i * MINUTE / 50);
        heat_turn(&other, i * MINUTE / 50);
        uint32_t again = use(&other, note, 1 + i % 3);
        note = use(&one, note, 1 + i % 3);
        cr_assert_eq(again, note, "use %d", i); /* heat I2 */
    }
    cr_assert_gt(heat_counter(&one, note), HEAT_NEW, "chance has had something to say");
}
