/* SPDX-License-Identifier: MIT */

/* loop.c - the turns.
 *
 * Why      At one request per read, two thirds of a request's cost are the kernel's: epoll_wait, read, write. So there
 *          must be nothing else: no timer and no epoll_ctl per request, one reading of the clocks per turn, and as many
 *          events per turn as there are.
 *
 * Idea     epoll, whose data is a struct loop_source: one indirect call per event.
 *
 *          The moment of the next turn is kept by a timer of its own, not by epoll_wait's timeout, which the kernel
 *          sets up and takes down at every wait: 2 % of a request. The timer is set only when the moment is earlier
 *          than the one that it is set to; one that has become later finds the timer too early, once, and sets it anew.
 *
 * Promises
 *   I1  A source is freed only when the events of its turn have been handed out; it has been taken out of epoll by
 *       then. So no event finds a source that is gone, and no descriptor's number is used again within a turn.
 *   I2  Callbacks are never nested: what one of them asks for (closing, resuming) is put on a list.
 *   I3  Each step of a turn is finite: who asks to be resumed while the resumed are served is served in the next turn,
 *       which then does not wait.
 */
#include "os/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/conn.h"
#include "os/linger.h"
#include "os/listener.h"
#include "os/loop_state.h"
#include "os/network.h"
#include "os/os_call.h"
#include "os/os_clock.h"

#define KEEPALIVE_S 300

static void close_descriptors(struct os_loop *loop)
{
    int descriptors[] = {loop->spare, loop->timer, loop->epoll};
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
}

/* The event is told once per expiry, so the timer needs not be read. */
static void on_timer(struct loop_source *source, uint32_t events)
{
    (void)events;
    container_of(source, struct os_loop, timer_source)->timer_ms = OS_LOOP_NEVER;
}

enum status os_loop_create(struct os_loop **out, const struct os_loop_driver *driver, struct complaint *complaint)
{
    check(driver->turn != NULL && driver->turn_end != NULL);
    struct os_loop *loop = memory_zeroed(sizeof *loop);
    loop->driver = *driver;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->timer_ms = OS_LOOP_NEVER;
    loop->timer_source.on_event = on_timer;
    loop->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (loop->epoll < 0 || loop->timer < 0 || loop->spare < 0 ||
        !loop_control(loop, EPOLL_CTL_ADD, loop->timer, EPOLLIN | EPOLLET, &loop->timer_source)) {
        complaint_set(complaint, "cannot create the event loop: %s", strerrordesc_np(errno));
        close_descriptors(loop);
        memory_free(loop);
        return STATUS_REFUSED;
    }
    loop->keepalive_s = KEEPALIVE_S;
    network_init(loop);
    loop->monotonic_ms = os_clock_monotonic_us() / 1000;
    list_init(&loop->conns);
    list_init(&loop->closing);
    list_init(&loop->resumed);
    list_init(&loop->ready);
    list_init(&loop->listeners);
    list_init(&loop->unlistened);
    list_init(&loop->lingering);
    list_init(&loop->watches);
    list_init(&loop->unwatched);
    *out = loop;
    return STATUS_OK;
}

/* ---- watches ---- */

static struct loop_watch *watch_at(struct list *link)
{
    return container_of(link, struct loop_watch, link);
}

static void on_watch_event(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct loop_watch *watch = container_of(source, struct loop_watch, source);
    if (watch->on_ready != NULL) {
        watch->on_ready(watch->context);
    }
}

enum status os_loop_watch(struct os_loop *loop, int descriptor, void (*on_ready)(void *context), void *context,
                          struct complaint *complaint)
{
    struct loop_watch *watch = memory_zeroed(sizeof *watch);
    watch->source.on_event = on_watch_event;
    watch->descriptor = descriptor;
    watch->on_ready = on_ready;
    watch->context = context;
    if (!loop_control(loop, EPOLL_CTL_ADD, descriptor, EPOLLIN, &watch->source)) {
        complaint_set(complaint, "cannot watch a descriptor: %s", strerrordesc_np(errno));
        memory_free(watch);
        return STATUS_REFUSED;
    }
    list_push_back(&loop->watches, &watch->link);
    return STATUS_OK;
}

