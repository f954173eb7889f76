/* SPDX-License-Identifier: MIT */

/* conn.c - a connection: bytes from a socket to its user and back.
 *
 * Why      Nearly always a read brings whole commands, and nearly always a write takes all: these two must cost one
 *          system call each and no copy. And a hundred thousand idle connections must cost next to nothing.
 *
 * Idea     All connections read into the loop's one scratch buffer. Only what the user leaves over is kept, in a piece
 *          of memory just as large, and goes in front of what the next read brings:
 *
 *              nothing or little is kept     scratch: | kept (copied, at most CARRY) | read ...... |  ─► on_input
 *              much is kept (a large value)  own:     | kept ................ | read ............. |  ─► on_input
 *
 *          The own buffer at most doubles with what has arrived, and ends at what the user wants: a value of 100 MB is
 *          read in large pieces into its place, and nobody gets 100 MB by announcing them.
 *
 *          Epoll tells edges: that something has come, once, not that something is there. So a connection remembers
 *          that (readable), until a read takes less than it could have: then the kernel has no more, and will tell of
 *          what comes next. After a read that was filled to the brim, or when a pause ends, nobody will tell anything;
 *          these connections wait for the next turn in loop->ready. The kernel then looks at a socket only when
 *          something happens to it, which saves one look per request.
 *
 *          Of a peer that is gone in both directions nothing can be answered any more: when nothing can be read either,
 *          the connection is closed.
 *
 * Promises  Those of env/net.h, and
 *   I1  Kept input is at most max(wants, LOOP_SCRATCH) bytes, and its memory at most that or twice what has arrived.
 *   I2  A closed connection does nothing but wait on loop->closing for its on_closed; its buffer lives as long, since a
 *       callback may still be reading it.
 *   I3  One that is readable and may be read is in loop->ready at the end of a turn.
 *
 * Limits   READ_MAX bytes per read, for the sake of the others. A read stops short of TCP's urgent data, which no
 *          client of ours sends: what is behind it is read when more comes.
 */
#include "os/conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/linger.h"
#include "os/network.h"
#include "os/os_call.h"

#define CARRY    ((size_t)16 * 1024)   /* bytes kept that are rather copied than read behind */
#define READ_MAX ((size_t)1024 * 1024) /* bytes */

struct net_conn {
    struct net_conn_base base;
    struct loop_source source;
    struct os_loop *loop; /* borrowed */
    const struct net_user_ops *ops;
    void *user;          /* borrowed */
    struct list link;    /* loop->conns, loop->closing */
    struct list resumed; /* loop->resumed, or alone */
    struct list ready;   /* loop->ready, or alone */
    uint8_t *data;       /* owned: kept input is data[start .. start + size] */
    size_t start;
    size_t size;
    size_t capacity;
    size_t wants;        /* as the user said last */
    uint32_t events;     /* armed */
    bool registered : 1; /* with epoll */
    bool paused : 1;
    bool readable : 1; /* a read might bring something */
    bool ending : 1;   /* the peer sends no more: what is left to read ends in its end */
    bool gone : 1;     /* nor does it read */
    bool ended : 1;    /* all has been read */
    bool blocked : 1;  /* a write took less than all: on_writable is due */
    bool closed : 1;
    bool parting : 1; /* there are last words, which shall arrive */
};

static void close_now(struct net_conn *conn)
{
    if (!conn->closed) {
        conn->closed = true;
        list_remove(&conn->resumed);
        list_remove(&conn->ready);
        list_remove(&conn->link);
        list_push_back(&conn->loop->closing, &conn->link);
    }
}

/* The system has ended it: why is for its user to tell. */
static void close_broken(struct net_conn *conn, int error)
{
    if (!conn->closed) {
        conn->base.error = error;
        close_now(conn);
    }
}

