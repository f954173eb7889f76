/* SPDX-License-Identifier: MIT */

/* cmd_acl.c - ACL: who one is, and what clients and dashboards ask beside. There is one user, "default", who may do
 * everything. */
#include "command/cmd.h"
#include "command/cmd_command_list.h"

static void plan_whoami(struct gm_call *abi)
{
    const struct caller *caller = &call_of(abi)->caller;
    gm_reply_bytes(abi, gm_bytes_of(caller->user != NULL ? caller->user : CALLER_USER));
}

static void plan_users(struct gm_call *abi)
{
    gm_reply_array(abi, 1);
    gm_reply_bytes(abi, gm_bytes_of(CALLER_USER));
}

static void reply_categories(struct reply *reply)
{
    reply_array(reply, COMMAND_CATEGORY_COUNT);
    for (uint32_t bit = 0; bit < COMMAND_CATEGORY_COUNT; bit++) {
        reply_text(reply, command_category_name(bit));
    }
}

static void plan_cat(struct gm_call *abi)
{
    struct reply *reply = &call_of(abi)->reply;
    if (!gm_given(abi, 0)) {
        reply_categories(reply);
        return;
    }
    struct gm_bytes name = gm_arg_at(abi, 0, 0);
    if (cmd_command_list_category(name) == CMD_COMMAND_NO_CATEGORY) {
        reply_errorf(reply, "ERR Unknown category '%.*s'", (int)(name.size < 128 ? name.size : 128),
                     (const char *)name.data);
        return;
    }
    struct cmd_command_filter filter = {CMD_COMMAND_OF_CATEGORY, name};
    cmd_command_list_reply(reply, call_of(abi)->worker->registry, &filter);
}

#define ASKING (GM_READ | CALL_LOADING)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "ACL|WHOAMI", .flags = ASKING, .plan = plan_whoami, .complexity = "O(1)",
     .summary = "Tells the user of this connection.", .example = "ACL WHOAMI"},
    {CMD_COMMAND, .usage = "ACL|CAT [category]", .flags = ASKING, .plan = plan_cat,
     .complexity = "O(n), n all commands", .summary = "Lists the categories of commands, or the commands of one.",
     .example = "ACL CAT write"},
    {CMD_COMMAND, .usage = "ACL|USERS", .flags = ASKING | GM_ADMIN, .plan = plan_users, .complexity = "O(1)",
     .summary = "Lists the users: there is one.", .example = "ACL USERS"},
    CMD_HELP("ACL", ASKING),
};

CMD_MODULE(cmd_acl, .name = "geomys.acl", .group = "server", .summary = "Tells who a client is.");
