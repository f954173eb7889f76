/* SPDX-License-Identifier: MIT */

/* fuzz_usage - any text as a usage line, any words as a call.
 *
 * Input   the first line is the usage line, each further line a call, its words separated by blanks
 * Holds   parse and bind read nothing outside; what binds names words of the call, in order; a line that is accepted
 *         decides every call: what is drawn from it binds, unless values can look like its tokens
 */
#include <stdlib.h>

#include "module/usage/usage_docs.h"
#include "module/usage/usage_hint.h"
#include "module/usage/usage_random.h"

#define CALL_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_args(const struct usage *usage, const struct gm_arg *args, uint32_t argc)
{
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        const struct gm_arg *arg = &args[leaf];
        check(arg->count <= argc);
        check(arg->count == 0 || (arg->first >= usage->words && arg->first < argc));
        check(arg->count < 2 || arg->first + (arg->count - 1) * arg->stride < argc);
    }
}

static void check_keys(const struct usage *usage, const struct usage_bound *bound, uint32_t argc)
{
    for (uint32_t i = 0; i < bound->key_count && i < bound->key_room; i++) {
        check(bound->keys[i].index >= usage->words && bound->keys[i].index < argc);
        check(i == 0 || bound->keys[i].index > bound->keys[i - 1].index);
    }
}

static void try_call(const struct usage *usage, const struct gm_bytes *argv, uint32_t argc)
{
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_key keys[CALL_WORDS];
    struct usage_bound bound = {.keys = keys, .key_room = CALL_WORDS};
    enum usage_outcome outcome = usage_bind(usage, argv, argc, args, &bound);
    if (outcome == USAGE_OK) {
        check_args(usage, args, argc);
        check_keys(usage, &bound, argc);
    } else {
        check(bound.at <= argc && (outcome == USAGE_ARITY) == (bound.error == NULL));
    }
    struct buf rest;
    struct usage_hint hint;
    buf_init(&rest, 65536);
    for (uint32_t partial = 0; argc >= usage->words + partial && partial < 2; partial++) {
        usage_hint(usage, argv, argc, partial == 1, &rest, &hint);
        check(hint.refused || hint.complete || partial == 1 || hint.argument >= 0 || hint.tokens != 0);
    }
    buf_finish(&rest);
}

/* Copies each word to the end of its own block, so that reading past it is seen. */
static void try_line(const struct usage *usage, const uint8_t *data, size_t size)
{
    struct gm_bytes argv[CALL_WORDS];
    uint8_t *blocks[CALL_WORDS];
    uint32_t argc = 0;
    for (size_t at = 0; at <= size && argc < CALL_WORDS; at++) {
        size_t begin = at;
        while (at < size && data[at] != ' ') {
            at++;
        }
        blocks[argc] = malloc(at - begin + 1);
        check(blocks[argc] != NULL);
        uint8_t *word = blocks[argc] + 1;
        if (at > begin) {
            memcpy(word, data + begin, at - begin);
        }
        argv[argc++] = (struct gm_bytes){word, at - begin};
    }
    if (argc > 0) {
        try_call(usage, argv, argc);
    }
    while (argc > 0) {
        free(blocks[--argc]);
    }
}

static void draw_dotted(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out)
{
    (void)context;
    (void)usage;
    (void)leaf;
    (void)buf_format(out, "%u,", (unsigned)prng_below(prng, 4));
}

/* Tokens of digits look like numbers, INF like a score: then a drawn number may be taken for one. */
static bool has_number_tokens(const struct usage *usage)
{
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        uint8_t first = usage_leaf_text(usage, leaf).data[0];
        if (usage_leaf(usage, leaf)->kind == USAGE_TOKEN && ((first >= '0' && first <= '9') || first == 'I')) {
            return true;
        }
    }
    return false;
}

static void try_drawn(const struct usage *usage, uint64_t seed)
{
    static const struct usage_vocabulary vocabulary = {.key = draw_dotted, .string = draw_dotted};
    struct prng prng;
    struct usage_words words;
    prng_seed(&prng, seed);
    usage_words_init(&words);
    for (int i = 0; i < 4; i++) {
        struct gm_bytes argv[USAGE_WORDS_MAX];
        struct gm_arg args[USAGE_LEAF_MAX];
        struct usage_bound bound = {.key_room = 0};
        if (usage_generate(usage, &prng, &vocabulary, &words)) {
            usage_words_argv(&words, argv);
            check(usage_bind(usage, argv, words.count, args, &bound) == USAGE_OK || has_number_tokens(usage));
        }
    }
    usage_words_finish(&words);
}

static void try_docs(const struct usage *usage, uint8_t first)
{
    for (uint8_t number = first; number != 0;) {
        struct usage_doc doc = usage_docs_at(usage, number);
        try_docs(usage, doc.child);
        number = doc.next;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[USAGE_LINE_MAX + 2];
    size_t end = 0;
    while (end < size && data[end] != '\n') {
        end++;
    }
    size_t kept = end < sizeof line ? end : sizeof line - 1;
    if (kept > 0) {
        memcpy(line, data, kept);
    }
    line[kept] = '\0';
    struct usage usage;
    struct complaint complaint;
    if (usage_parse(&usage, line, &complaint) != STATUS_OK) {
        check(complaint.text[0] != '\0');
        return 0;
    }
    for (size_t at = end; at < size; at = end) {
        end = ++at;
        while (end < size && data[end] != '\n') {
            end++;
        }
        try_line(&usage, data + at, end - at);
    }
    try_docs(&usage, usage_docs_first(&usage));
    for (uint32_t i = 0; i < usage_key_spec_count(&usage); i++) {
        (void)usage_key_spec_at(&usage, i);
    }
    try_drawn(&usage, size);
    usage_finish(&usage);
    return 0;
}
