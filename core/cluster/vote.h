/* SPDX-License-Identifier: MIT */

/* vote.h - saying yes to a leader, and asking for it. See vote.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_VOTE_H
#define GEOMYS_CLUSTER_VOTE_H

#include "cluster/lease.h"
#include "cluster/state.h"
#include "wire/talk.h"

#define VOTE_WAITING 16 /* answers that wait for the disk; more are not taken */

/* ---- a replica that is asked */

enum vote_answer {
    VOTE_YES,
    VOTE_LOWER,    /* a higher epoch is promised */
    VOTE_OTHER,    /* this epoch is, to another leader or another of its lives */
    VOTE_BEHIND,   /* the candidate lacks what this replica has, or owes */
    VOTE_OWES,     /* this replica is the candidate, and owes */
    VOTE_GRANTED,  /* another leader has its word, or may have had it before it was started */
    VOTE_LEADS,    /* it leads, and its lease holds */
    VOTE_OLD,      /* the topology that names the candidate is older than one that was acted on */
    VOTE_UNSTORED, /* the disk did not take it: nothing is promised */
    VOTE_UNKNOWN,  /* its log is still being read */
    VOTE_BUSY,     /* too many answers wait for the disk */
};

struct voter;

/* The answer is there: to this vote, whose number it has. */
typedef void vote_answered(void *context, const struct talk_vote *vote, enum vote_answer answer);

struct vote_waiting {
    struct voter *voter; /* NULL: free */
    struct talk_vote vote;
    bool self;
    struct stand_promise before; /* to be put back if it cannot be stored */
    vote_answered *on_answer;
    void *context;
};

struct voter {
    struct stand *stand; /* borrowed, as these */
    struct grant *grant;
    struct state *state;
    struct vote_waiting waiting[VOTE_WAITING];
};

void voter_init(struct voter *voter, struct stand *stand, struct grant *grant, struct state *state);

/* A vote is asked for. `self`: by this replica itself. `lease_end_us`: of its own, if it leads, else LEASE_NEVER. The
 * answer comes later if it is yes, else inside this call. O(1). */
void voter_take(struct voter *voter, const struct talk_vote *vote, bool self, int64_t lease_end_us, int64_t now_us,
                vote_answered *on_answer, void *context);

/* Whether it would say yes to a leader that is not behind it: without any effect. */
bool voter_is_free(const struct voter *voter, uint64_t candidate, uint64_t start, int64_t lease_end_us, int64_t now_us);

/* The forgotten are answered no more: whom they were to be told is gone. */
void voter_forget(struct voter *voter, const void *context);

/* ---- one that was named, and asks */

struct candidacy {
    struct talk_promise promise; /* that it asks for; leader 0: it asks for none */
    struct record_epoch set;     /* who counts */
    bool yes[RECORD_REPLICAS_MAX];
    uint64_t topology; /* version that names it */
    int64_t until_us;  /* then it gives up */
    uint64_t highest;  /* epoch that anybody was said to have promised */
    bool own;          /* its own yes is on its disk: it may ask others */
};

#define CANDIDACY_MS 4000

/* It asks for this promise, itself first. */
void candidacy_begin(struct candidacy *candidacy, const struct talk_promise *promise, const struct record_epoch *set,
                     uint64_t topology, int64_t now_us);
void candidacy_end(struct candidacy *candidacy);

static inline bool candidacy_runs(const struct candidacy *candidacy)
{
    return candidacy->promise.leader != 0;
}

/* Node `node` has answered. Of one that is not of the set, or to another question (another epoch or life): nothing. */
void candidacy_answer(struct candidacy *candidacy, uint64_t node, bool yes, const struct talk_promise *promised);

/* Whether `node` is still to be asked: its own yes is there, and that one's is not. */
bool candidacy_asks(const struct candidacy *candidacy, uint64_t node);

/* A majority has said yes, itself among it. */
bool candidacy_is_won(const struct candidacy *candidacy);

#endif
