/* SPDX-License-Identifier: MIT */

/* sim_world.h - many whole nodes in one thread under virtual time: their machines, their network, their clients.
 *
 * Idea     A *machine* has a disk, clocks and a name, and outlives the processes on it. A process is a real node
 *          (node/node.h) with real modules; it has *actors*, each a loop with its turns: the node's worker is the
 *          first, others can be added while it starts. A turn is two steps, so the world may change in its midst:
 *
 *             turn ── anything else, also a pause of seconds ── what came from peers and clients ── turn_end
 *
 *          The disk carries out one request after another, each after a while, between the turns of the first actor.
 *          What a client sends and hears takes a while, too.
 *
 *     struct sim_world *world = sim_world_create(seed, modules, count);
 *     struct sim_machine *machine = sim_world_machine(world, "10.0.0.1:6000");
 *     sim_machine_start(machine);                  ->  it loads
 *     sim_world_run(world, until_us);
 *     sim_machine_kill(machine, SIM_POWERLESS);    ->  as if the power had failed; started again by the caller
 *
 * Promises
 *   P1  Two worlds of one seed in which the same is done have the same trace (sim_world_time()->trace).
 *   P2  What was synced is on the machine's disk at the next start, what was not is any part of it. Nothing else
 *       outlives a process but the clocks.
 *   P3  No two processes draw the same entropy, of one machine or of several.
 */
#ifndef GEOMYS_TESTS_SUPPORT_SIM_WORLD_H
#define GEOMYS_TESTS_SUPPORT_SIM_WORLD_H

#include <stdio.h>

#include "cluster/loop.h"
#include "node/node.h"
#include "support/sim_disk.h"
#include "support/sim_net.h"
#include "support/sim_time.h"

#define SIM_ACTORS 4 /* of a process */

struct sim_world;   /* opaque */
struct sim_machine; /* opaque */
struct sim_client;  /* opaque */

/* ---- the world ---- */

/* The modules are what each node serves; borrowed. */
struct sim_world *sim_world_create(uint64_t seed, const struct gm_module *const *modules, size_t count);
void sim_world_destroy(struct sim_world *world); /* with all that is in it */

struct sim_time *sim_world_time(struct sim_world *world);
struct sim_net *sim_world_net(struct sim_world *world);

void sim_world_run(struct sim_world *world, int64_t until_us);

/* What nodes say is written to this stream from now on, with the moment and the machine. */
void sim_world_listen(struct sim_world *world, FILE *lines);

/* ---- machines ---- */

/* Its clocks, and its entropy, are drawn. Lives as long as the world. */
struct sim_machine *sim_world_machine(struct sim_world *world, const char *address);

const char *sim_machine_address(const struct sim_machine *machine);
struct sim_disk *sim_machine_disk(struct sim_machine *machine);
struct sim_clock *sim_machine_clock(struct sim_machine *machine);
struct config *sim_machine_config(struct sim_machine *machine); /* changed before a start */

/* Processes that are started from now on are of a cluster: with a second loop (cluster/loop.h), whose disk, peer, clock
 * and orders are the machine's. What `wanted` borrows outlives them. */
void sim_machine_member(struct sim_machine *machine, const struct loop_config *wanted);

/* Its disks are replaced by empty ones. No process runs here. */
void sim_machine_empty(struct sim_machine *machine);

/* The cluster loop of the process that runs here; NULL: there is none. */
struct loop *sim_machine_loop(struct sim_machine *machine);
struct sim_disk *sim_machine_cluster_disk(struct sim_machine *machine);

/* A process begins. Else: why it refuses is in sim_machine_complaint. No process runs here. */
must_use enum status sim_machine_start(struct sim_machine *machine);
const char *sim_machine_complaint(const struct sim_machine *machine);

/* The node of the process that runs here. NULL: none does; also if its disk has killed it (SIM_CRASH), or it has
 * failed: then it is as after SIM_POWERLESS. */
struct node *sim_machine_node(struct sim_machine *machine);

bool sim_machine_serves(struct sim_machine *machine);

/* How many processes ended here as by SIM_POWERLESS; and how many because the node itself gave up, though its disk had
 * not killed it. */
uint64_t sim_machine_blackouts(const struct sim_machine *machine);
uint64_t sim_machine_failures(const struct sim_machine *machine);

/* Ends the process as it is: SIM_KILLED, what it wrote is there; SIM_POWERLESS, what it synced, and any part of the
 * rest. Not within a callback of this process. */
void sim_machine_kill(struct sim_machine *machine, enum sim_death death);

/* Ends it in order: all is written down. Blocks, as the process would. */
void sim_machine_close(struct sim_machine *machine);

/* It stands still until then. */
void sim_machine_pause(struct sim_machine *machine, int64_t until_us);

/* ---- actors ---- */

struct sim_actor_ops {
    void (*turn)(void *context, int64_t wall_ms, int64_t monotonic_ms);
    /* Returns when the next turn is wanted at the latest, monotonic ms. */
    int64_t (*turn_end)(void *context);
    /* The process is gone. May be NULL. */
    void (*on_gone)(void *context);
};

/* A loop of its own in the process that runs here, until it ends. Returns its network, whose users are told between
 * turn and turn_end. */
struct peer *sim_machine_actor(struct sim_machine *machine, const struct sim_actor_ops *ops, void *context);

/* ---- clients ---- */

struct sim_client_ops {
    /* A reply, as resp_text.h writes it. */
    void (*on_reply)(void *context, const char *text);
    /* The connection is gone, and with it what was not answered. */
    void (*on_gone)(void *context);
};

/* A client, not connected. Lives as long as the world. */
struct sim_client *sim_world_client(struct sim_world *world, const struct sim_client_ops *ops, void *context);

/* False: nobody listens there, or it takes no more. */
bool sim_client_connect(struct sim_client *client, struct sim_machine *machine);
bool sim_client_connected(const struct sim_client *client);

/* It ends the connection, if there is one, and hears nothing of it any more: on_gone does not come. Not from within a
 * turn of the machine. */
void sim_client_leave(struct sim_client *client);

/* Sends a line, and its end. It is connected. */
__attribute__((format(printf, 2, 3))) void sim_client_say(struct sim_client *client, const char *format, ...);

#endif
