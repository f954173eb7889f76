/* SPDX-License-Identifier: MIT */

/* wake.c - the heap and the chains of wake.h.
 *
 * Promises
 *   I1  heap[node.place].node is the node, for each of them.
 *   I2  Nothing comes before its parent in the heap.
 *   I3  A node is in the chain that chain_of says for its entry's address, and in no other. */
#include "store/wake.h"

#include "base/memory.h"

#define FANOUT 4u
#define NONE   UINT32_MAX

struct node {
    struct entry *entry;
    uint32_t place; /* in the heap */
    uint32_t next;  /* node of the same chain; NONE: the last */
    uint32_t vain;
};

struct item {
    int64_t at_ms;
    uint32_t node;
};

struct wake_piece {
    struct node nodes[WAKE_PIECE];
    struct item heap[WAKE_PIECE];
    uint32_t heads[WAKE_PIECE];
};

static struct wake_piece *piece_of(const struct wakes *wakes, uint32_t i)
{
    check_slow(i / WAKE_PIECE < wakes->piece_count);
    return wakes->pieces[i / WAKE_PIECE];
}

static struct node *node_at(const struct wakes *wakes, uint32_t i)
{
    return &piece_of(wakes, i)->nodes[i % WAKE_PIECE];
}

static struct item *item_at(const struct wakes *wakes, uint32_t i)
{
    return &piece_of(wakes, i)->heap[i % WAKE_PIECE];
}

static uint32_t *head_at(const struct wakes *wakes, uint32_t i)
{
    return &piece_of(wakes, i)->heads[i % WAKE_PIECE];
}

/* ---- chains ---- */

/* The smallest power of two that is not below `chains`, less one. */
static uint32_t mask_of(uint32_t chains)
{
    return chains <= 1 ? 0 : UINT32_MAX >> __builtin_clz(chains - 1);
}

/* Of so many chains, the one of an entry at that address. */
static uint32_t chain_of(const struct entry *entry, uint32_t chains)
{
    uint64_t hash = ((uint64_t)(uintptr_t)entry >> 3) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t mask = mask_of(chains);
    uint32_t chain = (uint32_t)(hash >> 32) & mask;
    return chain < chains ? chain : chain & (mask >> 1);
}

/* Where the number of the entry's node stands: in a head, or in the node before it. */
static uint32_t *link_of(const struct wakes *wakes, const struct entry *entry)
{
    uint32_t *link = head_at(wakes, chain_of(entry, wakes->count));
    while (*link != NONE && node_at(wakes, *link)->entry != entry) {
        link = &node_at(wakes, *link)->next;
    }
    check(*link != NONE); /* wake I3: whoever asks knows that it is there */
    return link;
}

static void link_in(struct wakes *wakes, uint32_t node)
{
    uint32_t *head = head_at(wakes, chain_of(node_at(wakes, node)->entry, wakes->count));
    node_at(wakes, node)->next = *head;
    *head = node;
}

/* There is one chain more, the last: it takes its part of another. */
static void split(struct wakes *wakes)
{
    uint32_t last = wakes->count - 1;
    *head_at(wakes, last) = NONE;
    if (last == 0) {
        return;
    }
    uint32_t *link = head_at(wakes, last & (mask_of(wakes->count) >> 1));
    while (*link != NONE) {
        uint32_t at = *link;
        struct node *node = node_at(wakes, at);
        if (chain_of(node->entry, wakes->count) == last) { /* wake I3 */
            *link = node->next;
            node->next = *head_at(wakes, last);
            *head_at(wakes, last) = at;
        } else {
            link = &node->next;
        }
    }
}

/* The last chain goes: what is in it goes back to where it was split from. */
static void join(struct wakes *wakes)
{
    uint32_t last = wakes->count - 1;
    uint32_t rest = *head_at(wakes, last);
    wakes->count--;
    while (rest != NONE) {
        uint32_t at = rest;
        check(wakes->count > 0);
        rest = node_at(wakes, at)->next;
        link_in(wakes, at); /* wake I3 */
    }
}

/* ---- the heap ---- */

static void put(struct wakes *wakes, uint32_t place, struct item item)
{
    *item_at(wakes, place) = item;
    node_at(wakes, item.node)->place = place; /* wake I1 */
}

static void rise(struct wakes *wakes, uint32_t place, struct item item)
{
    while (place > 0 && item_at(wakes, (place - 1) / FANOUT)->at_ms > item.at_ms) {
        put(wakes, place, *item_at(wakes, (place - 1) / FANOUT));
        place = (place - 1) / FANOUT;
    }
    put(wakes, place, item);
}

static void sink(struct wakes *wakes, uint32_t place, struct item item, uint32_t count)
{
    for (;;) {
        uint64_t first = (uint64_t)place * FANOUT + 1;
        if (first >= count) {
            break;
        }
        uint32_t least = (uint32_t)first;
        for (uint64_t child = first + 1; child < first + FANOUT && child < count; child++) {
            bool less = item_at(wakes, (uint32_t)child)->at_ms < item_at(wakes, least)->at_ms;
            least = less ? (uint32_t)child : least;
        }
        if (item_at(wakes, least)->at_ms >= item.at_ms) {
            break;
        }
        put(wakes, place, *item_at(wakes, least));
        place = least;
    }
    put(wakes, place, item);
}

