/* SPDX-License-Identifier: MIT */

/* lookup.c - the keys of a call: found, and judged by what the command takes at each place.
 *
 * Idea     A key that has expired is removed here, by decision and logged, before anybody looks at it. A key that plan
 *          asks for itself is only looked at: while plan runs nothing may change, so what has expired is absent to it
 *          and stays for others to remove.
 *
 * Limits   An added key costs the room of a struct gm_key, which counts as the call's scratch memory. */
#include "serve/lookup.h"

#include "serve/notify.h"
#include "shard/apply.h"
#include "shard/settle.h"

/* Notes that the key is used, unless this is only a look at it. */
static void touch(const struct call *call, struct heat *heat, struct table_slot *slot)
{
    uint32_t flags = call->command->abi->flags;
    if ((flags & CALL_NO_TOUCH) != 0 || (call->caller.no_touch && (flags & CALL_TOUCH) == 0)) {
        return;
    }
    heat_use(heat, slot);
}

/* Whether the open batch, if there is one, still takes the record that removes the key. */
static bool takes_expiry(const struct call *call, struct gm_bytes name)
{
    struct record record = {.op = RECORD_OP_EXPIRED, .flags = RECORD_REMOVES, .key = name};
    return record_size(&record) <= tail_room(&call->shard->tail);
}

/* The slot of a key, NULL if it is absent or its time has come; or, with an error, it cannot be removed now. */
static struct table_slot *find_slot(struct call *call, struct gm_bytes name, uint64_t hash, const char **error)
{
    struct shard *shard = call->shard;
    const struct keyspace *keyspace = call_keyspace(call);
    struct table_slot *slot = keyspace_slot(keyspace, name, hash);
    if (slot == NULL) {
        return NULL;
    }
    struct entry *entry = table_element(slot);
    int64_t expire_at_ms = entry_expire_at(entry);
    if (__builtin_expect(expire_at_ms != 0 && expire_at_ms <= shard->now_ms, 0)) {
        if (call->nested && !takes_expiry(call, name)) {
            *error = CALL_TOO_LARGE;
            call->seen = UINT64_MAX;
        } else if (shard_may_change(shard) && !shard_delays(shard, keyspace, entry)) {
            apply_expiry(shard, keyspace->number, name, hash);
        } else {
            call->seen = UINT64_MAX; /* it is there, though nobody is to see it */
        }
        return NULL;
    }
    check_slow(gm_bytes_equal(entry_key(entry), name));
    touch(call, &shard->databases.ledger.heat, slot);
    return slot;
}

static const char *refuse_frozen(const struct shard *shard, const struct entry *entry)
{
    if ((entry->flags & ENTRY_DAMAGED) != 0) {
        return "DAMAGED the value of this key is damaged and kept aside; see the server's log, DEL removes it";
    }
    return shard_type_of(shard, entry)->abi == NULL
               ? "MODMISSING the module of this key's type is not loaded; its value is kept until it is"
               : "MODMISSING the value of this key needs a newer version of its module; it is kept until that is "
                 "loaded";
}

/* Whether it is the command's type, of which the host has a longer copy than its module. */
static bool is_own(const struct command *command, const struct gm_type *type)
{
    return command->type != NULL && command->type->abi == type;
}

/* What the usage line says of the key; one that plan has asked for may hold anything. */
static uint32_t accepts_of(const struct call *call, const struct gm_key *key)
{
    size_t number = (size_t)(key - call->keys);
    return number < call->request->bound.key_count ? call->request->bound.keys[number].accepts : USAGE_ACCEPTS_ANY;
}

