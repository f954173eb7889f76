/* SPDX-License-Identifier: MIT */

/* connections.h - saved connections: ~/.geomys/cli.conf. docs/cli.md specifies the file. */
#ifndef GEOMYS_CLI_CONNECTIONS_H
#define GEOMYS_CLI_CONNECTIONS_H

#include "base/bytes.h"
#include "base/status.h"

#define CONNECTIONS_SIZE 65536 /* bytes of the file */

#define CONNECTIONS_KEYS(X)                                                                                            \
    X(HOST, "host")                                                                                                    \
    X(PORT, "port")                                                                                                    \
    X(SOCKET, "socket")                                                                                                \
    X(URI, "uri")                                                                                                      \
    X(USER, "user")                                                                                                    \
    X(PASSWORD, "password")                                                                                            \
    X(DATABASE, "database")                                                                                            \
    X(PROTOCOL, "protocol")

enum connections_key {
#define X(name, text) CONNECTIONS_##name,
    CONNECTIONS_KEYS(X)
#undef X
        CONNECTIONS_COUNT,
};

/* The values of one connection, borrowed from the file's text. Those that are not given have no data. */
struct connection {
    struct gm_bytes values[CONNECTIONS_COUNT];
};

/* Finds `name` in the text of a file, which is checked as a whole. `secret`: somewhere in it is a password.
 * STATUS_INVALID: the file is broken; STATUS_NOT_FOUND: it has no such connection; with a sentence. O(n^2) in the
 * number of connections. */
must_use enum status connections_find(struct gm_bytes text, struct gm_bytes name, struct connection *out, bool *secret,
                                      struct complaint *complaint);

/* Reads the file into `text` (CONNECTIONS_SIZE bytes) and finds `name` in it. A file with a password that others could
 * read is refused. STATUS_INVALID, STATUS_NOT_FOUND, STATUS_IO: with a sentence. */
must_use enum status connections_read(const char *path, const char *name, uint8_t *text, struct connection *out,
                                      struct complaint *complaint);

#endif
