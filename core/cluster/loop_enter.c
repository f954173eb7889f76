/* SPDX-License-Identifier: MIT */

/* loop_enter.c - beginning a cluster, entering one, and letting others in.
 *
 * Why      A second cluster beside the first, begun because a disk was replaced, takes writes that are lost when they
 *          meet. So nobody begins one who could know better.
 *
 * Idea     A node whose folder is of no cluster
 *
 *            --bootstrap          listens for a while: members that know this address call. Then it begins
 *            --join=a,b           asks one that is a member to be let in, until it is
 *            both                 asks all that are named. One is in a cluster: it enters that. All have said that they
 *                                 are in none: the one with the lowest node ID begins, and the others enter
 *
 *          Being let in is a change of the topology that the asked one makes: then the coordinator's engine and the
 *          leader come by themselves.
 *
 * Promises
 *   P1  Nobody begins a cluster who was called by a member of one, or while one that --join names has not said that it
 *       is in none (cluster C23).
 *   P2  Nothing of a node that was alone is given up by entering: it is refused.
 *   P3  A folder is in one cluster, as one node (cluster C21, C24). */
#include "cluster/loop_enter.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/loop_change.h"
#include "cluster/loop_grow.h"
#include "cluster/loop_lead.h"

#define JOIN_US   300000  /* between two times that it asks to be let in */
#define TOLD_US   5000000 /* between two lines that say for what it waits */
#define LISTEN_US 1000000 /* with two beats: how long who bootstraps waits to be called */

static bool has_cluster(const struct loop *loop)
{
    static const uint8_t none[STATE_ID_SIZE];
    return memcmp(state_values(loop->state)->cluster_id, none, STATE_ID_SIZE) != 0;
}

/* The first of a cluster's identity, as people compare it. */
static const char *short_id(const uint8_t *id, char out[static 12])
{
    (void)snprintf(out, 12, "%02x%02x%02x%02x...", id[0], id[1], id[2], id[3]);
    return out;
}

/* ---- the engine ---- */

static void engine_send(void *context, uint64_t to, struct gm_bytes message)
{
    struct loop *loop = context;
    bool known = topology_member(loop->topology, to) != NULL;
    struct hub_link *link = known ? loop_link(loop, to) : hub_find(&loop->hub, to, NULL);
    if (link != NULL) {
        struct talk_words words = {.kind = TALK_ENGINE, .engine = message};
        (void)hub_send(link, &words);
    }
}

static enum status create_engine(struct loop *loop, bool first, struct complaint *complaint)
{
    struct coord_raft_config config = {.disk = loop->config.disk,
                                       .sender = {engine_send, loop},
                                       .node = loop->config.node,
                                       .bootstrap = first,
                                       .log_size = COORD_RAFT_LOG_SIZE,
                                       .beat_ms = COORD_RAFT_BEAT_MS,
                                       .elect_ms = COORD_RAFT_ELECT_MS,
                                       .now_us = loop_clock(loop)};
    memcpy(config.folder_id, state_values(loop->state)->folder_id, STATE_ID_SIZE);
    loop->config.entropy->ops->fill(loop->config.entropy, &config.seed, sizeof config.seed);
    if (loop->config.engine != NULL) {
        return loop->config.engine(loop->config.engine_context, &loop->coord, &config, complaint);
    }
    return coord_raft_create(&loop->coord, &config, complaint);
}

