/* SPDX-License-Identifier: MIT */

/* talk.h - what goes over a Talk stream, as plain structs (proto/geomys/v1/cluster.proto).
 *
 * Promises
 *   P1  What was unpacked is within its limits, and what cannot be missing is there: a node, a promise that is asked
 *       for. A message of an unknown kind is one that cannot be read. */
#ifndef GEOMYS_WIRE_TALK_H
#define GEOMYS_WIRE_TALK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#define TALK_ID_SIZE      16  /* bytes of a cluster's or a folder's identity */
#define TALK_HOST_MAX     253 /* bytes */
#define TALK_VERSION_MAX  31  /* bytes */
#define TALK_SENTENCE_MAX 500 /* bytes */
#define TALK_LEASE_MAX_MS 600000

/* Of a log: the last record on stable storage. */
struct talk_place {
    uint64_t epoch, sequence;
};

struct talk_promise {
    uint64_t epoch, leader, start;
};

struct talk_greeting {
    bool member;                      /* of a cluster: */
    uint8_t cluster_id[TALK_ID_SIZE]; /* of that */
    uint8_t folder_id[TALK_ID_SIZE];
    uint64_t node;
    uint64_t start;
    struct gm_bytes host; /* borrowed; may be empty */
    uint16_t client_port, node_port;
    struct gm_bytes version; /* borrowed */
};

struct talk_beat {
    uint32_t shard;
    uint64_t epoch, start;
    int64_t sent_us;
    uint32_t lease_ms;
    bool resigned;
    uint64_t topology;
};

struct talk_granted {
    uint32_t shard;
    uint64_t epoch;
    int64_t sent_us;
    uint32_t lease_ms; /* 0: it is not granted */
    struct talk_promise promise;
    struct talk_place position;
    bool fit;
};

struct talk_ask {
    uint64_t number;
    uint32_t shard;
};

struct talk_stands {
    uint64_t number;
    uint32_t shard;
    struct talk_place position, owes;
    struct talk_promise promise;
    bool fit, free;
    uint32_t wait_ms;
};

struct talk_vote {
    uint64_t number;
    uint32_t shard;
    struct talk_promise promise;
    struct talk_place position;
    uint64_t topology;
};

struct talk_voted {
    uint64_t number;
    uint32_t shard;
    bool yes;
    struct talk_place position;
    struct talk_promise promise;
    uint32_t wait_ms;
};

struct talk_sorry {
    uint32_t code;            /* a status */
    struct gm_bytes sentence; /* borrowed */
};

struct talk_join {
    uint64_t number;
    bool relayed;             /* it is another that wants to be let in: */
    struct talk_greeting who; /* that */
};

enum talk_kind {
    TALK_GREETING,
    TALK_BEAT,
    TALK_GRANTED,
    TALK_ASK,
    TALK_STANDS,
    TALK_VOTE,
    TALK_VOTED,
    TALK_ENGINE,
    TALK_SORRY,
    TALK_JOIN,
    TALK_WELCOME,
    TALK_KINDS,
};

struct talk_words {
    enum talk_kind kind;
    union {
        struct talk_greeting greeting;
        struct talk_beat beat;
        struct talk_granted granted;
        struct talk_ask ask;
        struct talk_stands stands;
        struct talk_vote vote;
        struct talk_voted voted;
        struct gm_bytes engine; /* borrowed */
        struct talk_sorry sorry;
        struct talk_join join;
        struct gm_bytes welcome; /* borrowed; a topology's bytes */
    };
};

/* Appends the message to `out`. False past its ceiling. Texts within their limits. */
bool talk_pack(const struct talk_words *words, struct buf *out);

/* Bytes of anybody. CORRUPT, with a sentence. What `out` borrows is in the arena. O(bytes). */
must_use enum status talk_unpack(struct gm_bytes bytes, struct talk_words *out, struct arena *arena,
                                 struct complaint *complaint);

#endif
