/* SPDX-License-Identifier: MIT */

/* pipeline.h - many commands on their way at once, with bounded memory.
 *
 * Idea     Sending and receiving go on together, so neither side ever waits for the other to read. At most
 *          PIPELINE_COMMANDS are unanswered and little more than PIPELINE_BYTES (and one command) unsent; past that,
 *          pushing waits for replies. */
#ifndef GEOMYS_CLI_PIPELINE_H
#define GEOMYS_CLI_PIPELINE_H

#include "cli/talk/channel.h"

#define PIPELINE_COMMANDS 4096
#define PIPELINE_BYTES    65536
#define PIPELINE_COMMAND  ((size_t)1024 * 1024 * 1024) /* bytes of one command */

struct pipeline {
    struct channel *channel; /* borrowed, open */
    struct buf out;
    size_t out_at;     /* bytes of it that are sent */
    uint64_t pushed;   /* commands */
    uint64_t answered; /* of them */
    void *context;
    /* Takes the reply to the command `index` (from 0), which is released afterwards. */
    void (*on_reply)(void *context, uint64_t index, const struct answer *reply);
};

void pipeline_init(struct pipeline *pipeline, struct channel *channel, void *context,
                   void (*on_reply)(void *context, uint64_t index, const struct answer *reply));
void pipeline_finish(struct pipeline *pipeline);

/* Sends a command (argc > 0; copied), perhaps later. STATUS_AGAIN: woken; the command is pushed all the same.
 * STATUS_TOO_BIG: it is not, and the pipeline goes on. Any other refusal ends it, with a sentence. */
must_use enum status pipeline_push(struct pipeline *pipeline, const struct gm_bytes *argv, size_t argc,
                                   struct complaint *complaint);

/* Waits for all replies. */
must_use enum status pipeline_drain(struct pipeline *pipeline, struct complaint *complaint);

#endif
