/* SPDX-License-Identifier: MIT */

/* os_probe.c - one question over a connection of its own.
 *
 * Why      Who gives --join the port for clients would wait for ever: gRPC says no more than that nobody answers.
 *
 * Idea     An array begins with '*' and an error with '-'; a server of HTTP/2 begins with a frame, whose first byte is
 *          the top of a length of three bytes and never one of these. What does not answer in time is not asked
 *          again. */
#include "os/os_probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "os/address.h"
#include "os/os_clock.h"

#define QUESTION "CONFIG GET internal_port\r\n"

static bool parse(const char *place, struct address *out)
{
    char host[64];
    int64_t port;
    const char *colon = strrchr(place, ':');
    if (colon == NULL || colon == place || !bytes_to_int(gm_bytes_of(colon + 1), &port) || port < 1 ||
        port > UINT16_MAX) {
        return false;
    }
    bool bracketed = place[0] == '[' && colon[-1] == ']';
    const char *from = bracketed ? place + 1 : place;
    const char *to = bracketed ? colon - 1 : colon;
    size_t size = (size_t)(to - from);
    if (size >= sizeof host) {
        return false;
    }
    memcpy(host, from, size);
    host[size] = '\0';
    return address_from_tcp(out, host, (uint16_t)port) == STATUS_OK;
}

static bool await(int fd, short events, int64_t until_us)
{
    struct pollfd state = {.fd = fd, .events = events};
    int64_t left_us = until_us - os_clock_monotonic_us();
    return left_us > 0 && poll(&state, 1, (int)(left_us / 1000) + 1) > 0;
}

static bool reach(int fd, const struct address *address, int64_t until_us)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(fd, (const struct sockaddr *)&address->storage, address->size) == 0) {
        return true;
    }
    return errno == EINPROGRESS && await(fd, POLLOUT, until_us) &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/* The last line of an array of two texts. */
static uint16_t port_in(const char *answer)
{
    const char *name = strstr(answer, "internal_port\r\n$");
    const char *line = name != NULL ? strchr(name, '$') : NULL;
    unsigned port = 0;
    return line != NULL && sscanf(line, "$%*2u\r\n%5u\r\n", &port) == 1 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool ask(int fd, int64_t until_us, uint16_t *node_port)
{
    char answer[256];
    size_t got = 0;
    if (send(fd, QUESTION, sizeof QUESTION - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof QUESTION - 1)) {
        return false;
    }
    do {
        ssize_t more = await(fd, POLLIN, until_us) ? recv(fd, answer + got, sizeof answer - 1 - got, 0) : 0;
        if (more <= 0) {
            break;
        }
        got += (size_t)more;
        answer[got] = '\0';
        *node_port = port_in(answer);
    } while (answer[0] == '*' && *node_port == 0 && got < sizeof answer - 1);
    return got > 0 && (answer[0] == '*' || answer[0] == '-');
}

bool os_probe_clients(const char *place, int patience_ms, uint16_t *node_port)
{
    struct address address;
    int64_t until_us = os_clock_monotonic_us() + (int64_t)patience_ms * 1000;
    *node_port = 0;
    if (!parse(place, &address)) {
        return false;
    }
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && reach(fd, &address, until_us) && ask(fd, until_us, node_port);
    if (fd >= 0) {
        (void)close(fd);
    }
    return answers;
}
