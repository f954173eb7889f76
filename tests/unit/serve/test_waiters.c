/* SPDX-License-Identifier: MIT */

/* test_waiters.c - who waits is served first come first served, by whoever changes the key, and at no greater cost than
 * it takes.
 *
 * Besides the real lists there is a type of the test's own whose plans are counted. */
#include <criterion/criterion.h>

#include "geomys/ext/wait.h"
#include "geomys/module.h"
#include "support/shard_fixture.h"

/* ---- a queue of indistinguishable things: the value is how many there are ---- */

static unsigned plans; /* of TAKE; each test is a process of its own */

static int apply_things(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->body.size != 1) {
        return GM_CORRUPT;
    }
    gm_set_word(apply, record->op == 1 ? apply->cell.word + record->body.data[0] : apply->cell.word - 1);
    return GM_OK;
}

static uint64_t dump_things(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    uint8_t count = (uint8_t)cell->word;
    (void)cursor;
    gm_dump(sink, 1, (struct gm_bytes){&count, 1});
    return 0;
}

static bool no_things(const struct gm_cell *cell)
{
    return cell->word == 0;
}

static const struct gm_type things = {.size = sizeof things,
                                      .id = "test.things/1",
                                      .name = "things",
                                      .apply = apply_things,
                                      .dump = dump_things,
                                      .empty = no_things};

static void plan_put(struct gm_call *call)
{
    uint8_t count = (uint8_t)gm_arg(call, 1)->integer;
    gm_emit(call, &GM_EMISSION(.op = 1, .body = {&count, 1}));
    gm_reply_int(call, count);
}

static void plan_take(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    plans++;
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        if (!wait->wait(call, gm_arg(call, 1)->integer, (struct gm_bytes){0})) {
            gm_reply_null(call);
        }
        return;
    }
    gm_emit(call, &GM_EMISSION(.op = 2, .body = {(const uint8_t *)"", 1}));
    gm_reply_status(call, "TAKEN");
}

/* Waits until there are `number` of them, and takes these. */
static void plan_take_all(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    int64_t number = gm_arg(call, 1)->integer;
    if (gm_key(call, 0)->state == GM_KEY_ABSENT || (int64_t)gm_key(call, 0)->cell.word < number) {
        if (!wait->wait(call, 0, (struct gm_bytes){0})) {
            gm_reply_null(call);
        }
        return;
    }
    for (int64_t i = 0; i < number; i++) {
        gm_emit(call, &GM_EMISSION(.op = 2, .body = {(const uint8_t *)"", 1}));
    }
    gm_reply_status(call, "ALL");
}

/* Waits until there is one, and makes it one more. */
static void plan_grow(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    if (gm_key(call, 0)->state == GM_KEY_ABSENT && wait->wait(call, 0, (struct gm_bytes){0})) {
        return;
    }
    gm_emit(call, &GM_EMISSION(.op = 1, .body = {(const uint8_t *)"\1", 1}));
    gm_reply_status(call, "GROWN");
}

static int64_t number_of(const struct gm_call *call)
{
    return gm_key(call, 0)->state == GM_KEY_ABSENT ? 0 : (int64_t)gm_key(call, 0)->cell.word;
}

/* Waits until there are more than there were when it came: what it saw then it keeps. */
static void plan_more(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    struct gm_bytes kept = wait->kept(call);
    int64_t before = number_of(call);
    if (kept.size == sizeof before) {
        memcpy(&before, kept.data, sizeof before);
    }
    int64_t seen = before;
    bool waits = number_of(call) <= before &&
                 wait->wait(call, gm_arg(call, 1)->integer, (struct gm_bytes){(const uint8_t *)&seen, sizeof seen});
    seen = -1; /* what was kept is a copy */
    if (!waits) {
        gm_reply_array(call, 3);
        gm_reply_int(call, (int64_t)kept.size);
        gm_reply_int(call, before);
        gm_reply_int(call, number_of(call));
    }
}

/* Keeps one byte more with each run, the first time as many as it is told; goes on at three more. */
static void plan_collect(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    struct gm_bytes kept = wait->kept(call);
    size_t first = (size_t)gm_arg(call, 1)->integer;
    size_t size = kept.data == NULL ? first : kept.size + 1;
    uint8_t *bytes = gm_scratch(call, size);
    if (kept.size > 0) {
        memcpy(bytes, kept.data, kept.size);
    }
    if (size > kept.size) {
        memset(bytes + kept.size, (int)('a' + number_of(call) % 26), size - kept.size);
    }
    if (size == first + 3 || !wait->wait(call, 0, (struct gm_bytes){bytes, size})) {
        gm_reply_int(call, (int64_t)size);
        return;
    }
}

