/* SPDX-License-Identifier: MIT */

/* type_id.h - the one rule for what a type may be called, wherever the name comes from: a module's descriptor, a log, a
 * snapshot or a stream. See type_id.c for the argument. */
#ifndef GEOMYS_BASE_TYPE_ID_H
#define GEOMYS_BASE_TYPE_ID_H

#include <stdbool.h>

#include "base/bytes.h"

#define TYPE_ID_MAX  63 /* bytes */
#define TYPE_ID_RULE "two or more parts of a-z, 0-9, _ and - with dots between them, then a slash and a number"

/* Whether it is such a name, "acme.set/1" for instance: 1 to TYPE_ID_MAX bytes, all of them printable. O(size). */
bool type_id_is_valid(struct gm_bytes text);

#endif
