/* SPDX-License-Identifier: MIT */

/* wal.c - the durable copy of a log: group commit into segments, with marks that say how far stable storage reaches.
 * Here is decided what is done, and when; wal_work.c knows what each kind of work writes, wal_open.c how files begin.
 *
 * Why      A sync costs a hundred microseconds and more, whether it carries one record or a thousand. So records gather
 *          while one is under way, and go together.
 *
 * Idea     One request at a time. While it is carried out, the shard adds to the tail; when it is done, the next turn
 *          takes what the wal's cursor finds there and submits it as one *group*, from where it lies.
 *
 *          What to do next is decided in one place, choose_work, from the state alone:
 *
 *            SEGMENT  the segment is large enough and all of it is synced: create the next
 *            MARK     rewrite a slot of the mark file: after SEGMENT, before anything goes into it; when older records
 *                     are not needed any more; and after the idle mark, so that it does not stand in the segment alone
 *            SYNC     WAL_BUFFERED: what was written lies unsynced for too long (or the segment ends)
 *            GROUP    batches, type names or an idle mark; under WAL_WRITE_THROUGH batches may wait a moment for more
 *                     (gather.h)
 *
 *          Old segments are removed beside all this, on the disk's other lane (chain.c), once the mark file says that
 *          nobody needs them. That MARK may pass a GROUP or SEGMENT which waits for space: it is what makes room.
 *
 * Promises
 *   P1  synced <= written <= tail->last_sequence; each advances only after the disk said so.
 *   P2  A mark, in a segment's records, in its header or name, or in the mark file, never claims more than was synced
 *       before it was submitted.
 *   P3  A segment is created only when all before it is synced, and written to only when the mark file names it.
 *   P4  What passes (no space, no descriptor, no memory, a limit of the file's size): the same bytes again until it
 *       works, every 100 ms for space, else after twice the last pause, 1.6 s at most. Any other failure, and any
 *       failed sync whatever it says: never again.
 *   P5  Batches do not span segments or groups.
 *   P6  A segment is removed only when `oldest` in the mark file, on stable storage, is behind all its records.
 *       `oldest` never goes back, and never beyond what is synced. A failed removal hurts nothing but the free space.
 *   P7  Nothing goes that a holder needs (wal_hold.c).
 *   P8  When the log has been idle for IDLE_MARK_MS and is not written to, two marks say up to where it is durable: one
 *       in the segment, one in the mark file. So neither file can lose its end alone and pass for torn.
 *
 * Limits   One log per folder. A segment exceeds its size by at most one group.
 */
#include "log/wal.h"

#include "base/memory.h"
#include "log/replay.h"
#include "log/wal_state.h"

#define RETRY_MS     100
#define RETRY_MAX_MS 1600
#define IDLE_MARK_MS 200
#define HEAD_MAX     ((size_t)16 * 1024 * 1024)

static void on_done(struct disk_request *request);
static void on_mark_done(struct disk_request *request);

/* ---- beginning ---- */

enum status wal_create(struct wal **out, const struct wal_config *config, struct disk *disk, struct tail *tail,
                       const struct replay_end *position, const struct wal_events *events, struct complaint *complaint)
{
    check(position->last_sequence == tail->last_sequence);
    struct wal *wal = memory_zeroed(sizeof *wal);
    wal->config = *config;
    wal->disk = disk;
    wal->tail = tail;
    wal->events = *events;
    wal->runway = WAL_RUNWAY_FIRST;
    wal->written = tail->last_sequence;
    wal->synced = tail->last_sequence;
    wal->request.on_done = on_done;
    wal->mark_request.on_done = on_mark_done;
    list_init(&wal->request.link);
    list_init(&wal->mark_request.link);
    list_init(&wal->holds);
    chain_init(&wal->chain, disk);
    buf_init(&wal->head, HEAD_MAX);
    if (tail->last_time_ms == 0) {
        tail->last_time_ms = position->last_time_ms;
    }
    enum status status = STATUS_OK;
    if (config->policy != WAL_NONE) {
        status = tail_cursor_open(&wal->cursor, tail, tail->last_sequence + 1, true);
        check(status == STATUS_OK);
        status = wal_open_files(wal, position, complaint);
    }
    if (status != STATUS_OK) {
        wal_destroy(wal);
        return status;
    }
    *out = wal;
    return STATUS_OK;
}

