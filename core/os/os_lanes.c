/* SPDX-License-Identifier: MIT */

/* os_lanes.c - one thread per lane that waits for the disk so that the loop does not, and the other lane neither.
 *
 * Idea     submit --> queue of its lane --> [the lane's thread: prepare, pwritev, fdatasync] --.
 *                     condition                                                                v
 *          deliver, on the loop's thread <-- eventfd <-- done, one list for all lanes <--------'
 *
 *          A thread is woken only when it sleeps, and the eventfd is written only when it has been read since: one
 *          wake-up each way for a lonely request, none for requests that follow closely.
 *
 * Promises
 *   P1  D1 of env/disk.h: each lane is one queue and one thread, and `done` is filled and emptied in order.
 *   P2  The mutex is held for list operations only, never while the disk is waited for.
 *
 * Limits   One request at a time per lane: a sync delays the writes behind it. The lanes meet again in the file system
 *          and in the device; what is written there can make a sync on another lane slower.
 */
#include "os/os_lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_file.h"

struct os_lane {
    struct os_lanes *lanes;
    int folder_fd; /* its own: the system tells of an error once per descriptor, and each lane must hear of it */
    pthread_t thread;
    pthread_cond_t work; /* the thread waits for it */
    struct list queue;   /* under the mutex, as is `busy` */
    bool busy;
};

struct os_lanes {
    int event_fd;
    size_t started;      /* threads */
    pthread_cond_t rest; /* drain waits for it */
    pthread_mutex_t mutex;
    struct list done; /* under the mutex, as is all below */
    bool stop;
    bool signalled; /* the eventfd is written, or about to be, and has not been read */
    struct os_lane lane[DISK_LANES];
};

/* ---- the threads' side ---- */

