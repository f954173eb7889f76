/* SPDX-License-Identifier: MIT */

/* state.c - the file cluster.state: a few numbers that a vote rests on.
 *
 * Why      A replica that has said yes to a leader must not say yes to another one in the same epoch, whatever happens
 *          to its process. So a yes is on the disk before it is said; and a disk that is full must not keep a node from
 *          voting.
 *
 * Idea     Two slots, as in the log's mark file, written in turns: one of them is always whole. Both are there from the
 *          first moment on, so that a change never needs space. Changes that come while one is being written go
 *          together in the next one.
 *
 *   offset size        (little-endian; a slot has 512 bytes)
 *      0     8   magic "geomyscs"
 *      8     4   CRC-32C of bytes 12..511
 *     12     2   version, major: 1
 *     14     2   version, minor: 0
 *     16     8   counter: the slot with the higher one counts
 *     24    16   cluster_id
 *     40    16   folder_id
 *     56     8   node
 *     64     8   starts
 *     72     8   promise: epoch,
 *     80     8   its leader,
 *     88     8   and which of the leader's lives
 *     96     8   version of the topology that was acted on
 *    104     4   lease_ms
 *    108   404   zero
 *
 * Promises
 *   P1  What state_save has said to be saved is what the next start reads, or something that was saved later.
 *   P2  The identity of a folder is drawn once, and its starts are counted before anybody is told of one.
 *   P3  With no whole slot nothing is guessed: the start is refused. */
#include "cluster/state.h"

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/memory.h"

#define SLOT_SIZE 512
#define MAGIC     "geomyscs"
#define MAJOR     1

enum offset {
    AT_CRC = 8,
    AT_MAJOR = 12,
    AT_COUNTER = 16,
    AT_CLUSTER = 24,
    AT_FOLDER = 40,
    AT_NODE = 56,
    AT_STARTS = 64,
    AT_EPOCH = 72,
    AT_LEADER = 80,
    AT_START = 88,
    AT_TOPOLOGY = 96,
    AT_LEASE = 104,
};

struct waiting {
    state_saved *on_saved;
    void *context;
};

struct state {
    struct disk *disk;
    struct disk_file *file;
    struct state_values values;
    uint64_t counter;
    struct disk_request request;
    uint8_t slot[SLOT_SIZE]; /* on its way */
    bool under_way;
    bool behind; /* something is wanted that is not in the slot on its way, and nobody waits for it */
    struct waiting waiting[STATE_WAITING]; /* in order; the first `carried` are in the slot on its way */
    unsigned waiting_count;
    unsigned carried;
};

static uint32_t checksum(const uint8_t *slot)
{
    return crc32c((struct gm_bytes){slot + AT_MAJOR, SLOT_SIZE - AT_MAJOR});
}

static void encode(const struct state_values *values, uint64_t counter, uint8_t *slot)
{
    memset(slot, 0, SLOT_SIZE);
    memcpy(slot, MAGIC, 8);
    codec_put_u16(slot + AT_MAJOR, MAJOR);
    codec_put_u64(slot + AT_COUNTER, counter);
    memcpy(slot + AT_CLUSTER, values->cluster_id, STATE_ID_SIZE);
    memcpy(slot + AT_FOLDER, values->folder_id, STATE_ID_SIZE);
    codec_put_u64(slot + AT_NODE, values->node);
    codec_put_u64(slot + AT_STARTS, values->starts);
    codec_put_u64(slot + AT_EPOCH, values->promise.epoch);
    codec_put_u64(slot + AT_LEADER, values->promise.leader);
    codec_put_u64(slot + AT_START, values->promise.start);
    codec_put_u64(slot + AT_TOPOLOGY, values->topology_version);
    codec_put_u32(slot + AT_LEASE, values->lease_ms);
    codec_put_u32(slot + AT_CRC, checksum(slot));
}

