/* SPDX-License-Identifier: MIT */

/* loop_lead.c - leading: being named, asking for votes, beating, and knowing when to stop.
 *
 * Idea
 *              topology names it          a majority has said yes        its lease has run out and another was promised
 *     nothing ──────────────────► asking ────────────────────────► leading ──────────────────────────────────► nothing
 *                                    ▲  a new epoch of the same leader  │                 or it has said yes to another
 *                                    └──────────────────────────────────┘
 *
 *          While it leads it asks each member for its yes that has not given it in this epoch (cluster C10): before
 *          that a member neither grants nor follows. If one has promised more, and the lease holds, it has the topology
 *          name it anew, with an epoch above that.
 *
 * Promises
 *   P1  An epoch is begun by the process whose own vote raised its promise to it, and with a majority (cluster C8).
 *   P2  The lease is counted by beats of this life, from before they were sent (cluster C3).
 *   P3  Of two no grant is needed; before a change to more is sent the lease holds by the new set, and goes on by that
 *       until it is known that the change has failed (cluster C6).
 *   P4  Whose worker stands still, or whose log does, is not beaten for (cluster C1). */
#include "cluster/loop_lead.h"

#include "cluster/loop_change.h"

#define ASK_US  100000  /* between two times that one is asked for its vote */
#define SELF_US 50000   /* and this node */
#define BACK_US 1000000 /* that the topology names another before it is taken back (cluster C3) */

static uint64_t self_of(const struct loop *loop)
{
    return loop->config.node;
}

static uint64_t start_of(const struct loop *loop)
{
    return state_values(loop->state)->starts;
}

int64_t loop_lead_end_us(const struct loop *loop)
{
    const struct loop_lead *lead = &loop->lead;
    if (!loop_leads(loop)) {
        return LEASE_NEVER;
    }
    return lead->lease.set.replica_count <= 2 ? INT64_MAX : lease_end_us(&lead->lease); /* loop_lead P3 */
}

static bool has_lease(const struct loop *loop)
{
    return loop_lead_end_us(loop) > loop_clock(loop);
}

static void step_down(struct loop *loop, const char *why)
{
    loop_say(loop, TRACE_WARNING, "this node leads no more (epoch %llu): %s", (unsigned long long)loop->lead.led.epoch,
             why);
    loop->lead.tried = loop->lead.led.epoch; /* an epoch is begun once (cluster C8) */
    loop->lead.led = (struct talk_promise){0, 0, 0};
    loop->lead.widened = 0;
    candidacy_end(&loop->lead.candidacy);
}

static struct stand_promise promise_now(const struct loop *loop, struct stand_position *position)
{
    struct stand_promise promise;
    struct stand_position owes;
    stand_read(loop->stand, &promise, position, &owes);
    return promise;
}

/* ---- its own yes ---- */

static void on_own(void *context, const struct talk_vote *vote, enum vote_answer answer)
{
    struct loop *loop = context;
    struct candidacy *candidacy = &loop->lead.candidacy;
    loop->lead.own_asked = false;
    if (!candidacy_runs(candidacy) || candidacy->promise.epoch != vote->promise.epoch) {
        return;
    }
    switch (answer) {
    case VOTE_YES:
        candidacy_answer(candidacy, self_of(loop), true, &vote->promise);
        break;
    case VOTE_GRANTED: /* it obeys its own word, too */
    case VOTE_UNKNOWN:
    case VOTE_UNSTORED:
    case VOTE_BUSY:
        break; /* once more */
    case VOTE_LOWER:
    case VOTE_OTHER:
    case VOTE_BEHIND:
    case VOTE_OWES:
    case VOTE_LEADS:
    case VOTE_OLD:
        loop->lead.tried = vote->promise.epoch;
        candidacy_end(candidacy);
        break;
    }
}

