/* SPDX-License-Identifier: MIT */

/* os_grpc_server.c - ports that other nodes call.
 *
 * Idea     A port is a server of gRPC. Calls are taken whatever their method, and the table says which it is: a method
 *          that gRPC is told of and nobody asks for would wait for ever. Our head goes out at once, by gRPC's thread,
 *          so that a loop which is busy is not taken for a node that is not there.
 *
 * Promises
 *   P1  A port belongs to one process: a second one is refused (gRPC shares ports unless it is told not to).
 *   P2  More than LINKS_IN calls at a time are refused, whoever opens them; more than STREAMS of one connection wait.
 *   P3  Who connects and says nothing that is HTTP/2 is cut off after HANDSHAKE_MS. */
#include "os/os_grpc_server.h"

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "os/os_grpc_link.h"

#define ARRIVALS     8 /* calls that are awaited at a time */
#define LINKS_IN     4096
#define STREAMS      1024
#define HANDSHAKE_MS 5000

struct os_grpc_server;

/* A call that is awaited. */
struct arrival {
    struct os_grpc_tag tag;
    struct os_grpc_server *server;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array head;
};

struct os_grpc_server {
    struct list all;
    struct os_grpc *grpc;
    grpc_server *server;
    bool stopping, stopped;
    struct os_grpc_tag on_stop;
    struct arrival arrivals[ARRIVALS];
};

static struct os_grpc_server *server_at(const struct list *all)
{
    return container_of(all, struct os_grpc_server, all);
}

/* ---- calls that are not taken ---- */

struct refusal {
    struct os_grpc_tag tag;
    grpc_call *call;
    int cancelled;
};

static void on_refused(struct os_grpc_tag *tag, bool success)
{
    (void)success;
    struct refusal *refusal = container_of(tag, struct refusal, tag);
    grpc_call_unref(refusal->call);
    memory_free(refusal);
}

static void refuse(grpc_call *call, grpc_status_code code, const char *reason)
{
    struct refusal *refusal = memory_zeroed(sizeof *refusal);
    refusal->tag.on_done = on_refused;
    refusal->call = call;
    grpc_slice words = grpc_slice_from_static_string(reason);
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},
        {.op = GRPC_OP_SEND_STATUS_FROM_SERVER},
        {.op = GRPC_OP_RECV_CLOSE_ON_SERVER},
    };
    ops[1].data.send_status_from_server.status = code;
    ops[1].data.send_status_from_server.status_details = &words;
    ops[2].data.recv_close_on_server.cancelled = &refusal->cancelled;
    grpc_call_error error = grpc_call_start_batch(call, ops, sizeof ops / sizeof ops[0], &refusal->tag, NULL);
    check(error == GRPC_CALL_OK);
}

/* ---- calls ---- */

/* "ipv4:127.0.0.1:6000", "ipv6:%5B::1%5D:6000" as we write it. */
static void take_address(grpc_call *call, char out[static NET_ADDRESS_MAX])
{
    char *text = grpc_call_get_peer(call);
    const char *from = strncmp(text, "ipv", 3) == 0 && strchr(text, ':') != NULL ? strchr(text, ':') + 1 : text;
    size_t size = 0;
    while (*from != '\0' && size < NET_ADDRESS_MAX - 1) {
        bool is_bracket = strncmp(from, "%5B", 3) == 0 || strncmp(from, "%5D", 3) == 0;
        out[size++] = is_bracket ? from[2] == 'B' ? '[' : ']' : *from;
        from += is_bracket ? 3 : 1;
    }
    out[size] = '\0';
    gpr_free(text);
}

static enum peer_method method_of(const grpc_call_details *details)
{
    enum peer_method method = 0;
    while (method < PEER_METHODS && grpc_slice_str_cmp(details->method, peer_method_path(method)) != 0) {
        method++;
    }
    return method;
}

static void take(struct os_grpc *grpc, grpc_call *call, enum peer_method method)
{
    char address[NET_ADDRESS_MAX];
    take_address(call, address);
    struct os_grpc_link *link = NULL;
    pthread_mutex_lock(&grpc->lock);
    bool too_many = grpc->links_in >= LINKS_IN; /* os_grpc_server P2 */
    struct os_grpc_view *view = method < PEER_METHODS ? grpc->acceptors[method] : NULL;
    if (view != NULL && !too_many) {
        link = os_grpc_link_accept(view, method, call, address);
    } else {
        grpc->counts.refused++; /* peer E7 */
    }
    pthread_mutex_unlock(&grpc->lock);
    if (link != NULL) {
        os_grpc_link_start(link);
    } else if (too_many) {
        refuse(call, GRPC_STATUS_RESOURCE_EXHAUSTED, "this node has too many calls open");
    } else {
        refuse(call, GRPC_STATUS_UNIMPLEMENTED, "this node has no such method");
    }
}

