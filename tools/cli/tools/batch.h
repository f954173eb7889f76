/* SPDX-License-Identifier: MIT */

/* batch.h - commands without a person: one from the command line, or one per line from standard input. */
#ifndef GEOMYS_CLI_BATCH_H
#define GEOMYS_CLI_BATCH_H

#include "cli/options/options.h"
#include "cli/talk/dialog.h"

enum batch_exit {
    EXIT_FINE = 0,
    EXIT_REPLY = 1,      /* the server answered with an error */
    EXIT_USAGE = 2,      /* a wrong option, a line that is no command */
    EXIT_CONNECTION = 3, /* no connection, or it was lost */
};

/* The worse of two: what the exit code tells. */
enum batch_exit batch_worse(enum batch_exit one, enum batch_exit other);

#define BATCH_ARGUMENT ((size_t)512 * 1024 * 1024) /* bytes of a line, and of standard input as an argument */

/* Runs the command in `argv`, as often as the options say. Replies go to standard output, the rest to standard
 * error. */
enum batch_exit batch_command(const struct options *options, char **argv, int argc, bool utf8);

/* Runs each line of the file descriptor `in`. An error reply does not stop it; a lost connection does. */
enum batch_exit batch_lines(const struct options *options, int in, bool utf8);

#endif
