/* SPDX-License-Identifier: MIT */

/* test_tracking.c - clients that keep copies: order against the gate, redirection, limits, and what is left. What a
 * client sees otherwise is in tests/stories/tracking.txt. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/seed.h"
#include "support/shard_fixture.h"

static void open_tracking(struct shard_fixture *at, const struct shard_fixture_options *options, const char *wish)
{
    shard_fixture_open(at, options);
    expect_begins(at, 1, "{", "HELLO 3");
    expect_said(at, 1, "OK", "CLIENT TRACKING %s", wish);
}

/* One turn after the last session that tracks has ended. */
static void expect_nothing_left(struct shard_fixture *at)
{
    shard_fixture_pass(at, 0);
    const struct tracking *tracking = &at->worker.tracking;
    cr_expect_eq(tracking->tracker_count, 0);
    cr_expect_eq(tracking->items, 0);
    cr_expect_eq(tracking->keys.count, 0);
    cr_expect_eq(tracking->links.count, 0);
    cr_expect_eq(tracking->prefixes.count, 0);
    cr_expect_eq(tracking->pending, 0);
    cr_expect_eq(tracking->longest, 0);
    cr_expect_eq(tracking->lengths[0], 0);
    cr_expect(list_empty(&tracking->leaving));
}

/* ---- the gate ---- */

Test(tracking, a_change_is_told_when_it_is_released_and_not_before)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){.held = true}, "ON");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "", "SET a 1");
    expect_heard(&at, 1, "");
    expect_said(&at, 1, "", "PING");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "(\"invalidate\" [\"a\"]) | PONG");
    shard_fixture_close(&at);
}

Test(tracking, a_value_that_was_read_before_its_release_is_remembered)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){.held = true}, "ON");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "", "GET a");
    expect_said(&at, 0, "", "SET a 2");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "(\"invalidate\" [\"a\"]) | \"1\""); /* tracking I1 */
    shard_fixture_release(&at, 2);
    expect_heard(&at, 1, "(\"invalidate\" [\"a\"])");
    expect_said(&at, 0, "OK | OK | PONG", "PING");
    shard_fixture_close(&at);
}

Test(tracking, broadcasts_and_flushes_wait_as_well)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){.held = true}, "ON BCAST");
    expect_said(&at, 0, "", "MSET a 1 b 1");
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 1, "(\"invalidate\" [\"a\" \"b\"])");
    expect_heard(&at, 0, "OK");
    expect_said(&at, 0, "", "FLUSHALL");
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 3);
    expect_heard(&at, 1, "(\"invalidate\" nil)");
    shard_fixture_close(&at);
}

Test(tracking, where_messages_are_redirected_they_wait_too)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){.held = true}, "ON REDIRECT 3");
    expect_said(&at, 2, "[\"subscribe\" \"c\" :1]", "SUBSCRIBE c");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "", "SET a 1");
    expect_heard(&at, 2, "");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 2, "[\"message\" \"__redis__:invalidate\" [\"a\"]]");
    expect_heard(&at, 1, "");
    shard_fixture_close(&at);
}

/* ---- redirection ---- */

Test(tracking, messages_go_to_another_session)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON REDIRECT 3");
    expect_said(&at, 1, ":3", "CLIENT GETREDIR");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "OK", "SET a 1");
    expect_heard(&at, 2, ""); /* RESP2, and it does not listen */
    expect_begins(&at, 2, "[\"psub", "PSUBSCRIBE *");
    expect_said(&at, 1, "\"1\"", "GET a");
    expect_said(&at, 0, "OK", "SET a 2");
    expect_heard(&at, 2, "[\"message\" \"__redis__:invalidate\" [\"a\"]]");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 2, "[\"message\" \"__redis__:invalidate\" nil]");
    expect_begins(&at, 2, "RESET | {", "RESET\r\nHELLO 3");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 1, "OK", "SET a 3");
    expect_heard(&at, 2, "(\"invalidate\" [\"a\"])");
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON"); /* from now on to itself */
    expect_said(&at, 1, ":0", "CLIENT GETREDIR");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 2, "");
    shard_fixture_close(&at);
}

