/* SPDX-License-Identifier: MIT */

/* recovery.c - choosing what to read, reading it, and saying no when something is missing.
 *
 * Idea     Snapshots are tried from the newest on. One that is damaged shows that at any moment while it is read: then
 *          everything is forgotten, and the next older one begins from nothing.
 *
 *                    ┌──────────── damaged ────────────┐
 *                    ▼                                 │
 *          next snapshot ──► read it ──► read the log behind it ──► done
 *                    └── none left: the whole log ─────┘
 *
 * Promises
 *   P1  What is there in the end is everything up to the last record of the log, or recovery is refused: a log that
 *       does not reach back to the snapshot is a hole, and a hole is refused.
 *       And it is one history: the snapshot has the epochs that the log has.
 *   P2  No file is changed before all is decided, but for the log's torn tail (log/replay.h). A damaged snapshot gets
 *       another name in the end, so that nothing takes it for a good one, or for one to be removed.
 *   P3  Interrupted at any point and run again, it comes to the same end.
 *   P4  All files that were read have the secret that the shard began with (origin.c), or recovery is refused. */
#include "replica/recovery.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "shard/source.h"

#define KEY_BYTES_LEAST 4  /* of a compressed snapshot, per key */
#define LEAP_LINES      10 /* about records that take much memory */

struct recovery {
    struct disk *disk;
    struct shard *shard;
    struct source source; /* of the records that are read */
    const struct trace *trace;

    struct snapshot_found *found; /* owned: newest first */
    size_t found_count;
    size_t index;                   /* of the one that is tried; found_count: none is left */
    bool *damaged;                  /* owned, by index */
    bool *unreadable;               /* owned, by index: needs something that this version does not have */
    struct complaint first;         /* why the newest could not be read */
    struct snapshot_reader *reader; /* owned; NULL: the snapshot has been read, or there is none */
    struct replay *replay;          /* owned */
    struct recovery_progress progress;
    uint64_t leaps_told; /* of source.leaps.count */
    unsigned leap_lines;
    bool above; /* the memory limit, and told */
    bool done;
};

static uint64_t cut_of(const struct recovery *recovery)
{
    return recovery->index < recovery->found_count ? recovery->found[recovery->index].sequence : 0;
}

/* ---- choosing ---- */

/* The snapshot at `index` cannot be read, for a reason that says nothing about the others. */
static void pass_over(struct recovery *recovery, enum status status, const struct complaint *why)
{
    check(recovery->index < recovery->found_count && recovery->reader == NULL);
    recovery->damaged[recovery->index] = status == STATUS_CORRUPT;
    recovery->unreadable[recovery->index] = true;
    if (recovery->first.text[0] == '\0') {
        recovery->first = *why;
    }
    bool last = recovery->index + 1 == recovery->found_count;
    trace(recovery->trace, TRACE_WARNING, "%s; %s is tried instead", why->text,
          last ? "the log alone" : "the snapshot before it");
    recovery->index++;
}

static enum status open_log(struct recovery *recovery, struct complaint *complaint)
{
    check(recovery->replay == NULL);
    enum status status = replay_create(&recovery->replay, recovery->disk, true, cut_of(recovery), complaint);
    if (status != STATUS_OK && recovery->first.text[0] != '\0') {
        struct complaint why = *complaint;
        complaint_set(complaint, "%s. Why no snapshot could be read: %.200s", why.text, recovery->first.text);
    }
    return status;
}

/* Opens the next snapshot that can be opened, and the log behind it. */
static enum status choose(struct recovery *recovery, struct complaint *complaint)
{
    while (recovery->index < recovery->found_count) {
        enum status status = snapshot_reader_create(&recovery->reader, recovery->disk, cut_of(recovery), complaint);
        if (status == STATUS_OK) {
            break;
        }
        if (status != STATUS_CORRUPT && status != STATUS_VERSION) {
            return status;
        }
        pass_over(recovery, status, complaint);
    }
    TRY(open_log(recovery, complaint));
    if (recovery->reader != NULL) {
        /* What the file says of its keys is only a claim: a key that takes less than this would be a wonder. */
        uint64_t most = recovery->found[recovery->index].size / KEY_BYTES_LEAST;
        uint64_t keys = snapshot_reader_keys(recovery->reader);
        source_expect(&recovery->source, keys < most ? keys : most);
    }
    return STATUS_OK;
}

