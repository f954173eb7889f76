/* SPDX-License-Identifier: MIT */

/* test_membership.c - nodes that feed and follow each other, over a network in memory: who leads is decided here, by
 * hand, as a vote would. What was acknowledged by a majority stays; what a deposed leader alone had is kept aside. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/replicas.h"
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
    cr_assert(membership_lead(&scene->at[i].node->membership, epoch, &set));
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
    scene->at[1].node->forward.options.on = false;
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

/* cluster C17, page interleaving 36: what the follower would give up must be on the leader's disk first. */
Test(membership, a_full_sync_waits_until_the_leader_has_what_the_follower_gives_up)
{
    struct scene *scene = three(seed_of_run());
    write(scene, 0, 30);
    wait_for(scene, 1, 0);
    stop(scene, 1, true);
    write(scene, 0, 30);
    forget_the_beginning(scene, 0);
    start(scene, 1);
    struct stand_position later = {1, last_of(scene, 0) + 1}; /* said to have been acknowledged, and not here yet */
    replica_of(scene, 1)->stand.owes = later;
    follow(scene, 1, 1, 0);
    uint64_t before = last_of(scene, 1);
    for (unsigned i = 0; i < 300; i++) {
        turn(scene);
    }
    cr_assert_eq(last_of(scene, 1), before, "it has given up nothing");
    cr_assert_eq(lost_files(scene, 1), 0);
    write(scene, 0, 5);
    wait_for(scene, 1, 0);
    expect_same(scene, 1, 0);
    cr_assert_gt(lost_files(scene, 1), 0);
    finish(scene);
}

static unsigned silent_ended;

static void on_silent_message(void *user, struct gm_bytes message)
{
    (void)user, (void)message;
}

static void on_silent_closed(void *user, enum peer_end why, const char *reason)
{
    (void)user, (void)why;
    silent_ended += strstr(reason, "has not said who it is") != NULL;
}

/* feed P5 */
Test(membership, who_opens_a_link_and_says_nothing_does_not_keep_its_place)
{
    static const struct peer_user_ops silent = {on_silent_message, NULL, on_silent_closed};
    struct scene *scene = begin(seed_of_run());
    struct sim_host *host = sim_host_create(scene->net, "stranger:1");
    struct peer *stranger = sim_host_peer(host);
    start(scene, 0);
    lead(scene, 0, 1);
    for (unsigned i = 0; i < FEED_MAX + 6; i++) {
        (void)peer_open(stranger, addresses[0], PEER_FOLLOW, &silent, NULL);
    }
    for (unsigned i = 0; i < 7000 && silent_ended < FEED_MAX; i++) {
        turn(scene);
        (void)sim_net_turn(stranger);
    }
    cr_assert_eq(silent_ended, FEED_MAX);
    start(scene, 1);
    follow(scene, 1, 1, 0);
    write(scene, 0, 5);
    wait_for(scene, 1, 0);
    expect_same(scene, 1, 0);
    sim_host_destroy(host, SIM_KILLED);
    finish(scene);
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

/* ---- leaders that come and go ---- */

/* What somebody outside of the store knows: who has said yes to whom, as if each had it on its disk, and up to which
 * record, of which epoch, a leader has ever called its history committed. */
struct witness {
    struct stand_promise promises[NODES];
    uint64_t epoch;
    int leader; /* -1: nobody leads */
    uint64_t committed, committed_epoch;
    unsigned elections, changes, crashes;
};

/* 0: its table does not reach back so far. */
static uint64_t epoch_of(struct scene *scene, unsigned i, uint64_t sequence)
{
    return epochs_number(&replica_of(scene, i)->shard.tail.epochs, sequence);
}

static void note_committed(struct scene *scene, struct witness *witness)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (!scene->runs[i] || replica_of(scene, i)->shard.role != SHARD_LEADING) {
            continue;
        }
        uint64_t committed = replica_of(scene, i)->acks.committed;
        uint64_t epoch = committed > 0 ? epoch_of(scene, i, committed) : 0;
        if (epoch > witness->committed_epoch || (epoch == witness->committed_epoch && committed > witness->committed)) {
            cr_assert_geq(committed, witness->committed, "a later leader has less than was committed");
            witness->committed = committed;
            witness->committed_epoch = epoch;
        }
    }
}

