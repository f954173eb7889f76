/* SPDX-License-Identifier: MIT */

/* os_grpc_link.c - one call of gRPC as a link.
 *
 * Idea     On the network every method is a stream both ways: one that asks once is a stream of one message. Who opened
 *          a link ends it by closing its half, who was called by the status; a loss is a call that ends otherwise.
 *
 *              who opened                                    who is called
 *              head ─────────────────────────────────────►   head (at once, by gRPC's thread)
 *              messages, one with gRPC at a time      ◄──►   messages
 *              half-close  ──────────────────────────────►   status OK            peer_close by who opened
 *              (DONE)      ◄──────────────────────────────   status OK            peer_close by who was called
 *              (REFUSED)   ◄──────────────────────────────   status and sentence
 *
 *          What happens is noted under the lock; os_grpc_link_advance then looks at the notes and begins what they
 *          allow: the next message, the next receipt, the end. So no order of completions matters: the next message of
 *          a peer may be here before gRPC has said that ours was sent.
 *
 * Promises Those of env/peer.h.
 *   P1  Nothing is received while it would not find room (E5): gRPC then gives the other side no credit. Credit is
 *       given back by bytes, whatever the number of messages.
 *   P2  A link whose user has gone ends by itself: LINGER_MS without one more message taken, and it is given up.
 *
 * Limits   Who opened a link can end it with a sentence only for its own log: gRPC has no word for it, and the other
 *          side is told PEER_LOST. gRPC itself refuses a message of more than twice PEER_MESSAGE_MAX, before it has it:
 *          its sender is told so, but here that cannot be told from a loss. */
#include "os/os_grpc_link.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/memory.h"
#include "os/os_grpc_channel.h"

#define ANSWER_MS (PEER_DEAD_MS - 100) /* from opening to the first sign of the other side */
#define LINGER_MS 5000

static struct os_grpc_link *link_of(const struct peer_link *link)
{
    return container_of(link, struct os_grpc_link, base);
}

static void lock(const struct os_grpc_link *link)
{
    pthread_mutex_lock(&link->grpc->lock);
}

static void unlock(const struct os_grpc_link *link)
{
    pthread_mutex_unlock(&link->grpc->lock);
}

static bool asks_once(const struct os_grpc_link *link)
{
    return peer_method_shape(link->base.method) != PEER_STREAM;
}

/* ---- notes, under the lock ---- */

static void hold(struct os_grpc_link *link)
{
    link->holders++;
}

static void set_due(struct os_grpc_link *link, int64_t due_ms)
{
    link->grpc->links_timed -= link->due_ms != 0;
    link->due_ms = due_ms;
    link->grpc->links_timed += link->due_ms != 0;
}

void os_grpc_link_tell(struct os_grpc_link *link)
{
    struct os_grpc_view *view = link->view;
    if (view == NULL || !list_empty(&link->ready)) {
        return;
    }
    hold(link);
    list_push_back(&view->ready, &link->ready);
    if (!view->signalled) {
        int outcome = eventfd_write(view->event_fd, 1);
        check(outcome == 0);
        view->signalled = true;
    }
}

static bool has_room(const struct os_grpc_queue *queue)
{
    return queue->bytes <= PEER_QUEUE_MAX / 2;
}

void os_grpc_link_forget(struct os_grpc_link *link)
{
    check(link->view != NULL);
    link->view = NULL;
    link->holders--;
    if (!list_empty(&link->ready)) { /* told of again while it was served */
        list_remove(&link->ready);
        link->holders--;
    }
    check(link->holders > 0);
    os_grpc_queue_clear(&link->in);
    if (!link->ended) {
        set_due(link, os_grpc_now_ms() + LINGER_MS); /* os_grpc_link P2 */
    }
}

static void part(struct os_grpc_link *link, grpc_status_code code, const char *words)
{
    if (!link->ending) {
        link->ending = true;
        link->parting = code;
        (void)snprintf(link->parting_words, sizeof link->parting_words, "%s", words);
    }
}

