/* SPDX-License-Identifier: MIT */

/* What env/net.h promises of a connection, over real sockets. */
#include <criterion/criterion.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/prng.h"
#include "hub.h"
#include "support/seed.h"

static struct hub hub;

static void start(void)
{
    hub_start(&hub);
}

static void finish(void)
{
    hub_finish(&hub);
}

TestSuite(conn, .init = start, .fini = finish, .timeout = 60);

static bool has_taken(const struct hub_user *user, const char *text)
{
    return user->taken.size == strlen(text) && memcmp(user->taken.data, text, user->taken.size) == 0;
}

Test(conn, gives_in_one_piece_what_has_arrived_and_was_not_taken)
{
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    size_t idle = os_loop_memory(hub.loop);
    user->on_input = hub_take;
    hub_text(&hub, client, "abc");
    hub_turns(&hub, 2);
    cr_assert_eq(user->inputs, 1, "without news nothing is said"); /* net N1 */
    cr_assert_eq(user->seen, 3);
    cr_assert_gt(os_loop_memory(hub.loop), idle);
    cr_assert_eq(user->held, os_loop_memory(hub.loop) - idle);

    user->takes = 4;
    hub_text(&hub, client, "def");
    hub_turns(&hub, 2);
    cr_assert_eq(user->inputs, 2);
    cr_assert_eq(user->seen, 6);
    cr_assert(has_taken(user, "abcd"));

    user->takes = 1;
    net_resume(user->conn);
    hub_turns(&hub, 1);
    cr_assert_eq(user->inputs, 3, "resuming gives again what is left");
    cr_assert_eq(user->seen, 2);
    cr_assert(has_taken(user, "abcde"));

    user->takes = 10;
    hub_text(&hub, client, "gh");
    hub_turns(&hub, 2);
    cr_assert(has_taken(user, "abcdefgh"));
    net_resume(user->conn);
    hub_turns(&hub, 2);
    cr_assert_eq(user->inputs, 4, "and nothing when nothing is left");
    cr_assert_eq(os_loop_memory(hub.loop), idle, "an idle connection keeps no buffer");
    cr_assert_eq(user->held, 0);
    close(client);
}

Test(conn, gives_back_what_its_input_does_not_need)
{
    static uint8_t sent[300000];
    hub_byte_pattern(sent, sizeof sent, 5);
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    size_t idle = os_loop_memory(hub.loop);
    user->on_input = hub_take;
    user->takes = 0;
    user->wants = 1000000;
    hub_send(&hub, client, sent, sizeof sent);
    for (int i = 0; i < 100 && user->seen < sizeof sent; i++) {
        hub_turns(&hub, 1);
    }
    cr_assert_eq(user->seen, sizeof sent);
    cr_assert_gt(user->held, 400000);
    net_fit(user->conn);
    cr_assert_eq(user->held, os_loop_memory(hub.loop) - idle);
    cr_assert_leq(user->held, 330000);
    user->takes = sizeof sent;
    net_resume(user->conn);
    hub_turns(&hub, 1);
    cr_assert_eq(user->taken.size, sizeof sent);
    cr_assert_arr_eq(user->taken.data, sent, sizeof sent);
    cr_assert_eq(user->held, 0);
    close(client);
}

Test(conn, reads_once_in_a_turn)
{
    enum { SIZE = 300000 };
    uint8_t *sent = memory_alloc(SIZE);
    hub_byte_pattern(sent, SIZE, 1);
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    hub_send(&hub, client, sent, SIZE);
    while (user->taken.size < SIZE) {
        size_t before = user->inputs;
        hub_turns(&hub, 1);
        cr_assert_leq(user->inputs, before + 1); /* net N1 */
        cr_assert_leq(user->seen, 64 * 1024);
    }
    cr_assert_arr_eq(user->taken.data, sent, SIZE);
    memory_free(sent);
    close(client);
}

Test(conn, whose_read_was_filled_by_the_last_byte_does_not_look_for_more_for_ever)
{
    static uint8_t sent[65536];
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    net_pause(user->conn, true); /* so that all is there when it is read */
    hub_send(&hub, client, sent, sizeof sent);
    net_pause(user->conn, false);
    hub_turns(&hub, 2);
    cr_assert_eq(user->seen, sizeof sent);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4);
    close(client);
}

