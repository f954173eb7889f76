/* SPDX-License-Identifier: MIT */

/* peers_suite.c - the links over gRPC, asked for what env/peer.h promises by the suite that any implementation is asked
 * by (support/peer_suite.h).
 *
 * Idea     Two hosts in one process, each with gRPC of its own, both on one loop; between them a wire: a thread that
 *          passes bytes on, and holds them back in one direction while that is cut. Killing and stopping processes is
 *          for peers.c. The argument is a part of the name of the cases to run.
 *
 * Exit code 0 if all is as promised. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/os_clock.h"
#include "os/os_peers.h"
#include "support/peer_suite.h"

#define PROGRAM GEOMYS_TEST_MODULE_DIR "/../geomys-server" /* beside which the library lies */

#if defined __SANITIZE_THREAD__
/* gRPC is not instrumented: what its threads do to each other is not seen, and would be reported. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
#endif

/* ---- the wire ---- */

#define PAIRS 32

struct pair {
    int fd[2]; /* who connected, the host; -1: none */
};

struct wire {
    pthread_t thread;
    int listening;
    uint16_t port, target;
    atomic_bool cut[2]; /* what this side sends */
    atomic_bool stop;
    struct pair pairs[PAIRS];
    uint8_t bytes[65536];
};

static struct sockaddr_in local(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int tcp_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in bound;
    socklen_t size = sizeof bound;
    check(getsockname(fd, (struct sockaddr *)&bound, &size) == 0);
    return ntohs(bound.sin_port);
}

static void drop_pair(struct pair *pair)
{
    for (int side = 0; side < 2; side++) {
        if (pair->fd[side] >= 0) {
            (void)close(pair->fd[side]);
        }
        pair->fd[side] = -1;
    }
}

static void accept_pair(struct wire *wire)
{
    struct sockaddr_in to = local(wire->target);
    int from = accept(wire->listening, NULL, NULL);
    int host = tcp_socket();
    check(from >= 0 && connect(host, (const struct sockaddr *)&to, sizeof to) == 0);
    for (size_t i = 0; i < PAIRS; i++) {
        if (wire->pairs[i].fd[0] < 0) {
            wire->pairs[i] = (struct pair){{from, host}};
            return;
        }
    }
    check(false);
}

/* False: the pair is over. */
static bool pass_on(struct wire *wire, const struct pair *pair, int side)
{
    ssize_t size = read(pair->fd[side], wire->bytes, sizeof wire->bytes);
    for (ssize_t done = 0; done < size;) {
        ssize_t more = send(pair->fd[1 - side], wire->bytes + done, (size_t)(size - done), MSG_NOSIGNAL);
        if (more <= 0) {
            return false;
        }
        done += more;
    }
    return size > 0;
}

static void serve_pair(struct wire *wire, struct pair *pair)
{
    for (int side = 0; side < 2 && pair->fd[0] >= 0; side++) {
        bool cut = atomic_load(&wire->cut[side]);
        struct pollfd state = {.fd = pair->fd[side], .events = (short)(POLLRDHUP | (cut ? 0 : POLLIN))};
        if (poll(&state, 1, 0) <= 0) {
            continue;
        }
        bool goes_on = (state.revents & (POLLHUP | POLLERR)) == 0 && !(cut && (state.revents & POLLRDHUP) != 0);
        if (!goes_on || ((state.revents & POLLIN) != 0 && !pass_on(wire, pair, side))) {
            drop_pair(pair); /* also what was held back */
        }
    }
}

static void wait_for_any(const struct wire *wire)
{
    struct pollfd states[2 * PAIRS + 1] = {{.fd = wire->listening, .events = POLLIN}};
    nfds_t count = 1;
    for (size_t i = 0; i < PAIRS; i++) {
        for (int side = 0; side < 2; side++) {
            bool cut = atomic_load(&wire->cut[side]);
            states[count++] =
                (struct pollfd){.fd = wire->pairs[i].fd[side], .events = (short)(POLLRDHUP | (cut ? 0 : POLLIN))};
        }
    }
    (void)poll(states, count, 5);
}

static void *run_wire(void *context)
{
    struct wire *wire = context;
    while (!atomic_load(&wire->stop)) {
        wait_for_any(wire);
        struct pollfd state = {.fd = wire->listening, .events = POLLIN};
        if (poll(&state, 1, 0) > 0) {
            accept_pair(wire);
        }
        for (size_t i = 0; i < PAIRS; i++) {
            serve_pair(wire, &wire->pairs[i]);
        }
    }
    return NULL;
}

