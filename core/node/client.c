/* SPDX-License-Identifier: MIT */

/* client.c - one connection's bytes between the net and its session.
 *
 * Promises
 *   I1  No input is taken from anybody while more than backlog_max bytes wait for the disk: memory is bounded by
 *       what the clients have sent already. It is taken while the log is stuck: then every write is refused, so that no
 *       more comes to wait, and reads go on.
 *   I2  A session ends with its connection, in on_closed and nowhere else.
 *   I3  Those who have not shown the password, where there is one, are at most a part of maxclients (UNKNOWN_PART), and
 *       each of them stays for auth_timeout_s at most. Whoever comes when they are so many takes the place of the one
 *       that has waited longest, if that is UNKNOWN_MIN_MS or more, so that nobody shuts others out by waiting.
 *
 * What they may send is little already: pipeline.c has these limits. */
#include "node/client.h"

#include <stdio.h>

#include "base/memory.h"
#include "node/farewell.h"
#include "node/forward.h"
#include "node/squeeze.h"
#include "serve/hold.h"
#include "serve/pipeline.h"
#include "serve/sessions.h"
#include "serve/stint.h"

#define UNKNOWN_PART   4     /* one in so many connections */
#define UNKNOWN_LEAST  16    /* but as many at least */
#define GUESSES_MS     60000 /* between lines about wrong passwords */
#define UNKNOWN_MIN_MS 1000  /* long enough for an AUTH on its way */
#define TIDY_MS        2000  /* without input, after which memory that is kept for what may come is given back */

/* ---- before the password ---- */

static void leave_unknown(struct client *client)
{
    if (!list_empty(&client->unknown)) {
        check(client->node->unknown_count > 0);
        list_remove(&client->unknown);
        client->node->unknown_count--;
    }
}

seldom static void note_user(struct client *client)
{
    client->user_seen = client->session->caller.user;
    leave_unknown(client);
    if (client->user_seen == NULL) {
        client->unknown_ms = client->node->monotonic_ms;
        list_push_back(&client->node->unknown, &client->unknown);
        client->node->unknown_count++;
    }
}

/* After anything that may have changed it: AUTH, HELLO, RESET. */
static inline void note_whether_known(struct client *client)
{
    if (__builtin_expect(client->session->caller.user != client->user_seen, 0)) {
        note_user(client);
    }
}

/* The one that has waited longest goes, if that is for so long. */
static bool cut_unknown(struct node *node, int64_t for_ms)
{
    if (list_empty(&node->unknown)) {
        return false;
    }
    struct client *client = container_of(node->unknown.next, struct client, unknown);
    if (node->monotonic_ms - client->unknown_ms < for_ms) {
        return false;
    }
    leave_unknown(client);
    node->traffic.unknown_cut++;
    farewell_unknown(client);
    net_close(client->conn);
    return true;
}

/* Somebody is guessing, or has an old password. */
static void tell_guesses(struct node *node)
{
    uint64_t wrong = node->worker.guesses.wrong;
    if (wrong == node->guesses_told || node->monotonic_ms < node->guesses_next_ms) {
        return;
    }
    trace(&node->env.trace, TRACE_WARNING,
          "%llu wrong passwords since the last such line, the last one from %s: after some, an address waits up to a "
          "second for each",
          (unsigned long long)(wrong - node->guesses_told), node->worker.guesses.last);
    node->guesses_told = wrong;
    node->guesses_next_ms = node->monotonic_ms + GUESSES_MS;
}

void client_check_unknown(struct node *node)
{
    tell_guesses(node);
    while (node->clients.auth_timeout_ms > 0 && cut_unknown(node, node->clients.auth_timeout_ms)) {
    }
}

void client_know_all(struct node *node)
{
    while (!list_empty(&node->unknown)) {
        leave_unknown(container_of(node->unknown.next, struct client, unknown));
    }
}

/* Whether there is a place for one more that has not shown the password: client I3. */
static bool has_place_for_unknown(struct node *node)
{
    uint64_t most = node->clients.max / UNKNOWN_PART;
    most = most > UNKNOWN_LEAST ? most : UNKNOWN_LEAST;
    return node->unknown_count < most || /* client I3 */
           cut_unknown(node, UNKNOWN_MIN_MS);
}

