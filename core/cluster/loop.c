/* SPDX-License-Identifier: MIT */

/* loop.c - the cluster loop: one turn after another, beside the worker.
 *
 * Why      A worker may stand in a command for a second, or read its log for a minute; a leader must beat meanwhile,
 *          and a replica must vote. So whoever belongs to the cluster has a second loop, on a thread of its own, that
 *          waits for no data, no module and no disk (see docs/cluster-protocol.md, section 2).
 *
 * Idea
 *              beats, votes, questions                    orders: follow, lead, until when to answer
 *     members ◄───────────────────────► cluster loop ◄──────────────────────────────────────────────► worker
 *                                            │   ▲        report: how far it is, who follows;  stand
 *                            swap, the change▼   │the topology as it is
 *                                       coordinator
 *
 *          A turn: what came has been taken (callbacks); then each part looks at how things are and does what is to be
 *          done (loop_state.h). Last the worker gets its orders, if they are others: whom it follows the promise says
 *          (C8), that it leads the votes say.
 *
 * Promises
 *   P1  The worker is told to lead in an epoch after a majority has said yes to that, and not before.
 *   P2  What a node says is taken for a member's if its folder is the one that the topology has (cluster C24), and from
 *       an older copy of a folder nothing is taken (cluster C22). */
#include "cluster/loop.h"

#include "base/memory.h"
#include "cluster/loop_change.h"
#include "cluster/loop_choose.h"
#include "cluster/loop_enter.h"
#include "cluster/loop_follow.h"
#include "cluster/loop_grow.h"
#include "cluster/loop_lead.h"
#include "cluster/loop_resign.h"

#define TICK_US 100000 /* between two turns in which nothing has happened */

/* ---- links ---- */

static void on_greeting(void *context, struct talk_greeting *out)
{
    struct loop *loop = context;
    const struct state_values *values = state_values(loop->state);
    *out = (struct talk_greeting){.member = loop_is_member(loop),
                                  .node = loop->config.node,
                                  .start = values->starts,
                                  .host = gm_bytes_of(loop->config.host),
                                  .client_port = loop->config.client_port,
                                  .node_port = loop->config.node_port,
                                  .version = gm_bytes_of(loop->config.version)};
    memcpy(out->cluster_id, values->cluster_id, TALK_ID_SIZE);
    memcpy(out->folder_id, values->folder_id, TALK_ID_SIZE);
}

static bool is_joins(const struct loop *loop, const char *address)
{
    for (uint32_t i = 0; i < loop->config.join_count; i++) {
        if (strcmp(loop->config.join[i], address) == 0) {
            return true;
        }
    }
    return false;
}

static const char *refuse_stranger(struct loop *loop, const struct hub_link *link)
{
    const struct state_values *own = state_values(loop->state);
    if (is_joins(loop, link->address)) {
        loop_fail(loop,
                  "this data_folder belongs to cluster %02x%02x%02x%02x..., %s to %02x%02x%02x%02x...: use another "
                  "data_folder",
                  own->cluster_id[0], own->cluster_id[1], own->cluster_id[2], own->cluster_id[3], link->address,
                  link->cluster_id[0], link->cluster_id[1], link->cluster_id[2], link->cluster_id[3]);
    }
    return "this node is in another cluster";
}

/* Of a member that is known: where it is now, and that it is no older copy of itself. */
static const char *meet(struct loop *loop, struct hub_link *link)
{
    struct loop_peer *peer = loop_peer(loop, link->node);
    if (peer == NULL) {
        return "this node knows as many others as it can";
    }
    if (link->start < peer->start) { /* loop P2 */
        return "this data_folder was started more often than that already: it is an old copy of it";
    }
    peer->start = link->start;
    peer->promised = (struct talk_promise){0, 0, 0};
    peer->asked_us = 0;
    peer->heard_us = loop->now_us;
    (void)loop_address(link->host, link->node_port, peer->address); /* cluster C24: before the topology has it */
    return NULL;
}

