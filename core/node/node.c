/* SPDX-License-Identifier: MIT */

/* node.c - composing a replica and the worker that serves it; and the order of things within a turn.
 *
 * The end of a turn, in order: what has expired goes; waiting commands are served; the log takes what is new; what the
 * log has released meanwhile is sent. So the answers of a turn leave in it if the policy allows, and one system call
 * per connection suffices. */
#include "node/node.h"

#include <stdio.h>

#include "base/memory.h"
#include "geomys/ext/wait.h"
#include "node/client.h"
#include "node/declare.h"
#include "node/memory_report.h"
#include "node/publish.h"
#include "node/squeeze.h"
#include "node/steer.h"
#include "serve/call.h"
#include "serve/renew.h"
#include "serve/turn.h"
#include "serve/waiters.h"

#define APART_MS      1000
#define APART_TOLD_MS 60000 /* between lines about it */

/* ---- what the host brings along ---- */

static const struct registry_interface interfaces[] = {{GM_WAIT_2, &host_wait_2}};

const struct registry_interface *node_interfaces(uint32_t *count)
{
    *count = sizeof interfaces / sizeof interfaces[0];
    return interfaces;
}

/* ---- life ---- */

/* SAVE waits for it. */
static void on_saver_idle(void *context)
{
    struct node *node = context;
    waiters_try(&node->worker);
}

/* Everybody sees it, so it is drawn for itself: it tells nothing of what else was. */
static void make_run_id(struct node *node)
{
    uint8_t drawn[(sizeof node->run_id - 1) / 2];
    node->env.entropy->ops->fill(node->env.entropy, drawn, sizeof drawn);
    for (size_t i = 0; i < sizeof drawn; i++) {
        (void)snprintf(node->run_id + 2 * i, 3, "%02x", drawn[i]);
    }
}

static struct session *session_of(void *user)
{
    const struct client *client = user;
    return client->session;
}

/* Commands to the leader, and from others while this node leads. */
static void init_forwarding(struct node *node)
{
    forward_init(&node->forward, &(struct forward_config){.worker = &node->worker,
                                                          .follow = &node->membership.follow,
                                                          .peer = node->env.peer,
                                                          .trace = &node->env.trace});
    forwarded_init(&node->forwarded, &(struct forwarded_config){.worker = &node->worker,
                                                                .acceptor = node_acceptor(node),
                                                                .session_of = session_of,
                                                                .peer = node->env.peer});
    if (node->env.peer != NULL) {
        node->worker.route = steer_request;
        node->worker.reroute = steer_waiting;
        node->worker.route_context = &node->forward;
    }
}

enum status node_create(struct node **out, struct config *config, const struct registry *registry,
                        const struct node_env *env, struct complaint *complaint)
{
    TRY(declare_settings(config, registry, complaint));
    struct node *node = memory_zeroed(sizeof *node);
    node->config = config;
    node->registry = registry_keep(registry);
    node->env = *env;
    if (node->env.seed == 0) {
        env->entropy->ops->fill(env->entropy, &node->env.seed, sizeof node->env.seed);
    }
    list_init(&node->gated);
    node->backlog_max = NODE_BACKLOG_MAX;
    list_init(&node->stuffed);
    list_init(&node->unknown);
    struct worker_options worker = options_worker(config);
    struct replica_options replica = options_replica(config, node->env.seed);
    struct replica_env replica_env = {.disk = env->disk,
                                      .entropy = env->entropy,
                                      .trace = &node->env.trace,
                                      .lock = env->lock,
                                      .member = env->peer != NULL};
    enum status status = replica_init(&node->replica, registry, &replica, &replica_env, complaint);
    worker_init(&node->worker, &node->replica.shard, &host_call_ops, env->clock, &worker);
    node->worker.owner = node;
    node->replica.saver.on_idle = on_saver_idle;
    node->replica.saver.context = node;
    make_run_id(node);
    membership_init(&node->membership, &(struct membership_config){.replica = &node->replica,
                                                                   .worker = &node->worker,
                                                                   .peer = env->peer,
                                                                   .self = env->identity,
                                                                   .orders = env->orders,
                                                                   .places = env->places,
                                                                   .gated = &node->gated,
                                                                   .trace = &node->env.trace});
    init_forwarding(node);
    publish_at_start(node);
    if (status != STATUS_OK) {
        node_destroy(node);
        return status;
    }
    *out = node;
    return STATUS_OK;
}

void node_destroy(struct node *node)
{
    if (node == NULL) {
        return;
    }
    forwarded_finish(&node->forwarded);
    forward_finish(&node->forward);
    membership_finish(&node->membership);
    worker_finish(&node->worker);
    replica_finish(&node->replica);
    registry_release(node->registry);
    memory_free(node);
}

