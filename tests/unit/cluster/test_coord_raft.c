/* SPDX-License-Identifier: MIT */

/* test_coord_raft.c - the engine of several nodes: leaders that are lost, majorities that are not there, folders that
 * are others', and a long run of all that may happen. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/crc32c.h"
#include "cluster/coord_raft_state.h"
#include "lab.h"
#include "support/seed.h"

static struct coord_raft *raft_of(struct lab *lab, uint64_t id)
{
    return lab->nodes[id].coord == NULL ? NULL : container_of(lab->nodes[id].coord, struct coord_raft, base);
}

static enum coord_outcome swap_to(struct lab *lab, uint64_t id, uint64_t version, uint64_t leader)
{
    struct topology *topology = lab_topology(lab, version, leader);
    enum coord_outcome outcome = lab_swap(lab, id, topology);
    memory_free(topology);
    return outcome;
}

static unsigned voters(struct lab *lab, uint64_t id)
{
    const struct raft_configuration *servers = &raft_of(lab, id)->guard.raft.configuration;
    unsigned count = 0;
    for (unsigned i = 0; i < servers->n; i++) {
        count += servers->servers[i].role == RAFT_VOTER ? 1 : 0;
    }
    return count;
}

static uint64_t leader_of(struct lab *lab)
{
    for (uint64_t id = 1; id <= lab->count; id++) {
        if (lab->nodes[id].coord != NULL && lab->nodes[id].coord->ops->is_controller(lab->nodes[id].coord)) {
            return id;
        }
    }
    return 0;
}

static struct lab *with_voters(uint64_t count, uint64_t seed)
{
    struct lab *lab = lab_create(LAB_RAFT, count, seed);
    for (uint64_t id = 1; id <= count; id++) {
        cr_assert_eq(lab_start(lab, id), STATUS_OK, "%s", lab->nodes[id].complaint.text);
    }
    cr_assert_eq(swap_to(lab, 1, 1, 1), COORD_OK);
    for (int i = 0; i < 1000 && (leader_of(lab) == 0 || voters(lab, leader_of(lab)) < count); i++) {
        lab_step(lab);
    }
    lab_run(lab, 300); /* the others hear of it */
    cr_assert_neq(leader_of(lab), 0);
    cr_assert_eq(voters(lab, leader_of(lab)), count);
    return lab;
}

static void cut_off(struct lab *lab, uint64_t id, bool cut)
{
    for (uint64_t other = 1; other <= lab->count; other++) {
        lab->cut[id][other] = lab->cut[other][id] = cut;
    }
}

Test(coord_raft, members_become_voters_one_after_the_other_and_all_know_the_topology)
{
    for (uint64_t count = 3; count <= 5; count += 2) {
        struct lab *lab = with_voters(count, count);
        lab_run(lab, 500);
        for (uint64_t id = 1; id <= count; id++) {
            cr_expect_eq(lab->nodes[id].coord->ops->topology(lab->nodes[id].coord)->version, 1);
            cr_expect_eq(voters(lab, id), count);
        }
        lab_destroy(lab);
    }
}

/* A promotion is in the log of the leader alone when all end: who is to be a voter does not know it, and is asked. */
Test(coord_raft, all_end_while_members_become_voters, .timeout = 120) /* coord_guard P9 */
{
    uint64_t seed = seed_of_run();
    for (uint64_t i = 0; i < 20; i++) {
        struct lab *lab = lab_create(LAB_RAFT, 3, seed + i);
        for (uint64_t id = 1; id <= 3; id++) {
            cr_assert_eq(lab_start(lab, id), STATUS_OK, "%s", lab->nodes[id].complaint.text);
        }
        cr_assert_eq(swap_to(lab, 1, 1, 1), COORD_OK);
        for (unsigned step = 0; step < 100000 && voters(lab, 1) < 2 + i % 2; step++) {
            lab_step(lab);
        }
        lab->cut[1][2] = lab->cut[1][3] = true; /* what it stores now nobody else has */
        lab_run(lab, 100);
        lab->cut[1][2] = lab->cut[1][3] = false;
        for (uint64_t id = 1; id <= 3; id++) {
            lab_crash(lab, id);
        }
        for (uint64_t id = 1; id <= 3; id++) {
            cr_assert_eq(lab_start(lab, id), STATUS_OK, "%s", lab->nodes[id].complaint.text);
        }
        cr_assert_neq(lab_settle(lab, 1, 20000), UINT64_MAX, "seed %llu: no leader any more",
                      (unsigned long long)(seed + i));
        lab_destroy(lab);
    }
}

