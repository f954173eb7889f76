/* SPDX-License-Identifier: MIT */

/* usage_bind.c - matching one call against a usage line.
 *
 * Why     This runs for every request. Most calls are nothing but their required arguments, so those go by in a loop
 *         over argv, without looking at the tree.
 *
 * Idea       prefix           body             tail                    prefix     rest
 *         BLPOP              {key}...          timeout         SET    key value   [NX|XX] [EX seconds|...]
 *         The prefix is taken leaf by leaf. Then either the body is counted out (words left / words of a body), or
 *         what is left is matched node by node, from left to right and never back: usage_tree.c has made sure that one
 *         word, or the number of words left, decides. `reserve` is the number of words, at the end, that required parts
 *         still need.
 *
 * Promises
 *   P1  No allocation, and the depth of recursion is bounded by USAGE_DEPTH_MAX.
 *   P2  Each step takes a word or ends a node, so the time is O(words * tokens that fit there).
 *   P3  Leaves that were not given are all zero, so that a plan which looks at them anyway sees the same each time.
 */
#include "module/usage/usage.h"

#include "module/usage/usage_again.h"
#include "module/usage/usage_tree.h"

static const char syntax_error[] = "ERR syntax error";

struct binder {
    const struct usage *usage;
    const struct gm_bytes *argv;
    struct gm_arg *args;
    struct usage_bound *bound;
    uint32_t argc;
    uint32_t at;      /* next word */
    uint32_t options; /* how many optional parts we are in */
};

static enum usage_outcome bind_item(struct binder *binder, const struct usage_node *node, uint32_t reserve);

/* ---- refusals ---- */

static enum usage_outcome refuse_syntax(struct usage_bound *bound, uint32_t at)
{
    bound->at = at;
    bound->error = syntax_error;
    return USAGE_SYNTAX;
}

static enum usage_outcome refuse_arity(struct usage_bound *bound, uint32_t at)
{
    bound->at = at;
    return USAGE_ARITY;
}

static enum usage_outcome refuse_value(struct usage_bound *bound, uint32_t at, const char *error)
{
    bound->at = at;
    bound->error = error;
    return USAGE_VALUE;
}

static enum usage_outcome refuse_surplus(const struct usage *usage, struct usage_bound *bound, uint32_t at)
{
    return usage->has_options ? refuse_syntax(bound, at) : refuse_arity(bound, at);
}

static enum usage_outcome refuse_missing(const struct binder *binder)
{
    bool syntax = binder->options > 0 && binder->usage->has_options;
    return syntax ? refuse_syntax(binder->bound, binder->argc) : refuse_arity(binder->bound, binder->argc);
}

/* ---- leaves ---- */

static inline void add_key(const struct usage *usage, struct usage_bound *bound, uint32_t leaf, uint32_t index)
{
    if (bound->key_count < bound->key_room) {
        const struct usage_node *node = &usage->nodes[usage->leaves[leaf]];
        bound->keys[bound->key_count] = (struct usage_key){index, node->type == USAGE_KEY, node->accepts};
    }
    bound->key_count++;
}

static inline void add_word(struct gm_arg *arg, uint32_t at)
{
    if (arg->count == 0) {
        arg->first = at;
    } else if (arg->count == 1) {
        arg->stride = at - arg->first;
    } else if (at != arg->first + arg->count * arg->stride) {
        arg->stride = 0; /* and stays 0: `at` is greater than `first` */
    }
    arg->count++;
}

/* Whether the words that must follow leave none for this. */
static bool is_exhausted(const struct binder *binder, uint32_t reserve)
{
    return binder->argc - binder->at <= reserve;
}

static enum usage_outcome bind_argument(struct binder *binder, uint32_t leaf, uint32_t reserve)
{
    if (is_exhausted(binder, reserve)) {
        return refuse_missing(binder);
    }
    const struct usage *usage = binder->usage;
    struct gm_arg *arg = &binder->args[leaf];
    if ((usage->checked >> leaf & 1) != 0) {
        struct gm_arg later; /* the number kept is that of the first occurrence */
        const char *error = usage_read(usage, leaf, binder->argv[binder->at], arg->count == 0 ? arg : &later);
        if (error != NULL) {
            return refuse_value(binder->bound, binder->at, error);
        }
    } else if ((usage->keyed >> leaf & 1) != 0) {
        add_key(usage, binder->bound, leaf, binder->at);
    }
    add_word(arg, binder->at++);
    return USAGE_OK;
}

static enum usage_outcome bind_token(struct binder *binder, uint32_t leaf, uint32_t reserve)
{
    if (is_exhausted(binder, reserve)) {
        return refuse_missing(binder);
    }
    if (!usage_is_token(binder->usage, leaf, binder->argv[binder->at])) {
        return refuse_syntax(binder->bound, binder->at);
    }
    add_word(&binder->args[leaf], binder->at++);
    return USAGE_OK;
}

