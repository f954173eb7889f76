/* SPDX-License-Identifier: MIT */

/* The simulated network: it keeps what env/peer.h promises, whatever the delays, and repeats itself. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "support/peer_suite.h"
#include "support/seed.h"
#include "support/sim_net.h"

/* ---- the suite ---- */

static const char *const addresses[] = {"10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000"};

struct subject {
    struct sim_net *net;
    struct sim_host *hosts[2];
    struct peer *peers[2];
};

static struct peer *peer(void *context, unsigned host)
{
    return ((struct subject *)context)->peers[host];
}

static const char *address(void *context, unsigned host)
{
    (void)context;
    return addresses[host];
}

static bool run(void *context, bool (*is_so)(void *argument), void *argument, unsigned ms)
{
    struct subject *subject = context;
    int64_t until_us = sim_net_now_us(subject->net) + (int64_t)ms * 1000;
    while (is_so == NULL || !is_so(argument)) {
        int64_t next_us = sim_net_next_us(subject->net);
        if (next_us > until_us) {
            sim_net_advance(subject->net, until_us);
            return is_so == NULL || is_so(argument);
        }
        sim_net_run(subject->net, next_us);
    }
    return true;
}

static void start(void *context, unsigned host)
{
    struct subject *subject = context;
    subject->hosts[host] = sim_host_create(subject->net, addresses[host]);
    subject->peers[host] = sim_host_peer(subject->hosts[host]);
}

static void kill_host(void *context, unsigned host)
{
    struct subject *subject = context;
    bool power = sim_net_now_us(subject->net) % 2 == 0;
    sim_host_destroy(subject->hosts[host], power ? SIM_POWERLESS : SIM_KILLED);
}

static void cut(void *context, unsigned source, bool is_cut)
{
    struct subject *subject = context;
    sim_net_wire(subject->net, addresses[source], addresses[!source])->cut = is_cut;
}

static void stop(void *context, unsigned host, bool stopped)
{
    sim_host_pause(((struct subject *)context)->hosts[host], stopped);
}

static void run_case(uint64_t seed, size_t index)
{
    struct prng prng;
    struct subject at = {.net = sim_net_create(seed)};
    struct peer_suite suite = {.context = &at,
                               .peer = peer,
                               .address = address,
                               .run = run,
                               .kill = kill_host,
                               .start = start,
                               .cut = cut,
                               .stop = stop};
    prng_seed(&prng, seed);
    for (unsigned i = 0; i < 2; i++) {
        struct sim_wire *wire = sim_net_wire(at.net, addresses[i], addresses[!i]);
        wire->delay_max_us = 100 + (int64_t)prng_below(&prng, 20000);
        wire->bytes_per_ms = 20000 + prng_below(&prng, 1000000);
        start(&at, i);
    }
    cr_assert(peer_suite_run(&suite, index), "%s", peer_suite_name(index));
    sim_net_destroy(at.net);
}

Test(sim_net, keeps_what_peers_promise)
{
    uint64_t seed = seed_of_run();
    for (size_t i = 0; i < peer_suite_count(); i++) {
        for (uint64_t run_number = 0; run_number < 6; run_number++) {
            run_case(seed + run_number, i); /* with other delays each time */
        }
    }
}

/* ---- what only a simulated network shows ---- */

struct listener {
    struct peer_link *link;
    struct sim_net *net;
    uint64_t count, hash;
    unsigned closed;
    int64_t last_us;
};

static void note(struct listener *listener, uint64_t what)
{
    listener->hash = (listener->hash ^ what ^ (uint64_t)sim_net_now_us(listener->net)) * 0x9e3779b97f4a7c15u;
}

static void on_message(void *user, struct gm_bytes message)
{
    struct listener *listener = user;
    listener->count++;
    listener->last_us = sim_net_now_us(listener->net);
    note(listener, message.size);
}

static void on_closed(void *user, enum peer_end end, const char *reason)
{
    struct listener *listener = user;
    (void)reason;
    listener->closed++;
    listener->link = NULL;
    note(listener, 1000000 + (uint64_t)end);
}

static const struct peer_user_ops listener_ops = {.on_message = on_message, .on_closed = on_closed};

static bool on_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    struct listener *listener = (struct listener *)context + peer_base(link)->method;
    (void)reason;
    listener->link = link;
    *ops = &listener_ops;
    *user = listener;
    return true;
}

/* Two hosts; `in` is by method. */
static void meet(struct sim_net *net, struct sim_host *hosts[2], struct listener *in, struct listener *out)
{
    struct peer *called;
    hosts[0] = sim_host_create(net, addresses[0]);
    hosts[1] = sim_host_create(net, addresses[1]);
    called = sim_host_peer(hosts[1]);
    called->ops->accept(called, (1u << PEER_METHODS) - 1, &(struct peer_acceptor){on_accept, in});
    for (unsigned i = 0; i < PEER_METHODS; i++) {
        in[i] = (struct listener){.net = net};
    }
    *out = (struct listener){.net = net};
}

