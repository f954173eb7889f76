/* SPDX-License-Identifier: MIT */

/* test_membership.c - nodes that feed and follow each other, over a network in memory: who leads is decided here, by
 * hand, as a vote would. What was acknowledged by a majority stays; what a deposed leader alone had is kept aside. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "shard/digest.h"
#include "support/node_fixture.h"
#include "support/seed.h"
#include "support/sim_net.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

#define NODES    3
#define PATIENCE 20000 /* turns */

static const char *const addresses[NODES] = {"one:6000", "two:6000", "three:6000"};

struct scene {
    struct sim_net *net;
    struct sim_host *hosts[NODES];
    struct node_fixture at[NODES];
    bool runs[NODES];
    struct prng prng;
    int64_t now_us;
};

static void start(struct scene *scene, unsigned i)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    struct node_fixture *at = &scene->at[i];
    scene->hosts[i] = sim_host_create(scene->net, addresses[i]);
    at->peer = sim_host_peer(scene->hosts[i]);
    at->identity.node = i + 1;
    at->identity.folder.bytes[0] = (uint8_t)(i + 1);
    at->identity.start++;
    at->salt = (uint8_t)(i + 1);
    cr_assert_eq(node_fixture_start(at, modules, 3), STATUS_OK, "%s", at->complaint.text);
    scene->runs[i] = true;
}

static struct scene *begin(uint64_t seed)
{
    struct scene *scene = memory_zeroed(sizeof *scene);
    scene->net = sim_net_create(seed);
    prng_seed(&scene->prng, seed);
    for (unsigned i = 0; i < NODES; i++) {
        node_fixture_init(&scene->at[i], seed + i);
    }
    return scene;
}

static void stop(struct scene *scene, unsigned i, bool in_order)
{
    if (in_order) {
        node_fixture_close(&scene->at[i]);
    } else {
        node_fixture_stop(&scene->at[i]);
        sim_disk_crash(scene->at[i].sim, prng_next(&scene->prng));
    }
    sim_host_destroy(scene->hosts[i], SIM_KILLED);
    scene->runs[i] = false;
}

static void finish(struct scene *scene)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (scene->runs[i]) {
            stop(scene, i, true);
        }
        node_fixture_finish(&scene->at[i]);
    }
    sim_net_destroy(scene->net);
    memory_free(scene);
}

/* A millisecond passes everywhere. */
static void turn(struct scene *scene)
{
    scene->now_us += 1000;
    sim_net_advance(scene->net, scene->now_us);
    for (unsigned i = 0; i < NODES; i++) {
        if (scene->runs[i]) {
            (void)sim_net_turn(scene->at[i].peer);
            node_fixture_turn(&scene->at[i], (size_t)prng_below(&scene->prng, 4));
        }
    }
}

static struct replica *replica_of(struct scene *scene, unsigned i)
{
    return &scene->at[i].node->replica;
}

static uint64_t last_of(struct scene *scene, unsigned i)
{
    return replica_of(scene, i)->shard.tail.last_sequence;
}

/* Node `i` says yes to the leader, as a vote would have it. */
static void promise(struct scene *scene, unsigned i, uint64_t epoch, unsigned leader)
{
    struct stand_promise before;
    struct stand_promise yes = {epoch, leader + 1, scene->at[leader].identity.start};
    struct stand_position any = {epoch, UINT64_MAX};
    cr_assert_eq(stand_raise(&replica_of(scene, i)->stand, &yes, any, i == leader, &before), STAND_YES);
}

static void lead(struct scene *scene, unsigned i, uint64_t epoch)
{
    struct record_epoch set = {.leader = i + 1, .replica_count = NODES, .replicas = {1, 2, 3}};
    promise(scene, i, epoch, i);
    membership_lead(&scene->at[i].node->membership, epoch, &set);
    turn(scene);
    cr_assert_eq(scene->at[i].node->state, NODE_SERVING);
}

static void follow(struct scene *scene, unsigned i, uint64_t epoch, unsigned leader)
{
    promise(scene, i, epoch, leader);
    membership_follow(&scene->at[i].node->membership, addresses[leader], epoch, leader + 1);
}

static void wait_for(struct scene *scene, unsigned follower, unsigned leader)
{
    for (unsigned i = 0; i < PATIENCE; i++) {
        struct replica *replica = replica_of(scene, follower);
        if (replica->state == REPLICA_SERVING && last_of(scene, follower) == last_of(scene, leader) &&
            replica->shard.tail.epoch == replica_of(scene, leader)->shard.tail.epoch) {
            return;
        }
        turn(scene);
    }
    cr_assert_fail("node %u does not come to %llu: %s", follower + 1, (unsigned long long)last_of(scene, leader),
                   (const char *)scene->at[follower].log.data);
}

