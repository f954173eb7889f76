/* SPDX-License-Identifier: MIT */

/* interest.c - the table of interest.h. */
#include "serve/interest.h"

#include "base/check.h"
#include "base/memory.h"
#include "serve/session.h"

static struct gm_bytes key_of(const void *element)
{
    const struct interest_key *key = element;
    return (struct gm_bytes){key->key, key->size};
}

static struct gm_bytes pair_of(const void *element)
{
    const struct interest_link *link = element;
    return (struct gm_bytes){(const uint8_t *)&link->pair, sizeof link->pair};
}

static const struct table_ops table_of_interest = {.key = key_of};
static const struct table_ops table_of_watching = {.key = pair_of};

static void on_change(struct change_listener *listener, const struct change *change);

void interest_init(struct interest *interest, const struct databases *databases, struct list *listeners)
{
    *interest = (struct interest){.databases = databases, .listeners = listeners};
    interest->keys = memory_zeroed(databases->count * sizeof(struct table *));
    change_listener_init(&interest->listener, CHANGE_RANK_INTEREST, on_change);
    table_init(&interest->watching, &table_of_watching, &databases->none.table.hash_key);
    list_init(&interest->ready);
    list_init(&interest->later);
}

void interest_finish(struct interest *interest)
{
    check(interest->key_count == 0 && interest->watchers == 0 && interest->waiters == 0 && interest->awaited == 0);
    check(list_empty(&interest->ready) && list_empty(&interest->later));
    memory_free(interest->keys);
    check(interest->watching.count == 0);
    table_finish(&interest->watching);
}

/* ---- the tables, one for each database that anybody is interested in ---- */

static struct interest_key *find(const struct interest *interest, uint32_t database, struct gm_bytes key, uint64_t hash)
{
    const struct table *table = interest->keys[database];
    const struct table_slot *slot = table != NULL ? table_find(table, key, hash) : NULL;
    return slot != NULL ? table_element(slot) : NULL;
}

static void insert(struct interest *interest, struct interest_key *key, uint64_t hash)
{
    struct table **table = &interest->keys[key->database];
    if (*table == NULL) {
        *table = memory_alloc(sizeof **table);
        table_init(*table, &table_of_interest, &interest->databases->none.table.hash_key);
    }
    table_insert(*table, key, hash, 0);
    interest->key_count++;
    change_listen(interest->listeners, &interest->listener);
}

static void remove_key(struct interest *interest, struct interest_key *key)
{
    struct table **table = &interest->keys[key->database];
    const void *removed = table_remove(*table, key_of(key), table_hash(*table, key_of(key)));
    check(removed == key && interest->key_count > 0);
    interest->key_count--;
    if ((*table)->count == 0) {
        table_finish(*table);
        memory_free(*table);
        *table = NULL;
    }
    if (interest->key_count == 0) {
        check(interest->watchers + interest->waiters == 0);
        change_ignore(&interest->listener);
    }
}

static struct interest_key *find_or_add(struct interest *interest, uint32_t database, struct gm_bytes bytes)
{
    uint64_t hash = databases_hash(interest->databases, bytes);
    struct interest_key *key = find(interest, database, bytes, hash);
    if (key == NULL) {
        key = memory_alloc(sizeof *key + bytes.size);
        list_init(&key->watchers);
        list_init(&key->waiters);
        list_init(&key->ready);
        key->database = database;
        key->payer = NULL;
        key->waiting = 0;
        key->size = (uint32_t)bytes.size;
        key->put_off = false;
        key->changed = false;
        if (bytes.size > 0) {
            memcpy(key->key, bytes.data, bytes.size);
        }
        insert(interest, key, hash);
    }
    return key;
}

static void move(void *table, void *key)
{
    table_insert(table, key, table_hash(table, key_of(key)), 0);
}

void interest_rekey(struct interest *interest)
{
    for (uint32_t number = 0; number < interest->databases->count; number++) {
        struct table *older = interest->keys[number];
        if (older == NULL) {
            continue;
        }
        struct table *newer = memory_alloc(sizeof *newer);
        table_init(newer, &table_of_interest, &interest->databases->none.table.hash_key);
        while (table_drain(older, SIZE_MAX, move, newer)) {
        }
        table_finish(older);
        memory_free(older);
        interest->keys[number] = newer;
    }
}

/* ---- whom the memory counts to ---- */

