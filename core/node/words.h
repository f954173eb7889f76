/* SPDX-License-Identifier: MIT */

/* words.h - what clients are told of a cluster: each sentence once, with its numbers. Every one begins with the word
 * that clients go by: CLUSTERDOWN (nothing was changed: ask again), UNCERTAIN (it may have been carried out), UNBLOCKED
 * (a waiting command has changed nothing), READONLY. */
#ifndef GEOMYS_NODE_WORDS_H
#define GEOMYS_NODE_WORDS_H

#include "shard/shard.h"

#define WORDS_MAX SHARD_SAYS_MAX

/* A leader that has had no lease for so long. */
void words_fenced(char out[WORDS_MAX], uint64_t ms);       /* to who wants to write */
void words_fenced_wrote(char out[WORDS_MAX], uint64_t ms); /* ... has written */
void words_fenced_read(char out[WORDS_MAX], uint64_t ms);  /* ... has read */

/* A leader whose records no majority has had for so long, though it has a lease. */
void words_behind(char out[WORDS_MAX], uint64_t ms);
void words_behind_wrote(char out[WORDS_MAX], uint64_t ms);
void words_behind_read(char out[WORDS_MAX], uint64_t ms);

/* A leader that leads no more, to who has written there. */
void words_lost(char out[WORDS_MAX], uint64_t leader);

/* A follower, to who wants to write there. `leader` 0: none is known. */
void words_follower(char out[WORDS_MAX], uint64_t leader);

#define WORDS_DEPOSED   "CLUSTERDOWN this node does not lead any more: ask again"
#define WORDS_UNBLOCKED "UNBLOCKED this node does not lead any more: ask again"
#define WORDS_REWOUND   "CLUSTERDOWN this node goes back to what a majority has: ask again"

#endif