Test(tracking, a_redirection_breaks)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON REDIRECT 3");
    expect_said(&at, 3, "OK", "CLIENT TRACKING ON REDIRECT 3");
    expect_said(&at, 1, "[nil nil nil]", "MGET a b c");
    shard_fixture_hang_up(&at, 2);
    expect_said(&at, 1, "{\"flags\" <\"on\"> \"redirect\" :3 \"prefixes\" []}", "CLIENT TRACKINGINFO");
    expect_said(&at, 0, "OK", "MSET a 1 b 1");
    expect_heard(&at, 1, "(\"tracking-redir-broken\" :3) | (\"tracking-redir-broken\" :3)");
    expect_heard(&at, 3, "");
    expect_said(&at, 1, "{\"flags\" <\"on\" \"broken_redirect\"> \"redirect\" :3 \"prefixes\" []}",
                "CLIENT TRACKINGINFO");
    expect_said(&at, 1, ":3", "CLIENT GETREDIR");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 1, "(\"tracking-redir-broken\" :3)");
    expect_heard(&at, 3, ""); /* it speaks RESP2 */
    expect_said(&at, 0, "OK", "SET c 1");
    expect_heard(&at, 1, "");
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON");
    expect_said(&at, 1, "{\"flags\" <\"on\"> \"redirect\" :0 \"prefixes\" []}", "CLIENT TRACKINGINFO");
    shard_fixture_close(&at);
}

/* The new tracker that a flush begins has the options of the old one. */
Test(tracking, a_flush_keeps_what_was_asked_for)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON OPTIN NOLOOP REDIRECT 3");
    expect_said(&at, 1, "OK | nil", "CLIENT CACHING YES\r\nGET a");
    expect_said(&at, 1, "OK", "CLIENT CACHING YES");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_said(&at, 1, "{\"flags\" <\"on\" \"optin\" \"caching-yes\" \"noloop\"> \"redirect\" :3 \"prefixes\" []}",
                "CLIENT TRACKINGINFO");
    cr_expect_eq(at.worker.tracking.tracker_count, 1);
    cr_expect_eq(at.worker.tracking.items, 0);
    shard_fixture_hang_up(&at, 2);
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 1, "(\"tracking-redir-broken\" :3)");
    expect_begins(&at, 1, "{\"flags\" <\"on\" \"optin\" \"noloop\" \"broken_redirect\"> \"redirect\" :3",
                  "CLIENT TRACKINGINFO");
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

Test(tracking, a_target_that_is_killed_or_leaves_counts_as_gone)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON REDIRECT 3");
    expect_said(&at, 0, ":1", "CLIENT KILL ID 3");
    expect_said(&at, 1, "-ERR The client ID you want redirect to does not exist", "CLIENT TRACKING ON REDIRECT 3");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 1, "(\"tracking-redir-broken\" :3)");
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON REDIRECT 4");
    expect_said(&at, 3, "OK", "QUIT");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 1, "(\"tracking-redir-broken\" :4)");
    shard_fixture_hang_up(&at, 1); /* before those that it redirects to */
    shard_fixture_close(&at);
}

Test(tracking, a_listener_that_redirects_to_itself)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "OK | nil", "CLIENT TRACKING ON REDIRECT 2\r\nGET a");
    expect_begins(&at, 1, "[\"subscribe\"", "SUBSCRIBE c");
    expect_said(&at, 0, "OK", "SET a 1");
    expect_heard(&at, 1, "[\"message\" \"__redis__:invalidate\" [\"a\"]]");
    shard_fixture_close(&at);
}

/* ---- fates ---- */