static bool can_vote(struct scene *scene, unsigned i)
{
    return scene->runs[i] && (replica_of(scene, i)->state == REPLICA_SERVING || replica_of(scene, i)->blank);
}

static bool says_yes(struct scene *scene, struct witness *witness, unsigned i, unsigned candidate,
                     struct stand_position position)
{
    struct stand_promise before;
    struct stand_promise yes = {witness->epoch, candidate + 1, scene->at[candidate].identity.start};
    if (!can_vote(scene, i) ||
        stand_raise(&replica_of(scene, i)->stand, &yes, position, i == candidate, &before) != STAND_YES) {
        return false;
    }
    witness->promises[i] = yes;
    return true;
}

/* cluster C7, C8, without leases: one moment. */
static void elect(struct scene *scene, struct witness *witness)
{
    unsigned candidate = (unsigned)prng_below(&scene->prng, NODES);
    unsigned count = 0;
    bool yes[NODES] = {false};
    if (!can_vote(scene, candidate) || (replica_of(scene, candidate)->blank && witness->epoch > 0)) {
        return;
    }
    witness->epoch++;
    witness->elections++;
    struct stand_position position = replica_of(scene, candidate)->stand.position;
    if (!says_yes(scene, witness, candidate, candidate, position)) {
        return;
    }
    for (unsigned i = 0; i < NODES; i++) {
        yes[i] = i == candidate || says_yes(scene, witness, i, candidate, position);
        count += yes[i];
    }
    if (count <= NODES / 2) {
        return;
    }
    struct record_epoch set = {.leader = candidate + 1, .replica_count = NODES, .replicas = {1, 2, 3}};
    struct replica *replica = replica_of(scene, candidate);
    cr_assert_geq(replica->shard.tail.last_sequence, witness->committed, "it lacks what was committed");
    uint64_t epoch = epoch_of(scene, candidate, witness->committed);
    cr_assert(epoch == 0 || epoch == witness->committed_epoch, "node %u: %llu is of epoch %llu, was committed in %llu",
              candidate + 1, (unsigned long long)witness->committed, (unsigned long long)epoch,
              (unsigned long long)witness->committed_epoch);
    cr_assert(membership_lead(&scene->at[candidate].node->membership, witness->epoch, &set));
    witness->leader = (int)candidate;
    witness->changes++;
    for (unsigned i = 0; i < NODES; i++) {
        if (yes[i] && i != candidate) {
            membership_follow(&scene->at[i].node->membership, addresses[candidate], witness->epoch, candidate + 1);
        }
    }
}

/* cluster C10: who has not said yes is asked again, with the leader's position of then. */
static void ask_again(struct scene *scene, struct witness *witness)
{
    if (witness->leader < 0 || !scene->runs[witness->leader]) {
        return;
    }
    unsigned leader = (unsigned)witness->leader;
    struct replica *replica = replica_of(scene, leader);
    struct stand_promise promise = replica->stand.promise;
    if (replica->shard.role != SHARD_LEADING || promise.epoch != replica->shard.tail.epoch ||
        replica->stand.position.epoch != promise.epoch) {
        return; /* it has promised another, or its epoch is not on its disk */
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct stand_promise before;
        bool asks = i != leader && can_vote(scene, i) && replica_of(scene, i)->stand.promise.epoch < promise.epoch;
        if (asks &&
            stand_raise(&replica_of(scene, i)->stand, &promise, replica->stand.position, false, &before) == STAND_YES) {
            witness->promises[i] = promise;
        }
        if (i != leader && can_vote(scene, i) && replica_of(scene, i)->stand.promise.epoch == promise.epoch) {
            membership_follow(&scene->at[i].node->membership, addresses[leader], promise.epoch, leader + 1);
        }
    }
}

static void bring_back(struct scene *scene, struct witness *witness, unsigned i)
{
    sim_disk_fault(scene->at[i].sim, SIM_CRASH, 0, 0);
    start(scene, i);
    replica_of(scene, i)->stand.promise = witness->promises[i];
}

