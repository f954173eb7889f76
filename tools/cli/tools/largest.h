/* SPDX-License-Identifier: MIT */

/* largest.h - --keys: the keys that cost most memory, or have most elements, whatever their type. */
#ifndef GEOMYS_CLI_LARGEST_H
#define GEOMYS_CLI_LARGEST_H

#include "cli/options/options.h"

int largest_run(const struct options *options, bool utf8);

#endif
