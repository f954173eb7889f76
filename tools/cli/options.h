/* SPDX-License-Identifier: MIT */

/* options.h - the command line of the program. */
#ifndef GEOMYS_CLI_OPTIONS_H
#define GEOMYS_CLI_OPTIONS_H

#include "dialog.h"
#include "output.h"

struct options {
    struct dialog_wish wish;
    enum output_format format;
    bool format_given;
    bool stdin_argument;  /* -x */
    bool ask_password;    /* --askpass */
    bool unsafe_password; /* one stands on the command line */
    bool validate;        /* refuse before sending what the usage line refuses */
    bool confirm;         /* ask before a command that is declared dangerous */
    bool help;
    bool version;
    int64_t repeat; /* times; negative: for ever */
    double interval_s;
    int first;    /* index into argv of the command; argc: none */
    char **owned; /* owned, as the strings: what was copied out of a URI or hidden in argv */
    size_t owned_count;
};

/* Reads `argv`, whose strings are borrowed and must stay; passwords in it are overwritten, so that other users of the
 * machine do not see them for longer than a moment. Takes passwords from the environment too (`get` is getenv).
 * STATUS_INVALID with a sentence. */
must_use enum status options_read(struct options *options, int argc, char **argv, char *(*get)(const char *),
                                  struct complaint *complaint);
void options_finish(struct options *options);

/* What --help says. */
void options_help(FILE *file);

#endif
