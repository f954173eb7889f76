/* SPDX-License-Identifier: MIT */

/* lab.c - see lab.h. */
#include "lab.h"

#include <criterion/criterion.h>

#include "cluster/coord_local.h"
#include "cluster/coord_raft.h"

#define STEP_US 5000

struct lab *lab_create(enum lab_engine engine, uint64_t count, uint64_t seed)
{
    struct lab *lab = memory_zeroed(sizeof *lab);
    lab->engine = engine;
    lab->count = count;
    lab->delay_us = 10000;
    prng_seed(&lab->prng, seed);
    list_init(&lab->messages);
    for (uint64_t id = 1; id <= count; id++) {
        lab->nodes[id] = (struct lab_node){.lab = lab, .id = id, .sim = sim_disk_create(prng_next(&lab->prng))};
    }
    return lab;
}

static void stop_node(struct lab_node *node)
{
    if (node->coord != NULL) {
        node->coord->ops->destroy(node->coord);
        node->coord = NULL;
    }
}

void lab_destroy(struct lab *lab)
{
    for (uint64_t id = 1; id <= lab->count; id++) {
        struct disk *disk = sim_disk_interface(lab->nodes[id].sim);
        disk->ops->drain(disk);
        stop_node(&lab->nodes[id]);
        sim_disk_destroy(lab->nodes[id].sim);
    }
    while (!list_empty(&lab->messages)) {
        struct lab_message *message = container_of(lab->messages.next, struct lab_message, link);
        list_remove(&message->link);
        memory_free(message);
    }
    memory_free(lab);
}

static void post(struct lab *lab, uint64_t from, uint64_t to, struct gm_bytes bytes)
{
    struct lab_message *message = memory_alloc(sizeof *message + bytes.size);
    *message = (struct lab_message){
        .from = from, .to = to, .at_us = lab->now_us + (int64_t)prng_below(&lab->prng, lab->delay_us + 1)};
    message->size = bytes.size;
    memcpy(message->bytes, bytes.data, bytes.size);
    list_push_back(&lab->messages, &message->link);
}

static void on_send(void *context, uint64_t to, struct gm_bytes bytes)
{
    struct lab_node *node = context;
    struct lab *lab = node->lab;
    cr_assert_leq(bytes.size, COORD_MESSAGE_MAX);
    if (to == 0 || to > lab->count || prng_below(&lab->prng, 100) < lab->loss_percent) {
        return;
    }
    post(lab, node->id, to, bytes);
}

enum status lab_start(struct lab *lab, uint64_t id)
{
    struct lab_node *node = &lab->nodes[id];
    cr_assert_null(node->coord);
    node->shown = 0;
    if (lab->engine == LAB_LOCAL) {
        return coord_local_create(&node->coord, sim_disk_interface(node->sim), &node->complaint);
    }
    struct coord_raft_config config = {
        .disk = sim_disk_interface(node->sim),
        .sender = {.send = on_send, .context = node},
        .node = id,
        .bootstrap = id == 1,
        .log_size = 128 * 1024,
        .beat_ms = COORD_RAFT_BEAT_MS,
        .elect_ms = COORD_RAFT_ELECT_MS,
        .seed = prng_next(&lab->prng),
        .now_us = lab->now_us,
    };
    memset(config.folder_id, (int)id, sizeof config.folder_id); /* as topology_sample has it */
    return coord_raft_create(&node->coord, &config, &node->complaint);
}

void lab_crash(struct lab *lab, uint64_t id)
{
    struct lab_node *node = &lab->nodes[id];
    sim_disk_crash(node->sim, prng_next(&lab->prng));
    stop_node(node);
}

static bool arrives(struct lab *lab, const struct lab_message *message)
{
    return !lab->cut[message->from][message->to] && lab->nodes[message->to].coord != NULL;
}

static void deliver(struct lab *lab)
{
    for (struct list *link = lab->messages.next, *next; link != &lab->messages; link = next) {
        struct lab_message *message = container_of(link, struct lab_message, link);
        next = link->next;
        if (message->at_us > lab->now_us) {
            continue;
        }
        list_remove(&message->link);
        if (arrives(lab, message)) {
            struct coord *coord = lab->nodes[message->to].coord;
            coord->ops->on_message(coord, message->from, gm_bytes_at(message->bytes, message->size));
        }
        memory_free(message);
    }
}

