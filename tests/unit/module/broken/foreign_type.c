/* SPDX-License-Identifier: MIT */

/* A command whose type is not among the module's. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.foreign/1");
static const struct gm_command commands[] = {COMMAND("ODD.GET key", GM_READ, .type = &type, .plan = plan)};
GM_MODULE(.name = "odd.foreign_type", .version = "1.2.3", .commands = commands, .command_count = 1)
