/* SPDX-License-Identifier: MIT */

/* record.h - the one binary record: what the log, a snapshot, a follower's stream and a slot move all carry.
 *
 * Layout (little-endian; docs/formats/record.md is the specification)
 *
 *   offset size
 *      0     4   header_crc  CRC-32C of bytes 4..47: the sizes can be trusted before the rest is read
 *      4     4   body_crc    CRC-32C of everything behind the header, without the padding
 *      8     4   size        header, expiry, key and body, without the padding
 *     12     2   flags       enum record_flag
 *     14     2   op          the type's numbering; for type 0 enum record_host_op
 *     16     8   sequence
 *     24     8   epoch       the author's term
 *     32     8   time_ms     the author's wall clock
 *     40     2   type        index into the names declared in the same file or stream; 0 = the host
 *     42     2   slot        0 to 16383
 *     44     2   key_size
 *     46     2   database
 *     48     8   expire_at_ms, only with RECORD_EXPIRE
 *      …     …   key, body, zeros up to a multiple of 8
 *
 * Promises
 *   I1  record_parse accepts only bytes that record_encode could have made: every field is checked, the padding
 *       included. What an op means is not its business.
 *   I2  Equal records have equal bytes.
 *   I3  A node that does not know an operation of the host says so (record_expect_known) and goes no further: what it
 *       does not understand is never taken for nothing.
 */
#ifndef GEOMYS_LOG_RECORD_H
#define GEOMYS_LOG_RECORD_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/status.h"
#include "base/type_id.h"

#define RECORD_HEADER_SIZE   48
#define RECORD_HEAD_MAX      56                   /* bytes: header and expiry */
#define RECORD_KEY_MAX       65535u               /* bytes */
#define RECORD_BODY_MAX      (512u * 1024 * 1024) /* bytes, GM_VALUE_SIZE_MAX */
#define RECORD_TYPE_NAME_MAX TYPE_ID_MAX          /* bytes */
#define RECORD_WRITER_MAX    127                  /* bytes of a module's name and version, "acme.bag 1.4.0" */
#define RECORD_REVISION_MAX  255                  /* GM_REVISION_MAX */
#define RECORD_SLOT_COUNT    16384
#define RECORD_NUMBER_MAX    ((uint64_t)INT64_MAX) /* of sequences and epochs: what comes next is a number, too */
#define RECORD_REPLICAS_MAX  64                    /* nodes that an EPOCH record can name */
#define RECORD_EPOCH_MAX     (16 + 8 * RECORD_REPLICAS_MAX) /* bytes of its body */
#define RECORD_TARGET_MAX    (2 + RECORD_KEY_MAX)           /* bytes of the body of a RENAME record */

enum record_flag {
    RECORD_MORE = 1,         /* the batch goes on with the next record                                               */
    RECORD_DUMP = 2,         /* rebuilds a value, rather than reports a change                                       */
    RECORD_LOCAL = 4,        /* about this file or stream: not part of the history, has the sequence before it       */
    RECORD_FRESH = 8,        /* what the key held goes first                                                         */
    RECORD_KEEP_EXPIRY = 16, /* ... but its expiry stays                                                            */
    RECORD_EXPIRE = 32,      /* carries expire_at_ms                                                                 */
    RECORD_REMOVES = 64,     /* the outcome: the key is gone afterwards (frozen values rely on it, others verify it) */
    RECORD_DAMAGED = 128,    /* with DUMP, never in a log: of a value that was found damaged: kept, not applied      */
    RECORD_MISFIT = 256,     /* with DAMAGED: its records do not follow from each other: never to be tried again     */
};