/* What a value is to the command that is not of its type at the first glance, or cannot be read here. */
static __attribute__((noinline)) const char *classify_other(const struct call *call, const struct entry *entry,
                                                            struct gm_key *key)
{
    uint32_t flags = call->command->abi->flags;
    const struct gm_type *type = shard_type_of(call->shard, entry)->abi;
    key->state = GM_KEY_OTHER;
    if ((entry->flags & ENTRY_FROZEN) != 0) {
        return (flags & CALL_FROZEN) != 0 ? NULL : refuse_frozen(call->shard, entry);
    }
    if (is_own(call->command, type)) {
        key->state = GM_KEY_OWN;
        key->cell = shard_cell(entry);
        return NULL;
    }
    uint32_t accepts = accepts_of(call, key);
    bool any = accepts == USAGE_ACCEPTS_ANY || (flags & GM_ACCEPT_ANY) != 0 ||
               (accepts == USAGE_ACCEPTS_ELEMENTS && type->elements != NULL);
    if ((any || (flags & GM_ACCEPT_SCALAR) != 0) && type->scalar != NULL) {
        key->state = GM_KEY_SCALAR;
        return NULL;
    }
    return any ? NULL : "WRONGTYPE Operation against a key holding the wrong kind of value";
}

/* What the entry is to the command; an error if the command does not take it there. */
static inline const char *classify(const struct call *call, const struct entry *entry, struct gm_key *key)
{
    const struct gm_type *type = shard_type_of(call->shard, entry)->abi;
    check_slow(type != NULL || (entry->flags & ENTRY_FROZEN) != 0); /* call P3 */
    if (call->command->abi->type == type && __builtin_expect((entry->flags & ENTRY_FROZEN) == 0, 1)) {
        key->state = GM_KEY_OWN;
        key->cell = shard_cell(entry);
        return NULL;
    }
    return classify_other(call, entry, key);
}

static const char *look_up(struct call *call, uint32_t i)
{
    struct gm_key *key = &call->keys[i];
    struct gm_bytes name = request_key(call->request, i);
    uint64_t hash = request_hash(call->request, &call->shard->databases, i);
    *key = (struct gm_key){.name = name, .host_more = (const void *)(uintptr_t)hash};
    if (name.size > ENTRY_KEY_MAX) {
        return "ERR the key is longer than 65535 bytes";
    }
    const char *error = NULL;
    struct table_slot *slot = find_slot(call, name, hash, &error);
    call_depends(call, gate_mark(&call->shard->gate, hash));
    if (i == 0) {
        call->slot = slot;
    }
    if (slot == NULL) {
        return error;
    }
    struct entry *entry = table_element(slot);
    key->host = entry;
    key->held = entry->type;
    key->expire_at_ms = entry_expire_at(entry);
    return classify(call, entry, key);
}

/* Whether the key that was looked up has a value of older code, which has gone over to the newest now: entries have
 * moved, so it is to be looked up again. */
static bool goes_over(struct call *call, uint32_t i)
{
    struct gm_key *key = &call->keys[i];
    bool gone_over = key->host != NULL && settle_key(call->shard, call->caller.database, key->name, call_hash(call, i));
    call->seen = gone_over ? UINT64_MAX : call->seen;
    return gone_over;
}

/* An expiry found on the way removes an entry that an earlier key of the call may name too: look again then. */
const char *lookup_keys(struct call *call)
{
    check_slow(request_is_sound(call->request)); /* call P1 */
    uint32_t count = call->request->bound.key_count;
    call->keys = call->keys_inline;
    if (__builtin_expect(count > CALL_KEYS_INLINE, 0)) {
        call->keys = arena_alloc(&call->worker->arena, count * sizeof *call->keys);
    }
    call->abi.keys = call->keys;
    call->abi.key_count = count;
    call->seen = call->shard->tail.last_sequence;
    for (uint32_t i = 0; i < count; i++) {
        const char *error = look_up(call, i);
        if (__builtin_expect(call->shard->types.settling, 0) && goes_over(call, i)) {
            i--; /* it is its turn again */
            continue;
        }
        if (__builtin_expect(call->timed_out, 0)) {
            call->keys[i].state = GM_KEY_ABSENT; /* there is nothing more to wait for: only the answer is wanted */
        } else if (__builtin_expect(error != NULL, 0)) {
            return error;
        }
    }
    return NULL;
}

