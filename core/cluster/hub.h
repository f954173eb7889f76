/* SPDX-License-Identifier: MIT */

/* hub.h - the Talk streams of a node: one to whoever it should be in touch with, kept open, and those that others have
 * opened. See hub.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_HUB_H
#define GEOMYS_CLUSTER_HUB_H

#include "base/arena.h"
#include "base/list.h"
#include "env/peer.h"
#include "wire/talk.h"
#include "wire/topology.h"

#define HUB_PLACES_MAX (TOPOLOGY_MEMBERS_MAX + 16) /* that it keeps in touch with */
#define HUB_LINKS_MAX  (4 * TOPOLOGY_MEMBERS_MAX)  /* open at a time, those of strangers too */

struct hub;

/* One stream. */
struct hub_link {
    struct list list; /* in hub->links */
    struct hub *hub;
    struct peer_link *peer;
    char address[NET_ADDRESS_MAX]; /* that was called; "": it was the other side that called */
    bool greeted;                  /* the other side has said who it is, and may talk */
    bool closed;                   /* by us: on_closed is to come */
    /* Of its greeting. */
    bool member;
    uint8_t cluster_id[TALK_ID_SIZE], folder_id[TALK_ID_SIZE];
    uint64_t node, start;
    char host[TALK_HOST_MAX + 1]; /* where others reach it; never "" */
    char version[TALK_VERSION_MAX + 1];
    uint16_t client_port, node_port;
    int64_t opened_us, heard_us;
};

struct hub_ops {
    /* Who this side is, now. Borrowed until it returns from whatever has asked. */
    void (*greeting)(void *context, struct talk_greeting *out);
    /* The other side has said who it is. NULL: it may talk; else the link ends with this sentence, borrowed. */
    const char *(*on_greeted)(void *context, struct hub_link *link);
    /* It talks: no greeting. */
    void (*on_words)(void *context, struct hub_link *link, const struct talk_words *words);
    /* It is gone, after it had greeted. */
    void (*on_lost)(void *context, const struct hub_link *link, enum peer_end end);
    /* Nobody is there, or what is there does not want to talk: the address was called. `reason` may be "". */
    void (*on_refused)(void *context, const char *address, enum peer_end end, const char *reason);
};

/* Somewhere to be in touch with. */
struct hub_place {
    uint64_t node; /* 0: not known who that is */
    char address[NET_ADDRESS_MAX];
    struct hub_link *link; /* that was opened to it; NULL: none */
    int64_t next_us;       /* when it is called, if there is no link */
    bool wanted;
};

struct hub {
    struct peer *peer; /* borrowed */
    const struct hub_ops *ops;
    void *context;
    struct list links; /* hub_link.list */
    uint32_t link_count, place_count;
    struct hub_place places[HUB_PLACES_MAX];
    struct arena arena; /* of the message that is looked at */
    struct buf out;     /* the message that is sent */
    uint64_t number;    /* of what is asked: given out last */
    int64_t now_us;     /* of the turn */
};

void hub_init(struct hub *hub, struct peer *peer, const struct hub_ops *ops, void *context, int64_t now_us);

/* The peer is gone, or nobody has it turn any more. */
void hub_finish(struct hub *hub);

/* Who it should be in touch with: all in one go, between begin and end. What is not wanted any more is closed. A place
 * whose node has called here by itself is not called. At most HUB_PLACES_MAX: more are not taken. */
void hub_want_begin(struct hub *hub);
void hub_want(struct hub *hub, uint64_t node, const char *address);
void hub_want_end(struct hub *hub);

/* Calls who is to be called, and lets go of who says nothing. O(places * links). */
void hub_turn(struct hub *hub, int64_t now_us);

int64_t hub_next_us(const struct hub *hub);

/* The newest link to this node, with this folder (NULL: whichever), over which it may talk; NULL: there is none.
 * O(links). */
struct hub_link *hub_find(const struct hub *hub, uint64_t node, const uint8_t *folder_id);

/* False: it is not taken (the link is gone, or much waits in it): nobody hears of it. */
bool hub_send(struct hub_link *link, const struct talk_words *words);

/* Ends it with a sentence. on_lost does not come. */
void hub_end(struct hub_link *link, const char *reason);

/* This side is another one now (it has entered a cluster): all links end, and begin anew. */
void hub_renew(struct hub *hub);

#endif
