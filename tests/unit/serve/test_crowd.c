/* SPDX-License-Identifier: MIT */

/* test_crowd.c - what clients hold is counted to the byte, and when it is too much the right one waits, or goes. */
#include <criterion/criterion.h>

#include "base/memory.h"
#include "serve/hold.h"
#include "support/seed.h"
#include "support/shard_fixture.h"

#define MIB ((size_t)1 << 20)

/* ---- the crowd alone ---- */

struct few {
    struct crowd crowd;
    struct holdings one[8];
};

static void few_open(struct few *few, uint64_t limit)
{
    crowd_init(&few->crowd);
    crowd_configure(&few->crowd, &(struct crowd_options){.limit = limit, .patience_ms = 1000});
    for (size_t i = 0; i < 8; i++) {
        crowd_join(&few->crowd, &few->one[i], 0);
        holdings_set(&few->one[i], HOLDING_RECORD, 1000);
    }
}

static void few_close(struct few *few)
{
    for (size_t i = 0; i < 8; i++) {
        for (enum holding holding = 0; holding < HOLDINGS; holding++) {
            holdings_set(&few->one[i], holding, 0);
        }
        crowd_leave(&few->one[i]);
    }
    crowd_finish(&few->crowd);
}

static unsigned restrained_count;

static void on_restrained(struct holdings *holdings)
{
    cr_assert_not(list_empty(&holdings->restrained));
    restrained_count++;
}

Test(crowd, sums_are_those_of_the_members)
{
    struct few few;
    few_open(&few, CROWD_NO_LIMIT);
    cr_expect_eq(crowd_total(&few.crowd), 8000);
    holdings_add(&few.one[0], HOLDING_INPUT, 500);
    holdings_add(&few.one[1], HOLDING_INPUT, 300);
    holdings_set(&few.one[1], HOLDING_OUTPUT, 70);
    holdings_remove(&few.one[0], HOLDING_INPUT, 100);
    cr_expect_eq(few.crowd.of[HOLDING_INPUT], 700);
    cr_expect_eq(few.crowd.sum, 770);
    cr_expect_eq(few.one[1].sum, 370, "a record does not count against the limit");
    cr_expect_eq(crowd_total(&few.crowd), 8770);
    cr_expect_not(few.crowd.tight);
    few_close(&few);
}

Test(crowd, a_limit_that_is_not_there_is_never_near)
{
    struct few few;
    few_open(&few, CROWD_NO_LIMIT);
    holdings_set(&few.one[0], HOLDING_INPUT, (size_t)1 << 46);
    cr_expect_not(few.crowd.tight);
    cr_expect_null(crowd_worst(&few.crowd, 1 << 30));
    few_close(&few);
}

Test(crowd, who_holds_much_goes_on_one_after_the_other)
{
    struct few few;
    few_open(&few, 8 * MIB);
    holdings_set(&few.one[0], HOLDING_INPUT, 2 * MIB);
    holdings_set(&few.one[1], HOLDING_INPUT, 3 * MIB);
    holdings_set(&few.one[2], HOLDING_INPUT, CROWD_SMALL - 1);
    few.one[0].needs = few.one[1].needs = few.one[2].needs = 100 * MIB;
    cr_expect_not(few.crowd.tight);
    holdings_set(&few.one[3], HOLDING_OUTPUT, MIB + MIB / 2);
    cr_assert(few.crowd.tight);
    restrained_count = 0;
    crowd_restrain_all(&few.crowd, on_restrained);
    cr_expect_eq(restrained_count, 2, "neither who holds little nor who needs nothing more");
    cr_expect_eq(crowd_favour(&few.crowd), &few.one[0], "of 2 and 3 MiB, one power of two, who came first");
    cr_expect(crowd_admit(&few.one[0], 100 * MIB), "it goes on whatever it needs");
    crowd_given(&few.one[0]);
    cr_expect_null(crowd_favour(&few.crowd), "it is not through");
    holdings_set(&few.one[0], HOLDING_INPUT, 100 * MIB);
    crowd_moved(&few.one[0], 98 * MIB, 500);
    cr_expect_null(crowd_worst(&few.crowd, 600), "one query, however large, is not cut while it makes progress");
    holdings_set(&few.one[0], HOLDING_INPUT, 100);
    cr_expect_eq(crowd_favour(&few.crowd), &few.one[1]);
    cr_expect_null(crowd_favour(&few.crowd), "it has been given nothing yet");
    holdings_set(&few.one[1], HOLDING_INPUT, 0);
    crowd_given(&few.one[1]);
    cr_assert(crowd_ease(&few.crowd));
    cr_expect_not(crowd_ease(&few.crowd), "once");
    cr_expect_null(crowd_next_free(&few.crowd));
    few_close(&few);
}