static struct talk_vote vote_of(struct loop *loop, const struct talk_promise *promise, uint64_t topology)
{
    struct stand_position position;
    (void)promise_now(loop, &position);
    return (struct talk_vote){.number = ++loop->hub.number,
                              .shard = LOOP_SHARD,
                              .promise = *promise,
                              .position = {position.epoch, position.sequence},
                              .topology = topology};
}

static void ask_self(struct loop *loop)
{
    struct loop_lead *lead = &loop->lead;
    if (lead->own_asked || loop->now_us - lead->own_us < SELF_US || !candidacy_asks(&lead->candidacy, self_of(loop))) {
        return;
    }
    struct talk_vote vote = vote_of(loop, &lead->candidacy.promise, lead->candidacy.topology);
    lead->own_asked = true;
    lead->own_us = loop->now_us;
    voter_take(&loop->voter, &vote, true, loop_lead_end_us(loop), loop_clock(loop), on_own, loop);
}

/* ---- others' ---- */

static bool same(const struct talk_promise *one, const struct talk_promise *other)
{
    return one->epoch == other->epoch && one->leader == other->leader && one->start == other->start;
}

/* NULL: nobody is asked for anything now. */
static const struct talk_promise *wanted(const struct loop *loop)
{
    if (candidacy_runs(&loop->lead.candidacy)) {
        return loop->lead.candidacy.own ? &loop->lead.candidacy.promise : NULL;
    }
    return loop_leads(loop) ? &loop->lead.led : NULL;
}

/* Members that do not count are asked as well, once it leads: whoever follows has promised (cluster C19). */
static bool is_to_be_asked(const struct loop *loop, const struct loop_peer *peer, const struct talk_promise *promise)
{
    if (peer->node == 0 || same(&peer->promised, promise) || loop->now_us - peer->asked_us < ASK_US) {
        return false;
    }
    return candidacy_runs(&loop->lead.candidacy) ? candidacy_asks(&loop->lead.candidacy, peer->node) : true;
}

static void ask_others(struct loop *loop)
{
    const struct talk_promise *promise = wanted(loop);
    for (uint32_t i = 0; promise != NULL && i < TOPOLOGY_MEMBERS_MAX; i++) {
        struct loop_peer *peer = &loop->peers[i];
        struct hub_link *link = is_to_be_asked(loop, peer, promise) ? loop_link(loop, peer->node) : NULL;
        if (link != NULL) {
            struct talk_words words = {.kind = TALK_VOTE};
            words.vote = vote_of(loop, promise, loop->topology->version); /* cluster C10: the position of now */
            peer->asked_us = loop->now_us;
            (void)hub_send(link, &words);
        }
    }
}

/* What a member says to have promised. */
static void note_promise(struct loop *loop, uint64_t node, const struct talk_promise *promised)
{
    struct loop_peer *peer = loop_peer(loop, node);
    if (peer != NULL) {
        peer->promised = *promised;
    }
    if (promised->epoch > loop->lead.highest) {
        loop->lead.highest = promised->epoch;
    }
}

void loop_lead_voted(struct loop *loop, const struct hub_link *link, const struct talk_voted *voted)
{
    note_promise(loop, link->node, &voted->promise);
    candidacy_answer(&loop->lead.candidacy, link->node, voted->yes, &voted->promise);
}

void loop_lead_granted(struct loop *loop, const struct hub_link *link, const struct talk_granted *granted)
{
    note_promise(loop, link->node, &granted->promise);
    if (loop_leads(loop) && granted->lease_ms > 0 && granted->lease_ms <= loop->config.lease_ms &&
        granted->sent_us <= loop_clock(loop)) {
        lease_granted(&loop->lead.lease, link->node, granted->sent_us, granted->lease_ms); /* loop_lead P2 */
    }
}

/* ---- from being named to leading ---- */

static bool is_named(const struct loop *loop, const struct topology_shard *shard)
{
    return shard != NULL && shard->leader == self_of(loop) && shard->epoch > loop->lead.led.epoch;
}

