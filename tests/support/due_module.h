/* SPDX-License-Identifier: MIT */

/* due_module.h - two types whose values change by themselves: names that lapse at a time, and names that are ready at a
 * time. Each is a list of names in the order in which they came, with a time for each; 0: none. */
#ifndef GEOMYS_TESTS_SUPPORT_DUE_MODULE_H
#define GEOMYS_TESTS_SUPPORT_DUE_MODULE_H

#include "geomys/module.h"

#define DUE_MODULE_PAGE 10 /* names that one plan_due takes at most */

/* TIMED.PUT key at:unix-ms name...   TIMED.DROP key name...   TIMED.ALL key (what is over by now is not told)
 * TIMED.RAW key                      DELAYED.PUT key ms:int name...   DELAYED.TAKE key timeout: what is ready */
extern const struct gm_module due_module;

#endif