/* ---- choices and sequences ---- */

/* The leaf among `tokens` that the next word is; -1: none, or there is no word left for it. */
static int next_token(const struct binder *binder, uint64_t tokens, uint32_t reserve)
{
    return tokens == 0 || is_exhausted(binder, reserve)
               ? -1
               : usage_token_among(binder->usage, tokens, binder->argv[binder->at]);
}

static bool begins_with(const struct usage_node *node, int token)
{
    return token >= 0 ? (node->first >> token & 1) != 0 : node->lead != USAGE_NO_LEAF;
}

static enum usage_outcome bind_choice(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    if (is_exhausted(binder, reserve)) {
        return refuse_missing(binder);
    }
    int token = next_token(binder, node->first, reserve);
    for (uint8_t number = node->child; number != 0; number = binder->usage->nodes[number].next) {
        const struct usage_node *child = &binder->usage->nodes[number];
        if (begins_with(child, token)) {
            return bind_item(binder, child, reserve);
        }
    }
    return refuse_syntax(binder->bound, binder->at);
}

/* A run of options from `node` on, in any order; `*end` is the node after the run. */
static enum usage_outcome bind_options(struct binder *binder, const struct usage_node *node, uint32_t reserve,
                                       uint8_t *end)
{
    const struct usage_node *nodes = binder->usage->nodes;
    uint64_t open = 0;
    uint32_t after = 0;
    uint8_t begin = (uint8_t)(node - nodes);
    *end = begin;
    while (*end != 0 && (nodes[*end].flags & USAGE_OPTION) != 0) {
        open |= nodes[*end].first;
        after = reserve + nodes[*end].after;
        *end = nodes[*end].next;
    }
    for (;;) {
        int token = next_token(binder, open, after);
        if (token < 0) {
            return USAGE_OK;
        }
        uint8_t number = begin;
        while ((nodes[number].first >> token & 1) == 0) {
            number = nodes[number].next;
        }
        bool again = (nodes[number].flags & USAGE_AGAIN) != 0;
        if (again && !usage_again_begin(binder->usage, number, token, binder->args)) {
            return refuse_syntax(binder->bound, binder->at);
        }
        open &= again || (nodes[number].flags & USAGE_REPEAT) != 0 ? ~(uint64_t)0 : ~nodes[number].first;
        enum usage_outcome outcome = bind_item(binder, &nodes[number], after);
        if (outcome != USAGE_OK) {
            return outcome;
        }
    }
}

static enum usage_outcome bind_sequence(struct binder *binder, uint8_t number, uint32_t reserve)
{
    const struct usage_node *nodes = binder->usage->nodes;
    while (number != 0) {
        const struct usage_node *node = &nodes[number];
        enum usage_outcome outcome;
        if ((node->flags & USAGE_OPTION) != 0) {
            outcome = bind_options(binder, node, reserve, &number);
        } else {
            outcome = bind_item(binder, node, reserve + node->after);
            number = node->next;
        }
        if (outcome != USAGE_OK) {
            return outcome;
        }
    }
    return USAGE_OK;
}

/* ---- items ---- */

/* Whether an optional part that an argument may begin is there. */
static enum usage_outcome is_taken(struct binder *binder, const struct usage_node *node, uint32_t reserve, bool *taken)
{
    const struct usage *usage = binder->usage;
    uint32_t left = binder->argc - binder->at;
    *taken = false;
    if (left <= reserve || left - reserve < node->min) {
        return USAGE_OK;
    }
    *taken = next_token(binder, node->first, reserve) >= 0;
    if (*taken || next_token(binder, node->follow, reserve) >= 0) {
        return USAGE_OK;
    }
    *taken = true;
    struct gm_arg probe;
    const char *error = usage_read(usage, node->lead, binder->argv[binder->at], &probe);
    if (error == NULL) {
        return USAGE_OK;
    }
    return node->follow != 0 ? refuse_syntax(binder->bound, binder->at)
                             : refuse_value(binder->bound, binder->at, error);
}

static enum usage_outcome bind_once(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    switch ((enum usage_kind)node->kind) {
    case USAGE_TOKEN:
        return bind_token(binder, node->leaf, reserve);
    case USAGE_ARGUMENT:
        return bind_argument(binder, node->leaf, reserve);
    case USAGE_CHOICE:
        return bind_choice(binder, node, reserve);
    case USAGE_SEQUENCE:
        break;
    }
    return bind_sequence(binder, node->child, reserve);
}

