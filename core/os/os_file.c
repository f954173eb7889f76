/* SPDX-License-Identifier: MIT */

/* os_file.c - system calls for files and requests of a folder.
 *
 * Promises
 *   P1  EINTR and short writes are continued here and nowhere else (D5).
 *   P2  A file opened with DISK_WRITE drops the clean pages that the system's cache holds: after a failed sync they may
 *       show what the disk never got (D8).
 *   P3  The outcome's `elapsed_us` is the disk's alone: what `prepare` computes is not in it.
 *   P4  Nothing but a regular file is ever opened, and none that may be written is reached through a symbolic link:
 *       a pipe would keep whoever opens it waiting, and a link would have another file written.
 */
#include "os/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define ZEROS_SIZE ((size_t)64 * 1024) /* bytes */
#define PIECES_MAX 32

/* What is written where there is nothing else: never written to. */
static const uint8_t zeros[ZEROS_SIZE];

enum status os_file_status(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case EMFILE:
    case ENFILE:
        return STATUS_DESCRIPTORS;
    case EFBIG:
        return STATUS_FILE_LIMIT;
    case ENOMEM:
    case ENOBUFS:
        return STATUS_NO_MEMORY;
    case EAGAIN:
    case EINTR:
    case EBUSY:
        return STATUS_BUSY;
    default:
        return STATUS_IO;
    }
}

static enum status outcome_of(int result)
{
    return result == 0 ? STATUS_OK : os_file_status(errno);
}

static enum status file_create(int fd, struct disk_file **out)
{
    struct disk_file *file = memory_alloc(sizeof *file);
    file->fd = fd;
    *out = file;
    return STATUS_OK;
}

static int flags_of(enum disk_open how)
{
    switch (how) {
    case DISK_READ:
        return O_RDONLY;
    case DISK_WRITE:
        return O_RDWR;
    case DISK_CREATE:
        return O_RDWR | O_CREAT | O_EXCL;
    }
    return O_RDONLY;
}

/* What the system says of links (O_NOFOLLOW), folders, sockets and devices. */
static bool is_no_file(int error)
{
    return error == ELOOP || error == EISDIR || error == ENXIO || error == ENODEV || error == ENOTDIR;
}

static bool is_plain(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < DISK_NAME_MAX;
}

/* P4: a descriptor of a regular file, which nobody has been kept waiting for; -1 and *status if it is none. */
static int open_regular(int folder_fd, const char *name, enum disk_open how, enum status *status)
{
    int link = how == DISK_READ ? 0 : O_NOFOLLOW;
    struct stat info;
    int fd;
    do {
        fd = openat(folder_fd, name, flags_of(how) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | link, 0600);
    } while (fd < 0 && errno == EINTR); /* os_file P1 */
    *status = fd >= 0 ? STATUS_OK : is_no_file(errno) ? STATUS_NO_FILE : os_file_status(errno);
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) { /* os_file P4 */
        *status = STATUS_NO_FILE;
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

enum status os_file_open(int folder_fd, const char *name, enum disk_open how, struct disk_file **out)
{
    check(how == DISK_READ || is_plain(name)); /* disk D6; geomys-log reads whatever it is told to */
    enum status status;
    int fd = open_regular(folder_fd, name, how, &status);
    if (fd < 0) {
        return status;
    }
    if (how == DISK_WRITE) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    return file_create(fd, out);
}

void os_file_close(struct disk_file *file)
{
    if (file != NULL) {
        (void)close(file->fd);
        memory_free(file);
    }
}

/* ---- reading ---- */

enum status os_file_read(struct disk_file *file, uint64_t offset, uint8_t *target, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t piece = pread(file->fd, target + *got, size - *got, (off_t)(offset + *got));
        if (piece == 0) {
            break;
        }
        if (piece < 0 && errno != EINTR) {
            return os_file_status(errno);
        }
        *got += piece > 0 ? (size_t)piece : 0;
    }
    return STATUS_OK;
}

enum status os_file_size(struct disk_file *file, uint64_t *out)
{
    struct stat info;
    if (fstat(file->fd, &info) != 0) {
        return os_file_status(errno);
    }
    *out = (uint64_t)info.st_size;
    return STATUS_OK;
}

/* ---- writing ---- */

/* Part number `i` of what is written: the head, then the sources. */
static struct gm_bytes part_of(const struct disk_request *request, size_t i)
{
    return i == 0 ? request->head : i == 1 ? request->source : request->sources[i - 2];
}

/* The next pieces of head, sources and zeros, `done` bytes of which are written. Returns how many. */
static int next_pieces(const struct disk_request *request, uint64_t done, struct iovec pieces[static PIECES_MAX])
{
    int count = 0;
    for (size_t i = 0; i < 2 + request->source_count; i++) {
        struct gm_bytes part = part_of(request, i);
        if (done >= part.size) {
            done -= part.size;
            continue;
        }
        if (count == PIECES_MAX) {
            return count;
        }
        pieces[count++] = (struct iovec){(void *)(uintptr_t)(part.data + done), part.size - (size_t)done};
        done = 0;
    }
    for (uint64_t rest = request->zeros - done; rest > 0 && count < PIECES_MAX;) {
        size_t size = rest < ZEROS_SIZE ? (size_t)rest : ZEROS_SIZE;
        pieces[count++] = (struct iovec){(void *)(uintptr_t)zeros, size};
        rest -= size;
    }
    return count;
}

