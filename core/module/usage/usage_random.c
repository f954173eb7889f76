/* SPDX-License-Identifier: MIT */

/* usage_random.c - the tree walked by a generator instead of a caller.
 *
 * Idea    Options are given with one chance in three and in any order, repeats come one to four times, a count is drawn
 *         before what it counts. A call that grows past USAGE_WORDS_MAX is given up as a whole, so that nothing invalid
 *         is drawn.
 */
#include "module/usage/usage_random.h"

#include <stdio.h>

#define WORDS_BYTES ((size_t)16 * 1024 * 1024)

struct draw {
    const struct usage *usage;
    struct prng *prng;
    const struct usage_vocabulary *vocabulary;
    struct usage_words *words;
    bool failed;
    int64_t counts[USAGE_LEAF_MAX];
};

static void draw_item(struct draw *draw, const struct usage_node *node);

void usage_words_init(struct usage_words *words)
{
    words->count = 0;
    buf_init(&words->bytes, WORDS_BYTES);
}

void usage_words_finish(struct usage_words *words)
{
    buf_finish(&words->bytes);
    words->count = 0;
}

void usage_words_argv(const struct usage_words *words, struct gm_bytes argv[static USAGE_WORDS_MAX])
{
    size_t begin = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        argv[i] = (struct gm_bytes){words->bytes.data + begin, words->ends[i] - begin};
        begin = words->ends[i];
    }
}

/* What was appended since the last word is a word. */
static void end_word(struct draw *draw)
{
    struct usage_words *words = draw->words;
    draw->failed = draw->failed || words->bytes.full || words->count == USAGE_WORDS_MAX;
    if (!draw->failed) {
        words->ends[words->count++] = words->bytes.size;
    }
}

/* ---- words ---- */

static int64_t draw_number(struct draw *draw, uint32_t leaf)
{
    static const int64_t edges[] = {0, 1, -1, 2, 10, 100, 4294967296, INT64_MAX, INT64_MIN};
    const struct usage_vocabulary *vocabulary = draw->vocabulary;
    if (vocabulary->integer != NULL) {
        return vocabulary->integer(vocabulary->context, draw->prng, draw->usage, leaf);
    }
    if (prng_below(draw->prng, 8) == 0) {
        return edges[prng_below(draw->prng, sizeof edges / sizeof edges[0])];
    }
    return (int64_t)prng_below(draw->prng, 64) - 16;
}

static int64_t draw_int(struct draw *draw, const struct usage_node *node)
{
    if ((node->flags & USAGE_COUNTS) != 0) {
        int64_t least = node->type == USAGE_POSITIVE ? 1 : 0;
        draw->counts[node->leaf] = least + (int64_t)prng_below(draw->prng, 4);
        return draw->counts[node->leaf];
    }
    int64_t number = draw_number(draw, node->leaf);
    int64_t least = node->type == USAGE_POSITIVE ? 1 : node->type == USAGE_COUNT ? 0 : INT64_MIN;
    if (number < least) {
        number = number == INT64_MIN ? INT64_MAX : -number;
    }
    return number < least ? least : number;
}

static void draw_default_bytes(struct draw *draw, bool key)
{
    uint64_t size = key ? 1 : prng_below(draw->prng, 9);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)('a' + prng_below(draw->prng, key ? 8 : 26));
        (void)buf_append(&draw->words->bytes, (struct gm_bytes){&byte, 1});
    }
    if (!key && size > 0) {
        (void)buf_append(&draw->words->bytes, BYTES(",")); /* so that no token can look like it */
    }
}

static void draw_bytes(struct draw *draw, const struct usage_node *node)
{
    const struct usage_vocabulary *vocabulary = draw->vocabulary;
    bool key = node->type == USAGE_KEY || node->type == USAGE_RKEY;
    if (key && vocabulary->key != NULL) {
        vocabulary->key(vocabulary->context, draw->prng, draw->usage, node->leaf, &draw->words->bytes);
    } else if (!key && vocabulary->string != NULL) {
        vocabulary->string(vocabulary->context, draw->prng, draw->usage, node->leaf, &draw->words->bytes);
    } else {
        draw_default_bytes(draw, key);
    }
}

static void draw_timeout(struct draw *draw, const struct usage_node *node)
{
    uint64_t ms = (uint64_t)draw_number(draw, node->leaf) % 86400000;
    (void)buf_format(&draw->words->bytes, "%llu.%03llu", (unsigned long long)(ms / 1000),
                     (unsigned long long)(ms % 1000));
}

static void draw_score(struct draw *draw, const struct usage_node *node)
{
    static const char *const ends[] = {"-inf", "+inf", "inf", "Infinity"};
    struct buf *out = &draw->words->bytes;
    if (node->type == USAGE_BOUND && prng_below(draw->prng, 3) == 0) {
        (void)buf_append(out, BYTES("("));
    }
    if (prng_below(draw->prng, 8) == 0) {
        (void)buf_append(out, gm_bytes_of(ends[prng_below(draw->prng, 4)]));
    } else {
        (void)buf_format(out, "%lld.%llu", (long long)(draw_number(draw, node->leaf) % 1000000),
                         (unsigned long long)prng_below(draw->prng, 1000));
    }
}

