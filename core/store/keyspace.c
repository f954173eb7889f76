/* SPDX-License-Identifier: MIT */

/* keyspace.c - entries come, change shape, and go. */
#include "store/keyspace.h"

static struct gm_bytes key_of(const void *element)
{
    return entry_key(element);
}

static const struct table_ops table_of_entries = {.key = key_of};

/* Table or heap may have another size now: ledger I2. The wakes are weighed where they change. */
static inline void weigh(struct keyspace *keyspace)
{
    uint64_t now = sizeof *keyspace + keyspace->table.bytes + expire_memory(&keyspace->expire);
    if (__builtin_expect(now != keyspace->weighed, 0)) {
        keyspace->ledger->overhead += now - keyspace->weighed;
        keyspace->weighed = now;
    }
}

/* ---- the heap ---- */

static void due_at(struct ledger *ledger, int64_t at_ms)
{
    ledger->expires_ms = at_ms < ledger->expires_ms ? at_ms : ledger->expires_ms; /* ledger I3 */
}

static void begin_expiry(struct keyspace *keyspace, struct entry *entry, int64_t at_ms)
{
    expire_write(entry, at_ms);
    expire_add(&keyspace->expire, entry);
    keyspace->ledger->expires++;
    due_at(keyspace->ledger, at_ms);
}

static void change_expiry(struct keyspace *keyspace, struct entry *entry, int64_t at_ms)
{
    expire_change(&keyspace->expire, entry, at_ms);
    due_at(keyspace->ledger, at_ms);
}

static void end_expiry(struct keyspace *keyspace, struct entry *entry)
{
    expire_remove(&keyspace->expire, entry);
    keyspace->ledger->expires--;
}

/* ---- when something is due ---- */

seldom static void begin_wake(struct keyspace *keyspace, struct entry *entry, int64_t at_ms)
{
    struct ledger *ledger = keyspace->ledger;
    uint64_t before = wake_memory(&keyspace->wakes);
    wake_add(&keyspace->wakes, entry, at_ms);
    entry->flags |= ENTRY_WAKES; /* keyspace I1 */
    ledger->wakes++;
    ledger->wakes_ms = at_ms < ledger->wakes_ms ? at_ms : ledger->wakes_ms; /* ledger I3 */
    ledger->overhead += wake_memory(&keyspace->wakes) - before;             /* ledger I2 */
}

seldom static void end_wake(struct keyspace *keyspace, struct entry *entry)
{
    uint64_t before = wake_memory(&keyspace->wakes);
    wake_remove(&keyspace->wakes, entry);
    entry->flags &= (uint8_t)~ENTRY_WAKES; /* keyspace I1 */
    keyspace->ledger->wakes--;
    keyspace->ledger->overhead -= before - wake_memory(&keyspace->wakes); /* ledger I2 */
}

void keyspace_wake(struct keyspace *keyspace, struct entry *entry, int64_t at_ms)
{
    check(at_ms >= 0 && !keyspace->flushed);
    check_slow((entry->flags & (ENTRY_FROZEN | ENTRY_VACANT)) == 0);
    struct ledger *ledger = keyspace->ledger;
    if ((entry->flags & ENTRY_WAKES) == 0) {
        if (at_ms != 0) {
            begin_wake(keyspace, entry, at_ms);
        }
    } else if (at_ms == 0) {
        end_wake(keyspace, entry);
    } else {
        wake_change(&keyspace->wakes, entry, at_ms);
        ledger->wakes_ms = at_ms < ledger->wakes_ms ? at_ms : ledger->wakes_ms; /* ledger I3 */
    }
}

/* The entry has another shape and perhaps another address: what is due in it stays, but for a frozen value. */
seldom static void rewake(struct keyspace *keyspace, const struct entry *old, struct entry *entry)
{
    entry->flags |= ENTRY_WAKES;
    if (old != entry) {
        wake_moved(&keyspace->wakes, old, entry);
    }
    if ((entry->flags & ENTRY_FROZEN) != 0) {
        end_wake(keyspace, entry);
    }
}

/* ---- entries ---- */

void keyspace_init(struct keyspace *keyspace, struct ledger *ledger, const struct keyspace_ops *ops,
                   const struct siphash_key *hash_key)
{
    check(ops->release != NULL);
    memset(keyspace, 0, sizeof *keyspace);
    keyspace->ledger = ledger;
    keyspace->ops = *ops;
    list_init(&keyspace->link);
    list_init(&keyspace->walk);
    table_init(&keyspace->table, &table_of_entries, hash_key);
    weigh(keyspace);
}

