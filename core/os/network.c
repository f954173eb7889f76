/* SPDX-License-Identifier: MIT */

/* network.c - what holds for all connections of the loop.
 *
 * What comes later inherits keep-alive from its listening socket; what is there has to be told, one by one. */
#include "os/network.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "os/conn.h"
#include "os/linger.h"
#include "os/listener.h"
#include "os/os_process.h"

/* Descriptors that no client gets, beside those that the process began with: for segments of the log, the mark file,
 * snapshots, a torn tail's copy, the configuration that is rewritten, modules, sockets that listen, /proc: half of 48
 * were enough at any moment that was looked at. And for sockets that linger. What is open at the moment is not asked:
 * that changes, and what was said to be possible must still be possible when it is tried. */
#define RESERVED (48 + LINGER_MAX)

static bool set_option(int descriptor, int level, int name, int value)
{
    return setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

bool network_keepalive(int descriptor, uint32_t seconds)
{
    int idle_s = seconds > 32767 ? 32767 : (int)seconds; /* the kernel's limit */
    int probe_s = idle_s / 3 > 0 ? idle_s / 3 : 1;
    return set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, seconds > 0) &&
           (seconds == 0 || (set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle_s) &&
                             set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, probe_s) &&
                             set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3)));
}

/* What is open now. */
static uint64_t count_open(void)
{
    uint64_t open = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        open++; /* with two dots and the folder's own, which make up for nothing */
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return open;
}

/* Where the system allows next to nothing, half of it is for connections. */
static uint64_t make_room(struct network *network, uint64_t connections)
{
    uint64_t others = container_of(network, struct os_loop, network)->open_at_first + RESERVED;
    uint64_t allowed = os_process_descriptors(connections + others);
    uint64_t possible = allowed > 2 * others ? allowed - others : allowed / 2;
    return possible < connections ? possible : connections;
}

static void configure(struct network *network, const struct network_options *options)
{
    struct os_loop *loop = container_of(network, struct os_loop, network);
    loop->keepalive_s = options->keepalive_s;
    listener_keepalive(loop);
    conn_keepalive(loop);
}

void network_init(struct os_loop *loop)
{
    static const struct network_ops ops = {.make_room = make_room, .configure = configure};
    loop->network.ops = &ops;
    loop->open_at_first = count_open();
}

struct network *os_loop_network(struct os_loop *loop)
{
    return &loop->network;
}
