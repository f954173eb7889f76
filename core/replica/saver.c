/* SPDX-License-Identifier: MIT */

/* saver.c - snapshots come, follow one another, and go.
 *
 * Why      A log alone grows for ever and takes ever longer to read. A snapshot is everything up to its *cut*; the log
 *          behind the cut is all that is needed besides.
 *
 * Idea     One snapshot at a time: the shard's sweep gives records to a writer, which gives blocks to the disk. When
 *          the file is whole and on stable storage, and so is the log up to the cut, it gets its name. Two generations
 *          stay, with the log behind the older one, so that one damaged file costs nothing but time.
 *
 *              log        ....|============|============|=====>
 *              snapshots           older        newest
 *              kept                ^ from here on
 *
 * Promises
 *   P1  A file under a snapshot's name is whole, durable, and the log is durable up to its cut.
 *   P2  Nothing that the two newest snapshots need is removed, and nothing before they are there; a file that could not
 *       be read is never removed. Where space is short one is enough, once it has been read back whole (proof.c).
 *   P3  A snapshot that fails changes nothing: its own file goes, all others stay. The next one is made after
 *       SAVER_RETRY_MS, when somebody asks, or at once when space has come.
 *   P5  After one that was given up since clients changed more than memory_max before it, clients wait for the next
 *       one: so it ends, and the log does not grow for ever.
 *   P4  The sweep takes at most SAVER_SLICE_US of a turn, and at most a third of the time while clients are served.
 *
 * Limits   At most SAVER_SURPLUS_MAX files wait for their removal. */
#include "replica/saver.h"

#include <stdio.h>

#include "base/memory.h"
#include "meter/meters.h"
#include "shard/sweep.h"

#define SAVER_SLICE_US     1000
#define SAVER_SLICE_MIN_US 50
#define SAVER_RETRY_MS     10000
#define SAVER_SCARCE_MS    20

static void on_removed(struct disk_request *request);

/* ---- beginning ---- */

void saver_init(struct saver *saver, struct shard *shard, struct disk *disk, const struct saver_options *options,
                const struct trace *trace)
{
    *saver = (struct saver){
        .shard = shard,
        .disk = disk,
        .options = *options,
        .trace = trace,
        .last_took_ms = -1,
    };
    list_init(&saver->removal.link);
    saver->removal.action = DISK_ACTION_REMOVE;
    saver->removal.lane = DISK_LANE_BULK;
    saver->removal.on_done = on_removed;
    proof_init(&saver->proof, disk);
}

void saver_configure(struct saver *saver, const struct saver_options *options)
{
    check(options->memory_max > 0);
    saver->options = *options;
}

static void keep_from(struct saver *saver, uint64_t sequence)
{
    saver->kept_from = sequence;
    wal_keep_from(saver->wal, sequence);
}

void saver_begin(struct saver *saver, struct wal *wal, const struct recovery_end *found)
{
    check(saver->writer == NULL && !saver->removing);
    check(found->older < found->newest || found->newest == 0);
    saver->wal = wal;
    saver->newest = found->newest;
    saver->older = found->older;
    saver->newest_size = found->newest_size;
    saver->log_before = found->log_bytes;
    saver->log_at_cut = wal_bytes_written(wal); /* which begins anew with each log */
    saver->surplus_count = 0;                   /* after a reload, what was superfluous may be the older one */
    saver->last_ms = saver->shard->monotonic_ms;
    saver->last_wall_ms = saver->shard->now_ms;
    saver->retry_ms = saver->shard->monotonic_ms;
    saver->kept_from = 0;
    if (saver->older != 0) {
        keep_from(saver, saver->older + 1); /* what was to go may not have gone */
    }
    for (size_t i = 0; i < found->superseded_count && saver->surplus_count < SAVER_SURPLUS_MAX; i++) {
        saver->surplus[saver->surplus_count++] = found->superseded[i];
    }
}

/* ---- files that are no longer needed ---- */

static void give_up(struct saver *saver, uint64_t sequence)
{
    check(sequence == 0 || sequence < saver->newest); /* saver P2 */
    if (sequence != 0 && saver->surplus_count < SAVER_SURPLUS_MAX) {
        saver->surplus[saver->surplus_count++] = sequence;
    }
}

static void remove_next(struct saver *saver)
{
    if (saver->surplus_count == 0 || saver->removing || saver->newest == 0) {
        return;
    }
    uint64_t sequence = saver->surplus[saver->surplus_count - 1];
    check(sequence < saver->newest && sequence != saver->older); /* saver P2 */
    snapshot_name(sequence, saver->removal.name);
    saver->removing = true;
    saver->disk->ops->submit(saver->disk, &saver->removal);
}

