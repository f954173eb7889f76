/* SPDX-License-Identifier: MIT */

/* command.h - one command of a registry: what belongs to it by its flags and its group, and binding a call to it. */
#ifndef GEOMYS_MODULE_COMMAND_H
#define GEOMYS_MODULE_COMMAND_H

#include "module/usage/usage.h"

struct command;

/* ACL categories, as bits. */
#define CATEGORY_TABLE(X)                                                                                              \
    X(CATEGORY_KEYSPACE, 0, "keyspace")                                                                                \
    X(CATEGORY_READ, 1, "read")                                                                                        \
    X(CATEGORY_WRITE, 2, "write")                                                                                      \
    X(CATEGORY_SET, 3, "set")                                                                                          \
    X(CATEGORY_SORTEDSET, 4, "sortedset")                                                                              \
    X(CATEGORY_LIST, 5, "list")                                                                                        \
    X(CATEGORY_HASH, 6, "hash")                                                                                        \
    X(CATEGORY_STRING, 7, "string")                                                                                    \
    X(CATEGORY_BITMAP, 8, "bitmap")                                                                                    \
    X(CATEGORY_HYPERLOGLOG, 9, "hyperloglog")                                                                          \
    X(CATEGORY_GEO, 10, "geo")                                                                                         \
    X(CATEGORY_STREAM, 11, "stream")                                                                                   \
    X(CATEGORY_PUBSUB, 12, "pubsub")                                                                                   \
    X(CATEGORY_ADMIN, 13, "admin")                                                                                     \
    X(CATEGORY_FAST, 14, "fast")                                                                                       \
    X(CATEGORY_SLOW, 15, "slow")                                                                                       \
    X(CATEGORY_BLOCKING, 16, "blocking")                                                                               \
    X(CATEGORY_DANGEROUS, 17, "dangerous")                                                                             \
    X(CATEGORY_CONNECTION, 18, "connection")                                                                           \
    X(CATEGORY_TRANSACTION, 19, "transaction")                                                                         \
    X(CATEGORY_SCRIPTING, 20, "scripting")

enum command_category {
#define X(name, bit, text) name = 1 << (bit),
    CATEGORY_TABLE(X)
#undef X
};

#define COMMAND_CATEGORY_COUNT 21

/* "keyspace" for 0, "read" for 1, ...: without the "@". bit < COMMAND_CATEGORY_COUNT. */
const char *command_category_name(uint32_t bit);

/* By its flags and its group: @fast or @slow; @read or @write if it has keys or its group is about data; @list
 * for the group "list", and so on. */
uint32_t command_categories(const struct command *command);

/* usage_bind, and where the command has the escape hatch `keys` its keys instead of the line's, all of them written. An
 * escape hatch that answers nonsense is a USAGE_VALUE, "ERR Invalid arguments specified for command". */
enum usage_outcome command_bind(const struct command *command, const struct gm_bytes *argv, uint32_t argc,
                                struct gm_arg *args, struct usage_bound *bound);

#endif
