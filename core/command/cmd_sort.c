/* SPDX-License-Identifier: MIT */

/* cmd_sort.c - SORT and SORT_RO: the elements of any value in an order, by themselves or by what other keys hold.
 *
 * Idea     The host knows no type, so it sorts what a type shows of itself (gm_type.elements), looks other keys up as
 *          any module may (gm_key_add), and has the result made by the type that clients call a list
 *          (gm_emit_elements).
 *
 *              elements ──► items: name, what it is compared by ──► sorted, cut by LIMIT ──► GETs ──► reply, or list
 *
 *          A pattern stands for one key per element: its first * is the element. "->field" behind it means what belongs
 *          to an element of that name, in a value that has such (a hash).
 *
 * Promises
 *   P1  Two elements that compare equal are in the order of their bytes.
 *
 * Limits   It is one plan: others wait while a large value is sorted, O(n log n), and n look-ups for BY and for each
 *          GET. At most GM_KEY_ADDED_MAX other keys are looked at. A field is found by walking: O(fields) each. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "command/cmd.h"
#include "geomys/codec.h"

/* Numbers in the usage lines. */
enum {
    SORT_KEY,
    SORT_BY,
    SORT_BY_PATTERN,
    SORT_LIMIT,
    SORT_OFFSET,
    SORT_COUNT,
    SORT_GET,
    SORT_GET_PATTERN,
    SORT_ASC,
    SORT_DESC,
    SORT_ALPHA,
    SORT_STORE, /* not of SORT_RO */
    SORT_DESTINATION,
};

enum { KEY_SOURCE, KEY_DESTINATION };

struct item {
    struct gm_bytes name;
    struct gm_bytes by; /* what it is compared by as bytes; `data` NULL: there is nothing */
    double number;      /* ... as a number */
};

struct sort {
    struct gm_call *call;
    struct item *items; /* scratch memory */
    size_t count;
    size_t room;
    bool alpha;
    bool descending;
};

/* ---- patterns ---- */

struct pattern {
    struct gm_bytes before; /* the star */
    struct gm_bytes after;
    struct gm_bytes field; /* `data` NULL: none */
    bool star;
};

static const uint8_t *find(struct gm_bytes text, const char *word)
{
    return text.size > 0 ? memmem(text.data, text.size, word, strlen(word)) : NULL;
}

static struct pattern pattern_of(struct gm_bytes text)
{
    const uint8_t *star = find(text, "*");
    if (star == NULL) {
        return (struct pattern){.before = text};
    }
    const uint8_t *end = text.data + text.size;
    struct pattern pattern = {
        .before = {text.data, (size_t)(star - text.data)}, .after = {star + 1, (size_t)(end - star - 1)}, .star = true};
    const uint8_t *arrow = find(pattern.after, "->");
    if (arrow != NULL && arrow + 2 < end) {
        pattern.field = (struct gm_bytes){arrow + 2, (size_t)(end - arrow - 2)};
        pattern.after.size = (size_t)(arrow - pattern.after.data);
    }
    return pattern;
}

struct search {
    struct gm_bytes field;
    struct gm_bytes found;
};

static bool compare_field(void *context, const struct gm_element *element)
{
    struct search *search = context;
    if (element->bytes.data == NULL || !gm_bytes_equal(element->name, search->field)) {
        return true;
    }
    search->found = element->bytes;
    return false;
}

static struct gm_bytes field_of(struct gm_call *call, uint32_t key, struct gm_bytes field)
{
    struct search search = {.field = field, .found = BYTES_NONE};
    uint64_t cursor = 0;
    do {
        cursor = gm_walk(call, key, cursor, compare_field, &search);
    } while (cursor != 0 && cursor != GM_WALK_REFUSED);
    return search.found;
}

/* What the pattern stands for; false: the call has its error. `out->data` is NULL if there is no such thing. */
static bool resolve(struct gm_call *call, const struct pattern *pattern, struct gm_bytes name, struct gm_bytes *out)
{
    *out = BYTES_NONE;
    if (!pattern->star) {
        return true;
    }
    size_t size = pattern->before.size + name.size + pattern->after.size;
    uint8_t *key_name = gm_scratch_raw(call, size + 1);
    if (key_name == NULL) {
        return false;
    }
    uint8_t *at = gm_store_bytes(key_name, pattern->before);
    at = gm_store_bytes(at, name);
    check(gm_store_bytes(at, pattern->after) == key_name + size);
    uint32_t key = gm_key_add(call, (struct gm_bytes){key_name, size});
    if (key == GM_KEY_NONE) {
        return false;
    }
    *out = pattern->field.data != NULL ? field_of(call, key, pattern->field) : gm_scalar(call, key);
    return true;
}

