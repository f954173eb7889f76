/* SPDX-License-Identifier: MIT */

/* request.h - one command as it came, resolved once: which command it is, which words are its arguments and keys, and
 * where its first key is.
 *
 * Idea     Everything that is done with a command (holding it back, queueing it, carrying it out now or later) asks the
 *          request, and nobody looks its name up or binds its words again. What is found stands in indexes into argv,
 *          so a copy of the request needs no second look either.
 *
 * Promises
 *   I1  A request whose outcome is USAGE_OK has all its keys in bound.keys, and `hash` is that of the first.
 *   I2  Resolving refuses nothing: what is wrong is kept, and said when its turn comes (admit.c).
 *
 * Limits   What is found takes at most 8 bytes per word and 24 per argument of the usage line.
 */
#ifndef GEOMYS_SERVE_REQUEST_H
#define GEOMYS_SERVE_REQUEST_H

#include "base/arena.h"
#include "module/registry.h"
#include "store/databases.h"

struct request {
    const struct gm_bytes *argv;   /* borrowed; of a kept request its own */
    const struct command *command; /* NULL: there is none of that name, see lookup */
    struct gm_arg *args;           /* by leaf; undefined unless the outcome is USAGE_OK */
    struct usage_bound bound;      /* keys; and what is wrong */
    uint64_t hash;                 /* of the first key; 0 without one */
    struct registry_lookup lookup; /* only without a command: why there is none */
    uint32_t argc;                 /* 0: an empty line, which is no command: nothing else is set */
    enum usage_outcome outcome;
};

/* Resolves a command. `arena` lends what is found its memory, and is not reset while the request is in use; argv stays
 * the caller's. O(argc). */
void request_resolve(struct request *request, const struct registry *registry, const struct databases *databases,
                     const struct gm_bytes *argv, uint32_t argc, struct arena *arena);

/* Flags of the command; 0 if there is none. */
static inline uint32_t request_flags(const struct request *request)
{
    return request->command != NULL ? request->command->abi->flags : 0;
}

/* Whether the command is there and its words fit. */
static inline bool request_is_sound(const struct request *request)
{
    return request->command != NULL && request->outcome == USAGE_OK;
}

/* The i-th key, of bound.key_count. */
static inline struct gm_bytes request_key(const struct request *request, uint32_t i)
{
    return request->argv[request->bound.keys[i].index];
}

/* The hash of the i-th key. */
static inline uint64_t request_hash(const struct request *request, const struct databases *databases, uint32_t i)
{
    return i == 0 ? request->hash : databases_hash(databases, request_key(request, i));
}

/* The slot of the first key; 0 without one. O(key). */
uint16_t request_slot(const struct request *request);

/* A request that is kept for later, in one allocation: by MULTI, or while it waits. memory_free releases it. Of its
 * arguments only those up to the last one that was given are kept, since most options of most commands are not. */
struct request_kept {
    struct request_kept *next;
    size_t size;            /* bytes of this allocation */
    uint32_t args_kept;     /* in request.args */
    uint32_t database;      /* in a transaction: that will be chosen when its turn comes; else 0 */
    struct request request; /* its argv, keys and args are its own */
};

/* What a copy would take. O(argc). */
size_t request_kept_size(const struct request *request);

/* A copy of the request with its words. O(bytes). */
struct request_kept *request_keep(const struct request *request);

/* All arguments of a kept request that is sound, by leaf. O(leaves). */
void request_kept_args(const struct request_kept *kept, struct gm_arg out[USAGE_LEAF_MAX]);

#endif
