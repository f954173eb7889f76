/* SPDX-License-Identifier: MIT */

/* Needs an interface that no host has. */
#include "parts.h"

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = plan)};
static const char *const needs[] = {"wait/2", "teleport/7"};
GM_MODULE(.name = "odd.needs", .version = "1.2.3", .commands = commands, .command_count = 1, .needs = needs,
          .need_count = 2)