enum record_host_op {
    RECORD_OP_TYPE = 1,    /* LOCAL: body = u16 index, then the type's name                        */
    RECORD_OP_DURABLE = 2, /* LOCAL: body = u64 sequence: all up to it was on stable storage; u64 salt */
    RECORD_OP_DELETE = 3,  /* key: removed on request. Carries RECORD_REMOVES                      */
    RECORD_OP_EXPIRED = 4, /* key: removed because its time had come. Carries RECORD_REMOVES       */
    RECORD_OP_EXPIRE = 5,  /* key: carries RECORD_EXPIRE                                           */
    RECORD_OP_PERSIST = 6, /* key: no expiry any more                                              */
    RECORD_OP_FLUSH = 7,   /* no key, database 0: everything is removed                            */
    RECORD_OP_EVICTED = 8, /* key: removed because memory was short. Carries RECORD_REMOVES        */
    RECORD_OP_EPOCH = 9,   /* no key: an epoch begins with this record; body: struct record_epoch   */
    RECORD_OP_EPOCHS = 10, /* LOCAL: the table of all epochs so far, see log/epochs.h              */
    RECORD_OP_RENAME =
        11, /* key: its value goes to another. Carries RECORD_REMOVES; body: u16 its database, that key */
    RECORD_OP_FLUSH_DATABASE = 12, /* no key: everything in the database is removed */
    RECORD_OP_SWAP = 13,           /* no key: the database and that of the body, another u16, change places */
    RECORD_OP_COPY = 14,           /* key: gets a copy of another's value. Body: u16 the other's database, that key */
    RECORD_OP_REVISION = 15, /* LOCAL: body = u16 index of a type, u16 revision, then the module that has written it */
};

struct record {
    uint64_t sequence;
    uint64_t epoch;
    int64_t time_ms;
    int64_t expire_at_ms; /* > 0 with RECORD_EXPIRE, else 0 */
    uint16_t flags;
    uint16_t op;
    uint16_t type;
    uint16_t slot;
    uint16_t database;
    struct gm_bytes key;  /* borrowed */
    struct gm_bytes body; /* borrowed */
};

/* Bytes that the encoded record takes, padding included: a multiple of 8. */
size_t record_size(const struct record *record);

/* Appends the record. False past the buffer's ceiling, with nothing appended. The record must be within the limits. */
bool record_encode(const struct record *record, struct buf *out);

/* The same in pieces, for records that are too large to be copied: writes what comes before the key, and returns how
 * many bytes that is. The key, the body and zeros up to record_size follow. O(body): it takes the checksum. */
size_t record_encode_head(const struct record *record, uint8_t out[static RECORD_HEAD_MAX]);

/* Sets or clears RECORD_MORE in an encoded record, and seals its header anew. */
void record_set_more(uint8_t *encoded, bool more);

/* Puts another type's number into an encoded record of a type, and seals its header anew: the number is the only thing
 * that differs from one file or stream to the next. Neither the old nor the new one is 0. */
void record_set_type(uint8_t *encoded, uint16_t type);

/* The sequence of an encoded record, that record_parse or record_encode vouches for. */
static inline uint64_t record_sequence(const uint8_t *encoded)
{
    return codec_u64(encoded + 16);
}

/* Parses the record at the beginning of `bytes`, which may be longer; its key and body point into `bytes`.
 *   OK       *size is how many bytes it took
 *   AGAIN    it goes on behind the end of `bytes`; *size is how many bytes are needed at least
 *   CORRUPT  `complaint` (may be NULL) says what is wrong */
must_use enum status record_parse(struct gm_bytes bytes, struct record *out, size_t *size, struct complaint *complaint);

/* The same for bytes that record_parse or record_encode vouches for: checks nothing. */
void record_read(const uint8_t *encoded, struct record *out, size_t *size);

/* The two records about the file itself, appended to `out`; `sequence` is that of the history record before them.
 * `salt` is the segment's: see docs/formats/log.md. False past the ceiling. */
bool record_encode_type(uint64_t sequence, int64_t time_ms, uint16_t type, struct gm_bytes name, struct buf *out);
bool record_encode_durable(uint64_t sequence, int64_t time_ms, uint64_t durable, uint64_t salt, struct buf *out);

/* Takes them apart. False: not such a record, or not such a body; a name that no type can have (base/type_id.h) among
 * it. */
