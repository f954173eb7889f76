/* SPDX-License-Identifier: MIT */

/* publish.h - the settings, from the config to those whom they concern; options.h has the rules. */
#ifndef GEOMYS_NODE_PUBLISH_H
#define GEOMYS_NODE_PUBLISH_H

#include "node/node.h"

/* At the start, when all parts are there: what they have not got with their birth. Where the system allows fewer
 * connections than are wanted the server's log says so, and the node takes as many as there is room for. */
void publish_at_start(struct node *node);

/* Whether the parts can take what the config says now, of what `touches` (enum config_touches, or-ed) names. REFUSED
 * with a complaint: the config must become what it was. */
must_use enum status publish_possible(struct node *node, unsigned touches, struct complaint *complaint);

/* Gives them what it says now, and nothing to anybody else. Takes effect at once. O(1), for the serving O(sessions),
 * for the network a few system calls per connection; when maxmemory_policy turns to or from lfu O(keys). */
void publish(struct node *node, unsigned touches);

#endif
