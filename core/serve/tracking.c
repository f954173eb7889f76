/* SPDX-License-Identifier: MIT */

/* tracking.c - who tracks, the keys that are remembered for them, and their messages; tracking.h has the argument.
 *
 * Promises
 *   I1  Whoever was told a value through a tracked read is told of its key before, or in the same output as, anything
 *       that shows a later value: the message stands in the output when the change has happened, and the gate lets
 *       output go in order.
 *   I2  A key is remembered after the command has looked at it: what the command removed on its way (a key whose time
 *       had come) does not forget it again.
 *   I3  NOLOOP hides only the client's own writes; expiry and eviction are always reported.
 *   I4  A link belongs to one tracker for ever. Trackers that have ended are told nothing. */
#include "serve/tracking.h"

#include "base/memory.h"
#include "geomys/call.h"
#include "serve/session.h"

#define GIVE_BACK_SLICE 4096 /* links per turn */
#define EVICT_MAX       16   /* keys that make room for one: more than one if the limit has been lowered */
#define TRIM_SLICE      1024 /* keys per turn, after it has been lowered */

/* A key that somebody may have a copy of; exists while it has links. */
struct tracking_key {
    struct list links; /* tracking_link.in_key */
    uint32_t size;
    uint8_t name[];
};

/* What a link is found by. */
struct tracking_pair {
    struct tracker *tracker;
    struct tracking_key *key;
};

struct tracking_link {
    struct list in_key;
    struct list in_tracker;
    struct tracking_pair pair;
};

static struct gm_bytes name_of(const void *element)
{
    const struct tracking_key *key = element;
    return (struct gm_bytes){key->name, key->size};
}

static struct gm_bytes pair_of(const void *element)
{
    const struct tracking_link *link = element;
    return (struct gm_bytes){(const uint8_t *)&link->pair, sizeof link->pair};
}

static struct gm_bytes prefix_of(const void *element)
{
    return tracking_prefix_name(element);
}

static const struct table_ops table_of_keys = {.key = name_of};
static const struct table_ops table_of_links = {.key = pair_of};
static const struct table_ops table_of_prefixes = {.key = prefix_of};

static void on_change(struct change_listener *listener, const struct change *change);

void tracking_init(struct tracking *tracking, const struct siphash_key *hash_key, struct list *listeners, uint64_t seed)
{
    *tracking = (struct tracking){.listeners = listeners};
    change_listener_init(&tracking->listener, CHANGE_RANK_TRACKING, on_change);
    prng_seed(&tracking->prng, seed);
    table_init(&tracking->keys, &table_of_keys, hash_key);
    table_init(&tracking->links, &table_of_links, hash_key);
    table_init(&tracking->prefixes, &table_of_prefixes, hash_key);
    list_init(&tracking->changed);
    list_init(&tracking->trackers);
    list_init(&tracking->leaving);
}

static void rekey_prefix(void *hash_key, void *element)
{
    struct tracking_prefix *prefix = element;
    check(prefix->seen.count == 0);
    prefix->seen.hash_key = *(const struct siphash_key *)hash_key;
}

void tracking_rekey(struct tracking *tracking, const struct siphash_key *hash_key)
{
    struct siphash_key key = *hash_key;
    uint64_t cursor = 0;
    check(tracking->keys.count == 0 && tracking->pending == 0);
    tracking->keys.hash_key = key;
    do {
        cursor = table_scan(&tracking->prefixes, cursor, rekey_prefix, &key);
    } while (cursor != 0);
}

/* ---- messages ---- */

static void tell_broken(struct tracker *tracker, uint64_t mark)
{
    check(tracker->target_id != 0);
    struct session *session = tracker->session;
    tracker->broken = true;
    struct buf *out = session->caller.resp3 ? session_push(session, mark) : NULL;
    if (out != NULL) {
        struct reply reply;
        reply_begin(&reply, out, true);
        reply_push(&reply, 2);
        reply_text(&reply, "tracking-redir-broken");
        reply_int(&reply, (int64_t)tracker->target_id);
        session_pushed(session);
    }
}

