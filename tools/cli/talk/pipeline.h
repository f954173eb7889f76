/* SPDX-License-Identifier: MIT */

/* pipeline.h - many commands on their way at once, with bounded memory.
 *
 * Idea     Sending and receiving go on together, so neither side ever waits for the other to read. At most
 *          PIPELINE_COMMANDS are unanswered and little more than PIPELINE_BYTES (and one command) unsent; past that,
 *          pushing waits for replies. Progress is what is sent and what comes of replies; messages that nobody asked
 *          for are none. */
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
    int64_t stall_ms;  /* how long waiting goes on without progress; 0, as at first: for ever. May be set at any time */
    int64_t moved_ms;  /* channel_now_ms: when there was progress, or waiting began */
    void *context;
    /* Takes the reply to the command `index` (from 0), which is released afterwards. */
    void (*on_reply)(void *context, uint64_t index, const struct answer *reply);
};

void pipeline_init(struct pipeline *pipeline, struct channel *channel, void *context,
                   void (*on_reply)(void *context, uint64_t index, const struct answer *reply));
void pipeline_finish(struct pipeline *pipeline);

/* Sends a command (argc > 0; copied), perhaps later. STATUS_AGAIN: woken; the command is pushed all the same.
 * STATUS_TOO_BIG: it is not, and the pipeline goes on. STATUS_BUSY: there was no
 * progress for stall_ms. Any other refusal but these ends it, with a sentence, which STATUS_BUSY has too. */
must_use enum status pipeline_push(struct pipeline *pipeline, const struct gm_bytes *argv, size_t argc,
                                   struct complaint *complaint);

/* Waits for all replies. */
must_use enum status pipeline_drain(struct pipeline *pipeline, struct complaint *complaint);

#endif