static void on_removed(struct disk_request *request)
{
    struct saver *saver = container_of(request, struct saver, removal);
    check(saver->removing && saver->surplus_count > 0);
    saver->removing = false;
    saver->surplus_count--;
    if (request->status != STATUS_OK && request->status != STATUS_NOT_FOUND) {
        trace(saver->trace, TRACE_WARNING, "%s is not needed any more but cannot be removed: %s", request->name,
              status_text(request->status));
        return;
    }
    saver_space_came(saver);
}

/* ---- where space is short ---- */

static bool can_spare(const struct saver *saver)
{
    bool doubted =
        saver->proof.sequence == saver->newest && !saver->proof.busy && !proof_holds(&saver->proof, saver->newest);
    return saver->newest != 0 && !doubted && saver->kept_from <= saver->newest;
}

void saver_spare(struct saver *saver)
{
    if (!saver->scarce && saver->wal != NULL) {
        saver->scarce = true;
        saver->tried = false;
    }
}

void saver_spare_no_more(struct saver *saver)
{
    saver->scarce = saver->scarce && (saver->proof.busy || saver_is_busy(saver));
}

void saver_space_came(struct saver *saver)
{
    if (saver->failed && saver->wal != NULL && saver->lacked_space) {
        saver->retry_ms = saver->shard->monotonic_ms;
    }
    if (saver->wal != NULL) {
        wal_try_again(saver->wal);
    }
}

/* The newest snapshot is known to be good: it is enough. */
static void spare(struct saver *saver)
{
    check(proof_holds(&saver->proof, saver->newest)); /* saver P2 */
    trace(saver->trace, TRACE_WARNING,
          "space is short: the newest snapshot was read back whole, and what is older than it goes");
    give_up(saver, saver->older);
    saver->older = 0;
    wal_end_segment(saver->wal);
    keep_from(saver, saver->newest + 1);
    saver_space_came(saver);
}

/* The next thing that makes room. */
static void make_room(struct saver *saver)
{
    const struct shard *shard = saver->shard;
    if (saver->proof.busy || saver->removing || saver->writer != NULL || saver->wanted) {
        return;
    }
    if (can_spare(saver)) {
        if (proof_holds(&saver->proof, saver->newest)) {
            spare(saver);
        } else {
            proof_begin(&saver->proof, saver->newest);
        }
    } else if (shard->tail.last_sequence == saver->newest || saver->tried) {
        saver->scarce = false; /* that is all */
    } else if (wal_synced(saver->wal) == shard->tail.last_sequence) {
        saver->tried = true;
        saver->wanted = true;
    }
}

/* ---- one snapshot ---- */

static uint64_t log_since_cut(const struct saver *saver)
{
    uint64_t written = wal_bytes_written(saver->wal);
    check(written >= saver->log_at_cut);
    return saver->log_before + (written - saver->log_at_cut);
}

static void begin(struct saver *saver)
{
    struct shard *shard = saver->shard;
    check(saver->writer == NULL && !shard->sweep.active);
    struct snapshot_writer_config config = {.memory_max = saver->options.memory_max, .codec = saver->options.codec};
    saver->wanted = false;
    saver->told = false;
    saver->begun_ms = shard->monotonic_ms;
    saver->keys = shard->databases.ledger.keys;
    saver->cut = (struct snapshot_cut){
        .sequence = shard->tail.last_sequence, .epoch = shard->tail.epoch, .time_ms = shard->tail.last_time_ms};
    saver->log_at_begin = wal_bytes_written(saver->wal);
    saver->writer = snapshot_writer_create(&config, saver->disk, &saver->cut, &shard->tail.epochs);
    snapshot_target_init(&saver->target, saver->writer);
    shard->sweep.patient = saver->patient; /* saver P5 */
    sweep_begin(shard, &saver->target.base);
    trace(saver->trace, TRACE_INFO, "a snapshot of %llu keys is being made", (unsigned long long)saver->keys);
}

enum status saver_start(struct saver *saver, struct complaint *complaint)
{
    if (saver->shard->unlogged) {
        complaint_set(complaint, "there is no space on the disk, not even to open the log: make room first");
        return STATUS_REFUSED;
    }
    if (saver->disk == NULL || saver->wal == NULL) {
        complaint_set(complaint, "persistence is none: nothing is written here; start the server with another "
                                 "persistence to have snapshots");
        return STATUS_REFUSED;
    }
    if (saver_is_busy(saver)) {
        complaint_set(complaint, "Background save already in progress");
        return STATUS_EXISTS;
    }
    if (saver->shard->tail.last_sequence == saver->newest) {
        saver->failed = false;
        saver->last_ms = saver->shard->monotonic_ms;
        saver->last_wall_ms = saver->shard->now_ms;
    } else {
        saver->wanted = true;
    }
    return STATUS_OK;
}

