/* SPDX-License-Identifier: MIT */

/* A descriptor of no size. */
#include "parts.h"

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = plan)};
static const struct gm_module module = {.size = 8,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "odd.bad_size",
                                        .version = "1.2.3",
                                        .commands = commands,
                                        .command_count = 1};
ENTRY(&module)