/* Keeps what it kept, or its end, or forgets it. */
static void plan_keep(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    struct gm_bytes kept = wait->kept(call);
    struct gm_bytes next = {0};
    switch (number_of(call)) {
    case 1:
        next = gm_arg_at(call, 1, 0);
        break;
    case 2:
        next = kept;
        break;
    case 3:
        next = (struct gm_bytes){kept.data + 2, kept.size - 2};
        break;
    default:
        break;
    }
    if (number_of(call) >= 5 || !wait->wait(call, 0, next)) {
        gm_reply_bytes(call, kept.data != NULL ? kept : gm_bytes_of("none"));
        return;
    }
    plans = (unsigned)kept.size; /* for the test to look at */
}

#define WORDS .summary = "For the test.", .complexity = "O(1)"
static const struct gm_command commands[] = {
    {.size = sizeof(struct gm_command),
     .usage = "PUT key number:int",
     .flags = GM_WRITE,
     .type = &things,
     .plan = plan_put,
     WORDS},
    {.size = sizeof(struct gm_command),
     .usage = "TAKE key timeout:timeout",
     .flags = GM_WRITE | GM_BLOCKS,
     .type = &things,
     .plan = plan_take,
     WORDS},
    {.size = sizeof(struct gm_command),
     .usage = "TAKEALL key number:int",
     .flags = GM_WRITE | GM_BLOCKS,
     .type = &things,
     .plan = plan_take_all,
     WORDS},
    {.size = sizeof(struct gm_command),
     .usage = "GROW key",
     .flags = GM_WRITE | GM_BLOCKS,
     .type = &things,
     .plan = plan_grow,
     WORDS},
    {.size = sizeof(struct gm_command),
     .usage = "MORE key timeout:timeout",
     .flags = GM_READ | GM_BLOCKS,
     .type = &things,
     .plan = plan_more,
     WORDS},
    {.size = sizeof(struct gm_command),
     .usage = "COLLECT key size:int",
     .flags = GM_READ | GM_BLOCKS,
     .type = &things,
     .plan = plan_collect,
     WORDS},
    {.size = sizeof(struct gm_command),
     .usage = "KEEP key word",
     .flags = GM_READ | GM_BLOCKS,
     .type = &things,
     .plan = plan_keep,
     WORDS},
};
static const struct gm_type *const types[] = {&things};
static const char *const needs[] = {GM_WAIT_2};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.things",
                                        .version = "1.0.0",
                                        .summary = "Things.",
                                        .types = types,
                                        .type_count = 1,
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0],
                                        .needs = needs,
                                        .need_count = 1};

/* ---- fairness ---- */

Test(waiters, first_come_first_served)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 3, "", "BLPOP q 0");
    expect_said(&at, 1, "", "BRPOP q 0");
    expect_said(&at, 2, "", "BLPOP q 0");
    expect_said(&at, 0, ":2", "RPUSH q a b");
    expect_heard(&at, 3, "[\"q\" \"a\"]");
    expect_heard(&at, 1, "[\"q\" \"b\"]"); /* waiters I1 */
    expect_heard(&at, 2, "");
    expect_said(&at, 3, "", "BLPOP q 0"); /* at the end of the queue again */
    expect_said(&at, 0, ":1", "LPUSH q c");
    expect_heard(&at, 2, "[\"q\" \"c\"]");
    expect_heard(&at, 3, "");
    expect_said(&at, 0, ":3", "LPUSH q d e f");
    expect_heard(&at, 3, "[\"q\" \"f\"]");
    expect_said(&at, 0, "[\"e\" \"d\"]", "LRANGE q 0 -1");
    shard_fixture_close(&at);
}

/* Who was tried in vain stays where he was, before those who were not tried. */
Test(waiters, nobody_loses_his_place)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 1, "", "TAKEALL q 2");
    expect_said(&at, 2, "", "TAKE q 0");
    expect_said(&at, 3, "", "TAKE q 0");
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_heard(&at, 1, "");
    expect_heard(&at, 2, "TAKEN");
    expect_said(&at, 0, ":2", "PUT q 2");
    expect_heard(&at, 1, "ALL");
    expect_heard(&at, 3, "");
    shard_fixture_close(&at);
}

