/* SPDX-License-Identifier: MIT */

/* wal.c - the durable copy of a log: group commit into segments, with marks that say how far stable storage reaches.
 *
 * Why      A sync costs a hundred microseconds and more, whether it carries one record or a thousand. So records gather
 *          while one is under way, and go together.
 *
 * Idea     One request at a time. While it is carried out, the shard fills tail->pending; when it is done, the next
 *          turn swaps the buffer in and submits it as one *group*.
 *
 *            segment   [header][types] [mark][batch batch batch] [mark][batch] [mark]0000000000000000000000
 *                                      `----- a group -----´ `-- a group --´  `idle´ `-- runway of zeros --´
 *
 *          A group that follows a finished sync begins with a mark, a record that says up to which sequence all is on
 *          stable storage; when the log goes idle one more mark is written. Recovery needs them to tell a torn tail
 *          from damage (docs/decisions has the argument). A group that passes the end of the zeros writes further zeros
 *          behind itself, so that most syncs change no file size.
 *
 *          What to do next is decided in one place, choose_work, from the state alone:
 *
 *            SEGMENT  the segment is large enough and all of it is synced: create the next
 *            MARK     rewrite a slot of the mark file: after SEGMENT, before anything goes into it; when older records
 *                     are not needed any more; and on closing
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
 *   P4  No space: the same bytes again every 100 ms, until it works. Any other failure, and any failed sync: never
 *       again.
 *   P5  Batches do not span segments or groups.
 *   P6  A segment is removed only when `oldest` in the mark file, on stable storage, is behind all its records.
 *       `oldest` never goes back, and never beyond what is synced. A failed removal hurts nothing but the free space.
 *
 * Limits   One log per folder. A segment exceeds its size by at most one group.
 */
#include "log/wal.h"

#include "base/memory.h"
#include "base/siphash.h"
#include "log/chain.h"
#include "log/gather.h"
#include "log/mark.h"
#include "log/replay.h"
#include "log/segment.h"

#define RETRY_MS     100
#define IDLE_MARK_MS 200
#define RUNWAY_FIRST ((uint64_t)16 * 1024)   /* bytes */
#define RUNWAY_LAST  ((uint64_t)1024 * 1024) /* bytes */
#define BLOCK        ((uint64_t)4096)        /* bytes: files end at multiples of it, where they can */
#define GROUP_KEEP   ((size_t)1024 * 1024)   /* bytes of buffer kept between groups */
#define TYPES_MAX    65535
#define HEAD_MAX     ((size_t)16 * 1024 * 1024)

enum work {
    WORK_NONE,
    WORK_GROUP,
    WORK_SYNC,
    WORK_SEGMENT,
    WORK_MARK,
};

struct wal_type {
    uint16_t type;
    uint8_t size;
    uint8_t name[RECORD_TYPE_NAME_MAX];
};

struct wal {
    struct wal_config config;
    struct disk *disk;
    struct tail *tail;
    struct wal_events events;
    struct complaint complaint; /* why it failed */

    struct wal_type *types; /* all that were declared, in order */
    size_t type_count;
    size_t types_declared; /* how many of them this segment has */

    struct disk_file *file; /* the segment */
    struct segment_header header;
    char name[DISK_NAME_MAX];
    uint64_t offset;   /* where the next record goes */
    uint64_t zero_end; /* the file is zero from `offset` to here, and ends here */
    uint64_t runway;   /* bytes of zeros that the next extension writes */

    struct disk_file *mark_file;
    struct mark mark; /* as last written */
    bool mark_stale;  /* a new segment is not named in it yet */

    struct chain chain;
    uint64_t keep_from; /* nobody needs a record before it: the mark file may say so */

    uint64_t written;
    uint64_t synced;
    uint64_t marked; /* the highest that a mark in this segment claims */
    bool unsynced;   /* something was written, even if only a mark, and not synced */
    bool full;
    bool failed;
    bool closing;

    struct gather gather; /* WAL_WRITE_THROUGH only */

    enum work work; /* what is under way, or waits for its next try; a mark aside */
    bool marking;   /* the same for a mark: it may pass work that waits */
    bool under_way; /* one of the two requests */
    struct disk_request request;
    struct disk_request mark_request;
    struct buf head;     /* the wal's own records of the group, or the beginning of a new segment */
    struct buf group;    /* the batches of the group */
    uint64_t group_last; /* their last sequence */
    uint64_t group_mark; /* what the group's mark claims */
    size_t group_types;  /* types that will be declared after it */
    struct segment_header next_header;
    struct mark next_mark;
    uint8_t slot[MARK_SLOT_SIZE];

