/* SPDX-License-Identifier: MIT */

/* pipeline.c - parsing ahead; pipeline.h has the argument. */
#include "serve/pipeline.h"

#include "serve/exec.h"
#include "serve/guard.h"
#include "serve/hold.h"
#include "serve/pause.h"
#include "wire/foreign.h"

/* What a client may send before it has shown the password. */
static const struct resp_limits limits_before_password = {
    .args_max = 10, .bulk_max = 16384, .query_max = 65536, .before_password = true};

struct pipeline {
    struct request requests[PIPELINE_MAX];
    struct {
        uint32_t first, argc; /* of the parser's argv, which moves while it grows */
        size_t end;           /* offset behind it in the bytes */
    } places[PIPELINE_MAX];
    uint32_t count;
};

/* Parses ahead, as far as the bytes and the limits go. Returns what stopped it: RESP_CALL (enough for now), RESP_MORE,
 * RESP_ERROR (behind the commands that were found). */
static enum resp_result fill(struct pipeline *pipeline, struct session *session, const uint8_t *data, size_t size)
{
    struct resp_parser *parser = &session->parser;
    bool known = session->caller.user != NULL;
    const struct resp_limits *limits = known ? &session->worker->options.limits : &limits_before_password;
    pipeline->count = 0;
    do {
        enum resp_result result = resp_parse(parser, data, size, limits);
        if (result != RESP_CALL) {
            return result;
        }
        check_slow(parser->argc - parser->first <= limits->args_max); /* resp I3 */
        uint32_t at = pipeline->count++;
        pipeline->places[at].first = parser->first;
        pipeline->places[at].argc = parser->argc - parser->first;
        pipeline->places[at].end = parser->position;
        resp_parser_keep(parser);
    } while (pipeline->count < PIPELINE_MAX && parser->position < size && known && parser->unquoted == NULL);
    return RESP_CALL;
}

/* The one door at which commands are resolved. */
static void resolve(struct pipeline *pipeline, const struct session *session)
{
    struct worker *worker = session->worker;
    const struct databases *databases = &worker->shard->databases;
    arena_reset(&worker->requests);
    for (uint32_t i = 0; i < pipeline->count; i++) {
        struct request *request = &pipeline->requests[i];
        request->argc = pipeline->places[i].argc;
        if (request->argc > 0) { /* else an empty line: there may not even be an array */
            const struct gm_bytes *argv = session->parser.argv + pipeline->places[i].first;
            request_resolve(request, worker->registry, databases, argv, request->argc, &worker->requests);
        }
    }
}

static void prefetch(const struct pipeline *pipeline, const struct session *session)
{
    const struct databases *databases = &session->worker->shard->databases;
    const struct table *table = &databases_see(databases, session->caller.database)->table;
    for (uint32_t i = 0; i < pipeline->count; i++) {
        if (pipeline->requests[i].argc > 0 && pipeline->requests[i].hash != 0) {
            table_prefetch(table, pipeline->requests[i].hash);
        }
    }
    for (uint32_t i = 0; i < pipeline->count; i++) {
        if (pipeline->requests[i].argc > 0 && pipeline->requests[i].hash != 0) {
            table_prefetch_element(table, pipeline->requests[i].hash);
        }
    }
}

/* Whether an answer of so many bytes must wait until there is memory for it. */
static bool lacks_room(struct session *session, uint64_t bytes)
{
    return bytes >= CROWD_SMALL && !crowd_admit(&session->holdings, bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX);
}

/* Whether the command must not run now: then the session is held, and it stays where it is with all that follows. */
seldom static bool hold_slow(struct session *session, const struct request *request)
{
    if (session->worker->pause_until_ms != 0 && pause_stops(session, request)) {
        hold_take(session, HOLD_PAUSE);
        return true;
    }
    if (hold_disturbs_now(session, request)) {
        hold_take(session, HOLD_SWEEP);
        return true;
    }
    if (crowd_holds_back(&session->holdings) && lacks_room(session, hold_may_show(session, request))) {
        hold_take(session, HOLD_MEMORY);
        crowd_restrain(&session->holdings);
        return true;
    }
    return false;
}