Test(conn, stops_reading_when_nobody_takes_the_input_and_goes_on_when_somebody_does)
{
    enum { SIZE = 1000000 };
    uint8_t *sent = memory_alloc(SIZE);
    hub_byte_pattern(sent, SIZE, 2);
    static const size_t limits[][2] = {{0, 65536}, {10, 65536}, {65537, 65537}, {200000, 200000}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        int client = hub_connect(&hub);
        struct hub_user *user = hub.users[hub.count - 1];
        user->on_input = hub_take;
        user->wants = limits[i][0];
        size_t begun = 0;
        for (int k = 0; k < 200; k++) {
            ssize_t part = send(client, sent + begun, SIZE - begun, MSG_DONTWAIT);
            begun += part > 0 ? (size_t)part : 0;
            hub_turns(&hub, 1);
        }
        cr_assert_eq(user->seen, limits[i][1], "wants %zu: %zu", user->wants, user->seen); /* net N2 */
        cr_assert_leq(os_loop_memory(hub.loop), limits[i][1] * 2);                         /* conn I1 */
        cr_assert_leq(hub_idle_turns(&hub, 30), 4, "full input must not spin");

        user->takes = 100; /* a little is taken: exactly as much may come in */
        net_resume(user->conn);
        hub_turns(&hub, 5);
        cr_assert_eq(user->seen, limits[i][1]);
        user->wants = 0; /* a large buffer is not a reason to read on */
        user->takes = limits[i][1] - 50000;
        net_resume(user->conn);
        hub_turns(&hub, 1);
        cr_assert_eq(user->takes, 0);
        hub_turns(&hub, 5);
        cr_assert_eq(user->seen, 65536);
        user->takes = SIZE;
        net_resume(user->conn);
        hub_send(&hub, client, sent + begun, SIZE - begun);
        while (user->taken.size < SIZE) {
            hub_turns(&hub, 1);
        }
        cr_assert_arr_eq(user->taken.data, sent, SIZE);
        close(client);
        hub_turns(&hub, 3);
        cr_assert_eq(user->eofs, 1);
        net_close(user->conn);
        hub_turns(&hub, 2);
    }
    memory_free(sent);
}

static size_t take_when_complete(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    (void)data;
    *wants = user->wants;
    size_t whole = size / user->wants * user->wants;
    size_t kept = os_loop_memory(user->hub->loop);
    cr_assert_leq(kept, 2 * size + 64 * 1024, "memory follows what has arrived: %zu for %zu", kept, size); /* conn I1 */
    return whole;
}

Test(conn, brings_a_large_value_in_one_piece_with_memory_that_follows_what_has_arrived)
{
    enum { SIZE = 20 * 1000 * 1000 };
    uint8_t *sent = memory_alloc(SIZE);
    hub_byte_pattern(sent, SIZE, 3);
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    size_t idle = os_loop_memory(hub.loop);
    user->on_input = take_when_complete;
    user->wants = SIZE;
    for (int round = 0; round < 2; round++) {
        hub_send(&hub, client, sent, SIZE);
        while (user->taken.size < SIZE) {
            hub_turns(&hub, 1);
        }
        cr_assert_eq(user->seen, SIZE, "nothing was read beyond");
        cr_assert_eq(memcmp(user->taken.data, sent, SIZE), 0);
        buf_clear(&user->taken, SIZE);
        cr_assert_eq(os_loop_memory(hub.loop), idle);
    }
    memory_free(sent);
    close(client);
}

static void write_more(struct hub_user *user)
{
    enum { PIECE = 700001 };
    static uint8_t piece[PIECE];
    while (user->sent < user->wants) {
        size_t size = user->wants - user->sent < PIECE ? user->wants - user->sent : PIECE;
        for (size_t i = 0; i < size; i++) {
            piece[i] = (uint8_t)((user->sent + i) * 7);
        }
        size_t taken = net_write(user->conn, piece, size);
        user->sent += taken;
        if (taken < size) {
            return;
        }
    }
}

Test(conn, tells_a_slow_readers_user_when_to_write_on)
{
    enum { SIZE = 12 * 1000 * 1000 };
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    user->wants = SIZE;
    user->on_writable = write_more;
    write_more(user);
    cr_assert_lt(user->sent, SIZE);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4, "a peer that does not read must not spin");
    uint64_t untaken = net_untaken(user->conn), lowest = UINT64_MAX;
    cr_assert_gt(untaken, 0);
    static uint8_t got[100000];
    size_t received = 0;
    while (received < SIZE) {
        if (user->writables == 0) {
            uint64_t now = net_untaken(user->conn);
            lowest = now < lowest ? now : lowest;
        }
        long size = hub_read(client, got, sizeof got);
        for (long i = 0; i < size; i++) {
            cr_assert_eq(got[i], (uint8_t)((received + (size_t)i) * 7));
        }
        received += size > 0 ? (size_t)size : 0;
        hub_turns(&hub, 1);
    }
    cr_assert_eq(user->sent, SIZE);
    cr_assert_gt(user->writables, 0);
    cr_assert_lt(lowest, untaken, "what the peer takes is seen before the system takes more from us");
    cr_assert_eq(net_untaken(user->conn), 0);
    size_t writables = user->writables;
    cr_assert_leq(hub_idle_turns(&hub, 30), 4);
    cr_assert_eq(user->writables, writables, "who has written all is not told again");
    close(client);
}

