/* SPDX-License-Identifier: MIT */

/* slowlog.c - keeping slow commands.
 *
 * Promises
 *   I1  `count` is the number of entries, and never above `limit`.
 *   I2  The newest is first, and has the highest id; no id is ever given twice.
 *   I3  An entry has at most SLOWLOG_ENTRY_MAX bytes, however long the command was. */
#include "meter/slowlog.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* A word as it is kept: a slice of the command, or a remark in `remark`. */
struct kept_word {
    struct gm_bytes slice;
    char remark[40];
    size_t remark_size;
};

static size_t remark(struct kept_word *word, const char *format, size_t count)
{
    int size = snprintf(word->remark, sizeof word->remark, format, count);
    check(size > 0 && (size_t)size < sizeof word->remark);
    return (size_t)size;
}

static void cut(const struct slowlog_call *call, uint32_t i, uint32_t words, struct kept_word *word)
{
    check(i < words && words <= call->argc);
    *word = (struct kept_word){.slice = BYTES_NONE};
    if (i + 1 == words && call->argc > words) {
        word->remark_size = remark(word, "... (%zu more arguments)", (size_t)call->argc - words + 1);
    } else if (i >= call->shown) {
        word->slice = BYTES("(redacted)");
    } else {
        word->slice = call->argv[i];
        if (word->slice.size > SLOWLOG_WORD) {
            word->remark_size = remark(word, "... (%zu more bytes)", word->slice.size - SLOWLOG_WORD);
            word->slice.size = SLOWLOG_WORD;
        }
    }
    check(word->slice.size + word->remark_size <= SLOWLOG_WORD + sizeof word->remark); /* slowlog I3 */
}

static uint8_t *put(uint8_t *at, const struct kept_word *word)
{
    if (word->slice.size > 0) {
        memcpy(at, word->slice.data, word->slice.size);
    }
    memcpy(at + word->slice.size, word->remark, word->remark_size);
    return at + word->slice.size + word->remark_size;
}

static struct slowlog_entry *keep(const struct slowlog_call *call)
{
    uint32_t words = call->argc < SLOWLOG_WORDS ? call->argc : SLOWLOG_WORDS;
    struct kept_word kept[SLOWLOG_WORDS];
    size_t size = 0;
    for (uint32_t i = 0; i < words; i++) {
        cut(call, i, words, &kept[i]);
        size += kept[i].slice.size + kept[i].remark_size;
    }
    size_t whole = sizeof(struct slowlog_entry) + words * sizeof(struct gm_bytes) + size;
    check(whole <= SLOWLOG_ENTRY_MAX); /* slowlog I3 */
    struct slowlog_entry *entry = memory_alloc(whole);
    entry->argc = words;
    uint8_t *at = (uint8_t *)(entry->argv + words);
    for (uint32_t i = 0; i < words; i++) {
        uint8_t *next = put(at, &kept[i]);
        entry->argv[i] = (struct gm_bytes){at, (size_t)(next - at)};
        at = next;
    }
    check(at == (uint8_t *)entry + whole);
    return entry;
}

static void forget_oldest(struct slowlog *slowlog)
{
    check(slowlog->count > 0 && !list_empty(&slowlog->entries)); /* slowlog I1 */
    struct slowlog_entry *oldest = container_of(slowlog->entries.prev, struct slowlog_entry, link);
    list_remove(&oldest->link);
    memory_free(oldest);
    slowlog->count--;
}

static const struct slowlog_entry *newest_but_one(const struct slowlog *slowlog)
{
    check(slowlog->entries.next->next != &slowlog->entries);
    return container_of(slowlog->entries.next->next, struct slowlog_entry, link);
}

void slowlog_init(struct slowlog *slowlog)
{
    list_init(&slowlog->entries);
}

void slowlog_add(struct slowlog *slowlog, const struct slowlog_call *call, uint64_t us)
{
    if (slowlog->limit == 0) {
        return;
    }
    struct slowlog_entry *entry = keep(call);
    entry->id = slowlog->next_id++;
    entry->time_s = call->time_s;
    entry->us = us;
    (void)snprintf(entry->address, sizeof entry->address, "%s", call->address);
    (void)snprintf(entry->name, sizeof entry->name, "%s", call->name);
    list_init(&entry->link);
    list_push_back(slowlog->entries.next, &entry->link); /* before the first */
    slowlog->count++;
    check(slowlog->count == 1 || newest_but_one(slowlog)->id < entry->id); /* slowlog I2 */
    slowlog_limit(slowlog, slowlog->limit);
}

void slowlog_limit(struct slowlog *slowlog, uint32_t entries)
{
    slowlog->limit = entries;
    while (slowlog->count > entries) {
        forget_oldest(slowlog);
    }
    check(slowlog->count <= slowlog->limit); /* slowlog I1 */
}

void slowlog_clear(struct slowlog *slowlog)
{
    while (slowlog->count > 0) {
        forget_oldest(slowlog);
    }
    check(list_empty(&slowlog->entries)); /* slowlog I1 */
}
