/* SPDX-License-Identifier: MIT */

/* Last words reach a peer that is still sending, and nobody stays for ever. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "hub.h"
#include "os/linger.h"

static struct hub hub;

static void start(void)
{
    hub_start(&hub);
}

static void finish(void)
{
    hub_finish(&hub);
}

TestSuite(linger, .init = start, .fini = finish, .timeout = 60);

#define WORDS "-ERR too much\r\n"

static size_t refuse(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    (void)data;
    (void)wants;
    net_write(user->conn, (const uint8_t *)WORDS, strlen(WORDS));
    net_part(user->conn);
    return size;
}

static int refused_client(void)
{
    int client = hub_connect(&hub);
    hub.users[hub.count - 1]->on_input = refuse;
    hub_text(&hub, client, "x");
    for (int i = 0; i < 100 && hub.users[hub.count - 1]->closes == 0; i++) {
        hub_turns(&hub, 1);
    }
    cr_assert_eq(hub.users[hub.count - 1]->closes, 1, "for its user it is closed");
    return client;
}

static void expect_words(int client)
{
    char text[64] = "";
    long size = hub_read(client, text, sizeof text - 1);
    cr_assert_eq(size, (long)strlen(WORDS), "%ld", size);
    cr_assert_str_eq(text, WORDS);
    cr_assert_eq(hub_read(client, text, sizeof text), 0, "and the end");
}

Test(linger, last_words_reach_a_peer_that_is_still_sending)
{
    int client = refused_client();
    size_t size = (size_t)20 << 20;
    uint8_t *much = memory_zeroed(size);
    hub_send(&hub, client, much, size); /* fails after a reset */
    memory_free(much);
    expect_words(client);
    cr_assert_eq(hub.loop->lingering_count, 1);
    close(client);
    for (int i = 0; i < 1000 && hub.loop->lingering_count > 0; i++) {
        hub_turns(&hub, 1);
    }
    cr_assert_eq(hub.loop->lingering_count, 0, "it has read them");
    hub_turns(&hub, 1);
    cr_assert(list_empty(&hub.loop->lingering), "linger I3");
}

/* linger I1 */
Test(linger, the_oldest_goes_when_there_are_many)
{
    int clients[LINGER_MAX + 1];
    for (size_t i = 0; i < LINGER_MAX; i++) {
        clients[i] = refused_client();
        cr_assert_eq(hub.loop->lingering_count, i + 1);
    }
    clients[LINGER_MAX] = refused_client();
    cr_assert_eq(hub.loop->lingering_count, LINGER_MAX);
    for (size_t i = 0; i <= LINGER_MAX; i++) {
        expect_words(clients[i]);
        hub_text(&hub, clients[i], "more");
        hub_turns(&hub, 2);
        struct pollfd state = {.fd = clients[i]};
        cr_assert_geq(poll(&state, 1, 0), 0);
        cr_assert_eq((state.revents & POLLERR) != 0, i == 0, "client %zu: %x", i, (unsigned)state.revents);
        close(clients[i]);
    }
}

/* linger I2: the loop wakes by itself. */
Test(linger, one_that_is_silent_is_closed)
{
    int client = refused_client();
    int64_t from_ms = hub.now_ms;
    hub.wait_ms = 60000;
    while (hub.loop->lingering_count > 0) {
        hub_turns(&hub, 2);
    }
    hub.wait_ms = 0;
    cr_assert_geq(hub.now_ms, from_ms + LINGER_SILENT_MS - 1);
    cr_assert_leq(hub.now_ms, from_ms + 10 * LINGER_SILENT_MS);
    expect_words(client);
    close(client);
}

Test(linger, one_that_has_sent_all_is_closed_at_once)
{
    int client = hub_connect(&hub);
    hub.users[0]->on_input = refuse;
    hub_text(&hub, client, "x");
    cr_assert_eq(shutdown(client, SHUT_WR), 0);
    for (int i = 0; i < 1000 && (hub.users[0]->closes == 0 || hub.loop->lingering_count > 0); i++) {
        hub_turns(&hub, 1);
    }
    cr_assert_eq(hub.loop->lingering_count, 0);
    expect_words(client);
    close(client);
}

Test(linger, ends_with_the_loop)
{
    int client = refused_client();
    cr_assert_eq(hub.loop->lingering_count, 1);
    close(client); /* finish() destroys the loop; the leak checker looks on */
}