enum status loop_enter_begin(struct loop *loop, struct complaint *complaint)
{
    const struct state_values *values = state_values(loop->state);
    const struct loop_config *config = &loop->config;
    char id[12];
    loop->enter.began_us = loop->now_us;
    if (values->node != 0 && values->node != config->node) { /* loop_enter P3 */
        complaint_set(complaint,
                      "this data_folder is that of node %llu of cluster %s: start it with --node_id=%llu, or use "
                      "another data_folder",
                      (unsigned long long)values->node, short_id(values->cluster_id, id),
                      (unsigned long long)values->node);
        return STATUS_INVALID;
    }
    loop->entered = has_cluster(loop);
    if (loop->entered) {
        return create_engine(loop, false, complaint);
    }
    if (!config->bootstrap && config->join_count == 0) {
        complaint_set(complaint,
                      "this node is in no cluster yet: begin one with --bootstrap or enter one with --join=host:port");
        return STATUS_INVALID;
    }
    if (!config->bootstrap && config->has_data) { /* loop_enter P2 */
        complaint_set(complaint,
                      "this data_folder holds the data of a node that is in no cluster: they would be lost. Begin the "
                      "cluster here with --bootstrap, or use another data_folder");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* ---- what others say, while it is in none ---- */

static uint32_t place_of(const struct loop *loop, const char *address)
{
    uint32_t i = 0;
    while (i < loop->config.join_count && strcmp(loop->config.join[i], address) != 0) {
        i++;
    }
    return i;
}

static void note_caller(struct loop *loop, const struct hub_link *link)
{
    struct loop_enter *enter = &loop->enter;
    for (uint32_t i = 0; i < enter->knows_count; i++) {
        if (enter->knows[i] == link->node) {
            return;
        }
    }
    if (enter->knows_count < TOPOLOGY_MEMBERS_MAX) {
        enter->knows[enter->knows_count++] = link->node;
        memcpy(enter->knows_as, link->cluster_id, TOPOLOGY_ID_SIZE);
        (void)loop_address(link->host, link->node_port, enter->knows_address);
    }
}

const char *loop_enter_greeted(struct loop *loop, struct hub_link *link)
{
    struct loop_enter *enter = &loop->enter;
    const struct state_values *own = state_values(loop->state);
    bool self = memcmp(link->folder_id, own->folder_id, STATE_ID_SIZE) == 0;
    uint32_t place = place_of(loop, link->address);
    if (link->address[0] != '\0' && place < loop->config.join_count) {
        enter->nodes[place] = link->node;
        enter->places[place] = self ? LOOP_PLACE_SELF : link->member ? LOOP_PLACE_MEMBER : LOOP_PLACE_EMPTY;
    } else if (link->member) {
        note_caller(loop, link);
    }
    return self ? "this is the node itself" : NULL;
}

void loop_enter_lost(struct loop *loop, const struct hub_link *link)
{
    uint32_t place = place_of(loop, link->address);
    if (link->address[0] != '\0' && place < loop->config.join_count && loop->enter.places[place] != LOOP_PLACE_SELF) {
        loop->enter.places[place] = LOOP_PLACE_SILENT;
    }
}

void loop_enter_refused(struct loop *loop, const char *address, enum peer_end end, const char *reason)
{
    if (end == PEER_REFUSED && reason[0] != '\0' && place_of(loop, address) < loop->config.join_count &&
        loop->now_us - loop->told_us > TOLD_US) {
        loop->told_us = loop->now_us;
        loop_say(loop, TRACE_WARNING, "%s, which --join names, does not talk to this node: %s", address, reason);
    }
}

void loop_enter_sorry(struct loop *loop, const struct hub_link *link, const struct talk_sorry *sorry)
{
    if (loop_is_member(loop)) {
        return;
    }
    if (sorry->code == STATUS_EXISTS) {
        loop_fail(loop, "%.*s", (int)sorry->sentence.size, (const char *)sorry->sentence.data);
    } else if (loop->now_us - loop->told_us > TOLD_US) {
        loop->told_us = loop->now_us;
        loop_say(loop, TRACE_WARNING, "node %llu does not let this node in yet: %.*s", (unsigned long long)link->node,
                 (int)sorry->sentence.size, (const char *)sorry->sentence.data);
    }
}

void loop_enter_want(struct loop *loop)
{
    bool alone = true;
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        alone = alone && loop_link(loop, loop->topology->members[i].id) == NULL;
    }
    for (uint32_t i = 0; i < loop->config.join_count && (!loop_is_member(loop) || alone); i++) {
        if (loop->enter.places[i] != LOOP_PLACE_SELF) {
            hub_want(&loop->hub, 0, loop->config.join[i]); /* cluster C24: of a member's they are places to try */
        }
    }
}

/* ---- beginning ---- */

/* The epoch above all that the node has led in while it was alone; 0: its log is still being read. */
static uint64_t first_epoch(const struct loop *loop)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    stand_read(loop->stand, &promise, &position, &owes);
    if (!stand_is_known(loop->stand) || (position.sequence > 0 && !loop->report.loaded)) {
        return 0;
    }
    uint64_t newest = loop->report.loaded ? loop->report.newest_epoch : 0;
    return (newest > position.epoch ? newest : position.epoch) + 1;
}