static void bury_the_dead(struct scene *scene, struct witness *witness)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (scene->runs[i] && (sim_disk_dead(scene->at[i].sim) || scene->at[i].node->state == NODE_FAILED)) {
            cr_assert(sim_disk_dead(scene->at[i].sim), "%s", scene->at[i].node->complaint.text);
            stop(scene, i, false);
            witness->crashes++;
            witness->leader = witness->leader == (int)i ? -1 : witness->leader;
        }
    }
}

/* A command that nobody waits for: its answer may never come. */
static void throw_in(struct scene *scene, unsigned i)
{
    char line[512];
    unsigned key = (unsigned)prng_below(&scene->prng, 40);
    buf_clear(&scene->at[i].conn.output, SIZE_MAX);
    switch (prng_below(&scene->prng, 4)) {
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
        (void)snprintf(line, sizeof line, "SET text%u %0*u", key, 1 + (int)prng_below(&scene->prng, 300), key);
    }
    node_fixture_send(&scene->at[i], line);
}

static void misfortune(struct scene *scene, struct witness *witness)
{
    unsigned i = (unsigned)prng_below(&scene->prng, NODES);
    unsigned k = (unsigned)prng_below(&scene->prng, NODES);
    switch (prng_below(&scene->prng, 6)) {
    case 0:
        if (scene->runs[i]) {
            sim_disk_fault(scene->at[i].sim, SIM_CRASH, 1 + prng_below(&scene->prng, 30), 1);
        }
        break;
    case 1:
        if (i != k) {
            struct sim_wire *wire = sim_net_wire(scene->net, addresses[i], addresses[k]);
            wire->cut = !wire->cut;
        }
        break;
    case 2:
        elect(scene, witness);
        break;
    case 3:
        if (scene->runs[i] && scene->at[i].node->state != NODE_FAILED && !sim_disk_dead(scene->at[i].sim)) {
            stop(scene, i, false);
            witness->crashes++;
            witness->leader = witness->leader == (int)i ? -1 : witness->leader;
        }
        break;
    default:
        if (!scene->runs[i]) {
            bring_back(scene, witness, i);
        }
    }
}

static bool all_are_one(struct scene *scene, const struct witness *witness)
{
    if (witness->leader < 0) {
        return false;
    }
    struct replica *leader = replica_of(scene, (unsigned)witness->leader);
    bool one = leader->shard.role == SHARD_LEADING && leader->acks.committed == leader->shard.tail.last_sequence;
    for (unsigned i = 0; i < NODES; i++) {
        struct replica *replica = replica_of(scene, i);
        one = one && replica->state == REPLICA_SERVING &&
              replica->shard.tail.last_sequence == leader->shard.tail.last_sequence &&
              replica->shard.tail.epoch == leader->shard.tail.epoch && replica->stand.owes.epoch == 0;
    }
    return one;
}

static void heal(struct scene *scene, struct witness *witness)
{
    for (unsigned i = 0; i < NODES; i++) {
        sim_disk_fault(scene->at[i].sim, SIM_CRASH, 0, 0);
        for (unsigned k = 0; k < NODES; k++) {
            if (i != k) {
                sim_net_wire(scene->net, addresses[i], addresses[k])->cut = false;
            }
        }
    }
    bury_the_dead(scene, witness);
    for (unsigned i = 0; i < NODES; i++) {
        if (!scene->runs[i]) {
            bring_back(scene, witness, i);
        }
    }
    for (unsigned i = 0; i < 20000 && !all_are_one(scene, witness); i++) {
        turn(scene);
        ask_again(scene, witness);
        note_committed(scene, witness);
        if (i % 2000 == 500) {
            elect(scene, witness);
        }
    }
}

