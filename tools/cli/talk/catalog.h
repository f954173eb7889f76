/* SPDX-License-Identifier: MIT */

/* catalog.h - the commands that a server declares, with the grammar of each: all that the program knows about commands.
 *
 * Idea    COMMAND USAGE answers a map, full command name -> map of usage, summary, complexity, flags, group, module,
 *         since, example. Its usage lines go through the same parser as in the server. Another server is asked for
 *         COMMAND DOCS, and usage lines are written from its argument trees: good enough for hints, not for refusing
 *         what a person typed. */
#ifndef GEOMYS_CLI_CATALOG_H
#define GEOMYS_CLI_CATALOG_H

#include "cli/talk/answer.h"
#include "module/usage/usage.h"

#define CATALOG_LIMIT ((size_t)4 * 1024 * 1024) /* bytes of memory for the reply */

/* One command. Texts are borrowed from the catalog; those that the server does not give are empty. Nothing in them is
 * safe for a terminal, but `name`. */
struct catalog_command {
    char name[USAGE_NAME_MAX + 1]; /* "SET", "CLIENT SETNAME" */
    struct gm_bytes usage;
    struct gm_bytes summary;
    struct gm_bytes complexity;
    struct gm_bytes group;
    struct gm_bytes module;
    struct gm_bytes since;
    struct gm_bytes example;
    bool dangerous;
    bool parsed;           /* `grammar` is there */
    struct usage grammar;  /* owned */
    struct gm_bytes owned; /* a usage line that was written here, or nothing */
};

struct catalog {
    struct answer source;             /* owned */
    struct catalog_command *commands; /* owned; by name */
    size_t count;
    bool exact; /* the usage lines are the server's own: a call that they refuse, the server refuses */
};

/* Replaces the catalog by what a reply says. True: the reply was a catalog and is taken over (`reply` is a null then).
 * False: it was not; nothing is changed. Entries that make no sense are left out. O(n log n). */
bool catalog_from_usage(struct catalog *catalog, struct answer *reply);
bool catalog_from_docs(struct catalog *catalog, struct answer *reply);

/* Zeroed memory is an empty catalog. */
void catalog_finish(struct catalog *catalog);

/* The command that a line of `count` words calls: the sub-command if its name is there, else the command; NULL: not
 * declared. `words`, if not NULL, gets how many words its name has. O(log n). */
const struct catalog_command *catalog_find(const struct catalog *catalog, const struct gm_bytes *argv, size_t count,
                                           size_t *words);

/* The command whose name is exactly that, without regard to case; blanks and bars between words are the same. */
const struct catalog_command *catalog_named(const struct catalog *catalog, struct gm_bytes name);

/* The declared first word that is nearest to `name`, if it is near at all; NULL otherwise. Lives as long as the
 * catalog. O(n * size). */
const char *catalog_nearest(const struct catalog *catalog, struct gm_bytes name);

/* True if the call has a word at the place of an argument that is named "password". */
bool catalog_secret(const struct catalog *catalog, const struct gm_bytes *argv, size_t count);

#endif
