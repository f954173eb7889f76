/* SPDX-License-Identifier: MIT */

/* pubsub.c - the tables of pubsub.h.
 *
 * Promises
 *   I1  What one session publishes reaches each listener in the order in which it was published.
 *   I2  A session gets one copy for its channel and one for each of its patterns that matches, as in Redis.
 *   I3  A listener that is about to be closed gets nothing more, and is not counted.
 *   I4  Patterns are tried on one message for PUBSUB_STEPS_MAX steps, and the last pattern's: whoever publishes is
 *       refused before anybody has been told; events are told to those found by then. */
#include "serve/pubsub.h"

#include "base/glob.h"
#include "base/memory.h"
#include "serve/session.h"
#include "wire/reply.h"

#define PATTERN_STEPS 10 /* what it costs to come to a pattern, beside matching */

_Static_assert(PUBSUB_KINDS == SESSION_TOPIC_KINDS, "a session has a list for each kind");

static struct gm_bytes topic_key(const void *element)
{
    return pubsub_name(element);
}

static struct gm_bytes link_key(const void *element)
{
    const struct pubsub_link *link = element;
    return (struct gm_bytes){(const uint8_t *)&link->pair, sizeof link->pair};
}

static const struct table_ops table_of_topics = {.key = topic_key};
static const struct table_ops table_of_links = {.key = link_key};

void pubsub_init(struct pubsub *pubsub, const struct siphash_key *hash_key)
{
    *pubsub = (struct pubsub){0};
    for (size_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        table_init(&pubsub->topics[kind], &table_of_topics, hash_key);
        list_init(&pubsub->all[kind]);
    }
    table_init(&pubsub->links, &table_of_links, hash_key);
}

void pubsub_finish(struct pubsub *pubsub)
{
    check(pubsub->links.count == 0);
    for (size_t kind = 0; kind < PUBSUB_KINDS; kind++) {
        check(pubsub->topics[kind].count == 0);
        table_finish(&pubsub->topics[kind]);
    }
    table_finish(&pubsub->links);
}

void pubsub_limit(struct pubsub *pubsub, size_t names_max)
{
    pubsub->names_max = names_max;
}

/* ---- topics and links ---- */

static struct pubsub_topic *find_topic(const struct pubsub *pubsub, enum pubsub_kind kind, struct gm_bytes name)
{
    const struct table *table = &pubsub->topics[kind];
    const struct table_slot *slot = table_find(table, name, table_hash(table, name));
    return slot != NULL ? table_element(slot) : NULL;
}

static struct pubsub_topic *add_topic(struct pubsub *pubsub, enum pubsub_kind kind, struct gm_bytes name)
{
    check(kind < PUBSUB_KINDS && name.size <= PUBSUB_CHANNEL_MAX);
    check_slow(find_topic(pubsub, kind, name) == NULL);
    struct table *table = &pubsub->topics[kind];
    struct pubsub_topic *topic = memory_alloc(sizeof *topic + name.size);
    list_init(&topic->links);
    list_push_back(&pubsub->all[kind], &topic->all);
    topic->id = ++pubsub->next_topic;
    topic->subscribers = 0;
    topic->size = (uint32_t)name.size;
    if (name.size > 0) {
        memcpy(topic->name, name.data, name.size);
    }
    table_insert(table, topic, table_hash(table, name), 0);
    return topic;
}

static void drop_topic(struct pubsub *pubsub, enum pubsub_kind kind, struct pubsub_topic *topic)
{
    check(topic->subscribers == 0 && list_empty(&topic->links));
    struct table *table = &pubsub->topics[kind];
    (void)table_remove(table, pubsub_name(topic), table_hash(table, pubsub_name(topic)));
    list_remove(&topic->all);
    memory_free(topic);
}

static struct pubsub_link *find_link(const struct pubsub *pubsub, const struct session *session,
                                     const struct pubsub_topic *topic)
{
    struct pubsub_pair pair = {session->caller.id, topic->id};
    struct gm_bytes key = {(const uint8_t *)&pair, sizeof pair};
    const struct table_slot *slot = table_find(&pubsub->links, key, table_hash(&pubsub->links, key));
    return slot != NULL ? table_element(slot) : NULL;
}

/* What a topic takes counts to the first of those who listen. */
static struct holdings *payer_of(const struct pubsub_topic *topic)
{
    return &container_of(topic->links.next, struct pubsub_link, in_topic)->session->holdings;
}

static size_t cost_of_topic(const struct pubsub_topic *topic)
{
    return memory_class(sizeof *topic + topic->size) + HOLDINGS_PLACE;
}

