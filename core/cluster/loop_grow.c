/* SPDX-License-Identifier: MIT */

/* loop_grow.c - who counts: followers become replicas, and members become voters of the engine.
 *
 * Promises
 *   P1  One node at a time, by the leader alone, with a new epoch; the next when that epoch's record is committed by
 *       the new set (cluster C18).
 *   P2  Whoever enters has promised to follow, and is near (cluster C19); a majority of the new set follows already.
 *   P3  The engine has 1, 3 or 5 voters: who becomes one answers at this moment (cluster C20). */
#include "cluster/loop_grow.h"

#include "cluster/loop_change.h"
#include "cluster/loop_lead.h"

static bool counts(const struct topology_shard *shard, uint64_t node)
{
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        if (shard->replicas[i] == node) {
            return true;
        }
    }
    return false;
}

/* ---- replicas ---- */

/* Up to how many there are to be. */
static uint32_t wanted(const struct loop *loop)
{
    const char *setting = topology_setting(loop->topology, "replicas");
    uint32_t count = 0;
    for (const char *at = setting != NULL ? setting : ""; *at >= '0' && *at <= '9' && count < 100; at++) {
        count = count * 10 + (uint32_t)(*at - '0');
    }
    count = count == 0 ? loop->config.replicas : count;
    return count > TOPOLOGY_REPLICAS_MAX ? TOPOLOGY_REPLICAS_MAX : count;
}

/* The leader's own epoch is committed, and nothing else is under way (loop_grow P1). */
static bool is_settled(const struct loop *loop, const struct topology_shard *shard)
{
    const struct loop_lead *lead = &loop->lead;
    const struct orders_report *report = &loop->report;
    return loop_leads(loop) && shard->leader == loop->config.node && shard->epoch == lead->led.epoch &&
           !candidacy_runs(&lead->candidacy) && loop_lead_end_us(loop) > loop_clock(loop) &&
           report->epoch == lead->led.epoch && report->committed >= report->first && report->first > 0;
}

static bool follows(const struct loop *loop, uint64_t node)
{
    for (uint32_t i = 0; i < loop->report.follower_count; i++) {
        if (loop->report.followers[i].node == node) {
            return loop->report.followers[i].near;
        }
    }
    return false;
}

static bool has_promised(struct loop *loop, uint64_t node)
{
    const struct loop_peer *peer = loop_peer(loop, node);
    const struct talk_promise *led = &loop->lead.led;
    return peer != NULL && peer->promised.epoch == led->epoch && peer->promised.leader == led->leader &&
           peer->promised.start == led->start;
}

/* 0: nobody can. */
static uint64_t next_replica(struct loop *loop, const struct topology_shard *shard)
{
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        uint64_t node = loop->topology->members[i].id;
        if (!counts(shard, node) && loop_link(loop, node) != NULL && has_promised(loop, node) && follows(loop, node)) {
            return node; /* loop_grow P2 */
        }
    }
    return 0;
}

static bool majority_follows(const struct loop *loop, const struct topology_shard *shard)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        count += shard->replicas[i] == loop->config.node || follows(loop, shard->replicas[i]);
    }
    return count > shard->replica_count / 2;
}

static void enter(struct topology_shard *shard, uint64_t node)
{
    uint32_t at = shard->replica_count;
    for (; at > 0 && shard->replicas[at - 1] > node; at--) {
        shard->replicas[at] = shard->replicas[at - 1];
    }
    shard->replicas[at] = node;
    shard->replica_count++;
}

static void take_in(struct loop *loop, const struct topology_shard *shard, uint64_t node)
{
    struct loop_lead *lead = &loop->lead;
    struct topology_shard wider = *shard;
    struct record_epoch set;
    enter(&wider, node);
    wider.epoch++;
    if (!majority_follows(loop, &wider)) {
        return;
    }
    if (wider.replica_count > 2) { /* cluster C6: first the lease is that of the new set, then the change is sent */
        loop_set(&wider, loop->config.node, &set);
        if (lead->widened == 0) {
            lead->widened = loop->topology->version + 1;
        }
        lease_change(&lead->lease, &set);
        if (loop_lead_end_us(loop) <= loop_clock(loop)) {
            lead->widened = 0; /* nothing was sent: by the old set it goes on */
            lease_change(&lead->lease, &lead->set);
            return;
        }
    }
    struct topology *next = loop_change_begin(loop, false);
    if (next == NULL) {
        return;
    }
    lead->widened = wider.replica_count > 2 ? next->version : 0;
    next->shards[shard - loop->topology->shards] = wider;
    loop_say(loop, TRACE_INFO, "node %llu follows closely: it is to count, with epoch %llu", (unsigned long long)node,
             (unsigned long long)wider.epoch);
    loop_change_send(loop, "a follower becomes a replica");
}

