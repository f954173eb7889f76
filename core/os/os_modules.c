/* SPDX-License-Identifier: MIT */

/* os_modules.c - reads folders.
 *
 * Promises
 *   I1  What is listed is all that there is: more than fits is a refusal, never a part in silence. */
#include "os/os_modules.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/trust.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_module(const char *name)
{
    size_t size = strlen(name);
    return size > 3 && strcmp(name + size - 3, ".so") == 0 && name[0] != '.';
}

/* A new text: the two with a slash between. */
static char *joined(const char *folder, const char *name)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    char *path = memory_alloc(room);
    int size = snprintf(path, room, "%s/%s", folder, name);
    check(size >= 0 && (size_t)size == room - 1);
    return path;
}

static must_use enum status add(struct os_modules *modules, const char *folder, const char *name,
                                struct complaint *complaint)
{
    if (modules->count == OS_MODULES_MAX) { /* os_modules I1 */
        complaint_set(
            complaint,
            "the module folder %s has more than %d modules: remove some, or name those that you need in 'modules'",
            folder, OS_MODULES_MAX);
        return STATUS_TOO_BIG;
    }
    modules->paths[modules->count++] = joined(folder, name);
    return STATUS_OK;
}

enum status os_modules_list(struct os_modules *modules, const char *folder, struct complaint *complaint)
{
    check(modules->count == 0);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        complaint_set(complaint, "cannot read the module folder %s: %s", folder, strerror(errno));
        return STATUS_NOT_FOUND;
    }
    const struct dirent *item;
    struct stat info;
    enum status status = STATUS_IO;
    if (fstat(dirfd(dir), &info) == 0) {
        status = trust(info.st_mode, TRUST_GROUP, "the module folder", folder, complaint);
    } else {
        complaint_set(complaint, "cannot look at the module folder %s: %s", folder, strerror(errno));
    }
    while (status == STATUS_OK && (item = readdir(dir)) != NULL) {
        if (is_module(item->d_name)) {
            status = add(modules, folder, item->d_name, complaint);
        }
    }
    (void)closedir(dir);
    qsort(modules->paths, modules->count, sizeof modules->paths[0], by_name);
    return status;
}

void os_modules_finish(struct os_modules *modules)
{
    for (size_t i = 0; i < modules->count; i++) {
        memory_free(modules->paths[i]);
    }
    modules->count = 0;
}

char *os_modules_beside(const char *program)
{
    static const char *const places[] = {"../lib/geomys/modules", "modules"};
    const char *slash = strrchr(program, '/');
    if (slash == NULL || slash - program >= PATH_MAX) {
        return NULL;
    }
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - program), program);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *path = joined(folder, places[i]);
        char whole[PATH_MAX];
        struct stat is;
        bool found = realpath(path, whole) != NULL && stat(whole, &is) == 0 && S_ISDIR(is.st_mode);
        memory_free(path);
        if (found) {
            size_t size = strlen(whole) + 1;
            return memcpy(memory_alloc(size), whole, size);
        }
    }
    return NULL;
}
