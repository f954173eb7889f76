/* SPDX-License-Identifier: MIT */

/* coord_store.c - the raft server's files; coord_store.h says how, docs/formats/coordinator.md has the layout. */
#include "cluster/coord_store.h"

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/memory.h"

#define STATE_MAGIC "geomysrs"
#define LOG_MAGIC   "geomysrl"
#define MAJOR       1
#define ENTRY_SIZE  32 /* bytes of an entry's header */

enum state_offset {
    STATE_CRC = 8,
    STATE_MAJOR = 12,
    STATE_COUNTER = 16,
    STATE_SERVER = 24,
    STATE_TERM = 32,
    STATE_VOTE = 40,
    STATE_LAST = 48,
    STATE_END = 56,
    STATE_APPLIED = 64,
};

enum log_offset {
    LOG_CRC = 8,
    LOG_MAJOR = 12,
    LOG_SERVER = 16,
};

enum entry_offset {
    ENTRY_CRC = 0,
    ENTRY_DATA_SIZE = 4,
    ENTRY_INDEX = 8,
    ENTRY_TERM = 16,
    ENTRY_TYPE = 24,
};

/* What is to be written: bytes of the log, or the state as it was when the step was queued. */
struct step {
    struct list link;
    uint64_t offset; /* of the log; 0: it is a state */
    size_t size;
    uint8_t bytes[];
};

static uint64_t entry_room(uint64_t size)
{
    return (ENTRY_SIZE + size + 7) & ~(uint64_t)7;
}

static uint64_t end_of(const struct coord_store *store, uint64_t index)
{
    return index == 0 ? COORD_STORE_HEADER : store->ends[index - 1];
}

static void note_end(struct coord_store *store, uint64_t end)
{
    if (store->last == store->ends_room) {
        store->ends_room = store->ends_room == 0 ? 64 : store->ends_room * 2;
        store->ends = memory_realloc(store->ends, store->ends_room * sizeof store->ends[0]);
    }
    store->ends[store->last++] = end;
}

/* ---- bytes ---- */

static uint32_t sector_crc(const uint8_t sector[static COORD_STORE_SLOT])
{
    return crc32c((struct gm_bytes){sector + STATE_MAJOR, COORD_STORE_SLOT - STATE_MAJOR});
}

static void encode_state(const struct coord_store *store, uint8_t out[static COORD_STORE_SLOT])
{
    memset(out, 0, COORD_STORE_SLOT);
    memcpy(out, STATE_MAGIC, 8);
    codec_put_u16(out + STATE_MAJOR, MAJOR);
    codec_put_u64(out + STATE_COUNTER, store->counter);
    codec_put_u64(out + STATE_SERVER, store->server);
    codec_put_u64(out + STATE_TERM, store->term);
    codec_put_u64(out + STATE_VOTE, store->vote);
    codec_put_u64(out + STATE_LAST, store->last);
    codec_put_u64(out + STATE_END, end_of(store, store->last));
    codec_put_u64(out + STATE_APPLIED, store->applied);
    codec_put_u32(out + STATE_CRC, sector_crc(out));
}

static void encode_entry(const struct coord_store_entry *entry, uint64_t index, uint8_t *out)
{
    memset(out, 0, entry_room(entry->data.size));
    codec_put_u32(out + ENTRY_DATA_SIZE, (uint32_t)entry->data.size);
    codec_put_u64(out + ENTRY_INDEX, index);
    codec_put_u64(out + ENTRY_TERM, entry->term);
    codec_put_u16(out + ENTRY_TYPE, entry->type);
    if (entry->data.size > 0) {
        memcpy(out + ENTRY_SIZE, entry->data.data, entry->data.size);
    }
    codec_put_u32(out,
                  crc32c((struct gm_bytes){out + ENTRY_DATA_SIZE, entry_room(entry->data.size) - ENTRY_DATA_SIZE}));
}

/* ---- writing, one step after the other ---- */

static void next_step(struct coord_store *store);

