/* SPDX-License-Identifier: MIT */

/* hub.c - being in touch.
 *
 * Why      Any two members must be able to talk, whoever of them was started first, wherever the other has moved to.
 *
 * Idea     Each calls the others, at the address that it believes, until there is a link in either direction; both are
 *          used, and there may be two for a while. First each side says who it is; the owner judges that, and only then
 *          hears what is said. To a node the newest link is used: what goes over Talk streams bears no order across
 *          two of them (what counts in it is named: epoch, start, number, moment).
 *
 * Promises
 *   P1  Nothing is given to the owner from a link whose other side has not greeted, or was not let in.
 *   P2  Of each node one accepted link is kept at most, the newest: who calls again and again fills nothing up.
 *   P3  A link that says nothing for SILENT_US after it was opened is closed; there are HUB_LINKS_MAX at most. */
#include "cluster/hub.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define RETRY_US  200000  /* between calls of who is not there */
#define LATER_US  1000000 /* and of one that does not want to talk */
#define SILENT_US 5000000
#define WORDS_MAX (PEER_MESSAGE_MAX)

/* ---- one link ---- */

static struct hub_link *link_create(struct hub *hub)
{
    struct hub_link *link = memory_zeroed(sizeof *link);
    link->hub = hub;
    link->opened_us = hub->now_us;
    list_push_back(&hub->links, &link->list);
    hub->link_count++;
    return link;
}

static void link_destroy(struct hub_link *link)
{
    struct hub *hub = link->hub;
    for (uint32_t i = 0; i < hub->place_count; i++) {
        if (hub->places[i].link == link) {
            hub->places[i].link = NULL;
        }
    }
    list_remove(&link->list);
    hub->link_count--;
    memory_free(link);
}

bool hub_send(struct hub_link *link, const struct talk_words *words)
{
    struct hub *hub = link->hub;
    if (link->closed) {
        return false;
    }
    buf_clear(&hub->out, 65536);
    return talk_pack(words, &hub->out) && peer_send(link->peer, buf_bytes(&hub->out)) == STATUS_OK;
}

void hub_end(struct hub_link *link, const char *reason)
{
    if (!link->closed) {
        link->closed = true;
        peer_close(link->peer, reason);
    }
}

static void greet(struct hub_link *link)
{
    struct talk_words words = {.kind = TALK_GREETING};
    link->hub->ops->greeting(link->hub->context, &words.greeting);
    (void)hub_send(link, &words);
}

/* ---- who is there ---- */

static void take_text(char *to, size_t room, struct gm_bytes text)
{
    size_t size = text.size < room ? text.size : room - 1;
    if (size > 0) {
        memcpy(to, text.data, size);
    }
    to[size] = '\0';
}

/* The part of "host:port" that is the host, without brackets. */
static void take_host(char *to, size_t room, const char *address)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon != NULL ? (size_t)(colon - address) : strlen(address);
    bool bracket = size >= 2 && address[0] == '[' && address[size - 1] == ']';
    take_text(to, room, (struct gm_bytes){(const uint8_t *)address + bracket, size - 2 * (size_t)bracket});
}

/* An accepted link of the same node that is older. */
static void let_go_of_older(const struct hub_link *newer)
{
    for (struct list *at = newer->hub->links.next; at != &newer->hub->links; at = at->next) {
        struct hub_link *link = container_of(at, struct hub_link, list);
        if (link != newer && link->greeted && link->node == newer->node && link->address[0] == '\0' &&
            memcmp(link->folder_id, newer->folder_id, TALK_ID_SIZE) == 0) {
            hub_end(link, "this node has called again"); /* hub P2 */
        }
    }
}

