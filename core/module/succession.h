/* SPDX-License-Identifier: MIT */

/* succession.h - which types take over the values of which. See succession.c for the argument. */
#ifndef GEOMYS_MODULE_SUCCESSION_H
#define GEOMYS_MODULE_SUCCESSION_H

#include "module/registry.h"

/* What a descriptor says of its predecessors; it may be of any size that descriptor.c accepts, and its id is one.
 * STATUS_INVALID, with a sentence ("its type ..."). */
must_use enum status succession_check(const struct gm_type *type, struct complaint *complaint);

/* Whether the module's types can stand beside those of the registry, but for the ones of a module that they replace
 * (NULL: none), and beside each other. STATUS_EXISTS, with a sentence. O(types^2 * predecessors). */
must_use enum status succession_check_free(const struct registry *old, const struct module *module,
                                           const struct module *replaced, struct complaint *complaint);

/* What a type of a registry says of a predecessor with that id; NULL: it is none. O(predecessors). */
const struct gm_predecessor *succession_of(const struct gm_type *type, const char *id);

/* Whether `later` is an id of the same name as `id`, with a higher number. */
bool succession_may_follow(const char *later, const char *id);

#endif
