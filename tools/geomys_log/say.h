/* SPDX-License-Identifier: MIT */

/* say.h - the one way in which geomys-log writes. */
#ifndef GEOMYS_TOOLS_GEOMYS_LOG_SAY_H
#define GEOMYS_TOOLS_GEOMYS_LOG_SAY_H

#include <stdio.h>

/* One line, whose format ends with its only line break. What a file says of itself, and what a file is called, is not
 * ours: it is written as base/printable.h has it. What is longer than 16 KiB is cut. */
__attribute__((format(printf, 2, 3))) void say(FILE *file, const char *format, ...);

#endif
