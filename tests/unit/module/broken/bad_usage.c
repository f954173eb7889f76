/* SPDX-License-Identifier: MIT */

/* A usage line whose bracket is not closed, after a sound one. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.usage/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.SOUND key", GM_READ, .type = &type, .plan = plan),
    COMMAND("ODD.PUT key [NX|XX", GM_WRITE, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.bad_usage", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
