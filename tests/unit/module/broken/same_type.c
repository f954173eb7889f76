/* SPDX-License-Identifier: MIT */

/* Its type is that of fine.c. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.fine/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.SECOND key", GM_READ, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.same_type", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
