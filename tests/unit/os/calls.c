/* SPDX-License-Identifier: MIT */

/* calls.c - functions of the C library's names. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct calls calls;

void calls_note(void)
{
    calls.noted = 0;
    calls.text[0] = '\0';
    calls.noting = true;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is noted: lanes are threads */

/* Writes the call down. Whether it is to fail; errno says so. */
static bool note(const char *what, const char *name, long size)
{
    if (!calls.noting) {
        return false;
    }
    (void)pthread_mutex_lock(&lock);
    size_t used = strlen(calls.text);
    if (size >= 0) {
        (void)snprintf(calls.text + used, sizeof calls.text - used, "%s %ld; ", what, size);
    } else {
        (void)snprintf(calls.text + used, sizeof calls.text - used, "%s%s%s; ", what, name[0] != '\0' ? " " : "", name);
    }
    calls.noted++;
    bool fails = calls.noted == calls.fail_at;
    (void)pthread_mutex_unlock(&lock);
    if (fails) {
        errno = calls.fail_with;
    }
    return fails;
}

static bool is_interrupted(void)
{
    calls.count++;
    if (calls.interrupted > 0 && calls.count % calls.interrupted == 0) {
        errno = EINTR;
        return true;
    }
    return false;
}

static const char *kind_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISDIR(info.st_mode) ? "folder" : "file";
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    struct iovec first = pieces[0];
    long size = 0;
    for (int i = 0; i < count; i++) {
        size += (long)pieces[i].iov_len;
    }
    if (note("write", "", size) || is_interrupted()) {
        return -1;
    }
    if (calls.piece > 0) {
        first.iov_len = first.iov_len < calls.piece ? first.iov_len : calls.piece;
        pieces = &first;
        count = 1;
    }
    return syscall(SYS_pwritev, fd, pieces, (long)count, (long)offset, 0L);
}

ssize_t pread(int fd, void *target, size_t size, off_t offset)
{
    if (note("read", "", (long)size) || is_interrupted()) {
        return -1;
    }
    return syscall(SYS_pread64, fd, target, calls.piece > 0 && calls.piece < size ? calls.piece : size, offset);
}

int fdatasync(int fd)
{
    if (note("sync", kind_of(fd), -1) || is_interrupted()) {
        return -1;
    }
    if (calls.no_sync) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    if (note("sync", kind_of(fd), -1)) {
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int openat(int folder, const char *name, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(list, int) : 0;
    va_end(list);
    if (note((flags & O_CREAT) != 0 ? "open new" : "open", name, -1)) {
        return -1;
    }
    return (int)syscall(SYS_openat, folder, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(list, int) : 0;
    va_end(list);
    if (note("open path", "", -1)) {
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

int mkdir(const char *path, mode_t mode)
{
    if (note("make folder", "", -1)) {
        return -1;
    }
    return (int)syscall(SYS_mkdir, path, mode);
}

int flock(int fd, int how)
{
    if (note("lock", kind_of(fd), -1)) {
        return -1;
    }
    return (int)syscall(SYS_flock, fd, how);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (note("write", "", (long)size)) {
        return -1;
    }
    return syscall(SYS_write, fd, data, calls.piece > 0 && calls.piece < size ? calls.piece : size);
}

int fchmod(int fd, mode_t mode)
{
    if (note("mode", kind_of(fd), -1)) {
        return -1;
    }
    return (int)syscall(SYS_fchmod, fd, mode);
}

int rename(const char *source, const char *target)
{
    if (note("rename path", "", -1)) {
        return -1;
    }
    return (int)syscall(SYS_rename, source, target);
}

int unlink(const char *path)
{
    if (note("remove path", "", -1)) {
        return -1;
    }
    return (int)syscall(SYS_unlink, path);
}

int renameat(int source_folder, const char *source, int target_folder, const char *target)
{
    if (note("rename", source, -1)) {
        return -1;
    }
    return (int)syscall(SYS_renameat2, source_folder, source, target_folder, target, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    if (note("remove", name, -1)) {
        return -1;
    }
    return (int)syscall(SYS_unlinkat, folder, name, flags);
}

int ftruncate(int fd, off_t size)
{
    if (note("truncate", "", (long)size)) {
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, size);
}

int posix_fadvise(int fd, off_t offset, off_t size, int advice)
{
    (void)fd;
    calls.dropped += advice == POSIX_FADV_DONTNEED && offset == 0 && size == 0;
    return 0;
}
