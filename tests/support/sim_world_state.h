/* SPDX-License-Identifier: MIT */

/* sim_world_state.h - what the parts of the simulated world share. */
#ifndef GEOMYS_TESTS_SUPPORT_SIM_WORLD_STATE_H
#define GEOMYS_TESTS_SUPPORT_SIM_WORLD_STATE_H

#include <stdio.h>

#include "support/sim_world.h"

struct sim_world {
    struct sim_time time;
    struct sim_net *net;
    const struct gm_module *const *modules;
    size_t module_count;
    uint64_t seed;
    struct list machines, clients;
    uint64_t machine_count;
    FILE *lines; /* borrowed; NULL: nobody reads what nodes say */
};

struct sim_actor {
    struct sim_task task;
    struct sim_machine *machine;
    const struct sim_actor_ops *ops;
    void *context;
    struct peer *peer;
    bool within; /* between turn and turn_end */
};

struct sim_clock_face {
    struct clock base;
    struct sim_machine *machine;
};

struct sim_entropy {
    struct entropy base;
    struct prng prng;
};

struct sim_machine {
    struct sim_world *world;
    struct list link;
    char address[NET_ADDRESS_MAX];
    struct sim_disk *disk;
    struct sim_disk *cluster_disk; /* the cluster's folder, with a lane of its own */
    struct sim_clock clock;
    struct sim_clock_face face; /* the same as an env's */
    bool member;                /* its processes are of a cluster */
    struct loop_config wanted;  /* of those */
    struct sim_entropy entropy;
    struct config config;
    struct complaint complaint;
    /* of the process */
    struct trace trace;
    struct node *node;
    struct loop *loop; /* NULL: it is in no cluster */
    struct orders orders;
    const struct registry *registry;
    struct sim_host *host;
    struct sim_actor actors[SIM_ACTORS]; /* the first is the worker */
    size_t actor_count;
    struct sim_task disk_task, cluster_disk_task, resume_task;
    struct list conns;
    bool doomed;  /* it ends with this step */
    bool leaving; /* its node has closed, and its cluster loop hands over */
    uint64_t blackouts, failures;
};

struct sim_client {
    struct net_conn_base base; /* first: it is the connection too */
    struct sim_world *world;
    struct list link, in_machine;
    struct sim_machine *machine; /* NULL: not connected */
    const struct sim_client_ops *ops;
    void *context;
    const struct net_user_ops *user_ops;
    void *user;            /* NULL: the node knows it no more */
    struct buf on_the_way; /* to the node */
    struct buf input;      /* there, and not consumed */
    struct buf output;     /* to the client */
    struct buf text;
    struct sim_task send_task, reply_task;
    bool gone; /* the node has closed it, or is gone: on_gone comes */
};

/* sim_machine.c */
void sim_machine_finish(struct sim_machine *machine);
void sim_machine_wake(struct sim_machine *machine); /* its worker, soon */
void sim_machine_hear(struct sim_machine *machine); /* wakes those actors whom peers have something to tell */
void sim_machine_bury(struct sim_machine *machine); /* ends the process, if it is doomed */
struct sim_machine *sim_machine_create(struct sim_world *world, const char *address);

/* sim_client.c */
void sim_client_offer(struct sim_machine *machine); /* gives the node what has arrived for it */
void sim_client_lose(struct sim_machine *machine);  /* the process ends */
void sim_client_finish(struct sim_client *client);

#endif
