/* SPDX-License-Identifier: MIT */

/* coord_local.c - the coordinator of a node that is alone: a file.
 *
 * Idea     A change is written beside the file, synced, and renamed over it: one request after the other on the disk's
 *          lane, one change at a time. Layout of the file (little-endian), also in docs/formats/coordinator.md:
 *
 *   offset size
 *      0     8   magic "geomystp"
 *      8     4   CRC-32C of all bytes from 12 on
 *     12     2   version of the format, major: 1
 *     14     2   version of the format, minor: 0
 *     16     8   size of the document
 *     24     n   the document: topology_encode
 *
 * Promises
 *   P1  The file is always whole: it has the document before a change, or the one behind.
 *   P2  OK is said when the name of the new file is on stable storage.
 *   P3  Where a disk is full the change is refused and the old document stays; any other failure stops the engine.
 */
#include "cluster/coord_local.h"

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/memory.h"

#define MAGIC       "geomystp"
#define MAJOR       1
#define HEADER_SIZE 24

enum offset {
    AT_CRC = 8,
    AT_MAJOR = 12,
    AT_SIZE = 16,
};

enum step {
    IDLE,
    WRITING,  /* the file aside, with the first swap's document */
    RENAMING, /* it gets its name */
};

struct coord_local {
    struct coord base;
    struct disk *disk;
    struct list swaps;        /* struct coord_swap; the first one is being carried out unless `step` is IDLE */
    struct list reads;        /* struct coord_read */
    struct topology *current; /* owned, NULL: none yet */
    struct topology *before;  /* owned, NULL: what was current before: who asked in the last turn may look at it */
    uint8_t *file;            /* owned: bytes on their way from or to the disk */
    struct disk_request request;
    enum step step;
    bool answered; /* the request was carried out */
    bool stopped;
    struct complaint trouble;
};

/* ---- the file ---- */

static struct gm_bytes encode_file(struct coord_local *local, const struct topology *topology)
{
    size_t size = topology_encode(topology, local->file + HEADER_SIZE, TOPOLOGY_BYTES_MAX);
    memset(local->file, 0, HEADER_SIZE);
    memcpy(local->file, MAGIC, 8);
    codec_put_u16(local->file + AT_MAJOR, MAJOR);
    codec_put_u64(local->file + AT_SIZE, size);
    struct gm_bytes all = {local->file, HEADER_SIZE + size};
    codec_put_u32(local->file + AT_CRC, crc32c((struct gm_bytes){all.data + AT_MAJOR, all.size - AT_MAJOR}));
    return all;
}

static enum status parse_file(struct coord_local *local, size_t size, struct complaint *complaint)
{
    const uint8_t *file = local->file;
    if (size < HEADER_SIZE || memcmp(file, MAGIC, 8) != 0 ||
        crc32c((struct gm_bytes){file + AT_MAJOR, size - AT_MAJOR}) != codec_u32(file + AT_CRC) ||
        codec_u64(file + AT_SIZE) != size - HEADER_SIZE) {
        complaint_set(complaint,
                      "the file '" COORD_LOCAL_NAME "' of the cluster's folder is damaged: put back a copy of "
                      "it; nothing was changed");
        return STATUS_CORRUPT;
    }
    if (codec_u16(file + AT_MAJOR) != MAJOR) {
        complaint_set(complaint,
                      "the file '" COORD_LOCAL_NAME "' of the cluster's folder has a format version that this "
                      "program does not know");
        return STATUS_VERSION;
    }
    local->current = memory_alloc(sizeof *local->current);
    struct gm_bytes document = {file + HEADER_SIZE, size - HEADER_SIZE};
    if (topology_decode(document, local->current, complaint) != STATUS_OK) {
        complaint_prefix(complaint, "the file '" COORD_LOCAL_NAME "' of the cluster's folder");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status read_file(struct coord_local *local, struct complaint *complaint)
{
    const struct disk_ops *ops = local->disk->ops;
    struct disk_file *file;
    size_t got = 0;
    enum status status = ops->open(local->disk, COORD_LOCAL_NAME, DISK_READ, &file);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = ops->read(local->disk, file, 0, local->file, HEADER_SIZE + TOPOLOGY_BYTES_MAX + 1, &got);
        ops->close(local->disk, file);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "the file '" COORD_LOCAL_NAME "' of the cluster's folder cannot be read: %s",
                      status_text(status));
        return status;
    }
    return parse_file(local, got, complaint);
}