static size_t cost_of_key(const struct interest_key *key)
{
    return memory_class(sizeof *key + key->size) + HOLDINGS_PLACE;
}

static void pay(struct interest_key *key, const struct interest_link *payer)
{
    size_t cost = cost_of_key(key);
    if (key->payer != NULL) {
        holdings_remove(&key->payer->session->holdings, HOLDING_WATCHED, cost);
    }
    key->payer = payer;
    if (payer != NULL) {
        holdings_add(&payer->session->holdings, HOLDING_WATCHED, cost);
    }
}

/* Somebody of those who are left, but those that the key is being served for: then nobody pays until the next one
 * comes. */
static const struct interest_link *other_payer(const struct interest_key *key)
{
    if (!list_empty(&key->watchers)) {
        return container_of(key->watchers.next, struct interest_link, in_key);
    }
    return !list_empty(&key->waiters) ? container_of(key->waiters.next, struct interest_link, in_key) : NULL;
}

static size_t cost_of_link(bool watching)
{
    return memory_class(sizeof(struct interest_link)) + (watching ? HOLDINGS_PLACE : 0);
}

static void drop_if_idle(struct interest *interest, struct interest_key *key)
{
    if (list_empty(&key->watchers) && list_empty(&key->waiters) && key != interest->served) {
        list_remove(&key->ready);
        remove_key(interest, key);
        memory_free(key);
    }
}

static struct interest_pair pair(const struct session *session, const struct interest_key *key)
{
    return (struct interest_pair){session->caller.id, (uint64_t)(uintptr_t)key};
}

static bool watches(const struct interest *interest, const struct session *session, const struct interest_key *key)
{
    struct interest_pair sought = pair(session, key);
    struct gm_bytes bytes = {(const uint8_t *)&sought, sizeof sought};
    return table_find(&interest->watching, bytes, table_hash(&interest->watching, bytes)) != NULL;
}

static struct interest_link *add(struct interest_key *key, struct list *in_key, struct session *session,
                                 struct list *in_session)
{
    check(session != NULL);
    struct interest_link *link = memory_alloc(sizeof *link);
    link->pair = pair(session, key);
    link->key = key;
    link->session = session;
    list_push_back(in_key, &link->in_key);
    list_push_back(in_session, &link->in_session);
    holdings_add(&session->holdings, HOLDING_WATCHED, cost_of_link(in_key == &key->watchers));
    if (key->payer == NULL) {
        pay(key, link);
    }
    return link;
}

void interest_watch(struct interest *interest, struct session *session, struct list *list, struct gm_bytes bytes)
{
    struct interest_key *key = find_or_add(interest, session->caller.database, bytes);
    if (watches(interest, session, key)) {
        return;
    }
    struct interest_link *link = add(key, &key->watchers, session, list);
    table_insert(&interest->watching, link, table_hash(&interest->watching, pair_of(link)), 0);
    interest->watchers++;
    session->watching++;
}

void interest_wait(struct interest *interest, struct session *session, struct list *list, struct gm_bytes bytes)
{
    struct interest_key *key = find_or_add(interest, session->caller.database, bytes);
    (void)add(key, &key->waiters, session, list);
    interest->waiters++;
    interest->awaited += key->waiting++ == 0;
}

static void ready_again(struct interest *interest, struct interest_key *key)
{
    check(key->put_off);
    key->put_off = false;
    list_remove(&key->ready);
    list_push_back(&interest->ready, &key->ready);
}

void interest_forget(struct interest *interest, struct list *list, bool watching)
{
    while (!list_empty(list)) {
        struct interest_link *link = container_of(list->next, struct interest_link, in_session);
        struct interest_key *key = link->key;
        list_remove(&link->in_session);
        list_remove(&link->in_key);
        holdings_remove(&link->session->holdings, HOLDING_WATCHED, cost_of_link(watching));
        if (key->payer == link) {
            pay(key, other_payer(key));
        }
        if (watching) {
            link->session->watching--;
            (void)table_remove(&interest->watching, pair_of(link), table_hash(&interest->watching, pair_of(link)));
        }
        memory_free(link);
        check((watching ? interest->watchers : interest->waiters) > 0);
        *(watching ? &interest->watchers : &interest->waiters) -= 1;
        interest->awaited -= !watching && --key->waiting == 0;
        if (!watching && key->put_off) {
            ready_again(interest, key); /* it may have been put off for the sake of who goes */
        }
        drop_if_idle(interest, key);
    }
}

