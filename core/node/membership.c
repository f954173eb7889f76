/* SPDX-License-Identifier: MIT */

/* membership.c - who is fed, and who is followed. */
#include "node/membership.h"

#include <string.h>

#include "node/replicas.h"
#include "serve/waiters.h"
#include "serve/worker.h"

#define NEAR_MS   1000 /* who has what was there so long ago is near enough to count */
#define REPORT_MS 200  /* a worker with nothing to do shows so often that it lives */

/* The data set is another one than was thought: keys have other hashes. */
static void on_origin(void *context)
{
    struct membership *membership = context;
    worker_rekey(membership->config.worker);
}

static void on_down(void *context)
{
    struct membership *membership = context;
    feeds_drop(&membership->feeds);
    retain_drop(&membership->retain);
    tenure_reset(&membership->tenure);
}

static bool is_member(const struct membership *membership)
{
    return membership->config.peer != NULL;
}

void membership_init(struct membership *membership, const struct membership_config *config)
{
    *membership = (struct membership){.config = *config};
    if (!is_member(membership)) {
        return;
    }
    config->replica->on_origin = on_origin;
    config->replica->on_down = on_down;
    config->replica->context = membership;
    membership->tenure = (struct tenure){.replica = config->replica,
                                         .worker = config->worker,
                                         .orders = config->orders,
                                         .follow = &membership->follow,
                                         .gated = config->gated,
                                         .node = config->self.node};
    membership->copies = replicas_copies(membership);
    config->worker->copies = &membership->copies;
    if (config->orders != NULL) {
        tenure_level(&membership->tenure, true); /* until it is known: nothing is shown that could be taken back */
    }
    feeds_init(&membership->feeds,
               &(struct feeds_config){.replica = config->replica, .self = config->self, .trace = config->trace});
    follow_init(&membership->follow,
                &(struct follow_config){
                    .replica = config->replica, .peer = config->peer, .self = config->self, .trace = config->trace});
    struct peer_acceptor acceptor = feeds_acceptor(&membership->feeds);
    config->peer->ops->accept(config->peer, 1U << PEER_FOLLOW, &acceptor);
}

void membership_configure(struct membership *membership, const struct membership_options *options)
{
    membership->tenure.options = *options;
    membership->log_limit = options->log_limit;
    membership->retain.next_ms = 0;
}

void membership_finish(struct membership *membership)
{
    if (is_member(membership)) {
        retain_drop(&membership->retain);
        feeds_finish(&membership->feeds);
        follow_finish(&membership->follow);
    }
}

/* ---- orders ---- */

static bool is_busy(const struct replica *replica)
{
    return replica->state == REPLICA_LOADING && !replica->blank;
}

/* True: what is wanted is done, or cannot be any more. */
static bool carry_out(struct membership *membership)
{
    const struct orders_now *now = &membership->now;
    const struct replica *replica = membership->config.replica;
    memcpy(membership->feeds.config.self.cluster.bytes, now->cluster_id, ORDERS_ID_SIZE);
    memcpy(membership->follow.config.self.cluster.bytes, now->cluster_id, ORDERS_ID_SIZE);
    tenure_level(&membership->tenure, now->quorum);
    if (now->role != ORDERS_LEAD) {
        bool follows = now->role == ORDERS_FOLLOW;
        membership_follow(membership, follows ? now->address : "", now->epoch, now->leader);
        membership->feeds.leader_hint = follows ? now->leader : 0;
        return true;
    }
    if (is_busy(replica)) { /* it was elected by what is still being read */
        return false;
    }
    if (membership->report.epoch != now->epoch && membership_lead(membership, now->epoch, &now->set)) {
        membership->report.epoch = now->epoch;
        membership->report.first = replica->acks.first;
    }
    return true;
}

static void take_orders(struct membership *membership)
{
    struct orders *orders = membership->config.orders;
    if (orders_take(orders, membership->now.number, &membership->now)) {
        membership->undone = true;
    }
    if (membership->undone && membership->config.replica->state != REPLICA_FAILED) {
        membership->undone = !carry_out(membership);
    }
}

/* ---- what the cluster loop is told ---- */