/* What the favoured one takes is beside the limit; the others share it. */
Test(crowd, who_has_room_below_the_limit_goes_on)
{
    struct few few;
    few_open(&few, 8 * MIB);
    holdings_set(&few.one[0], HOLDING_INPUT, 7 * MIB);
    cr_assert(few.crowd.tight);
    cr_expect(crowd_admit(&few.one[1], MIB));
    cr_expect_not(crowd_admit(&few.one[2], 1), "it has been set aside for another one");
    crowd_restrain(&few.one[2]);
    cr_expect_null(crowd_next_admitted(&few.crowd));
    holdings_set(&few.one[1], HOLDING_OUTPUT, MIB / 2);
    crowd_given(&few.one[1]);
    cr_expect_eq(few.crowd.promised, 0);
    cr_expect_eq(crowd_next_admitted(&few.crowd), &few.one[2]);
    cr_expect_eq(few.crowd.promised, 1);
    cr_expect_not(crowd_admit(&few.one[0], 2 * MIB));
    crowd_restrain(&few.one[0]);
    cr_expect_not(crowd_admit(&few.one[3], MIB));
    crowd_restrain(&few.one[3]);
    cr_expect_eq(crowd_favour(&few.crowd), &few.one[0]);
    cr_expect_eq(crowd_next_admitted(&few.crowd), &few.one[3]);
    cr_expect(crowd_admit(&few.one[4], 6 * MIB));
    cr_expect_not(crowd_admit(&few.one[5], MIB));
    crowd_dismiss(&few.one[4]);
    cr_expect(crowd_admit(&few.one[5], MIB), "who is about to be closed needs nothing more");
    few_close(&few);
}

Test(crowd, the_worst_make_no_progress_and_are_large)
{
    struct few few;
    few_open(&few, 4 * MIB);
    holdings_set(&few.one[0], HOLDING_OUTPUT, 3 * MIB);
    holdings_set(&few.one[1], HOLDING_OUTPUT, MIB);
    holdings_set(&few.one[2], HOLDING_OUTPUT, MIB / 4);
    holdings_set(&few.one[3], HOLDING_WATCHED, CROWD_SMALL - 1);
    holdings_set(&few.one[4], HOLDING_WATCHED, 16 * MIB);
    few.one[4].exempt = true;
    crowd_moved(&few.one[0], CROWD_STEP, 5000);
    crowd_moved(&few.one[1], CROWD_STEP - 1, 5000);
    cr_expect_eq(crowd_worst(&few.crowd, 5500), &few.one[1], "the largest of those without progress");
    crowd_moved(&few.one[1], 1, 5000);
    cr_expect_eq(crowd_worst(&few.crowd, 5500), &few.one[2]);
    crowd_excused(&few.one[2], 5000);
    cr_expect_eq(crowd_worst(&few.crowd, 5500), &few.one[0], "the largest of all that may be cut");
    crowd_dismiss(&few.one[0]);
    crowd_dismiss(&few.one[0]);
    cr_expect_eq(crowd_worst(&few.crowd, 5500), &few.one[1]);
    holdings_set(&few.one[4], HOLDING_WATCHED, 0);
    cr_expect_null(crowd_worst(&few.crowd, 5500), "what is about to be freed counts no more");
    few_close(&few);
}

