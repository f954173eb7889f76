/* SPDX-License-Identifier: MIT */

/* listener.c - accepting, and what to do when nothing more can be accepted.
 *
 * Why      A process without descriptors cannot accept, and cannot take the connection off the kernel's queue either:
 *          the listening socket stays readable and a naive loop spins at full speed.
 *
 * Idea     One descriptor is kept spare. When there are no more, it is given up, the connection is accepted with it,
 *          told why and closed, and the spare is taken back. If even that fails, accepting rests for REST_MS.
 *
 *          What every connection shall have (no delay, keep-alive) is set on the listening socket: Linux lets accepted
 *          sockets inherit it, which saves five system calls per connection.
 *
 * Promises
 *   I1  At most ACCEPTS connections are taken per listener and turn.
 *   I2  The operator is told once per TROUBLE_MS, not once per connection.
 *   I3  A socket file is replaced only if connecting to it is refused, and removed only if it is the one that we made.
 */
#include "os/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/address.h"
#include "os/conn.h"
#include "os/network.h"

#define ACCEPTS    64
#define REST_MS    100
#define TROUBLE_MS 60000

struct listener {
    struct loop_source source;
    struct os_loop *loop; /* borrowed */
    struct list link;     /* loop->listeners, loop->unlistened */
    struct net_acceptor acceptor;
    int descriptor; /* -1: closed */
    char *path;     /* owned; NULL for TCP */
    dev_t device;   /* of the file at `path` */
    ino_t inode;
};

static struct listener *listener_at(struct list *link)
{
    return container_of(link, struct listener, link);
}

/* ---- accepting ---- */

static void arm_all(struct os_loop *loop)
{
    bool wanted = loop->accept_again_ms == 0;
    for (struct list *at = loop->listeners.next; at != &loop->listeners; at = at->next) {
        struct listener *self = listener_at(at);
        bool done = loop_control(loop, EPOLL_CTL_MOD, self->descriptor, wanted ? EPOLLIN : 0, &self->source);
        check(done);
    }
}

static void rest(struct os_loop *loop)
{
    loop->accept_again_ms = loop->monotonic_ms + REST_MS;
    arm_all(loop);
}

