/* SPDX-License-Identifier: MIT */

/* node_fixture.c - the driver of a node, in a few dozen lines. */
#include "support/node_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "node/node_commands.h"
#include "support/resp_text.h"

#define PATIENCE 4000 /* turns */

/* ---- what the node needs ---- */

static void fill(struct entropy *entropy, void *target, size_t size)
{
    const struct node_fixture *fixture = container_of(entropy, struct node_fixture, entropy);
    memset(target, 0x5a ^ fixture->salt, size);
}

static const struct entropy_ops entropy_ops = {.fill = fill};

static struct node_fixture_conn *conn_of(struct net_conn *conn)
{
    return (struct node_fixture_conn *)(void *)conn;
}

static size_t write_some(struct net_conn *conn, const uint8_t *data, size_t size)
{
    struct node_fixture_conn *own = conn_of(conn);
    size_t taken = size < own->room ? size : own->room;
    bool fits = buf_append(&own->output, (struct gm_bytes){data, taken});
    check(fits);
    own->room -= own->room == SIZE_MAX ? 0 : taken;
    return taken;
}

static uint64_t untaken(struct net_conn *conn)
{
    return conn_of(conn)->untaken;
}

static void close_conn(struct net_conn *conn)
{
    struct node_fixture_conn *own = conn_of(conn);
    void *user = own->user;
    own->user = NULL;
    if (user != NULL) {
        own->ops->on_closed(user);
    }
}

static void resume(struct net_conn *conn)
{
    (void)conn; /* input is offered in every turn */
}

static void pause_conn(struct net_conn *conn, bool paused)
{
    (void)conn;
    (void)paused;
}

static void fit(struct net_conn *conn)
{
    (void)conn; /* it keeps no more than is there */
}

static const struct net_ops net_ops = {.write = write_some,
                                       .close = close_conn,
                                       .part = close_conn,
                                       .resume = resume,
                                       .pause = pause_conn,
                                       .untaken = untaken,
                                       .fit = fit};

static void take_line(void *context, enum trace_level level, const char *text)
{
    struct node_fixture *fixture = context;
    (void)level;
    (void)buf_append(&fixture->log, gm_bytes_of(text));
    bool fits = buf_append(&fixture->log, (struct gm_bytes){(const uint8_t *)"\n", 2}); /* and a terminator */
    check(fits);
    fixture->log.size--;
}

/* ---- life ---- */

void node_fixture_init(struct node_fixture *fixture, uint64_t seed)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->sim = sim_disk_create(seed);
    config_init(&fixture->config, NULL);
    fixture->config.wal_segment_size = 4096;
    fixture->config.disk_reserve = 0;
    fixture->config.replication_log_limit = 0;
    fixture->config.snapshot_interval_s = 0;
    fixture->config.snapshot_log_size = 0;
    fixture->config.snapshot_compression = SNAPSHOT_PLAIN;
    fixture->entropy.ops = &entropy_ops;
    fixture->now_ms = 1000000;
    fixture->monotonic_ms = 1000;
    prng_seed(&fixture->prng, seed);
    buf_init(&fixture->text, (size_t)1024 * 1024);
    buf_init(&fixture->log, (size_t)1024 * 1024);
}

static void connect_client(struct node_fixture *fixture)
{
    struct node_fixture_conn *conn = &fixture->conn;
    struct gm_bytes refusal;
    memset(conn, 0, sizeof *conn);
    conn->base.ops = &net_ops;
    conn->base.descriptor = -1;
    conn->room = SIZE_MAX;
    buf_init(&conn->input, (size_t)1024 * 1024);
    buf_init(&conn->output, (size_t)64 * 1024 * 1024);
    struct net_acceptor acceptor = node_acceptor(fixture->node);
    bool accepted =
        acceptor.on_accept(acceptor.context, (struct net_conn *)(void *)conn, &conn->ops, &conn->user, &refusal);
    check(accepted);
}