    int64_t now_ms;
    int64_t retry_at_ms;
    int64_t mark_retry_at_ms;
    int64_t unsynced_since_ms;
    int64_t last_sync_ms;
    struct wal_stats stats;
};

static void on_done(struct disk_request *request);
static void on_mark_done(struct disk_request *request);

/* ---- beginning ---- */

static uint64_t salt_of(const struct wal *wal, uint64_t first_sequence)
{
    struct siphash_key key = {wal->config.salt_seed, 0};
    return siphash(&key, (struct gm_bytes){(const uint8_t *)&first_sequence, sizeof first_sequence});
}

static struct segment_header header_for(const struct wal *wal, uint64_t first_sequence)
{
    return (struct segment_header){.first_sequence = first_sequence,
                                   .epoch = wal->tail->epoch,
                                   .created_ms = wal->tail->last_time_ms,
                                   .salt = salt_of(wal, first_sequence)};
}

static void segment_begun(struct wal *wal, struct disk_file *file, const struct segment_header *header)
{
    wal->file = file;
    wal->header = *header;
    wal->marked = header->first_sequence - 1;
    segment_name(header->first_sequence, wal->name);
    wal->stats.segments++;
}

/* One slot of the mark file, blocking. */
static enum status mark_now(struct wal *wal)
{
    struct mark mark = wal->mark;
    mark.counter++;
    mark.durable = wal->synced;
    mark.segment = wal->header.first_sequence;
    mark_encode(&mark, wal->slot);
    const struct disk_ops *ops = wal->disk->ops;
    TRY(ops->write(wal->disk, wal->mark_file, mark_offset(mark.counter), (struct gm_bytes){wal->slot, MARK_SLOT_SIZE}));
    TRY(ops->sync(wal->disk, wal->mark_file));
    wal->mark = mark;
    return STATUS_OK;
}

static enum status create_files(struct wal *wal, struct complaint *complaint)
{
    const struct disk_ops *ops = wal->disk->ops;
    struct segment_header header = header_for(wal, wal->tail->last_sequence + 1);
    wal->mark = (struct mark){.counter = 1, .durable = wal->tail->last_sequence, .oldest = header.first_sequence};
    TRY(mark_create(wal->disk, &wal->mark, complaint));
    wal->mark.counter++;
    chain_add(&wal->chain, header.first_sequence, 0);
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    char name[DISK_NAME_MAX];
    struct disk_file *file;
    segment_encode(&header, bytes);
    segment_name(header.first_sequence, name);
    enum status status = ops->open(wal->disk, name, DISK_CREATE, &file);
    if (status == STATUS_OK) {
        segment_begun(wal, file, &header);
        status = ops->write(wal->disk, file, 0, (struct gm_bytes){bytes, sizeof bytes});
    }
    if (status == STATUS_OK) {
        status = ops->sync(wal->disk, file);
    }
    if (status == STATUS_OK) {
        status = ops->sync_names(wal->disk);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "the log's first segment %s can not be created: %s", name, status_text(status));
        return status;
    }
    wal->offset = SEGMENT_HEADER_SIZE;
    wal->zero_end = SEGMENT_HEADER_SIZE;
    return STATUS_OK;
}

/* The last segment as recovery left it. Synced once more, and its name too: what was read may so far have been in a
 * cache only, and the mark file is about to vouch for it. */
static enum status continue_files(struct wal *wal, const struct replay_end *position, struct complaint *complaint)
{
    const struct disk_ops *ops = wal->disk->ops;
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    struct segment_header header;
    struct disk_file *file;
    size_t got = 0;
    TRY(mark_read(wal->disk, &wal->mark, complaint));
    enum status status = ops->open(wal->disk, position->segment, DISK_WRITE, &file);
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s can not be opened: %s", position->segment, status_text(status));
        return status;
    }
    wal->file = file;
    status = ops->sync(wal->disk, file);
    if (status == STATUS_OK) {
        status = ops->sync_names(wal->disk);
    }
    if (status == STATUS_OK) {
        status = ops->size(wal->disk, file, &wal->zero_end);
    }
    if (status == STATUS_OK) {
        status = ops->read(wal->disk, file, 0, bytes, sizeof bytes, &got);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s can not be read: %s", position->segment, status_text(status));
        return status;
    }
    TRY(segment_parse((struct gm_bytes){bytes, got}, &header, complaint));
    segment_begun(wal, file, &header);
    wal->offset = position->offset;
    check(wal->offset <= wal->zero_end);
    return chain_load(&wal->chain, header.first_sequence, complaint);
}

