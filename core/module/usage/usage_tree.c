/* SPDX-License-Identifier: MIT */

/* usage_tree.c - what follows from the shape of a usage line, and which lines could be read in two ways.
 *
 * Why     The matcher (usage_bind.c) goes from left to right and never back. It can do so because every decision that
 *         it will meet is known, here, to be decidable by one word or by the number of words that are left; other lines
 *         are refused.
 *
 * Idea    Bottom up, each node learns how many words it takes (min, max), which tokens may begin it (first) and whether
 *         an argument may (lead). Top down, each learns what may come after it, in three forms:
 *             tokens         that may be the very next word
 *             min, max       words until the end of the line
 *             options_only   nothing but token options: then a word that is none of their tokens cannot belong to them
 *             hidden         an option of a run that this is in, given late, with something required before it: neither
 *                            the next word nor the number of words then tells what the next word is
 *             lead           an argument may be the very next word
 *
 * Promises
 *   P1  Of two things that could begin at one place, no two begin with the same token, and at most one with an
 *       argument.
 *   P2  An optional argument is followed by a fixed number of words, or by token options only.
 *   P3  A repeat that an argument begins is followed by a fixed number of words, or directly by nothing but tokens:
 *       then the first of these ends it (USAGE_STOPS).
 *   P4  A count is always given before what it counts, and once.
 *   P5  Of two halves, the second follows the first at once, and both take any bytes and have a fixed number of words
 *       for each time: so the number of words tells how many there are.
 */
#include "module/usage/usage_tree.h"

#include <stdio.h>

#include "base/memory.h"
#include "module/usage/usage_again.h"

struct after {
    uint64_t tokens;
    uint32_t min;
    uint32_t max;
    bool options_only;
    bool late;   /* an option written earlier may come */
    bool hidden; /* the same, and a required word comes before it */
    bool lead;   /* an argument may come next */
};

struct analysis {
    struct usage *usage;
    struct complaint *complaint;
};

static uint32_t add_words(uint32_t a, uint32_t b)
{
    return a > USAGE_UNBOUNDED - b ? USAGE_UNBOUNDED : a + b;
}

static bool is_repeated(const struct usage_node *node)
{
    return (node->flags & (USAGE_REPEAT | USAGE_COUNTED)) != 0;
}

static bool is_optional(const struct usage_node *node)
{
    return (node->flags & USAGE_OPTIONAL) != 0;
}

static bool is_required_once(const struct usage_node *node)
{
    return !is_optional(node) && !is_repeated(node);
}

static uint32_t item_min(const struct usage_node *node)
{
    return is_optional(node) ? 0 : node->min;
}

/* A token that both sets hold, by its text; USAGE_NO_LEAF: none. */
static uint8_t common_token(const struct usage *usage, uint64_t a, uint64_t b)
{
    for (uint64_t left = a; left != 0; left &= left - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(left);
        if (usage_token_among(usage, b, usage_leaf_text(usage, leaf)) >= 0) {
            return (uint8_t)leaf;
        }
    }
    return USAGE_NO_LEAF;
}

static enum status refuse_common(const struct analysis *analysis, uint32_t column, uint8_t leaf)
{
    struct gm_bytes text = usage_leaf_text(analysis->usage, leaf);
    return usage_refuse(analysis->complaint, column, "the word %.*s could belong to this or to what stands beside it",
                        (int)text.size, (const char *)text.data);
}

/* ---- bottom up ---- */

static enum status measure(struct analysis *analysis, uint8_t number);

static enum status measure_sequence(struct analysis *analysis, struct usage_node *node)
{
    struct usage_node *nodes = analysis->usage->nodes;
    bool begun = false;
    bool plain = node->child != 0;
    for (uint8_t number = node->child; number != 0; number = nodes[number].next) {
        TRY(measure(analysis, number));
        const struct usage_node *child = &nodes[number];
        node->min = add_words(node->min, item_min(child));
        node->max = add_words(node->max, child->max);
        plain = plain && is_required_once(child) && (child->flags & USAGE_PLAIN) != 0;
        if (!begun) {
            node->first |= child->first;
            node->lead = node->lead == USAGE_NO_LEAF ? child->lead : node->lead;
            begun = item_min(child) > 0;
        }
    }
    node->flags |= plain ? USAGE_PLAIN : 0;
    return STATUS_OK;
}

