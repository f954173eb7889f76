/* SPDX-License-Identifier: MIT */

/* tenure.h - what a node of a cluster may say, while it leads and while it follows, and what becomes of what it holds.
 * See tenure.c for the argument. [worker's thread] */
#ifndef GEOMYS_NODE_TENURE_H
#define GEOMYS_NODE_TENURE_H

#include "node/options.h"
#include "node/words.h"
#include "replica/follow.h"
#include "replica/orders.h"
#include "replica/replica.h"
#include "serve/worker.h"

struct tenure {
    struct replica *replica; /* borrowed, as all here */
    struct worker *worker;
    const struct follow *follow;
    struct orders *orders; /* NULL: whoever calls says what it is to be, and there is no lease */
    struct list *gated;    /* sessions (dirty links) whose answers are held */
    uint64_t node;
    uint64_t leader; /* whom it follows; 0: nobody knows */
    struct membership_options options;
    bool may;           /* as of the last reading: answers may leave */
    bool fenced;        /* by this, and nobody else */
    bool behind;        /* no majority has had what was written for wait_ms */
    int64_t began_ms;   /* monotonic: since when it leads, or follows */
    int64_t clear_ms;   /* monotonic: when no answer waited for others last, or some went on */
    uint64_t let;       /* to a majority, when it was looked at */
    uint64_t retracted; /* answers */
};

/* At which level answers leave: write_acks of the cluster. */
void tenure_level(struct tenure *tenure, bool quorum);

/* At the beginning of a turn, with its time: a leader without a lease is fenced before a command comes, and leads again
 * when there is one. */
void tenure_turn(struct tenure *tenure);

/* Behind everything that computes an answer, and before any leaves: the gate is shut where there is no lease (cluster
 * C4), or no word of a leader for too long (C13), and what has been held for too long is answered otherwise (C26).
 * Behind gate_release. */
void tenure_release(struct tenure *tenure);

/* It begins to lead, or a new epoch: as replica_lead. */
bool tenure_begin(struct tenure *tenure, uint64_t epoch, const struct record_epoch *leader);

/* It follows, and leads no more if it did; `leader`: who does, 0: nobody knows. Answers that are held become errors,
 * who waits for a key is sent away. */
void tenure_end(struct tenure *tenure, uint64_t leader);

/* The data begin anew, here: what is held depends on what may go. Not while a command is under way. */
void tenure_reset(struct tenure *tenure);

#endif
