/* SPDX-License-Identifier: MIT */

/* pager.h - a reply on its way to a person: laid out, and page by page if it is longer than the terminal. */
#ifndef GEOMYS_CLI_PAGER_H
#define GEOMYS_CLI_PAGER_H

#include "cli/show/output.h"

/* How a reply is to be written. */
struct reply_view {
    enum output_format format;
    bool utf8;
    bool peek; /* with OUTPUT_HUMAN: by peek_write */
};

void reply_write(FILE *file, const struct reply_view *view, const struct answer *reply);

struct pager {
    bool allowed;
    char command[1024]; /* for the shell */
};

/* True if the reply has more lines than the terminal on standard output, and there is a pager: $PAGER, else less. */
bool pager_begin(struct pager *pager, const struct reply_view *view, const struct answer *reply);

/* Writes the reply to the pager and waits for it to end. The terminal must be in its ordinary mode. */
void pager_run(struct pager *pager, const struct reply_view *view, const struct answer *reply);

/* Sets `out` to $PAGER (`chosen`), else to "less -R" if a folder of `path` has it. False: none, or it is too long. */
bool pager_command(const char *chosen, const char *path, char *out, size_t size);

#endif