static enum status open_files(struct wal *wal, const struct replay_end *position, struct complaint *complaint)
{
    TRY(position->exists ? continue_files(wal, position, complaint) : create_files(wal, complaint));
    wal->keep_from = wal->mark.oldest;
    enum status status = wal->disk->ops->open(wal->disk, MARK_NAME, DISK_WRITE, &wal->mark_file);
    if (status == STATUS_OK) {
        status = mark_now(wal);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, MARK_NAME " can not be written: %s", status_text(status));
    }
    return status;
}

enum status wal_create(struct wal **out, const struct wal_config *config, struct disk *disk, struct tail *tail,
                       const struct replay_end *position, const struct wal_events *events, struct complaint *complaint)
{
    check(position->last_sequence == tail->last_sequence);
    check(tail->carried || config->policy == WAL_NONE);
    struct wal *wal = memory_zeroed(sizeof *wal);
    wal->config = *config;
    wal->disk = disk;
    wal->tail = tail;
    wal->events = *events;
    wal->runway = RUNWAY_FIRST;
    wal->written = tail->last_sequence;
    wal->synced = tail->last_sequence;
    wal->request.on_done = on_done;
    wal->mark_request.on_done = on_mark_done;
    list_init(&wal->request.link);
    list_init(&wal->mark_request.link);
    chain_init(&wal->chain, disk);
    buf_init(&wal->head, HEAD_MAX);
    buf_init(&wal->group, TAIL_PENDING_MAX);
    if (tail->last_time_ms == 0) {
        tail->last_time_ms = position->last_time_ms;
    }
    enum status status = config->policy == WAL_NONE ? STATUS_OK : open_files(wal, position, complaint);
    if (status != STATUS_OK) {
        wal_destroy(wal);
        return status;
    }
    *out = wal;
    return STATUS_OK;
}

