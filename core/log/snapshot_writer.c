/* SPDX-License-Identifier: MIT */

/* snapshot_writer.c - a snapshot on its way to the disk.
 *
 * Why      The shard hands over records in the midst of its turns and must not wait: not for the disk, not for a
 *          compressor, not for memory that grows without end because the disk is slow.
 *
 * Idea     Records are encoded into a *block* until it is full; a full one goes to the bulk lane of the disk as a
 *          request of its own, and comes back to the pool when it is written.
 *
 *            add ─► current ─► waiting (until the file is there) ─► in flight ─► pool ─► current ...
 *
 *          Where a block goes in the file is known only when those before it have been compressed. That happens in
 *          `prepare`, on the lane's thread, one request after the other: struct lane is what only that thread touches
 *          once the first block is submitted. The compressor's output is used up by the write that follows at once.
 *
 *          One request, `control`, does all that is not a block: remove the old temporary file, create the new one,
 *          footer, rename, and, after a failure, remove again.
 *
 *          A record larger than a block is cut into blocks that hold nothing else, so all buffers have one size. One
 *          for which there might be no room though less than half of memory_max waits is *outsize*: nobody knows before
 *          it is there, and then it cannot wait. So one such record at a time has memory beside memory_max. Nothing
 *          that has a choice comes after it until as many blocks have come back, which are given up, not kept.
 *
 * Promises
 *   P1  The file gets its own name only when all of it is on stable storage; nothing is written after a failure.
 *   P2  Blocks, the pool, and what the compressor holds take memory_max at most, and what one outsize record needs.
 *   P3  No failure is more than the failure of this snapshot, and none leaves its temporary file behind, unless the
 *       disk refuses to remove it: then the next snapshot replaces it.
 *   P4  At most SYNC_EVERY bytes, and what one block adds, are written and not synced: so the last sync is as short as
 *       the others, and the log's syncs never stand behind gigabytes of this file.
 *
 * Limits   Two outsize records, one after the other without a look at snapshot_writer_has_room: if the second one does
 *          not fit the snapshot fails. Types dump in pieces, so only a value that somebody else's module dumps in one
 *          piece can have two.
 */
#include "log/snapshot_writer.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "log/revisions.h"
#include "log/snapshot_codec.h"

#define BLOCK_LARGEST  ((size_t)256 * 1024)
#define BLOCK_SMALLEST ((size_t)64 * 1024)
#define BLOCKS_AT_ONCE 16 /* so many fit into memory_max at least, if they are not smaller than the smallest */
#define SYNC_EVERY     ((uint64_t)8 * 1024 * 1024)
#define MEMORY_LEAST   ((size_t)1024 * 1024)

_Static_assert(EPOCHS_RECORD_MAX <= BLOCK_SMALLEST, "the table of epochs fits into a block");

struct block {
    struct list link; /* of the pool or of those that wait for the file; unlinked in flight */
    struct disk_request request;
    struct snapshot_writer *writer;
    enum snapshot_kind kind;
    uint32_t records;
    size_t size; /* bytes used of data */
    uint8_t head[SNAPSHOT_HEAD_SIZE];
    uint8_t *data; /* block_size bytes */
};

/* The lane's thread's, from the first block submitted to the footer. */
struct lane {
    struct snapshot_packer *packer;
    uint64_t offset; /* where the next block goes */
    uint64_t unsynced;
    uint32_t chain;
};

struct snapshot_writer {
    struct disk *disk;
    struct snapshot_cut cut;
    struct snapshot_writer_config config;
    enum snapshot_writer_state state;
    struct complaint complaint;
    enum status status;    /* of the disk, why it failed */
    atomic_bool abandoned; /* tells the lane's thread that what is still queued need not be written */

