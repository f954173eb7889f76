/* SPDX-License-Identifier: MIT */

/* node_commands.h - all commands of this server that no module brings. */
#ifndef GEOMYS_NODE_NODE_COMMANDS_H
#define GEOMYS_NODE_NODE_COMMANDS_H

#include "module/registry.h"

/* Adds them to a registry. */
must_use enum status node_commands_register(const struct registry **registry, struct complaint *complaint);

#endif
