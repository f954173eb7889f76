/* SPDX-License-Identifier: MIT */

/* sim_net.c - hosts, wires, and time going on. What becomes of one link is in sim_peer.c.
 *
 * Idea     Whether a link flows is decided by calls of the test (cut, pause, the end of a process) and by nothing else,
 *          so it cannot change while time goes on: one look at the beginning of each step suffices to know since when
 *          it is silent.
 */
#include "support/sim_net.h"

#include <stdio.h>

#include "base/memory.h"
#include "support/sim_net_state.h"

#define GIVE_UP_US   ((int64_t)PEER_DEAD_MS * 1000 * 2 / 3)
#define GIVE_UP_MORE ((uint64_t)PEER_DEAD_MS * 1000 * 3 / 10)

static void address_copy(char *target, const char *address)
{
    int size = snprintf(target, NET_ADDRESS_MAX, "%s", address);
    check(size > 0 && size < NET_ADDRESS_MAX);
}

/* ---- wires ---- */

struct sim_path *sim_net_path(struct sim_net *net, const char *source, const char *target)
{
    for (struct list *at = net->wires.next; at != &net->wires; at = at->next) {
        struct sim_path *path = container_of(at, struct sim_path, link);
        if (strcmp(path->source, source) == 0 && strcmp(path->target, target) == 0) {
            return path;
        }
    }
    struct sim_path *path = memory_zeroed(sizeof *path);
    path->wire = (struct sim_wire){.delay_min_us = 100, .delay_max_us = 1000, .bytes_per_ms = 100000};
    address_copy(path->source, source);
    address_copy(path->target, target);
    list_push_back(&net->wires, &path->link);
    return path;
}

struct sim_wire *sim_net_wire(struct sim_net *net, const char *source, const char *target)
{
    return &sim_net_path(net, source, target)->wire;
}

int64_t sim_net_delay(struct sim_net *net, const struct sim_path *path)
{
    const struct sim_wire *wire = &path->wire;
    check(wire->delay_min_us >= 1 && wire->delay_max_us >= wire->delay_min_us);
    return wire->delay_min_us +
           (int64_t)prng_below(&net->prng, (uint64_t)(wire->delay_max_us - wire->delay_min_us) + 1);
}

void sim_net_break(struct sim_net *net, const char *left, const char *right)
{
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        struct sim_link *pair = container_of(at, struct sim_link, link);
        const struct sim_path *path = pair->paths[1];
        if ((strcmp(path->source, left) == 0 && strcmp(path->target, right) == 0) ||
            (strcmp(path->source, right) == 0 && strcmp(path->target, left) == 0)) {
            for (size_t i = 0; i < 2; i++) {
                pair->ends[i].reset_us = net->now_us + sim_net_delay(net, pair->paths[i]);
            }
        }
    }
}

/* ---- processes ---- */

struct sim_host *sim_net_host(struct sim_net *net, const char *address)
{
    for (struct list *at = net->hosts.next; at != &net->hosts; at = at->next) {
        struct sim_host *host = container_of(at, struct sim_host, link);
        if (strcmp(host->address, address) == 0) {
            return host;
        }
    }
    return NULL;
}

struct sim_host *sim_host_create(struct sim_net *net, const char *address)
{
    check(sim_net_host(net, address) == NULL);
    struct sim_host *host = memory_zeroed(sizeof *host);
    host->net = net;
    address_copy(host->address, address);
    list_init(&host->loops);
    list_push_back(&net->hosts, &host->link);
    return host;
}

struct peer *sim_host_peer(struct sim_host *host)
{
    struct sim_loop *loop = memory_zeroed(sizeof *loop);
    loop->base.ops = &sim_peer_ops;
    loop->host = host;
    list_init(&loop->ends);
    list_push_back(&host->loops, &loop->link);
    return &loop->base;
}

void sim_host_pause(struct sim_host *host, bool paused)
{
    sim_net_advance(host->net, host->net->now_us); /* what is silent from now on */
    host->paused = paused;
}

bool sim_host_paused(const struct sim_host *host)
{
    return host->paused;
}