static size_t close_both(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    (void)data;
    (void)wants;
    net_close(user->conn);
    net_close(user->conn);
    net_close(user->other->conn);
    net_resume(user->conn);
    net_pause(user->other->conn, false);
    cr_assert_eq(net_write(user->conn, (const uint8_t *)"x", 1), 1, "writing to what is closed counts as taken");
    return size / 2;
}

static void close_other(struct hub_user *user)
{
    net_close(user->conn);
    if (user->other->closes == 0) { /* afterwards there is no connection any more */
        net_close(user->other->conn);
    }
}

/* net N4 */
Test(conn, may_be_closed_by_any_callback)
{
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = hub_connect(&hub);
    }
    struct hub_user **users = hub.users;
    size_t three = os_loop_memory(hub.loop);
    for (int i = 0; i < 2; i++) {
        users[i]->on_input = close_both;
        users[i]->other = users[1 - i];
        users[i]->on_closed = close_other;
    }
    for (int i = 0; i < 3; i++) {
        hub_text(&hub, clients[i], "both have input in the same turn");
    }
    hub_turns(&hub, 1);
    cr_assert_eq(users[0]->inputs + users[1]->inputs, 1, "the one that is closed hears nothing more"); /* conn I2 */
    cr_assert_eq(users[0]->closes, 1);
    cr_assert_eq(users[1]->closes, 1);
    cr_assert_eq(users[2]->inputs, 1);
    uint8_t byte;
    cr_assert_eq(hub_read(clients[0], &byte, 1), 0, "all input was taken off, so it is an end and no reset");
    cr_assert_eq(os_loop_memory(hub.loop), three / 3, "one is left");

    /* inside on_closed, of a connection that was not in the list yet */
    clients[0] = hub_connect(&hub);
    users[2]->on_closed = close_other;
    users[2]->other = users[3];
    net_close(users[2]->conn);
    cr_assert_eq(users[2]->closes, 0, "never inside net_close"); /* net N3; loop I2 */
    hub_turns(&hub, 1);
    cr_assert_eq(users[2]->closes, 1);
    cr_assert_eq(users[3]->closes, 1);
}

static size_t shut_other(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    (void)data;
    (void)wants;
    if (!user->shut) {
        user->other->shut = true;
        net_close(user->other->conn);
    }
    return size;
}

Test(conn, that_was_closed_in_a_turn_is_not_told_that_it_could_write)
{
    static uint8_t zeros[1000000];
    int clients[2];
    for (int i = 0; i < 2; i++) {
        clients[i] = hub_connect(&hub);
        while (net_write(hub.users[i]->conn, zeros, sizeof zeros) == sizeof zeros) {
        }
        hub.users[i]->on_input = shut_other;
    }
    hub.users[0]->other = hub.users[1];
    hub.users[1]->other = hub.users[0];
    for (int i = 0; i < 2; i++) {
        while (hub_read(clients[i], zeros, sizeof zeros) > 0) {
        }
        hub_text(&hub, clients[i], "x");
    }
    hub_turns(&hub, 1);
    cr_assert_eq(hub.users[0]->closes + hub.users[1]->closes, 1);
    cr_assert_eq(hub.users[0]->writables + hub.users[1]->writables, 1);
}

static void close_first(struct hub *self)
{
    net_close(self->users[0]->conn);
    self->on_turn_end = NULL;
}

Test(conn, closed_at_the_end_of_a_turn_is_told_in_the_next_which_does_not_wait)
{
    hub_connect(&hub);
    hub.on_turn_end = close_first;
    hub.wait_ms = 5000;
    int64_t before_ms = hub.now_ms;
    hub_turns(&hub, 2);
    cr_assert_eq(hub.users[0]->closes, 1);
    cr_assert_lt(hub.now_ms - before_ms, 4000);
}

static size_t resume_twice(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    (void)data;
    (void)wants;
    net_resume(user->conn);
    net_resume(user->other->conn);
    return size > 0 && user->inputs > 1 ? 1 : 0;
}