static void expect_same(struct scene *scene, unsigned one, unsigned other)
{
    cr_assert_eq(last_of(scene, one), last_of(scene, other));
    cr_assert_eq(digest_shard(&replica_of(scene, one)->shard), digest_shard(&replica_of(scene, other)->shard));
    cr_assert(epochs_agree(&replica_of(scene, one)->shard.tail.epochs, &replica_of(scene, other)->shard.tail.epochs));
}

static void write(struct scene *scene, unsigned i, unsigned commands)
{
    struct node_fixture *at = &scene->at[i];
    for (unsigned k = 0; k < commands; k++) {
        unsigned key = (unsigned)prng_below(&scene->prng, 40);
        switch (prng_below(&scene->prng, 6)) {
        case 0:
            cr_assert_not_null(node_fixture_say(at, "RPUSH list%u %u a b c", key % 4, key));
            break;
        case 1:
            cr_assert_not_null(node_fixture_say(at, "INCRBY sum%u %u", key % 4, key));
            break;
        case 2:
            cr_assert_not_null(node_fixture_say(at, "RENAME text%u text%u", key, (key + 7) % 40));
            break;
        case 3:
            cr_assert_not_null(node_fixture_say(at, "DEL text%u list%u", key, key % 4));
            break;
        default:
            cr_assert_not_null(
                node_fixture_say(at, "SET text%u %0*u", key, 1 + (int)prng_below(&scene->prng, 400), key));
        }
        for (uint64_t turns = prng_below(&scene->prng, 4); turns > 0; turns--) {
            turn(scene);
        }
    }
}

static struct scene *three(uint64_t seed)
{
    struct scene *scene = begin(seed);
    for (unsigned i = 0; i < NODES; i++) {
        start(scene, i);
    }
    lead(scene, 0, 1);
    follow(scene, 1, 1, 0);
    follow(scene, 2, 1, 0);
    return scene;
}

Test(membership, followers_have_what_the_leader_has)
{
    struct scene *scene = three(seed_of_run());
    write(scene, 0, 300);
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    expect_same(scene, 1, 0);
    expect_same(scene, 2, 0);
    cr_assert_str_eq(node_fixture_say(&scene->at[1], "EXISTS text1 text2"),
                     node_fixture_say(&scene->at[2], "EXISTS text1 text2"));
    cr_assert(strncmp(node_fixture_say(&scene->at[1], "SET a 1"), "READONLY", 8) == 0 ||
                  strstr(node_fixture_say(&scene->at[1], "SET a 1"), "READONLY") != NULL,
              "%s", node_fixture_say(&scene->at[1], "SET a 1"));
    finish(scene);
}

/* replica I5 */
Test(membership, an_empty_node_takes_on_the_data_set_of_its_leader)
{
    struct scene *scene = begin(seed_of_run());
    start(scene, 0);
    start(scene, 1);
    cr_assert(replica_of(scene, 1)->blank, "it does not know yet whose data it is to have");
    node_fixture_send(&scene->at[1], "GET a");
    turn(scene);
    turn(scene);
    cr_assert_eq(memcmp(scene->at[1].conn.output.data, "-LOADING", 8), 0);
    buf_clear(&scene->at[1].conn.output, SIZE_MAX);
    lead(scene, 0, 1);
    follow(scene, 1, 1, 0);
    write(scene, 0, 20);
    wait_for(scene, 1, 0);
    cr_assert_eq(memcmp(&replica_of(scene, 0)->shard.secret, &replica_of(scene, 1)->shard.secret, GM_SECRET_SIZE), 0);
    stop(scene, 1, false);
    start(scene, 1);
    cr_assert_eq(memcmp(&replica_of(scene, 0)->shard.secret, &replica_of(scene, 1)->shard.secret, GM_SECRET_SIZE), 0,
                 "it is in its files");
    finish(scene);
}

/* acks P1, follow P2 */
Test(membership, a_majority_commits_and_a_minority_does_not)
{
    struct scene *scene = three(seed_of_run());
    write(scene, 0, 30);
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    for (unsigned i = 0; i < 1000 && replica_of(scene, 0)->acks.committed < last_of(scene, 0); i++) {
        turn(scene);
    }
    uint64_t committed = replica_of(scene, 0)->acks.committed;
    cr_assert_eq(committed, last_of(scene, 0));
    stop(scene, 2, false);
    write(scene, 0, 30);
    wait_for(scene, 1, 0);
    for (unsigned i = 0; i < 1000 && replica_of(scene, 0)->acks.committed < last_of(scene, 0); i++) {
        turn(scene);
    }
    cr_assert_eq(replica_of(scene, 0)->acks.committed, last_of(scene, 0), "two of three are enough");
    for (unsigned i = 0; i < 500 && replica_of(scene, 1)->told < last_of(scene, 1); i++) {
        turn(scene);
    }
    cr_assert_eq(replica_of(scene, 1)->told, last_of(scene, 1), "and the follower hears of it");
    stop(scene, 1, false);
    committed = replica_of(scene, 0)->acks.committed;
    write(scene, 0, 30);
    for (unsigned i = 0; i < 500; i++) {
        turn(scene);
    }
    cr_assert_eq(replica_of(scene, 0)->acks.committed, committed, "one of three is not");
    finish(scene);
}

