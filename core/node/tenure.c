/* SPDX-License-Identifier: MIT */

/* tenure.c - who may answer, for how long, and what is said instead.
 *
 * Why      A leader that has heard from no majority for a while may have been followed by another: what it knows may be
 *          old, and what it is told may be cut. It cannot know. So it says nothing, until it knows again, or somebody
 *          has waited for too long.
 *
 * Idea     The lease is read twice in a turn: at the beginning, so that no command changes anything behind its end, and
 *          after the last answer was computed, which decides whether answers leave: that moment is the moment of them
 *          all.
 *
 *              lease gone   ->  fenced: no write, no expiry, no eviction, nobody is served who waits; the gate is shut
 *              lease back   ->  leading; what was held leaves
 *              wait_ms over ->  each held answer becomes an error: UNCERTAIN if the command may have written
 *              deposed      ->  the same, at once
 *
 *          A leader with a lease whose records no majority gets is treated alike: who asks for a majority's word would
 *          wait for ever. And a follower that has had no word of a leader for max_read_lag_ms: others may have gone on
 *          without it, and it answers no reads.
 *
 * Promises
 *   P1  No answer that shows data leaves a leader but after a reading of the clock at which its lease holds, made after
 *       the answer was computed.
 *   P2  Nothing that is held when a node stops to lead, or its data begin anew, leaves as it was computed.
 *   P3  No answer that shows data leaves a follower that has heard nothing of a leader for max_read_lag_ms. */
#include "node/tenure.h"

#include "serve/retract.h"

static bool leads(const struct tenure *tenure)
{
    enum shard_role role = tenure->replica->shard.role;
    return role == SHARD_LEADING || role == SHARD_FENCED;
}

/* The clocks begin anew. */
static void start(struct tenure *tenure)
{
    tenure->began_ms = tenure->replica->shard.monotonic_ms;
    tenure->clear_ms = tenure->began_ms;
    tenure->behind = false;
    tenure->fenced = false;
}