static enum status measure_choice(struct analysis *analysis, struct usage_node *node)
{
    struct usage_node *nodes = analysis->usage->nodes;
    node->min = USAGE_UNBOUNDED;
    for (uint8_t number = node->child; number != 0; number = nodes[number].next) {
        TRY(measure(analysis, number));
        const struct usage_node *child = &nodes[number];
        if (item_min(child) == 0) {
            return usage_refuse(analysis->complaint, child->column, "an alternative needs at least one word");
        }
        if (child->lead != USAGE_NO_LEAF && node->lead != USAGE_NO_LEAF) { /* usage_tree P1 */
            return usage_refuse(analysis->complaint, child->column, "two alternatives begin with an argument");
        }
        uint8_t common = common_token(analysis->usage, child->first, node->first);
        if (common != USAGE_NO_LEAF) {
            return refuse_common(analysis, child->column, common);
        }
        node->lead = child->lead != USAGE_NO_LEAF ? child->lead : node->lead;
        node->first |= child->first;
        node->min = item_min(child) < node->min ? item_min(child) : node->min;
        node->max = child->max > node->max ? child->max : node->max;
    }
    return STATUS_OK;
}

static void measure_leaf(struct usage_node *node)
{
    node->min = 1;
    node->max = 1;
    if (node->kind == USAGE_TOKEN) {
        node->first = (uint64_t)1 << node->leaf;
    } else {
        node->lead = node->leaf;
        node->flags |= USAGE_PLAIN;
    }
}

static enum status measure(struct analysis *analysis, uint8_t number)
{
    struct usage_node *node = &analysis->usage->nodes[number];
    if (node->kind == USAGE_SEQUENCE) {
        TRY(measure_sequence(analysis, node));
    } else if (node->kind == USAGE_CHOICE) {
        TRY(measure_choice(analysis, node));
    } else {
        measure_leaf(node);
    }
    if (node->min == 0 && (is_optional(node) || is_repeated(node))) {
        return usage_refuse(analysis->complaint, node->column,
                            "what is optional or repeated needs at least one word in it");
    }
    if (is_repeated(node)) {
        node->max = USAGE_UNBOUNDED;
    }
    if ((node->flags & (USAGE_OPTIONAL | USAGE_COUNTED)) == USAGE_OPTIONAL && node->lead == USAGE_NO_LEAF) {
        node->flags |= USAGE_OPTION;
    }
    if ((node->flags & USAGE_REPEAT) != 0 && node->lead != USAGE_NO_LEAF) {
        node->flags |= USAGE_OPEN;
    }
    return STATUS_OK;
}

/* ---- top down ---- */

/* What comes after a node of a sequence: its later siblings, then what comes after the sequence. */
static struct after after_item(const struct usage *usage, const struct usage_node *item, const struct after *outer)
{
    struct after after = {.options_only = true};
    bool near = true; /* nothing required in between */
    for (uint8_t number = item->next; number != 0; number = usage->nodes[number].next) {
        const struct usage_node *sibling = &usage->nodes[number];
        after.tokens |= near ? sibling->first : 0;
        after.lead = after.lead || (near && sibling->lead != USAGE_NO_LEAF);
        near = near && item_min(sibling) == 0;
        after.min = add_words(after.min, item_min(sibling));
        after.max = add_words(after.max, sibling->max);
        after.options_only = after.options_only && (sibling->flags & USAGE_OPTION) != 0;
    }
    after.tokens |= near ? outer->tokens : 0;
    after.lead = after.lead || (near && outer->lead);
    after.late = near && outer->late;
    after.hidden = outer->hidden || (!near && outer->late);
    after.min = add_words(after.min, outer->min);
    after.max = add_words(after.max, outer->max);
    after.options_only = after.options_only && outer->options_only;
    return after;
}

/* Options of one run come in any order, so those written earlier may come after this one too. */
static uint64_t earlier_options(const struct usage *usage, const struct usage_node *parent, uint8_t number)
{
    uint64_t tokens = 0;
    for (uint8_t earlier = parent->child; earlier != number; earlier = usage->nodes[earlier].next) {
        const struct usage_node *node = &usage->nodes[earlier];
        tokens = (node->flags & USAGE_OPTION) != 0 ? tokens | node->first : 0;
    }
    return tokens;
}

