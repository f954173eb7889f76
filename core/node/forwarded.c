/* SPDX-License-Identifier: MIT */

/* forwarded.c - a client whose connection is a stream.
 *
 * Why      A client may be connected to any node, and only the leader writes. Its commands are to be carried out with
 *          all that a client has here: order, waiting, limits, the gate, CLIENT LIST.
 *
 * Idea     The stream is a net_conn (env/net.h) whose other side is the client's node. What comes is its input, what is
 *          written becomes messages, and client.c does not know the difference. Beside the bytes the stream says
 *          what the connection is like (`open`), and on which record the answers depend, so that the client's node can
 *          pass them on when it has that record itself.
 *
 *             client's node   open ─ data ─ data ───────── credit ─►
 *             leader                  ◄─ answer ─ answer ─ ...      ◄─ not_begun | close
 *
 * Promises
 *   P1  At most FORWARDING_WINDOW bytes of answers are on their way, or unread, beyond what the client's node has
 *       given back: who reads slowly is the session's business, as with a socket.
 *   P2  Input that is not carried out is bounded by one command and FORWARDED_AHEAD bytes; a stream that sends more, or
 *       anything out of order, is ended.
 *   P3  When this node leads no more, every command whose effect nobody could have seen is sent back as not begun, in
 *       the turn in which that is known: a command that waits has changed nothing.
 *   P4  A session from another node is never sent on to a third one.
 *
 * Limits   Answers that the gate holds when the node is deposed are not sent: the client's node says of those commands
 *          that it does not know. */
#include "node/forwarded.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "wire/forwarding.h"

#define FORWARDED_AHEAD      ((size_t)1024 * 1024) /* bytes of input, beyond one command */
#define FORWARDED_OUT        (FORWARDING_DATA_MAX + 1024)
#define FORWARDED_WAITED_MAX (INT64_C(1) << 40) /* ms */

struct forwarded_conn {
    struct net_conn_base base;
    struct forwarded *owner;
    struct peer_link *peer;         /* borrowed, until on_closed */
    const struct net_user_ops *ops; /* of its client */
    void *user;                     /* NULL: there is no client yet, or no more */
    struct buf input;
    uint64_t consumed; /* bytes of commands that were carried out */
    size_t untaken;    /* bytes of answers that the other side has not given back */
    bool paused;
    bool parted;       /* its client has closed it */
    struct list link;  /* in owner->all */
    struct list ready; /* in owner->ready, or alone */
};

static struct forwarded_conn *conn_at(struct net_conn *conn)
{
    return (struct forwarded_conn *)(void *)conn;
}

static struct session *session_at(const struct forwarded_conn *conn)
{
    check(conn->user != NULL);
    return conn->owner->config.session_of(conn->user);
}

/* ---- what is sent ---- */

/* False: it does not go out now. */
static bool send(struct forwarded_conn *conn, const struct forwarding_message *message)
{
    struct buf *out = &conn->owner->out;
    buf_clear(out, FORWARDED_OUT);
    bool fits = forwarding_pack(message, out);
    check(fits);
    return peer_send(conn->peer, buf_bytes(out)) == STATUS_OK;
}

/* Whether with the bytes up to `end` of what was written all is answered that was carried out. */
static bool is_quiet(const struct forwarded_conn *conn, const uint8_t *end)
{
    const struct session *session = session_at(conn);
    return end == session->out.data + session->out.size && !session->waiting;
}

static bool send_answer(struct forwarded_conn *conn, struct gm_bytes bytes)
{
    const struct session *session = session_at(conn);
    struct forwarding_message message = {.kind = FORWARDING_ANSWER};
    message.answer.bytes = bytes;
    message.answer.mark = (struct forwarding_mark){conn->owner->config.worker->shard->tail.epoch, session->shown};
    message.answer.answered = is_quiet(conn, bytes.data + bytes.size) ? conn->consumed : 0;
    message.answer.listens = session_listens(session);
    return send(conn, &message);
}

static size_t write_some(struct net_conn *net, const uint8_t *data, size_t size)
{
    struct forwarded_conn *conn = conn_at(net);
    size_t taken = 0;
    while (taken < size && conn->untaken < FORWARDING_WINDOW) { /* forwarded P1 */
        size_t left = size - taken < FORWARDING_DATA_MAX ? size - taken : FORWARDING_DATA_MAX;
        size_t room = FORWARDING_WINDOW - conn->untaken;
        struct gm_bytes piece = {data + taken, left < room ? left : room};
        if (!send_answer(conn, piece)) {
            break;
        }
        taken += piece.size;
        conn->untaken += piece.size;
    }
    return taken;
}

static void close_conn(struct net_conn *net)
{
    struct forwarded_conn *conn = conn_at(net);
    if (!conn->parted) {
        conn->parted = true;
        list_remove(&conn->ready);
        (void)send(conn, &(struct forwarding_message){.kind = FORWARDING_CLOSE, .reason = BYTES_NONE});
        peer_close(conn->peer, NULL); /* its client hears of it by on_closed */
    }
}

