/* SPDX-License-Identifier: MIT */

/* cmd_client.c - CLIENT: what the server knows of its clients, what one client may do to others and to its own answers,
 * and what it is told of the keys that it keeps copies of.
 *
 * Promises
 *   I1  A killed client gets nothing more, not even the element that it was waiting for: that stays for others.
 *   I2  A client that has been unblocked is served no more, whatever comes before its answer leaves.
 *
 * These plans change sessions: each of them runs once. */
#include <stdlib.h>

#include "command/cmd.h"
#include "command/cmd_client_line.h"
#include "command/cmd_client_name.h"
#include "serve/count.h"
#include "serve/park.h"
#include "serve/pause.h"
#include "serve/sessions.h"

/* ---- who there is: ID, INFO, LIST ---- */

static void reply_lines(struct call *call, struct buf *lines)
{
    reply_verbatim(&call->reply, buf_bytes(lines));
    buf_finish(lines);
}

static void plan_id(struct gm_call *abi)
{
    gm_reply_int(abi, (int64_t)call_session(call_of(abi))->caller.id);
}

static void plan_info(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct buf lines;
    buf_init(&lines, CMD_CLIENT_LINE_MAX);
    cmd_client_line_add(&lines, call_session(call));
    reply_lines(call, &lines);
}

enum { LIST_TYPE, LIST_CLIENT_TYPE, LIST_ID, LIST_CLIENT_ID };

/* The ids that were asked for, rising, so that a client is found among them by halving. */
struct wanted {
    int64_t *ids;
    uint32_t count;
};

