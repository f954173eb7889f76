/* SPDX-License-Identifier: MIT */

/* pubsub.h - who listens to which channel, and telling them.
 *
 * Idea     A topic is a channel or a pattern that somebody subscribes to, with the list of its links; a link is one
 *          session's subscription of one topic. PUBLISH looks its channel up, and tries every pattern once, however
 *          many sessions share it. A third table finds the link of a session and a topic, so that subscribing twice,
 *          and ending a subscription, cost the same with one listener or a million.
 *
 *          topics[kind] ──► topic ──► link ──► link ...        by topic, in order of subscription
 *          session->topics[kind] ──► link ──► link ...         by session, in order of subscription
 *          links: (session, topic) ──► link
 *
 *          Shard channels (SSUBSCRIBE, SPUBLISH) are channels of their own: no pattern matches them, and in a cluster
 *          each belongs to a slot.
 *
 *          Messages are not data: they are nowhere but in the output of those who listen when they are published.
 *
 * Limits   PUBSUB_TOPICS_MAX topics per session, and names_max bytes of their names; a channel's name has at
 *          most PUBSUB_CHANNEL_MAX bytes, a pattern GLOB_PATTERN_MAX. A listener who does not read is dropped at its
 *          output limit, like any other client. */
#ifndef GEOMYS_SERVE_PUBSUB_H
#define GEOMYS_SERVE_PUBSUB_H

#include "base/list.h"
#include "base/table.h"

#define PUBSUB_TOPICS_MAX       65536u            /* per session, of all kinds */
#define PUBSUB_CHANNEL_MAX      65535u            /* bytes of a name */
#define PUBSUB_STEPS_MAX        UINT64_C(5000000) /* of matching for one message, a nanosecond or two each */
#define PUBSUB_CHANNEL_TOO_LONG "ERR the name of the channel is longer than 65535 bytes"

struct session;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD };
#define PUBSUB_KINDS 3

/* Exists while somebody subscribes to it. */
struct pubsub_topic {
    struct list links; /* pubsub_link.in_topic */
    struct list all;   /* in pubsub.all[kind] */
    uint64_t id;       /* never used twice */
    uint64_t subscribers;
    uint32_t size;
    uint8_t name[];
};

/* What a link is found by. */
struct pubsub_pair {
    uint64_t session; /* id */
    uint64_t topic;   /* id */
};

struct pubsub_link {
    struct list in_topic;
    struct list in_session; /* in session->topics[kind] */
    struct pubsub_pair pair;
    struct pubsub_topic *topic;
    struct session *session; /* borrowed */
};

struct pubsub {
    struct table topics[PUBSUB_KINDS];
    struct list all[PUBSUB_KINDS]; /* pubsub_topic.all, oldest first */
    struct table links;
    uint64_t next_topic;
    size_t names_max; /* bytes of the names of all that one session subscribes to */
    uint64_t cut;     /* events for which not all patterns were tried */
};

void pubsub_init(struct pubsub *pubsub, const struct siphash_key *hash_key);
void pubsub_finish(struct pubsub *pubsub); /* nobody may be subscribed any more */

/* Another limit, for subscriptions to come. */
void pubsub_limit(struct pubsub *pubsub, size_t names_max);

/* NULL: the session is subscribed, maybe it was before; else the error for the client. Expected O(1). */
const char *pubsub_subscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind,
                             struct gm_bytes name);

/* No error if it was not subscribed. Expected O(1). */
void pubsub_unsubscribe(struct pubsub *pubsub, struct session *session, enum pubsub_kind kind, struct gm_bytes name);

/* Ends all that the session has subscribed to. O(its topics). */
void pubsub_forget(struct pubsub *pubsub, struct session *session);

/* Tells all who listen; *sent: how many copies went out. False: the patterns take too long (pubsub I4), and nobody was
 * told. O(listeners + patterns). */
must_use bool pubsub_publish(const struct pubsub *pubsub, struct gm_bytes channel, struct gm_bytes message,
                             uint64_t *sent);

/* The same for an event that cannot be refused: patterns that it would take too long to try are left out, and that is
 * counted. `mark`: the sequence that the message depends on. */
void pubsub_announce(struct pubsub *pubsub, struct gm_bytes channel, struct gm_bytes message, uint64_t mark);

/* The same for a shard channel. O(listeners). */
uint64_t pubsub_publish_shard(const struct pubsub *pubsub, struct gm_bytes channel, struct gm_bytes message);

/* How many sessions subscribe to exactly this channel, or this shard channel. */
uint64_t pubsub_subscribers(const struct pubsub *pubsub, enum pubsub_kind kind, struct gm_bytes channel);

static inline struct gm_bytes pubsub_name(const struct pubsub_topic *topic)
{
    return (struct gm_bytes){topic->name, topic->size};
}

/* Whether anybody listens to anything. */
static inline bool pubsub_busy(const struct pubsub *pubsub)
{
    return pubsub->links.count > 0;
}

#endif