bool tracking_letter_begin(struct tracker *tracker, uint64_t mark, struct tracking_letter *letter)
{
    check(tracker->session != NULL); /* tracking I4 */
    bool elsewhere = tracker->target_id != 0;
    struct session *to = elsewhere ? tracker->target : tracker->session;
    if (elsewhere && (to == NULL || to->doomed)) {
        tell_broken(tracker, mark);
        return false;
    }
    if (!to->caller.resp3 && !(elsewhere && session_listens(to))) {
        return false; /* RESP2 has no place for it */
    }
    struct buf *out = session_push(to, mark);
    if (out == NULL) {
        return false;
    }
    letter->to = to;
    reply_begin(&letter->reply, out, to->caller.resp3);
    reply_push(&letter->reply, to->caller.resp3 ? 2 : 3);
    if (to->caller.resp3) {
        reply_text(&letter->reply, "invalidate");
    } else {
        reply_text(&letter->reply, "message");
        reply_text(&letter->reply, TRACKING_CHANNEL);
    }
    return true;
}

void tracking_letter_end(struct tracking_letter *letter)
{
    check(!letter->to->doomed);
    session_pushed(letter->to);
}

/* ---- whom the memory counts to ---- */

void tracking_charge(struct tracking *tracking, struct tracker *tracker, size_t bytes)
{
    tracker->bytes += bytes;
    if (tracker->session != NULL) {
        holdings_add(&tracker->session->holdings, HOLDING_TRACKED, bytes);
    } else {
        tracking->leaving_bytes += bytes;
    }
}

void tracking_discharge(struct tracking *tracking, struct tracker *tracker, size_t bytes)
{
    check(tracker->bytes >= bytes);
    tracker->bytes -= bytes;
    if (tracker->session != NULL) {
        holdings_remove(&tracker->session->holdings, HOLDING_TRACKED, bytes);
    } else {
        check(tracking->leaving_bytes >= bytes);
        tracking->leaving_bytes -= bytes;
    }
}

#define LINK_COST (memory_class(sizeof(struct tracking_link)) + HOLDINGS_PLACE)

static size_t cost_of_key(const struct tracking_key *key)
{
    return memory_class(sizeof *key + key->size) + HOLDINGS_PLACE;
}

/* What a key takes counts to the first of those who track it. */
static struct tracker *payer_of(const struct tracking_key *key)
{
    return container_of(key->links.next, struct tracking_link, in_key)->pair.tracker;
}

/* ---- keys and links ---- */

static struct tracking_link *find_link(const struct tracking *tracking, struct tracker *tracker,
                                       struct tracking_key *key)
{
    struct tracking_pair pair = {tracker, key};
    struct gm_bytes bytes = {(const uint8_t *)&pair, sizeof pair};
    struct table_slot *slot = table_find(&tracking->links, bytes, table_hash(&tracking->links, bytes));
    return slot != NULL ? table_element(slot) : NULL;
}

/* The key stays, even without a link. */
static void drop_link(struct tracking *tracking, struct tracking_link *link)
{
    check(link->pair.tracker->link_count > 0 && tracking->links.count > 0);
    check(link->pair.tracker->session == NULL || tracking->items > 0); /* tracking I4 */
    struct tracker *tracker = link->pair.tracker;
    struct tracking_key *key = link->pair.key;
    (void)table_remove(&tracking->links, pair_of(link), table_hash(&tracking->links, pair_of(link)));
    tracking_discharge(tracking, payer_of(key), cost_of_key(key));
    tracking_discharge(tracking, tracker, LINK_COST);
    list_remove(&link->in_key);
    list_remove(&link->in_tracker);
    if (!list_empty(&key->links)) {
        tracking_charge(tracking, payer_of(key), cost_of_key(key));
    }
    tracker->link_count--;
    tracking->items -= tracker->session != NULL;
    memory_free(link);
}

static void drop_key(struct tracking *tracking, struct tracking_key *key, uint64_t hash)
{
    check(list_empty(&key->links));
    (void)table_remove(&tracking->keys, name_of(key), hash);
    memory_free(key);
}