static void make_first(struct loop *loop)
{
    const struct loop_config *config = &loop->config;
    uint64_t epoch = first_epoch(loop);
    if (epoch == 0) {
        return;
    }
    struct topology *first = loop->coord->ops->is_controller(loop->coord) ? loop_change_begin(loop, true) : NULL;
    if (first == NULL) {
        return;
    }
    config->entropy->ops->fill(config->entropy, first->cluster_id, sizeof first->cluster_id);
    first->version = 1;
    first->member_count = 1;
    struct topology_member *self = &first->members[0];
    self->id = config->node;
    memcpy(self->folder_id, state_values(loop->state)->folder_id, STATE_ID_SIZE);
    (void)snprintf(self->host, sizeof self->host, "%s", config->host);
    (void)snprintf(self->version, sizeof self->version, "%s", config->version);
    self->client_port = config->client_port;
    self->node_port = config->node_port;
    self->engine_voter = true;
    first->shard_count = 1;
    first->shards[0] = (struct topology_shard){
        .id = LOOP_SHARD, .epoch = epoch, .leader = config->node, .replica_count = 1, .replicas = {config->node}};
    first->setting_count = 3; /* names ascend */
    (void)snprintf(first->settings[0].name, sizeof first->settings[0].name, "lease_ms");
    (void)snprintf(first->settings[0].value, sizeof first->settings[0].value, "%u", config->lease_ms);
    (void)snprintf(first->settings[1].name, sizeof first->settings[1].name, "replicas");
    (void)snprintf(first->settings[1].value, sizeof first->settings[1].value, "%u", config->replicas);
    (void)snprintf(first->settings[2].name, sizeof first->settings[2].name, "write_acks");
    (void)snprintf(first->settings[2].value, sizeof first->settings[2].value, "%s",
                   config->quorum ? "quorum" : "local");
    loop_change_send(loop, "the cluster begins");
}

static void fail_as_known(struct loop *loop)
{
    const struct loop_enter *enter = &loop->enter;
    char nodes[100] = "";
    char id[12];
    size_t size = 0;
    for (uint32_t i = 0; i < enter->knows_count && size + 24 < sizeof nodes; i++) {
        const char *before = i == 0 ? "" : i + 1 == enter->knows_count ? " and " : ", ";
        size +=
            (size_t)snprintf(nodes + size, sizeof nodes - size, "%s%llu", before, (unsigned long long)enter->knows[i]);
    }
    loop_fail(loop, "%s %s %s me as node %llu of cluster %s: start me with --join=%s",
              enter->knows_count > 1 ? "nodes" : "node", nodes, enter->knows_count > 1 ? "know" : "knows",
              (unsigned long long)loop->config.node, short_id(enter->knows_as, id), enter->knows_address);
}

static void wait_for(struct loop *loop, const char *address)
{
    struct loop_enter *enter = &loop->enter;
    (void)snprintf(enter->waiting, sizeof enter->waiting,
                   "waiting for %.160s, which --join names: it has not said whether it is in a cluster", address);
}

/* Whether this node is the one that begins, of those that were named. */
static bool is_first(struct loop *loop)
{
    const struct loop_enter *enter = &loop->enter;
    for (uint32_t i = 0; i < loop->config.join_count; i++) {
        if (enter->places[i] == LOOP_PLACE_SILENT) { /* loop_enter P1 */
            wait_for(loop, loop->config.join[i]);
            return false;
        }
        if (enter->places[i] == LOOP_PLACE_MEMBER) {
            return false;
        }
        if (enter->places[i] == LOOP_PLACE_EMPTY && enter->nodes[i] <= loop->config.node) {
            (void)snprintf(loop->enter.waiting, sizeof loop->enter.waiting,
                           "waiting for node %llu (%.150s) to begin the cluster, as its node ID is lower",
                           (unsigned long long)enter->nodes[i], loop->config.join[i]);
            return false;
        }
    }
    return true;
}

static void try_to_begin(struct loop *loop)
{
    struct loop_enter *enter = &loop->enter;
    struct complaint complaint;
    int64_t listen_us = LISTEN_US + 2 * (int64_t)loop->config.beat_ms * 1000;
    if (!loop->config.bootstrap || loop->now_us - enter->began_us < listen_us) {
        return;
    }
    if (enter->knows_count > 0) {
        if (loop->config.join_count == 0) {
            fail_as_known(loop); /* loop_enter P1 */
        }
        return;
    }
    if (!is_first(loop)) {
        return;
    }
    enter->waiting[0] = '\0';
    if (create_engine(loop, true, &complaint) != STATUS_OK) {
        loop_fail(loop, "%s", complaint.text);
    }
}

/* ---- entering ---- */