static enum status write_all(int fd, const struct disk_request *request)
{
    uint64_t size = request->zeros;
    for (size_t i = 0; i < 2 + request->source_count; i++) {
        size += part_of(request, i).size;
    }
    for (uint64_t done = 0; done < size;) {
        struct iovec pieces[PIECES_MAX];
        int count = next_pieces(request, done, pieces);
        ssize_t written = pwritev(fd, pieces, count, (off_t)(request->offset + done));
        if (written < 0 && errno != EINTR) {
            return os_file_status(errno);
        }
        if (written == 0) {
            return STATUS_IO;
        }
        done += written > 0 ? (uint64_t)written : 0;
        check(done <= size);
    }
    return STATUS_OK;
}

enum status os_file_write(struct disk_file *file, uint64_t offset, struct gm_bytes source)
{
    struct disk_request request = {.offset = offset, .source = source};
    return write_all(file->fd, &request);
}

static enum status sync_data(int fd)
{
    int result;
    do {
        result = fdatasync(fd);
    } while (result != 0 && errno == EINTR);
    return outcome_of(result);
}

enum status os_file_sync(struct disk_file *file)
{
    return sync_data(file->fd);
}

/* ---- names ---- */

enum status os_file_sync_folder(int folder_fd)
{
    int result;
    do {
        result = fsync(folder_fd);
    } while (result != 0 && errno == EINTR);
    return outcome_of(result);
}

enum status os_file_rename(int folder_fd, const char *source, const char *target)
{
    check(is_plain(source) && is_plain(target)); /* disk D6 */
    int result;
    do {
        result = renameat(folder_fd, source, folder_fd, target);
    } while (result != 0 && errno == EINTR);
    return outcome_of(result);
}

enum status os_file_remove(int folder_fd, const char *name)
{
    check(is_plain(name)); /* disk D6 */
    int result;
    do {
        result = unlinkat(folder_fd, name, 0);
    } while (result != 0 && errno == EINTR);
    return outcome_of(result);
}

/* ---- requests ---- */

static uint32_t us_since(const struct timespec *start)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t us = (int64_t)(now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
    return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static enum status carry_out_write(struct disk_request *request, int fd)
{
    TRY(write_all(fd, request));
    if (!request->sync) {
        return STATUS_OK;
    }
    enum status status = sync_data(fd);
    request->sync_failed = status != STATUS_OK;
    return status;
}

static enum status sync_names(int folder_fd, struct disk_request *request)
{
    enum status status = os_file_sync_folder(folder_fd);
    request->sync_failed = status != STATUS_OK;
    return status;
}

static enum status carry_out_create(int folder_fd, struct disk_request *request)
{
    check(is_plain(request->name)); /* disk D6 */
    request->file = NULL;
    request->offset = 0;
    request->sync = true;
    enum status status;
    int fd = open_regular(folder_fd, request->name, DISK_CREATE, &status);
    if (fd < 0) {
        return status;
    }
    status = carry_out_write(request, fd);
    if (status == STATUS_OK) {
        status = sync_names(folder_fd, request);
    }
    if (status == STATUS_OK) {
        return file_create(fd, &request->file);
    }
    (void)close(fd);
    enum status removed = os_file_remove(folder_fd, request->name); /* disk D7 */
    return removed == STATUS_OK || removed == STATUS_NOT_FOUND || request->sync_failed ? status : removed;
}

static enum status carry_out_read(int folder_fd, struct disk_request *request)
{
    struct disk_file *file = request->file;
    request->got = 0;
    if (file == NULL) {
        TRY(os_file_open(folder_fd, request->name, DISK_READ, &file));
    }
    enum status status = os_file_size(file, &request->file_size);
    if (status == STATUS_OK) {
        status = os_file_read(file, request->offset, request->into, request->size, &request->got);
    }
    if (status != STATUS_OK && request->file == NULL) {
        os_file_close(file); /* disk D9 */
        return status;
    }
    request->file = file;
    return status;
}

static enum status carry_out(int folder_fd, struct disk_request *request)
{
    switch (request->action) {
    case DISK_ACTION_WRITE:
        return carry_out_write(request, request->file->fd);
    case DISK_ACTION_CREATE:
        return carry_out_create(folder_fd, request);
    case DISK_ACTION_RENAME:
        TRY(os_file_rename(folder_fd, request->name, request->target));
        return sync_names(folder_fd, request);
    case DISK_ACTION_REMOVE:
        TRY(os_file_remove(folder_fd, request->name));
        return sync_names(folder_fd, request);
    case DISK_ACTION_READ:
        return carry_out_read(folder_fd, request);
    }
    check(false);
    return STATUS_IO;
}

void os_file_carry_out(int folder_fd, struct disk_request *request)
{
    struct timespec start;
    if (request->prepare != NULL) {
        request->prepare(request);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    request->sync_failed = false;
    request->status = carry_out(folder_fd, request);
    check(!request->sync_failed || request->status != STATUS_OK); /* disk D2 */
    request->elapsed_us = us_since(&start);
}