/* Whether the argument that may begin an optional part is optional in it: its type would then decide nothing. */
static bool begins_uncertain(const struct usage *usage, const struct usage_node *node)
{
    const struct usage_node *lead = usage_leaf(usage, node->lead);
    while (lead != node && !is_optional(lead)) {
        lead = &usage->nodes[lead->parent];
    }
    return lead != node;
}

static enum status check_decidable(struct analysis *analysis, const struct usage_node *node, const struct after *after)
{
    const struct usage *usage = analysis->usage;
    if ((node->flags & (USAGE_OPTIONAL | USAGE_REPEAT)) != 0) {
        uint8_t common = common_token(usage, node->first, after->tokens);
        if (common != USAGE_NO_LEAF) { /* usage_tree P1 */
            return refuse_common(analysis, node->column, common);
        }
    }
    bool stops = (node->flags & USAGE_OPEN) != 0 && after->min != after->max;
    if (stops && (after->lead || (node->flags & USAGE_HALF) != 0)) { /* usage_tree P3 */
        return usage_refuse(
            analysis->complaint, node->column,
            "a repeated argument takes all words up to the next token, or to a fixed number of words at "
            "the end: neither tells here where it ends");
    }
    bool positional = is_optional(node) && node->lead != USAGE_NO_LEAF && (node->flags & USAGE_COUNTED) == 0;
    /* usage_tree P2 */
    if (positional && (after->hidden || (after->min != after->max && !after->options_only))) {
        return usage_refuse(analysis->complaint, node->column,
                            "whether this optional argument is there cannot be told from what follows it");
    }
    if (positional && begins_uncertain(usage, node)) {
        return usage_refuse(analysis->complaint, node->column, "an optional part begins with an optional argument");
    }
    return STATUS_OK;
}

/* What ends the words that a half and the other share: the other. */
static const struct usage_node *last_half(const struct usage *usage, const struct usage_node *item)
{
    return (item->flags & USAGE_HALF) != 0 ? &usage->nodes[item->next] : item;
}

static enum status descend(struct analysis *analysis, uint8_t number, struct after after)
{
    struct usage *usage = analysis->usage;
    struct usage_node *node = &usage->nodes[number];
    TRY(check_decidable(analysis, node, &after));
    if ((node->flags & USAGE_OPEN) != 0 && after.min != after.max) {
        node->flags |= USAGE_STOPS;
    }
    if (is_repeated(node)) {
        after.lead = after.lead || node->lead != USAGE_NO_LEAF;
        after.tokens |= node->first;
        after.max = USAGE_UNBOUNDED;
        after.options_only = after.options_only && node->lead == USAGE_NO_LEAF;
    }
    node->follow = after.tokens;
    for (uint8_t child = node->child; child != 0; child = usage->nodes[child].next) {
        struct usage_node *item = &usage->nodes[child];
        struct after behind = after;
        if (node->kind == USAGE_SEQUENCE) {
            behind = after_item(usage, last_half(usage, item), &after);
            struct after nothing = {.options_only = true};
            item->after = after_item(usage, item, &nothing).min;
            uint64_t earlier = (item->flags & USAGE_OPTION) != 0 ? earlier_options(usage, node, child) : 0;
            behind.tokens |= earlier;
            behind.late = behind.late || earlier != 0;
        }
        TRY(descend(analysis, child, behind));
    }
    return STATUS_OK;
}

/* ---- counts ---- */

static bool is_above(const struct usage *usage, uint8_t above, uint8_t number)
{
    while (number != 0 && number != above) {
        number = usage->nodes[number].parent;
    }
    return number == above;
}

static bool is_inside_repeat(const struct usage *usage, uint8_t number)
{
    bool repeated = is_repeated(&usage->nodes[number]);
    while (number != 0 && !repeated) {
        number = usage->nodes[number].parent;
        repeated = is_repeated(&usage->nodes[number]);
    }
    return repeated;
}

/* "key... id{key}": as many as there are of what is repeated. */
static enum status check_half(struct analysis *analysis, uint8_t number, struct usage_node *counter)
{
    struct usage *usage = analysis->usage;
    const struct usage_node *node = &usage->nodes[number];
    bool once = counter->parent == node->parent && counter->next == number && !is_optional(node) &&
                !is_optional(counter) && !is_inside_repeat(usage, counter->parent) &&
                usage->nodes[counter->parent].kind == USAGE_SEQUENCE;
    bool bytes = counter->type == USAGE_STRING || counter->type == USAGE_PATTERN || counter->type == USAGE_KEY ||
                 counter->type == USAGE_RKEY;
    if (!once || !bytes || (node->flags & USAGE_PLAIN) == 0) { /* usage_tree P5 */
        return usage_refuse(analysis->complaint, node->column,
                            "as often as a repeated argument comes only what follows it at once, without tokens, and "
                            "if it takes any bytes");
    }
    counter->flags |= USAGE_HALF;
    return STATUS_OK;
}