void os_grpc_link_decline(struct os_grpc_link *link, const char *reason)
{
    part(link, GRPC_STATUS_FAILED_PRECONDITION, reason);
    os_grpc_link_forget(link);
}

enum os_grpc_news os_grpc_link_next(struct os_grpc_link *link, struct os_grpc_message **message)
{
    if (link->view == NULL) {
        return OS_GRPC_NOTHING;
    }
    if (link->fresh) {
        link->fresh = false;
        if (!link->ended || link->end != PEER_LOST) { /* what came with it is given, though it has ended (peer E3) */
            return OS_GRPC_ACCEPT;
        }
        os_grpc_link_forget(link); /* it was lost before anybody knew of it */
        return OS_GRPC_NOTHING;
    }
    if (link->closed) {
        return OS_GRPC_CLOSED;
    }
    bool waits = !list_empty(&link->in.messages);
    if (waits && !link->paused) {
        *message = os_grpc_queue_pop(&link->in);
        return OS_GRPC_MESSAGE;
    }
    if (link->ended && (!waits || link->end != PEER_DONE)) { /* peer E3 */
        return OS_GRPC_CLOSED;
    }
    if (link->blocked && !link->ended && has_room(&link->out)) { /* peer E4 */
        link->blocked = false;
        return OS_GRPC_WRITABLE;
    }
    return OS_GRPC_NOTHING;
}

/* The call is over. */
static void note_end(struct os_grpc_link *link, enum peer_end end, const char *words, size_t size)
{
    check(!link->ended);
    link->ended = true;
    if (link->refused) {
        end = PEER_REFUSED; /* and why is known */
    } else {
        size = size < sizeof link->reason ? size : sizeof link->reason - 1;
        memcpy(link->reason, words, size);
        link->reason[size] = '\0';
    }
    link->end = end;
    link->grpc->counts.lost += end == PEER_LOST;
    if (link->channel != NULL && (end == PEER_LOST || end == PEER_UNREACHABLE)) {
        os_grpc_channel_retire(link->channel);
    }
    os_grpc_queue_clear(&link->out);
    set_due(link, 0);
    os_grpc_link_tell(link);
}

/* ---- what gRPC has done, on its thread ---- */

static void on_kicked(struct os_grpc_tag *tag, bool success)
{
    (void)success;
    os_grpc_link_drop(container_of(tag, struct os_grpc_link, kicking));
}

static void on_started(struct os_grpc_tag *tag, bool success)
{
    (void)success;
    os_grpc_link_drop(container_of(tag, struct os_grpc_link, starting));
}

static void on_parted(struct os_grpc_tag *tag, bool success)
{
    (void)success;
    os_grpc_link_drop(container_of(tag, struct os_grpc_link, parted));
}

/* A call that reached nobody has an empty head. */
static void on_head(struct os_grpc_tag *tag, bool success)
{
    struct os_grpc_link *link = container_of(tag, struct os_grpc_link, heading);
    lock(link);
    if (success && link->head.count > 0 && !link->ended) {
        link->established = true;
        if (!link->closed) {
            set_due(link, 0);
        }
    }
    unlock(link);
    os_grpc_link_drop(link);
}

static void on_sent(struct os_grpc_tag *tag, bool success)
{
    struct os_grpc_link *link = container_of(tag, struct os_grpc_link, sending);
    lock(link);
    struct os_grpc_message *message = link->writing;
    link->writing = NULL;
    link->out.bytes -= os_grpc_message_cost(message);
    if (success) {
        link->grpc->counts.sent += message->size;
    }
    if (link->due_ms != 0 && link->established && !link->ended) {
        set_due(link, os_grpc_now_ms() + LINGER_MS); /* os_grpc_link P2 */
    }
    if (link->blocked && has_room(&link->out)) {
        os_grpc_link_tell(link);
    }
    unlock(link);
    os_grpc_message_free(message);
    os_grpc_link_advance(link);
    os_grpc_link_drop(link);
}

