/* SPDX-License-Identifier: MIT */

/* Entries through random changes of shape, against a plain model: values keep their beginning, expiries come in order,
 * and the accounts know every byte. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/memory.h"
#include "store/keyspace.h"
#include "support/seed.h"

#define KEYS 300

struct model {
    bool present;
    uint8_t type;
    uint8_t flags;
    uint32_t size;
    int64_t at;
    uint8_t fill; /* each byte of the value */
};

static int released;

static void release(void *context, struct entry *entry)
{
    (void)context;
    (void)entry;
    released++;
}

static struct gm_bytes key_number(unsigned i)
{
    static char text[600];
    int size = snprintf(text, sizeof text, "key-%u-", i);
    size_t length = (size_t)size + i; /* keys of many lengths */
    memset(text + size, 'x', i);
    return (struct gm_bytes){(const uint8_t *)text, length};
}

static void fill(struct entry *entry, uint8_t byte)
{
    if (entry->value_size > 0) {
        memset(entry_value(entry), byte, entry->value_size);
    }
}

/* What the allocator says of all that the entry takes. */
static size_t reserved(const struct entry *entry)
{
    bool apart = entry->value_size > ENTRY_INLINE_MAX;
    return memory_size(entry) + (apart ? memory_size(entry_value(entry)) : 0);
}

static void compare(const struct keyspace *keyspace, const struct model *model, unsigned i)
{
    struct gm_bytes key = key_number(i);
    const struct entry *entry = keyspace_find(keyspace, key, keyspace_hash(keyspace, key));
    cr_assert_eq(entry != NULL, model->present);
    if (entry == NULL) {
        return;
    }
    cr_assert_eq(entry->type, model->type);
    cr_assert_eq(entry->value_size, model->size);
    cr_assert_eq(entry->flags & ~ENTRY_SPARE, model->flags);
    cr_assert_eq(entry_expire_at(entry), model->at);
    cr_assert(gm_bytes_equal(entry_key(entry), key));
    for (uint32_t b = 0; b < model->size; b++) {
        if (entry_value(entry)[b] != model->fill) {
            cr_assert_fail("byte %u of %u differs", b, model->size);
        }
    }
    cr_assert_leq(entry_size(entry), memory_size(entry));
    cr_assert_eq(keyspace_held(entry), reserved(entry));
}

static void draw_shape(struct prng *prng, struct model *model)
{
    bool word = prng_below(prng, 4) == 0;
    model->type = (uint8_t)(1 + prng_below(prng, 3));
    model->flags = (uint8_t)((word ? ENTRY_WORD : 0) | (prng_below(prng, 2) == 0 ? ENTRY_EXPIRES : 0) |
                             (!word && prng_below(prng, 8) == 0 ? ENTRY_FROZEN : 0));
    model->size = word ? 8 : (uint32_t)prng_below(prng, prng_below(prng, 20) == 0 ? 9000 : 200);
    if (!word && prng_below(prng, 20) == 0) { /* around the size from which on a value lies apart, and beyond */
        model->size = (uint32_t)(ENTRY_INLINE_MAX - 2 + prng_below(prng, prng_below(prng, 2) == 0 ? 5 : 150000));
    }
    model->at = (model->flags & ENTRY_EXPIRES) != 0 ? (int64_t)prng_below(prng, 1000) + 1 : 0;
}

static const struct entry *find(const struct keyspace *keyspace, unsigned i)
{
    struct gm_bytes key = key_number(i);
    return keyspace_find(keyspace, key, keyspace_hash(keyspace, key));
}

/* keyspace I3: the note goes along; and a value that lies apart stays where it is. */
static void rename_key(struct keyspace *keyspace, unsigned from, unsigned to)
{
    char name[600];
    struct gm_bytes key = key_number(from);
    struct gm_bytes old = {memcpy(name, key.data, key.size), key.size};
    const struct entry *entry = find(keyspace, from);
    bool apart = entry->value_size > ENTRY_INLINE_MAX;
    const uint8_t *value = entry_value(entry);
    uint64_t hash = keyspace_hash(keyspace, old);
    table_set_note(keyspace_slot(keyspace, old, hash), from + 7);
    key = key_number(to);
    uint64_t other = keyspace_hash(keyspace, key);
    keyspace_move((struct keyspace_place){keyspace, old, hash}, (struct keyspace_place){keyspace, key, other});
    cr_assert_null(keyspace_find(keyspace, old, hash));
    cr_assert_eq(table_note(keyspace_slot(keyspace, key, other)), from + 7);
    cr_assert(!apart || entry_value(find(keyspace, to)) == value);
}

