/* SPDX-License-Identifier: MIT */

/* notify.c - events from emissions; notify.h has the argument.
 *
 * Promises
 *   I1  Nothing is told that has not happened: what was refused, and what changed nothing, has no event.
 *   I2  A command has one event of a name per key, however many records it took one after the other; one "new" and one
 *       "del" per key, however often it names it.
 *   I3  Which events there are, and in which order, is as in Redis 7.0 for what clients of Redis know. */
#include "serve/notify.h"

#include "serve/call.h"

static const char letters[] = NOTIFY_LETTERS;

#define ALL_CLASSES "g$lshztdxe"

static uint32_t bit(char letter)
{
    const char *at = letter != '\0' ? strchr(letters, letter) : NULL;
    return at != NULL ? 1u << (at - letters) : 0;
}

uint32_t notify_classes(const char *text)
{
    uint32_t classes = 0;
    for (; *text != '\0'; text++) {
        classes |= bit(*text);
    }
    for (const char *at = ALL_CLASSES; (classes & bit('A')) != 0 && *at != '\0'; at++) {
        classes |= bit(*at);
    }
    return classes;
}

/* ---- publishing ---- */

/* "__keyspace@3__:" and what the channel is about. */
static struct gm_bytes join(const struct notify *notify, const char *kind, uint32_t database, struct gm_bytes rest)
{
    check(rest.size == 0 || rest.data != NULL);
    char prefix[32];
    int length = snprintf(prefix, sizeof prefix, "__%s@%u__:", kind, database);
    check(length > 0 && (size_t)length < sizeof prefix);
    size_t size = (size_t)length;
    uint8_t *text = arena_alloc(notify->arena, size + rest.size);
    memcpy(text, prefix, size);
    if (rest.size > 0) {
        memcpy(text + size, rest.data, rest.size);
    }
    return (struct gm_bytes){text, size + rest.size};
}

/* Which key something has happened to. */
struct notify_key {
    struct gm_bytes name;
    uint32_t database;
};

/* What has happened to a key, with the record of the sequence `mark`. */
static void tell(const struct notify *notify, char class, const char *event, const struct notify_key *key,
                 uint64_t mark)
{
    uint32_t chosen = notify->classes;
    if ((chosen & bit(class)) == 0) {
        return;
    }
    struct gm_bytes name = gm_bytes_of(event);
    if ((chosen & bit('K')) != 0) {
        pubsub_announce(notify->pubsub, join(notify, "keyspace", key->database, key->name), name, mark);
    }
    if ((chosen & bit('E')) != 0) {
        pubsub_announce(notify->pubsub, join(notify, "keyevent", key->database, name), key->name, mark);
    }
}

/* ---- what the host has decided ---- */

static void on_change(struct change_listener *listener, const struct change *change)
{
    const struct notify *notify = container_of(listener, struct notify, listener);
    const struct record *record = change->record;
    if (change->scope != CHANGE_KEY || record->type != 0 || !notify_wanted(notify)) {
        return;
    }
    struct notify_key key = {record->key, record->database};
    if (record->op == RECORD_OP_EXPIRED) {
        tell(notify, 'x', "expired", &key, change->sequence);
    } else if (record->op == RECORD_OP_EVICTED) {
        tell(notify, 'e', "evicted", &key, change->sequence);
    }
}

void notify_init(struct notify *notify, struct pubsub *pubsub, struct arena *arena, struct list *listeners)
{
    check(pubsub != NULL && arena != NULL && listeners != NULL);
    *notify = (struct notify){.listeners = listeners, .pubsub = pubsub, .arena = arena};
    change_listener_init(&notify->listener, CHANGE_RANK_NOTIFY, on_change);
}

void notify_finish(struct notify *notify)
{
    change_ignore(&notify->listener);
}

void notify_configure(struct notify *notify, uint32_t classes)
{
    notify->classes = classes;
    notify->misses = (classes & bit('m')) != 0;
    if ((classes & (bit('x') | bit('e'))) != 0) {
        change_listen(notify->listeners, &notify->listener);
    } else {
        change_ignore(&notify->listener);
    }
}