    size_t block_size;
    size_t block_memory; /* what one costs */
    struct block *current;
    struct list waiting;
    struct list pool;
    size_t sealed; /* blocks waiting or in flight */
    size_t in_flight;
    size_t fixed; /* bytes of memory that are no blocks */
    size_t memory;
    size_t memory_peak;
    size_t outsize; /* bytes of memory that may be in use beside memory_max: multiple of block_memory */
    uint64_t stored;

    struct disk_request control;
    bool control_busy;
    bool exists; /* the temporary file, as far as we know */
    struct disk_file *file;
    uint8_t header[SNAPSHOT_HEADER_SIZE];
    uint8_t footer[SNAPSHOT_FOOTER_SIZE];
    struct snapshot_counts counts;
    struct lane lane;
    uint64_t declared[65536 / 64]; /* bit set of types */
    struct revisions said;         /* what the file says of revisions */
};

/* ---- blocks ---- */

static void block_destroy(struct snapshot_writer *writer, struct block *block)
{
    check(writer->memory >= writer->fixed + writer->block_memory);
    memory_free(block->data);
    memory_free(block);
    writer->memory -= writer->block_memory;
}

static void pool_clear(struct snapshot_writer *writer)
{
    while (!list_empty(&writer->pool)) {
        struct block *block = container_of(writer->pool.next, struct block, link);
        list_remove(&block->link);
        block_destroy(writer, block);
    }
}

/* When no block will be needed any more. Those in flight come back one by one. */
static void blocks_clear(struct snapshot_writer *writer)
{
    while (!list_empty(&writer->waiting)) {
        struct block *block = container_of(writer->waiting.next, struct block, link);
        list_remove(&block->link);
        check(writer->sealed > writer->in_flight);
        writer->sealed--;
        list_push_back(&writer->pool, &block->link);
    }
    if (writer->current != NULL) {
        list_push_back(&writer->pool, &writer->current->link);
        writer->current = NULL;
    }
    pool_clear(writer);
}

static struct block *block_create(struct snapshot_writer *writer)
{
    struct block *block = memory_zeroed(sizeof *block);
    block->writer = writer;
    block->data = memory_alloc(writer->block_size);
    list_init(&block->link);
    list_init(&block->request.link);
    writer->memory += writer->block_memory;
    check(writer->memory <= writer->config.memory_max + writer->outsize); /* snapshot_writer P2 */
    writer->memory_peak = writer->memory > writer->memory_peak ? writer->memory : writer->memory_peak;
    return block;
}

/* ---- failing ---- */

static void on_control(struct disk_request *request);

static void submit_control(struct snapshot_writer *writer, enum disk_action action)
{
    check(!writer->control_busy);
    writer->control = (struct disk_request){
        .action = action, .lane = DISK_LANE_BULK, .name = SNAPSHOT_TEMPORARY, .on_done = on_control};
    list_init(&writer->control.link);
    writer->control_busy = true;
}

/* Once nothing is under way with it, what is left of a failed snapshot goes. */
static void clean_up(struct snapshot_writer *writer)
{
    if (writer->state != SNAPSHOT_WRITER_FAILED || writer->control_busy || writer->in_flight > 0) {
        return;
    }
    /* Closed while it still has its name, so that it is the lane's thread that gives gigabytes of it back. */
    writer->disk->ops->close(writer->disk, writer->file);
    writer->file = NULL;
    if (writer->exists) {
        writer->exists = false;
        submit_control(writer, DISK_ACTION_REMOVE);
        writer->disk->ops->submit(writer->disk, &writer->control);
    }
}

static void give_up(struct snapshot_writer *writer)
{
    writer->state = SNAPSHOT_WRITER_FAILED;
    atomic_store_explicit(&writer->abandoned, true, memory_order_relaxed);
    blocks_clear(writer);
    clean_up(writer);
}