/* ---- what to do next ---- */

static bool gathers(const struct wal *wal)
{
    return !wal->closing && gather_waits(&wal->gather, wal->now_ms, wal_records_waiting(wal));
}

static bool segment_ends(const struct wal *wal)
{
    return (wal->offset >= wal->config.segment_size || wal->ends_early) && wal->written >= wal->header.first_sequence;
}

static bool sync_due(const struct wal *wal)
{
    return wal->unsynced && wal->now_ms >= wal->unsynced_since_ms + (int64_t)wal->config.sync_interval_ms;
}

static bool idle_mark_due(const struct wal *wal)
{
    return !wal->unsynced && wal->marked < wal->synced &&
           (wal->closing || wal->now_ms >= wal->last_sync_ms + IDLE_MARK_MS);
}

/* The segment has a mark of all that is synced, the idle one: wal P8. */
static bool is_told_once(const struct wal *wal)
{
    return !wal->unsynced && wal->marked >= wal->synced && wal->mark.durable < wal->synced;
}

static bool oldest_stale(const struct wal *wal)
{
    return wal->keep_from > wal->mark.oldest;
}

static enum work choose_work(const struct wal *wal)
{
    if (wal->mark_stale || oldest_stale(wal)) {
        return WORK_MARK;
    }
    if (segment_ends(wal)) {
        return wal->unsynced ? WORK_SYNC : WORK_SEGMENT;
    }
    if (sync_due(wal)) {
        return WORK_SYNC;
    }
    if (wal_has_batches(wal) && gathers(wal)) {
        return WORK_NONE;
    }
    if (wal_has_batches(wal) || wal_has_types(wal)) {
        return WORK_GROUP;
    }
    if (wal->closing && wal->unsynced) {
        return WORK_SYNC;
    }
    if (idle_mark_due(wal)) {
        return WORK_GROUP;
    }
    return is_told_once(wal) ? WORK_MARK : WORK_NONE;
}

/* ---- doing it ---- */

static void submit(struct wal *wal, struct disk_request *request)
{
    check(!wal->under_way && !wal->failed); /* wal P4: after a failure never again */
    wal->under_way = true;
    wal->disk->ops->submit(wal->disk, request);
}

static void start(struct wal *wal, enum work work)
{
    wal_work_prepare(wal, work);
    if (work == WORK_MARK) {
        wal->marking = true;
        submit(wal, &wal->mark_request);
    } else {
        wal->work = work;
        submit(wal, &wal->request);
    }
}

/* False: there is nothing to do. */
static bool start_next(struct wal *wal)
{
    enum work work = choose_work(wal);
    if (work != WORK_NONE) {
        start(wal, work);
    }
    return work != WORK_NONE;
}

/* Something waits for what is lacking. */
static bool is_waiting(const struct wal *wal)
{
    return wal->marking || wal->work != WORK_NONE;
}

/* The same bytes, but without the luxury of zeros behind them. */
static void retry(struct wal *wal, int64_t now_ms)
{
    if (wal->marking && now_ms >= wal->mark_retry_at_ms) {
        submit(wal, &wal->mark_request);
    } else if (wal->work != WORK_NONE && now_ms >= wal->retry_at_ms) {
        wal->request.zeros = 0;
        submit(wal, &wal->request);
    }
}

/* ---- when it is done ---- */

static void progress(struct wal *wal)
{
    if (wal->events.on_progress != NULL) {
        wal->events.on_progress(wal->events.context);
    }
}

static void fail(struct wal *wal, const struct disk_request *request, const char *name)
{
    complaint_set(&wal->complaint, "%s could not be %s: %s; what was acknowledged is safe, but nothing more can be",
                  name, request->sync_failed ? "synced" : "written", status_text(request->status));
    check(!wal->failed && !wal->under_way); /* wal P4: once */
    wal->failed = true;
    wal->work = WORK_NONE;
    wal->marking = false;
    chain_stop(&wal->chain);
    if (wal->events.on_failed != NULL) {
        wal->events.on_failed(wal->events.context, &wal->complaint);
    }
}