Test(keyspace, keeps_what_it_was_given_through_all_changes)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    static struct keyspace keyspace;
    static struct ledger ledger;
    static struct model models[KEYS];
    struct keyspace_ops ops = {.release = release};
    struct siphash_key hash_key = {3, 4};
    ledger_init(&ledger);
    keyspace_init(&keyspace, &ledger, &ops, &hash_key);
    for (int step = 0; step < 60000; step++) {
        unsigned i = (unsigned)prng_below(&prng, KEYS);
        struct model *model = &models[i];
        struct gm_bytes key = key_number(i);
        uint64_t hash = keyspace_hash(&keyspace, key);
        unsigned other = (unsigned)prng_below(&prng, KEYS);
        if (model->present && !models[other].present && prng_below(&prng, 2) == 0) {
            rename_key(&keyspace, i, other);
            models[other] = *model;
            *model = (struct model){0};
            compare(&keyspace, &models[other], other);
        } else if (model->present && prng_below(&prng, 4) == 0) {
            keyspace_remove(&keyspace, key, hash);
            *model = (struct model){0};
        } else if (!model->present) {
            draw_shape(&prng, model);
            model->present = true;
            model->fill = (uint8_t)step;
            struct keyspace_shape shape = {model->type, model->flags, model->size};
            fill(keyspace_add(&keyspace, key, hash, shape, model->at), model->fill);
        } else {
            uint32_t kept = model->size;
            draw_shape(&prng, model);
            struct keyspace_shape shape = {model->type, model->flags, model->size};
            struct table_slot *slot = keyspace_slot(&keyspace, key, hash);
            struct entry *entry = keyspace_reshape(&keyspace, slot, shape, model->at, prng_below(&prng, 2) == 0);
            cr_assert_eq(entry, table_element(slot)); /* keyspace I5 */
            for (uint32_t b = 0; b < kept && b < model->size; b++) {
                if (entry_value(entry)[b] != model->fill) {
                    cr_assert_fail("the common beginning stays");
                }
            }
            model->fill = (uint8_t)step;
            fill(entry, model->fill);
        }
        compare(&keyspace, model, i);
    }
    uint64_t frozen = 0;
    uint64_t keys[4] = {0};
    uint64_t bytes[4] = {0};
    for (unsigned i = 0; i < KEYS; i++) {
        struct gm_bytes key = key_number(i);
        const struct entry *entry = keyspace_find(&keyspace, key, keyspace_hash(&keyspace, key));
        compare(&keyspace, &models[i], i);
        bytes[models[i].type] += entry != NULL ? reserved(entry) : 0;
        frozen += models[i].present && (models[i].flags & ENTRY_FROZEN) != 0;
        keys[models[i].type] += models[i].present;
    }
    cr_assert_eq(keyspace.frozen, frozen);
    for (int t = 1; t < 4; t++) {
        cr_assert_eq(keyspace.keys[t], keys[t]);
        cr_assert_eq(ledger.account[t].bytes, bytes[t]); /* keyspace I2 */
    }

    /* Those that expire come in order, and no others. */
    int64_t before = 0;
    struct entry *due;
    cr_assert_null(expire_due(&keyspace.expire, 0));
    while ((due = expire_due(&keyspace.expire, 2000)) != NULL) {
        cr_assert_geq(entry_expire_at(due), before); /* expire I2; keyspace I1 */
        before = entry_expire_at(due);
        struct gm_bytes key = entry_key(due);
        keyspace_remove(&keyspace, key, keyspace_hash(&keyspace, key));
    }
    cr_assert_eq(expire_next(&keyspace.expire), INT64_MAX);

    uint64_t left = keyspace.table.count;
    cr_assert_gt(left, 0);
    cr_assert_eq(ledger.keys, left); /* ledger I2 */
    cr_assert_eq(ledger.overhead, keyspace_overhead(&keyspace));
    released = 0;
    keyspace_flush(&keyspace);
    cr_assert_eq(ledger.keys, 0);
    cr_assert_eq(ledger.flushed, left);
    while (keyspace_reap(&keyspace, 10)) {
    }
    cr_assert_eq(released, (int)left);
    for (int t = 0; t < 4; t++) {
        cr_assert_eq(ledger.account[t].bytes, 0);
        cr_assert_eq(ledger.account[t].blocks, 0);
    }
    cr_assert_eq(ledger.flushed, 0);
    keyspace_finish(&keyspace);
    cr_assert_eq(ledger.overhead, 0); /* ledger I2 */
}
