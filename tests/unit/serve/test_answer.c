/* SPDX-License-Identifier: MIT */

/* Replies that are made of what apply has found, what is believed of them, and which words of a call are repetitions.
 *
 * The type is a set of small letters in one word: a bit each. */
#include <criterion/criterion.h>

#include "geomys/ext/wait.h"
#include "geomys/module.h"
#include "support/shard_fixture.h"

enum { ADD = 1, REFUSED = 2 };

static unsigned applied; /* each test is a process of its own */

static int apply_letters(struct gm_apply *apply, const struct gm_record *record)
{
    uint64_t word = apply->cell.word;
    int64_t added = 0;
    applied++;
    gm_outcome(apply, -1); /* the last one counts */
    for (size_t i = 0; i < record->body.size; i++) {
        uint8_t letter = record->body.data[i];
        if (letter < 'a' || letter > 'z') {
            return GM_CORRUPT;
        }
        uint64_t bit = (uint64_t)1 << (letter - 'a');
        added += (word & bit) == 0;
        word |= bit;
    }
    if (record->op == REFUSED) {
        return GM_CORRUPT;
    }
    gm_outcome(apply, added);
    gm_set_word(apply, word);
    return GM_OK;
}

static uint64_t dump_letters(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    uint8_t letters[26];
    size_t size = 0;
    (void)cursor;
    for (uint8_t i = 0; i < 26; i++) {
        if ((cell->word >> i & 1) != 0) {
            letters[size++] = (uint8_t)('a' + i);
        }
    }
    gm_dump(sink, ADD, (struct gm_bytes){letters, size});
    return 0;
}

static const struct gm_type letters = {
    .size = sizeof letters, .id = "test.letters/1", .name = "letters", .apply = apply_letters, .dump = dump_letters};

static void add(struct gm_call *call, uint32_t key, uint16_t op)
{
    gm_emit(call, &GM_EMISSION(.key = key, .op = op, .body = gm_arg_at(call, call->key_count, 0)));
}

static void plan_add(struct gm_call *call)
{
    add(call, 0, ADD);
}

static void answer_number(struct gm_call *call)
{
    gm_reply_int(call, gm_outcome_of(call, 0));
}

/* Four emissions: two that find something, one that removes what is not there, one of the host's. */
static void plan_both(struct gm_call *call)
{
    add(call, 0, ADD);
    gm_emit_expire(call, 0, 0);
    gm_emit_delete(call, 2);
    add(call, 1, ADD);
}

static void answer_both(struct gm_call *call)
{
    gm_reply_array(call, 7);
    for (uint32_t i = 0; i < 5; i++) {
        gm_reply_int(call, gm_outcome_of(call, i));
    }
    gm_reply_int(call, call->key_count);
    gm_reply_bytes(call, call->argv[1]); /* the arguments are there */
}

/* Answers by itself, and only then leaves it to the other. */
static void plan_maybe(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_error(call, "ERR there is no such key");
        return;
    }
    if (gm_arg_at(call, 1, 0).size == 1) {
        add(call, 0, ADD);
        gm_reply_status(call, "ONE");
    } else if (gm_arg_at(call, 1, 0).size == 2) {
        add(call, 0, ADD);
    }
}

static void plan_corrupt(struct gm_call *call)
{
    add(call, 0, REFUSED);
}

static void answer_nothing(struct gm_call *call)
{
    (void)call;
}

static void answer_error(struct gm_call *call)
{
    gm_reply_error(call, "ERR no");
}

static void answer_much(struct gm_call *call)
{
    gm_reply_bytes(call, gm_bytes_of("0123456789"));
}

static void answer_very_much(struct gm_call *call)
{
    for (;;) {
        struct gm_bytes most = {gm_scratch(call, GM_SCRATCH_SURE), GM_SCRATCH_SURE};
        for (int i = 0; i < 100000 && most.data != NULL; i++) {
            gm_reply_bytes(call, most);
        }
        return;
    }
}

static void answer_emits(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = ADD, .body = gm_bytes_of("q")));
    gm_emit_delete(call, 0);
    gm_reply_int(call, 1);
}

static void answer_waits(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    if (!wait->wait(call, 0, (struct gm_bytes){0})) {
        gm_reply_int(call, 1);
    }
}

static void answer_looks(struct gm_call *call)
{
    gm_reply_array(call, 2);
    gm_reply_int(call, gm_key(call, 0)->state);
    gm_reply_bytes(call, gm_scalar(call, 0));
}

static void plan_ask_early(struct gm_call *call)
{
    add(call, 0, ADD);
    gm_reply_int(call, gm_outcome_of(call, 0));
}

/* Half of a reply is not none. */
static void plan_half(struct gm_call *call)
{
    add(call, 0, ADD);
    gm_reply_array(call, 1);
}

