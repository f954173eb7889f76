/* SPDX-License-Identifier: MIT */

/* host_cluster.c - a thread that beats, votes and keeps the topology, beside the one that serves.
 *
 * Why      A worker may be in a command for seconds, or read its log for minutes; a lease lasts a second.
 *
 * Idea     Two loops on two threads, each with links of its own over one gRPC, and each with a disk of its own:
 *
 *              main thread                                     cluster thread
 *              os_loop: clients, signals, peer (Follow ...)     os_loop: peer (Talk), cluster's disk
 *              node ── worker ── replica ── stand ◄───lock───► loop
 *                        ▲                  orders ◄──lock───►   │
 *                        └────────────── os_wake ◄───────────────┘
 *
 *          What both have is the stand of the replica and the orders, under one lock; the rest belongs to one thread.
 *          The cluster's files lie in the folder `cluster` in the data folder.
 *
 * Promises
 *   P1  A server that is in no cluster has nothing of this: no thread, no gRPC, no file.
 *   P2  What ends the cluster thread ends the process: who serves and does not vote looks like a member and is none.
 *
 * Limits   The level of the log that CONFIG SET changes is the worker's; the cluster thread keeps that of the start. */
#include "host/host_cluster.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/version.h"
#include "cluster/loop.h"
#include "config/config_keys.h"
#include "host/host_folder.h"
#include "os/os_clock.h"
#include "os/os_disk.h"
#include "os/os_entropy.h"
#include "os/os_lock.h"
#include "os/os_peers.h"
#include "os/os_probe.h"
#include "os/os_thread.h"
#include "os/os_wake.h"

#define PROBE_MS 100 /* for one of the places that join names: what is there answers at once */

_Static_assert(CONFIG_JOIN_MAX <= LOOP_JOIN_MAX, "the loop takes fewer places than the settings do");

struct host_cluster {
    const struct trace *trace; /* borrowed */
    struct os_lock lock;
    struct os_clock clock;
    struct os_entropy entropy;
    struct orders orders;
    struct os_wake *wake; /* of the worker's loop */
    struct os_peers *peers;
    struct peer *worker_peer;

    struct os_loop *os_loop; /* the cluster thread's, as all below */
    struct peer *peer;
    struct os_disk *disk;
    struct loop *loop;
    struct os_thread *thread;
    bool resigning; /* the thread has ended, and this one takes the loop's turns */

    struct membership_places places; /* the worker's, as its view is */
    struct loop_view view;
    struct complaint trouble; /* written once, before `troubled` */
    atomic_bool troubled;
};

/* ---- the cluster thread ---- */

static void on_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    struct host_cluster *cluster = context;
    loop_turn(cluster->loop, wall_ms, monotonic_ms);
}

static int64_t on_turn_end(void *context)
{
    struct host_cluster *cluster = context;
    int64_t next = loop_turn_end(cluster->loop);
    const char *trouble = loop_trouble(cluster->loop);
    if (cluster->resigning && loop_has_resigned(cluster->loop)) {
        os_loop_stop(cluster->os_loop);
    }
    if (trouble != NULL) { /* host_cluster P2 */
        complaint_set(&cluster->trouble, "%s", trouble);
        atomic_store_explicit(&cluster->troubled, true, memory_order_release);
        os_loop_stop(cluster->os_loop);
        os_wake_call(cluster->wake);
    }
    return next;
}

static void on_disk(void *context)
{
    struct host_cluster *cluster = context;
    os_disk_deliver(cluster->disk);
}

static void on_trouble(void *context, const char *sentence)
{
    const struct host_cluster *cluster = context;
    trace(cluster->trace, TRACE_WARNING, "%s", sentence);
}

/* [any thread] */
static void wake_worker(void *context)
{
    struct host_cluster *cluster = context;
    os_wake_call(cluster->wake);
}

/* Where clients reach another node. [the worker's thread] */
static bool find_place(void *context, uint64_t node, char *host, size_t size, uint16_t *port)
{
    struct host_cluster *cluster = context;
    loop_look(cluster->loop, &cluster->view);
    for (uint32_t i = 0; i < cluster->view.member_count; i++) {
        const struct loop_member *member = &cluster->view.members[i];
        if (member->node == node) {
            (void)snprintf(host, size, "%s", member->host);
            *port = member->client_port;
            return true;
        }
    }
    return false;
}

/* ---- beginning ---- */

