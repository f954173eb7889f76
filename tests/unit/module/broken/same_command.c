/* SPDX-License-Identifier: MIT */

/* Its command is that of fine.c. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.same/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.FIRST key", GM_READ, .type = &type, .plan = plan),
    COMMAND("ODD.GET key", GM_READ, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.same_command", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
