/* SPDX-License-Identifier: MIT */

/* epochs.c - the table of epochs: (epoch, leader) -> first sequence.
 *
 * Why      A sequence alone does not name a record: two nodes that each believed to be the leader have both written a
 *          number 101. With the epoch it does, since an epoch has one writer. So two nodes that meet again compare
 *          these small tables instead of their records, and know in one exchange how far they have the same history.
 *
 * Idea     An entry for each epoch, from the record that begins it to the one before the next. Two histories are one up
 *          to the end of the newest epoch that both have, that is: up to where the shorter of the two ends it.
 *
 *              one    | 1, node 1 ........ | 3, node 2 ............... last
 *              other  | 1, node 1 ........ | 3, node 2 ...... | 4, node 1 ... last
 *                                                            ^ the last record in common
 *
 *          The table stands at the head of each segment of the log and of each snapshot, so it is known wherever
 *          reading begins; from there on it follows the EPOCH records.
 *
 *          The secret of the data set (geomys/bytes.h) stands before it, in the same record: whoever reads has it
 *          before the first record, and files of two data sets are told from each other though their epochs are alike.
 *
 *          What is older than the oldest record that is kept goes (epochs_forget), and at the ceiling the oldest entry
 *          goes: a table that begins later is still true, and knows less of what nobody can read any more.
 *
 * Promises
 *   I1  Entries ascend strictly in epoch and in first, all above 0: an epoch has one leader and one beginning.
 *   I2  Records of a history never go back to an older epoch, and enter a newer one only with the EPOCH record that
 *       begins it, the first of its batch.
 *   I3  At most EPOCHS_MAX entries. Forgetting takes them from the old end only.
 *   I4  Tables of two data sets, whose secrets differ, never agree and have no record in common.
 *
 * Limits   One record that differs within an epoch is not seen: that there is none is the promise of whoever lets
 *          epochs begin. */
#include "log/epochs.h"

#include <inttypes.h>

#include "base/codec.h"
#include "base/memory.h"

#define CAPACITY_FIRST 4u

void epochs_finish(struct epochs *epochs)
{
    memory_free(epochs->list);
    *epochs = (struct epochs){0};
}

static const struct epochs_entry *newest_of(const struct epochs *epochs)
{
    return epochs->count > 0 ? &epochs->list[epochs->count - 1] : NULL;
}

__attribute__((unused)) static bool is_sound(const struct epochs *epochs)
{
    for (uint32_t i = 0; i < epochs->count; i++) {
        const struct epochs_entry *entry = &epochs->list[i];
        uint64_t epoch = i > 0 ? entry[-1].epoch : 0;
        uint64_t first = i > 0 ? entry[-1].first : 0;
        if (entry->epoch <= epoch || entry->first <= first || entry->leader == 0) {
            return false;
        }
    }
    return epochs->count <= EPOCHS_MAX;
}

static void reserve(struct epochs *epochs, uint32_t count)
{
    if (count > epochs->capacity) {
        uint32_t capacity = epochs->capacity > 0 ? epochs->capacity * 2 : CAPACITY_FIRST;
        epochs->capacity = capacity < count ? count : capacity;
        epochs->list = memory_realloc(epochs->list, epochs->capacity * sizeof *epochs->list);
    }
}

void epochs_copy(struct epochs *to, const struct epochs *from)
{
    check(to != from);
    reserve(to, from->count);
    to->count = from->count;
    to->secret = from->secret;
    if (from->count > 0) {
        memcpy(to->list, from->list, from->count * sizeof *from->list);
    }
    check_slow(is_sound(to));
}

