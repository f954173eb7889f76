/* SPDX-License-Identifier: MIT */

/* tracking_bcast.c - clients that are told of all keys that begin with their prefixes; tracking.h has the argument.
 *
 * Idea     Which prefixes a key begins with is found by trying each length that some prefix has, so that thousands of
 *          clients with a prefix of their own, all of the same length, cost one look-up.
 *
 * Promises
 *   I1  Each prefix tells each of its clients of a key once per turn, however often it has changed, unless the changes
 *       of the turn pass TRACKING_PENDING_MAX.
 *   I2  With NOLOOP a client is not told of a key if the last change to it was its own, as in Redis.
 *   I3  A client has no two prefixes of which one begins with the other, but the empty one that it gets when it names
 *       none: so it is as in Redis. */
#include <stdio.h>

#include "base/memory.h"
#include "serve/session.h"
#include "serve/tracking.h"

/* A key that has changed in this turn. */
struct tracking_change {
    struct list in_prefix;
    uint64_t author; /* id of the session that changed it last, 0: none */
    uint32_t size;
    uint8_t key[];
};

static struct gm_bytes key_of(const void *element)
{
    const struct tracking_change *change = element;
    return (struct gm_bytes){change->key, change->size};
}

static const struct table_ops table_of_changes = {.key = key_of};

/* ---- prefixes ---- */

static bool overlap(struct gm_bytes one, struct gm_bytes other)
{
    size_t size = one.size < other.size ? one.size : other.size;
    return size == 0 || memcmp(one.data, other.data, size) == 0;
}

static const char *show_overlap(char text[TRACKING_TEXT_MAX], struct gm_bytes prefix, const char *what,
                                struct gm_bytes other)
{
    enum { SHOWN = 128 }; /* bytes */
    (void)snprintf(text, TRACKING_TEXT_MAX,
                   "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client must not overlap.",
                   prefix.size < SHOWN ? (int)prefix.size : SHOWN, (const char *)prefix.data, what,
                   other.size < SHOWN ? (int)other.size : SHOWN, (const char *)other.data);
    return text;
}

const char *tracking_bcast_check(const struct tracker *tracker, const struct tracking_wish *wish,
                                 char text[TRACKING_TEXT_MAX])
{
    uint32_t had = tracker != NULL ? tracker->bcast_count : 0;
    if (wish->prefix_count >= TRACKING_PREFIXES_MAX - had) { /* the empty one has a place kept */
        return wish->prefix_count > 0 ? "ERR too many prefixes: at most 1023 per connection" : NULL;
    }
    for (uint32_t i = 0; i < wish->prefix_count; i++) {
        struct gm_bytes prefix = wish->prefixes[i];
        if (prefix.size > TRACKING_PREFIX_MAX) {
            return "ERR the prefix is longer than 1024 bytes";
        }
        for (struct list *at = tracker != NULL ? tracker->bcasts.next : NULL; at != NULL && at != &tracker->bcasts;
             at = at->next) {
            const struct tracking_prefix *other = container_of(at, struct tracking_bcast, in_tracker)->prefix;
            if (overlap(tracking_prefix_name(other), prefix)) {
                return show_overlap(text, prefix, "an existing", tracking_prefix_name(other));
            }
        }
        for (uint32_t k = i + 1; k < wish->prefix_count; k++) {
            if (overlap(prefix, wish->prefixes[k])) {
                return show_overlap(text, prefix, "another provided", wish->prefixes[k]);
            }
        }
    }
    return NULL;
}

static struct tracking_prefix *find_prefix(const struct tracking *tracking, struct gm_bytes name)
{
    struct table_slot *slot = table_find(&tracking->prefixes, name, table_hash(&tracking->prefixes, name));
    return slot != NULL ? table_element(slot) : NULL;
}

static struct tracking_prefix *add_prefix(struct tracking *tracking, struct gm_bytes name)
{
    struct tracking_prefix *prefix = memory_alloc(sizeof *prefix + name.size);
    list_init(&prefix->bcasts);
    list_init(&prefix->changes);
    list_init(&prefix->changed);
    table_init(&prefix->seen, &table_of_changes, &tracking->keys.hash_key);
    prefix->mark = 0;
    prefix->size = (uint32_t)name.size;
    if (name.size > 0) {
        memcpy(prefix->name, name.data, name.size);
    }
    table_insert(&tracking->prefixes, prefix, table_hash(&tracking->prefixes, name), 0);
    tracking->lengths[name.size]++;
    tracking->longest = prefix->size > tracking->longest ? prefix->size : tracking->longest;
    return prefix;
}