static void succeed(struct saver *saver)
{
    struct snapshot_writer_stats stats;
    const struct shard *shard = saver->shard;
    check(wal_synced(saver->wal) >= saver->cut.sequence); /* saver P1 */
    check(saver->cut.sequence > saver->newest);
    snapshot_writer_stats(saver->writer, &stats);
    give_up(saver, saver->older);
    saver->older = saver->newest;
    saver->newest = saver->cut.sequence;
    saver->newest_size = stats.bytes_stored;
    saver->log_before = 0;
    saver->log_at_cut = saver->log_at_begin;
    saver->failed = false;
    saver->patient = false;
    saver->made++;
    saver->last_ms = shard->monotonic_ms;
    saver->last_wall_ms = shard->now_ms;
    saver->last_took_ms = shard->monotonic_ms - saver->begun_ms;
    saver->last_memory = stats.memory_peak;
    trace(saver->trace, TRACE_INFO,
          "snapshot of %llu keys made: %.1f MB, %.1f MB before compression, in %.3f s with %.1f MB of memory",
          (unsigned long long)saver->keys, (double)stats.bytes_stored / 1e6, (double)stats.bytes_plain / 1e6,
          (double)saver->last_took_ms / 1e3, (double)stats.memory_peak / 1e6);
    check(saver->older < saver->newest); /* saver P2 */
    if (saver->older != 0) {
        keep_from(saver, saver->older + 1);
    }
}

static void tell_failure(struct saver *saver)
{
    if (saver->told) {
        return;
    }
    check(snapshot_writer_state(saver->writer) == SNAPSHOT_WRITER_FAILED);
    saver->told = true;
    saver->patient = saver->patient || snapshot_writer_status(saver->writer) == STATUS_TOO_BIG;
    saver->lacked_space = snapshot_writer_status(saver->writer) == STATUS_NO_SPACE;
    saver->failed = !saver->shard->sweep.flushed;
    saver->retry_ms = saver->shard->monotonic_ms + (saver->failed ? SAVER_RETRY_MS : 0);
    saver->wanted = saver->shard->sweep.flushed; /* once more: there is little left to save */
    trace(saver->trace, saver->failed ? TRACE_ERROR : TRACE_INFO, "%s", snapshot_writer_complaint(saver->writer)->text);
    if (saver->lacked_space && can_spare(saver)) {
        saver_spare(saver); /* and then once more */
    }
}

static void end(struct saver *saver)
{
    check(snapshot_writer_is_idle(saver->writer));
    snapshot_writer_destroy(saver->writer);
    saver->writer = NULL;
    if (!saver->wanted && saver->on_idle != NULL) {
        saver->on_idle(saver->context);
    }
}

/* The writer's states, as far as there is something to do in them. */
static void advance(struct saver *saver)
{
    check(saver->cut.sequence <= saver->shard->tail.last_sequence);
    const struct shard *shard = saver->shard;
    switch (snapshot_writer_state(saver->writer)) {
    case SNAPSHOT_WRITER_OPEN:
        if (!shard->sweep.active) {
            snapshot_writer_finish(saver->writer);
        }
        break;
    case SNAPSHOT_WRITER_WRITTEN:
        if (wal_synced(saver->wal) >= saver->cut.sequence) {
            snapshot_writer_publish(saver->writer);
        }
        break;
    case SNAPSHOT_WRITER_PUBLISHED:
        if (snapshot_writer_is_idle(saver->writer)) {
            succeed(saver);
            end(saver);
        }
        break;
    case SNAPSHOT_WRITER_FAILED:
        tell_failure(saver);
        if (snapshot_writer_is_idle(saver->writer) && !(shard->sweep.active && shard->sweep.target != NULL)) {
            end(saver);
        }
        break;
    case SNAPSHOT_WRITER_CLOSING:
    case SNAPSHOT_WRITER_PUBLISHING:
        break;
    }
}

/* ---- by itself ---- */

static int64_t interval_end_ms(const struct saver *saver)
{
    if (saver->options.interval_ms == 0 || saver->shard->tail.last_sequence == saver->newest) {
        return INT64_MAX;
    }
    int64_t at_ms = saver->last_ms + saver->options.interval_ms;
    return at_ms > saver->retry_ms ? at_ms : saver->retry_ms;
}

