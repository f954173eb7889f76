/* SPDX-License-Identifier: MIT */

/* channel.h - one socket to a server: commands out, replies in, each wait interruptible.
 *
 * A wait ends early with STATUS_AGAIN when the file descriptor `wake_fd` (a signalfd, or -1) becomes readable; what is
 * readable there is left for the caller. After any other refusal the connection is closed. */
#ifndef GEOMYS_CLI_CHANNEL_H
#define GEOMYS_CLI_CHANNEL_H

#include "cli/talk/answer.h"

#define CHANNEL_IN 65536 /* bytes read at once */

/* Where a server is. Borrowed. `path`, if not NULL, is a Unix socket and wins. */
struct channel_address {
    const char *host;
    const char *port; /* decimal */
    const char *path;
};

struct channel {
    int fd; /* -1: closed */
    int wake_fd;
    struct answer_reader reader;
    struct buf in; /* bytes that have come */
    size_t in_at;  /* how many of them are read */
};

/* An unconnected connection. `reply_limit` in bytes of memory. */
void channel_init(struct channel *channel, size_t reply_limit, int wake_fd);
void channel_close(struct channel *channel); /* may be opened again */
void channel_finish(struct channel *channel);

static inline bool channel_is_open(const struct channel *channel)
{
    return channel->fd >= 0;
}

/* "127.0.0.1:6379", "[::1]:6379" or the path. */
void channel_name(const struct channel_address *address, char *out, size_t size);

/* Connects, trying each address that the host's name stands for, `timeout_ms` each. The complaint is for a person. */
must_use enum status channel_open(struct channel *channel, const struct channel_address *address, int timeout_ms,
                                  struct complaint *complaint);

/* Sends one command (argc > 0). A server that has hung up is not noticed here but by channel_receive, so that its last
 * words can be read. STATUS_AGAIN after a part of it was sent: only channel_close helps. */
must_use enum status channel_send(struct channel *channel, const struct gm_bytes *argv, size_t argc,
                                  struct complaint *complaint);

/* For sending on while replies come: waits until something has come or, with bytes, some can be sent; sends what there
 * is room for, and sets `sent`. What has come is taken by channel_receive with a timeout of 0. STATUS_AGAIN: woken.
 * STATUS_BUSY, without a sentence: nothing was possible until `deadline_ms` (of channel_now_ms; -1: none). */
must_use enum status channel_pump(struct channel *channel, struct gm_bytes bytes, size_t *sent, int64_t deadline_ms,
                                  struct complaint *complaint);

/* Monotonic. */
int64_t channel_now_ms(void);

/* Waits for the next reply or push, at most `timeout_ms` (-1: for ever). STATUS_AGAIN also when the time is over. */
must_use enum status channel_receive(struct channel *channel, int timeout_ms, struct answer *out,
                                     struct complaint *complaint);

/* False if the server has hung up meanwhile, and nothing that it sent is left to read. Does not wait. */
bool channel_alive(const struct channel *channel);

#endif