void os_loop_unwatch(struct os_loop *loop, int descriptor)
{
    for (struct list *at = loop->watches.next; at != &loop->watches; at = at->next) {
        struct loop_watch *watch = watch_at(at);
        if (watch->descriptor == descriptor) {
            loop_control(loop, EPOLL_CTL_DEL, descriptor, 0, &watch->source);
            watch->on_ready = NULL;
            list_remove(&watch->link);
            list_push_back(&loop->unwatched, &watch->link);
            return;
        }
    }
}

static void free_watches(struct list *list)
{
    while (!list_empty(list)) {
        struct loop_watch *watch = watch_at(list->next);
        list_remove(&watch->link);
        memory_free(watch);
    }
}

/* ---- turns ---- */

static bool work_waits(const struct os_loop *loop)
{
    return !list_empty(&loop->closing) || !list_empty(&loop->resumed) || !list_empty(&loop->ready);
}

/* Sees to it that the next wait ends at `next_ms` at the latest; false: there is nothing to wait for. */
static bool set_timer(struct os_loop *loop, int64_t next_ms)
{
    if (loop->accept_again_ms != 0 && loop->accept_again_ms < next_ms) {
        next_ms = loop->accept_again_ms;
    }
    if (!list_empty(&loop->lingering)) {
        int64_t linger_ms = linger_next_ms(loop);
        next_ms = linger_ms < next_ms ? linger_ms : next_ms;
    }
    if (work_waits(loop) || next_ms <= loop->monotonic_ms) {
        return false;
    }
    if (next_ms < loop->timer_ms) {
        struct itimerspec when = {.it_value = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000}};
        int outcome = timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL);
        check(outcome == 0);
        loop->timer_ms = next_ms;
    }
    return true;
}

/* Turns are shorter than a millisecond where there is much to do, and then the wall clock is read once in one. */
static void read_clocks(struct os_loop *loop)
{
    int64_t monotonic_ms = os_clock_monotonic_us() / 1000;
    if (monotonic_ms != loop->monotonic_ms || loop->wall_ms == 0) {
        loop->monotonic_ms = monotonic_ms;
        loop->wall_ms = os_clock_wall_ms();
    }
}

static int64_t take_turn(struct os_loop *loop, int count)
{
    struct list ready;
    list_init(&ready);
    list_move_all(&ready, &loop->ready);
    read_clocks(loop);
    loop->driver.turn(loop->driver.context, loop->wall_ms, loop->monotonic_ms);
    for (int i = 0; i < count; i++) {
        struct loop_source *source = loop->events[i].data.ptr;
        source->on_event(source, loop->events[i].events);
    }
    conn_read_all(&ready);
    listener_turn(loop);
    conn_resume_all(loop);
    conn_reap(loop);
    if (!list_empty(&loop->lingering)) {
        linger_turn(loop);
    }
    free_watches(&loop->unwatched);
    return loop->driver.turn_end(loop->driver.context);
}

void os_loop_run(struct os_loop *loop)
{
    int64_t next_ms = loop->monotonic_ms;
    loop->stopping = false;
    while (!loop->stopping) {
        int count = os_call_await(loop->epoll, loop->events, LOOP_EVENTS, set_timer(loop, next_ms) ? -1 : 0);
        if (count < 0) {
            check(errno == EINTR);
            count = 0;
        }
        next_ms = take_turn(loop, count);
    }
}

void os_loop_stop(struct os_loop *loop)
{
    loop->stopping = true;
}

void os_loop_destroy(struct os_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    listener_close_all(loop);
    conn_close_all(loop);
    conn_reap(loop);
    linger_close_all(loop);
    free_watches(&loop->watches);
    free_watches(&loop->unwatched);
    close_descriptors(loop);
    memory_free(loop);
}
