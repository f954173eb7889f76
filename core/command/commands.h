/* SPDX-License-Identifier: MIT */

/* commands.h - the host's own commands, declared like a module's: a descriptor each, for registry_add with a NULL path.
 * They find their shard and session through call_of. Static descriptors; nothing to release. */
#ifndef GEOMYS_COMMAND_COMMANDS_H
#define GEOMYS_COMMAND_COMMANDS_H

#include "geomys/module.h"

const struct gm_module *commands_keys(void);        /* cmd_keys.c: DEL EXISTS TYPE SCAN RENAME COPY OBJECT ... */
const struct gm_module *commands_expire(void);      /* cmd_expire.c: EXPIRE TTL PERSIST ... */
const struct gm_module *commands_connection(void);  /* cmd_connection.c: PING HELLO AUTH CLIENT ... */
const struct gm_module *commands_transaction(void); /* cmd_transaction.c: MULTI EXEC WATCH ... */
const struct gm_module *commands_pubsub(void);      /* cmd_pubsub.c: SUBSCRIBE PUBLISH PUBSUB ... */
const struct gm_module *commands_command(void);     /* cmd_command.c: COMMAND and its sub-commands */
const struct gm_module *commands_slowlog(void);     /* cmd_slowlog.c: SLOWLOG */
const struct gm_module *commands_latency(void);     /* cmd_latency.c: LATENCY */

/* Plans for containers that the node has, since other sub-commands of theirs are its own. [plan]
 * HELP of a container, from the usage lines and summaries of what is in it; and MEMORY USAGE. */
void cmd_help(struct gm_call *abi);
void cmd_object_memory(struct gm_call *abi);

#endif
