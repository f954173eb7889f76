/* SPDX-License-Identifier: MIT */

/* table.c - linear hashing over cache-line buckets; table.h has the argument.
 *
 * Limits   2^48 buckets; a bucket's overflow chain is as long as its keys make it, which a keyed hash keeps short. */
#include "base/table.h"

#include "base/check.h"
#include "base/memory.h"

#define SLOTS         7
#define CHAINED       0x80u          /* in `used`: slot 6 is the next bucket */
#define SEGMENT       ((size_t)4096) /* buckets */
#define FIRST_BUCKETS ((size_t)4)

struct table_bucket {
    uint8_t tags[SLOTS];
    uint8_t used;
    struct table_slot slots[SLOTS];
};

_Static_assert(sizeof(struct table_bucket) == 64, "a bucket is a cache line");
_Static_assert(TABLE_NOTE_MAX == 0xfffff, "16 bits above the address and 4 below");

static struct table_slot slot_make(const void *element, uint32_t note)
{
    uint64_t address = (uint64_t)(uintptr_t)element;
    check((address & ~TABLE_ADDRESS) == 0 && note <= TABLE_NOTE_MAX); /* table I4 */
    return (struct table_slot){address | table_note_bits(note)};
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash >> 56);
}

static struct table_bucket *bucket_at(const struct table *table, uint64_t index)
{
    return &table->segments[index / SEGMENT][index % SEGMENT];
}

static uint64_t address(const struct table *table, uint64_t hash)
{
    uint64_t index = hash & (table->level - 1);
    return index < table->split ? hash & (2 * table->level - 1) : index;
}

static struct table_bucket *next_of(const struct table_bucket *bucket)
{
    return (bucket->used & CHAINED) != 0 ? table_element(&bucket->slots[SLOTS - 1]) : NULL;
}

static unsigned slots_of(const struct table_bucket *bucket)
{
    return (bucket->used & CHAINED) != 0 ? SLOTS - 1 : SLOTS;
}

void table_init(struct table *table, const struct table_ops *ops, const struct siphash_key *hash_key)
{
    *table = (struct table){.ops = ops, .hash_key = *hash_key, .level = FIRST_BUCKETS, .first_room = FIRST_BUCKETS};
    table->segments = memory_zeroed(sizeof(struct table_bucket *));
    table->segment_room = 1;
    table->segments[0] = memory_lines(FIRST_BUCKETS * sizeof(struct table_bucket));
    table->bytes = FIRST_BUCKETS * sizeof(struct table_bucket);
}

static void chain_free(struct table *table, struct table_bucket *bucket)
{
    while (bucket != NULL) {
        struct table_bucket *next = next_of(bucket);
        memory_free(bucket);
        table->bytes -= sizeof *bucket;
        bucket = next;
    }
}

void table_finish(struct table *table)
{
    if (table->segments == NULL) {
        return;
    }
    for (uint64_t i = 0; i < table_buckets(table); i++) {
        chain_free(table, next_of(bucket_at(table, i)));
    }
    for (size_t i = 0; i < table->segment_room; i++) {
        memory_free(table->segments[i]);
    }
    memory_free(table->segments);
    *table = (struct table){0};
}

