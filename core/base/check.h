/* SPDX-License-Identifier: MIT */

/* check.h - saying what must be true, and stopping when it is not.
 *
 * Why      A broken invariant found at once is a line in the log; found days later it is lost data. The log brings the
 *          process back, so stopping is cheap.
 *
 * Grades   check(x)       always on, cheap.
 *          check_slow(x)  debug builds only: walk the list, recount the table.
 *          must_use       on every function whose status may not be dropped.
 *          seldom         on a function for what is seldom there: it is kept out of its callers, which stay short.
 *
 * Never a side effect inside; one fact per check; never on anything that came from outside.
 */
#ifndef GEOMYS_BASE_CHECK_H
#define GEOMYS_BASE_CHECK_H

#include <stddef.h>

#define must_use __attribute__((warn_unused_result))
#define seldom   __attribute__((cold, noinline))

_Noreturn void check_failed(const char *expression, const char *file, int line);

#define check(expression) (__builtin_expect(!(expression), 0) ? check_failed(#expression, __FILE__, __LINE__) : (void)0)

#ifdef GEOMYS_CHECK_SLOW
#define check_slow(expression) check(expression)
#else
#define check_slow(expression) ((void)sizeof(!(expression)))
#endif

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
