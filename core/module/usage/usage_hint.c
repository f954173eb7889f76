/* SPDX-License-Identifier: MIT */

/* usage_hint.c - the rest of a usage line for somebody who is typing.
 *
 * Idea    Words are taken from left to right as usage_bind takes them, except that nobody knows how many will come:
 *         whatever can take the next word does. When the words are used up the walk goes on and, from there, shows what
 *         it passes:
 *             words  SET k v EX            walk  key value | EX ....... seconds [NX|XX] [GET]
 *                                                taken       taken      shown
 *         The frontier is open until something required has been shown; what is shown while it is open may be next.
 *
 * Limits  "AUTH [username] password": one word after AUTH is taken for the user name, and of "key... id{key}" all words
 *         for keys. `complete` asks usage_bind.
 */
#include "module/usage/usage_hint.h"

#include "module/usage/usage_tree.h"

struct walk {
    const struct usage *usage;
    const struct gm_bytes *words;
    struct buf *out; /* NULL: only look */
    struct usage_hint *hint;
    uint32_t count;
    uint32_t at;
    bool partial;
    bool closed;                    /* the frontier is */
    bool printed;                   /* a blank goes before what comes next */
    uint64_t taken;                 /* arguments, by leaf number */
    int64_t values[USAGE_LEAF_MAX]; /* of ints that were taken */
};

static bool walk_item(struct walk *walk, const struct usage_node *node);

/* ---- printing ---- */

static void put(struct buf *out, struct gm_bytes text)
{
    if (out != NULL) {
        (void)buf_append(out, text);
    }
}

static void print_item(const struct usage *usage, const struct usage_node *node, struct buf *out);

static void print_children(const struct usage *usage, const struct usage_node *node, struct buf *out)
{
    struct gm_bytes between = node->kind == USAGE_CHOICE ? BYTES("|") : BYTES(" ");
    for (uint8_t number = node->child; number != 0; number = usage->nodes[number].next) {
        if (number != node->child) {
            put(out, between);
        }
        print_item(usage, &usage->nodes[number], out);
    }
}

static void print_once(const struct usage *usage, const struct usage_node *node, struct buf *out)
{
    if (node->leaf != USAGE_NO_LEAF) {
        put(out, usage_leaf_text(usage, node->leaf));
    } else {
        print_children(usage, node, out);
    }
}

/* In square brackets, and with dots if there may be several. */
static void print_optional(const struct usage *usage, const struct usage_node *node, bool several, struct buf *out)
{
    bool leaf = node->leaf != USAGE_NO_LEAF;
    put(out, BYTES("["));
    print_once(usage, node, out);
    put(out, several && leaf ? BYTES("...") : BYTES_NONE);
    put(out, BYTES("]"));
    put(out, several && !leaf ? BYTES("...") : BYTES_NONE);
}

static void print_required(const struct usage *usage, const struct usage_node *node, bool several, struct buf *out)
{
    bool choice = node->kind == USAGE_CHOICE;
    bool group = node->kind == USAGE_SEQUENCE && several;
    put(out, choice ? BYTES("<") : group ? BYTES("{") : BYTES_NONE);
    print_once(usage, node, out);
    put(out, choice ? BYTES(">") : group ? BYTES("}") : BYTES_NONE);
    put(out, several ? BYTES("...") : BYTES_NONE);
}

static void print_item(const struct usage *usage, const struct usage_node *node, struct buf *out)
{
    bool several = (node->flags & (USAGE_REPEAT | USAGE_COUNTED)) != 0;
    if ((node->flags & USAGE_OPTIONAL) != 0) {
        print_optional(usage, node, several, out);
    } else {
        print_required(usage, node, several, out);
    }
}

void usage_synopsis(const struct usage *usage, struct buf *out)
{
    for (const char *c = usage->line; *c != '\0' && *c != ' '; c++) {
        put(out, *c == '|' ? BYTES(" ") : (struct gm_bytes){(const uint8_t *)c, 1});
    }
    if (usage->nodes[0].child != 0) {
        put(out, BYTES(" "));
        print_children(usage, &usage->nodes[0], out);
    }
}

/* ---- the frontier ---- */

static void reach(struct walk *walk, const struct usage_node *node, bool optional)
{
    if (!walk->closed) {
        walk->hint->tokens |= node->first;
        if (walk->hint->argument < 0 && node->lead != USAGE_NO_LEAF) {
            walk->hint->argument = node->lead;
        }
    }
    walk->closed = walk->closed || !optional;
    put(walk->out, walk->printed ? BYTES(" ") : BYTES_NONE);
    walk->printed = true;
}

