/* SPDX-License-Identifier: MIT */

/* linger.c - last words that arrive.
 *
 * Why      Whoever is told that his command is too large is usually still sending it. A socket that is closed while
 *          something comes in answers with a reset, and then the client sees "connection reset" where the reason should
 *          be: it fails while it sends, before it reads.
 *
 * Idea     We say that we shall send no more, and go on taking what comes and throw it away, until the peer has nothing
 *          more to say: when it has read our last words it closes.
 *
 * Promises
 *   I1  At most LINGER_MAX sockets at a time: for one more, the one that has been here longest is closed.
 *   I2  None stays longer than LINGER_SILENT_MS without a byte, or LINGER_TOTAL_MS.
 *   I3  One is freed only when the events of its turn have been handed out, as all sources of the loop.
 */
#include "os/linger.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

#define READS 16 /* of one socket in a turn */

struct lingering {
    struct loop_source source;
    struct os_loop *loop; /* borrowed */
    struct list link;     /* loop->lingering */
    int descriptor;       /* -1: closed, to be freed */
    int64_t silent_ms;    /* monotonic: when it has been silent for too long */
    int64_t end_ms;       /* monotonic */
};

static struct lingering *lingering_at(struct list *link)
{
    return container_of(link, struct lingering, link);
}

static void close_now(struct lingering *self)
{
    if (self->descriptor >= 0) {
        loop_control(self->loop, EPOLL_CTL_DEL, self->descriptor, 0, &self->source);
        close(self->descriptor);
        self->descriptor = -1;
        check(self->loop->lingering_count > 0);
        self->loop->lingering_count--;
    }
}

static void on_event(struct loop_source *source, uint32_t events)
{
    struct lingering *self = container_of(source, struct lingering, source);
    (void)events;
    for (int i = 0; i < READS && self->descriptor >= 0; i++) {
        ssize_t got = recv(self->descriptor, self->loop->scratch, LOOP_SCRATCH, MSG_DONTWAIT);
        if (got > 0) {
            self->silent_ms = self->loop->monotonic_ms + LINGER_SILENT_MS;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            close_now(self);
        } else {
            break;
        }
    }
}

static void close_oldest(struct os_loop *loop)
{
    for (struct list *at = loop->lingering.next; at != &loop->lingering; at = at->next) {
        if (lingering_at(at)->descriptor >= 0) {
            close_now(lingering_at(at));
            return;
        }
    }
}

void linger(struct os_loop *loop, int descriptor)
{
    if (loop->lingering_count == LINGER_MAX) {
        close_oldest(loop);
    }
    struct lingering *self = memory_zeroed(sizeof *self);
    *self = (struct lingering){.source.on_event = on_event,
                               .loop = loop,
                               .descriptor = descriptor,
                               .silent_ms = loop->monotonic_ms + LINGER_SILENT_MS,
                               .end_ms = loop->monotonic_ms + LINGER_TOTAL_MS};
    list_push_back(&loop->lingering, &self->link);
    loop->lingering_count++;
    check(loop->lingering_count <= LINGER_MAX); /* linger I1 */
    if (shutdown(descriptor, SHUT_WR) != 0 ||
        !loop_control(loop, EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLRDHUP, &self->source)) {
        close_now(self);
    }
}

static int64_t deadline_ms(const struct lingering *self)
{
    return self->silent_ms < self->end_ms ? self->silent_ms : self->end_ms;
}

void linger_turn(struct os_loop *loop)
{
    for (struct list *at = loop->lingering.next; at != &loop->lingering;) {
        struct lingering *self = lingering_at(at);
        at = at->next;
        if (self->descriptor >= 0 && loop->monotonic_ms >= deadline_ms(self)) {
            close_now(self); /* linger I2 */
        }
        if (self->descriptor < 0) { /* linger I3 */
            list_remove(&self->link);
            memory_free(self);
        }
    }
}

int64_t linger_next_ms(const struct os_loop *loop)
{
    int64_t next_ms = OS_LOOP_NEVER;
    for (struct list *at = loop->lingering.next; at != &loop->lingering; at = at->next) {
        int64_t its_ms = deadline_ms(lingering_at(at));
        next_ms = its_ms < next_ms ? its_ms : next_ms;
    }
    return next_ms;
}

void linger_close_all(struct os_loop *loop)
{
    for (struct list *at = loop->lingering.next; at != &loop->lingering; at = at->next) {
        close_now(lingering_at(at));
    }
    linger_turn(loop);
}