void wal_declare(struct wal *wal, uint16_t type, struct gm_bytes name)
{
    check(type > 0);
    check(name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    if (wal->config.policy == WAL_NONE) {
        return;
    }
    for (size_t i = 0; i < wal->type_count; i++) {
        const struct wal_type *known = &wal->types[i];
        if (known->type == type && gm_bytes_equal((struct gm_bytes){known->name, known->size}, name)) {
            return;
        }
    }
    check(wal->type_count < TYPES_MAX);
    wal->types = memory_realloc(wal->types, (wal->type_count + 1) * sizeof *wal->types);
    struct wal_type *added = &wal->types[wal->type_count++];
    *added = (struct wal_type){.type = type, .size = (uint8_t)name.size};
    memcpy(added->name, name.data, name.size);
}

/* ---- what to do next ---- */

static bool has_batches(const struct wal *wal)
{
    return wal->tail->pending.size > 0;
}

static uint64_t records_waiting(const struct wal *wal)
{
    return wal->tail->last_sequence - wal->written;
}

static bool gathers(const struct wal *wal)
{
    return !wal->closing && gather_waits(&wal->gather, wal->now_ms, records_waiting(wal));
}

static bool segment_ends(const struct wal *wal)
{
    return wal->offset >= wal->config.segment_size && wal->written >= wal->header.first_sequence;
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
    if (has_batches(wal) && gathers(wal)) {
        return WORK_NONE;
    }
    if (has_batches(wal) || wal->types_declared < wal->type_count) {
        return WORK_GROUP;
    }
    if (wal->closing && wal->unsynced) {
        return WORK_SYNC;
    }
    if (idle_mark_due(wal)) {
        return WORK_GROUP;
    }
    return wal->closing && wal->mark.durable < wal->synced ? WORK_MARK : WORK_NONE;
}

/* ---- doing it ---- */

static uint64_t runway_behind(struct wal *wal, uint64_t end)
{
    uint64_t target = end + wal->runway;
    if (target > wal->config.segment_size) {
        target = end > wal->config.segment_size ? end : wal->config.segment_size;
    }
    wal->runway = wal->runway < RUNWAY_LAST ? wal->runway * 2 : RUNWAY_LAST;
    return ((target + BLOCK - 1) & ~(BLOCK - 1)) - end;
}

static void head_add_types(struct wal *wal, size_t from)
{
    for (size_t i = from; i < wal->type_count; i++) {
        const struct wal_type *type = &wal->types[i];
        bool fits = record_encode_type(wal->written, wal->tail->last_time_ms, type->type,
                                       (struct gm_bytes){type->name, type->size}, &wal->head);
        check(fits);
    }
    wal->group_types = wal->type_count;
}

static void prepare_group(struct wal *wal)
{
    struct disk_request *request = &wal->request;
    check(!wal->tail->open);
    gather_end(&wal->gather, records_waiting(wal));
    bool idle = !has_batches(wal) && wal->types_declared == wal->type_count;
    buf_clear(&wal->head, GROUP_KEEP);
    wal->group_mark = wal->marked;
    if (wal->synced > wal->marked) {
        bool fits =
            record_encode_durable(wal->written, wal->tail->last_time_ms, wal->synced, wal->header.salt, &wal->head);
        check(fits);
        wal->group_mark = wal->synced;
    }
    head_add_types(wal, wal->types_declared);
    struct buf batches = wal->tail->pending;
    wal->tail->pending = wal->group;
    wal->group = batches;
    wal->group_last = wal->tail->last_sequence;
    request->action = DISK_ACTION_WRITE;
    request->file = wal->file;
    request->offset = wal->offset;
    request->head = buf_bytes(&wal->head);
    request->source = buf_bytes(&wal->group);
    request->sync = idle || wal->config.policy == WAL_WRITE_THROUGH;
    uint64_t end = wal->offset + wal->head.size + wal->group.size;
    request->zeros = end > wal->zero_end ? runway_behind(wal, end) : 0;
}

static void prepare_segment(struct wal *wal)
{
    struct disk_request *request = &wal->request;
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    wal->next_header = header_for(wal, wal->written + 1);
    segment_encode(&wal->next_header, bytes);
    buf_clear(&wal->head, GROUP_KEEP);
    bool fits = buf_append(&wal->head, (struct gm_bytes){bytes, sizeof bytes});
    check(fits);
    head_add_types(wal, 0);
    request->action = DISK_ACTION_CREATE;
    request->file = NULL;
    segment_name(wal->next_header.first_sequence, request->name);
    request->offset = 0;
    request->head = buf_bytes(&wal->head);
    request->source = BYTES_NONE;
    request->zeros = runway_behind(wal, wal->head.size);
    request->sync = true;
}

static void prepare_sync(struct wal *wal)
{
    struct disk_request *request = &wal->request;
    request->action = DISK_ACTION_WRITE;
    request->file = wal->file;
    request->offset = wal->offset;
    request->head = BYTES_NONE;
    request->source = BYTES_NONE;
    request->zeros = 0;
    request->sync = true;
}

static void prepare_mark(struct wal *wal)
{
    struct disk_request *request = &wal->mark_request;
    wal->next_mark = wal->mark;
    wal->next_mark.counter++;
    wal->next_mark.durable = wal->synced;
    wal->next_mark.oldest = wal->keep_from;
    wal->next_mark.segment = wal->header.first_sequence;
    mark_encode(&wal->next_mark, wal->slot);
    request->action = DISK_ACTION_WRITE;
    request->file = wal->mark_file;
    request->offset = mark_offset(wal->next_mark.counter);
    request->source = (struct gm_bytes){wal->slot, sizeof wal->slot};
    request->sync = true;
}

static void submit(struct wal *wal, struct disk_request *request)
{
    wal->under_way = true;
    wal->disk->ops->submit(wal->disk, request);
}

static void start_mark(struct wal *wal)
{
    wal->marking = true;
    prepare_mark(wal);
    submit(wal, &wal->mark_request);
}

/* False: there is nothing to do. */
static bool start(struct wal *wal)
{
    enum work work = choose_work(wal);
    switch (work) {
    case WORK_NONE:
        return false;
    case WORK_MARK:
        start_mark(wal);
        return true;
    case WORK_GROUP:
        prepare_group(wal);
        break;
    case WORK_SYNC:
        prepare_sync(wal);
        break;
    case WORK_SEGMENT:
        prepare_segment(wal);
        break;
    }
    wal->work = work;
    submit(wal, &wal->request);
    return true;
}

/* Something waits for space. */
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

static void synced_now(struct wal *wal)
{
    wal->unsynced = false;
    wal->synced = wal->written;
    wal->last_sync_ms = wal->now_ms;
    wal->stats.syncs++;
    wal->stats.last_sync_us = wal->request.elapsed_us;
}

static void group_done(struct wal *wal)
{
    const struct disk_request *request = &wal->request;
    size_t size = request->head.size + request->source.size;
    if (wal->config.policy == WAL_WRITE_THROUGH) {
        gather_expect(&wal->gather, records_waiting(wal));
    }
    wal->offset += size;
    uint64_t end = wal->offset + request->zeros;
    wal->zero_end = end > wal->zero_end ? end : wal->zero_end;
    wal->written = wal->group_last;
    wal->marked = wal->group_mark;
    wal->types_declared = wal->group_types;
    wal->stats.records_durable_mark = wal->marked;
    wal->stats.bytes_written += size;
    wal->stats.groups++;
    buf_clear(&wal->group, GROUP_KEEP);
    if (request->sync) {
        synced_now(wal);
    } else if (!wal->unsynced) {
        wal->unsynced = true;
        wal->unsynced_since_ms = wal->now_ms;
    }
}

static void segment_done(struct wal *wal)
{
    const struct disk_request *request = &wal->request;
    wal->disk->ops->close(wal->disk, wal->file);
    chain_add(&wal->chain, wal->next_header.first_sequence, wal->zero_end);
    segment_begun(wal, request->file, &wal->next_header);
    wal->offset = request->head.size;
    wal->zero_end = request->head.size + request->zeros;
    wal->types_declared = wal->group_types;
    wal->mark_stale = true;
}

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
    wal->failed = true;
    wal->work = WORK_NONE;
    wal->marking = false;
    chain_stop(&wal->chain);
    if (wal->events.on_failed != NULL) {
        wal->events.on_failed(wal->events.context, &wal->complaint);
    }
}

