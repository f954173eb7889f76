/* SPDX-License-Identifier: MIT */

/* harness.c - the shard of the log's tests. */
#include "harness.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TYPE      7
#define TYPE_NAME BYTES("test.type/1")
#define BODY_MAX  1800

/* Record number `sequence` of every history. */
static struct record record_of(const struct harness *harness, uint64_t sequence, uint8_t body[static BODY_MAX],
                               char key[static 32])
{
    struct prng prng;
    prng_seed(&prng, sequence);
    static const size_t sizes[] = {0, 8, 40, 100, 500, BODY_MAX};
    size_t size = sizes[prng_below(&prng, 6)];
    bool zeros = !harness->plain_bodies && prng_below(&prng, 3) == 0;
    for (size_t i = 0; i < size; i++) {
        body[i] = zeros ? 0 : (uint8_t)(1 + prng_below(&prng, 255));
    }
    int key_size = snprintf(key, 32, "key-%llu", (unsigned long long)sequence);
    bool expires = sequence % 5 == 0;
    return (struct record){
        .time_ms = 1700000000000 + (int64_t)sequence,
        .expire_at_ms = expires ? 1800000000000 : 0,
        .flags = expires ? RECORD_EXPIRE : 0,
        .op = (uint16_t)(sequence % 9),
        .type = TYPE,
        .slot = (uint16_t)(sequence % RECORD_SLOT_COUNT),
        .key = {(const uint8_t *)key, (size_t)key_size},
        .body = {body, size},
    };
}

static bool same(const struct record *a, const struct record *b)
{
    return a->time_ms == b->time_ms && a->expire_at_ms == b->expire_at_ms && a->op == b->op && a->type == b->type &&
           a->slot == b->slot && gm_bytes_equal(a->key, b->key) && gm_bytes_equal(a->body, b->body) &&
           ((a->flags ^ b->flags) & ~RECORD_MORE) == 0;
}

static enum status on_declare(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                              struct complaint *complaint)
{
    struct harness *harness = container_of(sink, struct harness, sink);
    (void)complaint;
    harness->declared++;
    harness->wrong = harness->wrong || type != TYPE || !gm_bytes_equal(name, TYPE_NAME);
    return STATUS_OK;
}

bool harness_knows(const struct harness *harness, const struct record *record)
{
    uint8_t body[BODY_MAX];
    char key[32];
    if (record->sequence == 0 || record->sequence >= HARNESS_SEQUENCES) {
        return false;
    }
    struct record_epoch epoch;
    struct record expected = record_of(harness, record->sequence, body, key);
    bool begins = harness->epochs[record->sequence] != 0;
    bool right = begins ? record_read_epoch(record, &epoch) && epoch.leader == HARNESS_LEADER &&
                              record->epoch == harness->epochs[record->sequence]
                        : same(record, &expected);
    bool more = !harness->ends[record->sequence];
    return right && more == ((record->flags & RECORD_MORE) != 0);
}

static enum status on_accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct harness *harness = container_of(sink, struct harness, sink);
    (void)complaint;
    harness->delivered++;
    harness->wrong = harness->wrong || record->sequence != harness->delivered || !harness_knows(harness, record);
    return STATUS_OK;
}

void harness_epochs(const struct harness *harness, uint64_t last, struct epochs *out)
{
    struct complaint complaint;
    out->count = 0;
    for (uint64_t i = 1; i <= last; i++) {
        struct epochs_entry entry = {.epoch = harness->epochs[i], .leader = HARNESS_LEADER, .first = i};
        if (entry.epoch != 0) {
            cr_assert_eq(epochs_add(out, &entry, &complaint), STATUS_OK, "%s", complaint.text);
        }
    }
}

static void expect_epochs(const struct harness *harness, const struct replay *replay)
{
    struct epochs added = {0};
    harness_epochs(harness, harness->end.last_sequence, &added);
    cr_assert(epochs_agree(&added, replay_epochs(replay)), "the epochs came back differently");
    cr_assert_eq(harness->end.last_epoch, epochs_last(&added));
    epochs_finish(&added);
}

static void on_progress(void *context)
{
    struct harness *harness = context;
    harness->progresses++;
    if (harness->wal != NULL && wal_synced(harness->wal) > harness->promised) {
        harness->promised = wal_synced(harness->wal);
    }
}

static void on_failed(void *context, const struct complaint *complaint)
{
    struct harness *harness = context;
    harness->failures++;
    harness->complaint = *complaint;
}

void harness_init(struct harness *harness, uint64_t seed, enum wal_policy policy)
{
    *harness =
        (struct harness){.sim = sim_disk_create(seed),
                         .config = {.policy = policy, .segment_size = 2048, .sync_interval_ms = 50, .salt_seed = 99},
                         .sink = {.declare = on_declare, .accept = on_accept},
                         .now_ms = 1000};
    prng_seed(&harness->prng, seed);
    harness->ends[0] = true;
}

void harness_finish(struct harness *harness)
{
    harness_stop(harness);
    sim_disk_destroy(harness->sim);
}

void harness_take_disk(struct harness *harness, struct sim_disk *sim)
{
    sim_disk_destroy(harness->sim);
    harness->sim = sim;
}

