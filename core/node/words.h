/* SPDX-License-Identifier: MIT */

/* words.h - what clients are told of a cluster: each sentence once, with its numbers. Every one begins with the word
 * that clients go by: CLUSTERDOWN (nothing was changed: ask again), UNCERTAIN (it may have been carried out), UNBLOCKED
 * (a waiting command has changed nothing), READONLY. */
#ifndef GEOMYS_NODE_WORDS_H
#define GEOMYS_NODE_WORDS_H

#include "shard/shard.h"

#define WORDS_MAX SHARD_SAYS_MAX

/* What a node waits for. */
enum words_why {
    WORDS_UNHEARD, /* a leader for its lease */
    WORDS_UNHAD,   /* a leader, with one, for a majority to have what was written */
    WORDS_CUT_OFF, /* a follower for a leader */
    WORDS_UNTOLD,  /* a follower for the word that a majority has what it has */
};

/* Who is told. */
enum words_whom {
    WORDS_WRITER, /* whose command is refused */
    WORDS_WROTE,  /* ... may have changed something */
    WORDS_READ,   /* ... has changed nothing */
};

/* It has lasted for `ms`, at this node. */
void words_held(char out[WORDS_MAX], enum words_why why, enum words_whom whom, uint64_t node, uint64_t ms);

/* A leader that leads no more, to who has written there. */
void words_lost(char out[WORDS_MAX], uint64_t leader);

/* A follower, to who has asked that leader for something by way of it: he has read; and to who cannot be sent on, as
 * nobody answers who is known to lead. `leader`: who did last, 0: nobody. */
void words_lost_read(char out[WORDS_MAX], uint64_t leader);
void words_no_leader(char out[WORDS_MAX], uint64_t leader);

/* A follower, to who wants to write there. `leader` 0: none is known. */
void words_follower(char out[WORDS_MAX], uint64_t leader);

#define WORDS_DEPOSED   "CLUSTERDOWN this node does not lead any more: ask again"
#define WORDS_UNBLOCKED "UNBLOCKED this node does not lead any more: ask again"
#define WORDS_REWOUND_WROTE                                                                                            \
    "UNCERTAIN this node goes back to what a majority has: the command may have been carried out"
#define WORDS_REWOUND "CLUSTERDOWN this node goes back to what a majority has: ask again"

#endif
