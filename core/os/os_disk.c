/* SPDX-License-Identifier: MIT */

/* os_disk.c - env/disk.h over a folder: its lock, the immediate calls, and lanes for the requests (os_lanes.c).
 *
 * Promises
 *   P1  Those of env/disk.h; the system calls are in os_file.c.
 *   P2  One server per folder: an exclusive flock on the folder itself, by a descriptor of it, whatever name it has by
 *       now and whatever is in it. The file `lock` is locked too, and tells people and the next server who holds the
 *       folder: "1234", or "1234 ending". Taking it away opens nothing.
 *   P4  A server that finds the folder held by one that is ending waits for it, up to ENDING_MS.
 *   P5  Nothing is written to through a link: not through a symbolic one, and a file `lock` that has a second name
 *       keeps its content.
 *   P3  A disk that was opened for inspection changes nothing.
 */
#include "os/os_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/trust.h"
#include "os/os_file.h"
#include "os/os_lanes.h"

#define LOCK_NAME "lock"
#define LOCK_TEXT 32 /* bytes of what it says, with the terminator */
#define ENDING    " ending"
#define ENDING_MS 10000
#define ASKING_MS 20

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
static bool is_ours(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, LOCK_NAME) != 0 && strlen(entry->d_name) < DISK_NAME_MAX;
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
        if (is_ours(entry) && !on_name(context, entry->d_name)) {
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
    struct stat info;
    if (fstat(disk->folder_fd, &info) != 0) {
        return refuse(STATUS_IO, folder, "looked at", complaint);
    }
    return make ? trust(info.st_mode, TRUST_GROUP, "the data folder", folder, complaint) : STATUS_OK;
}

enum status os_disk_make_parent(const char *folder, struct complaint *complaint)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(folder, '/');
    size_t size = slash != NULL ? (size_t)(slash - folder) : 0;
    if (size == 0 || size >= sizeof parent) {
        return STATUS_OK; /* the root, the folder where we are, or none that can be opened */
    }
    memcpy(parent, folder, size);
    parent[size] = '\0';
    struct os_disk disk = {.folder_fd = -1, .lock_fd = -1};
    enum status status = open_folder(&disk, parent, true, complaint);
    if (disk.folder_fd >= 0) {
        (void)close(disk.folder_fd);
    }
    return status;
}

/* What the file says of who holds the folder; "" if it says nothing. */
static void read_lock(const struct os_disk *disk, char text[static LOCK_TEXT])
{
    int fd = openat(disk->folder_fd, LOCK_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = fd >= 0 ? pread(fd, text, LOCK_TEXT - 1, 0) : 0;
    text[size > 0 ? size : 0] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* For people, and for a server that waits: a full disk is no reason not to start, or not to end. */
static void write_lock(struct os_disk *disk, const char *state)
{
    char text[LOCK_TEXT];
    struct stat info;
    int size = snprintf(text, sizeof text, "%ld%s\n", (long)getpid(), state);
    if (disk->lock_fd >= 0 && fstat(disk->lock_fd, &info) == 0 && info.st_nlink <= 1) { /* os_disk P5 */
        bool written = ftruncate(disk->lock_fd, 0) == 0 && pwrite(disk->lock_fd, text, (size_t)size, 0) == size;
        (void)written;
    }
}

/* Takes the lock of `fd`. STATUS_EXISTS: somebody else has it. */
static enum status take_lock(int fd)
{
    int result;
    do {
        result = flock(fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : errno == EWOULDBLOCK ? STATUS_EXISTS : STATUS_IO;
}

/* The same, but waits for a holder who says that it is ending (P4). */
static enum status wait_for_lock(const struct os_disk *disk, int fd, const struct trace *log)
{
    enum status status = take_lock(fd);
    bool told = false;
    for (int waited_ms = 0; status == STATUS_EXISTS && waited_ms < ENDING_MS; waited_ms += ASKING_MS) {
        char text[LOCK_TEXT];
        read_lock(disk, text);
        if (strstr(text, ENDING) == NULL) {
            break;
        }
        if (!told && log != NULL) {
            trace(log, TRACE_INFO, "the data folder is held by process %ld, which is ending: waiting up to %d s",
                  strtol(text, NULL, 10), ENDING_MS / 1000);
        }
        told = true;
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = ASKING_MS * 1000000L}, NULL);
        status = take_lock(fd);
    }
    return status;
}

static enum status refuse_lock(const struct os_disk *disk, enum status status, const char *folder,
                               struct complaint *complaint)
{
    if (status != STATUS_EXISTS) {
        return refuse(status, folder, "locked", complaint);
    }
    char text[LOCK_TEXT];
    read_lock(disk, text);
    if (text[0] != '\0') {
        complaint_set(complaint, "the data folder %s is in use by another server (process %ld)", folder,
                      strtol(text, NULL, 10));
    } else {
        complaint_set(complaint, "the data folder %s is in use by another server", folder);
    }
    return STATUS_REFUSED;
}

/* The folder first: whoever has it not must not even make a file in it. */
static enum status lock_folder(struct os_disk *disk, const char *folder, const struct trace *log,
                               struct complaint *complaint)
{
    struct stat info;
    enum status status = wait_for_lock(disk, disk->folder_fd, log);
    if (status != STATUS_OK) {
        return refuse_lock(disk, status, folder, complaint);
    }
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    disk->lock_fd = openat(disk->folder_fd, LOCK_NAME, flags, 0600);
    if (disk->lock_fd < 0 || fstat(disk->lock_fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        complaint_set(complaint,
                      "the data folder %s cannot be locked: %s/" LOCK_NAME " is not a file of its own (%s); "
                      "move it away",
                      folder, folder, disk->lock_fd < 0 ? strerror(errno) : "no regular file");
        return STATUS_IO;
    }
    status = wait_for_lock(disk, disk->lock_fd, log); /* of a server that locks nothing else */
    if (status != STATUS_OK) {
        return refuse_lock(disk, status, folder, complaint);
    }
    write_lock(disk, "");
    return STATUS_OK;
}

void os_disk_is_ending(struct os_disk *disk)
{
    write_lock(disk, ENDING);
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

enum status os_disk_create(struct os_disk **out, const char *folder, const struct trace *log,
                           struct complaint *complaint)
{
    struct os_disk *disk = closed_disk();
    enum status status = open_folder(disk, folder, true, complaint);
    if (status == STATUS_OK) {
        status = lock_folder(disk, folder, log, complaint);
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
