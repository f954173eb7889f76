/* SPDX-License-Identifier: MIT */

/* apply.c - the only caller of gm_type.apply.
 *
 * Idea     A record names one key. What the key holds is looked up, or forgotten first (RECORD_FRESH); the type changes
 *          the cell through the functions that the host lends it; then the host draws the conclusions: an empty value
 *          goes, an expiry is set, kept or dropped, and the listeners hear of the change (change.h).
 *
 * Promises
 *   I1  The same record on the same keyspace has the same outcome everywhere. The outcome "the key is gone" is part of
 *       the record (RECORD_REMOVES): a node that cannot apply the type relies on it, any other compares.
 *   I2  A record that does not fit (unknown body, wrong type, other outcome) never changes a value silently: the key
 *       becomes damaged, its records are kept, and a sentence is told.
 *   I3  A value whose module is absent stays frozen: its records are kept in order.
 *   P4  A damaged value whose records only its type's code refused is tried again with each other code, once: all of
 *       them make a value, or it stays as it is.
 *   P5  A record that is of a newer revision of its type than the code that there is does no damage: the value is
 *       frozen until there is newer code. */
#include "shard/apply.h"

#include <stdio.h>

#include "module/succession.h"
#include "shard/frozen.h"
#include "shard/rename.h"
#include "store/slot.h"

#define PIECES_AT_ONCE 64 /* of a value that goes, in the command that removes it */

struct apply {
    struct gm_apply abi;
    struct shard *shard;
    struct keyspace *keyspace;
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

/* The entry is about to change or to go: if a sweep has not dumped it yet, it does so now. */
static inline void sweep_before(struct shard *shard, struct keyspace *keyspace, struct entry *entry)
{
    if (sweep_is_owed(keyspace, entry)) {
        sweep_dump_owed(shard, keyspace, entry);
    }
}

/* ---- what the host lends to apply ---- */

static void shape(struct apply *apply, uint8_t flags, uint32_t value_size, bool roomy)
{
    struct keyspace *keyspace = apply->keyspace;
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
        keyspace_vacate(apply->keyspace, apply->entry);
    }
    abi->cell = (struct gm_cell){.form = GM_ABSENT};
}

static struct memory_account *account(struct gm_apply *abi)
{
    struct apply *apply = apply_of(abi);
    return &apply->shard->databases.ledger.account[apply->type];
}

static void *lend_alloc(struct gm_apply *abi, size_t size)
{
    return size <= GM_ALLOC_MAX ? memory_account_zeroed(account(abi), size) : NULL;
}

