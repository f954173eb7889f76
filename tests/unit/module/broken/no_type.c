/* SPDX-License-Identifier: MIT */

/* A command with keys and without a type. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.none/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.GET key", GM_READ, .plan = plan),
};
GM_MODULE(.name = "odd.no_type", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