static void ask_to_join(struct loop *loop)
{
    if (loop->now_us - loop->enter.joined_us < JOIN_US) {
        return;
    }
    for (struct list *at = loop->hub.links.next; at != &loop->hub.links; at = at->next) {
        struct hub_link *link = container_of(at, struct hub_link, list);
        bool named = link->address[0] != '\0' || loop->config.join_count > 0;
        if (!link->greeted || link->closed || !link->member || !named) {
            continue;
        }
        if (loop->config.has_data) { /* loop_enter P2 */
            loop_fail(loop,
                      "this data_folder holds the data of a node that is in no cluster, and node %llu is in one: "
                      "they would be lost. Use another data_folder",
                      (unsigned long long)link->node);
            return;
        }
        struct talk_words words = {.kind = TALK_JOIN, .join = {.number = ++loop->hub.number}};
        loop->enter.joined_us = loop->now_us;
        (void)hub_send(link, &words);
        return;
    }
}

static void become_member(struct loop *loop, const struct topology *topology)
{
    topology_copy(loop->topology, topology);
    memory_free(loop->enter.welcome);
    loop->enter.welcome = NULL;
    loop->enter.waiting[0] = '\0';
    hub_renew(&loop->hub);
}

static void on_entered(void *context, bool saved, const struct complaint *complaint)
{
    struct loop *loop = context;
    struct complaint why;
    char id[12];
    loop->enter.storing = false;
    loop->entered = saved;
    if (!saved) {
        loop_fail(loop, "this node could not write down which cluster it is in: %s", complaint->text);
        return;
    }
    if (loop->coord == NULL && create_engine(loop, false, &why) != STATUS_OK) {
        loop_fail(loop, "%s", why.text);
        return;
    }
    loop_say(loop, TRACE_INFO, "this node is node %llu of cluster %s", (unsigned long long)loop->config.node,
             short_id(state_values(loop->state)->cluster_id, id));
    become_member(loop, loop->enter.welcome);
}

/* The topology has this node in it: it writes down whose it is. */
static void enter_with(struct loop *loop, const struct topology *topology)
{
    struct loop_enter *enter = &loop->enter;
    const struct topology_member *self = topology_member(topology, loop->config.node);
    if (enter->storing || self == NULL ||
        memcmp(self->folder_id, state_values(loop->state)->folder_id, STATE_ID_SIZE) != 0) {
        return;
    }
    if (enter->welcome == NULL) {
        enter->welcome = memory_alloc(sizeof *enter->welcome);
    }
    topology_copy(enter->welcome, topology);
    enter->storing = true;
    state_enter(loop->state, topology->cluster_id, loop->config.node, on_entered, loop);
}

void loop_enter_welcome(struct loop *loop, struct gm_bytes topology)
{
    struct complaint complaint;
    struct topology *read = memory_alloc(sizeof *read);
    if (!has_cluster(loop) && !loop->enter.storing && topology_decode(topology, read, &complaint) == STATUS_OK) {
        enter_with(loop, read);
    }
    memory_free(read);
}

/* ---- letting in ---- */

static void say_sorry(struct hub_link *link, enum status code, const char *sentence)
{
    struct talk_words words = {.kind = TALK_SORRY,
                               .sorry = {.code = (uint32_t)code, .sentence = gm_bytes_of(sentence)}};
    (void)hub_send(link, &words);
}

static void say_welcome(struct loop *loop, struct hub_link *link)
{
    uint8_t *bytes = memory_alloc(TOPOLOGY_BYTES_MAX);
    size_t size = topology_encode(loop->topology, bytes, TOPOLOGY_BYTES_MAX);
    struct talk_words words = {.kind = TALK_WELCOME, .welcome = {bytes, size}};
    (void)hub_send(link, &words);
    memory_free(bytes);
}

static void add_member(struct loop *loop, const struct hub_link *link)
{
    struct topology *next = loop_change_begin(loop, false);
    if (next == NULL) {
        return; /* it asks again */
    }
    uint32_t at = next->member_count++;
    for (; at > 0 && next->members[at - 1].id > link->node; at--) {
        next->members[at] = next->members[at - 1];
    }
    next->members[at] = (struct topology_member){.id = 0};
    struct talk_greeting greeting = loop_greeting_of(link);
    loop_describe(&greeting, &next->members[at]);
    loop_change_send(loop, "a node enters the cluster");
}

static const struct topology_member *member_of_folder(const struct topology *topology, const uint8_t *folder_id)
{
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (memcmp(topology->members[i].folder_id, folder_id, TOPOLOGY_ID_SIZE) == 0) {
            return &topology->members[i];
        }
    }
    return NULL;
}

/* The member that has this node ID already: whether it answers, now that another one wants to have it. Its link may
 * not have broken yet. */
