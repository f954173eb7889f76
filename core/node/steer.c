/* SPDX-License-Identifier: MIT */

/* steer.c - here, to the leader, or later.
 *
 * Idea     Every command is of one kind, by what it says of itself:
 *
 *             data that change, what waits, WATCH, PUBLISH and SUBSCRIBE    to the leader
 *             data that are read                                           here; behind forwarded ones they follow them
 *             what is about the connection, or this node                   here; behind forwarded ones they wait
 *             MULTI and what it queues                                     here, until EXEC: then to the leader as a
 *                                                                          whole, if any of it would go there
 *
 *          A command that waits here when this node is deposed goes on waiting at the leader. From WATCH to EXEC all
 *          that reads goes to the leader, too: an older value would defeat it. While a connection listens to channels
 *          all of it does (cluster C25, C28).
 *
 * Promises
 *   P1  While this node leads, or is in no cluster, every command is carried out here, but not before the answers of
 *       those that are still on their way.
 *   P2  A transaction goes as a whole, with its EXEC: a change of leader before that costs nothing.
 *   P3  EXEC after WATCH answers nil if the leader that watched is not asked: a watched key may have changed. */
#include "node/steer.h"

#include <stdio.h>
#include <string.h>

#include "node/forward.h"
#include "node/words.h"
#include "serve/call.h"
#include "serve/park.h"
#include "serve/sessions.h"

enum way {
    WAY_OWN,     /* about the connection, or the node */
    WAY_READ,    /* data */
    WAY_LEADER,  /* changes data */
    WAY_WAITS,   /* may wait for them */
    WAY_CHANNEL, /* about channels */
    WAY_LISTEN,  /* ... and subscribes */
    WAY_EXEC,
    WAY_DISCARD,
    WAY_WATCH,
    WAY_UNWATCH,
    WAY_LEAVE, /* RESET, QUIT */
};

static struct forward *forward_of(const struct session *session)
{
    return session->worker->route_context;
}

static bool is_named(const struct request *request, const char *name)
{
    return strcmp(request->command->usage.name, name) == 0;
}

/* Of the few that are about the connection and are not just for this node. */
static enum way way_of_session(const struct request *request)
{
    static const struct {
        const char *name;
        enum way way;
    } ways[] = {{"exec", WAY_EXEC},          {"discard", WAY_DISCARD},     {"watch", WAY_WATCH},
                {"unwatch", WAY_UNWATCH},    {"reset", WAY_LEAVE},         {"quit", WAY_LEAVE},
                {"subscribe", WAY_LISTEN},   {"psubscribe", WAY_LISTEN},   {"ssubscribe", WAY_LISTEN},
                {"unsubscribe", WAY_LISTEN}, {"punsubscribe", WAY_LISTEN}, {"sunsubscribe", WAY_LISTEN}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (is_named(request, ways[i].name)) {
            return ways[i].way;
        }
    }
    return WAY_OWN;
}

static enum way way_of(const struct request *request)
{
    if (!request_is_sound(request)) {
        return WAY_OWN; /* it is refused */
    }
    uint32_t flags = request_flags(request);
    if ((flags & GM_BLOCKS) != 0) {
        return WAY_WAITS;
    }
    if ((flags & GM_WRITE) != 0) {
        return WAY_LEADER;
    }
    if ((flags & CALL_SESSION) != 0) {
        return way_of_session(request);
    }
    if (request->bound.key_count > 0 || (flags & CALL_GLOBAL) != 0) {
        return WAY_READ;
    }
    return strcmp(request->command->group, "pubsub") == 0 ? WAY_CHANNEL : WAY_OWN;
}

static bool is_for_leader(enum way way)
{
    return way == WAY_LEADER || way == WAY_WAITS || way == WAY_CHANNEL || way == WAY_LISTEN || way == WAY_WATCH;
}

/* ---- to the leader ---- */

static struct reply begin_reply(struct session *session)
{
    struct reply reply;
    session_make_room(session);
    reply_begin(&reply, &session->out, session->caller.resp3);
    return reply;
}

/* An answer that is made here. */
static enum route answer(struct session *session, const char *error)
{
    struct reply reply = begin_reply(session);
    reply_error(&reply, error);
    errors_count(&session->worker->meters.errors, reply_written(&reply));
    if (session->muted > 0) {
        reply_rewind(&reply);
        session->muted -= session->muted != SESSION_MUTED;
    }
    return ROUTE_TAKEN;
}

static void count(struct session *session, const struct request *request)
{
    session->worker->meters.counts.commands++;
    session->commands++;
    session->active_ms = session->worker->monotonic_ms;
    session->last_command = request->command->usage.name;
}

static enum forward_kind kind_of(enum way way)
{
    switch (way) {
    case WAY_READ:
    case WAY_OWN:
        return FORWARD_READ;
    case WAY_WAITS:
        return FORWARD_WAITS;
    case WAY_WATCH:
        return FORWARD_WATCH;
    case WAY_UNWATCH:
        return FORWARD_UNWATCH;
    case WAY_EXEC:
        return FORWARD_EXEC;
    default:
        return FORWARD_WRITE;
    }
}