/* Names are no query: they stay. */
Test(crowd, who_is_favoured_may_not_hold_names_above_the_limit)
{
    struct few few;
    few_open(&few, 4 * MIB);
    holdings_set(&few.one[0], HOLDING_INPUT, 4 * MIB);
    holdings_set(&few.one[0], HOLDING_WATCHED, 4 * MIB);
    few.one[0].needs = 1;
    crowd_restrain_all(&few.crowd, on_restrained);
    cr_expect_eq(crowd_favour(&few.crowd), &few.one[0]);
    cr_expect_null(crowd_worst(&few.crowd, 0));
    holdings_add(&few.one[0], HOLDING_WATCHED, 1);
    cr_expect_eq(crowd_worst(&few.crowd, 0), &few.one[0]);
    few_close(&few);
}

Test(crowd, who_keeps_others_waiting_without_progress_is_stuck)
{
    struct few few;
    few_open(&few, 8 * MIB);
    holdings_set(&few.one[0], HOLDING_INPUT, 4 * MIB);
    holdings_set(&few.one[1], HOLDING_INPUT, 3 * MIB);
    holdings_set(&few.one[2], HOLDING_WATCHED, MIB / 2);
    few.one[0].needs = few.one[1].needs = 3 * MIB;
    cr_expect_null(crowd_stuck(&few.crowd, 10000), "nobody waits");
    crowd_restrain_all(&few.crowd, on_restrained);
    cr_expect_eq(crowd_favour(&few.crowd), &few.one[0]);
    cr_expect_null(crowd_stuck(&few.crowd, 10000), "it has been given nothing yet");
    crowd_given(&few.one[0]);
    cr_expect_eq(crowd_stuck(&few.crowd, 10000), &few.one[0]);
    crowd_moved(&few.one[0], CROWD_STEP, 9500);
    cr_expect_null(crowd_stuck(&few.crowd, 10000), "names are neither sent nor read");
    cr_expect_eq(crowd_stuck(&few.crowd, 10500), &few.one[0]);
    crowd_dismiss(&few.one[0]);
    cr_expect_null(crowd_stuck(&few.crowd, 10500), "the other one still waits, for its turn");
    few_close(&few);
}

/* ---- counted against what is there ---- */

static size_t watched_by(struct session *session)
{
    size_t bytes = 0;
    for (int kind = 0; kind < 2; kind++) {
        const struct list *all = kind == 0 ? &session->watches : &session->waits;
        for (const struct list *at = all->next; at != all; at = at->next) {
            const struct interest_link *link = container_of(at, struct interest_link, in_session);
            bytes += memory_class(sizeof *link) + (kind == 0 ? HOLDINGS_PLACE : 0);
            bytes += link->key->payer == link ? memory_class(sizeof *link->key + link->key->size) + HOLDINGS_PLACE : 0;
        }
    }
    return bytes;
}

static size_t subscribed_by(const struct session *session)
{
    size_t bytes = 0;
    for (size_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        const struct list *all = &session->topics[kind];
        for (const struct list *at = all->next; at != all; at = at->next) {
            const struct pubsub_link *link = container_of(at, struct pubsub_link, in_session);
            const struct pubsub_topic *topic = link->topic;
            bytes += memory_class(sizeof *link) + HOLDINGS_PLACE;
            bytes +=
                topic->links.next == &link->in_topic ? memory_class(sizeof *topic + topic->size) + HOLDINGS_PLACE : 0;
        }
    }
    return bytes;
}

static size_t arguments_of(const struct session *session)
{
    return session->parser.room * sizeof *session->parser.argv +
           (session->parked != NULL ? session->parked->size + session->kept.size : 0);
}

