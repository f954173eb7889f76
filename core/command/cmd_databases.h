/* SPDX-License-Identifier: MIT */

/* cmd_databases.h - what others have to know of the commands about databases. */
#ifndef GEOMYS_COMMAND_CMD_DATABASES_H
#define GEOMYS_COMMAND_CMD_DATABASES_H

#include "command/cmd.h"

#define CMD_DATABASES_RANGE "ERR DB index is out of range"

/* Whether there is a database of that number; its number. */
bool cmd_databases_is_number(const struct call *call, int64_t number, uint32_t *database);

/* The entry of a key of the call in that database; NULL: there is none, or its time has come. */
const struct entry *cmd_databases_entry(const struct call *call, uint32_t database, uint32_t key);

#endif