static void forget_changes(struct tracking *tracking, struct tracking_prefix *prefix)
{
    while (!list_empty(&prefix->changes)) {
        struct tracking_change *change = container_of(prefix->changes.next, struct tracking_change, in_prefix);
        (void)table_remove(&prefix->seen, key_of(change), table_hash(&prefix->seen, key_of(change)));
        list_remove(&change->in_prefix);
        check(tracking->pending >= sizeof *change + change->size);
        tracking->pending -= sizeof *change + change->size;
        memory_free(change);
    }
    check(prefix->seen.count == 0); /* tracking_bcast I1: what is seen is what is listed */
    list_remove(&prefix->changed);
    prefix->mark = 0;
}

static void drop_prefix(struct tracking *tracking, struct tracking_prefix *prefix)
{
    check(list_empty(&prefix->bcasts) && tracking->lengths[prefix->size] > 0);
    struct gm_bytes name = tracking_prefix_name(prefix);
    forget_changes(tracking, prefix);
    table_finish(&prefix->seen);
    (void)table_remove(&tracking->prefixes, name, table_hash(&tracking->prefixes, name));
    tracking->lengths[name.size]--;
    while (tracking->longest > 0 && tracking->lengths[tracking->longest] == 0) {
        tracking->longest--;
    }
    memory_free(prefix);
}

#define BCAST_COST memory_class(sizeof(struct tracking_bcast))

static size_t cost_of_prefix(const struct tracking_prefix *prefix)
{
    return memory_class(sizeof *prefix + prefix->size) + HOLDINGS_PLACE;
}

/* What a prefix takes counts to the first of those who want to know of it. */
static struct tracker *payer_of(const struct tracking_prefix *prefix)
{
    return container_of(prefix->bcasts.next, struct tracking_bcast, in_prefix)->tracker;
}

/* The first of the tracker's that comes after the name, or the head of the list. */
static struct list *place_of(struct tracker *tracker, struct gm_bytes name)
{
    struct list *at = tracker->bcasts.next;
    while (at != &tracker->bcasts) {
        struct gm_bytes other = tracking_prefix_name(container_of(at, struct tracking_bcast, in_tracker)->prefix);
        size_t size = name.size < other.size ? name.size : other.size;
        int order = size > 0 ? memcmp(name.data, other.data, size) : 0;
        if (order < 0 || (order == 0 && name.size < other.size)) {
            break;
        }
        at = at->next;
    }
    return at;
}

/* Whether the client has no prefix yet that begins with this one, or the other way round. */
static bool is_apart(const struct tracker *tracker, struct gm_bytes name)
{
    for (const struct list *at = tracker->bcasts.next; at != &tracker->bcasts; at = at->next) {
        if (overlap(tracking_prefix_name(container_of(at, struct tracking_bcast, in_tracker)->prefix), name)) {
            return false;
        }
    }
    return true;
}

void tracking_bcast_add(struct tracking *tracking, struct tracker *tracker, struct gm_bytes name)
{
    struct tracking_prefix *prefix = find_prefix(tracking, name);
    const struct list *first = tracker->bcasts.next;
    if (name.size == 0 && first != &tracker->bcasts &&
        container_of(first, struct tracking_bcast, in_tracker)->prefix->size == 0) {
        return; /* all keys, once more */
    }
    check(name.size == 0 || is_apart(tracker, name)); /* tracking_bcast I3 */
    check(tracker->bcast_count < TRACKING_PREFIXES_MAX);
    struct tracking_bcast *bcast = memory_alloc(sizeof *bcast);
    bcast->prefix = prefix != NULL ? prefix : add_prefix(tracking, name);
    bcast->tracker = tracker;
    list_push_back(&bcast->prefix->bcasts, &bcast->in_prefix);
    tracking_charge(tracking, tracker, BCAST_COST);
    if (payer_of(bcast->prefix) == tracker) {
        tracking_charge(tracking, tracker, cost_of_prefix(bcast->prefix));
    }
    list_push_back(place_of(tracker, name), &bcast->in_tracker);
    tracker->bcast_count++;
}

