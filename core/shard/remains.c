/* SPDX-License-Identifier: MIT */

/* remains.c - the queue of remains.h. */
#include "shard/remains.h"

#include "base/check.h"
#include "base/memory.h"

#define VALUE_COST 64 /* pieces, that the end of one value counts for */

void remains_init(struct remains *remains)
{
    *remains = (struct remains){0};
    list_init(&remains->waiting);
}

void remains_add(struct remains *remains, uint8_t type, uint64_t word, uint64_t bytes)
{
    struct remain *remain = memory_alloc(sizeof *remain);
    *remain = (struct remain){.word = word, .bytes = bytes, .type = type};
    list_init(&remain->link);
    list_push_back(&remains->waiting, &remain->link);
    remains->count++;
    remains->bytes += bytes;
}

static void drop(struct remains *remains, struct remain *remain)
{
    check(remains->count > 0 && remains->bytes >= remain->bytes);
    list_remove(&remain->link);
    remains->count--;
    remains->bytes -= remain->bytes;
    memory_free(remain);
}

/* A part of what is left goes; it cannot be less than nothing, whatever the type says of its size. */
static void note_released(struct remains *remains, struct remain *remain, uint64_t released)
{
    uint64_t less = released < remain->bytes ? released : remain->bytes;
    remain->bytes -= less;
    remains->bytes -= less;
}

bool remains_release(struct remains *remains, uint64_t budget, remains_part part, void *context)
{
    while (!list_empty(&remains->waiting) && budget > 0) {
        struct remain *remain = container_of(remains->waiting.next, struct remain, link);
        uint64_t released = 0;
        bool more = part(context, remain, budget, &released);
        note_released(remains, remain, released);
        if (more) {
            return true;
        }
        drop(remains, remain);
        budget -= budget > VALUE_COST ? VALUE_COST : budget;
    }
    return !list_empty(&remains->waiting);
}