/* The target is another type's by now: that is an answer, and the element is the next one's. */
Test(waiters, a_move_that_has_become_impossible)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "", "BLMOVE q target LEFT LEFT 0");
    expect_said(&at, 2, "", "BLPOP q 0");
    expect_said(&at, 0, "OK", "SET target text");
    expect_said(&at, 0, ":1", "RPUSH q x");
    expect_heard(&at, 1, "-WRONGTYPE Operation against a key holding the wrong kind of value");
    expect_heard(&at, 2, "[\"q\" \"x\"]");
    shard_fixture_close(&at);
}

/* Serving one changes the key, so that another, who was tried before, can be served. */
Test(waiters, who_is_served_may_make_room_for_who_was_not)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 1, "", "TAKEALL q 2");
    expect_said(&at, 2, "", "GROW q");
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_heard(&at, 2, "GROWN");
    expect_heard(&at, 1, "ALL");
    expect_said(&at, 0, ":0", "EXISTS q");
    shard_fixture_close(&at);
}

Test(waiters, several_keys_and_the_first_of_them_that_has_something)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "", "BLPOP a b c 0");
    expect_said(&at, 2, "", "BLMPOP 0 2 c b LEFT COUNT 5");
    cr_expect_eq(at.worker.interest.waiters, 5);
    expect_said(&at, 0, ":3", "RPUSH b 1 2 3");
    expect_heard(&at, 1, "[\"b\" \"1\"]");
    expect_heard(&at, 2, "[\"b\" [\"2\" \"3\"]]");
    cr_expect_eq(at.worker.interest.waiters, 0);
    cr_expect_eq(at.worker.interest.key_count, 0);
    /* in one batch both keys are filled: the order of the command's keys decides */
    expect_said(&at, 1, "", "BLPOP a b 0");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "RPUSH b y");
    expect_said(&at, 0, "QUEUED", "RPUSH a x");
    expect_said(&at, 0, "[:1 :1]", "EXEC");
    expect_heard(&at, 1, "[\"a\" \"x\"]");
    expect_said(&at, 0, "[\"y\"]", "LRANGE b 0 -1");
    /* the same key twice */
    expect_said(&at, 1, "", "BLPOP q q 0");
    expect_said(&at, 0, ":2", "RPUSH q x y");
    expect_heard(&at, 1, "[\"q\" \"x\"]");
    expect_said(&at, 0, ":1", "LLEN q");
    shard_fixture_close(&at);
}

Test(waiters, an_element_goes_through_a_chain_of_moves)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 3, "", "BLPOP c 0");
    expect_said(&at, 2, "", "BLMOVE b c LEFT RIGHT 0");
    expect_said(&at, 1, "", "BLMOVE a b LEFT RIGHT 0");
    expect_said(&at, 0, ":1", "RPUSH a x");
    expect_heard(&at, 1, "\"x\"");
    expect_heard(&at, 2, "\"x\"");
    expect_heard(&at, 3, "[\"c\" \"x\"]");
    expect_said(&at, 0, ":0", "EXISTS a b c");
    /* in a circle: from a key to itself */
    expect_said(&at, 1, "", "BLMOVE a a LEFT RIGHT 0");
    expect_said(&at, 0, ":2", "RPUSH a x y");
    expect_heard(&at, 1, "\"x\"");
    expect_said(&at, 0, "[\"y\" \"x\"]", "LRANGE a 0 -1");
    shard_fixture_close(&at);
}

/* ---- what a call keeps while it waits ---- */

Test(waiters, what_is_kept_is_there_at_the_next_run)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 0, ":2", "PUT q 2");
    expect_said(&at, 1, "", "MORE q 0");
    expect_said(&at, 0, "TAKEN", "TAKE q 0");
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_heard(&at, 1, ""); /* two, as at the beginning, though more than a moment ago */
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_heard(&at, 1, "[:8 :2 :3]");
    /* the next one keeps its own, and has nothing of the one before, nor where there is no waiting */
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "MORE q 0");
    expect_said(&at, 1, "[[:0 :3 :3]]", "EXEC");
    expect_said(&at, 1, "", "MORE q 0.1");
    shard_fixture_pass(&at, 100);
    expect_heard(&at, 1, "[:8 :3 :0]"); /* whose time is over sees no key */
    shard_fixture_close(&at);
}

Test(waiters, it_may_be_passed_on_as_a_whole_or_in_part_or_not)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    static const unsigned sizes[] = {0, 6, 6, 4}; /* of what the run at 1, 2, 3, 4 has found */
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_said(&at, 1, "", "KEEP q keeper");
    for (unsigned i = 1; i < 4; i++) {
        expect_said(&at, 0, ":1", "PUT q 1");
        cr_expect_eq(plans, sizes[i], "%u: %u", i, plans);
    }
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_heard(&at, 1, "\"none\"");
    shard_fixture_close(&at);
}

