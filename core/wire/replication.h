/* SPDX-License-Identifier: MIT */

/* replication.h - what goes over a Follow stream, as plain structs (proto/geomys/v1/replication.proto).
 *
 * Promises
 *   P1  What was unpacked is within its limits: no size that is not checked reaches a user. A message of an unknown
 *       kind is one that cannot be read. */
#ifndef GEOMYS_WIRE_REPLICATION_H
#define GEOMYS_WIRE_REPLICATION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#define REPLICATION_ID_SIZE      16   /* bytes of a cluster's or a folder's identity */
#define REPLICATION_EPOCHS_MAX   1024 /* entries of a table */
#define REPLICATION_SENTENCE_MAX 500  /* bytes */
#define REPLICATION_TEXT_MAX     255  /* bytes of a name or a writer */
/* What a message takes beside the records or the piece in it. */
#define REPLICATION_OVERHEAD ((size_t)64)

struct replication_id {
    uint8_t bytes[REPLICATION_ID_SIZE];
};

struct replication_epoch {
    uint64_t epoch, leader, first;
};

struct replication_hello {
    struct replication_id cluster, folder;
    uint32_t shard;
    uint64_t node;
    uint64_t start;
    bool anew;
    const struct replication_epoch *epochs; /* borrowed */
    size_t epoch_count;
    uint64_t last_sequence;
    uint64_t synced;
    uint64_t owes, owes_epoch;
    uint64_t epoch, leader; /* promised */
};

struct replication_ack {
    uint64_t epoch;
    uint64_t received;
    uint64_t synced;
};

enum replication_mode {
    REPLICATION_CONTINUE,
    REPLICATION_REWIND,
    REPLICATION_SNAPSHOT,
};

struct replication_start {
    uint64_t epoch, leader;
    enum replication_mode mode;
    uint64_t sequence;
    struct gm_secret secret;
    uint64_t size;     /* of the snapshot, bytes */
    uint32_t checksum; /* of its footer */
};

struct replication_type {
    uint16_t index;
    struct gm_bytes name; /* borrowed */
    bool anew;
};

struct replication_revision {
    uint16_t index;
    uint16_t revision;
    struct gm_bytes writer; /* borrowed */
};

struct replication_records {
    uint64_t first, last;
    uint64_t offset, total; /* bytes */
    struct gm_bytes bytes;  /* borrowed */
};

struct replication_piece {
    uint64_t offset;
    struct gm_bytes bytes; /* borrowed */
};

struct replication_progress {
    uint64_t committed;
    uint64_t last;
    int64_t now_ms;
};

struct replication_refusal {
    uint32_t code;            /* a status */
    struct gm_bytes sentence; /* borrowed */
    uint64_t leader;
};

enum replication_kind {
    REPLICATION_HELLO, /* up */
    REPLICATION_ACK,
    REPLICATION_START, /* down */
    REPLICATION_TYPE,
    REPLICATION_REVISION,
    REPLICATION_RECORDS,
    REPLICATION_PIECE,
    REPLICATION_PROGRESS,
    REPLICATION_REFUSAL,
};

struct replication_message {
    enum replication_kind kind;
    union {
        struct replication_hello hello;
        struct replication_ack ack;
        struct replication_start start;
        struct replication_type type;
        struct replication_revision revision;
        struct replication_records records;
        struct replication_piece piece;
        struct replication_progress progress;
        struct replication_refusal refusal;
    };
};

/* Appends the message to `out`. False past its ceiling. */
bool replication_pack(const struct replication_message *message, struct buf *out);

/* What a follower has sent (HELLO, ACK), or a leader (all others). CORRUPT, with a sentence. What `out` borrows is in
 * the arena. O(bytes). */
must_use enum status replication_unpack_up(struct gm_bytes bytes, struct replication_message *out, struct arena *arena,
                                           struct complaint *complaint);
must_use enum status replication_unpack_down(struct gm_bytes bytes, struct replication_message *out,
                                             struct arena *arena, struct complaint *complaint);

#endif
