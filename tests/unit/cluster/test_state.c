/* SPDX-License-Identifier: MIT */

/* test_state.c - what a node has said yes to is there after any crash, or it had not been said. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/prng.h"
#include "cluster/state.h"
#include "support/seed.h"
#include "support/sim_disk.h"

static uint8_t drawn;

static void fill(struct entropy *entropy, void *target, size_t size)
{
    (void)entropy;
    memset(target, ++drawn, size);
}

static const struct entropy_ops entropy_ops = {.fill = fill};
static struct entropy entropy = {.ops = &entropy_ops};

static struct state *open_state(struct sim_disk *sim)
{
    struct state *state = NULL;
    struct complaint complaint;
    cr_assert_eq(state_open(&state, sim_disk_interface(sim), &entropy, &complaint), STATUS_OK, "%s", complaint.text);
    return state;
}

struct outcome {
    unsigned saved, failed;
};

static void on_saved(void *context, bool saved, const struct complaint *complaint)
{
    struct outcome *outcome = context;
    cr_assert(saved || complaint->text[0] != '\0');
    outcome->saved += saved;
    outcome->failed += !saved;
}

static void promise(struct state *state, uint64_t epoch, struct outcome *outcome)
{
    struct state_values values = *state_values(state);
    values.promise = (struct stand_promise){epoch, epoch % 3 + 1, 5};
    values.topology_version = epoch * 2;
    values.lease_ms = 1000;
    state_save(state, &values, on_saved, outcome);
}

/* state P2 */
Test(state, a_folder_has_one_identity_and_counts_its_starts)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct state *state = open_state(sim);
    uint8_t folder[STATE_ID_SIZE];
    static const uint8_t cluster[STATE_ID_SIZE] = "the cluster's id";
    struct outcome outcome = {0, 0};
    memcpy(folder, state_values(state)->folder_id, sizeof folder);
    cr_assert(state_values(state)->starts == 1 && state_values(state)->node == 0);
    state_enter(state, cluster, 3, on_saved, &outcome);
    (void)sim_disk_run(sim, 10);
    cr_assert_eq(outcome.saved, 1);
    state_close(state);
    for (unsigned i = 2; i < 6; i++) {
        state = open_state(sim);
        cr_assert_eq(state_values(state)->starts, i);
        cr_assert_eq(state_values(state)->node, 3);
        cr_assert_eq(memcmp(state_values(state)->folder_id, folder, sizeof folder), 0);
        cr_assert_eq(memcmp(state_values(state)->cluster_id, cluster, sizeof cluster), 0);
        state_close(state);
        sim_disk_crash(sim, i);
    }
    sim_disk_destroy(sim);
}

Test(state, what_comes_while_the_disk_is_busy_goes_together)
{
    struct sim_disk *sim = sim_disk_create(2);
    struct state *state = open_state(sim);
    struct outcome outcome = {0, 0};
    for (uint64_t epoch = 1; epoch <= 20; epoch++) {
        promise(state, epoch, &outcome);
    }
    cr_assert_eq(sim_disk_run(sim, 100), 2, "the first, and all others");
    cr_assert(outcome.saved == 20 && !state_is_busy(state));
    state_close(state);
    state = open_state(sim);
    cr_assert_eq(state_values(state)->promise.epoch, 20);
    cr_assert_eq(state_values(state)->promise.leader, 3);
    cr_assert_eq(state_values(state)->topology_version, 40);
    cr_assert_eq(state_values(state)->lease_ms, 1000);
    state_close(state);
    sim_disk_destroy(sim);
}

/* state P1: a crash at each call. What was said to be saved is there; what was not may be, or not. */
Test(state, a_yes_that_was_said_is_never_forgotten)
{
    uint64_t seed = seed_of_run();
    struct prng prng;
    prng_seed(&prng, seed);
    for (uint64_t at = 1; at < 60; at++) {
        struct sim_disk *sim = sim_disk_create(seed + at);
        struct state *state = NULL;
        struct complaint complaint;
        struct outcome outcome = {0, 0};
        uint64_t wanted = 0;
        sim_disk_fault(sim, SIM_CRASH, at, 1);
        if (state_open(&state, sim_disk_interface(sim), &entropy, &complaint) == STATUS_OK) {
            while (!sim_disk_dead(sim) && wanted < 15) {
                promise(state, ++wanted, &outcome);
                (void)sim_disk_run(sim, (size_t)prng_below(&prng, 2));
            }
        }
        unsigned said = outcome.saved;
        sim_disk_crash(sim, seed * 3 + at);
        state_close(state);
        sim_disk_fault(sim, SIM_CRASH, 0, 0);
        state = open_state(sim);
        cr_assert_geq(state_values(state)->promise.epoch, said, "call %llu", (unsigned long long)at);
        cr_assert_leq(state_values(state)->promise.epoch, wanted);
        state_close(state);
        sim_disk_destroy(sim);
    }
}

/* state P3 */
Test(state, damage_is_refused_and_one_slot_is_enough)
{
    for (unsigned both = 0; both < 2; both++) {
        struct sim_disk *sim = sim_disk_create(3);
        struct state *state = open_state(sim);
        struct outcome outcome = {0, 0};
        for (uint64_t epoch = 1; epoch <= 4; epoch++) {
            promise(state, epoch, &outcome);
            (void)sim_disk_run(sim, 10);
        }
        state_close(state);
        uint64_t newest = 0; /* counter 2 at the creation, 6 now: slot 0 */
        sim_disk_flip(sim, STATE_NAME, (newest * 512 + 80) * 8);
        if (both == 1) {
            sim_disk_flip(sim, STATE_NAME, (512 + 80) * 8);
            struct complaint complaint;
            cr_assert_eq(state_open(&state, sim_disk_interface(sim), &entropy, &complaint), STATUS_CORRUPT);
            cr_assert(strstr(complaint.text, "what it has said yes to") != NULL, "%s", complaint.text);
        } else {
            state = open_state(sim);
            cr_assert_eq(state_values(state)->promise.epoch, 3);
            state_close(state);
        }
        sim_disk_destroy(sim);
    }
}

/* A disk that takes its time, and a topology that changes meanwhile: nobody waits for those, so there may be any
 * number. */
Test(state, who_does_not_wait_takes_no_place)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct state *state = open_state(sim);
    struct outcome outcome = {0, 0};
    promise(state, 1, &outcome);
    for (uint64_t version = 1; version <= 10 * STATE_WAITING; version++) {
        struct state_values values = *state_values(state);
        values.topology_version = version;
        state_save(state, &values, NULL, NULL);
    }
    while (sim_disk_run(sim, 1) > 0) {
    }
    cr_expect_eq(outcome.saved, 1);
    cr_expect(!state_is_busy(state));
    state_close(state);
    sim_disk_kill(sim);
    state = open_state(sim);
    cr_expect_eq(state_values(state)->topology_version, 10 * STATE_WAITING);
    cr_expect_eq(state_values(state)->promise.epoch, 1);
    state_close(state);
    sim_disk_destroy(sim);
}

Test(state, a_full_disk_can_still_vote)
{
    struct sim_disk *sim = sim_disk_create(4);
    struct state *state = open_state(sim);
    struct outcome outcome = {0, 0};
    sim_disk_limit(sim, sim_disk_used(sim));
    for (uint64_t epoch = 1; epoch <= 10; epoch++) {
        promise(state, epoch, &outcome);
        (void)sim_disk_run(sim, 10);
    }
    cr_assert_eq(outcome.saved, 10);
    state_close(state);
    sim_disk_destroy(sim);
}
