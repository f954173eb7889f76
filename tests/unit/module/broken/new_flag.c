/* SPDX-License-Identifier: MIT */

/* A flag of a later version. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.flag/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.GET key", GM_READ | 1 << 20, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.new_flag", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
