/* SPDX-License-Identifier: MIT */

/* os_disk.c - env/disk.h over a folder, with one thread that waits for the disk so that the loop does not.
 *
 * Idea     submit --> queue --> [thread: pwritev, fdatasync] --> done --> deliver, on the loop's thread
 *                     mutex, condition                      mutex, eventfd
 *
 *          The thread is woken only when it sleeps, and the eventfd is written only when `done` was empty: one wake-up
 *          each way for a lonely request, none for requests that follow closely.
 *
 * Promises
 *   P1  Those of env/disk.h. EINTR and short writes are continued here.
 *   P2  One server per folder: an exclusive flock on the file `lock`, which holds the process's number for people.
 *   P3  A file opened with DISK_WRITE drops the clean pages that the system's cache holds: after a failed sync they may
 *       show what the disk never got (D8).
 *
 * Limits   One request at a time, in order: a sync delays the writes behind it.
 */
#include "os/os_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

#define LOCK_NAME  "lock"
#define ZEROS_SIZE ((size_t)64 * 1024) /* bytes */
#define PIECES_MAX 32

struct disk_file {
    int fd;
};

struct os_disk {
    struct disk base;
    int folder_fd;
    int lock_fd;  /* -1: inspection only */
    int event_fd; /* -1: no thread */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t work; /* the thread waits for it */
    pthread_cond_t rest; /* drain waits for it */
    struct list queue;   /* under the mutex, down to `signalled` */
    struct list done;
    bool busy;
    bool stop;
    bool signalled; /* the eventfd is written, or about to be, and has not been read */
};

/* What the thread writes where there is nothing else: never written to. */
static const uint8_t zeros[ZEROS_SIZE];

static struct os_disk *os_of(struct disk *disk)
{
    return container_of(disk, struct os_disk, base);
}

static enum status status_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    default:
        return STATUS_IO;
    }
}

static bool read_only(const struct os_disk *disk)
{
    return disk->lock_fd < 0;
}

/* ---- immediate calls ---- */

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

static enum status os_open(struct disk *disk, const char *name, enum disk_open how, struct disk_file **out)
{
    struct os_disk *os = os_of(disk);
    if (read_only(os) && how != DISK_READ) {
        return STATUS_REFUSED;
    }
    int fd = openat(os->folder_fd, name, flags_of(how) | O_CLOEXEC, 0600);
    if (fd < 0) {
        return status_of(errno);
    }
    if (how == DISK_WRITE) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    return file_create(fd, out);
}

static void os_close(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    if (file != NULL) {
        (void)close(file->fd);
        memory_free(file);
    }
}

static enum status os_size(struct disk *disk, struct disk_file *file, uint64_t *out)
{
    (void)disk;
    struct stat info;
    if (fstat(file->fd, &info) != 0) {
        return status_of(errno);
    }
    *out = (uint64_t)info.st_size;
    return STATUS_OK;
}

static enum status os_read(struct disk *disk, struct disk_file *file, uint64_t offset, uint8_t *target, size_t size,
                           size_t *got)
{
    (void)disk;
    *got = 0;
    while (*got < size) {
        ssize_t piece = pread(file->fd, target + *got, size - *got, (off_t)(offset + *got));
        if (piece == 0) {
            break;
        }
        if (piece < 0 && errno != EINTR) {
            return status_of(errno);
        }
        *got += piece > 0 ? (size_t)piece : 0;
    }
    return STATUS_OK;
}