bool record_read_type(const struct record *record, uint16_t *type, struct gm_bytes *name);
bool record_read_durable(const struct record *record, uint64_t *durable, uint64_t *salt);

/* Operations of a type that came with a revision may come from here on. */
struct record_revision {
    uint16_t type;          /* index, which was declared before */
    uint16_t revision;      /* 2 to RECORD_REVISION_MAX */
    struct gm_bytes writer; /* borrowed: name and version of the module, 1 to RECORD_WRITER_MAX printable bytes */
};

/* The record about that, and taken apart: as those above. */
bool record_encode_revision(uint64_t sequence, int64_t time_ms, const struct record_revision *revision,
                            struct buf *out);
bool record_read_revision(const struct record *record, struct record_revision *revision);

/* What is wrong with a record about the file that none of these takes: a clause for a sentence about its place. */
void record_explain_local(const struct record *record, struct complaint *complaint);

/* Who writes in an epoch, and on which nodes; which epoch it is, the record's own field says. */
struct record_epoch {
    uint64_t leader;                        /* node ID, above 0 */
    uint32_t replica_count;                 /* 0: the leader is alone, nobody else counts */
    uint64_t replicas[RECORD_REPLICAS_MAX]; /* node IDs of all who count, the leader too; ascending */
};

/* The body of an EPOCH record, in `out`. */
struct gm_bytes record_epoch_body(const struct record_epoch *epoch, uint8_t out[static RECORD_EPOCH_MAX]);

/* False: not an EPOCH record, or one that makes no sense. */
bool record_read_epoch(const struct record *record, struct record_epoch *out);

/* Where a RENAME record moves its value; from where a COPY record has it. */
struct record_target {
    struct gm_bytes key; /* borrowed */
    uint16_t database;
};

/* The body of such a record, in `out`, which has 2 bytes more than the key. */
struct gm_bytes record_target_body(const struct record_target *target, uint8_t *out);

/* Borrowed from the body. False: not such a record, or one that makes no sense. */
bool record_read_rename(const struct record *record, struct record_target *target);
bool record_read_copy(const struct record *record, struct record_target *source);

/* The body of a SWAP record, in `out`; and taken apart: false if it is not such a record, or one that makes no
 * sense. */
struct gm_bytes record_swap_body(uint16_t other, uint8_t out[static 2]);
bool record_read_swap(const struct record *record, uint16_t *other);

/* The highest number of a database that a record names. O(1). */
uint16_t record_database_last(const struct record *record);

/* Whether this program knows the operation, if it is the host's (a type's is the type's business). VERSION, with a
 * sentence: a newer program wrote the record. */
must_use enum status record_expect_known_op(const struct record *record, struct complaint *complaint);
must_use static inline enum status record_expect_known(const struct record *record, struct complaint *complaint)
{
    return __builtin_expect(record->type != 0, 1) ? STATUS_OK : record_expect_known_op(record, complaint);
}

#define RECORD_SINK_AHEAD 16 /* records that a sink is told of before they come */

/* Where records go: the shape that all consumers share. */
struct record_sink {
    /* Type number `type` of this source is called `name`. Comes before its first use; again with each new file. */
    enum status (*declare)(struct record_sink *, uint16_t type, struct gm_bytes name, struct complaint *);
    /* One record of the history, in order; all of a batch or none of it. */
    enum status (*accept)(struct record_sink *, const struct record *, struct complaint *);
    /* NULL, or: this record comes soon, behind at most RECORD_SINK_AHEAD - 1 others that were announced and have not
     * come yet. Its key stays where it is until then. Or it never comes. With NULL: none of those announced comes, or
     * not from where its key was. */
    void (*foresee)(struct record_sink *, const struct record *);
    /* NULL, or: a type that was declared has operations of this revision in the source, or may have from here on. The
     * revision is above those that the same file has said of it before. */
    enum status (*revise)(struct record_sink *, const struct record_revision *, struct complaint *);
};

#endif
