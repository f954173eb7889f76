/* SPDX-License-Identifier: MIT */

/* A command that blocks in a module that does not ask for the interface. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.blocks/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.WAIT key", GM_WRITE | GM_BLOCKS, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.blocks", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
