/* SPDX-License-Identifier: MIT */

/* cmd_command_docs.h - commands described to people's tools: one pair of the maps that COMMAND DOCS and COMMAND USAGE
 * answer. */
#ifndef GEOMYS_COMMAND_CMD_COMMAND_DOCS_H
#define GEOMYS_COMMAND_CMD_COMMAND_DOCS_H

#include "command/cmd_command_info.h"

/* COMMAND DOCS: "name" => { ... }, with the sub-commands. */
void cmd_command_docs_reply(struct reply *reply, const struct cmd_command_subject *subject);

/* COMMAND USAGE: "name" => { ... }. */
void cmd_command_docs_reply_usage(struct reply *reply, const struct command *command);

#endif
