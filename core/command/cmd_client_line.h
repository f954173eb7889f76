/* SPDX-License-Identifier: MIT */

/* cmd_client_line.h - one client in one line, for CLIENT LIST and CLIENT INFO. */
#ifndef GEOMYS_COMMAND_CMD_CLIENT_LINE_H
#define GEOMYS_COMMAND_CMD_CLIENT_LINE_H

#include "base/buf.h"
#include "serve/session.h"

#define CMD_CLIENT_LINE_MAX ((size_t)2048) /* bytes of a line at most */

/* Appends the line of the session, with its end. O(1). */
void cmd_client_line_add(struct buf *out, const struct session *session);

#endif
