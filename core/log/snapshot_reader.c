/* SPDX-License-Identifier: MIT */

/* snapshot_reader.c - a snapshot, read back block by block.
 *
 * Idea     A window slides over the file; a block is taken from it when all of it is there. Plain records are delivered
 *          where they lie, others from the buffer they are unpacked into, and the parts of a large record from the one
 *          they are put together in.
 *
 *            file     header | block | block | block | ... | footer
 *            window            [.......|next.........]
 *            content           [at^    ]                      in the window, in `plain` or in `parts`
 *
 *          The footer is read first, since it says whether the file is all there; the chain of heads leads from the
 *          header to it.
 *
 * Promises
 *   P1  OK means: every byte of the file was covered by a checksum that was right, and what was delivered is what was
 *       written, record for record.
 *   P2  Sizes are believed only after the checksum of what holds them, and only within limits; memory is at most a
 *       window, a block and one record, and for the record it grows only as its bytes arrive.
 *   P3  Nothing is delivered before the table of epochs has been read, and it is the cut's.
 *
 * Limits   That the first record of each key is FRESH is not followed up: whoever applies the records sees it.
 */
#include "log/snapshot_reader.h"

#include <inttypes.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "log/scan.h"
#include "log/snapshot_codec.h"

#define WINDOW     ((size_t)2 * 1024 * 1024) /* bytes read at a time; more than a block */
#define PARTS_MAX  ((size_t)RECORD_HEAD_MAX + RECORD_KEY_MAX + RECORD_BODY_MAX + 8)
#define FLAGS_USED (RECORD_DUMP | RECORD_FRESH | RECORD_EXPIRE | RECORD_DAMAGED | RECORD_MISFIT)

struct snapshot_reader {
    struct disk *disk;
    struct disk_file *file;
    char name[DISK_NAME_MAX];
    uint64_t size; /* of the file */
    struct snapshot_cut cut;
    unsigned codecs; /* that the header announces */
    struct snapshot_counts counts;
    uint32_t footer_chain; /* of the footer's head */

    uint8_t *window;
    uint64_t base; /* offset of the window in the file */
    size_t filled;
    uint64_t offset; /* of the next block */
    uint32_t chain;  /* that it must have */

    uint64_t place;       /* of the content in the file; of its block, if it was packed or in parts */
    bool exact;           /* ... so each byte of the content has a place of its own */
    struct gm_bytes rest; /* of the content, to be delivered */
    uint32_t expected;    /* records in it */
    uint8_t *plain;       /* SNAPSHOT_BLOCK_MAX bytes, once they are needed */
    struct snapshot_unpacker *unpacker;
    struct buf parts;
    size_t parts_size; /* of the record that is being put together; 0: none */

    uint64_t effort; /* bytes delivered or put together in this step */
    struct snapshot_counts seen;
    uint64_t declared[65536 / 64]; /* bit set */
    uint8_t revisions[65536];      /* by type: the highest that the file has said of it so far */
    struct epochs epochs;
    bool has_table; /* `epochs` has been read */
};

/* A record that has been parsed and not delivered yet. */
struct ahead {
    struct record record;
    size_t size; /* bytes that it takes */
};

/* ---- refusals ---- */

static enum status refuse(const struct snapshot_reader *reader, uint64_t place, const char *why,
                          struct complaint *complaint)
{
    complaint_set(complaint, "%s is damaged at byte %" PRIu64 ": %s; to look at it: geomys-log verify %s", reader->name,
                  place, why, reader->name);
    return STATUS_CORRUPT;
}

static enum status no_access(const struct snapshot_reader *reader, enum status status, struct complaint *complaint)
{
    complaint_set(complaint, "%s cannot be read: %s", reader->name, status_text(status));
    return status;
}

/* ---- the ends of the file ---- */

static enum status read_exactly(struct snapshot_reader *reader, uint64_t offset, uint8_t *target, size_t size,
                                struct complaint *complaint)
{
    size_t got = 0;
    enum status status = reader->disk->ops->read(reader->disk, reader->file, offset, target, size, &got);
    if (status == STATUS_OK && got < size) {
        status = STATUS_IO; /* somebody cuts the file while it is read */
    }
    return status == STATUS_OK ? STATUS_OK : no_access(reader, status, complaint);
}