static bool log_is_long(const struct saver *saver)
{
    uint64_t limit = saver->options.log_size;
    if (limit == 0 || saver->shard->tail.last_sequence == saver->newest) {
        return false;
    }
    uint64_t size = log_since_cut(saver);
    return size >= limit && size >= saver->newest_size;
}

static bool is_due(const struct saver *saver)
{
    int64_t now_ms = saver->shard->monotonic_ms;
    return now_ms >= saver->retry_ms && (log_is_long(saver) || now_ms >= interval_end_ms(saver));
}

/* ---- turns ---- */

static int64_t now_us(const struct saver *saver)
{
    struct clock *clock = saver->shard->clock;
    return clock != NULL ? clock->ops->monotonic_us(clock) : 0;
}

/* That were carried out so far, by whoever serves the shard. */
static uint64_t commands(const struct saver *saver)
{
    const struct meters *meters = saver->shard->meters;
    return meters != NULL ? meters->counts.commands : 0;
}

/* Nobody is waiting: a whole slice. Else a part of the time that the clients have had since the last one. */
static int64_t budget_us(const struct saver *saver)
{
    if (commands(saver) == saver->slice_commands) {
        return SAVER_SLICE_US;
    }
    int64_t share_us = (now_us(saver) - saver->slice_end_us) / 2;
    share_us = share_us > SAVER_SLICE_MIN_US ? share_us : SAVER_SLICE_MIN_US;
    return share_us < SAVER_SLICE_US ? share_us : SAVER_SLICE_US;
}

bool saver_turn(struct saver *saver)
{
    struct shard *shard = saver->shard;
    if (saver->wal == NULL || saver->disk == NULL) {
        return false;
    }
    if (saver->writer == NULL && !shard->sweep.active && (saver->wanted || is_due(saver))) {
        begin(saver);
    }
    if (saver->scarce) {
        make_room(saver);
    }
    bool more = false;
    if (shard->sweep.active) {
        int64_t begun_us = now_us(saver);
        int64_t most_us = budget_us(saver);
        check(most_us > 0 && most_us <= SAVER_SLICE_US); /* saver P4 */
        more = sweep_turn(shard, most_us);
        saver->slice_end_us = now_us(saver);
        if (shard->meters != NULL) {
            latency_add(&shard->meters->latency, "snapshot-slice", (saver->slice_end_us - begun_us) / 1000);
        }
        saver->slice_commands = commands(saver);
    }
    if (saver->writer != NULL) {
        advance(saver);
    }
    remove_next(saver);
    return more || (saver->wanted && saver->writer == NULL);
}

int64_t saver_next_ms(const struct saver *saver)
{
    if (saver->wal == NULL || saver->disk == NULL || saver_is_busy(saver)) {
        return INT64_MAX;
    }
    if (saver->scarce) {
        return saver->shard->monotonic_ms + SAVER_SCARCE_MS;
    }
    return interval_end_ms(saver);
}

void saver_finish(struct saver *saver)
{
    if (saver->writer != NULL && snapshot_writer_state(saver->writer) != SNAPSHOT_WRITER_PUBLISHED) {
        snapshot_writer_fail(saver->writer, "the server ends");
    }
    if (saver->disk != NULL && (saver->writer != NULL || saver->removing || saver->proof.busy)) {
        saver->surplus_count = saver->removing ? 1 : 0;
        saver->disk->ops->drain(saver->disk);
    }
    sweep_abandon(saver->shard);
    check(!saver->removing && !saver->proof.busy);
    saver->scarce = false;
    snapshot_writer_destroy(saver->writer);
    saver->writer = NULL;
}

/* ---- INFO ---- */

void saver_count(const struct saver *saver, struct saver_counts *out)
{
    const struct shard *shard = saver->shard;
    bool busy = saver_is_busy(saver);
    *out = (struct saver_counts){
        .changes = shard->tail.last_sequence - saver->newest,
        .busy = busy,
        .scheduled = saver->wanted,
        .failed = saver->failed,
        .last_wall_s = saver->last_wall_ms / 1000,
        .last_took_ms = saver->last_took_ms,
        .taking_s = busy ? (shard->monotonic_ms - saver->begun_ms) / 1000 : -1,
        .made = saver->made,
        .last_memory = saver->last_memory,
        .newest = saver->newest,
        .older = saver->older,
        .newest_size = saver->newest_size,
        .log_since = log_since_cut(saver),
    };
}
