/* SPDX-License-Identifier: MIT */

/* steer.h - which commands a member of a cluster carries out itself, and which go to the leader. See steer.c. */
#ifndef GEOMYS_NODE_STEER_H
#define GEOMYS_NODE_STEER_H

#include "serve/worker.h"

/* For worker.route. */
enum route steer_request(struct session *session, const struct request *request);

/* For worker.reroute: this node leads no more. */
bool steer_waiting(struct session *session);

#endif
