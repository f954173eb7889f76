/* SPDX-License-Identifier: MIT */

/* load.h - --load: many commands, fast. */
#ifndef GEOMYS_CLI_LOAD_H
#define GEOMYS_CLI_LOAD_H

#include "cli/options/options.h"

int load_run(const struct options *options, bool utf8);

#endif
