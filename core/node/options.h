/* SPDX-License-Identifier: MIT */

/* options.h - what each part of a running node gets of the settings.
 *
 * Why      A part that looks into the config while it runs sees a change at whatever moment it looks, in pieces, and
 *          borrows texts that CONFIG SET frees. With several threads that is a race; with one it was three settings
 *          that were accepted and did nothing.
 *
 * Idea     One function per part fills the part's own struct from the config; the same one serves the start and every
 *          change. The node gives the struct to the part by value, with a verb (publish):
 *
 *              config ──options_worker──► struct worker_options ─sessions_configure─► the worker's own copy
 *
 * Rules
 *   R1  A struct of options owns all that it says: numbers and texts by value, no pointer into the config.
 *   R2  A part is configured as a whole, by its verb. Nobody writes a single field of its options from outside.
 *   R3  A struct of options that several threads read is never written to: a change makes a new one and puts it in the
 *       place of the old one, which goes when its last reader has let go of it.
 */
#ifndef GEOMYS_NODE_OPTIONS_H
#define GEOMYS_NODE_OPTIONS_H

#include "base/trace.h"
#include "config/config.h"
#include "env/net.h"
#include "node/forward.h"
#include "replica/replica.h"
#include "serve/worker.h"

/* Of the connections, for the node itself. */
struct client_options {
    uint64_t wanted;         /* at a time, as the setting says */
    uint64_t max;            /* ... as the system has room for */
    int64_t timeout_ms;      /* of silence; 0: for ever */
    int64_t auth_timeout_ms; /* until the password is shown, if there is one; 0: for ever */
    int64_t stall_ms;        /* without progress, of a client for which much waits; 0: never */
};

/* Of a node of a cluster. */
struct membership_options {
    int64_t wait_ms;     /* that an answer is held for others */
    int64_t read_lag_ms; /* without a word of a leader, before a read is held; 0: never */
    uint64_t log_limit;  /* bytes, kept for nodes that are away */
};

struct worker_options options_worker(const struct config *config);

/* That of the log is read at the start alone; its salt is the replica's. */
struct replica_options options_replica(const struct config *config, uint64_t seed);
struct client_options options_clients(const struct config *config);

/* What all clients may hold. `machine`: bytes of memory that the machine has; 0: not known. */
struct crowd_options options_crowd(const struct config *config, uint64_t machine);
struct membership_options options_membership(const struct config *config);
struct forward_options options_forward(const struct config *config);
struct network_options options_network(const struct config *config);
enum trace_level options_trace(const struct config *config);

#endif