/* How many entries begin at or before `sequence`. */
static uint32_t count_up_to(const struct epochs *epochs, uint64_t sequence)
{
    uint32_t low = 0;
    uint32_t high = epochs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (epochs->list[middle].first <= sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct epochs_entry *epochs_find(const struct epochs *epochs, uint64_t sequence)
{
    uint32_t count = count_up_to(epochs, sequence);
    return count > 0 ? &epochs->list[count - 1] : NULL;
}

uint64_t epochs_number(const struct epochs *epochs, uint64_t sequence)
{
    const struct epochs_entry *entry = epochs_find(epochs, sequence);
    return entry != NULL ? entry->epoch : 0;
}

/* ---- growing ---- */

static void drop_oldest(struct epochs *epochs, uint32_t dropped)
{
    check(dropped <= epochs->count && (dropped < epochs->count || dropped == 0)); /* epochs I3: the newest stays */
    epochs->count -= dropped;
    if (dropped > 0 && epochs->count > 0) {
        memmove(epochs->list, epochs->list + dropped, epochs->count * sizeof *epochs->list);
    }
}

static void append(struct epochs *epochs, const struct epochs_entry *entry)
{
    if (epochs->count == EPOCHS_MAX) {
        drop_oldest(epochs, 1);
    }
    reserve(epochs, epochs->count + 1);
    epochs->list[epochs->count++] = *entry;
    check(epochs->count <= EPOCHS_MAX); /* epochs I3 */
    check_slow(is_sound(epochs));       /* epochs I1 */
}

static enum status refuse_second(const struct epochs_entry *known, const struct epochs_entry *entry,
                                 struct complaint *complaint)
{
    if (known->leader != entry->leader) {
        complaint_set(complaint,
                      "epoch %" PRIu64 " has two leaders: node %" PRIu64 " from record %" PRIu64
                      " on, and node %" PRIu64 " from record %" PRIu64 " on",
                      entry->epoch, known->leader, known->first, entry->leader, entry->first);
    } else {
        complaint_set(complaint, "epoch %" PRIu64 " begins twice: with record %" PRIu64 " and with record %" PRIu64,
                      entry->epoch, known->first, entry->first);
    }
    return STATUS_CORRUPT;
}

static enum status refuse_back(uint64_t epoch, uint64_t sequence, const struct epochs_entry *newest,
                               struct complaint *complaint)
{
    complaint_set(complaint,
                  "record %" PRIu64 " is of epoch %" PRIu64 ", but epoch %" PRIu64
                  " has begun before, with record %" PRIu64 ": an epoch never goes back",
                  sequence, epoch, newest->epoch, newest->first);
    return STATUS_CORRUPT;
}

/* Whether the entry comes after all that there are. */
static enum status judge_entry(const struct epochs *epochs, const struct epochs_entry *entry,
                               struct complaint *complaint)
{
    const struct epochs_entry *newest = newest_of(epochs);
    if (entry->epoch == 0 || entry->leader == 0 || entry->first == 0) {
        complaint_set(complaint, "an epoch, its leader or its first record has the number 0");
        return STATUS_CORRUPT;
    }
    if (newest != NULL && entry->epoch == newest->epoch) {
        return refuse_second(newest, entry, complaint);
    }
    if (newest != NULL && (entry->epoch < newest->epoch || entry->first <= newest->first)) {
        return refuse_back(entry->epoch, entry->first, newest, complaint);
    }
    return STATUS_OK;
}

enum status epochs_add(struct epochs *epochs, const struct epochs_entry *entry, struct complaint *complaint)
{
    TRY(judge_entry(epochs, entry, complaint));
    append(epochs, entry);
    return STATUS_OK;
}

/* The entry of an EPOCH record. */
static enum status read_entry(const struct record *record, struct epochs_entry *out, struct complaint *complaint)
{
    struct record_epoch epoch;
    if (!record_read_epoch(record, &epoch)) {
        complaint_set(complaint, "record %" PRIu64 " begins an epoch, but makes no sense", record->sequence);
        return STATUS_CORRUPT;
    }
    *out = (struct epochs_entry){.epoch = record->epoch, .leader = epoch.leader, .first = record->sequence};
    return STATUS_OK;
}

static bool begins_epoch(const struct record *record)
{
    return record->type == 0 && record->op == RECORD_OP_EPOCH;
}

enum status epochs_judge(const struct epochs *epochs, const struct record *record, struct complaint *complaint)
{
    const struct epochs_entry *newest = newest_of(epochs);
    struct epochs_entry entry;
    if (begins_epoch(record)) {
        TRY(read_entry(record, &entry, complaint));
        return judge_entry(epochs, &entry, complaint);
    }
    if (newest != NULL && record->epoch == newest->epoch) {
        return STATUS_OK;
    }
    if (newest != NULL && record->epoch < newest->epoch) {
        return refuse_back(record->epoch, record->sequence, newest, complaint);
    }
    complaint_set(complaint,
                  "record %" PRIu64 " is of epoch %" PRIu64 ", which no record has begun: the newest is %" PRIu64,
                  record->sequence, record->epoch, epochs_last(epochs));
    return STATUS_CORRUPT;
}

enum status epochs_take_slow(struct epochs *epochs, const struct record *record, bool within_batch,
                             struct complaint *complaint)
{
    struct epochs_entry entry;
    if (begins_epoch(record) && within_batch) {
        complaint_set(complaint, "record %" PRIu64 " begins an epoch in the midst of a batch", record->sequence);
        return STATUS_CORRUPT;
    }
    TRY(epochs_judge(epochs, record, complaint)); /* epochs I2 */
    if (begins_epoch(record)) {
        TRY(read_entry(record, &entry, complaint));
        append(epochs, &entry);
    }
    check(epochs_last(epochs) == record->epoch); /* epochs I2 */
    return STATUS_OK;
}

/* ---- shrinking ---- */

void epochs_cut(struct epochs *epochs, uint64_t last)
{
    uint32_t count = count_up_to(epochs, last);
    check(count <= epochs->count);
    epochs->count = count;
}

void epochs_forget(struct epochs *epochs, uint64_t needed)
{
    uint32_t count = count_up_to(epochs, needed);
    drop_oldest(epochs, count > 0 ? count - 1 : 0);
    check_slow(is_sound(epochs)); /* epochs I1 */
}

/* ---- two tables ---- */

static bool same(const struct epochs_entry *one, const struct epochs_entry *other)
{
    return one->epoch == other->epoch && one->leader == other->leader && one->first == other->first;
}

bool epochs_agree(const struct epochs *one, const struct epochs *other)
{
    uint32_t both = one->count < other->count ? one->count : other->count;
    if (!epochs_same_data(one, other)) {
        return false; /* epochs I4 */
    }
    if (both == 0) {
        return one->count == other->count;
    }
    for (uint32_t i = 1; i <= both; i++) {
        if (!same(&one->list[one->count - i], &other->list[other->count - i])) {
            return false;
        }
    }
    return true;
}

/* The last record of the entry at `index`. */
static uint64_t end_of(const struct epochs *epochs, uint32_t index, uint64_t last)
{
    return index + 1 < epochs->count ? epochs->list[index + 1].first - 1 : last;
}

/* Whether the table knows of all epochs that there ever were. */
static bool is_whole(const struct epochs *epochs, uint64_t last)
{
    return epochs->count > 0 ? epochs->list[0].first == 1 : last == 0;
}

bool epochs_common(const struct epochs *one, uint64_t one_last, const struct epochs *other, uint64_t other_last,
                   uint64_t *sequence, bool *broken)
{
    uint32_t i = one->count;
    uint32_t j = other->count;
    *broken = false;
    if (!epochs_same_data(one, other)) {
        *sequence = 0;
        return false; /* epochs I4 */
    }
    while (i > 0 && j > 0) {
        const struct epochs_entry *first = &one->list[i - 1];
        const struct epochs_entry *second = &other->list[j - 1];
        if (same(first, second)) {
            uint64_t end = end_of(one, i - 1, one_last);
            uint64_t other_end = end_of(other, j - 1, other_last);
            *sequence = end < other_end ? end : other_end;
            return true;
        }
        *broken = *broken || first->epoch == second->epoch; /* no follower may be told to join such a leader */
        i -= first->epoch >= second->epoch;
        j -= second->epoch >= first->epoch;
    }
    *sequence = 0;
    return is_whole(one, one_last) && is_whole(other, other_last);
}

/* ---- bytes ---- */

bool epochs_encode(const struct epochs *epochs, uint64_t sequence, int64_t time_ms, struct buf *out)
{
    uint32_t count = count_up_to(epochs, sequence);
    size_t size = GM_SECRET_SIZE + (size_t)count * EPOCHS_ENTRY_SIZE;
    check(count <= EPOCHS_MAX); /* epochs I3 */
    uint8_t *body = memory_alloc(size);
    memcpy(body, epochs->secret.bytes, GM_SECRET_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = body + GM_SECRET_SIZE + i * EPOCHS_ENTRY_SIZE;
        codec_put_u64(entry, epochs->list[i].epoch);
        codec_put_u64(entry + 8, epochs->list[i].leader);
        codec_put_u64(entry + 16, epochs->list[i].first);
    }
    struct record record = {
        .sequence = sequence, .time_ms = time_ms, .flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .body = {body, size}};
    bool fits = record_encode(&record, out);
    memory_free(body);
    return fits;
}

static enum status decode_entries(struct epochs *epochs, const struct record *record, struct complaint *complaint)
{
    for (size_t at = GM_SECRET_SIZE; at < record->body.size; at += EPOCHS_ENTRY_SIZE) {
        struct epochs_entry entry = {.epoch = codec_u64(record->body.data + at),
                                     .leader = codec_u64(record->body.data + at + 8),
                                     .first = codec_u64(record->body.data + at + 16)};
        if (entry.epoch > RECORD_NUMBER_MAX) {
            complaint_set(complaint, "the table of epochs has one whose number is out of range");
            return STATUS_CORRUPT;
        }
        TRY(epochs_add(epochs, &entry, complaint));
    }
    return STATUS_OK;
}

enum status epochs_decode(struct epochs *epochs, const struct record *record, struct complaint *complaint)
{
    bool whole = record->body.size >= GM_SECRET_SIZE;
    size_t size = whole ? record->body.size - GM_SECRET_SIZE : 0;
    epochs->count = 0;
    if (record->flags != RECORD_LOCAL || record->op != RECORD_OP_EPOCHS || record->epoch != 0 || record->slot != 0 ||
        record->key.size > 0 || !whole || size % EPOCHS_ENTRY_SIZE != 0) {
        complaint_set(complaint, "the table of epochs makes no sense");
        return STATUS_CORRUPT;
    }
    if (size > (size_t)EPOCHS_MAX * EPOCHS_ENTRY_SIZE) {
        complaint_set(complaint, "the table of epochs has %zu entries, more than %u", size / EPOCHS_ENTRY_SIZE,
                      EPOCHS_MAX);
        return STATUS_CORRUPT;
    }
    memcpy(epochs->secret.bytes, record->body.data, GM_SECRET_SIZE);
    TRY(decode_entries(epochs, record, complaint));
    const struct epochs_entry *newest = newest_of(epochs);
    if ((newest != NULL ? newest->first : 0) > record->sequence) {
        complaint_set(complaint, "the table of epochs knows of one that begins behind it");
        return STATUS_CORRUPT;
    }
    if (newest == NULL && record->sequence > 0) {
        complaint_set(complaint, "the table of epochs is empty, but there are records before it");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}