static void begin(struct loop *loop, const struct topology_shard *shard)
{
    struct talk_promise promise = {shard->epoch, self_of(loop), start_of(loop)};
    struct record_epoch set;
    loop_set(shard, self_of(loop), &set);
    candidacy_begin(&loop->lead.candidacy, &promise, &set, loop->topology->version, loop->now_us);
    loop->lead.own_us = loop->now_us - SELF_US;
    for (uint32_t i = 0; i < TOPOLOGY_MEMBERS_MAX; i++) {
        loop->peers[i].asked_us = loop->now_us - ASK_US;
    }
    loop_say(loop, TRACE_INFO, "this node was named to lead in epoch %llu: it asks for votes",
             (unsigned long long)shard->epoch);
}

/* A newer topology names another, or another epoch; or it has taken too long. Who leads asks on. */
static void give_up(struct loop *loop, const struct topology_shard *shard)
{
    struct candidacy *candidacy = &loop->lead.candidacy;
    bool other = !is_named(loop, shard) || shard->epoch != candidacy->promise.epoch;
    bool late = loop->now_us >= candidacy->until_us && !(loop_leads(loop) && has_lease(loop));
    if (!candidacy_runs(candidacy) || (!other && !late)) {
        return;
    }
    loop_say(loop, TRACE_WARNING, "this node was not elected in epoch %llu: %s",
             (unsigned long long)candidacy->promise.epoch,
             other ? "the topology names another epoch" : "no majority has said yes in time");
    loop->lead.tried = candidacy->promise.epoch;
    candidacy_end(candidacy);
}

static bool is_won(const struct loop *loop)
{
    const struct candidacy *candidacy = &loop->lead.candidacy;
    bool alone = loop->lead.alone == candidacy->promise.epoch && candidacy->set.replica_count == 2;
    return candidacy_is_won(candidacy) || (candidacy_runs(candidacy) && alone && candidacy->own);
}

static void take_lead(struct loop *loop)
{
    struct loop_lead *lead = &loop->lead;
    if (!loop_leads(loop)) {
        lease_begin(&lead->lease, &lead->candidacy.set);
        lead->beaten_us = loop->now_us - (int64_t)loop->config.beat_ms * 1000;
    } else {
        lease_change(&lead->lease, &lead->candidacy.set); /* grants outlive a new epoch of the same leader */
    }
    lead->led = lead->candidacy.promise;
    lead->set = lead->candidacy.set;
    lead->widened = 0;
    lead->alone = 0;
    lead->other_us = 0;
    lead->stalled = false;
    candidacy_end(&lead->candidacy);
    loop_say(loop, TRACE_INFO, "this node leads in epoch %llu, with %u of %u votes at least",
             (unsigned long long)lead->led.epoch, lead->set.replica_count / 2 + 1, lead->set.replica_count);
}

static void see_to_candidacy(struct loop *loop)
{
    const struct topology_shard *shard = loop_shard(loop);
    give_up(loop, shard);
    if (!candidacy_runs(&loop->lead.candidacy) && is_named(loop, shard) && shard->epoch != loop->lead.tried) {
        begin(loop, shard);
    }
    ask_self(loop);
    ask_others(loop);
    if (is_won(loop)) {
        take_lead(loop); /* loop_lead P1 */
    }
}

/* ---- of two, the other is away ---- */

/* It led before this life, nobody else has led since, and nobody can: so it goes on (cluster C6). */
static bool may_begin_alone(const struct loop *loop, const struct topology_shard *shard)
{
    struct stand_position position;
    struct stand_promise promise = promise_now(loop, &position);
    const struct orders_report *report = &loop->report;
    const struct loop_peer *other = NULL;
    for (uint32_t i = 0; shard != NULL && i < shard->replica_count; i++) {
        for (uint32_t j = 0; shard->replicas[i] != self_of(loop) && j < TOPOLOGY_MEMBERS_MAX; j++) {
            other = loop->peers[j].node == shard->replicas[i] ? &loop->peers[j] : other;
        }
    }
    bool pair = shard != NULL && shard->replica_count == 2 && shard->leader == self_of(loop);
    bool away = other == NULL || loop_link(loop, other->node) == NULL;
    return pair && away && report->loaded && !loop->given.quorum && promise.leader == self_of(loop) &&
           report->newest_leader == self_of(loop) && report->newest_epoch == promise.epoch;
}

