/* SPDX-License-Identifier: MIT */

/* sim_machine.c - a machine, and the process that runs on it. */
#include <stdio.h>

#include "base/memory.h"
#include "node/node_commands.h"
#include "support/sim_world_state.h"

#define DAY_US ((int64_t)86400 * 1000000)

static struct sim_time *time_of(struct sim_machine *machine)
{
    return &machine->world->time;
}

static bool is_still(const struct sim_machine *machine)
{
    return sim_host_paused(machine->host);
}

/* ---- actors ---- */

void sim_machine_wake(struct sim_machine *machine)
{
    sim_task_wake(&machine->actors[0].task, time_of(machine)->now_us + sim_time_between(time_of(machine), 1, 20));
}

void sim_machine_hear(struct sim_machine *machine)
{
    for (size_t i = 0; i < machine->actor_count; i++) {
        struct sim_actor *actor = &machine->actors[i];
        if (actor->task.at_us > time_of(machine)->now_us + 20 && sim_net_ready(actor->peer)) {
            sim_task_wake(&actor->task, time_of(machine)->now_us + sim_time_between(time_of(machine), 1, 20));
        }
    }
}

static void expect_disk(struct sim_machine *machine, struct sim_task *task)
{
    struct sim_time *time = time_of(machine);
    int64_t delay_us =
        sim_time_chance(time, 100) ? sim_time_between(time, 1000, 60000) : sim_time_between(time, 5, 400);
    sim_task_wake(task, time->now_us + delay_us);
}

static void look_after(struct sim_machine *machine)
{
    bool dead = sim_disk_dead(machine->disk) || sim_disk_dead(machine->cluster_disk);
    bool troubled = machine->loop != NULL && loop_trouble(machine->loop) != NULL;
    machine->doomed = machine->doomed || dead || troubled || machine->node->state == NODE_FAILED;
}

static void begin_turn(struct sim_actor *actor)
{
    struct sim_machine *machine = actor->machine;
    struct sim_time *time = time_of(machine);
    actor->within = true;
    actor->ops->turn(actor->context, sim_clock_wall_ms(&machine->clock, time->now_us),
                     sim_clock_monotonic_us(&machine->clock, time->now_us) / 1000);
    sim_task_wake(&actor->task, time->now_us + sim_time_between(time, 1, 10));
}

static void end_turn(struct sim_actor *actor)
{
    struct sim_machine *machine = actor->machine;
    struct sim_time *time = time_of(machine);
    (void)sim_net_turn(actor->peer);
    if (actor == &machine->actors[0] && machine->node->state != NODE_FAILED) {
        sim_client_offer(machine);
    }
    int64_t next_us = sim_clock_when_us(&machine->clock, actor->ops->turn_end(actor->context));
    int64_t soon_us = time->now_us + sim_time_between(time, 5, 50); /* what a turn takes */
    actor->within = false;
    sim_task_wake(&actor->task, next_us > soon_us ? next_us : soon_us);
    expect_disk(machine, actor == &machine->actors[0] ? &machine->disk_task : &machine->cluster_disk_task);
}

static void actor_run(struct sim_task *task)
{
    struct sim_actor *actor = container_of(task, struct sim_actor, task);
    if (is_still(actor->machine)) {
        return; /* resumed by resume_run */
    }
    if (actor->machine->leaving && actor == &actor->machine->actors[0]) {
        return; /* its node has closed */
    }
    if (actor->within) {
        end_turn(actor);
    } else {
        begin_turn(actor);
    }
    look_after(actor->machine);
}

struct peer *sim_machine_actor(struct sim_machine *machine, const struct sim_actor_ops *ops, void *context)
{
    check(machine->actor_count < SIM_ACTORS);
    struct sim_actor *actor = &machine->actors[machine->actor_count++];
    *actor = (struct sim_actor){.machine = machine, .ops = ops, .context = context};
    actor->peer = sim_host_peer(machine->host);
    sim_time_add(time_of(machine), &actor->task, actor_run);
    sim_task_wake(&actor->task, time_of(machine)->now_us + 1);
    return actor->peer;
}

/* ---- the first actor: the node's worker ---- */

static void worker_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    node_turn(((struct sim_machine *)context)->node, wall_ms, monotonic_ms);
}

static int64_t worker_turn_end(void *context)
{
    return node_turn_end(((struct sim_machine *)context)->node);
}

static const struct sim_actor_ops worker_ops = {.turn = worker_turn, .turn_end = worker_turn_end};

/* ---- the second actor of a cluster's node: its cluster loop ---- */

static void cluster_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    loop_turn(((struct sim_machine *)context)->loop, wall_ms, monotonic_ms);
}