void keyspace_reserve(struct keyspace *keyspace, uint64_t keys)
{
    table_reserve(&keyspace->table, keys);
    weigh(keyspace);
}

void keyspace_fit(struct keyspace *keyspace)
{
    table_fit(&keyspace->table);
    weigh(keyspace);
}

/* Bytes reserved for the allocation that the value lies in: a run apart, or the entry. */
static size_t held(const struct entry *entry)
{
    bool apart = entry_lies_apart(entry->value_size);
    const void *memory = apart ? (const void *)entry_value(entry) : entry;
    bool spare = (entry->flags & ENTRY_SPARE) != 0;
    return __builtin_expect(spare, 0) ? memory_size(memory)
                                      : memory_held(memory, apart ? entry->value_size : entry_size(entry));
}

size_t keyspace_held(const struct entry *entry)
{
    return held(entry) + (entry_lies_apart(entry->value_size) ? memory_held(entry, entry_size(entry)) : 0);
}

/* Bytes reserved for the entry itself. */
static size_t held_alone(const struct entry *entry)
{
    return entry_lies_apart(entry->value_size) ? memory_held(entry, entry_size(entry)) : held(entry);
}

static uint8_t *alloc_run(struct keyspace *keyspace, uint8_t type, size_t size)
{
    check(entry_lies_apart(size));
    return memory_account_alloc(&keyspace->ledger->account[type], size);
}

static void set_run(struct entry *entry, const uint8_t *run)
{
    check(entry_lies_apart(entry->value_size) && run != NULL);
    memcpy(entry_place(entry), &run, sizeof run);
}

static void count_in(struct keyspace *keyspace, const struct entry *entry)
{
    check_slow(entry->type != 0); /* that is the host, who has no values */
    check_slow((entry->flags & ENTRY_DAMAGED) == 0 || (entry->flags & ENTRY_FROZEN) != 0);
    keyspace->keys[entry->type]++;
    if (__builtin_expect((entry->flags & ENTRY_FROZEN) != 0, 0)) { /* what is damaged is frozen, too */
        keyspace->frozen++;
        keyspace->damaged += (entry->flags & ENTRY_DAMAGED) != 0;
    }
}

static void count_out(struct keyspace *keyspace, const struct entry *entry)
{
    check_slow(keyspace->keys[entry->type] > 0);
    check_slow((entry->flags & ENTRY_FROZEN) == 0 || keyspace->frozen > 0);
    check_slow((entry->flags & ENTRY_DAMAGED) == 0 || keyspace->damaged > 0);
    keyspace->keys[entry->type]--;
    if (__builtin_expect((entry->flags & ENTRY_FROZEN) != 0, 0)) {
        keyspace->frozen--;
        keyspace->damaged -= (entry->flags & ENTRY_DAMAGED) != 0;
    }
}

/* All that is charged is charged to a type. */
static bool adds_up(const struct ledger *ledger)
{
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    for (size_t i = 0; i < ENTRY_TYPE_COUNT; i++) {
        bytes += ledger->account[i].bytes;
        blocks += ledger->account[i].blocks;
    }
    return bytes == ledger->total.bytes && blocks == ledger->total.blocks;
}

static void bury(void *context, void *element)
{
    struct keyspace *keyspace = context;
    struct entry *entry = element;
    keyspace->ops.release(keyspace->ops.context, entry);
    check_slow(keyspace->ledger->account[entry->type].blocks > 0); /* keyspace I2: the entry itself is left */
    struct memory_account *account = &keyspace->ledger->account[entry->type];
    size_t alone = held_alone(entry);
    if (entry_lies_apart(entry->value_size)) {
        memory_account_free_held(account, entry_value(entry), held(entry));
    }
    memory_account_free_held(account, entry, alone);
}

static uint8_t marked(const struct keyspace *keyspace, uint8_t flags)
{
    return (uint8_t)((flags & ~ENTRY_SWEPT) | keyspace->ledger->swept);
}

static bool is_owed(const struct keyspace *keyspace, const struct entry *entry)
{
    return ((entry->flags ^ keyspace->ledger->swept) & ENTRY_SWEPT) != 0;
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
    struct entry *entry = memory_account_alloc(&keyspace->ledger->account[shape.type], size_of(shape, key.size));
    *entry = (struct entry){.value_size = shape.value_size,
                            .key_size = (uint16_t)key.size,
                            .type = shape.type,
                            .flags = marked(keyspace, shape.flags)};
    if (key.size > 0) {
        memcpy((uint8_t *)entry + entry_key_offset(shape.flags), key.data, key.size);
    }
    if (entry_lies_apart(shape.value_size)) {
        set_run(entry, alloc_run(keyspace, shape.type, shape.value_size));
    }
    table_insert(&keyspace->table, entry, hash, heat_new(&keyspace->ledger->heat));
    count_in(keyspace, entry);
    if ((shape.flags & ENTRY_EXPIRES) != 0) {
        begin_expiry(keyspace, entry, expire_at_ms);
    }
    keyspace->ledger->keys++;
    weigh(keyspace);
    check_slow(table_note(keyspace_slot(keyspace, key, hash)) == heat_new(&keyspace->ledger->heat)); /* keyspace I3 */
    return entry;
}

