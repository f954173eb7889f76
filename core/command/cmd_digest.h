/* SPDX-License-Identifier: MIT */

/* cmd_digest.h - DEBUG DIGEST and DEBUG DIGEST-VALUE, for the table of node/admin.c. */
#ifndef GEOMYS_COMMAND_CMD_DIGEST_H
#define GEOMYS_COMMAND_CMD_DIGEST_H

#include "command/cmd.h"

void cmd_digest_plan_all(struct gm_call *abi);
void cmd_digest_plan_values(struct gm_call *abi);

#endif
