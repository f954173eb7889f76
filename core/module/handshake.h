/* SPDX-License-Identifier: MIT */

/* handshake.h - what two nodes tell each other of the types that they have, and what does not fit. See handshake.c for
 * the argument. */
#ifndef GEOMYS_MODULE_HANDSHAKE_H
#define GEOMYS_MODULE_HANDSHAKE_H

#include "module/registry.h"

/* One type that a node has. Texts are borrowed: of one's own from the registry. */
struct handshake_type {
    const char *id;
    const char *module;
    const char *version;
    uint16_t revision;
    uint32_t layout;
};

/* The types of a registry, in its order: at most `room` of them. Returns how many there are. */
uint32_t handshake_list(const struct registry *registry, struct handshake_type *out, uint32_t room);

/* One sentence about a difference. */
typedef void (*handshake_on_difference)(void *context, const char *sentence);

/* Tells each difference between what two nodes have; `here` and `there` are their names, for the sentences. Returns how
 * many there are. O(ours * theirs). */
uint32_t handshake_compare(const char *here, const struct handshake_type *ours, uint32_t our_count, const char *there,
                           const struct handshake_type *theirs, uint32_t their_count,
                           handshake_on_difference on_difference, void *context);

#endif
