/* SPDX-License-Identifier: MIT */

/* expire.c - the heap of expire.h.
 *
 * Promises
 *   I1  items[i].entry's expiry block holds items[i].at_ms and i.
 *   I2  No item is due before its parent: parent of i is (i - 1) / 4. */
#include "store/expire.h"

#include "base/memory.h"

#define FANOUT   4u
#define ROOM_MIN 16u

static uint32_t place_of(const struct entry *entry)
{
    uint32_t place;
    memcpy(&place, entry->rest + 8, sizeof place);
    return place;
}

static void put(struct expire *expire, uint32_t place, struct expire_item item)
{
    check_slow(place < expire->count);
    expire->items[place] = item;
    memcpy(item.entry->rest + 8, &place, sizeof place);
}

static void rise(struct expire *expire, uint32_t place, struct expire_item item)
{
    while (place > 0) {
        uint32_t parent = (place - 1) / FANOUT;
        if (expire->items[parent].at_ms <= item.at_ms) {
            break;
        }
        put(expire, place, expire->items[parent]);
        place = parent;
    }
    put(expire, place, item);
}

static void sink(struct expire *expire, uint32_t place, struct expire_item item)
{
    for (;;) {
        uint64_t first = (uint64_t)place * FANOUT + 1;
        if (first >= expire->count) {
            break;
        }
        uint32_t least = (uint32_t)first;
        for (uint64_t child = first + 1; child < first + FANOUT && child < expire->count; child++) {
            if (expire->items[child].at_ms < expire->items[least].at_ms) {
                least = (uint32_t)child;
            }
        }
        if (expire->items[least].at_ms >= item.at_ms) {
            break;
        }
        put(expire, place, expire->items[least]);
        place = least;
    }
    put(expire, place, item);
}

static void settle(struct expire *expire, uint32_t place, struct expire_item item)
{
    check_slow(place < expire->count);
    if (place > 0 && expire->items[(place - 1) / FANOUT].at_ms > item.at_ms) {
        rise(expire, place, item);
    } else {
        sink(expire, place, item);
    }
    check_slow(place == 0 || expire->items[(place - 1) / FANOUT].at_ms <= expire->items[place].at_ms); /* expire I2 */
}

void expire_finish(struct expire *expire)
{
    memory_free(expire->items);
    *expire = (struct expire){0};
}

void expire_add(struct expire *expire, struct entry *entry)
{
    check(expire->count < UINT32_MAX);
    check_slow((entry->flags & ENTRY_EXPIRES) != 0);
    if (expire->count == expire->room) {
        expire->room = expire->room == 0 ? ROOM_MIN : (expire->room > UINT32_MAX / 2 ? UINT32_MAX : expire->room * 2);
        expire->items = memory_realloc(expire->items, (size_t)expire->room * sizeof *expire->items);
    }
    expire->count++;
    expire->sum_ms += (uint64_t)entry_expire_at(entry);
    rise(expire, expire->count - 1, (struct expire_item){entry_expire_at(entry), entry});
    check_slow(expire->items[place_of(entry)].entry == entry); /* expire I1 */
}

void expire_remove(struct expire *expire, struct entry *entry)
{
    uint32_t place = place_of(entry);
    check(place < expire->count && expire->items[place].entry == entry); /* expire I1 */
    expire->sum_ms -= (uint64_t)expire->items[place].at_ms;
    struct expire_item last = expire->items[--expire->count];
    if (place < expire->count) {
        settle(expire, place, last);
    }
    if (expire->room > ROOM_MIN && expire->count < expire->room / 4) {
        expire->room /= 2;
        expire->items = memory_realloc(expire->items, (size_t)expire->room * sizeof *expire->items);
    }
}

void expire_change(struct expire *expire, struct entry *entry, int64_t at_ms)
{
    uint32_t place = place_of(entry);
    check(place < expire->count && expire->items[place].entry == entry);
    expire->sum_ms += (uint64_t)at_ms;
    expire->sum_ms -= (uint64_t)expire->items[place].at_ms;
    expire_write(entry, at_ms);
    settle(expire, place, (struct expire_item){at_ms, entry});
    check_slow(expire->items[place_of(entry)].entry == entry); /* expire I1 */
}

void expire_moved(struct expire *expire, struct entry *entry)
{
    uint32_t place = place_of(entry);
    check(place < expire->count);
    check_slow(expire->items[place].at_ms == entry_expire_at(entry)); /* expire I1 */
    expire->items[place].entry = entry;
}

struct entry *expire_due(const struct expire *expire, int64_t now_ms)
{
    return expire->count > 0 && expire->items[0].at_ms <= now_ms ? expire->items[0].entry : NULL;
}

int64_t expire_mean_ms(const struct expire *expire, int64_t now_ms)
{
    check(expire->count > 0 || expire->sum_ms == 0);
    int64_t mean_ms = expire->count > 0 ? (int64_t)(expire->sum_ms / expire->count) : 0;
    return expire->count > 0 ? expire_left_ms(mean_ms, now_ms) : 0;
}

int64_t expire_next(const struct expire *expire)
{
    return expire->count > 0 ? expire->items[0].at_ms : INT64_MAX;
}
