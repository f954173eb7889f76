/* SPDX-License-Identifier: MIT */

/* membership.c - who is fed, and who is followed. */
#include "node/membership.h"

#include "serve/worker.h"

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
    feeds_init(&membership->feeds,
               &(struct feeds_config){.replica = config->replica, .self = config->self, .trace = config->trace});
    follow_init(&membership->follow,
                &(struct follow_config){
                    .replica = config->replica, .peer = config->peer, .self = config->self, .trace = config->trace});
    struct peer_acceptor acceptor = feeds_acceptor(&membership->feeds);
    config->peer->ops->accept(config->peer, 1U << PEER_FOLLOW, &acceptor);
}

void membership_finish(struct membership *membership)
{
    if (is_member(membership)) {
        feeds_finish(&membership->feeds);
        follow_finish(&membership->follow);
    }
}

bool membership_turn(struct membership *membership)
{
    if (!is_member(membership)) {
        return false;
    }
    follow_turn(&membership->follow);
    return feeds_turn(&membership->feeds);
}

int64_t membership_next_ms(const struct membership *membership)
{
    if (!is_member(membership)) {
        return INT64_MAX;
    }
    int64_t feeds = feeds_next_ms(&membership->feeds);
    int64_t follow = follow_next_ms(&membership->follow);
    return feeds < follow ? feeds : follow;
}

void membership_lead(struct membership *membership, uint64_t epoch, const struct record_epoch *leader)
{
    check(is_member(membership));
    follow_choose(&membership->follow, "", 0, 0);
    replica_lead(membership->config.replica, epoch, leader);
}

void membership_follow(struct membership *membership, const char *address, uint64_t epoch, uint64_t leader)
{
    struct replica *replica = membership->config.replica;
    check(is_member(membership));
    if (replica->shard.role == SHARD_LEADING || replica->shard.role == SHARD_FENCED) {
        replica_follow(replica);
    }
    follow_choose(&membership->follow, address, epoch, leader);
}
