/* SPDX-License-Identifier: MIT */

/* hub.h - a loop that is turned by hand, with users that note what they are told. Clients are sockets in the same
 * thread. */
#ifndef GEOMYS_TEST_HUB_H
#define GEOMYS_TEST_HUB_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/list.h"
#include "os/loop.h"

#define HUB_USERS 2048

struct hub;

struct hub_user {
    struct hub *hub;
    struct net_conn *conn;
    /* What the test wants to happen; NULL: all input is taken. */
    size_t (*on_input)(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants);
    void (*on_writable)(struct hub_user *user);
    void (*on_closed)(struct hub_user *user);
    struct hub_user *other;
    size_t wants;
    size_t takes; /* for hub_take: how many bytes at most */
    size_t sent;
    bool shut; /* the test has closed it: nothing but on_closed may come */
    /* What happened. */
    struct buf taken;
    size_t inputs;
    size_t seen; /* bytes of the last on_input */
    size_t writables;
    size_t eofs;
    size_t closes;
    size_t held; /* memory of its unconsumed input, as it was told last */
};

struct hub {
    struct os_loop *loop;
    uint16_t port;
    struct hub_user *users[HUB_USERS]; /* in the order of acceptance; freed by hub_finish */
    size_t count;
    void (*on_turn_end)(struct hub *hub);
    bool (*accepts)(struct hub *hub, struct hub_user *user);
    struct gm_bytes refusal;
    int left;         /* turns to go */
    int64_t wait_ms;  /* how long a turn may wait; the first of a hub_turns does not */
    int64_t until_ms; /* 0: no end but `left` */
    int64_t now_ms;
    int64_t wall_ms; /* of the last turn */
    uint64_t turns;
    bool in_turn;
    bool in_callback;
    size_t troubles;
    char trouble[256];
};

/* A loop that listens on 127.0.0.1. */
void hub_start(struct hub *hub);
void hub_finish(struct hub *hub);

void hub_turns(struct hub *hub, int count);

/* How many turns there are in `time_ms` when nothing is asked for: few, unless something spins. */
uint64_t hub_idle_turns(struct hub *hub, int64_t time_ms);

/* Its acceptor, for further listeners. */
struct net_acceptor hub_acceptor(struct hub *hub);

/* A connected, non-blocking client; its user is hub->users[hub->count - 1]. */
int hub_connect(struct hub *hub);
int hub_connect_only(struct hub *hub);

/* Writes all, taking turns while the socket is full. */
void hub_send(struct hub *hub, int client, const void *data, size_t size);
void hub_text(struct hub *hub, int client, const char *text);

/* Reads what is there: the number of bytes, 0 at the end, -1 when there is nothing (yet), -2 after a reset. */
long hub_read(int client, void *target, size_t size);

/* Ready-made on_input: takes `takes` bytes, wants `wants`. */
size_t hub_take(struct hub_user *user, const uint8_t *data, size_t size, size_t *wants);

void hub_byte_pattern(uint8_t *target, size_t size, uint64_t seed);

#endif