void sim_host_destroy(struct sim_host *host, enum sim_death death)
{
    for (struct list *at = host->loops.next; at != &host->loops;) {
        struct sim_loop *loop = container_of(at, struct sim_loop, link);
        at = at->next;
        while (!list_empty(&loop->ends)) {
            sim_peer_abandon(container_of(loop->ends.next, struct peer_link, in_loop), death);
        }
        memory_free(loop);
    }
    list_remove(&host->link);
    sim_peer_sweep(host->net);
    memory_free(host);
}

/* ---- time ---- */

/* The process at an end, or the one that would be called. NULL: there is none. */
static struct sim_host *host_of(const struct sim_link *pair, size_t index)
{
    if (pair->ends[index].loop != NULL) {
        return pair->ends[index].loop->host;
    }
    return pair->connect_us != SIM_NEVER && index == 1 ? sim_net_host(pair->net, pair->paths[1]->target) : NULL;
}

static bool is_running(const struct sim_host *host)
{
    return host != NULL && !host->paused;
}

/* Whether both ends would hear from each other. */
static bool flows(const struct sim_link *pair)
{
    return is_running(host_of(pair, 0)) && is_running(host_of(pair, 1)) && !pair->paths[0]->wire.cut &&
           !pair->paths[1]->wire.cut;
}

/* Whether the call is answered by now: taken, or refused because nobody listens. */
static bool is_answered(const struct sim_link *pair)
{
    const struct sim_host *called = host_of(pair, 1);
    return is_running(host_of(pair, 0)) && (called == NULL || !called->paused) && !pair->paths[0]->wire.cut &&
           !pair->paths[1]->wire.cut;
}

static void listen(struct sim_link *pair)
{
    bool silent = !flows(pair);
    if (silent && !pair->silent) {
        for (size_t i = 0; i < 2; i++) {
            pair->ends[i].dead_us =
                pair->net->now_us + GIVE_UP_US + (int64_t)prng_below(&pair->net->prng, GIVE_UP_MORE);
        }
    }
    pair->silent = silent;
}

/* Whether anything can come in at this end. */
static bool hears(const struct sim_link *pair, size_t index)
{
    return is_running(host_of(pair, index)) && !pair->paths[index]->wire.cut;
}

static void pass_time(struct sim_link *pair)
{
    int64_t now_us = pair->net->now_us;
    if (pair->connect_us <= now_us && is_answered(pair)) {
        sim_peer_connect(pair);
    }
    if (pair->connect_us != SIM_NEVER && pair->silent && pair->ends[0].dead_us <= now_us) {
        pair->connect_us = SIM_NEVER; /* nobody calls any more */
        pair->ends[1].over = true;
    }
    for (size_t i = 0; i < 2; i++) {
        struct peer_link *end = &pair->ends[i];
        if (end->loop == NULL) {
            continue;
        }
        if (hears(pair, i)) {
            sim_peer_arrive(end);
            if (end->reset_us <= now_us) {
                sim_peer_lose(end, pair->made ? PEER_LOST : PEER_UNREACHABLE, "the connection was reset");
            }
        }
        if (pair->silent && end->dead_us <= now_us && !end->loop->host->paused) {
            sim_peer_lose(end, pair->made ? PEER_LOST : PEER_UNREACHABLE,
                          pair->made ? "nothing was heard for too long" : "nobody answers");
        }
    }
}

void sim_net_advance(struct sim_net *net, int64_t now_us)
{
    check(now_us >= net->now_us);
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        listen(container_of(at, struct sim_link, link));
    }
    net->now_us = now_us;
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        pass_time(container_of(at, struct sim_link, link));
    }
    sim_peer_sweep(net);
}