static void on_written(struct disk_request *request)
{
    struct coord_store *store = container_of(request, struct coord_store, request);
    struct step *step = container_of(store->steps.next, struct step, link);
    store->busy = false;
    if (request->status != STATUS_OK) { /* coord_store P5 */
        store->failed = true;
        complaint_set(&store->trouble, "the coordinator's file '%s' could not be written: %s",
                      step->offset == 0 ? COORD_STORE_STATE : COORD_STORE_LOG, status_text(request->status));
        return;
    }
    if (store->slots_left > 0) {
        store->slots_left--;
    }
    if (store->slots_left == 0) {
        list_remove(&step->link);
        memory_free(step);
    }
    next_step(store);
}

static void next_step(struct coord_store *store)
{
    if (store->busy || store->failed || list_empty(&store->steps)) {
        return;
    }
    struct step *step = container_of(store->steps.next, struct step, link);
    bool state = step->offset == 0;
    if (state && store->slots_left == 0) {
        store->slots_left = 2;
    }
    uint64_t slot = store->slots_left == 2 ? store->first_slot : 1u - store->first_slot;
    store->request = (struct disk_request){
        .action = DISK_ACTION_WRITE,
        .lane = DISK_LANE_LOG,
        .sync = true,
        .file = state ? store->state_file : store->log_file,
        .offset = state ? slot * COORD_STORE_SLOT : step->offset,
        .source = {step->bytes, step->size},
        .on_done = on_written,
    };
    store->busy = true;
    store->disk->ops->submit(store->disk, &store->request);
}

static struct step *add_step(struct coord_store *store, uint64_t offset, size_t size)
{
    struct step *step = memory_alloc(sizeof *step + size);
    step->offset = offset;
    step->size = size;
    list_push_back(&store->steps, &step->link);
    return step;
}

/* A state that waits right before this one need not be written: this one says all of it. */
static void queue_state(struct coord_store *store)
{
    struct step *last = list_empty(&store->steps) ? NULL : container_of(store->steps.prev, struct step, link);
    bool waits = last != NULL && last->offset == 0 && !(store->busy && store->steps.next == &last->link);
    struct step *step = waits ? last : add_step(store, 0, COORD_STORE_SLOT);
    store->counter++;
    encode_state(store, step->bytes);
    next_step(store);
}

void coord_store_set_term(struct coord_store *store, uint64_t term)
{
    store->term = term;
    store->vote = 0;
    queue_state(store);
}

void coord_store_set_vote(struct coord_store *store, uint64_t vote)
{
    store->vote = vote;
    queue_state(store);
}

void coord_store_set_applied(struct coord_store *store, uint64_t index)
{
    if (index > store->applied) {
        check(index <= store->last);
        store->applied = index;
        queue_state(store);
    }
}

uint64_t coord_store_room(const struct coord_store *store)
{
    return store->size - end_of(store, store->last);
}

enum status coord_store_append(struct coord_store *store, const struct coord_store_entry *entries, size_t count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].data.size > COORD_STORE_ENTRY_MAX) {
            return STATUS_TOO_BIG;
        }
        size += entry_room(entries[i].data.size);
    }
    if (size > coord_store_room(store)) {
        return STATUS_NO_SPACE;
    }
    uint64_t begin = end_of(store, store->last);
    struct step *step = add_step(store, begin, (size_t)size);
    uint8_t *at = step->bytes;
    for (size_t i = 0; i < count; i++) {
        encode_entry(&entries[i], store->last + 1, at);
        at += entry_room(entries[i].data.size);
        note_end(store, begin + (uint64_t)(at - step->bytes));
    }
    queue_state(store); /* coord_store P1: behind the log's bytes */
    return STATUS_OK;
}

void coord_store_truncate(struct coord_store *store, uint64_t index)
{
    check(index >= 1 && index <= store->last + 1);
    store->last = index - 1;
    check(store->applied <= store->last); /* what is committed is never cut */
    queue_state(store);                   /* coord_store P2: before what takes its place */
}

/* ---- the start ---- */

static enum status bad_state(struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "the coordinator's file '" COORD_STORE_STATE "' %s; nothing was changed", why);
    return STATUS_CORRUPT;
}