static enum usage_outcome bind_counted(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    const struct gm_arg *counter = &binder->args[node->count_leaf];
    bool half = (usage_leaf(binder->usage, node->count_leaf)->flags & USAGE_HALF) != 0;
    uint64_t count = half ? counter->count : (uint64_t)counter->integer;
    uint32_t left = binder->argc - binder->at;
    uint64_t room = left <= reserve ? 0 : (left - reserve) / node->min;
    if (count > room) {
        return refuse_syntax(binder->bound, binder->argc);
    }
    for (uint64_t i = 0; i < count; i++) {
        uint32_t later = (uint32_t)(count - i - 1) * node->min;
        enum usage_outcome outcome = bind_once(binder, node, reserve + later);
        if (outcome != USAGE_OK) {
            return outcome;
        }
    }
    return USAGE_OK;
}

/* The words of a half and of the other, which comes with it, are counted out. */
static enum usage_outcome bind_half(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    uint32_t width = binder->usage->nodes[node->next].min;
    uint32_t left = binder->argc - binder->at + width; /* the reserve holds one of the other */
    uint32_t words = left <= reserve ? 0 : left - reserve;
    if (words == 0 || words % (width + 1) != 0) {
        return refuse_surplus(binder->usage, binder->bound, binder->argc);
    }
    uint32_t count = words / (width + 1);
    for (uint32_t i = 0; i < count; i++) {
        enum usage_outcome outcome = bind_once(binder, node, reserve);
        if (outcome != USAGE_OK) {
            return outcome;
        }
    }
    return USAGE_OK;
}

/* Takes all words but the reserved ones: usage_tree.c saw to it that nothing else can want them. */
static enum usage_outcome bind_open(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    bool stopped;
    do {
        uint32_t before = binder->at;
        enum usage_outcome outcome = bind_once(binder, node, reserve);
        if (outcome != USAGE_OK) {
            return outcome;
        }
        check(binder->at > before); /* usage_bind P2 */
        stopped = next_token(binder, usage_stops(node), reserve) >= 0;
    } while (!stopped && !is_exhausted(binder, reserve));
    return USAGE_OK;
}

static enum usage_outcome bind_repeat(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    do {
        uint32_t before = binder->at;
        enum usage_outcome outcome = bind_once(binder, node, reserve);
        if (outcome != USAGE_OK) {
            return outcome;
        }
        check(binder->at > before); /* usage_bind P2 */
    } while (next_token(binder, node->first, reserve) >= 0);
    return USAGE_OK;
}

static enum usage_outcome bind_present(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    if ((node->flags & USAGE_HALF) != 0) {
        return bind_half(binder, node, reserve);
    }
    if ((node->flags & USAGE_OPEN) != 0) {
        return bind_open(binder, node, reserve);
    }
    if ((node->flags & USAGE_REPEAT) != 0) {
        return bind_repeat(binder, node, reserve);
    }
    return bind_once(binder, node, reserve);
}

static enum usage_outcome bind_item(struct binder *binder, const struct usage_node *node, uint32_t reserve)
{
    if ((node->flags & USAGE_COUNTED) != 0) {
        return bind_counted(binder, node, reserve);
    }
    if ((node->flags & USAGE_OPTIONAL) == 0) {
        return bind_present(binder, node, reserve);
    }
    if ((node->flags & USAGE_OPTION) == 0) {
        bool taken;
        enum usage_outcome outcome = is_taken(binder, node, reserve, &taken);
        if (outcome != USAGE_OK || !taken) {
            return outcome;
        }
    }
    binder->options++;
    enum usage_outcome outcome = bind_present(binder, node, reserve);
    binder->options--;
    return outcome;
}

/* ---- the common forms ---- */

static enum usage_outcome read_prefix(const struct usage *usage, const struct gm_bytes *argv, struct gm_arg *args,
                                      struct usage_bound *bound, uint64_t leaves)
{
    for (; leaves != 0; leaves &= leaves - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(leaves);
        const char *error = usage_read(usage, leaf, argv[args[leaf].first], &args[leaf]);
        if (error != NULL) {
            return refuse_value(bound, args[leaf].first, error);
        }
    }
    return USAGE_OK;
}

/* The first `count` leaves, which are required arguments, from argv[words] on. */
static inline enum usage_outcome bind_prefix(const struct usage *usage, const struct gm_bytes *argv,
                                             struct gm_arg *args, struct usage_bound *bound)
{
    uint32_t words = usage->words;
    uint32_t count = usage->prefix;
    for (uint32_t leaf = 0; leaf < count; leaf++) {
        args[leaf] = (struct gm_arg){.count = 1, .first = words + leaf};
    }
    uint64_t mask = count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << count) - 1;
    for (uint64_t left = usage->keyed & mask; left != 0; left &= left - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(left);
        add_key(usage, bound, leaf, words + leaf);
    }
    uint64_t checked = usage->checked & mask;
    return checked == 0 ? USAGE_OK : read_prefix(usage, argv, args, bound, checked);
}

