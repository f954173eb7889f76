/* SPDX-License-Identifier: MIT */

/* snap.c - snapshots for the tests. */
#include "snap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/prng.h"

struct made {
    struct record record;
    char key[32];
    uint8_t *body;
};

static uint16_t type_of(unsigned which)
{
    return (uint16_t)(which == 0 ? 3 : 700);
}

static struct gm_bytes name_of(unsigned which)
{
    return which == 0 ? BYTES("test.first/1") : BYTES("test.second/4");
}

/* Record number `index` of every snapshot: values of three records each, words and noise in their bodies. */
static void make(const struct snap *snap, unsigned index, struct made *out)
{
    struct prng prng;
    prng_seed(&prng, index + 1);
    static const size_t sizes[] = {0, 8, 40, 100, 500, 3000};
    size_t size = snap->large > 0 && index % 16 == 8 ? snap->large : sizes[prng_below(&prng, 6)];
    bool noise = prng_below(&prng, 3) == 0;
    out->body = malloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        out->body[i] = (uint8_t)(noise ? prng_below(&prng, 256) : (i / 7 + index) % 11);
    }
    bool first = index % 3 == 0;
    bool expires = index % 9 == 0;
    int key = snprintf(out->key, sizeof out->key, "key-%u", index / 3);
    out->record = (struct record){.expire_at_ms = expires ? 1800000000000 + index : 0,
                                  .flags = (uint16_t)((first ? RECORD_FRESH : 0) | (expires ? RECORD_EXPIRE : 0) |
                                                      (index / 3 % 5 == 4 ? RECORD_DAMAGED : 0)),
                                  .op = (uint16_t)(index % 4),
                                  .type = type_of(index / 3 % SNAP_TYPES),
                                  .slot = (uint16_t)(index / 3 % RECORD_SLOT_COUNT),
                                  .key = {(const uint8_t *)out->key, (size_t)key},
                                  .body = {out->body, size}};
}

static enum status on_declare(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                              struct complaint *complaint)
{
    struct snap *snap = container_of(sink, struct snap, sink);
    (void)complaint;
    snap->wrong = snap->wrong || snap->types >= SNAP_TYPES || type != type_of(snap->types) ||
                  !gm_bytes_equal(name, name_of(snap->types));
    snap->types++;
    return STATUS_OK;
}

static bool same(const struct snap *snap, const struct record *record, const struct record *made)
{
    return record->sequence == snap->cut.sequence && record->epoch == snap->cut.epoch &&
           record->time_ms == snap->cut.time_ms && record->expire_at_ms == made->expire_at_ms &&
           record->flags == (made->flags | RECORD_DUMP) && record->op == made->op && record->type == made->type &&
           record->slot == made->slot && gm_bytes_equal(record->key, made->key) &&
           gm_bytes_equal(record->body, made->body);
}

static enum status on_accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct snap *snap = container_of(sink, struct snap, sink);
    struct made made;
    if (snap->stop_at != 0 && snap->next == snap->stop_at) {
        complaint_set(complaint, "the sink has had enough");
        return STATUS_REFUSED;
    }
    make(snap, snap->next, &made);
    snap->wrong = snap->wrong || snap->next >= snap->records || !same(snap, record, &made.record);
    snap->next++;
    free(made.body);
    return STATUS_OK;
}

void snap_init(struct snap *snap, uint64_t sequence, unsigned records, size_t large)
{
    *snap = (struct snap){.cut = {.sequence = sequence, .epoch = sequence > 0 ? 5 : 0, .time_ms = 1700000000000},
                          .entries = {{.epoch = 3, .leader = 1, .first = 1}, {.epoch = 5, .leader = 2, .first = 3}},
                          .records = records,
                          .large = large,
                          .sink = {.declare = on_declare, .accept = on_accept}};
    snap->epochs = (struct epochs){.list = snap->entries, .count = sequence > 0 ? 2 : 0};
}