static enum status bad_entry(struct complaint *complaint, uint64_t index)
{
    complaint_set(complaint,
                  "entry %llu of the coordinator's file '" COORD_STORE_LOG "' is damaged, nothing was changed: "
                  "put back this folder, or empty it and let the node join anew",
                  (unsigned long long)index);
    return STATUS_CORRUPT;
}

static const uint8_t *newest_slot(const uint8_t *slots)
{
    const uint8_t *newest = NULL;
    for (int i = 0; i < 2; i++) {
        const uint8_t *slot = slots + (size_t)i * COORD_STORE_SLOT;
        if (memcmp(slot, STATE_MAGIC, 8) == 0 && codec_u32(slot + STATE_CRC) == sector_crc(slot) &&
            (newest == NULL || codec_u64(slot + STATE_COUNTER) > codec_u64(newest + STATE_COUNTER))) {
            newest = slot;
        }
    }
    return newest;
}

static enum status parse_state(struct coord_store *store, const uint8_t *slots, uint64_t *last, uint64_t *end,
                               struct complaint *complaint)
{
    const uint8_t *slot = newest_slot(slots);
    if (slot == NULL) {
        return bad_state(complaint, "has no whole slot");
    }
    if (codec_u16(slot + STATE_MAJOR) != MAJOR) {
        (void)bad_state(complaint, "has a format version that this program does not know");
        return STATUS_VERSION;
    }
    if (codec_u64(slot + STATE_SERVER) != store->server) {
        (void)bad_state(complaint, "belongs to another data folder");
        return STATUS_INVALID;
    }
    store->first_slot = slot == slots ? 1 : 0;
    store->counter = codec_u64(slot + STATE_COUNTER);
    store->term = codec_u64(slot + STATE_TERM);
    store->vote = codec_u64(slot + STATE_VOTE);
    store->applied = codec_u64(slot + STATE_APPLIED);
    *last = codec_u64(slot + STATE_LAST);
    *end = codec_u64(slot + STATE_END);
    if (*end < COORD_STORE_HEADER || *end > store->size || *last > (*end - COORD_STORE_HEADER) / ENTRY_SIZE ||
        store->applied > *last) {
        return bad_state(complaint, "names a place that is not in the log");
    }
    return STATUS_OK;
}

/* How long entry `index` at `at` is, with its header; 0: it is not one. */
static uint64_t parse_entry(const struct coord_store *store, uint64_t index, uint64_t at, uint64_t end, uint64_t *term)
{
    const uint8_t *header = store->loaded + at;
    if (end - at < ENTRY_SIZE) {
        return 0;
    }
    uint64_t room = entry_room(codec_u32(header + ENTRY_DATA_SIZE));
    if (room > end - at || codec_u32(header + ENTRY_DATA_SIZE) > COORD_STORE_ENTRY_MAX ||
        codec_u32(header) != crc32c((struct gm_bytes){header + ENTRY_DATA_SIZE, room - ENTRY_DATA_SIZE})) {
        return 0;
    }
    uint16_t type = codec_u16(header + ENTRY_TYPE);
    uint64_t own = codec_u64(header + ENTRY_TERM);
    if (codec_u64(header + ENTRY_INDEX) != index || own < *term || own == 0 || own > store->term ||
        type < COORD_STORE_COMMAND || type > COORD_STORE_CHANGE) {
        return 0;
    }
    *term = own;
    return room;
}

static enum status parse_log(struct coord_store *store, uint64_t last, uint64_t end, struct complaint *complaint)
{
    const uint8_t *header = store->loaded;
    if (memcmp(header, LOG_MAGIC, 8) != 0 || codec_u32(header + LOG_CRC) != sector_crc(header) ||
        codec_u16(header + LOG_MAJOR) != MAJOR || codec_u64(header + LOG_SERVER) != store->server) {
        return bad_entry(complaint, 0);
    }
    uint64_t term = 0;
    for (uint64_t at = COORD_STORE_HEADER; store->last < last;) {
        uint64_t room = parse_entry(store, store->last + 1, at, end, &term);
        if (room == 0) {
            return bad_entry(complaint, store->last + 1);
        }
        at += room;
        note_end(store, at);
    }
    store->read = last;
    return end_of(store, last) == end ? STATUS_OK : bad_entry(complaint, last + 1);
}