static const char *on_greeted(void *context, struct hub_link *link)
{
    struct loop *loop = context;
    const struct state_values *own = state_values(loop->state);
    if (!loop_is_member(loop)) {
        return loop_enter_greeted(loop, link);
    }
    if (link->node == loop->config.node && memcmp(link->folder_id, own->folder_id, TALK_ID_SIZE) == 0) {
        return link->start == own->starts ? "this is the node itself"
                                          : "this data_folder is in use by another process: it is a copy";
    }
    if (!link->member) {
        return NULL; /* it may want to be let in */
    }
    if (memcmp(link->cluster_id, own->cluster_id, TALK_ID_SIZE) != 0) {
        return refuse_stranger(loop, link);
    }
    return loop_proven(loop, link) ? meet(loop, link) : NULL;
}

static void on_proven(struct loop *loop, struct hub_link *link, const struct talk_words *words)
{
    struct loop_peer *peer = loop_peer(loop, link->node);
    if (peer != NULL) {
        peer->heard_us = loop->now_us;
    }
    switch (words->kind) {
    case TALK_BEAT:
        loop_follow_beat(loop, link, &words->beat, loop_clock(loop));
        break;
    case TALK_GRANTED:
        loop_lead_granted(loop, link, &words->granted);
        break;
    case TALK_ASK:
        loop_follow_ask(loop, link, &words->ask);
        break;
    case TALK_STANDS:
        loop_choose_stands(loop, link, &words->stands);
        break;
    case TALK_VOTE:
        loop_follow_vote(loop, link, &words->vote);
        break;
    case TALK_VOTED:
        loop_lead_voted(loop, link, &words->voted);
        break;
    default:
        break;
    }
}

static void on_words(void *context, struct hub_link *link, const struct talk_words *words)
{
    struct loop *loop = context;
    bool proven = loop_is_member(loop) && loop_proven(loop, link);
    switch (words->kind) {
    case TALK_ENGINE: /* one that the topology does not know may be newer than it */
        if (loop->coord != NULL && link->member && (proven || topology_member(loop->topology, link->node) == NULL)) {
            loop->coord->ops->on_message(loop->coord, link->node, words->engine);
        }
        break;
    case TALK_JOIN:
        if (loop_is_member(loop)) {
            loop_enter_join(loop, link, &words->join);
        }
        break;
    case TALK_WELCOME:
        if (!loop_is_member(loop)) {
            loop_enter_welcome(loop, words->welcome);
        }
        break;
    case TALK_SORRY:
        loop_enter_sorry(loop, link, &words->sorry);
        break;
    default:
        if (proven) { /* loop P2 */
            on_proven(loop, link, words);
        }
        break;
    }
}

static void on_lost(void *context, const struct hub_link *link, enum peer_end end)
{
    struct loop *loop = context;
    if (!loop_is_member(loop)) {
        loop_enter_lost(loop, link);
    } else if (loop_proven(loop, link) && loop_link(loop, link->node) == NULL) {
        loop_say(loop, TRACE_INFO, "node %llu is not in touch any more%s", (unsigned long long)link->node,
                 end == PEER_DONE ? ": it has ended the link" : "");
    }
}

static void on_refused(void *context, const char *address, enum peer_end end, const char *reason)
{
    loop_enter_refused(context, address, end, reason);
}

static const struct hub_ops hub_ops = {.greeting = on_greeting,
                                       .on_greeted = on_greeted,
                                       .on_words = on_words,
                                       .on_lost = on_lost,
                                       .on_refused = on_refused};

/* ---- the topology ---- */

static void forget_gone(struct loop *loop)
{
    for (uint32_t i = 0; i < TOPOLOGY_MEMBERS_MAX; i++) {
        if (loop->peers[i].node != 0 && topology_member(loop->topology, loop->peers[i].node) == NULL) {
            loop->peers[i] = (struct loop_peer){.node = 0};
        }
    }
}