/* What was written aside and never got its name counts for nothing. */
static enum status remove_aside(struct coord_local *local, struct complaint *complaint)
{
    enum status status = local->disk->ops->remove(local->disk, COORD_LOCAL_ASIDE);
    if (status == STATUS_OK) {
        status = local->disk->ops->sync_names(local->disk);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        complaint_set(complaint, "the file '" COORD_LOCAL_ASIDE "' of the cluster's folder cannot be removed: %s",
                      status_text(status));
        return status;
    }
    return STATUS_OK;
}

/* ---- one change ---- */

static void stop(struct coord_local *local, const char *what)
{
    local->stopped = true;
    local->step = IDLE;
    complaint_set(&local->trouble, "the topology's file could not be %s: %s", what, status_text(local->request.status));
}

static void on_request(struct disk_request *request)
{
    container_of(request, struct coord_local, request)->answered = true;
}

static void submit(struct coord_local *local, enum step step, struct gm_bytes bytes)
{
    bool writing = step == WRITING;
    local->step = step;
    local->answered = false;
    local->request = (struct disk_request){
        .action = writing ? DISK_ACTION_CREATE : DISK_ACTION_RENAME,
        .lane = DISK_LANE_LOG,
        .sync = true,
        .name = COORD_LOCAL_ASIDE,
        .target = COORD_LOCAL_NAME,
        .source = bytes,
        .on_done = on_request,
    };
    local->disk->ops->submit(local->disk, &local->request);
}

static struct coord_swap *first_swap(struct coord_local *local)
{
    return list_empty(&local->swaps) ? NULL : container_of(local->swaps.next, struct coord_swap, link);
}

static void answer_swap(struct coord_swap *swap, enum coord_outcome outcome)
{
    list_remove(&swap->link);
    swap->outcome = outcome;
    swap->on_done(swap);
}

static void begin(struct coord_local *local, struct coord_swap *swap)
{
    uint64_t version = local->current == NULL ? 0 : local->current->version;
    if (swap->expected_version != version) {
        answer_swap(swap, COORD_EXISTS);
    } else if (topology_check(swap->topology, &swap->complaint) != STATUS_OK ||
               topology_follows(local->current, swap->topology, &swap->complaint) != STATUS_OK) {
        answer_swap(swap, COORD_REFUSED);
    } else {
        submit(local, WRITING, encode_file(local, swap->topology));
    }
}

static void written(struct coord_local *local, struct coord_swap *swap)
{
    enum status status = local->request.status;
    if (status == STATUS_OK) {
        local->disk->ops->close(local->disk, local->request.file);
        submit(local, RENAMING, BYTES_NONE);
    } else if (status_is_passing(status) && !local->request.sync_failed) { /* coord_local P3 */
        local->step = IDLE;
        complaint_set(&swap->complaint, "the topology's file cannot be written: %s", status_text(status));
        answer_swap(swap, COORD_REFUSED);
    } else {
        stop(local, "written");
    }
}

static void renamed(struct coord_local *local, struct coord_swap *swap)
{
    if (local->request.status != STATUS_OK) {
        stop(local, "given its name");
        return;
    }
    struct topology *next = local->before != NULL ? local->before : memory_alloc(sizeof *next);
    topology_copy(next, swap->topology);
    local->before = local->current;
    local->current = next;
    local->step = IDLE;
    answer_swap(swap, COORD_OK); /* coord O2 */
}

