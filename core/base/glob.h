/* SPDX-License-Identifier: MIT */

/* glob.h - whether a text matches a pattern, as geomys/glob.h says it. [any thread] */
#ifndef GEOMYS_BASE_GLOB_H
#define GEOMYS_BASE_GLOB_H

#include "base/bytes.h"
#include "geomys/glob.h"

#define GLOB_PATTERN_MAX GM_GLOB_PATTERN_MAX
#define GLOB_STEPS_MAX   GM_GLOB_STEPS_MAX

/* gm_glob and gm_glob_counted. */
bool glob_match(struct gm_bytes pattern, struct gm_bytes text, bool nocase);
bool glob_match_counted(struct gm_bytes pattern, struct gm_bytes text, bool nocase, uint64_t *steps);

#endif
