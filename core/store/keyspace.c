/* SPDX-License-Identifier: MIT */

/* keyspace.c - entries come, change shape, and go. */
#include "store/keyspace.h"

static struct gm_bytes key_of(const void *element)
{
    return entry_key(element);
}

static const struct table_ops table_of_entries = {.key = key_of};

void keyspace_init(struct keyspace *keyspace, const struct keyspace_ops *ops, const struct siphash_key *hash_key)
{
    check(ops->release != NULL);
    memset(keyspace, 0, sizeof *keyspace);
    keyspace->ops = *ops;
    table_init(&keyspace->table, &table_of_entries, hash_key);
    for (size_t i = 0; i < ENTRY_TYPE_COUNT; i++) {
        keyspace->account[i].parent = &keyspace->total;
    }
}

size_t keyspace_held(const struct entry *entry)
{
    bool spare = (entry->flags & ENTRY_SPARE) != 0;
    return __builtin_expect(spare, 0) ? memory_size(entry) : memory_held(entry, entry_size(entry));
}

static void count_in(struct keyspace *keyspace, const struct entry *entry)
{
    check_slow(entry->type != 0); /* that is the host, who has no values */
    check_slow((entry->flags & ENTRY_DAMAGED) == 0 || (entry->flags & ENTRY_FROZEN) != 0);
    keyspace->keys[entry->type]++;
    keyspace->frozen += (entry->flags & ENTRY_FROZEN) != 0;
    keyspace->damaged += (entry->flags & ENTRY_DAMAGED) != 0;
}

static void count_out(struct keyspace *keyspace, const struct entry *entry)
{
    check_slow(keyspace->keys[entry->type] > 0);
    check_slow((entry->flags & ENTRY_FROZEN) == 0 || keyspace->frozen > 0);
    check_slow((entry->flags & ENTRY_DAMAGED) == 0 || keyspace->damaged > 0);
    keyspace->keys[entry->type]--;
    keyspace->frozen -= (entry->flags & ENTRY_FROZEN) != 0;
    keyspace->damaged -= (entry->flags & ENTRY_DAMAGED) != 0;
}

/* All that is charged is charged to a type. */
static bool adds_up(const struct keyspace *keyspace)
{
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    for (size_t i = 0; i < ENTRY_TYPE_COUNT; i++) {
        bytes += keyspace->account[i].bytes;
        blocks += keyspace->account[i].blocks;
    }
    return bytes == keyspace->total.bytes && blocks == keyspace->total.blocks;
}

static void bury(void *context, void *element)
{
    struct keyspace *keyspace = context;
    struct entry *entry = element;
    keyspace->ops.release(keyspace->ops.context, entry);
    check_slow(keyspace->account[entry->type].blocks > 0); /* keyspace I2: the entry itself is left */
    memory_account_free_held(&keyspace->account[entry->type], entry, keyspace_held(entry));
}

void keyspace_finish(struct keyspace *keyspace)
{
    if (keyspace->table.segments == NULL) {
        return;
    }
    while (keyspace_reap(keyspace, SIZE_MAX)) {
    }
    keyspace_flush(keyspace);
    while (keyspace_reap(keyspace, SIZE_MAX)) {
    }
    check(keyspace->table.count == 0 && keyspace->expire.count == 0); /* keyspace I1 */
    check(adds_up(keyspace));                                         /* keyspace I2 */
    table_finish(&keyspace->table);
    expire_finish(&keyspace->expire);
}

static uint8_t marked(const struct keyspace *keyspace, uint8_t flags)
{
    return (uint8_t)((flags & ~ENTRY_SWEPT) | keyspace->swept);
}

static bool is_owed(const struct keyspace *keyspace, const struct entry *entry)
{
    return ((entry->flags ^ keyspace->swept) & ENTRY_SWEPT) != 0;
}

static size_t size_of(struct keyspace_shape shape, size_t key_size)
{
    return entry_size_of(shape.flags, key_size, shape.value_size);
}

struct entry *keyspace_add(struct keyspace *keyspace, struct gm_bytes key, uint64_t hash, struct keyspace_shape shape,
                           int64_t expire_at_ms)
{
    check(key.size <= ENTRY_KEY_MAX);
    check_slow(keyspace_slot(keyspace, key, hash) == NULL); /* keyspace I1 */
    check_slow((shape.flags & ENTRY_WORD) == 0 || shape.value_size == 8);
    struct entry *entry = memory_account_alloc(&keyspace->account[shape.type], size_of(shape, key.size));
    *entry = (struct entry){.value_size = shape.value_size,
                            .key_size = (uint16_t)key.size,
                            .type = shape.type,
                            .flags = marked(keyspace, shape.flags)};
    if (key.size > 0) {
        memcpy((uint8_t *)entry + entry_key_offset(shape.flags), key.data, key.size);
    }
    table_insert(&keyspace->table, entry, hash, heat_new(&keyspace->heat));
    count_in(keyspace, entry);
    if ((shape.flags & ENTRY_EXPIRES) != 0) {
        expire_write(entry, expire_at_ms);
        expire_add(&keyspace->expire, entry);
    }
    check_slow(table_note(keyspace_slot(keyspace, key, hash)) == heat_new(&keyspace->heat)); /* keyspace I3 */
    return entry;
}

/* Room to grow by half, for values that are built step by step. */
static size_t with_room(size_t size)
{
    return size < 64 ? size : size + size / 2;
}

