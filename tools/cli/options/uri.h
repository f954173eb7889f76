/* SPDX-License-Identifier: MIT */

/* uri.h - redis://[[user]:password@]host[:port][/database], the same as geomys://, and unix:///path. */
#ifndef GEOMYS_CLI_URI_H
#define GEOMYS_CLI_URI_H

#include <stdbool.h>

/* What a URI says, as pieces of it; NULL where it is silent. With `path` all others are. */
struct uri {
    char *user;
    char *password;
    char *host;
    char *port;
    char *path;
    int database;
    bool database_said; /* else it is 0 */
    bool secret;        /* it names a user or a password; also if something else is wrong with it */
};

/* Cuts `text` into its pieces and decodes them, in place. NULL, or what is wrong: then the pieces mean nothing. */
const char *uri_cut(char *text, struct uri *out);

#endif
