/* SPDX-License-Identifier: MIT */

/* declare.c - descriptors into rows of the config, and these into values that plans read. What both must agree on, the
 * kinds, is held together here. */
#include "node/declare.h"

static enum config_extra_kind kind_of(const struct gm_setting *setting)
{
    static const enum config_extra_kind kinds[] = {
        [GM_SETTING_INT] = CONFIG_EXTRA_INT,       [GM_SETTING_BYTES] = CONFIG_EXTRA_BYTES,
        [GM_SETTING_MS] = CONFIG_EXTRA_INT,        [GM_SETTING_BOOL] = CONFIG_EXTRA_BOOL,
        [GM_SETTING_NUMBER] = CONFIG_EXTRA_NUMBER, [GM_SETTING_WORD] = CONFIG_EXTRA_WORD,
    };
    check(setting->kind < sizeof kinds / sizeof kinds[0]); /* descriptor_check_settings */
    return kinds[setting->kind];
}

static must_use enum status declare_one(struct config *config, const struct module *module,
                                        const struct gm_setting *setting, struct complaint *complaint)
{
    struct config_extra_row row = {
        .module = module->abi->name,
        .name = setting->name,
        .kind = kind_of(setting),
        .minimum = setting->min,
        .maximum = setting->max,
        .fallback = setting->fallback,
        .least = setting->number_min,
        .most = setting->number_max,
        .usual = setting->number_fallback,
        .words = setting->words,
        .sentence = setting->help,
    };
    return config_extra_declare(config, &row, complaint);
}

enum status declare_settings(struct config *config, const struct registry *registry, struct complaint *complaint)
{
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        const struct module *module = registry_module(registry, i);
        for (uint32_t n = 0; n < module->setting_count; n++) {
            TRY(declare_one(config, module, module->settings[n].abi, complaint));
        }
    }
    return config_extra_settle(config, complaint);
}

static union tuning_value value_of(const union config_extra_value *value, const struct gm_setting *setting)
{
    switch (setting->kind) {
    case GM_SETTING_NUMBER:
        return (union tuning_value){.number = value->number};
    case GM_SETTING_BOOL:
        return (union tuning_value){.integer = value->truth};
    default:
        return (union tuning_value){.integer = value->integer};
    }
}

struct tuning *declare_tuning(const struct config *config, const struct registry *registry)
{
    struct tuning *tuning = tuning_create(registry);
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        const struct module *module = registry_module(registry, i);
        for (uint32_t n = 0; n < module->setting_count; n++) {
            const struct gm_setting *setting = module->settings[n].abi;
            const union config_extra_value *value = config_extra_value(config, module->abi->name, setting->name);
            check(value != NULL); /* declare_settings */
            *tuning_at(tuning, module, n) = value_of(value, setting);
        }
    }
    return tuning;
}
