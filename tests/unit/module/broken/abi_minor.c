/* SPDX-License-Identifier: MIT */

/* Built for a later minor ABI. */
#include "parts.h"

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = plan)};
static const struct gm_module module = {.size = sizeof(struct gm_module),
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR + 1,
                                        .name = "odd.abi_minor",
                                        .version = "1.2.3",
                                        .commands = commands,
                                        .command_count = 1};
ENTRY(&module)
