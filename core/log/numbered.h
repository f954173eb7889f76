/* SPDX-License-Identifier: MIT */

/* numbered.h - the names of files that are called after a sequence: a prefix, 20 decimal digits, a suffix. */
#ifndef GEOMYS_LOG_NUMBERED_H
#define GEOMYS_LOG_NUMBERED_H

#include "env/disk.h"

/* Prefix and suffix together leave room for the digits in DISK_NAME_MAX. */
void numbered_name(const char *prefix, const char *suffix, uint64_t number, char out[static DISK_NAME_MAX]);

/* False: not such a name, or a number of more than 64 bits. */
bool numbered_parse(const char *name, const char *prefix, const char *suffix, uint64_t *number);

#endif
