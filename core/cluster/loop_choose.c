/* SPDX-License-Identifier: MIT */

/* loop_choose.c - the controller: who is to lead, when nobody is heard to.
 *
 * Why      Somebody has to say who asks for votes next: if each replica did by itself, they would take the votes from
 *          each other. Whoever the engine says does that; two at once do no harm, as the topology changes by
 *          compare-and-swap.
 *
 * Idea     When no leader has beaten for a lease, or the link to it broke, all replicas are asked where they stand,
 *          without any effect. Their answers decide (choose.c). Behind a majority of answers the rest is waited for a
 *          moment: the best may be among them. Who was named gets some time; then all begins again. */
#include "cluster/loop_choose.h"

#include "cluster/loop_change.h"
#include "cluster/loop_follow.h"
#include "cluster/loop_lead.h"

#define ROUND_US 100000  /* between two questions */
#define REST_US  200000  /* that the others are waited for, behind a majority */
#define NAMED_US 1500000 /* that the one who was named has to begin */

static bool is_alive(const struct loop *loop, const struct topology_shard *shard)
{
    int64_t lease_us = (int64_t)loop->config.lease_ms * 1000;
    if (loop_leads(loop)) {
        return true; /* it knows itself when it is to stop */
    }
    bool heard = loop->leader.leader != 0 && loop->leader.leader != loop->config.node &&
                 loop->now_us - loop->leader_us < lease_us;
    return heard && (loop->leader.leader != shard->leader || loop_link(loop, shard->leader) != NULL);
}

/* Its link broke behind its naming, or it has had its time. */
static bool has_failed(const struct loop *loop, const struct topology_shard *shard)
{
    bool here = shard->leader == loop->config.node || loop_link(loop, shard->leader) != NULL;
    bool asks = shard->leader == loop->config.node && candidacy_runs(&loop->lead.candidacy);
    return !asks && (!here || loop->now_us - loop->choose.named_us >= NAMED_US);
}

static void ask(struct loop *loop, const struct topology_shard *shard)
{
    struct loop_choose *choose = &loop->choose;
    choose->round = ++loop->hub.number;
    choose->asked_us = loop->now_us;
    for (uint32_t i = 0; i < TOPOLOGY_MEMBERS_MAX; i++) {
        loop->peers[i].view.heard = false;
    }
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        struct hub_link *link = loop_link(loop, shard->replicas[i]);
        if (link != NULL) {
            struct talk_words words = {.kind = TALK_ASK, .ask = {.number = choose->round, .shard = LOOP_SHARD}};
            (void)hub_send(link, &words);
        }
    }
}

void loop_choose_stands(struct loop *loop, const struct hub_link *link, const struct talk_stands *stands)
{
    struct loop_peer *peer = loop_peer(loop, link->node);
    if (peer != NULL && loop->choose.round != 0 && stands->number == loop->choose.round) {
        peer->view = (struct choose_view){.heard = true, .stands = *stands};
    }
}

/* What all have answered, by place in the shard; true: nobody is missing who could answer. */
static bool gather(struct loop *loop, const struct topology_shard *shard, struct choose_view *views)
{
    bool whole = true;
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        uint64_t node = shard->replicas[i];
        views[i] = (struct choose_view){.heard = node == loop->config.node};
        if (views[i].heard) {
            loop_follow_stands(loop, &views[i].stands);
            continue;
        }
        const struct loop_peer *peer = loop_peer(loop, node);
        if (peer != NULL && peer->view.heard) {
            views[i] = peer->view;
        } else {
            whole = whole && loop_link(loop, node) == NULL;
        }
    }
    return whole;
}

static void name(struct loop *loop, const struct topology_shard *shard, const struct choice *choice)
{
    struct topology *next = loop_change_begin(loop, false);
    if (next == NULL) {
        return;
    }
    struct topology_shard *own = &next->shards[shard - loop->topology->shards];
    own->leader = choice->leader;
    own->epoch = choice->epoch;
    loop->choose.named_us = loop->now_us;
    loop->choose.round = 0;
    loop_say(loop, TRACE_INFO, "no leader is heard: node %llu is named for epoch %llu",
             (unsigned long long)choice->leader, (unsigned long long)choice->epoch);
    loop_change_send(loop, "a new leader is named");
}

static void decide(struct loop *loop, const struct topology_shard *shard)
{
    struct choose_view views[TOPOLOGY_REPLICAS_MAX] = {{.heard = false}};
    bool whole = gather(loop, shard, views);
    struct choice choice = choose(shard, views);
    if (choice.outcome == CHOOSE_NAMED && (whole || loop->now_us - loop->choose.asked_us >= REST_US)) {
        name(loop, shard, &choice);
    } else if (loop->now_us - loop->choose.asked_us >= (choice.outcome == CHOOSE_NAMED ? REST_US : ROUND_US)) {
        ask(loop, shard);
    }
}

void loop_choose_turn(struct loop *loop)
{
    const struct topology_shard *shard = loop_shard(loop);
    if (shard == NULL || !loop->coord->ops->is_controller(loop->coord) || is_alive(loop, shard) || loop->change.busy ||
        !has_failed(loop, shard)) {
        loop->choose.round = 0;
        return;
    }
    if (loop->choose.round == 0) {
        ask(loop, shard);
    }
    decide(loop, shard);
}

int64_t loop_choose_next_us(const struct loop *loop)
{
    return loop->choose.round != 0 ? loop->now_us + ROUND_US / 2 : INT64_MAX;
}
