/* SPDX-License-Identifier: MIT */

/* tuning.c - values by number; tuning.h has the argument. */
#include "serve/tuning.h"

#include "base/memory.h"

static uint32_t count_of(const struct registry *registry)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        count += registry_module(registry, i)->setting_count;
    }
    return count;
}

struct tuning *tuning_create(const struct registry *registry)
{
    uint32_t count = count_of(registry);
    uint32_t numbers = registry_module_numbers(registry);
    struct tuning *tuning = memory_zeroed(sizeof *tuning + count * sizeof tuning->values[0]);
    tuning->module_count = numbers;
    tuning->value_count = count;
    tuning->first = memory_zeroed((numbers + (size_t)1) * sizeof tuning->first[0]);
    uint32_t next = 0;
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        const struct module *module = registry_module(registry, i);
        tuning->first[module->index] = next;
        next += module->setting_count;
        for (uint32_t n = 0; n < module->setting_count; n++) {
            const struct gm_setting *setting = module->settings[n].abi;
            if (setting->kind == GM_SETTING_NUMBER) {
                tuning_at(tuning, module, n)->number = setting->number_fallback;
            } else {
                tuning_at(tuning, module, n)->integer = setting->fallback;
            }
        }
    }
    check(next == count);
    return tuning;
}

void tuning_destroy(struct tuning *tuning)
{
    if (tuning != NULL) {
        memory_free(tuning->first);
        memory_free(tuning);
    }
}