/* The other side sent what is not taken. */
static void refuse(struct os_grpc_link *link, const char *what)
{
    link->grpc->counts.refused++; /* peer E7 */
    link->refused = true;
    (void)snprintf(link->reason, sizeof link->reason, "%s sent %s", link->base.peer, what);
    char words[PEER_REASON_MAX];
    (void)snprintf(words, sizeof words, "%s is not taken here", what);
    part(link, GRPC_STATUS_RESOURCE_EXHAUSTED, words);
    os_grpc_queue_clear(&link->out);
    link->cancelling = !link->base.accepted;
}

static void take(struct os_grpc_link *link, grpc_byte_buffer *buffer)
{
    size_t size = grpc_byte_buffer_length(buffer);
    bool packed = buffer->type != GRPC_BB_RAW || buffer->data.raw.compression != GRPC_COMPRESS_NONE;
    if (link->refused || link->closed || link->view == NULL) {
        grpc_byte_buffer_destroy(buffer);
    } else if (packed || size > PEER_MESSAGE_MAX) {
        grpc_byte_buffer_destroy(buffer);
        refuse(link, packed ? "a compressed message" : "a message of more than 1 MiB");
    } else {
        link->grpc->counts.received += size;
        os_grpc_queue_push(&link->in, os_grpc_message_take(buffer));
        os_grpc_link_tell(link);
    }
}

static void on_read(struct os_grpc_tag *tag, bool success)
{
    struct os_grpc_link *link = container_of(tag, struct os_grpc_link, reading);
    lock(link);
    grpc_byte_buffer *buffer = link->received;
    link->receiving = false;
    link->received = NULL;
    if (success && buffer != NULL) {
        take(link, buffer);
    } else {
        check(buffer == NULL);
        link->received_all = true;
        if (link->base.accepted && !asks_once(link)) { /* who opened it has ended it */
            part(link, GRPC_STATUS_OK, "");
            os_grpc_queue_clear(&link->out);
        }
    }
    unlock(link);
    os_grpc_link_advance(link);
    os_grpc_link_drop(link);
}

static enum peer_end end_of(grpc_status_code code, bool established)
{
    switch (code) {
    case GRPC_STATUS_OK:
        return PEER_DONE;
    case GRPC_STATUS_UNAVAILABLE:
    case GRPC_STATUS_CANCELLED:
    case GRPC_STATUS_UNKNOWN:
    case GRPC_STATUS_INTERNAL:
    case GRPC_STATUS_DEADLINE_EXCEEDED:
    case GRPC_STATUS_ABORTED:
        return established ? PEER_LOST : PEER_UNREACHABLE; /* peer E6 */
    default:
        return PEER_REFUSED;
    }
}

static void on_status(struct os_grpc_tag *tag, bool success)
{
    (void)success; /* of a receipt of the status it says nothing */
    struct os_grpc_link *link = container_of(tag, struct os_grpc_link, finishing);
    char silence[64];
    lock(link);
    enum peer_end end = end_of(link->status, link->established);
    const char *words = (const char *)GRPC_SLICE_START_PTR(link->details);
    size_t size = GRPC_SLICE_LENGTH(link->details);
    if (link->cancelled) {
        words = silence;
        size = (size_t)snprintf(silence, sizeof silence, "no answer within %d ms", ANSWER_MS);
    }
    note_end(link, end, words, size);
    unlock(link);
    os_grpc_link_drop(link);
}

static void on_finish(struct os_grpc_tag *tag, bool success)
{
    struct os_grpc_link *link = container_of(tag, struct os_grpc_link, finishing);
    static const char lost[] = "the connection was lost";
    lock(link);
    bool is_lost = !success || link->lost != 0;
    note_end(link, is_lost ? PEER_LOST : PEER_DONE, lost, is_lost ? sizeof lost - 1 : 0);
    unlock(link);
    os_grpc_link_drop(link);
}

/* ---- batches ---- */

static void begin(struct os_grpc_link *link, const grpc_op *op, struct os_grpc_tag *tag)
{
    grpc_call_error error = grpc_call_start_batch(link->call, op, op != NULL ? 1 : 0, tag, NULL);
    check(error == GRPC_CALL_OK);
}

