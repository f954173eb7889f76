/* SPDX-License-Identifier: MIT */

/* address.c - socket addresses as people write and read them. No name service: a look-up may block. */
#include "os/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

union any_address {
    struct sockaddr_storage storage;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
};

static void set(struct address *out, const union any_address *any, size_t size)
{
    out->storage = any->storage;
    out->size = (socklen_t)size;
}

enum status address_from_tcp(struct address *out, const char *text, uint16_t port)
{
    union any_address any = {0};
    const char *literal = strcmp(text, "localhost") == 0 ? "127.0.0.1" : text;
    if (inet_pton(AF_INET, literal, &any.v4.sin_addr) == 1) {
        any.v4.sin_family = AF_INET;
        any.v4.sin_port = htons(port);
        set(out, &any, sizeof any.v4);
        return STATUS_OK;
    }
    if (inet_pton(AF_INET6, literal, &any.v6.sin6_addr) == 1) {
        any.v6.sin6_family = AF_INET6;
        any.v6.sin6_port = htons(port);
        set(out, &any, sizeof any.v6);
        return STATUS_OK;
    }
    return STATUS_INVALID;
}

enum status address_from_path(struct address *out, const char *path)
{
    union any_address any = {0};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof any.path.sun_path) {
        return STATUS_INVALID;
    }
    any.path.sun_family = AF_UNIX;
    memcpy(any.path.sun_path, path, size + 1);
    set(out, &any, sizeof any.path);
    return STATUS_OK;
}

void address_to_text(const struct address *address, char out[static NET_ADDRESS_MAX])
{
    union any_address any = {.storage = address->storage};
    char literal[INET6_ADDRSTRLEN] = "?";
    if (any.storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &any.v4.sin_addr, literal, sizeof literal);
        snprintf(out, NET_ADDRESS_MAX, "%s:%u", literal, ntohs(any.v4.sin_port));
    } else if (any.storage.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &any.v6.sin6_addr, literal, sizeof literal);
        snprintf(out, NET_ADDRESS_MAX, "[%s]:%u", literal, ntohs(any.v6.sin6_port));
    } else {
        snprintf(out, NET_ADDRESS_MAX, "?");
    }
}

static bool is_any(const union any_address *any)
{
    return any->storage.ss_family == AF_INET ? any->v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                             : IN6_IS_ADDR_UNSPECIFIED(&any->v6.sin6_addr);
}

bool address_collides(const struct address *one, const struct address *other)
{
    union any_address a = {.storage = one->storage};
    union any_address b = {.storage = other->storage};
    sa_family_t family = a.storage.ss_family;
    if (family != b.storage.ss_family || address_port(one) != address_port(other)) {
        return false;
    }
    if (family == AF_INET) {
        return is_any(&a) || is_any(&b) || a.v4.sin_addr.s_addr == b.v4.sin_addr.s_addr;
    }
    return family == AF_INET6 && (is_any(&a) || is_any(&b) || IN6_ARE_ADDR_EQUAL(&a.v6.sin6_addr, &b.v6.sin6_addr));
}

uint16_t address_port(const struct address *address)
{
    union any_address any = {.storage = address->storage};
    if (any.storage.ss_family == AF_INET) {
        return ntohs(any.v4.sin_port);
    }
    return any.storage.ss_family == AF_INET6 ? ntohs(any.v6.sin6_port) : 0;
}