enum status node_adopt(struct node *node, const struct registry *newer, struct complaint *complaint)
{
    TRY(declare_settings(node->config, newer, complaint));
    TRY(renew(&node->worker, newer, complaint));
    registry_release(node->registry);
    node->registry = registry_keep(newer);
    publish(node, CONFIG_TOUCHES_MODULES);
    return STATUS_OK;
}

struct net_acceptor node_acceptor(struct node *node)
{
    return (struct net_acceptor){
        .on_accept = client_accept,
        .exhausted = BYTES("-ERR max number of clients reached\r\n"),
        .context = node,
    };
}

/* ---- turns ---- */

/* What is served, once all of it is there. The host's own commands count, the parts of the host are no modules. */
static void tell_ready(const struct node *node)
{
    const struct registry *registry = node->registry;
    unsigned loaded = 0;
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        loaded += registry_module(registry, i)->path != NULL;
    }
    trace(&node->env.trace, TRACE_INFO, "ready: %u modules, %u commands, %llu keys", loaded,
          registry_command_count(registry), (unsigned long long)node->replica.shard.databases.ledger.keys);
}

/* The log lacks something, or no more: there are answers that go by that. */
seldom static void follow_log(struct node *node, bool stuck)
{
    bool news = gate_stick(&node->replica.shard.gate, stuck);
    check(news);
    list_move_all(&node->worker.sessions.dirty, &node->gated);
}

/* The replica is in another state than it was. */
seldom static void follow_replica(struct node *node)
{
    const struct replica *replica = &node->replica;
    bool was_ready = node->replica_seen != REPLICA_LOADING;
    node->replica_seen = replica->state;
    if (replica->state == REPLICA_FAILED) {
        node->state = NODE_FAILED;
        node->complaint = replica->complaint;
        return;
    }
    if (replica->state != REPLICA_LOADING && !was_ready) { /* it loads again when it is given other data */
        tell_ready(node);
    }
    if (node->state != NODE_STOPPING) {
        node->state = replica->state == REPLICA_LOADING ? NODE_LOADING : NODE_SERVING;
    }
}

/* Takes over what has become of the replica. */
static inline void look_at_replica(struct node *node)
{
    const struct shard *shard = &node->replica.shard;
    bool stuck = shard->wal != NULL && wal_lack(shard->wal) != STATUS_OK;
    if (__builtin_expect(stuck != shard->gate.stuck, 0)) {
        follow_log(node, stuck);
    }
    if (__builtin_expect(node->replica.state != node->replica_seen, 0)) {
        follow_replica(node);
    }
}

/* The clocks of the nodes are apart, or were: what expires does so by the data's time, which people may take for a
 * fault. */
static void tell_apart(struct node *node, int64_t data_ms)
{
    int64_t apart_ms;
    uint64_t more;
    bool far = __builtin_sub_overflow(data_ms, node->now_ms, &apart_ms) || apart_ms > APART_MS || apart_ms < -APART_MS;
    if (__builtin_expect(far, 0) && pace_tells(&node->aparts, node->monotonic_ms, APART_TOLD_MS, &more)) {
        trace(&node->env.trace, TRACE_WARNING,
              "keys expire by a time that is %.1f s %s this node's clock, since all nodes have one: set the clocks of "
              "all nodes (ntp)",
              (double)(apart_ms < 0 ? -apart_ms : apart_ms) / 1e3, apart_ms < 0 ? "behind" : "ahead of");
    }
}

void node_turn(struct node *node, int64_t wall_ms, int64_t monotonic_ms)
{
    if (!node->turned) {
        node->turned = true;
        node->started_ms = monotonic_ms;
        node->replica.load_began_ms = monotonic_ms;
        node->replica.load_told_ms = monotonic_ms;
        node->next_second_ms = monotonic_ms;
    }
    node->now_ms = wall_ms;
    node->monotonic_ms = monotonic_ms;
    look_at_replica(node); /* completions of the disk come between turns */
    if (__builtin_expect(node->env.peer != NULL, 0)) {
        tenure_turn(&node->membership.tenure);
    }
    int64_t data_ms = replica_time(&node->replica, wall_ms, monotonic_ms);
    tell_apart(node, data_ms);
    turn_begin(&node->worker, data_ms, monotonic_ms);
}

static void check_clients(struct node *node)
{
    const struct list *all = &node->worker.sessions.all;
    for (struct list *at = all->next; at != all;) {
        struct session *session = container_of(at, struct session, all);
        at = at->next;
        if (client_of(session) != NULL) { /* whose connection is ours to watch */
            client_check(client_of(session));
        }
    }
}

