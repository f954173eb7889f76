/* SPDX-License-Identifier: MIT */

/* address.h - socket addresses as people write and read them. [any thread] */
#ifndef GEOMYS_OS_ADDRESS_H
#define GEOMYS_OS_ADDRESS_H

#include <sys/socket.h>

#include "base/status.h"
#include "env/net.h"

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* An IPv4 or IPv6 literal, or "localhost". INVALID. */
must_use enum status address_from_tcp(struct address *out, const char *text, uint16_t port);

/* INVALID when the path is empty or longer than the system allows. */
must_use enum status address_from_path(struct address *out, const char *path);

/* "127.0.0.1:6379", "[::1]:6379"; of no TCP address "?". */
void address_to_text(const struct address *address, char out[static NET_ADDRESS_MAX]);

uint16_t address_port(const struct address *address); /* 0 for others than TCP's */

/* Whether the two cannot be listened on at once: the same port of the same family, and the same address or all. */
bool address_collides(const struct address *one, const struct address *other);

#endif
