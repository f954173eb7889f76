/* SPDX-License-Identifier: MIT */

/* latency.h - --latency: how long a PING takes there and back. */
#ifndef GEOMYS_CLI_LATENCY_H
#define GEOMYS_CLI_LATENCY_H

#include "cli/options/options.h"
#include "cli/tools/histogram.h"

/* Writes the figures in microseconds, on one line without its end; as a JSON object if `json`. The values are
 * nanoseconds. */
void latency_print(FILE *file, const struct histogram *histogram, bool json);

int latency_run(const struct options *options, bool utf8);

#endif