static void run_node(struct lab *lab, struct lab_node *node)
{
    if (node->coord == NULL) {
        return;
    }
    struct coord *coord = node->coord;
    for (int i = 0; i < 8; i++) { /* a disk that is quick */
        coord->ops->turn(coord, lab->now_us);
        const struct topology *topology = coord->ops->topology(coord);
        uint64_t shown = topology == NULL ? 0 : topology->version;
        cr_assert_geq(shown, node->shown); /* coord O4 */
        node->shown = shown;
        (void)sim_disk_run(node->sim, (size_t)prng_below(&lab->prng, 3));
    }
    if (sim_disk_dead(node->sim) || coord->ops->trouble(coord) != NULL) {
        lab_crash(lab, node->id);
    }
}

void lab_step(struct lab *lab)
{
    lab->now_us += STEP_US;
    deliver(lab);
    for (uint64_t id = 1; id <= lab->count; id++) {
        run_node(lab, &lab->nodes[id]);
    }
}

void lab_run(struct lab *lab, int64_t for_ms)
{
    for (int64_t end_us = lab->now_us + for_ms * 1000; lab->now_us < end_us;) {
        lab_step(lab);
    }
}

/* ---- asking ---- */

struct asked_swap {
    struct coord_swap swap;
    bool done;
};

static void on_swap(struct coord_swap *swap)
{
    struct asked_swap *asked = container_of(swap, struct asked_swap, swap);
    cr_assert_not(asked->done); /* coord O5 */
    asked->done = true;
}

enum coord_outcome lab_swap(struct lab *lab, uint64_t id, const struct topology *topology)
{
    struct asked_swap asked = {
        .swap = {.expected_version = topology->version - 1, .topology = topology, .on_done = on_swap}};
    struct coord *coord = lab->nodes[id].coord;
    int64_t end_us = lab->now_us + 10000000;
    if (coord == NULL) {
        return COORD_AGAIN;
    }
    coord->ops->swap(coord, &asked.swap);
    cr_assert_not(asked.done); /* coord O5 */
    while (!asked.done && lab->nodes[id].coord == coord) {
        cr_assert_lt(lab->now_us, end_us, "no answer to a swap");
        lab_step(lab);
    }
    return asked.done ? asked.swap.outcome : COORD_AGAIN;
}

struct asked_read {
    struct coord_read read;
    uint64_t version;
    bool done;
};

static void on_read(struct coord_read *read)
{
    struct asked_read *asked = container_of(read, struct asked_read, read);
    cr_assert_not(asked->done);
    asked->done = true;
    if (read->outcome == COORD_OK) {
        asked->version = read->topology == NULL ? 0 : read->topology->version;
    }
}

enum coord_outcome lab_read(struct lab *lab, uint64_t id, uint64_t *version)
{
    struct asked_read asked = {.read = {.on_done = on_read}};
    struct coord *coord = lab->nodes[id].coord;
    int64_t end_us = lab->now_us + 10000000;
    if (coord == NULL) {
        return COORD_AGAIN;
    }
    coord->ops->read(coord, &asked.read);
    cr_assert_not(asked.done);
    while (!asked.done && lab->nodes[id].coord == coord) {
        cr_assert_lt(lab->now_us, end_us, "no answer to a read");
        lab_step(lab);
    }
    *version = asked.version;
    return asked.done ? asked.read.outcome : COORD_AGAIN;
}

uint64_t lab_settle(struct lab *lab, uint64_t id, int64_t limit_ms)
{
    uint64_t version = 0;
    for (int64_t end_us = lab->now_us + limit_ms * 1000; lab->now_us < end_us;) {
        if (lab_read(lab, id, &version) == COORD_OK) {
            return version;
        }
        lab_step(lab);
    }
    return UINT64_MAX;
}

struct topology *lab_topology(const struct lab *lab, uint64_t version, uint64_t leader)
{
    struct topology *topology = topology_sample(version, (uint32_t)lab->count, (uint32_t)lab->count);
    topology->shards[0].epoch = version;
    topology->shards[0].leader = leader;
    return topology;
}