static enum status check_count(struct analysis *analysis, uint8_t number)
{
    struct usage *usage = analysis->usage;
    struct usage_node *node = &usage->nodes[number];
    uint8_t counter_number = usage->leaves[node->count_leaf];
    struct usage_node *counter = &usage->nodes[counter_number];
    if ((counter->flags & USAGE_REPEAT) != 0) {
        return check_half(analysis, number, counter);
    }
    bool fits = counter->type == USAGE_INT || counter->type == USAGE_COUNT || counter->type == USAGE_POSITIVE;
    if (!fits) {
        return usage_refuse(analysis->complaint, counter->column, "what counts another argument must be an int");
    }
    /* usage_tree P4 */
    if (usage->nodes[counter->parent].kind != USAGE_SEQUENCE || is_optional(counter) ||
        !is_above(usage, counter->parent, number) || is_inside_repeat(usage, counter_number)) {
        return usage_refuse(analysis->complaint, node->column,
                            "the argument which counts this is not always given, once, before it");
    }
    bool zero = is_optional(node) && ((counter->flags & USAGE_COUNTS) == 0 || counter->type == USAGE_COUNT);
    counter->type = zero ? USAGE_COUNT : USAGE_POSITIVE;
    counter->flags |= USAGE_COUNTS;
    return STATUS_OK;
}

/* ---- sums ---- */

static void make_texts(struct usage *usage)
{
    static const char format[] = "ERR %.*s should be greater than 0";
    size_t each = sizeof format + 256;
    size_t used = 0;
    usage->texts = memory_zeroed(usage->leaf_count * each + 1);
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        if (usage_leaf(usage, leaf)->type == USAGE_POSITIVE) {
            struct gm_bytes name = usage_leaf_text(usage, leaf);
            char *text = usage->texts + used;
            used += (size_t)snprintf(text, each, format, (int)name.size, (const char *)name.data) + 1;
            usage->range_errors[leaf] = text;
        }
    }
    usage->texts = memory_realloc(usage->texts, used + 1);
}

static void find_range_errors(struct usage *usage)
{
    const char *text = usage->texts;
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        if (usage_leaf(usage, leaf)->type == USAGE_POSITIVE) {
            usage->range_errors[leaf] = text;
            text += strlen(text) + 1;
        }
    }
}

static void sort_leaves(struct usage *usage)
{
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        const struct usage_node *node = usage_leaf(usage, leaf);
        uint64_t bit = (uint64_t)1 << leaf;
        bool key = node->kind == USAGE_ARGUMENT && (node->type == USAGE_KEY || node->type == USAGE_RKEY);
        bool bytes = key || node->kind == USAGE_TOKEN || node->type == USAGE_STRING || node->type == USAGE_PATTERN;
        usage->keyed |= key ? bit : 0;
        usage->checked |= bytes ? 0 : bit;
        usage->has_written_keys = usage->has_written_keys || (key && node->type == USAGE_KEY);
        usage->has_own_keys = usage->has_own_keys || (key && node->accepts == USAGE_ACCEPTS_OWN);
        if (node->kind == USAGE_TOKEN) {
            uint8_t number = usage->leaves[leaf];
            while (number != 0 && !is_optional(&usage->nodes[number])) {
                number = usage->nodes[number].parent;
            }
            usage->has_options = usage->has_options || number != 0;
        }
    }
    usage->has_keys = usage->keyed != 0;
}

/* Whether all that follows the prefix can be left out without looking at a word. */
static bool is_all_optional(const struct usage *usage, uint8_t number)
{
    for (; number != 0; number = usage->nodes[number].next) {
        if ((usage->nodes[number].flags & (USAGE_OPTIONAL | USAGE_COUNTED)) != USAGE_OPTIONAL) {
            return false;
        }
    }
    return true;
}