static uint64_t since(const struct tenure *tenure, int64_t moment_ms)
{
    int64_t passed_ms = tenure->replica->shard.monotonic_ms - moment_ms;
    return passed_ms > 0 ? (uint64_t)passed_ms : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long a follower has had no word of a leader; no longer than it follows. */
static uint64_t quiet_ms(const struct tenure *tenure)
{
    return least(since(tenure, tenure->follow->fed_ms), since(tenure, tenure->began_ms));
}

static bool is_cut_off(const struct tenure *tenure)
{
    int64_t most_ms = tenure->options.read_lag_ms;
    bool follows = tenure->replica->shard.role == SHARD_FOLLOWING;
    return follows && most_ms > 0 && quiet_ms(tenure) >= (uint64_t)most_ms; /* cluster C13 */
}

/* What an answer that is held waits for, and for how long by now. */
static enum words_why why_held(const struct tenure *tenure, uint64_t *ms)
{
    if (leads(tenure) && !tenure->may) {
        *ms = least(orders_without_lease_ms(tenure->orders), since(tenure, tenure->began_ms));
        return WORDS_UNHEARD;
    }
    if (is_cut_off(tenure)) {
        *ms = quiet_ms(tenure);
        return WORDS_CUT_OFF;
    }
    *ms = since(tenure, tenure->clear_ms);
    return leads(tenure) ? WORDS_UNHAD : WORDS_UNTOLD;
}

/* Reads the lease, and does what follows for the shard. */
static void look(struct tenure *tenure)
{
    struct shard *shard = &tenure->replica->shard;
    bool has_lease = tenure->orders == NULL || orders_may_answer(tenure->orders);
    tenure->may = leads(tenure) ? has_lease : !is_cut_off(tenure); /* cluster C4 */
    bool fence = leads(tenure) && (!tenure->may || tenure->behind);
    if (shard->role == SHARD_LEADING) {
        tenure->fenced = fence;
        if (fence) {
            replica_fence(tenure->replica, true);
        }
    } else if (shard->role == SHARD_FENCED && tenure->fenced && !fence) {
        tenure->fenced = false;
        replica_fence(tenure->replica, false);
    }
    if (shard->role == SHARD_FOLLOWING && shard->says[0] == '\0') {
        words_follower(shard->says, tenure->leader);
    }
    if (fence) {
        uint64_t ms;
        enum words_why why = why_held(tenure, &ms);
        words_held(shard->says, why, WORDS_WRITER, tenure->node, ms);
    }
}

void tenure_turn(struct tenure *tenure)
{
    if (tenure->began_ms == 0) {
        start(tenure); /* the first turn of all */
    }
    if (leads(tenure)) {
        look(tenure);
    }
}

void tenure_level(struct tenure *tenure, bool quorum)
{
    enum gate_level level = quorum ? GATE_QUORUM : GATE_LOCAL;
    struct session_pool *sessions = &tenure->worker->sessions;
    if (level != sessions->level) {
        sessions->level = level;
        list_move_all(&sessions->dirty, tenure->gated);
    }
}

/* ---- what is held ---- */

static void retract(struct tenure *tenure, const char *wrote, const char *read)
{
    struct retract_words words = {.wrote = wrote, .read = read};
    tenure->retracted += retract_held(tenure->worker, tenure->gated, &words);
}

static void retract_late(struct tenure *tenure)
{
    char wrote[WORDS_MAX];
    char read[WORDS_MAX];
    uint64_t ms;
    enum words_why why = why_held(tenure, &ms);
    words_held(wrote, why, WORDS_WROTE, tenure->node, ms);
    words_held(read, why, WORDS_READ, tenure->node, ms);
    retract(tenure, wrote, read);
}

/* Whether answers wait for others now, and have for too long (cluster C26). */
static bool is_late(struct tenure *tenure)
{
    const struct shard *shard = &tenure->replica->shard;
    bool quorum = tenure->worker->sessions.level == GATE_QUORUM;
    uint64_t let = shard->gate.released[GATE_QUORUM];
    bool lacks = quorum && let < shard->gate.released[GATE_LOCAL];
    if (tenure->may && (!lacks || let != tenure->let)) {
        tenure->clear_ms = shard->monotonic_ms;
    }
    tenure->let = let;
    return shard->monotonic_ms - tenure->clear_ms >= tenure->options.wait_ms && (lacks || !tenure->may);
}

void tenure_release(struct tenure *tenure)
{
    struct gate *gate = &tenure->replica->shard.gate;
    look(tenure);
    gate_shut(gate, !tenure->may); /* tenure P1, P3 */
    bool late = is_late(tenure);
    tenure->behind = late && tenure->may && leads(tenure);
    if (late) {
        retract_late(tenure);
    }
}

/* ---- beginnings and ends ---- */

bool tenure_begin(struct tenure *tenure, uint64_t epoch, const struct record_epoch *leader)
{
    bool led = leads(tenure);
    if (!replica_lead(tenure->replica, epoch, leader)) {
        return false;
    }
    if (!led) {
        start(tenure);
    }
    return true;
}

void tenure_end(struct tenure *tenure, uint64_t leader)
{
    struct shard *shard = &tenure->replica->shard;
    if (leads(tenure)) {
        char wrote[WORDS_MAX];
        words_lost(wrote, tenure->node);
        gate_shut(&shard->gate, true); /* tenure P2: what this turn has computed as well */
        retract(tenure, wrote, WORDS_DEPOSED);
        retract_waiting(tenure->worker, WORDS_UNBLOCKED);
        retract_written(tenure->worker, tenure->replica->acks.committed);
        gate_shut(&shard->gate, false);
        replica_follow(tenure->replica);
        start(tenure);
    }
    tenure->leader = leader;
    shard->says[0] = '\0';
}

void tenure_reset(struct tenure *tenure)
{
    if (tenure->worker->shard != NULL) { /* else the node ends */
        char wrote[WORDS_MAX];
        words_lost(wrote, tenure->node);
        retract(tenure, leads(tenure) ? wrote : WORDS_REWOUND_WROTE, WORDS_REWOUND); /* tenure P2 */
    }
}
