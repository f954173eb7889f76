/* SPDX-License-Identifier: MIT */

/* apply.c - the only caller of gm_type.apply.
 *
 * Idea     A record names one key. What the key holds is looked up, or forgotten first (RECORD_FRESH); the type changes
 *          the cell through the functions that the host lends it; then the host draws the conclusions: an empty value
 *          goes, an expiry is set, kept or dropped, and whoever is interested in the key hears of it.
 *
 * Promises
 *   I1  The same record on the same keyspace has the same outcome everywhere. The outcome "the key is gone" is part of
 *       the record (RECORD_REMOVES): a node that can not apply the type relies on it, any other compares.
 *   I2  A record that does not fit (unknown body, wrong type, other outcome) never changes a value silently: the key
 *       becomes damaged, its records are kept, and a sentence is told.
 *   I3  A value whose module is absent stays frozen: its records are kept in order. */
#include "shard/apply.h"

#include <stdio.h>

#include "serve/notify.h"
#include "shard/frozen.h"
#include "shard/sweep.h"
#include "store/slot.h"

struct apply {
    struct gm_apply abi;
    struct shard *shard;
    struct entry *entry;     /* NULL: the key is not there */
    struct table_slot *slot; /* of the entry; NULL: not known */
    struct gm_bytes key;
    uint64_t hash;
    int64_t expire_at_ms; /* that the key will have */
    uint8_t type;
};

static struct apply *apply_of(struct gm_apply *abi)
{
    return container_of(abi, struct apply, abi);
}

/* ---- what the host lends to apply ---- */

static void shape(struct apply *apply, uint8_t flags, uint32_t value_size, bool roomy)
{
    struct keyspace *keyspace = &apply->shard->keyspace;
    if (apply->expire_at_ms != 0) {
        flags |= ENTRY_EXPIRES;
    }
    struct keyspace_shape wanted = {.type = apply->type, .flags = flags, .value_size = value_size};
    if (apply->entry == NULL) {
        apply->entry = keyspace_add(keyspace, apply->key, apply->hash, wanted, apply->expire_at_ms);
        return;
    }
    if (apply->slot == NULL) {
        apply->slot = keyspace_slot(keyspace, apply->key, apply->hash);
    }
    check(apply->slot != NULL && table_element(apply->slot) == apply->entry);
    apply->entry = keyspace_reshape(keyspace, apply->slot, wanted, apply->expire_at_ms, roomy);
}

static uint8_t *lend_resize(struct gm_apply *abi, size_t size)
{
    if (size > GM_VALUE_SIZE_MAX) {
        return NULL;
    }
    struct apply *apply = apply_of(abi);
    bool grows = abi->cell.form == GM_BYTES && size > abi->cell.size;
    size_t kept = abi->cell.form != GM_BYTES ? 0 : (grows ? abi->cell.size : size);
    shape(apply, 0, (uint32_t)size, grows);
    uint8_t *value = entry_value(apply->entry);
    if (size > kept) {
        memset(value + kept, 0, size - kept);
    }
    abi->cell = (struct gm_cell){.form = GM_BYTES, .data = value, .size = size};
    return value;
}

static void lend_set_word(struct gm_apply *abi, uint64_t word)
{
    struct apply *apply = apply_of(abi);
    if (abi->cell.form != GM_WORD) {
        shape(apply, ENTRY_WORD, sizeof word, false);
    }
    entry_set_word(apply->entry, word);
    abi->cell = (struct gm_cell){.form = GM_WORD, .word = word};
}

static void lend_clear(struct gm_apply *abi)
{
    struct apply *apply = apply_of(abi);
    if (apply->entry != NULL) {
        keyspace_vacate(&apply->shard->keyspace, apply->entry);
    }
    abi->cell = (struct gm_cell){.form = GM_ABSENT};
}

static struct memory_account *account(struct gm_apply *abi)
{
    struct apply *apply = apply_of(abi);
    return &apply->shard->keyspace.account[apply->type];
}

static void *lend_alloc(struct gm_apply *abi, size_t size)
{
    void *memory = memory_account_alloc(account(abi), size);
    memset(memory, 0, size);
    return memory;
}

static void *lend_realloc(struct gm_apply *abi, void *memory, size_t size)
{
    return memory_account_realloc(account(abi), memory, size);
}

static void lend_release(struct gm_apply *abi, void *memory)
{
    memory_account_free(account(abi), memory);
}

static uint64_t lend_held(struct gm_apply *abi, const void *memory)
{
    (void)abi;
    return memory_size(memory);
}

static const struct gm_apply_ops lent = {
    .size = sizeof(struct gm_apply_ops),
    .resize = lend_resize,
    .set_word = lend_set_word,
    .clear = lend_clear,
    .alloc = lend_alloc,
    .realloc = lend_realloc,
    .release = lend_release,
    .held = lend_held,
};

