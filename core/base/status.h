/* SPDX-License-Identifier: MIT */

/* status.h - what the world may answer instead of success, in one table.
 *
 * Three kinds of wrong have three answers: a client's mistake is an error reply, the world's refusal is one of these,
 * our own mistake is a failed check. Where a person will read the outcome, functions also take a `struct complaint`:
 * each level adds its sentence.
 */
#ifndef GEOMYS_BASE_STATUS_H
#define GEOMYS_BASE_STATUS_H

#include <stdbool.h>

#include "base/check.h"

#define STATUS_TABLE(X)                                                                                                \
    X(STATUS_OK, "success")                                                                                            \
    X(STATUS_AGAIN, "not now, try again")                                                                              \
    X(STATUS_CLOSED, "closed")                                                                                         \
    X(STATUS_NO_SPACE, "no space left on the disk")                                                                    \
    X(STATUS_DESCRIPTORS, "no file descriptor is free; raise 'ulimit -n', or fs.file-max of the machine")              \
    X(STATUS_FILE_LIMIT, "a file may not become that large here; raise 'ulimit -f'")                                   \
    X(STATUS_NO_MEMORY, "the system has no memory for it; free some")                                                  \
    X(STATUS_BUSY, "the system is busy or was interrupted")                                                            \
    X(STATUS_IO, "input/output error")                                                                                 \
    X(STATUS_NO_FILE, "not a regular file (a link, a folder, a pipe or a device stands there): move it away")          \
    X(STATUS_CORRUPT, "damaged data")                                                                                  \
    X(STATUS_TOO_BIG, "larger than the limit")                                                                         \
    X(STATUS_NOT_FOUND, "not found")                                                                                   \
    X(STATUS_EXISTS, "exists already")                                                                                 \
    X(STATUS_VERSION, "a version that is not supported")                                                               \
    X(STATUS_INVALID, "not valid")                                                                                     \
    X(STATUS_REFUSED, "refused")

enum status {
#define X(name, text) name,
    STATUS_TABLE(X)
#undef X
};

/* A static sentence for `status`, without a full stop. [any thread] */
const char *status_text(enum status status);

/* Whether the world only lacks something at this moment: nothing is broken, and the same call may succeed later. Never
 * to be asked of a failed sync, which is never tried again. */
static inline bool status_is_passing(enum status status)
{
    return status == STATUS_NO_SPACE || status == STATUS_DESCRIPTORS || status == STATUS_FILE_LIMIT ||
           status == STATUS_NO_MEMORY || status == STATUS_BUSY;
}

/* Passes a refusal on to the caller. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        enum status try_status_ = (expression);                                                                        \
        if (try_status_ != STATUS_OK) {                                                                                \
            return try_status_;                                                                                        \
        }                                                                                                              \
    } while (0)

/* A sentence for a person, built from the inside out. The caller owns it; `text` is always terminated. */
struct complaint {
    char text[512]; /* what does not fit is cut */
};

/* Replaces the sentence. */
__attribute__((format(printf, 2, 3))) void complaint_set(struct complaint *complaint, const char *format, ...);

/* Puts "prefix: " in front of the sentence that is there. */
__attribute__((format(printf, 2, 3))) void complaint_prefix(struct complaint *complaint, const char *format, ...);

#endif
