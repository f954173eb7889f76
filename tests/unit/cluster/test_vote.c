/* SPDX-License-Identifier: MIT */

/* test_vote.c - when a replica says yes, when it does not, and that what it has said is on its disk. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/prng.h"
#include "cluster/vote.h"
#include "support/seed.h"
#include "support/sim_disk.h"

#define MS       INT64_C(1000)
#define LEASE_MS 1000

static void fill(struct entropy *entropy, void *target, size_t size)
{
    (void)entropy;
    memset(target, 0x33, size);
}

static const struct entropy_ops entropy_ops = {.fill = fill};

struct scene {
    struct entropy entropy;
    struct sim_disk *sim;
    struct state *state;
    struct stand stand;
    struct grant grant;
    struct voter voter;
    unsigned answers;
    enum vote_answer last;
    uint64_t number;
};

static void begin_life(struct scene *scene)
{
    struct complaint complaint;
    scene->entropy.ops = &entropy_ops;
    cr_assert_eq(state_open(&scene->state, sim_disk_interface(scene->sim), &scene->entropy, &complaint), STATUS_OK,
                 "%s", complaint.text);
    stand_init(&scene->stand, NULL);
    cr_assert(stand_publish(&scene->stand, (struct stand_position){0, 0}, 0));
    scene->stand.promise = state_values(scene->state)->promise;
    grant_init(&scene->grant, state_values(scene->state)->lease_ms, -100000 * MS);
    voter_init(&scene->voter, &scene->stand, &scene->grant, scene->state);
}

static void begin(struct scene *scene)
{
    *scene = (struct scene){.sim = sim_disk_create(7)};
    begin_life(scene);
}

static void finish(struct scene *scene)
{
    state_close(scene->state);
    sim_disk_destroy(scene->sim);
}

static void on_answer(void *context, const struct talk_vote *vote, enum vote_answer answer)
{
    struct scene *scene = context;
    scene->answers++;
    scene->last = answer;
    scene->number = vote->number;
}

static struct talk_vote vote_for(uint64_t epoch, uint64_t leader, uint64_t start, uint64_t sequence)
{
    return (struct talk_vote){
        .number = epoch * 100 + leader, .promise = {epoch, leader, start}, .position = {1, sequence}, .topology = 5};
}

static enum vote_answer ask(struct scene *scene, struct talk_vote vote, int64_t now_us)
{
    unsigned before = scene->answers;
    voter_take(&scene->voter, &vote, false, LEASE_NEVER, now_us, on_answer, scene);
    if (scene->answers == before) {
        (void)sim_disk_run(scene->sim, 10);
    }
    cr_assert_eq(scene->answers, before + 1);
    cr_assert_eq(scene->number, vote.number);
    return scene->last;
}

/* vote P1 */
Test(vote, a_yes_is_said_when_it_is_on_the_disk)
{
    struct scene scene;
    begin(&scene);
    struct talk_vote vote = vote_for(3, 2, 9, 100);
    voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
    cr_assert_eq(scene.answers, 0, "not yet");
    cr_assert(stand_allows(&scene.stand, 3, 2), "but from now on it takes nothing of another");
    (void)sim_disk_run(scene.sim, 10);
    cr_assert(scene.answers == 1 && scene.last == VOTE_YES);
    state_close(scene.state);
    sim_disk_crash(scene.sim, 1);
    begin_life(&scene);
    cr_assert(stand_allows(&scene.stand, 3, 2), "it is not forgotten");
    cr_assert_eq(ask(&scene, vote_for(3, 1, 4, 100), 0), VOTE_OTHER);
    finish(&scene);
}

Test(vote, what_cannot_be_stored_is_taken_back)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(ask(&scene, vote_for(3, 2, 9, 100), 0), VOTE_YES);
    sim_disk_fault(scene.sim, SIM_IO, 1, 1);
    cr_assert_eq(ask(&scene, vote_for(4, 3, 1, 100), 0), VOTE_UNSTORED);
    cr_assert(stand_allows(&scene.stand, 3, 2), "as if it had not been asked");
    cr_assert_eq(ask(&scene, vote_for(4, 1, 1, 100), 0), VOTE_YES, "nobody has heard of the other one");
    finish(&scene);
}

