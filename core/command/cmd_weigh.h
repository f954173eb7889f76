/* SPDX-License-Identifier: MIT */

/* cmd_weigh.h - how much a transaction would write, before its first command is carried out. See cmd_weigh.c. */
#ifndef GEOMYS_COMMAND_CMD_WEIGH_H
#define GEOMYS_COMMAND_CMD_WEIGH_H

#include "serve/call.h"

/* Bytes of the records of all queued commands, about: at least what they come to, but for what cmd_weigh.c names as its
 * limits. `call` is EXEC. O(words and keys). */
uint64_t cmd_weigh(struct call *call, const struct transaction *transaction);

#endif
