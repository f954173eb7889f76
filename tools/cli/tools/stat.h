/* SPDX-License-Identifier: MIT */

/* stat.h - --stat: what the server does, one line per second. */
#ifndef GEOMYS_CLI_STAT_H
#define GEOMYS_CLI_STAT_H

#include "cli/options/options.h"

#define STAT_HEADER_EVERY 20 /* lines */

/* What one INFO says. What it does not say is 0. */
struct stat_sample {
    int64_t keys;   /* of all databases */
    int64_t memory; /* bytes */
    int64_t clients;
    int64_t blocked;
    int64_t commands; /* since the server's start */
    int64_t ops;      /* per second, as the server measures it */
};

/* Reads the text of INFO. O(size). */
struct stat_sample stat_read(struct gm_bytes info);

/* Commands per second from `before` to `now`, `elapsed_ns` apart, without the INFO of our own. */
int64_t stat_rate(const struct stat_sample *before, const struct stat_sample *now, int64_t elapsed_ns);

int stat_run(const struct options *options, bool utf8);

#endif