static enum route send(struct session *session, const struct request *request, enum way way)
{
    struct forward *forward = forward_of(session);
    if (!forward->options.on) { /* admit.c refuses it */
        words_follower(session->worker->shard->says, forward->config.follow->leader);
        return forward_is_busy(session->forward) ? ROUTE_LATER : ROUTE_HERE;
    }
    struct forward_client *fc = forward_client_of(forward, session);
    if (!forward_has_room(fc)) {
        return ROUTE_LATER;
    }
    struct forward_entry entry = {.kind = (uint8_t)kind_of(way)};
    count(session, request);
    forward_add(fc, request->argv, request->argc);
    forward_take(fc, &entry);
    return ROUTE_TAKEN;
}

/* ---- transactions ---- */

/* What the queue would do that is about the connection, and cannot be done at another node; NULL: nothing. */
static const char *strange_to(const struct transaction *transaction)
{
    for (const struct request_kept *at = transaction->queue; at != NULL; at = at->next) {
        uint32_t flags = request_flags(&at->request);
        if ((flags & CALL_SESSION) != 0 && (flags & (CALL_SELECTS | GM_BLOCKS)) == 0) {
            return at->request.command->usage.name;
        }
    }
    return NULL;
}

static bool has_for_leader(const struct transaction *transaction)
{
    for (const struct request_kept *at = transaction->queue; at != NULL; at = at->next) {
        if (is_for_leader(way_of(&at->request))) {
            return true;
        }
    }
    return false;
}

/* From MULTI to EXEC: steer P2. */
static void take_transaction(struct forward_client *fc, const struct request *request)
{
    struct session *session = fc->session;
    struct transaction *transaction = &session->transaction;
    struct forward_entry entry = {
        .kind = FORWARD_EXEC, .hidden = transaction->count + 1, .database = (uint16_t)transaction->database};
    struct gm_bytes multi = BYTES("MULTI");
    forward_add(fc, &multi, 1);
    for (const struct request_kept *at = transaction->queue; at != NULL; at = at->next) {
        forward_add(fc, at->request.argv, at->request.argc);
    }
    count(session, request);
    forward_add(fc, request->argv, request->argc);
    forward_take(fc, &entry);
    sessions_discard(session);
}

/* The leader forgets what it watches for this connection, and the client does not hear of it. */
static void unwatch(struct forward_client *fc)
{
    struct gm_bytes word = BYTES("UNWATCH");
    struct forward_entry entry = {.kind = FORWARD_UNWATCH, .silent = true};
    forward_add(fc, &word, 1);
    forward_take(fc, &entry);
}

static enum route answer_nil(struct session *session, struct forward_client *fc)
{
    struct reply reply = begin_reply(session);
    reply_null_array(&reply);
    if (fc != NULL) {
        fc->watch_broken = false;
    }
    if (fc != NULL && fc->watching) {
        unwatch(fc);
    }
    sessions_discard(session);
    return ROUTE_TAKEN;
}

static enum route on_exec(struct session *session, const struct request *request)
{
    struct forward_client *fc = session->forward;
    bool watching = fc != NULL && fc->watching;
    if (forward_is_busy(fc)) {
        return ROUTE_LATER;
    }
    if (!session->transaction.open || session->transaction.failed) {
        if (watching) {
            unwatch(fc);
        }
        return ROUTE_HERE; /* it is refused */
    }
    bool on = forward_of(session)->options.on;
    /* What it watches here it does since this node has led. */
    bool led = on && session->watching > 0;
    if (led || (fc != NULL && fc->watch_broken)) { /* steer P3 */
        return answer_nil(session, fc);
    }
    if (!watching && (!on || !has_for_leader(&session->transaction))) {
        return ROUTE_HERE;
    }
    const char *strange = strange_to(&session->transaction);
    if (strange != NULL) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "EXECABORT Transaction discarded because of: '%s' is about this connection, and the rest is for "
                       "the leader: send it by itself",
                       strange);
        sessions_discard(session);
        if (watching) {
            unwatch(fc);
        }
        return answer(session, text);
    }
    fc = forward_client_of(forward_of(session), session);
    if (!forward_has_room(fc)) {
        return ROUTE_LATER;
    }
    take_transaction(fc, request);
    return ROUTE_TAKEN;
}

/* ---- at a follower ---- */

/* What was watched at the leader is forgotten together with what was queued here. */
static enum route on_discard(const struct session *session)
{
    struct forward_client *fc = session->forward;
    if (forward_is_busy(fc)) {
        return ROUTE_LATER;
    }
    if (fc != NULL && session->transaction.open) {
        fc->watch_broken = false;
        if (fc->watching) {
            unwatch(fc);
        }
    }
    return ROUTE_HERE;
}

