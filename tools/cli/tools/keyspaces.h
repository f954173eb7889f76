/* SPDX-License-Identifier: MIT */

/* keyspaces.h - which databases have keys, as INFO says it: "db3:keys=12,expires=0,...". */
#ifndef GEOMYS_CLI_KEYSPACES_H
#define GEOMYS_CLI_KEYSPACES_H

#include "base/bytes.h"

struct keyspaces_line {
    int database; /* 0 to 65535 */
    uint64_t keys;
};

/* The next such line from `*at` on, which moves behind it; begin with 0. Other lines are passed over. False: there is
 * none. */
bool keyspaces_next(struct gm_bytes info, size_t *at, struct keyspaces_line *out);

#endif