/* Tells all who may have a copy of the key, but `author`, and forgets it. */
static void invalidate(struct tracking *tracking, struct tracking_key *key, uint64_t hash, uint64_t author,
                       uint64_t mark)
{
    while (!list_empty(&key->links)) {
        struct tracking_link *link = container_of(key->links.next, struct tracking_link, in_key);
        struct tracker *tracker = link->pair.tracker;
        struct tracking_letter letter;
        drop_link(tracking, link);
        if (tracker->session == NULL || (tracker->mode.noloop && tracker->session->caller.id == author)) {
            continue;
        }
        if (tracking_letter_begin(tracker, mark, &letter)) {
            reply_array(&letter.reply, 1);
            reply_bytes(&letter.reply, name_of(key));
            tracking_letter_end(&letter);
        }
    }
    drop_key(tracking, key, hash);
}

/* Whether there is room for `more` keys, and as many links. */
static bool has_room(const struct tracking *tracking, uint64_t more)
{
    uint64_t limit = tracking->max_keys;
    return limit == 0 ||
           (tracking->keys.count + more <= limit && tracking->links.count / TRACKING_LINKS_PER_KEY + more <= limit);
}

/* Keys go at random until there is room, `most` at a time. False: there is none yet. */
static bool make_room(struct tracking *tracking, uint64_t more, unsigned most)
{
    for (unsigned i = 0; i < most && !has_room(tracking, more); i++) {
        struct tracking_key *key = table_random(&tracking->keys, &tracking->prng);
        if (key == NULL) {
            return true;
        }
        invalidate(tracking, key, table_hash(&tracking->keys, name_of(key)), 0, 0);
    }
    return has_room(tracking, more);
}

static struct tracking_key *add_key(struct tracking *tracking, struct gm_bytes name, uint64_t hash)
{
    check_slow(table_hash(&tracking->keys, name) == hash);
    struct tracking_key *key = memory_alloc(sizeof *key + name.size);
    list_init(&key->links);
    key->size = (uint32_t)name.size;
    if (name.size > 0) {
        memcpy(key->name, name.data, name.size);
    }
    table_insert(&tracking->keys, key, hash, 0);
    return key;
}

static struct tracking_key *find_key(const struct tracking *tracking, struct gm_bytes name, uint64_t hash)
{
    struct table_slot *slot = table_find(&tracking->keys, name, hash);
    return slot != NULL ? table_element(slot) : NULL;
}

static void remember(struct tracking *tracking, struct tracker *tracker, struct gm_bytes name, uint64_t hash)
{
    struct tracking_key *key = find_key(tracking, name, hash);
    if (key != NULL && find_link(tracking, tracker, key) != NULL) {
        return;
    }
    (void)make_room(tracking, 1, EVICT_MAX);
    key = find_key(tracking, name, hash); /* it may have been one of those that went */
    if (key == NULL) {
        key = add_key(tracking, name, hash);
    }
    struct tracking_link *link = memory_alloc(sizeof *link);
    link->pair = (struct tracking_pair){tracker, key};
    list_push_back(&key->links, &link->in_key);
    list_push_back(&tracker->links, &link->in_tracker);
    table_insert(&tracking->links, link, table_hash(&tracking->links, pair_of(link)), 0);
    tracking_charge(tracking, tracker, LINK_COST);
    if (key->links.next == &link->in_key) {
        tracking_charge(tracking, tracker, cost_of_key(key));
    }
    tracker->link_count++;
    tracking->items++;
    check(tracking->items <= tracking->links.count);
}

/* ---- trackers ---- */

static struct tracker *create(struct tracking *tracking, struct session *session)
{
    check(session->caller.id != CHANGE_NOBODY);
    struct tracker *tracker = memory_zeroed(sizeof *tracker);
    tracker->session = session;
    list_init(&tracker->links);
    list_init(&tracker->bcasts);
    list_init(&tracker->in_target);
    list_push_back(&tracking->trackers, &tracker->all);
    tracking->tracker_count++;
    session->tracker = tracker;
    tracking_charge(tracking, tracker, memory_class(sizeof *tracker));
    change_listen(tracking->listeners, &tracking->listener);
    return tracker;
}

