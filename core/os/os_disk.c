/* SPDX-License-Identifier: MIT */

/* os_disk.c - env/disk.h over a folder: its lock, the immediate calls, and lanes for the requests (os_lanes.c).
 *
 * Promises
 *   P1  Those of env/disk.h; the system calls are in os_file.c.
 *   P2  One server per folder: an exclusive flock on the file `lock`, which holds the process's number for people.
 *   P3  A disk that was opened for inspection changes nothing.
 */
#include "os/os_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_file.h"
#include "os/os_lanes.h"

#define LOCK_NAME "lock"

struct os_disk {
    struct disk base;
    struct os_lanes *lanes; /* NULL: inspection only */
    int folder_fd;
    int lock_fd; /* -1: inspection only */
};

static struct os_disk *os_of(struct disk *disk)
{
    return container_of(disk, struct os_disk, base);
}

static bool read_only(const struct os_disk *disk)
{
    return disk->lock_fd < 0;
}

/* ---- immediate calls ---- */

static enum status os_open(struct disk *disk, const char *name, enum disk_open how, struct disk_file **out)
{
    struct os_disk *os = os_of(disk);
    if (read_only(os) && how != DISK_READ) {
        return STATUS_REFUSED;
    }
    return os_file_open(os->folder_fd, name, how, out);
}

static void os_close(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    os_file_close(file);
}

static enum status os_size(struct disk *disk, struct disk_file *file, uint64_t *out)
{
    (void)disk;
    return os_file_size(file, out);
}

static enum status os_read(struct disk *disk, struct disk_file *file, uint64_t offset, uint8_t *target, size_t size,
                           size_t *got)
{
    (void)disk;
    return os_file_read(file, offset, target, size, got);
}

static enum status os_write(struct disk *disk, struct disk_file *file, uint64_t offset, struct gm_bytes source)
{
    (void)disk;
    return os_file_write(file, offset, source);
}

static enum status os_sync(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    return os_file_sync(file);
}

static enum status os_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
    (void)disk;
    int result;
    do {
        result = ftruncate(file->fd, (off_t)size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : os_file_status(errno);
}

static enum status os_rename(struct disk *disk, const char *source, const char *target)
{
    struct os_disk *os = os_of(disk);
    if (read_only(os)) {
        return STATUS_REFUSED;
    }
    return os_file_rename(os->folder_fd, source, target);
}

static enum status os_remove(struct disk *disk, const char *name)
{
    struct os_disk *os = os_of(disk);
    if (read_only(os)) {
        return STATUS_REFUSED;
    }
    return os_file_remove(os->folder_fd, name);
}

static enum status os_sync_names(struct disk *disk)
{
    return os_file_sync_folder(os_of(disk)->folder_fd);
}

/* Whether the log's files may see an entry of this name. */
static bool is_ours(const struct os_disk *disk, const struct dirent *entry)
{
    struct stat info;
    return entry->d_name[0] != '.' && strcmp(entry->d_name, LOCK_NAME) != 0 && strlen(entry->d_name) < DISK_NAME_MAX &&
           fstatat(disk->folder_fd, entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode);
}

static enum status os_list(struct disk *disk, bool (*on_name)(void *context, const char *name), void *context)
{
    struct os_disk *os = os_of(disk);
    int fd = openat(os->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return os_file_status(errno);
    }
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        (void)close(fd);
        return STATUS_IO;
    }
    errno = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (is_ours(os, entry) && !on_name(context, entry->d_name)) {
            errno = 0;
            break;
        }
        errno = 0;
    }
    enum status status = errno == 0 ? STATUS_OK : os_file_status(errno);
    (void)closedir(folder);
    return status;
}

/* ---- requests ---- */

static void os_submit(struct disk *disk, struct disk_request *request)
{
    struct os_disk *os = os_of(disk);
    check(os->lanes != NULL);
    os_lanes_submit(os->lanes, request);
}

static void os_drain(struct disk *disk)
{
    struct os_disk *os = os_of(disk);
    if (os->lanes != NULL) {
        os_lanes_drain(os->lanes);
    }
}