Test(sim_net, large_data_delays_its_own_connection_alone)
{
    struct sim_net *net = sim_net_create(1);
    struct sim_host *hosts[2];
    struct listener in[PEER_METHODS];
    struct listener out;
    static const uint8_t bytes[PEER_MESSAGE_MAX];
    meet(net, hosts, in, &out);
    struct peer *own = sim_host_peer(hosts[0]);
    sim_net_wire(net, addresses[0], addresses[1])->bytes_per_ms = 10000; /* 10 MB per second: 0.8 s for the lot */
    struct peer_link *bulk = peer_open(own, addresses[1], PEER_FOLLOW, &listener_ops, &out);
    while (peer_send(bulk, (struct gm_bytes){bytes, sizeof bytes}) == STATUS_OK) {
    }
    struct peer_link *beat = peer_open(own, addresses[1], PEER_TALK, &listener_ops, &out);
    struct peer_link *forward = peer_open(own, addresses[1], PEER_FORWARD, &listener_ops, &out);
    cr_assert(peer_send(beat, BYTES("beat")) == STATUS_OK && peer_send(forward, BYTES("GET a")) == STATUS_OK);
    sim_net_run(net, 1200000);
    cr_assert_lt(in[PEER_TALK].last_us, 5000);
    cr_assert_gt(in[PEER_FORWARD].last_us, 700000);
    cr_assert_gt(in[PEER_FOLLOW].count, 7);
    sim_net_destroy(net);
}

Test(sim_net, a_short_cut_loses_nothing)
{
    struct sim_net *net = sim_net_create(2);
    struct sim_host *hosts[2];
    struct listener in[PEER_METHODS];
    struct listener out;
    meet(net, hosts, in, &out);
    struct peer_link *link = peer_open(sim_host_peer(hosts[0]), addresses[1], PEER_TALK, &listener_ops, &out);
    sim_net_run(net, 10000);
    sim_net_wire(net, addresses[0], addresses[1])->cut = true;
    cr_assert(peer_send(link, BYTES("one")) == STATUS_OK);
    sim_net_run(net, 800000);
    cr_assert_eq(in[PEER_TALK].count, 0);
    sim_net_wire(net, addresses[0], addresses[1])->cut = false;
    sim_net_run(net, 3000000);
    cr_assert(in[PEER_TALK].count == 1 && out.closed == 0 && in[PEER_TALK].closed == 0);
    sim_net_break(net, addresses[1], addresses[0]);
    sim_net_run(net, 3010000);
    cr_assert(out.closed == 1 && in[PEER_TALK].closed == 1);
    sim_net_destroy(net);
}

/* One side gives up, the other goes on for a while: the two do not agree on when a link ended. */
Test(sim_net, ends_give_up_by_themselves)
{
    bool differ = false;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_net *net = sim_net_create(seed);
        struct sim_host *hosts[2];
        struct listener in[PEER_METHODS];
        struct listener out;
        meet(net, hosts, in, &out);
        (void)peer_open(sim_host_peer(hosts[0]), addresses[1], PEER_TALK, &listener_ops, &out);
        sim_net_run(net, 10000);
        sim_net_wire(net, addresses[1], addresses[0])->cut = true;
        for (int64_t us = 20000; us < 1600000; us += 10000) {
            sim_net_run(net, us);
            differ = differ || out.closed != in[PEER_TALK].closed;
        }
        cr_assert(out.closed == 1 && in[PEER_TALK].closed == 1);
        sim_net_destroy(net);
    }
    cr_assert(differ);
}

/* What a killed process sent arrives up to some message: sometimes all, sometimes none, sometimes a part. */
static uint64_t killed(uint64_t seed, uint64_t *hash)
{
    struct sim_net *net = sim_net_create(seed);
    struct sim_host *hosts[2];
    struct listener in[PEER_METHODS];
    struct listener out;
    meet(net, hosts, in, &out);
    struct peer_link *link = peer_open(sim_host_peer(hosts[0]), addresses[1], PEER_TALK, &listener_ops, &out);
    sim_net_run(net, 10000);
    for (unsigned i = 0; i < 10; i++) {
        cr_assert(peer_send(link, (struct gm_bytes){(const uint8_t *)"0123456789", i}) == STATUS_OK);
    }
    sim_host_destroy(hosts[0], SIM_KILLED);
    sim_net_run(net, 2000000);
    cr_assert(in[PEER_TALK].closed == 1 && out.closed == 0); /* a run of them, and nothing after */
    *hash = in[PEER_TALK].hash;
    sim_net_destroy(net);
    return in[PEER_TALK].count;
}

Test(sim_net, a_killed_process_has_sent_a_part)
{
    unsigned none = 0;
    unsigned all = 0;
    unsigned part = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        uint64_t hash;
        uint64_t again;
        uint64_t count = killed(seed, &hash);
        none += count == 0;
        all += count == 10;
        part += count > 0 && count < 10;
        cr_assert(killed(seed, &again) == count && again == hash); /* repeated exactly */
    }
    cr_assert(none > 0 && all > 0 && part > 0, "%u none, %u part, %u all", none, part, all);
}