Test(coord_raft, any_node_is_asked) /* coord O3 */
{
    struct lab *lab = with_voters(3, 7);
    for (uint64_t version = 2; version <= 13; version++) {
        cr_assert_eq(swap_to(lab, 1 + version % 3, version, 1 + version % 2), COORD_OK);
        uint64_t found = 0;
        cr_assert_eq(lab_read(lab, 1 + (version + 1) % 3, &found), COORD_OK);
        cr_expect_eq(found, version);
        cr_expect_eq(swap_to(lab, 1 + (version + 2) % 3, version, 1), COORD_EXISTS);
    }
    lab_destroy(lab);
}

Test(coord_raft, the_leader_is_lost_and_the_others_go_on) /* coord O2 */
{
    struct lab *lab = with_voters(3, 8);
    uint64_t version = 1;
    for (int round = 0; round < 6; round++) {
        uint64_t lost = leader_of(lab);
        cr_assert_neq(lost, 0);
        lab_crash(lab, lost);
        uint64_t other = lost % 3 + 1;
        cr_assert_eq(lab_settle(lab, other, 10000), version);
        cr_assert_eq(swap_to(lab, other, version + 1, 1), COORD_OK);
        version++;
        cr_assert_eq(lab_start(lab, lost), STATUS_OK, "%s", lab->nodes[lost].complaint.text);
        cr_expect_eq(lab_settle(lab, lost, 10000), version);
    }
    lab_destroy(lab);
}

Test(coord_raft, without_a_majority_nothing_is_answered_with_ok)
{
    struct lab *lab = with_voters(3, 9);
    uint64_t leader = leader_of(lab);
    cut_off(lab, leader, true);
    uint64_t found;
    cr_expect_eq(lab_read(lab, leader, &found), COORD_AGAIN, "a leader that nobody hears does not read");
    cr_expect_eq(swap_to(lab, leader, 2, 1), COORD_AGAIN);
    uint64_t other = leader % 3 + 1;
    cr_assert_eq(lab_settle(lab, other, 10000), 1);
    cr_assert_eq(swap_to(lab, other, 2, 3), COORD_OK, "the other two have a majority");
    cr_expect_eq(lab_read(lab, leader, &found), COORD_AGAIN);
    lab_crash(lab, other);
    lab_run(lab, 3000);
    uint64_t last = 6 - leader - other;
    cr_expect_eq(swap_to(lab, last, 3, 1), COORD_AGAIN);
    cut_off(lab, leader, false);
    cr_assert_eq(lab_settle(lab, leader, 20000), 2, "unknown is settled by a read");
    lab_destroy(lab);
}

Test(coord_raft, a_node_knows_its_topology_without_a_majority)
{
    struct lab *lab = with_voters(3, 10);
    cr_assert_eq(swap_to(lab, 2, 2, 3), COORD_OK);
    lab_run(lab, 1000);
    for (uint64_t id = 1; id <= 3; id++) {
        lab_crash(lab, id);
    }
    cr_assert_eq(lab_start(lab, 2), STATUS_OK);
    const struct topology *topology = lab->nodes[2].coord->ops->topology(lab->nodes[2].coord);
    cr_assert_not_null(topology);
    cr_expect_eq(topology->version, 2);
    lab_destroy(lab);
}

Test(coord_raft, another_folder_is_another_server)
{
    struct lab *lab = with_voters(3, 11);
    uint64_t leader = leader_of(lab);
    uint64_t lost = leader % 3 + 1;
    struct topology *topology = lab_topology(lab, 2, leader);
    lab_crash(lab, lost);
    memset(topology->members[lost - 1].folder_id, 0x77, TOPOLOGY_ID_SIZE);
    cr_assert_eq(lab_swap(lab, leader, topology), COORD_OK);
    lab_run(lab, 3000);
    cr_expect_eq(voters(lab, leader), 2, "the old one is removed, the new one does not answer yet");
    cr_assert_eq(lab_start(lab, lost), STATUS_OK); /* with the old folder: nobody speaks with it */
    lab_run(lab, 3000);
    cr_expect_eq(voters(lab, leader), 2);
    cr_expect_eq(leader_of(lab), leader);
    memory_free(topology);
    lab_destroy(lab);
}

