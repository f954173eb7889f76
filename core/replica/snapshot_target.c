/* SPDX-License-Identifier: MIT */

/* snapshot_target.c - each call of a sweep is one of the writer's. */
#include "replica/snapshot_target.h"

static struct snapshot_writer *writer_of(const struct sweep_target *target)
{
    return container_of((struct sweep_target *)(uintptr_t)target, struct snapshot_target, base)->writer;
}

static void declare(struct sweep_target *target, uint16_t type, struct gm_bytes name)
{
    snapshot_writer_declare(writer_of(target), type, name);
}

static void revise(struct sweep_target *target, const struct record_revision *revision)
{
    snapshot_writer_revise(writer_of(target), revision);
}

static void add(struct sweep_target *target, const struct record *record)
{
    snapshot_writer_add(writer_of(target), record);
}

static bool is_open(const struct sweep_target *target)
{
    return snapshot_writer_state(writer_of(target)) == SNAPSHOT_WRITER_OPEN;
}

static bool has_room(const struct sweep_target *target)
{
    return snapshot_writer_has_room(writer_of(target));
}

static void fail(struct sweep_target *target, const char *reason)
{
    snapshot_writer_fail(writer_of(target), reason);
}

void snapshot_target_init(struct snapshot_target *target, struct snapshot_writer *writer)
{
    check(snapshot_writer_state(writer) == SNAPSHOT_WRITER_OPEN);
    *target = (struct snapshot_target){
        .base = {.declare = declare,
                 .revise = revise,
                 .add = add,
                 .is_open = is_open,
                 .has_room = has_room,
                 .fail = fail,
                 .remedy = "; the previous snapshot stays, and the log has everything: mend or remove the key, or load "
                           "a module that can"},
        .writer = writer,
    };
}