static void begin_sending(struct os_grpc_link *link, grpc_byte_buffer *buffer, bool more)
{
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .flags = more ? GRPC_WRITE_BUFFER_HINT : 0};
    op.data.send_message.send_message = buffer;
    begin(link, &op, &link->sending);
}

static void begin_reading(struct os_grpc_link *link)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &link->received;
    begin(link, &op, &link->reading);
}

static void begin_parting(struct os_grpc_link *link)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    grpc_slice words = grpc_slice_from_copied_string(link->parting_words);
    if (link->base.accepted) {
        op.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        op.data.send_status_from_server.status = link->parting;
        op.data.send_status_from_server.status_details = &words;
    }
    begin(link, &op, &link->parted);
    grpc_slice_unref(words);
}

/* What of it can be begun now; noted as begun. */
struct steps {
    bool cancel, read, part, more;
    struct os_grpc_message *send;
};

static bool may_read(const struct os_grpc_link *link)
{
    return !link->receiving && !link->received_all &&
           link->in.bytes + PEER_MESSAGE_MAX + OS_GRPC_MESSAGE_COST <= PEER_QUEUE_MAX; /* peer E5, os_grpc_link P1 */
}

static bool may_part(const struct os_grpc_link *link)
{
    bool due = link->ending || (!link->base.accepted && asks_once(link) && link->sent_one);
    return due && !link->sent_last && link->writing == NULL && list_empty(&link->out.messages);
}

static struct steps note_steps(struct os_grpc_link *link)
{
    struct steps steps = {.send = NULL};
    if (!link->started || link->ended || link->cancelled) {
        return steps;
    }
    if (may_part(link) && link->parting != GRPC_STATUS_OK && !link->base.accepted) {
        link->cancelling = true; /* of who opens there is no status: see the limits */
    }
    if (link->cancelling) {
        link->cancelled = true;
        steps.cancel = true;
        return steps;
    }
    if (may_read(link)) {
        link->receiving = true;
        steps.read = true;
        hold(link);
    }
    if (may_part(link)) {
        link->sent_last = true;
        steps.part = true;
        hold(link);
    } else if (link->writing == NULL && !list_empty(&link->out.messages)) {
        link->writing = os_grpc_queue_pop(&link->out);
        link->out.bytes += os_grpc_message_cost(link->writing); /* it still waits */
        link->sent_one = true;
        steps.send = link->writing;
        steps.more = !list_empty(&link->out.messages);
        hold(link);
    }
    return steps;
}

void os_grpc_link_advance(struct os_grpc_link *link)
{
    lock(link);
    struct steps steps = note_steps(link);
    unlock(link);
    if (steps.cancel) {
        (void)grpc_call_cancel(link->call, NULL);
    }
    if (steps.send != NULL) {
        begin_sending(link, steps.send->buffer, steps.more);
    }
    if (steps.part) {
        begin_parting(link);
    }
    if (steps.read) {
        begin_reading(link);
    }
}

/* ---- the user's calls ---- */

static enum status link_send(struct peer_link *base, struct gm_bytes content)
{
    struct os_grpc_link *link = link_of(base);
    if (content.size > PEER_MESSAGE_MAX) {
        return STATUS_TOO_BIG;
    }
    lock(link);
    bool once = asks_once(link) && !link->base.accepted;
    enum status status = STATUS_OK;
    if (link->ended || link->ending || (once && (link->sent_one || link->out.bytes > 0))) {
        status = STATUS_CLOSED;
    } else if (link->out.bytes >= PEER_QUEUE_MAX) { /* peer E4 */
        link->blocked = true;
        status = STATUS_AGAIN;
    }
    unlock(link);
    if (status == STATUS_OK) {
        struct os_grpc_message *message = os_grpc_message_copy(content);
        lock(link);
        os_grpc_queue_push(&link->out, message); /* if it has ended by now: it goes with the link */
        if (link->base.accepted && peer_method_unary(link->base.method)) {
            part(link, GRPC_STATUS_OK, "");
        }
        unlock(link);
        os_grpc_link_advance(link);
    }
    return status;
}