static void plan_first(struct gm_call *call)
{
    const bool *first = gm_first(call, 0);
    uint32_t count = gm_arg(call, 0)->count;
    uint32_t distinct = 0;
    gm_reply_array(call, 2);
    gm_reply_begin(call, GM_REPLY_ARRAY);
    for (uint32_t k = 0; k < count; k++) {
        distinct += first[k];
        if (!first[k]) {
            gm_reply_int(call, k);
        }
    }
    gm_reply_end(call);
    gm_reply_int(call, distinct);
}

static void plan_first_of(struct gm_call *call)
{
    const bool *first = gm_first(call, (uint32_t)gm_arg(call, 0)->integer);
    gm_reply_int(call, first != NULL && first[0]);
}

#define WORDS .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)"
#define ANSWERS(name, line, function, answers, most)                                                                   \
    {                                                                                                                  \
        WORDS, .usage = name " " line, .flags = GM_WRITE, .type = &letters, .plan = function, .answer = answers,       \
               .answer_max = most                                                                                      \
    }

static const struct gm_command commands[] = {
    ANSWERS("ADD", "key letters", plan_add, answer_number, 32),
    ANSWERS("BOTH", "key other:key gone:key letters", plan_both, answer_both, 128),
    ANSWERS("MAYBE", "key letters", plan_maybe, answer_number, 32),
    ANSWERS("CORRUPT", "key letters", plan_corrupt, answer_number, 32),
    ANSWERS("NOTHING", "key letters", plan_add, answer_nothing, 32),
    ANSWERS("ERROR", "key letters", plan_add, answer_error, 32),
    ANSWERS("MUCH", "key letters", plan_add, answer_much, 8),
    ANSWERS("VERYMUCH", "key letters", plan_add, answer_very_much, 8),
    ANSWERS("EMITS", "key letters", plan_add, answer_emits, 8),
    ANSWERS("WAITS", "key letters", plan_add, answer_waits, 8),
    ANSWERS("LOOKS", "key letters", plan_add, answer_looks, 32),
    ANSWERS("EARLY", "key letters", plan_ask_early, answer_number, 32),
    ANSWERS("HALF", "key letters", plan_half, answer_number, 32),
    ANSWERS("LARGEST", "key letters", plan_add, answer_number, GM_ANSWER_MAX),
    {WORDS, .usage = "UNANSWERED key letters", .flags = GM_WRITE, .type = &letters, .plan = plan_add},
    {WORDS, .usage = "FIRST word...", .flags = GM_READ, .plan = plan_first},
    {WORDS, .usage = "FIRSTOF number:int [A a|B b b2]...", .flags = GM_READ, .plan = plan_first_of},
};
static const struct gm_type *const types[] = {&letters};
static const char *const needs[] = {GM_WAIT_2};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.letters",
                                        .version = "1.0.0",
                                        .summary = "Sets of letters.",
                                        .types = types,
                                        .type_count = 1,
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0],
                                        .needs = needs,
                                        .need_count = 1};

static void open(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.module = &module});
}

Test(answer, says_what_apply_has_found)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":3", "ADD k abc");
    expect_said(&at, 0, ":1", "ADD k cbda");
    expect_said(&at, 0, ":0", "ADD k ad");
    expect_said(&at, 0, ":2", "LARGEST k xy");
    expect_said(&at, 0, "[:2 :0 :0 :4 :0 :0 \"k\"]", "BOTH k other none efab");
    cr_expect_eq(applied, 6);
    expect_said(&at, 0, "-ERR there is no such key", "MAYBE none ab");
    expect_said(&at, 0, "ONE", "MAYBE k z");
    expect_said(&at, 0, ":1", "MAYBE k zm");
    expect_said(&at, 0, ":0", "MAYBE k what"); /* it emits nothing, and answers none the less */
    cr_expect_eq(applied, 8);
    shard_fixture_close(&at);
}

Test(answer, within_a_transaction_and_in_both_protocols)
{
    struct shard_fixture at;
    open(&at);
    (void)shard_fixture_say(&at, 0, "HELLO 3");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "ADD k abc");
    expect_said(&at, 0, "QUEUED", "ERROR k d");
    expect_said(&at, 0, "QUEUED", "ADD k abcde");
    expect_said(&at, 0,
                "[:3 -ERR the module test.letters refuses what it has changed already, in 'error': what it has changed "
                "stands :1]",
                "EXEC");
    expect_said(&at, 0, ":1", "EXISTS k");
    shard_fixture_close(&at);
}

