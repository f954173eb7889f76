/* SPDX-License-Identifier: MIT */

/* history.h - the lines that were entered, newest last; on disk in a file that only its owner can read. */
#ifndef GEOMYS_CLI_HISTORY_H
#define GEOMYS_CLI_HISTORY_H

#include "base/bytes.h"
#include "base/status.h"

#define HISTORY_LINES 1000  /* lines kept */
#define HISTORY_LINE  65536 /* bytes; longer lines are not kept */

/* Zeroed memory is an empty history without a file. */
struct history {
    struct gm_bytes lines[HISTORY_LINES]; /* owned; a ring */
    size_t first;
    size_t count;
    char *path; /* owned; NULL: no file */
};

void history_finish(struct history *history);

static inline struct gm_bytes history_at(const struct history *history, size_t index)
{
    return history->lines[(history->first + index) % HISTORY_LINES];
}

/* Remembers a line (copied), unless it is empty, begins with a blank, repeats the last one, has a control character or
 * is too long. With a file, it is appended there at once; the file's refusal is not worth a word. */
void history_add(struct history *history, struct gm_bytes line);

/* Reads the file and goes on writing to it. A missing file (and folder) is made: 0600 (0700). A file that has grown to
 * several times what is kept is rewritten. Refusals leave the history without a file. */
must_use enum status history_open(struct history *history, const char *path);

/* The newest line at or before `from` - 1 that begins with `prefix`; `from` if there is none. O(n). */
size_t history_before(const struct history *history, size_t from, struct gm_bytes prefix);

/* The oldest line at or after `from` + 1 that begins with `prefix`; history->count if there is none. O(n). */
size_t history_after(const struct history *history, size_t from, struct gm_bytes prefix);

/* The newest line before `from` that contains `part`; `from` if there is none. O(bytes). */
size_t history_containing(const struct history *history, size_t from, struct gm_bytes part);

#endif