/* park I2 */
Test(waiters, what_is_kept_counts_as_the_clients_and_goes_with_the_answer)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    const struct holdings *held = &at.clients[1]->holdings;
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_said(&at, 1, "", "COLLECT q 1");
    size_t little = held->of[HOLDING_ARGUMENTS];
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_said(&at, 0, ":1", "PUT q 1");
    cr_expect_eq(held->of[HOLDING_ARGUMENTS], little + 2);
    expect_said(&at, 2, "", "COLLECT q 1048570");
    cr_expect_eq(at.clients[2]->kept.size, 1048570);
    cr_expect(at.clients[2]->holdings.sum > 1048570);
    expect_said(&at, 0, ":1", "PUT q 1");
    expect_heard(&at, 1, ":4");
    cr_expect_eq(at.clients[1]->kept.size, 0);
    cr_expect_eq(held->of[HOLDING_ARGUMENTS], at.clients[1]->parser.room * sizeof(struct gm_bytes));
    shard_fixture_close(&at); /* whoever still waits then loses it, too: the sanitizer would say so */
}

/* ---- what ends a wait, and what does not ---- */

Test(waiters, time_is_over_at_the_millisecond)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "", "BLPOP q 0.1");
    expect_said(&at, 2, "", "BLMOVE q r LEFT LEFT 0.1");
    expect_said(&at, 3, "", "BLPOP q 0.2");
    cr_expect_eq(turn_next_ms(&at.worker), at.monotonic_ms + 100);
    shard_fixture_pass(&at, 99);
    expect_heard(&at, 1, "");
    shard_fixture_jump(&at, 9000000); /* the wall clock has no say in it */
    shard_fixture_pass(&at, 0);
    expect_heard(&at, 1, "");
    shard_fixture_pass(&at, 1);
    expect_heard(&at, 1, "nil[]");
    expect_heard(&at, 2, "nil[]");
    expect_heard(&at, 3, "");
    expect_said(&at, 1, "PONG", "PING");
    expect_said(&at, 0, ":1", "RPUSH q x");
    expect_heard(&at, 3, "[\"q\" \"x\"]");
    cr_expect_eq(turn_next_ms(&at.worker), INT64_MAX);
    shard_fixture_pass(&at, 1000);
    expect_heard(&at, 3, "");
    shard_fixture_close(&at);
}

Test(waiters, a_value_of_another_type_does_not_end_a_wait)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "", "BLPOP q 0.1");
    expect_said(&at, 2, "", "BLPOP q 0");
    expect_said(&at, 0, "OK", "SET q v");
    expect_heard(&at, 1, "");
    shard_fixture_pass(&at, 100);
    expect_heard(&at, 1, "nil[]");
    expect_said(&at, 0, "\"v\"", "GET q");
    expect_said(&at, 0, ":1", "RPUSH other x");
    expect_said(&at, 0, "OK", "RENAME other q");
    expect_heard(&at, 2, "[\"q\" \"x\"]");
    shard_fixture_close(&at);
}

Test(waiters, what_is_gone_before_a_transaction_ends_was_never_there)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "", "BLPOP q 0");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "RPUSH q a b");
    expect_said(&at, 0, "QUEUED", "DEL q");
    expect_said(&at, 0, "[:2 :1]", "EXEC");
    expect_heard(&at, 1, "");
    expect_said(&at, 0, ":1", "RPUSH q c");
    expect_heard(&at, 1, "[\"q\" \"c\"]");
    shard_fixture_close(&at);
}

Test(waiters, inside_multi_nobody_waits)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "BLPOP q 0");
    expect_said(&at, 0, "QUEUED", "BLMOVE q r LEFT LEFT 0");
    expect_said(&at, 0, "QUEUED", "RPUSH q x");
    expect_said(&at, 0, "QUEUED", "BLPOP q 0");
    expect_said(&at, 0, "QUEUED", "BRPOPLPUSH q r 0");
    expect_said(&at, 0, "[nil[] nil :1 [\"q\" \"x\"] nil]", "EXEC");
    cr_expect_eq(at.worker.sessions.blocked, 0);
    shard_fixture_close(&at);
}

