/* SPDX-License-Identifier: MIT */

/* os_peers.c - loads gRPC, and lets loops watch for what comes in.
 *
 * Promises
 *   P1  A program that does not call os_peers_create has nothing of gRPC, neither linked nor loaded.
 *
 * Limits   Once loaded it stays until the process ends: a library with threads and statics of its own is not taken
 *          out of one. */
#include "os/os_peers.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/trust.h"
#include "base/version.h"
#include "os/address.h"
#include "os/os_grpc.h"

#define FILE_NAME "geomys-grpc.so"

struct joined {
    struct list link;
    const struct os_grpc_table *table;
    struct os_loop *loop;
    struct peer *peer;
    int event_fd;
};

struct os_peers {
    const struct os_grpc_table *table;
    struct os_grpc *grpc;
    struct list joined;
};

/* ---- loading ---- */

/* The file's whole path; false: it is nowhere. */
static bool find(const char *program, char out[static PATH_MAX], struct stat *is)
{
    static const char *const places[] = {"../lib/geomys/" FILE_NAME, FILE_NAME};
    const char *slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_MAX];
        int size = snprintf(path, sizeof path, "%.*s/%s", (int)(slash - program), program, places[i]);
        if (size > 0 && size < PATH_MAX && realpath(path, out) != NULL && stat(out, is) == 0 && S_ISREG(is->st_mode)) {
            return true;
        }
    }
    return false;
}

static enum status load(const char *program, const struct os_grpc_table **out, struct complaint *complaint)
{
    char path[PATH_MAX];
    struct stat is;
    if (!find(program, path, &is)) {
        complaint_set(complaint,
                      "talking to other nodes takes " FILE_NAME ", which is neither beside %s nor in ../lib/geomys: "
                      "install the whole of geomys",
                      program);
        return STATUS_NOT_FOUND;
    }
    TRY(trust(is.st_mode, TRUST_GROUP, "the library", path, complaint));
    /* os_peers P1: the one place where it comes in */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *reason = dlerror(); /* names the file that is missing */
        complaint_set(complaint, "talking to other nodes takes gRPC (Debian: libgrpc29), which cannot be loaded: %s",
                      reason);
        return STATUS_REFUSED;
    }
    const struct os_grpc_table *(*entry)(void);
    *(void **)(void *)&entry = dlsym(library, OS_GRPC_ENTRY);
    const struct os_grpc_table *table = entry != NULL ? entry() : NULL;
    if (table == NULL || strcmp(table->version, GEOMYS_VERSION) != 0 || table->size != sizeof *table) {
        complaint_set(complaint, "%s is not of this version of geomys (%s): install both together", path,
                      GEOMYS_VERSION);
        return STATUS_VERSION;
    }
    *out = table;
    return STATUS_OK;
}

enum status os_peers_create(struct os_peers **out, const char *program, struct complaint *complaint)
{
    const struct os_grpc_table *table = NULL;
    struct os_grpc *grpc = NULL;
    TRY(load(program, &table, complaint));
    TRY(table->create(&grpc, complaint));
    struct os_peers *peers = memory_zeroed(sizeof *peers);
    peers->table = table;
    peers->grpc = grpc;
    list_init(&peers->joined);
    *out = peers;
    return STATUS_OK;
}

/* ---- listening ---- */

/* gRPC does not say why it cannot listen: the system does. */
static enum status try_address(const struct address *address, const char *text, struct complaint *complaint)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    int error = 0;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&address->storage, address->size) != 0 || listen(fd, 1) != 0) {
        error = errno;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    switch (error) {
    case 0:
        return STATUS_OK;
    case EADDRINUSE:
        complaint_set(complaint,
                      "cannot listen for nodes on %s: another process has the port; choose another "
                      "internal_port, or stop it",
                      text);
        return STATUS_EXISTS;
    case EADDRNOTAVAIL:
        complaint_set(complaint, "cannot listen for nodes on %s: this machine has no such address", text);
        return STATUS_NOT_FOUND;
    default:
        complaint_set(complaint, "cannot listen for nodes on %s: %s", text, strerrordesc_np(error));
        return STATUS_REFUSED;
    }
}

enum status os_peers_listen(struct os_peers *peers, const char *address, uint16_t port, uint16_t *bound,
                            struct complaint *complaint)
{
    struct address parsed;
    char text[NET_ADDRESS_MAX];
    uint16_t chosen = 0;
    if (address_from_tcp(&parsed, address, port) != STATUS_OK) {
        complaint_set(complaint, "cannot listen for nodes on '%s': it is no address", address);
        return STATUS_INVALID;
    }
    address_to_text(&parsed, text);
    TRY(try_address(&parsed, text, complaint));
    TRY(peers->table->listen(peers->grpc, text, &chosen, complaint));
    if (bound != NULL) {
        *bound = chosen;
    }
    return STATUS_OK;
}

/* ---- loops ---- */

static struct joined *joined_at(struct list *link)
{
    return container_of(link, struct joined, link);
}

static void on_ready(void *context)
{
    struct joined *joined = context;
    joined->table->deliver(joined->peer);
}

enum status os_peers_join(struct os_peers *peers, struct os_loop *loop, struct peer **out, struct complaint *complaint)
{
    struct joined *joined = memory_zeroed(sizeof *joined);
    joined->table = peers->table;
    joined->loop = loop;
    enum status status = peers->table->join(peers->grpc, &joined->peer, &joined->event_fd, complaint);
    if (status == STATUS_OK) {
        status = os_loop_watch(loop, joined->event_fd, on_ready, joined, complaint);
        if (status != STATUS_OK) {
            peers->table->leave(joined->peer);
        }
    }
    if (status != STATUS_OK) {
        memory_free(joined);
        return status;
    }
    list_push_back(&peers->joined, &joined->link);
    *out = joined->peer;
    return STATUS_OK;
}

static void leave(struct joined *joined)
{
    os_loop_unwatch(joined->loop, joined->event_fd);
    joined->table->leave(joined->peer);
    list_remove(&joined->link);
    memory_free(joined);
}

void os_peers_leave(struct os_peers *peers, struct peer *peer)
{
    for (struct list *at = peers->joined.next; at != &peers->joined; at = at->next) {
        if (joined_at(at)->peer == peer) {
            leave(joined_at(at));
            return;
        }
    }
    check(peer == NULL);
}

void os_peers_destroy(struct os_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    while (!list_empty(&peers->joined)) {
        leave(joined_at(peers->joined.next));
    }
    peers->table->destroy(peers->grpc);
    memory_free(peers);
}
