/* SPDX-License-Identifier: MIT */

/* cmd_slowlog.c - SLOWLOG: the commands that took longest of late. */
#include "command/cmd.h"

static void reply_entry(struct reply *reply, const struct slowlog_entry *entry)
{
    reply_array(reply, 6);
    reply_int(reply, (int64_t)entry->id);
    reply_int(reply, entry->time_s);
    reply_int(reply, (int64_t)entry->us);
    reply_array(reply, entry->argc);
    for (uint32_t i = 0; i < entry->argc; i++) {
        reply_bytes(reply, entry->argv[i]);
    }
    reply_text(reply, entry->address);
    reply_text(reply, entry->name);
}

static void plan_get(struct gm_call *abi)
{
    const struct slowlog *slowlog = &call_of(abi)->worker->meters.slowlog;
    int64_t wanted = 10;
    if (gm_given(abi, 0) && (!bytes_to_int(gm_arg_at(abi, 0, 0), &wanted) || wanted < -1)) {
        gm_reply_error(abi, "ERR count should be greater than or equal to -1");
        return;
    }
    uint32_t count = wanted < 0 || wanted > slowlog->count ? slowlog->count : (uint32_t)wanted;
    gm_reply_array(abi, count);
    for (const struct list *at = slowlog->entries.next; count > 0; at = at->next, count--) {
        reply_entry(&call_of(abi)->reply, container_of(at, struct slowlog_entry, link));
    }
}

static void plan_len(struct gm_call *abi)
{
    gm_reply_int(abi, call_of(abi)->worker->meters.slowlog.count);
}

static void plan_reset(struct gm_call *abi)
{
    slowlog_clear(&call_of(abi)->worker->meters.slowlog);
    gm_reply_status(abi, "OK");
}

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "SLOWLOG|GET [count]", .flags = GM_READ | GM_ADMIN | CALL_LOADING, .plan = plan_get,
     .complexity = "O(n), n the entries shown",
     .summary = "Shows the last slow commands, 10 or as many as asked for, -1: all.", .example = "SLOWLOG GET 5"},
    {CMD_COMMAND, .usage = "SLOWLOG|LEN", .flags = GM_READ | GM_ADMIN | CALL_LOADING, .plan = plan_len,
     .complexity = "O(1)", .summary = "Tells how many slow commands are kept.", .example = "SLOWLOG LEN"},
    {CMD_COMMAND, .usage = "SLOWLOG|RESET", .flags = GM_READ | GM_ADMIN | CALL_LOADING, .plan = plan_reset,
     .complexity = "O(n), n the entries", .summary = "Forgets all slow commands.", .example = "SLOWLOG RESET"},
    CMD_HELP("SLOWLOG", GM_READ | CALL_LOADING),
};

CMD_MODULE(cmd_slowlog, .name = "geomys.slowlog", .group = "server", .summary = "Keeps the commands that took long.");