static void take_spare(struct os_loop *loop)
{
    if (loop->spare < 0) {
        loop->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

static void tell_trouble(struct os_loop *loop, int error)
{
    if (loop->driver.on_trouble == NULL || (loop->trouble_told && loop->monotonic_ms - loop->trouble_ms < TROUBLE_MS)) {
        return;
    }
    loop->trouble_told = true;
    loop->trouble_ms = loop->monotonic_ms;
    char sentence[160];
    snprintf(sentence, sizeof sentence, "cannot accept new connections, %zu are open: %s%s", loop->conn_count,
             strerrordesc_np(error), error == EMFILE ? "; raise the limit of open files (ulimit -n)" : "");
    loop->driver.on_trouble(loop->driver.context, sentence);
}

static void refuse_one(struct listener *self)
{
    struct os_loop *loop = self->loop;
    if (loop->spare >= 0) {
        close(loop->spare);
        loop->spare = -1;
        int descriptor = accept4(self->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            conn_refuse(loop, descriptor, self->acceptor.exhausted);
        }
        take_spare(loop);
    }
    if (loop->spare < 0) {
        rest(loop);
    }
}

static void welcome(struct listener *self, int descriptor, const struct address *peer)
{
    char peer_text[NET_ADDRESS_MAX];
    char text[NET_ADDRESS_MAX];
    if (self->path != NULL) { /* as Redis shows it: the peer has no name of its own */
        snprintf(text, sizeof text, "%s:0", self->path);
        memcpy(peer_text, text, sizeof peer_text);
    } else {
        address_to_text(peer, peer_text);
        struct address here = {.size = sizeof here.storage};
        if (getsockname(descriptor, (struct sockaddr *)&here.storage, &here.size) != 0) {
            here = (struct address){0};
        }
        address_to_text(&here, text);
    }
    conn_create(self->loop, descriptor, &self->acceptor, self->path != NULL, peer_text, text);
}

/* False: no more for now. */
static bool accept_one(struct listener *self)
{
    struct address peer = {.size = sizeof peer.storage};
    int descriptor =
        accept4(self->descriptor, (struct sockaddr *)&peer.storage, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
        welcome(self, descriptor, &peer);
        return true;
    }
    int error = errno;
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        tell_trouble(self->loop, error);
        refuse_one(self);
        return self->loop->accept_again_ms == 0;
    case ENOBUFS:
    case ENOMEM:
        tell_trouble(self->loop, error);
        rest(self->loop);
        return false;
    default: /* what happened to that one connection while it waited in the queue */
        return true;
    }
}

static void on_event(struct loop_source *source, uint32_t events)
{
    struct listener *self = container_of(source, struct listener, source);
    (void)events;
    for (int i = 0; i < ACCEPTS && self->descriptor >= 0; i++) {
        if (!accept_one(self)) {
            return;
        }
    }
}

/* ---- ending ---- */

static void remove_file(const struct listener *self)
{
    struct stat file;
    if (self->path != NULL && lstat(self->path, &file) == 0 && file.st_dev == self->device &&
        file.st_ino == self->inode) {
        unlink(self->path);
    }
}

void os_loop_unlisten(struct os_loop *loop)
{
    for (struct list *at = loop->listeners.next; at != &loop->listeners; at = at->next) {
        struct listener *self = listener_at(at);
        loop_control(loop, EPOLL_CTL_DEL, self->descriptor, 0, &self->source);
        remove_file(self);
        close(self->descriptor);
        self->descriptor = -1;
    }
    list_move_all(&loop->unlistened, &loop->listeners);
}

static void free_unlistened(struct os_loop *loop)
{
    while (!list_empty(&loop->unlistened)) {
        struct listener *self = listener_at(loop->unlistened.next);
        list_remove(&self->link);
        memory_free(self->path);
        memory_free(self);
    }
}

void listener_turn(struct os_loop *loop)
{
    free_unlistened(loop);
    if (loop->accept_again_ms != 0 && loop->monotonic_ms >= loop->accept_again_ms) {
        take_spare(loop);
        loop->accept_again_ms = 0;
        arm_all(loop);
    }
}

void listener_close_all(struct os_loop *loop)
{
    os_loop_unlisten(loop);
    free_unlistened(loop);
}

/* ---- beginning ---- */

static bool set_option(int descriptor, int level, int name, int value)
{
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

void listener_keepalive(struct os_loop *loop)
{
    for (struct list *at = loop->listeners.next; at != &loop->listeners; at = at->next) {
        (void)network_keepalive(listener_at(at)->descriptor, loop->keepalive_s);
    }
}

static struct listener *listener_create(struct os_loop *loop, int descriptor, const struct net_acceptor *acceptor)
{
    struct listener *self = memory_zeroed(sizeof *self);
    self->source.on_event = on_event;
    self->loop = loop;
    self->acceptor = *acceptor;
    self->descriptor = descriptor;
    list_push_back(&loop->listeners, &self->link);
    return self;
}

/* The last step of all listeners; the descriptor is taken only when it succeeds. */
static bool start(struct os_loop *loop, int descriptor, int backlog, const struct net_acceptor *acceptor,
                  struct listener **out)
{
    struct listener *self = listener_create(loop, descriptor, acceptor);
    uint32_t events = loop->accept_again_ms != 0 ? 0 : EPOLLIN;
    if (listen(descriptor, backlog) != 0 || !loop_control(loop, EPOLL_CTL_ADD, descriptor, events, &self->source)) {
        list_remove(&self->link);
        memory_free(self);
        return false;
    }
    *out = self;
    return true;
}

/* Which of our own listeners has the address, by whatever name. False: none, so that it is somebody else's. */
static bool is_ours(const struct os_loop *loop, const struct address *where, struct address *out)
{
    for (const struct list *at = loop->listeners.next; at != &loop->listeners; at = at->next) {
        const struct listener *other = container_of(at, const struct listener, link);
        *out = (struct address){.size = sizeof out->storage};
        if (other->path == NULL && getsockname(other->descriptor, (struct sockaddr *)&out->storage, &out->size) == 0 &&
            address_collides(out, where)) {
            return true;
        }
    }
    return false;
}

static enum status refuse(struct complaint *complaint, const char *where, int error)
{
    const char *advice = "";
    if (error == EADDRINUSE) {
        advice = "; is another server running?";
    } else if (error == EADDRNOTAVAIL) {
        advice = "; this machine has no such address";
    } else if (error == EACCES) {
        advice = "; ports below 1024 and other people's folders take a privilege";
    }
    complaint_set(complaint, "cannot listen on %s: %s%s", where, strerrordesc_np(error), advice);
    bool absent = error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
    return error == EADDRINUSE ? STATUS_EXISTS : absent ? STATUS_NOT_FOUND : STATUS_REFUSED;
}

static bool prepare_tcp(struct os_loop *loop, int descriptor, const struct address *address)
{
    bool v6 = address->storage.ss_family == AF_INET6;
    return set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) &&
           (!v6 || set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
           set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1) && network_keepalive(descriptor, loop->keepalive_s) &&
           bind(descriptor, (const struct sockaddr *)&address->storage, address->size) == 0;
}

static enum status refuse_tcp(const struct os_loop *loop, struct complaint *complaint, const struct address *where,
                              int error)
{
    char text[NET_ADDRESS_MAX];
    char here[NET_ADDRESS_MAX];
    struct address holder;
    address_to_text(where, text);
    if (error != EADDRINUSE || !is_ours(loop, where, &holder)) {
        return refuse(complaint, text, error);
    }
    address_to_text(&holder, here);
    if (strcmp(text, here) == 0) {
        complaint_set(complaint, "cannot listen on %s: \"bind\" names it twice; name it once", text);
    } else {
        complaint_set(complaint,
                      "cannot listen on %s: \"bind\" names %s as well, and one includes the other; name one "
                      "of them",
                      text, here);
    }
    return STATUS_EXISTS;
}

enum status os_loop_listen_tcp(struct os_loop *loop, const char *address, uint16_t port, int backlog,
                               const struct net_acceptor *acceptor, uint16_t *bound_port, struct complaint *complaint)
{
    struct address where;
    if (address_from_tcp(&where, address, port) != STATUS_OK) {
        complaint_set(complaint, "cannot listen on \"%s\": not an IPv4 or IPv6 address", address);
        return STATUS_INVALID;
    }
    int descriptor = socket(where.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return refuse_tcp(loop, complaint, &where, errno);
    }
    struct listener *self;
    if (!prepare_tcp(loop, descriptor, &where) || !start(loop, descriptor, backlog, acceptor, &self)) {
        int error = errno;
        close(descriptor);
        return refuse_tcp(loop, complaint, &where, error);
    }
    where.size = sizeof where.storage;
    int outcome = getsockname(descriptor, (struct sockaddr *)&where.storage, &where.size);
    check(outcome == 0);
    if (bound_port != NULL) {
        *bound_port = address_port(&where);
    }
    return STATUS_OK;
}

/* Whether the file at `path` is a socket that nobody listens on any more. */
static bool is_stale(const char *path, const struct address *address)
{
    struct stat file;
    if (lstat(path, &file) != 0 || !S_ISSOCK(file.st_mode)) {
        return false;
    }
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return false;
    }
    bool stale =
        connect(descriptor, (const struct sockaddr *)&address->storage, address->size) != 0 && errno == ECONNREFUSED;
    close(descriptor);
    return stale;
}