/* Nothing more will come: what it has asked for is still answered, but who waits has nobody to be answered for. */
static void wind_up(struct client *client)
{
    struct session *session = client->session;
    session->overflowed = session->overflowed || session->waiting;
    session->doomed = true;
    session_touch(session);
}

/* Whether the client's session has not ended. O(sessions). */
__attribute__((unused)) static bool is_alive(const struct client *client)
{
    const struct list *all = &client->node->worker.sessions.all;
    const struct list *at = all->next;
    while (at != all && container_of(at, const struct session, all) != client->session) {
        at = at->next;
    }
    return at != all;
}

/* Whether there is input that will be gone on with, though nothing more arrives. */
static bool has_commands(const struct client *client)
{
    const struct session *session = client->session;
    bool goes_on = stint_is_under_way(session);
    if (goes_on || (forward_is_busy(session->forward) && !forward_may_wait(session->forward))) {
        return true;
    }
    bool later = session->brimming || session->resumed || client->resuming || hold_is_held(session);
    return !list_empty(&client->stuffed) || (later && client->left > 0);
}

/* Its memory ends at what it wants, and may be more than what has arrived. */
static void note_needs(struct client *client, size_t wants)
{
    struct holdings *holdings = &client->session->holdings;
    size_t has = client->left > holdings->of[HOLDING_INPUT] ? client->left : holdings->of[HOLDING_INPUT];
    client->session->input = client->left;
    if (!client->session->held_for_memory) { /* else it needs what its command may show */
        holdings->needs = wants > has ? wants - has : 0;
    }
}

static size_t on_input(void *user, const uint8_t *data, size_t size, size_t *wants)
{
    struct client *client = user;
    struct node *node = client->node;
    *wants = 0;
    client->resuming = false;
    traffic_read(&node->traffic, size, client->left);
    if (size > client->left) {
        client->input_ms = node->monotonic_ms;
        crowd_moved(&client->session->holdings, size - client->left, node->monotonic_ms);
    }
    client->left = size;
    if (replica_is_behind(&node->replica, node->backlog_max)) { /* client I1 */
        if (list_empty(&client->stuffed)) {
            list_push_back(&node->stuffed, &client->stuffed);
        }
        return 0;
    }
    size_t consumed = pipeline_input(client->session, data, size, wants);
    note_whether_known(client);
    node->traffic.input.sum += consumed;
    client->left = size - consumed;
    note_needs(client, *wants);
    squeeze_client(client);
    if (client->ended && !has_commands(client)) {
        wind_up(client);
    }
    return consumed;
}

static void on_writable(void *user)
{
    struct client *client = user;
    client->stalled = false;
    session_touch(client->session);
}

/* While its input waits for the disk, or for its output to be read, there are commands left to carry out. */
static void on_eof(void *user)
{
    struct client *client = user;
    client->ended = true;
    if (!has_commands(client)) {
        wind_up(client);
    }
}

static void on_closed(void *user)
{
    struct client *client = user;
    list_remove(&client->stuffed);
    leave_unknown(client);
    forward_forget(client->session);
    check_slow(is_alive(client)); /* client I2: nobody else has ended it */
    int error = net_base(client->conn)->error;
    if (error != 0 && !client->session->doomed) { /* else it is told why already, or has said goodbye */
        farewell_lost(client, error);
    }
    sessions_close(client->session);
    memory_free(client);
}

static void on_held(void *user, size_t bytes)
{
    const struct client *client = user;
    holdings_set(&client->session->holdings, HOLDING_INPUT, bytes);
}

static const struct net_user_ops user_ops = {
    .on_input = on_input,
    .on_writable = on_writable,
    .on_eof = on_eof,
    .on_closed = on_closed,
    .on_held = on_held,
};

