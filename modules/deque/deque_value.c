/* SPDX-License-Identifier: MIT */

/* deque_value.c - a ring of blocks, each with a run of packed elements.
 *
 * Why      A node per element costs 50 bytes for 16. Packing everything in one piece makes the middle and the front
 *          dear. So: pieces of 4 KiB, and a ring that says where they are and how many elements each has.
 *
 * Idea
 *              ring    [ . . | b0 | b1 | b2 | . . ]          b = bytes, start, end, capacity, count (24 bytes)
 *                               |    |    |
 *              b0   [......eeeee]    |    [eeeeeee....]   b2  pushed at the back: filled from its beginning
 *                   ^ pushed at the  |
 *                     front: filled  [eeeeeeeeeeeeeee]    b1
 *                     from its end
 *
 *          Counts stand in the ring, not in the blocks, so that finding an index reads 24 bytes per 4 KiB.
 *
 * Promises
 *   I1  No block is empty; length, packed and memory are the sums over the blocks (and of what was allocated).
 *   I2  A block has more than DEQUE_BLOCK bytes only to hold one element that needs them, or what is left of such a one
 *       while at least half of it is used.
 *   I3  The first block of a deque grows from 128 bytes by doubling; a block that gets a new neighbour on the side
 *       where elements are pushed is trimmed if more than a quarter of it is unused.
 *   I4  After a change in the middle, two neighbours that would fit together into 3/4 of a block are one.
 *   I5  An end that has no room left and shares its block with the other end is moved only if half the block is free,
 *       and gets half of that: so pushing is O(1) amortised in every order of pushing and popping.
 *
 * Limits   2^31 blocks.
 */
#include "deque_value.h"

#define BLOCK_MIN  128
#define MERGE_MAX  (DEQUE_BLOCK / 4 * 3)
#define ROOM_MIN   4
#define BLOCKS_MAX ((uint32_t)1 << 27) /* of some KiB each; and the ring is one allocation */
_Static_assert(BLOCKS_MAX *(uint64_t)sizeof(struct deque_block) <= (uint64_t)4 << 30, "below GM_ALLOC_MAX");

enum side { FRONT, BACK };