/* Gone in both directions: with an error, or because both sides have said so. */
static void close_gone(struct net_conn *conn)
{
    int error = 0;
    socklen_t size = sizeof error;
    (void)getsockopt(conn->base.descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    close_broken(conn, error);
}

/* ---- what epoll shall tell ---- */

static void arm(struct net_conn *conn, uint32_t events)
{
    if (events == conn->events || conn->closed) {
        return;
    }
    conn->events = events;
    if (conn->registered && !loop_control(conn->loop, EPOLL_CTL_MOD, conn->base.descriptor, events, &conn->source)) {
        close_broken(conn, ENOMEM); /* better than never to hear of it again */
    }
}

static size_t input_limit(const struct net_conn *conn)
{
    return conn->wants > LOOP_SCRATCH ? conn->wants : LOOP_SCRATCH;
}

static bool may_read(const struct net_conn *conn)
{
    return !conn->paused && !conn->ended && conn->size < input_limit(conn);
}

/* To be called wherever one that could not be read may have become one that can (I3). */
static void read_later(struct net_conn *conn)
{
    if (conn->readable && may_read(conn) && !conn->closed && list_empty(&conn->ready)) {
        list_push_back(&conn->loop->ready, &conn->ready);
    }
}

/* ---- kept input ---- */

static void set_memory(struct net_conn *conn, uint8_t *data, size_t capacity)
{
    conn->loop->input_bytes += capacity;
    conn->loop->input_bytes -= conn->capacity;
    bool tells = capacity != conn->capacity && conn->ops->on_held != NULL;
    conn->data = data;
    conn->capacity = capacity;
    if (tells) {
        conn->ops->on_held(conn->user, capacity);
    }
}

static void forget(struct net_conn *conn)
{
    memory_free(conn->data);
    set_memory(conn, NULL, 0);
    conn->start = 0;
    conn->size = 0;
}

/* Keeps a copy, and nothing else. `bytes` may be what is kept now. */
static void keep(struct net_conn *conn, const uint8_t *bytes, size_t size)
{
    size_t capacity = memory_class(size);
    uint8_t *data = memory_alloc(capacity);
    memcpy(data, bytes, size);
    memory_free(conn->data);
    set_memory(conn, data, capacity);
    conn->start = 0;
    conn->size = size;
}

/* Makes room for the next read, CARRY bytes at least unless the limit is nearer: doubling only then keeps the copying
 * linear. */
static void make_room(struct net_conn *conn)
{
    size_t limit = input_limit(conn);
    if (conn->start > 0) {
        memmove(conn->data, conn->data + conn->start, conn->size);
        conn->start = 0;
    }
    if (conn->capacity - conn->size >= CARRY) {
        return;
    }
    size_t doubled = conn->size > limit / 2 ? limit : conn->size * 2;
    if (doubled > conn->capacity) {
        set_memory(conn, memory_realloc(conn->data, doubled), doubled);
    }
}

/* ---- input ---- */

static size_t give(struct net_conn *conn, const uint8_t *data, size_t size)
{
    list_remove(&conn->resumed);
    size_t wants = 0;
    size_t consumed = conn->ops->on_input(conn->user, data, size, &wants);
    check(consumed <= size);
    conn->wants = wants;
    return consumed;
}

static void give_kept(struct net_conn *conn)
{
    size_t consumed = give(conn, conn->data + conn->start, conn->size);
    if (conn->closed) {
        return;
    }
    conn->start += consumed;
    conn->size -= consumed;
    if (conn->size == 0) {
        forget(conn);
    } else if (conn->size <= CARRY && conn->capacity > 4 * CARRY) {
        keep(conn, conn->data + conn->start, conn->size);
    }
    read_later(conn);
}

/* False: there was nothing, and what that means has been told. */
static bool receive(struct net_conn *conn, uint8_t *target, size_t size, size_t *got)
{
    ssize_t received = os_call_receive(conn->base.descriptor, target, size);
    if (received > 0) {
        *got = (size_t)received;
        conn->readable = *got == size || conn->ending;
        return true;
    }
    conn->readable = received < 0 && errno == EINTR;
    if (received == 0) {
        conn->ended = true;
        conn->ops->on_eof(conn->user);
    } else if (errno != EAGAIN && errno != EINTR) {
        close_broken(conn, errno);
    }
    return false;
}

static void read_through_scratch(struct net_conn *conn)
{
    uint8_t *scratch = conn->loop->scratch;
    size_t kept = conn->size;
    size_t got;
    if (kept > 0) {
        memcpy(scratch, conn->data + conn->start, kept);
    }
    if (!receive(conn, scratch + kept, LOOP_SCRATCH - kept, &got)) {
        return;
    }
    size_t total = kept + got;
    size_t consumed = give(conn, scratch, total);
    if (conn->closed) {
        return;
    }
    if (consumed < total) {
        keep(conn, scratch + consumed, total - consumed);
    } else if (conn->data != NULL) {
        forget(conn);
    }
}

static void read_behind_kept(struct net_conn *conn)
{
    make_room(conn);
    size_t limit = input_limit(conn);
    size_t end = limit < conn->capacity ? limit : conn->capacity;
    size_t room = end - conn->size < READ_MAX ? end - conn->size : READ_MAX;
    size_t got;
    if (receive(conn, conn->data + conn->size, room, &got)) {
        conn->size += got;
        give_kept(conn);
    }
}

/* One read, of one that may be read. */
static void read_once(struct net_conn *conn)
{
    list_remove(&conn->ready);
    if (conn->size <= CARRY) {
        read_through_scratch(conn);
    } else {
        read_behind_kept(conn);
    }
    read_later(conn);
    if (conn->gone && !conn->closed && list_empty(&conn->ready)) {
        list_push_back(&conn->loop->ready, &conn->ready); /* to be closed, when what it had to say has been answered */
    }
}

static void on_event(struct loop_source *source, uint32_t events)
{
    struct net_conn *conn = container_of(source, struct net_conn, source);
    if (conn->closed) {
        return;
    }
    if ((events & EPOLLOUT) != 0 && conn->blocked) {
        conn->blocked = false;
        arm(conn, conn->events & ~(uint32_t)EPOLLOUT);
        conn->ops->on_writable(conn->user);
    }
    conn->gone = conn->gone || (events & (EPOLLERR | EPOLLHUP)) != 0;
    conn->ending = conn->ending || conn->gone || (events & EPOLLRDHUP) != 0;
    conn->readable = conn->readable || conn->ending || (events & EPOLLIN) != 0;
    if (conn->closed || !conn->readable) {
        return;
    }
    if (may_read(conn)) {
        read_once(conn);
    } else if (conn->gone) {
        close_gone(conn);
    }
}

void conn_read_all(struct list *ready)
{
    while (!list_empty(ready)) {
        struct net_conn *conn = container_of(ready->next, struct net_conn, ready);
        list_remove(&conn->ready);
        if (may_read(conn)) {
            read_once(conn);
        } else if (conn->gone) {
            close_gone(conn);
        }
    }
}

void conn_resume_all(struct os_loop *loop)
{
    struct list now;
    list_init(&now);
    list_move_all(&now, &loop->resumed);
    while (!list_empty(&now)) {
        struct net_conn *conn = container_of(now.next, struct net_conn, resumed);
        list_remove(&conn->resumed);
        if (conn->size > 0) {
            give_kept(conn);
        }
    }
}

/* ---- what users may do ---- */

static size_t conn_write(struct net_conn *conn, const uint8_t *data, size_t size)
{
    if (conn->closed || size == 0) {
        return size;
    }
    ssize_t sent = os_call_send(conn->base.descriptor, data, size);
    if (sent == (ssize_t)size) {
        return size;
    }
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            close_broken(conn, errno);
            return size;
        }
        sent = 0;
    }
    conn->blocked = true;
    arm(conn, conn->events | EPOLLOUT);
    return (size_t)sent;
}

