/* SPDX-License-Identifier: MIT */

/* state.h - what a node must not forget about its cluster: the file cluster.state. See state.c for the argument.
 * [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_STATE_H
#define GEOMYS_CLUSTER_STATE_H

#include "env/disk.h"
#include "env/entropy.h"
#include "replica/stand.h"

#define STATE_NAME    "cluster.state"
#define STATE_ID_SIZE 16 /* bytes of a cluster's and of a folder's identity */

struct state_values {
    uint8_t cluster_id[STATE_ID_SIZE]; /* zeros: of no cluster yet */
    uint8_t folder_id[STATE_ID_SIZE];  /* drawn when the folder was made */
    uint64_t node;                     /* node ID; 0: of no cluster yet */
    uint64_t starts;                   /* how often the folder was started, this time included */
    struct stand_promise promise;      /* the highest that was said yes to */
    uint64_t topology_version;         /* of the newest that was acted on */
    uint32_t lease_ms;                 /* no lease that may still run was granted for longer */
};

struct state;

/* Called when what was wanted at the time of state_save is on stable storage; false: it could not be, and `complaint`
 * says why. */
typedef void state_saved(void *context, bool saved, const struct complaint *complaint);

/* Reads the file of the cluster's folder, or makes it, with an identity of its own; counts the start, durably. CORRUPT:
 * neither slot is whole: the node must not vote, as it may have forgotten a yes. VERSION, or what the disk says. With a
 * sentence. `disk` outlives it. Blocks. */
must_use enum status state_open(struct state **out, struct disk *disk, struct entropy *entropy,
                                struct complaint *complaint);

/* A request under way is waited for. NULL is fine. */
void state_close(struct state *state);

/* As they are now; not all of it need be on the disk. Borrowed. */
const struct state_values *state_values(const struct state *state);

/* Other values, which stand in memory at once; what of identity and count they say is ignored. on_saved (may be NULL)
 * comes later, in the order of the calls. What is wanted while the disk is busy goes in one slot. At most STATE_WAITING
 * calls with an on_saved may wait. */
#define STATE_WAITING 32
void state_save(struct state *state, const struct state_values *values, state_saved *on_saved, void *context);

/* The node becomes one of a cluster. As state_save. Once. */
void state_enter(struct state *state, const uint8_t cluster_id[STATE_ID_SIZE], uint64_t node, state_saved *on_saved,
                 void *context);

/* Whether something is on its way to the disk. */
bool state_is_busy(const struct state *state);

#endif