Test(membership, who_was_away_gets_what_it_missed_from_the_segments)
{
    uint64_t seed = seed_of_run();
    for (unsigned run = 0; run < 6; run++) {
        struct scene *scene = three(seed + run);
        write(scene, 0, 50);
        wait_for(scene, 1, 0);
        stop(scene, 1, run % 2 == 0);
        write(scene, 0, 200);
        start(scene, 1);
        follow(scene, 1, 1, 0);
        write(scene, 0, 50);
        wait_for(scene, 1, 0);
        expect_same(scene, 1, 0);
        finish(scene);
    }
}

static unsigned lost_files(struct scene *scene, unsigned i)
{
    unsigned count = 0;
    for (size_t k = 0; sim_disk_name(scene->at[i].sim, k) != NULL; k++) {
        count += strncmp(sim_disk_name(scene->at[i].sim, k), "lost-", 5) == 0;
    }
    return count;
}

/* Two snapshots, and the log before the older one has gone. */
static void forget_the_beginning(struct scene *scene, unsigned i)
{
    uint64_t before = wal_oldest(replica_of(scene, i)->wal);
    for (unsigned k = 0; k < 40 && wal_oldest(replica_of(scene, i)->wal) <= before + 1; k++) {
        cr_assert_not_null(node_fixture_say(&scene->at[i], "SAVE"));
        write(scene, i, 25);
    }
    cr_assert_gt(wal_oldest(replica_of(scene, i)->wal), before + 1);
}

/* feed P4, replace P1; cluster C17 */
Test(membership, who_was_away_too_long_gets_a_snapshot_and_then_the_log)
{
    uint64_t seed = seed_of_run();
    for (unsigned run = 0; run < 6; run++) {
        struct scene *scene = three(seed + run);
        write(scene, 0, 30);
        wait_for(scene, 1, 0);
        stop(scene, 1, run % 2 == 0);
        write(scene, 0, 50);
        forget_the_beginning(scene, 0);
        start(scene, 1);
        follow(scene, 1, 1, 0);
        write(scene, 0, 20);
        wait_for(scene, 1, 0);
        expect_same(scene, 1, 0);
        cr_assert_gt(lost_files(scene, 1), 0, "what it had is kept");
        for (unsigned i = 0; i < PATIENCE && replica_of(scene, 1)->stand.owes.epoch != 0; i++) {
            turn(scene);
        }
        cr_assert_eq(replica_of(scene, 1)->stand.owes.epoch, 0, "it has again what it had acknowledged");
        stop(scene, 1, false);
        start(scene, 1);
        cr_assert_eq(replica_of(scene, 1)->stand.owes.epoch, 0);
        follow(scene, 1, 1, 0);
        write(scene, 0, 20);
        wait_for(scene, 1, 0);
        expect_same(scene, 1, 0);
        finish(scene);
    }
}

Test(membership, an_empty_node_gets_a_snapshot_of_a_leader_whose_log_has_no_beginning)
{
    struct scene *scene = begin(seed_of_run());
    start(scene, 0);
    lead(scene, 0, 1);
    write(scene, 0, 50);
    forget_the_beginning(scene, 0);
    start(scene, 2);
    follow(scene, 2, 1, 0);
    wait_for(scene, 2, 0);
    expect_same(scene, 2, 0);
    cr_assert_eq(memcmp(&replica_of(scene, 0)->shard.secret, &replica_of(scene, 2)->shard.secret, GM_SECRET_SIZE), 0);
    cr_assert_eq(lost_files(scene, 2), 0, "it had nothing");
    finish(scene);
}

/* cluster C17: at each call of its disk, until it comes through. Whoever restarts finishes what it has begun. */
Test(membership, a_full_sync_that_is_interrupted_anywhere_comes_to_the_same_end)
{
    uint64_t seed = seed_of_run();
    unsigned deaths = 0;
    for (uint64_t at = 1; at < 400; at += 1 + at / 12) {
        struct scene *scene = three(seed);
        write(scene, 0, 30);
        wait_for(scene, 1, 0);
        stop(scene, 1, true);
        write(scene, 0, 30);
        forget_the_beginning(scene, 0);
        start(scene, 1);
        follow(scene, 1, 1, 0);
        sim_disk_fault(scene->at[1].sim, SIM_CRASH, at, 1);
        for (unsigned i = 0; i < 600 && !sim_disk_dead(scene->at[1].sim); i++) {
            turn(scene);
        }
        if (sim_disk_dead(scene->at[1].sim)) {
            deaths++;
            stop(scene, 1, false);
            start(scene, 1);
            follow(scene, 1, 1, 0);
        }
        sim_disk_fault(scene->at[1].sim, SIM_CRASH, 0, 0);
        wait_for(scene, 1, 0);
        expect_same(scene, 1, 0);
        finish(scene);
    }
    cr_assert_gt(deaths, 10);
}

