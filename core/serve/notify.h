/* SPDX-License-Identifier: MIT */

/* notify.h - keyspace notifications: messages about what happens to keys, for those who ask for them.
 *
 * Idea     After a command has been committed its emissions say all that there is to tell; so no command and no module
 *          has to do anything for it. The event of a module's record is the name of the command, in lower case; those
 *          of the host are Redis': del, expire, persist, expired, evicted, rename_from, rename_to, copy_to, new. An
 *          event is published on __keyspace@0__:<key> (K) and on __keyevent@0__:<event> (E).
 *
 *          Redis calls some events otherwise than their command: "set" for SETEX, "incrby" for INCR. Here the event is
 *          the command: setex, incr.
 *
 * Cost     None but one comparison per write while no class is chosen, or nobody listens.
 *
 * Order    A message leaves when the change that it tells of is as durable as the policy asks. */
#ifndef GEOMYS_SERVE_NOTIFY_H
#define GEOMYS_SERVE_NOTIFY_H

#include "serve/call.h"

/* K keyspace, E keyevent; g what is common to all types, $ strings, l lists, s sets, h hashes, z sorted sets,
 * t streams, d other modules' types, x expired, e evicted; A all of these; n new keys. */
#define NOTIFY_LETTERS "KEg$lshztdxeAn"

/* The classes that the letters stand for, 0 for none; other letters count for nothing. */
uint32_t notify_classes(const char *letters);

void notify_call_slow(const struct call *call);
void notify_expired_slow(struct shard *shard, struct gm_bytes key);
void notify_evicted_slow(struct shard *shard, struct gm_bytes key);

static inline bool notify_wanted(const struct shard *shard)
{
    return shard->options.notify != 0 && pubsub_busy(&shard->pubsub);
}

/* After the call has been committed. */
static inline void notify_call(const struct call *call)
{
    if (__builtin_expect(notify_wanted(call->shard), 0)) {
        notify_call_slow(call);
    }
}

/* After the key has been removed because its time had come. */
static inline void notify_expired(struct shard *shard, struct gm_bytes key)
{
    if (__builtin_expect(notify_wanted(shard), 0)) {
        notify_expired_slow(shard, key);
    }
}

/* After the key has been removed because memory was short. */
static inline void notify_evicted(struct shard *shard, struct gm_bytes key)
{
    if (__builtin_expect(notify_wanted(shard), 0)) {
        notify_evicted_slow(shard, key);
    }
}

#endif
