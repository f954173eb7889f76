/* SPDX-License-Identifier: MIT */

/* pipeline.h - the commands that have arrived together, and the memory that they will look at.
 *
 * Why      With millions of keys a look-up is two cache misses, of the bucket and of the entry: more than all else that
 *          a GET costs. Commands that arrived together can have theirs at the same time.
 *
 * Idea     Parse up to PIPELINE_MAX commands ahead, ask for all their buckets, then for all their entries, then carry
 *          them out one after the other. Which word is the key is guessed (the one behind the name): a wrong guess
 *          costs a few nanoseconds, and nothing depends on it. The hash is handed on, so it is computed once.
 */
#ifndef GEOMYS_SERVE_PIPELINE_H
#define GEOMYS_SERVE_PIPELINE_H

#include "serve/session.h"

#define PIPELINE_MAX 16 /* commands */

struct pipeline_call {
    uint32_t first; /* index into the parser's argv */
    uint32_t argc;
    size_t end;    /* offset behind it in the bytes */
    uint64_t hash; /* of the word behind the name; 0 without one */
};

struct pipeline {
    struct pipeline_call calls[PIPELINE_MAX];
    uint32_t count;
};

/* Parses ahead, as far as the bytes and the limits go. Returns what stopped it: RESP_CALL (enough for now), RESP_MORE,
 * RESP_ERROR (behind the commands that were found). Clients without the password get one command at a time. */
enum resp_result pipeline_fill(struct pipeline *pipeline, struct session *session, const uint8_t *data, size_t size,
                               const struct resp_limits *limits);

/* Carries the commands out, until one makes the session wait or end. Returns the offset behind the last one. */
size_t pipeline_run(struct pipeline *pipeline, struct session *session);

#endif
