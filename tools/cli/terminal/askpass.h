/* SPDX-License-Identifier: MIT */

/* askpass.h - a password from the terminal, whatever standard input is. */
#ifndef GEOMYS_CLI_ASKPASS_H
#define GEOMYS_CLI_ASKPASS_H

#include <stdbool.h>
#include <stddef.h>

/* Asks, without showing what is typed; a line that does not fit is no password. False if there is no terminal, or no
 * answer. A signal that ends the program does so when the terminal is as it was. */
bool askpass(char *password, size_t size);

#endif