static void take_settings(struct loop *loop)
{
    const char *lease = topology_setting(loop->topology, "lease_ms");
    unsigned long lease_ms = 0;
    for (const char *at = lease != NULL ? lease : ""; *at >= '0' && *at <= '9' && lease_ms < 100000000; at++) {
        lease_ms = lease_ms * 10 + (unsigned long)(*at - '0');
    }
    if (lease_ms >= 2 * (unsigned long)loop->config.beat_ms && lease_ms <= TALK_LEASE_MAX_MS) {
        loop->config.lease_ms = (uint32_t)lease_ms;
    }
}

/* The addresses that are called: as they were believed last, else as the topology has them. */
static void want_members(struct loop *loop)
{
    hub_want_begin(&loop->hub);
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        const struct topology_member *member = &loop->topology->members[i];
        struct loop_peer *peer = member->id != loop->config.node ? loop_peer(loop, member->id) : NULL;
        if (peer != NULL && peer->address[0] == '\0') {
            (void)loop_address(member->host, member->node_port, peer->address);
        }
        if (peer != NULL) {
            hub_want(&loop->hub, member->id, peer->address);
        }
    }
    loop_enter_want(loop);
    hub_want_end(&loop->hub);
}

/* A folder that is another one now has promised nothing, and is met anew. */
static void meet_again(struct loop *loop)
{
    for (struct list *at = loop->hub.links.next; at != &loop->hub.links; at = at->next) {
        struct hub_link *link = container_of(at, struct hub_link, list);
        struct loop_peer *peer = link->greeted && loop_proven(loop, link) ? loop_peer(loop, link->node) : NULL;
        if (peer != NULL && peer->heard_us == 0) {
            (void)meet(loop, link);
        }
    }
}

static void forget_old_folders(struct loop *loop, const struct topology *newer)
{
    for (uint32_t i = 0; i < newer->member_count; i++) {
        const struct topology_member *before = topology_member(loop->topology, newer->members[i].id);
        if (before != NULL && memcmp(before->folder_id, newer->members[i].folder_id, TOPOLOGY_ID_SIZE) != 0) {
            struct loop_peer *peer = loop_peer(loop, before->id);
            if (peer != NULL) {
                *peer = (struct loop_peer){.node = before->id};
            }
            lease_forget(&loop->lead.lease, before->id); /* cluster C21 */
        }
    }
}

static void act_on(struct loop *loop, const struct topology *topology)
{
    struct state_values values = *state_values(loop->state);
    forget_old_folders(loop, topology);
    topology_copy(loop->topology, topology);
    forget_gone(loop);
    take_settings(loop);
    meet_again(loop);
    if (topology->version > values.topology_version) {
        values.topology_version = topology->version; /* cluster C7: no vote for an older one */
        state_save(loop->state, &values, NULL, NULL);
    }
}

static void turn_coordinator(struct loop *loop)
{
    if (loop->coord == NULL) {
        return;
    }
    loop->coord->ops->turn(loop->coord, loop->now_us);
    const char *trouble = loop->coord->ops->trouble(loop->coord);
    if (trouble != NULL) {
        loop_fail(loop, "the coordinator has stopped: %s", trouble);
        return;
    }
    const struct topology *shown = loop->coord->ops->topology(loop->coord);
    if (loop_is_member(loop) && shown != NULL && shown->version > loop->topology->version) {
        act_on(loop, shown);
    }
}

/* ---- orders ---- */

static bool same_orders(const struct orders_now *one, const struct orders_now *other)
{
    return one->role == other->role && one->epoch == other->epoch && one->leader == other->leader &&
           one->quorum == other->quorum && strcmp(one->address, other->address) == 0 &&
           memcmp(one->cluster_id, other->cluster_id, ORDERS_ID_SIZE) == 0;
}

