/* SPDX-License-Identifier: MIT */

/* cmd_help.c - the HELP sub-command of every container, from the same lines that parse its commands. */
#include "command/cmd.h"
#include "module/usage/usage_hint.h"

#define HELP_LINE_MAX ((size_t)2 * USAGE_LINE_MAX) /* bytes */

/* "LIST [TYPE ...]", and indented what it does. */
static void add_command(struct reply *reply, const struct command *command, size_t container_size)
{
    struct buf line;
    buf_init(&line, HELP_LINE_MAX);
    usage_synopsis(&command->usage, &line);
    size_t skipped = container_size + 1 < line.size ? container_size + 1 : 0; /* the container's name and a blank */
    (void)buf_append(&line, (struct gm_bytes){(const uint8_t *)"", 1});
    reply_status(reply, (const char *)line.data + skipped);
    buf_clear(&line, HELP_LINE_MAX);
    (void)buf_format(&line, "    %s", command->abi->summary);
    (void)buf_append(&line, (struct gm_bytes){(const uint8_t *)"", 1});
    reply_status(reply, (const char *)line.data);
    buf_finish(&line);
}

void cmd_help(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct registry_entry *entry = call->command->entry;
    struct reply *reply = &call->reply;
    char line[USAGE_NAME_MAX + 80];
    int size = snprintf(line, sizeof line, "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", entry->name);
    for (int i = 0; i < size && line[i] != ' '; i++) {
        line[i] = line[i] >= 'a' && line[i] <= 'z' ? (char)(line[i] - ('a' - 'A')) : line[i];
    }
    reply_array(reply, 1 + (size_t)2 * (entry->sub_count + (entry->command != NULL)));
    reply_status(reply, line);
    if (entry->command != NULL) {
        reply_status(reply, "(no subcommand)");
        (void)snprintf(line, sizeof line, "    %s", entry->command->abi->summary);
        reply_status(reply, line);
    }
    for (uint32_t i = 0; i < entry->sub_count; i++) {
        add_command(reply, entry->subs[i], entry->name_size);
    }
}
