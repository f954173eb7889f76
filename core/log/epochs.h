/* SPDX-License-Identifier: MIT */

/* epochs.h - which epoch, and whose, each record of a history belongs to; and the data set's secret, which stands
 * beside them wherever they stand. See epochs.c for the argument.
 *
 * An epoch is the time in which one node, its leader, writes. It begins with an EPOCH record (log/record.h). All
 * sequences here are those of history records; 0 is the place before the first one. */
#ifndef GEOMYS_LOG_EPOCHS_H
#define GEOMYS_LOG_EPOCHS_H

#include "base/status.h"
#include "log/record.h"

#define EPOCHS_MAX        1024u /* entries */
#define EPOCHS_ENTRY_SIZE 24u   /* bytes, encoded */
#define EPOCHS_RECORD_MAX (RECORD_HEADER_SIZE + GM_SECRET_SIZE + EPOCHS_MAX * EPOCHS_ENTRY_SIZE)

struct epochs_entry {
    uint64_t epoch;  /* above 0 */
    uint64_t leader; /* node ID, above 0 */
    uint64_t first;  /* sequence of its EPOCH record */
};

/* All zeros is an empty table. */
struct epochs {
    struct epochs_entry *list; /* owned; ascending in epoch and in first */
    uint32_t count;
    uint32_t capacity;
    struct gm_secret secret; /* of the data set whose history it is: the same from its first record to its last */
};

void epochs_finish(struct epochs *epochs);

/* `to` becomes equal to `from`. O(entries). */
void epochs_copy(struct epochs *to, const struct epochs *from);

/* The newest epoch's number; 0: there is none. */
static inline uint64_t epochs_last(const struct epochs *epochs)
{
    return epochs->count > 0 ? epochs->list[epochs->count - 1].epoch : 0;
}

/* The epoch of the record with this sequence, which the table's history has. NULL: it is older than the table.
 * O(log entries). The pointer holds until the table changes. */
const struct epochs_entry *epochs_find(const struct epochs *epochs, uint64_t sequence);

/* Its number; 0 for a place before all records, and for one before the table. O(log entries). */
uint64_t epochs_number(const struct epochs *epochs, uint64_t sequence);

/* An epoch begins behind all that the table knows. Of more than EPOCHS_MAX the oldest is forgotten. CORRUPT, with a
 * sentence and the table as it was: it does not come after the newest one. O(1), at the ceiling O(entries). */
must_use enum status epochs_add(struct epochs *epochs, const struct epochs_entry *entry, struct complaint *complaint);

/* Whether epochs_take would take the record, as the first of a batch. Changes nothing. */
must_use enum status epochs_judge(const struct epochs *epochs, const struct record *record,
                                  struct complaint *complaint);

/* epochs_take, where the record is not of the epoch that goes on. */
must_use enum status epochs_take_slow(struct epochs *epochs, const struct record *record, bool within_batch,
                                      struct complaint *complaint);

/* The next record of the history comes: one that begins an epoch is added, any other must be of the newest.
 * `within_batch`: it is not the first of its batch. CORRUPT, with a sentence. */
must_use static inline enum status epochs_take(struct epochs *epochs, const struct record *record, bool within_batch,
                                               struct complaint *complaint)
{
    bool begins = record->type == 0 && record->op == RECORD_OP_EPOCH;
    if (__builtin_expect(epochs->count > 0 && !begins && record->epoch == epochs_last(epochs), 1)) {
        return STATUS_OK;
    }
    return epochs_take_slow(epochs, record, within_batch, complaint);
}

/* The history ends with the record `last`, or is cut behind it: epochs that begin later have never been. */
void epochs_cut(struct epochs *epochs, uint64_t last);

/* Nobody asks for records before `needed` any more: epochs that end before it are forgotten, but the one that `needed`
 * itself is of stays. */
void epochs_forget(struct epochs *epochs, uint64_t needed);

/* Whether two tables may tell of one history up to the same record: as far back as both reach they are equal, and so
 * are the secrets. */
bool epochs_agree(const struct epochs *one, const struct epochs *other);

/* Whether they tell of one data set: its secret is the same wherever the data are. */
static inline bool epochs_same_data(const struct epochs *one, const struct epochs *other)
{
    return memcmp(&one->secret, &other->secret, sizeof one->secret) == 0;
}

/* The last record that two histories have in common, 0 if none; each ends with its `last`. False: the tables do not
 * reach back to where the histories parted, if they ever were one. *broken: one epoch has two beginnings, so somebody
 * wrote who must not. O(entries). */
bool epochs_common(const struct epochs *one, uint64_t one_last, const struct epochs *other, uint64_t other_last,
                   uint64_t *sequence, bool *broken);

/* Appends the EPOCHS record: the secret, and the table as it was at the record `sequence`. False past the ceiling. */
bool epochs_encode(const struct epochs *epochs, uint64_t sequence, int64_t time_ms, struct buf *out);

/* Replaces the table by that of an EPOCHS record. CORRUPT, with a sentence. */
must_use enum status epochs_decode(struct epochs *epochs, const struct record *record, struct complaint *complaint);

#endif