static bool will_pass(const struct disk_request *request)
{
    return status_is_passing(request->status) && !request->sync_failed;
}

/* Space is looked for often, since somebody who makes room waits for it; the rest is rarer, and has its own pace. */
static int64_t pause_ms(struct wal *wal)
{
    if (wal->lack == STATUS_NO_SPACE) {
        return RETRY_MS;
    }
    wal->pause_ms = wal->pause_ms == 0 ? RETRY_MS : 2 * wal->pause_ms;
    wal->pause_ms = wal->pause_ms < RETRY_MAX_MS ? wal->pause_ms : RETRY_MAX_MS;
    return wal->pause_ms;
}

static void wait_for(struct wal *wal, enum status lack, int64_t *retry_at_ms)
{
    check(is_waiting(wal)); /* wal P4: the request stays as it is */
    bool news = wal->lack != lack;
    wal->lack = lack;
    *retry_at_ms = wal->now_ms + pause_ms(wal);
    if (news) {
        progress(wal);
    }
}

/* A request was carried out: perhaps nothing is lacking any more. */
static void lacks_less(struct wal *wal)
{
    if (!is_waiting(wal)) {
        wal->lack = STATUS_OK;
        wal->pause_ms = 0;
    }
}

static void on_mark_done(struct disk_request *request)
{
    struct wal *wal = container_of(request, struct wal, mark_request);
    check(wal->under_way && wal->marking);
    wal->under_way = false;
    if (will_pass(request)) {
        wait_for(wal, request->status, &wal->mark_retry_at_ms);
        return;
    }
    if (request->status != STATUS_OK) {
        fail(wal, request, MARK_NAME);
        return;
    }
    wal->marking = false;
    lacks_less(wal);
    wal_work_done(wal, WORK_MARK);
    progress(wal);
}

static void on_done(struct disk_request *request)
{
    struct wal *wal = container_of(request, struct wal, request);
    check(wal->under_way && wal->work != WORK_NONE);
    wal->under_way = false;
    if (will_pass(request)) {
        wait_for(wal, request->status, &wal->retry_at_ms);
        return;
    }
    if (request->status != STATUS_OK) {
        fail(wal, request, wal->work == WORK_SEGMENT ? request->name : wal->name);
        return;
    }
    enum work work = wal->work;
    wal->work = WORK_NONE;
    lacks_less(wal);
    wal_work_done(wal, work);
    progress(wal);
}

/* ---- from outside ---- */

void wal_turn(struct wal *wal, int64_t now_ms)
{
    wal->now_ms = now_ms;
    if (wal->config.policy == WAL_NONE || wal->failed || wal->under_way) {
        return;
    }
    gather_turn(&wal->gather, now_ms);
    if (!is_waiting(wal)) {
        (void)start_next(wal);
    } else if (!wal->marking && oldest_stale(wal)) {
        start(wal, WORK_MARK);
    } else {
        retry(wal, now_ms);
    }
}

static int64_t next_try_ms(const struct wal *wal)
{
    if (!wal->marking && oldest_stale(wal)) {
        return wal->now_ms;
    }
    int64_t mark_ms = wal->marking ? wal->mark_retry_at_ms : INT64_MAX;
    int64_t work_ms = wal->work != WORK_NONE ? wal->retry_at_ms : INT64_MAX;
    return mark_ms < work_ms ? mark_ms : work_ms;
}

int64_t wal_next_ms(const struct wal *wal)
{
    if (wal->config.policy == WAL_NONE || wal->failed || wal->under_way) {
        return INT64_MAX;
    }
    if (is_waiting(wal)) {
        return next_try_ms(wal);
    }
    if (choose_work(wal) != WORK_NONE) {
        return wal->now_ms;
    }
    if (wal_has_batches(wal)) {
        return gather_next_ms(&wal->gather, wal->now_ms);
    }
    if (wal->unsynced) {
        return wal->unsynced_since_ms + (int64_t)wal->config.sync_interval_ms;
    }
    return wal->marked < wal->synced ? wal->last_sync_ms + IDLE_MARK_MS : INT64_MAX;
}