static bool bind_path(int descriptor, const char *path, const struct address *address)
{
    const struct sockaddr *target = (const struct sockaddr *)&address->storage;
    if (bind(descriptor, target, address->size) == 0) {
        return true;
    }
    if (errno == EADDRINUSE) {
        if (is_stale(path, address) && unlink(path) == 0 && bind(descriptor, target, address->size) == 0) {
            return true;
        }
        errno = EADDRINUSE;
    }
    return false;
}

enum status os_loop_listen_unix(struct os_loop *loop, const char *path, unsigned mode, int backlog,
                                const struct net_acceptor *acceptor, struct complaint *complaint)
{
    struct address where;
    if (address_from_path(&where, path) != STATUS_OK) {
        complaint_set(complaint, "cannot listen on \"%s\": the path of a socket has 1 to 107 bytes", path);
        return STATUS_INVALID;
    }
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return refuse(complaint, path, errno);
    }
    struct stat file;
    struct listener *self;
    if (!bind_path(descriptor, path, &where)) {
        int error = errno;
        close(descriptor);
        return refuse(complaint, path, error);
    }
    /* Nobody can connect before listen, so the permissions are right from the first moment on. */
    if (chmod(path, (mode_t)mode) != 0 || lstat(path, &file) != 0 ||
        !start(loop, descriptor, backlog, acceptor, &self)) {
        int error = errno;
        unlink(path);
        close(descriptor);
        return refuse(complaint, path, error);
    }
    size_t size = strlen(path) + 1;
    self->path = memory_alloc(size);
    memcpy(self->path, path, size);
    self->device = file.st_dev;
    self->inode = file.st_ino;
    return STATUS_OK;
}
