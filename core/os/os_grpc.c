/* SPDX-License-Identifier: MIT */

/* os_grpc.c - gRPC in the process: its thread, its beginning and its end.
 *
 * Promises
 *   P1  After destroy no thread of it is left, and nothing is sent.
 *   P2  A peer that is dead or cut off is told within PEER_DEAD_MS (E6): with links open each side asks the other every
 *       ASK_MS, and takes no answer for ANSWER_MS as an end. */
#include "os/os_grpc.h"

#include <signal.h>
#include <time.h>

#include <grpc/support/log.h>

#include "base/memory.h"
#include "base/version.h"
#include "os/os_grpc_channel.h"
#include "os/os_grpc_link.h"
#include "os/os_grpc_server.h"
#include "os/os_grpc_view.h"

#define ASK_MS     300
#define ANSWER_MS  900
#define WINDOW     (1024 * 1024) /* bytes of one call that gRPC may hold before they are asked for */
#define TIMED_MS   50            /* how exact moments are */
#define IDLE_MS    5000
#define PARTING_MS 300                           /* for what was sent last */
#define GRPC_MAX   ((int)(2 * PEER_MESSAGE_MAX)) /* up to here the message is ours to refuse: see os_grpc_link */

int64_t os_grpc_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

grpc_arg os_grpc_setting(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

size_t os_grpc_settings(grpc_arg out[static OS_GRPC_SETTINGS])
{
    const grpc_arg settings[] = {
        os_grpc_setting(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, GRPC_MAX),
        os_grpc_setting(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, GRPC_MAX),
        os_grpc_setting(GRPC_ARG_KEEPALIVE_TIME_MS, ASK_MS), /* os_grpc P2 */
        os_grpc_setting(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ANSWER_MS),
        os_grpc_setting(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0),
        os_grpc_setting(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        os_grpc_setting(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, ASK_MS / 2),
        os_grpc_setting(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0),
        /* Memory: a window that does not grow, and nothing that is unpacked into more than it is. */
        os_grpc_setting(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        os_grpc_setting(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, WINDOW),
        os_grpc_setting(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        os_grpc_setting(GRPC_ARG_ENABLE_CHANNELZ, 0),
    };
    size_t count = sizeof settings / sizeof settings[0];
    check(count <= OS_GRPC_SETTINGS);
    for (size_t i = 0; i < count; i++) {
        out[i] = settings[i];
    }
    return count;
}

/* ---- the thread ---- */

static int64_t wait_ms(struct os_grpc *grpc)
{
    pthread_mutex_lock(&grpc->lock);
    int64_t result = grpc->links_timed > 0 ? TIMED_MS : IDLE_MS;
    pthread_mutex_unlock(&grpc->lock);
    return result;
}

/* Under the lock: what is handed over through gRPC alone is no hand-over in the eyes of ThreadSanitizer. */
static void complete(struct os_grpc *grpc, struct os_grpc_tag *tag, bool success)
{
    pthread_mutex_lock(&grpc->lock);
    void (*on_done)(struct os_grpc_tag * tag, bool success) = tag->on_done;
    pthread_mutex_unlock(&grpc->lock);
    on_done(tag, success);
}

static void *run(void *context)
{
    struct os_grpc *grpc = context;
    int64_t swept_ms = os_grpc_now_ms();
    for (;;) {
        int64_t wait = wait_ms(grpc);
        gpr_timespec until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(wait, GPR_TIMESPAN));
        grpc_event event = grpc_completion_queue_next(grpc->queue, until, NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        }
        if (event.type == GRPC_OP_COMPLETE) {
            complete(grpc, event.tag, event.success != 0);
        }
        int64_t now_ms = os_grpc_now_ms();
        if (now_ms - swept_ms >= TIMED_MS) {
            swept_ms = now_ms;
            os_grpc_link_sweep(grpc, now_ms);
            os_grpc_channel_sweep(grpc, now_ms);
        }
    }
}

/* Signals are for the program's own threads; gRPC's others inherit it. */
static bool start_thread(struct os_grpc *grpc)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    grpc_init();
    grpc->queue = grpc_completion_queue_create_for_next(NULL);
    bool started = pthread_create(&grpc->thread, NULL, run, grpc) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* ---- beginning and end ---- */

/* What it has to say is told by statuses; it would write to standard error. */
static void say_nothing(gpr_log_func_args *args)
{
    (void)args;
}

static void init_locks(struct os_grpc *grpc)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&grpc->lock, NULL);
    pthread_cond_init(&grpc->fewer, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void finish(struct os_grpc *grpc)
{
    grpc_completion_queue_destroy(grpc->queue);
    grpc_shutdown();
    pthread_cond_destroy(&grpc->fewer);
    pthread_mutex_destroy(&grpc->lock);
    memory_free(grpc);
}

static enum status create(struct os_grpc **out, struct complaint *complaint)
{
    gpr_set_log_function(say_nothing);
    struct os_grpc *grpc = memory_zeroed(sizeof *grpc);
    init_locks(grpc);
    list_init(&grpc->links);
    list_init(&grpc->channels);
    list_init(&grpc->servers);
    if (!start_thread(grpc)) {
        complaint_set(complaint, "cannot talk to other nodes: the system gives no thread; raise 'ulimit -u'");
        grpc_completion_queue_shutdown(grpc->queue);
        finish(grpc);
        return STATUS_REFUSED;
    }
    *out = grpc;
    return STATUS_OK;
}

/* Until no link is left and no server takes calls; at most so long, 0: as long as it takes. */
static void await_end(struct os_grpc *grpc, bool links_only, int64_t most_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)most_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&grpc->lock);
    int outcome = 0;
    while (outcome == 0 && (grpc->links_alive > 0 || (!links_only && !os_grpc_server_all_stopped(grpc)))) {
        outcome = most_ms == 0 ? pthread_cond_wait(&grpc->fewer, &grpc->lock)
                               : pthread_cond_timedwait(&grpc->fewer, &grpc->lock, &until);
    }
    pthread_mutex_unlock(&grpc->lock);
}

/* In this order: a queue with a live call would never be drained, and a server that is destroyed without having been
 * stopped ends the process. */
static void destroy(struct os_grpc *grpc)
{
    os_grpc_server_stop_all(grpc);
    await_end(grpc, true, PARTING_MS);
    os_grpc_link_sweep(grpc, INT64_MAX);
    os_grpc_server_cancel_all(grpc);
    await_end(grpc, false, 0);
    os_grpc_server_free_all(grpc);
    os_grpc_channel_sweep(grpc, INT64_MAX);
    grpc_completion_queue_shutdown(grpc->queue);
    (void)pthread_join(grpc->thread, NULL);
    finish(grpc); /* os_grpc P1 */
}

__attribute__((visibility("default"))) const struct os_grpc_table *os_grpc_table(void);

const struct os_grpc_table *os_grpc_table(void)
{
    static const struct os_grpc_table table = {
        .version = GEOMYS_VERSION,
        .size = sizeof table,
        .create = create,
        .listen = os_grpc_server_listen,
        .join = os_grpc_view_create,
        .deliver = os_grpc_view_deliver,
        .leave = os_grpc_view_destroy,
        .destroy = destroy,
    };
    return &table;
}