static void *lend_realloc(struct gm_apply *abi, void *memory, size_t size)
{
    return size <= GM_ALLOC_MAX ? memory_account_realloc(account(abi), memory, size) : NULL;
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

static void lend_outcome(struct gm_apply *abi, int64_t number)
{
    apply_of(abi)->shard->outcome = number;
}

static const struct gm_secret *lend_secret(struct gm_apply *abi)
{
    return &apply_of(abi)->shard->secret;
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
    .outcome = lend_outcome,
    .secret = lend_secret,
};

/* `key` is empty where nobody knows any more whose value it was. */
static bool release_part(struct shard *shard, struct remain *remain, struct gm_bytes key, uint64_t budget,
                         uint64_t *released)
{
    struct apply apply = {
        .abi = {.ops = &lent, .cell = {.form = GM_WORD, .word = remain->word}}, .shard = shard, .type = remain->type};
    const struct memory_account *charged = account(&apply.abi);
    uint64_t before = charged->bytes;
    crumb_drop(shard->crumb, CRUMB_FREE, remain->type, key);
    bool more = shard->types.by_number[remain->type].abi->free_some(&apply.abi, budget);
    crumb_clear(shard->crumb);
    check(charged->bytes <= before);
    *released = before - charged->bytes;
    remain->word = apply.abi.cell.word;
    return more;
}

static bool release_remain(void *context, struct remain *remain, uint64_t budget, uint64_t *released)
{
    return release_part(context, remain, BYTES_NONE, budget, released);
}

bool apply_release_remains_slow(struct shard *shard, uint64_t budget)
{
    return remains_release(&shard->remains, budget, release_remain, shard);
}

/* The first pieces of a value go at once, and mostly that is all of it. */
seldom static void begin_release(struct shard *shard, const struct entry *entry)
{
    uint64_t owned = shard_owned_memory(shard, entry);
    uint64_t released;
    struct remain remain = {.word = entry_word(entry), .type = entry->type};
    if (release_part(shard, &remain, entry_key(entry), PIECES_AT_ONCE, &released)) {
        remains_add(&shard->remains, remain.type, remain.word, owned > released ? owned - released : 0);
    }
}

static bool may_wait(const struct shard *shard, uint8_t type)
{
    if (shard_is_loading(shard) || shard->ending) {
        return false;
    }
    return shard->types.by_number[type].abi->free_some != NULL && types_newest(&shard->types, type); /* remains I2 */
}

void apply_release(void *context, struct entry *entry)
{
    struct shard *shard = context;
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    if ((entry->flags & (ENTRY_WORD | ENTRY_FROZEN)) == ENTRY_WORD && type != NULL && type->free != NULL) {
        if (may_wait(shard, entry->type)) {
            begin_release(shard, entry);
            return;
        }
        struct apply apply = {.abi = {.ops = &lent, .cell = shard_cell(entry)}, .shard = shard, .type = entry->type};
        crumb_drop(shard->crumb, CRUMB_FREE, entry->type, entry_key(entry));
        type->free(&apply.abi);
        crumb_clear(shard->crumb);
    }
}

/* ---- damage ---- */

void apply_tell_damage(struct shard *shard, const struct record *record, const char *reason)
{
    shard->stats.damaged++;
    shard->refused = shard->refused == 0 ? (uint8_t)record->type : shard->refused;
    if (shard->events.on_damage != NULL) {
        char place[192];
        char sentence[512];
        struct gm_text text = {.data = place, .capacity = sizeof place - 1};
        gm_text_quote(&text, record->key, 32);
        place[text.size] = '\0';
        (void)snprintf(
            sentence, sizeof sentence,
            "key %s is damaged: record %llu (%s, operation %u) %s. Its records are kept, commands on it are refused, "
            "DEL removes it",
            place, (unsigned long long)record->sequence, shard->types.by_number[record->type].name, record->op, reason);
        shard->events.on_damage(shard->events.context, sentence);
    }
}

/* How a record is kept that cannot be applied here. */
struct keeping {
    bool damaged;
    uint16_t stamp; /* of a damaged value (frozen.h) */
};

static enum status freeze(struct apply *apply, const struct record *record, struct keeping how,
                          struct complaint *complaint)
{
    struct frozen_key key = {apply->keyspace, apply->key, apply->hash, apply->type, apply->expire_at_ms};
    TRY(frozen_append(apply->shard, &key, record, how.damaged, complaint));
    if (how.stamp != FROZEN_AS_IT_IS) {
        frozen_set_stamp(keyspace_find(apply->keyspace, apply->key, apply->hash), how.stamp);
    }
    return STATUS_OK;
}

/* ---- records of a type ---- */

/* Forgets what the key holds, keeping its memory for what comes. */
static void start_fresh(struct apply *apply)
{
    check_slow(apply->entry == NULL ||
               ((apply->entry->flags ^ apply->keyspace->ledger->swept) & ENTRY_SWEPT) == 0); /* sweep P1 */
    if (apply->entry != NULL) {
        if ((apply->entry->flags & ENTRY_WORD) != 0) { /* else there is nothing beside the entry */
            apply_release(apply->shard, apply->entry);
        }
        keyspace_vacate(apply->keyspace, apply->entry);
    }
}

static void remove_key(struct apply *apply)
{
    check_slow(apply->entry == NULL || keyspace_find(apply->keyspace, apply->key, apply->hash) == apply->entry);
    if (apply->entry != NULL) {
        keyspace_remove(apply->keyspace, apply->key, apply->hash);
        apply->entry = NULL;
        apply->slot = NULL;
    }
}

/* The value says when something is due in it. */
seldom static void ask_due(struct shard *shard, struct keyspace *keyspace, struct entry *entry)
{
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    struct gm_cell cell = shard_cell(entry);
    crumb_drop(shard->crumb, CRUMB_DUE, entry->type, entry_key(entry));
    int64_t at_ms = type->due(&cell);
    crumb_clear(shard->crumb);
    keyspace_wake(keyspace, entry, at_ms < 0 ? 1 : at_ms); /* there are no times before 1970: it has passed */
}

/* Whether the key is gone now; else its times are what they should be. */
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
    if (__builtin_expect(type->due != NULL, 0)) {
        ask_due(apply->shard, apply->keyspace, apply->entry);
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

/* What a record says about a value that its type cannot, or must not, change here. */
enum verdict {
    VERDICT_APPLY,  /* the type takes it */
    VERDICT_FREEZE, /* the value is, or becomes, frozen: the record is kept with it */
    VERDICT_DAMAGE, /* the record does not fit the value, for a reason */
};

struct judgement {
    enum verdict verdict;
    const char *reason;     /* of VERDICT_DAMAGE */
    struct keeping keeping; /* damaged: the value was found to be before, nobody needs to hear of it again */
};

/* Whether the value is one that a record of that type may change: it is of its newest code, as settle.c sees to; or
 * nobody here knows the record's type, and its name says that it may have taken over the value. */
static bool fits(const struct apply *apply, const struct record *record, const struct entry *entry)
{
    const struct shard_type *by_number = apply->shard->types.by_number;
    return __builtin_expect(entry->type == apply->type, 1) ||
           (by_number[apply->type].abi == NULL &&
            succession_may_follow(by_number[record->type].name, by_number[entry->type].name));
}

/* What stands in the way of applying, NULL if nothing does. */
static const char *misfit(const struct apply *apply, const struct record *record, const struct entry *entry)
{
    if ((record->flags & RECORD_FRESH) != 0) {
        return NULL;
    }
    if (entry == NULL) {
        return "changes a key that is not there";
    }
    return fits(apply, record, entry) ? NULL : "is of another type than the value";
}

static struct judgement judge(const struct apply *apply, const struct record *record)
{
    const struct entry *entry = apply->entry;
    bool fresh = (record->flags & RECORD_FRESH) != 0;
    bool frozen = !fresh && entry != NULL && (entry->flags & ENTRY_FROZEN) != 0;
    bool told = (record->flags & RECORD_DAMAGED) != 0; /* by the snapshot that it comes from */
    struct judgement judgement = {.reason = misfit(apply, record, entry)};
    judgement.keeping.damaged = told || (frozen && (entry->flags & ENTRY_DAMAGED) != 0);
    judgement.keeping.stamp = FROZEN_AS_IT_IS;
    if (__builtin_expect(judgement.reason != NULL, 0)) {
        judgement.verdict = VERDICT_DAMAGE;
        judgement.keeping.stamp = FROZEN_MISFIT;
    } else if (__builtin_expect(apply->shard->types.by_number[apply->type].abi == NULL || frozen || told, 0)) {
        judgement.verdict = VERDICT_FREEZE;
        bool misfit = (record->flags & RECORD_MISFIT) != 0;
        judgement.keeping.stamp = !fresh ? FROZEN_AS_IT_IS : misfit ? FROZEN_MISFIT : FROZEN_UNTRIED;
    }
    return judgement;
}

/* The record of a value that is not changed here: kept with it, unless it says that the value is gone. */
static enum status keep(struct apply *apply, const struct record *record, struct keeping how,
                        struct complaint *complaint)
{
    if ((record->flags & RECORD_REMOVES) != 0) {
        remove_key(apply);
        return STATUS_OK;
    }
    return freeze(apply, record, how, complaint);
}

/* `stamp`: of the code that has refused it, or FROZEN_MISFIT. */
static enum status damage(struct apply *apply, const struct record *record, const char *reason, uint16_t stamp,
                          struct complaint *complaint)
{
    apply_tell_damage(apply->shard, record, reason);
    return freeze(apply, record, (struct keeping){true, stamp}, complaint); /* apply I2 */
}

/* Once for each code of a type. */
static void tell_newer(struct shard *shard, const struct record *record)
{
    const struct types *types = &shard->types;
    struct types_newer *newer = &shard->types.newer[record->type];
    const struct shard_type *type = &types->by_number[record->type];
    const struct shard_type *code = &types->by_number[types->now[record->type]];
    newer->records++;
    if (newer->told == types->stamps[types->now[record->type]] || shard->events.on_damage == NULL) {
        return;
    }
    newer->told = types->stamps[types->now[record->type]];
    char place[192];
    char sentence[640];
    struct gm_text text = {.data = place, .capacity = sizeof place - 1};
    gm_text_quote(&text, record->key, 32);
    place[text.size] = '\0';
    (void)snprintf(
        sentence, sizeof sentence,
        "key %s is frozen: record %llu (%s, operation %u) is of a newer revision of its type than that of the "
        "module %s %s (%u; %s has %u): its records are kept until the newer module is loaded. This is said "
        "of the first such key",
        place, (unsigned long long)record->sequence, type->name, record->op, code->module, code->version,
        types_known(types, record->type), type->wanted_by, type->wanted);
    shard->events.on_damage(shard->events.context, sentence);
}

/* What the code of its type refuses: it is too old for it, or else the record is wrong. */
static enum status refused(struct apply *apply, const struct record *record, bool first, struct complaint *complaint)
{
    struct shard *shard = apply->shard;
    uint16_t stamp = shard->types.stamps[apply->type];
    if (!first && types_is_behind(&shard->types, record->type)) {
        tell_newer(shard, record);
        return keep(apply, record, (struct keeping){false, stamp}, complaint); /* apply P5 */
    }
    /* What its author saw emptied is not for newer code to fill. */
    bool worth = (record->flags & RECORD_REMOVES) == 0;
    return damage(apply, record, "has a body that its type does not accept", worth ? stamp : FROZEN_MISFIT, complaint);
}

/* The type changes the value. `first`: the record's outcome is completed; else it is compared. */
static enum status carry_out(struct apply *apply, struct record *record, bool first, struct complaint *complaint)
{
    struct shard *shard = apply->shard;
    const struct gm_type *type = shard->types.by_number[apply->type].abi;
    types_apply change = types_apply_of(&shard->types, apply->type, record->type);
    check_slow(type != NULL && types_newest(&shard->types, apply->type)); /* types P3 */
    struct gm_record seen = {.op = record->op, .time_ms = record->time_ms, .key = record->key, .body = record->body};
    if ((record->flags & RECORD_FRESH) == 0) {
        apply->abi.cell = shard_cell(apply->entry);
    }
    crumb_drop(shard->crumb, CRUMB_APPLY, apply->type, record->key);
    int accepted = change != NULL ? change(&apply->abi, &seen) : GM_CORRUPT;
    crumb_clear(shard->crumb);
    if (__builtin_expect(accepted != GM_OK, 0)) {
        return refused(apply, record, first, complaint);
    }
    bool gone = conclude(apply, type);
    if (first) {
        record->flags = (uint16_t)(record->flags | (gone ? RECORD_REMOVES : 0));
    } else if (__builtin_expect(gone != ((record->flags & RECORD_REMOVES) != 0), 0)) { /* apply I1 */
        return damage(apply, record,
                      gone ? "empties a value that its author saw filled" : "fills a value that its author saw emptied",
                      FROZEN_MISFIT, complaint);
    }
    return STATUS_OK;
}

/* Where the record's key is, and what becomes of its expiry. A sweep that is owed the value gets it now. */
static struct apply find(struct shard *shard, const struct record *record, uint64_t hash, struct apply_place place)
{
    struct keyspace *keyspace = databases_open(&shard->databases, record->database);
    struct table_slot *slot = place.known ? place.slot : keyspace_slot(keyspace, record->key, hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    check_slow(!place.known || slot == keyspace_slot(keyspace, record->key, hash));
    if (entry != NULL) {
        sweep_before(shard, keyspace, entry);
    }
    return (struct apply){
        .abi = {.ops = &lent},
        .shard = shard,
        .keyspace = keyspace,
        .entry = entry,
        .slot = slot,
        .key = record->key,
        .hash = hash,
        .type = shard->types.now[record->type],
    };
}

/* Whether nothing stands in the way at the first glance: judge would say so, too. */
static inline bool is_plain(const struct apply *apply, const struct record *record)
{
    const struct entry *entry = apply->entry;
    bool fits = (record->flags & RECORD_FRESH) != 0 ||
                (entry != NULL && entry->type == apply->type && (entry->flags & ENTRY_FROZEN) == 0);
    return fits && (record->flags & RECORD_DAMAGED) == 0 && apply->shard->types.by_number[apply->type].abi != NULL;
}

/* Whether the record is kept with its value rather than carried out, and what has become of that. */
seldom static bool is_kept(struct apply *apply, struct record *record, enum status *status, struct complaint *complaint)
{
    struct judgement judgement = judge(apply, record);
    if (judgement.verdict == VERDICT_DAMAGE) {
        if (!judgement.keeping.damaged) {
            apply_tell_damage(apply->shard, record, judgement.reason);
        }
        judgement.keeping.damaged = true;
        *status = keep(apply, record, judgement.keeping, complaint); /* apply I2 */
        return true;
    }
    if (judgement.verdict == VERDICT_FREEZE) {
        if ((record->flags & RECORD_FRESH) != 0) {
            start_fresh(apply);
        }
        *status = keep(apply, record, judgement.keeping, complaint); /* apply I3 */
        return true;
    }
    return false;
}

/* The whole life of one typed record. `first`: complete its flags; else compare them. */
static enum status apply_typed(struct shard *shard, struct record *record, uint64_t hash, struct apply_place place,
                               bool first, struct complaint *complaint)
{
    check_slow(record->type != 0 && record->key.size <= ENTRY_KEY_MAX);
    check(record->type < shard->types.count);
    struct apply apply = find(shard, record, hash, place);
    if (first && apply.entry == NULL) {
        record->flags |= RECORD_FRESH;
    }
    apply.expire_at_ms = expiry_after(record, apply.entry);
    enum status status;
    if (__builtin_expect(!is_plain(&apply, record), 0) && is_kept(&apply, record, &status, complaint)) {
        return status;
    }
    if ((record->flags & RECORD_FRESH) != 0) {
        start_fresh(&apply);
    }
    return carry_out(&apply, record, first, complaint);
}

/* ---- values made anew ---- */

/* Applies records in a frozen value's form to what is nothing yet. False: one is not accepted. */
static bool apply_all(struct apply *apply, struct gm_bytes records)
{
    size_t at = 0;
    struct frozen_record record;
    bool accepted = true;
    while (accepted && frozen_step(records, &at, &record)) {
        struct gm_record seen = {.op = record.op, .key = apply->key, .body = record.body};
        types_apply change = types_apply_of(&apply->shard->types, apply->type, record.type);
        crumb_drop(apply->shard->crumb, CRUMB_APPLY, apply->type, apply->key);
        accepted = change != NULL && change(&apply->abi, &seen) == GM_OK;
        crumb_clear(apply->shard->crumb);
    }
    return accepted;
}

static void tell_mended(const struct shard *shard, const struct apply *apply)
{
    if (shard->events.on_mended != NULL) {
        char place[192];
        char sentence[512];
        struct gm_text text = {.data = place, .capacity = sizeof place - 1};
        gm_text_quote(&text, apply->key, 32);
        place[text.size] = '\0';
        const struct shard_type *type = &shard->types.by_number[apply->type];
        (void)snprintf(sentence, sizeof sentence,
                       "key %s is damaged no more: the module %s that is loaded now accepts all records of it (%s)",
                       place, type->module, type->name);
        shard->events.on_mended(shard->events.context, sentence);
    }
}

/* The records in the form that nobody here can apply. */
static void put_back(struct shard *shard, const struct frozen_key *key, struct gm_bytes records, struct keeping how)
{
    frozen_put(shard, key, records, how.damaged);
    if (how.stamp != FROZEN_UNTRIED) {
        frozen_set_stamp(keyspace_find(key->keyspace, key->key, key->hash), how.stamp);
    }
}

static bool holds_nothing(const struct apply *apply, const struct gm_type *type)
{
    const struct gm_cell *cell = &apply->abi.cell;
    return cell->form == GM_ABSENT || (type->empty != NULL && type->empty(cell));
}

void apply_thaw(struct shard *shard, struct keyspace_place place, struct table_slot *slot, uint8_t number,
                struct gm_bytes records)
{
    struct entry *entry = table_element(slot);
    struct frozen_key frozen = {place.keyspace, place.key, place.hash, number, entry_expire_at(entry)};
    const struct gm_type *type = shard->types.by_number[number].abi;
    bool damaged = (entry->flags & ENTRY_DAMAGED) != 0;
    uint16_t stamp = damaged ? frozen_stamp(entry) : FROZEN_UNTRIED;
    check(types_newest(&shard->types, number) && gm_bytes_equal(entry_key(entry), place.key));
    sweep_before(shard, place.keyspace, entry);
    if (type == NULL || stamp == FROZEN_MISFIT) {
        put_back(shard, &frozen, records, (struct keeping){damaged, stamp});
        return;
    }
    struct apply apply = {.abi = {.ops = &lent},
                          .shard = shard,
                          .keyspace = place.keyspace,
                          .entry = entry,
                          .slot = slot,
                          .key = place.key,
                          .hash = place.hash,
                          .expire_at_ms = frozen.expire_at_ms,
                          .type = number};
    start_fresh(&apply);
    if (apply_all(&apply, records) && !(damaged && holds_nothing(&apply, type))) { /* apply P4 */
        (void)conclude(&apply, type);
        if (damaged) {
            tell_mended(shard, &apply);
        }
        return;
    }
    bool behind = !damaged && types_is_behind(&shard->types, number); /* apply P5 */
    if (!damaged && !behind) {
        struct record record = {.sequence = shard->tail.last_sequence, .type = number, .key = place.key};
        apply_tell_damage(shard, &record,
                          "and those before it make a value that the newer version of its type does not accept");
    }
    put_back(shard, &frozen, records, (struct keeping){!behind, shard->types.stamps[number]});
}

/* ---- records of the host ---- */

/* Where the record's key is, or would be. */
static struct keyspace_place place_of(struct shard *shard, const struct record *record, uint64_t hash)
{
    return (struct keyspace_place){databases_open(&shard->databases, record->database), record->key, hash};
}

/* The entry there, which a sweep is owed nothing of any more; NULL: there is none. */
static struct entry *take_up(struct shard *shard, const struct keyspace_place *place)
{
    struct entry *entry = keyspace_find(place->keyspace, place->key, place->hash);
    if (entry != NULL) {
        sweep_before(shard, place->keyspace, entry);
    }
    return entry;
}

static bool set_expiry(struct shard *shard, const struct record *record, uint64_t hash, int64_t at_ms)
{
    struct keyspace_place place = place_of(shard, record, hash);
    const struct entry *entry = keyspace_find(place.keyspace, place.key, hash);
    if (entry == NULL || entry_expire_at(entry) == at_ms) {
        return false;
    }
    (void)take_up(shard, &place);
    uint8_t flags = (uint8_t)(entry->flags & ~ENTRY_EXPIRES);
    flags |= at_ms != 0 ? ENTRY_EXPIRES : 0;
    struct keyspace_shape wanted = {entry->type, flags, entry->value_size};
    (void)keyspace_reshape(place.keyspace, keyspace_slot(place.keyspace, place.key, hash), wanted, at_ms, false);
    return true;
}

static bool remove_stored(struct shard *shard, const struct record *record, uint64_t hash)
{
    struct keyspace_place place = place_of(shard, record, hash);
    if (take_up(shard, &place) == NULL) {
        return false;
    }
    keyspace_remove(place.keyspace, place.key, hash);
    return true;
}

/* Of one key. False: there was nothing to do. */
static bool apply_key(struct shard *shard, const struct record *record, uint64_t hash)
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
    default: /* RECORD_OP_EPOCH: of no key, and the tail's and the log's business */
        return false;
    }
}

/* ---- the ways in ---- */

/* The gate hears of every change; who else listens is in the list. */
seldom static void tell_listeners(struct shard *shard, const struct record *record, uint64_t hash, uint64_t author)
{
    struct change change = {.scope = CHANGE_KEY,
                            .record = record,
                            .keys = {{record->key, hash, record->database}},
                            .sequence = record->sequence,
                            .author = author};
    change_announce(&shard->listeners, &change);
}

static void announce(struct shard *shard, const struct record *record, uint64_t hash, uint64_t author)
{
    check_slow(databases_hash(&shard->databases, record->key) == hash);
    gate_changed(&shard->gate, hash, record->sequence);
    if (__builtin_expect(!list_empty(&shard->listeners), 0)) {
        tell_listeners(shard, record, hash, author);
    }
}

/* The same of two keys, between which the record has moved a value. */
seldom static void announce_two(struct shard *shard, const struct record *record, const struct change_key keys[2],
                                uint64_t author)
{
    gate_changed(&shard->gate, keys[0].hash, record->sequence);
    gate_changed(&shard->gate, keys[1].hash, record->sequence);
    if (!list_empty(&shard->listeners)) {
        struct change change = {.scope = CHANGE_KEYS,
                                .record = record,
                                .keys = {keys[0], keys[1]},
                                .sequence = record->sequence,
                                .author = author};
        change_announce(&shard->listeners, &change);
    }
}

/* Before whole databases go, or change their numbers: change I2. */
static void announce_all(struct shard *shard, const struct record *record, enum change_scope scope, uint32_t other,
                         uint64_t author)
{
    gate_changed_all(&shard->gate, record->sequence);
    if (!list_empty(&shard->listeners)) {
        struct change change = {.scope = scope,
                                .record = record,
                                .keys = {{.database = record->database}, {.database = other}},
                                .sequence = record->sequence,
                                .author = author};
        change_announce(&shard->listeners, &change);
    }
}

/* False: there is no such value. */
static bool rename_record(struct shard *shard, const struct record *record, uint64_t hash,
                          const struct record_target *target, uint64_t author)
{
    struct keyspace_place from = place_of(shard, record, hash);
    struct keyspace_place to = {databases_open(&shard->databases, target->database), target->key,
                                databases_hash(&shard->databases, target->key)};
    if (take_up(shard, &from) == NULL) {
        return false;
    }
    (void)take_up(shard, &to); /* rename P1 */
    rename_value(&from, &to);
    struct change_key keys[2] = {{from.key, from.hash, record->database}, {to.key, to.hash, target->database}};
    announce_two(shard, record, keys, author);
    return true;
}

static bool swap(struct shard *shard, const struct record *record, uint32_t other, uint64_t author)
{
    announce_all(shard, record, CHANGE_SWAP, other, author);
    databases_swap(&shard->databases, record->database, other);
    if (shard->types.settling) {
        types_walk_again(&shard->types);
    }
    return true;
}

/* False: there was nothing to do. */
static bool apply_untyped(struct shard *shard, const struct record *record, uint64_t hash, uint64_t author)
{
    struct record_target target;
    uint16_t other;
    switch (record->op) {
    case RECORD_OP_FLUSH:
        announce_all(shard, record, CHANGE_ALL, 0, author);
        databases_flush_all(&shard->databases);
        sweep_flushed(shard);
        return true;
    case RECORD_OP_FLUSH_DATABASE:
        announce_all(shard, record, CHANGE_DATABASE, 0, author);
        databases_flush(&shard->databases, record->database);
        sweep_flushed(shard);
        return true;
    case RECORD_OP_SWAP:
        return record_read_swap(record, &other) && swap(shard, record, other, author);
    case RECORD_OP_RENAME:
        return record_read_rename(record, &target) && rename_record(shard, record, hash, &target, author);
    default:
        break;
    }
    if (!apply_key(shard, record, hash)) {
        return false;
    }
    announce(shard, record, hash, author);
    return true;
}

/* ---- values that were built aside ---- */

bool apply_aside(struct shard *shard, struct keyspace_place place, uint8_t type, struct gm_bytes records)
{
    struct table_slot *slot = keyspace_slot(place.keyspace, place.key, place.hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    struct apply apply = {.abi = {.ops = &lent},
                          .shard = shard,
                          .keyspace = place.keyspace,
                          .entry = entry,
                          .slot = slot,
                          .key = place.key,
                          .hash = place.hash,
                          .type = type};
    if (entry != NULL && (entry->flags & ENTRY_VACANT) == 0) {
        apply.abi.cell = shard_cell(entry);
    }
    return apply_all(&apply, records);
}

static void take_over(struct shard *shard, const struct record *record, uint64_t hash, const struct apply_aside *aside,
                      uint64_t author)
{
    struct keyspace_place to = place_of(shard, record, hash);
    (void)take_up(shard, &to);      /* as rename P1 */
    shard->databases.ledger.keys++; /* it is a key now */
    rename_value(&aside->place, &to);
    struct entry *entry = keyspace_find(to.keyspace, to.key, to.hash);
    if ((entry->flags & ENTRY_FROZEN) == 0 && shard_type_of(shard, entry)->abi->due != NULL) {
        ask_due(shard, to.keyspace, entry); /* aside it was no value yet */
    }
    (void)set_expiry(shard, record, hash, aside->expire_at_ms);
    if (shard->types.settling) {
        types_walk_again(&shard->types);
    }
    announce(shard, record, hash, author);
}

void apply_first_copied(struct shard *shard, struct record *record, uint64_t hash, const struct apply_aside *aside,
                        uint64_t author)
{
    record->sequence = tail_next(&shard->tail); /* change I3 */
    take_over(shard, record, hash, aside, author);
}

void apply_copied(struct shard *shard, const struct record *record, uint64_t hash, const struct apply_aside *aside)
{
    take_over(shard, record, hash, aside, CHANGE_NOBODY);
}

seldom void apply_revise(struct shard *shard, const struct record *record, bool kept)
{
    char writer[RECORD_WRITER_MAX + 1];
    struct record_revision revision;
    if (types_revision(&shard->types, record->type, record->op, kept, &revision, writer)) {
        tail_revise(&shard->tail, &revision, record->sequence);
    }
}

bool apply_first(struct shard *shard, struct record *record, uint64_t hash, struct apply_place place, uint64_t author)
{
    record->sequence = tail_next(&shard->tail); /* change I3 */
    if (record->type == 0) {
        return apply_untyped(shard, record, hash, author);
    }
    if (apply_typed(shard, record, hash, place, true, &shard->unheard) != STATUS_OK) {
        return false;
    }
    check_slow((keyspace_find(databases_see(&shard->databases, record->database), record->key, hash) == NULL) ==
               ((record->flags & RECORD_REMOVES) != 0)); /* apply I1: the outcome is part of the record */
    if (__builtin_expect(shard->types.later, 0) && shard->types.by_number[record->type].abi != NULL) {
        apply_revise(shard, record, false);
    }
    announce(shard, record, hash, author);
    return true;
}

/* A record from elsewhere that has done nothing, and must have done something: the data would not be its author's. */
static enum status must_do(const struct record *record, struct complaint *complaint)
{
    switch (record->op) {
    case RECORD_OP_RENAME:
        return rename_refuse(record, complaint);
    case RECORD_OP_SWAP:
        complaint_set(complaint, "record %llu swaps databases in a way that makes no sense",
                      (unsigned long long)record->sequence);
        return STATUS_CORRUPT;
    default:
        return STATUS_OK;
    }
}

enum status apply_again(struct shard *shard, const struct record *record, uint64_t hash, struct complaint *complaint)
{
    TRY(record_expect_known(record, complaint));                  /* record I3 */
    check(record_database_last(record) < shard->databases.count); /* source I4 */
    if (record->type == 0) {
        return apply_untyped(shard, record, hash, CHANGE_NOBODY) ? STATUS_OK : must_do(record, complaint);
    }
    struct record copy = *record;
    TRY(apply_typed(shard, &copy, hash, (struct apply_place){.known = false}, false, complaint));
    announce(shard, &copy, hash, CHANGE_NOBODY);
    return STATUS_OK;
}

/* Removes a key by a decision of the host. False: it is not there. */
static bool decide(struct shard *shard, uint16_t op, uint32_t database, struct gm_bytes key, uint64_t hash)
{
    check(shard_may_change(shard));
    struct record record = {
        .op = op,
        .flags = RECORD_REMOVES,
        .time_ms = shard->now_ms,
        .slot = slot_of(key),
        .database = (uint16_t)database,
        .key = key,
    };
    /* The key's bytes go with the entry. */
    record.key.data = key.size > 0 ? memcpy(arena_alloc(&shard->arena, key.size), key.data, key.size) : NULL;
    bool done = apply_first(shard, &record, hash, (struct apply_place){.known = false}, CHANGE_NOBODY);
    if (done) {
        bool alone = !shard->tail.open;
        if (alone) {
            tail_begin(&shard->tail);
        }
        tail_add(&shard->tail, &record);
        if (alone) {
            tail_end(&shard->tail);
        }
    }
    arena_reset(&shard->arena);
    return done;
}

void apply_expiry(struct shard *shard, uint32_t database, struct gm_bytes key, uint64_t hash)
{
    (void)decide(shard, RECORD_OP_EXPIRED, database, key, hash);
}

void apply_eviction(struct shard *shard, uint32_t database, struct gm_bytes key, uint64_t hash)
{
    shard->stats.evicted += decide(shard, RECORD_OP_EVICTED, database, key, hash);
}
