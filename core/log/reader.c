/* SPDX-License-Identifier: MIT */

/* reader.c - the history from some record on, wherever it lies.
 *
 * Why      A follower that was away wants all since it left, while clients write on. Most of it is in segments, one of
 *          which is being written and will end meanwhile; the newest is in the tail. It should not have to know.
 *
 * Idea     What the tail still has is taken there, by a cursor. All else is read from segments, a window at a time, by
 *          requests on the lane for reading; when the tail has the next batch the reader changes over, and back when
 *          the cursor was lost. The wal says how far a segment may be read (wal_find), and keeps it (wal_hold).
 *
 *            segments [.........] [.........] [........        tail [.........]
 *                            ^next, hold      `- last, end -´
 *
 *            data     whole batches|open batch|  gone  |not parsed|
 *                     0       whole^   put^      parsed^    filled^
 *
 *          Records about the file stand between the batches; what follows them is moved down, so that a run is one
 *          stretch of bytes. A batch of several records is complete when its last one has come.
 *
 * Promises
 *   I1  Runs follow each other without a gap or an overlap, from the sequence that was asked for on, bit for bit as
 *       they were added, but for the numbers of types, which are those of where they lie.
 *   I2  Nothing is given out behind the limit, and no byte is read that the wal has not said to be whole.
 *   I3  What is damaged is refused, with the file and the byte. Nothing of it is given out.
 *   I4  Memory: a window and a batch. A step parses what one request has read.
 *   I5  The segment that is read stays (wal P7), until the reader is behind it.
 *
 * Limits   A segment is read from its beginning, up to its size more than needed. One request at a time, none ahead.
 */
#include "log/reader.h"

#include <inttypes.h>

#include "base/memory.h"
#include "log/scan.h"
#include "log/segment.h"

#define REVISIONS_MAX  8192                 /* that are believed of one segment: of 255 types of a node */
#define WINDOW         ((size_t)256 * 1024) /* bytes read at a time */
#define MEMORY_KEEP    (4 * WINDOW)         /* bytes of memory kept from one run to the next */
#define TAIL_NUMBERING UINT64_MAX           /* of runs from the tail; of others: the segment's first sequence */

struct reader {
    struct reader_config config;
    uint64_t next; /* the first record that was not given out yet */
    enum status failure;
    struct complaint complaint;

    struct tail_cursor cursor; /* closed while it reads segments */
    struct tail_slice slice;   /* lent; piece is NULL: none is */

    struct wal_hold hold;
    struct disk_request request;
    bool under_way;
    bool abandoned;         /* by its owner: goes when the request is done */
    struct disk_file *file; /* NULL: none is open */
    char name[DISK_NAME_MAX];
    uint64_t segment; /* first sequence of the one that is read; 0: none */
    struct names names;
    struct revisions revisions; /* that the segment has said so far */

    uint8_t *data;
    size_t capacity;
    size_t whole;    /* bytes of whole batches at the beginning */
    size_t put;      /* bytes of them and of the batch that is open */
    size_t parsed;   /* the next record begins here */
    size_t filled;   /* bytes */
    uint64_t offset; /* in the file, of what comes at `filled` */
    bool batch_open; /* a record with MORE was the last */
    bool has_header;
    uint64_t last;    /* sequence of the last record parsed */
    uint64_t run_end; /* sequence of the last record in whole batches */
};

static void on_read(struct disk_request *request);

/* ---- beginning and end ---- */

static bool has_wal(const struct reader *reader)
{
    return reader->config.wal != NULL && wal_oldest(reader->config.wal) > 0;
}

/* As long as it reads, what it has not given out stays in the segments, if it still is there: so that a cursor may be
 * lost. */
static void hold_on(struct reader *reader)
{
    if (reader->hold.wal == NULL && has_wal(reader)) {
        enum status status = wal_hold(reader->config.wal, &reader->hold, reader->next);
        check((status == STATUS_OK) == (reader->hold.wal != NULL)); /* without one the tail alone may have it */
    }
}

