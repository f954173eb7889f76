/* SPDX-License-Identifier: MIT */

/* forwarding.h - what goes over a Forward stream, as plain structs (proto/geomys/v1/store.proto).
 *
 * Promises
 *   P1  What was unpacked is within its limits: texts, pieces of data, credit. A message of an unknown kind is one that
 *       cannot be read. */
#ifndef GEOMYS_WIRE_FORWARDING_H
#define GEOMYS_WIRE_FORWARDING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#define FORWARDING_DATA_MAX ((size_t)64 * 1024)  /* bytes of commands, or of answers, in one message */
#define FORWARDING_WINDOW   ((size_t)256 * 1024) /* bytes of answers that may be on their way, or unread */
#define FORWARDING_TEXT_MAX 127                  /* bytes of an address, a user, a name */
#define FORWARDING_REASON   500                  /* bytes of a sentence */

struct forwarding_mark {
    uint64_t epoch, sequence;
};

struct forwarding_open {
    struct gm_bytes address, user, name; /* borrowed */
    uint32_t database;
    bool resp3, quorum, no_touch;
    uint64_t waited_ms;
    struct forwarding_mark written;
};

struct forwarding_answer {
    struct gm_bytes bytes; /* borrowed */
    struct forwarding_mark mark;
    uint64_t answered; /* 0: more than before is not known */
    bool listens;
};

struct forwarding_not_begun {
    uint64_t from;
    bool parked;
};

enum forwarding_kind {
    FORWARDING_OPEN, /* up */
    FORWARDING_DATA,
    FORWARDING_CREDIT,
    FORWARDING_ANSWER, /* down */
    FORWARDING_NOT_BEGUN,
    FORWARDING_CLOSE,
};

struct forwarding_message {
    enum forwarding_kind kind;
    union {
        struct forwarding_open open;
        struct gm_bytes data; /* borrowed */
        uint64_t credit;
        struct forwarding_answer answer;
        struct forwarding_not_begun not_begun;
        struct gm_bytes reason; /* borrowed */
    };
};

/* Appends the message to `out`. False past its ceiling. Texts and data within their limits. */
bool forwarding_pack(const struct forwarding_message *message, struct buf *out);

/* What a client's node has sent, or a leader. CORRUPT, with a sentence. What `out` borrows is in the arena.
 * O(bytes). */
must_use enum status forwarding_unpack_up(struct gm_bytes bytes, struct forwarding_message *out, struct arena *arena,
                                          struct complaint *complaint);
must_use enum status forwarding_unpack_down(struct gm_bytes bytes, struct forwarding_message *out, struct arena *arena,
                                            struct complaint *complaint);

#endif
