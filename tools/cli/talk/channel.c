/* SPDX-License-Identifier: MIT */

/* channel.c - the socket.
 *
 * Idea     The socket does not block; every wait is one poll on it and on the wake descriptor. So Ctrl-C ends a wait
 *          for a connection, for room to send and for a reply alike, without a signal handler.
 *
 * Limits   Looking up a host's name is the one wait that cannot be interrupted.
 */
#include "cli/talk/channel.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SEND_DIRECT 16384 /* bytes: an argument from this size on is sent from where it is */

void channel_init(struct channel *channel, size_t reply_limit, int wake_fd)
{
    *channel = (struct channel){.fd = -1, .wake_fd = wake_fd};
    answer_reader_init(&channel->reader, reply_limit);
    buf_init(&channel->in, CHANNEL_IN);
}

void channel_close(struct channel *channel)
{
    if (channel->fd >= 0) {
        close(channel->fd);
    }
    channel->fd = -1;
    size_t limit = channel->reader.limit;
    answer_reader_finish(&channel->reader);
    answer_reader_init(&channel->reader, limit);
    buf_clear(&channel->in, CHANNEL_IN);
    channel->in_at = 0;
}

void channel_finish(struct channel *channel)
{
    channel_close(channel);
    answer_reader_finish(&channel->reader);
    buf_finish(&channel->in);
}

void channel_name(const struct channel_address *address, char *out, size_t size)
{
    if (address->path != NULL) {
        snprintf(out, size, "%s", address->path);
    } else {
        bool v6 = strchr(address->host, ':') != NULL;
        snprintf(out, size, "%s%s%s:%s", v6 ? "[" : "", address->host, v6 ? "]" : "", address->port);
    }
}

/* ---- waiting ------------------------------------------------------------------------------------------------- */

int64_t channel_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* STATUS_OK: `fd` is ready. STATUS_AGAIN: woken, or `deadline_ms` (-1: none) is over. */
static enum status wait_for(int fd, short events, int wake_fd, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = wake_fd, .events = POLLIN}};
        int64_t left = deadline_ms < 0 ? -1 : deadline_ms - channel_now_ms();
        left = deadline_ms >= 0 && left < 0 ? 0 : left;
        int ready = poll(fds, 2, left > 86400000 ? 86400000 : (int)left);
        if (ready > 0) {
            return fds[1].revents != 0 ? STATUS_AGAIN : STATUS_OK;
        }
        if ((ready == 0 && left == 0) || (ready < 0 && errno != EINTR)) {
            return STATUS_AGAIN;
        }
    }
}

/* ---- connecting ---------------------------------------------------------------------------------------------- */

static enum status refused(const struct channel_address *address, int error, struct complaint *complaint)
{
    char name[300];
    channel_name(address, name, sizeof name);
    bool nobody = error == ECONNREFUSED || error == ENOENT;
    complaint_set(complaint, "Could not connect to %s: %s%s", name, strerror(error),
                  nobody ? ". Is geomys-server running? Start it with: geomys-server" : "");
    return STATUS_REFUSED;
}

/* Connects a new socket. Returns it, or -1 with `error`; STATUS_AGAIN is errno EINTR. */
static int try_address(const struct sockaddr *to, socklen_t size, int wake_fd, int timeout_ms, int *error)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *error = errno;
        return -1;
    }
    *error = connect(fd, to, size) == 0 ? 0 : errno;
    if (*error == EINPROGRESS) {
        int64_t deadline_ms = channel_now_ms() + timeout_ms;
        enum status status = wait_for(fd, POLLOUT, wake_fd, deadline_ms);
        socklen_t error_size = sizeof *error;
        if (status == STATUS_AGAIN) {
            *error = channel_now_ms() >= deadline_ms ? ETIMEDOUT : EINTR;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &error_size) != 0) {
            *error = errno;
        }
    }
    if (*error != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static enum status open_path(struct channel *channel, const struct channel_address *address, int timeout_ms,
                             struct complaint *complaint)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(address->path) >= sizeof to.sun_path) {
        return refused(address, ENAMETOOLONG, complaint);
    }
    memcpy(to.sun_path, address->path, strlen(address->path) + 1);
    int error;
    channel->fd = try_address((const struct sockaddr *)&to, sizeof to, channel->wake_fd, timeout_ms, &error);
    if (channel->fd >= 0) {
        return STATUS_OK;
    }
    return error == EINTR ? STATUS_AGAIN : refused(address, error, complaint);
}

