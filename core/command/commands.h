/* SPDX-License-Identifier: MIT */

/* commands.h - the host's own commands, declared like a module's: descriptors for registry_add with a NULL path, which
 * need the interface wait/2. Those that ask the node are in node/node_commands.h.
 *
 * Whoever carries them out gives them a struct call (call_of). Constants; nothing to release. */
#ifndef GEOMYS_COMMAND_COMMANDS_H
#define GEOMYS_COMMAND_COMMANDS_H

#include "geomys/module.h"

/* All of them, in the order of COMMAND. */
const struct gm_module *const *commands_all(uint32_t *count);

#endif