static bool answers(struct loop *loop, const struct topology_member *member, const struct hub_link *stranger)
{
    struct hub_link *link = loop_link(loop, member->id);
    const struct loop_peer *peer = loop_peer(loop, member->id);
    if (link == NULL || peer == NULL) {
        return member->id == loop->config.node;
    }
    struct talk_words words = {.kind = TALK_ASK, .ask = {.number = ++loop->hub.number, .shard = LOOP_SHARD}};
    (void)hub_send(link, &words);
    return peer->heard_us > stranger->opened_us;
}

void loop_enter_join(struct loop *loop, struct hub_link *link, const struct talk_join *join)
{
    const struct topology_member *same = topology_member(loop->topology, link->node);
    const struct topology_member *folder = member_of_folder(loop->topology, link->folder_id);
    char sentence[480];
    if (loop->topology->version == 0) {
        return;
    }
    if (join->relayed) {
        if (loop_proven(loop, link) && loop_leads(loop)) { /* it is passed on once */
            loop_grow_replace(loop, &join->who);
        }
        return;
    }
    if (same != NULL && same == folder) {
        say_welcome(loop, link);
    } else if (folder != NULL) {
        (void)snprintf(sentence, sizeof sentence,
                       "this data_folder is that of node %llu of this cluster: start it with --node_id=%llu",
                       (unsigned long long)folder->id, (unsigned long long)folder->id);
        say_sorry(link, STATUS_EXISTS, sentence);
    } else if (same != NULL && answers(loop, same, link)) {
        (void)snprintf(sentence, sizeof sentence,
                       "node %llu is in the cluster already, at %s:%u, and answers: give this one another node_id",
                       (unsigned long long)same->id, same->host, same->node_port);
        say_sorry(link, STATUS_EXISTS, sentence);
    } else if (same != NULL) {
        struct talk_greeting greeting = loop_greeting_of(link);
        loop_grow_replace(loop, &greeting);
        say_sorry(link, STATUS_AGAIN,
                  "it is known with another data_folder, which is let go of when that does not answer: it takes a "
                  "leader");
    } else if (loop->topology->member_count >= TOPOLOGY_MEMBERS_MAX) {
        say_sorry(link, STATUS_REFUSED, "the cluster has as many members as it takes");
    } else {
        add_member(loop, link);
    }
}

/* A member has moved: what it says itself counts before what the topology has. */
static void see_to_addresses(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->topology->member_count; i++) {
        const struct topology_member *member = &loop->topology->members[i];
        const struct hub_link *link = loop_link(loop, member->id);
        bool own = member->id == loop->config.node;
        const char *host = own ? loop->config.host : link != NULL ? link->host : member->host;
        uint16_t node_port = own ? loop->config.node_port : link != NULL ? link->node_port : member->node_port;
        uint16_t client_port = own ? loop->config.client_port : link != NULL ? link->client_port : member->client_port;
        if (strcmp(host, member->host) == 0 && node_port == member->node_port && client_port == member->client_port) {
            continue;
        }
        struct topology *next = loop_change_begin(loop, false);
        if (next != NULL) {
            (void)snprintf(next->members[i].host, sizeof next->members[i].host, "%s", host);
            next->members[i].node_port = node_port;
            next->members[i].client_port = client_port;
            loop_change_send(loop, "a member has another address");
        }
        return;
    }
}

/* ---- turns ---- */

static void tell_waiting(struct loop *loop)
{
    if (loop->enter.waiting[0] != '\0' && loop->now_us - loop->told_us > TOLD_US) {
        loop->told_us = loop->now_us;
        loop_say(loop, TRACE_INFO, "%s", loop->enter.waiting);
    }
}

void loop_enter_turn(struct loop *loop)
{
    if (loop_is_member(loop)) {
        if (loop->coord->ops->is_controller(loop->coord) && !loop->change.busy) {
            see_to_addresses(loop);
        }
        return;
    }
    if (loop->enter.storing) {
        return;
    }
    const struct topology *shown = loop->coord != NULL ? loop->coord->ops->topology(loop->coord) : NULL;
    if (shown != NULL) { /* the cluster that this node has begun */
        enter_with(loop, shown);
    } else if (loop->coord != NULL) {
        make_first(loop);
    } else {
        try_to_begin(loop);
        ask_to_join(loop);
    }
    tell_waiting(loop);
}

int64_t loop_enter_next_us(const struct loop *loop)
{
    return has_cluster(loop) ? INT64_MAX : loop->now_us + 50000;
}