Test(tracking, noloop_does_not_silence_what_is_nobodys_doing)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON NOLOOP");
    expect_said(&at, 0, "OK | OK", "SET a 1 PX 10\r\nSET b 1 PX 10");
    expect_said(&at, 1, "[\"1\" \"1\"]", "MGET a b");
    at.now_ms += 10;
    expect_said(&at, 1, "nil | (\"invalidate\" [\"a\"]) | (\"invalidate\" [\"b\"])", "GET a"); /* tracking I3 */
    expect_said(&at, 0, "OK", "SET a 2");
    expect_heard(&at, 1, "(\"invalidate\" [\"a\"])"); /* read after it had been removed: tracking I2 */
    shard_fixture_close(&at);
}

Test(tracking, a_broadcast_tells_of_the_last_author_alone)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON BCAST NOLOOP");
    expect_begins(&at, 2, "{", "HELLO 3");
    expect_said(&at, 2, "OK", "CLIENT TRACKING ON BCAST");
    expect_said(&at, 1, "OK", "SET a 1 PX 10");
    expect_heard(&at, 2, "(\"invalidate\" [\"a\"])");
    at.now_ms += 10;
    expect_said(&at, 1, "nil | (\"invalidate\" [\"a\"])", "GET a");
    expect_heard(&at, 2, "(\"invalidate\" [\"a\"])");
    /* tracking_bcast I1, I2 */
    expect_said(&at, 1, "OK | :2 | :3 | OK", "SET n 1\r\nINCR n\r\nINCR n\r\nSET m 1");
    expect_heard(&at, 2, "(\"invalidate\" [\"n\" \"m\"])");
    shard_fixture_close(&at);
}

/* ---- limits ---- */

Test(tracking, beyond_the_limit_keys_are_told_and_forgotten)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){.seed = 4}, "ON NOLOOP");
    at.options.tracking_max_keys = 3;
    shard_fixture_configure(&at);
    expect_said(&at, 1, "[nil nil nil]", "MGET a b c");
    expect_begins(&at, 1, "nil | (\"invalidate\" [", "GET d"); /* his own read, but not his own change */
    cr_expect_eq(at.worker.tracking.keys.count, 3);
    cr_expect_eq(at.worker.tracking.items, 3);
    expect_begins(&at, 1, "[nil nil nil nil] | (\"invalidate\" [", "MGET a b c d");
    cr_expect_eq(at.worker.tracking.keys.count, 3);
    at.options.tracking_max_keys = 1;
    shard_fixture_configure(&at); /* as by CONFIG SET */
    expect_begins(&at, 1, "nil | (\"invalidate\" [", "GET e");
    cr_expect_eq(at.worker.tracking.keys.count, 1);
    expect_said(&at, 0, "OK", "SET e 1");
    expect_heard(&at, 1, "(\"invalidate\" [\"e\"])");
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

static void feed(struct session *session, const char *line)
{
    size_t wants;
    (void)pipeline_input(session, (const uint8_t *)line, strlen(line), &wants);
}

/* Many readers of one key are many links. */
Test(tracking, links_have_a_limit_too)
{
    enum { READERS = 3 * TRACKING_LINKS_PER_KEY };
    struct session *readers[READERS];
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 4});
    at.options.tracking_max_keys = 2;
    shard_fixture_configure(&at);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = sessions_open(&at.worker, 100 + i);
        feed(readers[i], "CLIENT TRACKING ON\r\nGET a\r\n");
        cr_expect_leq(at.worker.tracking.links.count, 2 * TRACKING_LINKS_PER_KEY);
    }
    cr_expect_eq(at.worker.tracking.items, TRACKING_LINKS_PER_KEY); /* all went at the seventeenth */
    for (unsigned i = 0; i < READERS; i++) {
        sessions_close(readers[i]);
    }
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

