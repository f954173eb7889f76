/* SPDX-License-Identifier: MIT */

/* process.h - what a server tells about the process that it runs in. For people only: nothing is decided by it. */
#ifndef GEOMYS_ENV_PROCESS_H
#define GEOMYS_ENV_PROCESS_H

#include <stdint.h>

struct process;

struct process_ops {
    uint64_t (*resident_bytes)(struct process *);
    void (*cpu_us)(struct process *, uint64_t *user, uint64_t *system);
    void (*thread_cpu_us)(struct process *, uint64_t *user, uint64_t *system); /* of the thread that asks */
};

struct process {
    const struct process_ops *ops;
    int64_t id;
    uint64_t total_memory; /* bytes, of the machine */
    const char *system;    /* "Linux 6.1.0 x86_64" */
    const char *program;   /* path of the executable */
};

#endif