static int64_t earlier(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

/* When the first message that is under way arrives. SIM_NEVER: there is none, or no room for it. */
static int64_t next_arrival_us(const struct peer_link *end)
{
    if (end->under_way == 0 &&
        (list_empty(&end->inbox) || container_of(end->inbox.prev, struct sim_packet, link)->arrived)) {
        return SIM_NEVER;
    }
    if (end->arrived >= PEER_QUEUE_MAX && !end->deaf) {
        return SIM_NEVER;
    }
    for (const struct list *at = end->inbox.next; at != &end->inbox; at = at->next) {
        const struct sim_packet *packet = container_of(at, struct sim_packet, link);
        if (!packet->arrived) {
            return packet->due_us;
        }
    }
    return SIM_NEVER;
}

static int64_t next_of_end(const struct sim_link *pair, size_t index)
{
    const struct peer_link *end = &pair->ends[index];
    int64_t next_us = SIM_NEVER;
    if (end->over || end->loop == NULL || end->loop->host->paused) {
        return SIM_NEVER;
    }
    if (sim_peer_ready(end)) {
        return pair->net->now_us;
    }
    if (hears(pair, index)) {
        next_us = earlier(next_arrival_us(end), end->closing ? SIM_NEVER : end->reset_us);
    }
    return pair->silent && !end->closing ? earlier(next_us, end->dead_us) : next_us;
}

int64_t sim_net_next_us(struct sim_net *net)
{
    int64_t next_us = SIM_NEVER;
    for (struct list *at = net->links.next; at != &net->links; at = at->next) {
        struct sim_link *pair = container_of(at, struct sim_link, link);
        listen(pair);
        if (is_answered(pair)) {
            next_us = earlier(next_us, pair->connect_us);
        }
        next_us = earlier(next_us, earlier(next_of_end(pair, 0), next_of_end(pair, 1)));
    }
    return next_us > net->now_us ? next_us : net->now_us;
}

/* ---- turns ---- */

static struct peer_link *first_ready(struct sim_loop *loop)
{
    for (struct list *at = loop->ends.next; at != &loop->ends; at = at->next) {
        struct peer_link *end = container_of(at, struct peer_link, in_loop);
        if (sim_peer_ready(end)) {
            return end;
        }
    }
    return NULL;
}

bool sim_net_ready(struct peer *peer)
{
    struct sim_loop *loop = container_of(peer, struct sim_loop, base);
    return !loop->host->paused && first_ready(loop) != NULL;
}

size_t sim_net_turn(struct peer *peer)
{
    struct sim_loop *loop = container_of(peer, struct sim_loop, base);
    size_t calls = 0;
    check(!loop->host->paused);
    for (struct peer_link *end; (end = first_ready(loop)) != NULL; calls++) {
        list_remove(&end->in_loop);
        list_push_back(&loop->ends, &end->in_loop); /* the others come before its next */
        sim_peer_tell(end);
    }
    sim_peer_sweep(loop->host->net);
    return calls;
}

void sim_net_run(struct sim_net *net, int64_t until_us)
{
    for (int64_t next_us; (next_us = sim_net_next_us(net)) <= until_us;) {
        sim_net_advance(net, next_us);
        for (struct list *at = net->hosts.next; at != &net->hosts; at = at->next) {
            struct sim_host *host = container_of(at, struct sim_host, link);
            for (struct list *of = host->loops.next; of != &host->loops && !host->paused; of = of->next) {
                (void)sim_net_turn(&container_of(of, struct sim_loop, link)->base);
            }
        }
    }
    sim_net_advance(net, until_us);
}

/* ---- life ---- */

struct sim_net *sim_net_create(uint64_t seed)
{
    struct sim_net *net = memory_zeroed(sizeof *net);
    prng_seed(&net->prng, seed);
    list_init(&net->hosts);
    list_init(&net->wires);
    list_init(&net->links);
    return net;
}

void sim_net_destroy(struct sim_net *net)
{
    if (net == NULL) {
        return;
    }
    while (!list_empty(&net->hosts)) {
        sim_host_destroy(container_of(net->hosts.next, struct sim_host, link), SIM_POWERLESS);
    }
    while (!list_empty(&net->links)) {
        sim_peer_destroy(container_of(net->links.next, struct sim_link, link));
    }
    while (!list_empty(&net->wires)) {
        struct sim_path *path = container_of(net->wires.next, struct sim_path, link);
        list_remove(&path->link);
        memory_free(path);
    }
    memory_free(net);
}

int64_t sim_net_now_us(const struct sim_net *net)
{
    return net->now_us;
}
