/* SPDX-License-Identifier: MIT */

/* realm.c - machines of a cluster, their fate, and who watches. */
#include "realm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "liar.h"
#include "shard/digest.h"
#include "support/sim_world.h"

#define EPOCHS 4096 /* that leaders are remembered of */

const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);
const struct gm_module *geomys_module_kv(void);

struct realm;

struct town {
    struct realm *realm;
    struct sim_machine *machine;
    struct loop_config wanted;
    struct sim_task fate, keeper;
    unsigned index;
};

/* A client with one key, that writes one number after the other to whoever leads. */
struct clerk {
    struct realm *realm;
    struct sim_client *client;
    struct sim_task task;
    unsigned index;
    uint64_t sent, acked; /* numbers */
    uint64_t asked;       /* what was acknowledged when the read was sent */
    bool writing, reading, failed;
};

struct realm {
    const struct realm_options *options;
    struct realm_result *result;
    struct sim_world *world;
    struct sim_time *time;
    struct town towns[REALM_MACHINES];
    struct clerk clerks[REALM_CLIENTS];
    uint64_t leaders[EPOCHS]; /* by epoch */
    struct liar *liar;        /* NULL: the engine is libraft */
    struct sim_task weather;
    bool quiet;
};

__attribute__((format(printf, 2, 3))) static void blame(struct realm *realm, const char *format, ...)
{
    if (realm->result->wrong[0] == '\0') {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(realm->result->wrong, sizeof realm->result->wrong, format, args);
        va_end(args);
    }
}

/* ---- who watches ---- */

static bool leads(const struct town *town)
{
    const struct node *node = sim_machine_node(town->machine);
    enum shard_role role = node != NULL ? node->replica.shard.role : SHARD_LOADING;
    return role == SHARD_LEADING || role == SHARD_FENCED;
}

static void watch(struct realm *realm)
{
    for (unsigned i = 0; i < realm->options->machines; i++) {
        if (!leads(&realm->towns[i])) {
            continue;
        }
        uint64_t epoch = sim_machine_node(realm->towns[i].machine)->replica.shard.tail.epoch;
        if (epoch < EPOCHS) {
            if (realm->leaders[epoch] != 0 && realm->leaders[epoch] != i + 1) {
                blame(realm, "nodes %" PRIu64 " and %u lead in epoch %" PRIu64, realm->leaders[epoch], i + 1, epoch);
            }
            realm->leaders[epoch] = i + 1;
        }
        realm->result->epochs = epoch > realm->result->epochs ? epoch : realm->result->epochs;
    }
}

/* ---- clients ---- */

#define PATIENCE_US 3000000 /* of a client that waits for an answer */

static void act_in(struct clerk *clerk, int64_t low_us, int64_t high_us)
{
    struct sim_time *time = clerk->realm->time;
    sim_task_wake(&clerk->task, time->now_us + sim_time_between(time, low_us, high_us));
}

static void take_written(struct clerk *clerk, const char *text)
{
    if (strcmp(text, "OK") != 0) {
        blame(clerk->realm, "client %u: SET was answered with %s", clerk->index, text);
    }
    clerk->acked = clerk->sent;
    clerk->realm->result->acked++;
}

static void take_read(struct clerk *clerk, const char *text)
{
    uint64_t found = text[0] == '"' ? strtoull(text + 1, NULL, 10) : 0;
    bool lost = clerk->realm->options->quorum && found < clerk->asked;
    if (lost || found > clerk->sent) { /* P2 */
        blame(clerk->realm, "client %u: %" PRIu64 " was found (%s), %" PRIu64 " acknowledged, %" PRIu64 " sent",
              clerk->index, found, text, clerk->asked, clerk->sent);
    }
}

static void on_reply(void *context, const char *text)
{
    struct clerk *clerk = context;
    clerk->failed = text[0] == '-'; /* it does not lead, or has no lease: another may */
    if (!clerk->failed && clerk->writing) {
        take_written(clerk, text);
    } else if (!clerk->failed && clerk->reading) {
        take_read(clerk, text);
    }
    clerk->writing = clerk->reading = false;
    clerk->task.at_us = SIM_REST;
    act_in(clerk, 1, clerk->failed ? 50000 : 20000);
}

