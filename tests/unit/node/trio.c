/* SPDX-License-Identifier: MIT */

/* trio.c - see trio.h. */
#include "trio.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/memory.h"
#include "shard/digest.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

static const char *const addresses[TRIO_NODES] = {"one:6000", "two:6000", "three:6000"};

struct trio *trio_create(uint64_t seed)
{
    struct trio *trio = memory_zeroed(sizeof *trio);
    trio->net = sim_net_create(seed);
    prng_seed(&trio->prng, seed);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        node_fixture_init(&trio->at[i], seed + i);
    }
    return trio;
}

void trio_start(struct trio *trio, unsigned i)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    struct node_fixture *at = &trio->at[i];
    trio->hosts[i] = sim_host_create(trio->net, addresses[i]);
    at->peer = sim_host_peer(trio->hosts[i]);
    at->identity.node = i + 1;
    at->identity.folder.bytes[0] = (uint8_t)(i + 1);
    at->identity.start++;
    at->salt = (uint8_t)(i + 1);
    cr_assert_eq(node_fixture_start(at, modules, 3), STATUS_OK, "%s", at->complaint.text);
    trio->runs[i] = true;
}

struct trio *trio_begin(uint64_t seed)
{
    struct trio *trio = trio_create(seed);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        trio_start(trio, i);
    }
    trio_lead(trio, 0, 1);
    trio_follow(trio, 1, 1, 0);
    trio_follow(trio, 2, 1, 0);
    return trio;
}

void trio_stop(struct trio *trio, unsigned i, bool in_order)
{
    if (in_order) {
        node_fixture_close(&trio->at[i]);
    } else {
        node_fixture_stop(&trio->at[i]);
        sim_disk_crash(trio->at[i].sim, prng_next(&trio->prng));
    }
    sim_host_destroy(trio->hosts[i], SIM_KILLED);
    trio->runs[i] = false;
}

void trio_finish(struct trio *trio)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (trio->runs[i]) {
            trio_stop(trio, i, true);
        }
        node_fixture_finish(&trio->at[i]);
    }
    sim_net_destroy(trio->net);
    memory_free(trio);
}

const char *trio_address(unsigned i)
{
    return addresses[i];
}

struct node *trio_node(struct trio *trio, unsigned i)
{
    return trio->at[i].node;
}

struct replica *trio_replica(struct trio *trio, unsigned i)
{
    return &trio_node(trio, i)->replica;
}

uint64_t trio_last(struct trio *trio, unsigned i)
{
    return trio_replica(trio, i)->shard.tail.last_sequence;
}

unsigned trio_lost_files(struct trio *trio, unsigned i)
{
    unsigned count = 0;
    for (size_t k = 0; sim_disk_name(trio->at[i].sim, k) != NULL; k++) {
        count += strncmp(sim_disk_name(trio->at[i].sim, k), "lost-", 5) == 0;
    }
    return count;
}

void trio_turn(struct trio *trio)
{
    trio->now_us += 1000;
    sim_net_advance(trio->net, trio->now_us);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (trio->runs[i]) {
            (void)sim_net_turn(trio->at[i].peer);
            node_fixture_turn(&trio->at[i], (size_t)prng_below(&trio->prng, 4));
        }
    }
}

void trio_turns(struct trio *trio, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        trio_turn(trio);
    }
}

void trio_turn_badly(struct trio *trio, unsigned count, unsigned slow, unsigned still)
{
    for (unsigned k = 0; k < count; k++) {
        trio->now_us += 1000;
        sim_net_advance(trio->net, trio->now_us);
        for (unsigned i = 0; i < TRIO_NODES; i++) {
            if (trio->runs[i] && i != still) {
                (void)sim_net_turn(trio->at[i].peer);
                node_fixture_turn(&trio->at[i], i == slow ? 0 : 3);
            }
        }
    }
}

struct sim_wire *trio_wire(struct trio *trio, unsigned from, unsigned to)
{
    return sim_net_wire(trio->net, addresses[from], addresses[to]);
}

