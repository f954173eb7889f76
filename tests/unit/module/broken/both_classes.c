/* SPDX-License-Identifier: MIT */

/* A command that reads and writes. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.both/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.GET key", GM_READ | GM_WRITE, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.both_classes", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
