/* SPDX-License-Identifier: MIT */

/* cmd_command_list.h - the names of commands that fit a filter: COMMAND LIST, ACL CAT. */
#ifndef GEOMYS_COMMAND_CMD_COMMAND_LIST_H
#define GEOMYS_COMMAND_CMD_COMMAND_LIST_H

#include "module/registry.h"
#include "wire/reply.h"

enum cmd_command_filter_kind {
    CMD_COMMAND_ALL,
    CMD_COMMAND_OF_MODULE,   /* `text` is its name */
    CMD_COMMAND_OF_CATEGORY, /* ... the category's: command_category_name */
    CMD_COMMAND_LIKE,        /* ... a pattern */
};

struct cmd_command_filter {
    enum cmd_command_filter_kind kind;
    struct gm_bytes text;
};

/* Replies with an array of the names, sub-commands by their own filter. O(commands). */
void cmd_command_list_reply(struct reply *reply, const struct registry *registry,
                            const struct cmd_command_filter *filter);

/* The bit of the category of that name, in any case; CMD_COMMAND_NO_CATEGORY: there is none. */
#define CMD_COMMAND_NO_CATEGORY UINT32_MAX
uint32_t cmd_command_list_category(struct gm_bytes name);

#endif
