/* SPDX-License-Identifier: MIT */

/* lives.c - the fate of each machine, and the end of a run. */
#include "lives.h"

#include <stdio.h>

#include "base/memory.h"
#include "shard/digest.h"
#include "writer.h"

#define MACHINES 8
#define WRITERS  8

const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);
const struct gm_module *geomys_module_kv(void);

struct life {
    struct lives *lives;
    struct sim_machine *machine;
    struct sim_task fate, keeper;
    struct writer writers[WRITERS];
};

struct lives {
    const struct lives_options *options;
    struct lives_result *result;
    struct sim_world *world;
    struct sim_time *time;
    struct life machines[MACHINES];
    bool quiet;
};

static void blame(struct lives *lives, const char *address, const char *what)
{
    if (lives->result->wrong[0] == '\0') {
        (void)snprintf(lives->result->wrong, sizeof lives->result->wrong, "%s: %s", address, what);
    }
}

/* ---- fate ---- */

static void crash_later(struct life *life, int64_t calls)
{
    sim_disk_fault(sim_machine_disk(life->machine), SIM_CRASH, (uint64_t)sim_time_between(life->lives->time, 0, calls),
                   UINT64_MAX / 2);
}

static void strike(struct life *life)
{
    struct sim_time *time = life->lives->time;
    switch (sim_time_between(time, 0, 9)) {
    case 0:
    case 1:
        sim_machine_kill(life->machine, SIM_KILLED);
        break;
    case 2:
    case 3:
        sim_machine_kill(life->machine, SIM_POWERLESS);
        break;
    case 4:
        if (sim_machine_serves(life->machine)) {
            sim_machine_close(life->machine);
        }
        break;
    case 5:
        sim_machine_pause(life->machine, time->now_us + sim_time_between(time, 1000, 400000));
        break;
    default:
        crash_later(life, 200);
        break;
    }
}

static void fate_run(struct sim_task *task)
{
    struct life *life = container_of(task, struct life, fate);
    struct sim_time *time = life->lives->time;
    if (life->lives->quiet) {
        return;
    }
    if (sim_machine_node(life->machine) != NULL) {
        strike(life);
    }
    sim_task_wake(task, time->now_us + sim_time_between(time, 10000, 400000));
}

/* Starts it again, whatever has ended it. */
static void keeper_run(struct sim_task *task)
{
    struct life *life = container_of(task, struct life, keeper);
    struct lives *lives = life->lives;
    if (sim_machine_failures(life->machine) > 0) {
        blame(lives, sim_machine_address(life->machine), sim_machine_complaint(life->machine)); /* P2 */
    }
    if (sim_machine_node(life->machine) == NULL) {
        if (sim_machine_start(life->machine) != STATUS_OK) {
            blame(lives, sim_machine_address(life->machine), sim_machine_complaint(life->machine));
        } else if (!lives->quiet && sim_time_chance(lives->time, 3)) {
            crash_later(life, 40); /* while it reads its files */
        }
        lives->result->deaths++;
    }
    sim_task_wake(task, lives->time->now_us + sim_time_between(lives->time, 1000, 100000));
}

/* ---- the run ---- */

static void life_begin(struct lives *lives, unsigned index)
{
    struct life *life = &lives->machines[index];
    struct sim_time *time = lives->time;
    char address[NET_ADDRESS_MAX];
    (void)snprintf(address, sizeof address, "10.0.0.%u:6000", index + 1);
    life->lives = lives;
    life->machine = sim_world_machine(lives->world, address);
    struct config *config = sim_machine_config(life->machine);
    bool buffered = lives->options->lie || sim_time_chance(time, 4);
    config->persistence = buffered ? CONFIG_PERSISTENCE_BUFFERED : CONFIG_PERSISTENCE_WRITE_THROUGH;
    config->snapshot_log_size = sim_time_chance(time, 3) ? 0 : sim_time_between(time, 4096, 40000);
    config->wal_segment_size = sim_time_between(time, 1, 4) * 4096;
    sim_time_add(time, &life->fate, fate_run);
    sim_time_add(time, &life->keeper, keeper_run);
    sim_task_wake(&life->keeper, 1);
    sim_task_wake(&life->fate, sim_time_between(time, 10000, 400000));
    for (unsigned i = 0; i < lives->options->writers; i++) {
        writer_init(&life->writers[i], lives->world, life->machine, i);
        life->writers[i].lossy = buffered && !lives->options->lie;
    }
}

