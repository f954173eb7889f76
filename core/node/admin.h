/* SPDX-License-Identifier: MIT */

/* admin.h - the commands that ask the node rather than the data: INFO, CONFIG, MODULE, SHUTDOWN, DEBUG. */
#ifndef GEOMYS_NODE_ADMIN_H
#define GEOMYS_NODE_ADMIN_H

#include "node/node.h"
#include "serve/call.h"

/* The descriptor, for registry_add with a NULL path. */
const struct gm_module *admin_commands(void);

/* admin_config.c */
void admin_config_get(struct gm_call *call);
void admin_config_set(struct gm_call *call);
void admin_config_rewrite(struct gm_call *call);

/* The node whose worker carries out the call. */
static inline struct node *admin_node(struct gm_call *call)
{
    return call_of(call)->worker->owner;
}

#endif
