/* SPDX-License-Identifier: MIT */

/* os_process.h - the process that we are, for INFO, and its limits. */
#ifndef GEOMYS_OS_OS_PROCESS_H
#define GEOMYS_OS_OS_PROCESS_H

#include "env/process.h"

struct os_process {
    struct process base;
    char system[256];
    char program[1024];
    char machine[256]; /* its name, as it calls itself; "": it has none */
};

void os_process_init(struct os_process *process);

/* Asks the system to allow `wanted` open descriptors, and returns how many it allows now. */
uint64_t os_process_descriptors(uint64_t wanted);

#endif