static void link_close(struct peer_link *base, const char *reason)
{
    struct os_grpc_link *link = link_of(base);
    lock(link);
    if (!link->closed) {
        part(link, reason == NULL ? GRPC_STATUS_OK : GRPC_STATUS_FAILED_PRECONDITION, reason == NULL ? "" : reason);
        link->closed = true;
        os_grpc_queue_clear(&link->in);
        os_grpc_link_tell(link); /* peer E2 */
    }
    unlock(link);
    os_grpc_link_advance(link);
}

static size_t link_queued(const struct peer_link *base)
{
    const struct os_grpc_link *link = link_of(base);
    lock(link);
    size_t bytes = link->out.bytes;
    unlock(link);
    return bytes;
}

static void link_pause(struct peer_link *base, bool paused)
{
    struct os_grpc_link *link = link_of(base);
    lock(link);
    link->paused = paused;
    if (!paused) {
        os_grpc_link_tell(link);
    }
    unlock(link);
}

static const struct peer_link_ops ops = {
    .send = link_send, .close = link_close, .queued = link_queued, .pause = link_pause};

/* ---- beginning and end ---- */

static struct os_grpc_link *create(struct os_grpc_view *view, enum peer_method method)
{
    struct os_grpc_link *link = memory_zeroed(sizeof *link);
    link->base.ops = &ops;
    link->base.method = method;
    link->grpc = view->grpc;
    link->view = view;
    link->holders = 1;
    link->details = grpc_empty_slice();
    link->kicking.on_done = on_kicked;
    link->starting.on_done = on_started;
    link->heading.on_done = on_head;
    link->sending.on_done = on_sent;
    link->reading.on_done = on_read;
    link->parted.on_done = on_parted;
    list_init(&link->ready);
    os_grpc_queue_init(&link->out);
    os_grpc_queue_init(&link->in);
    grpc_metadata_array_init(&link->head);
    grpc_metadata_array_init(&link->trailers);
    list_push_back(&view->grpc->links, &link->all);
    view->grpc->links_alive++;
    return link;
}

/* The head is on its way: before that nothing may be begun, and the loop may have heard of the link by then. */
static void set_started(struct os_grpc_link *link)
{
    lock(link);
    link->started = true;
    unlock(link);
}