/* Connects to the first address of `host` that can be reached; `error` if there is none. What is wrong with the name,
 * else 0. */
static int try_host(struct channel *channel, const char *host, const char *port, int timeout_ms, int *error)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int problem = getaddrinfo(host, port, &wanted, &found);
    if (problem != 0) {
        return problem;
    }
    *error = EADDRNOTAVAIL;
    for (struct addrinfo *at = found; at != NULL && channel->fd < 0 && *error != EINTR; at = at->ai_next) {
        channel->fd = try_address(at->ai_addr, at->ai_addrlen, channel->wake_fd, timeout_ms, error);
    }
    freeaddrinfo(found);
    return 0;
}

/* Without a look-up: /etc/hosts may be missing, or know one of the two alone while the server has the other. */
static int try_localhost(struct channel *channel, const char *port, int timeout_ms, int *error)
{
    int problem = try_host(channel, "127.0.0.1", port, timeout_ms, error);
    if (problem == 0 && channel->fd < 0 && *error != EINTR) {
        int other = *error;
        problem = try_host(channel, "::1", port, timeout_ms, &other);
        *error = other == EINTR ? EINTR : *error; /* what is wrong with 127.0.0.1 says more to people */
    }
    return problem;
}

static enum status open_host(struct channel *channel, const struct channel_address *address, int timeout_ms,
                             struct complaint *complaint)
{
    int error = EADDRNOTAVAIL;
    int problem = strcasecmp(address->host, "localhost") == 0
                      ? try_localhost(channel, address->port, timeout_ms, &error)
                      : try_host(channel, address->host, address->port, timeout_ms, &error);
    if (problem != 0) {
        char name[300];
        channel_name(address, name, sizeof name);
        complaint_set(complaint, "Could not connect to %s: %s", name, gai_strerror(problem));
        return STATUS_REFUSED;
    }
    if (channel->fd < 0) {
        return error == EINTR ? STATUS_AGAIN : refused(address, error, complaint);
    }
    int one = 1;
    setsockopt(channel->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(channel->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    return STATUS_OK;
}

enum status channel_open(struct channel *channel, const struct channel_address *address, int timeout_ms,
                         struct complaint *complaint)
{
    channel_close(channel);
    return address->path != NULL ? open_path(channel, address, timeout_ms, complaint)
                                 : open_host(channel, address, timeout_ms, complaint);
}

/* ---- sending ------------------------------------------------------------------------------------------------- */

static enum status lost(struct channel *channel, struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "The connection was lost: %s", why);
    channel_close(channel);
    return STATUS_CLOSED;
}

static enum status send_all(struct channel *channel, struct gm_bytes bytes, struct complaint *complaint)
{
    size_t sent = 0;
    while (sent < bytes.size) {
        ssize_t size = send(channel->fd, bytes.data + sent, bytes.size - sent, MSG_NOSIGNAL);
        if (size >= 0) {
            sent += (size_t)size;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return STATUS_OK; /* channel_receive says it, after the server's last words */
        } else if (errno == EAGAIN) {
            TRY(wait_for(channel->fd, POLLOUT, channel->wake_fd, -1));
        } else if (errno != EINTR) {
            return lost(channel, complaint, strerror(errno));
        }
    }
    return STATUS_OK;
}

static enum status send_pending(struct channel *channel, struct buf *pending, struct complaint *complaint)
{
    enum status status = send_all(channel, buf_bytes(pending), complaint);
    buf_clear(pending, SIZE_MAX);
    return status;
}

static enum status send_argument(struct channel *channel, struct buf *pending, struct gm_bytes argument,
                                 struct complaint *complaint)
{
    if (pending->limit - pending->size < SEND_DIRECT + 64) {
        TRY(send_pending(channel, pending, complaint));
    }
    bool fits = buf_format(pending, "$%zu\r\n", argument.size);
    if (argument.size < SEND_DIRECT) {
        fits = fits && buf_append(pending, argument);
    } else {
        TRY(send_pending(channel, pending, complaint));
        TRY(send_all(channel, argument, complaint));
    }
    fits = fits && buf_append(pending, BYTES("\r\n"));
    check(fits); /* there was room for SEND_DIRECT and a line */
    return STATUS_OK;
}

enum status channel_send(struct channel *channel, const struct gm_bytes *argv, size_t argc, struct complaint *complaint)
{
    check(argc > 0);
    check(channel_is_open(channel));
    struct buf pending;
    buf_init(&pending, 4 * SEND_DIRECT);
    bool fits = buf_format(&pending, "*%zu\r\n", argc);
    check(fits);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < argc && status == STATUS_OK; i++) {
        status = send_argument(channel, &pending, argv[i], complaint);
    }
    if (status == STATUS_OK) {
        status = send_pending(channel, &pending, complaint);
    }
    buf_finish(&pending);
    return status;
}