/* ---- items ---- */

static bool take_item(void *context, const struct gm_element *element)
{
    struct sort *sort = context;
    if (sort->count == sort->room) {
        size_t room = sort->room == 0 ? 64 : sort->room * 2;
        struct item *items = gm_scratch_raw(sort->call, room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        if (sort->count > 0) {
            memcpy(items, sort->items, sort->count * sizeof *items);
        }
        sort->items = items;
        sort->room = room;
    }
    sort->items[sort->count++] = (struct item){.name = element->name, .by = element->name};
    return true;
}

static void take_items(struct sort *sort)
{
    uint64_t cursor = 0;
    do {
        cursor = gm_walk(sort->call, KEY_SOURCE, cursor, take_item, sort);
    } while (cursor != 0);
}

/* As strtod(3) reads all of it. False: it is no number; or there is no memory, and the call has its error. */
static bool read_number(struct gm_call *call, struct gm_bytes text, double *out)
{
    char inside[128];
    char *copy = text.size < sizeof inside ? inside : gm_scratch_raw(call, text.size + 1);
    if (copy == NULL) {
        return false;
    }
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    copy[text.size] = '\0';
    char *end = copy;
    errno = 0;
    *out = strtod(copy, &end);
    return *end == '\0' && errno != ERANGE && !isnan(*out);
}

/* Finds out what each is compared by; false: it has been answered. */
static bool weigh_items(struct sort *sort, const struct pattern *by)
{
    for (size_t i = 0; i < sort->count; i++) {
        struct item *item = &sort->items[i];
        if (by->star && !resolve(sort->call, by, item->name, &item->by)) {
            return false;
        }
        if (!sort->alpha && item->by.data != NULL && !read_number(sort->call, item->by, &item->number)) {
            gm_reply_error(sort->call, "ERR One or more scores can't be converted into double");
            return false;
        }
    }
    return true;
}

static int compare_bytes(struct gm_bytes a, struct gm_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_items(const void *left, const void *right, void *context)
{
    const struct sort *sort = context;
    const struct item *a = left;
    const struct item *b = right;
    int order;
    if (!sort->alpha) {
        order = (a->number > b->number) - (a->number < b->number);
    } else if (a->by.data == NULL || b->by.data == NULL) {
        order = (a->by.data != NULL) - (b->by.data != NULL);
    } else {
        order = compare_bytes(a->by, b->by);
    }
    order = order != 0 ? order : compare_bytes(a->name, b->name); /* cmd_sort P1 */
    return sort->descending ? -order : order;
}

/* Nothing is compared: as the value has it. */
static void reverse(struct sort *sort)
{
    for (size_t i = 0; i < sort->count / 2; i++) {
        struct item held = sort->items[i];
        sort->items[i] = sort->items[sort->count - 1 - i];
        sort->items[sort->count - 1 - i] = held;
    }
}

static void cut(struct sort *sort)
{
    if (!gm_given(sort->call, SORT_LIMIT) || sort->count == 0) {
        return;
    }
    int64_t offset = gm_arg(sort->call, SORT_OFFSET)->integer;
    int64_t wanted = gm_arg(sort->call, SORT_COUNT)->integer;
    size_t skipped = offset <= 0 ? 0 : (uint64_t)offset < sort->count ? (size_t)offset : sort->count;
    sort->items += skipped;
    sort->count -= skipped;
    sort->count = wanted >= 0 && (uint64_t)wanted < sort->count ? (size_t)wanted : sort->count;
}

/* The items in their order; false: the call has its answer, or its error. */
static bool sort_items(struct sort *sort)
{
    struct gm_call *call = sort->call;
    struct pattern by = {.star = false};
    bool keeps_order = false;
    if (gm_given(call, SORT_BY)) {
        by = pattern_of(gm_arg_at(call, SORT_BY_PATTERN, 0));
        keeps_order = !by.star;
    }
    take_items(sort);
    if (keeps_order) {
        if (sort->descending) {
            reverse(sort);
        }
    } else if (weigh_items(sort, &by)) {
        if (sort->count > 1) { /* without any there is no array */
            qsort_r(sort->items, sort->count, sizeof *sort->items, compare_items, sort);
        }
    } else {
        return false;
    }
    cut(sort);
    return true;
}

/* ---- what is given ---- */

/* Of each item what the GETs stand for, or itself: as many as there are GETs, at least one, per item. NULL: the call
 * has its error. */
static struct gm_element *give(const struct sort *sort, size_t *count)
{
    struct gm_call *call = sort->call;
    const struct gm_arg *gets = gm_arg(call, SORT_GET_PATTERN);
    size_t each = gets->count > 0 ? gets->count : 1;
    *count = sort->count * each; /* both are bounded by memory that was given */
    struct gm_element *out = gm_scratch(call, (*count + 1) * sizeof *out);
    struct pattern *patterns = gm_scratch(call, each * sizeof *patterns);
    if (out == NULL || patterns == NULL) {
        return NULL;
    }
    for (size_t k = 0; k < gets->count; k++) {
        patterns[k] = pattern_of(gm_arg_at(call, SORT_GET_PATTERN, (uint32_t)k));
    }
    for (size_t i = 0; i < sort->count; i++) {
        for (size_t k = 0; k < each; k++) {
            struct gm_bytes *to = &out[i * each + k].name;
            bool itself = gets->count == 0 || gm_bytes_equal(patterns[k].before, BYTES("#"));
            if (itself && (gets->count == 0 || !patterns[k].star)) {
                *to = sort->items[i].name;
            } else if (!resolve(call, &patterns[k], sort->items[i].name, to)) {
                return NULL;
            }
        }
    }
    return out;
}

static void reply_elements(struct gm_call *call, const struct gm_element *elements, size_t count)
{
    gm_reply_array(call, count);
    for (size_t i = 0; i < count; i++) {
        if (elements[i].name.data == NULL) {
            gm_reply_null(call);
        } else {
            gm_reply_bytes(call, elements[i].name);
        }
    }
}

static void plan(struct gm_call *call, bool stores)
{
    struct sort sort = {.call = call, .alpha = gm_given(call, SORT_ALPHA), .descending = gm_given(call, SORT_DESC)};
    if (!sort_items(&sort)) {
        return;
    }
    size_t count;
    struct gm_element *elements = give(&sort, &count);
    if (elements == NULL) {
        return;
    }
    if (!stores) {
        reply_elements(call, elements, count);
        return;
    }
    if (gm_emit_elements(call, KEY_DESTINATION, "list", elements, count)) {
        gm_reply_int(call, (int64_t)count);
    }
}

static void plan_sort(struct gm_call *abi)
{
    plan(abi, gm_given(abi, SORT_STORE));
}

static void plan_sort_ro(struct gm_call *abi)
{
    plan(abi, false);
}

#define SORT_WORDS                                                                                                     \
    "key:rkey-elements [BY by-pattern:pattern] [LIMIT offset:int count:int] [GET get-pattern:pattern]... [ASC|DESC] "  \
    "[ALPHA]"

#define SORT_COST                                                                                                      \
    "O(n log n + m), n the number of elements, m of those that are given; with BY and GET as many look-ups"

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "SORT " SORT_WORDS " [STORE destination:key-any]", .flags = GM_WRITE | GM_GROWS,
     .plan = plan_sort, .event = "sortstore", .complexity = SORT_COST,
     .summary = "Sorts the elements of a value, and replies with them or stores them as a list.",
     .example = "SORT scores DESC LIMIT 0 10 ALPHA"},
    {CMD_COMMAND, .usage = "SORT_RO " SORT_WORDS, .flags = GM_READ, .plan = plan_sort_ro, .complexity = SORT_COST,
     .summary = "Sorts the elements of a value, and replies with them.", .example = "SORT_RO scores DESC ALPHA"},
};

CMD_MODULE(cmd_sort, .name = "geomys.sort", .group = "generic", .summary = "Sorts the elements of any value.");
