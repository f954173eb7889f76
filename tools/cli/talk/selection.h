/* SPDX-License-Identifier: MIT */

/* selection.h - which database a connection has chosen, as its commands and their replies say.
 *
 * Limits   What EXEC carries out it carries out, even a SELECT that the server then refuses within it: that cannot be
 *          told from its reply without looking for it among all, and is not. */
#ifndef GEOMYS_CLI_SELECTION_H
#define GEOMYS_CLI_SELECTION_H

#include "cli/talk/answer.h"

struct selection {
    int database;
    bool queued; /* a SELECT waits for EXEC: */
    int queued_database;
};

/* What a command can do to it; to be kept until its reply comes. All zeros: nothing. */
struct selection_step {
    enum { SELECTION_STAYS, SELECTION_CHOOSES, SELECTION_CARRIES_OUT, SELECTION_DROPS, SELECTION_RESETS } kind;
    int database; /* that it CHOOSES */
};

struct selection_step selection_step(const struct gm_bytes *argv, size_t argc);

/* The command has been answered. */
void selection_follow(struct selection *selection, const struct selection_step *step, const struct answer *reply);

#endif