static void read_many(struct shard_fixture *at, unsigned client, unsigned count)
{
    struct buf call;
    buf_init(&call, 1 << 24);
    (void)buf_format(&call, "*%u\r\n$6\r\nEXISTS\r\n", count + 1);
    for (unsigned i = 0; i < count; i++) {
        (void)buf_format(&call, "$8\r\nkey%05u\r\n", i);
    }
    (void)shard_fixture_send(at, client, buf_bytes(&call));
    (void)shard_fixture_hear(at, client);
    buf_finish(&call);
}

/* Forgetting many keys is spread over turns: one turn gives back 4096 at most. */
Test(tracking, who_read_many_keys_leaves_little_by_little)
{
    enum { MANY = 9000 };
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON");
    struct tracking *tracking = &at.worker.tracking;
    read_many(&at, 1, MANY);
    read_many(&at, 1, MANY);
    cr_expect_eq(tracking->items, MANY);
    cr_expect_eq(tracking->keys.count, MANY);
    sessions_reset(at.clients[1]);
    cr_expect_eq(tracking->items, 0);
    cr_expect_eq(tracking->keys.count, MANY);
    cr_expect(tracking_turn_end(tracking));
    cr_expect_eq(tracking->links.count, MANY - 4096);
    /* meanwhile the same keys are remembered for others */
    (void)shard_fixture_say(&at, 2, "HELLO 3");
    (void)shard_fixture_say(&at, 2, "CLIENT TRACKING ON");
    expect_said(&at, 2, "nil", "GET key08000");
    expect_said(&at, 0, "OK", "SET key08000 1");
    expect_heard(&at, 2, "(\"invalidate\" [\"key08000\"])");
    while (tracking_turn_end(tracking)) {
    }
    cr_expect_eq(tracking->keys.count, 0);
    read_many(&at, 2, MANY);
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_heard(&at, 2, "(\"invalidate\" nil)");
    cr_expect_eq(tracking->items, 0);
    cr_expect_eq(tracking->links.count, 0, "the fixture goes on with a turn until there is no more");
    expect_said(&at, 2, "nil", "GET key00000");
    expect_said(&at, 0, "OK", "SET key00000 1");
    expect_heard(&at, 2, "(\"invalidate\" [\"key00000\"])");
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

Test(tracking, changes_that_wait_for_the_end_of_the_turn_have_a_ceiling)
{
    enum { KEYS = 400, SIZE = 10000 };
    char key[SIZE + 1];
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON BCAST");
    struct buf call;
    buf_init(&call, 1 << 24);
    (void)buf_format(&call, "*%u\r\n$4\r\nMSET\r\n", 2 * KEYS + 1);
    for (unsigned i = 0; i < KEYS; i++) {
        memset(key, '0' + (int)(i % 10), SIZE);
        (void)snprintf(key, sizeof key, "%03u", i);
        key[3] = '.';
        key[SIZE] = '\0';
        cr_assert(buf_format(&call, "$%u\r\n", SIZE) && buf_append(&call, gm_bytes_of(key)));
        cr_assert(buf_append(&call, BYTES("\r\n$1\r\nv\r\n")));
    }
    (void)shard_fixture_send(&at, 0, buf_bytes(&call));
    cr_expect_eq(at.worker.tracking.pending, 0);
    const char *heard = shard_fixture_hear(&at, 1);
    unsigned letters = 0;
    unsigned keys = 0;
    for (const char *at_letter = heard; (at_letter = strstr(at_letter, "invalidate")) != NULL; at_letter++) {
        letters++;
    }
    for (const char *at_key = heard; (at_key = strchr(at_key, '.')) != NULL; at_key++) {
        keys++;
    }
    cr_expect_eq(keys, KEYS);
    cr_expect(letters == 4, "%u messages", letters);
    buf_finish(&call);
    shard_fixture_close(&at);
}

Test(tracking, who_does_not_read_is_dropped_and_nobody_else)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){.output_max = 4096}, "ON BCAST");
    (void)shard_fixture_say(&at, 2, "HELLO 3");
    (void)shard_fixture_say(&at, 2, "CLIENT TRACKING ON BCAST");
    for (int i = 0; i < 30; i++) {
        expect_said(&at, 0, "OK", "SET %0200d 1", i);
        (void)shard_fixture_hear(&at, 2);
    }
    cr_expect(at.clients[1]->overflowed);
    cr_expect_not(at.clients[2]->overflowed);
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