static void wire_start(struct wire *wire, uint16_t target)
{
    struct sockaddr_in any = local(0);
    wire->target = target;
    wire->listening = tcp_socket();
    check(bind(wire->listening, (const struct sockaddr *)&any, sizeof any) == 0 && listen(wire->listening, 16) == 0);
    wire->port = port_of(wire->listening);
    for (size_t i = 0; i < PAIRS; i++) {
        wire->pairs[i] = (struct pair){{-1, -1}};
    }
    check(pthread_create(&wire->thread, NULL, run_wire, wire) == 0);
}

static void wire_end(struct wire *wire)
{
    atomic_store(&wire->stop, true);
    check(pthread_join(wire->thread, NULL) == 0);
    for (size_t i = 0; i < PAIRS; i++) {
        drop_pair(&wire->pairs[i]);
    }
    (void)close(wire->listening);
}

/* ---- the subject ---- */

struct subject {
    struct os_loop *loop;
    struct os_peers *peers[2];
    struct peer *peer[2];
    struct wire wire; /* to host 1 */
    char addresses[3][64];
    int nobody; /* bound, and does not listen */
    int64_t now_ms, until_ms;
    bool (*is_so)(void *argument);
    void *argument;
};

static void on_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    (void)wall_ms;
    ((struct subject *)context)->now_ms = monotonic_ms;
}

static int64_t on_turn_end(void *context)
{
    struct subject *subject = context;
    if (subject->now_ms >= subject->until_ms || (subject->is_so != NULL && subject->is_so(subject->argument))) {
        os_loop_stop(subject->loop);
    }
    return subject->now_ms + 5;
}

static struct peer *subject_peer(void *context, unsigned host)
{
    return ((struct subject *)context)->peer[host];
}

static const char *subject_address(void *context, unsigned host)
{
    return ((struct subject *)context)->addresses[host];
}

static bool subject_run(void *context, bool (*is_so)(void *argument), void *argument, unsigned ms)
{
    struct subject *subject = context;
    subject->is_so = is_so;
    subject->argument = argument;
    subject->until_ms = os_clock_monotonic_us() / 1000 + ms;
    os_loop_run(subject->loop);
    return is_so == NULL || is_so(argument);
}

static void subject_cut(void *context, unsigned source, bool cut)
{
    atomic_store(&((struct subject *)context)->wire.cut[source], cut);
}

static void subject_start(struct subject *subject)
{
    struct complaint complaint;
    struct os_loop_driver driver = {.turn = on_turn, .turn_end = on_turn_end, .context = subject};
    check(os_loop_create(&subject->loop, &driver, &complaint) == STATUS_OK);
    uint16_t ports[3];
    for (int host = 0; host < 2; host++) {
        check(os_peers_create(&subject->peers[host], PROGRAM, &complaint) == STATUS_OK);
        check(os_peers_listen(subject->peers[host], "127.0.0.1", 0, &ports[host], &complaint) == STATUS_OK);
        check(os_peers_join(subject->peers[host], subject->loop, &subject->peer[host], &complaint) == STATUS_OK);
    }
    wire_start(&subject->wire, ports[1]);
    ports[1] = subject->wire.port;
    struct sockaddr_in any = local(0);
    subject->nobody = tcp_socket();
    check(bind(subject->nobody, (const struct sockaddr *)&any, sizeof any) == 0);
    ports[2] = port_of(subject->nobody);
    for (int host = 0; host < 3; host++) {
        (void)snprintf(subject->addresses[host], sizeof subject->addresses[host], "127.0.0.1:%u", ports[host]);
    }
}

static void subject_end(struct subject *subject)
{
    os_peers_destroy(subject->peers[0]);
    os_peers_destroy(subject->peers[1]);
    wire_end(&subject->wire);
    (void)close(subject->nobody);
    os_loop_destroy(subject->loop);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < peer_suite_count(); i++) {
        static struct subject subject;
        if (argc > 1 && strstr(peer_suite_name(i), argv[1]) == NULL) {
            continue;
        }
        memset(&subject, 0, sizeof subject);
        subject_start(&subject);
        struct peer_suite suite = {.context = &subject,
                                   .peer = subject_peer,
                                   .address = subject_address,
                                   .run = subject_run,
                                   .cut = subject_cut,
                                   .slack_ms = 5000};
        int64_t began_us = os_clock_monotonic_us();
        (void)printf("%s: ", peer_suite_name(i));
        (void)fflush(stdout);
        bool ran = peer_suite_run(&suite, i);
        (void)printf("%s, %d ms\n", ran ? "yes" : "not here", (int)((os_clock_monotonic_us() - began_us) / 1000));
        subject_end(&subject);
    }
    return 0;
}
