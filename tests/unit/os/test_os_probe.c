/* SPDX-License-Identifier: MIT */

/* test_os_probe.c - what answers like a server for clients, what does not, and what does not answer at all. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/os_clock.h"
#include "os/os_probe.h"

struct other {
    int listening;
    const char *answer; /* NULL: none */
    pthread_t thread;
    char place[32];
};

/* One connection: a question, the answer in two parts, and an end when the asker ends. */
static void *answer(void *context)
{
    struct other *other = context;
    char bytes[64];
    int fd = accept(other->listening, NULL, NULL);
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0 && other->answer != NULL) {
        size_t size = strlen(other->answer);
        (void)send(fd, other->answer, size / 2, MSG_NOSIGNAL);
        (void)send(fd, other->answer + size / 2, size - size / 2, MSG_NOSIGNAL);
    }
    while (read(fd, bytes, sizeof bytes) > 0) {
    }
    (void)close(fd);
    return NULL;
}

static void begin(struct other *other, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    other->answer = text;
    other->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(other->listening, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(other->listening, 1), 0);
    cr_assert_eq(getsockname(other->listening, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(other->place, sizeof other->place, "localhost:%u", ntohs(address.sin_port));
    cr_assert_eq(pthread_create(&other->thread, NULL, answer, other), 0);
}

static void end(struct other *other)
{
    cr_assert_eq(pthread_join(other->thread, NULL), 0);
    (void)close(other->listening);
}

Test(os_probe, tells_a_port_for_clients)
{
    static const struct {
        const char *answer;
        bool is;
        uint16_t port;
    } cases[] = {
        {"*2\r\n$13\r\ninternal_port\r\n$4\r\n6000\r\n", true, 6000},
        {"*2\r\n$13\r\ninternal_port\r\n$5\r\n65535\r\n", true, 65535},
        {"*2\r\n$13\r\ninternal_port\r\n$5\r\n65536\r\n", true, 0},
        {"*0\r\n", true, 0},
        {"-NOAUTH Authentication required.\r\n", true, 0},
        {"\1\1\22\4", false, 0},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", false, 0},
        {"*2\r\n$13\r\ninternal_port\r\n$", true, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct other other;
        uint16_t port = 1;
        begin(&other, cases[i].answer);
        bool waits = cases[i].answer == NULL || (cases[i].is && cases[i].port == 0);
        cr_expect_eq(os_probe_clients(other.place, waits ? 50 : 5000, &port), cases[i].is, "case %zu", i);
        cr_expect_eq(port, cases[i].port, "case %zu: %u", i, port);
        end(&other);
    }
}

Test(os_probe, asks_nobody_by_name_and_waits_for_nobody)
{
    static const char *const places[] = {"node1:6000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "[::1:5",
                                         ":5",         ""};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint16_t port = 1;
        cr_expect_not(os_probe_clients(places[i], 1000, &port), "%s", places[i]);
        cr_expect_eq(port, 0);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and does not listen */
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    char place[32];
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", ntohs(address.sin_port));
    uint16_t port;
    cr_assert_not(os_probe_clients(place, 1000, &port));
    (void)close(fd);
}
