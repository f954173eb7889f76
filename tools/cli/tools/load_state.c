/* SPDX-License-Identifier: MIT */

/* load_state.c - written beside the file and moved over it, so that it is always whole. */
#include "cli/tools/load_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FORM                                                                                                           \
    "geomys-load 2\noffset %" PRIu64 "\nline %" PRIu64 "\ndatabase %d\ncommands %" PRIu64 "\nerrors %" PRIu64          \
    "\ncrc32c %08" PRIx32 "\n"
#define SCAN                                                                                                           \
    "geomys-load 2\noffset %" SCNu64 "\nline %" SCNu64 "\ndatabase %5d\ncommands %" SCNu64 "\nerrors %" SCNu64         \
    "\ncrc32c %8" SCNx32
#define STATE_SIZE 256 /* bytes */

static void print_state(char out[STATE_SIZE], const struct load_state *state)
{
    snprintf(out, STATE_SIZE, FORM, state->place.offset, state->place.line, state->database, state->commands,
             state->errors, state->place.crc);
}

static enum status io_refused(struct complaint *complaint, const char *path, const char *what)
{
    complaint_set(complaint, "%s: %s: %s", path, what, strerror(errno));
    return STATUS_IO;
}

enum status load_state_read(const char *path, struct load_state *state, struct complaint *complaint)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return STATUS_NOT_FOUND;
    }
    if (fd < 0) {
        return io_refused(complaint, path, "cannot be opened");
    }
    char text[STATE_SIZE] = "";
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size < 0) {
        return io_refused(complaint, path, "cannot be read");
    }
    *state = (struct load_state){0};
    int read_fields = sscanf(text, SCAN, &state->place.offset, &state->place.line, &state->database, &state->commands,
                             &state->errors, &state->place.crc);
    char again[STATE_SIZE];
    print_state(again, state);
    if (read_fields != 6 || state->database < 0 || strcmp(again, text) != 0) {
        complaint_set(complaint, "%s: this is no state of a load", path);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status load_state_write(const char *path, const struct load_state *state, struct complaint *complaint)
{
    char text[STATE_SIZE];
    char beside[4096];
    if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside) {
        complaint_set(complaint, "%s: the name is too long", path);
        return STATUS_IO;
    }
    print_state(text, state);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return io_refused(complaint, beside, "cannot be written");
    }
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    if (!written) {
        enum status status = io_refused(complaint, beside, "cannot be written");
        close(fd);
        return status;
    }
    close(fd);
    return rename(beside, path) == 0 ? STATUS_OK : io_refused(complaint, path, "cannot be replaced");
}
