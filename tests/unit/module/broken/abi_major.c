/* SPDX-License-Identifier: MIT */

/* Built for another major ABI. */
#include "parts.h"

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = plan)};
static const struct gm_module module = {.size = sizeof(struct gm_module),
                                        .abi_major = GM_ABI_MAJOR + 1,
                                        .abi_minor = 0,
                                        .name = "odd.abi_major",
                                        .version = "1.2.3",
                                        .commands = commands,
                                        .command_count = 1};
ENTRY(&module)