/* The next pieces of head, source and zeros, `done` bytes of which are written. Returns how many. */
static int next_pieces(const struct disk_request *request, uint64_t done, struct iovec pieces[static PIECES_MAX])
{
    int count = 0;
    const struct gm_bytes parts[2] = {request->head, request->source};
    for (int i = 0; i < 2; i++) {
        if (done < parts[i].size) {
            pieces[count++] = (struct iovec){(void *)(uintptr_t)(parts[i].data + done), parts[i].size - (size_t)done};
            done = 0;
        } else {
            done -= parts[i].size;
        }
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
    uint64_t size = request->head.size + request->source.size + request->zeros;
    for (uint64_t done = 0; done < size;) {
        struct iovec pieces[PIECES_MAX];
        int count = next_pieces(request, done, pieces);
        ssize_t written = pwritev(fd, pieces, count, (off_t)(request->offset + done));
        if (written < 0 && errno != EINTR) {
            return status_of(errno);
        }
        if (written == 0) {
            return STATUS_IO;
        }
        done += written > 0 ? (uint64_t)written : 0;
    }
    return STATUS_OK;
}

static enum status os_write(struct disk *disk, struct disk_file *file, uint64_t offset, struct gm_bytes source)
{
    (void)disk;
    struct disk_request request = {.offset = offset, .source = source};
    return write_all(file->fd, &request);
}

static enum status sync_data(int fd)
{
    int result;
    do {
        result = fdatasync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : status_of(errno);
}

static enum status sync_folder(int fd)
{
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : status_of(errno);
}

static enum status os_sync(struct disk *disk, struct disk_file *file)
{
    (void)disk;
    return sync_data(file->fd);
}

static enum status os_truncate(struct disk *disk, struct disk_file *file, uint64_t size)
{
    (void)disk;
    int result;
    do {
        result = ftruncate(file->fd, (off_t)size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? STATUS_OK : status_of(errno);
}

static enum status os_rename(struct disk *disk, const char *source, const char *target)
{
    struct os_disk *os = os_of(disk);
    if (read_only(os)) {
        return STATUS_REFUSED;
    }
    return renameat(os->folder_fd, source, os->folder_fd, target) == 0 ? STATUS_OK : status_of(errno);
}

static enum status os_remove(struct disk *disk, const char *name)
{
    struct os_disk *os = os_of(disk);
    if (read_only(os)) {
        return STATUS_REFUSED;
    }
    return unlinkat(os->folder_fd, name, 0) == 0 ? STATUS_OK : status_of(errno);
}

static enum status os_sync_names(struct disk *disk)
{
    return sync_folder(os_of(disk)->folder_fd);
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
        return status_of(errno);
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
    enum status status = errno == 0 ? STATUS_OK : status_of(errno);
    (void)closedir(folder);
    return status;
}

/* ---- requests: the thread's side ---- */

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

static enum status carry_out_create(struct os_disk *disk, struct disk_request *request)
{
    request->file = NULL;
    request->offset = 0;
    request->sync = true;
    int fd = openat(disk->folder_fd, request->name, flags_of(DISK_CREATE) | O_CLOEXEC, 0600);
    if (fd < 0) {
        return status_of(errno);
    }
    enum status status = carry_out_write(request, fd);
    if (status == STATUS_OK) {
        status = sync_folder(disk->folder_fd);
        request->sync_failed = status != STATUS_OK;
    }
    if (status == STATUS_OK) {
        return file_create(fd, &request->file);
    }
    (void)close(fd);
    (void)unlinkat(disk->folder_fd, request->name, 0);
    return status;
}

static void carry_out(struct os_disk *disk, struct disk_request *request)
{
    struct timespec start;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    request->sync_failed = false;
    request->status = request->action == DISK_ACTION_CREATE ? carry_out_create(disk, request)
                                                            : carry_out_write(request, request->file->fd);
    request->elapsed_us = us_since(&start);
}

static void wake_loop(struct os_disk *disk)
{
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(disk->event_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

/* Under the mutex, which is released meanwhile. */
static void serve(struct os_disk *disk)
{
    struct disk_request *request = container_of(disk->queue.next, struct disk_request, link);
    list_remove(&request->link);
    disk->busy = true;
    (void)pthread_mutex_unlock(&disk->mutex);
    carry_out(disk, request);
    (void)pthread_mutex_lock(&disk->mutex);
    disk->busy = false;
    list_push_back(&disk->done, &request->link);
    bool wake = !disk->signalled;
    disk->signalled = true;
    (void)pthread_cond_signal(&disk->rest);
    if (wake) {
        (void)pthread_mutex_unlock(&disk->mutex);
        wake_loop(disk);
        (void)pthread_mutex_lock(&disk->mutex);
    }
}

static void *run(void *argument)
{
    struct os_disk *disk = argument;
    (void)pthread_mutex_lock(&disk->mutex);
    for (;;) {
        if (!list_empty(&disk->queue)) {
            serve(disk);
        } else if (disk->stop) {
            break;
        } else {
            (void)pthread_cond_wait(&disk->work, &disk->mutex);
        }
    }
    (void)pthread_mutex_unlock(&disk->mutex);
    return NULL;
}

/* ---- requests: the loop's side ---- */

static void os_submit(struct disk *disk, struct disk_request *request)
{
    struct os_disk *os = os_of(disk);
    check(os->event_fd >= 0);
    (void)pthread_mutex_lock(&os->mutex);
    list_push_back(&os->queue, &request->link);
    (void)pthread_mutex_unlock(&os->mutex);
    (void)pthread_cond_signal(&os->work);
}

void os_disk_deliver(struct os_disk *disk)
{
    struct list done;
    list_init(&done);
    (void)pthread_mutex_lock(&disk->mutex);
    list_move_all(&done, &disk->done);
    if (disk->signalled) {
        /* Nothing to read yet: the thread is about to write, and until that is read it need not write again. */
        uint64_t count;
        disk->signalled = read(disk->event_fd, &count, sizeof count) != sizeof count;
    }
    (void)pthread_mutex_unlock(&disk->mutex);
    while (!list_empty(&done)) {
        struct disk_request *request = container_of(done.next, struct disk_request, link);
        list_remove(&request->link);
        request->on_done(request);
    }
}

static void os_drain(struct disk *disk)
{
    struct os_disk *os = os_of(disk);
    bool more = os->event_fd >= 0;
    while (more) {
        (void)pthread_mutex_lock(&os->mutex);
        while (os->busy || !list_empty(&os->queue)) {
            (void)pthread_cond_wait(&os->rest, &os->mutex);
        }
        more = !list_empty(&os->done);
        (void)pthread_mutex_unlock(&os->mutex);
        os_disk_deliver(os);
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
    complaint_set(complaint, "the data folder %s can not be %s: %s", folder, what, strerror(errno));
    return status;
}

/* The new folder's own name is made durable too. */
static void sync_parent(int folder_fd)
{
    int parent = openat(folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        (void)sync_folder(parent); /* some parents can not be synced; the log's own syncs decide */
        (void)close(parent);
    }
}

static enum status open_folder(struct os_disk *disk, const char *folder, bool make, struct complaint *complaint)
{
    bool made = make && mkdir(folder, 0700) == 0;
    if (make && !made && errno != EEXIST) {
        return refuse(status_of(errno), folder, "created", complaint);
    }
    disk->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->folder_fd < 0) {
        return refuse(status_of(errno), folder, "opened", complaint);
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

static enum status start_thread(struct os_disk *disk, const char *folder, struct complaint *complaint)
{
    sigset_t all;
    sigset_t before;
    disk->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (disk->event_fd < 0) {
        return refuse(STATUS_IO, folder, "served", complaint);
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&disk->thread, NULL, run, disk);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        (void)close(disk->event_fd);
        disk->event_fd = -1;
        errno = error;
        return refuse(STATUS_IO, folder, "served", complaint);
    }
    return STATUS_OK;
}

static struct os_disk *prepare(void)
{
    struct os_disk *disk = memory_zeroed(sizeof *disk);
    disk->base.ops = &ops;
    disk->folder_fd = -1;
    disk->lock_fd = -1;
    disk->event_fd = -1;
    (void)pthread_mutex_init(&disk->mutex, NULL);
    (void)pthread_cond_init(&disk->work, NULL);
    (void)pthread_cond_init(&disk->rest, NULL);
    list_init(&disk->queue);
    list_init(&disk->done);
    return disk;
}

enum status os_disk_create(struct os_disk **out, const char *folder, struct complaint *complaint)
{
    struct os_disk *disk = prepare();
    enum status status = open_folder(disk, folder, true, complaint);
    if (status == STATUS_OK) {
        status = lock_folder(disk, folder, complaint);
    }
    if (status == STATUS_OK) {
        status = start_thread(disk, folder, complaint);
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
    struct os_disk *disk = prepare();
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
    return disk->event_fd;
}

static void stop_thread(struct os_disk *disk)
{
    (void)pthread_mutex_lock(&disk->mutex);
    disk->stop = true;
    (void)pthread_mutex_unlock(&disk->mutex);
    (void)pthread_cond_signal(&disk->work);
    (void)pthread_join(disk->thread, NULL);
    (void)close(disk->event_fd);
}

void os_disk_destroy(struct os_disk *disk)
{
    if (disk == NULL) {
        return;
    }
    if (disk->event_fd >= 0) {
        stop_thread(disk);
    }
    if (disk->lock_fd >= 0) {
        (void)close(disk->lock_fd);
    }
    if (disk->folder_fd >= 0) {
        (void)close(disk->folder_fd);
    }
    (void)pthread_cond_destroy(&disk->rest);
    (void)pthread_cond_destroy(&disk->work);
    (void)pthread_mutex_destroy(&disk->mutex);
    memory_free(disk);
}
