/* SPDX-License-Identifier: MIT */

/* wal_work.c - what each kind of work writes, and what is true afterwards. When, is decided in wal.c.
 *
 * Idea     A segment, as it comes to be:
 *
 *            [header][epochs][types] [mark][batch batch batch] [mark][batch] [mark]0000000000000000000000
 *                                    `----- a group -----´ `-- a group --´  `idle´ `-- runway of zeros --´
 *
 *          A group that follows a finished sync begins with a mark, a record that says up to which sequence all is on
 *          stable storage; when the log goes idle one more mark is written. Recovery needs them to tell a torn tail
 *          from damage (docs/decisions has the argument). A group that passes the end of the zeros writes further zeros
 *          behind itself, so that most syncs change no file size.
 *
 *          Each work is one request, and comes in two halves. Preparing it fills the request in, and notes what will be
 *          true; that is true only when the disk has said so and the work is done.
 *
 * Promises  P1, P2 and P5 of wal.c, and
 *   I1  What a request points to stays as it is until it is done, so that it can be submitted again. A mark file's slot
 *       shares no memory with other work, so that it can pass it.
 */
#include "base/siphash.h"
#include "log/wal_state.h"

#define RUNWAY_LAST ((uint64_t)1024 * 1024) /* bytes */
#define BLOCK       ((uint64_t)4096)        /* bytes: files end at multiples of it, where they can */
#define HEAD_KEEP   ((size_t)1024 * 1024)   /* bytes of buffer kept between groups */

/* ---- segments ---- */

static uint64_t salt_of(const struct wal *wal, uint64_t first_sequence)
{
    struct siphash_key key = {wal->config.salt_seed, 0};
    return siphash(&key, (struct gm_bytes){(const uint8_t *)&first_sequence, sizeof first_sequence});
}

struct segment_header wal_work_header(const struct wal *wal, uint64_t first_sequence)
{
    return (struct segment_header){
        .first_sequence = first_sequence, .created_ms = wal->tail->last_time_ms, .salt = salt_of(wal, first_sequence)};
}

void wal_work_begun(struct wal *wal, struct disk_file *file, const struct segment_header *header)
{
    check(header->first_sequence <= wal->synced + 1); /* wal P3 */
    wal->file = file;
    wal->header = *header;
    wal->marked = header->first_sequence - 1;
    segment_name(header->first_sequence, wal->name);
    wal->stats.segments++;
}

/* ---- preparing ---- */

static uint64_t runway_behind(struct wal *wal, uint64_t end)
{
    check(end >= wal->offset || wal->work != WORK_GROUP);
    uint64_t target = end + wal->runway;
    if (target > wal->config.segment_size) {
        target = end > wal->config.segment_size ? end : wal->config.segment_size;
    }
    wal->runway = wal->runway < RUNWAY_LAST ? wal->runway * 2 : RUNWAY_LAST;
    return ((target + BLOCK - 1) & ~(BLOCK - 1)) - end;
}

static void head_add_types(struct wal *wal, size_t from)
{
    const struct names *names = &wal->tail->names;
    check(from <= names->count); /* names I2 */
    for (size_t i = from; i < names->count; i++) {
        const struct name *name = &names->list[i];
        bool fits = record_encode_type(wal->written, wal->tail->last_time_ms, name->type, names_text(name), &wal->head);
        check(fits);
    }
    wal->group_types = names->count;
    check(!wal->head.full);
}

/* Before the first of the group's records that has such an operation. */
static void head_add_revisions(struct wal *wal)
{
    struct record_revision revision;
    while (revisions_next(&wal->tail->revisions, wal->written, &wal->said, &revision)) {
        bool fits = record_encode_revision(wal->written, wal->tail->last_time_ms, &revision, &wal->head);
        check(fits);
        revisions_note(&wal->said, &revision, 0);
    }
}

/* All that waits in the tail, as far as it fits into a group. */
static void take_batches(struct wal *wal)
{
    check(wal->group_count == 0);
    wal->group_last = wal->written;
    wal->group_size = 0;
    while (wal->group_count < WAL_GROUP_MAX &&
           tail_take(&wal->cursor, SIZE_MAX, UINT64_MAX, &wal->group[wal->group_count]) == STATUS_OK) {
        const struct tail_slice *slice = &wal->group[wal->group_count];
        check(slice->first == wal->group_last + 1); /* wal P5: whole batches, one group after the other */
        wal->group_bytes[wal->group_count++] = slice->bytes;
        wal->group_size += slice->bytes.size;
        wal->group_last = slice->last;
    }
}

void wal_work_release_group(struct wal *wal)
{
    for (size_t i = 0; i < wal->group_count; i++) {
        tail_release(wal->tail, &wal->group[i]);
    }
    wal->group_count = 0;
    wal->group_size = 0;
}

static void prepare_group(struct wal *wal)
{
    struct disk_request *request = &wal->request;
    check(!wal->tail->open);
    gather_end(&wal->gather, wal_records_waiting(wal));
    bool idle = !wal_has_batches(wal) && !wal_has_types(wal);
    buf_clear(&wal->head, HEAD_KEEP);
    wal->group_mark = wal->marked;
    if (wal->synced > wal->marked) {
        bool fits =
            record_encode_durable(wal->written, wal->tail->last_time_ms, wal->synced, wal->header.salt, &wal->head);
        check(fits);
        wal->group_mark = wal->synced;
    }
    head_add_types(wal, wal->types_declared);
    take_batches(wal);
    head_add_revisions(wal);
    check(!wal->mark_stale); /* wal P3 */
    request->action = DISK_ACTION_WRITE;
    request->file = wal->file;
    request->offset = wal->offset;
    request->head = buf_bytes(&wal->head);
    request->sources = wal->group_bytes;
    request->source_count = wal->group_count;
    request->sync = idle || wal->config.policy == WAL_WRITE_THROUGH;
    uint64_t end = wal->offset + wal->head.size + wal->group_size;
    request->zeros = end > wal->zero_end ? runway_behind(wal, end) : 0;
}

