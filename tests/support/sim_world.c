/* SPDX-License-Identifier: MIT */

/* sim_world.c - time and network go on together: whichever has the earlier moment. */
#include "support/sim_world.h"

#include "base/memory.h"
#include "support/sim_world_state.h"

struct sim_world *sim_world_create(uint64_t seed, const struct gm_module *const *modules, size_t count)
{
    struct sim_world *world = memory_zeroed(sizeof *world);
    sim_time_init(&world->time, seed);
    world->net = sim_net_create(seed + 1);
    world->modules = modules;
    world->module_count = count;
    world->seed = seed;
    list_init(&world->machines);
    list_init(&world->clients);
    return world;
}

void sim_world_destroy(struct sim_world *world)
{
    if (world == NULL) {
        return;
    }
    while (!list_empty(&world->machines)) {
        sim_machine_finish(container_of(world->machines.next, struct sim_machine, link));
    }
    while (!list_empty(&world->clients)) {
        sim_client_finish(container_of(world->clients.next, struct sim_client, link));
    }
    sim_net_destroy(world->net);
    memory_free(world);
}

struct sim_time *sim_world_time(struct sim_world *world)
{
    return &world->time;
}

struct sim_net *sim_world_net(struct sim_world *world)
{
    return world->net;
}

struct sim_machine *sim_world_machine(struct sim_world *world, const char *address)
{
    return sim_machine_create(world, address);
}

static void hear(struct sim_world *world)
{
    for (struct list *at = world->machines.next; at != &world->machines; at = at->next) {
        sim_machine_hear(container_of(at, struct sim_machine, link));
    }
}

/* Whoever died in this step is buried behind it: nobody is within a call of it any more. */
static void bury(struct sim_world *world)
{
    for (struct list *at = world->machines.next; at != &world->machines; at = at->next) {
        sim_machine_bury(container_of(at, struct sim_machine, link));
    }
}

void sim_world_run(struct sim_world *world, int64_t until_us)
{
    struct sim_time *time = &world->time;
    for (;;) {
        hear(world);
        int64_t task_us = sim_time_next_us(time);
        int64_t net_us = sim_net_next_us(world->net);
        if (net_us > time->now_us && net_us < task_us && net_us <= until_us) {
            sim_net_advance(world->net, net_us);
            time->now_us = net_us;
            continue;
        }
        if (task_us > until_us) {
            break;
        }
        sim_net_advance(world->net, task_us);
        sim_time_step(time);
        bury(world);
    }
    sim_net_advance(world->net, until_us);
    time->now_us = until_us;
}

void sim_world_listen(struct sim_world *world, FILE *lines)
{
    world->lines = lines;
}