static void one_life(uint64_t seed, struct witness *witness)
{
    struct scene *scene = three(seed); /* a data set has begun: nobody is empty any more */
    *witness = (struct witness){.leader = 0, .epoch = 1};
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    for (unsigned i = 0; i < 50; i++) {
        turn(scene);
    }
    for (unsigned i = 0; i < NODES; i++) {
        witness->promises[i] = replica_of(scene, i)->stand.promise;
    }
    for (unsigned step = 0; step < 1500; step++) {
        turn(scene);
        bury_the_dead(scene, witness);
        note_committed(scene, witness);
        if (prng_below(&scene->prng, 8) == 0) {
            ask_again(scene, witness);
        }
        if (prng_below(&scene->prng, 40) == 0) {
            misfortune(scene, witness);
        }
        unsigned i = (unsigned)prng_below(&scene->prng, NODES);
        if (scene->runs[i] && replica_of(scene, i)->shard.role == SHARD_LEADING) {
            throw_in(scene, i);
        }
    }
    heal(scene, witness);
    cr_assert(all_are_one(scene, witness), "seed %llu does not heal", (unsigned long long)seed);
    cr_assert_geq(last_of(scene, 0), witness->committed);
    uint64_t epoch = epoch_of(scene, 0, witness->committed);
    cr_assert(epoch == 0 || epoch == witness->committed_epoch, "seed %llu: what was committed is gone",
              (unsigned long long)seed);
    expect_same(scene, 1, 0);
    expect_same(scene, 2, 0);
    finish(scene);
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

/* ---- levels, and time without a leader ---- */

/* All of them: what a cluster's orders would say. */
static void set_level(struct scene *scene, bool quorum)
{
    for (unsigned i = 0; i < NODES; i++) {
        tenure_level(&scene->at[i].node->membership.tenure, quorum);
    }
}

static bool has_answered(struct scene *scene, unsigned i)
{
    return scene->at[i].conn.output.size > 0;
}

static void expect_answer(struct scene *scene, unsigned i, const char *wanted)
{
    for (unsigned k = 0; k < 3000 && !has_answered(scene, i); k++) {
        turn(scene);
    }
    const struct buf *output = &scene->at[i].conn.output;
    cr_assert(output->size >= strlen(wanted) && memcmp(output->data, wanted, strlen(wanted)) == 0, "%s: %.*s", wanted,
              (int)output->size, (const char *)output->data);
    buf_clear(&scene->at[i].conn.output, SIZE_MAX);
}

/* cluster C13 */
Test(membership, at_level_quorum_a_follower_shows_what_it_was_told_that_a_majority_has)
{
    struct scene *scene = three(seed_of_run());
    set_level(scene, true);
    node_fixture_send(&scene->at[0], "SET a 1");
    expect_answer(scene, 0, "+OK\r\n");
    wait_for(scene, 1, 0);
    node_fixture_send(&scene->at[1], "GET a");
    expect_answer(scene, 1, "$1\r\n1\r\n");
    stop(scene, 2, false);
    struct sim_wire *acks = sim_net_wire(scene->net, addresses[1], addresses[0]);
    acks->cut = true; /* what it acknowledges does not arrive */
    node_fixture_send(&scene->at[0], "SET a 2");
    for (unsigned i = 0; i < 100; i++) {
        turn(scene);
    }
    cr_assert_eq(last_of(scene, 1), last_of(scene, 0), "it has it");
    node_fixture_send(&scene->at[1], "GET a");
    for (unsigned i = 0; i < 400; i++) {
        turn(scene);
    }
    cr_assert(!has_answered(scene, 0) && !has_answered(scene, 1), "but nobody knows that a majority does");
    tenure_level(&scene->at[1].node->membership.tenure, false);
    expect_answer(scene, 1, "$1\r\n2\r\n");
    tenure_level(&scene->at[1].node->membership.tenure, true);
    node_fixture_send(&scene->at[1], "GET a");
    acks->cut = false;
    expect_answer(scene, 0, "+OK\r\n");
    expect_answer(scene, 1, "$1\r\n2\r\n");
    finish(scene);
}

/* tenure P3; cluster C13 */
Test(membership, who_has_heard_from_no_leader_for_long_answers_no_reads)
{
    struct scene *scene = three(seed_of_run());
    node_fixture_send(&scene->at[0], "SET a 1");
    expect_answer(scene, 0, "+OK\r\n");
    wait_for(scene, 1, 0);
    for (unsigned i = 0; i < 12000; i++) {
        turn(scene);
    }
    node_fixture_send(&scene->at[1], "GET a");
    expect_answer(scene, 1, "$1\r\n1\r\n");
    scene->at[1].node->forward.options.on = false;
    node_fixture_send(&scene->at[1], "SET a 2");
    expect_answer(scene, 1, "-READONLY You can't write against a read only replica: node 1 leads, ask it\r\n");
    stop(scene, 0, false);
    for (unsigned i = 0; i < 8000; i++) {
        turn(scene);
    }
    node_fixture_send(&scene->at[1], "GET a");
    expect_answer(scene, 1, "$1\r\n1\r\n");
    for (unsigned i = 0; i < 3000; i++) {
        turn(scene);
    }
    node_fixture_send(&scene->at[1], "GET a");
    for (unsigned i = 0; i < 1000; i++) {
        turn(scene);
    }
    cr_assert(!has_answered(scene, 1), "it waits, as a write would");
    for (unsigned i = 0; i < 4000; i++) {
        turn(scene);
    }
    expect_answer(scene, 1, "-CLUSTERDOWN node 2 has heard from no leader for ");
    node_fixture_send(&scene->at[1], "GET a");
    expect_answer(scene, 1, "-CLUSTERDOWN node 2 has heard from no leader for ");
    start(scene, 0);
    lead(scene, 0, 2);
    follow(scene, 1, 2, 0);
    wait_for(scene, 1, 0);
    node_fixture_send(&scene->at[1], "GET a");
    expect_answer(scene, 1, "$1\r\n1\r\n");
    finish(scene);
}

/* ---- what clients ask about replicas ---- */

Test(membership, wait_counts_the_followers_that_have_what_was_written)
{
    struct scene *scene = three(seed_of_run());
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    node_fixture_send(&scene->at[0], "SET a 1");
    node_fixture_send(&scene->at[0], "WAIT 2 0");
    expect_answer(scene, 0, "+OK\r\n");
    expect_answer(scene, 0, ":2\r\n");
    scene->at[1].node->forward.options.on = false;
    node_fixture_send(&scene->at[1], "WAIT 1 0");
    expect_answer(scene, 1, "-ERR WAIT cannot be used with replica instances.");
    stop(scene, 2, false);
    node_fixture_send(&scene->at[0], "SET a 2");
    expect_answer(scene, 0, "+OK\r\n");
    node_fixture_send(&scene->at[0], "WAIT 2 300");
    for (unsigned i = 0; i < 250; i++) {
        turn(scene);
    }
    cr_assert(!has_answered(scene, 0));
    expect_answer(scene, 0, ":1\r\n");
    node_fixture_send(&scene->at[0], "WAITAOF 1 1 0");
    expect_answer(scene, 0, "*2\r\n:1\r\n:1\r\n");
    sim_net_wire(scene->net, addresses[0], addresses[1])->cut = true;
    node_fixture_send(&scene->at[0], "SET a 3");
    expect_answer(scene, 0, "+OK\r\n");
    follow(scene, 0, 2, 1);
    turn(scene);
    lead(scene, 0, 3);
    node_fixture_send(&scene->at[0], "WAIT 0 0");
    expect_answer(scene, 0, ":0\r\n");
    finish(scene);
}

static const char *said(struct scene *scene, unsigned i, const char *command)
{
    const char *text = node_fixture_say(&scene->at[i], "%s", command);
    cr_assert_not_null(text, "%s", command);
    return text;
}

Test(membership, role_and_info_have_the_names_that_exporters_read)
{
    struct scene *scene = three(seed_of_run());
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    for (unsigned i = 0; i < 100; i++) {
        turn(scene);
    }
    char wanted[160];
    uint64_t last = last_of(scene, 0);
    cr_assert_eq(last, last_of(scene, 1));
    const char *role = said(scene, 0, "ROLE");
    cr_assert(strstr(role, "[\"node-2\" \"0\" \"") != NULL && strstr(role, "[\"node-3\" \"0\" \"") != NULL, "%s", role);
    (void)snprintf(wanted, sizeof wanted, "[\"slave\" \"node-1\" :0 \"connected\" :%llu]", (unsigned long long)last);
    cr_assert_str_eq(said(scene, 1, "ROLE"), wanted);
    static const char *const of_leader[] = {"role:master\r\n",
                                            "connected_slaves:2\r\n",
                                            "slave0:ip=node-",
                                            ",port=0,state=online,offset=",
                                            ",lag=0,node=",
                                            "master_replid:0",
                                            "replication_epoch:1\r\n",
                                            "replication_leader:1\r\n",
                                            "replication_lease:1\r\n",
                                            "replication_write_acks:local\r\n",
                                            "replication_committed:"};
    const char *info = said(scene, 0, "INFO replication");
    for (size_t i = 0; i < sizeof of_leader / sizeof of_leader[0]; i++) {
        cr_expect_not_null(strstr(info, of_leader[i]), "%s in %s", of_leader[i], info);
    }
    static const char *const of_follower[] = {"role:slave\r\n",
                                              "master_host:node-1\r\n",
                                              "master_port:0\r\n",
                                              "master_link_status:up\r\n",
                                              "master_last_io_seconds_ago:0\r\n",
                                              "master_sync_in_progress:0\r\n",
                                              "slave_repl_offset:",
                                              "connected_slaves:0\r\n"};
    info = said(scene, 1, "INFO replication");
    for (size_t i = 0; i < sizeof of_follower / sizeof of_follower[0]; i++) {
        cr_expect_not_null(strstr(info, of_follower[i]), "%s in %s", of_follower[i], info);
    }
    stop(scene, 0, false);
    for (unsigned i = 0; i < 3500; i++) {
        turn(scene);
    }
    info = said(scene, 1, "INFO replication");
    cr_expect_not_null(strstr(info, "master_link_status:down\r\n"), "%s", info);
    cr_expect_not_null(strstr(info, "master_link_down_since_seconds:3\r\n"), "%s", info);
    finish(scene);
}

Test(membership, min_replicas_to_write_counts_who_follows)
{
    struct scene *scene = begin(seed_of_run());
    scene->at[0].config.min_replicas_to_write = 1;
    for (unsigned i = 0; i < NODES; i++) {
        start(scene, i);
    }
    lead(scene, 0, 1);
    node_fixture_send(&scene->at[0], "SET a 1");
    expect_answer(scene, 0, "-NOREPLICAS Not enough good replicas to write.\r\n");
    follow(scene, 1, 1, 0);
    wait_for(scene, 1, 0);
    for (unsigned i = 0; i < 12000; i++) {
        turn(scene);
    }
    node_fixture_send(&scene->at[0], "SET a 1");
    expect_answer(scene, 0, "+OK\r\n");
    struct sim_wire *acks = sim_net_wire(scene->net, addresses[1], addresses[0]);
    acks->cut = true;
    for (unsigned i = 0; i < 11500; i++) {
        turn(scene);
    }
    node_fixture_send(&scene->at[0], "SET a 2");
    expect_answer(scene, 0, "-NOREPLICAS Not enough good replicas to write.\r\n");
    finish(scene);
}

/* retain P1, P2; cluster C16 */
Test(membership, the_log_behind_who_is_away_stays_until_it_is_too_much)
{
    struct scene *scene = begin(seed_of_run());
    scene->at[0].config.replication_log_limit = 200000;
    for (unsigned i = 0; i < NODES; i++) {
        start(scene, i);
    }
    lead(scene, 0, 1);
    follow(scene, 1, 1, 0);
    follow(scene, 2, 1, 0);
    write(scene, 0, 50);
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    uint64_t stood = last_of(scene, 1);
    stop(scene, 1, true);
    turn(scene);
    for (unsigned i = 0; i < 6; i++) {
        write(scene, 0, 40);
        cr_assert_not_null(node_fixture_say(&scene->at[0], "SAVE"));
    }
    cr_assert_gt(replica_of(scene, 0)->saver.older, stood + 1, "the snapshots do not need it");
    cr_assert_leq(wal_oldest(replica_of(scene, 0)->wal), stood + 1, "it is kept");
    const char *info = said(scene, 0, "INFO replication");
    cr_assert_not_null(strstr(info, "replication_members_away:1\r\nreplication_full_sync_may_follow:0\r\n"), "%s",
                       info);
    start(scene, 1);
    follow(scene, 1, 1, 0);
    wait_for(scene, 1, 0);
    expect_same(scene, 1, 0);
    cr_assert_eq(lost_files(scene, 1), 0, "no snapshot came");
    stop(scene, 1, true);
    stood = last_of(scene, 0);
    for (unsigned i = 0; i < 60 && wal_oldest(replica_of(scene, 0)->wal) <= stood + 1; i++) {
        write(scene, 0, 40);
        cr_assert_not_null(node_fixture_say(&scene->at[0], "SAVE"));
        for (unsigned k = 0; k < 1000; k++) {
            turn(scene);
        }
    }
    cr_assert_gt(wal_oldest(replica_of(scene, 0)->wal), stood + 1, "it was too much");
    cr_assert_not_null(strstr((const char *)scene->at[0].log.data, "more than replication_log_limit"));
    info = said(scene, 0, "INFO replication");
    cr_assert_not_null(strstr(info, "replication_members_away:1\r\nreplication_full_sync_may_follow:1\r\n"), "%s",
                       info);
    start(scene, 1);
    follow(scene, 1, 1, 0);
    wait_for(scene, 1, 0);
    expect_same(scene, 1, 0);
    finish(scene);
}

Test(config_set, replication_log_limit)
{
    struct scene *scene = three(seed_of_run());
    wait_for(scene, 1, 0);
    for (unsigned i = 0; i < 1100; i++) {
        turn(scene);
    }
    cr_assert_str_eq(said(scene, 0, "CONFIG SET replication_log_limit 1gb"), "OK");
    turn(scene);
    uint64_t stood = last_of(scene, 1);
    stop(scene, 1, true);
    turn(scene);
    for (unsigned i = 0; i < 6; i++) {
        write(scene, 0, 40);
        cr_assert_not_null(node_fixture_say(&scene->at[0], "SAVE"));
    }
    cr_assert_leq(wal_oldest(replica_of(scene, 0)->wal), stood + 1);
    cr_assert_str_eq(said(scene, 0, "CONFIG SET replication_log_limit 1"), "OK");
    for (unsigned i = 0; i < 3; i++) {
        write(scene, 0, 40);
        cr_assert_not_null(node_fixture_say(&scene->at[0], "SAVE"));
        for (unsigned k = 0; k < 1000; k++) {
            turn(scene);
        }
    }
    cr_assert_gt(wal_oldest(replica_of(scene, 0)->wal), stood + 1);
    finish(scene);
}

/* ---- time ---- */

static long long number(const char *text)
{
    cr_assert_eq(text[0], ':', "%s", text);
    return atoll(text + 1);
}

/* cluster C27, page interleaving 26 */
Test(membership, what_time_it_is_in_the_data_goes_on_over_a_change_of_leader)
{
    struct scene *scene = begin(seed_of_run());
    scene->at[0].now_ms += 10000; /* its clock is ahead */
    for (unsigned i = 0; i < NODES; i++) {
        start(scene, i);
    }
    lead(scene, 0, 1);
    follow(scene, 1, 1, 0);
    follow(scene, 2, 1, 0);
    cr_assert_str_eq(said(scene, 0, "SET brief 1 PX 400"), "OK");
    cr_assert_str_eq(said(scene, 0, "SET long 1 PX 8000"), "OK");
    wait_for(scene, 1, 0);
    long long there = number(said(scene, 1, "PTTL long"));
    long long here = number(said(scene, 0, "PTTL long"));
    cr_assert(there <= 8000 && there - here < 400 && here - there < 400, "%lld, %lld", there, here);
    for (unsigned i = 0; i < 1000; i++) {
        turn(scene);
    }
    cr_assert_str_eq(said(scene, 1, "EXISTS brief"), ":0");
    here = number(said(scene, 0, "PTTL long"));
    stop(scene, 0, false);
    lead(scene, 1, 2);
    cr_assert_str_eq(said(scene, 1, "EXISTS brief"), ":0", "it does not come back");
    there = number(said(scene, 1, "PTTL long"));
    cr_assert(there <= here && there > here - 1000, "%lld, %lld", there, here);
    for (unsigned i = 0; i < 3000; i++) {
        turn(scene);
    }
    there = number(said(scene, 1, "PTTL long"));
    cr_assert(there < here - 1400 && there > here - 2600, "ten seconds ahead it goes at half the pace: %lld, %lld",
              there, here);
    const char *info = said(scene, 1, "INFO replication");
    cr_assert(strstr(info, "replication_time_ahead_ms:8") != NULL ||
                  strstr(info, "replication_time_ahead_ms:7") != NULL,
              "%s", info);
    cr_assert_not_null(strstr((const char *)scene->at[1].log.data, "ahead of this node's clock"));
    finish(scene);
}

/* Milliseconds in which the disk of node `slow` does nothing, and node `still` takes no turn; NODES: none. */
static void turn_badly(struct scene *scene, unsigned count, unsigned slow, unsigned still)
{
    for (unsigned k = 0; k < count; k++) {
        scene->now_us += 1000;
        sim_net_advance(scene->net, scene->now_us);
        for (unsigned i = 0; i < NODES; i++) {
            if (scene->runs[i] && i != still) {
                (void)sim_net_turn(scene->at[i].peer);
                node_fixture_turn(&scene->at[i], i == slow ? 0 : 3);
            }
        }
    }
}

Test(membership, wait_does_not_count_what_is_on_its_way_to_a_disk)
{
    struct scene *scene = three(seed_of_run());
    wait_for(scene, 1, 0);
    stop(scene, 2, false);
    turn_badly(scene, 2000, NODES, NODES);
    node_fixture_send(&scene->at[0], "SET a 1");
    node_fixture_send(&scene->at[0], "WAIT 1 2500");
    turn_badly(scene, 2400, 1, NODES);
    cr_assert_eq(last_of(scene, 1), last_of(scene, 0), "it has it in memory");
    cr_assert_eq(scene->at[0].conn.output.size, strlen("+OK\r\n"));
    turn_badly(scene, 200, 1, NODES);
    expect_answer(scene, 0, "+OK\r\n:0\r\n");
    finish(scene);
}

Test(membership, a_follower_that_is_silent_is_no_good_one)
{
    struct scene *scene = three(seed_of_run());
    wait_for(scene, 1, 0);
    turn_badly(scene, 1500, NODES, NODES);
    struct membership *membership = &scene->at[0].node->membership;
    cr_assert_eq(replicas_good(membership, 1000), 2);
    turn_badly(scene, 1200, NODES, 1);
    cr_assert_eq(replicas_good(membership, 60000), 2, "its link has not ended");
    cr_assert_eq(replicas_good(membership, 1100), 1);
    finish(scene);
}

/* cluster C12: of a new leader, too, nothing is shown before its epoch is released. */
Test(membership, at_level_quorum_a_follower_waits_for_a_new_leaders_epoch)
{
    struct scene *scene = three(seed_of_run());
    set_level(scene, true);
    node_fixture_send(&scene->at[0], "SET a 1");
    expect_answer(scene, 0, "+OK\r\n");
    wait_for(scene, 1, 0);
    wait_for(scene, 2, 0);
    node_fixture_send(&scene->at[2], "GET a");
    expect_answer(scene, 2, "$1\r\n1\r\n");
    stop(scene, 0, false);
    struct sim_wire *acks = sim_net_wire(scene->net, addresses[2], addresses[1]);
    lead(scene, 1, 2);
    follow(scene, 2, 2, 1);
    for (unsigned i = 0; i < 300 && replica_of(scene, 2)->shard.tail.epoch != 2; i++) {
        turn_badly(scene, 1, 2, NODES);
    }
    cr_assert_eq(replica_of(scene, 2)->shard.tail.epoch, 2);
    acks->cut = true;
    node_fixture_send(&scene->at[2], "GET a");
    turn_badly(scene, 300, NODES, NODES);
    cr_assert(!has_answered(scene, 2), "the epoch's record is on this disk and the leader's, and nobody has said so");
    acks->cut = false;
    expect_answer(scene, 2, "$1\r\n1\r\n");
    finish(scene);
}