static void see_to_replicas(struct loop *loop, const struct topology_shard *shard)
{
    if (!is_settled(loop, shard) || loop->change.busy || shard->replica_count >= wanted(loop)) {
        return;
    }
    uint64_t node = next_replica(loop, shard);
    if (node != 0) {
        take_in(loop, shard, node);
    }
}

/* ---- another folder under a known node ID ---- */

static void leave(struct topology_shard *shard, uint64_t node)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        if (shard->replicas[i] != node) {
            shard->replicas[kept++] = shard->replicas[i];
        }
    }
    shard->replica_count = kept;
}

/* What the old folder had promised and acknowledged counts no more, when the new set has committed its epoch. */
static void take_out(struct loop *loop, const struct topology_shard *shard, uint64_t node)
{
    struct topology_shard narrower = *shard;
    leave(&narrower, node);
    narrower.epoch++;
    struct topology *next = majority_follows(loop, &narrower) ? loop_change_begin(loop, false) : NULL;
    if (next != NULL) {
        next->shards[shard - loop->topology->shards] = narrower;
        loop_say(loop, TRACE_WARNING, "node %llu has another data_folder: the old one counts no more, with epoch %llu",
                 (unsigned long long)node, (unsigned long long)narrower.epoch);
        loop_change_send(loop, "a replica counts no more");
    }
}

static void change_folder(struct loop *loop, const struct talk_greeting *who)
{
    struct topology *next = loop_change_begin(loop, false);
    for (uint32_t i = 0; next != NULL && i < next->member_count; i++) {
        if (next->members[i].id == who->node) {
            loop_describe(who, &next->members[i]);
            loop_say(loop, TRACE_INFO, "node %llu is a member with its new data_folder", (unsigned long long)who->node);
            loop_change_send(loop, "a member has another folder");
            return;
        }
    }
}

void loop_grow_replace(struct loop *loop, const struct talk_greeting *who)
{
    const struct topology_shard *shard = loop_shard(loop);
    const struct topology_member *member = topology_member(loop->topology, who->node);
    struct hub_link *leader = loop_link(loop, loop->leader.leader);
    if (shard == NULL || member == NULL || memcmp(member->folder_id, who->folder_id, TOPOLOGY_ID_SIZE) == 0) {
        return;
    }
    if (!loop_leads(loop)) {
        struct talk_words words = {.kind = TALK_JOIN, .join = {.number = ++loop->hub.number, .relayed = true}};
        words.join.who = *who;
        if (leader != NULL) {
            (void)hub_send(leader, &words);
        }
    } else if (is_settled(loop, shard) && !loop->change.busy && loop_link(loop, who->node) == NULL) { /* cluster C21 */
        if (counts(shard, who->node)) {
            take_out(loop, shard, who->node);
        } else {
            change_folder(loop, who);
        }
    }
}

/* ---- voters of the engine ---- */

/* Places of members that could be voters, this node's first; at most five. */
static uint32_t candidates(const struct loop *loop, uint32_t *places)
{
    uint32_t count = 0;
    for (uint32_t pass = 0; pass < 2; pass++) { /* those that are voters already come first */
        for (uint32_t i = 0; i < loop->topology->member_count && count < 5; i++) {
            const struct topology_member *member = &loop->topology->members[i];
            bool here = member->id == loop->config.node || loop_link(loop, member->id) != NULL;
            if (member->engine_voter == (pass == 0) && (here || member->engine_voter)) {
                places[count++] = i;
            }
        }
    }
    return count;
}

static void see_to_voters(struct loop *loop)
{
    uint32_t places[5];
    uint32_t voters = 0;
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        voters += loop->topology->members[i].engine_voter;
    }
    uint32_t goal = wanted(loop) >= 5 ? 5 : 3;
    uint32_t there = candidates(loop, places);
    uint32_t count = there >= goal ? goal : there >= 3 ? 3 : voters;
    if (count <= voters) {
        return;
    }
    struct topology *next = loop_change_begin(loop, false);
    if (next == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) { /* loop_grow P3 */
        next->members[places[i]].engine_voter = true;
    }
    loop_say(loop, TRACE_INFO, "%u members are to vote in the coordinator", count);
    loop_change_send(loop, "members become voters of the coordinator");
}

void loop_grow_turn(struct loop *loop)
{
    const struct topology_shard *shard = loop_shard(loop);
    if (shard == NULL) {
        return;
    }
    see_to_replicas(loop, shard);
    if (loop->coord->ops->is_controller(loop->coord) && !loop->change.busy) {
        see_to_voters(loop);
    }
}
