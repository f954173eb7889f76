/* SPDX-License-Identifier: MIT */

/* interactive.h - a person at a terminal. */
#ifndef GEOMYS_CLI_INTERACTIVE_H
#define GEOMYS_CLI_INTERACTIVE_H

#include "cli/options/options.h"
#include "cli/terminal/terminal.h"

/* Talks until the person leaves. `terminal` is initialised, and stays the caller's. Returns the exit code. */
int interactive_run(const struct options *options, struct terminal *terminal, bool utf8);

#endif