enum status recovery_create(struct recovery **out, struct disk *disk, struct shard *shard, const struct trace *trace,
                            struct complaint *complaint)
{
    struct recovery *recovery = memory_zeroed(sizeof *recovery);
    recovery->disk = disk;
    recovery->shard = shard;
    recovery->trace = trace;
    check(shard_is_loading(shard) && shard->databases.ledger.keys == 0);
    source_init(&recovery->source, shard);
    enum status status = snapshot_list(disk, &recovery->found, &recovery->found_count, complaint);
    if (status == STATUS_OK) {
        recovery->damaged = memory_zeroed(recovery->found_count);
        recovery->unreadable = memory_zeroed(recovery->found_count);
        status = choose(recovery, complaint);
    }
    if (status != STATUS_OK) {
        recovery_destroy(recovery);
        return status;
    }
    *out = recovery;
    return STATUS_OK;
}

/* ---- what takes the memory ---- */

/* A load that needs more memory than the operator has meant says so while it goes on, since the system may end it. */
static void tell_memory(struct recovery *recovery)
{
    const struct source_leaps *leaps = &recovery->source.leaps;
    const struct shard *shard = recovery->shard;
    if (leaps->count > recovery->leaps_told && recovery->leap_lines < LEAP_LINES) {
        recovery->leap_lines++;
        trace(recovery->trace, TRACE_WARNING,
              "record %" PRIu64 " (%" PRIu64 " bytes) makes the value of key '%s' %.1f MB larger; %" PRIu64
              " such records took %.1f MB so far",
              leaps->last_sequence, leaps->last_size, leaps->key, (double)leaps->last_bytes / 1e6, leaps->count,
              (double)leaps->bytes / 1e6);
    }
    recovery->leaps_told = leaps->count;
    if (!recovery->above && evict_is_over(&shard->evict, &shard->databases.ledger)) {
        recovery->above = true;
        trace(recovery->trace, TRACE_WARNING,
              "the data takes more than maxmemory (%.1f MB) from record %" PRIu64
              " on: the load goes on, and then maxmemory_policy decides",
              (double)shard->evict.options.limit / 1e6, shard->tail.last_sequence);
    }
}

/* ---- reading ---- */

/* Everything that a damaged snapshot has delivered goes again. */
static void forget(struct recovery *recovery)
{
    check(shard_is_loading(recovery->shard) && !recovery->done);
    shard_clear(recovery->shard);
    source_init(&recovery->source, recovery->shard);
    recovery->leaps_told = 0;
    snapshot_reader_destroy(recovery->reader);
    recovery->reader = NULL;
    replay_destroy(recovery->replay);
    recovery->replay = NULL;
}

static enum status step_snapshot(struct recovery *recovery, size_t budget, struct complaint *complaint)
{
    enum status status = snapshot_reader_step(recovery->reader, budget, &recovery->source.sink, complaint);
    snapshot_reader_progress(recovery->reader, &recovery->progress.snapshot);
    tell_memory(recovery);
    if (status == STATUS_CORRUPT) {
        forget(recovery);
        pass_over(recovery, status, complaint);
        recovery->progress.snapshot = (struct snapshot_progress){0};
        TRY(choose(recovery, complaint));
        return STATUS_AGAIN;
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct epochs *epochs = snapshot_reader_epochs(recovery->reader);
    TRY(shard_expect_secret(recovery->shard, &epochs->secret, "the snapshot", complaint)); /* recovery P4 */
    struct snapshot_cut cut;
    snapshot_reader_cut(recovery->reader, &cut);
    check(cut.sequence == cut_of(recovery) && recovery->replay != NULL);
    shard_stand_at(recovery->shard, cut.sequence, cut.epoch, cut.time_ms);
    replay_expect(recovery->replay, epochs);
    snapshot_reader_destroy(recovery->reader);
    recovery->reader = NULL;
    return STATUS_AGAIN;
}

/* "damaged-1-snapshot-....snap", with the first number that is free. */
static enum status put_aside(struct recovery *recovery, uint64_t sequence, struct complaint *complaint)
{
    const struct disk_ops *ops = recovery->disk->ops;
    check(sequence != cut_of(recovery) || recovery->index == recovery->found_count); /* recovery P2 */
    char name[DISK_NAME_MAX];
    char kept[DISK_NAME_MAX];
    snapshot_name(sequence, name);
    enum status status = STATUS_OK;
    for (unsigned i = 1; status == STATUS_OK; i++) {
        struct disk_file *file;
        (void)snprintf(kept, sizeof kept, "damaged-%u-%.48s", i, name);
        status = ops->open(recovery->disk, kept, DISK_READ, &file);
        if (status == STATUS_OK) {
            ops->close(recovery->disk, file);
        }
    }
    if (status == STATUS_NOT_FOUND) {
        status = ops->rename(recovery->disk, name, kept);
    }
    if (status == STATUS_OK) {
        status = ops->sync_names(recovery->disk);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s is damaged and could not be renamed: %s", name, status_text(status));
        return status;
    }
    trace(recovery->trace, TRACE_WARNING, "the damaged snapshot %s is kept as %s; nothing was lost by it", name, kept);
    return STATUS_OK;
}

static enum status put_all_aside(struct recovery *recovery, struct complaint *complaint)
{
    for (size_t i = 0; i < recovery->index; i++) {
        check(recovery->unreadable[i]); /* recovery P1: only such a one was passed over */
        if (recovery->damaged[i]) {
            TRY(put_aside(recovery, recovery->found[i].sequence, complaint));
        }
    }
    return STATUS_OK;
}

/* What comes next must be a number that can be read again. A thousand years of writing do not come that far. */
static enum status judge_numbers(const struct recovery *recovery, struct complaint *complaint)
{
    struct replay_end end;
    replay_end(recovery->replay, &end);
    if (end.last_sequence <= RECORD_NUMBER_MAX / 2 && end.last_epoch <= RECORD_NUMBER_MAX / 2) {
        return STATUS_OK;
    }
    complaint_set(complaint,
                  "the log ends with record %" PRIu64 " of epoch %" PRIu64
                  ": no server comes that far, so none has written it; put the right files back",
                  end.last_sequence, end.last_epoch);
    return STATUS_CORRUPT;
}

/* Where there is a log, it is of these data. */
static enum status judge_secret(const struct recovery *recovery, struct complaint *complaint)
{
    struct replay_end end;
    replay_end(recovery->replay, &end);
    const struct gm_secret *secret = &replay_epochs(recovery->replay)->secret;
    return end.exists ? shard_expect_secret(recovery->shard, secret, "the log", complaint) : STATUS_OK;
}

/* What was reserved for keys that have gone to another database, or that never came. */
static void fit(struct databases *databases)
{
    struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(databases, &number)) != NULL;) {
        keyspace_fit(keyspace);
    }
}

