/* SPDX-License-Identifier: MIT */

/* dump.h - a value as the records that make it, frozen or alive: what a snapshot, a copy and a digest are made of. See
 * dump.c for what is believed of a type's dump. */
#ifndef GEOMYS_SHARD_DUMP_H
#define GEOMYS_SHARD_DUMP_H

#include "shard/shard.h"

/* Where the records of a dump go: the beginning of a larger struct. */
struct dump_sink {
    uint8_t type; /* number of that of the record which is taken: set before each */
    void (*take)(struct dump_sink *sink, uint16_t op, struct gm_bytes body); /* the body is borrowed for the call */
};

/* Calls the sink for some of the records that make the value of an entry, frozen or alive: a bounded amount, as
 * gm_type.dump does. `*cursor` is 0 at first, and again when it is done. False: the type does not dump this value, as
 * the complaint says of key, type and module; the cursor is 0. */
must_use bool dump_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor, struct dump_sink *sink,
                        struct complaint *complaint);

/* The same for all of them. */
must_use bool dump_value(const struct shard *shard, const struct entry *entry, struct dump_sink *sink,
                         struct complaint *complaint);

/* As dump_step, with what makes the value equal to others (gm_type.digest): its records, if its type says no more. */
must_use bool dump_digest_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor,
                               struct dump_sink *sink, struct complaint *complaint);

/* Whether the order counts of what dump_digest_step gives. */
bool dump_digest_ordered(const struct shard *shard, const struct entry *entry);

#endif
