/* SPDX-License-Identifier: MIT */

/* sim_client.c - a client whose connection is memory, and takes a while in both directions. */
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "support/resp_text.h"
#include "support/sim_world_state.h"

#define BUFFER_MAX ((size_t)16 * 1024 * 1024)

static int64_t soon(struct sim_client *client)
{
    return client->world->time.now_us + sim_time_between(&client->world->time, 20, 300);
}

/* ---- the node's side ---- */

static struct sim_client *client_at(struct net_conn *conn)
{
    return (struct sim_client *)(void *)conn;
}

static size_t write_all(struct net_conn *conn, const uint8_t *data, size_t size)
{
    struct sim_client *client = client_at(conn);
    bool fits = buf_append(&client->output, (struct gm_bytes){data, size});
    check(fits);
    sim_task_wake(&client->reply_task, soon(client));
    return size;
}

static void close_conn(struct net_conn *conn)
{
    struct sim_client *client = client_at(conn);
    void *user = client->user;
    client->user = NULL;
    client->gone = true;
    sim_task_wake(&client->reply_task, soon(client));
    if (user != NULL) {
        client->user_ops->on_closed(user);
    }
}

static void resume(struct net_conn *conn)
{
    sim_machine_wake(client_at(conn)->machine); /* input is offered in every turn */
}

static void pause_conn(struct net_conn *conn, bool paused)
{
    (void)conn;
    (void)paused;
}

static void fit(struct net_conn *conn)
{
    (void)conn;
}

static uint64_t untaken(struct net_conn *conn)
{
    (void)conn;
    return 0;
}

static const struct net_ops net_ops = {.write = write_all,
                                       .close = close_conn,
                                       .part = close_conn,
                                       .resume = resume,
                                       .pause = pause_conn,
                                       .untaken = untaken,
                                       .fit = fit};

void sim_client_offer(struct sim_machine *machine)
{
    for (struct list *at = machine->conns.next; at != &machine->conns;) {
        struct sim_client *client = container_of(at, struct sim_client, in_machine);
        size_t wants;
        at = at->next;
        if (client->user != NULL && client->input.size > 0) {
            size_t taken = client->user_ops->on_input(client->user, client->input.data, client->input.size, &wants);
            buf_consume(&client->input, taken);
        }
    }
}

/* ---- the client's side ---- */

static void send_run(struct sim_task *task)
{
    struct sim_client *client = container_of(task, struct sim_client, send_task);
    if (client->machine != NULL && client->user != NULL) {
        bool fits = buf_append(&client->input, buf_bytes(&client->on_the_way));
        check(fits);
        sim_machine_wake(client->machine);
    }
    buf_clear(&client->on_the_way, SIZE_MAX);
}

static bool take_reply(struct sim_client *client)
{
    buf_clear(&client->text, SIZE_MAX);
    size_t size = resp_text_reply(buf_bytes(&client->output), &client->text);
    check(size != RESP_TEXT_BROKEN);
    if (size == 0) {
        return false;
    }
    buf_consume(&client->output, size);
    sim_time_note_bytes(&client->world->time, buf_bytes(&client->text));
    bool fits = buf_append(&client->text, (struct gm_bytes){(const uint8_t *)"", 1});
    check(fits);
    client->ops->on_reply(client->context, (const char *)client->text.data);
    return true;
}

static void disconnect(struct sim_client *client)
{
    list_remove(&client->in_machine);
    client->machine = NULL;
    client->gone = false;
    buf_clear(&client->on_the_way, SIZE_MAX);
    buf_clear(&client->input, SIZE_MAX);
    buf_clear(&client->output, SIZE_MAX);
    client->send_task.at_us = SIM_REST;
}

static void reply_run(struct sim_task *task)
{
    struct sim_client *client = container_of(task, struct sim_client, reply_task);
    while (client->machine != NULL && take_reply(client)) {
    }
    if (client->machine != NULL && client->gone) {
        disconnect(client);
        client->ops->on_gone(client->context);
    }
}

void sim_client_lose(struct sim_machine *machine)
{
    while (!list_empty(&machine->conns)) {
        struct sim_client *client = container_of(machine->conns.next, struct sim_client, in_machine);
        list_remove(&client->in_machine);
        if (!client->gone) {
            close_conn((struct net_conn *)(void *)client);
        }
    }
}

bool sim_client_connect(struct sim_client *client, struct sim_machine *machine)
{
    check(client->machine == NULL);
    if (machine->node == NULL || machine->doomed || machine->leaving) {
        return false;
    }
    struct gm_bytes refusal;
    struct net_acceptor acceptor = node_acceptor(machine->node);
    client->base = (struct net_conn_base){.ops = &net_ops, .descriptor = -1};
    client->gone = false;
    struct net_conn *conn = (struct net_conn *)(void *)client;
    if (!acceptor.on_accept(acceptor.context, conn, &client->user_ops, &client->user, &refusal)) {
        return false;
    }
    client->machine = machine;
    list_push_back(&machine->conns, &client->in_machine);
    return true;
}

void sim_client_leave(struct sim_client *client)
{
    void *user = client->user;
    if (client->machine == NULL) {
        return;
    }
    client->user = NULL;
    if (user != NULL) {
        client->user_ops->on_closed(user);
    }
    disconnect(client);
    client->reply_task.at_us = SIM_REST;
}

bool sim_client_connected(const struct sim_client *client)
{
    return client->machine != NULL;
}

void sim_client_say(struct sim_client *client, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(client->machine != NULL && size > 0 && (size_t)size < sizeof line);
    bool fits = buf_append(&client->on_the_way, gm_bytes_of(line)) && buf_append(&client->on_the_way, BYTES("\r\n"));
    check(fits);
    sim_task_wake(&client->send_task, soon(client));
}

/* ---- life ---- */

struct sim_client *sim_world_client(struct sim_world *world, const struct sim_client_ops *ops, void *context)
{
    struct sim_client *client = memory_zeroed(sizeof *client);
    client->world = world;
    client->ops = ops;
    client->context = context;
    list_init(&client->in_machine);
    buf_init(&client->on_the_way, BUFFER_MAX);
    buf_init(&client->input, BUFFER_MAX);
    buf_init(&client->output, BUFFER_MAX);
    buf_init(&client->text, BUFFER_MAX);
    sim_time_add(&world->time, &client->send_task, send_run);
    sim_time_add(&world->time, &client->reply_task, reply_run);
    list_push_back(&world->clients, &client->link);
    return client;
}

void sim_client_finish(struct sim_client *client)
{
    list_remove(&client->send_task.link);
    list_remove(&client->reply_task.link);
    list_remove(&client->link);
    list_remove(&client->in_machine);
    buf_finish(&client->on_the_way);
    buf_finish(&client->input);
    buf_finish(&client->output);
    buf_finish(&client->text);
    memory_free(client);
}
