/* SPDX-License-Identifier: MIT */

/* fuzz_replay.c - any bytes as the files of a log: recovery comes to an end without a wrong access; when it succeeds
 * with repair, a second one comes to the same end and finds nothing more to repair, and the log can be continued and
 * read back. Without repair no file changes.
 *
 * Input: one byte of flags, then the bytes of the first segment; with flag 1 the second half of them is a second
 * segment. Flag 2: headers and records have right checksums where their sizes make sense. Flag 4: the mark file claims
 * more than nothing. The upper five bits are the record that a snapshot shows. */
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "log/mark.h"
#include "log/replay.h"
#include "log/segment.h"
#include "log/wal.h"
#include "support/sim_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_TWO  1
#define FLAG_SEAL 2
#define FLAG_MARK 4
#define FROM_BIT  3 /* and those above it */

struct expected {
    struct record_sink sink;
    uint64_t next; /* sequence */
};

static enum status on_declare(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                              struct complaint *complaint)
{
    (void)sink, (void)complaint;
    check(type > 0 && name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    return STATUS_OK;
}

static enum status on_accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    volatile uint8_t sum = 0;
    struct expected *expected = container_of(sink, struct expected, sink);
    (void)complaint;
    check(record->sequence == expected->next++);
    for (size_t i = 0; i < record->body.size; i++) {
        sum = (uint8_t)(sum + record->body.data[i]);
    }
    return STATUS_OK;
}

static enum status recover(struct sim_disk *sim, bool repair, uint64_t from, struct replay_progress *progress,
                           struct replay_end *end, struct epochs *epochs)
{
    struct expected expected = {.sink = {.declare = on_declare, .accept = on_accept}, .next = from + 1};
    struct complaint complaint;
    struct replay *replay;
    enum status status = replay_create(&replay, sim_disk_interface(sim), repair, from, &complaint);
    if (status != STATUS_OK) {
        return status;
    }
    do {
        status = replay_step(replay, 4096, &expected.sink, &complaint);
    } while (status == STATUS_AGAIN);
    if (status == STATUS_OK) {
        replay_progress(replay, progress);
        replay_end(replay, end);
        check(end->last_sequence == expected.next - 1);
        epochs_copy(epochs, replay_epochs(replay));
        check(end->last_epoch == epochs_last(epochs));
    }
    replay_destroy(replay);
    return status;
}

static void continue_log(struct sim_disk *sim, const struct replay_end *end, const struct epochs *epochs)
{
    struct tail tail;
    struct wal *wal;
    struct complaint complaint;
    struct wal_config config = {.policy = WAL_WRITE_THROUGH, .segment_size = 4096};
    struct wal_events events = {0};
    struct record record = {.op = RECORD_OP_FLUSH};
    tail_init(&tail, end->last_sequence, end->last_epoch);
    tail_set_epochs(&tail, epochs);
    tail_lead(&tail, end->last_epoch + 1, &(struct record_epoch){.leader = 1});
    enum status status = wal_create(&wal, &config, sim_disk_interface(sim), &tail, end, &events, &complaint);
    check(status == STATUS_OK);
    tail_begin(&tail);
    tail_add(&tail, &record);
    tail_end(&tail);
    status = wal_close(wal, &complaint);
    check(status == STATUS_OK);
    wal_destroy(wal);
    tail_finish(&tail);
}

static void seal_records(uint8_t *bytes, size_t size)
{
    if (size >= SEGMENT_HEADER_SIZE) {
        codec_put_u32(bytes + 8, crc32c((struct gm_bytes){bytes + 12, SEGMENT_HEADER_SIZE - 12}));
    }
    for (size_t at = SEGMENT_HEADER_SIZE; at + RECORD_HEADER_SIZE <= size;) {
        uint32_t claimed = codec_u32(bytes + at + 8);
        if (claimed < RECORD_HEADER_SIZE || claimed > size - at) {
            break;
        }
        codec_put_u32(bytes + at + 4,
                      crc32c((struct gm_bytes){bytes + at + RECORD_HEADER_SIZE, claimed - RECORD_HEADER_SIZE}));
        codec_put_u32(bytes + at, crc32c((struct gm_bytes){bytes + at + 4, RECORD_HEADER_SIZE - 4}));
        at += (claimed + 7u) & ~7u;
    }
}

static void put_segment(struct sim_disk *sim, const uint8_t *data, size_t size, uint64_t first, bool seal)
{
    char name[DISK_NAME_MAX];
    uint8_t *copy = malloc(size + 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    if (seal) {
        seal_records(copy, size);
    }
    segment_name(first, name);
    sim_disk_put(sim, name, (struct gm_bytes){copy, size});
    free(copy);
}

static struct sim_disk *disk_of(const uint8_t *data, size_t size)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct complaint complaint;
    uint8_t flags = data[0];
    size_t first = (flags & FLAG_TWO) != 0 ? (size - 1) / 2 : size - 1;
    bool seal = (flags & FLAG_SEAL) != 0;
    struct mark mark = {
        .counter = 1, .oldest = 1, .durable = (flags & FLAG_MARK) != 0, .segment = (flags & FLAG_MARK) != 0};
    enum status status = mark_create(sim_disk_interface(sim), &mark, &complaint);
    check(status == STATUS_OK);
    put_segment(sim, data + 1, first, 1, seal);
    if ((flags & FLAG_TWO) != 0) {
        uint64_t sequence = size - 1 - first >= SEGMENT_HEADER_SIZE ? codec_u64(data + 1 + first + 32) : 0;
        put_segment(sim, data + 1 + first, size - 1 - first, sequence > 1 ? sequence : 2, seal);
    }
    return sim;
}

static void expect_untouched(struct sim_disk *sim, struct sim_disk *before)
{
    size_t files = 0;
    for (; sim_disk_name(before, files) != NULL; files++) {
        const char *name = sim_disk_name(before, files);
        check(gm_bytes_equal(sim_disk_contents(sim, name), sim_disk_contents(before, name)));
    }
    check(sim_disk_name(sim, files) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct replay_progress progress;
    struct replay_end end;
    struct epochs epochs = {0};
    uint64_t from = data[0] >> FROM_BIT;
    struct sim_disk *sim = disk_of(data, size);
    struct sim_disk *before = sim_disk_clone(sim, 1);
    enum status looked = recover(sim, false, from, &progress, &end, &epochs);
    expect_untouched(sim, before);
    enum status status = recover(sim, true, from, &progress, &end, &epochs);
    check(status == looked || status == STATUS_VERSION);
    if (status != STATUS_OK) {
        expect_untouched(sim, before);
    } else if (end.last_sequence < UINT64_MAX - 3 && end.last_epoch < UINT64_MAX) {
        uint64_t last = end.last_sequence;
        status = recover(sim, true, from, &progress, &end, &epochs);
        check(status == STATUS_OK && end.last_sequence == last && progress.torn_bytes == 0);
        if (last == 0 || epochs.count > 0) { /* records before it without an epoch: no snapshot is like that */
            continue_log(sim, &end, &epochs);
            status = recover(sim, true, from, &progress, &end, &epochs);
            check(status == STATUS_OK && end.last_sequence == last + 2);
        }
    }
    epochs_finish(&epochs);
    sim_disk_destroy(before);
    sim_disk_destroy(sim);
    return 0;
}
