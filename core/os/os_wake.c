/* SPDX-License-Identifier: MIT */

/* os_wake.c - an eventfd that a loop watches. */
#include "os/os_wake.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

struct os_wake {
    struct os_loop *loop; /* borrowed */
    int event_fd;
    void (*on_wake)(void *context);
    void *context;
};

static void on_ready(void *context)
{
    const struct os_wake *wake = context;
    eventfd_t count;
    if (eventfd_read(wake->event_fd, &count) == 0 && wake->on_wake != NULL) {
        wake->on_wake(wake->context);
    }
}

enum status os_wake_create(struct os_wake **out, struct os_loop *loop, void (*on_wake)(void *context), void *context,
                           struct complaint *complaint)
{
    int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (event_fd < 0) {
        complaint_set(complaint, "cannot wake a thread: %s", strerrordesc_np(errno));
        return STATUS_REFUSED;
    }
    struct os_wake *wake = memory_zeroed(sizeof *wake);
    *wake = (struct os_wake){loop, event_fd, on_wake, context};
    enum status status = os_loop_watch(loop, event_fd, on_ready, wake, complaint);
    if (status != STATUS_OK) {
        (void)close(event_fd);
        memory_free(wake);
        return status;
    }
    *out = wake;
    return STATUS_OK;
}

void os_wake_call(struct os_wake *wake)
{
    int before = errno;
    (void)eventfd_write(wake->event_fd, 1); /* that it is full already is as good */
    errno = before;
}

void os_wake_destroy(struct os_wake *wake)
{
    if (wake == NULL) {
        return;
    }
    os_loop_unwatch(wake->loop, wake->event_fd);
    (void)close(wake->event_fd);
    memory_free(wake);
}
