/* SPDX-License-Identifier: MIT */

/* pipeline.c - parsing ahead; pipeline.h has the argument. */
#include "serve/pipeline.h"

#include "serve/exec.h"
#include "serve/pause.h"
#include "shard/sweep.h"

enum resp_result pipeline_fill(struct pipeline *pipeline, struct session *session, const uint8_t *data, size_t size,
                               const struct resp_limits *limits)
{
    struct resp_parser *parser = &session->parser;
    pipeline->count = 0;
    do {
        enum resp_result result = resp_parse(parser, data, size, limits);
        if (result != RESP_CALL) {
            return result;
        }
        struct pipeline_call *call = &pipeline->calls[pipeline->count++];
        *call = (struct pipeline_call){parser->first, parser->argc - parser->first, parser->position, 0};
        resp_parser_keep(parser);
    } while (pipeline->count < PIPELINE_MAX && parser->position < size && session->authenticated &&
             parser->unquoted == NULL);
    return RESP_CALL;
}

static void prefetch(struct pipeline *pipeline, const struct session *session)
{
    const struct table *table = &session->shard->keyspace.table;
    for (uint32_t i = 0; i < pipeline->count; i++) {
        struct pipeline_call *call = &pipeline->calls[i];
        if (call->argc > 1) {
            call->hash = table_hash(table, session->parser.argv[call->first + 1]);
            table_prefetch(table, call->hash);
        }
    }
    for (uint32_t i = 0; i < pipeline->count; i++) {
        if (pipeline->calls[i].argc > 1) {
            table_prefetch_element(table, pipeline->calls[i].hash);
        }
    }
}

/* Whether the command must not run now: it stays where it is, with all that follows it. */
static bool is_held(const struct shard *shard, struct session *session, const struct gm_bytes *argv, uint32_t argc)
{
    return (__builtin_expect(shard->pause_until_ms != 0, 0) && pause_holds(session, argv, argc)) ||
           (__builtin_expect(shard->sweep.active, 0) && sweep_holds(session, argv, argc));
}

size_t pipeline_run(struct pipeline *pipeline, struct session *session)
{
    struct shard *shard = session->shard;
    size_t end = 0;
    if (pipeline->count > 1) {
        prefetch(pipeline, session);
    }
    timing_begin(&shard->meters.timing);
    for (uint32_t i = 0; i < pipeline->count && !session->waiting && !session->doomed; i++) {
        const struct pipeline_call *call = &pipeline->calls[i];
        if (call->argc == 0) { /* an empty line: there may not even be an array */
            end = call->end;
            continue;
        }
        const struct gm_bytes *argv = session->parser.argv + call->first;
        if (is_held(shard, session, argv, call->argc)) {
            break;
        }
        end = call->end;
        if (pipeline->count > 1 && call->argc > 1) {
            shard->foreseen_key = argv[1].data;
            shard->foreseen_hash = call->hash;
        }
        exec(shard, session, argv, call->argc);
        shard->foreseen_key = NULL;
        session_check_output(session);
        session_touch(session);
    }
    return end;
}