static void show(struct walk *walk, const struct usage_node *node)
{
    reach(walk, node, (node->flags & USAGE_OPTIONAL) != 0);
    print_item(walk->usage, node, walk->out);
}

/* Once more, or not. */
static void show_again(struct walk *walk, const struct usage_node *node)
{
    reach(walk, node, true);
    print_optional(walk->usage, node, true, walk->out);
}

/* ---- taking words ---- */

static bool is_done(const struct walk *walk)
{
    return walk->at == walk->count;
}

static bool is_prefix_of(const struct usage *usage, uint32_t leaf, struct gm_bytes word)
{
    struct gm_bytes text = usage_leaf_text(usage, leaf);
    if (word.size > text.size) {
        return false;
    }
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.data[i];
        if ((c >= 'a' && c <= 'z' ? c - 32 : c) != text.data[i]) {
            return false;
        }
    }
    return true;
}

static uint64_t begun_tokens(const struct usage *usage, uint64_t tokens, struct gm_bytes word)
{
    uint64_t begun = 0;
    for (uint64_t left = tokens; left != 0; left &= left - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(left);
        begun |= is_prefix_of(usage, leaf, word) ? (uint64_t)1 << leaf : 0;
    }
    return begun;
}

static bool is_partial_word(const struct walk *walk)
{
    return walk->partial && walk->at + 1 == walk->count;
}

/* The token that the next word is; a partial word also if it can only become that one. -1: none. */
static int next_token(const struct walk *walk, uint64_t tokens)
{
    if (is_done(walk) || tokens == 0) {
        return -1;
    }
    int found = usage_token_among(walk->usage, tokens, walk->words[walk->at]);
    if (found < 0 && is_partial_word(walk)) {
        uint64_t begun = begun_tokens(walk->usage, tokens, walk->words[walk->at]);
        found = begun != 0 && (begun & (begun - 1)) == 0 ? __builtin_ctzll(begun) : -1;
    }
    return found;
}

static bool refuse(struct walk *walk)
{
    walk->hint->refused = true;
    walk->hint->at = walk->at;
    return false;
}

static bool walk_argument(struct walk *walk, const struct usage_node *node)
{
    struct gm_arg arg = {.count = 1};
    if (usage_read(walk->usage, node->leaf, walk->words[walk->at], &arg) != NULL) {
        return refuse(walk);
    }
    walk->taken |= (uint64_t)1 << node->leaf;
    walk->values[node->leaf] = arg.integer;
    walk->at++;
    return true;
}

static bool walk_token(struct walk *walk, const struct usage_node *node)
{
    if (next_token(walk, node->first) < 0) {
        return refuse(walk);
    }
    walk->at++;
    return true;
}

static bool walk_choice(struct walk *walk, const struct usage_node *node)
{
    int token = next_token(walk, node->first);
    for (uint8_t number = node->child; number != 0; number = walk->usage->nodes[number].next) {
        const struct usage_node *child = &walk->usage->nodes[number];
        bool fits = token >= 0 ? (child->first >> token & 1) != 0 : child->lead != USAGE_NO_LEAF;
        if (fits) {
            return walk_item(walk, child);
        }
    }
    return refuse(walk);
}

static bool walk_options(struct walk *walk, uint8_t begin, uint8_t *end)
{
    const struct usage_node *nodes = walk->usage->nodes;
    uint64_t open = 0;
    for (*end = begin; *end != 0 && (nodes[*end].flags & USAGE_OPTION) != 0; *end = nodes[*end].next) {
        open |= nodes[*end].first;
    }
    for (int token = next_token(walk, open); token >= 0; token = next_token(walk, open)) {
        uint8_t number = begin;
        while ((nodes[number].first >> token & 1) == 0) {
            number = nodes[number].next;
        }
        if ((nodes[number].flags & USAGE_REPEAT) == 0) {
            open &= ~nodes[number].first;
        }
        if (!walk_item(walk, &nodes[number])) {
            return false;
        }
    }
    for (uint8_t number = begin; is_done(walk) && number != *end; number = nodes[number].next) {
        bool repeat = (nodes[number].flags & USAGE_REPEAT) != 0;
        if (!repeat && (nodes[number].first & open) != 0) {
            show(walk, &nodes[number]);
        } else if (repeat) {
            show_again(walk, &nodes[number]);
        }
    }
    return true;
}

static bool walk_sequence(struct walk *walk, uint8_t number)
{
    const struct usage_node *nodes = walk->usage->nodes;
    while (number != 0) {
        const struct usage_node *node = &nodes[number];
        if ((node->flags & USAGE_OPTION) != 0) {
            if (!walk_options(walk, number, &number)) {
                return false;
            }
            continue;
        }
        if (!walk_item(walk, node)) {
            return false;
        }
        number = node->next;
    }
    return true;
}

