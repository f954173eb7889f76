/* SPDX-License-Identifier: MIT */

/* cmd.h - how the host's own commands are declared, here and in core/node: a file for each container or small group,
 * with its plans, its table and its descriptor.
 *
 *     static const struct gm_command commands[] = {
 *         {CMD_COMMAND, .usage = "ECHO message", .flags = GM_READ | GM_FAST, .plan = plan_echo, .complexity = "O(1)",
 *          .summary = "Replies with the message.", .example = "ECHO hello"},
 *         CMD_HELP("CLIENT", GM_READ | CALL_LOADING),
 *     };
 *
 *     CMD_MODULE(cmd_x, .name = "geomys.x", .group = "server", .summary = "Does x.");
 *
 * The list of such files is in commands.c, and in node/node_commands.c. What a row needs is in geomys/module.h, its
 * flags there and in serve/call.h. */
#ifndef GEOMYS_COMMAND_CMD_H
#define GEOMYS_COMMAND_CMD_H

#include "base/version.h"
#include "geomys/module.h"
#include "serve/call.h"

#define CMD_FIRST_VERSION "0.1.0" /* of the server, that had these commands */

/* The beginning of each row of a table. */
#define CMD_COMMAND .size = sizeof(struct gm_command), .since = CMD_FIRST_VERSION

/* The row of a container's sub-command HELP; `container` in capitals. */
#define CMD_HELP(container, flag_bits)                                                                                 \
    {                                                                                                                  \
        CMD_COMMAND, .usage = container "|HELP", .flags = (flag_bits), .plan = cmd_help, .complexity = "O(1)",         \
                     .summary = "Lists the sub-commands of " container ".", .example = container " HELP"               \
    }

/* The descriptor, a constant of that name, of the table `commands` above it. The arguments are designated initialisers
 * of struct gm_module: name, group, summary, and needs if it has any. */
#define CMD_MODULE(symbol, ...)                                                                                        \
    extern const struct gm_module symbol;                                                                              \
    const struct gm_module symbol = {.size = sizeof(struct gm_module),                                                 \
                                     .abi_major = GM_ABI_MAJOR,                                                        \
                                     .abi_minor = GM_ABI_MINOR,                                                        \
                                     .version = GEOMYS_VERSION,                                                        \
                                     .licence = "MIT",                                                                 \
                                     .commands = commands,                                                             \
                                     .command_count = sizeof commands / sizeof commands[0],                            \
                                     __VA_ARGS__}

/* HELP of a container, from the usage lines and summaries of what is in it. [plan] */
void cmd_help(struct gm_call *abi);

#endif