static void take_greeting(struct hub_link *link, const struct talk_greeting *greeting)
{
    struct hub *hub = link->hub;
    link->member = greeting->member;
    memcpy(link->cluster_id, greeting->cluster_id, TALK_ID_SIZE);
    memcpy(link->folder_id, greeting->folder_id, TALK_ID_SIZE);
    link->node = greeting->node;
    link->start = greeting->start;
    link->client_port = greeting->client_port;
    link->node_port = greeting->node_port;
    take_text(link->version, sizeof link->version, greeting->version);
    take_text(link->host, sizeof link->host, greeting->host);
    if (link->host[0] == '\0') {
        take_host(link->host, sizeof link->host, peer_base(link->peer)->peer);
    }
    const char *reason = hub->ops->on_greeted(hub->context, link);
    if (reason != NULL) {
        struct talk_words words = {.kind = TALK_SORRY, .sorry = {.code = STATUS_REFUSED}};
        words.sorry.sentence = gm_bytes_of(reason);
        (void)hub_send(link, &words);
        hub_end(link, NULL);
        return;
    }
    link->greeted = true;
    if (link->address[0] == '\0') {
        let_go_of_older(link);
    }
}

/* ---- what comes ---- */

static void on_message(void *user, struct gm_bytes message)
{
    struct hub_link *link = user;
    struct hub *hub = link->hub;
    struct talk_words words;
    struct complaint complaint;
    if (link->closed) {
        return;
    }
    enum status status = talk_unpack(message, &words, &hub->arena, &complaint);
    if (status != STATUS_OK) {
        hub_end(link, complaint.text);
    } else if (words.kind == TALK_GREETING && !link->greeted) {
        take_greeting(link, &words.greeting);
    } else if (words.kind == TALK_SORRY && !link->greeted) {
        char sentence[TALK_SENTENCE_MAX + 1];
        take_text(sentence, sizeof sentence, words.sorry.sentence);
        hub->ops->on_refused(hub->context, link->address, PEER_REFUSED, sentence);
        hub_end(link, NULL);
    } else if (words.kind == TALK_GREETING || !link->greeted) {
        hub_end(link, "a greeting comes first, and once"); /* hub P1 */
    } else {
        link->heard_us = hub->now_us;
        hub->ops->on_words(hub->context, link, &words);
    }
    arena_reset(&hub->arena);
}

static struct hub_place *place_of(struct hub_link *link)
{
    for (uint32_t i = 0; i < link->hub->place_count; i++) {
        if (link->hub->places[i].link == link) {
            return &link->hub->places[i];
        }
    }
    return NULL;
}

static void on_closed(void *user, enum peer_end end, const char *reason)
{
    struct hub_link *link = user;
    struct hub *hub = link->hub;
    struct hub_place *place = place_of(link);
    bool told = link->closed;
    if (place != NULL) {
        place->link = NULL;
        place->next_us = hub->now_us + (link->greeted || end == PEER_UNREACHABLE ? RETRY_US : LATER_US);
    }
    if (link->greeted && !told) {
        link->closed = true; /* hub_find does not find it */
        hub->ops->on_lost(hub->context, link, end);
    } else if (!link->greeted && link->address[0] != '\0' && !told) {
        hub->ops->on_refused(hub->context, link->address, end, reason);
    }
    link_destroy(link);
}

static const struct peer_user_ops user_ops = {.on_message = on_message, .on_closed = on_closed};

static bool on_accept(void *context, struct peer_link *peer, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    struct hub *hub = context;
    if (hub->link_count >= HUB_LINKS_MAX) {
        *reason = "this node has as many Talk streams as it takes"; /* hub P3 */
        return false;
    }
    struct hub_link *link = link_create(hub);
    link->peer = peer;
    *ops = &user_ops;
    *user = link;
    greet(link);
    return true;
}

/* ---- places ---- */

void hub_want_begin(struct hub *hub)
{
    for (uint32_t i = 0; i < hub->place_count; i++) {
        hub->places[i].wanted = false;
    }
}

