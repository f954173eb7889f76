/* SPDX-License-Identifier: MIT */

/* topology.h - who belongs to the cluster, and who leads what: the one document that the coordinator keeps, as a plain
 * value, and its bytes (proto/geomys/v1/topology.proto).
 *
 * Idea     A struct without pointers, so that it is copied by assignment and has no owner; what each count may be at
 *          most is what the arrays hold. It is large (some 300 KiB, most of it untouched): never on a stack.
 *
 *          One value has one text of bytes, whoever encodes it: engines compare and patch it as bytes.
 *
 * Limits   What a newer program has added to the message is not seen, and is lost in what this one encodes: such a
 *          field may be used only when all members know it.
 */
#ifndef GEOMYS_WIRE_TOPOLOGY_H
#define GEOMYS_WIRE_TOPOLOGY_H

#include "base/bytes.h"
#include "base/status.h"
#include "base/type_id.h"

#define TOPOLOGY_MEMBERS_MAX  64
#define TOPOLOGY_TYPES_MAX    64 /* of a member */
#define TOPOLOGY_SHARDS_MAX   64
#define TOPOLOGY_REPLICAS_MAX 9 /* of a shard */
#define TOPOLOGY_SETTINGS_MAX 64
#define TOPOLOGY_ID_SIZE      16                   /* bytes of a cluster's and of a folder's id */
#define TOPOLOGY_HOST_MAX     253                  /* bytes, as of the names of the DNS */
#define TOPOLOGY_VERSION_MAX  31                   /* bytes of a program's version */
#define TOPOLOGY_NAME_MAX     95                   /* bytes of a setting's name */
#define TOPOLOGY_VALUE_MAX    255                  /* bytes of a setting's value */
#define TOPOLOGY_BYTES_MAX    ((size_t)448 * 1024) /* bytes of a document */

struct topology_type {
    char name[TYPE_ID_MAX + 1];
    uint32_t revision; /* the newest that the member knows */
};

struct topology_member {
    uint64_t id; /* node_id, above 0 */
    uint8_t folder_id[TOPOLOGY_ID_SIZE];
    char host[TOPOLOGY_HOST_MAX + 1]; /* a name or a literal, IPv6 without brackets */
    uint16_t client_port;
    uint16_t node_port;
    bool engine_voter;
    char version[TOPOLOGY_VERSION_MAX + 1];
    uint32_t type_count;
    struct topology_type types[TOPOLOGY_TYPES_MAX]; /* names ascending */
};

struct topology_shard {
    uint32_t id;
    uint64_t epoch;  /* of the leader that is named; 0: none was ever named */
    uint64_t leader; /* one of the replicas; 0: none was ever named */
    uint32_t replica_count;
    uint64_t replicas[TOPOLOGY_REPLICAS_MAX]; /* members, ascending */
};

struct topology_setting {
    char name[TOPOLOGY_NAME_MAX + 1];
    char value[TOPOLOGY_VALUE_MAX + 1];
};

struct topology {
    uint8_t cluster_id[TOPOLOGY_ID_SIZE];
    uint64_t version; /* from 1 on, one more with each swap */
    uint32_t member_count;
    uint32_t shard_count;
    uint32_t setting_count;
    struct topology_member members[TOPOLOGY_MEMBERS_MAX];    /* ids ascending */
    struct topology_shard shards[TOPOLOGY_SHARDS_MAX];       /* ids ascending */
    struct topology_setting settings[TOPOLOGY_SETTINGS_MAX]; /* names ascending */
};

/* Copies what is used of it. */
void topology_copy(struct topology *to, const struct topology *from);

/* NULL: there is none. O(n). */
const struct topology_member *topology_member(const struct topology *topology, uint64_t id);
const struct topology_shard *topology_shard(const struct topology *topology, uint32_t id);
const char *topology_setting(const struct topology *topology, const char *name); /* its value */

/* Whether it is a document that may be kept: counts and ranges, ids and names ascending (so each is there once), a
 * folder for one member only, texts of characters that they may have, replicas that are members, a leader that is a
 * replica, 1, 3 or 5 voters. INVALID, with a sentence. */
must_use enum status topology_check(const struct topology *topology, struct complaint *complaint);

/* Whether `after` may take the place of `before` by one swap (NULL: it is the first): the same cluster, the next
 * version, no shard that goes back to a lower epoch or has another leader in the same one, and of a shard with a leader
 * at most one replica comes or goes, with a higher epoch (C18 of the protocol). INVALID, with a sentence. */
must_use enum status topology_follows(const struct topology *before, const struct topology *after,
                                      struct complaint *complaint);

/* Writes the bytes of a topology that was checked; returns how many. `room` is TOPOLOGY_BYTES_MAX. */
size_t topology_encode(const struct topology *topology, uint8_t *out, size_t room);

/* Reads and checks bytes of anybody. TOO_BIG, CORRUPT (no such message), INVALID, each with a sentence; `out` is
 * undefined then. */
must_use enum status topology_decode(struct gm_bytes bytes, struct topology *out, struct complaint *complaint);

#endif