static enum status decode(const uint8_t *slot, struct state_values *values, uint64_t *counter)
{
    if (memcmp(slot, MAGIC, 8) != 0 || checksum(slot) != codec_u32(slot + AT_CRC)) {
        return STATUS_CORRUPT;
    }
    if (codec_u16(slot + AT_MAJOR) != MAJOR) {
        return STATUS_VERSION;
    }
    *counter = codec_u64(slot + AT_COUNTER);
    memcpy(values->cluster_id, slot + AT_CLUSTER, STATE_ID_SIZE);
    memcpy(values->folder_id, slot + AT_FOLDER, STATE_ID_SIZE);
    values->node = codec_u64(slot + AT_NODE);
    values->starts = codec_u64(slot + AT_STARTS);
    values->promise =
        (struct stand_promise){codec_u64(slot + AT_EPOCH), codec_u64(slot + AT_LEADER), codec_u64(slot + AT_START)};
    values->topology_version = codec_u64(slot + AT_TOPOLOGY);
    values->lease_ms = codec_u32(slot + AT_LEASE);
    return STATUS_OK;
}

/* ---- opening ---- */

static enum status refuse(struct complaint *complaint, enum status status)
{
    complaint_set(complaint, STATE_NAME " cannot be read or written: %s", status_text(status));
    return status;
}

/* Both slots, so that no later change needs space. */
static enum status create(struct state *state, struct entropy *entropy)
{
    const struct disk_ops *ops = state->disk->ops;
    uint8_t slots[2 * SLOT_SIZE];
    entropy->ops->fill(entropy, state->values.folder_id, STATE_ID_SIZE);
    state->values.starts = 1;
    state->counter = 2;
    encode(&state->values, 1, slots + SLOT_SIZE);
    encode(&state->values, 2, slots);
    TRY(ops->truncate(state->disk, state->file, 0));
    TRY(ops->write(state->disk, state->file, 0, (struct gm_bytes){slots, sizeof slots}));
    TRY(ops->sync(state->disk, state->file));
    return ops->sync_names(state->disk);
}

/* The slot that counts. NOT_FOUND: the file has never held anything. */
static enum status read(struct state *state, struct complaint *complaint)
{
    uint8_t slots[2 * SLOT_SIZE];
    size_t got = 0;
    enum status status = state->disk->ops->read(state->disk, state->file, 0, slots, sizeof slots, &got);
    if (status != STATUS_OK) {
        return refuse(complaint, status);
    }
    bool zero = true;
    bool found = false;
    for (size_t at = 0; at < got; at++) {
        zero = zero && slots[at] == 0;
    }
    for (size_t at = 0; at + SLOT_SIZE <= got; at += SLOT_SIZE) {
        struct state_values values;
        uint64_t counter = 0;
        status = decode(slots + at, &values, &counter);
        if (status == STATUS_VERSION) {
            complaint_set(complaint, STATE_NAME " has a format version that this program does not know");
            return status;
        }
        if (status == STATUS_OK && (!found || counter > state->counter)) {
            state->values = values;
            state->counter = counter;
            found = true;
        }
    }
    if (found) {
        return STATUS_OK;
    }
    if (zero) {
        return STATUS_NOT_FOUND; /* its creation did not come to its end, and nothing was said yes to */
    }
    complaint_set(complaint, "neither slot of " STATE_NAME
                             " is whole: this node cannot know what it has said yes to. Give it an empty data folder, "
                             "and let it join again"); /* state P3 */
    return STATUS_CORRUPT;
}

/* The start is counted before anybody hears of it: state P2. */
static enum status count_start(struct state *state)
{
    state->values.starts++;
    state->counter++;
    encode(&state->values, state->counter, state->slot);
    const struct disk_ops *ops = state->disk->ops;
    TRY(ops->write(state->disk, state->file, state->counter % 2 * SLOT_SIZE,
                   (struct gm_bytes){state->slot, SLOT_SIZE}));
    return ops->sync(state->disk, state->file);
}