#define LINK_COST (memory_class(sizeof(struct pubsub_link)) + HOLDINGS_PLACE)

static void add_link(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind, struct pubsub_topic *topic)
{
    check_slow(find_link(pubsub, session, topic) == NULL); /* pubsub I2 */
    check(session->topic_bytes + topic->size <= pubsub->names_max);
    struct pubsub_link *link = memory_alloc(sizeof *link);
    link->pair = (struct pubsub_pair){session->caller.id, topic->id};
    link->topic = topic;
    link->session = session;
    list_push_back(&topic->links, &link->in_topic);
    list_push_back(&session->topics[kind], &link->in_session);
    table_insert(&pubsub->links, link, table_hash(&pubsub->links, link_key(link)), 0);
    topic->subscribers++;
    session->topic_count[kind]++;
    session->topic_bytes += topic->size;
    holdings_add(&session->holdings, HOLDING_SUBSCRIBED, LINK_COST);
    if (topic->subscribers == 1) {
        holdings_add(payer_of(topic), HOLDING_SUBSCRIBED, cost_of_topic(topic));
    }
}

static void drop_link(struct pubsub *pubsub, enum pubsub_kind kind, struct pubsub_link *link)
{
    check(link->topic->subscribers > 0 && link->session->topic_count[kind] > 0);
    check(link->session->topic_bytes >= link->topic->size);
    struct pubsub_topic *topic = link->topic;
    (void)table_remove(&pubsub->links, link_key(link), table_hash(&pubsub->links, link_key(link)));
    holdings_remove(payer_of(topic), HOLDING_SUBSCRIBED, cost_of_topic(topic));
    holdings_remove(&link->session->holdings, HOLDING_SUBSCRIBED, LINK_COST);
    list_remove(&link->in_topic);
    list_remove(&link->in_session);
    if (!list_empty(&topic->links)) {
        holdings_add(payer_of(topic), HOLDING_SUBSCRIBED, cost_of_topic(topic));
    }
    link->session->topic_count[kind]--;
    link->session->topic_bytes -= topic->size;
    memory_free(link);
    if (--topic->subscribers == 0) {
        drop_topic(pubsub, kind, topic);
    }
}

/* ---- subscribing ---- */

static const char *refusal(const struct pubsub *pubsub, const struct session *session, enum pubsub_kind kind,
                           struct gm_bytes name)
{
    if (kind == PUBSUB_PATTERN && name.size > GLOB_PATTERN_MAX) {
        return "ERR the pattern is longer than 1024 bytes";
    }
    if (name.size > PUBSUB_CHANNEL_MAX) {
        return PUBSUB_CHANNEL_TOO_LONG;
    }
    if (session_topics(session) >= PUBSUB_TOPICS_MAX) {
        return "ERR too many subscriptions: at most 65536 channels and patterns per connection";
    }
    if (name.size + session->topic_bytes > pubsub->names_max) {
        return "ERR the names of all subscriptions of this connection are larger than client_query_limit";
    }
    return NULL;
}

const char *pubsub_subscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                             struct gm_bytes name)
{
    struct pubsub_topic *topic = find_topic(pubsub, kind, name);
    if (topic != NULL && find_link(pubsub, session, topic) != NULL) {
        return NULL;
    }
    const char *error = refusal(pubsub, session, kind, name);
    if (error == NULL) {
        add_link(pubsub, session, kind, topic != NULL ? topic : add_topic(pubsub, kind, name));
    }
    return error;
}

void pubsub_unsubscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind, struct gm_bytes name)
{
    const struct pubsub_topic *topic = find_topic(pubsub, kind, name);
    struct pubsub_link *link = topic != NULL ? find_link(pubsub, session, topic) : NULL;
    if (link != NULL) {
        drop_link(pubsub, kind, link);
    }
}

void pubsub_forget(struct pubsub *pubsub, struct session *session)
{
    for (enum pubsub_kind kind = PUBSUB_CHANNEL; kind < PUBSUB_KINDS; kind++) {
        struct list *topics = &session->topics[kind];
        while (!list_empty(topics)) {
            drop_link(pubsub, kind, container_of(topics->next, struct pubsub_link, in_session));
        }
        check(session->topic_count[kind] == 0);
    }
    check(session->topic_bytes == 0);
}

uint64_t pubsub_subscribers(const struct pubsub *pubsub, enum pubsub_kind kind, struct gm_bytes channel)
{
    const struct pubsub_topic *topic = find_topic(pubsub, kind, channel);
    return topic != NULL ? topic->subscribers : 0;
}