static int compare_ids(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* False: one is no number, and the call is answered. */
static bool read_wanted(struct gm_call *abi, struct wanted *wanted)
{
    wanted->count = gm_arg(abi, LIST_CLIENT_ID)->count;
    wanted->ids = arena_alloc(&call_of(abi)->worker->arena, (wanted->count + (size_t)1) * sizeof *wanted->ids);
    for (uint32_t i = 0; i < wanted->count; i++) {
        if (!bytes_to_int(gm_arg_at(abi, LIST_CLIENT_ID, i), &wanted->ids[i])) {
            gm_reply_error(abi, "ERR Invalid client ID");
            return false;
        }
    }
    if (wanted->count > 1) {
        qsort(wanted->ids, wanted->count, sizeof *wanted->ids, compare_ids);
    }
    return true;
}

static bool is_of_type(struct gm_bytes type, const struct session *session)
{
    return bytes_equal_nocase(type, session_listens(session) ? "pubsub" : "normal");
}

/* False: there is no such type of clients, and the call is answered. */
static bool check_type(struct call *call, struct gm_bytes type)
{
    static const char *const types[] = {"normal", "master", "replica", "slave", "pubsub"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (bytes_equal_nocase(type, types[i])) {
            return true;
        }
    }
    reply_errorf(&call->reply, "ERR Unknown client type '%.*s'", (int)(type.size < 128 ? type.size : 128),
                 (const char *)type.data);
    return false;
}

static bool is_listed(const struct gm_call *abi, const struct session *session, const struct wanted *wanted)
{
    if (gm_given(abi, LIST_TYPE)) {
        return is_of_type(gm_arg_at(abi, LIST_CLIENT_TYPE, 0), session);
    }
    int64_t id = (int64_t)session->caller.id;
    return !gm_given(abi, LIST_ID) ||
           (wanted->count > 0 && bsearch(&id, wanted->ids, wanted->count, sizeof *wanted->ids, compare_ids) != NULL);
}

static void plan_list(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct list *sessions = &call->worker->sessions.all;
    struct wanted wanted;
    if (!read_wanted(abi, &wanted) ||
        (gm_given(abi, LIST_TYPE) && !check_type(call, gm_arg_at(abi, LIST_CLIENT_TYPE, 0)))) {
        return;
    }
    struct buf lines;
    buf_init(&lines, call->worker->options.output_max);
    for (struct list *at = sessions->next; at != sessions && !lines.full; at = at->next) {
        const struct session *session = container_of(at, struct session, all);
        if (!session->overflowed && is_listed(abi, session, &wanted)) {
            cmd_client_line_add(&lines, session);
        }
    }
    if (lines.full) {
        gm_reply_error(abi, "ERR the list is larger than client_output_limit");
        buf_finish(&lines);
        return;
    }
    reply_lines(call, &lines);
}

/* ---- what it calls itself: SETNAME, GETNAME, SETINFO ---- */

static void plan_setname(struct gm_call *abi)
{
    const char *error = cmd_client_name_set(call_session(call_of(abi)), gm_arg_at(abi, 0, 0));
    if (error != NULL) {
        gm_reply_error(abi, error);
    } else {
        gm_reply_status(abi, "OK");
    }
}

static void plan_getname(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    if (call_session(call)->name[0] == '\0') {
        reply_null(&call->reply);
    } else {
        reply_text(&call->reply, call_session(call)->name);
    }
}

static void plan_setinfo(struct gm_call *abi)
{
    enum { LIB_NAME, NAME, LIB_VERSION, VERSION };
    struct call *call = call_of(abi);
    bool name = gm_given(abi, LIB_NAME);
    struct gm_bytes text = gm_arg_at(abi, name ? NAME : VERSION, 0);
    const char *attribute = name ? "lib-name" : "lib-ver";
    if (!cmd_client_name_is_printable(text)) {
        reply_errorf(&call->reply, "ERR %s cannot contain spaces, newlines or special characters.", attribute);
    } else if (text.size > SESSION_NAME_MAX) {
        reply_errorf(&call->reply, "ERR %s cannot be longer than 64 bytes.", attribute);
    } else {
        cmd_client_name_keep(name ? call_session(call)->lib_name : call_session(call)->lib_version, text);
        gm_reply_status(abi, "OK");
    }
}

/* ---- KILL ---- */

enum {
    KILL_OLD_ADDRESS,
    KILL_ID,
    KILL_CLIENT_ID,
    KILL_ADDR,
    KILL_ADDRESS,
    KILL_LADDR,
    KILL_LOCAL_ADDRESS,
    KILL_USER,
    KILL_USERNAME,
    KILL_TYPE,
    KILL_CLIENT_TYPE,
    KILL_SKIPME,
    KILL_YES,
    KILL_NO,
    KILL_MAXAGE,
    KILL_MAX_AGE,
};

/* False: the filters make no sense, and the call is answered. */
static bool check_filters(struct call *call)
{
    struct gm_call *abi = &call->abi;
    struct gm_bytes user = gm_arg_at(abi, KILL_USERNAME, 0);
    if (abi->argc == 2) {
        gm_reply_error(abi, "ERR wrong number of arguments for 'client|kill' command");
    } else if (gm_given(abi, KILL_OLD_ADDRESS) && abi->argc > 3) {
        gm_reply_error(abi, "ERR syntax error");
    } else if (gm_given(abi, KILL_USER) && !gm_bytes_equal(user, BYTES("default"))) {
        reply_errorf(&call->reply, "ERR No such user '%.*s'", (int)(user.size < 128 ? user.size : 128),
                     (const char *)user.data);
    } else {
        return !gm_given(abi, KILL_TYPE) || check_type(call, gm_arg_at(abi, KILL_CLIENT_TYPE, 0));
    }
    return false;
}

static bool is_meant(const struct call *call, const struct session *session)
{
    const struct gm_call *abi = &call->abi;
    if (session->overflowed ||
        (session == call_session(call) && !gm_given(abi, KILL_NO) && !gm_given(abi, KILL_OLD_ADDRESS))) {
        return false;
    }
    int64_t age_ms = call->worker->monotonic_ms - session->created_ms;
    return (!gm_given(abi, KILL_OLD_ADDRESS) ||
            gm_bytes_equal(gm_arg_at(abi, KILL_OLD_ADDRESS, 0), gm_bytes_of(session->address))) &&
           (!gm_given(abi, KILL_ID) || (uint64_t)gm_arg(abi, KILL_CLIENT_ID)->integer == session->caller.id) &&
           (!gm_given(abi, KILL_ADDR) ||
            gm_bytes_equal(gm_arg_at(abi, KILL_ADDRESS, 0), gm_bytes_of(session->address))) &&
           (!gm_given(abi, KILL_LADDR) ||
            gm_bytes_equal(gm_arg_at(abi, KILL_LOCAL_ADDRESS, 0), gm_bytes_of(session->local))) &&
           (!gm_given(abi, KILL_TYPE) || is_of_type(gm_arg_at(abi, KILL_CLIENT_TYPE, 0), session)) &&
           (!gm_given(abi, KILL_USER) || session->caller.user != NULL) &&
           (!gm_given(abi, KILL_MAXAGE) || age_ms / 1000 >= gm_arg(abi, KILL_MAX_AGE)->integer);
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
            sessions_kill(session, SESSION_END_KILLED);
        }
    }
    return killed;
}