/* The first try of two fails, the second one is stored: meanwhile it went on with the old leader. */
Test(vote, what_was_taken_back_is_compared_anew_when_another_try_of_it_is_stored)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(ask(&scene, vote_for(3, 2, 9, 100), 0), VOTE_YES);
    struct talk_vote vote = vote_for(4, 3, 1, 100);
    sim_disk_fault(scene.sim, SIM_IO, 1, 1);
    voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
    voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
    (void)sim_disk_run(scene.sim, 1);
    cr_assert(scene.answers == 2 && scene.last == VOTE_UNSTORED);
    cr_assert(stand_publish(&scene.stand, (struct stand_position){3, 101}, 3), "it acknowledges to the old one");
    (void)sim_disk_run(scene.sim, 10);
    cr_assert(scene.answers == 3 && scene.last == VOTE_BEHIND, "%d", (int)scene.last);
    cr_assert(stand_allows(&scene.stand, 3, 2));
    finish(&scene);
}

/* vote P2 */
Test(vote, an_epoch_gets_one_yes)
{
    struct scene scene;
    begin(&scene);
    cr_assert(stand_publish(&scene.stand, (struct stand_position){1, 100}, 1));
    cr_assert_eq(ask(&scene, vote_for(3, 2, 9, 99), 0), VOTE_BEHIND);
    cr_assert_eq(ask(&scene, vote_for(3, 2, 9, 100), 0), VOTE_YES);
    cr_assert_eq(ask(&scene, vote_for(3, 2, 9, 100), 0), VOTE_YES, "the same question again");
    cr_assert_eq(ask(&scene, vote_for(3, 2, 10, 100), 0), VOTE_OTHER, "another of its lives");
    cr_assert_eq(ask(&scene, vote_for(2, 1, 1, 100), 0), VOTE_LOWER);
    struct talk_vote old = vote_for(4, 1, 1, 100);
    old.topology = 4;
    cr_assert_eq(ask(&scene, old, 0), VOTE_OLD);
    finish(&scene);
}

/* vote P3 */
Test(vote, while_its_word_runs_it_is_no)
{
    struct scene scene;
    begin(&scene);
    cr_assert_eq(ask(&scene, vote_for(3, 2, 9, 100), 0), VOTE_YES);
    struct grant_beat beat = {.epoch = 3, .leader = 2, .start = 9, .sent_us = 0, .lease_ms = LEASE_MS};
    grant_ceiling(&scene.grant, LEASE_MS);
    cr_assert_eq(grant_take(&scene.grant, &beat, &scene.stand.promise, 0), GRANT_YES);
    cr_assert_eq(ask(&scene, vote_for(4, 1, 1, 100), 500 * MS), VOTE_GRANTED);
    cr_assert_not(voter_is_free(&scene.voter, 1, 1, LEASE_NEVER, 500 * MS));
    cr_assert_eq(ask(&scene, vote_for(4, 2, 9, 100), 500 * MS), VOTE_YES, "its leader may have a new epoch");
    cr_assert_eq(ask(&scene, vote_for(5, 1, 1, 100), 1000 * MS), VOTE_YES);
    struct talk_vote vote = vote_for(6, 3, 1, 100);
    voter_take(&scene.voter, &vote, false, 2000 * MS, 1500 * MS, on_answer, &scene);
    cr_assert_eq(scene.last, VOTE_LEADS);
    finish(&scene);
}

Test(vote, who_is_gone_is_answered_no_more)
{
    struct scene scene;
    begin(&scene);
    struct talk_vote vote = vote_for(3, 2, 9, 100);
    voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
    voter_forget(&scene.voter, &scene);
    (void)sim_disk_run(scene.sim, 10);
    cr_assert_eq(scene.answers, 0);
    cr_assert_eq(state_values(scene.state)->promise.epoch, 3, "what is stored is stored");
    for (unsigned i = 0; i < VOTE_WAITING; i++) {
        vote = vote_for(3, 2, 9, 100);
        voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
    }
    voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
    cr_assert(scene.answers == 1 && scene.last == VOTE_BUSY);
    (void)sim_disk_run(scene.sim, 10);
    cr_assert_eq(scene.answers, 1 + VOTE_WAITING);
    finish(&scene);
}

