/* SPDX-License-Identifier: MIT */

/* check.c - the end of a process whose invariant broke: one line on standard error, then abort(), so that there is a
 * core. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *expression, const char *file, int line)
{
    (void)fprintf(stderr, "geomys: check failed: %s (%s:%d); this is a bug, please report it with this line\n",
                  expression, file, line);
    (void)fflush(stderr);
    abort();
}