static void give_orders(struct loop *loop)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    struct orders_now now = {.role = ORDERS_WAIT};
    const char *acks = topology_setting(loop->topology, "write_acks");
    stand_read(loop->stand, &promise, &position, &owes);
    memcpy(now.cluster_id, state_values(loop->state)->cluster_id, ORDERS_ID_SIZE);
    now.quorum = acks != NULL && strcmp(acks, "quorum") == 0;
    if (loop_leads(loop)) { /* loop P1 */
        now.role = ORDERS_LEAD;
        now.epoch = loop->lead.led.epoch;
        now.leader = loop->config.node;
        now.set = loop->lead.set;
    } else if (promise.leader != 0 && promise.leader != loop->config.node) {
        const struct loop_peer *peer = loop_peer(loop, promise.leader);
        now.role = ORDERS_FOLLOW;
        now.epoch = promise.epoch;
        now.leader = promise.leader;
        memcpy(now.address, peer != NULL ? peer->address : "", peer != NULL ? sizeof peer->address : 1);
    }
    if (!loop->ordered || !same_orders(&now, &loop->given)) {
        loop->ordered = true;
        loop->given = now;
        orders_give(loop->config.orders, &now);
    }
    orders_lease(loop->config.orders, loop_lead_end_us(loop));
}

/* ---- to be looked at ---- */

static void show_member(struct loop *loop, const struct topology_member *member, struct loop_member *out)
{
    const struct topology_shard *shard = loop_shard(loop);
    const struct loop_peer *peer = loop_peer(loop, member->id);
    bool self = member->id == loop->config.node;
    *out = (struct loop_member){.node = member->id,
                                .client_port = member->client_port,
                                .node_port = member->node_port,
                                .voter = member->engine_voter,
                                .linked = self || loop_link(loop, member->id) != NULL,
                                .heard_us = self           ? loop->now_us
                                            : peer != NULL ? peer->heard_us
                                                           : 0};
    memcpy(out->host, member->host, sizeof out->host);
    for (uint32_t i = 0; shard != NULL && i < shard->replica_count; i++) {
        out->replica = out->replica || shard->replicas[i] == member->id;
    }
}

static void show(struct loop *loop)
{
    struct loop_view *view = loop->view_next;
    const struct topology_shard *shard = loop_shard(loop);
    bool lost = loop->now_us - loop->leader_us > (int64_t)loop->config.lease_ms * 1000;
    view->now_us = loop->now_us;
    view->phase = loop_is_member(loop) ? LOOP_MEMBER : LOOP_ENTERING;
    memcpy(view->cluster_id, state_values(loop->state)->cluster_id, TOPOLOGY_ID_SIZE);
    view->version = loop->topology->version;
    view->epoch = shard != NULL ? shard->epoch : 0;
    view->named = shard != NULL ? shard->leader : 0;
    view->leader = loop->given.role != ORDERS_WAIT ? loop->given.leader : 0;
    view->leader_lost_us = loop_leads(loop) || !lost ? 0 : loop->leader_us;
    memcpy(view->waiting, loop->enter.waiting, sizeof view->waiting);
    view->member_count = loop->topology->member_count;
    for (uint32_t i = 0; i < view->member_count; i++) {
        show_member(loop, &loop->topology->members[i], &view->members[i]);
    }
    lock_take(loop->config.orders->lock);
    loop->view_next = loop->view;
    loop->view = view;
    lock_give(loop->config.orders->lock);
}

void loop_look(const struct loop *loop, struct loop_view *out)
{
    lock_take(loop->config.orders->lock);
    const struct loop_view *view = loop->view;
    memcpy(out, view, offsetof(struct loop_view, members));
    memcpy(out->members, view->members, view->member_count * sizeof out->members[0]);
    lock_give(loop->config.orders->lock);
}

/* ---- turns ---- */