static void begin_alone(struct loop *loop)
{
    const struct topology_shard *shard = loop_shard(loop);
    if (loop_leads(loop) || candidacy_runs(&loop->lead.candidacy) || loop->now_us - loop->enter.began_us < BACK_US ||
        !may_begin_alone(loop, shard)) {
        return;
    }
    struct topology *next = loop_change_begin(loop, false);
    if (next != NULL) {
        struct topology_shard *own = &next->shards[shard - loop->topology->shards];
        own->epoch = (loop->lead.highest > own->epoch ? loop->lead.highest : own->epoch) + 1;
        loop->lead.alone = own->epoch;
        loop_change_send(loop, "the leader begins again, as the other one of two is away");
    }
}

/* ---- while it leads ---- */

static void look_at_worker(struct loop *loop)
{
    const struct orders_report *report = &loop->report;
    int64_t now_ms = loop_clock(loop) / 1000;
    int64_t patience_ms = (int64_t)loop->config.stall_ms;
    bool still = report->turned_ms > 0 && now_ms - report->turned_ms > patience_ms;
    bool stuck = report->moved_ms > 0 && !still && now_ms - report->moved_ms > patience_ms;
    if ((still || stuck) && !loop->lead.stalled) { /* cluster C1 */
        loop_say(loop, TRACE_WARNING,
                 still ? "the node's worker has stood still for more than %u ms: %s"
                       : "the log has not gone on for more than %u ms: %s",
                 loop->config.stall_ms, loop_leads(loop) ? "others may take the lead" : "it does not lead");
    }
    loop->lead.stalled = still || stuck;
}

/* The highest epoch that anybody has promised who counts, this node too: it may have tried one in vain. */
static uint64_t highest_of_set(const struct loop *loop)
{
    struct stand_position position;
    uint64_t highest = promise_now(loop, &position).epoch;
    for (uint32_t i = 0; i < TOPOLOGY_MEMBERS_MAX; i++) {
        const struct loop_peer *peer = &loop->peers[i];
        for (uint32_t j = 0; peer->node != 0 && j < loop->lead.set.replica_count; j++) {
            if (loop->lead.set.replicas[j] == peer->node && peer->promised.epoch > highest) {
                highest = peer->promised.epoch;
            }
        }
    }
    return highest;
}

/* A new epoch, above all that was named or promised (cluster C10). */
static void name_self(struct loop *loop, uint64_t highest)
{
    const struct topology_shard *shard = loop_shard(loop);
    struct topology *next = loop_change_begin(loop, false);
    if (next != NULL) {
        struct topology_shard *own = &next->shards[shard - loop->topology->shards];
        own->leader = self_of(loop);
        own->epoch = (own->epoch > highest ? own->epoch : highest) + 1;
        loop_change_send(loop, "a leader goes on in a new epoch");
    }
}

static void see_to_refusals(struct loop *loop)
{
    struct loop_lead *lead = &loop->lead;
    const struct topology_shard *shard = loop_shard(loop);
    uint64_t highest = highest_of_set(loop);
    bool refused = highest > lead->led.epoch;
    bool other = shard != NULL && shard->leader != self_of(loop) && shard->epoch > lead->led.epoch;
    if (!refused && !other) {
        lead->other_us = 0;
        return;
    }
    if (!has_lease(loop)) {
        if (refused) {
            step_down(loop, "others have promised to follow another, and its lease has run out");
        }
        return;
    }
    lead->other_us = lead->other_us == 0 ? loop->now_us : lead->other_us;
    bool waits = other && loop->now_us - lead->other_us < BACK_US;
    bool asks = candidacy_runs(&lead->candidacy) || (is_named(loop, shard) && shard->epoch != lead->tried);
    if (shard != NULL && !waits && !asks) {
        name_self(loop, highest);
    }
}