static int64_t cluster_turn_end(void *context)
{
    return loop_turn_end(((struct sim_machine *)context)->loop);
}

static const struct sim_actor_ops cluster_ops = {.turn = cluster_turn, .turn_end = cluster_turn_end};

static int64_t face_monotonic_us(struct clock *clock)
{
    const struct sim_machine *machine = container_of(clock, struct sim_clock_face, base)->machine;
    return sim_clock_monotonic_us(&machine->clock, machine->world->time.now_us);
}

static const struct clock_ops face_ops = {.monotonic_us = face_monotonic_us};

static void wake_worker(void *context)
{
    sim_machine_wake(context);
}

/* ---- the disks ---- */

static void disk_step(struct sim_machine *machine, struct sim_disk *disk, struct sim_task *task,
                      struct sim_actor *actor)
{
    if (machine->node == NULL) {
        return;
    }
    if (machine->leaving && disk == machine->disk) {
        return;
    }
    if (is_still(machine) || actor->within) { /* completions come between turns */
        sim_task_wake(task, time_of(machine)->now_us + 10);
        return;
    }
    if (sim_disk_run(disk, 1) > 0) {
        expect_disk(machine, task);
        sim_task_wake(&actor->task, time_of(machine)->now_us + sim_time_between(time_of(machine), 1, 20));
    }
    sim_time_note(time_of(machine), sim_disk_calls(disk));
    look_after(machine);
}

static void disk_run(struct sim_task *task)
{
    struct sim_machine *machine = container_of(task, struct sim_machine, disk_task);
    disk_step(machine, machine->disk, task, &machine->actors[0]);
}

static void cluster_disk_run(struct sim_task *task)
{
    struct sim_machine *machine = container_of(task, struct sim_machine, cluster_disk_task);
    if (machine->loop != NULL) {
        disk_step(machine, machine->cluster_disk, task, &machine->actors[1]);
    }
}

/* ---- life of a process ---- */

static void take_line(void *context, enum trace_level level, const char *text)
{
    struct sim_machine *machine = context;
    if (machine->world->lines != NULL) {
        (void)fprintf(machine->world->lines, "%10.6f %s %s\n", (double)time_of(machine)->now_us / 1e6, machine->address,
                      text);
    }
    sim_time_note(time_of(machine), (uint64_t)level);
    sim_time_note_bytes(time_of(machine), gm_bytes_of(text));
}

static void register_all(struct sim_machine *machine)
{
    uint32_t interfaces;
    const struct registry_interface *own = node_interfaces(&interfaces);
    machine->registry = registry_create(own, interfaces);
    enum status status = node_commands_register(&machine->registry, &machine->complaint);
    for (size_t i = 0; i < machine->world->module_count && status == STATUS_OK; i++) {
        status = registry_add(&machine->registry, machine->world->modules[i], "built in", &machine->complaint);
    }
    check(status == STATUS_OK);
}

static enum status start_loop(struct sim_machine *machine, struct node_env *env)
{
    struct loop_config config = machine->wanted;
    orders_init(&machine->orders, NULL, &machine->face.base);
    machine->orders.wake = wake_worker;
    machine->orders.context = machine;
    config.disk = sim_disk_interface(machine->cluster_disk);
    config.peer = sim_machine_actor(machine, &cluster_ops, machine);
    config.entropy = &machine->entropy.base;
    config.clock = &machine->face.base;
    config.orders = &machine->orders;
    config.trace = &machine->trace;
    TRY(loop_create(&machine->loop, &config, &machine->complaint));
    env->peer = machine->actors[0].peer;
    env->identity = loop_identity(machine->loop);
    env->orders = &machine->orders;
    env->loop = machine->loop;
    sim_task_wake(&machine->cluster_disk_task, time_of(machine)->now_us + 1);
    return STATUS_OK;
}

static void process_end(struct sim_machine *machine, enum sim_death death);

enum status sim_machine_start(struct sim_machine *machine)
{
    check(machine->node == NULL);
    register_all(machine);
    machine->trace = (struct trace){.line = take_line, .context = machine, .least = TRACE_INFO};
    struct node_env env = {
        .disk = sim_disk_interface(machine->disk), .entropy = &machine->entropy.base, .trace = machine->trace};
    machine->host = sim_host_create(machine->world->net, machine->address);
    machine->doomed = false;
    machine->leaving = false;
    (void)sim_machine_actor(machine, &worker_ops, machine);
    enum status status = machine->member ? start_loop(machine, &env) : STATUS_OK;
    if (status == STATUS_OK) {
        status = node_create(&machine->node, &machine->config, machine->registry, &env, &machine->complaint);
    }
    if (status != STATUS_OK) {
        machine->node = NULL;
        process_end(machine, SIM_KILLED);
        sim_disk_crash(machine->disk, prng_next(&time_of(machine)->prng));
        sim_disk_crash(machine->cluster_disk, prng_next(&time_of(machine)->prng));
        return status;
    }
    if (machine->loop != NULL) {
        loop_attach(machine->loop, &machine->node->replica.stand);
    }
    sim_task_wake(&machine->disk_task, time_of(machine)->now_us + 1);
    return STATUS_OK;
}

