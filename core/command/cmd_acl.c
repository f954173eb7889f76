/* SPDX-License-Identifier: MIT */

/* cmd_acl.c - ACL: who one is. There is one user, "default", who may do everything. */
#include "command/cmd.h"

static void plan_whoami(struct gm_call *abi)
{
    const struct caller *caller = &call_of(abi)->caller;
    gm_reply_bytes(abi, gm_bytes_of(caller->user != NULL ? caller->user : CALLER_USER));
}

#define ASKING (GM_READ | CALL_LOADING)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "ACL|WHOAMI", .flags = ASKING, .plan = plan_whoami, .complexity = "O(1)",
     .summary = "Tells the user of this connection.", .example = "ACL WHOAMI"},
    CMD_HELP("ACL", ASKING),
};

CMD_MODULE(cmd_acl, .name = "geomys.acl", .group = "server", .summary = "Tells who a client is.");
