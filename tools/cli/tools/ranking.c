/* SPDX-License-Identifier: MIT */

/* ranking.c - a heap whose least entry makes room for a better one. */
#include "cli/tools/ranking.h"

#include <stdlib.h>

#include "base/memory.h"

static int compare_keys(struct gm_bytes one, struct gm_bytes other)
{
    size_t size = one.size < other.size ? one.size : other.size;
    int order = size > 0 ? memcmp(one.data, other.data, size) : 0;
    return order != 0 ? order : (one.size > other.size) - (one.size < other.size);
}

/* Above 0: `one` ranks higher. */
static int compare(const struct ranking_entry *one, const struct ranking_entry *other)
{
    if (one->score != other->score) {
        return one->score > other->score ? 1 : -1;
    }
    int order = compare_keys(other->key, one->key);
    return order != 0 ? order : (other->database > one->database) - (other->database < one->database);
}

static void swap(struct ranking_entry *one, struct ranking_entry *other)
{
    struct ranking_entry kept = *one;
    *one = *other;
    *other = kept;
}

static void sink(struct ranking *ranking, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < ranking->count; child++) {
            least = compare(&ranking->entries[child], &ranking->entries[least]) < 0 ? child : least;
        }
        if (least == at) {
            return;
        }
        swap(&ranking->entries[at], &ranking->entries[least]);
        at = least;
    }
}

static void rise(struct ranking *ranking, size_t at)
{
    while (at > 0 && compare(&ranking->entries[at], &ranking->entries[(at - 1) / 2]) < 0) {
        swap(&ranking->entries[at], &ranking->entries[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void ranking_init(struct ranking *ranking, size_t limit)
{
    *ranking = (struct ranking){.entries = memory_alloc((limit + 1) * sizeof *ranking->entries), .limit = limit};
}

void ranking_finish(struct ranking *ranking)
{
    for (size_t i = 0; i < ranking->count; i++) {
        memory_free((void *)(uintptr_t)ranking->entries[i].key.data);
    }
    memory_free(ranking->entries);
    *ranking = (struct ranking){0};
}

static bool is_same(const struct ranking_entry *one, const struct ranking_entry *other)
{
    return one->database == other->database && one->cut == other->cut && gm_bytes_equal(one->key, other->key);
}

static size_t find(const struct ranking *ranking, const struct ranking_entry *entry)
{
    size_t at = 0;
    while (at < ranking->count && !is_same(&ranking->entries[at], entry)) {
        at++;
    }
    return at;
}

static void copy_key(struct ranking_entry *entry)
{
    uint8_t *copy = memory_alloc(entry->key.size + 1);
    if (entry->key.size > 0) {
        memcpy(copy, entry->key.data, entry->key.size);
    }
    entry->key.data = copy;
}

void ranking_add(struct ranking *ranking, int database, struct gm_bytes key, int64_t score)
{
    bool cut = key.size > RANKING_KEY;
    struct ranking_entry entry = {
        .score = score, .key = {key.data, cut ? RANKING_KEY : key.size}, .database = database, .cut = cut};
    bool full = ranking->count == ranking->limit;
    if (full && (ranking->limit == 0 || compare(&entry, &ranking->entries[0]) < 0)) {
        return;
    }
    size_t at = find(ranking, &entry);
    if (at < ranking->count) {
        ranking->entries[at].score = score;
    } else {
        copy_key(&entry);
        at = full ? 0 : ranking->count++;
        if (full) {
            memory_free((void *)(uintptr_t)ranking->entries[0].key.data);
        }
        ranking->entries[at] = entry;
    }
    rise(ranking, at);
    sink(ranking, at);
}

static int descending(const void *one, const void *other)
{
    return compare(other, one);
}

void ranking_sort(struct ranking *ranking)
{
    if (ranking->count > 0) {
        qsort(ranking->entries, ranking->count, sizeof *ranking->entries, descending);
    }
}