static void prepare_segment(struct wal *wal)
{
    struct disk_request *request = &wal->request;
    wal->next_header = wal_work_header(wal, wal->written + 1);
    revisions_clear(&wal->said);
    buf_clear(&wal->head, HEAD_KEEP);
    bool fits = segment_encode_head(&wal->next_header, &wal->tail->epochs, &wal->head);
    check(fits);
    head_add_types(wal, 0);
    request->action = DISK_ACTION_CREATE;
    request->file = NULL;
    segment_name(wal->next_header.first_sequence, request->name);
    request->offset = 0;
    request->head = buf_bytes(&wal->head);
    request->source_count = 0;
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
    request->source_count = 0;
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
    check(wal->next_mark.segment <= wal->synced + 1);                             /* wal P3 */
    check(wal->next_mark.durable >= wal->mark.durable);                           /* mark I1 */
    check(mark_offset(wal->next_mark.counter) != mark_offset(wal->mark.counter)); /* mark I2 */
    mark_encode(&wal->next_mark, wal->slot);
    request->action = DISK_ACTION_WRITE;
    request->file = wal->mark_file;
    request->offset = mark_offset(wal->next_mark.counter);
    request->source = (struct gm_bytes){wal->slot, sizeof wal->slot};
    request->sync = true;
}

void wal_work_prepare(struct wal *wal, enum work work)
{
    /* wal_work I1: neither is with the disk, nor waits for its next try */
    check(!wal->under_way && !wal->marking && (work == WORK_MARK || wal->work == WORK_NONE));
    switch (work) {
    case WORK_GROUP:
        prepare_group(wal);
        break;
    case WORK_SYNC:
        prepare_sync(wal);
        break;
    case WORK_SEGMENT:
        prepare_segment(wal);
        break;
    case WORK_MARK:
        prepare_mark(wal);
        break;
    case WORK_NONE:
        check(false);
    }
}

/* ---- done ---- */

static void synced_now(struct wal *wal)
{
    wal->unsynced = false;
    check(wal->written >= wal->synced); /* wal P1 */
    wal->synced = wal->written;
    wal->synced_offset = wal->offset;
    wal->last_sync_ms = wal->now_ms;
    wal->stats.syncs++;
    wal->stats.last_sync_us = wal->request.elapsed_us;
}

static void group_done(struct wal *wal)
{
    const struct disk_request *request = &wal->request;
    size_t size = request->head.size + wal->group_size;
    if (wal->config.policy == WAL_WRITE_THROUGH) {
        gather_expect(&wal->gather, wal_records_waiting(wal));
    }
    check(wal->group_types >= wal->types_declared && wal->group_types <= wal->tail->names.count); /* names I2 */
    check(request->offset == wal->offset && request->source_count == wal->group_count);           /* wal_work I1 */
    wal->offset += size;
    uint64_t end = wal->offset + request->zeros;
    wal->zero_end = end > wal->zero_end ? end : wal->zero_end;
    check(wal->group_last >= wal->written && wal->group_last <= wal->tail->last_sequence); /* wal P1 */
    check(wal->group_mark <= wal->synced);                                                 /* wal P2 */
    wal->written = wal->group_last;
    wal->marked = wal->group_mark;
    wal->types_declared = wal->group_types;
    wal->stats.records_durable_mark = wal->marked;
    wal->stats.bytes_written += size;
    wal->stats.groups++;
    wal_work_release_group(wal);
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
    check(!wal->unsynced && wal->synced == wal->written); /* wal P3 */
    wal->disk->ops->close(wal->disk, wal->file);
    chain_add(&wal->chain, wal->next_header.first_sequence, wal->zero_end);
    check(wal->next_header.first_sequence == wal->written + 1); /* wal_work I1 */
    wal_work_begun(wal, request->file, &wal->next_header);
    wal->offset = request->head.size;
    wal->synced_offset = wal->offset;
    wal->zero_end = request->head.size + request->zeros;
    wal->types_declared = wal->group_types;
    wal->mark_stale = true;
    wal->ends_early = false;
}

static void mark_done(struct wal *wal)
{
    check(wal->next_mark.durable <= wal->synced && wal->next_mark.durable >= wal->mark.durable);  /* wal P2, mark I1 */
    check(wal->next_mark.oldest >= wal->mark.oldest && wal->next_mark.oldest <= wal->synced + 1); /* wal P6 */
    check(wal_hold_is_kept(wal, wal->next_mark.oldest));                                          /* wal P7 */
    wal->mark = wal->next_mark;
    wal->mark_stale = false;
    chain_trim(&wal->chain, wal->mark.oldest);
    wal_forget_epochs(wal);
}

void wal_work_done(struct wal *wal, enum work work)
{
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
        mark_done(wal);
        break;
    case WORK_NONE:
        check(false);
    }
}
