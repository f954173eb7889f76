/* SPDX-License-Identifier: MIT */

/* publish.c - one row per part: what touches it, and the verb that takes its options. */
#include "node/publish.h"

#include "node/client.h"
#include "node/declare.h"
#include "serve/sessions.h"

static void publish_worker(struct node *node)
{
    struct worker_options options = options_worker(node->config);
    sessions_configure(&node->worker, &options);
    if (!worker_needs_password(&node->worker)) {
        client_know_all(node);
    }
}

static void publish_replica(struct node *node)
{
    struct replica_options options = options_replica(node->config, node->env.seed);
    replica_configure(&node->replica, &options);
}

/* For how many connections the system has room, `wanted` at most. */
static uint64_t room(const struct node *node, uint64_t wanted)
{
    struct network *network = node->env.network;
    return network != NULL ? network->ops->make_room(network, wanted) : wanted;
}

static void publish_clients(struct node *node)
{
    node->clients = options_clients(node->config);
    node->clients.max = room(node, node->clients.wanted);
}

static void publish_crowd(struct node *node)
{
    uint64_t machine = node->env.process != NULL ? node->env.process->total_memory : 0;
    struct crowd_options options = options_crowd(node->config, machine);
    crowd_configure(&node->worker.sessions.crowd, &options);
}

static void publish_network(struct node *node)
{
    struct network_options options = options_network(node->config);
    if (node->env.network != NULL) {
        node->env.network->ops->configure(node->env.network, &options);
    }
}

static void publish_trace(struct node *node)
{
    node->env.trace.least = options_trace(node->config);
}

static void publish_modules(struct node *node)
{
    worker_tune(&node->worker, declare_tuning(node->config, node->registry));
}

static void publish_membership(struct node *node)
{
    struct membership_options options = options_membership(node->config);
    membership_configure(&node->membership, &options);
    node->forward.options = options_forward(node->config);
}

static const struct {
    unsigned touches;
    void (*publish)(struct node *node);
} parts[] = {
    {CONFIG_TOUCHES_SERVING | CONFIG_TOUCHES_METERS, publish_worker},
    {CONFIG_TOUCHES_DATA | CONFIG_TOUCHES_SAVER, publish_replica},
    {CONFIG_TOUCHES_CLIENTS, publish_clients},
    {CONFIG_TOUCHES_CLIENTS, publish_crowd},
    {CONFIG_TOUCHES_NETWORK, publish_network},
    {CONFIG_TOUCHES_TRACE, publish_trace},
    {CONFIG_TOUCHES_MODULES, publish_modules},
    {CONFIG_TOUCHES_CLUSTER, publish_membership},
};

void publish(struct node *node, unsigned touches)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if ((parts[i].touches & touches) != 0) {
            parts[i].publish(node);
        }
    }
}

/* Whether the parts can take what the config says now, of what `touches` names. */
static must_use enum status is_possible(const struct node *node, unsigned touches, struct complaint *complaint)
{
    uint64_t wanted = options_clients(node->config).wanted;
    if ((touches & CONFIG_TOUCHES_CLIENTS) == 0 || wanted == node->clients.wanted) {
        return STATUS_OK;
    }
    uint64_t possible = room(node, wanted);
    if (possible < wanted) {
        complaint_set(complaint,
                      "\"maxclients\" can be %llu at most, not %llu: the system allows no more open files; raise "
                      "'ulimit -n' and start the server again",
                      (unsigned long long)possible, (unsigned long long)wanted);
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

enum status publish_change(struct node *node, const struct gm_bytes *pairs, size_t count, struct gm_bytes *blamed,
                           struct complaint *complaint)
{
    struct config_change change;
    enum status status = config_change(node->config, pairs, count, &change, complaint);
    *blamed = change.blamed;
    TRY(status);
    status = is_possible(node, change.touches, complaint);
    if (status != STATUS_OK) {
        *blamed = BYTES("maxclients");
        config_change_undo(&change);
        return status;
    }
    config_change_keep(&change);
    publish(node, change.touches);
    return STATUS_OK;
}

void publish_fit(const struct node *node, struct config *config)
{
    uint64_t wanted = options_clients(config).wanted;
    uint64_t possible = room(node, wanted);
    if (possible < wanted) {
        trace(&node->env.trace, TRACE_WARNING,
              "maxclients is %llu, but the system allows no more open files than for %llu: connections above that will "
              "be refused; raise 'ulimit -n' or lower maxclients",
              (unsigned long long)wanted, (unsigned long long)possible);
        config->maxclients = (int64_t)possible; /* what CONFIG GET and INFO say is so */
    }
}

void publish_at_start(struct node *node)
{
    publish(node, CONFIG_TOUCHES_TRACE);
    publish_fit(node, node->config);
    publish(node, CONFIG_TOUCHES_CLIENTS | CONFIG_TOUCHES_NETWORK | CONFIG_TOUCHES_MODULES | CONFIG_TOUCHES_CLUSTER);
}
