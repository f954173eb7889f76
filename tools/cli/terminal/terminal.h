/* SPDX-License-Identifier: MIT */

/* terminal.h - the terminal: its modes, its size, and the signals that concern it, as a file descriptor to wait on. */
#ifndef GEOMYS_CLI_TERMINAL_H
#define GEOMYS_CLI_TERMINAL_H

#include <signal.h>
#include <termios.h>

#include "base/buf.h"
#include "base/status.h"

struct terminal {
    struct termios original;
    int stop_fd; /* readable: SIGINT, SIGTERM, SIGHUP have come */
    int size_fd; /* readable: SIGWINCH has come */
    sigset_t old_mask;
};

/* Takes the terminal on standard input and output. STATUS_REFUSED: there is none that can be edited on (not a terminal,
 * or TERM is dumb). Must be undone by terminal_finish before the program ends. */
must_use enum status terminal_init(struct terminal *terminal);
void terminal_finish(struct terminal *terminal);

/* Keys come one by one and mean nothing to the terminal: for editing. */
void terminal_edit(const struct terminal *terminal);

/* Keys are kept unread and unseen, Ctrl-C is a signal: for waiting on a server. */
void terminal_wait(const struct terminal *terminal);

/* As it was before terminal_init: for questions, and for stopping. */
void terminal_restore(const struct terminal *terminal);

/* Stops the program as Ctrl-Z does, until it is continued. */
void terminal_suspend(const struct terminal *terminal);

void terminal_size(size_t *columns, size_t *rows);

/* Writes all of it. A terminal that is gone is noticed when reading. */
void terminal_write(struct gm_bytes bytes);

/* The next signal that has come on one of the descriptors; 0: none. Does not wait. */
int terminal_signal(int signal_fd);

/* True if text is UTF-8 here; sets LC_CTYPE so that wcwidth knows its characters. */
bool terminal_utf8(void);

#endif