bool client_accept(void *context, struct net_conn *conn, const struct net_user_ops **ops, void **user,
                   struct gm_bytes *refusal)
{
    struct node *node = context;
    if (node->worker.sessions.count >= node->clients.max) {
        node->traffic.connections_rejected++;
        *refusal = BYTES("-ERR max number of clients reached\r\n");
        return false;
    }
    if (worker_needs_password(&node->worker) && !has_place_for_unknown(node)) {
        node->traffic.connections_rejected++;
        node->traffic.unknown_rejected++;
        *refusal = BYTES("-ERR max number of clients reached\r\n");
        return false;
    }
    node->traffic.connections++;
    struct client *client = memory_zeroed(sizeof *client);
    client->node = node;
    client->conn = conn;
    client->session = sessions_open(&node->worker, ++node->next_session_id);
    client->session->user = client;
    client->session->descriptor = net_base(conn)->descriptor;
    client->session->on_unix = net_base(conn)->local;
    holdings_add(&client->session->holdings, HOLDING_RECORD, memory_class(sizeof *client) + net_base(conn)->record);
    (void)snprintf(client->session->address, sizeof client->session->address, "%s", net_base(conn)->peer);
    (void)snprintf(client->session->local, sizeof client->session->local, "%s", net_base(conn)->address);
    list_init(&client->stuffed);
    list_init(&client->unknown);
    note_user(client);
    *ops = &user_ops;
    *user = client;
    return true;
}

/* Its session is over. Who is told why shall be able to read it, though he is still sending. */
static void take_leave(const struct client *client)
{
    const struct session *session = client->session;
    if (session->ended != SESSION_END_NONE) {
        farewell(client);
    }
    if (session->ended != SESSION_END_NONE && !session->overflowed) {
        net_part(client->conn);
    } else {
        net_close(client->conn);
    }
}

void client_flush(struct client *client)
{
    struct session *session = client->session;
    struct node *node = client->node;
    size_t size = session->overflowed ? 0 : session_releasable(session);
    if (size > 0 && !client->stalled) {
        size_t taken = net_write(client->conn, session->out.data + session->sent, size);
        traffic_write(&node->traffic, size, taken);
        client->stalled = taken < size;
        client->progress_ms = node->monotonic_ms;
        client->untaken = UINT64_MAX;
        crowd_moved(&session->holdings, taken, node->monotonic_ms);
        session_sent(session, taken);
        if (client->ended && !has_commands(client)) {
            wind_up(client);
        }
    } else {
        session_note(session);
    }
    if (session_over(session)) {
        take_leave(client);
        return;
    }
    if (session->mark_count > 0 && list_empty(&session->dirty)) {
        list_push_back(&node->gated, &session->dirty);
    }
    if (session->resumed) {
        session->resumed = false;
        client->resuming = true;
        net_resume(client->conn);
    }
}

/* A peer that reads slowly takes bytes long before the system takes more from us. */
static void note_progress(struct client *client)
{
    uint64_t untaken = net_untaken(client->conn);
    if (untaken < client->untaken) {
        client->progress_ms = client->node->monotonic_ms;
    }
    if (client->untaken != UINT64_MAX && untaken < client->untaken) {
        crowd_moved(&client->session->holdings, client->untaken - untaken, client->node->monotonic_ms);
    }
    client->untaken = untaken;
}

void client_check(struct client *client)
{
    struct session *session = client->session;
    const struct node *node = client->node;
    int64_t timeout_ms = node->clients.timeout_ms;
    int64_t stall_ms = node->clients.stall_ms;
    bool passive = session->waiting || session_listens(session) || !list_empty(&session->monitors) ||
                   !list_empty(&session->holdings.restrained) || forward_is_passive(session->forward);
    if (node->monotonic_ms - client->input_ms >= TIDY_MS) {
        (void)session_tidy(session);
        net_fit(client->conn);
    }
    bool much = client->stalled && session_unsent(session) > session->pool->output_pause;
    if (much) {
        note_progress(client);
    }
    if (much && stall_ms > 0 && node->monotonic_ms - client->progress_ms >= stall_ms) {
        session_end(session, SESSION_END_STALLED);
    } else if (timeout_ms > 0 && !passive && node->monotonic_ms - session->active_ms >= timeout_ms) {
        session_end(session, SESSION_END_IDLE);
    }
}