void loop_turn(struct loop *loop, int64_t wall_ms, int64_t monotonic_ms)
{
    (void)wall_ms;
    (void)monotonic_ms;
    loop->now_us = loop_clock(loop);
    loop->hub.now_us = loop->now_us;
    orders_heard(loop->config.orders, &loop->report);
}

static int64_t sooner(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

int64_t loop_turn_end(struct loop *loop)
{
    loop->now_us = loop_clock(loop);
    turn_coordinator(loop);
    if (loop->trouble.text[0] != '\0') {
        return loop->now_us / 1000;
    }
    loop_enter_turn(loop);
    if (loop->resign.begun) {
        loop_resign_turn(loop);
    } else if (loop_is_member(loop) && loop->topology->version > 0) {
        loop_lead_turn(loop);
        loop_choose_turn(loop);
        loop_grow_turn(loop);
    }
    turn_coordinator(loop); /* what was swapped goes out at once */
    want_members(loop);
    hub_turn(&loop->hub, loop->now_us);
    give_orders(loop);
    show(loop);
    int64_t next_us = sooner(loop->now_us + (loop->resign.begun ? TICK_US / 20 : TICK_US), hub_next_us(&loop->hub));
    next_us = sooner(next_us, sooner(loop_lead_next_us(loop), loop_choose_next_us(loop)));
    next_us = sooner(next_us, loop_enter_next_us(loop));
    if (loop->coord != NULL) {
        uint32_t coord_ms = loop->coord->ops->next_ms(loop->coord, loop->now_us);
        next_us = sooner(next_us, loop->now_us + (int64_t)(coord_ms < 1000 ? coord_ms : 1000) * 1000);
    }
    return (next_us + 999) / 1000;
}

const char *loop_trouble(const struct loop *loop)
{
    return loop->trouble.text[0] != '\0' ? loop->trouble.text : NULL;
}

/* ---- life ---- */

enum status loop_create(struct loop **out, const struct loop_config *config, struct complaint *complaint)
{
    check(config->node > 0 && config->join_count <= LOOP_JOIN_MAX && config->host[0] != '\0');
    struct loop *loop = memory_zeroed(sizeof *loop);
    loop->config = *config;
    loop->now_us = loop_clock(loop);
    enum status status = state_open(&loop->state, config->disk, config->entropy, complaint);
    if (status != STATUS_OK) {
        memory_free(loop);
        return status;
    }
    loop->topology = memory_zeroed(sizeof *loop->topology);
    loop->view = memory_zeroed(sizeof *loop->view);
    loop->view_next = memory_zeroed(sizeof *loop->view_next);
    loop_change_init(loop);
    grant_init(&loop->grant, state_values(loop->state)->lease_ms, loop->now_us);
    hub_init(&loop->hub, config->peer, &hub_ops, loop, loop->now_us);
    status = loop_enter_begin(loop, complaint);
    if (status != STATUS_OK) {
        loop_destroy(loop);
        return status;
    }
    *out = loop;
    return STATUS_OK;
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    hub_finish(&loop->hub);
    if (loop->coord != NULL) {
        loop->coord->ops->destroy(loop->coord);
    }
    state_close(loop->state);
    loop_change_finish(loop);
    memory_free(loop->enter.welcome);
    memory_free(loop->topology);
    memory_free(loop->view);
    memory_free(loop->view_next);
    memory_free(loop);
}

struct feed_identity loop_identity(const struct loop *loop)
{
    const struct state_values *values = state_values(loop->state);
    struct feed_identity identity = {.node = loop->config.node, .start = values->starts};
    memcpy(identity.cluster.bytes, values->cluster_id, sizeof identity.cluster.bytes);
    memcpy(identity.folder.bytes, values->folder_id, sizeof identity.folder.bytes);
    return identity;
}

void loop_attach(struct loop *loop, struct stand *stand)
{
    loop->stand = stand;
    voter_init(&loop->voter, stand, &loop->grant, loop->state);
    stand_remember(stand, &state_values(loop->state)->promise);
}
