/* SPDX-License-Identifier: MIT */

/* cells.h - how wide a character is at a terminal. [any thread] */
#ifndef GEOMYS_CLI_CELLS_H
#define GEOMYS_CLI_CELLS_H

#include <stdint.h>

/* Cells of a terminal that `character` takes: 0 for a combining mark, 1, 2, or -1 if it must not be sent to a terminal
 * (utf8_plain has which). By the process's LC_CTYPE. */
int cells_of(uint32_t character);

#endif
