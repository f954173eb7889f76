/* SPDX-License-Identifier: MIT */

/* os_lock.h - a lock (env/lock.h) for two threads of this process. */
#ifndef GEOMYS_OS_OS_LOCK_H
#define GEOMYS_OS_OS_LOCK_H

#include <pthread.h>

#include "env/lock.h"

struct os_lock {
    struct lock base;
    pthread_mutex_t mutex;
};

void os_lock_init(struct os_lock *lock);
void os_lock_finish(struct os_lock *lock); /* nobody has it */

#endif