struct reader *reader_create(const struct reader_config *config, uint64_t sequence)
{
    struct reader *reader = memory_zeroed(sizeof *reader);
    reader->config = *config;
    reader->next = sequence;
    reader->request.action = DISK_ACTION_READ;
    reader->request.lane = DISK_LANE_READ;
    reader->request.on_done = on_read;
    list_init(&reader->request.link);
    hold_on(reader);
    return reader;
}

static void forget_segment(struct reader *reader)
{
    check(!reader->under_way);
    reader->config.disk->ops->close(reader->config.disk, reader->file);
    reader->file = NULL;
    reader->segment = 0;
    reader->whole = 0;
    reader->put = 0;
    reader->parsed = 0;
    reader->filled = 0;
    reader->batch_open = false;
    names_clear(&reader->names);
    revisions_clear(&reader->revisions);
    if (reader->capacity > MEMORY_KEEP) {
        memory_free(reader->data);
        reader->data = NULL;
        reader->capacity = 0;
    }
}

/* What was lent is not any more. */
static void take_back(struct reader *reader)
{
    if (reader->slice.piece != NULL) {
        tail_release(reader->config.tail, &reader->slice);
    }
    check(reader->whole <= reader->put);
    if (reader->whole > 0) {
        memmove(reader->data, reader->data + reader->whole, reader->put - reader->whole);
        reader->put -= reader->whole;
        reader->whole = 0;
    }
}

void reader_destroy(struct reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (!reader->abandoned) {
        take_back(reader);
        tail_cursor_close(&reader->cursor);
        wal_release(&reader->hold);
        reader->abandoned = true;
    }
    if (reader->under_way) {
        return; /* on_read comes back to it */
    }
    forget_segment(reader);
    names_finish(&reader->names);
    revisions_finish(&reader->revisions);
    memory_free(reader->data);
    memory_free(reader);
}

uint64_t reader_position(const struct reader *reader)
{
    return reader->next;
}

bool reader_in_tail(const struct reader *reader)
{
    return reader->cursor.tail != NULL;
}

/* ---- refusals ---- */

/* For good: the sentence is in reader->complaint. */
static enum status fail(struct reader *reader, enum status status)
{
    check(status != STATUS_OK && status != STATUS_AGAIN && reader->failure == STATUS_OK);
    reader->failure = status;
    tail_cursor_close(&reader->cursor);
    forget_segment(reader);
    wal_release(&reader->hold);
    return status;
}

static enum status damaged(struct reader *reader, const char *why)
{
    uint64_t at = reader->offset - (reader->filled - reader->parsed);
    complaint_set(&reader->complaint, "%s is damaged at byte %" PRIu64 ": %s; to look at it: geomys-log verify %s",
                  reader->name, at, why, reader->name);
    return fail(reader, STATUS_CORRUPT);
}

static enum status gone(struct reader *reader)
{
    uint64_t oldest = reader->config.wal != NULL ? wal_oldest(reader->config.wal) : 0;
    if (oldest == 0) {
        oldest = tail_first(reader->config.tail);
    }
    complaint_set(&reader->complaint,
                  "record %" PRIu64 " is not in the log any more, which begins with record %" PRIu64, reader->next,
                  oldest);
    return fail(reader, STATUS_NOT_FOUND);
}

static enum status no_beginning(struct reader *reader)
{
    complaint_set(&reader->complaint, "record %" PRIu64 " is not one that a batch of the log begins with",
                  reader->next);
    return fail(reader, STATUS_INVALID);
}

/* ---- how far it may go ---- */

static uint64_t limit_of(const struct reader *reader)
{
    if (reader->config.limit == READER_ADDED || reader->config.wal == NULL) {
        return reader->config.tail->last_sequence;
    }
    return reader->config.limit == READER_SYNCED ? wal_synced(reader->config.wal) : wal_written(reader->config.wal);
}

/* The next record is `sequence`: what was before it is not needed any more. */
static void move_on(struct reader *reader, uint64_t sequence)
{
    check(sequence > reader->next); /* reader I1 */
    reader->next = sequence;
    if (reader->hold.wal != NULL) {
        wal_hold_move(&reader->hold, sequence);
    }
}

/* ---- from the tail ---- */