/* What is left are its links. */
static void leave(struct tracking *tracking, struct tracker *tracker)
{
    check(tracker->session != NULL && tracking->tracker_count > 0); /* tracking I4: it ends once */
    check(tracking->items >= tracker->link_count);
    tracking_bcast_forget(tracking, tracker);
    list_remove(&tracker->in_target);
    list_remove(&tracker->all);
    list_push_back(&tracking->leaving, &tracker->all);
    tracking->tracker_count--;
    tracking->items -= tracker->link_count;
    holdings_remove(&tracker->session->holdings, HOLDING_TRACKED, tracker->bytes);
    tracking->leaving_bytes += tracker->bytes;
    tracker->session->tracker = NULL;
    tracker->session = NULL;
    if (tracking->tracker_count == 0) {
        change_ignore(&tracking->listener);
    }
}

/* True: there is more. */
static bool give_back(struct tracking *tracking, int budget)
{
    while (!list_empty(&tracking->leaving)) {
        struct tracker *tracker = container_of(tracking->leaving.next, struct tracker, all);
        while (!list_empty(&tracker->links)) {
            struct tracking_link *link = container_of(tracker->links.next, struct tracking_link, in_tracker);
            struct tracking_key *key = link->pair.key;
            if (budget-- == 0) {
                return true;
            }
            drop_link(tracking, link);
            if (list_empty(&key->links)) {
                drop_key(tracking, key, table_hash(&tracking->keys, name_of(key)));
            }
        }
        check(tracker->link_count == 0 && tracker->session == NULL && tracker->bcast_count == 0);
        tracking_discharge(tracking, tracker, memory_class(sizeof *tracker));
        check(tracker->bytes == 0);
        list_remove(&tracker->all);
        memory_free(tracker);
    }
    return false;
}

void tracking_limit(struct tracking *tracking, uint64_t max_keys)
{
    tracking->max_keys = max_keys;
}

void tracking_finish(struct tracking *tracking)
{
    check(list_empty(&tracking->trackers) && tracking->prefixes.count == 0 && tracking->pending == 0);
    while (give_back(tracking, GIVE_BACK_SLICE)) {
    }
    check(tracking->keys.count == 0 && tracking->links.count == 0 && tracking->items == 0);
    check(tracking->leaving_bytes == 0);
    table_finish(&tracking->keys);
    table_finish(&tracking->links);
    table_finish(&tracking->prefixes);
}

static void aim(struct tracker *tracker, struct session *target)
{
    list_remove(&tracker->in_target);
    tracker->target = target;
    tracker->target_id = target != NULL ? target->caller.id : 0;
    if (target != NULL) {
        list_push_back(&target->redirections, &tracker->in_target);
    }
}

static const char *misfit(const struct tracker *tracker, const struct tracking_wish *wish)
{
    const struct tracking_mode *mode = &wish->mode;
    if (!mode->bcast && wish->prefix_count > 0) {
        return "ERR PREFIX option requires BCAST mode to be enabled";
    }
    if (tracker != NULL && tracker->mode.bcast != mode->bcast) {
        return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then "
               "re-enabling it with a different mode.";
    }
    if (mode->bcast && (mode->optin || mode->optout)) {
        return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    }
    if (mode->optin && mode->optout) {
        return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    }
    if (tracker != NULL && ((mode->optin && tracker->mode.optout) || (mode->optout && tracker->mode.optin))) {
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
               "re-enabling it with a different mode.";
    }
    return NULL;
}

const char *tracking_on(struct tracking *tracking, struct session *session, const struct tracking_wish *wish,
                        char text[TRACKING_TEXT_MAX])
{
    const char *error = misfit(session->tracker, wish);
    if (error == NULL) {
        error = tracking_bcast_check(session->tracker, wish, text);
    }
    if (error != NULL) {
        return error;
    }
    struct tracker *tracker = session->tracker != NULL ? session->tracker : create(tracking, session);
    tracker->mode = wish->mode;
    tracker->broken = false;
    aim(tracker, wish->target);
    if (wish->mode.bcast && wish->prefix_count == 0) {
        tracking_bcast_add(tracking, tracker, BYTES_NONE);
    }
    for (uint32_t i = 0; i < wish->prefix_count; i++) {
        tracking_bcast_add(tracking, tracker, wish->prefixes[i]);
    }
    return NULL;
}