static void fail_with(struct snapshot_writer *writer, const char *what, enum status status)
{
    if (writer->state == SNAPSHOT_WRITER_FAILED) {
        return;
    }
    writer->status = status;
    const char *advice = status == STATUS_NO_SPACE ? "; make room on the disk" : "";
    complaint_set(&writer->complaint, "the snapshot was given up: " SNAPSHOT_TEMPORARY " cannot be %s: %s%s", what,
                  status_text(status), advice);
    give_up(writer);
}

void snapshot_writer_fail(struct snapshot_writer *writer, const char *reason)
{
    if (writer->state != SNAPSHOT_WRITER_FAILED && writer->state != SNAPSHOT_WRITER_PUBLISHED) {
        complaint_set(&writer->complaint, "the snapshot was given up: %s", reason);
        give_up(writer);
    }
}

/* ---- the lane's thread ---- */

static bool skip_if_abandoned(const struct snapshot_writer *writer, struct disk_request *request)
{
    if (!atomic_load_explicit(&writer->abandoned, memory_order_relaxed)) {
        return false;
    }
    request->head = BYTES_NONE;
    request->source = BYTES_NONE;
    request->sync = false;
    return true;
}

__attribute__((unused)) static bool can_be_read(const uint8_t head[static SNAPSHOT_HEAD_SIZE], unsigned codec)
{
    struct snapshot_head back;
    return snapshot_parse_head(head, 1u << codec, &back) == NULL;
}

static void prepare_block(struct disk_request *request)
{
    struct block *block = container_of(request, struct block, request);
    struct lane *lane = &block->writer->lane;
    if (skip_if_abandoned(block->writer, request)) {
        return;
    }
    struct gm_bytes plain = {block->data, block->size};
    struct gm_bytes stored;
    bool packed = snapshot_pack(lane->packer, plain, &stored);
    stored = packed ? stored : plain;
    struct snapshot_head head = {.content_crc = crc32c(stored),
                                 .chain = lane->chain,
                                 .kind = (uint16_t)block->kind,
                                 .codec = (uint16_t)(packed ? block->writer->config.codec : SNAPSHOT_PLAIN),
                                 .stored_size = (uint32_t)stored.size,
                                 .plain_size = (uint32_t)plain.size,
                                 .records = block->records};
    snapshot_encode_head(&head, block->head);
    check_slow(can_be_read(block->head, head.codec));
    lane->chain = snapshot_chain_of_head(block->head);
    request->head = (struct gm_bytes){block->head, sizeof block->head};
    request->source = stored;
    request->offset = lane->offset;
    lane->offset += sizeof block->head + stored.size;
    lane->unsynced += sizeof block->head + stored.size;
    request->sync = lane->unsynced >= SYNC_EVERY;
    lane->unsynced = request->sync ? 0 : lane->unsynced;
    check(lane->unsynced < SYNC_EVERY); /* snapshot_writer P4 */
}

static void prepare_footer(struct disk_request *request)
{
    struct snapshot_writer *writer = container_of(request, struct snapshot_writer, control);
    if (!skip_if_abandoned(writer, request)) {
        const struct snapshot_counts *counts = &writer->counts;
        check(counts->keys <= counts->records && counts->plain % 8 == 0);
        snapshot_encode_footer(counts, writer->lane.chain, writer->footer);
        request->head = (struct gm_bytes){writer->footer, sizeof writer->footer};
        request->offset = writer->lane.offset;
    }
}

/* ---- blocks on their way ---- */

static void put_back(struct snapshot_writer *writer, struct block *block)
{
    if (writer->outsize > 0) {
        check(writer->outsize >= writer->block_memory && writer->outsize % writer->block_memory == 0);
        writer->outsize -= writer->block_memory;
        block_destroy(writer, block);
    } else {
        list_push_back(&writer->pool, &block->link);
    }
}

