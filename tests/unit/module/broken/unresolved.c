/* SPDX-License-Identifier: MIT */

/* Calls a function that nobody has. */
#include "parts.h"

void no_host_has_this_function(void);

static void lost(struct gm_call *call)
{
    no_host_has_this_function();
    plan(call);
}

static const struct gm_command commands[] = {COMMAND("ODD.GET", GM_READ, .plan = lost)};
GM_MODULE(.name = "odd.unresolved", .version = "1.2.3", .commands = commands, .command_count = 1)