void apply_release(void *context, struct entry *entry)
{
    struct shard *shard = context;
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    if ((entry->flags & (ENTRY_WORD | ENTRY_FROZEN)) == ENTRY_WORD && type != NULL && type->free != NULL) {
        struct apply apply = {.abi = {.ops = &lent, .cell = shard_cell(entry)}, .shard = shard, .type = entry->type};
        note_begin(shard->note, NOTE_FREE, entry->type, entry_key(entry));
        type->free(&apply.abi);
        note_end(shard->note);
    }
}

/* ---- damage ---- */

static void tell(struct shard *shard, const struct record *record, const char *reason)
{
    shard->stats.damaged++;
    if (shard->on_damage != NULL) {
        char place[192];
        char sentence[512];
        struct gm_text text = {.data = place, .capacity = sizeof place - 1};
        gm_text_quote(&text, record->key, 32);
        place[text.size] = '\0';
        (void)snprintf(
            sentence, sizeof sentence,
            "key %s is damaged: record %llu (%s, operation %u) %s. Its records are kept, commands on it are refused, "
            "DEL removes it",
            place, (unsigned long long)record->sequence, shard->types[record->type].name, record->op, reason);
        shard->on_damage(shard->context, sentence);
    }
}

/* Keeps the record of a value that can not be applied here. */
static enum status freeze(struct apply *apply, const struct record *record, bool damaged, struct complaint *complaint)
{
    struct frozen_key key = {apply->key, apply->hash, apply->type, apply->expire_at_ms};
    return frozen_append(apply->shard, &key, record, damaged, complaint);
}

/* ---- records of a type ---- */

/* Forgets what the key holds, keeping its memory for what comes. */
static void start_fresh(struct apply *apply)
{
    if (apply->entry != NULL) {
        apply_release(apply->shard, apply->entry);
        keyspace_vacate(&apply->shard->keyspace, apply->entry);
    }
}

static void remove_key(struct apply *apply)
{
    if (apply->entry != NULL) {
        keyspace_remove(&apply->shard->keyspace, apply->key, apply->hash);
        apply->entry = NULL;
        apply->slot = NULL;
    }
}

/* Whether the key is gone now; else its expiry is what it should be. */
static bool conclude(struct apply *apply, const struct gm_type *type)
{
    const struct gm_cell *cell = &apply->abi.cell;
    if (cell->form == GM_ABSENT || (type->empty != NULL && type->empty(cell))) {
        remove_key(apply);
        return true;
    }
    if (entry_expire_at(apply->entry) != apply->expire_at_ms) {
        shape(apply, apply->entry->flags & ENTRY_WORD, apply->entry->value_size, false);
    }
    return false;
}

static int64_t expiry_after(const struct record *record, const struct entry *entry)
{
    if ((record->flags & RECORD_EXPIRE) != 0) {
        return record->expire_at_ms;
    }
    bool kept = (record->flags & RECORD_FRESH) == 0 || (record->flags & RECORD_KEEP_EXPIRY) != 0;
    return kept && entry != NULL ? entry_expire_at(entry) : 0;
}

/* What stands in the way of applying, NULL if nothing does. */
static const char *misfit(const struct record *record, const struct entry *entry)
{
    if ((record->flags & RECORD_FRESH) != 0) {
        return NULL;
    }
    if (entry == NULL) {
        return "changes a key that is not there";
    }
    if (entry->type != record->type) {
        return "is of another type than the value";
    }
    return NULL;
}

static bool apply_frozen(struct apply *apply, const struct record *record, bool damaged, struct complaint *complaint,
                         enum status *status)
{
    if ((record->flags & RECORD_REMOVES) != 0) {
        remove_key(apply);
        *status = STATUS_OK;
        return true;
    }
    *status = freeze(apply, record, damaged, complaint);
    return false;
}