static enum status read_header(struct snapshot_reader *reader, struct complaint *complaint)
{
    uint8_t bytes[SNAPSHOT_HEADER_SIZE];
    if (reader->size < sizeof bytes) {
        return refuse(reader, reader->size, "the file is too short", complaint);
    }
    TRY(read_exactly(reader, 0, bytes, sizeof bytes, complaint));
    enum status status =
        snapshot_parse_header((struct gm_bytes){bytes, sizeof bytes}, &reader->cut, &reader->codecs, complaint);
    if (status == STATUS_CORRUPT) {
        struct complaint why = *complaint;
        return refuse(reader, 0, why.text, complaint);
    }
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%s", reader->name);
        return status;
    }
    reader->chain = snapshot_chain_of_header(bytes);
    reader->offset = sizeof bytes;
    return STATUS_OK;
}

static enum status read_footer(struct snapshot_reader *reader, struct complaint *complaint)
{
    uint8_t bytes[SNAPSHOT_FOOTER_SIZE];
    if (reader->size < SNAPSHOT_HEADER_SIZE + sizeof bytes) {
        return refuse(reader, reader->size, "the file is too short", complaint);
    }
    uint64_t offset = reader->size - sizeof bytes;
    TRY(read_exactly(reader, offset, bytes, sizeof bytes, complaint));
    const char *fault = snapshot_parse_footer(bytes, &reader->counts, &reader->footer_chain);
    if (fault == NULL && reader->counts.sequence != reader->cut.sequence) {
        fault = "the footer belongs to another snapshot";
    }
    return fault == NULL ? STATUS_OK : refuse(reader, offset, fault, complaint);
}

static enum status open_file(struct snapshot_reader *reader, struct complaint *complaint)
{
    enum status status = reader->disk->ops->open(reader->disk, reader->name, DISK_READ, &reader->file);
    if (status == STATUS_OK) {
        status = reader->disk->ops->size(reader->disk, reader->file, &reader->size);
    }
    if (status != STATUS_OK) {
        return no_access(reader, status, complaint);
    }
    TRY(read_header(reader, complaint));
    return read_footer(reader, complaint);
}

enum status snapshot_reader_create_named(struct snapshot_reader **out, struct disk *disk, const char *name,
                                         struct complaint *complaint)
{
    check(strlen(name) < DISK_NAME_MAX);
    struct snapshot_reader *reader = memory_zeroed(sizeof *reader);
    reader->disk = disk;
    memcpy(reader->name, name, strlen(name) + 1);
    buf_init(&reader->parts, PARTS_MAX);
    enum status status = open_file(reader, complaint);
    if (status != STATUS_OK) {
        snapshot_reader_destroy(reader);
        return status;
    }
    reader->base = reader->offset;
    *out = reader;
    return STATUS_OK;
}

enum status snapshot_reader_create(struct snapshot_reader **out, struct disk *disk, uint64_t sequence,
                                   struct complaint *complaint)
{
    struct snapshot_reader *reader;
    char name[DISK_NAME_MAX];
    snapshot_name(sequence, name);
    TRY(snapshot_reader_create_named(&reader, disk, name, complaint));
    if (reader->cut.sequence != sequence) {
        enum status status = refuse(reader, 0, "its header belongs to another snapshot", complaint);
        snapshot_reader_destroy(reader);
        return status;
    }
    *out = reader;
    return STATUS_OK;
}

void snapshot_reader_destroy(struct snapshot_reader *reader)
{
    if (reader != NULL) {
        reader->disk->ops->close(reader->disk, reader->file);
        snapshot_unpacker_destroy(reader->unpacker);
        buf_finish(&reader->parts);
        epochs_finish(&reader->epochs);
        memory_free(reader->plain);
        memory_free(reader->window);
        memory_free(reader);
    }
}

void snapshot_reader_cut(const struct snapshot_reader *reader, struct snapshot_cut *out)
{
    *out = reader->cut;
}

uint64_t snapshot_reader_keys(const struct snapshot_reader *reader)
{
    return reader->counts.keys;
}

const struct epochs *snapshot_reader_epochs(const struct snapshot_reader *reader)
{
    return &reader->epochs;
}

void snapshot_reader_progress(const struct snapshot_reader *reader, struct snapshot_progress *out)
{
    *out = (struct snapshot_progress){
        .bytes_done = reader->offset, .bytes_total = reader->size, .records = reader->seen.records};
}

/* ---- blocks ---- */

/* Where the blocks end. */
static uint64_t blocks_end(const struct snapshot_reader *reader)
{
    return reader->size - SNAPSHOT_FOOTER_SIZE;
}

