/* SPDX-License-Identifier: MIT */

/* options_value.h - what each flag does to the options. For options_read.c and options_saved.c. */
#ifndef GEOMYS_CLI_OPTIONS_VALUE_H
#define GEOMYS_CLI_OPTIONS_VALUE_H

#include "cli/options/options.h"
#include "cli/options/options_table.h"

/* A flag with its value, which is borrowed and must stay; one that holds a password is overwritten. NULL, or what is
 * wrong with it. */
const char *options_value_apply(struct options *options, enum option option, char *value);

/* A flag that takes none. NULL, or what is wrong. */
const char *options_value_flag(struct options *options, enum option option);

#endif
