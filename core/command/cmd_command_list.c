/* SPDX-License-Identifier: MIT */

/* cmd_command_list.c - which commands a filter lets through. */
#include "command/cmd_command_list.h"

#include "base/glob.h"
#include "command/cmd_command_info.h"
#include "module/module.h"

uint32_t cmd_command_list_category(struct gm_bytes name)
{
    for (uint32_t bit = 0; bit < COMMAND_CATEGORY_COUNT; bit++) {
        if (bytes_equal_nocase(name, command_category_name(bit))) {
            return bit;
        }
    }
    return CMD_COMMAND_NO_CATEGORY;
}

/* `command` is NULL for a mere container, of `module`. */
static bool is_listed(const struct cmd_command_filter *filter, const char *name, const struct command *command,
                      const struct module *module)
{
    switch (filter->kind) {
    case CMD_COMMAND_ALL:
        break;
    case CMD_COMMAND_OF_MODULE:
        return bytes_equal_nocase(filter->text, module->abi->name);
    case CMD_COMMAND_OF_CATEGORY: {
        uint32_t bit = cmd_command_list_category(filter->text);
        uint32_t categories = command != NULL ? command->categories : CMD_COMMAND_INFO_CONTAINER;
        return bit != CMD_COMMAND_NO_CATEGORY && (categories >> bit & 1) != 0;
    }
    case CMD_COMMAND_LIKE:
        return glob_match(filter->text, gm_bytes_of(name), true);
    }
    return true;
}

static size_t list_one(const struct cmd_command_filter *filter, const char *name, const struct command *command,
                       const struct module *module, struct reply *reply)
{
    bool listed = is_listed(filter, name, command, module);
    if (listed && reply != NULL) {
        reply_text(reply, name);
    }
    return listed;
}

/* The names, or with `reply` NULL only how many. */
static size_t list(const struct registry *registry, const struct cmd_command_filter *filter, struct reply *reply)
{
    size_t count = 0;
    for (uint32_t i = 0; i < registry_entry_count(registry); i++) {
        const struct registry_entry *entry = registry_entry(registry, i);
        const struct command *any = entry->command != NULL ? entry->command : entry->subs[0];
        count += list_one(filter, entry->name, entry->command, any->module, reply);
        for (uint32_t s = 0; s < entry->sub_count; s++) {
            count += list_one(filter, entry->subs[s]->usage.name, entry->subs[s], any->module, reply);
        }
    }
    return count;
}

void cmd_command_list_reply(struct reply *reply, const struct registry *registry,
                            const struct cmd_command_filter *filter)
{
    reply_array(reply, list(registry, filter, NULL));
    (void)list(registry, filter, reply);
}
