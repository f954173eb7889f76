/* SPDX-License-Identifier: MIT */

/* reload.h - the settings of the configuration file, read again while the server runs. */
#ifndef GEOMYS_NODE_RELOAD_H
#define GEOMYS_NODE_RELOAD_H

#include "node/node.h"

/* `fresh` is what a start would have now; its maxclients may be lowered to what the system allows. What the file (or
 * the password file) says, can be changed while the server runs, and is another value than now, is changed: all of it,
 * or nothing and a complaint. A setting that has left the file gets its default. What no file said and says, and what a
 * flag says, stays as CONFIG SET has left it; so does a password that no file gives any more. The log names what has
 * changed, and what only a start takes. Between turns, or within. */
must_use enum status reload(struct node *node, struct config *fresh, struct complaint *complaint);

#endif