/* The process is no more; its files are as they are. */
static void process_end(struct sim_machine *machine, enum sim_death death)
{
    for (size_t i = 0; i < machine->actor_count; i++) {
        list_remove(&machine->actors[i].task.link);
        if (machine->actors[i].ops->on_gone != NULL) {
            machine->actors[i].ops->on_gone(machine->actors[i].context);
        }
    }
    machine->actor_count = 0;
    machine->disk_task.at_us = SIM_REST;
    machine->cluster_disk_task.at_us = SIM_REST;
    machine->resume_task.at_us = SIM_REST;
    loop_destroy(machine->loop);
    machine->loop = NULL;
    node_destroy(machine->node);
    machine->node = NULL;
    registry_release(machine->registry);
    machine->registry = NULL;
    sim_host_destroy(machine->host, death);
    machine->host = NULL;
    machine->doomed = false;
    machine->leaving = false;
}

/* What is under way may be carried out, and nothing more. */
static void stop_disk(struct sim_disk *disk)
{
    if (!sim_disk_dead(disk)) {
        sim_disk_fault(disk, SIM_CRASH, 0, UINT64_MAX / 2);
    }
    sim_disk_interface(disk)->ops->drain(sim_disk_interface(disk));
}

static void leave_disk(struct sim_machine *machine, struct sim_disk *disk, enum sim_death death)
{
    if (death == SIM_KILLED) {
        sim_disk_kill(disk);
    } else {
        sim_disk_crash(disk, prng_next(&time_of(machine)->prng));
    }
}

void sim_machine_kill(struct sim_machine *machine, enum sim_death death)
{
    check(machine->node != NULL);
    sim_client_lose(machine);
    stop_disk(machine->disk);
    stop_disk(machine->cluster_disk);
    process_end(machine, death);
    leave_disk(machine, machine->disk, death);
    leave_disk(machine, machine->cluster_disk, death);
    machine->blackouts += death == SIM_POWERLESS;
}

static void end_in_order(struct sim_machine *machine);
static void close_node(struct sim_machine *machine);

void sim_machine_bury(struct sim_machine *machine)
{
    if (machine->node != NULL && !machine->doomed && machine->leaving && loop_has_resigned(machine->loop)) {
        end_in_order(machine);
    } else if (machine->node != NULL && !machine->doomed && !machine->leaving &&
               machine->node->state == NODE_STOPPING && !machine->actors[0].within) {
        close_node(machine); /* who follows has what it has */
    }
    if (machine->node != NULL && machine->doomed) {
        bool dead = sim_disk_dead(machine->disk) || sim_disk_dead(machine->cluster_disk);
        if (machine->node->state == NODE_FAILED && !dead) {
            machine->failures++;
            machine->complaint = machine->node->complaint;
        } else if (machine->loop != NULL && loop_trouble(machine->loop) != NULL && !dead) {
            machine->failures++;
            complaint_set(&machine->complaint, "%s", loop_trouble(machine->loop));
        }
        sim_machine_kill(machine, SIM_POWERLESS);
    }
}

/* The worker has closed, and the cluster loop has nothing to hand over any more. */
static void end_in_order(struct sim_machine *machine)
{
    sim_disk_interface(machine->disk)->ops->drain(sim_disk_interface(machine->disk));
    sim_disk_interface(machine->cluster_disk)->ops->drain(sim_disk_interface(machine->cluster_disk));
    process_end(machine, SIM_KILLED);
}

static void close_node(struct sim_machine *machine)
{
    sim_disk_fault(machine->disk, SIM_CRASH, 0, 0); /* one that was to come would come in the midst */
    sim_disk_fault(machine->cluster_disk, SIM_CRASH, 0, 0);
    enum status status = node_close(machine->node, &machine->complaint);
    check(status == STATUS_OK);
    sim_client_lose(machine);
    machine->leaving = machine->loop != NULL && loop_resign(machine->loop);
    if (!machine->leaving) {
        end_in_order(machine);
    }
}

void sim_machine_close(struct sim_machine *machine)
{
    node_stop(machine->node);
    if (machine->node->state == NODE_STOPPING) {
        close_node(machine);
    }
}

