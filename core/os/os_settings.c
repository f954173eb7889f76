/* SPDX-License-Identifier: MIT */

/* os_settings.c - reading the configuration file, and replacing it in one step.
 *
 * Idea     The new text goes into a file beside it, with its owner and permissions, and to the disk; then that takes
 *          its name. So whoever reads the file sees the old text or the new one, also after a crash.
 *
 * Limits   A file that is mounted by itself (as containers do it) cannot be replaced: the refusal says so. */
#include "os/os_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 4096 /* bytes per read */

static enum status refuse(struct complaint *complaint, const char *what, const char *path, int error)
{
    complaint_set(complaint, "cannot %s %s: %s", what, path, strerrordesc_np(error));
    return error == ENOENT ? STATUS_NOT_FOUND : error == ENOSPC || error == EDQUOT ? STATUS_NO_SPACE : STATUS_IO;
}

static struct os_settings *settings_of(struct settings *base)
{
    return (struct os_settings *)base; /* its first member */
}

/* ---- reading ---- */

static enum status read_settings(struct settings *base, struct buf *text, struct complaint *complaint)
{
    const char *path = settings_of(base)->path;
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return refuse(complaint, "read", path, errno);
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd);
        complaint_set(complaint, "%s is not a regular file", path);
        return STATUS_REFUSED;
    }
    ssize_t got = 0;
    uint8_t *target;
    while ((target = buf_reserve(text, PIECE)) != NULL && (got = read(fd, target, PIECE)) > 0) {
        text->size += (size_t)got;
    }
    int error = errno;
    (void)close(fd);
    if (target == NULL) {
        complaint_set(complaint, "%s is larger than %zu bytes", path, text->limit - PIECE);
        return STATUS_TOO_BIG;
    }
    return got < 0 ? refuse(complaint, "read", path, error) : STATUS_OK;
}

/* ---- replacing ---- */

static bool write_all(int fd, struct gm_bytes text)
{
    while (text.size > 0) {
        ssize_t wrote = write(fd, text.data, text.size);
        if (wrote < 0 && errno != EINTR) {
            return false;
        }
        if (wrote > 0) {
            text.data += wrote;
            text.size -= (size_t)wrote;
        }
    }
    return true;
}

/* A server that is not root cannot give a file away: then it stays its own, with the same permissions. */
static bool keep_mode(int fd, const struct stat *old)
{
    if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0) {
        return fchmod(fd, old->st_mode & 0777) == 0;
    }
    return fchmod(fd, old->st_mode & 07777) == 0;
}

static bool sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    (void)snprintf(folder, sizeof folder, "%.*s",
                   slash == NULL   ? 1
                   : slash == path ? 1
                                   : (int)(slash - path),
                   slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return done;
}

static enum status write_beside(const char *beside, int fd, const struct stat *old, struct gm_bytes text,
                                struct complaint *complaint)
{
    bool done = keep_mode(fd, old) && write_all(fd, text) && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    return done ? STATUS_OK : refuse(complaint, "write", beside, error);
}

static enum status replace(struct settings *base, struct gm_bytes text, struct complaint *complaint)
{
    const char *path = settings_of(base)->path;
    char beside[4096 + 16];
    struct stat old;
    if (stat(path, &old) != 0) {
        return refuse(complaint, "find", path, errno);
    }
    if (!S_ISREG(old.st_mode)) {
        complaint_set(complaint, "%s is not a file that could be replaced", path);
        return STATUS_REFUSED;
    }
    (void)snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return refuse(complaint, "create a file beside", path, errno);
    }
    enum status status = write_beside(beside, fd, &old, text, complaint);
    if (status == STATUS_OK && rename(beside, path) != 0) {
        status = refuse(complaint, "replace", path, errno);
    }
    if (status != STATUS_OK) {
        (void)unlink(beside);
        return status;
    }
    return sync_folder(path) ? STATUS_OK : refuse(complaint, "sync the folder of", path, errno);
}

void os_settings_init(struct os_settings *settings, const char *path)
{
    static const struct settings_ops ops = {.read = read_settings, .replace = replace};
    settings->base.ops = &ops;
    settings->path = path;
}
