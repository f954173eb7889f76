/* SPDX-License-Identifier: MIT */

/* os_entropy.h - the kernel's random bytes. [any thread] */
#ifndef GEOMYS_OS_OS_ENTROPY_H
#define GEOMYS_OS_OS_ENTROPY_H

#include "env/entropy.h"

struct os_entropy {
    struct entropy base;
};

void os_entropy_init(struct os_entropy *entropy);

#endif