/* A follower, or recovery, applies the same records: nothing of the answer is in them. */
Test(answer, is_nothing_to_who_applies_again)
{
    struct shard_fixture at;
    struct shard_fixture copy;
    open(&at);
    open(&copy);
    expect_said(&at, 0, ":3", "ADD k abc");
    expect_said(&at, 0, "[:1 :0 :0 :4 :0 :0 \"k\"]", "BOTH k other none abce");
    shard_fixture_replay(&at, &copy);
    expect_said(&copy, 0, ":0", "ADD k abce");
    expect_said(&copy, 0, ":1", "ADD other ef");
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

#define FAULT  "-ERR the module test.letters "
#define STANDS ": what it has changed stands"

/* answer P2, P3 */
Test(answer, what_is_wrong_with_it_is_said_and_the_change_stands)
{
    static const struct {
        const char *command;
        const char *answer;
    } cases[] = {
        {"NOTHING", FAULT "gave no answer, in 'nothing'" STANDS},
        {"ERROR", FAULT "refuses what it has changed already, in 'error'" STANDS},
        {"MUCH", FAULT "answers with 17 bytes, and declares 8, in 'much'" STANDS},
        {"VERYMUCH", FAULT "went on answering though its answer was whole, in 'verymuch'" STANDS},
        {"EMITS", FAULT "emitted a record for its key number 0, but the call has 0, in 'emits'" STANDS},
        {"WAITS", FAULT "waits after it has changed something, in 'waits'" STANDS},
        {"LOOKS", "[:0 \"\"]"},
    };
    struct shard_fixture at;
    open(&at);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *said = shard_fixture_say(&at, 0, "%s k%zu abc", cases[i].command, i);
        cr_expect(strncmp(said, cases[i].answer, strlen(cases[i].answer)) == 0, "%s: %s", cases[i].command, said);
        expect_said(&at, 0, ":0", "ADD k%zu abc", i);
        expect_said(&at, 0, ":1", "ADD k%zu abcq", i);
    }
    cr_expect_eq(at.faults, 6);
    shard_fixture_close(&at);
}

Test(answer, what_is_wrong_before_it_changes_nothing)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0,
                FAULT "asks for the outcome of what it has not changed yet, in 'early': nothing was changed by it",
                "EARLY k abc");
    expect_said(&at, 0, FAULT "left out 1 of the elements that it announced, in 'half': nothing was changed by it",
                "HALF k abc");
    expect_said(&at, 0, FAULT "gave no answer, in 'unanswered': nothing was changed by it", "UNANSWERED k abc");
    expect_said(&at, 0, ":0", "EXISTS k");
    cr_expect_eq(applied, 0);
    expect_said(&at, 0, ":1", "ADD k a");
    const char *said = shard_fixture_say(&at, 0, "CORRUPT k b");
    cr_expect(strncmp(said, "-DAMAGED the module test.letters planned a change", 49) == 0, "%s", said);
    shard_fixture_close(&at);
}

/* answer P1 */
Test(answer, room_for_it_is_there_before_anything_changes)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module, .output_max = 30000});
    const char *said = shard_fixture_say(&at, 0, "LARGEST k abc");
    cr_expect(strncmp(said, "-ERR the reply is larger than client_output_limit", 49) == 0, "%s", said);
    cr_expect_eq(applied, 0);
    expect_said(&at, 0, ":0", "EXISTS k");
    expect_said(&at, 0, ":3", "ADD k abc");
    shard_fixture_close(&at);
}

/* ---- first occurrences ---- */

Test(first, of_words_that_are_repeated)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "[[] :1]", "FIRST a");
    expect_said(&at, 0, "[[:2 :3] :2]", "FIRST a b a b");
    expect_said(&at, 0, "[[] :3]", "FIRST a A aa");
    expect_said(&at, 0, "[[:8 :9] :8]", "FIRST a b c d e f g h b a");
    expect_said(&at, 0, "[[:1 :2 :3 :4 :5 :6 :7 :8 :9] :1]", "FIRST x x x x x x x x x x");
    expect_said(&at, 0, ":1", "FIRSTOF 0 A x A y");
    shard_fixture_close(&at);
}

Test(first, of_thousands_each_is_found_once)
{
    struct shard_fixture at;
    open(&at);
    struct buf line;
    buf_init(&line, 1 << 20);
    (void)buf_format(&line, "FIRST");
    for (int i = 0; i < 6000; i++) {
        (void)buf_format(&line, " w%d", i % 2000);
    }
    (void)buf_append(&line, (struct gm_bytes){(const uint8_t *)"", 1});
    const char *said = shard_fixture_say(&at, 0, "%s", (const char *)line.data);
    cr_expect(strncmp(said, "[[:2000 :2001 :2002 ", 20) == 0, "%.40s", said);
    cr_expect(strstr(said, " :5999] :2000]") != NULL);
    buf_finish(&line);
    shard_fixture_close(&at);
}

Test(first, an_argument_that_has_no_stride_is_the_modules_fault)
{
    struct shard_fixture at;
    open(&at);
    const char *said = shard_fixture_say(&at, 0, "FIRSTOF 2 A x B y z A x A x");
    cr_expect(strncmp(said, FAULT "asks for the first occurrences of its argument number 2", 70) == 0, "%s", said);
    said = shard_fixture_say(&at, 0, "FIRSTOF 77 A x");
    cr_expect(strncmp(said, FAULT "asks for the first occurrences of its argument number 77", 70) == 0, "%s", said);
    expect_said(&at, 0, ":1", "FIRSTOF 2 A x A y");
    shard_fixture_close(&at);
}
