/* SPDX-License-Identifier: MIT */

/* loader.h - modules from files: opens a shared object, asks it for its descriptor, hands that to a registry.
 *
 * A struct loader owns the open handles. Destroy the registry first, the loader after it: descriptors live in the
 * files.
 */
#ifndef GEOMYS_MODULE_LOADER_H
#define GEOMYS_MODULE_LOADER_H

#include "module/registry.h"

struct loader {
    void **handles; /* owned */
    uint32_t count;
    bool keep_open; /* never close: leak reports then still know the names of a module's functions */
};

void loader_init(struct loader *loader, bool keep_open);

/* Closes the files, the last one first. Zeroed memory is fine. */
void loader_finish(struct loader *loader);

/* Loads one file into the registry, wholly or not at all. STATUS_NOT_FOUND (no such file), STATUS_EXISTS (loaded
 * already, or its names are taken), STATUS_INVALID, STATUS_VERSION, ... as registry_add; always one sentence that names
 * the file. Constructors of the file run: load only what you trust. */
must_use enum status loader_load(struct loader *loader, struct registry *registry, const char *path,
                                 struct complaint *complaint);

#endif