Test(tracking, prefixes_have_limits)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "OFF");
    expect_said(&at, 1, "-ERR the prefix is longer than 1024 bytes", "CLIENT TRACKING ON BCAST PREFIX %01025d", 0);
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON BCAST PREFIX %01024d", 0);
    cr_expect_eq(at.worker.tracking.longest, TRACKING_PREFIX_MAX);
    expect_said(&at, 0, "OK", "SET %01024d 1", 0);
    expect_begins(&at, 1, "(\"invalidate\" [\"0000", "PING");
    expect_said(&at, 0, "OK", "SET %01023d 1", 0);
    expect_heard(&at, 1, "");
    for (unsigned i = 1; i < TRACKING_PREFIXES_MAX - 1; i++) {
        expect_said(&at, 1, "OK", "CLIENT TRACKING ON BCAST PREFIX k%04u", i);
    }
    expect_begins(&at, 1, "-ERR too many prefixes", "CLIENT TRACKING ON BCAST PREFIX x");
    expect_said(&at, 1, "OK | OK", "CLIENT TRACKING ON BCAST\r\nCLIENT TRACKING ON BCAST");
    expect_begins(&at, 1, "-ERR too many prefixes", "CLIENT TRACKING ON BCAST PREFIX x");
    cr_expect_eq(at.clients[1]->tracker->bcast_count, TRACKING_PREFIXES_MAX);
    cr_expect_eq(at.worker.tracking.lengths[5], TRACKING_PREFIXES_MAX - 2);
    expect_said(&at, 1, "OK", "CLIENT TRACKING OFF");
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

/* A prefix ends with changes that were to be told of. */
Test(tracking, who_leaves_in_the_turn_of_a_change_hears_nothing)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON BCAST PREFIX a");
    expect_said(&at, 1, "OK | OK | PONG", "SET abc 1\r\nCLIENT TRACKING OFF\r\nPING");
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

Test(tracking, sessions_end_in_any_order)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        (void)shard_fixture_say(&at, i, "HELLO 3");
        expect_said(&at, i, "OK", "CLIENT TRACKING ON REDIRECT %u", (i + 1) % SHARD_FIXTURE_CLIENTS + 1);
        expect_said(&at, i, "[nil nil nil]", "MGET a b c%u", i);
    }
    cr_expect_eq(at.worker.tracking.keys.count, 2 + SHARD_FIXTURE_CLIENTS);
    cr_expect_eq(at.worker.tracking.items, 3 * SHARD_FIXTURE_CLIENTS);
    shard_fixture_hang_up(&at, 2);
    cr_expect_eq(at.worker.tracking.items, 3 * SHARD_FIXTURE_CLIENTS - 3);
    expect_said(&at, 0, "OK | (\"invalidate\" [\"a\"])", "SET a 1"); /* for client 3 */
    expect_heard(&at, 1, "(\"invalidate\" [\"a\"]) | (\"tracking-redir-broken\" :3)");
    cr_expect_eq(at.worker.tracking.tracker_count, 3);
    expect_said(&at, 0, "RESET", "RESET");
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        shard_fixture_hang_up(&at, i);
    }
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