static void on_block(struct disk_request *request)
{
    struct block *block = container_of(request, struct block, request);
    struct snapshot_writer *writer = block->writer;
    check(writer->in_flight > 0 && writer->sealed >= writer->in_flight);
    writer->in_flight--;
    writer->sealed--;
    if (request->status == STATUS_OK) {
        writer->stored += request->head.size + request->source.size;
    } else {
        fail_with(writer, request->sync_failed ? "synced" : "written", request->status);
    }
    put_back(writer, block);
    if (writer->state == SNAPSHOT_WRITER_FAILED) {
        pool_clear(writer);
        clean_up(writer);
    }
}

static void submit_block(struct snapshot_writer *writer, struct block *block)
{
    block->request = (struct disk_request){.action = DISK_ACTION_WRITE,
                                           .lane = DISK_LANE_BULK,
                                           .file = writer->file,
                                           .prepare = prepare_block,
                                           .on_done = on_block};
    list_init(&block->request.link);
    check(writer->state != SNAPSHOT_WRITER_FAILED && writer->file != NULL); /* snapshot_writer P1 */
    writer->in_flight++;
    writer->disk->ops->submit(writer->disk, &block->request);
}

static void submit_footer(struct snapshot_writer *writer)
{
    check(writer->state == SNAPSHOT_WRITER_CLOSING && writer->current == NULL && list_empty(&writer->waiting));
    submit_control(writer, DISK_ACTION_WRITE);
    writer->control.file = writer->file;
    writer->control.sync = true;
    writer->control.prepare = prepare_footer;
    writer->disk->ops->submit(writer->disk, &writer->control);
}

static void seal(struct snapshot_writer *writer)
{
    struct block *block = writer->current;
    if (block == NULL) {
        return;
    }
    check(block->size > 0 && block->size <= writer->block_size);
    writer->current = NULL;
    writer->sealed++;
    writer->counts.blocks++;
    if (writer->file != NULL) {
        submit_block(writer, block);
    } else {
        list_push_back(&writer->waiting, &block->link);
    }
}

/* ---- control ---- */

static void on_created(struct snapshot_writer *writer)
{
    check(writer->file == NULL && writer->in_flight == 0 && !writer->exists);
    writer->file = writer->control.file;
    writer->exists = true;
    writer->stored = SNAPSHOT_HEADER_SIZE;
    if (writer->state == SNAPSHOT_WRITER_FAILED) {
        return;
    }
    while (!list_empty(&writer->waiting)) {
        struct block *block = container_of(writer->waiting.next, struct block, link);
        list_remove(&block->link);
        submit_block(writer, block);
    }
    if (writer->state == SNAPSHOT_WRITER_CLOSING) {
        submit_footer(writer);
    }
}

static void create_file(struct snapshot_writer *writer)
{
    submit_control(writer, DISK_ACTION_CREATE);
    writer->control.sync = true;
    writer->control.head = (struct gm_bytes){writer->header, sizeof writer->header};
    writer->disk->ops->submit(writer->disk, &writer->control);
}

static void on_footer(struct snapshot_writer *writer)
{
    writer->stored += writer->control.head.size;
    if (writer->state == SNAPSHOT_WRITER_CLOSING) {
        check(writer->sealed == 0 && writer->in_flight == 0); /* snapshot_writer P1: all of it */
        writer->state = SNAPSHOT_WRITER_WRITTEN;
        writer->disk->ops->close(writer->disk, writer->file);
        writer->file = NULL;
        blocks_clear(writer);
    }
}

static void on_renamed(struct snapshot_writer *writer)
{
    check(writer->file == NULL && writer->in_flight == 0);
    writer->exists = false;
    if (writer->state == SNAPSHOT_WRITER_PUBLISHING) {
        writer->state = SNAPSHOT_WRITER_PUBLISHED;
    }
}

/* The old temporary file is gone, or the new one of a failed snapshot. */
static void on_removed(struct snapshot_writer *writer, enum status status)
{
    if (writer->state == SNAPSHOT_WRITER_FAILED) {
        return;
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        fail_with(writer, "replaced", status);
    } else {
        create_file(writer);
    }
}