static void on_gone(void *context)
{
    struct clerk *clerk = context;
    clerk->writing = clerk->reading = false;
    act_in(clerk, 1000, 50000);
}

static const struct sim_client_ops client_ops = {.on_reply = on_reply, .on_gone = on_gone};

/* One that leads, as it says itself; NULL: there is none. */
static struct town *any_leader(struct clerk *clerk)
{
    struct realm *realm = clerk->realm;
    unsigned first = (unsigned)sim_time_between(realm->time, 0, realm->options->machines - 1);
    for (unsigned i = 0; i < realm->options->machines; i++) {
        struct town *town = &realm->towns[(first + i) % realm->options->machines];
        if (leads(town) && sim_machine_serves(town->machine)) {
            return town;
        }
    }
    return NULL;
}

static bool is_connected(struct clerk *clerk)
{
    bool elsewhere = sim_time_chance(clerk->realm->time, 4); /* whoever leads next to it may answer another thing */
    if (clerk->failed || elsewhere) {
        sim_client_leave(clerk->client);
        clerk->failed = false;
    }
    if (sim_client_connected(clerk->client)) {
        return true;
    }
    struct town *town = any_leader(clerk);
    return town != NULL && sim_client_connect(clerk->client, town->machine);
}

static void clerk_run(struct sim_task *task)
{
    struct clerk *clerk = container_of(task, struct clerk, task);
    clerk->failed = clerk->failed || clerk->writing || clerk->reading; /* it has waited for too long */
    clerk->writing = clerk->reading = false;
    if (!is_connected(clerk)) {
        act_in(clerk, 1000, 50000);
        return;
    }
    clerk->writing = !sim_time_chance(clerk->realm->time, 3);
    clerk->reading = !clerk->writing;
    if (clerk->writing) {
        sim_client_say(clerk->client, "SET c%u %" PRIu64, clerk->index, ++clerk->sent);
    } else {
        clerk->asked = clerk->acked;
        sim_client_say(clerk->client, "GET c%u", clerk->index);
    }
    act_in(clerk, PATIENCE_US, PATIENCE_US);
}

/* ---- fate ---- */

static void strike(struct town *town)
{
    struct sim_time *time = town->realm->time;
    switch (sim_time_between(time, 0, 9)) {
    case 0:
    case 1:
        sim_machine_kill(town->machine, SIM_KILLED);
        break;
    case 2:
        sim_machine_kill(town->machine, SIM_POWERLESS);
        break;
    case 3:
        if (sim_machine_serves(town->machine)) {
            sim_machine_close(town->machine);
        }
        break;
    case 4:
    case 5:
        sim_machine_pause(town->machine, time->now_us + sim_time_between(time, 1000, 3000000));
        break;
    case 6:
        sim_disk_fault(sim_machine_cluster_disk(town->machine), SIM_CRASH, (uint64_t)sim_time_between(time, 0, 30),
                       UINT64_MAX / 2);
        break;
    default:
        sim_disk_fault(sim_machine_disk(town->machine), SIM_CRASH, (uint64_t)sim_time_between(time, 0, 200),
                       UINT64_MAX / 2);
        break;
    }
}

static void fate_run(struct sim_task *task)
{
    struct town *town = container_of(task, struct town, fate);
    struct sim_time *time = town->realm->time;
    if (town->realm->quiet) {
        return;
    }
    if (sim_machine_node(town->machine) != NULL) {
        strike(town);
    }
    sim_task_wake(task, time->now_us + sim_time_between(time, 500000, 8000000));
}

