/* SPDX-License-Identifier: MIT */

/* sim_peer.c - what becomes of one link of the simulated network: env/peer.h over two inboxes.
 *
 *     send ─► other's inbox, under way ──due, room──► arrived ──turn──► on_message
 *
 *   What is under way is the sender's queue, what has arrived the receiver's; both end at PEER_QUEUE_MAX (E4, E5). The
 *   end of a link is a packet behind the messages, so it cannot overtake them (E3). A reset overtakes: what is still
 *   under way then is lost, a run of messages up to the last one (E1).
 */
#include <stdio.h>

#include "base/memory.h"
#include "support/sim_net_state.h"

/* ---- packets ---- */

static struct sim_packet *first_packet(const struct peer_link *end)
{
    return list_empty(&end->inbox) ? NULL : container_of(end->inbox.next, struct sim_packet, link);
}

static void packet_drop(struct peer_link *end, struct sim_packet *packet)
{
    size_t counted = packet->last ? 0 : packet->size;
    *(packet->arrived ? &end->arrived : &end->under_way) -= counted;
    list_remove(&packet->link);
    memory_free(packet);
}

static void packets_drop(struct peer_link *end, bool arrived_too)
{
    for (struct list *at = end->inbox.next; at != &end->inbox;) {
        struct sim_packet *packet = container_of(at, struct sim_packet, link);
        at = at->next;
        if (arrived_too || !packet->arrived) {
            packet_drop(end, packet);
        }
    }
}

/* The moment at which it will be at the other side: behind what was sent before over the same connection. */
static int64_t due_us(struct peer_link *target, size_t size)
{
    struct sim_net *net = target->pair->net;
    struct sim_path *path = sim_path_to(target);
    int64_t *busy_us = &path->busy_us[peer_method_apart(target->base.method)];
    int64_t due = net->now_us + sim_net_delay(net, path);
    due = due > *busy_us ? due : *busy_us;
    check(path->wire.bytes_per_ms > 0);
    *busy_us = due + (int64_t)(size * 1000 / path->wire.bytes_per_ms);
    return *busy_us;
}

static void post(struct peer_link *target, struct gm_bytes bytes, bool last, enum peer_end end)
{
    int64_t due = due_us(target, bytes.size);
    if (target->over) {
        return;
    }
    struct sim_packet *packet = memory_alloc(sizeof *packet + bytes.size);
    *packet = (struct sim_packet){.due_us = due, .last = last, .end = end, .size = bytes.size};
    if (bytes.size > 0) {
        memcpy(packet->data, bytes.data, bytes.size);
    }
    target->under_way += last ? 0 : bytes.size;
    list_push_back(&target->inbox, &packet->link);
}

/* ---- ends ---- */

static void close_later(struct peer_link *end, enum peer_end why, struct gm_bytes reason)
{
    if (!end->closing && !end->over) {
        size_t size = reason.size < sizeof end->reason - 1 ? reason.size : sizeof end->reason - 1;
        end->closing = true;
        end->end = why;
        if (size > 0) {
            memcpy(end->reason, reason.data, size);
        }
        end->reason[size] = '\0';
    }
    end->shut = true;
}

/* It ends here, and the other side is told behind what was sent. */
static void end_link(struct peer_link *end, enum peer_end theirs, struct gm_bytes reason)
{
    post(sim_other(end), reason, true, theirs);
    packets_drop(end, true);
    end->deaf = true;
    end->shut = true;
}

/* Whether the other side's orderly end has arrived. */
static bool has_ended(const struct peer_link *end)
{
    const struct sim_packet *packet =
        list_empty(&end->inbox) ? NULL : container_of(end->inbox.prev, struct sim_packet, link);
    return packet != NULL && packet->last && packet->arrived;
}

void sim_peer_lose(struct peer_link *end, enum peer_end why, const char *reason)
{
    struct peer_link *other = sim_other(end);
    if (end->over || (!end->paused && has_ended(end))) { /* what is told already, or will be, is told as it was */
        return;
    }
    if (!end->closing) {
        end->loop->counts.lost += why == PEER_LOST;
        other->reset_us = end->pair->net->now_us + sim_net_delay(end->pair->net, sim_path_to(other));
    }
    end->pair->connect_us = SIM_NEVER;
    if (other->loop == NULL) {
        other->over = true; /* the call is not made any more */
    }
    packets_drop(end, end->paused);
    close_later(end, why, gm_bytes_of(reason));
}

void sim_peer_abandon(struct peer_link *end, enum sim_death death)
{
    struct peer_link *other = sim_other(end);
    if (death == SIM_KILLED && !end->over) {
        int64_t reset_us = end->pair->net->now_us + sim_net_delay(end->pair->net, sim_path_to(other));
        other->reset_us = reset_us < other->reset_us ? reset_us : other->reset_us;
    }
    if (other->loop == NULL) { /* a call that was not made yet is not made any more */
        other->over = true;
        end->pair->connect_us = SIM_NEVER;
    }
    packets_drop(end, true);
    list_remove(&end->in_loop);
    end->over = true;
    end->loop = NULL;
}