/* Room to grow by half, for values that are built step by step. */
static size_t with_room(size_t size)
{
    return size < 64 ? size : size + size / 2;
}

/* Whether what is reserved for the value can hold one of `size` bytes, and does not waste more than half of it. */
static bool fits(size_t size, size_t reserved)
{
    return size <= reserved && (size >= reserved / 2 || reserved <= 64);
}

/* Bytes of the old value that a value of the wanted shape begins with. */
static uint32_t kept_of(const struct entry *old, struct keyspace_shape shape)
{
    uint32_t size = (old->flags & ENTRY_VACANT) != 0 ? 0 : old->value_size;
    return size < shape.value_size ? size : shape.value_size;
}

/* Another entry for the key of `old`, with the same expiry block if it has the same place; it asks for `size` bytes. */
static struct entry *make_like(struct keyspace *keyspace, const struct entry *old, struct keyspace_shape shape,
                               size_t size)
{
    struct entry *entry = memory_account_alloc(&keyspace->ledger->account[shape.type], size);
    struct gm_bytes key = entry_key(old);
    entry->value_size = shape.value_size;
    entry->key_size = old->key_size;
    entry->flags = shape.flags;
    memcpy((uint8_t *)entry + entry_key_offset(shape.flags), key.data, key.size);
    if ((old->flags & shape.flags & ENTRY_EXPIRES) != 0) {
        memcpy(entry->rest, old->rest, ENTRY_EXPIRY);
    }
    return entry;
}

/* A run for a value of the wanted shape: that of `old` if it has one that fits, else another with its beginning. */
static uint8_t *refit_run(struct keyspace *keyspace, const struct entry *old, struct keyspace_shape shape, bool roomy,
                          uint8_t *spare)
{
    size_t size = shape.value_size;
    size_t reserved = held(old);
    uint8_t *run = entry_value(old);
    bool room = size <= reserved && reserved / 2 <= keyspace->expected; /* for what is still to come */
    if (entry_lies_apart(old->value_size) && old->type == shape.type && (room || fits(size, reserved))) {
        *spare = reserved != memory_held(run, size) ? ENTRY_SPARE : 0;
        return run;
    }
    size_t wanted = roomy && size > reserved ? with_room(size) : size;
    wanted = roomy && wanted < keyspace->expected ? keyspace->expected : wanted;
    uint8_t *other = alloc_run(keyspace, shape.type, wanted);
    memcpy(other, run, kept_of(old, shape));
    *spare = wanted != size && memory_held(other, wanted) != memory_held(other, size) ? ENTRY_SPARE : 0;
    return other;
}

/* refit, where the value lies apart before or after. */
seldom static struct entry *refit_apart(struct keyspace *keyspace, struct table_slot *slot, struct keyspace_shape shape,
                                        size_t size, bool roomy, uint8_t *spare)
{
    struct entry *old = table_element(slot);
    bool was_apart = entry_lies_apart(old->value_size);
    bool is_apart = entry_lies_apart(shape.value_size);
    bool same_place = ((old->flags ^ shape.flags) & ENTRY_EXPIRES) == 0;
    bool stays = was_apart && is_apart && same_place && old->type == shape.type;
    uint8_t *before = entry_value(old);
    size_t reserved = held(old);
    size_t alone = held_alone(old);
    uint8_t *run = is_apart ? refit_run(keyspace, old, shape, roomy, spare) : NULL;
    struct entry *entry = stays ? old : make_like(keyspace, old, shape, size);
    struct memory_account *account = &keyspace->ledger->account[old->type];
    entry->value_size = shape.value_size;
    if (is_apart) {
        set_run(entry, run);
    } else {
        memcpy(entry_place(entry), before, kept_of(old, shape));
    }
    if (was_apart && before != run) {
        memory_account_free_held(account, before, reserved);
    }
    if (entry != old) {
        memory_account_free_held(account, old, alone);
        table_replace(slot, entry);
    }
    return entry;
}

