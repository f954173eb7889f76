/* SPDX-License-Identifier: MIT */

/* session.c - bytes in, commands, bytes out; session.h has the states. */
#include "serve/session.h"

#include "base/memory.h"
#include "serve/call.h"
#include "serve/pause.h"
#include "serve/pipeline.h"
#include "shard/shard.h"
#include "wire/reply.h"

/* What a client may send before it has shown the password. */
static const struct resp_limits limits_before_password = {.args_max = 10, .bulk_max = 16384, .query_max = 65536};

#define OUTPUT_MAX_BEFORE_PASSWORD ((size_t)65536) /* bytes */

struct session *session_create(struct shard *shard, uint64_t id)
{
    struct session *session = memory_zeroed(sizeof *session);
    session->shard = shard;
    session->id = id;
    session->created_ms = shard->monotonic_ms;
    session->active_ms = shard->monotonic_ms;
    session->queue_end = &session->queue;
    session->descriptor = -1;
    list_push_back(&shard->sessions, &session->all);
    shard->session_count++;
    resp_parser_init(&session->parser);
    buf_init(&session->out, shard->options.output_max);
    list_init(&session->dirty);
    list_init(&session->watches);
    list_init(&session->waits);
    list_init(&session->held);
    list_init(&session->monitors);
    list_init(&session->syncing);
    list_init(&session->topics[PUBSUB_CHANNEL]);
    list_init(&session->topics[PUBSUB_PATTERN]);
    list_init(&session->redirections);
    session_reset(session);
    return session;
}

void session_reset(struct session *session)
{
    const char *password = session->shard->options.password;
    session_discard(session);
    pubsub_forget(session);
    tracking_off(session);
    list_remove(&session->monitors);
    session->muted = 0;
    session->resp3 = false;
    session->no_touch = false;
    session->no_evict = false;
    session->name[0] = '\0';
    session->authenticated = password == NULL || password[0] == '\0';
}

void session_destroy(struct session *session)
{
    if (session == NULL) {
        return;
    }
    session_unpark(session);
    session_discard(session);
    pubsub_forget(session);
    tracking_forget(session);
    pause_forget(session);
    list_remove(&session->monitors);
    resp_parser_finish(&session->parser);
    buf_finish(&session->out);
    list_remove(&session->dirty);
    list_remove(&session->all);
    session->shard->session_count--;
    memory_free(session);
}

void session_touch(struct session *session)
{
    if (list_empty(&session->dirty)) {
        list_push_back(&session->shard->dirty, &session->dirty);
    }
}

/* ---- input ---- */

static void protocol_error(struct session *session)
{
    struct reply reply;
    reply_begin(&reply, &session->out, session->resp3);
    reply_error(&reply, session->parser.error);
    errors_count(session->shard, reply_written(&reply));
    session->doomed = true;
    session_touch(session);
}

void session_check_output(struct session *session)
{
    size_t limit = session->authenticated ? session->out.limit : OUTPUT_MAX_BEFORE_PASSWORD;
    if (session->out.full || session->out.size - session->sent > limit) {
        session->overflowed = true;
        session->doomed = true;
        session->shard->stats.dropped++;
    }
}

static bool is_stopped(const struct session *session)
{
    return session->waiting || session->doomed || !list_empty(&session->held);
}

size_t session_input(struct session *session, const uint8_t *data, size_t size, size_t *wants)
{
    size_t consumed = 0;
    *wants = 0;
    while (!is_stopped(session) && consumed < size) {
        const struct resp_limits *limits =
            session->authenticated ? &session->shard->options.limits : &limits_before_password;
        struct pipeline pipeline;
        enum resp_result result = pipeline_fill(&pipeline, session, data + consumed, size - consumed, limits);
        consumed += pipeline_run(&pipeline, session);
        if (is_stopped(session)) {
            resp_parser_next(&session->parser); /* what was parsed ahead will be parsed again */
        } else if (result == RESP_ERROR) {
            protocol_error(session);
        } else {
            resp_parser_drop(&session->parser);
        }
        if (result == RESP_MORE) {
            *wants = resp_parser_wants(&session->parser);
            break;
        }
    }
    return session->doomed ? size : consumed;
}

/* ---- output ---- */

/* Notes what the output written since the last call depends on. */
static void mark_output(struct session *session)
{
    uint64_t mark = session->turn_mark;
    session->turn_mark = 0;
    bool free = mark <= session->shard->gate.released;
    if (free && session->mark_count == 0) {
        session->released_end = session->out.size;
    } else if (free || session->mark_count == SESSION_MARKS) {
        struct session_mark *last = &session->marks[session->mark_count - 1];
        last->end = session->out.size;
        last->sequence = mark > last->sequence ? mark : last->sequence;
    } else {
        session->marks[session->mark_count++] = (struct session_mark){session->out.size, mark};
    }
}

size_t session_releasable(struct session *session)
{
    mark_output(session);
    uint32_t passed = 0;
    while (passed < session->mark_count && session->marks[passed].sequence <= session->shard->gate.released) {
        session->released_end = session->marks[passed].end;
        passed++;
    }
    if (passed > 0) {
        session->mark_count -= passed;
        memmove(session->marks, session->marks + passed, session->mark_count * sizeof session->marks[0]);
    }
    return session->released_end - session->sent;
}