static enum status read_all(struct coord_store *store, struct disk_file *file, uint8_t *into, uint64_t size,
                            struct complaint *complaint)
{
    size_t got = 0;
    enum status status = store->disk->ops->read(store->disk, file, 0, into, (size_t)size, &got);
    if (status != STATUS_OK) {
        complaint_set(complaint, "the coordinator's files cannot be read: %s", status_text(status));
        return status;
    }
    return got == size ? STATUS_OK : bad_state(complaint, "or its log is shorter than it was made");
}

static enum status load(struct coord_store *store, struct complaint *complaint)
{
    uint8_t slots[2 * COORD_STORE_SLOT];
    uint64_t last, end;
    enum status status = store->disk->ops->size(store->disk, store->log_file, &store->size);
    if (status != STATUS_OK || store->size < COORD_STORE_LOG_MIN || store->size > COORD_STORE_LOG_MAX) {
        complaint_set(complaint,
                      "the coordinator's file '" COORD_STORE_LOG "' has a size that it cannot have; nothing was "
                      "changed");
        return status != STATUS_OK ? status : STATUS_CORRUPT;
    }
    TRY(read_all(store, store->state_file, slots, sizeof slots, complaint));
    TRY(parse_state(store, slots, &last, &end, complaint));
    store->loaded = memory_alloc((size_t)end);
    TRY(read_all(store, store->log_file, store->loaded, end, complaint));
    TRY(parse_log(store, last, end, complaint));
    queue_state(store); /* coord_store P4: both slots have it again */
    store->disk->ops->drain(store->disk);
    if (store->failed) {
        *complaint = store->trouble;
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status zeros(struct disk *disk, struct disk_file *file, uint64_t size)
{
    enum { CHUNK = 64 * 1024 };
    uint8_t *chunk = memory_zeroed(CHUNK);
    enum status status = STATUS_OK;
    for (uint64_t at = 0; at < size && status == STATUS_OK; at += CHUNK) {
        size_t part = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        status = disk->ops->write(disk, file, at, (struct gm_bytes){chunk, part});
    }
    memory_free(chunk);
    return status;
}

static enum status fill(struct coord_store *store, uint64_t log_size)
{
    struct disk *disk = store->disk;
    uint8_t sector[2 * COORD_STORE_SLOT] = {0};
    TRY(disk->ops->truncate(disk, store->log_file, 0));
    TRY(zeros(disk, store->log_file, log_size));
    memcpy(sector, LOG_MAGIC, 8);
    codec_put_u16(sector + LOG_MAJOR, MAJOR);
    codec_put_u64(sector + LOG_SERVER, store->server);
    codec_put_u32(sector + LOG_CRC, sector_crc(sector));
    TRY(disk->ops->write(disk, store->log_file, 0, (struct gm_bytes){sector, COORD_STORE_HEADER}));
    TRY(disk->ops->sync(disk, store->log_file));
    TRY(disk->ops->sync_names(disk));
    /* Whoever finds a state finds a log: the state gets its name when both are whole. */
    encode_state(store, sector);
    encode_state(store, sector + COORD_STORE_SLOT);
    TRY(disk->ops->write(disk, store->state_file, 0, (struct gm_bytes){sector, sizeof sector}));
    TRY(disk->ops->sync(disk, store->state_file));
    TRY(disk->ops->rename(disk, COORD_STORE_STATE ".new", COORD_STORE_STATE));
    return disk->ops->sync_names(disk);
}

static enum status open_anew(struct disk *disk, const char *name, struct disk_file **out)
{
    enum status status = disk->ops->open(disk, name, DISK_CREATE, out);
    return status == STATUS_EXISTS ? disk->ops->open(disk, name, DISK_WRITE, out) : status;
}

/* Without a state the log was never used: it is made anew. */
static enum status make(struct coord_store *store, uint64_t log_size, struct complaint *complaint)
{
    enum status status = open_anew(store->disk, COORD_STORE_LOG, &store->log_file);
    if (status == STATUS_OK) {
        status = open_anew(store->disk, COORD_STORE_STATE ".new", &store->state_file);
    }
    if (status == STATUS_OK) {
        status = fill(store, log_size);
    }
    store->disk->ops->close(store->disk, store->state_file);
    store->disk->ops->close(store->disk, store->log_file);
    store->state_file = store->log_file = NULL;
    if (status != STATUS_OK) {
        complaint_set(complaint, "the coordinator's files cannot be made: %s", status_text(status));
    }
    return status;
}

/* A log with entries whose state is gone is somebody's loss, not a beginning. */
static enum status check_unused(struct coord_store *store, struct complaint *complaint)
{
    struct disk_file *file;
    uint8_t bytes[COORD_STORE_HEADER + ENTRY_SIZE];
    size_t got = 0;
    enum status status = store->disk->ops->open(store->disk, COORD_STORE_LOG, DISK_READ, &file);
    if (status == STATUS_OK) {
        status = store->disk->ops->read(store->disk, file, 0, bytes, sizeof bytes, &got);
        store->disk->ops->close(store->disk, file);
        if (status == STATUS_OK && got == sizeof bytes && codec_u32(bytes + COORD_STORE_HEADER) != 0) {
            return bad_state(complaint, "is missing, though '" COORD_STORE_LOG "' has entries");
        }
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        complaint_set(complaint, "the coordinator's file '" COORD_STORE_LOG "' cannot be read: %s",
                      status_text(status));
        return status;
    }
    return STATUS_OK;
}

enum status coord_store_open(struct coord_store *store, struct disk *disk, uint64_t server, uint64_t log_size,
                             struct complaint *complaint)
{
    check(server != 0 && log_size >= COORD_STORE_LOG_MIN && log_size <= COORD_STORE_LOG_MAX);
    *store = (struct coord_store){.disk = disk, .server = server};
    list_init(&store->steps);
    enum status status = disk->ops->open(disk, COORD_STORE_STATE, DISK_WRITE, &store->state_file);
    if (status == STATUS_NOT_FOUND) {
        TRY(check_unused(store, complaint));
        TRY(make(store, log_size, complaint));
        status = disk->ops->open(disk, COORD_STORE_STATE, DISK_WRITE, &store->state_file);
    }
    if (status == STATUS_OK) {
        status = disk->ops->open(disk, COORD_STORE_LOG, DISK_WRITE, &store->log_file);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint,
                      "the coordinator's files '" COORD_STORE_STATE "' and '" COORD_STORE_LOG "' cannot be opened: %s",
                      status_text(status));
    } else {
        status = load(store, complaint); /* coord_store P3 */
    }
    if (status != STATUS_OK) {
        coord_store_close(store);
    }
    return status;
}

void coord_store_close(struct coord_store *store)
{
    while (!list_empty(&store->steps)) {
        struct step *step = container_of(store->steps.next, struct step, link);
        list_remove(&step->link);
        memory_free(step);
    }
    store->disk->ops->close(store->disk, store->state_file);
    store->disk->ops->close(store->disk, store->log_file);
    coord_store_forget(store);
    memory_free(store->ends);
    store->ends = NULL;
    store->state_file = store->log_file = NULL;
}

struct coord_store_entry coord_store_loaded(const struct coord_store *store, uint64_t index)
{
    check(store->loaded != NULL && index >= 1 && index <= store->read);
    const uint8_t *header = store->loaded + end_of(store, index - 1);
    return (struct coord_store_entry){
        .term = codec_u64(header + ENTRY_TERM),
        .type = codec_u16(header + ENTRY_TYPE),
        .data = {header + ENTRY_SIZE, codec_u32(header + ENTRY_DATA_SIZE)},
    };
}

void coord_store_forget(struct coord_store *store)
{
    memory_free(store->loaded);
    store->loaded = NULL;
}
