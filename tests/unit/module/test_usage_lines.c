/* SPDX-License-Identifier: MIT */

/* Usage lines drawn from the grammar itself: either a line is refused, or each call that is drawn from it binds. This
 * is the promise that the matcher lives on (usage_tree.c: every decision is decidable), and bytes drawn at random
 * hardly ever come near it. */
#include "module/usage/usage_random.h"

#include <stdio.h>

#include "support/seed.h"
#include "words.h"

#define LINES 40000
#define CALLS 60
#define DEPTH 3

struct scribe {
    struct prng prng;
    struct buf line;
    uint32_t arguments; /* so far; each has a name of its own */
    uint32_t ints[USAGE_LEAF_MAX];
    uint32_t int_count;
    uint32_t repeated; /* the number of an argument of bytes that has just been repeated; 0: none */
};

static uint64_t below(struct scribe *scribe, uint64_t bound)
{
    return prng_below(&scribe->prng, bound);
}

static void write_text(struct scribe *scribe, const char *text)
{
    (void)buf_append(&scribe->line, gm_bytes_of(text));
}

static void write_argument(struct scribe *scribe)
{
    static const char *const types[] = {"", "", ":int", ":int", ":float", ":key", ":score", ":bound"};
    uint32_t number = ++scribe->arguments;
    uint64_t type = below(scribe, sizeof types / sizeof types[0]);
    if ((type == 2 || type == 3) && scribe->int_count < USAGE_LEAF_MAX) {
        scribe->ints[scribe->int_count++] = number;
    }
    (void)buf_format(&scribe->line, "a%u%s", (unsigned)number, types[type]);
}

static void write_items(struct scribe *scribe, uint32_t depth);

static void write_alternatives(struct scribe *scribe, uint32_t depth, const char *open, const char *close)
{
    write_text(scribe, open);
    write_items(scribe, depth);
    for (uint64_t more = below(scribe, 2) + (*open == '<' ? 1 : 0); more > 0; more--) {
        write_text(scribe, "|");
        write_items(scribe, depth);
    }
    write_text(scribe, close);
}

static void write_item(struct scribe *scribe, uint32_t depth)
{
    static const char *const tokens[] = {"A", "B", "C", "D", "E", "F", "G"};
    uint64_t kind = below(scribe, 100);
    if (depth > 0 && kind < 36) {
        write_alternatives(scribe, depth - 1, "[", "]");
    } else if (depth > 0 && kind < 44) {
        write_text(scribe, "{");
        write_items(scribe, depth - 1);
        write_text(scribe, "}");
    } else if (depth > 0 && kind < 50) {
        write_alternatives(scribe, depth - 1, "<", ">");
    } else if (kind < 75) {
        write_text(scribe, tokens[below(scribe, sizeof tokens / sizeof tokens[0])]);
    } else {
        write_argument(scribe);
    }
    uint64_t times = below(scribe, 100);
    uint32_t before = scribe->repeated;
    scribe->repeated = 0;
    if (before != 0 && below(scribe, 3) > 0) {
        (void)buf_format(&scribe->line, "{a%u}", (unsigned)before);
    } else if (times < 10) {
        write_text(scribe, "...");
        scribe->repeated = scribe->arguments;
    } else if (times < 16 && scribe->int_count > 0) {
        (void)buf_format(&scribe->line, "{a%u}", (unsigned)scribe->ints[below(scribe, scribe->int_count)]);
    }
}

static void write_items(struct scribe *scribe, uint32_t depth)
{
    write_item(scribe, depth);
    for (uint64_t more = below(scribe, 3); more > 0 && scribe->arguments < USAGE_LEAF_MAX; more--) {
        write_text(scribe, " ");
        write_item(scribe, depth);
    }
}

static void draw_dotted(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    (void)context;
    (void)usage;
    (void)leaf;
    (void)buf_format(out, "%u,", (unsigned)prng_below(prng, 4)); /* neither a token nor a number */
}

static void expect_calls(const struct usage *usage, struct scribe *scribe, struct usage_words *drawn)
{
    static const struct usage_vocabulary vocabulary = {.key = draw_dotted, .string = draw_dotted};
    for (int i = 0; i < CALLS; i++) {
        struct gm_bytes argv[USAGE_WORDS_MAX];
        struct gm_arg args[USAGE_LEAF_MAX];
        struct usage_bound bound = {.key_room = 0};
        if (usage_generate(usage, &scribe->prng, &vocabulary, drawn)) {
            usage_words_argv(drawn, argv);
            enum usage_outcome outcome = usage_bind(usage, argv, drawn->count, args, &bound);
            cr_assert_eq(outcome, USAGE_OK, "%s: the call %.*s (words run together) is refused at word %u: %s",
                         usage->line, (int)drawn->bytes.size, (const char *)drawn->bytes.data, (unsigned)bound.at,
                         bound.error == NULL ? "number of words" : bound.error);
        }
    }
}

Test(usage_lines, of_any_line_that_is_accepted_each_call_that_is_drawn_binds)
{
    static struct scribe scribe;
    struct usage_words drawn;
    uint32_t accepted = 0;
    prng_seed(&scribe.prng, seed_of_run());
    buf_init(&scribe.line, 65536);
    usage_words_init(&drawn);
    for (uint32_t i = 0; i < LINES; i++) {
        struct usage usage;
        struct complaint complaint;
        buf_clear(&scribe.line, 65536);
        scribe.arguments = 0;
        scribe.int_count = 0;
        write_text(&scribe, "X ");
        write_items(&scribe, DEPTH);
        (void)buf_append(&scribe.line, (struct gm_bytes){(const uint8_t *)"", 1});
        if (usage_parse(&usage, (const char *)scribe.line.data, &complaint) == STATUS_OK) {
            accepted++;
            expect_calls(&usage, &scribe, &drawn);
            usage_finish(&usage);
        }
    }
    cr_expect_gt(accepted, LINES / 4, "only %u lines are accepted", (unsigned)accepted);
    cr_expect_lt(accepted, LINES, "nothing is refused");
    usage_words_finish(&drawn);
    buf_finish(&scribe.line);
}
