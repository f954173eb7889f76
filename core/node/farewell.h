/* SPDX-License-Identifier: MIT */

/* farewell.h - why the server has closed a connection, in its log. INFO counts all of them; the log has a line now and
 * then. That a client goes is no line; that it went without a word (a reset) is one for TRACE_DEBUG, since programs
 * that end do so every day. */
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

/* Once per client, whose connection broke: `error` is the system's (errno). Counts it, too. */
void farewell_lost(const struct client *client, int error);

/* Once per client that has not shown the password in time, or had to make room. */
void farewell_unknown(const struct client *client);

#endif
