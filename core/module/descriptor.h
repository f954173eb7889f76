/* SPDX-License-Identifier: MIT */

/* descriptor.h - whether a module's descriptor can be believed: all that can be said about it without a registry. */
#ifndef GEOMYS_MODULE_DESCRIPTOR_H
#define GEOMYS_MODULE_DESCRIPTOR_H

#include "base/status.h"
#include "geomys/module.h"

#define DESCRIPTOR_TYPES_MAX    256
#define DESCRIPTOR_COMMANDS_MAX 4096
#define DESCRIPTOR_NEEDS_MAX    64
#define DESCRIPTOR_SETTINGS_MAX 64

/* Sizes, ABI, names, pointers, flags; not the usage lines. `own`: it is the host, which has flags of its own
 * (serve/call.h). STATUS_VERSION for another ABI, else STATUS_INVALID, with a sentence about the module ("its name
 * ..."), without its file. */
must_use enum status descriptor_check(const struct gm_module *module, bool own, struct complaint *complaint);

/* How many settings it has, those of a module which was compiled without such a field none; and number `index`. */
uint32_t descriptor_setting_count(const struct gm_module *module);
const struct gm_setting *descriptor_setting(const struct gm_module *module, uint32_t index);

/* What is wrong with them. INVALID, with a sentence. (descriptor_setting.c) */
must_use enum status descriptor_check_settings(const struct gm_module *module, struct complaint *complaint);

/* Command number `index`: the array's elements are as large as the module was compiled with. */
const struct gm_command *descriptor_command(const struct gm_module *module, uint32_t index);

#endif
