/* SPDX-License-Identifier: MIT */

/* cmd_client_control.c - what one client may do to others, and to its own answers: CLIENT KILL, UNBLOCK, PAUSE,
 * UNPAUSE, REPLY, NO-EVICT, NO-TOUCH.
 *
 * Promises
 *   I1  A killed client gets nothing more, not even the element that it was waiting for: that stays for others.
 *   I2  A client that has been unblocked is served no more, whatever comes before its answer leaves.
 *
 * These plans change sessions: each of them runs once. */
#include "command/cmd.h"
#include "serve/park.h"
#include "serve/pause.h"
#include "serve/sessions.h"

/* ---- KILL ---- */

enum {
    OLD_ADDRESS,
    ID,
    CLIENT_ID,
    ADDR,
    ADDRESS,
    LADDR,
    LOCAL_ADDRESS,
    USER,
    USERNAME,
    TYPE,
    CLIENT_TYPE,
    SKIPME,
    YES,
    NO,
    MAXAGE,
    MAX_AGE,
};

static bool is_type(struct gm_bytes type, const struct session *session)
{
    return bytes_equal_nocase(type, session_listens(session) ? "pubsub" : "normal");
}

static const char *check_filters(struct call *call)
{
    static const char *const types[] = {"normal", "master", "replica", "slave", "pubsub"};
    struct gm_call *abi = &call->abi;
    if (abi->argc == 2) {
        return "ERR wrong number of arguments for 'client|kill' command";
    }
    if (gm_given(abi, OLD_ADDRESS) && abi->argc > 3) {
        return "ERR syntax error";
    }
    if (gm_given(abi, USER) && !gm_bytes_equal(gm_arg_at(abi, USERNAME, 0), BYTES("default"))) {
        return "ERR No such user: there is one, called default";
    }
    for (size_t i = 0; gm_given(abi, TYPE) && i < sizeof types / sizeof types[0]; i++) {
        if (bytes_equal_nocase(gm_arg_at(abi, CLIENT_TYPE, 0), types[i])) {
            return NULL;
        }
    }
    return gm_given(abi, TYPE) ? "ERR Unknown client type" : NULL;
}

static bool is_meant(const struct call *call, const struct session *session)
{
    const struct gm_call *abi = &call->abi;
    if (session->overflowed || (session == call_session(call) && !gm_given(abi, NO) && !gm_given(abi, OLD_ADDRESS))) {
        return false;
    }
    int64_t age_ms = call->worker->monotonic_ms - session->created_ms;
    return (!gm_given(abi, OLD_ADDRESS) ||
            gm_bytes_equal(gm_arg_at(abi, OLD_ADDRESS, 0), gm_bytes_of(session->address))) &&
           (!gm_given(abi, ID) || (uint64_t)abi->args[CLIENT_ID].integer == session->caller.id) &&
           (!gm_given(abi, ADDR) || gm_bytes_equal(gm_arg_at(abi, ADDRESS, 0), gm_bytes_of(session->address))) &&
           (!gm_given(abi, LADDR) || gm_bytes_equal(gm_arg_at(abi, LOCAL_ADDRESS, 0), gm_bytes_of(session->local))) &&
           (!gm_given(abi, TYPE) || is_type(gm_arg_at(abi, CLIENT_TYPE, 0), session)) &&
           (!gm_given(abi, USER) || session->caller.user != NULL) &&
           (!gm_given(abi, MAXAGE) || age_ms / 1000 >= abi->args[MAX_AGE].integer);
}

static int64_t kill_all(struct call *call)
{
    struct list *sessions = &call->worker->sessions.all;
    int64_t killed = 0;
    for (struct list *at = sessions->next; at != sessions; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        if (!is_meant(call, session)) {
            continue;
        }
        killed++;
        if (session == call_session(call)) {
            call->closes = true; /* behind its answer */
        } else {
            sessions_kill(session);
        }
    }
    return killed;
}

void cmd_client_kill(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const char *error = check_filters(call);
    if (error != NULL) {
        gm_reply_error(abi, error);
        return;
    }
    int64_t killed = kill_all(call);
    if (!gm_given(abi, OLD_ADDRESS)) {
        gm_reply_int(abi, killed);
    } else if (killed > 0) {
        gm_reply_status(abi, "OK");
    } else {
        gm_reply_error(abi, "ERR No such client");
    }
}

/* ---- UNBLOCK ---- */

void cmd_client_unblock(struct gm_call *abi)
{
    enum { WAITER_ID, TIMEOUT, ERROR };
    struct session *session = sessions_find(call_of(abi)->worker, abi->args[WAITER_ID].integer);
    if (session == NULL || !session->waiting || session->doomed || !park_is_served(session)) {
        gm_reply_int(abi, 0);
        return;
    }
    if (gm_given(abi, ERROR)) {
        struct reply reply;
        park_end(session);
        reply_begin(&reply, &session->out, session->caller.resp3);
        reply_error(&reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
        session_resume(session);
    } else {
        park_time_out(session);
    }
    gm_reply_int(abi, 1);
}

/* ---- PAUSE ---- */

void cmd_client_pause(struct gm_call *abi)
{
    enum { MILLISECONDS, WRITE, ALL };
    struct worker *worker = call_of(abi)->worker;
    int64_t span_ms;
    int64_t until_ms;
    if (!bytes_to_int(gm_arg_at(abi, MILLISECONDS, 0), &span_ms)) {
        gm_reply_error(abi, "ERR timeout is not an integer or out of range");
    } else if (span_ms < 0) {
        gm_reply_error(abi, "ERR timeout is negative");
    } else if (__builtin_add_overflow(worker->monotonic_ms, span_ms, &until_ms)) {
        gm_reply_error(abi, "ERR timeout is out of range");
    } else {
        pause_begin(worker, until_ms, !gm_given(abi, WRITE));
        gm_reply_status(abi, "OK");
    }
}

void cmd_client_unpause(struct gm_call *abi)
{
    pause_end(call_of(abi)->worker);
    gm_reply_status(abi, "OK");
}

/* ---- REPLY ---- */

void cmd_client_reply(struct gm_call *abi)
{
    enum { ON, OFF, SKIP };
    struct session *session = call_session(call_of(abi));
    if (gm_given(abi, ON)) {
        session->muted = 0;
    } else if (gm_given(abi, OFF)) {
        session->muted = SESSION_MUTED;
    } else if (session->muted != SESSION_MUTED) {
        session->muted = 2; /* this command and the next */
    }
    gm_reply_status(abi, "OK");
}

/* ---- NO-EVICT, NO-TOUCH ---- */

void cmd_client_noevict(struct gm_call *abi)
{
    enum { ON, OFF };
    call_session(call_of(abi))->no_evict = gm_given(abi, ON);
    gm_reply_status(abi, "OK");
}

void cmd_client_notouch(struct gm_call *abi)
{
    enum { ON, OFF };
    call_session(call_of(abi))->caller.no_touch = gm_given(abi, ON);
    gm_reply_status(abi, "OK");
}