uint64_t wal_written(const struct wal *wal)
{
    return wal->config.policy == WAL_NONE ? wal->tail->last_sequence : wal->written;
}

uint64_t wal_synced(const struct wal *wal)
{
    check(wal->synced <= wal->written && wal->written <= wal->tail->last_sequence); /* wal P1 */
    return wal->config.policy == WAL_NONE ? wal->tail->last_sequence : wal->synced;
}

uint64_t wal_released(const struct wal *wal)
{
    return wal->config.policy == WAL_WRITE_THROUGH ? wal_synced(wal) : wal_written(wal);
}

enum status wal_lack(const struct wal *wal)
{
    return wal->lack == STATUS_OK && wal->strained ? STATUS_NO_SPACE : wal->lack;
}

bool wal_full(const struct wal *wal)
{
    return wal_lack(wal) == STATUS_NO_SPACE;
}

bool wal_waits_for_space(const struct wal *wal)
{
    return wal->lack == STATUS_NO_SPACE;
}

void wal_settle(struct wal *wal)
{
    wal->mark.owes_epoch = 0;
    wal->mark.owes_sequence = 0;
}

void wal_strain(struct wal *wal, bool strained)
{
    enum status before = wal_lack(wal);
    wal->strained = strained;
    if (wal_lack(wal) != before) {
        progress(wal);
    }
}

void wal_try_again(struct wal *wal)
{
    if (wal->lack == STATUS_NO_SPACE) {
        wal->retry_at_ms = wal->now_ms;
        wal->mark_retry_at_ms = wal->now_ms;
    }
}

void wal_end_segment(struct wal *wal)
{
    wal->ends_early = wal->config.policy != WAL_NONE;
}

size_t wal_backlog(const struct wal *wal)
{
    return wal->config.policy == WAL_NONE ? 0 : (size_t)tail_waiting(&wal->cursor) + wal->group_size;
}

uint64_t wal_bytes_written(const struct wal *wal)
{
    return wal->stats.bytes_written;
}

void wal_stats(const struct wal *wal, struct wal_stats *out)
{
    *out = wal->stats;
    out->written = wal_written(wal);
    out->synced = wal_synced(wal);
    out->backlog = wal_backlog(wal);
    out->full = wal_full(wal);
    out->lack = wal_lack(wal);
    out->current_segment_size = wal->offset;
    out->segments_kept = wal->chain.count;
    out->bytes_kept = wal->chain.sealed_bytes + (wal->zero_end > wal->offset ? wal->zero_end : wal->offset);
    out->segments_removed = wal->chain.removed;
    out->removals_failed = wal->chain.failed;
}

enum status wal_close(struct wal *wal, struct complaint *complaint)
{
    if (wal->config.policy == WAL_NONE) {
        return STATUS_OK;
    }
    wal->closing = true;
    chain_stop(&wal->chain);
    bool more = true;
    for (int tries = 0; more;) {
        wal->disk->ops->drain(wal->disk);
        if (wal->failed) {
            *complaint = wal->complaint;
            return STATUS_IO;
        }
        if (!is_waiting(wal)) {
            more = start_next(wal);
        } else if (tries++ < 2) {
            retry(wal, INT64_MAX);
        } else if (wal->synced == wal->tail->last_sequence) {
            return STATUS_OK; /* a segment or a mark is missing that the next start does without */
        } else {
            complaint_set(complaint, "%zu bytes could not be written to the log: %s", wal_backlog(wal),
                          status_text(wal->lack));
            return wal->lack;
        }
    }
    check(wal->synced == wal->tail->last_sequence);
    return STATUS_OK;
}

void wal_destroy(struct wal *wal)
{
    if (wal == NULL) {
        return;
    }
    check(!wal->under_way);
    check(wal->synced <= wal->written); /* wal P1 */
    wal_release(&wal->snapshots);
    check(list_empty(&wal->holds));
    chain_finish(&wal->chain);
    wal->disk->ops->close(wal->disk, wal->file);
    wal->disk->ops->close(wal->disk, wal->mark_file);
    buf_finish(&wal->head);
    revisions_finish(&wal->said);
    wal_work_release_group(wal);
    tail_cursor_close(&wal->cursor);
    memory_free(wal);
}