static void plan_kill(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    if (!check_filters(call)) {
        return;
    }
    int64_t killed = kill_all(call);
    if (!gm_given(abi, KILL_OLD_ADDRESS)) {
        gm_reply_int(abi, killed);
    } else if (killed > 0) {
        gm_reply_status(abi, "OK");
    } else {
        gm_reply_error(abi, "ERR No such client");
    }
}

/* ---- UNBLOCK ---- */

static void plan_unblock(struct gm_call *abi)
{
    enum { WAITER_ID, TIMEOUT, ERROR };
    struct session *session = sessions_find(call_of(abi)->worker, gm_arg(abi, WAITER_ID)->integer);
    if (session == NULL || !session->waiting || session->doomed || !park_is_served(session)) {
        gm_reply_int(abi, 0);
        return;
    }
    if (gm_given(abi, ERROR)) {
        struct reply reply;
        count_unblocked(session);
        park_end(session);
        reply_begin(&reply, &session->out, session->caller.resp3);
        reply_error(&reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
        errors_count(&session->worker->meters.errors, reply_written(&reply));
        session_resume(session);
    } else {
        park_time_out(session);
    }
    gm_reply_int(abi, 1);
}

/* ---- PAUSE ---- */

static void plan_pause(struct gm_call *abi)
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

static void plan_unpause(struct gm_call *abi)
{
    pause_end(call_of(abi)->worker);
    gm_reply_status(abi, "OK");
}

/* ---- REPLY ---- */

static void plan_reply(struct gm_call *abi)
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

static void plan_noevict(struct gm_call *abi)
{
    enum { ON, OFF };
    call_session(call_of(abi))->holdings.exempt = gm_given(abi, ON);
    gm_reply_status(abi, "OK");
}

static void plan_notouch(struct gm_call *abi)
{
    enum { ON, OFF };
    call_session(call_of(abi))->caller.no_touch = gm_given(abi, ON);
    gm_reply_status(abi, "OK");
}

/* ---- TRACKING, CACHING, GETREDIR, TRACKINGINFO ---- */

enum {
    TRACK_ON,
    TRACK_OFF,
    TRACK_REDIRECT,
    TRACK_CLIENT_ID,
    TRACK_PREFIX,
    TRACK_PREFIXES,
    TRACK_BCAST,
    TRACK_OPTIN,
    TRACK_OPTOUT,
    TRACK_NOLOOP
};

static const char *read_wish(struct gm_call *abi, struct tracking_wish *wish)
{
    uint32_t count = gm_arg(abi, TRACK_PREFIXES)->count;
    *wish = (struct tracking_wish){
        .mode = {.bcast = gm_given(abi, TRACK_BCAST),
                 .optin = gm_given(abi, TRACK_OPTIN),
                 .optout = gm_given(abi, TRACK_OPTOUT),
                 .noloop = gm_given(abi, TRACK_NOLOOP)},
        .prefix_count = count,
    };
    if (gm_given(abi, TRACK_REDIRECT)) {
        wish->target = sessions_find(call_of(abi)->worker, gm_arg(abi, TRACK_CLIENT_ID)->integer);
        if (wish->target == NULL) {
            return "ERR The client ID you want redirect to does not exist";
        }
    }
    struct gm_bytes *prefixes = arena_alloc(&call_of(abi)->worker->arena, (count + 1) * sizeof *prefixes);
    for (uint32_t i = 0; i < count; i++) {
        prefixes[i] = gm_arg_at(abi, TRACK_PREFIXES, i);
    }
    wish->prefixes = prefixes;
    return NULL;
}

static void plan_tracking(struct gm_call *abi)
{
    struct session *session = call_session(call_of(abi));
    struct tracking *tracking = &call_of(abi)->worker->tracking;
    char text[TRACKING_TEXT_MAX];
    struct tracking_wish wish;
    const char *error = read_wish(abi, &wish);
    if (error == NULL && gm_given(abi, TRACK_ON)) {
        error = tracking_on(tracking, session, &wish, text);
    } else if (error == NULL) {
        tracking_off(tracking, session);
    }
    if (error != NULL) {
        gm_reply_error(abi, error);
    } else {
        gm_reply_status(abi, "OK");
    }
}

static void plan_caching(struct gm_call *abi)
{
    enum { YES, NO };
    struct tracker *tracker = call_session(call_of(abi))->tracker;
    bool yes = gm_given(abi, YES);
    if (tracker == NULL) {
        gm_reply_error(abi, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                            "OPTOUT mode enabled");
    } else if (yes && !tracker->mode.optin) {
        gm_reply_error(abi, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    } else if (!yes && !tracker->mode.optout) {
        gm_reply_error(abi, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    } else {
        tracker->caching = true;
        gm_reply_status(abi, "OK");
    }
}

static int64_t redirection(const struct tracker *tracker)
{
    return tracker != NULL ? (int64_t)tracker->target_id : -1;
}

static void plan_getredir(struct gm_call *abi)
{
    gm_reply_int(abi, redirection(call_session(call_of(abi))->tracker));
}

/* `reply` NULL: only counts. */
static size_t write_flags(const struct tracker *tracker, struct reply *reply)
{
    const struct tracking_mode off = {0};
    const struct tracking_mode *mode = tracker != NULL ? &tracker->mode : &off;
    bool caching = tracker != NULL && tracker->caching;
    const struct {
        bool is;
        const char *name;
    } flags[] = {
        {tracker == NULL, "off"},
        {tracker != NULL, "on"},
        {mode->bcast, "bcast"},
        {mode->optin, "optin"},
        {mode->optin && caching, "caching-yes"},
        {mode->optout, "optout"},
        {mode->optout && caching, "caching-no"},
        {mode->noloop, "noloop"},
        {tracker != NULL && tracker->broken, "broken_redirect"},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        count += flags[i].is;
        if (flags[i].is && reply != NULL) {
            reply_text(reply, flags[i].name);
        }
    }
    return count;
}

static void plan_trackinginfo(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct reply *reply = &call->reply;
    const struct tracker *tracker = call_session(call)->tracker;
    reply_map(reply, 3);
    reply_text(reply, "flags");
    reply_set(reply, write_flags(tracker, NULL));
    (void)write_flags(tracker, reply);
    reply_text(reply, "redirect");
    reply_int(reply, redirection(tracker));
    reply_text(reply, "prefixes");
    reply_array(reply, tracker != NULL ? tracker->bcast_count : 0);
    for (const struct list *at = tracker != NULL ? tracker->bcasts.next : NULL; at != NULL && at != &tracker->bcasts;
         at = at->next) {
        reply_bytes(reply, tracking_prefix_name(container_of(at, struct tracking_bcast, in_tracker)->prefix));
    }
}

/* ---- the table ---- */

#define CLIENT_FLAGS (GM_READ | CALL_LOADING | CALL_UNPAUSED | CALL_SESSION | CALL_ASIDE)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "CLIENT|ID", .flags = CLIENT_FLAGS, .plan = plan_id, .complexity = "O(1)",
     .summary = "Tells the number of this connection: never used twice while the server runs.", .example = "CLIENT ID"},
    {CMD_COMMAND, .usage = "CLIENT|INFO", .flags = CLIENT_FLAGS, .plan = plan_info, .complexity = "O(1)",
     .summary = "Tells about this connection, in one line.", .example = "CLIENT INFO"},
    {CMD_COMMAND, .usage = "CLIENT|LIST [TYPE client-type|ID client-id...]", .flags = CLIENT_FLAGS | GM_ADMIN,
     .plan = plan_list, .complexity = "O(n), n the connections", .summary = "Tells about connections, a line each.",
     .example = "CLIENT LIST"},
    {CMD_COMMAND, .usage = "CLIENT|SETNAME connection-name", .flags = CLIENT_FLAGS, .plan = plan_setname,
     .complexity = "O(1)", .summary = "Names this connection, for CLIENT LIST; an empty name takes the name away.",
     .example = "CLIENT SETNAME worker-1"},
    {CMD_COMMAND, .usage = "CLIENT|GETNAME", .flags = CLIENT_FLAGS, .plan = plan_getname, .complexity = "O(1)",
     .summary = "Tells the name of this connection.", .example = "CLIENT GETNAME"},
    {CMD_COMMAND, .usage = "CLIENT|SETINFO <LIB-NAME libname|LIB-VER libver>", .flags = CLIENT_FLAGS,
     .plan = plan_setinfo, .complexity = "O(1)", .summary = "Notes which client library uses this connection.",
     .example = "CLIENT SETINFO LIB-NAME mylib"},
    {CMD_COMMAND,
     .usage = "CLIENT|KILL [ip-port] [ID client-id:positive] [ADDR address] [LADDR local-address] [USER username] "
              "[TYPE client-type] [SKIPME <YES|NO>] [MAXAGE maxage:positive]",
     .flags = CLIENT_FLAGS | GM_ADMIN, .plan = plan_kill, .complexity = "O(n), n the connections",
     .summary = "Closes the connections that fit all filters, or the one with this address.",
     .example = "CLIENT KILL TYPE pubsub"},
    {CMD_COMMAND, .usage = "CLIENT|UNBLOCK client-id:int [TIMEOUT|ERROR]", .flags = CLIENT_FLAGS | GM_ADMIN,
     .unfit = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR", .plan = plan_unblock,
     .complexity = "O(n), n the connections",
     .summary = "Ends the waiting of another connection, as if its time were over, or with an error.",
     .example = "CLIENT UNBLOCK 17"},
    {CMD_COMMAND, .usage = "CLIENT|PAUSE timeout [WRITE|ALL]", .flags = CLIENT_FLAGS | GM_ADMIN,
     .unfit = "ERR CLIENT PAUSE mode must be WRITE or ALL", .plan = plan_pause, .complexity = "O(1)",
     .summary = "Holds back writes, or all commands but those of CLIENT, for some milliseconds."},
    {CMD_COMMAND, .usage = "CLIENT|UNPAUSE", .flags = CLIENT_FLAGS | GM_ADMIN, .plan = plan_unpause,
     .complexity = "O(n), n the commands held back", .summary = "Ends a pause.", .example = "CLIENT UNPAUSE"},
    {CMD_COMMAND, .usage = "CLIENT|REPLY <ON|OFF|SKIP>", .flags = CLIENT_FLAGS, .plan = plan_reply,
     .complexity = "O(1)", .summary = "Answers commands or not: all from now on, or this and the next one.",
     .example = "CLIENT REPLY ON"},
    {CMD_COMMAND,
     .usage = "CLIENT|TRACKING <ON|OFF> [REDIRECT client-id:int] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
     .flags = CLIENT_FLAGS, .plan = plan_tracking,
     .complexity = "O(n), n the connections with REDIRECT, and the square of the prefixes",
     .summary = "Tells the client which of the values that it may keep copies of have changed.",
     .example = "CLIENT TRACKING ON"},
    {CMD_COMMAND, .usage = "CLIENT|CACHING <YES|NO>", .flags = CLIENT_FLAGS, .plan = plan_caching, .complexity = "O(1)",
     .summary = "Tracks the keys of the next command (with OPTIN), or does not track them (with OPTOUT)."},
    {CMD_COMMAND, .usage = "CLIENT|GETREDIR", .flags = CLIENT_FLAGS, .plan = plan_getredir, .complexity = "O(1)",
     .summary = "Tells which connection hears of changes instead of this one: 0 none, -1 nothing is tracked.",
     .example = "CLIENT GETREDIR"},
    {CMD_COMMAND, .usage = "CLIENT|TRACKINGINFO", .flags = CLIENT_FLAGS, .plan = plan_trackinginfo,
     .complexity = "O(n), n the prefixes", .summary = "Tells what this connection tracks, and how.",
     .example = "CLIENT TRACKINGINFO"},
    {CMD_COMMAND, .usage = "CLIENT|NO-EVICT <ON|OFF>", .flags = CLIENT_FLAGS | GM_ADMIN, .plan = plan_noevict,
     .complexity = "O(1)",
     .summary = "Keeps this connection open when clients hold more memory than maxmemory_clients.",
     .example = "CLIENT NO-EVICT ON"},
    {CMD_COMMAND, .usage = "CLIENT|NO-TOUCH <ON|OFF>", .flags = CLIENT_FLAGS, .plan = plan_notouch,
     .complexity = "O(1)",
     .summary = "Makes commands of this connection, but TOUCH, leave no trace in how lately or often a key was used.",
     .example = "CLIENT NO-TOUCH ON"},
    CMD_HELP("CLIENT", CLIENT_FLAGS),
};

CMD_MODULE(cmd_client, .name = "geomys.client", .group = "connection",
           .summary = "Tells about clients, and steers them.");