static const char *verb_of(const struct disk_request *request)
{
    switch (request->action) {
    case DISK_ACTION_CREATE:
        return "created";
    case DISK_ACTION_RENAME:
        return "renamed";
    default:
        return request->sync_failed ? "synced" : "written";
    }
}

static void on_control(struct disk_request *request)
{
    struct snapshot_writer *writer = container_of(request, struct snapshot_writer, control);
    check(writer->control_busy);
    writer->control_busy = false;
    if (request->action == DISK_ACTION_REMOVE) {
        on_removed(writer, request->status);
    } else if (request->status != STATUS_OK) {
        fail_with(writer, verb_of(request), request->status);
    } else if (request->action == DISK_ACTION_CREATE) {
        on_created(writer);
    } else if (request->action == DISK_ACTION_WRITE) {
        on_footer(writer);
    } else {
        on_renamed(writer);
    }
    clean_up(writer);
}

/* ---- for the shard ---- */

static size_t block_size_for(size_t memory_max)
{
    size_t size = memory_max / BLOCKS_AT_ONCE / 4096 * 4096;
    size = size < BLOCK_SMALLEST ? BLOCK_SMALLEST : size;
    return size > BLOCK_LARGEST ? BLOCK_LARGEST : size;
}

/* Makes sure of a current block of this kind with room for `size` bytes. False: at the ceiling, and FAILED. */
static bool make_room(struct snapshot_writer *writer, enum snapshot_kind kind, size_t size)
{
    struct block *block = writer->current;
    if (block != NULL && (block->kind != kind || writer->block_size - block->size < size)) {
        seal(writer);
    }
    if (writer->current != NULL) {
        return true;
    }
    if (!list_empty(&writer->pool)) {
        block = container_of(writer->pool.next, struct block, link);
        list_remove(&block->link);
    } else if (writer->memory + writer->block_memory <= writer->config.memory_max + writer->outsize) {
        block = block_create(writer);
    } else {
        complaint_set(&writer->complaint,
                      "the snapshot was given up: the disk is too slow for the changes that go on meanwhile, and %zu "
                      "bytes wait for it; a larger snapshot_memory helps",
                      writer->memory);
        writer->status = STATUS_TOO_BIG;
        give_up(writer);
        return false;
    }
    block->kind = kind;
    block->size = 0;
    block->records = 0;
    writer->current = block;
    return true;
}

static void add_whole(struct snapshot_writer *writer, const struct record *record, size_t size)
{
    if (make_room(writer, SNAPSHOT_RECORDS, size)) {
        struct block *block = writer->current;
        struct buf view = {
            .data = block->data, .size = block->size, .capacity = writer->block_size, .limit = writer->block_size};
        bool encoded = record_encode(record, &view);
        check(encoded);
        block->size = view.size;
        block->records++;
    }
}

static bool add_bytes(struct snapshot_writer *writer, const uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        if (!make_room(writer, SNAPSHOT_PART, 1)) {
            return false;
        }
        struct block *block = writer->current;
        size_t room = writer->block_size - block->size;
        size_t piece = size - done < room ? size - done : room;
        memcpy(block->data + block->size, bytes + done, piece);
        block->size += piece;
        done += piece;
    }
    return true;
}

static void add_in_parts(struct snapshot_writer *writer, const struct record *record, size_t size)
{
    static const uint8_t zeros[8];
    uint8_t head[RECORD_HEAD_MAX];
    size_t head_size = record_encode_head(record, head);
    size_t padding = size - head_size - record->key.size - record->body.size;
    size_t blocks = (size + writer->block_size - 1) / writer->block_size * writer->block_memory;
    if (writer->outsize == 0 && blocks + 2 * writer->block_memory > writer->config.memory_max / 2) {
        writer->outsize = blocks;
    }
    seal(writer);
    if (make_room(writer, SNAPSHOT_PART, head_size)) {
        writer->current->records = 1;
        if (add_bytes(writer, head, head_size) && add_bytes(writer, record->key.data, record->key.size) &&
            add_bytes(writer, record->body.data, record->body.size) && add_bytes(writer, zeros, padding)) {
            seal(writer);
        }
    }
}