/* The `size` bytes at reader->offset, which the file has. */
static enum status window_at(struct snapshot_reader *reader, size_t size, const uint8_t **out,
                             struct complaint *complaint)
{
    check(reader->offset >= reader->base && reader->offset + size <= blocks_end(reader));
    size_t at = (size_t)(reader->offset - reader->base);
    if (at + size > reader->filled) {
        if (reader->window == NULL) {
            reader->window = memory_alloc(WINDOW);
        }
        memmove(reader->window, reader->window + at, reader->filled - at);
        reader->base += at;
        reader->filled -= at;
        at = 0;
        uint64_t left = blocks_end(reader) - reader->base - reader->filled;
        size_t piece = left < WINDOW - reader->filled ? (size_t)left : WINDOW - reader->filled;
        TRY(read_exactly(reader, reader->base + reader->filled, reader->window + reader->filled, piece, complaint));
        reader->filled += piece;
    }
    check(at + size <= reader->filled && reader->filled <= WINDOW); /* snapshot_reader P2 */
    *out = reader->window + at;
    return STATUS_OK;
}

static bool unpack(struct snapshot_reader *reader, const struct snapshot_head *head, struct gm_bytes stored)
{
    if (reader->plain == NULL) {
        reader->plain = memory_alloc(SNAPSHOT_BLOCK_MAX);
        reader->unpacker = snapshot_unpacker_create();
    }
    return snapshot_unpack(reader->unpacker, (enum snapshot_codec)head->codec, stored, reader->plain, head->plain_size);
}

/* The first part of a large record: how large all of it is. 0: it is no such thing. */
static size_t size_of_whole(struct gm_bytes part)
{
    struct record record;
    size_t size = 0;
    return record_parse(part, &record, &size, NULL) == STATUS_AGAIN && size > part.size ? size : 0;
}

/* A part of a large record joins the others; the last one makes the whole the content. */
static const char *take_part(struct snapshot_reader *reader, const struct snapshot_head *head, struct gm_bytes part)
{
    if (reader->parts_size == 0) {
        buf_clear(&reader->parts, WINDOW);
        reader->parts_size = size_of_whole(part);
        if (reader->parts_size == 0 || head->records != 1) {
            return "no record in parts begins here";
        }
    } else if (head->records != 0) {
        return "the record before it has parts missing";
    }
    check(reader->parts.size < reader->parts_size); /* snapshot_reader P2 */
    if (part.size > reader->parts_size - reader->parts.size || !buf_append(&reader->parts, part)) {
        return "the parts of a record are more than the whole";
    }
    reader->effort += part.size;
    if (reader->parts.size == reader->parts_size) {
        check(reader->rest.size == 0 && reader->expected == 0);
        reader->rest = buf_bytes(&reader->parts);
        reader->expected = 1;
        reader->parts_size = 0;
    }
    return NULL;
}

static const char *take_content(struct snapshot_reader *reader, const struct snapshot_head *head,
                                struct gm_bytes stored)
{
    struct gm_bytes content = stored;
    reader->exact = head->codec == SNAPSHOT_PLAIN && head->kind == SNAPSHOT_RECORDS;
    reader->place = reader->offset + (reader->exact ? SNAPSHOT_HEAD_SIZE : 0);
    if (crc32c(stored) != head->content_crc) {
        return "the checksum of the block is wrong";
    }
    if (head->codec != SNAPSHOT_PLAIN) {
        if (!unpack(reader, head, stored)) {
            return "the block cannot be decompressed";
        }
        content = (struct gm_bytes){reader->plain, head->plain_size};
    }
    reader->seen.blocks++;
    reader->seen.plain += content.size;
    if (head->kind == SNAPSHOT_PART) {
        return take_part(reader, head, content);
    }
    if (reader->parts_size != 0) {
        return "the record before it has parts missing";
    }
    reader->rest = content;
    reader->expected = head->records;
    return NULL;
}

/* Its content is delivered next. */
static enum status next_block(struct snapshot_reader *reader, struct complaint *complaint)
{
    const uint8_t *bytes;
    struct snapshot_head head;
    check(reader->rest.size == 0 && reader->expected == 0 && reader->offset < blocks_end(reader));
    uint64_t left = blocks_end(reader) - reader->offset;
    if (left < SNAPSHOT_HEAD_SIZE) {
        return refuse(reader, reader->offset, "a block goes on behind the end of the file", complaint);
    }
    TRY(window_at(reader, SNAPSHOT_HEAD_SIZE, &bytes, complaint));
    const char *fault = snapshot_parse_head(bytes, reader->codecs, &head);
    if (fault == NULL && head.chain != reader->chain) {
        fault = "a block is missing before this one, or it belongs elsewhere";
    }
    if (fault == NULL && head.kind == SNAPSHOT_FOOTER) {
        fault = "there is a footer before the end of the file";
    }
    if (fault == NULL && head.stored_size > left - SNAPSHOT_HEAD_SIZE) {
        fault = "a block goes on behind the end of the file";
    }
    if (fault != NULL) {
        return refuse(reader, reader->offset, fault, complaint);
    }
    TRY(window_at(reader, SNAPSHOT_HEAD_SIZE + head.stored_size, &bytes, complaint));
    reader->chain = snapshot_chain_of_head(bytes);
    fault = take_content(reader, &head, (struct gm_bytes){bytes + SNAPSHOT_HEAD_SIZE, head.stored_size});
    if (fault != NULL) {
        return refuse(reader, reader->offset, fault, complaint);
    }
    reader->offset += SNAPSHOT_HEAD_SIZE + head.stored_size;
    return STATUS_OK;
}