/* An entry of the wanted size: the old one, if it fits and does not waste more than half, else another with its key and
 * the beginning of its value. `*spare`: more was reserved than the size needs. */
static struct entry *refit(struct keyspace *keyspace, struct table_slot *slot, struct keyspace_shape shape, size_t size,
                           bool roomy, uint8_t *spare)
{
    struct entry *old = table_element(slot);
    bool same_place = ((old->flags ^ shape.flags) & ENTRY_EXPIRES) == 0;
    size_t held = keyspace_held(old);
    bool fits = size <= held && (size >= held / 2 || held <= 64);
    if (same_place && fits && old->type == shape.type) {
        *spare = held != memory_held(old, size) ? ENTRY_SPARE : 0;
        return old;
    }
    size_t wanted = roomy && size > held ? with_room(size) : size;
    struct entry *entry = memory_account_alloc(&keyspace->account[shape.type], wanted);
    struct gm_bytes key = entry_key(old);
    uint32_t value_size = (old->flags & ENTRY_VACANT) != 0 ? 0 : old->value_size;
    uint32_t kept = value_size < shape.value_size ? value_size : shape.value_size;
    entry->key_size = old->key_size;
    memcpy((uint8_t *)entry + entry_key_offset(shape.flags), key.data, key.size + kept);
    if (same_place && (shape.flags & ENTRY_EXPIRES) != 0) {
        memcpy(entry->rest, old->rest, ENTRY_EXPIRY);
    }
    memory_account_free_held(&keyspace->account[old->type], old, held);
    table_replace(slot, entry);
    *spare = wanted != size && memory_held(entry, wanted) != memory_held(entry, size) ? ENTRY_SPARE : 0;
    return entry;
}

struct entry *keyspace_reshape(struct keyspace *keyspace, struct table_slot *slot, struct keyspace_shape shape,
                               int64_t expire_at_ms, bool roomy)
{
    struct entry *entry = table_element(slot);
    const uint32_t note = table_note(slot);
    check(!is_owed(keyspace, entry)); /* keyspace I4 */
    check_slow((shape.flags & ENTRY_WORD) == 0 || shape.value_size == 8);
    size_t size = size_of(shape, entry->key_size);
    bool same_place = ((entry->flags ^ shape.flags) & ENTRY_EXPIRES) == 0;
    bool had = same_place && (shape.flags & ENTRY_EXPIRES) != 0;
    uint8_t spare = 0;
    count_out(keyspace, entry);
    if (!same_place && (entry->flags & ENTRY_EXPIRES) != 0) {
        expire_remove(&keyspace->expire, entry);
    }
    bool exact = same_place && entry->type == shape.type && size == entry_size(entry);
    if (!exact || (entry->flags & ENTRY_SPARE) != 0) {
        entry = refit(keyspace, slot, shape, size, roomy, &spare);
    }
    entry->value_size = shape.value_size;
    entry->type = shape.type;
    entry->flags = marked(keyspace, (uint8_t)((shape.flags & ~(ENTRY_VACANT | ENTRY_SPARE)) | spare));
    count_in(keyspace, entry);
    if (had) {
        expire_moved(&keyspace->expire, entry);
        if (entry_expire_at(entry) != expire_at_ms) {
            expire_change(&keyspace->expire, entry, expire_at_ms);
        }
    } else if ((shape.flags & ENTRY_EXPIRES) != 0) {
        expire_write(entry, expire_at_ms);
        expire_add(&keyspace->expire, entry);
    }
    check_slow(table_element(slot) == entry && table_note(slot) == note); /* keyspace I3 */
    check_slow(entry_expire_at(entry) == ((shape.flags & ENTRY_EXPIRES) != 0 ? expire_at_ms : 0));
    return entry;
}

void keyspace_vacate(struct keyspace *keyspace, struct entry *entry)
{
    check(!is_owed(keyspace, entry)); /* keyspace I4 */
    count_out(keyspace, entry);
    entry->flags = (uint8_t)((entry->flags & (ENTRY_EXPIRES | ENTRY_SPARE | ENTRY_SWEPT)) | ENTRY_VACANT);
    count_in(keyspace, entry);
}

void keyspace_remove(struct keyspace *keyspace, struct gm_bytes key, uint64_t hash)
{
    struct entry *entry = table_remove(&keyspace->table, key, hash);
    check(entry != NULL && !is_owed(keyspace, entry));
    count_out(keyspace, entry);
    if ((entry->flags & ENTRY_EXPIRES) != 0) {
        expire_remove(&keyspace->expire, entry);
    }
    bury(keyspace, entry);
    check_slow(adds_up(keyspace)); /* keyspace I2 */
}

void keyspace_flush(struct keyspace *keyspace)
{
    while (keyspace_reap(keyspace, SIZE_MAX)) {
    }
    keyspace->dead = keyspace->table;
    check_slow(adds_up(keyspace)); /* keyspace I2 */
    table_init(&keyspace->table, &table_of_entries, &keyspace->dead.hash_key);
    expire_finish(&keyspace->expire);
    memset(keyspace->keys, 0, sizeof keyspace->keys);
    keyspace->frozen = 0;
    keyspace->damaged = 0;
}

bool keyspace_reap(struct keyspace *keyspace, size_t budget)
{
    if (keyspace->dead.segments == NULL) {
        return false;
    }
    if (table_drain(&keyspace->dead, budget, bury, keyspace)) {
        return true;
    }
    table_finish(&keyspace->dead);
    return false;
}
