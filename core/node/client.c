/* SPDX-License-Identifier: MIT */

/* client.c - one connection's bytes between the net and its session.
 *
 * Promises
 *   I1  No input is taken from anybody while more than NODE_BACKLOG_MAX bytes wait for the disk: memory is bounded by
 *       what the clients have sent already.
 *   I2  A session ends with its connection, in on_closed and nowhere else. */
#include "node/client.h"

#include <stdio.h>

#include "base/memory.h"
#include "serve/pipeline.h"
#include "serve/sessions.h"

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

static size_t on_input(void *user, const uint8_t *data, size_t size, size_t *wants)
{
    struct client *client = user;
    struct node *node = client->node;
    *wants = 0;
    traffic_read(&node->traffic, size, client->left);
    client->left = size;
    if (replica_backlog(&node->replica) > NODE_BACKLOG_MAX) {
        if (list_empty(&client->stuffed)) {
            list_push_back(&node->stuffed, &client->stuffed);
        }
        return 0;
    }
    size_t consumed = pipeline_input(client->session, data, size, wants);
    node->traffic.input.sum += consumed;
    client->left = size - consumed;
    if (client->ended) {
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

/* While its input waits for the disk there are commands left to carry out. */
static void on_eof(void *user)
{
    struct client *client = user;
    client->ended = true;
    if (list_empty(&client->stuffed)) {
        wind_up(client);
    }
}

static void on_closed(void *user)
{
    struct client *client = user;
    list_remove(&client->stuffed);
    check_slow(is_alive(client)); /* client I2: nobody else has ended it */
    sessions_close(client->session);
    memory_free(client);
}

static const struct net_user_ops user_ops = {
    .on_input = on_input,
    .on_writable = on_writable,
    .on_eof = on_eof,
    .on_closed = on_closed,
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
    node->traffic.connections++;
    struct client *client = memory_zeroed(sizeof *client);
    client->node = node;
    client->conn = conn;
    client->session = sessions_open(&node->worker, ++node->next_session_id);
    client->session->user = client;
    client->session->descriptor = net_base(conn)->descriptor;
    (void)snprintf(client->session->address, sizeof client->session->address, "%s", net_base(conn)->peer);
    (void)snprintf(client->session->local, sizeof client->session->local, "%s", net_base(conn)->address);
    list_init(&client->stuffed);
    *ops = &user_ops;
    *user = client;
    return true;
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
        session_sent(session, taken);
    }
    if (session_over(session)) {
        net_close(client->conn);
        return;
    }
    if (session->mark_count > 0 && list_empty(&session->dirty)) {
        list_push_back(&node->gated, &session->dirty);
    }
    if (session->resumed) {
        session->resumed = false;
        net_resume(client->conn);
    }
}

void client_check_idle(struct client *client, int64_t timeout_ms)
{
    struct session *session = client->session;
    bool passive = session->waiting || session_listens(session) || !list_empty(&session->monitors);
    if (timeout_ms > 0 && !passive && client->node->monotonic_ms - session->active_ms >= timeout_ms) {
        net_close(client->conn);
    }
}