/* ---- records ---- */

static bool is_declared(const struct snapshot_reader *reader, uint16_t type)
{
    return (reader->declared[type / 64] >> type % 64 & 1) != 0;
}

static enum status take_table(struct snapshot_reader *reader, const struct record *record, struct complaint *complaint)
{
    struct complaint why;
    if (reader->has_table) {
        return refuse(reader, reader->place, "there is a second table of epochs", complaint);
    }
    if (epochs_decode(&reader->epochs, record, &why) != STATUS_OK) {
        return refuse(reader, reader->place, why.text, complaint);
    }
    if (epochs_last(&reader->epochs) != reader->cut.epoch) {
        return refuse(reader, reader->place, "the header is of another epoch than the table", complaint);
    }
    reader->has_table = true;
    return STATUS_OK;
}

static enum status deliver_revision(struct snapshot_reader *reader, const struct record *record,
                                    struct record_sink *sink, struct complaint *complaint)
{
    struct record_revision revision;
    if (record->epoch != 0 || !record_read_revision(record, &revision)) {
        return refuse(reader, reader->place, "a record about a type's revision makes no sense", complaint);
    }
    const char *fault = scan_revision_misplaced(&revision, reader->declared, reader->revisions);
    if (fault != NULL) {
        return refuse(reader, reader->place, fault, complaint);
    }
    reader->revisions[revision.type] = (uint8_t)revision.revision;
    reader->seen.types++;
    enum status status = sink->revise != NULL ? sink->revise(sink, &revision, complaint) : STATUS_OK;
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%s", reader->name);
    }
    return status;
}

static enum status deliver_type(struct snapshot_reader *reader, const struct record *record, struct record_sink *sink,
                                struct complaint *complaint)
{
    uint16_t type;
    struct gm_bytes name;
    if (record->op == RECORD_OP_REVISION) {
        return deliver_revision(reader, record, sink, complaint);
    }
    if (record->op != RECORD_OP_TYPE && record->op != RECORD_OP_DURABLE) {
        complaint_set(complaint,
                      "%s, byte %" PRIu64 ": a record about the file has operation %u, which this program "
                      "does not know",
                      reader->name, reader->place, record->op);
        return STATUS_VERSION;
    }
    if (record->flags != RECORD_LOCAL || record->epoch != 0 || !record_read_type(record, &type, &name)) {
        struct complaint why;
        record_explain_local(record, &why);
        return refuse(reader, reader->place, why.text, complaint);
    }
    if (is_declared(reader, type)) {
        return refuse(reader, reader->place, "a type is declared twice", complaint);
    }
    check(reader->has_table); /* snapshot_reader P3 */
    reader->declared[type / 64] |= (uint64_t)1 << type % 64;
    reader->seen.types++;
    return sink->declare(sink, type, name, complaint);
}

static const char *misfit(const struct snapshot_reader *reader, const struct record *record)
{
    if ((record->flags & RECORD_DUMP) == 0 || (record->flags & ~FLAGS_USED) != 0) {
        return "a record has flags that do not belong into a snapshot";
    }
    if (record->epoch != reader->cut.epoch) {
        return "a record is of another moment";
    }
    return is_declared(reader, record->type) ? NULL : "a record has a type that was not declared";
}