static void conn_close(struct net_conn *conn)
{
    close_now(conn);
}

static void conn_part(struct net_conn *conn)
{
    conn->parting = true;
    close_now(conn);
}

static void conn_resume(struct net_conn *conn)
{
    if (!conn->closed && list_empty(&conn->resumed)) {
        list_push_back(&conn->loop->resumed, &conn->resumed);
    }
}

static void conn_pause(struct net_conn *conn, bool paused)
{
    conn->paused = paused;
    read_later(conn);
}

static void conn_fit(struct net_conn *conn)
{
    size_t capacity = memory_class(conn->size);
    if (conn->closed || conn->size == 0 || capacity >= conn->capacity) {
        return;
    }
    if (conn->start > 0) {
        memmove(conn->data, conn->data + conn->start, conn->size);
        conn->start = 0;
    }
    set_memory(conn, memory_realloc(conn->data, capacity), capacity); /* which leaves a large piece where it is */
}

static uint64_t conn_untaken(struct net_conn *conn)
{
    int bytes = 0;
    if (conn->closed || ioctl(conn->base.descriptor, SIOCOUTQ, &bytes) != 0 || bytes < 0) {
        return 0;
    }
    return (uint64_t)bytes;
}

/* ---- coming and going ---- */

/* Takes what has come in unread, so that the kernel does not answer it with a reset that overtakes our last words. */
static void close_gently(struct os_loop *loop, int descriptor)
{
    ssize_t ignored = recv(descriptor, loop->scratch, LOOP_SCRATCH, MSG_DONTWAIT);
    (void)ignored;
    close(descriptor);
}

