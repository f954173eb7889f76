/* SPDX-License-Identifier: MIT */

/* entropy.h - unpredictable bytes, used to seed and to name; never in a decision that must repeat. */
#ifndef GEOMYS_ENV_ENTROPY_H
#define GEOMYS_ENV_ENTROPY_H

#include <stddef.h>

struct entropy;

struct entropy_ops {
    void (*fill)(struct entropy *, void *target,
                 size_t size); /* never fails: the process stops if the system has none */
};

struct entropy {
    const struct entropy_ops *ops;
};

#endif
