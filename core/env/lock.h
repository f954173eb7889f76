/* SPDX-License-Identifier: MIT */

/* lock.h - what two threads take in turns, for moments in which nothing waits: never across a call that may block. */
#ifndef GEOMYS_ENV_LOCK_H
#define GEOMYS_ENV_LOCK_H

#include <stddef.h>

struct lock;

struct lock_ops {
    void (*take)(struct lock *);
    void (*give)(struct lock *); /* by whoever has taken it */
};

struct lock {
    const struct lock_ops *ops;
};

/* NULL: there is one thread. */
static inline void lock_take(struct lock *lock)
{
    if (lock != NULL) {
        lock->ops->take(lock);
    }
}

static inline void lock_give(struct lock *lock)
{
    if (lock != NULL) {
        lock->ops->give(lock);
    }
}

#endif