struct peer_link *os_grpc_link_open(struct peer *peer, const char *address, enum peer_method method,
                                    const struct peer_user_ops *user_ops, void *user)
{
    check(strlen(address) < NET_ADDRESS_MAX);
    struct os_grpc_view *view = container_of(peer, struct os_grpc_view, base);
    pthread_mutex_lock(&view->grpc->lock);
    struct os_grpc_link *link = create(view, method);
    link->finishing.on_done = on_status;
    link->ops = user_ops;
    link->user = user;
    link->channel = os_grpc_channel_take(view->grpc, address, method);
    (void)snprintf(link->base.peer, sizeof link->base.peer, "%s", address);
    view->grpc->counts.opened++;
    set_due(link, os_grpc_now_ms() + ANSWER_MS); /* peer E6 */
    link->holders += 4;                          /* the batches below */
    link->call = grpc_channel_create_call(link->channel->channel, NULL, 0, view->grpc->queue,
                                          grpc_slice_from_static_string(peer_method_path(method)), NULL,
                                          gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    check(link->call != NULL);
    unlock(link);
    grpc_op start = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    grpc_op head = {.op = GRPC_OP_RECV_INITIAL_METADATA};
    head.data.recv_initial_metadata.recv_initial_metadata = &link->head;
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &link->trailers;
    status.data.recv_status_on_client.status = &link->status;
    status.data.recv_status_on_client.status_details = &link->details;
    begin(link, &start, &link->starting);
    begin(link, &head, &link->heading);
    begin(link, &status, &link->finishing);
    begin(link, NULL, &link->kicking); /* gRPC's thread looks at the moments anew */
    set_started(link);
    os_grpc_link_advance(link);
    return (struct peer_link *)&link->base;
}

struct os_grpc_link *os_grpc_link_accept(struct os_grpc_view *view, enum peer_method method, grpc_call *call,
                                         const char *address)
{
    struct os_grpc_link *link = create(view, method);
    link->base.accepted = true;
    link->finishing.on_done = on_finish;
    (void)snprintf(link->base.peer, sizeof link->base.peer, "%s", address);
    link->call = call;
    link->established = true;
    link->fresh = true;
    link->holders += 3; /* the batches of os_grpc_link_start, and it itself */
    view->grpc->links_in++;
    view->grpc->counts.accepted++;
    os_grpc_link_tell(link);
    return link;
}

void os_grpc_link_start(struct os_grpc_link *link)
{
    grpc_metadata sign = {.key = grpc_slice_from_static_string("geomys"), .value = grpc_slice_from_static_string("1")};
    grpc_op head = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    head.data.send_initial_metadata.count = 1;
    head.data.send_initial_metadata.metadata = &sign;
    grpc_op finish = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    finish.data.recv_close_on_server.cancelled = &link->lost;
    begin(link, &head, &link->starting);
    begin(link, &finish, &link->finishing);
    set_started(link);
    os_grpc_link_advance(link);
    os_grpc_link_drop(link);
}

void os_grpc_link_leave(struct os_grpc_link *link)
{
    lock(link);
    if (link->fresh) {
        hold(link); /* dropped below */
        link->fresh = false;
        part(link, GRPC_STATUS_UNAVAILABLE, "this node is ending");
        os_grpc_link_forget(link);
        unlock(link);
        os_grpc_link_advance(link);
        os_grpc_link_drop(link);
        return;
    }
    unlock(link);
    link_close((struct peer_link *)&link->base, NULL);
}

static void destroy(struct os_grpc_link *link)
{
    grpc_call_unref(link->call);
    grpc_metadata_array_destroy(&link->head);
    grpc_metadata_array_destroy(&link->trailers);
    grpc_slice_unref(link->details);
    os_grpc_queue_clear(&link->in);
    os_grpc_queue_clear(&link->out);
    memory_free(link);
}

void os_grpc_link_drop(struct os_grpc_link *link)
{
    struct os_grpc *grpc = link->grpc;
    pthread_mutex_lock(&grpc->lock);
    check(link->holders > 0);
    bool last = --link->holders == 0;
    if (last) {
        list_remove(&link->all);
        set_due(link, 0);
    }
    pthread_mutex_unlock(&grpc->lock);
    if (!last) {
        return;
    }
    bool accepted = link->base.accepted;
    struct os_grpc_channel *channel = link->channel;
    destroy(link);
    pthread_mutex_lock(&grpc->lock);
    if (channel != NULL) {
        os_grpc_channel_drop(channel);
    }
    grpc->links_in -= accepted;
    grpc->links_alive--;
    pthread_cond_broadcast(&grpc->fewer);
    pthread_mutex_unlock(&grpc->lock);
}

/* One whose moment has come, held; NULL: none. */
static struct os_grpc_link *due_link(struct os_grpc *grpc, int64_t now_ms)
{
    struct os_grpc_link *found = NULL;
    pthread_mutex_lock(&grpc->lock);
    for (struct list *at = grpc->links.next; at != &grpc->links && found == NULL; at = at->next) {
        struct os_grpc_link *link = container_of(at, struct os_grpc_link, all);
        bool is_due = now_ms == INT64_MAX || (link->due_ms != 0 && link->due_ms <= now_ms);
        if (is_due && !link->cancelling && !link->ended) {
            set_due(link, 0);
            link->cancelling = true;
            hold(link);
            found = link;
        }
    }
    pthread_mutex_unlock(&grpc->lock);
    return found;
}

void os_grpc_link_sweep(struct os_grpc *grpc, int64_t now_ms)
{
    for (struct os_grpc_link *link = due_link(grpc, now_ms); link != NULL; link = due_link(grpc, now_ms)) {
        os_grpc_link_advance(link);
        os_grpc_link_drop(link);
    }
}