static const struct disk_ops ops = {
    .open = os_open,
    .close = os_close,
    .size = os_size,
    .read = os_read,
    .write = os_write,
    .sync = os_sync,
    .truncate = os_truncate,
    .rename = os_rename,
    .remove = os_remove,
    .sync_names = os_sync_names,
    .list = os_list,
    .submit = os_submit,
    .drain = os_drain,
};

/* ---- beginning and end ---- */

static enum status refuse(enum status status, const char *folder, const char *what, struct complaint *complaint)
{
    complaint_set(complaint, "the data folder %s cannot be %s: %s", folder, what, strerror(errno));
    return status;
}

/* The new folder's own name is made durable too. */
static void sync_parent(int folder_fd)
{
    int parent = openat(folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        (void)os_file_sync_folder(parent); /* some parents cannot be synced; the log's own syncs decide */
        (void)close(parent);
    }
}

static enum status open_folder(struct os_disk *disk, const char *folder, bool make, struct complaint *complaint)
{
    bool made = make && mkdir(folder, 0700) == 0;
    if (make && !made && errno != EEXIST) {
        return refuse(os_file_status(errno), folder, "created", complaint);
    }
    disk->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->folder_fd < 0) {
        return refuse(os_file_status(errno), folder, "opened", complaint);
    }
    if (made) {
        sync_parent(disk->folder_fd);
    }
    return STATUS_OK;
}

static enum status lock_folder(struct os_disk *disk, const char *folder, struct complaint *complaint)
{
    char text[32] = "";
    disk->lock_fd = openat(disk->folder_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (disk->lock_fd < 0) {
        return refuse(STATUS_IO, folder, "locked", complaint);
    }
    if (flock(disk->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return refuse(STATUS_IO, folder, "locked", complaint);
        }
        ssize_t size = pread(disk->lock_fd, text, sizeof text - 1, 0);
        long pid = size > 0 ? strtol(text, NULL, 10) : 0;
        complaint_set(complaint, "the data folder %s is in use by another server (process %ld)", folder, pid);
        return STATUS_REFUSED;
    }
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(disk->lock_fd, 0) != 0 || pwrite(disk->lock_fd, text, (size_t)size, 0) != size) {
        return STATUS_OK; /* the number is for people only: a full disk is no reason not to start */
    }
    return STATUS_OK;
}

static enum status start_lanes(struct os_disk *disk, const char *folder, struct complaint *complaint)
{
    disk->lanes = os_lanes_create(disk->folder_fd);
    return disk->lanes != NULL ? STATUS_OK : refuse(STATUS_IO, folder, "served", complaint);
}

static struct os_disk *closed_disk(void)
{
    struct os_disk *disk = memory_zeroed(sizeof *disk);
    disk->base.ops = &ops;
    disk->folder_fd = -1;
    disk->lock_fd = -1;
    return disk;
}

enum status os_disk_create(struct os_disk **out, const char *folder, struct complaint *complaint)
{
    struct os_disk *disk = closed_disk();
    enum status status = open_folder(disk, folder, true, complaint);
    if (status == STATUS_OK) {
        status = lock_folder(disk, folder, complaint);
    }
    if (status == STATUS_OK) {
        status = start_lanes(disk, folder, complaint);
    }
    if (status != STATUS_OK) {
        os_disk_destroy(disk);
        return status;
    }
    *out = disk;
    return STATUS_OK;
}

enum status os_disk_inspect(struct os_disk **out, const char *folder, struct complaint *complaint)
{
    struct os_disk *disk = closed_disk();
    enum status status = open_folder(disk, folder, false, complaint);
    if (status != STATUS_OK) {
        os_disk_destroy(disk);
        return status;
    }
    *out = disk;
    return STATUS_OK;
}

struct disk *os_disk_interface(struct os_disk *disk)
{
    return &disk->base;
}

int os_disk_event_fd(const struct os_disk *disk)
{
    return disk->lanes != NULL ? os_lanes_event_fd(disk->lanes) : -1;
}

void os_disk_deliver(struct os_disk *disk)
{
    check(disk->lanes != NULL);
    os_lanes_deliver(disk->lanes);
}

void os_disk_destroy(struct os_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    os_lanes_destroy(disk->lanes);
    if (disk->lock_fd >= 0) {
        (void)close(disk->lock_fd);
    }
    if (disk->folder_fd >= 0) {
        (void)close(disk->folder_fd);
    }
    memory_free(disk);
}
