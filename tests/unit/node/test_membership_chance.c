/* SPDX-License-Identifier: MIT */

/* test_membership_chance.c - three nodes whose machines die, whose wires are cut and whose leaders change at random.
 * A witness outside of the store counts the votes and remembers what a leader has called committed: no later one may
 * lack it, and in the end all have the same. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "support/seed.h"
#include "trio.h"

/* What somebody outside of the store knows: who has said yes to whom, as if each had it on its disk, and up to which
 * record, of which epoch, a leader has ever called its history committed. */
struct witness {
    struct stand_promise promises[TRIO_NODES];
    uint64_t epoch;
    int leader; /* -1: nobody leads */
    uint64_t committed, committed_epoch;
    unsigned elections, changes, crashes;
};

/* 0: its table does not reach back so far. */
static uint64_t epoch_of(struct trio *trio, unsigned i, uint64_t sequence)
{
    return epochs_number(&trio_replica(trio, i)->shard.tail.epochs, sequence);
}

static void note_committed(struct trio *trio, struct witness *witness)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (!trio->runs[i] || trio_replica(trio, i)->shard.role != SHARD_LEADING) {
            continue;
        }
        uint64_t committed = trio_replica(trio, i)->acks.committed;
        uint64_t epoch = committed > 0 ? epoch_of(trio, i, committed) : 0;
        if (epoch > witness->committed_epoch || (epoch == witness->committed_epoch && committed > witness->committed)) {
            cr_assert_geq(committed, witness->committed, "a later leader has less than was committed");
            witness->committed = committed;
            witness->committed_epoch = epoch;
        }
    }
}

static bool can_vote(struct trio *trio, unsigned i)
{
    return trio->runs[i] && (trio_replica(trio, i)->state == REPLICA_SERVING || trio_replica(trio, i)->blank);
}

static bool says_yes(struct trio *trio, struct witness *witness, unsigned i, unsigned candidate,
                     struct stand_position position)
{
    struct stand_promise before;
    struct stand_promise yes = {witness->epoch, candidate + 1, trio->at[candidate].identity.start};
    if (!can_vote(trio, i) ||
        stand_raise(&trio_replica(trio, i)->stand, &yes, position, i == candidate, &before) != STAND_YES) {
        return false;
    }
    witness->promises[i] = yes;
    return true;
}

/* cluster C7, C8, without leases: one moment. */
static void elect(struct trio *trio, struct witness *witness)
{
    unsigned candidate = (unsigned)prng_below(&trio->prng, TRIO_NODES);
    unsigned count = 0;
    bool yes[TRIO_NODES] = {false};
    if (!can_vote(trio, candidate) || (trio_replica(trio, candidate)->blank && witness->epoch > 0)) {
        return;
    }
    witness->epoch++;
    witness->elections++;
    struct stand_position position = trio_replica(trio, candidate)->stand.position;
    if (!says_yes(trio, witness, candidate, candidate, position)) {
        return;
    }
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        yes[i] = i == candidate || says_yes(trio, witness, i, candidate, position);
        count += yes[i];
    }
    if (count <= TRIO_NODES / 2) {
        return;
    }
    struct record_epoch set = {.leader = candidate + 1, .replica_count = TRIO_NODES, .replicas = {1, 2, 3}};
    struct replica *replica = trio_replica(trio, candidate);
    cr_assert_geq(replica->shard.tail.last_sequence, witness->committed, "it lacks what was committed");
    uint64_t epoch = epoch_of(trio, candidate, witness->committed);
    cr_assert(epoch == 0 || epoch == witness->committed_epoch, "node %u: %llu is of epoch %llu, was committed in %llu",
              candidate + 1, (unsigned long long)witness->committed, (unsigned long long)epoch,
              (unsigned long long)witness->committed_epoch);
    cr_assert(membership_lead(&trio_node(trio, candidate)->membership, witness->epoch, &set));
    witness->leader = (int)candidate;
    witness->changes++;
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (yes[i] && i != candidate) {
            membership_follow(&trio_node(trio, i)->membership, trio_address(candidate), witness->epoch, candidate + 1);
        }
    }
}

/* cluster C10: who has not said yes is asked again, with the leader's position of then. */
static void ask_again(struct trio *trio, struct witness *witness)
{
    if (witness->leader < 0 || !trio->runs[witness->leader]) {
        return;
    }
    unsigned leader = (unsigned)witness->leader;
    struct replica *replica = trio_replica(trio, leader);
    struct stand_promise promise = replica->stand.promise;
    if (replica->shard.role != SHARD_LEADING || promise.epoch != replica->shard.tail.epoch ||
        replica->stand.position.epoch != promise.epoch) {
        return; /* it has promised another, or its epoch is not on its disk */
    }
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        struct stand_promise before;
        bool asks = i != leader && can_vote(trio, i) && trio_replica(trio, i)->stand.promise.epoch < promise.epoch;
        if (asks && stand_raise(&trio_replica(trio, i)->stand, &promise, replica->stand.position, false, &before) ==
                        STAND_YES) {
            witness->promises[i] = promise;
        }
        if (i != leader && can_vote(trio, i) && trio_replica(trio, i)->stand.promise.epoch == promise.epoch) {
            membership_follow(&trio_node(trio, i)->membership, trio_address(leader), promise.epoch, leader + 1);
        }
    }
}

static void bring_back(struct trio *trio, struct witness *witness, unsigned i)
{
    sim_disk_fault(trio->at[i].sim, SIM_CRASH, 0, 0);
    trio_start(trio, i);
    trio_replica(trio, i)->stand.promise = witness->promises[i];
}