static enum status deliver(struct snapshot_reader *reader, const struct record *record, struct record_sink *sink,
                           struct complaint *complaint)
{
    if (record->sequence != reader->cut.sequence || record->time_ms != reader->cut.time_ms) {
        return refuse(reader, reader->place, "a record is of another moment", complaint);
    }
    bool local = (record->flags & RECORD_LOCAL) != 0;
    if (local && record->op == RECORD_OP_EPOCHS) {
        return take_table(reader, record, complaint);
    }
    if (__builtin_expect(!reader->has_table, 0)) { /* snapshot_reader P3 */
        return refuse(reader, reader->place, "it does not begin with a table of epochs", complaint);
    }
    if (local) {
        return deliver_type(reader, record, sink, complaint);
    }
    const char *fault = misfit(reader, record);
    if (__builtin_expect(fault != NULL, 0)) {
        return refuse(reader, reader->place, fault, complaint);
    }
    reader->seen.records++;
    reader->seen.keys += (record->flags & RECORD_FRESH) != 0;
    enum status status = sink->accept(sink, record, complaint);
    if (__builtin_expect(status != STATUS_OK, 0)) {
        complaint_prefix(complaint, "%s, byte %" PRIu64, reader->name, reader->place);
    }
    return status;
}

/* Parses some of the records at hand and announces them: the sink's memory can be fetched for all of them at once.
 * Returns how many; none: `why` says what is wrong with the first. */
static size_t parse_ahead(const struct snapshot_reader *reader, struct record_sink *sink,
                          struct ahead ahead[static RECORD_SINK_AHEAD], const char **why, struct complaint *complaint)
{
    size_t count = 0;
    struct gm_bytes rest = reader->rest;
    for (; count < RECORD_SINK_AHEAD && rest.size > 0; count++) {
        struct ahead *next = &ahead[count];
        enum status status = record_parse(rest, &next->record, &next->size, complaint);
        if (__builtin_expect(status != STATUS_OK, 0)) {
            *why = status == STATUS_AGAIN ? "a record goes on behind the end of its block" : complaint->text;
            break;
        }
        rest.data += next->size;
        rest.size -= next->size;
        if (sink->foresee != NULL) {
            sink->foresee(sink, &next->record);
        }
    }
    return count;
}

/* Delivers of the content at hand, until the step's budget is used up. */
static enum status deliver_content(struct snapshot_reader *reader, size_t budget, struct record_sink *sink,
                                   struct complaint *complaint)
{
    while (reader->rest.size > 0 && reader->effort < budget) {
        struct ahead ahead[RECORD_SINK_AHEAD];
        struct complaint wrong;
        const char *why = NULL;
        size_t count = parse_ahead(reader, sink, ahead, &why, &wrong);
        if (count == 0) {
            return refuse(reader, reader->place, why, complaint);
        }
        for (size_t i = 0; i < count; i++) {
            if (reader->expected == 0) {
                return refuse(reader, reader->place, "a block has more records than it says", complaint);
            }
            TRY(deliver(reader, &ahead[i].record, sink, complaint));
            reader->expected--;
            reader->rest.data += ahead[i].size;
            reader->rest.size -= ahead[i].size;
            reader->place += reader->exact ? ahead[i].size : 0;
            reader->effort += ahead[i].size;
        }
    }
    if (reader->rest.size == 0 && reader->expected != 0) {
        return refuse(reader, reader->place, "a block has fewer records than it says", complaint);
    }
    return STATUS_OK;
}

static enum status finish(const struct snapshot_reader *reader, struct complaint *complaint)
{
    check(reader->offset == blocks_end(reader) && reader->rest.size == 0);
    const struct snapshot_counts *seen = &reader->seen;
    const struct snapshot_counts *told = &reader->counts;
    const char *fault = NULL;
    if (reader->chain != reader->footer_chain) {
        fault = "blocks are missing before the footer, or it belongs elsewhere";
    } else if (reader->parts_size != 0) {
        fault = "the last record has parts missing";
    } else if (!reader->has_table) {
        fault = "there is no table of epochs";
    } else if (seen->records != told->records || seen->keys != told->keys || seen->plain != told->plain ||
               seen->blocks != told->blocks || seen->types != told->types) {
        fault = "the footer's counts are not those of the records";
    }
    check(reader->offset == blocks_end(reader)); /* snapshot_reader P1: nothing of the file is left */
    return fault == NULL ? STATUS_OK : refuse(reader, blocks_end(reader), fault, complaint);
}

enum status snapshot_reader_step(struct snapshot_reader *reader, size_t budget, struct record_sink *sink,
                                 struct complaint *complaint)
{
    reader->effort = 0;
    while (reader->effort < budget) {
        if (reader->rest.size > 0) {
            TRY(deliver_content(reader, budget, sink, complaint));
        } else if (reader->offset < blocks_end(reader)) {
            TRY(next_block(reader, complaint));
        } else {
            return finish(reader, complaint);
        }
    }
    return STATUS_AGAIN;
}
