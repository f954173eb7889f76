/* SPDX-License-Identifier: MIT */

/* cmd_client_name.h - what a client calls itself: its name (CLIENT SETNAME, HELLO), and its library's (CLIENT SETINFO).
 *
 * Such a text has at most SESSION_NAME_MAX bytes and no blank in it, so that it fits into a line of CLIENT LIST. */
#ifndef GEOMYS_COMMAND_CMD_CLIENT_NAME_H
#define GEOMYS_COMMAND_CMD_CLIENT_NAME_H

#include "serve/session.h"

/* Gives the session the name, or takes its name away if that is empty. NULL: done; else the error reply, static. */
const char *cmd_client_name_set(struct session *session, struct gm_bytes name);

/* Whether all its bytes are printable ASCII and no blank. */
bool cmd_client_name_is_printable(struct gm_bytes text);

/* Copies the text, which fits, and ends it with a zero. */
void cmd_client_name_keep(char out[SESSION_NAME_MAX + 1], struct gm_bytes text);

#endif
