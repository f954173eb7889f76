/* SPDX-License-Identifier: MIT */

/* loop_follow.c - a replica's side: whom it gives its word, and what it answers.
 *
 * Promises
 *   P1  A grant counts from a reading of the clock that comes behind the beat (cluster C3), and never for longer than
 *       stands on the disk (cluster C5).
 *   P2  To a question nothing here changes (cluster section 4: Ask).
 *   P3  A vote is answered on the link over which it came, or not at all: a link that is gone is not mistaken for
 *       another one that lies at the same place. */
#include "cluster/loop_follow.h"

#include "cluster/loop_lead.h"

static struct talk_place place_of(struct stand_position position)
{
    return (struct talk_place){position.epoch, position.sequence};
}

static struct talk_promise promise_of(const struct stand_promise *promise)
{
    return (struct talk_promise){promise->epoch, promise->leader, promise->start};
}

/* ---- beats ---- */

static void on_lease_stored(void *context, bool saved, const struct complaint *complaint)
{
    struct loop *loop = context;
    (void)complaint;
    loop->storing_lease = false;
    if (saved) {
        grant_ceiling(&loop->grant, loop->storing_ms);
    }
}

/* The beat that comes behind it is granted. */
static void store_lease(struct loop *loop, uint32_t lease_ms)
{
    if (loop->storing_lease) {
        return;
    }
    struct state_values values = *state_values(loop->state);
    values.lease_ms = lease_ms;
    loop->storing_lease = true;
    loop->storing_ms = lease_ms;
    state_save(loop->state, &values, on_lease_stored, loop);
}

static void note_leader(struct loop *loop, const struct hub_link *link, const struct talk_beat *beat)
{
    if (beat->epoch >= loop->leader.epoch || loop->leader.leader == link->node ||
        loop->now_us - loop->leader_us > (int64_t)loop->config.lease_ms * 1000) {
        loop->leader = (struct talk_promise){beat->epoch, link->node, beat->start};
        loop->leader_us = loop->now_us;
    }
}

void loop_follow_beat(struct loop *loop, struct hub_link *link, const struct talk_beat *beat, int64_t now_us)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    struct talk_words words = {.kind = TALK_GRANTED};
    stand_read(loop->stand, &promise, &position, &owes);
    uint32_t lease_ms = 0;
    if (beat->resigned) {
        grant_resigned(&loop->grant, link->node, beat->start, beat->sent_us);
    } else {
        struct grant_beat asked = {.epoch = beat->epoch,
                                   .leader = link->node,
                                   .start = beat->start,
                                   .sent_us = beat->sent_us,
                                   .lease_ms = beat->lease_ms};
        note_leader(loop, link, beat);
        switch (grant_take(&loop->grant, &asked, &promise, now_us)) { /* loop_follow P1 */
        case GRANT_YES:
            lease_ms = beat->lease_ms;
            break;
        case GRANT_STORE:
            store_lease(loop, beat->lease_ms);
            break;
        case GRANT_NO:
            break;
        }
    }
    words.granted = (struct talk_granted){.shard = beat->shard,
                                          .epoch = beat->epoch,
                                          .sent_us = beat->sent_us,
                                          .lease_ms = lease_ms,
                                          .promise = promise_of(&promise),
                                          .position = place_of(position),
                                          .fit = loop->report.fit};
    (void)hub_send(link, &words);
}

/* ---- votes ---- */

static const char *why_not(enum vote_answer answer)
{
    static const char *const texts[] = {
        [VOTE_YES] = "yes",
        [VOTE_LOWER] = "a higher epoch is promised",
        [VOTE_OTHER] = "this epoch is promised to another",
        [VOTE_BEHIND] = "it lacks what this node has or has acknowledged",
        [VOTE_OWES] = "it owes what it has acknowledged",
        [VOTE_GRANTED] = "another leader has this node's word for now",
        [VOTE_LEADS] = "this node leads",
        [VOTE_OLD] = "its topology is older than the one that is acted on here",
        [VOTE_UNSTORED] = "the disk did not take it",
        [VOTE_UNKNOWN] = "the log is still being read",
        [VOTE_BUSY] = "too many votes wait for the disk",
    };
    return texts[answer];
}

/* `context` is the loop: the link may be gone by now, so it is looked for by the node that asked. */
static void on_voted(void *context, const struct talk_vote *vote, enum vote_answer answer)
{
    struct loop *loop = context;
    struct stand_promise promise;
    struct stand_position position, owes;
    struct hub_link *link = loop_link(loop, vote->promise.leader); /* loop_follow P3 */
    stand_read(loop->stand, &promise, &position, &owes);
    if (answer == VOTE_YES) {
        loop_say(loop, TRACE_INFO, "node %llu is to lead in epoch %llu: this node has promised it",
                 (unsigned long long)vote->promise.leader, (unsigned long long)vote->promise.epoch);
    } else {
        loop_say(loop, TRACE_DEBUG, "node %llu asks for epoch %llu: no, as %s",
                 (unsigned long long)vote->promise.leader, (unsigned long long)vote->promise.epoch, why_not(answer));
    }
    if (link == NULL || link->start != vote->promise.start) {
        return;
    }
    struct talk_words words = {.kind = TALK_VOTED};
    words.voted = (struct talk_voted){.number = vote->number,
                                      .shard = vote->shard,
                                      .yes = answer == VOTE_YES,
                                      .position = place_of(position),
                                      .promise = promise_of(&promise),
                                      .wait_ms = grant_wait_ms(&loop->grant, loop->now_us)};
    (void)hub_send(link, &words);
}

void loop_follow_vote(struct loop *loop, struct hub_link *link, const struct talk_vote *vote)
{
    if (vote->promise.leader != link->node || vote->promise.start != link->start) {
        return; /* it asks for another: nobody does that */
    }
    voter_take(&loop->voter, vote, false, loop_lead_end_us(loop), loop_clock(loop), on_voted, loop);
}

/* ---- questions ---- */

void loop_follow_stands(const struct loop *loop, struct talk_stands *out)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    int64_t now_us = loop_clock(loop);
    int64_t lease_us = loop_lead_end_us(loop);
    stand_read(loop->stand, &promise, &position, &owes);
    uint32_t wait_ms = grant_wait_ms(&loop->grant, now_us);
    bool able = stand_is_known(loop->stand) && !loop->lead.stalled; /* cluster C1: a worker that stands still cannot */
    *out = (struct talk_stands){.shard = LOOP_SHARD,
                                .position = place_of(position),
                                .owes = place_of(owes),
                                .promise = promise_of(&promise),
                                .fit = loop->report.fit,
                                .free = able && voter_is_free(&loop->voter, 0, 0, lease_us, now_us),
                                .wait_ms = lease_us > now_us ? loop->config.lease_ms : wait_ms};
}

void loop_follow_ask(struct loop *loop, struct hub_link *link, const struct talk_ask *ask)
{
    struct talk_words words = {.kind = TALK_STANDS};
    loop_follow_stands(loop, &words.stands); /* loop_follow P2 */
    words.stands.number = ask->number;
    (void)hub_send(link, &words);
}
