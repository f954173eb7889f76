/* SPDX-License-Identifier: MIT */

/* words.h - a line that a person typed, split into the arguments of a command; and arguments written so that they can
 * be typed. docs/cli.md specifies the quoting. [any thread] */
#ifndef GEOMYS_CLI_WORDS_H
#define GEOMYS_CLI_WORDS_H

#include "base/buf.h"
#include "base/status.h"

#define WORDS_MAX 1048576 /* arguments in one line */

/* What went wrong in a line, and where. */
struct words_error {
    const char *reason; /* static */
    size_t at;          /* byte offset into the line */
};

/* Zeroed memory is an empty, valid struct words. The arguments are borrowed from it until words_finish. */
struct words {
    struct gm_bytes *argv; /* owned; their bytes are in `store` */
    size_t *starts;        /* owned; byte offset of each in the line, its quote included */
    size_t *ends;          /* owned; the byte offset after each */
    uint8_t *store;        /* owned */
    size_t count;
    char quote; /* the quote that is still open at the end of the line, or 0 (words_split_open only) */
};

/* Splits `line` (owned by the caller, not kept). STATUS_INVALID with `error` for an open quote, a quote that is
 * followed by something else than a blank, or more than WORDS_MAX words: `words` is empty then. O(n). */
must_use enum status words_split(struct words *words, struct gm_bytes line, struct words_error *error);

/* The same for a line that is still being typed: never refuses. An open quote ends with the line: see `quote`. */
void words_split_open(struct words *words, struct gm_bytes line);

void words_finish(struct words *words);

/* Appends `bytes` in double quotes, with \" \\ \n \r \t \a \b and \xHH. With `utf8`, printable characters beyond ASCII
 * are left as they are; without, every byte from 0x7f on becomes \xHH. False if `out` is full. O(n). */
bool words_quote(struct buf *out, struct gm_bytes bytes, bool utf8);

#endif