static void wake_loop(struct os_lanes *lanes)
{
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(lanes->event_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

/* Under the mutex, which is released meanwhile. */
static void serve(struct os_lane *lane)
{
    struct os_lanes *lanes = lane->lanes;
    struct disk_request *request = container_of(lane->queue.next, struct disk_request, link);
    list_remove(&request->link);
    check(!lane->busy); /* os_lanes P1 */
    lane->busy = true;
    (void)pthread_mutex_unlock(&lanes->mutex);
    os_file_carry_out(lane->folder_fd, request);
    (void)pthread_mutex_lock(&lanes->mutex);
    lane->busy = false;
    list_push_back(&lanes->done, &request->link);
    bool wake = !lanes->signalled;
    lanes->signalled = true;
    (void)pthread_cond_signal(&lanes->rest);
    if (wake) {
        (void)pthread_mutex_unlock(&lanes->mutex);
        wake_loop(lanes);
        (void)pthread_mutex_lock(&lanes->mutex);
    }
}

static void *run(void *argument)
{
    struct os_lane *lane = argument;
    struct os_lanes *lanes = lane->lanes;
    (void)pthread_mutex_lock(&lanes->mutex);
    for (;;) {
        if (!list_empty(&lane->queue)) {
            serve(lane);
        } else if (lanes->stop) {
            break;
        } else {
            (void)pthread_cond_wait(&lane->work, &lanes->mutex);
        }
    }
    (void)pthread_mutex_unlock(&lanes->mutex);
    return NULL;
}

/* ---- the loop's side ---- */

int os_lanes_event_fd(const struct os_lanes *lanes)
{
    return lanes->event_fd;
}

void os_lanes_submit(struct os_lanes *lanes, struct disk_request *request)
{
    check((unsigned)request->lane < DISK_LANES);
    struct os_lane *lane = &lanes->lane[request->lane];
    (void)pthread_mutex_lock(&lanes->mutex);
    list_push_back(&lane->queue, &request->link);
    (void)pthread_mutex_unlock(&lanes->mutex);
    (void)pthread_cond_signal(&lane->work);
}

void os_lanes_deliver(struct os_lanes *lanes)
{
    struct list done;
    uint64_t count;
    list_init(&done);
    /* Read first, outside the mutex, where a thread would wait for the call: whoever is done after this writes again,
     * and one that has not written yet wakes the loop once in vain. */
    ssize_t got = read(lanes->event_fd, &count, sizeof count);
    (void)got;
    (void)pthread_mutex_lock(&lanes->mutex);
    list_move_all(&done, &lanes->done);
    lanes->signalled = false;
    (void)pthread_mutex_unlock(&lanes->mutex);
    while (!list_empty(&done)) {
        struct disk_request *request = container_of(done.next, struct disk_request, link);
        list_remove(&request->link);
        request->on_done(request);
    }
}

/* Under the mutex. */
static bool is_at_work(const struct os_lanes *lanes)
{
    bool at_work = false;
    for (size_t i = 0; i < DISK_LANES; i++) {
        at_work = at_work || lanes->lane[i].busy || !list_empty(&lanes->lane[i].queue);
    }
    return at_work;
}

void os_lanes_drain(struct os_lanes *lanes)
{
    for (bool more = true; more;) {
        (void)pthread_mutex_lock(&lanes->mutex);
        while (is_at_work(lanes)) {
            (void)pthread_cond_wait(&lanes->rest, &lanes->mutex);
        }
        more = !list_empty(&lanes->done);
        (void)pthread_mutex_unlock(&lanes->mutex);
        os_lanes_deliver(lanes);
    }
}

/* ---- beginning and end ---- */

/* Signals are the loop's: the threads take none. Returns an error number. */
static int start_thread(struct os_lane *lane, int folder_fd)
{
    sigset_t all;
    sigset_t before;
    lane->folder_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lane->folder_fd < 0) {
        return errno;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&lane->thread, NULL, run, lane);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

struct os_lanes *os_lanes_create(int folder_fd)
{
    struct os_lanes *lanes = memory_zeroed(sizeof *lanes);
    pthread_mutexattr_t adaptive; /* it is held for nanoseconds: spinning is cheaper than going to sleep */
    (void)pthread_mutexattr_init(&adaptive);
    (void)pthread_mutexattr_settype(&adaptive, PTHREAD_MUTEX_ADAPTIVE_NP);
    (void)pthread_mutex_init(&lanes->mutex, &adaptive);
    (void)pthread_mutexattr_destroy(&adaptive);
    (void)pthread_cond_init(&lanes->rest, NULL);
    list_init(&lanes->done);
    for (size_t i = 0; i < DISK_LANES; i++) {
        lanes->lane[i].lanes = lanes;
        lanes->lane[i].folder_fd = -1;
        (void)pthread_cond_init(&lanes->lane[i].work, NULL);
        list_init(&lanes->lane[i].queue);
    }
    lanes->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = lanes->event_fd < 0 ? errno : 0;
    while (error == 0 && lanes->started < DISK_LANES) {
        error = start_thread(&lanes->lane[lanes->started], folder_fd);
        lanes->started += error == 0;
    }
    if (error != 0) {
        os_lanes_destroy(lanes);
        errno = error;
        return NULL;
    }
    return lanes;
}

void os_lanes_destroy(struct os_lanes *lanes)
{
    if (lanes == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&lanes->mutex);
    lanes->stop = true;
    (void)pthread_mutex_unlock(&lanes->mutex);
    for (size_t i = 0; i < DISK_LANES; i++) {
        (void)pthread_cond_signal(&lanes->lane[i].work);
        if (i < lanes->started) {
            (void)pthread_join(lanes->lane[i].thread, NULL);
        }
        if (lanes->lane[i].folder_fd >= 0) {
            (void)close(lanes->lane[i].folder_fd);
        }
        (void)pthread_cond_destroy(&lanes->lane[i].work);
    }
    if (lanes->event_fd >= 0) {
        (void)close(lanes->event_fd);
    }
    (void)pthread_cond_destroy(&lanes->rest);
    (void)pthread_mutex_destroy(&lanes->mutex);
    memory_free(lanes);
}