void hub_want(struct hub *hub, uint64_t node, const char *address)
{
    for (uint32_t i = 0; i < hub->place_count; i++) {
        struct hub_place *place = &hub->places[i];
        if (place->node == node && strcmp(place->address, address) == 0) {
            place->wanted = true;
            return;
        }
    }
    if (hub->place_count < HUB_PLACES_MAX) {
        struct hub_place *place = &hub->places[hub->place_count++];
        *place = (struct hub_place){.node = node, .next_us = hub->now_us, .wanted = true};
        (void)snprintf(place->address, sizeof place->address, "%s", address);
    }
}

void hub_want_end(struct hub *hub)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hub->place_count; i++) {
        if (hub->places[i].wanted) {
            hub->places[kept++] = hub->places[i];
        } else if (hub->places[i].link != NULL && !hub->places[i].link->greeted) {
            hub_end(hub->places[i].link, NULL); /* who has greeted may go on: it is somebody */
        }
    }
    hub->place_count = kept;
}

static void call(struct hub *hub, struct hub_place *place)
{
    struct hub_link *link = link_create(hub);
    (void)snprintf(link->address, sizeof link->address, "%s", place->address);
    link->peer = peer_open(hub->peer, link->address, PEER_TALK, &user_ops, link);
    place->link = link;
    greet(link);
}

static bool is_due(const struct hub *hub, const struct hub_place *place)
{
    return place->link == NULL && (place->node == 0 || hub_find(hub, place->node, NULL) == NULL);
}

void hub_turn(struct hub *hub, int64_t now_us)
{
    hub->now_us = now_us;
    for (uint32_t i = 0; i < hub->place_count && hub->link_count < HUB_LINKS_MAX; i++) {
        if (is_due(hub, &hub->places[i]) && hub->places[i].next_us <= now_us) {
            call(hub, &hub->places[i]);
        }
    }
    for (struct list *at = hub->links.next; at != &hub->links; at = at->next) {
        struct hub_link *link = container_of(at, struct hub_link, list);
        if (!link->greeted && now_us - link->opened_us > SILENT_US) {
            hub_end(link, "no greeting has come"); /* hub P3 */
        }
    }
}

int64_t hub_next_us(const struct hub *hub)
{
    int64_t next_us = INT64_MAX;
    for (uint32_t i = 0; i < hub->place_count; i++) {
        if (is_due(hub, &hub->places[i]) && hub->places[i].next_us < next_us) {
            next_us = hub->places[i].next_us;
        }
    }
    return next_us;
}

struct hub_link *hub_find(const struct hub *hub, uint64_t node, const uint8_t *folder_id)
{
    struct hub_link *found = NULL;
    for (struct list *at = hub->links.next; at != &hub->links; at = at->next) {
        struct hub_link *link = container_of(at, struct hub_link, list);
        bool fits = folder_id == NULL || memcmp(link->folder_id, folder_id, TALK_ID_SIZE) == 0;
        if (link->greeted && !link->closed && link->member && link->node == node && fits &&
            (found == NULL || link->opened_us >= found->opened_us)) {
            found = link;
        }
    }
    return found;
}

void hub_renew(struct hub *hub)
{
    for (struct list *at = hub->links.next; at != &hub->links; at = at->next) {
        hub_end(container_of(at, struct hub_link, list), "this node has entered a cluster");
    }
}

/* ---- life ---- */

void hub_init(struct hub *hub, struct peer *peer, const struct hub_ops *ops, void *context, int64_t now_us)
{
    *hub = (struct hub){.peer = peer, .ops = ops, .context = context, .now_us = now_us};
    list_init(&hub->links);
    buf_init(&hub->out, WORDS_MAX);
    peer->ops->accept(peer, 1U << PEER_TALK, &(struct peer_acceptor){.on_accept = on_accept, .context = hub});
}

void hub_finish(struct hub *hub)
{
    while (hub->links.next != NULL && !list_empty(&hub->links)) {
        link_destroy(container_of(hub->links.next, struct hub_link, list));
    }
    arena_finish(&hub->arena);
    buf_finish(&hub->out);
}
