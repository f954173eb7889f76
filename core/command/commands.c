/* SPDX-License-Identifier: MIT */

/* commands.c - the list of the files with the host's own commands: x.c exports x.
 *
 * The order is that of COMMAND, and of indexes in the registry. No header names the descriptors, since the files that
 * define them would then need the list that names them. */
#include "command/commands.h"

#define EACH(DO)                                                                                                       \
    DO(cmd_keys)        /* DEL EXISTS TYPE RENAME COPY ... */                                                          \
    DO(cmd_sort)        /* SORT SORT_RO */                                                                             \
    DO(cmd_databases)   /* SELECT MOVE SWAPDB FLUSHDB FLUSHALL */                                                      \
    DO(cmd_scan)        /* KEYS SCAN DBSIZE RANDOMKEY */                                                               \
    DO(cmd_object)      /* OBJECT PEEK */                                                                              \
    DO(cmd_expire)      /* EXPIRE TTL PERSIST ... */                                                                   \
    DO(cmd_connection)  /* PING HELLO AUTH QUIT MONITOR ... */                                                         \
    DO(cmd_replicas)    /* ROLE WAIT WAITAOF */                                                                        \
    DO(cmd_acl)         /* ACL */                                                                                      \
    DO(cmd_client)      /* CLIENT */                                                                                   \
    DO(cmd_transaction) /* MULTI EXEC WATCH ... */                                                                     \
    DO(cmd_pubsub)      /* SUBSCRIBE PUBLISH PUBSUB ... */                                                             \
    DO(cmd_command)     /* COMMAND */                                                                                  \
    DO(cmd_slowlog)     /* SLOWLOG */                                                                                  \
    DO(cmd_latency)     /* LATENCY */

#define DECLARE(name)  extern const struct gm_module name;
#define POINT_AT(name) &name,

EACH(DECLARE)

static const struct gm_module *const modules[] = {EACH(POINT_AT)};

const struct gm_module *const *commands_all(uint32_t *count)
{
    *count = sizeof modules / sizeof modules[0];
    return modules;
}