/* What is there, piece by piece, against the running sums. A key that somebody is interested in has a payer. */
static void expect_exact(struct shard_fixture *at)
{
    const struct crowd *crowd = &at->worker.sessions.crowd;
    uint64_t of[HOLDINGS] = {0};
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        struct session *session = at->clients[i];
        const struct holdings *held = &session->holdings;
        size_t sum = 0;
        session_note(session); /* as at the end of a turn */
        cr_assert_eq(held->of[HOLDING_WATCHED], watched_by(session));
        cr_assert_eq(held->of[HOLDING_SUBSCRIBED], subscribed_by(session));
        cr_assert_eq(held->of[HOLDING_QUEUE], session->transaction.size);
        cr_assert_eq(held->of[HOLDING_ARGUMENTS], arguments_of(session));
        cr_assert_eq(held->of[HOLDING_OUTPUT], session->out.capacity + session->stint_bytes);
        cr_assert_eq(held->of[HOLDING_TRACKED], session->tracker != NULL ? session->tracker->bytes : 0);
        for (enum holding holding = 0; holding < HOLDINGS; holding++) {
            of[holding] += held->of[holding];
            sum += holding != HOLDING_RECORD ? held->of[holding] : 0;
        }
        cr_assert_eq(held->sum, sum); /* holdings I1 */
    }
    for (enum holding holding = 0; holding < HOLDINGS; holding++) {
        cr_assert_eq(crowd->of[holding], of[holding]); /* holdings I2 */
    }
}

static void say_something(struct shard_fixture *at, struct prng *prng)
{
    static const char *const lines[] = {
        "WATCH k%u k%u",
        "WATCH k%u",
        "UNWATCH",
        "MULTI",
        "EXEC",
        "DISCARD",
        "SET k%u %u",
        "GET k%u",
        "MGET k%u k%u",
        "SUBSCRIBE c%u c%u",
        "PSUBSCRIBE p%u*",
        "SSUBSCRIBE s%u",
        "UNSUBSCRIBE c%u",
        "PUNSUBSCRIBE",
        "PUBLISH c%u %0300u",
        "CLIENT TRACKING ON",
        "CLIENT TRACKING OFF",
        "CLIENT TRACKING ON BCAST PREFIX k%u PREFIX x%u",
        "BLPOP l%u l%u 0.01",
        "BLPOP l%u 0",
        "RPUSH l%u v%u",
        "LPOP l%u",
        "DEL k%u l%u",
        "FLUSHALL",
        "RESET",
        "HELLO 3",
        "GETRANGE k%u 0 9",
        "CLIENT UNBLOCK %u",
        "SETRANGE k%u 20000 x",
    };
    unsigned client = (unsigned)prng_below(prng, SHARD_FIXTURE_CLIENTS);
    const char *line = lines[prng_below(prng, sizeof lines / sizeof lines[0])];
    unsigned one = (unsigned)prng_below(prng, 6);
    unsigned other = (unsigned)prng_below(prng, 6);
    if (prng_below(prng, 40) == 0) {
        shard_fixture_hang_up(at, client);
        return;
    }
    if (at->clients[client]->doomed || at->clients[client]->waiting) {
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    (void)shard_fixture_say(at, client, line, one, other);
#pragma GCC diagnostic pop
}

Test(crowd, what_is_counted_is_what_is_there)
{
    struct shard_fixture at;
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = prng_next(&prng)});
    for (unsigned i = 0; i < 20000; i++) {
        say_something(&at, &prng);
        if (i % 8 == 0) {
            shard_fixture_pass(&at, 5);
        }
        expect_exact(&at);
    }
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        shard_fixture_hang_up(&at, i);
    }
    shard_fixture_pass(&at, 1);
    cr_expect_eq(at.worker.sessions.crowd.sum, 0, "everybody has left");
    cr_expect_eq(at.worker.tracking.leaving_bytes, 0);
    shard_fixture_close(&at);
}