static void keeper_run(struct sim_task *task)
{
    struct town *town = container_of(task, struct town, keeper);
    struct realm *realm = town->realm;
    if (sim_machine_failures(town->machine) > 0) {
        blame(realm, "%s has failed: %s", sim_machine_address(town->machine), sim_machine_complaint(town->machine));
    }
    if (sim_machine_node(town->machine) == NULL) {
        if (sim_machine_start(town->machine) != STATUS_OK) {
            blame(realm, "%s does not start: %s", sim_machine_address(town->machine),
                  sim_machine_complaint(town->machine));
        }
        realm->result->deaths++;
    }
    sim_task_wake(task, realm->time->now_us + sim_time_between(realm->time, 1000, 1000000));
}

/* ---- weather: what befalls the network ---- */

static void heal(struct realm *realm)
{
    struct sim_net *net = sim_world_net(realm->world);
    for (unsigned i = 0; i < realm->options->machines; i++) {
        for (unsigned j = 0; j < realm->options->machines; j++) {
            if (i != j) {
                sim_net_wire(net, sim_machine_address(realm->towns[i].machine),
                             sim_machine_address(realm->towns[j].machine))
                    ->cut = false;
            }
        }
    }
}

static void weather_run(struct sim_task *task)
{
    struct realm *realm = container_of(task, struct realm, weather);
    struct sim_time *time = realm->time;
    int64_t last = (int64_t)realm->options->machines - 1;
    if (realm->quiet || last == 0) {
        return;
    }
    if (realm->liar != NULL) {
        liar_lie(realm->liar, true);
    }
    struct sim_net *net = sim_world_net(realm->world);
    int64_t one = sim_time_between(time, 0, last);
    int64_t other = (one + sim_time_between(time, 1, last)) % (last + 1);
    const char *from = sim_machine_address(realm->towns[one].machine);
    const char *to = sim_machine_address(realm->towns[other].machine);
    switch (sim_time_between(time, 0, 5)) {
    case 0:
    case 1:
        heal(realm);
        break;
    case 2:
        sim_net_break(net, from, to);
        break;
    case 3:
        sim_net_wire(net, to, from)->cut = true;
        sim_net_wire(net, from, to)->cut = true;
        break;
    default:
        sim_net_wire(net, from, to)->cut = true;
        break;
    }
    sim_task_wake(task, time->now_us + sim_time_between(time, 100000, 4000000));
}

/* ---- the run ---- */

static void town_begin(struct realm *realm, unsigned index)
{
    struct town *town = &realm->towns[index];
    struct sim_time *time = realm->time;
    char address[NET_ADDRESS_MAX];
    (void)snprintf(address, sizeof address, "10.0.0.%u:6000", index + 1);
    *town = (struct town){.realm = realm, .index = index};
    town->machine = sim_world_machine(realm->world, address);
    struct config *config = sim_machine_config(town->machine);
    config->persistence = CONFIG_PERSISTENCE_WRITE_THROUGH;
    config->snapshot_log_size = sim_time_chance(time, 3) ? 0 : sim_time_between(time, 4096, 40000);
    config->wal_segment_size = sim_time_between(time, 1, 4) * 4096;
    town->wanted = (struct loop_config){.node = index + 1,
                                        .bootstrap = index == 0,
                                        .join = {"10.0.0.1:6000", "10.0.0.2:6000"},
                                        .join_count = index == 0   ? 0
                                                      : index == 1 ? 1
                                                                   : 2,
                                        .host = index == 0   ? "10.0.0.1"
                                                : index == 1 ? "10.0.0.2"
                                                : index == 2 ? "10.0.0.3"
                                                : index == 3 ? "10.0.0.4"
                                                             : "10.0.0.5",
                                        .client_port = 5000,
                                        .node_port = 6000,
                                        .version = "0.1.0",
                                        .beat_ms = 200,
                                        .lease_ms = 1000,
                                        .stall_ms = 5000,
                                        .replicas = realm->options->machines,
                                        .quorum = realm->options->quorum};
    if (realm->liar != NULL) {
        town->wanted.engine = liar_engine;
        town->wanted.engine_context = realm->liar;
    }
    sim_machine_member(town->machine, &town->wanted);
    sim_time_add(time, &town->fate, fate_run);
    sim_time_add(time, &town->keeper, keeper_run);
    sim_task_wake(&town->keeper, 1 + (int64_t)index * 1000000);
    sim_task_wake(&town->fate, sim_time_between(time, 6000000, 12000000));
}

