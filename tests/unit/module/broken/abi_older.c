/* SPDX-License-Identifier: MIT */

/* Built for a older minor ABI, below 1.0. */
#include "parts.h"

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = plan)};
static const struct gm_module module = {.size = sizeof(struct gm_module),
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = 1,
                                        .name = "odd.abi_older",
                                        .version = "1.2.3",
                                        .commands = commands,
                                        .command_count = 1};
ENTRY(&module)
