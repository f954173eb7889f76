/* SPDX-License-Identifier: MIT */

/* os_settings.h - the configuration file on the disk. */
#ifndef GEOMYS_OS_OS_SETTINGS_H
#define GEOMYS_OS_OS_SETTINGS_H

#include "env/settings.h"

struct os_settings {
    struct settings base;
    const char *path; /* borrowed */
};

/* `path` is whole and has no symbolic link in it: the file itself is replaced. */
void os_settings_init(struct os_settings *settings, const char *path);

#endif
