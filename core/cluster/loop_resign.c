/* SPDX-License-Identifier: MIT */

/* loop_resign.c - handing over before the process ends (docs/cluster-protocol.md, section 7).
 *
 * Why      A leader that just ends leaves the others to wait for its lease, and then for a new leader of the
 *          coordinator: more than a second, each time that somebody restarts a server.
 *
 * Idea     The worker has closed: nothing is answered any more. The replicas are asked where they stand; the heir is
 *          one that has all that this log has, the highest node ID of those. The topology names it, and then the
 *          replicas are told that the word they have given counts no more. They may say yes at once; so may this node,
 *          which stays until it has, or for RESIGN_US.
 *
 * Promises
 *   P1  `resigned` is said after the last answer, and no beat comes behind it (cluster section 7).
 *   P2  The heir has all that this node's log has; where nobody has, none is named, and the controller chooses. */
#include "cluster/loop_resign.h"

#include "cluster/loop.h"
#include "cluster/loop_change.h"
#include "cluster/loop_lead.h"

#define RESIGN_US ((int64_t)1000000) /* then it ends, whatever has become of it */
#define HEIR_US   ((int64_t)500000)  /* that an heir is looked for */
#define ALL_US    ((int64_t)100000)  /* that all answers are waited for */
#define ASK_US    ((int64_t)50000)

bool loop_resign(struct loop *loop)
{
    if (!loop_is_member(loop) || !loop_leads(loop) || loop->lead.set.replica_count < 2) {
        return false;
    }
    loop->resign = (struct loop_resign){.begun = true, .until_us = loop_clock(loop) + RESIGN_US};
    return true;
}

bool loop_has_resigned(const struct loop *loop)
{
    return loop->resign.done || loop->trouble.text[0] != '\0';
}

static void ask(struct loop *loop)
{
    struct loop_choose *choose = &loop->choose;
    if (loop->now_us - loop->resign.asked_us < ASK_US) {
        return;
    }
    loop->resign.asked_us = loop->now_us;
    choose->round = choose->round == 0 ? ++loop->hub.number : choose->round;
    for (uint32_t i = 0; i < loop->lead.set.replica_count; i++) {
        struct hub_link *link = loop_link(loop, loop->lead.set.replicas[i]);
        if (link != NULL) {
            struct talk_words words = {.kind = TALK_ASK, .ask = {.number = choose->round, .shard = LOOP_SHARD}};
            (void)hub_send(link, &words);
        }
    }
}

/* 0: nobody has said to have all. */
static uint64_t heir(struct loop *loop)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    uint64_t found = 0;
    stand_read(loop->stand, &promise, &position, &owes);
    for (uint32_t i = 0; i < loop->lead.set.replica_count; i++) {
        uint64_t node = loop->lead.set.replicas[i];
        const struct loop_peer *peer = node != loop->config.node ? loop_peer(loop, node) : NULL;
        const struct talk_stands *stands = peer != NULL && peer->view.heard ? &peer->view.stands : NULL;
        if (stands != NULL && loop_link(loop, node) != NULL && stands->fit && stands->owes.epoch == 0 &&
            stands->position.epoch == position.epoch && stands->position.sequence == position.sequence) {
            found = node; /* loop_resign P2; IDs ascend */
        }
    }
    return found;
}

/* Everybody has answered who is in touch; the others are waited for a moment. */
static bool all_heard(struct loop *loop)
{
    bool all = true;
    for (uint32_t i = 0; i < loop->lead.set.replica_count; i++) {
        uint64_t node = loop->lead.set.replicas[i];
        const struct loop_peer *peer = loop_link(loop, node) != NULL ? loop_peer(loop, node) : NULL;
        all = all && (peer == NULL || peer->view.heard);
    }
    return all || loop->now_us >= loop->resign.until_us - RESIGN_US + ALL_US;
}

static void name(struct loop *loop, uint64_t node)
{
    const struct topology_shard *shard = loop_shard(loop);
    struct topology *next = shard != NULL ? loop_change_begin(loop, false) : NULL;
    if (next != NULL) {
        struct topology_shard *own = &next->shards[shard - loop->topology->shards];
        uint64_t highest = loop->lead.highest > own->epoch ? loop->lead.highest : own->epoch;
        own->leader = node;
        own->epoch = highest + 1;
        loop_say(loop, TRACE_INFO, "node %llu has all that this node has: it is to lead, in epoch %llu",
                 (unsigned long long)node, (unsigned long long)own->epoch);
        loop_change_send(loop, "a leader that ends hands over");
    }
}

/* The word that others have given counts no more, and this node leads no more. */
static void say_resigned(struct loop *loop)
{
    struct talk_words words = {.kind = TALK_BEAT};
    words.beat = (struct talk_beat){.shard = LOOP_SHARD,
                                    .epoch = loop->lead.led.epoch,
                                    .start = loop->lead.led.start,
                                    .resigned = true,
                                    .topology = loop->topology->version};
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        struct hub_link *link = loop_link(loop, loop->topology->members[i].id);
        if (link != NULL) {
            words.beat.sent_us = loop_clock(loop);
            (void)hub_send(link, &words);
        }
    }
    loop->lead.led = (struct talk_promise){0, 0, 0}; /* loop_resign P1 */
    candidacy_end(&loop->lead.candidacy);
}

static bool has_promised_another(const struct loop *loop)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    stand_read(loop->stand, &promise, &position, &owes);
    return promise.leader != loop->config.node && !state_is_busy(loop->state);
}

void loop_resign_turn(struct loop *loop)
{
    struct loop_resign *resign = &loop->resign;
    const struct topology_shard *shard = loop_shard(loop);
    if (loop->now_us >= resign->until_us || (!loop_leads(loop) && has_promised_another(loop))) {
        if (loop_leads(loop)) {
            say_resigned(loop);
        }
        resign->done = true;
        return;
    }
    if (!loop_leads(loop)) {
        return; /* the heir asks */
    }
    if ((shard != NULL && shard->leader != loop->config.node && shard->epoch > loop->lead.led.epoch) ||
        loop->now_us >= resign->until_us - RESIGN_US + HEIR_US) {
        say_resigned(loop);
        return;
    }
    ask(loop);
    uint64_t node = !loop->change.busy && all_heard(loop) ? heir(loop) : 0;
    if (node != 0) {
        name(loop, node);
    }
}