void conn_refuse(struct os_loop *loop, int descriptor, struct gm_bytes words)
{
    if (words.size > 0) {
        ssize_t ignored = send(descriptor, words.data, words.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)ignored;
    }
    close_gently(loop, descriptor);
}

static void destroy(struct net_conn *conn)
{
    list_remove(&conn->resumed);
    list_remove(&conn->ready);
    list_remove(&conn->link);
    conn->loop->conn_count--;
    check(conn->data == NULL);
    memory_free(conn);
}

bool conn_create(struct os_loop *loop, int descriptor, const struct net_acceptor *acceptor, bool local,
                 const char *peer, const char *address)
{
    static const struct net_ops ops = {.write = conn_write,
                                       .close = conn_close,
                                       .part = conn_part,
                                       .resume = conn_resume,
                                       .pause = conn_pause,
                                       .untaken = conn_untaken,
                                       .fit = conn_fit};
    struct net_conn *conn = memory_zeroed(sizeof *conn);
    conn->base.ops = &ops;
    conn->base.descriptor = descriptor;
    conn->base.local = local;
    conn->base.record = memory_class(sizeof *conn);
    snprintf(conn->base.peer, sizeof conn->base.peer, "%s", peer);
    snprintf(conn->base.address, sizeof conn->base.address, "%s", address);
    conn->source.on_event = on_event;
    conn->loop = loop;
    conn->events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    list_init(&conn->resumed);
    list_init(&conn->ready);
    list_push_back(&loop->conns, &conn->link);
    loop->conn_count++;
    struct gm_bytes refusal = BYTES_NONE;
    if (!acceptor->on_accept(acceptor->context, conn, &conn->ops, &conn->user, &refusal)) {
        destroy(conn);
        conn_refuse(loop, descriptor, refusal);
        return false;
    }
    conn->registered = loop_control(loop, EPOLL_CTL_ADD, descriptor, conn->events, &conn->source);
    if (!conn->registered) {
        close_broken(conn, ENOMEM);
    }
    return true;
}

void conn_reap(struct os_loop *loop)
{
    while (!list_empty(&loop->closing)) {
        struct net_conn *conn = container_of(loop->closing.next, struct net_conn, link);
        list_remove(&conn->link);
        if (conn->registered) {
            loop_control(loop, EPOLL_CTL_DEL, conn->base.descriptor, 0, &conn->source);
        }
        if (conn->parting && !conn->ended && !conn->gone) {
            linger(loop, conn->base.descriptor);
        } else {
            close_gently(loop, conn->base.descriptor);
        }
        forget(conn);
        conn->ops->on_closed(conn->user);
        destroy(conn);
    }
}

void conn_close_all(struct os_loop *loop)
{
    while (!list_empty(&loop->conns)) {
        close_now(container_of(loop->conns.next, struct net_conn, link));
    }
}

void conn_keepalive(struct os_loop *loop)
{
    for (struct list *at = loop->conns.next; at != &loop->conns; at = at->next) {
        (void)network_keepalive(container_of(at, struct net_conn, link)->base.descriptor, loop->keepalive_s);
    }
}

size_t os_loop_memory(const struct os_loop *loop)
{
    return loop->conn_count * memory_class(sizeof(struct net_conn)) + loop->input_bytes;
}
