/* SPDX-License-Identifier: MIT */

/* arena.h - memory that is all given back at once: what a command needs until its records are applied.
 *
 * Idea     One chunk is kept and filled from the front; what does not fit gets a block of its own, released at the
 *          reset. In the steady state nothing is allocated.
 * Limits   The kept chunk is ARENA_CHUNK bytes. The blocks are as large as their askers, who have ceilings of their
 *          own.
 */
#ifndef GEOMYS_BASE_ARENA_H
#define GEOMYS_BASE_ARENA_H

#include "base/check.h"

#include <stdint.h>

#define ARENA_CHUNK ((size_t)64 * 1024) /* bytes */

struct arena_block;

struct arena {
    uint8_t *chunk; /* owned, allocated at first use */
    size_t used;
    struct arena_block *blocks; /* owned */
};

/* For arena_alloc: what does not fit into the chunk, or comes before there is one. */
seldom void *arena_alloc_slow(struct arena *arena, size_t size) __attribute__((returns_nonnull));

/* Memory aligned to 16, not zeroed; valid until arena_reset. Never NULL. O(1). */
__attribute__((returns_nonnull)) static inline void *arena_alloc(struct arena *arena, size_t size)
{
    size_t used = arena->used;
    if (__builtin_expect(arena->chunk == NULL || size > ARENA_CHUNK - used, 0)) {
        return arena_alloc_slow(arena, size);
    }
    arena->used = (used + size + 15) & ~(size_t)15; /* the chunk ends at a multiple of 16 */
    return arena->chunk + used;
}

/* The same, but NULL when the system has no memory for it: for more than ARENA_CHUNK bytes; less is always given. */
must_use void *arena_try(struct arena *arena, size_t size);

/* For arena_release: releases the blocks that were not there before. */
seldom void arena_release_slow(struct arena *arena, const struct arena_block *blocks);

/* What is given out from now on can be given back by itself: arena_release. */
struct arena_mark {
    size_t used;
    const struct arena_block *blocks;
};

static inline struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->used, arena->blocks};
}

/* Gives back all since the mark, to which there was no reset and no release of an older one since. */
static inline void arena_release(struct arena *arena, struct arena_mark mark)
{
    arena->used = mark.used;
    if (__builtin_expect(arena->blocks != mark.blocks, 0)) {
        arena_release_slow(arena, mark.blocks);
    }
}

static inline void arena_reset(struct arena *arena)
{
    arena_release(arena, (struct arena_mark){0, NULL});
}

void arena_finish(struct arena *arena); /* zeroed memory is fine */

#endif
