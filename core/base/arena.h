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
void *arena_alloc_slow(struct arena *arena, size_t size) __attribute__((returns_nonnull));

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

void arena_reset(struct arena *arena);
void arena_finish(struct arena *arena); /* zeroed memory is fine */

#endif
