/* SPDX-License-Identifier: MIT */

/* Whoever tries wrong passwords waits before the next one is looked at, and those at the same address with him. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "serve/guess.h"
#include "serve/hold.h"
#include "support/shard_fixture.h"

static struct shard_fixture at;

static void open(void)
{
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
}

static void close(void)
{
    shard_fixture_close(&at);
}

TestSuite(guess, .init = open, .fini = close);

static void comes_from(unsigned client, const char *address)
{
    (void)snprintf(at.clients[client]->address, sizeof at.clients[client]->address, "%s", address);
}

/* Sends the line as a connection does, until it is taken; for how many milliseconds it was not. */
static int64_t wait_of(unsigned client, const char *line, const char *answer)
{
    int64_t from_ms = at.monotonic_ms;
    while (shard_fixture_send(&at, client, gm_bytes_of(line)) == 0) {
        cr_assert(hold_is_held(at.clients[client]));
        cr_assert_leq(at.monotonic_ms, from_ms + GUESS_DELAY_MAX_MS, "guard I1");
        while (hold_is_held(at.clients[client])) {
            shard_fixture_pass(&at, 1);
        }
    }
    cr_assert_str_eq(shard_fixture_hear(&at, client), answer, "%s", line);
    return at.monotonic_ms - from_ms;
}

#define WRONG "WRONGPASS invalid username-password pair or user is disabled."

static int64_t wrong(unsigned client)
{
    return wait_of(client, "AUTH guess\r\n", "-" WRONG);
}

static int64_t right(unsigned client)
{
    return wait_of(client, "AUTH secret\r\n", "OK");
}

Test(guess, each_wrong_one_makes_the_next_wait_twice_as_long)
{
    static const int64_t waits[] = {0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000};
    comes_from(0, "192.0.2.1:1000");
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        cr_expect_eq(wrong(0), waits[i], "number %zu", i);
    }
    cr_expect_eq(wait_of(0, "PING\r\n", "-NOAUTH Authentication required."), 0, "no password is tried");
    cr_expect_eq(wait_of(0, "HELLO 3 AUTH default guess\r\n", "-" WRONG), 1000);
    cr_expect_eq(right(0), 1000, "and so does a right one, or its being quick would tell");
    cr_expect_eq(at.worker.meters.counts.guesses, 14);
}

Test(guess, an_address_is_one_however_many_connections_it_has)
{
    comes_from(0, "192.0.2.1:1000");
    comes_from(1, "192.0.2.1:1001");
    comes_from(2, "192.0.2.2:1000");
    for (int i = 0; i < 5; i++) {
        (void)wrong(0);
    }
    cr_expect_eq(right(1), 32, "from the same address");
    cr_expect_eq(right(2), 0, "from another one");
    cr_expect_eq(wrong(0), 32, "that somebody else knows it changes nothing");
    comes_from(0, "[2001:db8:1:2:3:4:5:6]:1000");
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    comes_from(1, "[2001:db8:1:2::1]:1");
    comes_from(2, "[2001:db8:1:3::1]:1");
    (void)wrong(0);
    cr_expect_eq(right(1), 2, "who has one address of that kind has 2^64");
    cr_expect_eq(right(2), 0);
}

/* guard I2 */
Test(guess, is_forgotten_after_a_while)
{
    comes_from(0, "192.0.2.1:1000");
    comes_from(1, "192.0.2.1:1001");
    cr_expect_eq(right(1), 0);
    for (int i = 0; i < 4; i++) {
        (void)wrong(0);
    }
    shard_fixture_pass(&at, 2 * GUESS_DECAY_MS);
    cr_expect_eq(wrong(0), 4, "two steps less");
    shard_fixture_pass(&at, 3 * GUESS_DECAY_MS);
    cr_expect_eq(right(0), 0);
}

Test(guess, who_goes_while_he_waits_is_waited_for_by_nobody)
{
    for (unsigned i = 0; i < 3; i++) {
        comes_from(i, "192.0.2.1:1");
        (void)wrong(i);
    }
    struct gm_bytes line = BYTES("AUTH guess\r\n");
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(shard_fixture_send(&at, i, line), 0);
    }
    shard_fixture_hang_up(&at, 1);
    cr_expect_eq(at.worker.sessions.blocked, 2);
    shard_fixture_pass(&at, GUESS_DELAY_MAX_MS);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    cr_expect(list_empty(&at.worker.held[HOLD_GUESS]));
}