/* follow P5; cluster page, interleaving 21 */
Test(membership, a_deposed_leader_goes_back_and_keeps_what_it_gives_up)
{
    uint64_t seed = seed_of_run();
    for (unsigned run = 0; run < 8; run++) {
        struct scene *scene = three(seed + run);
        write(scene, 0, 60);
        wait_for(scene, 1, 0);
        wait_for(scene, 2, 0);
        sim_net_wire(scene->net, addresses[0], addresses[1])->cut = true;
        sim_net_wire(scene->net, addresses[0], addresses[2])->cut = true;
        write(scene, 0, 40); /* nobody else has them */
        stop(scene, 0, run % 2 == 0);
        lead(scene, 1, 2);
        follow(scene, 2, 2, 1);
        write(scene, 1, 30);
        wait_for(scene, 2, 1);
        sim_net_wire(scene->net, addresses[0], addresses[1])->cut = false;
        sim_net_wire(scene->net, addresses[0], addresses[2])->cut = false;
        start(scene, 0);
        follow(scene, 0, 2, 1);
        write(scene, 1, 20);
        wait_for(scene, 0, 1);
        expect_same(scene, 0, 1);
        expect_same(scene, 2, 1);
        cr_assert_gt(lost_files(scene, 0), 0, "%s", (const char *)scene->at[0].log.data);
        finish(scene);
    }
}

/* replica_rewind: cluster C15 */
Test(membership, nobody_goes_back_below_what_a_majority_was_said_to_have)
{
    struct scene *scene = three(seed_of_run());
    struct complaint complaint;
    write(scene, 0, 30);
    wait_for(scene, 1, 0);
    struct replica *replica = replica_of(scene, 1);
    for (unsigned i = 0; i < PATIENCE && replica->told < last_of(scene, 1); i++) {
        turn(scene);
    }
    uint64_t last = last_of(scene, 1);
    cr_assert_eq(replica->told, last);
    cr_assert_eq(replica_rewind(replica, last - 1, &complaint), STATUS_REFUSED);
    cr_assert(strstr(complaint.text, "a majority has all up to") != NULL, "%s", complaint.text);
    cr_assert_eq(last_of(scene, 1), last);
    finish(scene);
}

/* cluster C12: what was read back may be of no history, so not even a read leaves before the epoch's record is safe. */
Test(membership, a_new_leader_answers_nothing_before_its_epoch_is_on_the_disk)
{
    struct scene *scene = three(seed_of_run());
    write(scene, 0, 30);
    wait_for(scene, 1, 0);
    lead(scene, 1, 2);
    struct shard *shard = &replica_of(scene, 1)->shard;
    cr_assert_eq(gate_mark(&shard->gate, 12345), shard->tail.last_sequence, "any key");
    finish(scene);
}

/* follow P1; cluster C8 */
Test(membership, records_of_an_epoch_that_was_not_promised_are_not_taken)
{
    struct scene *scene = three(seed_of_run());
    write(scene, 0, 30);
    wait_for(scene, 1, 0);
    struct stand *stand = &replica_of(scene, 1)->stand;
    for (unsigned i = 0; i < PATIENCE && stand->position.sequence < last_of(scene, 1); i++) {
        turn(scene);
    }
    uint64_t before = last_of(scene, 1);
    promise(scene, 1, 2, 2); /* it says yes to another, and goes on to be fed by the first */
    write(scene, 0, 30);
    cr_assert_eq(last_of(scene, 1), before);
    cr_assert_eq(stand->position.sequence, before);
    cr_assert_eq(replica_of(scene, 0)->acks.synced[1], before);
    finish(scene);
}

Test(membership, a_batch_larger_than_any_message_arrives_whole)
{
    struct scene *scene = three(seed_of_run());
    scene->at[0].node->worker.options.limits.bulk_max = (size_t)8 << 20;
    wait_for(scene, 1, 0);
    (void)node_fixture_say(&scene->at[0], "MULTI");
    for (unsigned i = 0; i < 60; i++) {
        (void)node_fixture_say(&scene->at[0], "SET large%u %0*u", i, 60000, i);
    }
    cr_assert_not_null(node_fixture_say(&scene->at[0], "EXEC"));
    wait_for(scene, 1, 0);
    expect_same(scene, 1, 0);
    finish(scene);
}