/* The same for passwords, and those alone who have not shown one. */
static bool hold_guess(const struct pipeline *pipeline, struct session *session)
{
    const struct request *request = &pipeline->requests[0];
    bool may = session->caller.user == NULL && pipeline->count > 0 && request->argc > 0;
    if (__builtin_expect(may, 0) && guard_stops(session, request)) {
        hold_take(session, HOLD_GUESS); /* pipeline I1 */
        return true;
    }
    return false;
}

static bool hold(struct session *session, const struct request *request)
{
    const struct worker *worker = session->worker;
    bool busy = worker->shard->sweep.active || worker->shard->claims.count > 0;
    bool may = busy || worker->pause_until_ms != 0 || worker->sessions.crowd.tight;
    return __builtin_expect(may, 0) && hold_slow(session, request);
}

/* Whether it is carried out here, now. */
static inline enum route route(struct session *session, const struct request *request)
{
    const struct worker *worker = session->worker;
    return __builtin_expect(worker->route != NULL, 0) ? worker->route(session, request) : ROUTE_HERE;
}

/* False: it must wait, with all that follows. */
static bool carry_out(struct session *session, const struct request *request)
{
    if (hold(session, request)) {
        return false;
    }
    enum route way = route(session, request);
    if (way == ROUTE_LATER) {
        hold_take(session, HOLD_ROUTE);
        return false;
    }
    if (way == ROUTE_HERE) {
        exec(session, request);
    }
    session_touch(session);
    return true;
}

/* Carries the commands out, until one makes the session wait or end. Returns the offset behind the last one. */
static size_t run(const struct pipeline *pipeline, struct session *session)
{
    size_t end = 0;
    if (pipeline->count > 1) {
        prefetch(pipeline, session);
    }
    timing_begin(&session->worker->meters.timing);
    size_t brim = session_brim(session);
    for (uint32_t i = 0; i < pipeline->count && !session->waiting && !session->doomed; i++) {
        const struct request *request = &pipeline->requests[i];
        if (request->argc > 0 && !carry_out(session, request)) {
            break; /* pipeline I1 */
        }
        end = pipeline->places[i].end;
        if (request->argc > 0 && !session_check_output(session, brim)) {
            break; /* pipeline I1: the others wait until the client has read */
        }
    }
    return end;
}

seldom static void protocol_error(struct session *session)
{
    check(session->parser.error != NULL && !session->doomed);
    struct reply reply;
    reply_begin(&reply, &session->out, session->caller.resp3);
    reply_error(&reply, session->parser.error);
    errors_count(&session->worker->meters.errors, reply_written(&reply));
    bool foreign = foreign_name(session->parser.error) != NULL;
    session_end(session, foreign ? SESSION_END_FOREIGN : SESSION_END_PROTOCOL);
}

static bool is_stopped(const struct session *session)
{
    return session->waiting || session->doomed || session->brimming || hold_is_held(session);
}

size_t pipeline_input(struct session *session, const uint8_t *data, size_t size, size_t *wants)
{
    size_t consumed = 0;
    *wants = 0;
    session_make_room(session);
    while (!is_stopped(session) && consumed < size) {
        struct pipeline pipeline;
        enum resp_result result = fill(&pipeline, session, data + consumed, size - consumed);
        check(pipeline.count <= 1 || session->caller.user != NULL); /* pipeline I2 */
        resolve(&pipeline, session);
        if (!hold_guess(&pipeline, session)) {
            consumed += run(&pipeline, session);
        }
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
    session_note(session);
    crowd_given(&session->holdings);
    check_slow(consumed <= size); /* pipeline I1 */
    return session->doomed ? size : consumed;
}
