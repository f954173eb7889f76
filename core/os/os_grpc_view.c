/* SPDX-License-Identifier: MIT */

/* os_grpc_view.c - hands out on a loop's thread what gRPC's thread has left.
 *
 * Idea     Links with news are in view->ready; an event tells the loop that there are any. A turn takes the list, and
 *          asks each link for its news one by one, since each callback may change what comes next: pause, close, send.
 *          What one link gives per turn is bounded; the rest is for the next turn, which follows at once. */
#include "os/os_grpc_view.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/os_grpc_link.h"

#define TURN_MESSAGES 128
#define TURN_BYTES    ((size_t)512 * 1024)

static struct os_grpc_view *view_of(const struct peer *peer)
{
    return container_of(peer, struct os_grpc_view, base);
}

static struct os_grpc_link *link_at(struct list *ready)
{
    return container_of(ready, struct os_grpc_link, ready);
}

static void view_accept(struct peer *peer, uint32_t methods, const struct peer_acceptor *acceptor)
{
    struct os_grpc_view *view = view_of(peer);
    pthread_mutex_lock(&view->grpc->lock);
    for (size_t i = 0; i < PEER_METHODS; i++) {
        if ((methods >> i & 1) != 0) {
            view->acceptors[i] = *acceptor;
            view->grpc->acceptors[i] = view;
        }
    }
    pthread_mutex_unlock(&view->grpc->lock);
}

static void view_counts(const struct peer *peer, struct peer_counts *out)
{
    struct os_grpc *grpc = view_of(peer)->grpc;
    pthread_mutex_lock(&grpc->lock);
    *out = grpc->counts;
    pthread_mutex_unlock(&grpc->lock);
}

static const struct peer_ops ops = {.open = os_grpc_link_open, .accept = view_accept, .counts = view_counts};

enum status os_grpc_view_create(struct os_grpc *grpc, struct peer **out, int *event_fd, struct complaint *complaint)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        complaint_set(complaint, "cannot talk to other nodes: %s", strerrordesc_np(errno));
        return STATUS_REFUSED;
    }
    struct os_grpc_view *view = memory_zeroed(sizeof *view);
    view->base.ops = &ops;
    view->grpc = grpc;
    view->event_fd = fd;
    list_init(&view->ready);
    *out = &view->base;
    *event_fd = fd;
    return STATUS_OK;
}

static bool ask_acceptor(struct os_grpc_link *link, struct os_grpc_view *view)
{
    const struct peer_acceptor *acceptor = &view->acceptors[link->base.method];
    const char *reason = "this node does not take it";
    if (acceptor->on_accept(acceptor->context, (struct peer_link *)&link->base, &link->ops, &link->user, &reason)) {
        return true;
    }
    pthread_mutex_lock(&link->grpc->lock);
    os_grpc_link_decline(link, reason);
    pthread_mutex_unlock(&link->grpc->lock);
    return false;
}

/* Tells one piece of news; false: there is none, or there was the last. */
static bool tell(struct os_grpc_link *link, struct os_grpc_view *view, size_t *bytes)
{
    struct os_grpc_message *message = NULL;
    pthread_mutex_lock(&link->grpc->lock);
    enum os_grpc_news news = os_grpc_link_next(link, &message);
    pthread_mutex_unlock(&link->grpc->lock);
    switch (news) {
    case OS_GRPC_NOTHING:
        return false;
    case OS_GRPC_ACCEPT:
        return ask_acceptor(link, view);
    case OS_GRPC_MESSAGE: {
        struct gm_bytes content = os_grpc_message_content(message);
        *bytes += content.size;
        link->ops->on_message(link->user, content);
        os_grpc_message_free(message);
        return true;
    }
    case OS_GRPC_WRITABLE:
        if (link->ops->on_writable != NULL) {
            link->ops->on_writable(link->user);
        }
        return true;
    case OS_GRPC_CLOSED:
        break;
    }
    bool by_user = link->closed;
    link->ops->on_closed(link->user, by_user ? PEER_DONE : link->end, by_user ? "" : link->reason); /* peer E3 */
    pthread_mutex_lock(&link->grpc->lock);
    os_grpc_link_forget(link);
    pthread_mutex_unlock(&link->grpc->lock);
    return false;
}

/* False: there is more. */
static bool serve(struct os_grpc_link *link, struct os_grpc_view *view)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < TURN_MESSAGES && bytes < TURN_BYTES; i++) {
        if (!tell(link, view, &bytes)) {
            return true;
        }
    }
    return false;
}

/* The next link of the list, which still holds it; NULL: none. */
static struct os_grpc_link *next_of(struct os_grpc *grpc, struct list *list)
{
    pthread_mutex_lock(&grpc->lock);
    struct os_grpc_link *link = list_empty(list) ? NULL : link_at(list->next);
    if (link != NULL) {
        list_remove(&link->ready);
    }
    pthread_mutex_unlock(&grpc->lock);
    return link;
}

static void signal_again(struct os_grpc_view *view, struct os_grpc_link *link)
{
    pthread_mutex_lock(&view->grpc->lock);
    os_grpc_link_tell(link);
    pthread_mutex_unlock(&view->grpc->lock);
}

void os_grpc_view_deliver(struct peer *peer)
{
    struct os_grpc_view *view = view_of(peer);
    struct list list;
    list_init(&list);
    pthread_mutex_lock(&view->grpc->lock);
    uint64_t count;
    if (view->signalled && read(view->event_fd, &count, sizeof count) == (ssize_t)sizeof count) {
        view->signalled = false;
    }
    list_move_all(&list, &view->ready);
    pthread_mutex_unlock(&view->grpc->lock);
    for (struct os_grpc_link *link = next_of(view->grpc, &list); link != NULL; link = next_of(view->grpc, &list)) {
        if (!serve(link, view)) {
            signal_again(view, link);
        }
        os_grpc_link_advance(link);
        os_grpc_link_drop(link);
    }
}

/* One of the view's links that have a user, or will ask for one; of the latter alone with `fresh`. */
static struct os_grpc_link *any_of(struct os_grpc_view *view, bool fresh)
{
    struct os_grpc *grpc = view->grpc;
    struct os_grpc_link *found = NULL;
    pthread_mutex_lock(&grpc->lock);
    for (struct list *at = grpc->links.next; at != &grpc->links && found == NULL; at = at->next) {
        struct os_grpc_link *link = container_of(at, struct os_grpc_link, all);
        if (link->view == view && (!fresh || link->fresh)) {
            found = link;
        }
    }
    pthread_mutex_unlock(&grpc->lock);
    return found;
}

void os_grpc_view_destroy(struct peer *peer)
{
    struct os_grpc_view *view = view_of(peer);
    struct os_grpc *grpc = view->grpc;
    pthread_mutex_lock(&grpc->lock);
    for (size_t i = 0; i < PEER_METHODS; i++) {
        if (grpc->acceptors[i] == view) {
            grpc->acceptors[i] = NULL;
        }
    }
    pthread_mutex_unlock(&grpc->lock);
    for (struct os_grpc_link *link; (link = any_of(view, true)) != NULL;) {
        os_grpc_link_leave(link); /* before anything is told: nobody is asked to take it any more */
    }
    for (struct os_grpc_link *link; (link = any_of(view, false)) != NULL;) {
        os_grpc_link_leave(link);
        os_grpc_view_deliver(peer);
    }
    check(list_empty(&view->ready));
    (void)close(view->event_fd);
    memory_free(view);
}