void trio_mend(struct trio *trio)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        for (unsigned k = 0; k < TRIO_NODES; k++) {
            if (i != k) {
                trio_wire(trio, i, k)->cut = false;
            }
        }
    }
}

void trio_promise(struct trio *trio, unsigned i, uint64_t epoch, unsigned leader)
{
    struct stand_promise before;
    struct stand_promise yes = {epoch, leader + 1, trio->at[leader].identity.start};
    struct stand_position any = {epoch, UINT64_MAX};
    cr_assert_eq(stand_raise(&trio_replica(trio, i)->stand, &yes, any, i == leader, &before), STAND_YES);
}

void trio_lead(struct trio *trio, unsigned i, uint64_t epoch)
{
    struct record_epoch set = {.leader = i + 1, .replica_count = TRIO_NODES, .replicas = {1, 2, 3}};
    trio_promise(trio, i, epoch, i);
    cr_assert(membership_lead(&trio_node(trio, i)->membership, epoch, &set));
    trio_turn(trio);
    cr_assert_eq(trio_node(trio, i)->state, NODE_SERVING);
}

void trio_follow(struct trio *trio, unsigned i, uint64_t epoch, unsigned leader)
{
    trio_promise(trio, i, epoch, leader);
    membership_follow(&trio_node(trio, i)->membership, addresses[leader], epoch, leader + 1);
}

void trio_wait_for(struct trio *trio, unsigned follower, unsigned leader)
{
    for (unsigned i = 0; i < TRIO_PATIENCE; i++) {
        struct replica *replica = trio_replica(trio, follower);
        if (replica->state == REPLICA_SERVING && trio_last(trio, follower) == trio_last(trio, leader) &&
            replica->shard.tail.epoch == trio_replica(trio, leader)->shard.tail.epoch) {
            return;
        }
        trio_turn(trio);
    }
    cr_assert_fail("node %u does not come to %llu: %s", follower + 1, (unsigned long long)trio_last(trio, leader),
                   (const char *)trio->at[follower].log.data);
}

void trio_expect_same(struct trio *trio, unsigned one, unsigned other)
{
    cr_assert_eq(trio_last(trio, one), trio_last(trio, other));
    cr_assert_eq(digest_shard(&trio_replica(trio, one)->shard), digest_shard(&trio_replica(trio, other)->shard));
    cr_assert(epochs_agree(&trio_replica(trio, one)->shard.tail.epochs, &trio_replica(trio, other)->shard.tail.epochs));
}

void trio_send(struct trio *trio, unsigned i, const char *line)
{
    node_fixture_send(&trio->at[i], line);
}

const char *trio_said(struct trio *trio, unsigned i, const char *command)
{
    const char *text = node_fixture_say(&trio->at[i], "%s", command);
    cr_assert_not_null(text, "%s", command);
    return text;
}

bool trio_has_answered(struct trio *trio, unsigned i)
{
    return trio->at[i].conn.output.size > 0;
}

void trio_expect_answer(struct trio *trio, unsigned i, const char *wanted)
{
    for (unsigned k = 0; k < 3000 && !trio_has_answered(trio, i); k++) {
        trio_turn(trio);
    }
    const struct buf *output = &trio->at[i].conn.output;
    cr_assert(output->size >= strlen(wanted) && memcmp(output->data, wanted, strlen(wanted)) == 0, "%s: %.*s", wanted,
              (int)output->size, (const char *)output->data);
    buf_clear(&trio->at[i].conn.output, SIZE_MAX);
}

void trio_write(struct trio *trio, unsigned i, unsigned commands)
{
    struct node_fixture *at = &trio->at[i];
    for (unsigned k = 0; k < commands; k++) {
        unsigned key = (unsigned)prng_below(&trio->prng, 40);
        switch (prng_below(&trio->prng, 6)) {
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
                node_fixture_say(at, "SET text%u %0*u", key, 1 + (int)prng_below(&trio->prng, 400), key));
        }
        for (uint64_t turns = prng_below(&trio->prng, 4); turns > 0; turns--) {
            trio_turn(trio);
        }
    }
}