/* The table of epochs, before anything else. */
static void add_table(struct snapshot_writer *writer, const struct epochs *epochs)
{
    bool room = make_room(writer, SNAPSHOT_RECORDS, EPOCHS_RECORD_MAX);
    check(room); /* memory_max is many blocks, and this is the first */
    struct block *block = writer->current;
    struct buf view = {.data = block->data, .capacity = writer->block_size, .limit = writer->block_size};
    bool encoded = epochs_encode(epochs, writer->cut.sequence, writer->cut.time_ms, &view);
    check(encoded);
    block->size = view.size;
    block->records = 1;
    writer->counts.plain = view.size;
}

struct snapshot_writer *snapshot_writer_create(const struct snapshot_writer_config *config, struct disk *disk,
                                               const struct snapshot_cut *cut, const struct epochs *epochs)
{
    check(config->memory_max >= MEMORY_LEAST);
    check(epochs_number(epochs, cut->sequence) == cut->epoch);
    struct snapshot_writer *writer = memory_zeroed(sizeof *writer);
    writer->disk = disk;
    writer->cut = *cut;
    writer->config = *config;
    writer->counts.sequence = cut->sequence;
    writer->block_size = block_size_for(config->memory_max);
    writer->block_memory = memory_class(writer->block_size) + memory_class(sizeof(struct block));
    list_init(&writer->waiting);
    list_init(&writer->pool);
    snapshot_encode_header(cut, config->codec, writer->header);
    writer->lane = (struct lane){.packer = snapshot_packer_create(config->codec, writer->block_size),
                                 .offset = SNAPSHOT_HEADER_SIZE,
                                 .chain = snapshot_chain_of_header(writer->header)};
    writer->fixed = memory_size(writer) + snapshot_packer_memory(writer->lane.packer);
    writer->memory = writer->fixed;
    writer->memory_peak = writer->fixed;
    submit_control(writer, DISK_ACTION_REMOVE);
    disk->ops->submit(disk, &writer->control);
    add_table(writer, epochs);
    return writer;
}

/* A record about the file. False: there is no room, and the writer has failed. */
static bool add_local(struct snapshot_writer *writer, struct gm_bytes encoded)
{
    if (!make_room(writer, SNAPSHOT_RECORDS, encoded.size)) {
        return false;
    }
    struct block *block = writer->current;
    memcpy(block->data + block->size, encoded.data, encoded.size);
    block->size += encoded.size;
    block->records++;
    writer->counts.types++;
    writer->counts.plain += encoded.size;
    return true;
}

void snapshot_writer_declare(struct snapshot_writer *writer, uint16_t type, struct gm_bytes name)
{
    uint8_t body[2 + RECORD_TYPE_NAME_MAX + RECORD_HEADER_SIZE + 8];
    struct buf encoded = {.data = body, .capacity = sizeof body, .limit = sizeof body};
    uint64_t bit = (uint64_t)1 << type % 64;
    if (writer->state != SNAPSHOT_WRITER_OPEN || (writer->declared[type / 64] & bit) != 0) {
        return;
    }
    bool fits = record_encode_type(writer->cut.sequence, writer->cut.time_ms, type, name, &encoded);
    check(fits);
    if (add_local(writer, buf_bytes(&encoded))) {
        writer->declared[type / 64] |= bit;
    }
}