static void resume_run(struct sim_task *task)
{
    struct sim_machine *machine = container_of(task, struct sim_machine, resume_task);
    if (machine->node == NULL) {
        return;
    }
    sim_host_pause(machine->host, false);
    for (size_t i = 0; i < machine->actor_count; i++) {
        sim_task_wake(&machine->actors[i].task, time_of(machine)->now_us + 1);
    }
}

void sim_machine_pause(struct sim_machine *machine, int64_t until_us)
{
    check(machine->node != NULL);
    sim_host_pause(machine->host, true);
    machine->resume_task.at_us = until_us;
}

/* ---- machines ---- */

static void fill(struct entropy *entropy, void *target, size_t size)
{
    struct sim_entropy *own = container_of(entropy, struct sim_entropy, base);
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)target)[i] = (uint8_t)prng_next(&own->prng);
    }
}

static const struct entropy_ops entropy_ops = {.fill = fill};

struct sim_machine *sim_machine_create(struct sim_world *world, const char *address)
{
    struct sim_machine *machine = memory_zeroed(sizeof *machine);
    struct sim_time *time = &world->time;
    int size = snprintf(machine->address, sizeof machine->address, "%s", address);
    check(size > 0 && (size_t)size < sizeof machine->address);
    machine->world = world;
    machine->disk = sim_disk_create(prng_next(&time->prng));
    machine->cluster_disk = sim_disk_create(prng_next(&time->prng));
    machine->face = (struct sim_clock_face){.base = {.ops = &face_ops}, .machine = machine};
    machine->clock = (struct sim_clock){.wall_us = 20000 * DAY_US + sim_time_between(time, -3000000, 3000000),
                                        .monotonic_us = sim_time_between(time, 1000000, DAY_US),
                                        .drift_ppm = sim_time_between(time, -20000, 20000)};
    machine->entropy.base.ops = &entropy_ops;
    prng_seed(&machine->entropy.prng, world->seed * 1000 + ++world->machine_count);
    config_init(&machine->config, NULL);
    machine->config.wal_segment_size = 4096;
    machine->config.disk_reserve = 0;
    machine->config.snapshot_interval_s = 0;
    machine->config.snapshot_log_size = 0;
    machine->config.snapshot_compression = SNAPSHOT_PLAIN;
    list_init(&machine->conns);
    sim_time_add(time, &machine->disk_task, disk_run);
    sim_time_add(time, &machine->cluster_disk_task, cluster_disk_run);
    sim_time_add(time, &machine->resume_task, resume_run);
    list_push_back(&world->machines, &machine->link);
    return machine;
}

void sim_machine_finish(struct sim_machine *machine)
{
    if (machine->node != NULL) {
        sim_machine_kill(machine, SIM_KILLED);
    }
    list_remove(&machine->disk_task.link);
    list_remove(&machine->cluster_disk_task.link);
    list_remove(&machine->resume_task.link);
    list_remove(&machine->link);
    sim_disk_destroy(machine->disk);
    sim_disk_destroy(machine->cluster_disk);
    config_finish(&machine->config);
    memory_free(machine);
}

const char *sim_machine_address(const struct sim_machine *machine)
{
    return machine->address;
}

struct sim_disk *sim_machine_disk(struct sim_machine *machine)
{
    return machine->disk;
}

void sim_machine_member(struct sim_machine *machine, const struct loop_config *wanted)
{
    machine->member = true;
    machine->wanted = *wanted;
}

void sim_machine_empty(struct sim_machine *machine)
{
    check(machine->node == NULL);
    sim_disk_destroy(machine->disk);
    sim_disk_destroy(machine->cluster_disk);
    machine->disk = sim_disk_create(prng_next(&time_of(machine)->prng));
    machine->cluster_disk = sim_disk_create(prng_next(&time_of(machine)->prng));
}

struct loop *sim_machine_loop(struct sim_machine *machine)
{
    return machine->loop;
}

struct sim_disk *sim_machine_cluster_disk(struct sim_machine *machine)
{
    return machine->cluster_disk;
}

struct sim_clock *sim_machine_clock(struct sim_machine *machine)
{
    return &machine->clock;
}

struct config *sim_machine_config(struct sim_machine *machine)
{
    return &machine->config;
}

struct node *sim_machine_node(struct sim_machine *machine)
{
    return machine->node;
}

bool sim_machine_serves(struct sim_machine *machine)
{
    return machine->node != NULL && !machine->doomed && !machine->leaving && machine->node->state == NODE_SERVING;
}

const char *sim_machine_complaint(const struct sim_machine *machine)
{
    return machine->complaint.text;
}

uint64_t sim_machine_blackouts(const struct sim_machine *machine)
{
    return machine->blackouts;
}

uint64_t sim_machine_failures(const struct sim_machine *machine)
{
    return machine->failures;
}