/* A mistake of our own: going on would spoil data. */
static inline void must(bool holds)
{
    if (__builtin_expect(!holds, 0)) {
        __builtin_trap();
    }
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

/* Not zeroed: runs are written before they are read. */
static void *allocate(struct deque *deque, const struct deque_memory *memory, size_t size)
{
    void *what = memory->realloc(memory->context, NULL, size);
    deque->memory += memory->reserved(memory->context, what);
    return what;
}

static void release(struct deque *deque, const struct deque_memory *memory, void *what)
{
    uint64_t size = memory->reserved(memory->context, what);
    must(deque->memory >= size);
    deque->memory -= size;
    memory->release(memory->context, what);
}

/* The capacity for a block that holds `used` bytes and may grow. */
static uint32_t capacity_for(size_t used)
{
    if (used > DEQUE_BLOCK) {
        return (uint32_t)used;
    }
    uint32_t capacity = BLOCK_MIN;
    while (capacity < used) {
        capacity *= 2;
    }
    return capacity;
}

/* ---- ring ----------------------------------------------------------------------------------------------------- */

static inline struct deque_block *block_at(const struct deque *deque, uint32_t index)
{
    return &deque->ring[(deque->head + index) & (deque->room - 1)];
}

static void ring_resize(struct deque *deque, const struct deque_memory *memory, uint32_t room)
{
    struct deque_block *ring = allocate(deque, memory, room * sizeof *ring);
    for (uint32_t i = 0; i < deque->blocks; i++) {
        ring[i] = *block_at(deque, i);
    }
    if (deque->ring != NULL) {
        release(deque, memory, deque->ring);
    }
    deque->ring = ring;
    deque->room = room;
    deque->head = 0;
}

static void ring_shrink(struct deque *deque, const struct deque_memory *memory)
{
    if (__builtin_expect(deque->room > ROOM_MIN && deque->blocks < deque->room / 8, 0)) {
        ring_resize(deque, memory, deque->room / 2);
    }
}

/* Makes an entry number `index`, moving the shorter side. O(1) at both ends. */
static struct deque_block *ring_open(struct deque *deque, const struct deque_memory *memory, uint32_t index)
{
    must(index <= deque->blocks && deque->blocks < BLOCKS_MAX);
    if (deque->blocks == deque->room) {
        ring_resize(deque, memory, deque->room > 0 ? deque->room * 2 : ROOM_MIN);
    }
    deque->blocks++;
    if (index < deque->blocks / 2) {
        deque->head = (deque->head - 1) & (deque->room - 1);
        for (uint32_t i = 0; i < index; i++) {
            *block_at(deque, i) = *block_at(deque, i + 1);
        }
    } else {
        for (uint32_t i = deque->blocks - 1; i > index; i--) {
            *block_at(deque, i) = *block_at(deque, i - 1);
        }
    }
    return block_at(deque, index);
}

/* Forgets entry `index`, moving the shorter side. O(1) at both ends. */
static void ring_close(struct deque *deque, const struct deque_memory *memory, uint32_t index)
{
    must(index < deque->blocks);
    if (index < deque->blocks / 2) {
        for (uint32_t i = index; i > 0; i--) {
            *block_at(deque, i) = *block_at(deque, i - 1);
        }
        deque->head = (deque->head + 1) & (deque->room - 1);
    } else {
        for (uint32_t i = index; i + 1 < deque->blocks; i++) {
            *block_at(deque, i) = *block_at(deque, i + 1);
        }
    }
    deque->blocks--;
    ring_shrink(deque, memory);
}

/* The block that element `index` < length is in, and its number there. */
static uint32_t locate(const struct deque *deque, uint64_t index, uint64_t *within)
{
    must(index < deque->length);
    if (index < deque->length / 2) {
        uint32_t block = 0;
        while (index >= block_at(deque, block)->count) {
            index -= block_at(deque, block)->count;
            block++;
        }
        *within = index;
        return block;
    }
    uint64_t behind = deque->length - index; /* elements from this one to the end, with it: > 0 */
    uint32_t block = deque->blocks - 1;
    while (behind > block_at(deque, block)->count) {
        behind -= block_at(deque, block)->count;
        block--;
    }
    *within = block_at(deque, block)->count - behind;
    return block;
}

/* ---- blocks --------------------------------------------------------------------------------------------------- */

static inline uint32_t block_used(const struct deque_block *block)
{
    return block->end - block->start;
}

/* An entry of the ring becomes an empty block, to be filled from `side`'s other end. */
static void block_init(struct deque *deque, const struct deque_memory *memory, struct deque_block *block,
                       uint32_t capacity, enum side side)
{
    uint32_t begin = side == FRONT ? capacity : 0;
    uint8_t *bytes = allocate(deque, memory, capacity);
    *block = (struct deque_block){.bytes = bytes, .start = begin, .end = begin, .capacity = capacity};
}

static void block_finish(struct deque *deque, const struct deque_memory *memory, struct deque_block *block)
{
    release(deque, memory, block->bytes);
}

/* Moves the run into an allocation of `capacity` bytes, beginning at `start`. */
static void block_refit(struct deque *deque, const struct deque_memory *memory, struct deque_block *block,
                        uint32_t capacity, uint32_t start)
{
    uint32_t used = block_used(block);
    must(start <= capacity && used <= capacity - start);
    uint8_t *bytes = allocate(deque, memory, capacity);
    memcpy(bytes + start, block->bytes + block->start, used);
    block_finish(deque, memory, block);
    *block = (struct deque_block){bytes, start, start + used, capacity, block->count};
}

static void block_slide(struct deque_block *block, uint32_t start)
{
    uint32_t used = block_used(block);
    memmove(block->bytes + start, block->bytes + block->start, used);
    block->start = start;
    block->end = start + used;
}

/* I3: this block will not be pushed to for a while. */
static void block_trim(struct deque *deque, const struct deque_memory *memory, struct deque_block *block)
{
    uint32_t used = block_used(block);
    uint32_t capacity = (used + 15) & ~(uint32_t)15;
    if (used < block->capacity - block->capacity / 4 && capacity < block->capacity) {
        block_refit(deque, memory, block, capacity, 0);
    }
}

/* I2: after something in it has become smaller. */
static void block_relax(struct deque *deque, const struct deque_memory *memory, struct deque_block *block)
{
    if (__builtin_expect(block->capacity > DEQUE_BLOCK && block_used(block) < block->capacity / 2, 0)) {
        block_refit(deque, memory, block, capacity_for(block_used(block)), 0);
    }
}

/* Makes `need` bytes free at one end of the run; false if the block has no room for them. I5. */
static bool block_widen(struct deque *deque, const struct deque_memory *memory, struct deque_block *block, size_t need,
                        enum side side)
{
    uint32_t free_there = side == FRONT ? block->start : block->capacity - block->end;
    if (free_there >= need) {
        return true;
    }
    uint32_t used = block_used(block);
    uint32_t spare = block->capacity - used;
    if (spare >= need && spare >= block->capacity / 2) {
        uint32_t wanted = spare / 2 > need ? spare / 2 : (uint32_t)need;
        block_slide(block, side == FRONT ? wanted : spare - wanted);
        must((side == FRONT ? block->start : block->capacity - block->end) >= block->capacity / 4); /* deque_value I5 */
        return true;
    }
    if (need > DEQUE_BLOCK || used + need > DEQUE_BLOCK || block->capacity >= DEQUE_BLOCK) {
        return false;
    }
    uint32_t capacity = capacity_for(used + need > block->capacity ? used + need : (size_t)block->capacity + 1);
    block_refit(deque, memory, block, capacity, side == FRONT ? capacity - used : 0);
    return true;
}

static void block_append(struct deque *deque, struct deque_block *block, struct gm_bytes element, enum side side)
{
    uint32_t need = (uint32_t)packed_size(element.size);
    if (side == FRONT) {
        block->start -= need;
        packed_write(block->bytes + block->start, element);
    } else {
        packed_write(block->bytes + block->end, element);
        block->end += need;
    }
    block->count++;
    deque->length++;
    deque->packed += need;
}

/* Replaces the `old` bytes at offset `at` by `need` bytes, to be written by the caller; NULL if the block has no
 * room. */
static uint8_t *block_gap(struct deque *deque, const struct deque_memory *memory, struct deque_block *block,
                          uint32_t at, uint32_t old, size_t need)
{
    uint8_t *bytes = block->bytes;
    uint32_t tail = block->end - at - old;
    uint32_t before = at - block->start;
    if (need <= old) {
        memmove(bytes + at + need, bytes + at + old, tail);
        block->end -= old - (uint32_t)need;
        return bytes + at;
    }
    size_t grow = need - old;
    bool room_behind = block->capacity - block->end >= grow;
    if (block->start >= grow && (before < tail || !room_behind)) {
        memmove(bytes + block->start - grow, bytes + block->start, before);
        block->start -= (uint32_t)grow;
        return bytes + at - grow;
    }
    if (room_behind) {
        memmove(bytes + at + need, bytes + at + old, tail);
        block->end += (uint32_t)grow;
        return bytes + at;
    }
    size_t used = block_used(block) + grow;
    if (used > DEQUE_BLOCK && used > block->capacity) {
        return NULL;
    }
    struct deque_block wider;
    block_init(deque, memory, &wider, used > block->capacity ? capacity_for(used) : block->capacity, BACK);
    memcpy(wider.bytes, bytes + block->start, before);
    memcpy(wider.bytes + before + need, bytes + at + old, tail);
    wider.end = (uint32_t)used;
    wider.count = block->count;
    block_finish(deque, memory, block);
    *block = wider;
    return wider.bytes + before;
}

/* Whether two runs should be one: I4. */
static bool mergeable(const struct deque_block *block, const struct deque_block *next)
{
    return (uint64_t)block_used(block) + block_used(next) <= MERGE_MAX;
}

/* Adds the elements of `next`, which is released, to `block`. */
static void block_absorb(struct deque *deque, const struct deque_memory *memory, struct deque_block *block,
                         struct deque_block *next)
{
    uint32_t used = block_used(block) + block_used(next);
    if (block->capacity < used) {
        block_refit(deque, memory, block, capacity_for(used), 0);
    } else if (block->capacity - block->end < block_used(next)) {
        block_slide(block, 0);
    }
    memcpy(block->bytes + block->end, next->bytes + next->start, block_used(next));
    block->end += block_used(next);
    block->count += next->count;
    block_finish(deque, memory, next);
}

static void merge_with_next(struct deque *deque, const struct deque_memory *memory, uint32_t index)
{
    if (index + 1 < deque->blocks && mergeable(block_at(deque, index), block_at(deque, index + 1))) {
        block_absorb(deque, memory, block_at(deque, index), block_at(deque, index + 1));
        ring_close(deque, memory, index + 1);
    }
}

/* Makes offset `at` of block `index`, with `left` elements before it, a boundary between blocks, and returns the number
 * of the block behind it. */
static uint32_t split(struct deque *deque, const struct deque_memory *memory, uint32_t index, uint32_t at,
                      uint32_t left)
{
    struct deque_block *block = block_at(deque, index);
    if (at == block->start) {
        return index;
    }
    if (at == block->end) {
        return index + 1;
    }
    struct deque_block right;
    uint32_t moved = block->end - at;
    block_init(deque, memory, &right, capacity_for(moved), BACK);
    memcpy(right.bytes, block->bytes + at, moved);
    right.end = moved;
    right.count = block->count - left;
    block->end = at;
    block->count = left;
    if (block_used(block) < block->capacity / 4) {
        block_trim(deque, memory, block);
    }
    *ring_open(deque, memory, index + 1) = right;
    return index + 1;
}

/* Puts an element between block `index` - 1 and block `index`. */
static void place(struct deque *deque, const struct deque_memory *memory, uint32_t index, struct gm_bytes element)
{
    size_t need = packed_size(element.size);
    for (uint32_t back = 0; back <= 1 && back <= index; back++) {
        if (index - back < deque->blocks) {
            block_relax(deque, memory, block_at(deque, index - back));
        }
    }
    if (index > 0 && block_widen(deque, memory, block_at(deque, index - 1), need, BACK)) {
        block_append(deque, block_at(deque, index - 1), element, BACK);
    } else if (index < deque->blocks && block_widen(deque, memory, block_at(deque, index), need, FRONT)) {
        block_append(deque, block_at(deque, index), element, FRONT);
    } else {
        struct deque_block *block = ring_open(deque, memory, index);
        block_init(deque, memory, block, capacity_for(need), BACK);
        block_append(deque, block, element, BACK);
    }
    /* From the right, so that the numbers on the left hold. */
    merge_with_next(deque, memory, index);
    for (uint32_t back = 1; back <= 2 && back <= index; back++) {
        merge_with_next(deque, memory, index - back);
    }
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

struct deque *deque_create(const struct deque_memory *memory)
{
    struct deque *deque = memory->alloc(memory->context, sizeof *deque);
    *deque = (struct deque){.memory = memory->reserved(memory->context, deque)};
    return deque;
}

struct deque *deque_create_packed(const struct deque_memory *memory, struct gm_bytes run, uint32_t count)
{
    struct deque *deque = deque_create(memory);
    if (count > 0) {
        must(run.size > 0 && run.size <= UINT32_MAX);
        struct deque_block *block = ring_open(deque, memory, 0);
        block_init(deque, memory, block, capacity_for(run.size), BACK);
        memcpy(block->bytes, run.data, run.size);
        block->end = (uint32_t)run.size;
        block->count = count;
        deque->length = count;
        deque->packed = run.size;
    }
    return deque;
}

void deque_destroy(struct deque *deque, const struct deque_memory *memory)
{
    if (deque == NULL) {
        return;
    }
    for (uint32_t i = 0; i < deque->blocks; i++) {
        block_finish(deque, memory, block_at(deque, i));
    }
    if (deque->ring != NULL) {
        release(deque, memory, deque->ring);
    }
    must(deque->memory == memory->reserved(memory->context, deque));
    memory->release(memory->context, deque);
}

bool deque_destroy_some(struct deque *deque, const struct deque_memory *memory, uint64_t budget)
{
    must(budget > 0);
    for (; deque->blocks > 0 && budget > 0; budget--) {
        block_finish(deque, memory, block_at(deque, deque->blocks - 1));
        deque->blocks--;
    }
    if (deque->blocks > 0) {
        return true;
    }
    deque_destroy(deque, memory);
    return false;
}

/* ---- ends ----------------------------------------------------------------------------------------------------- */

static void push_slow(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element, enum side side)
{
    size_t need = packed_size(element.size);
    must(element.size <= GM_VALUE_SIZE_MAX);
    bool first = deque->blocks == 0;
    struct deque_block *block = first ? NULL : block_at(deque, side == FRONT ? 0 : deque->blocks - 1);
    if (first || !block_widen(deque, memory, block, need, side)) {
        if (!first) {
            block_trim(deque, memory, block);
        }
        uint32_t capacity = first || need > DEQUE_BLOCK ? capacity_for(need) : DEQUE_BLOCK;
        block = ring_open(deque, memory, side == FRONT ? 0 : deque->blocks);
        block_init(deque, memory, block, capacity, side);
    }
    block_append(deque, block, element, side);
}

void deque_push_front_slow(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element)
{
    push_slow(deque, memory, element, FRONT);
}

void deque_push_back_slow(struct deque *deque, const struct deque_memory *memory, struct gm_bytes element)
{
    push_slow(deque, memory, element, BACK);
}

static void drop_block(struct deque *deque, const struct deque_memory *memory, uint32_t index)
{
    struct deque_block *block = block_at(deque, index);
    deque->length -= block->count;
    deque->packed -= block_used(block);
    block_finish(deque, memory, block);
    ring_close(deque, memory, index);
}

/* Cuts a block down to its bytes [start, end), which are `count` > 0 elements. */
static void keep(struct deque *deque, const struct deque_memory *memory, struct deque_block *block, uint32_t start,
                 uint32_t end, uint32_t count)
{
    deque->length -= block->count - count;
    deque->packed -= block_used(block) - (end - start);
    block->start = start;
    block->end = end;
    block->count = count;
    block_relax(deque, memory, block);
}

void deque_drop_front(struct deque *deque, const struct deque_memory *memory, uint64_t count)
{
    must(count <= deque->length);
    while (count > 0 && count >= block_at(deque, 0)->count) {
        count -= block_at(deque, 0)->count;
        drop_block(deque, memory, 0);
    }
    if (count > 0) {
        struct deque_block *block = block_at(deque, 0);
        const uint8_t *at = packed_seek(block->bytes + block->start, block->bytes + block->end, block->count, count);
        keep(deque, memory, block, (uint32_t)(at - block->bytes), block->end, block->count - (uint32_t)count);
    }
}

void deque_drop_back(struct deque *deque, const struct deque_memory *memory, uint64_t count)
{
    must(count <= deque->length);
    while (count > 0 && count >= block_at(deque, deque->blocks - 1)->count) {
        count -= block_at(deque, deque->blocks - 1)->count;
        drop_block(deque, memory, deque->blocks - 1);
    }
    if (count > 0) {
        struct deque_block *block = block_at(deque, deque->blocks - 1);
        uint32_t left = block->count - (uint32_t)count;
        const uint8_t *at = packed_seek(block->bytes + block->start, block->bytes + block->end, block->count, left);
        keep(deque, memory, block, block->start, (uint32_t)(at - block->bytes), left);
    }
}

/* ---- middle --------------------------------------------------------------------------------------------------- */

/* The offset in its block at which element `within` begins. */
static uint32_t offset_of(const struct deque_block *block, uint64_t within)
{
    const uint8_t *begin = block->bytes + block->start;
    return (uint32_t)(packed_seek(begin, block->bytes + block->end, block->count, within) - block->bytes);
}

void deque_set(struct deque *deque, const struct deque_memory *memory, uint64_t index, struct gm_bytes element)
{
    must(element.size <= GM_VALUE_SIZE_MAX);
    uint64_t within = 0;
    uint32_t number = locate(deque, index, &within);
    struct deque_block *block = block_at(deque, number);
    uint32_t at = offset_of(block, within);
    struct gm_bytes replaced;
    uint32_t old = (uint32_t)(packed_next(block->bytes + at, &replaced) - block->bytes) - at;
    size_t need = packed_size(element.size);
    uint8_t *gap = block_gap(deque, memory, block, at, old, need);
    if (gap != NULL) {
        packed_write(gap, element);
        deque->packed += need;
        deque->packed -= old;
        block_relax(deque, memory, block);
        return;
    }
    if (block->count == 1) {
        drop_block(deque, memory, number);
    } else {
        (void)block_gap(deque, memory, block, at, old, 0);
        block->count--;
        deque->length--;
        deque->packed -= old;
        number = split(deque, memory, number, at, (uint32_t)within);
    }
    place(deque, memory, number, element);
}

void deque_insert(struct deque *deque, const struct deque_memory *memory, uint64_t index, struct gm_bytes element)
{
    must(index <= deque->length && element.size <= GM_VALUE_SIZE_MAX);
    if (index == 0) {
        deque_push_front(deque, memory, element);
        return;
    }
    if (index == deque->length) {
        deque_push_back(deque, memory, element);
        return;
    }
    uint64_t within = 0;
    uint32_t number = locate(deque, index, &within);
    struct deque_block *block = block_at(deque, number);
    uint32_t at = offset_of(block, within);
    size_t need = packed_size(element.size);
    uint8_t *gap = block_gap(deque, memory, block, at, 0, need);
    if (gap == NULL) {
        place(deque, memory, split(deque, memory, number, at, (uint32_t)within), element);
        return;
    }
    packed_write(gap, element);
    block->count++;
    deque->length++;
    deque->packed += need;
}

/* What is still to be removed: `skip` elements stay, then `drop` go. */
struct removal {
    struct gm_reader runs;
    uint64_t skip;
    uint64_t drop; /* 0: nothing more */
};

static void removal_advance(struct removal *removal)
{
    if (gm_read_left(&removal->runs) == 0) {
        removal->skip = UINT64_MAX;
        removal->drop = 0;
        return;
    }
    removal->skip = gm_read_varint(&removal->runs);
    removal->drop = gm_read_varint(&removal->runs);
    must(removal->drop > 0);
}

/* Removes from one block what falls into it; it may be empty afterwards. */
static void block_thin(struct deque *deque, struct deque_block *block, struct removal *removal)
{
    uint8_t *out = block->bytes + block->start;
    const uint8_t *in = out;
    const uint8_t *end = block->bytes + block->end;
    uint32_t before = block_used(block);
    uint32_t left = block->count; /* elements from `in` on */
    while (left > 0) {
        const uint8_t *from = in;
        uint64_t step = removal->skip < left ? removal->skip : left;
        in = packed_seek(in, end, left, step);
        if (out != from) {
            memmove(out, from, (size_t)(in - from));
        }
        out += in - from;
        left -= (uint32_t)step;
        removal->skip -= step;
        step = removal->drop < left ? removal->drop : left;
        in = packed_seek(in, end, left, step);
        left -= (uint32_t)step;
        block->count -= (uint32_t)step;
        deque->length -= step;
        removal->drop -= step;
        if (removal->drop == 0 && removal->skip == 0) {
            removal_advance(removal);
        }
    }
    block->end = (uint32_t)(out - block->bytes);
    deque->packed -= before - block_used(block);
}

void deque_remove(struct deque *deque, const struct deque_memory *memory, struct gm_bytes runs)
{
    struct removal removal = {.runs = gm_reader_of(runs)};
    removal_advance(&removal);
    if (removal.drop == 0) {
        return;
    }
    uint32_t from = locate(deque, removal.skip, &removal.skip);
    uint32_t to = from; /* blocks before `to` are done; those in [to, from) are gone */
    for (; from < deque->blocks && (removal.drop > 0 || from > to); from++) {
        struct deque_block block = *block_at(deque, from);
        if (removal.drop > 0) {
            block_thin(deque, &block, &removal);
        }
        if (block.count == 0) {
            block_finish(deque, memory, &block);
            continue;
        }
        block_relax(deque, memory, &block);
        if (to > 0 && mergeable(block_at(deque, to - 1), &block)) {
            block_absorb(deque, memory, block_at(deque, to - 1), &block);
        } else {
            *block_at(deque, to++) = block;
        }
    }
    must(removal.drop == 0);
    if (from > to) {
        deque->blocks = to;
        while (deque->room > ROOM_MIN && deque->blocks < deque->room / 8) {
            ring_shrink(deque, memory);
        }
    } else if (to > 0) {
        merge_with_next(deque, memory, to - 1);
    }
}

/* ---- cursors -------------------------------------------------------------------------------------------------- */

static void enter(struct deque_cursor *cursor, uint32_t index)
{
    const struct deque_block *block = block_at(cursor->deque, index);
    cursor->block = index;
    cursor->begin = block->bytes + block->start;
    cursor->end = block->bytes + block->end;
}

struct deque_cursor deque_seek(const struct deque *deque, uint64_t index)
{
    struct deque_cursor cursor = {.deque = deque};
    must(index <= deque->length);
    if (deque->blocks == 0) {
        return (struct deque_cursor){0};
    }
    if (index == deque->length) {
        enter(&cursor, deque->blocks - 1);
        cursor.at = cursor.end;
        return cursor;
    }
    uint64_t within = 0;
    enter(&cursor, locate(deque, index, &within));
    cursor.at = packed_seek(cursor.begin, cursor.end, block_at(deque, cursor.block)->count, within);
    return cursor;
}

struct deque_cursor deque_seek_packed(struct gm_bytes run, uint64_t count, uint64_t index)
{
    must(index <= count);
    const uint8_t *end = run.data + run.size;
    return (struct deque_cursor){.begin = run.data, .at = packed_seek(run.data, end, count, index), .end = end};
}

bool deque_cursor_forward(struct deque_cursor *cursor)
{
    if (cursor->deque == NULL || cursor->block + 1 >= cursor->deque->blocks) {
        return false;
    }
    enter(cursor, cursor->block + 1);
    cursor->at = cursor->begin;
    return true;
}

bool deque_cursor_backward(struct deque_cursor *cursor)
{
    if (cursor->deque == NULL || cursor->block == 0) {
        return false;
    }
    enter(cursor, cursor->block - 1);
    cursor->at = cursor->end;
    return true;
}
