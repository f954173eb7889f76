/* SPDX-License-Identifier: MIT */

/* coord_raft_state.h - what coord_raft.c, coord_raft_asks.c and coord_raft_members.c share. */
#ifndef GEOMYS_CLUSTER_COORD_RAFT_STATE_H
#define GEOMYS_CLUSTER_COORD_RAFT_STATE_H

#include "cluster/coord_guard.h"
#include "cluster/coord_raft.h"

enum coord_raft_stage {
    COORD_RAFT_WAITS,    /* for a leader, or for its turn */
    COORD_RAFT_SENT,     /* to the node that leads */
    COORD_RAFT_PROPOSED, /* to the library, which leads here */
    COORD_RAFT_READS,    /* waits for a majority to say that this server still leads */
    COORD_RAFT_ANSWERED,
};

/* A swap or a read that somebody waits for. */
struct coord_raft_ask {
    struct list link;
    struct coord_raft *raft;
    enum coord_raft_stage stage;
    struct coord_swap *swap; /* whose it is: a swap or a read of this node, */
    struct coord_read *read;
    uint64_t from, server, number; /* or that of another node, if `from` is not 0 */
    bool is_swap;
    uint64_t expected;
    struct buf document;
    int64_t until_us;
    uint64_t sent_to;     /* SENT: the node */
    uint64_t sent_number; /* and what it was called */
    uint64_t stamp, term; /* READS */
    uint64_t index;
    enum coord_outcome outcome; /* ANSWERED */
    struct complaint complaint;
    struct raft_apply apply;
};

struct coord_raft {
    struct coord base;
    struct coord_guard guard;
    struct raft_fsm fsm;
    struct buf document; /* what the entries that were applied have made */
    struct buf scratch;
    uint64_t version;                /* of `document`, 0: none */
    struct topology *current;        /* owned, NULL: none. The newest that is known, applied or not */
    struct topology *applied;        /* owned: `document`, if version is above 0 */
    struct topology *decoded;        /* owned: for one look */
    struct list asks;                /* struct coord_raft_ask, in order of arrival */
    uint32_t foreign;                /* how many of them are other nodes' */
    struct coord_raft_ask *proposed; /* the one that the library has, or NULL */
    uint64_t next_number;
    struct raft_change change;
    bool changing;
    int64_t now_us;
};

uint64_t coord_raft_server(const uint8_t folder_id[static TOPOLOGY_ID_SIZE]);

/* Shows `topology`, if it is newer than what is shown. */
void coord_raft_show(struct coord_raft *raft, const struct topology *topology);

/* coord_raft_asks.c */
void coord_raft_swap(struct coord *coord, struct coord_swap *swap);
void coord_raft_read(struct coord *coord, struct coord_read *read);
void coord_raft_on_ask(void *context, uint64_t from, const struct coord_message *message);
void coord_raft_see_to_asks(struct coord_raft *raft); /* the guard is ready */
void coord_raft_answer_asks(struct coord_raft *raft); /* calls back, at the end of a turn */
bool coord_raft_has_answers(const struct coord_raft *raft);
int64_t coord_raft_next_us(const struct coord_raft *raft); /* INT64_MAX: nobody waits */
void coord_raft_forget_asks(struct coord_raft *raft);

/* coord_raft_members.c: one step towards the servers that the topology names. The guard is ready. */
void coord_raft_see_to_members(struct coord_raft *raft);

#endif