static enum status open_file(struct state *state, struct entropy *entropy, struct complaint *complaint)
{
    const struct disk_ops *ops = state->disk->ops;
    enum status status = ops->open(state->disk, STATE_NAME, DISK_WRITE, &state->file);
    bool there = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND) {
        status = ops->open(state->disk, STATE_NAME, DISK_CREATE, &state->file);
    }
    if (status != STATUS_OK) {
        return refuse(complaint, status);
    }
    status = there ? read(state, complaint) : STATUS_NOT_FOUND;
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    status = status == STATUS_OK ? count_start(state) : create(state, entropy);
    return status == STATUS_OK ? STATUS_OK : refuse(complaint, status);
}

enum status state_open(struct state **out, struct disk *disk, struct entropy *entropy, struct complaint *complaint)
{
    struct state *state = memory_zeroed(sizeof *state);
    state->disk = disk;
    list_init(&state->request.link);
    enum status status = open_file(state, entropy, complaint);
    if (status != STATUS_OK) {
        state_close(state);
        return status;
    }
    *out = state;
    return STATUS_OK;
}

void state_close(struct state *state)
{
    if (state == NULL) {
        return;
    }
    state->waiting_count = 0;
    state->carried = 0;
    if (state->under_way) {
        state->disk->ops->drain(state->disk);
    }
    if (state->file != NULL) {
        state->disk->ops->close(state->disk, state->file);
    }
    memory_free(state);
}

/* ---- saving ---- */

static void on_done(struct disk_request *request);

static void begin(struct state *state)
{
    state->counter++;
    encode(&state->values, state->counter, state->slot);
    state->carried = state->waiting_count;
    state->under_way = true;
    state->behind = false;
    state->request = (struct disk_request){
        .action = DISK_ACTION_WRITE,
        .lane = DISK_LANE_LOG,
        .file = state->file,
        .offset = state->counter % 2 * SLOT_SIZE,
        .source = {state->slot, SLOT_SIZE},
        .sync = true,
        .on_done = on_done,
    };
    list_init(&state->request.link);
    state->disk->ops->submit(state->disk, &state->request);
}

static void on_done(struct disk_request *request)
{
    struct state *state = container_of(request, struct state, request);
    struct complaint complaint = {.text = ""};
    bool saved = request->status == STATUS_OK;
    if (!saved) {
        (void)refuse(&complaint, request->status);
    }
    struct waiting done[STATE_WAITING];
    unsigned count = state->carried;
    memcpy(done, state->waiting, count * sizeof *done);
    memmove(state->waiting, state->waiting + count, (state->waiting_count - count) * sizeof *done);
    state->waiting_count -= count;
    state->carried = 0;
    state->under_way = false;
    if (state->waiting_count > 0 || state->behind) {
        begin(state);
    }
    for (unsigned i = 0; i < count; i++) {
        if (done[i].on_saved != NULL) {
            done[i].on_saved(done[i].context, saved, &complaint); /* state P1 */
        }
    }
}

static void want(struct state *state, state_saved *on_saved, void *context)
{
    if (on_saved != NULL) {
        check(state->waiting_count < STATE_WAITING);
        state->waiting[state->waiting_count++] = (struct waiting){on_saved, context};
    }
    state->behind = true; /* however slow the disk is: who does not wait takes no place */
    if (!state->under_way) {
        begin(state);
    }
}

const struct state_values *state_values(const struct state *state)
{
    return &state->values;
}

void state_save(struct state *state, const struct state_values *values, state_saved *on_saved, void *context)
{
    state->values.promise = values->promise;
    state->values.topology_version = values->topology_version;
    state->values.lease_ms = values->lease_ms;
    want(state, on_saved, context);
}

void state_enter(struct state *state, const uint8_t cluster_id[STATE_ID_SIZE], uint64_t node, state_saved *on_saved,
                 void *context)
{
    check(state->values.node == 0 && node > 0);
    memcpy(state->values.cluster_id, cluster_id, STATE_ID_SIZE);
    state->values.node = node;
    want(state, on_saved, context);
}

bool state_is_busy(const struct state *state)
{
    return state->under_way;
}
