/* SPDX-License-Identifier: MIT */

/* secret.h - which lines must not be remembered. */
#ifndef GEOMYS_CLI_SECRET_H
#define GEOMYS_CLI_SECRET_H

#include "cli/talk/catalog.h"

/* True if the line holds a password, or may: AUTH, HELLO with AUTH, CONFIG SET of a password, ACL, or a word at the
 * place of an argument that the server declares as "password". Errs on the side of forgetting. The line may be broken.
 * O(n). */
bool secret_line(const struct catalog *catalog, struct gm_bytes line);

#endif