static void bury_the_dead(struct trio *trio, struct witness *witness)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (trio->runs[i] && (sim_disk_dead(trio->at[i].sim) || trio_node(trio, i)->state == NODE_FAILED)) {
            cr_assert(sim_disk_dead(trio->at[i].sim), "%s", trio_node(trio, i)->complaint.text);
            trio_stop(trio, i, false);
            witness->crashes++;
            witness->leader = witness->leader == (int)i ? -1 : witness->leader;
        }
    }
}

/* A command that nobody waits for: its answer may never come. */
static void throw_in(struct trio *trio, unsigned i)
{
    char line[512];
    unsigned key = (unsigned)prng_below(&trio->prng, 40);
    buf_clear(&trio->at[i].conn.output, SIZE_MAX);
    switch (prng_below(&trio->prng, 4)) {
    case 0:
        (void)snprintf(line, sizeof line, "RPUSH list%u %u a b", key % 4, key);
        break;
    case 1:
        (void)snprintf(line, sizeof line, "INCRBY sum%u %u", key % 4, key);
        break;
    case 2:
        (void)snprintf(line, sizeof line, "BGSAVE");
        break;
    default:
        (void)snprintf(line, sizeof line, "SET text%u %0*u", key, 1 + (int)prng_below(&trio->prng, 300), key);
    }
    trio_send(trio, i, line);
}

static void misfortune(struct trio *trio, struct witness *witness)
{
    unsigned i = (unsigned)prng_below(&trio->prng, TRIO_NODES);
    unsigned k = (unsigned)prng_below(&trio->prng, TRIO_NODES);
    switch (prng_below(&trio->prng, 6)) {
    case 0:
        if (trio->runs[i]) {
            sim_disk_fault(trio->at[i].sim, SIM_CRASH, 1 + prng_below(&trio->prng, 30), 1);
        }
        break;
    case 1:
        if (i != k) {
            struct sim_wire *wire = trio_wire(trio, i, k);
            wire->cut = !wire->cut;
        }
        break;
    case 2:
        elect(trio, witness);
        break;
    case 3:
        if (trio->runs[i] && trio_node(trio, i)->state != NODE_FAILED && !sim_disk_dead(trio->at[i].sim)) {
            trio_stop(trio, i, false);
            witness->crashes++;
            witness->leader = witness->leader == (int)i ? -1 : witness->leader;
        }
        break;
    default:
        if (!trio->runs[i]) {
            bring_back(trio, witness, i);
        }
    }
}

static bool all_are_one(struct trio *trio, const struct witness *witness)
{
    if (witness->leader < 0) {
        return false;
    }
    struct replica *leader = trio_replica(trio, (unsigned)witness->leader);
    bool one = leader->shard.role == SHARD_LEADING && leader->acks.committed == leader->shard.tail.last_sequence;
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        struct replica *replica = trio_replica(trio, i);
        one = one && replica->state == REPLICA_SERVING &&
              replica->shard.tail.last_sequence == leader->shard.tail.last_sequence &&
              replica->shard.tail.epoch == leader->shard.tail.epoch && replica->stand.owes.epoch == 0;
    }
    return one;
}

static void heal(struct trio *trio, struct witness *witness)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        sim_disk_fault(trio->at[i].sim, SIM_CRASH, 0, 0);
    }
    trio_mend(trio);
    bury_the_dead(trio, witness);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (!trio->runs[i]) {
            bring_back(trio, witness, i);
        }
    }
    for (unsigned i = 0; i < 20000 && !all_are_one(trio, witness); i++) {
        trio_turn(trio);
        ask_again(trio, witness);
        note_committed(trio, witness);
        if (i % 2000 == 500) {
            elect(trio, witness);
        }
    }
}

static void one_life(uint64_t seed, struct witness *witness)
{
    struct trio *trio = trio_begin(seed); /* a data set has begun: nobody is empty any more */
    *witness = (struct witness){.leader = 0, .epoch = 1};
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    trio_turns(trio, 50);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        witness->promises[i] = trio_replica(trio, i)->stand.promise;
    }
    for (unsigned step = 0; step < 1500; step++) {
        trio_turn(trio);
        bury_the_dead(trio, witness);
        note_committed(trio, witness);
        if (prng_below(&trio->prng, 8) == 0) {
            ask_again(trio, witness);
        }
        if (prng_below(&trio->prng, 40) == 0) {
            misfortune(trio, witness);
        }
        unsigned i = (unsigned)prng_below(&trio->prng, TRIO_NODES);
        if (trio->runs[i] && trio_replica(trio, i)->shard.role == SHARD_LEADING) {
            throw_in(trio, i);
        }
    }
    heal(trio, witness);
    cr_assert(all_are_one(trio, witness), "seed %llu does not heal", (unsigned long long)seed);
    cr_assert_geq(trio_last(trio, 0), witness->committed);
    uint64_t epoch = epoch_of(trio, 0, witness->committed);
    cr_assert(epoch == 0 || epoch == witness->committed_epoch, "seed %llu: what was committed is gone",
              (unsigned long long)seed);
    trio_expect_same(trio, 1, 0);
    trio_expect_same(trio, 2, 0);
    trio_finish(trio);
}

/* cluster C7, C8, C10, C11, C15, C17 at work together: crashes, cuts and elections as they come. */
Test(membership, what_a_majority_has_survives_whatever_comes, .timeout = 300)
{
    uint64_t seed = seed_of_run();
    unsigned changes = 0;
    unsigned crashes = 0;
    uint64_t committed = 0;
    for (unsigned run = 0; run < 25; run++) {
        struct witness witness;
        one_life(seed + run, &witness);
        changes += witness.changes;
        crashes += witness.crashes;
        committed += witness.committed;
    }
    cr_assert(changes > 50 && crashes > 50 && committed > 1000, "%u %u %llu", changes, crashes,
              (unsigned long long)committed);
}