/* The whole life of one typed record. `first`: complete its flags; else compare them. */
static enum status apply_typed(struct shard *shard, struct record *record, uint64_t hash, struct apply_place place,
                               bool first, struct complaint *complaint)
{
    struct table_slot *slot = place.known ? place.slot : keyspace_slot(&shard->keyspace, record->key, hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    if (entry != NULL) {
        sweep_before(shard, entry);
    }
    if (first && entry == NULL) {
        record->flags |= RECORD_FRESH;
    }
    struct apply apply = {
        .abi = {.ops = &lent},
        .shard = shard,
        .entry = entry,
        .slot = slot,
        .key = record->key,
        .hash = hash,
        .expire_at_ms = expiry_after(record, entry),
        .type = (uint8_t)record->type,
    };
    const struct gm_type *type = shard->types[record->type].abi;
    bool fresh = (record->flags & RECORD_FRESH) != 0;
    bool frozen = !fresh && entry != NULL && (entry->flags & ENTRY_FROZEN) != 0;
    bool told = (record->flags & RECORD_DAMAGED) != 0; /* by the snapshot that it comes from */
    bool damaged = told || (frozen && (entry->flags & ENTRY_DAMAGED) != 0);
    enum status status = STATUS_OK;
    const char *reason = misfit(record, entry);
    if (reason != NULL) {
        if (!damaged) {
            tell(shard, record, reason);
        }
        (void)apply_frozen(&apply, record, true, complaint, &status);
        return status;
    }
    if (type == NULL || frozen || told) {
        if (fresh) {
            start_fresh(&apply);
        }
        (void)apply_frozen(&apply, record, damaged, complaint, &status);
        return status;
    }
    if (fresh) {
        start_fresh(&apply);
    } else {
        apply.abi.cell = shard_cell(entry);
    }
    struct gm_record seen = {.op = record->op, .time_ms = record->time_ms, .key = record->key, .body = record->body};
    note_begin(shard->note, NOTE_APPLY, record->type, record->key);
    int accepted = type->apply(&apply.abi, &seen);
    note_end(shard->note);
    if (accepted != GM_OK) {
        tell(shard, record, "has a body that its type does not accept");
        return freeze(&apply, record, true, complaint);
    }
    bool gone = conclude(&apply, type);
    if (first) {
        record->flags = (uint16_t)(record->flags | (gone ? RECORD_REMOVES : 0));
    } else if (gone != ((record->flags & RECORD_REMOVES) != 0)) {
        tell(shard, record,
             gone ? "empties a value that its author saw filled" : "fills a value that its author saw emptied");
        return freeze(&apply, record, true, complaint);
    }
    return STATUS_OK;
}

/* ---- records of the host ---- */

static bool set_expiry(struct shard *shard, const struct record *record, uint64_t hash, int64_t at_ms)
{
    struct table_slot *slot = keyspace_slot(&shard->keyspace, record->key, hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    if (entry == NULL || entry_expire_at(entry) == at_ms) {
        return false;
    }
    sweep_before(shard, entry);
    uint8_t flags = (uint8_t)(entry->flags & ~ENTRY_EXPIRES);
    flags |= at_ms != 0 ? ENTRY_EXPIRES : 0;
    struct keyspace_shape wanted = {entry->type, flags, entry->value_size};
    (void)keyspace_reshape(&shard->keyspace, slot, wanted, at_ms, false);
    return true;
}

static bool is_stored(void *context, struct gm_bytes key)
{
    const struct shard *shard = context;
    return keyspace_find(&shard->keyspace, key, keyspace_hash(&shard->keyspace, key)) != NULL;
}

static bool remove_stored(struct shard *shard, const struct record *record, uint64_t hash)
{
    struct entry *entry = keyspace_find(&shard->keyspace, record->key, hash);
    if (entry == NULL) {
        return false;
    }
    sweep_before(shard, entry);
    keyspace_remove(&shard->keyspace, record->key, hash);
    return true;
}

/* False: there was nothing to do. */
static bool apply_host(struct shard *shard, const struct record *record, uint64_t hash)
{
    switch (record->op) {
    case RECORD_OP_DELETE:
    case RECORD_OP_EXPIRED:
    case RECORD_OP_EVICTED:
        if (!remove_stored(shard, record, hash)) {
            return false;
        }
        shard->stats.expired += record->op == RECORD_OP_EXPIRED;
        return true;
    case RECORD_OP_EXPIRE:
        return set_expiry(shard, record, hash, record->expire_at_ms);
    case RECORD_OP_PERSIST:
        return set_expiry(shard, record, hash, 0);
    case RECORD_OP_FLUSH:
        interest_changed_all(&shard->interest, is_stored, shard);
        sweep_flushed(shard);
        keyspace_flush(&shard->keyspace);
        return true;
    default: /* RECORD_OP_EPOCH: of no key, and the tail's and the log's business */
        return false;
    }
}

/* ---- both ways in ---- */

static void announce(struct shard *shard, const struct record *record, uint64_t hash)
{
    uint64_t sequence = tail_next(&shard->tail);
    if (record->type == 0 && record->op == RECORD_OP_FLUSH) {
        shard->gate.flushed = sequence;
        tracking_flushed(&shard->tracking, sequence);
        return;
    }
    gate_changed(&shard->gate, hash, sequence);
    interest_changed(&shard->interest, record->key);
    tracking_changed(&shard->tracking, record, hash, sequence);
}

bool apply_first(struct shard *shard, struct record *record, uint64_t hash, struct apply_place place)
{
    if (record->type != 0) {
        struct complaint complaint;
        record->sequence = tail_next(&shard->tail);
        if (apply_typed(shard, record, hash, place, true, &complaint) != STATUS_OK) {
            return false;
        }
    } else if (!apply_host(shard, record, hash)) {
        return false;
    }
    announce(shard, record, hash);
    return true;
}

enum status apply_again(struct shard *shard, const struct record *record, uint64_t hash, struct complaint *complaint)
{
    TRY(record_expect_known(record, complaint)); /* record I3 */
    if (record->type == 0) {
        (void)apply_host(shard, record, hash);
        return STATUS_OK;
    }
    struct record copy = *record;
    return apply_typed(shard, &copy, hash, (struct apply_place){.known = false}, false, complaint);
}

/* Removes a key by a decision of the host. False: it is not there. `key` is then a copy. */
static bool decide(struct shard *shard, uint16_t op, struct gm_bytes *key, uint64_t hash)
{
    struct record record = {
        .op = op,
        .flags = RECORD_REMOVES,
        .time_ms = shard->now_ms,
        .slot = slot_of(*key),
        .key = *key,
    };
    /* The key's bytes go with the entry. */
    record.key.data = key->size > 0 ? memcpy(arena_alloc(&shard->arena, key->size), key->data, key->size) : NULL;
    if (!apply_first(shard, &record, hash, (struct apply_place){.known = false})) {
        return false;
    }
    bool alone = !shard->tail.open;
    if (alone) {
        tail_begin(&shard->tail);
    }
    tail_add(&shard->tail, &record);
    if (alone) {
        tail_end(&shard->tail);
    }
    *key = record.key;
    return true;
}

void apply_expiry(struct shard *shard, struct gm_bytes key, uint64_t hash)
{
    if (decide(shard, RECORD_OP_EXPIRED, &key, hash)) {
        notify_expired(shard, key);
    }
}

void apply_eviction(struct shard *shard, struct gm_bytes key, uint64_t hash)
{
    if (decide(shard, RECORD_OP_EVICTED, &key, hash)) {
        shard->stats.evicted++;
        notify_evicted(shard, key);
    }
}

/* ---- the sink ---- */

static enum status sink_declare(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                                struct complaint *complaint)
{
    struct shard *shard = container_of(sink, struct shard, sink);
    if (type == 0 || type >= sizeof shard->source_types / sizeof shard->source_types[0]) {
        complaint_set(complaint, "type number %u is out of range", type);
        return STATUS_CORRUPT;
    }
    int number = shard_type_number(shard, name);
    if (number < 0) {
        complaint_set(complaint, "there are more than %d types", ENTRY_TYPE_COUNT - 1);
        return STATUS_TOO_BIG;
    }
    shard->source_types[type] = (uint16_t)number;
    return STATUS_OK;
}

static void sink_foresee(struct record_sink *sink, const struct record *record)
{
    struct shard *shard = container_of(sink, struct shard, sink);
    if (record == NULL) {
        shard->sink_taken = shard->sink_announced;
        return;
    }
    size_t at = shard->sink_announced++ % RECORD_SINK_AHEAD;
    shard->sink_hashes[at] = keyspace_hash(&shard->keyspace, record->key);
    shard->sink_keys[at] = record->key.data;
    table_prefetch(&shard->keyspace.table, shard->sink_hashes[at]);
}

/* Announcements come in the order of the records; those of records that never came are passed over. */
static uint64_t hash_of(struct shard *shard, const struct record *record)
{
    while (shard->sink_taken < shard->sink_announced) {
        size_t at = shard->sink_taken++ % RECORD_SINK_AHEAD;
        if (shard->sink_keys[at] == record->key.data && record->key.size > 0) {
            check_slow(shard->sink_hashes[at] == keyspace_hash(&shard->keyspace, record->key));
            return shard->sink_hashes[at];
        }
    }
    return keyspace_hash(&shard->keyspace, record->key);
}

static enum status sink_accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct shard *shard = container_of(sink, struct shard, sink);
    struct record ours = *record;
    if (record->type != 0) {
        size_t known = sizeof shard->source_types / sizeof shard->source_types[0];
        ours.type = record->type < known ? shard->source_types[record->type] : 0;
        if (ours.type == 0) {
            complaint_set(complaint, "record %llu has type number %u, which was never declared",
                          (unsigned long long)record->sequence, record->type);
            return STATUS_CORRUPT;
        }
    }
    shard->tail.last_sequence = record->sequence;
    shard->tail.epoch = record->epoch;
    return apply_again(shard, &ours, hash_of(shard, record), complaint);
}

void apply_sink_init(struct shard *shard)
{
    shard->sink = (struct record_sink){.declare = sink_declare, .accept = sink_accept, .foresee = sink_foresee};
}