void tracking_bcast_forget(struct tracking *tracking, struct tracker *tracker)
{
    while (!list_empty(&tracker->bcasts)) {
        struct tracking_bcast *bcast = container_of(tracker->bcasts.next, struct tracking_bcast, in_tracker);
        struct tracking_prefix *prefix = bcast->prefix;
        tracking_discharge(tracking, payer_of(prefix), cost_of_prefix(prefix));
        tracking_discharge(tracking, tracker, BCAST_COST);
        list_remove(&bcast->in_tracker);
        list_remove(&bcast->in_prefix);
        if (!list_empty(&prefix->bcasts)) {
            tracking_charge(tracking, payer_of(prefix), cost_of_prefix(prefix));
        }
        memory_free(bcast);
        tracker->bcast_count--;
        if (list_empty(&prefix->bcasts)) {
            drop_prefix(tracking, prefix);
        }
    }
    check(tracker->bcast_count == 0);
}

/* ---- changes ---- */

static void remember(struct tracking *tracking, struct tracking_prefix *prefix, struct gm_bytes key, uint64_t hash,
                     uint64_t author)
{
    struct table_slot *slot = table_find(&prefix->seen, key, hash);
    if (slot != NULL) {
        ((struct tracking_change *)table_element(slot))->author = author;
        return;
    }
    struct tracking_change *change = memory_alloc(sizeof *change + key.size);
    change->author = author;
    change->size = (uint32_t)key.size;
    if (key.size > 0) {
        memcpy(change->key, key.data, key.size);
    }
    list_push_back(&prefix->changes, &change->in_prefix);
    table_insert(&prefix->seen, change, hash, 0);
    tracking->pending += sizeof *change + key.size;
    if (list_empty(&prefix->changed)) {
        list_push_back(&tracking->changed, &prefix->changed);
    }
}

void tracking_bcast_changed(struct tracking *tracking, struct gm_bytes key, uint64_t hash, uint64_t author,
                            uint64_t sequence)
{
    size_t longest = key.size < tracking->longest ? key.size : tracking->longest;
    for (size_t size = 0; size <= longest; size++) {
        struct gm_bytes begin = {key.data, size};
        struct tracking_prefix *prefix = tracking->lengths[size] > 0 ? find_prefix(tracking, begin) : NULL;
        if (prefix != NULL) {
            check(sequence >= prefix->mark && !list_empty(&prefix->bcasts)); /* change I3 */
            prefix->mark = sequence;
            remember(tracking, prefix, key, hash, author);
        }
    }
    if (tracking->pending > TRACKING_PENDING_MAX) {
        tracking_bcast_tell(tracking);
    }
}

static bool is_told(const struct tracker *tracker, const struct tracking_change *change)
{
    check_slow(tracker->session != NULL); /* tracking I4 */
    return !tracker->mode.noloop || change->author != tracker->session->caller.id;
}

static void tell(struct tracker *tracker, const struct tracking_prefix *prefix)
{
    const struct list *changes = &prefix->changes;
    struct tracking_letter letter;
    size_t count = 0;
    for (const struct list *at = changes->next; at != changes; at = at->next) {
        count += is_told(tracker, container_of(at, struct tracking_change, in_prefix));
    }
    if (count == 0 || !tracking_letter_begin(tracker, prefix->mark, &letter)) {
        return;
    }
    check(count <= prefix->seen.count); /* tracking_bcast I1: each key once */
    reply_array(&letter.reply, count);
    for (const struct list *at = changes->next; at != changes; at = at->next) {
        const struct tracking_change *change = container_of(at, struct tracking_change, in_prefix);
        if (is_told(tracker, change)) {
            reply_bytes(&letter.reply, key_of(change));
        }
    }
    tracking_letter_end(&letter);
}

void tracking_bcast_tell(struct tracking *tracking)
{
    while (!list_empty(&tracking->changed)) {
        struct tracking_prefix *prefix = container_of(tracking->changed.next, struct tracking_prefix, changed);
        for (struct list *at = prefix->bcasts.next; at != &prefix->bcasts; at = at->next) {
            tell(container_of(at, struct tracking_bcast, in_prefix)->tracker, prefix);
        }
        forget_changes(tracking, prefix);
    }
}