/* Bits of `used` whose tags equal `tag`. */
static unsigned matches(const struct table_bucket *bucket, uint8_t tag)
{
    uint64_t word;
    memcpy(&word, bucket, 8);
    uint64_t x = word ^ (0x0101010101010101u * tag);
    /* A zero byte in x gets its high bit set; bytes above a zero one may be set wrongly, which costs a comparison. */
    uint64_t zero = (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
    unsigned mask = (unsigned)(((zero >> 7) * 0x0102040810204080u) >> 56);
    return mask & bucket->used & (bucket->used & CHAINED ? 0x3fu : 0x7fu);
}

/* Where a key is: its slot, the bucket of it, and the bucket before that in the chain. */
struct place {
    struct table_slot *slot;
    struct table_bucket *bucket;
    struct table_bucket *before;
    unsigned index;
};

static bool locate(const struct table *table, struct gm_bytes key, uint64_t hash, struct place *place)
{
    struct table_bucket *before = NULL;
    for (struct table_bucket *bucket = bucket_at(table, address(table, hash)); bucket != NULL;
         before = bucket, bucket = next_of(bucket)) {
        for (unsigned mask = matches(bucket, tag_of(hash)); mask != 0; mask &= mask - 1) {
            unsigned i = (unsigned)__builtin_ctz(mask);
            if (gm_bytes_equal(table->ops->key(table_element(&bucket->slots[i])), key)) {
                *place = (struct place){&bucket->slots[i], bucket, before, i};
                return true;
            }
        }
    }
    return false;
}

struct table_slot *table_find(const struct table *table, struct gm_bytes key, uint64_t hash)
{
    struct place place;
    return locate(table, key, hash, &place) ? place.slot : NULL;
}

struct table_slot *table_find_element(const struct table *table, const void *element, uint64_t hash)
{
    for (struct table_bucket *bucket = bucket_at(table, address(table, hash)); bucket != NULL;
         bucket = next_of(bucket)) {
        for (unsigned mask = matches(bucket, tag_of(hash)); mask != 0; mask &= mask - 1) {
            unsigned i = (unsigned)__builtin_ctz(mask);
            if (table_element(&bucket->slots[i]) == element) {
                return &bucket->slots[i];
            }
        }
    }
    return NULL;
}

void table_prefetch(const struct table *table, uint64_t hash)
{
    __builtin_prefetch(bucket_at(table, address(table, hash)));
}

void table_prefetch_element(const struct table *table, uint64_t hash)
{
    const struct table_bucket *bucket = bucket_at(table, address(table, hash));
    unsigned mask = matches(bucket, tag_of(hash));
    if (mask != 0) {
        __builtin_prefetch(table_element(&bucket->slots[__builtin_ctz(mask)]));
    } else if ((bucket->used & CHAINED) != 0) {
        __builtin_prefetch(table_element(&bucket->slots[SLOTS - 1]));
    }
}

static void put(struct table *table, struct table_bucket *bucket, struct table_slot slot, uint8_t tag)
{
    for (;;) {
        unsigned limit = slots_of(bucket);
        unsigned vacant = ~(unsigned)bucket->used & ((1u << limit) - 1);
        if (vacant != 0) {
            unsigned i = (unsigned)__builtin_ctz(vacant);
            bucket->slots[i] = slot;
            bucket->tags[i] = tag;
            bucket->used = (uint8_t)(bucket->used | 1u << i);
            return;
        }
        if ((bucket->used & CHAINED) == 0) {
            struct table_bucket *next = memory_zeroed(sizeof *next);
            table->bytes += sizeof *next;
            next->slots[0] = bucket->slots[SLOTS - 1];
            next->tags[0] = bucket->tags[SLOTS - 1];
            next->used = 1;
            bucket->slots[SLOTS - 1] = slot_make(next, 0);
            bucket->used = (uint8_t)((bucket->used & 0x3fu) | CHAINED);
        }
        bucket = next_of(bucket);
    }
}

/* Makes bucket number `index` exist: the next one behind the last. */
static void bucket_add(struct table *table, uint64_t index)
{
    size_t segment = index / SEGMENT;
    if (segment == 0 && index >= table->first_room) {
        size_t room = table->first_room * 2;
        struct table_bucket *larger = memory_lines(room * sizeof *larger);
        memcpy(larger, table->segments[0], table->first_room * sizeof *larger);
        memory_free(table->segments[0]);
        table->segments[0] = larger;
        table->bytes += (room - table->first_room) * sizeof *larger;
        table->first_room = room;
    }
    if (segment >= table->segment_room) {
        size_t room = table->segment_room * 2;
        table->segments = memory_realloc(table->segments, room * sizeof *table->segments);
        memset(table->segments + table->segment_room, 0, (room - table->segment_room) * sizeof *table->segments);
        table->segment_room = room;
    }
    if (table->segments[segment] == NULL) {
        table->segments[segment] = memory_lines(SEGMENT * sizeof(struct table_bucket));
        table->bytes += SEGMENT * sizeof(struct table_bucket);
    }
}

/* Calls for each element of a chain, and empties and releases it. */
static void redistribute(struct table *table, struct table_bucket *bucket, uint64_t low, uint64_t high, uint64_t bit)
{
    struct table_bucket old = *bucket;
    memset(bucket, 0, sizeof *bucket);
    for (struct table_bucket *from = &old; from != NULL; from = next_of(from)) {
        for (unsigned i = 0; i < slots_of(from); i++) {
            __builtin_prefetch(table_element(&from->slots[i]));
        }
    }
    for (struct table_bucket *from = &old; from != NULL; from = next_of(from)) {
        for (unsigned mask = from->used & ((1u << slots_of(from)) - 1); mask != 0; mask &= mask - 1) {
            unsigned i = (unsigned)__builtin_ctz(mask);
            uint64_t hash = bit == 0 ? 0 : table_hash(table, table->ops->key(table_element(&from->slots[i])));
            put(table, bucket_at(table, (hash & bit) != 0 ? high : low), from->slots[i], from->tags[i]);
        }
    }
    chain_free(table, next_of(&old));
}

static void grow(struct table *table)
{
    table->split++;
    if (table->split == table->level) {
        table->level *= 2;
        table->split = 0;
    }
}

void table_reserve(struct table *table, uint64_t count)
{
    check(table->count == 0);
    while (table_buckets(table) < count / TABLE_LOAD_HIGH) {
        bucket_add(table, table->level + table->split);
        grow(table);
    }
}

static void divide(struct table *table)
{
    uint64_t low = table->split;
    uint64_t high = table->level + table->split;
    uint64_t bit = table->level;
    bucket_add(table, high);
    grow(table);
    redistribute(table, bucket_at(table, low), low, high, bit);
}

static void merge(struct table *table)
{
    if (table->split == 0) {
        table->level /= 2;
        table->split = table->level;
    }
    table->split--;
    uint64_t last = table->level + table->split;
    redistribute(table, bucket_at(table, last), table->split, table->split, 0);
    if (last % SEGMENT == 0 && last > 0) {
        memory_free(table->segments[last / SEGMENT]);
        table->segments[last / SEGMENT] = NULL;
        table->bytes -= SEGMENT * sizeof(struct table_bucket);
    }
}

void table_insert(struct table *table, void *element, uint64_t hash, uint32_t note)
{
    put(table, bucket_at(table, address(table, hash)), slot_make(element, note), tag_of(hash));
    table->count++;
    if (table->count > table_buckets(table) * TABLE_LOAD_HIGH) {
        divide(table);
    }
}

/* Takes the slot out; an overflow bucket that is empty then leaves the chain. */
static void vacate(struct table *table, const struct place *place)
{
    struct table_bucket *bucket = place->bucket;
    bucket->used = (uint8_t)(bucket->used & ~(1u << place->index));
    bucket->slots[place->index] = (struct table_slot){0};
    if (place->before != NULL && bucket->used == 0) {
        place->before->used = (uint8_t)(place->before->used & ~CHAINED);
        place->before->slots[SLOTS - 1] = (struct table_slot){0};
        memory_free(bucket);
        table->bytes -= sizeof *bucket;
    }
}

static bool is_too_empty(const struct table *table)
{
    return table_buckets(table) > FIRST_BUCKETS && table->count < table_buckets(table) * TABLE_LOAD_LOW;
}

void table_fit(struct table *table)
{
    while (is_too_empty(table)) {
        merge(table);
    }
}

void *table_remove(struct table *table, struct gm_bytes key, uint64_t hash)
{
    struct place place;
    if (!locate(table, key, hash, &place)) {
        return NULL;
    }
    void *element = table_element(place.slot);
    vacate(table, &place);
    table->count--;
    if (is_too_empty(table)) {
        merge(table);
    }
    return element;
}

static void chain_visit(const struct table_bucket *bucket, void (*on_element)(void *, void *), void *context)
{
    for (; bucket != NULL; bucket = next_of(bucket)) {
        for (unsigned mask = bucket->used & ((1u << slots_of(bucket)) - 1); mask != 0; mask &= mask - 1) {
            on_element(context, table_element(&bucket->slots[__builtin_ctz(mask)]));
        }
    }
}

static uint64_t reversed(uint64_t x)
{
    x = ((x >> 1) & 0x5555555555555555u) | ((x & 0x5555555555555555u) << 1);
    x = ((x >> 2) & 0x3333333333333333u) | ((x & 0x3333333333333333u) << 2);
    x = ((x >> 4) & 0x0f0f0f0f0f0f0f0fu) | ((x & 0x0f0f0f0f0f0f0f0fu) << 4);
    return __builtin_bswap64(x);
}

uint64_t table_scan(const struct table *table, uint64_t cursor, void (*on_element)(void *, void *), void *context)
{
    uint64_t mask = table->level - 1;
    if ((cursor & mask) < table->split) {
        mask = 2 * table->level - 1;
    }
    chain_visit(bucket_at(table, cursor & mask), on_element, context);
    return reversed(reversed(cursor | ~mask) + 1);
}

bool table_drain(struct table *table, size_t budget, void (*on_element)(void *, void *), void *context)
{
    while (table->count > 0 && budget > 0) {
        uint64_t last = table_buckets(table) - 1;
        struct table_bucket *bucket = bucket_at(table, last);
        for (struct table_bucket *at = bucket; at != NULL; at = next_of(at)) {
            unsigned held = (unsigned)__builtin_popcount(at->used & ((1u << slots_of(at)) - 1));
            table->count -= held;
            budget -= held < budget ? held : budget;
        }
        chain_visit(bucket, on_element, context);
        chain_free(table, next_of(bucket));
        memset(bucket, 0, sizeof *bucket);
        if (last >= FIRST_BUCKETS) {
            merge(table);
        } else if (table->count > 0) {
            /* The first few buckets stay: empty them all. */
            for (uint64_t i = 0; i < last; i++) {
                chain_visit(bucket_at(table, i), on_element, context);
                chain_free(table, next_of(bucket_at(table, i)));
                memset(bucket_at(table, i), 0, sizeof *bucket);
            }
            table->count = 0;
        }
    }
    return table->count > 0;
}

static size_t chain_count(const struct table_bucket *bucket)
{
    size_t count = 0;
    for (; bucket != NULL; bucket = next_of(bucket)) {
        count += (unsigned)__builtin_popcount(bucket->used & ((1u << slots_of(bucket)) - 1));
    }
    return count;
}

void *table_random(const struct table *table, struct prng *prng)
{
    if (table->count == 0) {
        return NULL;
    }
    uint64_t index = prng_below(prng, table_buckets(table));
    while (chain_count(bucket_at(table, index)) == 0) {
        index = index + 1 == table_buckets(table) ? 0 : index + 1;
    }
    size_t chosen = prng_below(prng, chain_count(bucket_at(table, index)));
    for (struct table_bucket *bucket = bucket_at(table, index); bucket != NULL; bucket = next_of(bucket)) {
        for (unsigned mask = bucket->used & ((1u << slots_of(bucket)) - 1); mask != 0; mask &= mask - 1) {
            if (chosen-- == 0) {
                return table_element(&bucket->slots[__builtin_ctz(mask)]);
            }
        }
    }
    check(false);
    return NULL;
}

/* The slots of one chain behind the first `skipped`, up to `room` of them. */
static size_t chain_slots(struct table_bucket *bucket, size_t skipped, struct table_slot **slots, size_t room)
{
    size_t count = 0;
    for (; bucket != NULL && count < room; bucket = next_of(bucket)) {
        for (unsigned mask = bucket->used & ((1u << slots_of(bucket)) - 1); mask != 0 && count < room;
             mask &= mask - 1) {
            if (skipped > 0) {
                skipped--;
            } else {
                slots[count++] = &bucket->slots[__builtin_ctz(mask)];
            }
        }
    }
    return count;
}

/* It begins anywhere in the first chain: else what stands behind the first few of a long one would never come up. */
size_t table_sample(const struct table *table, struct prng *prng, struct table_slot **slots, size_t wanted)
{
    if (table->count == 0) {
        return 0;
    }
    uint64_t buckets = table_buckets(table);
    uint64_t index = prng_below(prng, buckets);
    size_t held = chain_count(bucket_at(table, index));
    size_t skipped = held > 0 ? prng_below(prng, held) : 0;
    size_t count = 0;
    for (uint64_t visited = 0; count < wanted && visited < buckets && visited < TABLE_SAMPLE_BUCKETS; visited++) {
        count += chain_slots(bucket_at(table, index), skipped, slots + count, wanted - count);
        index = index + 1 == buckets ? 0 : index + 1;
        skipped = 0;
    }
    return count;
}

void table_note_all(struct table *table, uint32_t note)
{
    for (uint64_t i = 0; i < table_buckets(table); i++) {
        for (struct table_bucket *bucket = bucket_at(table, i); bucket != NULL; bucket = next_of(bucket)) {
            for (unsigned mask = bucket->used & ((1u << slots_of(bucket)) - 1); mask != 0; mask &= mask - 1) {
                table_set_note(&bucket->slots[__builtin_ctz(mask)], note);
            }
        }
    }
}
