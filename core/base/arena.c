/* SPDX-License-Identifier: MIT */

/* arena.c - a bump allocator with a list of outsiders. */
#include "base/arena.h"

#include "base/memory.h"

struct arena_block {
    struct arena_block *next;
    uint64_t padding; /* keeps what follows aligned to 16 */
};

_Static_assert(sizeof(struct arena_block) == 16, "blocks keep the alignment");

_Static_assert(ARENA_CHUNK % 16 == 0, "`used` never passes the chunk");

void *arena_alloc_slow(struct arena *arena, size_t size)
{
    check(size <= SIZE_MAX - sizeof(struct arena_block) - 15);
    size_t rounded = (size + 15) & ~(size_t)15;
    if (arena->chunk == NULL) {
        arena->chunk = memory_alloc(ARENA_CHUNK);
    }
    if (rounded <= ARENA_CHUNK - arena->used) {
        void *memory = arena->chunk + arena->used;
        arena->used += rounded;
        return memory;
    }
    struct arena_block *block = memory_alloc(sizeof *block + rounded);
    block->next = arena->blocks;
    arena->blocks = block;
    return block + 1;
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        memory_free(arena->blocks);
        arena->blocks = next;
    }
}

void arena_finish(struct arena *arena)
{
    arena_reset(arena);
    memory_free(arena->chunk);
    *arena = (struct arena){0};
}
