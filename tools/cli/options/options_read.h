/* SPDX-License-Identifier: MIT */

/* options_read.h - the options out of the words of a command line. */
#ifndef GEOMYS_CLI_OPTIONS_READ_H
#define GEOMYS_CLI_OPTIONS_READ_H

#include "cli/options/options.h"

/* Reads `argv`, whose strings are borrowed and must stay; passwords in it are overwritten, so that other users of the
 * machine do not see them for longer than a moment. Takes passwords from the environment too (`get` is getenv).
 * STATUS_INVALID with a sentence; options_finish is due all the same. */
must_use enum status options_read(struct options *options, int argc, char **argv, char *(*get)(const char *),
                                  struct complaint *complaint);

#endif
