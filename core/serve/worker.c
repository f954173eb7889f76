/* SPDX-License-Identifier: MIT */

/* worker.c - a worker begins, is configured, and ends. */
#include "serve/worker.h"

#include "base/memory.h"
#include "serve/call.h"
#include "serve/hold.h"
#include "shard/build.h"

/* A sweep, or a claim, holds back less than before. */
static void on_let_go(void *context)
{
    struct worker *worker = context;
    interest_resume(&worker->interest);
    hold_release(worker, HOLD_SWEEP);
}

static void init_lists(struct worker *worker)
{
    list_init(&worker->monitors);
    list_init(&worker->syncing);
    list_init(&worker->stints);
    for (size_t reason = 0; reason < HOLD_REASONS; reason++) {
        list_init(&worker->held[reason]);
    }
}

void worker_init(struct worker *worker, struct shard *shard, const struct gm_call_ops *ops, struct clock *clock,
                 const struct worker_options *options)
{
    const struct siphash_key *hash_key = &shard->databases.none.table.hash_key;
    memset(worker, 0, sizeof *worker);
    worker->shard = shard;
    worker->registry = shard->registry;
    worker->now_ms = shard->now_ms;
    worker->monotonic_ms = shard->monotonic_ms;
    init_lists(worker);
    meters_init(&worker->meters, &options->meters, registry_command_numbers(worker->registry));
    timing_watch(&worker->meters.timing, clock);
    session_pool_init(&worker->sessions, &shard->gate, &worker->meters.counts);
    interest_init(&worker->interest, &shard->databases, &shard->listeners);
    pubsub_init(&worker->pubsub, hash_key);
    tracking_init(&worker->tracking, hash_key, &shard->listeners, shard->options.seed + 3);
    worker->guesses.hash_key = *hash_key;
    worker->guess_next_ms = INT64_MAX;
    notify_init(&worker->notify, &worker->pubsub, &worker->arena, &shard->listeners);
    for (size_t i = 0; i < 2; i++) {
        worker->calls[i] = memory_zeroed(sizeof *worker->calls[i]);
        worker->calls[i]->abi.ops = ops;
        worker->calls[i]->abi.arg_stride = sizeof(struct gm_arg);
        worker->calls[i]->abi.key_stride = sizeof(struct gm_key);
        worker->calls[i]->worker = worker;
        worker->calls[i]->nested = i > 0;
    }
    shard->clock = clock;
    shard->meters = &worker->meters;
    shard->claims.on_let_go = on_let_go;
    shard->claims.context = worker;
    worker_configure(worker, options);
    worker_tune(worker, tuning_create(worker->registry));
}

void worker_rekey(struct worker *worker)
{
    interest_rekey(&worker->interest);
    tracking_rekey(&worker->tracking, &worker->shard->databases.none.table.hash_key);
}

void worker_tune(struct worker *worker, struct tuning *tuning)
{
    check(tuning->module_count == registry_module_numbers(worker->registry));
    tuning_destroy(worker->tuning);
    worker->tuning = tuning;
}

struct worker_moment worker_moment(const struct worker *worker)
{
    struct clock *clock = worker->shard->clock;
    bool asks = clock != NULL && clock->ops->wall_us != NULL;
    int64_t us = asks ? clock->ops->wall_us(clock) : worker->now_ms * 1000;
    int64_t rest = us % 1000000;
    bool before = rest < 0; /* C rounds towards 1970 */
    return (struct worker_moment){us / 1000000 - before, (uint32_t)(before ? rest + 1000000 : rest)};
}

void worker_finish(struct worker *worker)
{
    if (worker->shard == NULL) {
        return;
    }
    check(worker->depth == 0);
    session_pool_finish(&worker->sessions);
    check(list_empty(&worker->monitors) && list_empty(&worker->syncing) && list_empty(&worker->stints) &&
          heap_first(&worker->timeouts) == NULL);
    notify_finish(&worker->notify);
    interest_finish(&worker->interest);
    pubsub_finish(&worker->pubsub);
    tracking_finish(&worker->tracking);
    heap_finish(&worker->timeouts);
    meters_finish(&worker->meters);
    arena_finish(&worker->arena);
    arena_finish(&worker->requests);
    buf_finish(&worker->due.out);
    tuning_destroy(worker->tuning);
    worker->tuning = NULL;
    memory_free(worker->calls[0]);
    memory_free(worker->calls[1]);
    worker->shard->meters = NULL;
    worker->shard->claims.on_let_go = NULL;
    builds_reap(worker->shard, true);
    worker->shard = NULL;
}

void worker_configure(struct worker *worker, const struct worker_options *options)
{
    worker->options = *options;
    buf_limit(&worker->due.out, WORKER_DUE_REPLY_MAX);
    session_pool_limit(&worker->sessions, options->output_max, options->push_max);
    pubsub_limit(&worker->pubsub, options->queue_max);
    tracking_limit(&worker->tracking, options->tracking_max_keys);
    notify_configure(&worker->notify, options->notify);
    meters_configure(&worker->meters, &options->meters);
}
