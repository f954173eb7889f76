/* SPDX-License-Identifier: MIT */

/* cmd_copy.h - COPY, for the table of cmd_keys.c. */
#ifndef GEOMYS_COMMAND_CMD_COPY_H
#define GEOMYS_COMMAND_CMD_COPY_H

#include "command/cmd.h"

void cmd_copy_plan(struct gm_call *abi);

#endif
