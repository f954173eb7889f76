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

static void *add_block(struct arena *arena, struct arena_block *block)
{
    block->next = arena->blocks;
    arena->blocks = block;
    return block + 1;
}

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
    return add_block(arena, memory_alloc(sizeof(struct arena_block) + rounded));
}

void *arena_try(struct arena *arena, size_t size)
{
    if (size <= ARENA_CHUNK) {
        return arena_alloc(arena, size);
    }
    struct arena_block *block = size <= SIZE_MAX - sizeof *block ? memory_try(sizeof *block + size) : NULL;
    return block != NULL ? add_block(arena, block) : NULL;
}

void arena_release_slow(struct arena *arena, const struct arena_block *blocks)
{
    while (arena->blocks != blocks) {
        check(arena->blocks != NULL); /* the mark is one of this arena, and from before */
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
