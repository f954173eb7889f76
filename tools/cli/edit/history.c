/* SPDX-License-Identifier: MIT */

/* history.c - a ring in memory, a file that is only appended to.
 *
 * Idea     One line per entry. Several programs at once append to the same file, one write each, so their lines mix but
 *          do not tear. The file is cut to what is kept when it is opened and has grown too long: written anew,
 *          renamed.
 *
 * Limits   Lines that were appended by another program between its reading and its renaming are lost. It is a history.
 */
#include "cli/edit/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/memory.h"

#define FILE_LINES (4 * HISTORY_LINES)

void history_finish(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        memory_free((void *)(uintptr_t)history_at(history, i).data);
    }
    memory_free(history->path);
    *history = (struct history){0};
}

static bool worth_keeping(const struct history *history, struct gm_bytes line)
{
    if (line.size == 0 || line.size > HISTORY_LINE || line.data[0] == ' ' || line.data[0] == '\t') {
        return false;
    }
    for (size_t i = 0; i < line.size; i++) {
        if ((line.data[i] < 32 && line.data[i] != '\t') || line.data[i] == 127) {
            return false;
        }
    }
    return history->count == 0 || !gm_bytes_equal(history_at(history, history->count - 1), line);
}

/* False if the line is not worth keeping. */
static bool remember(struct history *history, struct gm_bytes line)
{
    if (!worth_keeping(history, line)) {
        return false;
    }
    if (history->count == HISTORY_LINES) {
        memory_free((void *)(uintptr_t)history_at(history, 0).data);
        history->first = (history->first + 1) % HISTORY_LINES;
        history->count--;
    }
    uint8_t *copy = memory_alloc(line.size);
    memcpy(copy, line.data, line.size);
    history->lines[(history->first + history->count++) % HISTORY_LINES] = (struct gm_bytes){copy, line.size};
    return true;
}

void history_add(struct history *history, struct gm_bytes line)
{
    if (!remember(history, line) || history->path == NULL) {
        return;
    }
    int fd = open(history->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return;
    }
    char end = '\n';
    struct iovec parts[2] = {{(void *)(uintptr_t)line.data, line.size}, {&end, 1}};
    ssize_t ignored = writev(fd, parts, 2);
    (void)ignored;
    close(fd);
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static void make_folder(const char *path)
{
    char *folder = strdup(path);
    char *slash = folder != NULL ? strrchr(folder, '/') : NULL;
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        (void)mkdir(folder, 0700);
    }
    free(folder);
}

/* Returns how many lines the file has. A line that is too long is skipped. */
static size_t read_lines(struct history *history, FILE *file)
{
    char *line = memory_alloc(HISTORY_LINE + 2);
    size_t count = 0;
    bool skipping = false;
    while (fgets(line, HISTORY_LINE + 2, file) != NULL) {
        size_t size = strlen(line);
        bool whole = size > 0 && line[size - 1] == '\n';
        if (whole && !skipping) {
            remember(history, (struct gm_bytes){(const uint8_t *)line, size - 1});
            count++;
        }
        skipping = !whole;
    }
    memory_free(line);
    return count;
}

static void rewrite(const struct history *history, const char *path)
{
    char temporary[4096];
    int size = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    if (size < 0 || (size_t)size >= sizeof temporary) {
        return;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    for (size_t i = 0; i < history->count; i++) {
        struct gm_bytes line = history_at(history, i);
        fwrite(line.data, 1, line.size, file);
        fputc('\n', file);
    }
    bool fine = ferror(file) == 0;
    fine = fclose(file) == 0 && fine;
    if (!fine || rename(temporary, path) != 0) {
        unlink(temporary);
    }
}

enum status history_open(struct history *history, const char *path)
{
    make_folder(path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        if (fd >= 0) {
            close(fd);
        }
        return STATUS_REFUSED;
    }
    if ((about.st_mode & 077) != 0) {
        (void)fchmod(fd, 0600);
    }
    FILE *file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        return STATUS_IO;
    }
    size_t count = read_lines(history, file);
    fclose(file);
    if (count > FILE_LINES) {
        rewrite(history, path);
    }
    size_t size = strlen(path) + 1;
    history->path = memory_alloc(size);
    memcpy(history->path, path, size);
    return STATUS_OK;
}

/* ---- looking back -------------------------------------------------------------------------------------------- */

static bool begins_with(struct gm_bytes line, struct gm_bytes prefix)
{
    return line.size >= prefix.size && (prefix.size == 0 || memcmp(line.data, prefix.data, prefix.size) == 0);
}

size_t history_before(const struct history *history, size_t from, struct gm_bytes prefix)
{
    for (size_t i = from; i > 0; i--) {
        if (begins_with(history_at(history, i - 1), prefix)) {
            return i - 1;
        }
    }
    return from;
}

size_t history_after(const struct history *history, size_t from, struct gm_bytes prefix)
{
    for (size_t i = from + 1; i < history->count; i++) {
        if (begins_with(history_at(history, i), prefix)) {
            return i;
        }
    }
    return history->count;
}

size_t history_containing(const struct history *history, size_t from, struct gm_bytes part)
{
    for (size_t i = from; i > 0; i--) {
        struct gm_bytes line = history_at(history, i - 1);
        if (part.size == 0 || memmem(line.data, line.size, part.data, part.size) != NULL) {
            return i - 1;
        }
    }
    return from;
}
