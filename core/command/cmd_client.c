/* SPDX-License-Identifier: MIT */

/* cmd_client.c - what the server knows of its clients: CLIENT ID, INFO, LIST, SETNAME, GETNAME, SETINFO.
 *
 * Idea     A line per client with the fields that Redis has, in its order, so that its tools can read it. Fields for
 *          what does not exist here (the input buffer, which is the driver's) have the value of a client that does not
 *          use it.
 *
 * Limits   Names, and what a library says of itself, have at most SESSION_NAME_MAX bytes without blanks. */
#include "command/cmd.h"

#define LINE_MAX_SIZE ((size_t)1024) /* bytes of one client's line, about */

/* ---- names ---- */

static bool is_printable(struct gm_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

static void keep(char out[SESSION_NAME_MAX + 1], struct gm_bytes text)
{
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
}

const char *cmd_client_name(struct session *session, struct gm_bytes name)
{
    if (!is_printable(name)) {
        return "ERR Client names cannot contain spaces, newlines or special characters.";
    }
    if (name.size > SESSION_NAME_MAX) {
        return "ERR Client names cannot be longer than 64 bytes.";
    }
    keep(session->name, name);
    return NULL;
}

_Static_assert(SESSION_NAME_MAX == 64, "the texts above and below say so");

void cmd_client_setname(struct gm_call *abi)
{
    const char *error = cmd_client_name(call_session(call_of(abi)), gm_arg_at(abi, 0, 0));
    if (error != NULL) {
        gm_reply_error(abi, error);
    } else {
        gm_reply_status(abi, "OK");
    }
}

void cmd_client_getname(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    if (call_session(call)->name[0] == '\0') {
        reply_null(&call->reply);
    } else {
        reply_text(&call->reply, call_session(call)->name);
    }
}

void cmd_client_setinfo(struct gm_call *abi)
{
    enum { LIB_NAME, NAME, LIB_VERSION, VERSION };
    struct call *call = call_of(abi);
    bool name = gm_given(abi, LIB_NAME);
    struct gm_bytes text = gm_arg_at(abi, name ? NAME : VERSION, 0);
    const char *attribute = name ? "lib-name" : "lib-ver";
    if (!is_printable(text)) {
        reply_errorf(&call->reply, "ERR %s cannot contain spaces, newlines or special characters.", attribute);
    } else if (text.size > SESSION_NAME_MAX) {
        reply_errorf(&call->reply, "ERR %s cannot be longer than 64 bytes.", attribute);
    } else {
        keep(name ? call_session(call)->lib_name : call_session(call)->lib_version, text);
        gm_reply_status(abi, "OK");
    }
}

/* ---- lines ---- */

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

static void add_line(struct buf *out, const struct session *session)
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
    (void)buf_format(out, " ssub=0 multi=%ld watch=%lu qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=%zu",
                     session->transaction.open ? (long)session->transaction.count : -1, watched(session),
                     session->transaction.size);
    (void)buf_format(out, " rbs=%zu rbp=%zu obl=%zu oll=0 omem=0 tot-mem=%zu events=%s cmd=%s user=default redir=%lld",
                     session->out.capacity, session->out.size, unsent, memory, unsent > 0 ? "rw" : "r",
                     session->last_command != NULL ? session->last_command : "NULL",
                     session->tracker != NULL ? (long long)session->tracker->target_id : -1LL);
    (void)buf_format(out, " resp=%d lib-name=%s lib-ver=%s\n", session->caller.resp3 ? 3 : 2, session->lib_name,
                     session->lib_version);
}

static void reply_lines(struct call *call, struct buf *lines)
{
    reply_verbatim(&call->reply, buf_bytes(lines));
    buf_finish(lines);
}

void cmd_client_id(struct gm_call *abi)
{
    gm_reply_int(abi, (int64_t)call_session(call_of(abi))->caller.id);
}

void cmd_client_info(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct buf lines;
    buf_init(&lines, LINE_MAX_SIZE * 2);
    add_line(&lines, call_session(call));
    reply_lines(call, &lines);
}

/* ---- CLIENT LIST ---- */

enum { TYPE, NORMAL, MASTER, REPLICA, SLAVE, PUBSUB, ID, CLIENT_ID };

static bool is_listed(const struct gm_call *abi, const struct session *session)
{
    if (gm_given(abi, TYPE)) {
        return gm_given(abi, session_listens(session) ? PUBSUB : NORMAL);
    }
    if (!gm_given(abi, ID)) {
        return true;
    }
    for (uint32_t i = 0; i < abi->args[CLIENT_ID].count; i++) {
        int64_t id = 0;
        if (bytes_to_int(gm_arg_at(abi, CLIENT_ID, i), &id) && (uint64_t)id == session->caller.id) {
            return true;
        }
    }
    return false;
}

void cmd_client_list(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct list *sessions = &call->worker->sessions.all;
    struct buf lines;
    buf_init(&lines, call->worker->options.output_max);
    for (uint32_t i = 0; i < abi->args[CLIENT_ID].count; i++) {
        int64_t id = 0;
        if (!bytes_to_int(gm_arg_at(abi, CLIENT_ID, i), &id)) {
            gm_reply_error(abi, "ERR Invalid client ID");
            return;
        }
    }
    for (struct list *at = sessions->next; at != sessions; at = at->next) {
        const struct session *session = container_of(at, struct session, all);
        if (!session->overflowed && is_listed(abi, session)) {
            add_line(&lines, session);
        }
    }
    if (lines.full) {
        gm_reply_error(abi, "ERR the list is larger than client_output_limit");
        buf_finish(&lines);
        return;
    }
    reply_lines(call, &lines);
}