static bool walk_once(struct walk *walk, const struct usage_node *node)
{
    switch ((enum usage_kind)node->kind) {
    case USAGE_TOKEN:
        return walk_token(walk, node);
    case USAGE_ARGUMENT:
        return walk_argument(walk, node);
    case USAGE_CHOICE:
        return walk_choice(walk, node);
    case USAGE_SEQUENCE:
        break;
    }
    return walk_sequence(walk, node->child);
}

static bool walk_counted(struct walk *walk, const struct usage_node *node)
{
    int64_t count = walk->values[node->count_leaf];
    for (int64_t i = 0; i < count; i++) {
        if (is_done(walk)) {
            reach(walk, node, false);
            print_required(walk->usage, node, count - i > 1, walk->out);
            return true;
        }
        if (!walk_once(walk, node)) {
            return false;
        }
    }
    return true;
}

static bool walk_repeat(struct walk *walk, const struct usage_node *node)
{
    bool more;
    do {
        if (!walk_once(walk, node)) {
            return false;
        }
        more = (node->flags & USAGE_STOPS) != 0  ? next_token(walk, usage_stops(node)) < 0
               : (node->flags & USAGE_OPEN) != 0 ? true
                                                 : next_token(walk, node->first) >= 0;
    } while (!is_done(walk) && more);
    /* A repeated option is shown again by walk_options. */
    if (is_done(walk) && (node->flags & USAGE_OPTION) == 0) {
        show_again(walk, node);
    }
    return true;
}

/* Whether a part that is optional and may begin with an argument takes the next word. */
static bool takes_word(struct walk *walk, const struct usage_node *node)
{
    struct gm_arg probe;
    struct gm_bytes word = walk->words[walk->at];
    if (next_token(walk, node->first) >= 0) {
        return true;
    }
    if (next_token(walk, node->follow) >= 0) {
        return false;
    }
    bool later = is_partial_word(walk) && begun_tokens(walk->usage, node->follow, word) != 0;
    return !later && usage_read(walk->usage, node->lead, word, &probe) == NULL;
}

static bool walk_item(struct walk *walk, const struct usage_node *node)
{
    bool half =
        node->count_leaf != USAGE_NO_LEAF && (usage_leaf(walk->usage, node->count_leaf)->flags & USAGE_HALF) != 0;
    if ((node->flags & USAGE_COUNTED) != 0 && !half && (walk->taken >> node->count_leaf & 1) != 0) {
        return walk_counted(walk, node);
    }
    if (is_done(walk)) {
        show(walk, node);
        return true;
    }
    if ((node->flags & (USAGE_OPTIONAL | USAGE_OPTION)) == USAGE_OPTIONAL && !takes_word(walk, node)) {
        return true; /* what is left over is found at the end */
    }
    return (node->flags & USAGE_REPEAT) != 0 ? walk_repeat(walk, node) : walk_once(walk, node);
}

/* ---- the whole ---- */

static void walk_line(const struct usage *usage, const struct gm_bytes *words, uint32_t count, bool partial,
                      struct buf *out, struct usage_hint *hint)
{
    struct walk walk = {.usage = usage,
                        .words = words,
                        .out = out,
                        .hint = hint,
                        .count = count,
                        .at = usage->words,
                        .partial = partial};
    *hint = (struct usage_hint){.argument = -1};
    if (walk_sequence(&walk, usage->nodes[0].child) && !is_done(&walk)) {
        (void)refuse(&walk);
    }
}

static bool is_complete(const struct usage *usage, const struct gm_bytes *words, uint32_t count)
{
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_bound bound = {.key_room = 0};
    return usage_bind(usage, words, count, args, &bound) == USAGE_OK;
}

void usage_hint(const struct usage *usage, const struct gm_bytes *words, uint32_t count, bool partial, struct buf *rest,
                struct usage_hint *hint)
{
    check(count >= usage->words + (partial ? 1 : 0));
    struct usage_hint after;
    size_t size = rest == NULL ? 0 : rest->size;
    walk_line(usage, words, count, partial, rest, &after);
    if (!partial) {
        *hint = after;
    } else {
        walk_line(usage, words, count - 1, false, NULL, hint);
        hint->tokens = begun_tokens(usage, hint->tokens, words[count - 1]);
        bool hopeful = !hint->refused && hint->tokens != 0;
        if (after.refused && hopeful) {
            walk_line(usage, words, count - 1, false, rest, &after);
        } else if (after.refused) {
            hint->refused = true;
            hint->at = after.at;
        }
    }
    hint->complete = is_complete(usage, words, count);
    if (hint->refused && rest != NULL) {
        rest->size = size;
    }
}
