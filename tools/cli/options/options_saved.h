/* SPDX-License-Identifier: MIT */

/* options_saved.h - options out of a saved connection (-c). For options_read.c. */
#ifndef GEOMYS_CLI_OPTIONS_SAVED_H
#define GEOMYS_CLI_OPTIONS_SAVED_H

#include "cli/options/options.h"

/* The name after the last -c on the command line, or NULL. What is wrong with the others is found later. */
const char *options_saved_name(int argc, char **argv);

/* Applies the connection `name` of ~/.geomys/cli.conf (`get` is getenv). STATUS_INVALID with a sentence. */
must_use enum status options_saved_read(struct options *options, const char *name, char *(*get)(const char *),
                                        struct complaint *complaint);

#endif
