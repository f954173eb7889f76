/* SPDX-License-Identifier: MIT */

/* notify.c - events from emissions; notify.h has the argument.
 *
 * Promises
 *   I1  Nothing is told that has not happened: what was refused, and what changed nothing, has no event.
 *   I2  A command has one event of a name per key, however many records it took one after the other. */
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

static struct gm_bytes join(const struct notify *notify, const char *prefix, struct gm_bytes rest)
{
    check(rest.size == 0 || rest.data != NULL);
    size_t size = strlen(prefix);
    uint8_t *text = arena_alloc(notify->arena, size + rest.size);
    memcpy(text, prefix, size);
    if (rest.size > 0) {
        memcpy(text + size, rest.data, rest.size);
    }
    return (struct gm_bytes){text, size + rest.size};
}

/* What has happened to a key, with the record of the sequence `mark`. */
static void tell(const struct notify *notify, char class, const char *event, struct gm_bytes key, uint64_t mark)
{
    uint32_t chosen = notify->classes;
    if ((chosen & bit(class)) == 0) {
        return;
    }
    struct gm_bytes name = gm_bytes_of(event);
    if ((chosen & bit('K')) != 0) {
        (void)pubsub_publish(notify->pubsub, join(notify, "__keyspace@0__:", key), name, mark);
    }
    if ((chosen & bit('E')) != 0) {
        (void)pubsub_publish(notify->pubsub, join(notify, "__keyevent@0__:", name), key, mark);
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
    if (record->op == RECORD_OP_EXPIRED) {
        tell(notify, 'x', "expired", record->key, change->sequence);
    } else if (record->op == RECORD_OP_EVICTED) {
        tell(notify, 'e', "evicted", record->key, change->sequence);
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
    if ((classes & (bit('x') | bit('e'))) != 0) {
        change_listen(notify->listeners, &notify->listener);
    } else {
        change_ignore(&notify->listener);
    }
}

/* ---- what a call has done ---- */

/* To one key, by emissions that follow each other. */
struct summary {
    bool changed;  /* by records of a type */
    bool copied;   /* it is now a copy of another */
    bool deleted;  /* by decision */
    bool expires;  /* a time was set */
    bool persists; /* a time was taken away */
};

static void add(struct summary *summary, const struct call_emission *emission)
{
    bool timed = emission->abi.expire_at_ms != 0;
    bool typed = emission->kind == CALL_EMIT_RECORD;
    bool expiry = emission->kind == CALL_EMIT_EXPIRE;
    summary->changed |= typed;
    summary->copied |= emission->kind == CALL_EMIT_DUMPED;
    summary->deleted |= emission->kind == CALL_EMIT_DELETE;
    summary->expires |= timed && (expiry || (typed && (emission->abi.flags & GM_EXPIRE) != 0));
    summary->persists |= !timed && expiry;
}

static char class_of(const struct call *call)
{
    static const struct {
        const char *type;
        char letter;
    } classes[] = {{"string", '$'}, {"list", 'l'}, {"set", 's'}, {"hash", 'h'}, {"zset", 'z'}, {"stream", 't'}};
    const struct gm_type *type = call->command->abi->type;
    for (size_t i = 0; type != NULL && i < sizeof classes / sizeof classes[0]; i++) {
        if (strcmp(type->name, classes[i].type) == 0) {
            return classes[i].letter;
        }
    }
    return type != NULL ? 'd' : 'g';
}

/* `all`: of the whole call. */
static void tell_key(const struct call *call, uint32_t key, struct summary mine, struct summary all)
{
    check_slow(key < call->abi.key_count);
    const struct shard *shard = call->shard;
    const struct notify *notify = &call->worker->notify;
    uint64_t mark = shard->tail.last_sequence;
    struct gm_bytes name = call->keys[key].name;
    bool had = call->keys[key].host != NULL;
    bool has = keyspace_find(&shard->keyspace, name, call_hash(call, key)) != NULL;
    if (has && !had) {
        tell(notify, 'n', "new", name, mark);
    }
    if (mine.changed) {
        tell(notify, class_of(call), call->command->usage.name, name, mark);
    }
    if (mine.copied) {
        tell(notify, 'g', all.deleted ? "rename_to" : "copy_to", name, mark);
    }
    if (mine.expires && has) {
        tell(notify, 'g', "expire", name, mark);
    }
    if (mine.persists && has) {
        tell(notify, 'g', "persist", name, mark);
    }
    if (had && !has) {
        tell(notify, 'g', all.copied ? "rename_from" : "del", name, mark);
    }
}

/* A deletion among copies is what a renaming leaves behind: those first, then all else; in two passes. */
static void tell_keys(const struct call *call, struct summary all, bool behind)
{
    for (uint32_t i = 0; i < call->emission_count;) {
        uint32_t key = call->emissions[i].abi.key;
        struct summary mine = {0};
        if (call->emissions[i].kind == CALL_EMIT_FLUSH) {
            return;
        }
        for (; i < call->emission_count && call->emissions[i].abi.key == key; i++) {
            add(&mine, &call->emissions[i]);
        }
        if ((all.copied && mine.deleted && !mine.copied) == behind) {
            tell_key(call, key, mine, all);
        }
    }
}

void notify_call(const struct call *call)
{
    check(call->written != 0 && !call->reply.error); /* notify I1: it has been committed */
    struct summary all = {0};
    for (uint32_t i = 0; i < call->emission_count; i++) {
        add(&all, &call->emissions[i]);
    }
    tell_keys(call, all, true);
    tell_keys(call, all, false);
}
