/* SPDX-License-Identifier: MIT */

/* coord_message.h - what engines of the raft kind say to each other, as bytes, and as checked structs.
 *
 * Idea     Fixed little-endian numbers. A message names the server that it is for and the one that it is from: each
 *          data folder is a server of its own, so what was meant for a folder that is gone is not heard by the one
 *          behind it. A decoded message has ranges that the engine can reckon with; what is none of these is no
 *          message.
 *
 *   offset size                                       kind     payload
 *      0     1   kind                                 APPEND   prev index, prev term, commit, count; entries
 *      1     1   version: 1                           APPENDED rejected, last
 *      2     6   zero                                 VOTE     last index, last term, pre-vote
 *      8     8   from                                 VOTED    granted, pre-vote (0 unknown, 1 yes, 2 no)
 *     16     8   to, 0: whoever this node is now      SWAP     expected version; document
 *     24     8   term, or the number of the request   READ
 *     32     8   stamp: APPEND's, and of the APPEND   ANSWER   outcome; document
 *                that APPENDED answers
 *     40         payload
 *
 *   an entry: term 8, type 2, zero 2, size 4, its data
 *
 * Promises
 *   P1  Decoding takes no memory; what it gives is borrowed from the bytes, and every entry lies within them.
 *   P2  A change of servers that is let through is one that the raft library can read: it trusts those bytes.
 */
#ifndef GEOMYS_CLUSTER_COORD_MESSAGE_H
#define GEOMYS_CLUSTER_COORD_MESSAGE_H

#include "base/buf.h"
#include "base/status.h"
#include "cluster/coord_store.h"

#define COORD_MESSAGE_HEADER      40
#define COORD_MESSAGE_ENTRY       16                  /* bytes before an entry's data */
#define COORD_MESSAGE_ENTRIES_MAX 4096                /* of an APPEND */
#define COORD_MESSAGE_INDEX_MAX   ((uint64_t)1 << 48) /* of terms and of indices */

enum coord_message_kind {
    COORD_MESSAGE_APPEND = 1,
    COORD_MESSAGE_APPENDED,
    COORD_MESSAGE_VOTE,
    COORD_MESSAGE_VOTED,
    COORD_MESSAGE_SWAP,
    COORD_MESSAGE_READ,
    COORD_MESSAGE_ANSWER,
};

enum coord_message_outcome { /* of an ANSWER */
                             COORD_MESSAGE_OK,
                             COORD_MESSAGE_EXISTS,
                             COORD_MESSAGE_AGAIN,
                             COORD_MESSAGE_REFUSED,
                             COORD_MESSAGE_ELSEWHERE, /* this node does not lead: nothing was done */
};

struct coord_message {
    enum coord_message_kind kind;
    uint64_t from, to; /* servers */
    uint64_t term;     /* SWAP, READ, ANSWER: the number of the request */
    uint64_t stamp;
    union {
        struct {
            uint64_t prev_index, prev_term, commit;
            uint32_t count;
            struct gm_bytes entries; /* decoded: coord_message_entry reads them one by one */
        } append;
        struct {
            uint64_t rejected, last;
        } appended;
        struct {
            uint64_t last_index, last_term;
            bool pre_vote;
        } vote;
        struct {
            bool granted;
            uint8_t pre_vote;
        } voted;
        struct {
            uint64_t expected;        /* SWAP */
            uint8_t outcome;          /* ANSWER: enum coord_message_outcome */
            struct gm_bytes document; /* SWAP, ANSWER; or empty */
        } ask;
    };
};

/* Appends the bytes of all but an APPEND's entries, which follow: coord_message_add. */
void coord_message_encode(const struct coord_message *message, struct buf *out);
void coord_message_add(struct buf *out, const struct coord_store_entry *entry);

/* How many entries an encoded APPEND has: it was made with fewer than planned. */
void coord_message_set_count(struct buf *out, uint32_t count);

/* Whether these are the bytes of a change of servers. O(n). */
bool coord_message_is_change(struct gm_bytes data);

/* CORRUPT: it is no message. O(n). */
must_use enum status coord_message_decode(struct gm_bytes bytes, struct coord_message *out);

/* Takes the first of `entries` away and returns it. They were decoded. */
struct coord_store_entry coord_message_entry(struct gm_bytes *entries);

#endif
