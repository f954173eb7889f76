/* SPDX-License-Identifier: MIT */

/* liar.c - one truth, and what is shown instead. */
#include "liar.h"

#include "base/memory.h"

#define HISTORY 64 /* versions that are remembered, to be shown again */

struct liar {
    struct sim_time *time;
    struct topology *truth;
    struct topology *old[HISTORY]; /* owned; by version */
    bool lies;
    uint64_t count;
    uint64_t epoch; /* the highest that anybody was shown */
};

/* What one node sees. */
struct view {
    struct coord base;
    struct liar *liar;
    uint64_t node;
    struct topology *shown; /* owned; version 0: nothing */
    struct list swaps, reads;
    int64_t lied_us;
    bool controller;
};

static struct view *view_at(const struct coord *coord)
{
    return container_of((struct coord *)(uintptr_t)coord, struct view, base);
}

/* ---- the truth ---- */

static void remember(struct liar *liar)
{
    struct topology **place = &liar->old[liar->truth->version % HISTORY];
    *place = *place != NULL ? *place : memory_alloc(sizeof **place);
    topology_copy(*place, liar->truth);
    if (liar->truth->shard_count > 0 && liar->truth->shards[0].epoch > liar->epoch) {
        liar->epoch = liar->truth->shards[0].epoch;
    }
}

static void carry_out(struct view *view, struct coord_swap *swap)
{
    struct liar *liar = view->liar;
    struct complaint none;
    const struct topology *before = liar->truth->version > 0 ? liar->truth : NULL;
    swap->outcome = COORD_EXISTS;
    if (swap->expected_version == liar->truth->version) {
        bool fits = topology_follows(before, swap->topology, &none) == STATUS_OK;
        swap->outcome = fits ? COORD_OK : COORD_REFUSED;
        complaint_set(&swap->complaint, "%s", fits ? "" : none.text);
        if (fits) {
            topology_copy(liar->truth, swap->topology);
            remember(liar);
        }
    }
    if (sim_time_chance(liar->time, 8)) {
        swap->outcome = COORD_AGAIN; /* the answer is lost, whatever it was */
    }
    swap->on_done(swap);
}

/* ---- lies ---- */

static void lie(struct view *view)
{
    struct liar *liar = view->liar;
    struct topology *shown = view->shown;
    uint64_t version = shown->version > liar->truth->version ? shown->version : liar->truth->version;
    topology_copy(shown, liar->truth);
    struct topology_shard *shard = &shown->shards[0];
    shown->version = version + 1;
    liar->epoch += sim_time_chance(liar->time, 2); /* else the same as another was shown */
    shard->epoch = liar->epoch > shard->epoch ? liar->epoch : shard->epoch + 1;
    shard->leader = shard->replicas[sim_time_between(liar->time, 0, (int64_t)shard->replica_count - 1)];
    liar->count++;
}

static void see(struct view *view)
{
    struct liar *liar = view->liar;
    if (liar->truth->version > view->shown->version) {
        topology_copy(view->shown, liar->truth);
    }
    if (liar->lies && liar->time->now_us >= view->lied_us) {
        view->lied_us = liar->time->now_us + sim_time_between(liar->time, 100000, 6000000);
        view->controller = sim_time_chance(liar->time, 2);
        if (view->shown->version > 0 && view->shown->shard_count > 0) {
            lie(view);
        }
    }
}

/* ---- an engine ---- */

static const struct topology *topology(const struct coord *coord)
{
    const struct view *view = view_at(coord);
    return view->shown->version > 0 ? view->shown : NULL;
}

static void swap(struct coord *coord, struct coord_swap *request)
{
    list_push_back(&view_at(coord)->swaps, &request->link);
}

static void read_it(struct coord *coord, struct coord_read *request)
{
    list_push_back(&view_at(coord)->reads, &request->link);
}

static bool is_controller(const struct coord *coord)
{
    const struct view *view = view_at(coord);
    return view->controller || !view->liar->lies; /* several at once, at times */
}

static void turn(struct coord *coord, int64_t now_us)
{
    struct view *view = view_at(coord);
    (void)now_us;
    while (!list_empty(&view->swaps)) {
        struct coord_swap *request = container_of(view->swaps.next, struct coord_swap, link);
        list_remove(&request->link);
        carry_out(view, request);
    }
    while (!list_empty(&view->reads)) {
        struct coord_read *request = container_of(view->reads.next, struct coord_read, link);
        list_remove(&request->link);
        request->outcome = COORD_AGAIN;
        request->on_done(request);
    }
    see(view);
}

static uint32_t next_ms(const struct coord *coord, int64_t now_us)
{
    (void)now_us;
    return list_empty(&view_at(coord)->swaps) ? 20 : 0;
}

static void on_message(struct coord *coord, uint64_t from, struct gm_bytes message)
{
    (void)coord;
    (void)from;
    (void)message;
}

static const char *trouble(const struct coord *coord)
{
    (void)coord;
    return NULL;
}

static void destroy(struct coord *coord)
{
    struct view *view = view_at(coord);
    memory_free(view->shown);
    memory_free(view);
}

static const struct coord_ops ops = {.topology = topology,
                                     .swap = swap,
                                     .read = read_it,
                                     .is_controller = is_controller,
                                     .turn = turn,
                                     .next_ms = next_ms,
                                     .on_message = on_message,
                                     .trouble = trouble,
                                     .destroy = destroy};

enum status liar_engine(void *context, struct coord **out, const struct coord_raft_config *config,
                        struct complaint *complaint)
{
    struct liar *liar = context;
    struct view *view = memory_zeroed(sizeof *view);
    (void)complaint;
    view->base.ops = &ops;
    view->liar = liar;
    view->node = config->node;
    view->controller = config->node == 1;
    view->shown = memory_zeroed(sizeof *view->shown);
    list_init(&view->swaps);
    list_init(&view->reads);
    const struct topology *before = liar->old[(uint64_t)sim_time_between(liar->time, 0, HISTORY - 1)];
    if (liar->lies && before != NULL && sim_time_chance(liar->time, 2)) { /* an older one, after a start */
        topology_copy(view->shown, before);
        liar->count++;
    }
    *out = &view->base;
    return STATUS_OK;
}

struct liar *liar_create(struct sim_time *time)
{
    struct liar *liar = memory_zeroed(sizeof *liar);
    liar->time = time;
    liar->truth = memory_zeroed(sizeof *liar->truth);
    return liar;
}

void liar_destroy(struct liar *liar)
{
    for (unsigned i = 0; i < HISTORY; i++) {
        memory_free(liar->old[i]);
    }
    memory_free(liar->truth);
    memory_free(liar);
}

void liar_lie(struct liar *liar, bool lies)
{
    liar->lies = lies;
    if (!lies && liar->truth->version > 0) {
        liar->truth->version += liar->count + 1;
        liar->truth->shards[0].epoch = liar->epoch + 1;
    }
}

uint64_t liar_lies(const struct liar *liar)
{
    return liar->count;
}