/* ---- what a call has done ---- */

/* A key as the call goes on; in a table by name, since a call may name one twice. */
struct told {
    const struct gm_key *key; /* NULL: free */
    uint32_t database;        /* where it is */
    const char *event;        /* the last one */
    uint32_t number;          /* of the key that it was told for: MSET a 1 a 2 sets it twice */
    uint32_t last;            /* number of the last emission for it */
    bool was;                 /* it existed, or has been announced */
    bool has;                 /* it exists after the call */
};

struct telling {
    const struct call *call;
    const struct notify *notify;
    struct told *told;
    size_t mask;
    uint64_t mark;
};

static struct told *told_in(const struct telling *telling, uint32_t database, uint32_t key)
{
    const struct gm_key *wanted = &telling->call->keys[key];
    size_t at = (call_hash(telling->call, key) + database) & telling->mask;
    while (telling->told[at].key != NULL &&
           (telling->told[at].database != database || !gm_bytes_equal(telling->told[at].key->name, wanted->name))) {
        at = (at + 1) & telling->mask;
    }
    struct told *told = &telling->told[at];
    if (told->key == NULL) {
        const struct keyspace *keyspace = databases_see(&telling->call->shard->databases, database);
        told->key = wanted;
        told->database = database;
        told->was = database == telling->call->caller.database && wanted->host != NULL;
        told->has = keyspace_find(keyspace, wanted->name, call_hash(telling->call, key)) != NULL;
    }
    return told;
}

/* The key that the emission changes. */
static struct told *told_of(const struct telling *telling, const struct call_emission *emission)
{
    bool elsewhere = emission->kind == CALL_EMIT_COPY;
    return told_in(telling, elsewhere ? emission->target : telling->call->caller.database, emission->key);
}

static char class_of(const char *type)
{
    static const struct {
        const char *type;
        char letter;
    } classes[] = {{"string", '$'}, {"list", 'l'}, {"set", 's'}, {"hash", 'h'}, {"zset", 'z'}, {"stream", 't'}};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strcmp(type, classes[i].type) == 0) {
            return classes[i].letter;
        }
    }
    return 'd';
}

static void say(const struct telling *telling, const struct told *told, char class, const char *event)
{
    struct notify_key key = {told->key->name, told->database};
    tell(telling->notify, class, event, &key, telling->mark);
}

/* What the module says of its record, or of its deletion. */
static void tell_record(const struct telling *telling, struct told *told, const struct call_emission *emission)
{
    const struct call *call = telling->call;
    const char *event = emission->event;
    if (event == NULL) {
        event = call->command->abi->event != NULL ? call->command->abi->event : call->command->usage.name;
    }
    if (event[0] == '\0') {
        return; /* what is due in a value has no name of its own */
    }
    if (told->event != NULL && told->number == emission->key && strcmp(told->event, event) == 0) {
        return; /* notify I2 */
    }
    told->event = event;
    told->number = emission->key;
    const struct gm_type *type = emission->kind == CALL_EMIT_RECORD ? call->shard->types.by_number[emission->type].abi
                                                                    : call->command->abi->type;
    say(telling, told, type != NULL ? class_of(type->name) : 'g', event);
}

static bool is_past(const struct call *call, const struct call_emission *emission)
{
    return emission->expire_at_ms != 0 && emission->expire_at_ms <= call->shard->now_ms;
}

static void tell_expiry(const struct telling *telling, struct told *told, const struct call_emission *emission)
{
    if (told->has) {
        told->event = NULL;
        say(telling, told, 'g', emission->expire_at_ms != 0 ? "expire" : "persist");
    }
}

