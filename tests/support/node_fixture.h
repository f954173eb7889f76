/* SPDX-License-Identifier: MIT */

/* node_fixture.h - a whole node in one thread: simulated disk, virtual clock, one client whose connection is memory.
 *
 *     struct node_fixture at;
 *     node_fixture_init(&at, seed);
 *     at.config.snapshot_log_size = 4096;
 *     node_fixture_start(&at, modules, count)   ->  STATUS_OK: it serves
 *     node_fixture_say(&at, "SET a 1")          ->  "OK", or NULL: not answered (the disk has died)
 *     node_fixture_stop(&at)                    ->  the files stay
 *     node_fixture_finish(&at)
 */
#ifndef GEOMYS_TESTS_SUPPORT_NODE_FIXTURE_H
#define GEOMYS_TESTS_SUPPORT_NODE_FIXTURE_H

#include "env/net.h"
#include "node/node.h"
#include "support/sim_disk.h"

struct node_fixture_conn {
    struct net_conn_base base;
    const struct net_user_ops *ops;
    void *user; /* NULL: closed */
    struct buf input;
    struct buf output;
    size_t room;      /* bytes that the next writes take; from the start as many as there are */
    uint64_t untaken; /* what it says of net_untaken */
};

struct node_fixture {
    struct sim_disk *sim; /* owned */
    struct config config; /* changed before start */
    const struct registry *registry;
    struct entropy entropy;
    struct network *network; /* NULL: none; set before start */
    struct clock *clock;     /* NULL: none; set before start */
    struct peer *peer;       /* NULL: in no cluster; set before start, as these: */
    struct feed_identity identity;
    struct orders *orders; /* NULL: who the node is to be is said by hand */
    uint8_t salt;          /* of what it draws: 0 as at the start */
    struct node *node;     /* NULL: not running */
    struct node_fixture_conn conn;
    int64_t now_ms, monotonic_ms;
    struct prng prng; /* of the disk's pace */
    struct buf text;  /* the last answer */
    struct buf log;   /* lines of the node's log since the start, terminated */
    struct complaint complaint;
};

void node_fixture_init(struct node_fixture *fixture, uint64_t seed);
void node_fixture_finish(struct node_fixture *fixture);

/* Starts a node on the disk as it is, and lets it load. Else: why it refuses is in `complaint`. */
must_use enum status node_fixture_start(struct node_fixture *fixture, const struct gm_module *const *modules,
                                        size_t count);

/* Ends the node in order: everything is written down. */
void node_fixture_close(struct node_fixture *fixture);

/* Ends the node as it is, without writing anything down. */
void node_fixture_stop(struct node_fixture *fixture);

/* One turn: what has been sent is taken, the disk carries out `requests` at most. */
void node_fixture_turn(struct node_fixture *fixture, size_t requests);

/* Sends a command and takes turns until it is answered; NULL: the node has failed, or the disk stands still. */
__attribute__((format(printf, 2, 3))) const char *node_fixture_say(struct node_fixture *fixture, const char *format,
                                                                   ...);

/* Sends it, and takes no turn. */
void node_fixture_send(struct node_fixture *fixture, const char *line);

/* Takes turns until nothing is under way any more with the disk, or the node has failed. */
void node_fixture_settle(struct node_fixture *fixture);

#endif