Test(conn, resumed_inside_a_callback_comes_again_without_nesting)
{
    int clients[2] = {hub_connect(&hub), hub_connect(&hub)};
    for (int i = 0; i < 2; i++) {
        hub.users[i]->on_input = hub_take;
        hub_text(&hub, clients[i], "abc");
    }
    hub_turns(&hub, 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(hub.users[i]->inputs, 1);
        hub.users[i]->on_input = resume_twice;
        hub.users[i]->other = hub.users[1 - i];
    }
    hub_text(&hub, clients[0], "d");
    hub_turns(&hub, 1);
    cr_assert_eq(hub.users[0]->inputs, 3, "its event, then once as resumed, in the same turn"); /* loop I3 */
    cr_assert_eq(hub.users[1]->inputs, 2);
    hub.wait_ms = 5000; /* no turn waits while somebody is to be resumed */
    int64_t before_ms = hub.now_ms;
    hub_turns(&hub, 2);
    cr_assert(has_taken(hub.users[0], "abcd"));
    cr_assert(has_taken(hub.users[1], "abc"));
    cr_assert_lt(hub.now_ms - before_ms, 4000);
    close(clients[0]);
    close(clients[1]);
}

Test(conn, reads_nothing_while_paused)
{
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    net_pause(user->conn, true);
    hub_text(&hub, client, "abc");
    cr_assert_leq(hub_idle_turns(&hub, 30), 4, "a paused connection must not spin");
    cr_assert_eq(user->inputs, 0);
    net_pause(user->conn, false);
    hub_turns(&hub, 2);
    cr_assert(has_taken(user, "abc"));

    net_pause(user->conn, true); /* a pause that nothing comes into */
    net_pause(user->conn, false);
    hub_text(&hub, client, "def");
    hub_turns(&hub, 2);
    cr_assert(has_taken(user, "abcdef"));

    net_pause(user->conn, true); /* a peer that is gone altogether is noticed even so */
    struct linger reset = {.l_onoff = 1};
    cr_assert_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(client);
    hub_turns(&hub, 3);
    cr_assert_eq(user->closes, 1);
}

/* The kernel tells of what comes, not of what is there: whatever came while it was not wanted has to be remembered. */
Test(conn, paused_in_the_middle_of_much_input_reads_the_rest_without_being_told_again)
{
    enum { SIZE = 200000 };
    uint8_t *sent = memory_alloc(SIZE);
    hub_byte_pattern(sent, SIZE, 4);
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    hub_send(&hub, client, sent, SIZE);
    shutdown(client, SHUT_WR);
    net_pause(user->conn, true);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4, "a paused connection must not spin");
    size_t before = user->taken.size;
    cr_assert_lt(before, SIZE);
    cr_assert_eq(user->eofs, 0);
    net_pause(user->conn, false);
    hub_turns(&hub, 8);
    cr_assert_eq(user->taken.size, SIZE);
    cr_assert_arr_eq(user->taken.data, sent, SIZE);
    cr_assert_eq(user->eofs, 1, "the end came with the last bytes and was told with them"); /* conn I3 */
    memory_free(sent);
    close(client);
}

Test(conn, is_told_of_an_end_that_came_together_with_the_last_bytes)
{
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    cr_assert_eq(send(client, "last", 4, 0), 4);
    shutdown(client, SHUT_WR);
    hub_turns(&hub, 2);
    cr_assert(has_taken(user, "last"));
    cr_assert_eq(user->eofs, 1);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4, "a half-closed connection must not spin"); /* net N5 */
    cr_assert_eq(user->closes, 0);
    close(client);
}

Test(conn, over_a_socket_file_is_given_the_last_words_of_a_peer_that_is_gone)
{
    struct complaint complaint;
    struct net_acceptor acceptor = hub_acceptor(&hub);
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    (void)snprintf(where.sun_path, sizeof where.sun_path, "/tmp/geomys-conn-%ld.sock", (long)getpid());
    cr_assert_eq(os_loop_listen_unix(hub.loop, where.sun_path, 0700, 8, &acceptor, &complaint), STATUS_OK);
    for (int paused = 0; paused < 2; paused++) {
        int client = socket(AF_UNIX, SOCK_STREAM, 0);
        cr_assert_eq(connect(client, (struct sockaddr *)&where, sizeof where), 0);
        hub_turns(&hub, 2);
        struct hub_user *user = hub.users[paused];
        net_pause(user->conn, paused == 1);
        cr_assert_eq(send(client, "last", 4, 0), 4);
        close(client);
        hub_turns(&hub, 4);
        cr_assert(paused == 1 || has_taken(user, "last"));
        cr_assert_eq(user->eofs, paused == 1 ? 0 : 1);
        cr_assert_eq(user->closes, 1, "nobody is left to be answered");
    }
}

