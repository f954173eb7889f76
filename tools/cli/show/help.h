/* SPDX-License-Identifier: MIT */

/* help.h - what the server says about its commands, for a person. */
#ifndef GEOMYS_CLI_HELP_H
#define GEOMYS_CLI_HELP_H

#include <stdio.h>

#include "cli/talk/catalog.h"

/* Writes the groups and their commands. O(n * groups). */
void help_all(FILE *file, const struct catalog *catalog, size_t columns);

/* Writes all about the command that `argv` names (one word, or two), or about all sub-commands of a name. False, and
 * nothing written, if there is none of that name. O(n). */
bool help_command(FILE *file, const struct catalog *catalog, const struct gm_bytes *argv, size_t argc);

/* Writes "SET key value [NX|XX]" without types. */
void help_usage(FILE *file, const struct catalog_command *command);

#endif
