/* SPDX-License-Identifier: MIT */

/* tuning.h - the values of the settings of all modules, as plans read them: by the module's number and the setting's.
 *
 * One is made whole, given to a worker (worker_tune), and never written to again: a change makes another. So a plan
 * sees one value from its beginning to its end. */
#ifndef GEOMYS_SERVE_TUNING_H
#define GEOMYS_SERVE_TUNING_H

#include "module/registry.h"

union tuning_value {
    int64_t integer; /* of a BOOL 0 or 1, of a WORD its number */
    double number;
};

struct tuning {
    uint32_t *first; /* by a module's number: of its values; owned, as the struct and the values */
    uint32_t module_count;
    uint32_t value_count;
    union tuning_value values[];
};

/* All settings of all modules of the registry, with their defaults. O(settings). */
struct tuning *tuning_create(const struct registry *registry);
void tuning_destroy(struct tuning *tuning); /* NULL is fine */

/* Of setting number `setting`, which the module has; the module is of the registry. O(1). */
static inline union tuning_value *tuning_at(struct tuning *tuning, const struct module *module, uint32_t setting)
{
    check(module->index < tuning->module_count && setting < module->setting_count);
    return &tuning->values[tuning->first[module->index] + setting];
}

#endif