void snap_add(const struct snap *snap, struct snapshot_writer *writer, struct sim_disk *sim)
{
    for (unsigned i = 0; i < SNAP_TYPES; i++) {
        snapshot_writer_declare(writer, type_of(i), name_of(i));
    }
    for (unsigned i = 0; i < snap->records; i++) {
        struct made made;
        make(snap, i, &made);
        snapshot_writer_add(writer, &made.record);
        free(made.body);
        if (sim != NULL && i % 4 == 3) {
            (void)sim_disk_run(sim, 3);
        }
        while (sim != NULL && !snapshot_writer_has_room(writer) && sim_disk_run(sim, 3) > 0) {
        }
    }
}

uint64_t snap_plain(const struct snap *snap)
{
    uint64_t sum = RECORD_HEADER_SIZE + GM_SECRET_SIZE + snap->epochs.count * EPOCHS_ENTRY_SIZE;
    for (unsigned i = 0; i < SNAP_TYPES; i++) {
        sum += (RECORD_HEADER_SIZE + 2 + name_of(i).size + 7) & ~(size_t)7;
    }
    for (unsigned i = 0; i < snap->records; i++) {
        struct made made;
        make(snap, i, &made);
        sum += record_size(&made.record);
        free(made.body);
    }
    return sum;
}

unsigned snap_keys(const struct snap *snap)
{
    return (snap->records + 2) / 3;
}

void snap_drop(struct snapshot_writer *writer, struct sim_disk *sim)
{
    sim_disk_interface(sim)->ops->drain(sim_disk_interface(sim));
    cr_assert(snapshot_writer_is_idle(writer));
    snapshot_writer_destroy(writer);
}

enum snapshot_writer_state snap_write(const struct snap *snap, struct sim_disk *sim,
                                      const struct snapshot_writer_config *config, struct complaint *complaint)
{
    struct disk *disk = sim_disk_interface(sim);
    struct snapshot_writer *writer = snapshot_writer_create(config, disk, &snap->cut, &snap->epochs);
    snap_add(snap, writer, sim);
    snapshot_writer_finish(writer);
    disk->ops->drain(disk);
    if (snapshot_writer_state(writer) == SNAPSHOT_WRITER_WRITTEN) {
        snapshot_writer_publish(writer);
        disk->ops->drain(disk);
    }
    enum snapshot_writer_state state = snapshot_writer_state(writer);
    *complaint = *snapshot_writer_complaint(writer);
    snap_drop(writer, sim);
    return state;
}

enum status snap_read(struct snap *snap, struct disk *disk, size_t budget, struct complaint *complaint)
{
    struct snapshot_reader *reader;
    struct snapshot_cut cut;
    struct snapshot_progress progress;
    snap->next = 0;
    snap->types = 0;
    snap->wrong = false;
    TRY(snapshot_reader_create(&reader, disk, snap->cut.sequence, complaint));
    snapshot_reader_cut(reader, &cut);
    snap->wrong =
        cut.sequence != snap->cut.sequence || cut.epoch != snap->cut.epoch || cut.time_ms != snap->cut.time_ms;
    enum status status;
    do {
        status = snapshot_reader_step(reader, budget, &snap->sink, complaint);
    } while (status == STATUS_AGAIN);
    snapshot_reader_progress(reader, &progress);
    cr_assert_eq(progress.records, snap->next + (status == STATUS_REFUSED));
    if (status == STATUS_OK) {
        bool all =
            snap->next == snap->records && snap->types == SNAP_TYPES && snapshot_reader_keys(reader) == snap_keys(snap);
        cr_assert_eq(progress.bytes_done + SNAPSHOT_FOOTER_SIZE, progress.bytes_total);
        snap->wrong = snap->wrong || !all || !epochs_agree(&snap->epochs, snapshot_reader_epochs(reader));
    }
    snapshot_reader_destroy(reader);
    return status;
}

unsigned snap_files(const struct sim_disk *sim)
{
    unsigned count = 0;
    while (sim_disk_name(sim, count) != NULL) {
        count++;
    }
    return count;
}
