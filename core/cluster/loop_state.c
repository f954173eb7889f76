/* SPDX-License-Identifier: MIT */

/* loop_state.c - what the parts of the cluster loop share: who is known, who is in touch. */
#include "cluster/loop_state.h"

#include <stdarg.h>
#include <stdio.h>

void loop_fail(struct loop *loop, const char *format, ...)
{
    va_list arguments;
    if (loop->trouble.text[0] != '\0') {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(loop->trouble.text, sizeof loop->trouble.text, format, arguments);
    va_end(arguments);
}

struct loop_peer *loop_peer(struct loop *loop, uint64_t node)
{
    struct loop_peer *free_one = NULL;
    for (uint32_t i = 0; i < TOPOLOGY_MEMBERS_MAX; i++) {
        if (loop->peers[i].node == node) {
            return &loop->peers[i];
        }
        if (loop->peers[i].node == 0 && free_one == NULL) {
            free_one = &loop->peers[i];
        }
    }
    if (free_one != NULL) {
        *free_one = (struct loop_peer){.node = node};
    }
    return free_one;
}

bool loop_proven(const struct loop *loop, const struct hub_link *link)
{
    const struct topology_member *member = topology_member(loop->topology, link->node);
    return link->member && member != NULL && memcmp(member->folder_id, link->folder_id, TOPOLOGY_ID_SIZE) == 0;
}

struct hub_link *loop_link(const struct loop *loop, uint64_t node)
{
    const struct topology_member *member = topology_member(loop->topology, node);
    return member != NULL ? hub_find(&loop->hub, node, member->folder_id) : NULL;
}

bool loop_address(const char *host, uint16_t port, char out[static NET_ADDRESS_MAX])
{
    int size = strchr(host, ':') != NULL ? snprintf(out, NET_ADDRESS_MAX, "[%s]:%u", host, port)
                                         : snprintf(out, NET_ADDRESS_MAX, "%s:%u", host, port);
    return size > 0 && size < NET_ADDRESS_MAX;
}

void loop_set(const struct topology_shard *shard, uint64_t leader, struct record_epoch *out)
{
    *out = (struct record_epoch){.leader = leader, .replica_count = shard->replica_count};
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        out->replicas[i] = shard->replicas[i];
    }
}

void loop_describe(const struct talk_greeting *greeting, struct topology_member *member)
{
    member->id = greeting->node;
    memcpy(member->folder_id, greeting->folder_id, TOPOLOGY_ID_SIZE);
    (void)snprintf(member->host, sizeof member->host, "%.*s", (int)greeting->host.size,
                   (const char *)greeting->host.data);
    (void)snprintf(member->version, sizeof member->version, "%.*s", (int)greeting->version.size,
                   (const char *)greeting->version.data);
    member->client_port = greeting->client_port;
    member->node_port = greeting->node_port;
}