/* vote P4; cluster page, interleaving 32 */
Test(vote, the_candidate_asks_itself_first_and_needs_a_majority)
{
    struct candidacy candidacy = {.own = false};
    struct record_epoch three = {.leader = 2, .replica_count = 3, .replicas = {1, 2, 3}};
    struct talk_promise promise = {4, 2, 9};
    struct talk_promise higher = {7, 3, 1};
    cr_assert_not(candidacy_runs(&candidacy) || candidacy_is_won(&candidacy));
    candidacy_begin(&candidacy, &promise, &three, 12, 1000);
    cr_assert(candidacy_asks(&candidacy, 2) && !candidacy_asks(&candidacy, 1) && !candidacy_asks(&candidacy, 9));
    candidacy_answer(&candidacy, 1, true, &promise);
    candidacy_answer(&candidacy, 3, true, &promise);
    cr_assert_not(candidacy_is_won(&candidacy), "two of three, but not its own");
    candidacy_begin(&candidacy, &promise, &three, 12, 1000);
    candidacy_answer(&candidacy, 2, true, &promise);
    cr_assert(candidacy_asks(&candidacy, 1) && candidacy_asks(&candidacy, 3) && !candidacy_asks(&candidacy, 2));
    cr_assert_not(candidacy_is_won(&candidacy));
    candidacy_answer(&candidacy, 9, true, &promise);
    candidacy_answer(&candidacy, 3, true, &higher);
    cr_assert_not(candidacy_is_won(&candidacy), "a stranger, and a yes to another question");
    cr_assert_eq(candidacy.highest, 7, "the next epoch must be above it");
    candidacy_answer(&candidacy, 1, true, &promise);
    cr_assert(candidacy_is_won(&candidacy));
    candidacy_end(&candidacy);
    cr_assert_not(candidacy_is_won(&candidacy) || candidacy_asks(&candidacy, 3));
}

/* vote P1, P2: any votes, in any order, with crashes: no epoch ever gets a yes for two. */
Test(vote, no_epoch_has_two_leaders_whatever_is_asked_and_whenever_it_dies)
{
    struct prng prng;
    uint64_t seed = seed_of_run();
    prng_seed(&prng, seed);
    unsigned yes = 0;
    for (unsigned run = 0; run < 150; run++) {
        struct scene scene;
        uint64_t said[64] = {0}; /* by epoch: leader * 100 + start */
        begin(&scene);
        for (unsigned step = 0; step < 120; step++) {
            uint64_t epoch = 1 + step / 3 + prng_below(&prng, 5);
            struct talk_vote vote = vote_for(epoch, 1 + prng_below(&prng, 3), 1 + prng_below(&prng, 2), 100);
            unsigned before = scene.answers;
            voter_take(&scene.voter, &vote, false, LEASE_NEVER, 0, on_answer, &scene);
            if (prng_below(&prng, 12) == 0) { /* it dies, perhaps in the midst of it */
                if (prng_below(&prng, 2) == 0) {
                    (void)sim_disk_run(scene.sim, 1);
                }
                bool answered = scene.answers > before && scene.last == VOTE_YES;
                cr_assert(!answered || said[epoch] == 0 ||
                          said[epoch] == vote.promise.leader * 100 + vote.promise.start);
                said[epoch] = answered ? vote.promise.leader * 100 + vote.promise.start : said[epoch];
                sim_disk_crash(scene.sim, seed + run * 1000 + step);
                state_close(scene.state);
                begin_life(&scene);
                continue;
            }
            (void)sim_disk_run(scene.sim, 10);
            cr_assert_eq(scene.answers, before + 1);
            if (scene.last == VOTE_YES) {
                uint64_t who = vote.promise.leader * 100 + vote.promise.start;
                cr_assert(said[epoch] == 0 || said[epoch] == who, "epoch %llu has two", (unsigned long long)epoch);
                said[epoch] = who;
                yes++;
            }
        }
        finish(&scene);
    }
    cr_assert_gt(yes, 150 * 10);
}
