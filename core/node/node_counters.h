/* SPDX-License-Identifier: MIT */

/* node_counters.h - the rows of what the node itself knows: who it is, how its start goes, what its process takes. */
#ifndef GEOMYS_NODE_NODE_COUNTERS_H
#define GEOMYS_NODE_NODE_COUNTERS_H

#include "base/counters.h"
#include "node/node.h"

/* Microseconds since the start of the process. */
struct node_cpu {
    uint64_t user_us, system_us;
    uint64_t thread_user_us, thread_system_us; /* of the thread that asks */
};

/* A module as it was loaded. */
struct node_module {
    const char *name, *version, *path;
    uint32_t types, commands;
};

extern const struct counter_table node_counters_server;      /* of struct node */
extern const struct counter_table node_counters_loading;     /* the same: INFO persistence */
extern const struct counter_table node_counters_cluster;     /* the same */
extern const struct counter_table node_counters_names;       /* of struct config: INFO server */
extern const struct counter_table node_counters_maximum;     /* the same: INFO clients */
extern const struct counter_table node_counters_persistence; /* the same */
extern const struct counter_table node_counters_process;     /* of struct process: INFO server */
extern const struct counter_table node_counters_machine;     /* the same: INFO memory */
extern const struct counter_table node_counters_cpu;         /* of struct node_cpu */
extern const struct counter_table node_counters_module;      /* of struct node_module */

#endif