static void await(struct arrival *arrival)
{
    struct os_grpc_server *server = arrival->server;
    grpc_call_details_init(&arrival->details);
    grpc_metadata_array_init(&arrival->head);
    grpc_completion_queue *queue = server->grpc->queue;
    grpc_call_error error = grpc_server_request_call(server->server, &arrival->call, &arrival->details, &arrival->head,
                                                     queue, queue, &arrival->tag);
    check(error == GRPC_CALL_OK);
}

static void on_arrival(struct os_grpc_tag *tag, bool success)
{
    struct arrival *arrival = container_of(tag, struct arrival, tag);
    struct os_grpc *grpc = arrival->server->grpc;
    if (success) {
        take(grpc, arrival->call, method_of(&arrival->details));
    }
    grpc_call_details_destroy(&arrival->details);
    grpc_metadata_array_destroy(&arrival->head);
    pthread_mutex_lock(&grpc->lock);
    bool stopping = arrival->server->stopping;
    pthread_mutex_unlock(&grpc->lock);
    if (success && !stopping) {
        await(arrival);
    }
}

/* ---- ports ---- */

static void on_stopped(struct os_grpc_tag *tag, bool success)
{
    (void)success;
    struct os_grpc_server *server = container_of(tag, struct os_grpc_server, on_stop);
    pthread_mutex_lock(&server->grpc->lock);
    server->stopped = true;
    pthread_cond_broadcast(&server->grpc->fewer);
    pthread_mutex_unlock(&server->grpc->lock);
}

static grpc_server *make(struct os_grpc *grpc)
{
    grpc_arg settings[OS_GRPC_SETTINGS + 4];
    size_t count = os_grpc_settings(settings);
    settings[count++] = os_grpc_setting(GRPC_ARG_ALLOW_REUSEPORT, 0); /* os_grpc_server P1 */
    settings[count++] = os_grpc_setting(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS);
    settings[count++] = os_grpc_setting(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, HANDSHAKE_MS); /* os_grpc_server P3 */
    grpc_server *server = grpc_server_create(&(grpc_channel_args){.num_args = count, .args = settings}, NULL);
    grpc_server_register_completion_queue(server, grpc->queue, NULL);
    return server;
}

static void start(struct os_grpc *grpc, grpc_server *made)
{
    struct os_grpc_server *server = memory_zeroed(sizeof *server);
    server->grpc = grpc;
    server->server = made;
    server->on_stop.on_done = on_stopped;
    grpc_server_start(made);
    for (size_t i = 0; i < ARRIVALS; i++) {
        server->arrivals[i].tag.on_done = on_arrival;
        server->arrivals[i].server = server;
    }
    pthread_mutex_lock(&grpc->lock);
    list_push_back(&grpc->servers, &server->all);
    pthread_mutex_unlock(&grpc->lock);
    for (size_t i = 0; i < ARRIVALS; i++) {
        await(&server->arrivals[i]);
    }
}

static void stop(struct os_grpc_server *server)
{
    pthread_mutex_lock(&server->grpc->lock);
    server->stopping = true;
    pthread_mutex_unlock(&server->grpc->lock);
    grpc_server_shutdown_and_notify(server->server, server->grpc->queue, &server->on_stop);
}

enum status os_grpc_server_listen(struct os_grpc *grpc, const char *target, uint16_t *bound,
                                  struct complaint *complaint)
{
    grpc_server *server = make(grpc);
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    int port = grpc_server_add_http2_port(server, target, credentials);
    grpc_server_credentials_release(credentials);
    start(grpc, server);
    if (port <= 0 || port > UINT16_MAX) {
        complaint_set(complaint,
                      "cannot listen for nodes on %s: another process has it, or this machine has no such "
                      "address",
                      target);
        stop(server_at(grpc->servers.prev)); /* the only way to be rid of it; freed with the others */
        return STATUS_EXISTS;
    }
    *bound = (uint16_t)port;
    return STATUS_OK;
}

void os_grpc_server_stop_all(struct os_grpc *grpc)
{
    for (struct list *at = grpc->servers.next; at != &grpc->servers; at = at->next) {
        if (!server_at(at)->stopping) {
            stop(server_at(at));
        }
    }
}

void os_grpc_server_cancel_all(struct os_grpc *grpc)
{
    for (struct list *at = grpc->servers.next; at != &grpc->servers; at = at->next) {
        grpc_server_cancel_all_calls(server_at(at)->server);
    }
}

bool os_grpc_server_all_stopped(const struct os_grpc *grpc)
{
    for (const struct list *at = grpc->servers.next; at != &grpc->servers; at = at->next) {
        if (!server_at(at)->stopped) {
            return false;
        }
    }
    return true;
}

void os_grpc_server_free_all(struct os_grpc *grpc)
{
    while (!list_empty(&grpc->servers)) {
        struct os_grpc_server *server = server_at(grpc->servers.next);
        list_remove(&server->all);
        grpc_server_destroy(server->server);
        memory_free(server);
    }
}