static void draw_argument(struct draw *draw, const struct usage_node *node)
{
    struct buf *out = &draw->words->bytes;
    switch ((enum usage_type)node->type) {
    case USAGE_INT:
    case USAGE_COUNT:
    case USAGE_POSITIVE:
    case USAGE_UNIX:
    case USAGE_UNIX_MS:
        (void)buf_format(out, "%lld", (long long)draw_int(draw, node));
        break;
    case USAGE_FLOAT:
        (void)buf_format(out, "%lld.%llu", (long long)(draw_number(draw, node->leaf) % 1000000),
                         (unsigned long long)prng_below(draw->prng, 1000));
        break;
    case USAGE_SCORE:
    case USAGE_BOUND:
        draw_score(draw, node);
        break;
    case USAGE_TIMEOUT:
        draw_timeout(draw, node);
        break;
    case USAGE_STRING:
    case USAGE_PATTERN:
    case USAGE_KEY:
    case USAGE_RKEY:
        draw_bytes(draw, node);
        break;
    }
    end_word(draw);
}

/* Capitals or not: both must do. */
static void draw_token(struct draw *draw, const struct usage_node *node)
{
    struct gm_bytes text = usage_leaf_text(draw->usage, node->leaf);
    bool small = prng_below(draw->prng, 2) == 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        c = small && c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
        (void)buf_append(&draw->words->bytes, (struct gm_bytes){&c, 1});
    }
    end_word(draw);
}

/* ---- items ---- */

/* Whether it takes all words to the end: then it is the last one written, and has to be the last one given. */
static bool takes_all(const struct usage *usage, const struct usage_node *node)
{
    bool open = (node->flags & (USAGE_OPEN | USAGE_STOPS)) == USAGE_OPEN;
    for (uint8_t child = node->child; child != 0 && !open; child = usage->nodes[child].next) {
        open = takes_all(usage, &usage->nodes[child]);
    }
    return open;
}

static void draw_options(struct draw *draw, uint8_t begin, uint8_t *end)
{
    uint8_t members[USAGE_NODE_MAX];
    uint32_t count = 0;
    for (*end = begin; *end != 0 && (draw->usage->nodes[*end].flags & USAGE_OPTION) != 0;
         *end = draw->usage->nodes[*end].next) {
        members[count++] = *end;
    }
    bool last = takes_all(draw->usage, &draw->usage->nodes[members[count - 1]]);
    for (; count > 0; count--) {
        uint32_t pick = (uint32_t)prng_below(draw->prng, last && count > 1 ? count - 1 : count);
        if (prng_below(draw->prng, 3) == 0) {
            draw_item(draw, &draw->usage->nodes[members[pick]]);
        }
        if (last && count > 1) {
            members[pick] = members[count - 2];
            members[count - 2] = members[count - 1];
        } else {
            members[pick] = members[count - 1];
        }
    }
}

static void draw_sequence(struct draw *draw, uint8_t number)
{
    while (number != 0 && !draw->failed) {
        const struct usage_node *node = &draw->usage->nodes[number];
        if ((node->flags & USAGE_OPTION) != 0) {
            draw_options(draw, number, &number);
            continue;
        }
        if ((node->flags & (USAGE_OPTIONAL | USAGE_COUNTED)) != USAGE_OPTIONAL || prng_below(draw->prng, 2) == 0) {
            draw_item(draw, node);
        }
        number = node->next;
    }
}

static void draw_choice(struct draw *draw, const struct usage_node *node)
{
    uint32_t count = 0;
    for (uint8_t number = node->child; number != 0; number = draw->usage->nodes[number].next) {
        count++;
    }
    uint8_t number = node->child;
    for (uint64_t pick = prng_below(draw->prng, count); pick > 0; pick--) {
        number = draw->usage->nodes[number].next;
    }
    draw_item(draw, &draw->usage->nodes[number]);
}

/* As often as it has to be. */
static void draw_item(struct draw *draw, const struct usage_node *node)
{
    int64_t times = 1;
    if ((node->flags & USAGE_COUNTED) != 0) {
        times = draw->counts[node->count_leaf];
    } else if ((node->flags & USAGE_REPEAT) != 0) {
        times = 1 + (int64_t)prng_below(draw->prng, 4);
        if ((node->flags & USAGE_HALF) != 0) {
            draw->counts[node->leaf] = times;
        }
    }
    for (int64_t i = 0; i < times && !draw->failed; i++) {
        switch ((enum usage_kind)node->kind) {
        case USAGE_TOKEN:
            draw_token(draw, node);
            break;
        case USAGE_ARGUMENT:
            draw_argument(draw, node);
            break;
        case USAGE_CHOICE:
            draw_choice(draw, node);
            break;
        case USAGE_SEQUENCE:
            draw_sequence(draw, node->child);
            break;
        }
    }
}

static void draw_name(struct draw *draw)
{
    for (const char *c = draw->usage->line; *c != '\0' && *c != ' '; c++) {
        if (*c == '|') {
            end_word(draw);
        } else {
            (void)buf_append(&draw->words->bytes, (struct gm_bytes){(const uint8_t *)c, 1});
        }
    }
    end_word(draw);
}

bool usage_generate(const struct usage *usage, struct prng *prng, const struct usage_vocabulary *vocabulary,
                    struct usage_words *words)
{
    struct draw draw = {.usage = usage, .prng = prng, .vocabulary = vocabulary, .words = words};
    buf_clear(&words->bytes, WORDS_BYTES);
    words->count = 0;
    draw_name(&draw);
    draw_sequence(&draw, usage->nodes[0].child);
    return !draw.failed;
}
