/* SPDX-License-Identifier: MIT */

/* os_modules.h - where the shared objects of modules lie: in a folder that somebody names, or beside the server.
 *
 * Nothing is opened or run here: module/loader.h does that with the paths. */
#ifndef GEOMYS_OS_OS_MODULES_H
#define GEOMYS_OS_OS_MODULES_H

#include <stddef.h>

#include "base/status.h"

#define OS_MODULES_MAX 256 /* in one folder */

/* Paths of files, in the order of their names. Zeroed memory is none. */
struct os_modules {
    char *paths[OS_MODULES_MAX]; /* owned */
    size_t count;
};

/* The *.so in `folder`, those whose name begins with a dot left out. NOT_FOUND if it cannot be read, TOO_BIG if there
 * are more than OS_MODULES_MAX; with a complaint, and os_modules_finish is due all the same. Blocks on the disk.
 * O(n log n). */
must_use enum status os_modules_list(struct os_modules *modules, const char *folder, struct complaint *complaint);
void os_modules_finish(struct os_modules *modules);

/* The folder that belongs to `program`, the whole path of an executable: first ../lib/geomys/modules beside its own
 * folder (installed), then modules in it (built), whichever exists. A new text, the caller's to memory_free; NULL:
 * neither does. */
char *os_modules_beside(const char *program);

#endif
