/* SPDX-License-Identifier: MIT */

/* farewell.h - why the server has closed a connection, in its log. INFO counts all of them; the log has a line now and
 * then. */
#ifndef GEOMYS_NODE_FAREWELL_H
#define GEOMYS_NODE_FAREWELL_H

#include "base/pace.h"

struct client;

struct farewell {
    struct pace ends;
    struct pace foreign;
};

/* Once per client, whose session the server has ended. */
void farewell(const struct client *client);

#endif
