/* SPDX-License-Identifier: MIT */

/* topology_sample.h - a topology of a few nodes with one shard, for tests. The caller frees it with memory_free. */
#ifndef GEOMYS_TESTS_SUPPORT_TOPOLOGY_SAMPLE_H
#define GEOMYS_TESTS_SUPPORT_TOPOLOGY_SAMPLE_H

#include <stdio.h>

#include "base/memory.h"
#include "wire/topology.h"

/* Members 1 to `members`, of which the first `voters` are engine_voters; all are replicas (nine at most), 1 leads. */
static inline struct topology *topology_sample(uint64_t version, uint32_t members, uint32_t voters)
{
    struct topology *topology = memory_zeroed(sizeof *topology);
    memset(topology->cluster_id, 0xc1, TOPOLOGY_ID_SIZE);
    topology->version = version;
    topology->member_count = members;
    topology->shard_count = 1;
    topology->setting_count = 1;
    struct topology_shard *shard = &topology->shards[0];
    *shard = (struct topology_shard){.epoch = 1, .leader = 1};
    for (uint32_t i = 0; i < members; i++) {
        struct topology_member *member = &topology->members[i];
        member->id = i + 1;
        memset(member->folder_id, (int)(i + 1), TOPOLOGY_ID_SIZE);
        (void)snprintf(member->host, sizeof member->host, "127.0.0.%u", i + 1);
        member->client_port = (uint16_t)(5000 + i);
        member->node_port = (uint16_t)(6000 + i);
        member->engine_voter = i < voters;
        (void)snprintf(member->version, sizeof member->version, "0.1.0");
        member->type_count = 1;
        (void)snprintf(member->types[0].name, sizeof member->types[0].name, "geomys.deque/1");
        member->types[0].revision = 2;
        if (shard->replica_count < TOPOLOGY_REPLICAS_MAX) {
            shard->replicas[shard->replica_count++] = member->id;
        }
    }
    (void)snprintf(topology->settings[0].name, sizeof topology->settings[0].name, "write_acks");
    (void)snprintf(topology->settings[0].value, sizeof topology->settings[0].value, "quorum");
    return topology;
}

#endif