/* What one of them pays for is another's when it leaves. */
Test(crowd, a_shared_name_counts_once)
{
    struct shard_fixture at;
    char name[2001];
    memset(name, 'n', 2000);
    name[2000] = '\0';
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < 3; i++) {
        expect_said(&at, i, "OK", "WATCH %s", name);
    }
    const struct holdings *first = &at.clients[0]->holdings;
    const struct holdings *second = &at.clients[1]->holdings;
    cr_expect_gt(first->of[HOLDING_WATCHED], 2000);
    cr_expect_lt(second->of[HOLDING_WATCHED], 200);
    size_t all = at.worker.sessions.crowd.of[HOLDING_WATCHED];
    shard_fixture_hang_up(&at, 0);
    cr_expect_gt(second->of[HOLDING_WATCHED], 2000);
    cr_expect_lt(at.worker.sessions.crowd.of[HOLDING_WATCHED], all);
    shard_fixture_close(&at);
}

/* ---- a worker whose clients hold much ---- */

static void limit(struct shard_fixture *at, uint64_t bytes)
{
    crowd_configure(&at->worker.sessions.crowd, &(struct crowd_options){.limit = bytes, .patience_ms = 1000});
}

/* Its answer may be as large as the value; others go on, and it is not lost. */
Test(crowd, a_command_about_a_large_value_waits_for_room)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, ":100000", "SETRANGE large 99999 x");
    expect_said(&at, 0, "OK", "SET small x");
    for (unsigned i = 1; i < 3; i++) {
        expect_said(&at, i, "OK", "WATCH %060000u", i);
    }
    struct crowd *crowd = &at.worker.sessions.crowd;
    limit(&at, crowd->sum + 60000);
    cr_expect_not(crowd->tight);
    expect_said(&at, 2, "OK", "WATCH %030000u", 3);
    cr_assert(crowd->tight);
    cr_expect_eq(shard_fixture_send(&at, 3, BYTES("GET large\r\n")), 0);
    cr_expect(at.clients[3]->held_for_memory);
    expect_said(&at, 0, "\"x\"", "GET small");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "STRLEN large");
    cr_expect_eq(shard_fixture_send(&at, 0, BYTES("EXEC\r\n")), 0);
    cr_expect(at.clients[0]->held_for_memory);
    cr_expect_eq(crowd_favour(crowd), &at.clients[3]->holdings);
    hold_end_memory(at.clients[3]);
    cr_expect(at.clients[3]->resumed);
    expect_said(&at, 3, ":100000", "STRLEN large");
    cr_expect_eq(shard_fixture_send(&at, 0, BYTES("EXEC\r\n")), 0, "it is not its turn");
    limit(&at, MIB / 4);
    cr_expect_eq(crowd_next_admitted(crowd), &at.clients[0]->holdings);
    hold_end_memory(at.clients[0]);
    expect_said(&at, 0, "[:100000]", "EXEC");
    cr_expect_eq(crowd->promised, 0);
    shard_fixture_close(&at);
}

/* Messages cannot wait. */
Test(crowd, a_listener_that_reads_nothing_is_cut_when_it_is_full)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 1; i < 4; i++) {
        (void)shard_fixture_say(&at, i, "SUBSCRIBE c");
    }
    at.clients[3]->holdings.exempt = true;
    limit(&at, 100000);
    struct buf lines;
    buf_init(&lines, MIB);
    for (unsigned i = 0; i < 4; i++) {
        (void)buf_format(&lines, "PUBLISH c %030000u\r\n", i);
    }
    cr_expect_eq(shard_fixture_send(&at, 0, buf_bytes(&lines)), lines.size);
    buf_finish(&lines);
    cr_expect(at.clients[1]->overflowed && at.clients[2]->overflowed);
    cr_expect_eq(at.clients[1]->ended, SESSION_END_MEMORY);
    cr_expect_eq(at.worker.meters.counts.evicted, 2);
    cr_expect_not(at.clients[3]->doomed, "CLIENT NO-EVICT");
    shard_fixture_close(&at);
}