Test(tracking, client_list_shows_who_tracks)
{
    struct shard_fixture at;
    open_tracking(&at, &(struct shard_fixture_options){0}, "ON REDIRECT 3");
    cr_expect_not_null(strstr(shard_fixture_say(&at, 0, "CLIENT INFO"), " flags=N "));
    cr_expect_not_null(strstr(shard_fixture_say(&at, 0, "CLIENT INFO"), " redir=-1 "));
    cr_expect_not_null(strstr(shard_fixture_say(&at, 1, "CLIENT INFO"), " flags=t "));
    cr_expect_not_null(strstr(shard_fixture_say(&at, 1, "CLIENT INFO"), " redir=3 "));
    shard_fixture_hang_up(&at, 2);
    (void)shard_fixture_say(&at, 0, "FLUSHALL");
    (void)shard_fixture_hear(&at, 1);
    cr_expect_not_null(strstr(shard_fixture_say(&at, 1, "CLIENT INFO"), " flags=tR "));
    (void)shard_fixture_say(&at, 1, "CLIENT TRACKING OFF");
    (void)shard_fixture_say(&at, 1, "CLIENT TRACKING ON BCAST");
    cr_expect_not_null(strstr(shard_fixture_say(&at, 1, "CLIENT INFO"), " flags=tB "));
    cr_expect_not_null(strstr(shard_fixture_say(&at, 1, "CLIENT INFO"), " redir=0 "));
    shard_fixture_close(&at);
}

/* ---- a cache ---- */

#define CACHED 8 /* keys, k0 to k7 */

/* What a client has a copy of. It does what client libraries do: reads what it has no copy of, forgets what it is told
 * of, in the order in which it hears it. */
struct cache {
    unsigned client;
    bool writes; /* and keeps what it has written */
    bool known[CACHED];
    char value[CACHED][24]; /* as the text of a reply */
    struct {
        unsigned key;
        char written[24]; /* empty: it was a read */
    } asked[512];
    unsigned first, last; /* of `asked` */
};

static void forget_told(struct cache *cache, const char *message, size_t size)
{
    for (size_t i = 0; i + 2 < size; i++) {
        if (message[i] == '"' && message[i + 1] == 'k') {
            cache->known[message[i + 2] - '0'] = false;
        }
    }
    if (size > 6 && strncmp(message + size - 5, " nil)", 5) == 0) {
        memset(cache->known, 0, sizeof cache->known);
    }
}

static void take(struct cache *cache, const char *item, size_t size)
{
    if (item[0] == '(') {
        forget_told(cache, item, size);
        return;
    }
    cr_assert(cache->first < cache->last, "an answer to nothing: %.*s", (int)size, item);
    unsigned key = cache->asked[cache->first].key;
    const char *written = cache->asked[cache->first++].written;
    cache->known[key] = true;
    (void)snprintf(cache->value[key], sizeof cache->value[key], "%.*s", (int)(written[0] != '\0' ? 22 : size),
                   written[0] != '\0' ? written : item);
}

static void hear(struct shard_fixture *at, struct cache *cache)
{
    const char *text = shard_fixture_hear(at, cache->client);
    while (*text != '\0') {
        const char *end = strstr(text, " | ");
        size_t size = end != NULL ? (size_t)(end - text) : strlen(text);
        take(cache, text, size);
        text += size + (end != NULL ? 3 : 0);
    }
    if (cache->first == cache->last) {
        cache->first = cache->last = 0;
    }
}

static void use(struct shard_fixture *at, struct cache *cache, struct prng *prng)
{
    char line[64];
    unsigned key = (unsigned)(prng_next(prng) % CACHED);
    bool writes = cache->writes && prng_next(prng) % 4 == 0;
    if ((cache->known[key] && !writes) || cache->last == 512) {
        return;
    }
    cache->asked[cache->last].key = key;
    cache->asked[cache->last].written[0] = '\0';
    if (writes) {
        unsigned value = (unsigned)(prng_next(prng) % 1000);
        (void)snprintf(line, sizeof line, "SET k%u %u\r\n", key, value);
        (void)snprintf(cache->asked[cache->last].written, 24, "\"%u\"", value);
    } else {
        (void)snprintf(line, sizeof line, "GET k%u\r\n", key);
    }
    cache->last++;
    feed(at->clients[cache->client], line);
}