static void make_ready(struct forwarded_conn *conn)
{
    if (list_empty(&conn->ready) && !conn->parted) {
        list_push_back(&conn->owner->ready, &conn->ready);
    }
}

static void resume(struct net_conn *net)
{
    make_ready(conn_at(net));
}

static void pause_conn(struct net_conn *net, bool paused)
{
    struct forwarded_conn *conn = conn_at(net);
    conn->paused = paused;
    if (!paused) {
        make_ready(conn);
    }
}

static uint64_t untaken(struct net_conn *net)
{
    return conn_at(net)->untaken;
}

static void note_held(struct forwarded_conn *conn)
{
    if (conn->user != NULL && conn->ops->on_held != NULL) {
        conn->ops->on_held(conn->user, conn->input.capacity);
    }
}

static void fit(struct net_conn *net)
{
    struct forwarded_conn *conn = conn_at(net);
    buf_fit(&conn->input, conn->input.size);
    note_held(conn);
}

static const struct net_ops net_ops = {.write = write_some,
                                       .close = close_conn,
                                       .part = close_conn,
                                       .resume = resume,
                                       .pause = pause_conn,
                                       .untaken = untaken,
                                       .fit = fit};

/* ---- what comes ---- */

/* The client is gone, or is to be: its session ends. */
static void lose_client(struct forwarded_conn *conn)
{
    void *user = conn->user;
    list_remove(&conn->ready);
    if (user != NULL) {
        buf_finish(&conn->input);
        note_held(conn);
        conn->user = NULL;
        conn->ops->on_closed(user);
    }
}

/* forwarded P2 */
static void break_off(struct forwarded_conn *conn, const char *why)
{
    conn->parted = true;
    list_remove(&conn->ready);
    peer_close(conn->peer, why);
}

static void copy_text(char *target, size_t size, struct gm_bytes text)
{
    (void)snprintf(target, size, "%.*s", (int)text.size, text.size > 0 ? (const char *)text.data : "");
}

/* A new client, as the acceptor of a port makes one. False: it is refused, and that was said. */
static bool begin(struct forwarded_conn *conn, const struct forwarding_open *open)
{
    struct gm_bytes refusal = BYTES_NONE;
    const struct forwarded_config *config = &conn->owner->config;
    conn->base = (struct net_conn_base){.ops = &net_ops, .descriptor = -1, .record = sizeof *conn};
    copy_text(conn->base.peer, sizeof conn->base.peer, open->address);
    (void)snprintf(conn->base.address, sizeof conn->base.address, "%s", peer_base(conn->peer)->peer);
    struct net_conn *net = (struct net_conn *)(void *)conn;
    if (!config->acceptor.on_accept(config->acceptor.context, net, &conn->ops, &conn->user, &refusal)) {
        conn->user = NULL;
        conn->parted = true;
        (void)send(conn, &(struct forwarding_message){.kind = FORWARDING_CLOSE, .reason = refusal});
        peer_close(conn->peer, NULL);
        return false;
    }
    session_at(conn)->elsewhere = true;
    buf_init(&conn->input, config->worker->options.limits.query_max + FORWARDED_AHEAD);
    return true;
}

static void set_session(struct forwarded_conn *conn, const struct forwarding_open *open)
{
    struct session *session = session_at(conn);
    struct caller *caller = &session->caller;
    caller->user = gm_bytes_equal(open->user, BYTES(CALLER_USER)) ? CALLER_USER : NULL;
    caller->database = (uint16_t)open->database;
    caller->resp3 = open->resp3;
    caller->no_touch = open->no_touch;
    if (open->quorum) {
        caller->level = GATE_QUORUM;
    }
    session->waited_ms = open->waited_ms < FORWARDED_WAITED_MAX ? (int64_t)open->waited_ms : FORWARDED_WAITED_MAX;
    copy_text(session->name, sizeof session->name, open->name);
}

static void on_open(struct forwarded_conn *conn, const struct forwarding_open *open)
{
    uint32_t databases = conn->owner->config.worker->shard->databases.count;
    bool early = conn->user != NULL && (conn->input.size > 0 || session_at(conn)->waiting);
    if (early || open->database >= databases) {
        break_off(conn, early ? "it changes what the connection is like while commands wait"
                              : "there is no database of that number at this leader");
    } else if (conn->user != NULL || begin(conn, open)) {
        set_session(conn, open);
    }
}

static void on_data(struct forwarded_conn *conn, struct gm_bytes data)
{
    if (conn->user == NULL || !buf_append(&conn->input, data)) { /* forwarded P2 */
        break_off(conn, conn->user == NULL ? "commands of nobody" : "more commands than may wait");
        return;
    }
    note_held(conn);
    make_ready(conn);
}