static bool is_any(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* How others reach it: what the settings say, else the first address that it listens on, and where that is all of the
 * machine's, its name. */
static const char *host_of(const struct host_cluster_config *config)
{
    const struct config *settings = config->config;
    for (size_t i = 0; settings->advertise[0] == '\0' && i < settings->node_bind.count; i++) {
        if (!is_any(settings->node_bind.items[i])) {
            return settings->node_bind.items[i];
        }
    }
    return settings->advertise[0] != '\0' ? settings->advertise : config->machine;
}

/* Whoever names a port for clients would wait for ever. */
static must_use enum status check_places(const struct config *config, struct complaint *complaint)
{
    for (size_t i = 0; i < config->join.count; i++) {
        const char *place = config->join.items[i];
        uint16_t port;
        if (!os_probe_clients(place, PROBE_MS, &port)) {
            continue;
        }
        if (port == 0) {
            complaint_set(complaint, "%s is a port for clients: --join wants that node's internal_port", place);
        } else {
            int host = (int)(strrchr(place, ':') - place);
            complaint_set(complaint, "%s is a port for clients: nodes listen on %u (--join=%.*s:%u)", place, port, host,
                          place, port);
        }
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

static must_use enum status check_host(const struct host_cluster_config *config, struct complaint *complaint)
{
    if (host_of(config)[0] == '\0') {
        complaint_set(complaint, "this machine has no name by which other nodes could reach it: set \"advertise\"");
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

/* As for clients: ::1 that nobody has named need not be there. */
static bool can_do_without(const struct config *config, const char *address, enum status status)
{
    return status == STATUS_NOT_FOUND && strcmp(address, "::1") == 0 && !config_bind_given(config);
}

static must_use enum status listen_all(struct host_cluster *cluster, const struct config *config,
                                       struct complaint *complaint)
{
    bool open = false;
    for (size_t i = 0; i < config->node_bind.count; i++) {
        const char *address = config->node_bind.items[i];
        uint16_t port;
        enum status status =
            os_peers_listen(cluster->peers, address, (uint16_t)config->internal_port, &port, complaint);
        if (can_do_without(config, address, status)) {
            continue;
        }
        TRY(status);
        open = open || !config_is_loopback(address);
        trace(cluster->trace, TRACE_INFO, "listening for nodes on %s port %u", address, port);
    }
    if (open) {
        trace(cluster->trace, TRACE_WARNING,
              "allow_insecure is set, and other machines may reach the port for nodes, where no password is asked for: "
              "whoever reaches it can read and change everything");
    }
    return STATUS_OK;
}

static must_use enum status open_loop(struct host_cluster *cluster, const struct host_cluster_config *given,
                                      bool has_data, struct complaint *complaint)
{
    const struct config *config = given->config;
    struct loop_config wanted = {
        .disk = os_disk_interface(cluster->disk),
        .peer = cluster->peer,
        .entropy = &cluster->entropy.base,
        .clock = &cluster->clock.base,
        .orders = &cluster->orders,
        .trace = cluster->trace,
        .node = (uint64_t)config->node_id,
        .bootstrap = config->bootstrap,
        .join_count = (uint32_t)config->join.count,
        .host = host_of(given),
        .client_port = (uint16_t)config->external_port,
        .node_port = (uint16_t)config->internal_port,
        .version = GEOMYS_VERSION,
        .has_data = has_data,
        .beat_ms = (uint32_t)config->beat_ms,
        .lease_ms = (uint32_t)config->lease_ms,
        .stall_ms = (uint32_t)config->stall_ms,
        .replicas = (uint32_t)config->replicas,
        .quorum = config->write_acks == GATE_QUORUM,
    };
    for (size_t i = 0; i < config->join.count; i++) {
        wanted.join[i] = config->join.items[i];
    }
    return loop_create(&cluster->loop, &wanted, complaint);
}

static must_use enum status open_disk(struct host_cluster *cluster, const struct config *config,
                                      struct complaint *complaint)
{
    char *path = host_folder_path(config->data_folder, HOST_FOLDER_CLUSTER);
    enum status status = os_disk_create(&cluster->disk, path, cluster->trace, complaint);
    memory_free(path);
    TRY(status);
    return os_loop_watch(cluster->os_loop, os_disk_event_fd(cluster->disk), on_disk, cluster, complaint);
}

static must_use enum status open_all(struct host_cluster *cluster, const struct host_cluster_config *config,
                                     bool has_data, struct complaint *complaint)
{
    struct os_loop_driver driver = {
        .turn = on_turn, .turn_end = on_turn_end, .on_trouble = on_trouble, .context = cluster};
    TRY(os_wake_create(&cluster->wake, config->loop, NULL, NULL, complaint));
    TRY(os_peers_create(&cluster->peers, config->program, complaint));
    TRY(listen_all(cluster, config->config, complaint));
    TRY(os_peers_join(cluster->peers, config->loop, &cluster->worker_peer, complaint));
    TRY(os_loop_create(&cluster->os_loop, &driver, complaint));
    TRY(os_peers_join(cluster->peers, cluster->os_loop, &cluster->peer, complaint));
    TRY(open_disk(cluster, config->config, complaint));
    return open_loop(cluster, config, has_data, complaint);
}

enum status host_cluster_create(struct host_cluster **out, const struct host_cluster_config *config,
                                struct complaint *complaint)
{
    struct config *settings = config->config;
    bool member = host_folder_is_member(settings->data_folder);
    bool any = false;
    *out = NULL;
    if (!member && !settings->cluster_mode) {
        return STATUS_OK; /* host_cluster P1 */
    }
    if (!settings->cluster_mode) {
        TRY(config_enter_cluster(settings, complaint));
    }
    TRY(check_host(config, complaint));
    TRY(host_folder_admit(settings, config->data, member, &any, complaint));
    if (!member) {
        TRY(check_places(settings, complaint));
    }
    struct host_cluster *cluster = memory_zeroed(sizeof *cluster);
    cluster->trace = config->trace;
    os_lock_init(&cluster->lock);
    os_clock_init(&cluster->clock);
    os_entropy_init(&cluster->entropy);
    orders_init(&cluster->orders, &cluster->lock.base, &cluster->clock.base);
    cluster->orders.wake = wake_worker;
    cluster->orders.context = cluster;
    enum status status = open_all(cluster, config, any && !member, complaint);
    if (status != STATUS_OK) {
        host_cluster_stop(cluster);
        host_cluster_destroy(cluster);
        return status;
    }
    *out = cluster;
    return STATUS_OK;
}

void host_cluster_lend(struct host_cluster *cluster, struct node_env *env)
{
    if (cluster != NULL) {
        env->peer = cluster->worker_peer;
        env->lock = &cluster->lock.base;
        env->identity = loop_identity(cluster->loop);
        env->orders = &cluster->orders;
        env->loop = cluster->loop;
        cluster->places = (struct membership_places){find_place, cluster};
        env->places = &cluster->places;
    }
}

enum status host_cluster_start(struct host_cluster *cluster, struct node *node, struct complaint *complaint)
{
    if (cluster == NULL) {
        return STATUS_OK;
    }
    loop_attach(cluster->loop, &node->replica.stand);
    return os_thread_start(&cluster->thread, cluster->os_loop, "cluster", complaint);
}

const char *host_cluster_trouble(const struct host_cluster *cluster)
{
    bool troubled = cluster != NULL && atomic_load_explicit(&cluster->troubled, memory_order_acquire);
    return troubled ? cluster->trouble.text : NULL;
}

/* ---- end ---- */

void host_cluster_resign(struct host_cluster *cluster)
{
    if (cluster == NULL || cluster->thread == NULL) {
        return;
    }
    os_thread_end(cluster->thread);
    cluster->thread = NULL;
    os_peers_leave(cluster->peers, cluster->worker_peer); /* what it had said last goes out, before others lead */
    cluster->worker_peer = NULL;
    if (host_cluster_trouble(cluster) == NULL && loop_resign(cluster->loop)) {
        cluster->resigning = true;
        os_loop_run(cluster->os_loop);
    }
}

void host_cluster_stop(struct host_cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    os_thread_end(cluster->thread);
    if (cluster->peers != NULL) {
        os_peers_leave(cluster->peers, cluster->peer);
        os_peers_leave(cluster->peers, cluster->worker_peer);
    }
    if (cluster->disk != NULL) {
        struct disk *disk = os_disk_interface(cluster->disk);
        disk->ops->drain(disk);
    }
    loop_destroy(cluster->loop);
    os_peers_destroy(cluster->peers);
    os_wake_destroy(cluster->wake);
    os_loop_destroy(cluster->os_loop);
    os_disk_destroy(cluster->disk);
    cluster->thread = NULL;
    cluster->peers = NULL;
    cluster->disk = NULL;
    cluster->loop = NULL;
    cluster->wake = NULL;
    cluster->os_loop = NULL;
}

/* What the node's replica has of it goes with the node, which is gone. */
void host_cluster_destroy(struct host_cluster *cluster)
{
    if (cluster != NULL) {
        os_lock_finish(&cluster->lock);
        memory_free(cluster);
    }
}