enum status channel_pump(struct channel *channel, struct gm_bytes bytes, size_t *sent, int64_t deadline_ms,
                         struct complaint *complaint)
{
    check(channel_is_open(channel));
    *sent = 0;
    short events = bytes.size > 0 ? POLLIN | POLLOUT : POLLIN;
    enum status status = wait_for(channel->fd, events, channel->wake_fd, deadline_ms);
    if (status == STATUS_AGAIN && deadline_ms >= 0 && channel_now_ms() >= deadline_ms) {
        return STATUS_BUSY;
    }
    TRY(status);
    if (bytes.size == 0) {
        return STATUS_OK;
    }
    ssize_t size = send(channel->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (size >= 0) {
        *sent = (size_t)size;
    } else if (errno == EPIPE || errno == ECONNRESET) {
        *sent = bytes.size; /* channel_receive says it, after the server's last words */
    } else if (errno != EAGAIN && errno != EINTR) {
        return lost(channel, complaint, strerror(errno));
    }
    return STATUS_OK;
}

/* ---- receiving ----------------------------------------------------------------------------------------------- */

static enum status fill(struct channel *channel, int64_t deadline_ms, struct complaint *complaint)
{
    buf_clear(&channel->in, CHANNEL_IN);
    channel->in_at = 0;
    uint8_t *room = buf_reserve(&channel->in, CHANNEL_IN);
    check(room != NULL);
    for (;;) {
        TRY(wait_for(channel->fd, POLLIN, channel->wake_fd, deadline_ms));
        ssize_t size = recv(channel->fd, room, CHANNEL_IN, 0);
        if (size > 0) {
            channel->in.size = (size_t)size;
            return STATUS_OK;
        }
        if (size == 0) {
            return lost(channel, complaint, "the server closed it");
        }
        if (errno != EAGAIN && errno != EINTR) {
            return lost(channel, complaint, strerror(errno));
        }
    }
}

enum status channel_receive(struct channel *channel, int timeout_ms, struct answer *out, struct complaint *complaint)
{
    check(channel_is_open(channel));
    int64_t deadline_ms = timeout_ms < 0 ? -1 : channel_now_ms() + timeout_ms;
    for (;;) {
        size_t used = 0;
        const struct buf *in = &channel->in;
        struct gm_bytes unread = {in->size > 0 ? in->data + channel->in_at : NULL, in->size - channel->in_at};
        enum status status =
            unread.size == 0 ? STATUS_AGAIN : answer_read(&channel->reader, unread, &used, out, complaint);
        channel->in_at += used;
        if (status == STATUS_OK) {
            return STATUS_OK;
        }
        if (status != STATUS_AGAIN) {
            channel_close(channel);
            return status;
        }
        TRY(fill(channel, deadline_ms, complaint));
    }
}

bool channel_alive(const struct channel *channel)
{
    if (channel->fd < 0) {
        return false;
    }
    uint8_t byte;
    ssize_t size = recv(channel->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return channel->in_at < channel->in.size || size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}
