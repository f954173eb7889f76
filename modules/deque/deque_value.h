/* SPDX-License-Identifier: MIT */

/* deque_value.h - a long sequence of byte strings, open at both ends.
 *
 * O(1) amortised at both ends, O(blocks) to reach an index (from the nearer end), O(blocks + block size) to change
 * something in the middle, where a block is about 4 KiB of elements. Length and memory are known at any time.
 *
 * Ownership  A deque owns copies of its elements. It is released with deque_destroy, to the memory it came from.
 * Errors     None: memory never fails (the caller's allocator sees to that), and arguments out of range are a mistake
 *            of the caller, which stops the process.
 * Borrowing  What a cursor gives is valid until the deque next changes. `element` must not lie in the deque changed.
 */
#ifndef GEOMYS_DEQUE_VALUE_H
#define GEOMYS_DEQUE_VALUE_H

#include "packed.h"

/* Where a deque gets its memory. None of the three fails. */
struct deque_memory {
    void *(*alloc)(void *context, size_t size); /* zeroed */
    void *(*realloc)(void *context, void *memory, size_t size);
    void (*release)(void *context, void *memory);
    uint64_t (*reserved)(void *context, const void *memory); /* bytes, at least those that were asked for */
    void *context;
};

/* A run of packed elements in bytes[start, end) of an allocation of `capacity` bytes. */
struct deque_block {
    uint8_t *bytes; /* owned */
    uint32_t start;
    uint32_t end;
    uint32_t capacity;
    uint32_t count; /* elements, never 0 */
};

struct deque {
    struct deque_block *ring; /* owned; block i is ring[(head + i) % room]   */
    uint64_t length;          /* elements                                    */
    uint64_t packed;          /* bytes of all runs                           */
    uint64_t memory;          /* bytes allocated, with the struct itself     */
    uint32_t head;            /* index into ring                             */
    uint32_t blocks;          /* used entries of ring                        */
    uint32_t room;            /* entries of ring, a power of two             */
};

#define DEQUE_BLOCK 4096 /* bytes of a block, but for one that holds a single greater element */

/* An empty deque. */
struct deque *deque_create(const struct deque_memory *memory);

/* A deque of the `count` elements of a run. O(size). */
struct deque *deque_create_packed(const struct deque_memory *memory, struct gm_bytes run, uint32_t count);

/* O(blocks). NULL is fine. */
void deque_destroy(struct deque *deque, const struct deque_memory *memory);

/* Releases about `budget` blocks, at least one; false: with the last one the deque itself has gone. Nothing else is
 * done with a deque that this has begun with. O(budget). */
bool deque_destroy_some(struct deque *deque, const struct deque_memory *memory, uint64_t budget);

/* The slow ways, for deque_push_... below. */
void deque_push_front_slow(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element);
void deque_push_back_slow(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element);

/* Removes `count` elements, at most all of them, at one end. O(blocks removed + elements passed in one block). */
void deque_drop_front(struct deque *deque, const struct deque_memory *memory, uint64_t count);
void deque_drop_back(struct deque *deque, const struct deque_memory *memory, uint64_t count);

/* Replaces element `index`, which exists. */
void deque_set(struct deque *deque, const struct deque_memory *memory, uint64_t index, struct gm_bytes element);

/* Makes `element` number `index`, 0 <= index <= length. */
void deque_insert(struct deque *deque, const struct deque_memory *memory, uint64_t index, struct gm_bytes element);

/* Removes what `runs` says: pairs of numbers (packed.h), so many elements to keep, then so many, at least one, to
 * remove; no more in all than there are. O(blocks + size of the blocks touched). */
void deque_remove(struct deque *deque, const struct deque_memory *memory, struct gm_bytes runs);

/* O(1) amortised, O(size of the element). */
static inline void deque_push_back(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element)
{
    if (deque->blocks > 0) {
        struct deque_block *last = &deque->ring[(deque->head + deque->blocks - 1) & (deque->room - 1)];
        size_t need = packed_size(element.size);
        if (__builtin_expect(last->capacity - last->end >= need, 1)) {
            packed_write(last->bytes + last->end, element);
            last->end += (uint32_t)need;
            last->count++;
            deque->length++;
            deque->packed += need;
            return;
        }
    }
    deque_push_back_slow(deque, memory, element);
}

/* O(1) amortised, O(size of the element). */
static inline void deque_push_front(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element)
{
    if (deque->blocks > 0) {
        struct deque_block *first = &deque->ring[deque->head];
        size_t need = packed_size(element.size);
        if (__builtin_expect(first->start >= need, 1)) {
            first->start -= (uint32_t)need;
            packed_write(first->bytes + first->start, element);
            first->count++;
            deque->length++;
            deque->packed += need;
            return;
        }
    }
    deque_push_front_slow(deque, memory, element);
}

/* ---- cursors: a place between two elements ---- */

struct deque_cursor {
    const struct deque *deque; /* NULL: the run is all there is */
    const uint8_t *begin;      /* of the run that `at` is in    */
    const uint8_t *at;
    const uint8_t *end;
    uint32_t block;
};

/* Before element `index`, 0 <= index <= length. O(blocks). */
struct deque_cursor deque_seek(const struct deque *deque, uint64_t index);

/* The same for a bare run of `count` elements. */
struct deque_cursor deque_seek_packed(struct gm_bytes run, uint64_t count, uint64_t index);

/* Into the next (previous) block; false if there is none. */
bool deque_cursor_forward(struct deque_cursor *cursor);
bool deque_cursor_backward(struct deque_cursor *cursor);

/* The element behind the cursor, which passes it; false at the end. O(1). */
static inline bool deque_next(struct deque_cursor *cursor, struct gm_bytes *element)
{
    if (__builtin_expect(cursor->at == cursor->end, 0) && !deque_cursor_forward(cursor)) {
        return false;
    }
    cursor->at = packed_next(cursor->at, element);
    return true;
}

/* The element before the cursor, which passes it; false at the beginning. O(1). */
static inline bool deque_prev(struct deque_cursor *cursor, struct gm_bytes *element)
{
    if (__builtin_expect(cursor->at == cursor->begin, 0) && !deque_cursor_backward(cursor)) {
        return false;
    }
    cursor->at = packed_prev(cursor->at, element);
    return true;
}

#endif
