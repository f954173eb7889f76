/* SPDX-License-Identifier: MIT */

/* The simulated world: several actors in a process that talk over links while processes stand still, die and come
 * back; clocks and entropy of each node. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/seed.h"
#include "support/sim_world.h"

#define NODES   3
#define BEAT_MS 100

const struct gm_module *geomys_module_kv(void);

static const char *const addresses[NODES] = {"10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000"};

/* An actor that beats to all others over links of its own, and opens a link anew when it is lost. */
struct drummer {
    struct sim_world *world;
    struct sim_machine *machine;
    struct peer *peer; /* NULL: its process is gone */
    unsigned index;
    int64_t monotonic_ms, next_ms;
    struct out {
        struct drummer *drummer;
        struct peer_link *link;
    } out[NODES];
    struct in {
        struct drummer *drummer;
        unsigned links;
    } in;
    int64_t heard_us[NODES];
    unsigned lost, gone;
    bool within; /* between turn and turn_end */
};

static void on_message(void *user, struct gm_bytes message)
{
    struct in *in = user;
    cr_assert(message.size == 1 && in->drummer->within);
    in->drummer->heard_us[message.data[0]] = sim_world_time(in->drummer->world)->now_us;
}

static void on_in_closed(void *user, enum peer_end end, const char *reason)
{
    struct in *in = user;
    (void)end;
    (void)reason;
    in->links--;
}

static void on_out_closed(void *user, enum peer_end end, const char *reason)
{
    struct out *out = user;
    (void)reason;
    out->drummer->lost += end == PEER_LOST;
    out->link = NULL;
}

static const struct peer_user_ops in_ops = {.on_message = on_message, .on_closed = on_in_closed};
static const struct peer_user_ops out_ops = {.on_message = on_message, .on_closed = on_out_closed};

static bool on_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    struct drummer *drummer = context;
    (void)link;
    (void)reason;
    drummer->in.links++;
    *ops = &in_ops;
    *user = &drummer->in;
    return true;
}

static void turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    struct drummer *drummer = context;
    (void)wall_ms;
    cr_assert(!drummer->within && monotonic_ms >= drummer->monotonic_ms);
    drummer->monotonic_ms = monotonic_ms;
    drummer->within = true;
}

static int64_t turn_end(void *context)
{
    struct drummer *drummer = context;
    drummer->within = false;
    if (drummer->monotonic_ms < drummer->next_ms) {
        return drummer->next_ms;
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct out *out = &drummer->out[i];
        if (i != drummer->index && out->link == NULL) {
            out->drummer = drummer;
            out->link = peer_open(drummer->peer, addresses[i], PEER_TALK, &out_ops, out);
        }
        if (i != drummer->index) {
            const uint8_t beat = (uint8_t)drummer->index;
            enum status status = peer_send(out->link, (struct gm_bytes){&beat, 1});
            cr_assert(status == STATUS_OK || status == STATUS_CLOSED);
        }
    }
    drummer->next_ms = drummer->monotonic_ms + BEAT_MS;
    return drummer->next_ms;
}

static void on_gone(void *context)
{
    struct drummer *drummer = context;
    drummer->peer = NULL;
    drummer->gone++;
}

static const struct sim_actor_ops drummer_ops = {.turn = turn, .turn_end = turn_end, .on_gone = on_gone};

static void start(struct sim_world *world, struct sim_machine *machine, struct drummer *drummer, unsigned index)
{
    unsigned gone = drummer->gone;
    *drummer = (struct drummer){.world = world, .machine = machine, .index = index, .gone = gone};
    drummer->in.drummer = drummer;
    cr_assert_eq(sim_machine_start(machine), STATUS_OK, "%s", sim_machine_complaint(machine));
    drummer->peer = sim_machine_actor(machine, &drummer_ops, drummer);
    drummer->peer->ops->accept(drummer->peer, 1u << PEER_TALK, &(struct peer_acceptor){on_accept, drummer});
}

static void begin(struct sim_world **world, uint64_t seed, struct drummer *drummers)
{
    static const struct gm_module *modules[1];
    modules[0] = geomys_module_kv();
    *world = sim_world_create(seed, modules, 1);
    for (unsigned i = 0; i < NODES; i++) {
        drummers[i].gone = 0;
        start(*world, sim_world_machine(*world, addresses[i]), &drummers[i], i);
    }
}

static void run(struct sim_world *world, int64_t ms)
{
    sim_world_run(world, sim_world_time(world)->now_us + ms * 1000);
}

