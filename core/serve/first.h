/* SPDX-License-Identifier: MIT */

/* first.h - which occurrences of an argument are the first with their bytes. */
#ifndef GEOMYS_SERVE_FIRST_H
#define GEOMYS_SERVE_FIRST_H

#include "base/arena.h"
#include "geomys/call.h"
#include "store/databases.h"

/* Of each of the argument's words in argv whether no word before it is equal; in the arena. The argument has a stride,
 * or one word at most. NULL: there is no memory for it. O(bytes). */
const bool *first_of(const struct gm_bytes *argv, const struct gm_arg *arg, const struct databases *databases,
                     struct arena *arena);

#endif
