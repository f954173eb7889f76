/* SPDX-License-Identifier: MIT */

/* A type without an encoding number. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.type");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.GET key", GM_READ, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.bad_type_id", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