static void refuse_call(struct sim_link *pair, enum peer_end why, const char *reason)
{
    pair->ends[1].over = true;
    packets_drop(&pair->ends[1], true);
    post(&pair->ends[0], gm_bytes_of(reason), true, why);
}

void sim_peer_connect(struct sim_link *pair)
{
    struct sim_host *host = sim_net_host(pair->net, pair->paths[1]->target);
    enum peer_method method = pair->ends[1].base.method;
    pair->connect_us = SIM_NEVER;
    if (host == NULL) {
        refuse_call(pair, PEER_UNREACHABLE, "the connection is refused: nobody listens there");
    } else if (host->accepts[method].loop == NULL) {
        struct sim_loop *loop = list_empty(&host->loops) ? NULL : container_of(host->loops.next, struct sim_loop, link);
        if (loop != NULL) {
            loop->counts.refused++;
        }
        refuse_call(pair, PEER_REFUSED, "the other side does not take this method");
    } else {
        pair->made = true;
        pair->ends[1].loop = host->accepts[method].loop;
        list_push_back(&pair->ends[1].loop->ends, &pair->ends[1].in_loop);
    }
}

void sim_peer_arrive(struct peer_link *end)
{
    for (struct list *at = end->inbox.next; at != &end->inbox;) {
        struct sim_packet *packet = container_of(at, struct sim_packet, link);
        at = at->next;
        if (packet->arrived) {
            continue;
        }
        if (packet->due_us > end->pair->net->now_us || (end->arrived >= PEER_QUEUE_MAX && !end->deaf)) {
            return;
        }
        if (end->deaf) {
            packet_drop(end, packet);
            continue;
        }
        packet->arrived = true;
        end->under_way -= packet->last ? 0 : packet->size;
        end->arrived += packet->last ? 0 : packet->size;
    }
}

/* ---- telling ---- */

static bool has_room_again(const struct peer_link *end)
{
    return end->wants_room && !end->shut && end->ops->on_writable != NULL &&
           sim_other((struct peer_link *)end)->under_way <= PEER_QUEUE_MAX / 2;
}

static bool has_message(const struct peer_link *end)
{
    return !end->deaf && !end->paused && first_packet(end) != NULL && first_packet(end)->arrived;
}

bool sim_peer_ready(const struct peer_link *end)
{
    if (end->over || end->loop == NULL) {
        return false;
    }
    return end->ops == NULL || end->closing || has_message(end) || has_room_again(end);
}

static void accept_call(struct peer_link *end)
{
    const struct peer_acceptor *acceptor = &end->loop->host->accepts[end->base.method].acceptor;
    const struct peer_user_ops *user_ops = NULL;
    const char *reason = "";
    if (end->closing) { /* lost before anybody knew of it */
        packets_drop(end, true);
        end->over = true;
    } else if (acceptor->on_accept(acceptor->context, end, &user_ops, &end->user, &reason)) {
        check(user_ops != NULL);
        end->ops = user_ops;
        end->loop->counts.accepted++;
    } else {
        end_link(end, PEER_REFUSED, gm_bytes_of(reason));
        end->over = true;
    }
}

static void refuse_size(struct peer_link *end)
{
    static const char reason[] = "a message is larger than 1 MiB";
    end->loop->counts.refused++;
    end_link(end, PEER_REFUSED, BYTES(reason));
    close_later(end, PEER_REFUSED, BYTES(reason));
}

static void take_packet(struct peer_link *end)
{
    struct sim_packet *packet = first_packet(end);
    struct gm_bytes bytes = {packet->data, packet->size};
    if (packet->last) {
        close_later(end, packet->end, bytes);
        packet_drop(end, packet);
        return;
    }
    if (packet->size > PEER_MESSAGE_MAX) {
        refuse_size(end); /* env/peer E7 */
        return;
    }
    list_remove(&packet->link);
    end->arrived -= packet->size;
    end->loop->counts.received += packet->size;
    end->ops->on_message(end->user, bytes);
    memory_free(packet);
}

/* One call. */
void sim_peer_tell(struct peer_link *end)
{
    if (end->ops == NULL) {
        accept_call(end);
    } else if (has_room_again(end)) {
        end->wants_room = false;
        end->ops->on_writable(end->user);
    } else if (has_message(end)) {
        take_packet(end);
    } else {
        check(end->closing);
        end->over = true;
        end->deaf = true;
        packets_drop(end, true);
        end->ops->on_closed(end->user, end->end, end->reason); /* env/peer E3 */
    }
}

/* ---- the interface ---- */