/* Of the first `count` of the heap. */
static void settle(struct wakes *wakes, uint32_t place, struct item item, uint32_t count)
{
    if (place > 0 && item_at(wakes, (place - 1) / FANOUT)->at_ms > item.at_ms) {
        rise(wakes, place, item);
    } else {
        sink(wakes, place, item, count);
    }
    check_slow(place == 0 || item_at(wakes, (place - 1) / FANOUT)->at_ms <= item_at(wakes, place)->at_ms); /* wake I2 */
}

/* ---- pieces ---- */

static void make_room(struct wakes *wakes)
{
    if (wakes->count < wakes->piece_count * (uint64_t)WAKE_PIECE) {
        return;
    }
    if ((wakes->piece_count & (wakes->piece_count - 1)) == 0) { /* the room is the next power of two */
        size_t room = wakes->piece_count == 0 ? 1 : wakes->piece_count * (size_t)2;
        wakes->pieces = memory_realloc(wakes->pieces, room * sizeof *wakes->pieces);
    }
    wakes->pieces[wakes->piece_count++] = memory_alloc(sizeof(struct wake_piece));
}

/* One that is empty is kept, for whoever comes and goes. */
static void give_back(struct wakes *wakes)
{
    while (wakes->piece_count > 0 && wakes->count + (uint64_t)WAKE_PIECE <= (wakes->piece_count - 1) * WAKE_PIECE) {
        memory_free(wakes->pieces[--wakes->piece_count]);
    }
    if (wakes->count == 0) {
        wake_finish(wakes);
    }
}

void wake_finish(struct wakes *wakes)
{
    while (wakes->piece_count > 0) {
        memory_free(wakes->pieces[--wakes->piece_count]);
    }
    memory_free(wakes->pieces);
    *wakes = (struct wakes){0};
}

uint64_t wake_memory(const struct wakes *wakes)
{
    uint64_t room = wakes->piece_count == 0 ? 0 : mask_of(wakes->piece_count) + UINT64_C(1);
    return room * sizeof *wakes->pieces + wakes->piece_count * (uint64_t)sizeof(struct wake_piece);
}

/* ---- the ways in ---- */

void wake_add(struct wakes *wakes, struct entry *entry, int64_t at_ms)
{
    check(wakes->count < NONE - 1);
    make_room(wakes);
    uint32_t node = wakes->count++;
    split(wakes);
    *node_at(wakes, node) = (struct node){.entry = entry};
    link_in(wakes, node);
    rise(wakes, node, (struct item){at_ms, node});
    check_slow(item_at(wakes, node_at(wakes, node)->place)->node == node); /* wake I1 */
}

void wake_remove(struct wakes *wakes, const struct entry *entry)
{
    uint32_t *link = link_of(wakes, entry);
    uint32_t gone = *link;
    uint32_t last = wakes->count - 1;
    uint32_t place = node_at(wakes, gone)->place;
    check(item_at(wakes, place)->node == gone); /* wake I1 */
    *link = node_at(wakes, gone)->next;
    if (place < last) {
        settle(wakes, place, *item_at(wakes, last), last);
    }
    if (gone < last) { /* the last node takes its number: no gaps */
        struct node *moved = node_at(wakes, last);
        *link_of(wakes, moved->entry) = gone;
        item_at(wakes, moved->place)->node = gone;
        *node_at(wakes, gone) = *moved;
    }
    join(wakes);
    give_back(wakes);
}

void wake_change(struct wakes *wakes, const struct entry *entry, int64_t at_ms)
{
    uint32_t node = *link_of(wakes, entry);
    settle(wakes, node_at(wakes, node)->place, (struct item){at_ms, node}, wakes->count);
}

int64_t wake_at(const struct wakes *wakes, const struct entry *entry)
{
    return item_at(wakes, node_at(wakes, *link_of(wakes, entry))->place)->at_ms;
}

uint32_t *wake_vain(struct wakes *wakes, const struct entry *entry)
{
    return &node_at(wakes, *link_of(wakes, entry))->vain;
}

void wake_moved(struct wakes *wakes, const struct entry *old, struct entry *entry)
{
    uint32_t *link = link_of(wakes, old);
    uint32_t node = *link;
    *link = node_at(wakes, node)->next;
    node_at(wakes, node)->entry = entry;
    link_in(wakes, node);
}

struct entry *wake_first(const struct wakes *wakes)
{
    return wakes->count > 0 ? node_at(wakes, item_at(wakes, 0)->node)->entry : NULL;
}

int64_t wake_next(const struct wakes *wakes)
{
    return wakes->count > 0 ? item_at(wakes, 0)->at_ms : INT64_MAX;
}