/* An entry of the wanted size: the old one, if it fits and does not waste more than half, else another with its key and
 * the beginning of its value. `*spare`: more was reserved than the size needs. */
static struct entry *refit(struct keyspace *keyspace, struct table_slot *slot, struct keyspace_shape shape, size_t size,
                           bool roomy, uint8_t *spare)
{
    struct entry *old = table_element(slot);
    if (entry_lies_apart(old->value_size) || entry_lies_apart(shape.value_size)) {
        return refit_apart(keyspace, slot, shape, size, roomy, spare);
    }
    bool same_place = ((old->flags ^ shape.flags) & ENTRY_EXPIRES) == 0;
    size_t reserved = held(old);
    if (same_place && fits(size, reserved) && old->type == shape.type) {
        *spare = reserved != memory_held(old, size) ? ENTRY_SPARE : 0;
        return old;
    }
    size_t wanted = roomy && size > reserved ? with_room(size) : size;
    struct entry *entry = make_like(keyspace, old, shape, wanted);
    memcpy(entry_place(entry), entry_place(old), kept_of(old, shape));
    memory_account_free_held(&keyspace->ledger->account[old->type], old, reserved);
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
    const struct entry *old = entry;
    bool wakes = (entry->flags & ENTRY_WAKES) != 0;
    count_out(keyspace, entry);
    if (!same_place && (entry->flags & ENTRY_EXPIRES) != 0) {
        end_expiry(keyspace, entry);
    }
    /* The key is the same, so an equal value makes an equal entry. */
    bool exact = same_place && entry->type == shape.type && shape.value_size == entry->value_size;
    if (!exact || (entry->flags & ENTRY_SPARE) != 0) {
        entry = refit(keyspace, slot, shape, size, roomy, &spare);
    }
    entry->value_size = shape.value_size;
    entry->type = shape.type;
    entry->flags = marked(keyspace, (uint8_t)((shape.flags & ~(ENTRY_VACANT | ENTRY_SPARE | ENTRY_WAKES)) | spare));
    if (__builtin_expect(wakes, 0)) {
        rewake(keyspace, old, entry);
    }
    count_in(keyspace, entry);
    if (had) {
        expire_moved(&keyspace->expire, entry);
        if (entry_expire_at(entry) != expire_at_ms) {
            change_expiry(keyspace, entry, expire_at_ms);
        }
    } else if ((shape.flags & ENTRY_EXPIRES) != 0) {
        begin_expiry(keyspace, entry, expire_at_ms);
    }
    weigh(keyspace);
    check_slow(table_element(slot) == entry && table_note(slot) == note); /* keyspace I3 */
    check_slow(entry_expire_at(entry) == ((shape.flags & ENTRY_EXPIRES) != 0 ? expire_at_ms : 0));
    return entry;
}

/* The value that goes is frozen, or something was due in it. */
seldom static void leave(struct keyspace *keyspace, struct entry *entry)
{
    keyspace->frozen -= (entry->flags & ENTRY_FROZEN) != 0;
    keyspace->damaged -= (entry->flags & ENTRY_DAMAGED) != 0;
    if ((entry->flags & ENTRY_WAKES) != 0) {
        end_wake(keyspace, entry);
    }
}

void keyspace_vacate(struct keyspace *keyspace, struct entry *entry)
{
    check(!is_owed(keyspace, entry)); /* keyspace I4 */
    if (__builtin_expect((entry->flags & (ENTRY_FROZEN | ENTRY_WAKES)) != 0, 0)) {
        leave(keyspace, entry);
    }
    entry->flags = (uint8_t)((entry->flags & (ENTRY_EXPIRES | ENTRY_SPARE | ENTRY_SWEPT)) | ENTRY_VACANT);
}

/* The entry under another key: an inline value comes with it, and of one that lies apart the address. */
static struct entry *make_moved(struct keyspace *keyspace, const struct entry *old, struct gm_bytes key)
{
    struct entry *entry = memory_account_alloc(&keyspace->ledger->account[old->type],
                                               entry_size_of(old->flags, key.size, old->value_size));
    bool apart = entry_lies_apart(old->value_size);
    *entry = *old;
    entry->key_size = (uint16_t)key.size;
    entry->flags = marked(keyspace, apart ? old->flags : (uint8_t)(old->flags & ~ENTRY_SPARE));
    memcpy(entry->rest, old->rest, entry_key_offset(old->flags) - ENTRY_HEADER);
    if (key.size > 0) {
        memcpy((uint8_t *)entry + entry_key_offset(old->flags), key.data, key.size);
    }
    memcpy(entry_place(entry), entry_place(old), apart ? sizeof(uint8_t *) : old->value_size);
    return entry;
}