/* ---- the engine ---- */

static struct coord_local *local_of(struct coord *coord)
{
    return container_of(coord, struct coord_local, base);
}

static const struct topology *local_topology(const struct coord *coord)
{
    return container_of(coord, struct coord_local, base)->current;
}

static void local_swap(struct coord *coord, struct coord_swap *swap)
{
    list_push_back(&local_of(coord)->swaps, &swap->link);
}

static void local_read(struct coord *coord, struct coord_read *read)
{
    list_push_back(&local_of(coord)->reads, &read->link);
}

static bool local_is_controller(const struct coord *coord)
{
    return !container_of(coord, struct coord_local, base)->stopped;
}

static void answer_reads(struct coord_local *local)
{
    struct list reads;
    list_init(&reads);
    list_move_all(&reads, &local->reads); /* those that are asked meanwhile are for the next turn */
    while (!list_empty(&reads)) {
        struct coord_read *read = container_of(reads.next, struct coord_read, link);
        list_remove(&read->link);
        read->outcome = COORD_OK;
        read->topology = local->current;
        read->on_done(read);
    }
}

static void local_turn(struct coord *coord, int64_t now_us)
{
    struct coord_local *local = local_of(coord);
    (void)now_us;
    if (local->stopped || (local->step != IDLE && !local->answered)) {
        if (!local->stopped) {
            answer_reads(local);
        }
        return;
    }
    struct coord_swap *swap = first_swap(local);
    if (local->step == WRITING) {
        written(local, swap);
    } else if (local->step == RENAMING) {
        renamed(local, swap);
    }
    swap = first_swap(local);
    if (local->step == IDLE && !local->stopped && swap != NULL) {
        begin(local, swap);
    }
    if (!local->stopped) {
        answer_reads(local);
    }
}

static uint32_t local_next_ms(const struct coord *coord, int64_t now_us)
{
    const struct coord_local *local = container_of(coord, struct coord_local, base);
    (void)now_us;
    bool due = local->step == IDLE ? !list_empty(&local->swaps) : local->answered;
    return !local->stopped && (due || !list_empty(&local->reads)) ? 0 : UINT32_MAX;
}

static void local_on_message(struct coord *coord, uint64_t from, struct gm_bytes message)
{
    (void)coord; /* nobody else belongs to it */
    (void)from;
    (void)message;
}

static const char *local_trouble(const struct coord *coord)
{
    const struct coord_local *local = container_of(coord, struct coord_local, base);
    return local->stopped ? local->trouble.text : NULL;
}

static void local_destroy(struct coord *coord)
{
    struct coord_local *local = local_of(coord);
    if (local->step == WRITING && local->answered && local->request.status == STATUS_OK) {
        local->disk->ops->close(local->disk, local->request.file);
    }
    memory_free(local->current);
    memory_free(local->before);
    memory_free(local->file);
    memory_free(local);
}

static const struct coord_ops local_ops = {
    .topology = local_topology,
    .swap = local_swap,
    .read = local_read,
    .is_controller = local_is_controller,
    .turn = local_turn,
    .next_ms = local_next_ms,
    .on_message = local_on_message,
    .trouble = local_trouble,
    .destroy = local_destroy,
};

enum status coord_local_create(struct coord **out, struct disk *disk, struct complaint *complaint)
{
    struct coord_local *local = memory_zeroed(sizeof *local);
    local->base.ops = &local_ops;
    local->disk = disk;
    local->file = memory_alloc(HEADER_SIZE + TOPOLOGY_BYTES_MAX + 1); /* one more, to see that a file is too large */
    list_init(&local->swaps);
    list_init(&local->reads);
    enum status status = read_file(local, complaint);
    if (status == STATUS_OK) {
        status = remove_aside(local, complaint);
    }
    if (status != STATUS_OK) {
        local_destroy(&local->base);
        return status;
    }
    *out = &local->base;
    return STATUS_OK;
}
