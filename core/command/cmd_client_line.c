/* SPDX-License-Identifier: MIT */

/* cmd_client_line.c - one client in one line.
 *
 * Idea     The fields are those of Redis, in its order, so that its tools can read them; watch-mem, track-mem and
 *          sub-mem are our own. Output is one buffer here: `rbs` is its memory, and while not all of it is read `omem`
 *          is the same and `oll` is 1. `tot-mem` is the sum of qbuf, qbuf-free, the fields that end in -mem, rbs, and
 *          the records of the connection. */
#include "command/cmd_client_line.h"

#include "serve/worker.h"

static void add_flags(struct buf *out, const struct session *session)
{
    size_t before = out->size;
    (void)buf_append(out, gm_bytes_of(list_empty(&session->monitors) ? "" : "O"));
    (void)buf_append(out, gm_bytes_of(session_listens(session) ? "P" : ""));
    (void)buf_append(out, gm_bytes_of(session->waiting ? "b" : ""));
    (void)buf_append(out, gm_bytes_of(session->transaction.open ? "x" : ""));
    (void)buf_append(out, gm_bytes_of(session->tracker != NULL ? "t" : ""));
    (void)buf_append(out, gm_bytes_of(session->tracker != NULL && session->tracker->broken ? "R" : ""));
    (void)buf_append(out, gm_bytes_of(session->tracker != NULL && session->tracker->mode.bcast ? "B" : ""));
    (void)buf_append(out, gm_bytes_of(session->watch_broken ? "d" : ""));
    (void)buf_append(out, gm_bytes_of(session->doomed ? "c" : ""));
    (void)buf_append(out, gm_bytes_of(session->on_unix ? "U" : ""));
    (void)buf_append(out, gm_bytes_of(session->holdings.exempt ? "e" : ""));
    (void)buf_append(out, gm_bytes_of(session->caller.no_touch ? "T" : ""));
    if (out->size == before) {
        (void)buf_append(out, BYTES("N"));
    }
}

void cmd_client_line_add(struct buf *out, const struct session *session)
{
    const struct worker *worker = session->worker;
    const struct holdings *held = &session->holdings;
    size_t input = session->input < held->of[HOLDING_INPUT] ? session->input : held->of[HOLDING_INPUT];
    size_t unsent = session_unsent(session);
    (void)buf_format(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=",
                     (unsigned long long)session->caller.id, session->address, session->local, session->descriptor,
                     session->name, (long long)(worker->monotonic_ms - session->created_ms) / 1000,
                     (long long)(worker->monotonic_ms - session->active_ms) / 1000);
    add_flags(out, session);
    (void)buf_format(out, " db=%u sub=%u psub=%u", session->caller.database, session->topic_count[PUBSUB_CHANNEL],
                     session->topic_count[PUBSUB_PATTERN]);
    (void)buf_format(out, " ssub=%u multi=%ld watch=%u qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu",
                     session->topic_count[PUBSUB_SHARD],
                     session->transaction.open ? (long)session->transaction.count : -1, session->watching, input,
                     held->of[HOLDING_INPUT] - input, held->of[HOLDING_ARGUMENTS], held->of[HOLDING_QUEUE]);
    (void)buf_format(out, " watch-mem=%zu track-mem=%zu sub-mem=%zu", held->of[HOLDING_WATCHED],
                     held->of[HOLDING_TRACKED], held->of[HOLDING_SUBSCRIBED]);
    (void)buf_format(out,
                     " rbs=%zu rbp=%zu obl=%zu oll=%d omem=%zu tot-mem=%zu events=%s cmd=%s user=default redir=%lld",
                     held->of[HOLDING_OUTPUT], session->output_peak, unsent, unsent > 0,
                     unsent > 0 ? held->of[HOLDING_OUTPUT] : 0, held->sum + held->of[HOLDING_RECORD],
                     unsent > 0 ? "rw" : "r", session->last_command != NULL ? session->last_command : "NULL",
                     session->tracker != NULL ? (long long)session->tracker->target_id : -1LL);
    (void)buf_format(out, " resp=%d lib-name=%s lib-ver=%s\n", session->caller.resp3 ? 3 : 2, session->lib_name,
                     session->lib_version);
}