enum status recovery_step(struct recovery *recovery, size_t budget, struct complaint *complaint)
{
    check(!recovery->done);
    if (recovery->reader != NULL) {
        return step_snapshot(recovery, budget, complaint);
    }
    enum status status = replay_step(recovery->replay, budget, &recovery->source.sink, complaint);
    replay_progress(recovery->replay, &recovery->progress.log);
    tell_memory(recovery);
    TRY(status);
    check(recovery->shard->tail.last_sequence >= cut_of(recovery)); /* recovery P1 */
    TRY(judge_numbers(recovery, complaint));
    TRY(judge_secret(recovery, complaint));
    TRY(source_lack(&recovery->source, complaint));
    fit(&recovery->shard->databases);
    TRY(put_all_aside(recovery, complaint)); /* recovery P2: all is decided */
    shard_know_epochs(recovery->shard, replay_epochs(recovery->replay));
    recovery->done = true;
    return STATUS_OK;
}

void recovery_progress(const struct recovery *recovery, struct recovery_progress *out)
{
    *out = recovery->progress;
}

/* ---- the end ---- */

void recovery_end(const struct recovery *recovery, struct recovery_end *out)
{
    check(recovery->done && recovery->reader == NULL);
    *out = (struct recovery_end){.newest = cut_of(recovery), .log_bytes = recovery->progress.log.bytes_delivered};
    replay_end(recovery->replay, &out->log);
    check(out->log.last_sequence >= out->newest); /* recovery P1 */
    if (out->log.last_time_ms == 0) {             /* nothing was read behind the snapshot */
        out->log.last_time_ms = recovery->shard->tail.last_time_ms;
    }
    for (size_t i = recovery->index; i < recovery->found_count; i++) {
        if (recovery->unreadable[i]) {
            continue;
        }
        if (i == recovery->index) {
            out->newest_size = recovery->found[i].size;
        } else if (out->older == 0) {
            out->older = recovery->found[i].sequence;
        } else if (out->superseded_count < RECOVERY_SUPERSEDED_MAX) {
            out->superseded[out->superseded_count++] = recovery->found[i].sequence;
        }
    }
}

void recovery_destroy(struct recovery *recovery)
{
    if (recovery == NULL) {
        return;
    }
    snapshot_reader_destroy(recovery->reader);
    replay_destroy(recovery->replay);
    memory_free(recovery->found);
    memory_free(recovery->damaged);
    memory_free(recovery->unreadable);
    memory_free(recovery);
}
