/* SPDX-License-Identifier: MIT */

/* tool.h - what the tools that are no single command (--stat, --latency, --watch, --keys, --load) share: a connection,
 * an end by Ctrl-C that lets them say their last line, and complaints. */
#ifndef GEOMYS_CLI_TOOL_H
#define GEOMYS_CLI_TOOL_H

#include <signal.h>

#include "cli/tools/batch.h"

struct tool {
    const struct options *options;
    struct dialog dialog;
    int stop_fd; /* readable: SIGINT, SIGTERM, SIGHUP have come */
    sigset_t old_mask;
    bool stopped;
    bool utf8;
    bool live;            /* standard output is a terminal */
    bool progress;        /* standard error is one */
    enum batch_exit exit; /* the worst so far */
};

/* Connects. False: said why, and `exit` is set; tool_end is due all the same. */
bool tool_begin(struct tool *tool, const struct options *options, bool utf8);

/* The exit code. */
enum batch_exit tool_end(struct tool *tool);

/* Says on standard error what went wrong. */
void tool_complain(struct tool *tool, enum batch_exit exit, const struct complaint *complaint);

/* Sends a command and waits. True: `out` is an answer that is no error, owned by the caller. False: stopped, or said
 * why not. */
bool tool_ask(struct tool *tool, const struct gm_bytes *argv, size_t argc, struct answer *out);

/* Waits so long; false: stopped meanwhile, or before. */
bool tool_wait(struct tool *tool, int64_t duration_ns);

/* True once somebody wants the program to end. Does not wait. */
bool tool_stopped(struct tool *tool);

int64_t tool_now_ns(void); /* monotonic */

/* "336B", "4.80M": powers of 1024. */
void tool_size(char out[static 16], uint64_t bytes);

#endif
