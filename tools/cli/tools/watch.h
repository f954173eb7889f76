/* SPDX-License-Identifier: MIT */

/* watch.h - a command again and again, its reply in place: --watch, and the verb :watch. */
#ifndef GEOMYS_CLI_WATCH_H
#define GEOMYS_CLI_WATCH_H

#include "cli/options/options.h"
#include "cli/talk/dialog.h"

struct watch {
    const struct options *options;
    struct dialog *dialog;
    const struct gm_bytes *argv;
    size_t argc;
    double interval_s;
    int stop_fd; /* readable: the end; left unread */
    bool live;   /* standard output is a terminal: draw in place */
    bool utf8;
    bool failed; /* a reply was an error */
};

/* Runs until it is stopped: STATUS_AGAIN. Any other refusal comes with a sentence. */
must_use enum status watch_loop(struct watch *watch, struct complaint *complaint);

/* --watch, with the command in `argv`. */
int watch_run(const struct options *options, char **argv, int argc, bool utf8);

#endif