Test(waiters, who_hangs_up_leaves_the_queue)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "", "BLPOP q r 10");
    expect_said(&at, 2, "", "BLPOP q 0");
    cr_expect_eq(at.worker.sessions.blocked, 2);
    shard_fixture_hang_up(&at, 1);
    cr_expect_eq(at.worker.sessions.blocked, 1);
    expect_said(&at, 0, ":1", "RPUSH q x");
    expect_heard(&at, 1, "");
    expect_heard(&at, 2, "[\"q\" \"x\"]");
    expect_said(&at, 0, ":1", "RPUSH r y");
    expect_said(&at, 0, ":1", "LLEN r");
    shard_fixture_pass(&at, 20000);
    expect_heard(&at, 1, "");
    cr_expect_eq(at.worker.interest.key_count, 0);
    shard_fixture_close(&at);
}

/* What a client has sent behind a command that waits is not taken before that is answered. */
Test(waiters, nothing_overtakes_a_wait)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct gm_bytes both = BYTES("BLPOP q 0\r\nPING\r\n");
    cr_expect_eq(shard_fixture_send(&at, 1, both), 11);
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("PING\r\n")), 0);
    expect_heard(&at, 1, "");
    cr_expect_not(at.clients[1]->resumed);
    expect_said(&at, 0, ":1", "RPUSH q x");
    cr_expect(at.clients[1]->resumed);
    cr_expect_eq(shard_fixture_send(&at, 1, BYTES("PING\r\n")), 6);
    expect_heard(&at, 1, "[\"q\" \"x\"] | PONG");
    shard_fixture_close(&at);
}

/* ---- cost ---- */

Test(waiters, a_thousand_wait_and_a_push_costs_what_it_serves)
{
    enum { CROWD = 1000 };
    struct shard_fixture at;
    static struct session *crowd[CROWD];
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    size_t wants;
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = sessions_open(&at.worker, 1000 + i);
        struct gm_bytes line = BYTES("TAKE q 0\r\n");
        cr_assert_eq(pipeline_input(crowd[i], line.data, line.size, &wants), line.size);
        cr_assert(crowd[i]->waiting);
    }
    cr_expect_eq(plans, CROWD);
    expect_said(&at, 0, ":1", "PUT q 1");
    cr_expect_eq(plans, CROWD + 1, "%u", plans);
    expect_said(&at, 0, ":3", "PUT q 3");
    cr_expect_eq(plans, CROWD + 4, "%u", plans);
    for (unsigned served = 4; served < CROWD; served += 83) {
        for (unsigned i = 0; i < CROWD; i++) {
            cr_assert_eq(crowd[i]->waiting, i >= served, "%u of %u", i, served);
        }
        expect_said(&at, 0, ":83", "PUT q 83");
    }
    cr_expect_eq(at.worker.sessions.blocked, 0);
    cr_expect_eq(plans, 2 * CROWD, "%u", plans);
    for (unsigned i = 0; i < CROWD; i++) {
        sessions_close(crowd[i]);
    }
    shard_fixture_close(&at);
}

/* exec I3: also if somebody else's command brought the answer about, nothing is popped for an answer that cannot be
 * given. */
Test(waiters, an_answer_past_the_output_limit_is_refused_to_who_waited)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 800});
    static char long_word[901];
    memset(long_word, 'x', sizeof long_word - 1);
    expect_said(&at, 1, "", "BLMPOP 0 1 q LEFT COUNT 2");
    expect_said(&at, 0, ":2", "RPUSH q %s %s", long_word, long_word);
    const char *told = shard_fixture_hear(&at, 1);
    cr_expect(strstr(told, "-ERR the reply is larger than client_output_limit") == told, "%s", told);
    cr_expect_not(at.clients[1]->doomed);
    expect_said(&at, 0, ":2", "LLEN q");
    expect_said(&at, 1, "PONG", "PING");
    shard_fixture_close(&at);
}

/* INFO's total_blocking_keys: each key once, however many wait for it, while one of them is served too. */
Test(waiters, keys_that_are_waited_for_are_counted)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    const struct interest *interest = &at.worker.interest;
    expect_said(&at, 1, "", "BLPOP a b a 0");
    expect_said(&at, 2, "", "BLPOP b c 0");
    expect_said(&at, 3, "OK", "WATCH d");
    cr_expect_eq(interest->awaited, 3);
    expect_said(&at, 0, ":1", "RPUSH b x");
    cr_expect_eq(interest->awaited, 2, "b and c");
    expect_said(&at, 0, ":1", "CLIENT KILL ID 3");
    cr_expect_eq(interest->awaited, 0);
    shard_fixture_close(&at);
}