static void touch(struct interest *interest, struct interest_key *key)
{
    for (struct list *at = key->watchers.next; at != &key->watchers; at = at->next) {
        container_of(at, struct interest_link, in_key)->session->watch_broken = true;
    }
    key->changed = true;
    if (!list_empty(&key->waiters) && list_empty(&key->ready)) {
        list_push_back(&interest->ready, &key->ready);
    }
}

static void touch_one(struct interest *interest, const struct change_key *changed)
{
    struct interest_key *key = find(interest, changed->database, changed->name, changed->hash);
    if (key != NULL) {
        touch(interest, key);
    }
}

/* What a change of whole databases does to the keys of one. */
struct upheaval {
    struct interest *interest;
    const struct keyspace *before;
    const struct keyspace *after; /* NULL: none of its keys is there afterwards */
    bool anew;                    /* the data begin anew: what is not there may come */
};

static bool has(const struct keyspace *keyspace, struct gm_bytes name)
{
    return keyspace != NULL && keyspace_find(keyspace, name, keyspace_hash(keyspace, name)) != NULL;
}

static void touch_existing(void *context, void *element)
{
    const struct upheaval *upheaval = context;
    struct gm_bytes name = key_of(element);
    if (upheaval->anew || has(upheaval->before, name) || has(upheaval->after, name)) {
        touch(upheaval->interest, element);
    }
}

static void touch_database(struct upheaval *upheaval, uint32_t database)
{
    const struct table *table = upheaval->interest->keys[database];
    uint64_t cursor = 0;
    while (table != NULL) {
        cursor = table_scan(table, cursor, touch_existing, upheaval);
        table = cursor != 0 ? table : NULL;
    }
}

static void on_flush(struct interest *interest, uint32_t database, bool anew)
{
    struct upheaval upheaval = {interest, databases_see(interest->databases, database), NULL, anew};
    touch_database(&upheaval, database);
}

static void on_swap(struct interest *interest, uint32_t a, uint32_t b)
{
    struct upheaval upheaval = {interest, databases_see(interest->databases, a), databases_see(interest->databases, b),
                                false};
    touch_database(&upheaval, a);
    touch_database(&upheaval, b);
}

static void on_change(struct change_listener *listener, const struct change *change)
{
    struct interest *interest = container_of(listener, struct interest, listener);
    check(interest->key_count > 0); /* else it does not listen */
    switch (change->scope) {
    case CHANGE_KEYS:
        touch_one(interest, &change->keys[0]);
        touch_one(interest, &change->keys[1]);
        break;
    case CHANGE_KEY:
        touch_one(interest, &change->keys[0]);
        break;
    case CHANGE_DATABASE:
        on_flush(interest, change->keys[0].database, false);
        break;
    case CHANGE_SWAP:
        on_swap(interest, change->keys[0].database, change->keys[1].database);
        break;
    case CHANGE_ALL:
        for (uint32_t i = 0; i < interest->databases->count; i++) {
            on_flush(interest, i, change->record == NULL);
        }
        break;
    }
}

struct interest_key *interest_ready(struct interest *interest)
{
    if (list_empty(&interest->ready)) {
        return NULL;
    }
    struct interest_key *key = container_of(interest->ready.next, struct interest_key, ready);
    check(interest->served == NULL);
    interest->served = key;
    key->changed = false;
    return key;
}

void interest_settled(struct interest *interest, struct interest_key *key)
{
    check(interest->served == key && !key->put_off);
    interest->served = NULL;
    list_remove(&key->ready);
    if (key->changed && !list_empty(&key->waiters)) {
        list_push_back(&interest->ready, &key->ready);
    }
    drop_if_idle(interest, key);
}

void interest_put_off(struct interest *interest, struct interest_key *key)
{
    check(interest->served == key && !key->put_off);
    interest->served = NULL;
    key->put_off = true;
    list_remove(&key->ready);
    list_push_back(&interest->later, &key->ready);
    drop_if_idle(interest, key);
}

void interest_resume(struct interest *interest)
{
    check(interest->served == NULL);
    while (!list_empty(&interest->later)) {
        ready_again(interest, container_of(interest->later.next, struct interest_key, ready));
    }
}
