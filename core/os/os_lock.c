/* SPDX-License-Identifier: MIT */

/* os_lock.c - a mutex. Whoever finds it taken sleeps until it is given: a spinning thread would, on a machine with one
 * core, wait for the one that it keeps from running. */
#include "os/os_lock.h"

#include "base/check.h"

static void take(struct lock *lock)
{
    int error = pthread_mutex_lock(&container_of(lock, struct os_lock, base)->mutex);
    check(error == 0);
}

static void give(struct lock *lock)
{
    int error = pthread_mutex_unlock(&container_of(lock, struct os_lock, base)->mutex);
    check(error == 0);
}

static const struct lock_ops ops = {.take = take, .give = give};

void os_lock_init(struct os_lock *lock)
{
    lock->base.ops = &ops;
    int error = pthread_mutex_init(&lock->mutex, NULL);
    check(error == 0);
}

void os_lock_finish(struct os_lock *lock)
{
    int error = pthread_mutex_destroy(&lock->mutex);
    check(error == 0);
}
