/* SPDX-License-Identifier: MIT */

/* Declares one command twice. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.twice/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.TWICE key", GM_READ, .type = &type, .plan = plan),
    COMMAND("ODD.TWICE key value", GM_WRITE, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.twice", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
