/* SPDX-License-Identifier: MIT */

/* squeeze.h - what the node does while its clients hold much memory (serve/crowd.h): it does not read from those who
 * hold much, lets them go on one after the other, and disconnects the worst. Keys do not go for it: they are evicted
 * for the data alone (shard/evict.h).
 *
 * Promises
 *   I1  A client that is restrained is let go on, or is about to be closed, before the node is easy again. */
#ifndef GEOMYS_NODE_SQUEEZE_H
#define GEOMYS_NODE_SQUEEZE_H

#include "node/client.h"

void squeeze_client_slow(struct client *client);
void squeeze_turn_slow(struct node *node);

static inline bool squeeze_is_on(const struct node *node)
{
    return __builtin_expect(node->worker.sessions.crowd.tight, 0);
}

/* After a client's input has been taken: whether more is to be read from it. */
static inline void squeeze_client(struct client *client)
{
    if (squeeze_is_on(client->node)) {
        squeeze_client_slow(client);
    }
}

/* At the end of a turn, when what can leave has left. */
static inline void squeeze_turn(struct node *node)
{
    if (squeeze_is_on(node)) {
        squeeze_turn_slow(node);
    }
}

/* Once per second, when clients have been looked at. */
void squeeze_second(struct node *node);

#endif