Test(conn, that_will_send_no_more_still_gets_its_answers)
{
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    user->on_input = hub_take;
    user->takes = 3;
    hub_text(&hub, client, "onetwo");
    shutdown(client, SHUT_WR);
    hub_turns(&hub, 3);
    cr_assert(has_taken(user, "one"));
    cr_assert_eq(user->eofs, 1);
    cr_assert_eq(user->closes, 0);
    cr_assert_leq(hub_idle_turns(&hub, 30), 4, "a half-closed connection must not spin");

    user->takes = 3; /* what was left over is still there */
    net_resume(user->conn);
    hub_turns(&hub, 1);
    cr_assert(has_taken(user, "onetwo"));
    cr_assert_eq(net_write(user->conn, (const uint8_t *)"+OK\r\n", 5), 5);
    net_close(user->conn);
    hub_turns(&hub, 2);
    char answer[16];
    cr_assert_eq(hub_read(client, answer, sizeof answer), 5);
    cr_assert_eq(hub_read(client, answer, sizeof answer), 0);
    cr_assert_eq(user->eofs, 1);
    close(client);
}

Test(conn, whose_peer_is_gone_is_closed_by_a_write_that_fails)
{
    int client = hub_connect(&hub);
    struct hub_user *user = hub.users[0];
    close(client);
    hub_turns(&hub, 3);
    cr_assert_eq(user->eofs, 1);
    for (int i = 0; i < 100 && user->closes == 0; i++) {
        cr_assert_eq(net_write(user->conn, (const uint8_t *)"x", 1), 1);
        hub_turns(&hub, 1);
    }
    cr_assert_eq(user->closes, 1);

    client = hub_connect(&hub);
    user = hub.users[1];
    struct linger reset = {.l_onoff = 1};
    cr_assert_eq(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(client);
    hub_turns(&hub, 3);
    cr_assert_eq(user->eofs, 0);
    cr_assert_eq(user->closes, 1, "a reset is told at once");
}

/* ---- many, by chance ---- */

static struct prng chance;

/* Echoes a part, sometimes nothing; who has taken little asks for the rest later. */
static size_t echo_some(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    *wants = prng_below(&chance, 100000);
    size_t taken = prng_below(&chance, 4) == 0 ? 0 : prng_below(&chance, size + 1);
    taken = net_write(user->conn, data, taken);
    if (taken < size) {
        net_resume(user->conn);
    }
    return taken;
}

Test(conn, by_the_hundred_loses_no_byte_and_mixes_none_up)
{
    enum { COUNT = 500, SIZE = 40000 };
    struct rlimit files = {2048, 2048};
    setrlimit(RLIMIT_NOFILE, &files);
    prng_seed(&chance, seed_of_run());
    int clients[COUNT];
    size_t sent[COUNT] = {0};
    size_t received[COUNT] = {0};
    uint8_t *data = memory_alloc(SIZE + COUNT);
    uint8_t *got = memory_alloc(SIZE);
    hub_byte_pattern(data, SIZE + COUNT, prng_next(&chance));
    for (int i = 0; i < COUNT; i++) {
        clients[i] = hub_connect(&hub);
        hub.users[i]->on_input = echo_some;
    }
    size_t finished = 0;
    for (int step = 0; finished < COUNT; step++) {
        cr_assert_lt(step, 10000000);
        size_t i = prng_below(&chance, COUNT);
        if (sent[i] < SIZE) {
            size_t size = 1 + prng_below(&chance, prng_below(&chance, 8) == 0 ? SIZE : 500);
            size = size < SIZE - sent[i] ? size : SIZE - sent[i];
            ssize_t done = send(clients[i], data + i + sent[i], size, MSG_DONTWAIT);
            sent[i] += done > 0 ? (size_t)done : 0;
        }
        long size = hub_read(clients[i], got, SIZE);
        if (size > 0) {
            cr_assert_leq(received[i] + (size_t)size, SIZE);
            cr_assert_eq(memcmp(got, data + i + received[i], (size_t)size), 0, "connection %zu", i);
            received[i] += (size_t)size;
            finished += received[i] == SIZE;
        }
        if (prng_below(&chance, 8) == 0) {
            net_pause(hub.users[prng_below(&chance, COUNT)]->conn, true);
            net_pause(hub.users[prng_below(&chance, COUNT)]->conn, false);
        }
        if (prng_below(&chance, 16) == 0) {
            for (size_t k = 0; finished > COUNT / 2 && k < COUNT; k++) {
                net_pause(hub.users[k]->conn, false);
            }
            hub_turns(&hub, 1);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        close(clients[i]);
    }
    memory_free(data);
    memory_free(got);
}
