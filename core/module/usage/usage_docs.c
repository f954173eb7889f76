/* SPDX-License-Identifier: MIT */

/* usage_docs.c - the tree in the words of COMMAND DOCS.
 *
 * Idea    Redis joins a token with the argument after it: "EX seconds" is one argument, "seconds", with the token EX.
 *         All the rest corresponds one to one: token = pure-token, choice = oneof, sequence = block. Choices and blocks
 *         have names there and none here, so they get that of their first leaf.
 */
#include "module/usage/usage_docs.h"

/* The argument that a sequence of a token and an argument comes down to; NULL if it is anything else. */
static const struct usage_node *joined(const struct usage *usage, const struct usage_node *node)
{
    if (node->kind != USAGE_SEQUENCE) {
        return NULL;
    }
    const struct usage_node *first = &usage->nodes[node->child];
    const struct usage_node *second = &usage->nodes[first->next];
    bool token = first->kind == USAGE_TOKEN && (first->flags & (USAGE_OPTIONAL | USAGE_REPEAT | USAGE_COUNTED)) == 0;
    bool argument = first->next != 0 && second->kind == USAGE_ARGUMENT && (second->flags & USAGE_OPTIONAL) == 0;
    return token && argument && second->next == 0 ? second : NULL;
}

static const char *type_of(const struct usage_node *node)
{
    if (node->kind != USAGE_ARGUMENT) {
        return node->kind == USAGE_TOKEN ? "pure-token" : node->kind == USAGE_CHOICE ? "oneof" : "block";
    }
    switch ((enum usage_type)node->type) {
    case USAGE_INT:
    case USAGE_COUNT:
    case USAGE_POSITIVE:
        return "integer";
    case USAGE_FLOAT:
    case USAGE_SCORE:
    case USAGE_BOUND:
    case USAGE_TIMEOUT:
        return "double";
    case USAGE_UNIX:
    case USAGE_UNIX_MS:
        return "unix-time";
    case USAGE_PATTERN:
        return "pattern";
    case USAGE_KEY:
    case USAGE_RKEY:
        return "key";
    case USAGE_STRING:
        break;
    }
    return "string";
}

static void copy_name(char name[64], struct gm_bytes text)
{
    size_t size = text.size < 63 ? text.size : 63;
    for (size_t i = 0; i < size; i++) {
        char c = (char)text.data[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    name[size] = '\0';
}

static uint32_t first_leaf(const struct usage *usage, const struct usage_node *node)
{
    while (node->leaf == USAGE_NO_LEAF) {
        node = &usage->nodes[node->child];
    }
    return node->leaf;
}

uint8_t usage_docs_first(const struct usage *usage)
{
    return usage->nodes[0].child;
}

uint32_t usage_docs_count(const struct usage *usage, uint8_t first)
{
    uint32_t count = 0;
    for (uint8_t number = first; number != 0; number = usage->nodes[number].next) {
        count++;
    }
    return count;
}

static int key_ordinal(const struct usage *usage, uint32_t leaf)
{
    uint64_t bit = (uint64_t)1 << leaf;
    return (usage->keyed & bit) != 0 ? __builtin_popcountll(usage->keyed & (bit - 1)) : -1;
}

struct usage_doc usage_docs_at(const struct usage *usage, uint8_t number)
{
    const struct usage_node *node = &usage->nodes[number];
    const struct usage_node *argument = joined(usage, node);
    const struct usage_node *shown = argument != NULL ? argument : node;
    bool repeated = (node->flags & (USAGE_REPEAT | USAGE_COUNTED)) != 0;
    struct usage_doc doc = {.type = type_of(shown), .token = BYTES_NONE, .key_spec_index = -1, .next = node->next};
    copy_name(doc.name, usage_leaf_text(usage, first_leaf(usage, shown)));
    doc.optional = (node->flags & USAGE_OPTIONAL) != 0;
    doc.multiple = repeated || (shown->flags & (USAGE_REPEAT | USAGE_COUNTED)) != 0;
    if (argument != NULL) {
        doc.token = usage_leaf_text(usage, usage->nodes[node->child].leaf);
        doc.multiple_token = repeated;
    } else if (node->kind == USAGE_TOKEN) {
        doc.token = usage_leaf_text(usage, node->leaf);
    }
    if (shown->leaf != USAGE_NO_LEAF) {
        doc.key_spec_index = key_ordinal(usage, shown->leaf);
    } else {
        doc.child = shown->child;
    }
    return doc;
}

/* ---- key specifications ---- */

uint32_t usage_key_spec_count(const struct usage *usage)
{
    return (uint32_t)__builtin_popcountll(usage->keyed);
}

static uint32_t nth_key_leaf(const struct usage *usage, uint32_t index)
{
    uint64_t left = usage->keyed;
    for (; index > 0; index--) {
        left &= left - 1;
    }
    return (uint32_t)__builtin_ctzll(left);
}

/* "numkeys key{numkeys}" at the end of the prefix. */
static void specify_counted(const struct usage *usage, const struct usage_node *node, struct usage_key_spec *spec)
{
    if (node->count_leaf < usage->prefix && node->leaf == usage->prefix && &usage->nodes[usage->rest] == node) {
        spec->begin = USAGE_BEGIN_INDEX;
        spec->index = (int32_t)(usage->words + node->count_leaf);
        spec->span = USAGE_SPAN_KEYNUM;
        spec->first = (int32_t)(node->leaf - node->count_leaf);
        spec->key_step = 1;
    }
}

/* "STORE destination:key" among options. */
static void specify_keyword(const struct usage *usage, const struct usage_node *node, struct usage_key_spec *spec)
{
    const struct usage_node *parent = &usage->nodes[node->parent];
    if (node->parent != 0 && joined(usage, parent) == node && (node->flags & (USAGE_REPEAT | USAGE_COUNTED)) == 0) {
        spec->begin = USAGE_BEGIN_KEYWORD;
        spec->keyword = usage_leaf_text(usage, usage->nodes[parent->child].leaf);
        spec->start_from = (int32_t)(usage->words + usage->prefix);
        spec->span = USAGE_SPAN_RANGE;
        spec->key_step = 1;
    }
}

struct usage_key_spec usage_key_spec_at(const struct usage *usage, uint32_t index)
{
    uint32_t leaf = nth_key_leaf(usage, index);
    const struct usage_node *node = usage_leaf(usage, leaf);
    struct usage_key_spec spec = {.written = node->type == USAGE_KEY, .keyword = BYTES_NONE};
    uint32_t body_end = usage->prefix + usage->body;
    if (leaf < body_end || usage->body > 0) {
        bool tail = leaf >= body_end;
        spec.begin = USAGE_BEGIN_INDEX;
        spec.index = tail ? -(int32_t)(usage->leaf_count - leaf) : (int32_t)(usage->words + leaf);
        spec.span = USAGE_SPAN_RANGE;
        spec.key_step = 1;
        if (leaf >= usage->prefix && !tail) {
            spec.last_key = -1 - (int32_t)usage->tail;
            spec.key_step = (int32_t)usage->body;
        }
    } else if ((node->flags & USAGE_COUNTED) != 0) {
        specify_counted(usage, node, &spec);
    } else {
        specify_keyword(usage, node, &spec);
    }
    return spec;
}