Test(coord_raft, a_folder_of_another_server_is_refused)
{
    struct lab *lab = with_voters(3, 12);
    struct complaint complaint = {""};
    struct coord *coord = NULL;
    lab_crash(lab, 2);
    struct coord_raft_config config = {.disk = sim_disk_interface(lab->nodes[2].sim),
                                       .node = 2,
                                       .log_size = 128 * 1024,
                                       .beat_ms = 100,
                                       .elect_ms = 600};
    memset(config.folder_id, 9, sizeof config.folder_id);
    cr_expect_eq(coord_raft_create(&coord, &config, &complaint), STATUS_INVALID);
    cr_expect(strstr(complaint.text, "another data folder") != NULL, "%s", complaint.text);
    lab_destroy(lab);
}

Test(coord_raft, a_log_that_is_full_refuses_changes_and_elections_go_on)
{
    struct lab *lab = with_voters(3, 13);
    uint64_t version = 1;
    enum coord_outcome outcome = COORD_OK;
    while (outcome == COORD_OK && version < 4000) {
        outcome = swap_to(lab, 1, version + 1, 1);
        version += outcome == COORD_OK ? 1 : 0;
    }
    cr_expect_eq(outcome, COORD_REFUSED);
    cr_expect_gt(version, 500, "%llu", (unsigned long long)version);
    uint64_t lost = leader_of(lab);
    lab_crash(lab, lost);
    cr_expect_eq(lab_settle(lab, lost % 3 + 1, 10000), version);
    lab_destroy(lab);
}

/* ---- all of it at once ---- */

#define INDEX_MAX 4096
#ifdef __SANITIZE_ADDRESS__
#define RUNS 3 /* each takes some seconds there */
#else
#define RUNS 12
#endif

struct watcher {
    uint64_t leader_of_term[INDEX_MAX];
    struct {
        uint64_t term;
        uint32_t crc;
    } committed[INDEX_MAX];
    uint64_t acknowledged; /* the highest version that was answered with OK */
    bool given[INDEX_MAX]; /* versions that were; answers of other nodes overtake each other */
};

/* One leader per term; the same entry at each index that anybody calls committed. */
static void watch(struct lab *lab, struct watcher *watcher)
{
    for (uint64_t id = 1; id <= lab->count; id++) {
        struct coord_raft *coord = raft_of(lab, id);
        if (coord == NULL || coord->guard.stopped) {
            continue;
        }
        struct raft *raft = &coord->guard.raft;
        cr_assert_lt(raft->current_term, INDEX_MAX);
        if (raft_state(raft) == RAFT_LEADER) {
            uint64_t *leader = &watcher->leader_of_term[raft->current_term];
            cr_assert(*leader == 0 || *leader == id, "two leaders in term %llu", raft->current_term);
            *leader = id;
        }
        cr_assert_leq(raft->commit_index, coord->guard.store.last);
        for (uint64_t i = raft->commit_index; i > 0 && i + 40 > raft->commit_index; i--) {
            size_t at = (raft->log.front + (size_t)(i - 1 - raft->log.offset)) % raft->log.size;
            const struct raft_entry *entry = &raft->log.entries[at];
            uint32_t crc = crc32c(gm_bytes_at(entry->buf.base, entry->buf.len));
            cr_assert_lt(i, INDEX_MAX);
            cr_assert(watcher->committed[i].term == 0 ||
                          (watcher->committed[i].term == entry->term && watcher->committed[i].crc == crc),
                      "node %llu has another entry %llu", (unsigned long long)id, (unsigned long long)i);
            watcher->committed[i].term = entry->term;
            watcher->committed[i].crc = crc;
        }
    }
}

struct client {
    struct coord_swap swap;
    struct coord *coord;
    uint64_t node;
    bool busy;
    struct watcher *watcher;
};

static void on_client(struct coord_swap *swap)
{
    struct client *client = container_of(swap, struct client, swap);
    client->busy = false;
    if (swap->outcome == COORD_OK) {
        uint64_t version = swap->topology->version;
        struct watcher *watcher = client->watcher;
        cr_assert_not(watcher->given[version % INDEX_MAX], "version %llu twice", (unsigned long long)version);
        watcher->given[version % INDEX_MAX] = true;
        watcher->acknowledged = version > watcher->acknowledged ? version : watcher->acknowledged;
    }
}