enum status node_fixture_start(struct node_fixture *fixture, const struct gm_module *const *modules, size_t count)
{
    uint32_t interfaces;
    const struct registry_interface *own = node_interfaces(&interfaces);
    struct complaint *complaint = &fixture->complaint;
    buf_clear(&fixture->log, SIZE_MAX);
    fixture->registry = registry_create(own, interfaces);
    enum status status = node_commands_register(&fixture->registry, complaint);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = registry_add(&fixture->registry, modules[i], "built in", complaint);
    }
    check(status == STATUS_OK);
    struct node_env env = {.disk = sim_disk_interface(fixture->sim),
                           .entropy = &fixture->entropy,
                           .network = fixture->network,
                           .clock = fixture->clock,
                           .peer = fixture->peer,
                           .identity = fixture->identity,
                           .orders = fixture->orders,
                           .trace = {.line = take_line, .context = fixture, .least = TRACE_INFO},
                           .seed = prng_next(&fixture->prng) | 1};
    status = node_create(&fixture->node, &fixture->config, fixture->registry, &env, complaint);
    if (status != STATUS_OK) {
        fixture->node = NULL;
        node_fixture_stop(fixture);
        return status;
    }
    connect_client(fixture);
    while (fixture->node->state == NODE_LOADING && !fixture->node->replica.blank) {
        node_fixture_turn(fixture, 0);
    }
    if (fixture->node->state == NODE_FAILED) {
        *complaint = fixture->node->complaint;
        node_fixture_stop(fixture);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

void node_fixture_stop(struct node_fixture *fixture)
{
    if (fixture->node != NULL) {
        close_conn((struct net_conn *)(void *)&fixture->conn);
        sim_disk_interface(fixture->sim)->ops->drain(sim_disk_interface(fixture->sim));
        node_destroy(fixture->node);
        fixture->node = NULL;
    }
    buf_finish(&fixture->conn.input);
    buf_finish(&fixture->conn.output);
    registry_release(fixture->registry);
    fixture->registry = NULL;
}

void node_fixture_close(struct node_fixture *fixture)
{
    node_stop(fixture->node);
    enum status status = node_close(fixture->node, &fixture->complaint);
    check(status == STATUS_OK);
    node_fixture_stop(fixture);
}

void node_fixture_finish(struct node_fixture *fixture)
{
    if (fixture->registry != NULL) {
        node_fixture_stop(fixture);
    }
    sim_disk_destroy(fixture->sim);
    config_finish(&fixture->config);
    buf_finish(&fixture->text);
    buf_finish(&fixture->log);
}

/* ---- turns ---- */

static void offer_input(struct node_fixture *fixture)
{
    struct node_fixture_conn *conn = &fixture->conn;
    size_t wants;
    if (conn->user != NULL && conn->input.size > 0) {
        size_t taken = conn->ops->on_input(conn->user, conn->input.data, conn->input.size, &wants);
        memmove(conn->input.data, conn->input.data + taken, conn->input.size - taken);
        conn->input.size -= taken;
    }
}

void node_fixture_turn(struct node_fixture *fixture, size_t requests)
{
    fixture->now_ms++;
    fixture->monotonic_ms++;
    node_turn(fixture->node, fixture->now_ms, fixture->monotonic_ms);
    if (fixture->node->state != NODE_FAILED) {
        offer_input(fixture);
        (void)node_turn_end(fixture->node);
    }
    (void)sim_disk_run(fixture->sim, requests);
}

void node_fixture_send(struct node_fixture *fixture, const char *line)
{
    bool fits = buf_append(&fixture->conn.input, gm_bytes_of(line)) && buf_append(&fixture->conn.input, BYTES("\r\n"));
    check(fits);
}

static bool take_answer(struct node_fixture *fixture)
{
    struct buf *output = &fixture->conn.output;
    buf_clear(&fixture->text, SIZE_MAX);
    size_t size = resp_text_reply(buf_bytes(output), &fixture->text);
    check(size != RESP_TEXT_BROKEN);
    if (size == 0) {
        return false;
    }
    memmove(output->data, output->data + size, output->size - size);
    output->size -= size;
    bool fits = buf_append(&fixture->text, (struct gm_bytes){(const uint8_t *)"", 1});
    check(fits);
    return true;
}

const char *node_fixture_say(struct node_fixture *fixture, const char *format, ...)
{
    char line[65536];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size > 0 && (size_t)size < sizeof line);
    node_fixture_send(fixture, line);
    for (unsigned i = 0; i < PATIENCE && fixture->node->state == NODE_SERVING && fixture->conn.user != NULL; i++) {
        node_fixture_turn(fixture, prng_below(&fixture->prng, 4));
        if (take_answer(fixture)) {
            return (const char *)fixture->text.data;
        }
        if (sim_disk_dead(fixture->sim)) {
            return NULL;
        }
    }
    return NULL;
}

void node_fixture_settle(struct node_fixture *fixture)
{
    for (unsigned i = 0; i < PATIENCE && fixture->node->state == NODE_SERVING && !sim_disk_dead(fixture->sim); i++) {
        node_fixture_turn(fixture, SIZE_MAX);
    }
}
