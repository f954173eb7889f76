/* SPDX-License-Identifier: MIT */

/* cmd_command_info.h - commands described to programs: one entry of what COMMAND and COMMAND INFO answer. */
#ifndef GEOMYS_COMMAND_CMD_COMMAND_INFO_H
#define GEOMYS_COMMAND_CMD_COMMAND_INFO_H

#include "module/registry.h"
#include "wire/reply.h"

/* What a name in COMMAND INFO and COMMAND DOCS stands for: a first word with all under it, or a sub-command. Of the two
 * pointers one at least is not NULL. */
struct cmd_command_subject {
    const struct registry_entry *entry; /* NULL: a sub-command */
    const struct command *command;      /* NULL: only a container */
};

#define CMD_COMMAND_INFO_CONTAINER CATEGORY_SLOW /* categories of a mere container */

/* The entry of the subject, with those of its sub-commands. */
void cmd_command_info_reply(struct reply *reply, const struct cmd_command_subject *subject);

/* The words for a command's flags; `own`: those that Redis does not have, too. Returns how many; `reply` NULL: only
 * that. */
size_t cmd_command_info_flags(const struct command *command, bool own, struct reply *reply);

/* What the command does to one of its keys. */
void cmd_command_info_reply_key(struct reply *reply, bool written);

/* Whether any of its words is a key. */
bool cmd_command_info_has_keys(const struct command *command);

#endif