/* The last record that was there a second ago, or somewhat more. */
static uint64_t second_ago(struct membership *membership, uint64_t last)
{
    int64_t now_ms = membership->config.replica->shard.monotonic_ms;
    if (membership->second_ms == 0) {
        membership->second_last = last; /* nobody knows what was there a second ago: all of it has to be had */
    }
    if (now_ms >= membership->second_ms + NEAR_MS) {
        membership->second_ms = now_ms;
        membership->second_before = membership->second_last;
        membership->second_last = last;
    }
    return membership->second_before;
}

static void tell_of_followers(struct membership *membership, struct orders_report *report)
{
    uint64_t near = second_ago(membership, report->last);
    report->follower_count = 0;
    for (uint32_t i = 0; i < membership->feeds.count && report->follower_count < ORDERS_FOLLOWERS_MAX; i++) {
        struct feed_view view = feeds_view(&membership->feeds, i);
        if (view.streaming) {
            report->followers[report->follower_count++] =
                (struct orders_follower){.node = view.node,
                                         .received = view.received,
                                         .synced = view.synced,
                                         .near = view.synced >= near && view.synced >= report->first};
        }
    }
}

static void report(struct membership *membership)
{
    struct orders_report *report = &membership->report;
    const struct replica *replica = membership->config.replica;
    const struct tail *tail = &replica->shard.tail;
    int64_t now_ms = replica->shard.monotonic_ms;
    uint64_t synced = replica->wal != NULL ? wal_synced(replica->wal) : tail->last_sequence;
    const struct epochs_entry *newest = epochs_find(&tail->epochs, tail->last_sequence);
    bool lacks = replica->wal != NULL && wal_lack(replica->wal) != STATUS_OK;
    report->turned_ms = now_ms;
    if (synced >= tail->last_sequence || synced != membership->synced) {
        report->moved_ms = now_ms;
    }
    membership->synced = synced;
    report->loaded = replica->state == REPLICA_SERVING;
    report->fit = report->loaded && !replica->unopened && !lacks;
    report->newest_epoch = tail->epoch;
    report->newest_leader = newest != NULL ? newest->leader : 0;
    report->last = tail->last_sequence;
    report->committed = replica->acks.committed;
    tell_of_followers(membership, report);
    orders_tell(membership->config.orders, report);
}

/* What followers have on their disks may be what somebody waits for, or enough for writes to be taken. */
static void mind_followers(struct membership *membership)
{
    struct replica *replica = membership->config.replica;
    struct worker *worker = membership->config.worker;
    if (replica->options.shard.replicas_wanted > 0) {
        shard_see_replicas(&replica->shard, replicas_good(membership, replica->options.shard.replicas_lag_ms));
    }
    if (list_empty(&worker->syncing)) {
        return;
    }
    uint64_t progress = replicas_progress(membership);
    if (progress != membership->progress) {
        membership->progress = progress;
        waiters_try(worker);
    }
}

bool membership_turn(struct membership *membership)
{
    if (!is_member(membership)) {
        return false;
    }
    if (membership->config.orders != NULL) {
        take_orders(membership);
    }
    follow_turn(&membership->follow);
    bool more = feeds_turn(&membership->feeds);
    retain_turn(&membership->retain, &membership->feeds, membership->log_limit);
    mind_followers(membership);
    if (membership->config.orders != NULL) {
        report(membership);
    }
    return more;
}

int64_t membership_next_ms(const struct membership *membership)
{
    if (!is_member(membership)) {
        return INT64_MAX;
    }
    int64_t feeds = feeds_next_ms(&membership->feeds);
    int64_t follow = follow_next_ms(&membership->follow);
    int64_t next = feeds < follow ? feeds : follow;
    int64_t report = membership->config.orders != NULL ? membership->report.turned_ms + REPORT_MS : INT64_MAX;
    return report < next ? report : next;
}

bool membership_lead(struct membership *membership, uint64_t epoch, const struct record_epoch *leader)
{
    check(is_member(membership));
    follow_choose(&membership->follow, "", 0, 0);
    return tenure_begin(&membership->tenure, epoch, leader);
}

void membership_follow(struct membership *membership, const char *address, uint64_t epoch, uint64_t leader)
{
    check(is_member(membership));
    tenure_end(&membership->tenure, address[0] != '\0' ? leader : 0);
    follow_choose(&membership->follow, address, epoch, leader);
}