static enum route on_unwatch(struct session *session, const struct request *request)
{
    struct forward_client *fc = session->forward;
    if (fc != NULL && fc->watching && !forward_is_busy(fc)) {
        return send(session, request, WAY_UNWATCH);
    }
    if (fc != NULL && !forward_is_busy(fc)) {
        fc->watch_broken = false;
    }
    return forward_is_busy(fc) ? ROUTE_LATER : ROUTE_HERE;
}

/* All of a connection that listens goes to the leader, which knows what it may say. */
static enum route on_listener(struct session *session, const struct request *request, enum way way)
{
    if (way == WAY_LEAVE) {
        session->forward->count = 0; /* nobody waits for these answers any more */
        session->forward->bytes.size = 0;
        session->forward->base = session->forward->sent;
        forward_drop(session->forward);
        return ROUTE_HERE;
    }
    return request->command != NULL ? send(session, request, way) : ROUTE_HERE;
}

static enum route on_listen(struct session *session, const struct request *request)
{
    struct forward_client *fc = session->forward;
    if (forward_is_busy(fc)) {
        return ROUTE_LATER; /* answers are counted until then */
    }
    enum route route = send(session, request, WAY_LISTEN);
    if (route == ROUTE_TAKEN && forward_of(session)->options.on) {
        session->forward->listening = true;
        session->forward->listens = true;
    }
    return route;
}

static enum route own(const struct session *session)
{
    return forward_is_busy(session->forward) ? ROUTE_LATER : ROUTE_HERE;
}

/* Who keeps copies hears of changes where the reading was: here. */
static enum route on_read(struct session *session, const struct request *request)
{
    struct forward_client *fc = session->forward;
    bool follows = fc != NULL && (fc->watching || (fc->count > 0 && session->tracker == NULL));
    return follows ? send(session, request, WAY_READ) : own(session);
}

static enum route at_follower(struct session *session, const struct request *request)
{
    struct forward_client *fc = session->forward;
    enum way way = way_of(request);
    if (fc != NULL && fc->listening) {
        return on_listener(session, request, way);
    }
    if (session->transaction.open && (request_flags(request) & CALL_NO_QUEUE) == 0) {
        return own(session); /* it is queued */
    }
    switch (way) {
    case WAY_READ:
        return on_read(session, request);
    case WAY_LEADER:
    case WAY_WAITS:
    case WAY_CHANNEL:
    case WAY_WATCH:
        return send(session, request, way);
    case WAY_LISTEN:
        return on_listen(session, request);
    case WAY_EXEC:
        return on_exec(session, request);
    case WAY_DISCARD:
        return on_discard(session);
    case WAY_UNWATCH:
        return on_unwatch(session, request);
    case WAY_LEAVE:
        if (fc != NULL && !forward_is_busy(fc)) {
            forward_drop(fc);
        }
        return own(session);
    case WAY_OWN:
        break;
    }
    return own(session);
}

/* ---- in general ---- */

static enum route at_leader(struct session *session, const struct request *request)
{
    struct forward_client *fc = session->forward;
    if (fc == NULL) {
        return ROUTE_HERE;
    }
    if (forward_is_busy(fc) || fc->lost) {
        return ROUTE_LATER; /* steer P1 */
    }
    enum way way = fc->watch_broken ? way_of(request) : WAY_OWN;
    bool open = session->transaction.open;
    if (way == WAY_EXEC && open) { /* steer P3 */
        return answer_nil(session, fc);
    }
    if (way == WAY_UNWATCH || (way == WAY_DISCARD && open) || way == WAY_LEAVE) {
        fc->watch_broken = false;
    }
    return ROUTE_HERE;
}

enum route steer_request(struct session *session, const struct request *request)
{
    if (session->caller.user == NULL || session->user == NULL) {
        return ROUTE_HERE;
    }
    struct forward_client *fc = session->forward;
    enum shard_role role = session->worker->shard->role;
    if (fc != NULL && fc->looping) {
        return ROUTE_HERE;
    }
    if (role == SHARD_FOLLOWING && !session->elsewhere) {
        return at_follower(session, request);
    }
    if (role == SHARD_FOLLOWING) {
        return ROUTE_LATER; /* forwarded P4 */
    }
    return at_leader(session, request);
}

bool steer_waiting(struct session *session)
{
    struct forward *forward = forward_of(session);
    const struct request *request = &session->parked->request;
    check(!session->elsewhere); /* it is sent back at the end of this turn: forwarded P3 */
    if (!forward->options.on || request->bound.key_count == 0) {
        return false; /* WAIT is about what was written here */
    }
    struct forward_client *fc = forward_client_of(forward, session);
    struct forward_entry entry = {.kind = FORWARD_WAITS, .returned = true, .since_ms = session->active_ms};
    if (!forward_has_room(fc)) {
        return false;
    }
    forward_add(fc, request->argv, request->argc);
    forward_take(fc, &entry);
    park_end(session);
    return true;
}