void session_sent(struct session *session, size_t size)
{
    session->sent += size;
    check(session->sent <= session->out.size);
    if (session->sent == session->out.size) {
        buf_clear(&session->out, SESSION_OUT_KEPT);
        session->sent = 0;
        session->released_end = 0;
    }
}

/* ---- what nobody asked for ---- */

static bool is_executing(const struct session *session)
{
    const struct shard *shard = session->shard;
    return shard->depth > 0 && shard->calls[0]->session == session;
}

struct buf *session_push(struct session *session, uint64_t mark)
{
    if (session->doomed) {
        return NULL;
    }
    session->turn_mark = mark > session->turn_mark ? mark : session->turn_mark;
    return is_executing(session) ? &session->shard->pushed : &session->out;
}

void session_pushed(struct session *session)
{
    if (!is_executing(session)) {
        session_check_output(session);
        session_touch(session);
    }
}

static void mute(struct session *session, size_t start)
{
    if (session->out.size > start) { /* else it waits */
        session->out.size = start;
        session->muted -= session->muted != SESSION_MUTED;
    }
}

void session_settle(struct session *session, size_t start)
{
    struct buf *pushed = &session->shard->pushed;
    if (__builtin_expect(session->muted > 0, 0)) {
        mute(session, start);
    }
    if (__builtin_expect(pushed->size > 0 || pushed->full, 0)) {
        bool whole = !pushed->full && buf_append(&session->out, buf_bytes(pushed));
        session->out.full = session->out.full || !whole;
        buf_clear(pushed, SESSION_OUT_KEPT);
    }
    if (__builtin_expect(session->tracker != NULL, 0)) {
        tracking_settle(session);
    }
}

/* ---- kept calls ---- */

size_t session_call_size(const struct gm_bytes *argv, uint32_t argc)
{
    size_t size = sizeof(struct session_call) + argc * sizeof(struct gm_bytes);
    for (uint32_t i = 0; i < argc; i++) {
        size += argv[i].size;
    }
    return size;
}

struct session_call *session_call_copy(const struct gm_bytes *argv, uint32_t argc)
{
    size_t size = session_call_size(argv, argc);
    struct session_call *call = memory_alloc(size);
    *call = (struct session_call){.size = size, .argc = argc};
    uint8_t *at = (uint8_t *)(call->argv + argc);
    for (uint32_t i = 0; i < argc; i++) {
        call->argv[i] = (struct gm_bytes){at, argv[i].size};
        if (argv[i].size > 0) {
            memcpy(at, argv[i].data, argv[i].size);
        }
        at += argv[i].size;
    }
    return call;
}

void session_unwatch(struct session *session)
{
    interest_forget(&session->shard->interest, &session->watches, true);
    session->watch_broken = false;
    session->watch_count = 0;
}

void session_discard(struct session *session)
{
    while (session->queue != NULL) {
        struct session_call *next = session->queue->next;
        memory_free(session->queue);
        session->queue = next;
    }
    session->queue_end = &session->queue;
    session->queue_count = 0;
    session->queue_size = 0;
    session->multi = false;
    session->multi_failed = false;
    session_unwatch(session);
}

void session_park(struct session *session, const struct gm_bytes *argv, uint32_t argc, int64_t until_ms)
{
    check(!session->waiting && session->parked == NULL);
    session->waiting = true;
    session->parked = session_call_copy(argv, argc);
    session->shard->session_blocked++;
    if (until_ms != 0) {
        heap_add(&session->shard->timeouts, &session->timeout, until_ms);
    }
}

void session_unpark(struct session *session)
{
    if (!session->waiting) {
        return;
    }
    interest_forget(&session->shard->interest, &session->waits, false);
    list_remove(&session->syncing);
    heap_remove(&session->shard->timeouts, &session->timeout);
    memory_free(session->parked);
    session->parked = NULL;
    session->waiting = false;
    session->shard->session_blocked--;
}

void session_time_out(struct session *session)
{
    struct shard *shard = session->shard;
    check(session->waiting);
    interest_forget(&shard->interest, &session->waits, false);
    list_remove(&session->syncing);
    heap_remove(&shard->timeouts, &session->timeout);
    heap_add(&shard->timeouts, &session->timeout, shard->monotonic_ms);
}

void session_adopt(struct session *session, const struct registry *newer)
{
    if (session->last_command != NULL) {
        const struct command *command = registry_command_named(newer, gm_bytes_of(session->last_command));
        session->last_command = command != NULL ? command->usage.name : NULL;
    }
    const struct session_call *parked = session->parked;
    if (session->waiting && registry_find(newer, parked->argv, parked->argc).outcome != REGISTRY_FOUND) {
        session_time_out(session); /* it is told that there is no such command */
    }
}

void session_kill(struct session *session)
{
    session_unpark(session);
    pause_forget(session);
    session->doomed = true;
    session->overflowed = true;
    list_remove(&session->dirty); /* it may be where sessions wait for the disk */
    session_touch(session);
}
