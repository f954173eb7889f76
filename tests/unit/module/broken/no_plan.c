/* SPDX-License-Identifier: MIT */

/* A command without plan. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.plan/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.GET key", GM_READ, .type = &type),
};
GM_MODULE(.name = "odd.no_plan", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