enum status harness_recover(struct harness *harness, bool repair, const struct replay_rules *rules)
{
    static const struct replay_rules all = {true, true};
    struct replay *replay;
    harness->delivered = harness->from;
    harness->declared = 0;
    harness->wrong = false;
    enum status status = replay_create_with(&replay, sim_disk_interface(harness->sim), repair, harness->from,
                                            rules != NULL ? rules : &all, &harness->complaint);
    if (status != STATUS_OK) {
        return status;
    }
    if (harness->from > 0) {
        struct epochs snapshot = {0};
        harness_epochs(harness, harness->from, &snapshot);
        replay_expect(replay, &snapshot);
        epochs_finish(&snapshot);
    }
    do {
        status = replay_step(replay, 1000, &harness->sink, &harness->complaint);
    } while (status == STATUS_AGAIN);
    replay_progress(replay, &harness->progress);
    if (status == STATUS_OK) {
        replay_end(replay, &harness->end);
        cr_assert_eq(harness->end.last_sequence, harness->delivered);
        cr_assert(!harness->wrong, "a record came back differently");
        cr_assert(harness->ends[harness->delivered], "a batch came back in part: %llu",
                  (unsigned long long)harness->delivered);
        expect_epochs(harness, replay);
    }
    replay_destroy(replay);
    return status;
}

enum status harness_start(struct harness *harness)
{
    TRY(harness_recover(harness, true, NULL));
    uint64_t last = harness->end.last_sequence;
    struct epochs known = {0};
    tail_init(&harness->tail, last, 0);
    memset(harness->ends + last + 1, 0, (HARNESS_SEQUENCES - last - 1) * sizeof *harness->ends);
    memset(harness->epochs + last + 1, 0, (HARNESS_SEQUENCES - last - 1) * sizeof *harness->epochs);
    harness_epochs(harness, last, &known);
    tail_set_epochs(&harness->tail, &known);
    tail_lead(&harness->tail, epochs_last(&known) + 1, &(struct record_epoch){.leader = HARNESS_LEADER});
    epochs_finish(&known);
    struct wal_events events = {on_progress, on_failed, harness};
    enum status status = wal_create(&harness->wal, &harness->config, sim_disk_interface(harness->sim), &harness->tail,
                                    &harness->end, &events, &harness->complaint);
    if (status != STATUS_OK) {
        tail_finish(&harness->tail);
        return status;
    }
    tail_declare(&harness->tail, TYPE, TYPE_NAME);
    on_progress(harness);
    return STATUS_OK;
}

void harness_stop(struct harness *harness)
{
    if (harness->wal != NULL) {
        sim_disk_interface(harness->sim)->ops->drain(sim_disk_interface(harness->sim));
        wal_destroy(harness->wal);
        harness->wal = NULL;
        tail_finish(&harness->tail);
    }
}

void harness_add(struct harness *harness, unsigned records)
{
    uint8_t body[BODY_MAX];
    char key[32];
    tail_begin(&harness->tail);
    for (unsigned i = 0; i < records; i++) {
        uint64_t next = tail_next(&harness->tail);
        cr_assert_lt(next, HARNESS_SEQUENCES);
        harness->epochs[harness->tail.last_sequence + 1] = (uint16_t)harness->tail.begins;
        struct record record = record_of(harness, next, body, key);
        tail_add(&harness->tail, &record);
        cr_assert_eq(record.sequence, next);
    }
    tail_end(&harness->tail);
    harness->ends[harness->tail.last_sequence] = true;
}

void harness_turn(struct harness *harness, int64_t later_ms)
{
    harness->now_ms += later_ms;
    wal_turn(harness->wal, harness->now_ms);
}

void harness_settle(struct harness *harness, int64_t for_ms)
{
    for (int64_t end = harness->now_ms + for_ms; harness->now_ms < end && harness->failures == 0;) {
        harness_turn(harness, 10);
        (void)sim_disk_run(harness->sim, 10);
    }
}

void harness_snapshot(struct harness *harness)
{
    uint64_t synced = wal_synced(harness->wal);
    uint64_t cut = synced - prng_below(&harness->prng, (synced - harness->newer) / 2 + 1);
    while (cut > harness->newer && !harness->ends[cut]) {
        cut--;
    }
    harness->older = harness->newer;
    harness->newer = cut;
    wal_keep_from(harness->wal, harness->older + 1);
}

void harness_script(struct harness *harness, unsigned batches)
{
    for (unsigned i = 0; i < batches && harness->failures == 0;) {
        if (harness->snapshots > 0 && prng_below(&harness->prng, harness->snapshots) == 0) {
            harness_snapshot(harness);
        }
        switch (prng_below(&harness->prng, 8)) {
        case 0:
        case 1:
        case 2:
            harness_add(harness, 1 + (unsigned)prng_below(&harness->prng, 4));
            i++;
            break;
        case 3:
            harness_turn(harness, (int64_t)prng_below(&harness->prng, 40));
            break;
        case 4:
        case 5:
            harness_turn(harness, 1);
            (void)sim_disk_run(harness->sim, 1);
            break;
        case 6:
            (void)sim_disk_run(harness->sim, 1);
            break;
        default:
            if (prng_below(&harness->prng, 4) == 0) {
                harness_settle(harness, 300);
            }
        }
    }
}

bool harness_close(struct harness *harness)
{
    enum status status = wal_close(harness->wal, &harness->complaint);
    harness_stop(harness);
    return status == STATUS_OK;
}
