/* SPDX-License-Identifier: MIT */

/* Nothing is wrong with this one. */
#include "parts.h"

static const struct gm_type type = TYPE("odd.fine/1");
static const struct gm_type *const types[] = {&type};
static const struct gm_command commands[] = {
    COMMAND("ODD.GET key", GM_READ | GM_FAST, .type = &type, .plan = plan),
    COMMAND("ODD.PUT key value", GM_WRITE | GM_GROWS, .type = &type, .plan = plan),
};
GM_MODULE(.name = "odd.fine", .version = "1.2.3", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