/* A leader that was alone has asked for a second one to count, and that is away, so that nothing more is committed:
 * back to the former set (cluster C18). Only this leader can have begun the wider one, by both yes, and it has not. */
static void go_back(struct loop *loop)
{
    const struct loop_lead *lead = &loop->lead;
    const struct topology_shard *shard = loop_shard(loop);
    bool wider = lead->set.replica_count == 1 && shard != NULL && shard->replica_count == 2 && is_named(loop, shard);
    if (!wider || !candidacy_runs(&lead->candidacy) || loop->now_us < lead->candidacy.until_us) {
        return;
    }
    uint64_t other = shard->replicas[0] == self_of(loop) ? shard->replicas[1] : shard->replicas[0];
    struct topology *next = loop_link(loop, other) == NULL ? loop_change_begin(loop, false) : NULL;
    if (next != NULL) {
        struct topology_shard *own = &next->shards[shard - loop->topology->shards];
        own->epoch++;
        own->replica_count = 1;
        own->replicas[0] = self_of(loop);
        loop_say(loop, TRACE_WARNING, "node %llu was to count and is away: it does not count, with epoch %llu",
                 (unsigned long long)other, (unsigned long long)own->epoch);
        loop_change_send(loop, "a replica that is away counts no more");
    }
}

static void beat(struct loop *loop)
{
    struct loop_lead *lead = &loop->lead;
    if (lead->stalled || loop->now_us - lead->beaten_us < (int64_t)loop->config.beat_ms * 1000) { /* loop_lead P4 */
        return;
    }
    lead->beaten_us = loop->now_us;
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        uint64_t node = loop->topology->members[i].id;
        struct hub_link *link = node != self_of(loop) ? loop_link(loop, node) : NULL;
        if (link != NULL) {
            struct talk_words words = {.kind = TALK_BEAT};
            words.beat = (struct talk_beat){.shard = LOOP_SHARD,
                                            .epoch = lead->led.epoch,
                                            .start = lead->led.start,
                                            .lease_ms = loop->config.lease_ms,
                                            .topology = loop->topology->version};
            words.beat.sent_us = loop_clock(loop); /* loop_lead P2: before it is given to the link */
            (void)hub_send(link, &words);
        }
    }
}

static void keep_leading(struct loop *loop)
{
    struct loop_lead *lead = &loop->lead;
    struct stand_position position;
    struct stand_promise promise = promise_now(loop, &position);
    bool own = promise.leader == lead->led.leader && promise.start == lead->led.start;
    if (!own) {
        step_down(loop, "it has promised to follow another");
        return;
    }
    if (lead->stalled && !has_lease(loop)) {
        step_down(loop, "its worker stands still, and its lease has run out");
        return;
    }
    if (lead->widened != 0 && loop->topology->version >= lead->widened && !is_named(loop, loop_shard(loop)) &&
        !candidacy_runs(&lead->candidacy)) { /* loop_lead P3: another change was made instead */
        lead->widened = 0;
        lease_change(&lead->lease, &lead->set);
    }
    see_to_refusals(loop);
    if (loop_leads(loop)) {
        go_back(loop);
        beat(loop);
    }
}

void loop_lead_turn(struct loop *loop)
{
    look_at_worker(loop);
    see_to_candidacy(loop);
    begin_alone(loop);
    if (loop_leads(loop)) {
        keep_leading(loop);
    }
}

int64_t loop_lead_next_us(const struct loop *loop)
{
    const struct loop_lead *lead = &loop->lead;
    int64_t next_us = INT64_MAX;
    if (loop_leads(loop)) {
        next_us = lead->beaten_us + (int64_t)loop->config.beat_ms * 1000;
    }
    if (candidacy_runs(&lead->candidacy) && loop->now_us + SELF_US < next_us) {
        next_us = loop->now_us + SELF_US;
    }
    return next_us;
}