static enum status link_send(struct peer_link *link, struct gm_bytes message)
{
    bool unary = peer_method_unary(link->base.method);
    if (link->shut || (unary && link->has_sent)) {
        return STATUS_CLOSED;
    }
    if (sim_other(link)->under_way >= PEER_QUEUE_MAX) {
        link->wants_room = true;
        return STATUS_AGAIN; /* env/peer E4 */
    }
    post(sim_other(link), message, false, PEER_DONE);
    link->has_sent = true;
    link->loop->counts.sent += message.size;
    if (unary && link->base.accepted) {
        end_link(link, PEER_DONE, BYTES_NONE);
        close_later(link, PEER_DONE, BYTES_NONE);
    }
    return STATUS_OK;
}

static void link_close(struct peer_link *link, const char *reason)
{
    if (!link->deaf && !link->closing) {
        end_link(link, reason == NULL ? PEER_DONE : PEER_REFUSED, reason == NULL ? BYTES_NONE : gm_bytes_of(reason));
        close_later(link, PEER_DONE, BYTES_NONE);
    } else {
        link->deaf = true; /* what had arrived when it got lost is not given any more */
    }
}

static size_t link_queued(const struct peer_link *link)
{
    return sim_other((struct peer_link *)link)->under_way;
}

static void link_pause(struct peer_link *link, bool paused)
{
    link->paused = paused;
}

static const struct peer_link_ops link_ops = {
    .send = link_send, .close = link_close, .queued = link_queued, .pause = link_pause};

static void end_init(struct sim_link *pair, size_t index, enum peer_method method, const char *peer)
{
    struct peer_link *end = &pair->ends[index];
    end->base = (struct peer_link_base){.ops = &link_ops, .method = method, .accepted = index == 1};
    int size = snprintf(end->base.peer, sizeof end->base.peer, "%s", peer);
    check(size > 0 && (size_t)size < sizeof end->base.peer);
    end->pair = pair;
    list_init(&end->in_loop);
    list_init(&end->inbox);
    end->reset_us = SIM_NEVER;
    end->dead_us = SIM_NEVER;
}

/* Who calls is seen with a port that the system chose, and nobody listens there. */
static void caller_name(char *target, size_t size, const char *address, uint64_t number)
{
    const char *colon = strrchr(address, ':');
    int host = colon != NULL ? (int)(colon - address) : (int)strlen(address);
    int written = snprintf(target, size, "%.*s:%u", host, address, 49152 + (unsigned)(number % 16384));
    check(written > 0 && (size_t)written < size);
}

static struct peer_link *peer_open_link(struct peer *peer, const char *address, enum peer_method method,
                                        const struct peer_user_ops *ops, void *user)
{
    struct sim_loop *loop = container_of(peer, struct sim_loop, base);
    struct sim_net *net = loop->host->net;
    struct sim_link *pair = memory_zeroed(sizeof *pair);
    char caller[NET_ADDRESS_MAX];
    caller_name(caller, sizeof caller, loop->host->address, net->opened++);
    pair->net = net;
    pair->paths[0] = sim_net_path(net, address, loop->host->address);
    pair->paths[1] = sim_net_path(net, loop->host->address, address);
    end_init(pair, 0, method, address);
    end_init(pair, 1, method, caller);
    pair->ends[0].ops = ops;
    pair->ends[0].user = user;
    pair->ends[0].loop = loop;
    list_push_back(&loop->ends, &pair->ends[0].in_loop);
    list_push_back(&net->links, &pair->link);
    pair->connect_us = due_us(&pair->ends[1], 0);
    loop->counts.opened++;
    return &pair->ends[0];
}

static void peer_accept_links(struct peer *peer, uint32_t methods, const struct peer_acceptor *acceptor)
{
    struct sim_loop *loop = container_of(peer, struct sim_loop, base);
    for (unsigned i = 0; i < PEER_METHODS; i++) {
        if ((methods >> i & 1) != 0) {
            loop->host->accepts[i].loop = loop;
            loop->host->accepts[i].acceptor = *acceptor;
        }
    }
}

static void peer_counts_of(const struct peer *peer, struct peer_counts *out)
{
    *out = ((const struct sim_loop *)(const void *)peer)->counts;
}

const struct peer_ops sim_peer_ops = {.open = peer_open_link, .accept = peer_accept_links, .counts = peer_counts_of};

/* ---- what is over ---- */

void sim_peer_destroy(struct sim_link *pair)
{
    for (size_t i = 0; i < 2; i++) {
        packets_drop(&pair->ends[i], true);
        list_remove(&pair->ends[i].in_loop);
    }
    list_remove(&pair->link);
    memory_free(pair);
}

void sim_peer_sweep(struct sim_net *net)
{
    for (struct list *at = net->links.next; at != &net->links;) {
        struct sim_link *pair = container_of(at, struct sim_link, link);
        at = at->next;
        if (pair->ends[0].over && pair->ends[1].over) {
            sim_peer_destroy(pair);
        }
    }
}
