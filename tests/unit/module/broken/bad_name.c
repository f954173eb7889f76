/* SPDX-License-Identifier: MIT */

/* A name without a vendor. */
#include "parts.h"

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = plan)};
GM_MODULE(.name = "odd", .version = "1.2.3", .commands = commands, .command_count = 1)
