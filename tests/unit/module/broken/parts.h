/* SPDX-License-Identifier: MIT */

/* parts.h - the sound parts of the modules in this folder, so that each file shows only what is wrong with it. */
#ifndef BROKEN_PARTS_H
#define BROKEN_PARTS_H

#include "geomys/module.h"

static inline int apply(struct gm_apply *apply, const struct gm_record *record)
{
    (void)apply;
    (void)record;
    return GM_CORRUPT;
}

static inline uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell;
    (void)cursor;
    (void)sink;
    return 0;
}

static inline void plan(struct gm_call *call)
{
    gm_reply_status(call, "OK");
}

#define TYPE(type_id)                                                                                                  \
    {                                                                                                                  \
        .size = sizeof(struct gm_type), .id = (type_id), .name = "odd", .apply = apply, .dump = dump                   \
    }

#define COMMAND(command_usage, command_flags, ...)                                                                     \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = (command_usage), .flags = (command_flags), .summary = "Odd.",      \
        .complexity = "O(1)", __VA_ARGS__                                                                              \
    }

/* By hand: GM_MODULE would not let a test overrule the version or the size. */
#define ENTRY(descriptor)                                                                                              \
    __attribute__((visibility("default"))) const struct gm_module *geomys_module(void);                                \
    const struct gm_module *geomys_module(void)                                                                        \
    {                                                                                                                  \
        return (descriptor);                                                                                           \
    }

#endif