static void clear_rest(const struct usage *usage, struct gm_arg *args, uint32_t from)
{
    if (from < usage->leaf_count) {
        memset(args + from, 0, (usage->leaf_count - from) * sizeof args[0]); /* usage_bind P3 */
    }
}

/* One leaf of the body in all its repetitions: their types. */
static enum usage_outcome read_column(const struct usage *usage, const struct gm_bytes *argv, struct gm_arg *arg,
                                      struct usage_bound *bound, uint32_t leaf)
{
    struct gm_arg *target = arg;
    struct gm_arg later;
    for (uint32_t k = 0; k < arg->count; k++) {
        uint32_t at = arg->first + k * arg->stride;
        const char *error = usage_read(usage, leaf, argv[at], target);
        if (error != NULL) {
            return refuse_value(bound, at, error);
        }
        target = &later;
    }
    return USAGE_OK;
}

static void add_body_keys(const struct usage *usage, struct usage_bound *bound, uint32_t first, uint32_t count,
                          uint64_t keyed)
{
    for (uint32_t k = 0; keyed != 0 && k < count; k++) {
        for (uint64_t left = keyed; left != 0; left &= left - 1) {
            uint32_t leaf = (uint32_t)__builtin_ctzll(left);
            add_key(usage, bound, leaf, first + k * usage->body + leaf - usage->prefix);
        }
    }
}

/* The repeat after the prefix, and the required arguments after it. */
static enum usage_outcome bind_body(const struct usage *usage, const struct gm_bytes *argv, uint32_t argc,
                                    struct gm_arg *args, struct usage_bound *bound)
{
    uint32_t first = usage->words + usage->prefix;
    uint32_t words = argc - first - usage->tail;
    uint32_t count = usage->body == 1 ? words : words / usage->body;
    uint32_t body_end = usage->prefix + usage->body;
    if (count * usage->body != words) {
        return refuse_arity(bound, argc);
    }
    for (uint32_t leaf = usage->prefix; leaf < usage->leaf_count; leaf++) {
        bool repeated = leaf < body_end;
        uint32_t at = repeated ? first + leaf - usage->prefix : argc - (usage->leaf_count - leaf);
        uint32_t times = repeated ? count : 1;
        args[leaf] =
            (struct gm_arg){.count = times, .first = times > 0 ? at : 0, .stride = times > 1 ? usage->body : 0};
    }
    uint64_t beyond = usage->keyed >> usage->prefix << usage->prefix;
    uint64_t body_mask = body_end == 64 ? ~(uint64_t)0 : ((uint64_t)1 << body_end) - 1;
    add_body_keys(usage, bound, first, count, beyond & body_mask);
    for (uint64_t left = beyond & ~body_mask; left != 0; left &= left - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(left);
        add_key(usage, bound, leaf, args[leaf].first);
    }
    for (uint64_t left = usage->checked >> usage->prefix << usage->prefix; left != 0; left &= left - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(left);
        enum usage_outcome outcome = read_column(usage, argv, &args[leaf], bound, leaf);
        if (outcome != USAGE_OK) {
            return outcome;
        }
    }
    return USAGE_OK;
}

static enum usage_outcome bind_rest(const struct usage *usage, const struct gm_bytes *argv, uint32_t argc,
                                    struct gm_arg *args, struct usage_bound *bound)
{
    struct binder binder = {
        .usage = usage, .argv = argv, .args = args, .bound = bound, .argc = argc, .at = usage->words + usage->prefix};
    clear_rest(usage, args, usage->prefix);
    enum usage_outcome outcome = bind_sequence(&binder, (uint8_t)usage->rest, 0);
    if (outcome == USAGE_OK && binder.at != argc) {
        return refuse_surplus(usage, bound, binder.at);
    }
    return outcome;
}

/* usage_bind P1: nothing below allocates, and brackets are at most USAGE_DEPTH_MAX deep (usage P1). */
enum usage_outcome usage_bind(const struct usage *usage, const struct gm_bytes *argv, uint32_t argc,
                              struct gm_arg *args, struct usage_bound *bound)
{
    bound->key_count = 0;
    bound->at = 0;
    bound->error = NULL;
    if (argc < usage->min_argc) {
        return refuse_arity(bound, argc);
    }
    if (argc > usage->max_argc) {
        return refuse_surplus(usage, bound, usage->max_argc);
    }
    enum usage_outcome outcome = bind_prefix(usage, argv, args, bound);
    if (outcome != USAGE_OK) {
        return outcome;
    }
    if (argc == usage->bare) {
        clear_rest(usage, args, usage->prefix);
        return USAGE_OK;
    }
    return usage->body > 0 ? bind_body(usage, argv, argc, args, bound) : bind_rest(usage, argv, argc, args, bound);
}