void snapshot_writer_revise(struct snapshot_writer *writer, const struct record_revision *revision)
{
    uint8_t body[RECORD_HEADER_SIZE + 4 + RECORD_WRITER_MAX + 8];
    struct buf encoded = {.data = body, .capacity = sizeof body, .limit = sizeof body};
    if (writer->state != SNAPSHOT_WRITER_OPEN || revision->revision <= revisions_of(&writer->said, revision->type)) {
        return;
    }
    check((writer->declared[revision->type / 64] >> revision->type % 64 & 1) != 0);
    bool fits = record_encode_revision(writer->cut.sequence, writer->cut.time_ms, revision, &encoded);
    check(fits);
    if (add_local(writer, buf_bytes(&encoded))) {
        revisions_note(&writer->said, revision, 0);
    }
}

void snapshot_writer_add(struct snapshot_writer *writer, const struct record *record)
{
    if (writer->state != SNAPSHOT_WRITER_OPEN) {
        return;
    }
    check((record->flags & ~(RECORD_DUMP | RECORD_FRESH | RECORD_EXPIRE | RECORD_DAMAGED | RECORD_MISFIT)) == 0);
    check(record->type > 0 && (writer->declared[record->type / 64] >> record->type % 64 & 1) != 0);
    struct record dumped = *record;
    dumped.flags |= RECORD_DUMP;
    dumped.sequence = writer->cut.sequence;
    dumped.epoch = writer->cut.epoch;
    dumped.time_ms = writer->cut.time_ms;
    size_t size = record_size(&dumped);
    writer->counts.records++;
    writer->counts.keys += (dumped.flags & RECORD_FRESH) != 0;
    writer->counts.plain += size;
    if (size <= writer->block_size) {
        add_whole(writer, &dumped, size);
    } else {
        add_in_parts(writer, &dumped, size);
    }
}

bool snapshot_writer_has_room(const struct snapshot_writer *writer)
{
    size_t waits = writer->sealed * writer->block_memory;
    return waits == 0 || (writer->outsize == 0 && writer->fixed + waits < writer->config.memory_max / 2);
}

void snapshot_writer_finish(struct snapshot_writer *writer)
{
    if (writer->state != SNAPSHOT_WRITER_OPEN) {
        return;
    }
    writer->state = SNAPSHOT_WRITER_CLOSING;
    seal(writer);
    check(writer->current == NULL && writer->outsize % writer->block_memory == 0);
    if (writer->file != NULL) {
        submit_footer(writer);
    }
}

void snapshot_writer_publish(struct snapshot_writer *writer)
{
    check(writer->state == SNAPSHOT_WRITER_WRITTEN); /* snapshot_writer P1 */
    writer->state = SNAPSHOT_WRITER_PUBLISHING;
    submit_control(writer, DISK_ACTION_RENAME);
    snapshot_name(writer->cut.sequence, writer->control.target);
    writer->disk->ops->submit(writer->disk, &writer->control);
}

enum snapshot_writer_state snapshot_writer_state(const struct snapshot_writer *writer)
{
    return writer->state;
}

const struct complaint *snapshot_writer_complaint(const struct snapshot_writer *writer)
{
    return &writer->complaint;
}

enum status snapshot_writer_status(const struct snapshot_writer *writer)
{
    return writer->status;
}

void snapshot_writer_stats(const struct snapshot_writer *writer, struct snapshot_writer_stats *out)
{
    *out = (struct snapshot_writer_stats){.records = writer->counts.records,
                                          .bytes_plain = writer->counts.plain,
                                          .bytes_stored = writer->stored,
                                          .memory = writer->memory,
                                          .memory_peak = writer->memory_peak};
}

bool snapshot_writer_is_idle(const struct snapshot_writer *writer)
{
    return !writer->control_busy && writer->in_flight == 0;
}

void snapshot_writer_destroy(struct snapshot_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    check(snapshot_writer_is_idle(writer));
    blocks_clear(writer);
    check(writer->memory == writer->fixed);
    writer->disk->ops->close(writer->disk, writer->file);
    snapshot_packer_destroy(writer->lane.packer);
    revisions_finish(&writer->said);
    memory_free(writer);
}
