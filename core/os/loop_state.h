/* SPDX-License-Identifier: MIT */

/* loop_state.h - what the files of the loop share: loop.c takes the turns, conn.c and listener.c are its sources. */
#ifndef GEOMYS_OS_LOOP_STATE_H
#define GEOMYS_OS_LOOP_STATE_H

#include <sys/epoll.h>

#include "base/list.h"
#include "os/loop.h"

#define LOOP_EVENTS  512                 /* taken from the kernel at once */
#define LOOP_SCRATCH ((size_t)64 * 1024) /* bytes: what one read takes, and what unconsumed input may always grow to */

/* What epoll's data points to. It must live until the end of the turn in which its descriptor was taken out. */
struct loop_source {
    void (*on_event)(struct loop_source *source, uint32_t events);
};

struct loop_watch {
    struct loop_source source;
    struct list link; /* in loop->watches or loop->unwatched */
    int descriptor;
    void (*on_ready)(void *context); /* NULL: unwatched */
    void *context;
};

struct os_loop {
    struct os_loop_driver driver;
    int epoll;
    int timer;        /* a timerfd of CLOCK_BOOTTIME */
    int64_t timer_ms; /* when it will tell, monotonic; OS_LOOP_NEVER: it has told */
    struct loop_source timer_source;
    bool stopping;
    int64_t monotonic_ms; /* of this turn */
    int64_t wall_ms;      /* the same; less than a millisecond late */

    struct list conns;   /* conn->link: alive */
    struct list closing; /* conn->link: on_closed is due */
    struct list resumed; /* conn->resumed: on_input is due */
    struct list ready;   /* conn->ready: a read is due */
    size_t conn_count;   /* in both */
    size_t input_bytes;  /* memory of the connections' kept input */

    struct list listeners;
    struct list unlistened;  /* closed, to be freed after the events of this turn */
    int spare;               /* a descriptor to give up when there are no more; -1 */
    int64_t accept_again_ms; /* monotonic; 0: not waiting */
    int64_t trouble_ms;      /* when the operator was told last, monotonic */
    bool trouble_told;
    struct network network; /* what holds for all connections */
    uint32_t keepalive_s;
    uint64_t open_at_first; /* descriptors, when the loop was made */

    struct list lingering;  /* closed for their users, see linger.h */
    size_t lingering_count; /* of these, open */

    struct list watches;
    struct list unwatched;

    struct epoll_event events[LOOP_EVENTS];
    uint8_t scratch[LOOP_SCRATCH];
};

/* Whether epoll has done so; errno says why not. */
static inline bool loop_control(struct os_loop *loop, int how, int descriptor, uint32_t events,
                                struct loop_source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(loop->epoll, how, descriptor, &event) == 0;
}

#endif
