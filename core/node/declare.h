/* SPDX-License-Identifier: MIT */

/* declare.h - the settings that modules declare, between the registry, the config and the worker: the one place that
 * knows all three. */
#ifndef GEOMYS_NODE_DECLARE_H
#define GEOMYS_NODE_DECLARE_H

#include "config/config.h"
#include "serve/tuning.h"

/* The config gets a row for each setting of each module, and takes what was said of them before. INVALID, TOO_BIG with
 * a complaint. Modules that are there already change nothing. O(settings^2). */
must_use enum status declare_settings(struct config *config, const struct registry *registry,
                                      struct complaint *complaint);

/* What the config says of them now. The caller's. O(settings^2). */
struct tuning *declare_tuning(const struct config *config, const struct registry *registry);

#endif