void tracking_off(struct tracking *tracking, struct session *session)
{
    if (session->tracker != NULL) {
        leave(tracking, session->tracker);
    }
}

void tracking_forget(struct tracking *tracking, struct session *session)
{
    tracking_off(tracking, session);
    check(session->tracker == NULL);
    while (!list_empty(&session->redirections)) {
        struct tracker *tracker = container_of(session->redirections.next, struct tracker, in_target);
        list_remove(&tracker->in_target);
        tracker->target = NULL;
    }
}

/* ---- what happens ---- */

void tracking_settle(struct session *session, bool aside)
{
    check(session->tracker != NULL);
    if (!session->transaction.open && !session->waiting && !aside) {
        session->tracker->caching = false;
    }
}

void tracking_read(struct tracking *tracking, struct session *session, const struct gm_key *keys, uint32_t count)
{
    check(session->tracker != NULL && session->tracker->session == session); /* tracking I4 */
    struct tracker *tracker = session->tracker;
    if (tracker->mode.bcast || (tracker->mode.optin && !tracker->caching) ||
        (tracker->mode.optout && tracker->caching)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        check_slow(table_hash(&tracking->keys, keys[i].name) == (uint64_t)(uintptr_t)keys[i].host_more);
        remember(tracking, tracker, keys[i].name, (uint64_t)(uintptr_t)keys[i].host_more);
    }
}

static void one_changed(struct tracking *tracking, const struct change_key *changed, const struct change *change)
{
    struct tracking_key *key = find_key(tracking, changed->name, changed->hash);
    if (tracking->prefixes.count > 0) {
        tracking_bcast_changed(tracking, changed->name, changed->hash, change->author, change->sequence);
    }
    if (key != NULL) {
        check(!list_empty(&key->links));
        invalidate(tracking, key, changed->hash, change->author, change->sequence);
    }
}

/* Its links leave, it stays. */
static void begin_anew(struct tracking *tracking, struct tracker *old)
{
    struct session *session = old->session;
    struct tracker *tracker = create(tracking, session);
    struct session *target = old->target;
    tracker->mode = old->mode;
    tracker->caching = old->caching;
    tracker->broken = old->broken;
    uint64_t target_id = old->target_id;
    leave(tracking, old);
    session->tracker = tracker;
    check(tracker->link_count == 0);
    aim(tracker, target);
    tracker->target_id = target_id;
}

/* Everything goes, or begins anew. O(trackers). */
static void all_changed(struct tracking *tracking, uint64_t sequence)
{
    const struct list *trackers = &tracking->trackers;
    for (struct list *at = trackers->next; at != trackers; at = at->next) {
        struct tracking_letter letter;
        if (tracking_letter_begin(container_of(at, struct tracker, all), sequence, &letter)) {
            reply_null(&letter.reply);
            tracking_letter_end(&letter);
        }
    }
    for (struct list *at = trackers->next, *next; at != trackers; at = next) {
        struct tracker *tracker = container_of(at, struct tracker, all);
        next = at->next;
        if (tracker->link_count > 0) {
            begin_anew(tracking, tracker); /* the new one, at the end of the list, has no links */
        }
    }
}

static void on_change(struct change_listener *listener, const struct change *change)
{
    struct tracking *tracking = container_of(listener, struct tracking, listener);
    check(tracking->tracker_count > 0);     /* else it does not listen */
    if (change->scope >= CHANGE_DATABASE) { /* messages name keys without their database, so all may have changed */
        all_changed(tracking, change->sequence);
        return;
    }
    one_changed(tracking, &change->keys[0], change);
    if (change->scope == CHANGE_KEYS) {
        one_changed(tracking, &change->keys[1], change);
    }
}

bool tracking_turn_end_slow(struct tracking *tracking)
{
    tracking_bcast_tell(tracking);
    check(tracking->pending == 0 && list_empty(&tracking->changed));
    bool over = !make_room(tracking, 0, TRIM_SLICE); /* the limit has been lowered */
    return give_back(tracking, GIVE_BACK_SLICE) || over;
}