const char *lookup_waits(const struct call *call)
{
    enum gate_level level = call->worker->sessions.level;
    level = call->caller.level > level ? call->caller.level : level;
    if (call->mark <= gate_released(&call->shard->gate, level)) {
        return NULL;
    }
    return shard_refusal(call->shard) == SHARD_IS_FULL
               ? "DISKFULL the disk is full, and the last change of this key may not be durable yet: ask again when "
                 "there is space"
               : "MISCONF the log cannot be written for the moment, and the last change of this key may not be durable "
                 "yet: ask again when it can be";
}

/* ---- keys that plan asks for ---- */

/* Whether the array of keys is full: what admit has looked up lies in one of that size, later ones in powers of two. */
static bool is_full(const struct call *call)
{
    uint32_t count = call->abi.key_count;
    return count == call->request->bound.key_count || (count >= CALL_KEYS_INLINE && (count & (count - 1)) == 0);
}

/* False: there is no memory for more, and the call has its error. What was given stays where it is until the call
 * ends. */
static bool widen(struct call *call)
{
    uint32_t count = call->abi.key_count;
    size_t room = CALL_KEYS_INLINE;
    while (room <= count) {
        room *= 2;
    }
    struct gm_key *keys = gm_scratch_raw(&call->abi, room * sizeof *keys);
    if (keys == NULL) {
        return false;
    }
    memcpy(keys, call->keys, count * sizeof *keys);
    call->keys = keys;
    call->abi.keys = keys;
    return true;
}

/* The entry of an added key, unless it is absent or its time has come. */
static const struct entry *see(const struct call *call, struct gm_bytes name, uint64_t hash)
{
    struct table_slot *slot = keyspace_slot(call_keyspace(call), name, hash);
    if (slot == NULL) {
        return NULL;
    }
    const struct entry *entry = table_element(slot);
    int64_t expire_at_ms = entry_expire_at(entry);
    if (expire_at_ms != 0 && expire_at_ms <= call->shard->now_ms) {
        return NULL;
    }
    touch(call, &call->shard->databases.ledger.heat, slot);
    return entry;
}

static uint32_t refuse(struct call *call, const char *error)
{
    call->mark = 0; /* call I2 */
    call_lacks(call, error);
    return GM_KEY_NONE;
}

/* It counts, and is told of, as a key that a command reads. */
static void count_added(const struct call *call, uint32_t number)
{
    struct meters_counts *counts = &call->worker->meters.counts;
    bool there = call->keys[number].host != NULL;
    *(there ? &counts->hits : &counts->misses) += 1;
    if (!there && notify_misses(&call->worker->notify)) {
        notify_miss(call, number);
    }
}

uint32_t lookup_added(struct call *call, struct gm_bytes name)
{
    check(!call->answering);
    if (call->needs.lack != NULL) {
        return GM_KEY_NONE; /* it is refused already */
    }
    if (call->abi.key_count - call->request->bound.key_count == GM_KEY_ADDED_MAX) {
        return refuse(call, "ERR this command would look at more than a million keys beside those that it names: "
                            "nothing was changed by it");
    }
    if (is_full(call) && !widen(call)) { /* whatever was given so far stays where it is */
        return GM_KEY_NONE;
    }
    uint64_t hash = databases_hash(&call->shard->databases, name);
    const struct entry *entry = name.size <= ENTRY_KEY_MAX ? see(call, name, hash) : NULL;
    struct gm_key *key = &call->keys[call->abi.key_count];
    *key = (struct gm_key){.name = name, .host_more = (const void *)(uintptr_t)hash, .host = entry};
    call_depends(call, gate_mark(&call->shard->gate, hash));
    const char *error = __builtin_expect(call->shard->gate.stuck, 0) ? lookup_waits(call) : NULL;
    if (error == NULL && entry != NULL) {
        key->held = entry->type;
        key->expire_at_ms = entry_expire_at(entry);
        error = classify(call, entry, key);
    }
    if (error != NULL) {
        return refuse(call, error);
    }
    uint32_t number = call->abi.key_count++;
    count_added(call, number);
    return number;
}
