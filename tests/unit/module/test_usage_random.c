/* SPDX-License-Identifier: MIT */

/* Drawn calls bind; and what binds is what a slow matcher, which tries everything, also accepts. */
#include "module/usage/usage_random.h"

#include <stdio.h>

#include "support/seed.h"
#include "words.h"

static const char *const lines[] = {
    "GET key",
    "SET key value [ms:int] [NX|XX] [GET] [EX seconds:int|PX ms:int|EXAT at:unix|KEEPTTL]",
    "MSET {key value}...",
    "BLPOP key... timeout:timeout",
    "LMPOP numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:positive]",
    "BITFIELD key [<GET encoding offset|OVERFLOW <WRAP|SAT|FAIL>|SET encoding offset value>...]",
    "BITPOS key bit:int [start:int [end:int [BYTE|BIT]]]",
    "HELLO [protover:int [AUTH username password] [SETNAME clientname]]",
    "SORT key [BY by:pattern] [LIMIT offset:int count:int] [GET pattern:pattern]... [ASC|DESC] [STORE d:key]",
    "XADD key [NOMKSTREAM] [MAXLEN [=|~] threshold:int] id:int {field value}...",
    "ZADD key [NX|XX] [GT|LT] [CH] {score:float member}...",
    "ZUNION n:int key{n} [WEIGHTS weight:float{n}] [AGGREGATE <SUM|MIN|MAX>] [WITHSCORES]",
    "FCALL function numkeys:int [key{numkeys}] [arg...]",
    "AUTH [username] password",
    "CLIENT|LIST [TYPE <NORMAL|MASTER>] [ID client-id:int...]",
    "X {a:int [T] [U v]}... z",
    "X n:int {a:int [T]}{n} z",
    "X <A x|b:int [c:int]> [D]",
    "X [a:int [b:int]] [C] [D d [e:int]] [F]...",
};

#define LINES (sizeof lines / sizeof lines[0])

/* ---- the slow matcher: from each place, all the places where a node may end, as bits ---- */

struct slow {
    const struct usage *usage;
    const struct words *words;
};

static uint64_t slow_item(const struct slow *slow, uint8_t number, uint64_t from);

static uint64_t slow_leaf(const struct slow *slow, const struct usage_node *node, uint64_t from)
{
    uint64_t ends = 0;
    for (uint32_t at = 0; at < slow->words->argc; at++) {
        struct gm_arg arg;
        struct gm_bytes word = slow->words->argv[at];
        bool fits = node->kind == USAGE_TOKEN ? usage_is_token(slow->usage, node->leaf, word)
                                              : usage_read(slow->usage, node->leaf, word, &arg) == NULL;
        ends |= (from >> at & 1) != 0 && fits ? (uint64_t)2 << at : 0;
    }
    return ends;
}

/* The options of a run in any order: of those left, any may come next. */
static uint64_t slow_run(const struct slow *slow, const uint8_t *members, uint32_t count, uint32_t left, uint64_t from)
{
    uint64_t ends = from;
    for (uint32_t i = 0; i < count && from != 0; i++) {
        if ((left >> i & 1) != 0) {
            bool again = (slow->usage->nodes[members[i]].flags & (USAGE_REPEAT | USAGE_AGAIN)) != 0;
            uint64_t after = slow_item(slow, members[i], from) & ~from;
            ends |= after == 0 ? 0 : slow_run(slow, members, count, again ? left : left & ~(1u << i), after);
        }
    }
    return ends;
}

static uint64_t slow_sequence(const struct slow *slow, uint8_t number, uint64_t from)
{
    const struct usage_node *nodes = slow->usage->nodes;
    while (number != 0 && from != 0) {
        uint8_t members[16];
        uint32_t count = 0;
        for (; number != 0 && (nodes[number].flags & USAGE_OPTION) != 0; number = nodes[number].next) {
            members[count++] = number;
        }
        if (count > 0) {
            from = slow_run(slow, members, count, (1u << count) - 1, from);
        } else {
            from = slow_item(slow, number, from);
            number = nodes[number].next;
        }
    }
    return from;
}

static uint64_t slow_once(const struct slow *slow, const struct usage_node *node, uint64_t from)
{
    if (node->leaf != USAGE_NO_LEAF) {
        return slow_leaf(slow, node, from);
    }
    if (node->kind == USAGE_SEQUENCE) {
        return slow_sequence(slow, node->child, from);
    }
    uint64_t ends = 0;
    for (uint8_t child = node->child; child != 0; child = slow->usage->nodes[child].next) {
        ends |= slow_item(slow, child, from);
    }
    return ends;
}

/* The counts are all right after the name or one word later: good enough for the lines above. */
static int64_t slow_count(const struct slow *slow, const struct usage_node *node)
{
    int64_t count = 0;
    uint32_t at = slow->usage->words + node->count_leaf;
    return at < slow->words->argc && bytes_to_int(slow->words->argv[at], &count) ? count : 0;
}

