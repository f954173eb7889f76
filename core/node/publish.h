/* SPDX-License-Identifier: MIT */

/* publish.h - the settings, from the config to those whom they concern; options.h has the rules. */
#ifndef GEOMYS_NODE_PUBLISH_H
#define GEOMYS_NODE_PUBLISH_H

#include "node/node.h"

/* At the start, when all parts are there: what they have not got with their birth. Where the system allows fewer
 * connections than are wanted the server's log says so, and the node takes as many as there is room for. */
void publish_at_start(struct node *node);

/* Gives them what it says now, and nothing to anybody else. Takes effect at once. O(1), for the serving O(sessions),
 * for the network a few system calls per connection; when maxmemory_policy turns to or from lfu O(keys). */
void publish(struct node *node, unsigned touches);

/* Changes settings and gives them to whom they concern: all of them or, with a complaint, none. As config_change. After
 * a refusal `blamed` is the name in which it lies, borrowed from the pairs or static. */
must_use enum status publish_change(struct node *node, const struct gm_bytes *pairs, size_t count,
                                    struct gm_bytes *blamed, struct complaint *complaint);

/* Lowers maxclients to what the system allows, with a line in the log if that is less. */
void publish_fit(const struct node *node, struct config *config);

#endif