/* notify I3: in the order of Redis: new, the record's own, what became of its time. */
static void tell_typed(const struct telling *telling, struct told *told, const struct call_emission *emission)
{
    bool timed = (emission->flags & GM_EXPIRE) != 0;
    if (timed && is_past(telling->call, emission)) {
        return; /* a deletion */
    }
    if (told->has && !told->was) {
        told->was = true;
        say(telling, told, 'n', "new");
    }
    tell_record(telling, told, emission);
    if (timed && emission->expire_at_ms != 0) {
        tell_expiry(telling, told, emission);
    }
}

/* A copy's key is new even if there was another; its own event comes last. */
static void tell_copy(const struct telling *telling, struct told *told, const struct call_emission *emission, bool last)
{
    if (told->has) {
        told->was = true;
        say(telling, told, last ? 'g' : 'n', last ? emission->event : "new");
    }
}

/* One key's value is another's now, which is new even if there was one. */
static void tell_renaming(const struct telling *telling, struct told *source, const struct call_emission *emission)
{
    bool moves = emission->kind == CALL_EMIT_MOVE;
    struct told *target = moves ? told_in(telling, emission->target, emission->key)
                                : told_in(telling, source->database, emission->target);
    if (target->has) {
        say(telling, target, 'n', "new");
    }
    say(telling, source, 'g', moves ? "move_from" : "rename_from");
    say(telling, target, 'g', moves ? "move_to" : "rename_to");
    source->was = false; /* told: no "del" */
}

static void tell_one(const struct telling *telling, uint32_t i)
{
    const struct call_emission *emission = &telling->call->emissions[i];
    struct told *told = told_of(telling, emission);
    switch ((enum call_emission_kind)emission->kind) {
    case CALL_EMIT_RECORD:
        tell_typed(telling, told, emission);
        break;
    case CALL_EMIT_EXPIRE:
        tell_expiry(telling, told, emission);
        break;
    case CALL_EMIT_COPY:
        tell_copy(telling, told, emission, false);
        break;
    case CALL_EMIT_DELETE:
        if (emission->event != NULL || (emission->flags & GM_DELETE) != 0) {
            tell_record(telling, told, emission);
        }
        break;
    case CALL_EMIT_RENAME:
    case CALL_EMIT_MOVE:
        tell_renaming(telling, told, emission);
        break;
    case CALL_EMIT_FLUSH:
    case CALL_EMIT_FLUSH_DATABASE:
    case CALL_EMIT_SWAP:
        break;
    }
    if (told->last == i && told->was && !told->has) {
        bool named = emission->kind != CALL_EMIT_COPY && emission->gone_event != NULL;
        say(telling, told, 'g', named ? emission->gone_event : "del");
    }
}

void notify_call(const struct call *call)
{
    check(call->written != 0 && !call->reply.error); /* notify I1: it has been committed */
    size_t room = 16;
    while (room < (size_t)call->emission_count * 2) {
        room *= 2;
    }
    struct telling telling = {.call = call,
                              .notify = &call->worker->notify,
                              .told = arena_alloc(&call->worker->arena, room * sizeof(struct told)),
                              .mask = room - 1,
                              .mark = call->shard->tail.last_sequence};
    memset(telling.told, 0, room * sizeof(struct told));
    for (uint32_t i = 0; i < call->emission_count; i++) {
        if (!call_emission_is_of_key(&call->emissions[i])) {
            return; /* Redis has no event for it */
        }
        told_of(&telling, &call->emissions[i])->last = i;
    }
    for (uint32_t i = 0; i < call->emission_count; i++) {
        tell_one(&telling, i);
    }
    for (uint32_t i = 0; i < call->emission_count; i++) {
        if (call->emissions[i].kind == CALL_EMIT_COPY) {
            tell_copy(&telling, told_of(&telling, &call->emissions[i]), &call->emissions[i], true);
        }
    }
}

void notify_miss(const struct call *call, uint32_t key)
{
    check(key < call->abi.key_count);
    struct notify_key missed = {call->keys[key].name, call->caller.database};
    tell(&call->worker->notify, 'm', "keymiss", &missed, call->mark);
}