static bool all_known(const struct lives *lives)
{
    for (unsigned i = 0; i < lives->options->machines; i++) {
        for (unsigned j = 0; j < lives->options->writers; j++) {
            if (!lives->machines[i].writers[j].known) {
                return false;
            }
        }
    }
    return true;
}

/* Runs until every writer has looked at its keys. */
static void look_at_all(struct lives *lives, const char *when)
{
    for (unsigned i = 0; i < lives->options->machines; i++) {
        for (unsigned j = 0; j < lives->options->writers; j++) {
            writer_hush(&lives->machines[i].writers[j]);
        }
    }
    int64_t until_us = lives->time->now_us + 20000000;
    while (!all_known(lives) && lives->time->now_us < until_us) {
        sim_world_run(lives->world, lives->time->now_us + 10000);
    }
    if (!all_known(lives)) {
        blame(lives, when, "not all is served within 20 s");
    }
}

static void start_again(struct lives *lives)
{
    uint64_t digests[MACHINES];
    for (unsigned i = 0; i < lives->options->machines; i++) {
        struct sim_machine *machine = lives->machines[i].machine;
        digests[i] = digest_shard(&sim_machine_node(machine)->replica.shard);
        sim_machine_close(machine);
    }
    look_at_all(lives, "after an orderly end");
    for (unsigned i = 0; i < lives->options->machines && lives->result->wrong[0] == '\0'; i++) {
        struct sim_machine *machine = lives->machines[i].machine;
        if (digest_shard(&sim_machine_node(machine)->replica.shard) != digests[i]) {
            blame(lives, sim_machine_address(machine), "is another after an orderly end and a start");
        }
    }
}

static void collect(struct lives *lives)
{
    for (unsigned i = 0; i < lives->options->machines; i++) {
        struct life *life = &lives->machines[i];
        lives->result->blackouts += sim_machine_blackouts(life->machine);
        for (unsigned j = 0; j < lives->options->writers; j++) {
            lives->result->acked += life->writers[j].acked;
            if (life->writers[j].wrong[0] != '\0') {
                blame(lives, "lost or invented", life->writers[j].wrong); /* P1 */
            }
        }
    }
}

void lives_run(const struct lives_options *options, struct lives_result *result)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    struct lives *lives = memory_zeroed(sizeof *lives);
    check(options->machines <= MACHINES && options->writers <= WRITERS);
    *result = (struct lives_result){0};
    lives->options = options;
    lives->result = result;
    lives->world = sim_world_create(options->seed, modules, sizeof modules / sizeof modules[0]);
    lives->time = sim_world_time(lives->world);
    for (unsigned i = 0; i < options->machines; i++) {
        life_begin(lives, i);
    }
    sim_world_run(lives->world, options->duration_us);
    lives->quiet = true;
    for (unsigned i = 0; i < options->machines; i++) {
        sim_disk_fault(sim_machine_disk(lives->machines[i].machine), SIM_CRASH, 0, 0);
    }
    look_at_all(lives, "after the faults");
    if (result->wrong[0] == '\0') {
        start_again(lives);
    }
    collect(lives);
    result->trace = lives->time->trace;
    result->steps = lives->time->steps;
    for (unsigned i = 0; i < options->machines; i++) {
        for (unsigned j = 0; j < options->writers; j++) {
            writer_finish(&lives->machines[i].writers[j]);
        }
    }
    sim_world_destroy(lives->world);
    memory_free(lives);
}