/* ---- publishing ---- */

struct message {
    const char *word;
    const struct pubsub_topic *pattern; /* NULL: for the channel */
    struct gm_bytes channel;
    struct gm_bytes text;
    uint64_t mark;
};

static bool send_to(struct session *session, const struct message *message)
{
    struct buf *out = session_push(session, message->mark);
    if (out == NULL) {
        return false;
    }
    check(!session->doomed); /* pubsub I3 */
    struct reply reply;
    reply_begin(&reply, out, session->caller.resp3);
    reply_push(&reply, message->pattern != NULL ? 4 : 3);
    reply_text(&reply, message->word);
    if (message->pattern != NULL) {
        reply_bytes(&reply, pubsub_name(message->pattern));
    }
    reply_bytes(&reply, message->channel);
    reply_bytes(&reply, message->text);
    session_pushed(session);
    return true;
}

static uint64_t send_to_all(const struct pubsub_topic *topic, const struct message *message)
{
    uint64_t sent = 0;
    for (const struct list *at = topic->links.next; at != &topic->links; at = at->next) {
        sent += send_to(container_of(at, struct pubsub_link, in_topic)->session, message);
    }
    check(sent <= topic->subscribers); /* pubsub I2 */
    return sent;
}

/* Patterns that match one channel. */
struct matching {
    const struct pubsub_topic *few[16];
    const struct pubsub_topic **all; /* `few`, or owned */
    size_t count;
    size_t room;
    uint64_t steps;
};

static void note_match(struct matching *matching, const struct pubsub_topic *topic)
{
    if (matching->count == matching->room) {
        const struct pubsub_topic **old = matching->all != matching->few ? matching->all : NULL;
        matching->room *= 2;
        matching->all = memory_realloc(old, matching->room * sizeof *matching->all);
        if (old == NULL) {
            memcpy(matching->all, matching->few, sizeof matching->few);
        }
    }
    matching->all[matching->count++] = topic;
}

/* False: not all patterns were tried. */
static bool match(struct matching *matching, const struct pubsub *pubsub, struct gm_bytes channel)
{
    const struct list *patterns = &pubsub->all[PUBSUB_PATTERN];
    matching->all = matching->few;
    matching->room = sizeof matching->few / sizeof matching->few[0];
    matching->count = 0;
    matching->steps = 0;
    for (const struct list *at = patterns->next; at != patterns; at = at->next) {
        const struct pubsub_topic *topic = container_of(at, struct pubsub_topic, all);
        if (matching->steps > PUBSUB_STEPS_MAX) { /* pubsub I4 */
            return false;
        }
        matching->steps += PATTERN_STEPS;
        if (glob_match_counted(pubsub_name(topic), channel, false, &matching->steps)) {
            note_match(matching, topic);
        }
    }
    return true;
}

static uint64_t send_matched(const struct pubsub *pubsub, const struct matching *matching, struct message *message)
{
    const struct pubsub_topic *topic = find_topic(pubsub, PUBSUB_CHANNEL, message->channel);
    uint64_t sent = topic != NULL ? send_to_all(topic, message) : 0;
    message->word = "pmessage";
    for (size_t i = 0; i < matching->count; i++) {
        message->pattern = matching->all[i];
        sent += send_to_all(message->pattern, message);
    }
    return sent;
}

static void forget_matches(struct matching *matching)
{
    if (matching->all != matching->few) {
        memory_free(matching->all);
    }
}

bool pubsub_publish(const struct pubsub *pubsub, struct gm_bytes channel, struct gm_bytes text, uint64_t *sent)
{
    struct message message = {"message", NULL, channel, text, 0};
    struct matching matching;
    bool all_tried = match(&matching, pubsub, channel);
    *sent = all_tried ? send_matched(pubsub, &matching, &message) : 0;
    forget_matches(&matching);
    return all_tried;
}

void pubsub_announce(struct pubsub *pubsub, struct gm_bytes channel, struct gm_bytes text, uint64_t mark)
{
    struct message message = {"message", NULL, channel, text, mark};
    struct matching matching;
    pubsub->cut += !match(&matching, pubsub, channel);
    (void)send_matched(pubsub, &matching, &message);
    forget_matches(&matching);
}

uint64_t pubsub_publish_shard(const struct pubsub *pubsub, struct gm_bytes channel, struct gm_bytes text)
{
    struct message message = {"smessage", NULL, channel, text, 0};
    const struct pubsub_topic *topic = find_topic(pubsub, PUBSUB_SHARD, channel);
    return topic != NULL ? send_to_all(topic, &message) : 0;
}
