/* SPDX-License-Identifier: MIT */

/* loader.h - modules from files: opens a shared object, asks it for its descriptor, and makes a registry that has it.
 *
 * The file stays open as long as any registry has the module.
 */
#ifndef GEOMYS_MODULE_LOADER_H
#define GEOMYS_MODULE_LOADER_H

#include "module/registry.h"

/* A registry that has all of `old` and the module in the file, or has it in place of its namesake (`replaces`); wholly
 * or not at all. `*out` has one reference, the caller's. STATUS_NOT_FOUND (no such file), STATUS_EXISTS (this file is
 * loaded already, or its names are taken), STATUS_INVALID, STATUS_VERSION, ... as registry_with; always one sentence
 * that names the file. Constructors of the file run: load only what you trust. */
must_use enum status loader_load(const struct registry *old, const char *path, bool replaces,
                                 const struct registry **out, struct complaint *complaint);

/* For those who build a registry step by step: as registry_add. */
must_use enum status loader_add(const struct registry **registry, const char *path, struct complaint *complaint);

#endif