static void write_something(struct shard_fixture *at, struct prng *prng)
{
    static const char *const forms[] = {"SET k%u %u\r\n",
                                        "DEL k%u\r\n",
                                        "SET k%u %u PX 2\r\n",
                                        "PEXPIRE k%u 3\r\n",
                                        "RENAME k%u k%u\r\n",
                                        "INCR k%u\r\n",
                                        "COPY k%u k%u REPLACE\r\n",
                                        "MULTI\r\nSET k%u 5\r\nINCR k%u\r\nEXEC\r\n",
                                        "SET k%u %u\r\nGETDEL k%u\r\n"};
    char line[96];
    unsigned form = (unsigned)(prng_next(prng) % (sizeof forms / sizeof forms[0]));
    unsigned first = (unsigned)(prng_next(prng) % CACHED);
    unsigned second = (unsigned)(prng_next(prng) % CACHED);
    (void)snprintf(line, sizeof line, forms[form], first, second, first);
    feed(at->clients[prng_next(prng) % 2 == 0 ? 0 : 3], prng_next(prng) % 100 == 0 ? "FLUSHALL\r\n" : line);
}

static void expect_truth(struct shard_fixture *at, struct cache *caches)
{
    shard_fixture_pass(at, 0); /* what is due expires */
    shard_fixture_release(at, at->shard.tail.last_sequence);
    (void)shard_fixture_hear(at, 0);
    (void)shard_fixture_hear(at, 3);
    hear(at, &caches[0]);
    hear(at, &caches[1]);
    for (unsigned key = 0; key < CACHED; key++) {
        const char *truth = shard_fixture_say(at, 0, "GET k%u", key);
        for (size_t i = 0; i < 2; i++) {
            cr_assert(!caches[i].known[key] || strcmp(caches[i].value[key], truth) == 0,
                      "cache %zu has %s for k%u, which is %s", i, caches[i].value[key], key, truth);
        }
    }
}

/* Whatever happens, and however late it is released: once all has been released and heard, no copy is wrong. */
Test(tracking, a_cache_that_listens_has_no_wrong_copy)
{
    uint64_t seed = seed_of_run();
    struct prng prng;
    prng_seed(&prng, seed);
    unsigned copies = 0;
    for (unsigned round = 0; round < 20; round++) {
        struct cache caches[2] = {{.client = 1}, {.client = 2, .writes = true}};
        struct shard_fixture at;
        open_tracking(&at, &(struct shard_fixture_options){.held = true, .seed = seed + round}, "ON");
        (void)shard_fixture_say(&at, 2, "HELLO 3");
        (void)shard_fixture_say(&at, 2, "CLIENT TRACKING ON BCAST NOLOOP PREFIX k");
        at.options.tracking_max_keys = round % 2 == 0 ? 0 : 4;
        shard_fixture_configure(&at);
        for (unsigned i = 0; i < 600; i++) {
            switch (prng_next(&prng) % 8) {
            case 0:
                shard_fixture_pass(&at, (int64_t)(prng_next(&prng) % 3));
                break;
            case 1:
                shard_fixture_release(
                    &at, gate_released(&at.shard.gate, GATE_LOCAL) +
                             (at.shard.tail.last_sequence - gate_released(&at.shard.gate, GATE_LOCAL)) / 2);
                hear(&at, &caches[0]);
                hear(&at, &caches[1]);
                break;
            case 2:
                write_something(&at, &prng);
                break;
            default:
                use(&at, &caches[prng_next(&prng) % 2], &prng);
                break;
            }
            if (i % 50 == 49) {
                expect_truth(&at, caches);
                for (unsigned key = 0; key < CACHED; key++) {
                    copies += caches[0].known[key] + caches[1].known[key];
                }
            }
        }
        shard_fixture_close(&at);
    }
    cr_assert_gt(copies, 20 * 12 * 2, "hardly anything was in the caches: %u", copies);
}