static void ask_something(struct lab *lab, struct client *client, struct topology *topology)
{
    struct coord *coord = lab->nodes[client->node].coord;
    if (client->busy && coord != client->coord) {
        client->busy = false; /* its node died */
    }
    if (client->busy || coord == NULL || prng_below(&lab->prng, 20) != 0) {
        return;
    }
    const struct topology *now = coord->ops->topology(coord);
    topology->version = now == NULL ? 1 : now->version + 1;
    topology->shards[0].epoch = topology->version;
    topology->shards[0].leader = 1 + prng_below(&lab->prng, lab->count);
    client->swap.expected_version = topology->version - 1;
    client->swap.topology = topology;
    client->swap.on_done = on_client;
    client->coord = coord;
    client->busy = true;
    coord->ops->swap(coord, &client->swap);
}

static void disturb(struct lab *lab)
{
    uint64_t id = 1 + prng_below(&lab->prng, lab->count);
    uint64_t other = 1 + prng_below(&lab->prng, lab->count);
    switch (prng_below(&lab->prng, 8)) {
    case 0:
        if (lab->nodes[id].coord != NULL) {
            lab_crash(lab, id);
        }
        break;
    case 1:
        if (lab->nodes[id].coord != NULL) {
            sim_disk_fault(lab->nodes[id].sim, SIM_CRASH, 1 + prng_below(&lab->prng, 12), 1);
        }
        break;
    case 2:
        lab->cut[id][other] = true;
        break;
    case 3:
        cut_off(lab, id, true);
        break;
    case 4:
        lab->delay_us = (uint32_t)prng_below(&lab->prng, 300000);
        break;
    case 5:
        lab->loss_percent = (uint32_t)prng_below(&lab->prng, 20);
        break;
    default:
        memset(lab->cut, 0, sizeof lab->cut);
        lab->delay_us = 10000;
        lab->loss_percent = 0;
        break;
    }
}

static void revive(struct lab *lab, uint64_t chance)
{
    for (uint64_t id = 1; id <= lab->count; id++) {
        if (lab->nodes[id].coord == NULL && prng_below(&lab->prng, chance) == 0) {
            enum status status = lab_start(lab, id);
            cr_assert_eq(status, STATUS_OK, "%s", lab->nodes[id].complaint.text);
        }
    }
}

static void live_through(uint64_t seed, int steps)
{
    struct lab *lab = with_voters(3, seed);
    struct watcher *watcher = memory_zeroed(sizeof *watcher);
    struct client clients[3] = {
        {.node = 1, .watcher = watcher}, {.node = 2, .watcher = watcher}, {.node = 3, .watcher = watcher}};
    struct topology *topologies[3];
    for (int i = 0; i < 3; i++) {
        topologies[i] = lab_topology(lab, 1, 1);
    }
    watcher->acknowledged = 1;
    for (int i = 0; i < steps; i++) {
        if (prng_below(&lab->prng, 60) == 0) {
            disturb(lab);
        }
        revive(lab, 100);
        for (int c = 0; c < 3; c++) {
            ask_something(lab, &clients[c], topologies[c]);
        }
        lab_step(lab);
        watch(lab, watcher);
    }
    memset(lab->cut, 0, sizeof lab->cut);
    lab->delay_us = 10000;
    lab->loss_percent = 0;
    for (uint64_t id = 1; id <= lab->count; id++) {
        sim_disk_fault(lab->nodes[id].sim, SIM_CRASH, 1, 0); /* none that was still to come */
    }
    revive(lab, 1);
    for (int i = 0; i < 4000 && leader_of(lab) == 0; i++) {
        lab_step(lab);
        revive(lab, 1);
    }
    uint64_t found = lab_settle(lab, leader_of(lab) == 0 ? 1 : leader_of(lab), 10000);
    cr_assert_neq(found, UINT64_MAX, "seed %llu: no progress after all was healed", (unsigned long long)seed);
    cr_assert_geq(found, watcher->acknowledged, "seed %llu: what was answered is lost", (unsigned long long)seed);
    fprintf(stderr, "seed %llu: version %llu, acknowledged %llu\n", (unsigned long long)seed, (unsigned long long)found,
            (unsigned long long)watcher->acknowledged);
    memory_free(watcher);
    lab_destroy(lab);
    for (int i = 0; i < 3; i++) {
        memory_free(topologies[i]);
    }
}

Test(coord_raft, crashes_cuts_and_delays_lose_nothing_that_was_answered, .timeout = 300) /* coord O1, coord O2 */
{
    uint64_t seed = seed_of_run();
    for (uint64_t i = 0; i < RUNS; i++) {
        live_through(seed + i, 4000);
    }
}
