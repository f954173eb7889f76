/* SPDX-License-Identifier: MIT */

/* revision.h - which revision of a type an operation came with. See revision.c for the argument. */
#ifndef GEOMYS_MODULE_REVISION_H
#define GEOMYS_MODULE_REVISION_H

#include "base/status.h"
#include "geomys/value.h"

#define REVISION_LATER_MAX 1024 /* operations that came after the first revision, of one type */

/* What a descriptor says of revisions, which may be of any size that descriptor.c accepts. STATUS_INVALID, with a
 * sentence ("its type ..."). */
must_use enum status revision_check(const struct gm_type *type, struct complaint *complaint);

/* The following are of types as a registry has them: checked, and of full size. */
static inline uint16_t revision_of(const struct gm_type *type)
{
    return type->revision == 0 ? 1 : (uint16_t)type->revision;
}

uint16_t revision_needed_later(const struct gm_type *type, uint16_t op);

/* The revision that an operation came with; 1 for one that is not among `later`. O(later). */
static inline uint16_t revision_needed(const struct gm_type *type, uint16_t op)
{
    return __builtin_expect(type->later_count == 0, 1) ? 1 : revision_needed_later(type, op);
}

#endif