static void on_credit(struct forwarded_conn *conn, uint64_t credit)
{
    if (conn->user == NULL || credit > conn->untaken) {
        break_off(conn, "credit for what was not sent");
        return;
    }
    conn->untaken -= (size_t)credit;
    conn->ops->on_writable(conn->user);
}

static void on_message(void *user, struct gm_bytes bytes)
{
    struct forwarded_conn *conn = user;
    struct forwarding_message message;
    struct complaint complaint;
    if (conn->parted) {
        return;
    }
    if (forwarding_unpack_up(bytes, &message, &conn->owner->arena, &complaint) != STATUS_OK) {
        break_off(conn, complaint.text);
    } else if (message.kind == FORWARDING_OPEN) {
        on_open(conn, &message.open);
    } else if (message.kind == FORWARDING_DATA) {
        on_data(conn, message.data);
    } else {
        on_credit(conn, message.credit);
    }
    arena_reset(&conn->owner->arena);
}

static void on_writable(void *user)
{
    struct forwarded_conn *conn = user;
    if (conn->user != NULL && !conn->parted) {
        conn->ops->on_writable(conn->user);
    }
}

static void on_closed(void *user, enum peer_end end, const char *reason)
{
    struct forwarded_conn *conn = user;
    (void)end;
    (void)reason;
    lose_client(conn);
    check(conn->owner->count > 0);
    conn->owner->count--;
    list_remove(&conn->link);
    buf_finish(&conn->input);
    memory_free(conn);
}

static const struct peer_user_ops peer_user_ops = {on_message, on_writable, on_closed};

static bool leads(const struct forwarded *forwarded)
{
    enum shard_role role = forwarded->config.worker->shard->role;
    return role == SHARD_LEADING || role == SHARD_FENCED;
}

static bool on_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    struct forwarded *forwarded = context;
    if (!leads(forwarded)) {
        *reason = "this node does not lead";
        return false;
    }
    struct forwarded_conn *conn = memory_zeroed(sizeof *conn);
    conn->owner = forwarded;
    conn->peer = link;
    list_init(&conn->ready);
    list_push_back(&forwarded->all, &conn->link);
    forwarded->count++;
    forwarded->streams++;
    *ops = &peer_user_ops;
    *user = conn;
    return true;
}

/* ---- life ---- */

void forwarded_init(struct forwarded *forwarded, const struct forwarded_config *config)
{
    *forwarded = (struct forwarded){.config = *config};
    list_init(&forwarded->all);
    list_init(&forwarded->ready);
    buf_init(&forwarded->out, FORWARDED_OUT);
    if (config->peer != NULL) {
        struct peer_acceptor acceptor = {.on_accept = on_accept, .context = forwarded};
        config->peer->ops->accept(config->peer, 1U << PEER_FORWARD, &acceptor);
    }
}

void forwarded_finish(struct forwarded *forwarded)
{
    while (!list_empty(&forwarded->all)) {
        struct forwarded_conn *conn = container_of(forwarded->all.next, struct forwarded_conn, link);
        on_closed(conn, PEER_LOST, "");
    }
    check(forwarded->count == 0);
    arena_finish(&forwarded->arena);
    buf_finish(&forwarded->out);
}

static void offer(struct forwarded_conn *conn)
{
    size_t wants;
    if (conn->user == NULL || conn->paused || conn->input.size == 0) {
        return;
    }
    size_t taken = conn->ops->on_input(conn->user, conn->input.data, conn->input.size, &wants);
    if (taken > 0) {
        session_at(conn)->waited_ms = 0; /* it was about the first command */
        conn->consumed += taken;
        buf_consume(&conn->input, taken);
        note_held(conn);
    }
}

void forwarded_offer(struct forwarded *forwarded)
{
    struct list now;
    list_init(&now);
    list_move_all(&now, &forwarded->ready);
    while (!list_empty(&now)) {
        struct forwarded_conn *conn = container_of(now.next, struct forwarded_conn, ready);
        list_remove(&conn->ready);
        offer(conn);
    }
}

/* forwarded P3 */
static void send_back(struct forwarded_conn *conn)
{
    bool parked = conn->user != NULL && session_at(conn)->waiting;
    struct forwarding_message message = {.kind = FORWARDING_NOT_BEGUN};
    message.not_begun = (struct forwarding_not_begun){conn->consumed, parked};
    (void)send(conn, &message);
    conn->parted = true;
    lose_client(conn);
    peer_close(conn->peer, NULL);
}

void forwarded_part(struct forwarded *forwarded)
{
    for (struct list *at = forwarded->all.next; at != &forwarded->all; at = at->next) {
        struct forwarded_conn *conn = container_of(at, struct forwarded_conn, link);
        if (!conn->parted) {
            send_back(conn);
        }
    }
}

void forwarded_turn(struct forwarded *forwarded)
{
    if (forwarded->count > 0 && !leads(forwarded)) {
        forwarded_part(forwarded);
    }
}
