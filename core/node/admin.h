/* SPDX-License-Identifier: MIT */

/* admin.h - what the files with the node's own commands share: how they get at the node. */
#ifndef GEOMYS_NODE_ADMIN_H
#define GEOMYS_NODE_ADMIN_H

#include "node/node.h"
#include "serve/call.h"

/* The node whose worker carries out the call. */
static inline struct node *admin_node(struct gm_call *call)
{
    return call_of(call)->worker->owner;
}

#endif