static void once_per_second(struct node *node)
{
    if (node->monotonic_ms < node->next_second_ms) {
        return;
    }
    struct meters *meters = &node->worker.meters;
    node->next_second_ms = node->monotonic_ms + 1000;
    timing_adjust(&meters->timing);
    traffic_second(&node->traffic, meters->counts.commands);
    uint64_t memory = memory_report_used(node);
    node->peak_memory = memory > node->peak_memory ? memory : node->peak_memory;
    check_clients(node);
    client_check_unknown(node);
    squeeze_second(node);
}

/* Whether answers may leave now that could not when it was asked last. */
static bool lets_more(struct node *node)
{
    const struct gate *gate = &node->replica.shard.gate;
    bool more = false;
    for (enum gate_level level = 0; level < GATE_LEVELS; level++) {
        uint64_t released = gate_released(gate, level);
        more = more || released != node->released[level];
        node->released[level] = released;
    }
    return more;
}

static void release_answers(struct node *node)
{
    struct shard *shard = &node->replica.shard;
    struct list *dirty = &node->worker.sessions.dirty;
    uint64_t released, quorum;
    replica_released(&node->replica, &released, &quorum);
    gate_release(&shard->gate, released, quorum);
    if (__builtin_expect(node->env.peer != NULL, 0)) {
        tenure_release(&node->membership.tenure);
    }
    if (lets_more(node)) {
        list_move_all(dirty, &node->gated);
    }
    struct list now;
    list_init(&now);
    list_move_all(&now, dirty);
    while (!list_empty(&now)) {
        struct session *session = container_of(now.next, struct session, dirty);
        list_remove(&session->dirty);
        client_flush(client_of(session));
    }
}

static void take_input_again(struct node *node)
{
    if (list_empty(&node->stuffed) || replica_is_behind(&node->replica, node->backlog_max / 2)) {
        return;
    }
    struct list now;
    list_init(&now);
    list_move_all(&now, &node->stuffed);
    while (!list_empty(&now)) {
        struct client *client = container_of(now.next, struct client, stuffed);
        list_remove(&client->stuffed);
        net_resume(client->conn);
    }
}

int64_t node_turn_end(struct node *node)
{
    if (node->state == NODE_FAILED || node->state == NODE_STOPPING) {
        return node->monotonic_ms;
    }
    struct worker *worker = &node->worker;
    bool member = __builtin_expect(node->env.peer != NULL, 0);
    if (member) {
        forwarded_offer(&node->forwarded);
    }
    bool more = node->state == NODE_SERVING && turn_end(worker);
    more = replica_turn(&node->replica) || more;
    if (member) {
        more = membership_turn(&node->membership) || more;
        forward_turn(&node->forward);
    }
    look_at_replica(node);
    if (node->state == NODE_FAILED) {
        return node->monotonic_ms;
    }
    take_input_again(node);
    once_per_second(node);
    release_answers(node);
    if (member) {
        forwarded_turn(&node->forwarded);
    }
    squeeze_turn(node);
    if (node->parting.until_ms != 0 && parting_is_over(&node->parting, &node->membership)) {
        node->state = NODE_STOPPING;
        return node->monotonic_ms;
    }
    if (more || !list_empty(&worker->sessions.dirty) || waiters_ready(worker)) { /* the saver lets go of values */
        return node->monotonic_ms;
    }
    int64_t next = turn_next_ms(worker);
    int64_t replica_next = replica_next_ms(&node->replica);
    next = replica_next < next ? replica_next : next;
    if (member) {
        int64_t membership_next = membership_next_ms(&node->membership);
        int64_t forward_next = forward_next_ms(&node->forward);
        next = membership_next < next ? membership_next : next;
        next = forward_next < next ? forward_next : next;
        next = node->parting.until_ms != 0 && node->parting.until_ms < next ? node->parting.until_ms : next;
    }
    return node->next_second_ms < next ? node->next_second_ms : next;
}

void node_stop(struct node *node)
{
    if (node->state == NODE_FAILED) {
        return;
    }
    bool waits =
        node->state == NODE_SERVING && node->parting.until_ms == 0 && parting_begin(&node->parting, &node->membership);
    if (!waits) {
        node->state = NODE_STOPPING;
    }
}

enum status node_close(struct node *node, struct complaint *complaint)
{
    if (node->state == NODE_FAILED) {
        return STATUS_OK;
    }
    TRY(replica_close(&node->replica, complaint));
    release_answers(node);
    forwarded_part(&node->forwarded);
    return STATUS_OK;
}