/* Whether `by` has heard `of` within the last beats. */
static bool hears(struct sim_world *world, const struct drummer *by, unsigned of)
{
    return sim_world_time(world)->now_us - by->heard_us[of] < 4 * BEAT_MS * 1000;
}

static bool all_hear(struct sim_world *world, const struct drummer *drummers)
{
    bool all = true;
    for (unsigned i = 0; i < NODES; i++) {
        for (unsigned j = 0; j < NODES; j++) {
            all = all && (i == j || hears(world, &drummers[i], j));
        }
    }
    return all;
}

static uint64_t drum(uint64_t seed)
{
    struct sim_world *world;
    struct drummer drummers[NODES];
    begin(&world, seed, drummers);
    run(world, 1000);
    cr_assert(all_hear(world, drummers));

    sim_machine_pause(drummers[1].machine, sim_world_time(world)->now_us + 2500000);
    int64_t stood_ms = drummers[1].monotonic_ms;
    run(world, 2000);
    cr_assert(!hears(world, &drummers[0], 1) && drummers[0].lost == 1 && drummers[1].monotonic_ms == stood_ms);
    cr_assert(hears(world, &drummers[0], 2));
    run(world, 1500);
    cr_assert(all_hear(world, drummers) && drummers[1].lost == 2);

    sim_net_wire(sim_world_net(world), addresses[2], addresses[0])->cut = true; /* one way */
    run(world, 2000);
    cr_assert(!hears(world, &drummers[0], 2) && !hears(world, &drummers[2], 0) && hears(world, &drummers[1], 2));
    sim_net_wire(sim_world_net(world), addresses[2], addresses[0])->cut = false;
    run(world, 2500);
    cr_assert(all_hear(world, drummers));

    sim_machine_kill(drummers[2].machine, seed % 2 == 0 ? SIM_KILLED : SIM_POWERLESS);
    cr_assert(drummers[2].gone == 1 && drummers[2].peer == NULL);
    run(world, 2000);
    cr_assert(!hears(world, &drummers[0], 2) && hears(world, &drummers[0], 1));
    start(world, drummers[2].machine, &drummers[2], 2);
    run(world, 1000);
    cr_assert(all_hear(world, drummers));
    cr_assert_eq(drummers[0].in.links, NODES - 1, "links of former processes are closed");
    uint64_t trace = sim_world_time(world)->trace;
    sim_world_destroy(world);
    cr_assert_eq(drummers[2].gone, 2);
    return trace;
}

Test(sim_world, actors_talk_over_pauses_cuts_and_deaths)
{
    uint64_t seed = seed_of_run();
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t trace = drum(seed + i);
        cr_expect_eq(drum(seed + i), trace, "seed %llu", (unsigned long long)(seed + i));
    }
}

Test(sim_world, clocks_and_entropy_are_each_nodes_own)
{
    struct sim_world *world;
    struct drummer drummers[NODES];
    begin(&world, 5, drummers);
    for (unsigned i = 0; i < NODES; i++) {
        struct sim_clock *clock = sim_machine_clock(drummers[i].machine);
        clock->drift_ppm = (int64_t)i * 10000;
        clock->monotonic_us = 1000000;
    }
    run(world, 30000);
    cr_expect_geq(drummers[1].monotonic_ms, drummers[0].monotonic_ms + 150, "one in a hundred faster");
    cr_expect_geq(drummers[2].monotonic_ms, drummers[1].monotonic_ms + 150);
    const char *first = sim_machine_node(drummers[0].machine)->run_id;
    cr_expect_str_neq(first, sim_machine_node(drummers[1].machine)->run_id);
    char before[41];
    (void)snprintf(before, sizeof before, "%s", first);
    sim_machine_kill(drummers[0].machine, SIM_KILLED);
    start(world, drummers[0].machine, &drummers[0], 0);
    cr_expect_str_neq(before, sim_machine_node(drummers[0].machine)->run_id);
    sim_world_destroy(world);
}

Test(sim_world, clocks_are_turned_back_into_moments)
{
    for (int64_t drift = -20000; drift <= 20000; drift += 777) {
        struct sim_clock clock = {.wall_us = 5, .monotonic_us = 123456, .drift_ppm = drift};
        for (int64_t ms = 200; ms < 100000000; ms += ms / 3) {
            int64_t when_us = sim_clock_when_us(&clock, ms);
            int64_t late_us = sim_clock_monotonic_us(&clock, when_us) - ms * 1000;
            cr_assert(late_us >= 0 && late_us < 3000, "%lld ms: %lld late", (long long)ms, (long long)late_us);
        }
    }
}