void keyspace_move(struct keyspace_place from, struct keyspace_place to)
{
    struct ledger *ledger = from.keyspace->ledger;
    struct table_slot *slot = keyspace_slot(from.keyspace, from.key, from.hash);
    check(slot != NULL && to.key.size <= ENTRY_KEY_MAX && to.keyspace->ledger == ledger);
    check_slow(keyspace_slot(to.keyspace, to.key, to.hash) == NULL); /* keyspace I1 */
    uint32_t note = table_note(slot);
    struct entry *old = table_remove(&from.keyspace->table, from.key, from.hash);
    check((old->flags & ENTRY_VACANT) == 0 && !is_owed(from.keyspace, old)); /* keyspace I4 */
    int64_t at_ms = entry_expire_at(old);
    int64_t wake_ms = keyspace_wake_at(from.keyspace, old);
    if (wake_ms != 0) {
        end_wake(from.keyspace, old);
    }
    count_out(from.keyspace, old);
    if (at_ms != 0) {
        end_expiry(from.keyspace, old);
    }
    struct entry *entry = make_moved(to.keyspace, old, to.key);
    memory_account_free_held(&ledger->account[old->type], old, held_alone(old));
    table_insert(&to.keyspace->table, entry, to.hash, note); /* keyspace I3 */
    count_in(to.keyspace, entry);
    if (at_ms != 0) {
        begin_expiry(to.keyspace, entry, at_ms); /* keyspace I1 */
    }
    if (wake_ms != 0) {
        begin_wake(to.keyspace, entry, wake_ms);
    }
    weigh(from.keyspace);
    weigh(to.keyspace);
    check_slow(adds_up(ledger)); /* keyspace I2 */
}

static void end_times(struct keyspace *keyspace, struct entry *entry)
{
    if ((entry->flags & ENTRY_EXPIRES) != 0) {
        end_expiry(keyspace, entry);
    }
    if ((entry->flags & ENTRY_WAKES) != 0) {
        end_wake(keyspace, entry);
    }
}

void keyspace_remove(struct keyspace *keyspace, struct gm_bytes key, uint64_t hash)
{
    struct entry *entry = table_remove(&keyspace->table, key, hash);
    check(entry != NULL && !is_owed(keyspace, entry));
    count_out(keyspace, entry);
    if ((entry->flags & (ENTRY_EXPIRES | ENTRY_WAKES)) != 0) {
        end_times(keyspace, entry);
    }
    keyspace->ledger->keys--;
    bury(keyspace, entry);
    weigh(keyspace);
    check_slow(adds_up(keyspace->ledger)); /* keyspace I2 */
}

/* ---- the end ---- */

void keyspace_flush(struct keyspace *keyspace)
{
    struct ledger *ledger = keyspace->ledger;
    check(!keyspace->flushed);
    keyspace->flushed = true;
    ledger->keys -= keyspace->table.count;
    ledger->flushed += keyspace->table.count;
    ledger->expires -= keyspace->expire.count;
    expire_finish(&keyspace->expire);
    ledger->wakes -= keyspace->wakes.count;
    ledger->overhead -= wake_memory(&keyspace->wakes);
    wake_finish(&keyspace->wakes);
    memset(keyspace->keys, 0, sizeof keyspace->keys);
    keyspace->frozen = 0;
    keyspace->damaged = 0;
    weigh(keyspace);
}

bool keyspace_reap(struct keyspace *keyspace, size_t budget)
{
    check(keyspace->flushed && list_empty(&keyspace->walk)); /* keyspace I4 */
    uint64_t before = keyspace->table.count;
    bool more = table_drain(&keyspace->table, budget, bury, keyspace);
    keyspace->ledger->flushed -= before - keyspace->table.count;
    weigh(keyspace);
    return more;
}

void keyspace_finish(struct keyspace *keyspace)
{
    if (keyspace->table.segments == NULL) {
        return;
    }
    if (!keyspace->flushed) {
        keyspace_flush(keyspace);
    }
    list_remove(&keyspace->walk);
    while (keyspace_reap(keyspace, SIZE_MAX)) {
    }
    check(keyspace->table.count == 0 && keyspace->expire.count == 0 && keyspace->wakes.count == 0); /* keyspace I1 */
    check(adds_up(keyspace->ledger));                                                               /* keyspace I2 */
    table_finish(&keyspace->table);
    keyspace->ledger->overhead -= keyspace->weighed;
    list_remove(&keyspace->link);
}
