/* SPDX-License-Identifier: MIT */

/* os_entropy.c - the kernel's random bytes. Waits, early after the machine's start, until it has some. */
#include "os/os_entropy.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/check.h"

static void fill(struct entropy *entropy, void *target, size_t size)
{
    (void)entropy;
    uint8_t *at = target;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        check(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

void os_entropy_init(struct os_entropy *entropy)
{
    static const struct entropy_ops ops = {.fill = fill};
    entropy->base.ops = &ops;
}