/* Splits the line into prefix, body and tail where it has that form. */
static void find_shape(struct usage *usage)
{
    uint8_t number = usage->nodes[0].child;
    while (number != 0 && usage->nodes[number].kind == USAGE_ARGUMENT && is_required_once(&usage->nodes[number])) {
        usage->prefix++;
        number = usage->nodes[number].next;
    }
    usage->rest = number;
    usage->bare = is_all_optional(usage, number) ? usage->words + usage->prefix : 0;
    if (number == 0) {
        return;
    }
    const struct usage_node *node = &usage->nodes[number];
    if ((node->flags & (USAGE_OPEN | USAGE_PLAIN)) != (USAGE_OPEN | USAGE_PLAIN)) {
        return;
    }
    uint32_t tail = 0;
    for (uint8_t after = node->next; after != 0; after = usage->nodes[after].next) {
        if (usage->nodes[after].kind != USAGE_ARGUMENT || !is_required_once(&usage->nodes[after])) {
            return;
        }
        tail++;
    }
    usage->tail = tail;
    usage->body = node->min; /* plain: a leaf a word */
}

static void count_words(struct usage *usage)
{
    const struct usage_node *root = &usage->nodes[0];
    usage->min_argc = usage->words + root->min;
    usage->max_argc = add_words(usage->words, root->max);
    usage->arity = usage->min_argc == usage->max_argc ? (int32_t)usage->min_argc : -(int32_t)usage->min_argc;
}

/* ---- keys, in the form that COMMAND INFO has for them ---- */

static bool is_key_leaf(const struct usage *usage, uint32_t leaf)
{
    return (usage->keyed >> leaf & 1) != 0;
}

/* The keys of the prefix: equal steps are expressed, anything else moves. */
static void find_prefix_keys(struct usage *usage)
{
    for (uint32_t leaf = 0; leaf < usage->prefix; leaf++) {
        int32_t position = (int32_t)(usage->words + leaf);
        if (!is_key_leaf(usage, leaf)) {
            continue;
        }
        if (usage->first_key == 0) {
            usage->first_key = position;
            usage->last_key = position;
            usage->key_step = 1;
        } else if (usage->last_key == usage->first_key || position - usage->last_key == usage->key_step) {
            usage->key_step = position - usage->last_key;
            usage->last_key = position;
        } else {
            usage->movable_keys = true;
        }
    }
}

/* The keys of a repeat that goes to the end, or nearly. */
static void find_body_keys(struct usage *usage)
{
    uint32_t found = 0;
    uint32_t first = 0;
    for (uint32_t leaf = usage->prefix; leaf < usage->prefix + usage->body; leaf++) {
        if (is_key_leaf(usage, leaf)) {
            first = found == 0 ? leaf : first;
            found++;
        }
    }
    if (found == 0) {
        return;
    }
    int32_t begin = (int32_t)(usage->words + first);
    int32_t step = found == usage->body ? 1 : (int32_t)usage->body;
    bool alone = usage->first_key == 0;
    bool joins = !alone && usage->key_step == 1 && step == 1 && begin == usage->last_key + 1;
    if ((found == 1 || found == usage->body) && (alone || joins) && !usage->movable_keys) {
        usage->first_key = alone ? begin : usage->first_key;
        usage->last_key = -1 - (int32_t)usage->tail;
        usage->key_step = step;
    } else {
        usage->movable_keys = true;
    }
}

static void find_keys(struct usage *usage)
{
    find_prefix_keys(usage);
    find_body_keys(usage);
    for (uint32_t leaf = usage->prefix + usage->body; leaf < usage->leaf_count; leaf++) {
        usage->movable_keys = usage->movable_keys || is_key_leaf(usage, leaf);
    }
}

enum status usage_analyse(struct usage *usage, struct complaint *complaint)
{
    struct analysis analysis = {usage, complaint};
    TRY(measure(&analysis, 0));
    for (uint32_t number = 0; number < usage->node_count; number++) {
        if ((usage->nodes[number].flags & USAGE_COUNTED) != 0) {
            TRY(check_count(&analysis, (uint8_t)number));
        }
    }
    TRY(descend(&analysis, 0, (struct after){.options_only = true}));
    make_texts(usage);
    find_range_errors(usage);
    sort_leaves(usage);
    find_shape(usage);
    count_words(usage);
    usage_again_mark(usage);
    find_keys(usage);
    return STATUS_OK;
}
