/* SPDX-License-Identifier: MIT */

/* complete.h - what may be typed next, by the catalog: the hint after the cursor and the candidates for TAB. */
#ifndef GEOMYS_CLI_COMPLETE_H
#define GEOMYS_CLI_COMPLETE_H

#include "cli/edit/completions.h"
#include "cli/talk/catalog.h"

/* A verb of the program itself: it exists only where the server has no command of that name. Tables end with NULL. */
struct complete_verb {
    const char *name;
    const char *usage; /* what follows the name */
    bool commands;     /* its arguments are names of commands */
};

/* Appends what may follow `line`, ready to be shown right after it: "" if nothing is known. Safe for a terminal. O(n)
 * in the commands while the name is typed, then O(words * tokens). */
void complete_hint(const struct catalog *catalog, const struct complete_verb *verbs, struct gm_bytes line,
                   struct buf *out);

/* Finds what the last word of `before` may become: names, sub-commands, tokens. Candidates follow the case of what
 * was typed. O(commands). */
void complete_words(const struct catalog *catalog, const struct complete_verb *verbs, struct gm_bytes before,
                    struct completions *out);

#endif
