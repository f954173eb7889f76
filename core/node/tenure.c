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
 *          wait for ever.
 *
 * Promises
 *   P1  No answer that shows data leaves a leader but after a reading of the clock at which its lease holds, made after
 *       the answer was computed.
 *   P2  Nothing that is held when a node stops to lead, or its data begin anew, leaves as it was computed. */
#include "node/tenure.h"

#include "node/words.h"
#include "serve/retract.h"

static bool leads(const struct tenure *tenure)
{
    enum shard_role role = tenure->replica->shard.role;
    return role == SHARD_LEADING || role == SHARD_FENCED;
}

/* Since when there has been no lease; no longer than it leads. */
static uint64_t without_ms(const struct tenure *tenure)
{
    int64_t led_ms = tenure->replica->shard.monotonic_ms - tenure->led_ms;
    uint64_t without = orders_without_lease_ms(tenure->orders);
    return led_ms >= 0 && (uint64_t)led_ms < without ? (uint64_t)led_ms : without;
}

static uint64_t behind_ms(const struct tenure *tenure)
{
    return (uint64_t)(tenure->replica->shard.monotonic_ms - tenure->clear_ms);
}

/* Reads the lease, and does what follows for the shard. */
static void look(struct tenure *tenure)
{
    struct shard *shard = &tenure->replica->shard;
    tenure->may = !leads(tenure) || tenure->orders == NULL || orders_may_answer(tenure->orders); /* cluster C4 */
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
    if (fence && !tenure->may) {
        words_fenced(shard->says, without_ms(tenure));
    } else if (fence) {
        words_behind(shard->says, behind_ms(tenure));
    }
}

void tenure_turn(struct tenure *tenure)
{
    if (leads(tenure)) {
        look(tenure);
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
    if (!tenure->may) {
        words_fenced_wrote(wrote, without_ms(tenure));
        words_fenced_read(read, without_ms(tenure));
    } else {
        words_behind_wrote(wrote, behind_ms(tenure));
        words_behind_read(read, behind_ms(tenure));
    }
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
    return shard->monotonic_ms - tenure->clear_ms >= tenure->wait_ms;
}

void tenure_release(struct tenure *tenure)
{
    struct gate *gate = &tenure->replica->shard.gate;
    if (!leads(tenure)) {
        gate_shut(gate, false);
        return;
    }
    look(tenure);
    gate_shut(gate, !tenure->may); /* tenure P1 */
    bool late = is_late(tenure);
    tenure->behind = late && tenure->may;
    if (late) {
        retract_late(tenure);
    }
}

/* ---- beginnings and ends ---- */

bool tenure_begin(struct tenure *tenure, uint64_t epoch, const struct record_epoch *leader)
{
    const struct shard *shard = &tenure->replica->shard;
    bool led = leads(tenure);
    if (!replica_lead(tenure->replica, epoch, leader)) {
        return false;
    }
    if (!led) {
        tenure->led_ms = shard->monotonic_ms;
        tenure->clear_ms = shard->monotonic_ms;
        tenure->behind = false;
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
        gate_shut(&shard->gate, false);
        tenure->fenced = false;
        tenure->behind = false;
        replica_follow(tenure->replica);
    }
    if (shard->role == SHARD_FOLLOWING) {
        words_follower(shard->says, leader);
    }
}

void tenure_reset(struct tenure *tenure)
{
    if (tenure->worker->shard != NULL) { /* else the node ends */
        char wrote[WORDS_MAX];
        words_lost(wrote, tenure->node);
        retract(tenure, wrote, WORDS_REWOUND); /* tenure P2 */
    }
}