static void clerk_begin(struct realm *realm, unsigned index)
{
    struct clerk *clerk = &realm->clerks[index];
    *clerk = (struct clerk){.realm = realm, .index = index};
    clerk->client = sim_world_client(realm->world, &client_ops, clerk);
    sim_time_add(realm->time, &clerk->task, clerk_run);
    sim_task_wake(&clerk->task, 3000000);
}

static void run_to(struct realm *realm, int64_t until_us)
{
    while (realm->time->now_us < until_us && realm->result->wrong[0] == '\0') {
        int64_t step_us = realm->time->now_us + 5000;
        sim_world_run(realm->world, step_us < until_us ? step_us : until_us);
        watch(realm);
    }
}

/* All serve, one leads, and the digests are equal. NULL, or what is not so yet. */
static const char *what_is_amiss(const struct realm *realm)
{
    unsigned leaders = 0;
    uint64_t first = 0;
    for (unsigned i = 0; i < realm->options->machines; i++) {
        const struct town *town = &realm->towns[i];
        if (!sim_machine_serves(town->machine)) {
            return "a node does not serve";
        }
        leaders += leads(town);
    }
    if (leaders != 1) {
        return leaders == 0 ? "nobody leads" : "more than one leads";
    }
    for (unsigned i = 0; i < realm->options->machines; i++) {
        uint64_t digest = digest_shard(&sim_machine_node(realm->towns[i].machine)->replica.shard);
        if (i > 0 && digest != first) {
            return "the data of two nodes differ";
        }
        first = digest;
    }
    return NULL;
}

static void become_quiet(struct realm *realm)
{
    int64_t until_us = realm->time->now_us + REALM_QUIET_US;
    realm->quiet = true;
    heal(realm);
    if (realm->liar != NULL) {
        liar_lie(realm->liar, false);
        realm->result->lies = liar_lies(realm->liar);
    }
    for (unsigned i = 0; i < realm->options->machines; i++) {
        sim_disk_fault(sim_machine_disk(realm->towns[i].machine), SIM_CRASH, 0, 0);
        sim_disk_fault(sim_machine_cluster_disk(realm->towns[i].machine), SIM_CRASH, 0, 0);
    }
    run_to(realm, until_us - 2000000);
    for (unsigned i = 0; i < realm->options->clients; i++) {
        sim_client_leave(realm->clerks[i].client);
        realm->clerks[i].task.at_us = SIM_REST;
    }
    run_to(realm, until_us);
    const char *amiss = realm->result->wrong[0] == '\0' ? what_is_amiss(realm) : NULL;
    if (amiss != NULL) {
        blame(realm, "after %d s of quiet: %s", REALM_QUIET_US / 1000000, amiss); /* P3 */
    }
}

void realm_run(const struct realm_options *options, struct realm_result *result)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    struct realm *realm = memory_zeroed(sizeof *realm);
    *result = (struct realm_result){.trace = 0};
    realm->options = options;
    realm->result = result;
    realm->world = sim_world_create(options->seed, modules, sizeof modules / sizeof modules[0]);
    realm->time = sim_world_time(realm->world);
    sim_world_listen(realm->world, options->lines);
    realm->liar = options->lies ? liar_create(realm->time) : NULL;
    for (unsigned i = 0; i < options->machines; i++) {
        town_begin(realm, i);
    }
    for (unsigned i = 0; i < options->clients; i++) {
        clerk_begin(realm, i);
    }
    sim_time_add(realm->time, &realm->weather, weather_run);
    sim_task_wake(&realm->weather, 8000000);
    run_to(realm, options->duration_us);
    become_quiet(realm);
    result->trace = realm->time->trace;
    result->steps = realm->time->steps;
    sim_world_destroy(realm->world);
    if (realm->liar != NULL) {
        liar_destroy(realm->liar);
    }
    memory_free(realm);
}
