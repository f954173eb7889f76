/* SPDX-License-Identifier: MIT */

/* sim_net.h - a network in memory whose time is given: env/peer.h for tests and for the simulator.
 *
 * Idea     A *host* is a process that listens at an address; it has one `struct peer` for each of its loops. Between
 *          two addresses there are two *wires*, one for each direction: delay, speed, and whether it is cut. A message
 *          is stamped with the moment at which it arrives when it is sent; methods that are `apart` queue behind their
 *          like alone (E8).
 *
 *             sim_net_advance   what is due arrives; connections are made, refused, found dead
 *             sim_net_turn      one loop's users are told what has come to them
 *             sim_net_run       both, for all hosts, up to a moment
 *
 *          A cut wire holds what is under way back, as TCP does: when it is whole again before somebody gave up,
 *          nothing is missing. Who gives up, and when, is drawn for each end by itself, between two thirds of
 *          PEER_DEAD_MS and nearly all of it: so one side may go on for a while with a link that the other has lost.
 *
 * Promises
 *   P1  The same calls with the same seed give the same callbacks at the same moments.
 *   P2  A process that was killed hears nothing any more; what it had sent arrives up to some message, or not at all.
 *   P3  Everything of env/peer.h (E1 to E8); tests/support/peer_suite.h asks for it.
 *
 * Limits   Delays are far below PEER_DEAD_MS. A host that stood still (SIGSTOP) answers nothing meanwhile, whatever
 *          part of it would be a thread of its own. Nothing here is thread-safe.
 */
#ifndef GEOMYS_TESTS_SUPPORT_SIM_NET_H
#define GEOMYS_TESTS_SUPPORT_SIM_NET_H

#include "env/peer.h"

#define SIM_NEVER INT64_MAX

struct sim_net;  /* opaque */
struct sim_host; /* opaque */

/* One direction between two addresses. */
struct sim_wire {
    int64_t delay_min_us, delay_max_us; /* of each message, drawn between them; at least 1 */
    uint64_t bytes_per_ms;
    bool cut;
};

enum sim_death {
    SIM_KILLED,    /* the process alone: its system tells the others */
    SIM_POWERLESS, /* the machine: nobody tells anybody */
};

struct sim_net *sim_net_create(uint64_t seed);
void sim_net_destroy(struct sim_net *net); /* with all that is in it. NULL is fine */

/* The wire from one address to another: to look at and to change. Valid as long as the network. */
struct sim_wire *sim_net_wire(struct sim_net *net, const char *source, const char *target);

/* All links between two addresses are lost, as by a reset in the midst. New ones can be opened at once. */
void sim_net_break(struct sim_net *net, const char *left, const char *right);

int64_t sim_net_now_us(const struct sim_net *net);

/* The next moment at which advancing does something: now, if a loop that does not stand still has something to be told;
 * SIM_NEVER: nothing happens by itself any more. */
int64_t sim_net_next_us(struct sim_net *net);

/* Time goes on to this moment; tells nobody anything. Never goes back. */
void sim_net_advance(struct sim_net *net, int64_t now_us);

/* Tells the users of this loop what there is to tell now. Returns how many calls that were. */
size_t sim_net_turn(struct peer *peer);

/* Whether a turn would tell anybody anything. */
bool sim_net_ready(struct peer *peer);

/* Time goes on, and whoever does not stand still is told. */
void sim_net_run(struct sim_net *net, int64_t until_us);

/* ---- processes ---- */

/* A process begins to listen. Nobody else has this address at the moment. */
struct sim_host *sim_host_create(struct sim_net *net, const char *address);

/* The process is gone: those who used its links are told nothing any more, and must be gone too. */
void sim_host_destroy(struct sim_host *host, enum sim_death death);

/* The interface for one more loop of it. Lives as long as the host. */
struct peer *sim_host_peer(struct sim_host *host);

/* It stands still, as after SIGSTOP. */
void sim_host_pause(struct sim_host *host, bool paused);
bool sim_host_paused(const struct sim_host *host);

#endif
