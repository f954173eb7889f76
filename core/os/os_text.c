/* SPDX-License-Identifier: MIT */

/* os_text.c - os_text.h has the argument. */
#include "os/os_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"

/* A regular one, which those who are `forbidden` to cannot have changed. A pipe would keep the start waiting. */
static enum status open_file(const char *path, const char *what, unsigned forbidden, int *out,
                             struct complaint *complaint)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        complaint_set(complaint, "cannot read %s: %s", path, strerrordesc_np(error));
        return error == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    enum status status = STATUS_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        complaint_set(complaint, "cannot read %s: %s must be a regular file", path, what);
        status = STATUS_NO_FILE;
    } else {
        status = trust(info.st_mode, forbidden, what, path, complaint);
    }
    if (status != STATUS_OK) {
        (void)close(fd);
        return status;
    }
    *out = fd;
    return STATUS_OK;
}

enum status os_text_read(const char *path, const char *what, unsigned forbidden, size_t limit, struct buf *out,
                         struct complaint *complaint)
{
    int fd;
    TRY(open_file(path, what, forbidden, &fd, complaint));
    buf_init(out, limit);
    ssize_t got = 0;
    uint8_t *target;
    while ((target = buf_reserve(out, 4096)) != NULL && (got = read(fd, target, 4096)) > 0) {
        out->size += (size_t)got;
    }
    int error = errno;
    (void)close(fd);
    if (target == NULL) {
        complaint_set(complaint, "%s is larger than %zu bytes", path, limit - 4096);
        return STATUS_TOO_BIG;
    }
    if (got < 0) {
        complaint_set(complaint, "cannot read %s: %s", path, strerrordesc_np(error));
        return STATUS_IO;
    }
    return STATUS_OK;
}