static uint64_t slow_item(const struct slow *slow, uint8_t number, uint64_t from)
{
    const struct usage_node *node = &slow->usage->nodes[number];
    uint64_t ends = (node->flags & USAGE_OPTIONAL) != 0 ? from : 0;
    if ((node->flags & USAGE_COUNTED) != 0) {
        int64_t count = slow_count(slow, node);
        for (int64_t i = 0; i < count && from != 0; i++) {
            from = slow_once(slow, node, from);
        }
        return count > 0 || (node->flags & USAGE_OPTIONAL) != 0 ? from : 0;
    }
    uint64_t reached = slow_once(slow, node, from);
    ends |= reached;
    while ((node->flags & USAGE_REPEAT) != 0 && reached != 0) {
        reached = slow_once(slow, node, reached) & ~ends;
        ends |= reached;
    }
    return ends;
}

static bool slow_accepts(const struct usage *usage, const struct words *words)
{
    struct slow slow = {usage, words};
    uint64_t ends = slow_sequence(&slow, usage->nodes[0].child, (uint64_t)1 << usage->words);
    return (ends >> words->argc & 1) != 0;
}

/* ---- drawing ---- */

static enum usage_outcome bind_only(const struct usage *usage, const struct words *words)
{
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_bound bound = {.key_room = 0};
    return usage_bind(usage, words->argv, words->argc, args, &bound);
}

Test(usage_random, what_is_drawn_binds)
{
    struct prng prng;
    struct usage_words drawn;
    static const struct usage_vocabulary plain;
    prng_seed(&prng, seed_of_run());
    usage_words_init(&drawn);
    for (size_t i = 0; i < LINES; i++) {
        struct usage usage = usage_of(lines[i]);
        uint32_t longest = 0;
        for (int round = 0; round < 2000; round++) {
            struct gm_bytes argv[USAGE_WORDS_MAX];
            struct gm_arg args[USAGE_LEAF_MAX];
            struct usage_bound bound = {.key_room = 0};
            cr_assert(usage_generate(&usage, &prng, &plain, &drawn));
            usage_words_argv(&drawn, argv);
            longest = drawn.count > longest ? drawn.count : longest;
            enum usage_outcome outcome = usage_bind(&usage, argv, drawn.count, args, &bound);
            cr_assert_eq(outcome, USAGE_OK, "%s: %.*s (%s)", lines[i], (int)drawn.bytes.size,
                         (const char *)drawn.bytes.data, bound.error);
        }
        cr_expect(longest == usage.max_argc || usage.max_argc == USAGE_UNBOUNDED, "%s: %u", lines[i], longest);
        usage_finish(&usage);
    }
    usage_words_finish(&drawn);
}

Test(usage_random, the_same_seed_draws_the_same_call)
{
    struct prng prngs[2];
    struct usage_words drawn[2];
    static const struct usage_vocabulary plain;
    struct usage usage = usage_of(lines[8]);
    for (int i = 0; i < 2; i++) {
        prng_seed(&prngs[i], 7);
        usage_words_init(&drawn[i]);
    }
    for (int round = 0; round < 200; round++) {
        cr_assert(usage_generate(&usage, &prngs[0], &plain, &drawn[0]));
        cr_assert(usage_generate(&usage, &prngs[1], &plain, &drawn[1]));
        cr_assert(gm_bytes_equal(buf_bytes(&drawn[0].bytes), buf_bytes(&drawn[1].bytes)));
        cr_assert_eq(drawn[0].count, drawn[1].count);
    }
    usage_words_finish(&drawn[0]);
    usage_words_finish(&drawn[1]);
    usage_finish(&usage);
}

/* Words that the line knows, and some that it does not, in any order. */
static struct words draw_soup(const struct usage *usage, struct prng *prng)
{
    static const char *const others[] = {"1", "2", "3", "v", "w", "-1", ""};
    struct words words = {.argc = 0};
    uint32_t size = usage->words + (uint32_t)prng_below(prng, 9);
    while (words.argc < size) {
        uint64_t pick = prng_below(prng, usage->leaf_count + 14);
        bool known = pick < usage->leaf_count && usage_leaf(usage, (uint32_t)pick)->kind == USAGE_TOKEN;
        words.argv[words.argc++] =
            known ? usage_leaf_text(usage, (uint32_t)pick) : gm_bytes_of(others[prng_below(prng, 7)]);
    }
    return words;
}

/* The fast matcher may refuse what the slow one finds a way for (a value that is spelled like a token), never the other
 * way round; and of calls without such values it must accept all. */
Test(usage_random, what_binds_is_what_the_slow_matcher_accepts)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (size_t i = 0; i < LINES; i++) {
        struct usage usage = usage_of(lines[i]);
        uint32_t both = 0;
        uint32_t slow_only = 0;
        for (int round = 0; round < 20000; round++) {
            struct words words = draw_soup(&usage, &prng);
            bool fast = bind_only(&usage, &words) == USAGE_OK;
            bool slow = slow_accepts(&usage, &words);
            cr_assert(slow || !fast, "%s: bound %u words that do not fit", lines[i], words.argc);
            both += fast && slow ? 1 : 0;
            slow_only += slow && !fast ? 1 : 0;
        }
        cr_expect_gt(both, 20, "%s: only %u calls fit", lines[i], both);
        cr_expect_lt(slow_only, both + 200, "%s: %u against %u", lines[i], slow_only, both);
        usage_finish(&usage);
    }
}
