/* SPDX-License-Identifier: MIT */

/* trio.h - three whole nodes over a network in memory, with simulated disks and one clock. Nobody votes: who leads and
 * who says yes to whom is done here by hand, so that a test can have each order of things that a vote could bring.
 * All that happens comes from the seed. Nodes go by their place, from 0 on: node 1 is at 0.
 *
 *     struct trio *trio = trio_begin(seed_of_run());   ->  node 1 leads, the others follow
 *     trio_write(trio, 0, 30);
 *     trio_wait_for(trio, 1, 0);
 *     trio_stop(trio, 0, false);
 *     trio_lead(trio, 1, 2);
 *     trio_finish(trio);
 *
 * What does not hold here ends the test. */
#ifndef GEOMYS_TESTS_NODE_TRIO_H
#define GEOMYS_TESTS_NODE_TRIO_H

#include "support/node_fixture.h"
#include "support/sim_net.h"

#define TRIO_NODES    3
#define TRIO_PATIENCE 20000 /* turns */

struct trio {
    struct sim_net *net;
    struct sim_host *hosts[TRIO_NODES];
    struct node_fixture at[TRIO_NODES];
    bool runs[TRIO_NODES];
    struct prng prng;
    int64_t now_us;
};

/* ---- who is there ---- */

/* The disks are empty and no node runs. */
struct trio *trio_create(uint64_t seed);

/* All run; node 1 leads epoch 1 and the others follow. Nobody has been waited for. */
struct trio *trio_begin(uint64_t seed);

/* With modules kv, counter and deque, on its disk as it is. */
void trio_start(struct trio *trio, unsigned i);

/* In order: everything is written down. Else its machine dies, and what was not synced is lost in part. */
void trio_stop(struct trio *trio, unsigned i, bool in_order);

/* Whoever runs is stopped, in order. */
void trio_finish(struct trio *trio);

const char *trio_address(unsigned i);
struct node *trio_node(struct trio *trio, unsigned i);
struct replica *trio_replica(struct trio *trio, unsigned i);

/* The sequence number of its last record. */
uint64_t trio_last(struct trio *trio, unsigned i);

/* What it has kept aside of data that it gave up. */
unsigned trio_lost_files(struct trio *trio, unsigned i);

/* ---- time, and the wires ---- */

/* A millisecond passes everywhere. */
void trio_turn(struct trio *trio);
void trio_turns(struct trio *trio, unsigned count);

/* Milliseconds in which the disk of node `slow` does nothing, and node `still` takes no turn; TRIO_NODES: none. */
void trio_turn_badly(struct trio *trio, unsigned count, unsigned slow, unsigned still);

struct sim_wire *trio_wire(struct trio *trio, unsigned from, unsigned to);

/* No wire is cut any more. */
void trio_mend(struct trio *trio);

/* ---- who leads ---- */

/* Node `i` says yes to the leader, as a vote would have it. */
void trio_promise(struct trio *trio, unsigned i, uint64_t epoch, unsigned leader);

/* Says yes to itself, and leads from then on. */
void trio_lead(struct trio *trio, unsigned i, uint64_t epoch);

/* Says yes to the leader, and follows it. */
void trio_follow(struct trio *trio, unsigned i, uint64_t epoch, unsigned leader);

/* Until the follower serves, and has all that the leader has. */
void trio_wait_for(struct trio *trio, unsigned follower, unsigned leader);

/* They have the same records, the same data and the same history. */
void trio_expect_same(struct trio *trio, unsigned one, unsigned other);

/* ---- the client of each node ---- */

/* Nothing is waited for. */
void trio_send(struct trio *trio, unsigned i, const char *line);

/* The answer, while time passes for that node alone. */
const char *trio_said(struct trio *trio, unsigned i, const char *command);

bool trio_has_answered(struct trio *trio, unsigned i);

/* What comes begins with these bytes; the rest of it is thrown away. */
void trio_expect_answer(struct trio *trio, unsigned i, const char *wanted);

/* Random commands; each is answered. */
void trio_write(struct trio *trio, unsigned i, unsigned commands);

#endif
