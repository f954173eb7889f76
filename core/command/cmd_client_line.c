/* SPDX-License-Identifier: MIT */

/* cmd_client_line.c - one client in one line.
 *
 * Idea     The fields are those of Redis, in its order, so that its tools can read them. Fields for what does not exist
 *          here (the input buffer, which is the driver's) have the value of a client that does not use it. */
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
    (void)buf_append(out, gm_bytes_of(session->no_evict ? "e" : ""));
    (void)buf_append(out, gm_bytes_of(session->caller.no_touch ? "T" : ""));
    if (out->size == before) {
        (void)buf_append(out, BYTES("N"));
    }
}

static unsigned long watched(const struct session *session)
{
    unsigned long count = 0;
    for (const struct list *at = session->watches.next; at != &session->watches; at = at->next) {
        count++;
    }
    return count;
}

void cmd_client_line_add(struct buf *out, const struct session *session)
{
    const struct worker *worker = session->worker;
    size_t unsent = session->out.size - session->sent;
    size_t memory = sizeof *session + session->out.capacity + session->transaction.size;
    (void)buf_format(out, "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=",
                     (unsigned long long)session->caller.id, session->address, session->local, session->descriptor,
                     session->name, (long long)(worker->monotonic_ms - session->created_ms) / 1000,
                     (long long)(worker->monotonic_ms - session->active_ms) / 1000);
    add_flags(out, session);
    (void)buf_format(out, " db=0 sub=%u psub=%u", session->topic_count[PUBSUB_CHANNEL],
                     session->topic_count[PUBSUB_PATTERN]);
    (void)buf_format(out, " ssub=%u multi=%ld watch=%lu qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=%zu",
                     session->topic_count[PUBSUB_SHARD],
                     session->transaction.open ? (long)session->transaction.count : -1, watched(session),
                     session->transaction.size);
    (void)buf_format(out, " rbs=%zu rbp=%zu obl=%zu oll=0 omem=0 tot-mem=%zu events=%s cmd=%s user=default redir=%lld",
                     session->out.capacity, session->out.size, unsent, memory, unsent > 0 ? "rw" : "r",
                     session->last_command != NULL ? session->last_command : "NULL",
                     session->tracker != NULL ? (long long)session->tracker->target_id : -1LL);
    (void)buf_format(out, " resp=%d lib-name=%s lib-ver=%s\n", session->caller.resp3 ? 3 : 2, session->lib_name,
                     session->lib_version);
}