/* The tail has what comes next, and a cursor is there. INVALID: it is in the middle of a batch. */
static enum status enter_tail(struct reader *reader)
{
    if (reader->cursor.tail != NULL) {
        return STATUS_OK;
    }
    if (reader->next < tail_first(reader->config.tail)) {
        return STATUS_NOT_FOUND;
    }
    return tail_cursor_open(&reader->cursor, reader->config.tail, reader->next, false);
}

static enum status take_slice(struct reader *reader, size_t max, struct reader_run *out)
{
    uint64_t limit = limit_of(reader);
    enum status status = tail_take(&reader->cursor, max, limit, &reader->slice);
    if (status == STATUS_NOT_FOUND) {
        tail_cursor_close(&reader->cursor);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct tail_slice *slice = &reader->slice;
    check(slice->first == reader->next && slice->last <= limit); /* reader I1, I2 */
    *out = (struct reader_run){.bytes = slice->bytes,
                               .first = slice->first,
                               .last = slice->last,
                               .names = &reader->config.tail->names,
                               .revisions = &reader->config.tail->revisions,
                               .numbering = TAIL_NUMBERING};
    move_on(reader, slice->last + 1);
    return STATUS_OK;
}

/* ---- requests ---- */

static void on_read(struct disk_request *request)
{
    struct reader *reader = container_of(request, struct reader, request);
    check(reader->under_way && request->got <= request->size);
    reader->under_way = false;
    reader->file = request->file;
    if (reader->abandoned) {
        reader_destroy(reader);
        return;
    }
    reader->filled += request->got;
    reader->offset += request->got;
    if (request->status == STATUS_OK && request->got < request->size) {
        request->status = STATUS_IO; /* somebody cuts the file while it is read */
    }
    if (request->status != STATUS_OK) {
        complaint_set(&reader->complaint, "%s cannot be read: %s", reader->name, status_text(request->status));
        (void)fail(reader, request->status == STATUS_NOT_FOUND ? STATUS_IO : request->status);
    }
    if (reader->config.on_ready != NULL) {
        reader->config.on_ready(reader->config.context);
    }
}

/* Asks for the next bytes of the file: `needed` from `parsed` on, and a window's worth if there is as much up to `end`.
 * The caller knows that there are as many as it needs. */
static enum status ask(struct reader *reader, size_t needed, uint64_t end)
{
    size_t rest = reader->filled - reader->parsed;
    if (rest > 0) {
        memmove(reader->data + reader->put, reader->data + reader->parsed, rest);
    }
    reader->parsed = reader->put;
    reader->filled = reader->put + rest;
    size_t missing = needed - rest;
    check(needed > rest && missing <= end - reader->offset); /* reader I2 */
    size_t piece = missing > WINDOW ? missing : WINDOW;
    piece = piece < end - reader->offset ? piece : (size_t)(end - reader->offset);
    if (reader->filled + piece > reader->capacity) {
        size_t wanted = reader->filled + piece;
        reader->capacity = wanted > reader->capacity * 2 ? wanted : reader->capacity * 2;
        reader->data = memory_realloc(reader->data, reader->capacity);
    }
    struct disk_request *request = &reader->request;
    request->file = reader->file;
    memcpy(request->name, reader->name, sizeof request->name);
    request->offset = reader->offset;
    request->into = reader->data + reader->filled;
    request->size = piece;
    reader->under_way = true;
    reader->config.disk->ops->submit(reader->config.disk, request);
    return STATUS_AGAIN;
}

/* ---- from a segment ---- */

static void begin_segment(struct reader *reader, uint64_t first)
{
    forget_segment(reader);
    check(first > 0 && first <= reader->next);
    reader->segment = first;
    segment_name(first, reader->name);
    reader->offset = 0;
    reader->has_header = false;
    reader->last = first - 1;
    reader->run_end = first - 1;
}

static enum status take_header(struct reader *reader)
{
    struct segment_header header;
    struct complaint why;
    enum status status =
        segment_parse((struct gm_bytes){reader->data + reader->parsed, reader->filled - reader->parsed}, &header, &why);
    if (status == STATUS_VERSION) {
        reader->complaint = why;
        complaint_prefix(&reader->complaint, "%s", reader->name);
        return fail(reader, status);
    }
    if (status != STATUS_OK || header.first_sequence != reader->segment) {
        return damaged(reader, status != STATUS_OK ? why.text : "its header belongs to another segment");
    }
    reader->parsed += SEGMENT_HEADER_SIZE;
    reader->has_header = true;
    return STATUS_OK;
}

/* What is behind it may have such operations. */
static enum status take_revision(struct reader *reader, const struct record *record)
{
    struct record_revision revision;
    if (!record_read_revision(record, &revision) || names_of(&reader->names, revision.type).size == 0 ||
        revision.revision <= revisions_of(&reader->revisions, revision.type) ||
        reader->revisions.count == REVISIONS_MAX) {
        return damaged(reader, "a record about a type's revision makes no sense");
    }
    revisions_note(&reader->revisions, &revision, UINT64_MAX);
    return STATUS_OK;
}

/* A record about the file. AGAIN: what was put together goes out first, since the numbers change. */
static enum status take_local(struct reader *reader, const struct record *record)
{
    uint16_t type;
    struct gm_bytes name;
    const char *fault = scan_local_misplaced(record, reader->last, reader->batch_open);
    if (fault != NULL) {
        return damaged(reader, fault);
    }
    if (record->op == RECORD_OP_REVISION) {
        return take_revision(reader, record);
    }
    if (record->op != RECORD_OP_TYPE) {
        return STATUS_OK;
    }
    if (!record_read_type(record, &type, &name)) {
        struct complaint why;
        record_explain_local(record, &why);
        return damaged(reader, why.text);
    }
    if (reader->whole > 0) {
        return STATUS_AGAIN;
    }
    (void)names_declare(&reader->names, type, name);
    revisions_forget(&reader->revisions, type);
    return STATUS_OK;
}

/* A record of the history, `size` bytes at `parsed`. */
static enum status take_history(struct reader *reader, const struct record *record, size_t size)
{
    bool declared = names_of(&reader->names, record->type).size > 0;
    const char *fault = scan_misplaced(record, reader->last, declared);
    if (fault == NULL) {
        fault = scan_too_large(reader->put + size - reader->whole);
    }
    if (fault != NULL) {
        return damaged(reader, fault);
    }
    check(reader->put <= reader->parsed && reader->parsed + size <= reader->filled); /* reader I4 */
    reader->last = record->sequence;
    if (record->sequence < reader->next) { /* before what was asked for */
        reader->batch_open = (record->flags & RECORD_MORE) != 0;
        reader->run_end = record->sequence;
        return reader->batch_open && record->sequence + 1 == reader->next ? no_beginning(reader) : STATUS_OK;
    }
    if (reader->put < reader->parsed) {
        memmove(reader->data + reader->put, reader->data + reader->parsed, size);
    }
    reader->put += size;
    reader->batch_open = (record->flags & RECORD_MORE) != 0;
    if (!reader->batch_open) {
        reader->whole = reader->put;
        reader->run_end = record->sequence;
    }
    return STATUS_OK;
}

/* Parses on, until there are whole batches of about `max` bytes, or up to record `last`, or what was read is used up:
 * then *needed is how many bytes there must be. */
static enum status parse(struct reader *reader, size_t max, uint64_t last, size_t *needed)
{
    *needed = reader->has_header ? RECORD_HEADER_SIZE : SEGMENT_HEADER_SIZE;
    if (!reader->has_header) {
        if (reader->filled - reader->parsed < SEGMENT_HEADER_SIZE) {
            return STATUS_OK;
        }
        TRY(take_header(reader));
    }
    while (reader->last < last && (reader->whole == 0 || reader->put < max)) {
        struct record record;
        struct complaint why;
        struct gm_bytes rest = {reader->data + reader->parsed, reader->filled - reader->parsed};
        enum status status = record_parse(rest, &record, needed, &why);
        if (status == STATUS_AGAIN) {
            return STATUS_OK;
        }
        if (status != STATUS_OK) {
            return reader->whole > 0 ? STATUS_OK : damaged(reader, why.text);
        }
        size_t size = *needed;
        bool local = (record.flags & RECORD_LOCAL) != 0;
        status = local ? take_local(reader, &record) : take_history(reader, &record, size);
        if (status != STATUS_OK) {
            return status == STATUS_AGAIN ? STATUS_OK : status;
        }
        reader->parsed += size;
    }
    return STATUS_OK;
}

/* reader I1, I3: whole records, from the one that comes next up to the last of a batch. */
__attribute__((unused)) static bool run_is_whole(const struct reader *reader)
{
    struct record record;
    size_t size;
    uint64_t sequence = reader->next;
    for (size_t at = 0; at < reader->whole; at += size) {
        record_read(reader->data + at, &record, &size);
        if (record.sequence != sequence++) {
            return false;
        }
    }
    return sequence == reader->run_end + 1 && (record.flags & RECORD_MORE) == 0;
}

static void lend(struct reader *reader, struct reader_run *out)
{
    check(reader->hold.wal != NULL && reader->hold.sequence == reader->next); /* reader I5 */
    check_slow(run_is_whole(reader));
    *out = (struct reader_run){.bytes = {reader->data, reader->whole},
                               .first = reader->next,
                               .last = reader->run_end,
                               .names = &reader->names,
                               .revisions = &reader->revisions,
                               .numbering = reader->segment};
    move_on(reader, reader->run_end + 1);
}

/* The next run of the segment that is read, or a request for it. */
static enum status read_segment(struct reader *reader, size_t max, const struct wal_place *place,
                                struct reader_run *out)
{
    size_t needed = 0;
    TRY(parse(reader, max, place->last, &needed));
    if (reader->whole > 0) {
        check(reader->run_end <= place->last && reader->run_end <= limit_of(reader)); /* reader I2 */
        lend(reader, out);
        return STATUS_OK;
    }
    if (reader->last >= place->last) {
        check(reader->batch_open || reader->next > place->last); /* reader I1: else it was given out */
        return reader->batch_open ? damaged(reader, "its last batch is not complete") : STATUS_AGAIN;
    }
    if (needed - (reader->filled - reader->parsed) > place->end - reader->offset) {
        return damaged(reader, "it ends within a record");
    }
    return ask(reader, needed, place->end);
}

static enum status from_segments(struct reader *reader, size_t max, struct reader_run *out)
{
    bool synced = reader->config.limit == READER_SYNCED;
    if (reader->hold.wal == NULL) {
        return gone(reader);
    }
    struct wal_place place;
    wal_find(reader->config.wal, reader->next, synced, &place); /* reader I5 */
    if (place.last < place.first) {
        return STATUS_AGAIN; /* nothing stands in it yet */
    }
    if (place.first != reader->segment) {
        begin_segment(reader, place.first);
    }
    return read_segment(reader, max, &place, out);
}

/* ---- from outside ---- */

/* It goes on in the tail. Where that may soon be too small, what is known of the segment stays: it will be gone back
 * to, and need not be read from its beginning. */
static void leave_segment(struct reader *reader)
{
    if (reader->config.tail->window > 0 || reader->put > 0 || reader->batch_open) {
        forget_segment(reader);
    }
}

static enum status next_run(struct reader *reader, size_t max, struct reader_run *out)
{
    if (reader->failure != STATUS_OK) {
        return reader->failure;
    }
    if (reader->under_way) {
        return STATUS_AGAIN;
    }
    if (reader->next == 0 || reader->next > reader->config.tail->last_sequence + 1) {
        return no_beginning(reader);
    }
    enum status status = enter_tail(reader);
    if (status == STATUS_INVALID) {
        return no_beginning(reader);
    }
    if (status == STATUS_OK) {
        leave_segment(reader);
        status = take_slice(reader, max, out);
    }
    return status == STATUS_NOT_FOUND ? from_segments(reader, max, out) : status;
}

enum status reader_next(struct reader *reader, size_t max, struct reader_run *out, struct complaint *complaint)
{
    check(!reader->abandoned && !reader->config.tail->open);
    *out = (struct reader_run){0};
    take_back(reader);
    enum status status = next_run(reader, max, out);
    if (status != STATUS_OK && status != STATUS_AGAIN) {
        *complaint = reader->complaint;
    }
    return status;
}
