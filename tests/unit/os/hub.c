/* SPDX-License-Identifier: MIT */

/* hub.c - a loop that is turned by hand. */
#include "hub.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/prng.h"

/* No callback inside another, none outside a turn. */
static void enter(struct hub_user *user)
{
    cr_assert(!user->hub->in_callback, "callbacks are nested");
    cr_assert(user->hub->in_turn, "a callback outside a turn");
    cr_assert_eq(user->closes, 0, "a callback after on_closed");
    cr_assert(!user->shut, "a callback after net_close");
    user->hub->in_callback = true;
}

static void leave(struct hub_user *user)
{
    user->hub->in_callback = false;
}

static size_t on_input(void *context, const uint8_t *data, size_t size, size_t *wants)
{
    struct hub_user *user = context;
    enter(user);
    user->inputs++;
    user->seen = size;
    size_t taken = user->on_input == NULL ? size : user->on_input(user, data, size, wants);
    cr_assert(buf_append(&user->taken, (struct gm_bytes){data, taken}));
    leave(user);
    return taken;
}

static void on_writable(void *context)
{
    struct hub_user *user = context;
    enter(user);
    user->writables++;
    if (user->on_writable != NULL) {
        user->on_writable(user);
    }
    leave(user);
}

static void on_eof(void *context)
{
    struct hub_user *user = context;
    enter(user);
    user->eofs++;
    leave(user);
}

static void on_closed(void *context)
{
    struct hub_user *user = context;
    user->shut = false;
    enter(user);
    cr_assert_eq(user->held, 0);
    user->closes++;
    if (user->on_closed != NULL) {
        user->on_closed(user);
    }
    leave(user);
}

static void on_held(void *context, size_t bytes)
{
    struct hub_user *user = context; /* also inside other callbacks, and after net_close */
    cr_assert_eq(user->closes, 0);
    user->held = bytes;
}

static const struct net_user_ops user_ops = {
    .on_input = on_input, .on_writable = on_writable, .on_eof = on_eof, .on_closed = on_closed, .on_held = on_held};

static bool on_accept(void *context, struct net_conn *conn, const struct net_user_ops **ops, void **user,
                      struct gm_bytes *refusal)
{
    struct hub *hub = context;
    cr_assert(hub->in_turn);
    struct hub_user *made = memory_zeroed(sizeof *made);
    made->hub = hub;
    made->conn = conn;
    buf_init(&made->taken, (size_t)1 << 30);
    if (hub->accepts != NULL && !hub->accepts(hub, made)) {
        memory_free(made);
        *refusal = hub->refusal;
        return false;
    }
    cr_assert_lt(hub->count, HUB_USERS);
    hub->users[hub->count++] = made;
    *ops = &user_ops;
    *user = made;
    return true;
}

static void turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    struct hub *hub = context;
    cr_assert(!hub->in_turn);
    cr_assert_gt(wall_ms, 1500000000000);
    hub->wall_ms = wall_ms;
    cr_assert_geq(monotonic_ms, hub->now_ms);
    hub->in_turn = true;
    hub->turns++;
    hub->now_ms = monotonic_ms;
}

static int64_t turn_end(void *context)
{
    struct hub *hub = context;
    cr_assert(hub->in_turn);
    hub->in_turn = false;
    if (hub->on_turn_end != NULL) {
        hub->on_turn_end(hub);
    }
    if (--hub->left <= 0 || (hub->until_ms != 0 && hub->now_ms >= hub->until_ms)) {
        os_loop_stop(hub->loop);
    }
    return hub->now_ms + hub->wait_ms;
}

static void on_trouble(void *context, const char *sentence)
{
    struct hub *hub = context;
    hub->troubles++;
    snprintf(hub->trouble, sizeof hub->trouble, "%s", sentence);
}

struct net_acceptor hub_acceptor(struct hub *hub)
{
    return (struct net_acceptor){.on_accept = on_accept, .exhausted = BYTES("-ERR no descriptors\r\n"), .context = hub};
}

void hub_start(struct hub *hub)
{
    *hub = (struct hub){0};
    struct os_loop_driver driver = {turn, turn_end, on_trouble, hub};
    struct complaint complaint;
    cr_assert_eq(os_loop_create(&hub->loop, &driver, &complaint), STATUS_OK);
    struct net_acceptor acceptor = hub_acceptor(hub);
    enum status status = os_loop_listen_tcp(hub->loop, "127.0.0.1", 0, 1024, &acceptor, &hub->port, &complaint);
    cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
}

void hub_finish(struct hub *hub)
{
    hub->in_turn = true;
    os_loop_destroy(hub->loop);
    for (size_t i = 0; i < hub->count; i++) {
        cr_assert_eq(hub->users[i]->closes, 1, "on_closed comes exactly once");
        buf_finish(&hub->users[i]->taken);
        memory_free(hub->users[i]);
    }
}

void hub_turns(struct hub *hub, int count)
{
    hub->left = count;
    os_loop_run(hub->loop);
}

uint64_t hub_idle_turns(struct hub *hub, int64_t time_ms)
{
    hub_turns(hub, 4); /* what is lazily switched off shows once */
    uint64_t before = hub->turns;
    hub->until_ms = hub->now_ms + time_ms;
    hub->wait_ms = time_ms;
    hub_turns(hub, 10000);
    hub->wait_ms = 0;
    hub->until_ms = 0;
    return hub->turns - before;
}

int hub_connect_only(struct hub *hub)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(client, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(hub->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

int hub_connect(struct hub *hub)
{
    int client = hub_connect_only(hub);
    size_t before = hub->count;
    for (int i = 0; i < 1000 && hub->count == before; i++) {
        hub_turns(hub, 1);
    }
    cr_assert_eq(hub->count, before + 1);
    return client;
}

void hub_send(struct hub *hub, int client, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t sent = send(client, at, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            cr_assert_eq(errno, EAGAIN);
            hub_turns(hub, 1);
            continue;
        }
        at += sent;
        size -= (size_t)sent;
    }
}

void hub_text(struct hub *hub, int client, const char *text)
{
    hub_send(hub, client, text, strlen(text));
}

long hub_read(int client, void *target, size_t size)
{
    ssize_t got = recv(client, target, size, MSG_DONTWAIT);
    if (got >= 0) {
        return (long)got;
    }
    return errno == EAGAIN ? -1 : -2;
}

size_t hub_take(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants)
{
    (void)data;
    *wants = user->wants;
    size_t taken = user->takes < size ? user->takes : size;
    user->takes -= taken;
    return taken;
}

void hub_byte_pattern(uint8_t *target, size_t size, uint64_t seed)
{
    struct prng prng;
    prng_seed(&prng, seed);
    for (size_t i = 0; i < size; i++) {
        target[i] = (uint8_t)prng_next(&prng);
    }
}