static bool needs_space(const struct disk_request *request)
{
    return request->status == STATUS_NO_SPACE && !request->sync_failed;
}

static void wait_for_space(struct wal *wal, int64_t *retry_at_ms)
{
    bool news = !wal->full;
    wal->full = true;
    *retry_at_ms = wal->now_ms + RETRY_MS;
    if (news) {
        progress(wal);
    }
}

static void on_mark_done(struct disk_request *request)
{
    struct wal *wal = container_of(request, struct wal, mark_request);
    wal->under_way = false;
    if (needs_space(request)) {
        wait_for_space(wal, &wal->mark_retry_at_ms);
        return;
    }
    if (request->status != STATUS_OK) {
        fail(wal, request, MARK_NAME);
        return;
    }
    wal->marking = false;
    wal->full = is_waiting(wal);
    wal->mark = wal->next_mark;
    wal->mark_stale = false;
    chain_trim(&wal->chain, wal->mark.oldest);
    progress(wal);
}

static void on_done(struct disk_request *request)
{
    struct wal *wal = container_of(request, struct wal, request);
    wal->under_way = false;
    if (needs_space(request)) {
        wait_for_space(wal, &wal->retry_at_ms);
        return;
    }
    if (request->status != STATUS_OK) {
        fail(wal, request, wal->work == WORK_SEGMENT ? request->name : wal->name);
        return;
    }
    enum work work = wal->work;
    wal->work = WORK_NONE;
    wal->full = is_waiting(wal);
    switch (work) {
    case WORK_GROUP:
        group_done(wal);
        break;
    case WORK_SYNC:
        synced_now(wal);
        break;
    case WORK_SEGMENT:
        segment_done(wal);
        break;
    case WORK_MARK:
    case WORK_NONE:
        check(false);
    }
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
        (void)start(wal);
    } else if (!wal->marking && oldest_stale(wal)) {
        start_mark(wal);
    } else {
        retry(wal, now_ms);
    }
}

void wal_keep_from(struct wal *wal, uint64_t sequence)
{
    if (wal->config.policy == WAL_NONE || wal->failed || wal->closing) {
        return;
    }
    check(sequence <= wal->synced + 1);
    wal->keep_from = sequence > wal->keep_from ? sequence : wal->keep_from;
    chain_trim(&wal->chain, wal->mark.oldest);
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
    if (has_batches(wal)) {
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
    return wal->config.policy == WAL_NONE ? wal->tail->last_sequence : wal->synced;
}

uint64_t wal_released(const struct wal *wal)
{
    return wal->config.policy == WAL_WRITE_THROUGH ? wal_synced(wal) : wal_written(wal);
}

bool wal_full(const struct wal *wal)
{
    return wal->full;
}

size_t wal_backlog(const struct wal *wal)
{
    return wal->config.policy == WAL_NONE ? 0 : wal->tail->pending.size + wal->group.size;
}

void wal_stats(const struct wal *wal, struct wal_stats *out)
{
    *out = wal->stats;
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
            more = start(wal);
        } else if (tries++ < 2) {
            retry(wal, INT64_MAX);
        } else {
            complaint_set(complaint, "%zu bytes could not be written to the log: no space left on the disk",
                          wal_backlog(wal));
            return STATUS_NO_SPACE;
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
    chain_finish(&wal->chain);
    wal->disk->ops->close(wal->disk, wal->file);
    wal->disk->ops->close(wal->disk, wal->mark_file);
    buf_finish(&wal->head);
    buf_finish(&wal->group);
    memory_free(wal->types);
    memory_free(wal);
}
