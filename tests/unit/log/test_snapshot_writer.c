/* SPDX-License-Identifier: MIT */

/* Writing a snapshot: what is under a snapshot's name is whole, whatever the disk does and whenever the process dies;
 * a failure is told, costs nothing but the snapshot, and leaves nothing behind; and memory has an end. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "harness.h"
#include "snap.h"
#include "support/seed.h"

#define MIB ((size_t)1024 * 1024)

static const struct snapshot_writer_config small = {.memory_max = MIB, .codec = SNAPSHOT_PLAIN};

static const char *const codec_names[] = {"plain", "lz4", "zstd"};

/* A whole snapshot under the name, or none. */
static bool expect_whole_or_none(struct snap *snap, struct sim_disk *sim, const char *when, uint64_t which)
{
    struct complaint complaint;
    enum status status = snap_read(snap, sim_disk_interface(sim), SIZE_MAX, &complaint);
    if (status == STATUS_NOT_FOUND) {
        return false;
    }
    cr_assert_eq(status, STATUS_OK, "%s %llu: %s", when, (unsigned long long)which, complaint.text);
    cr_assert(!snap->wrong, "%s %llu", when, (unsigned long long)which);
    return true;
}

Test(snapshot_writer, writes_what_the_reader_gives_back_with_each_codec_and_every_size_of_record)
{
    static const size_t larges[] = {0, 65000, 65536 - 48 - 5, 70000, 131072, 500000};
    for (enum snapshot_codec codec = SNAPSHOT_PLAIN; codec <= SNAPSHOT_ZSTD; codec++) {
        for (size_t i = 0; i < sizeof larges / sizeof larges[0]; i++) {
            struct snap snap;
            struct complaint complaint;
            struct sim_disk *sim = sim_disk_create(1);
            struct snapshot_writer_config config = {.memory_max = 4 * MIB, .codec = codec};
            snap_init(&snap, 77 + i, 60, larges[i]);
            config.memory_max = i % 2 == 0 ? 4 * MIB : 2 * MIB;
            cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED, "%s", complaint.text);
            cr_assert_eq(snap_files(sim), 1);
            static const size_t budgets[] = {1, 100, 4096, SIZE_MAX};
            for (size_t b = 0; b < 4; b++) {
                cr_assert_eq(snap_read(&snap, sim_disk_interface(sim), budgets[b], &complaint), STATUS_OK, "%s, %s",
                             codec_names[codec], complaint.text);
                cr_assert(!snap.wrong);
            }
            sim_disk_destroy(sim);
        }
    }
}

Test(snapshot_writer, tells_its_figures_and_an_empty_snapshot_is_one_too)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct disk *disk = sim_disk_interface(sim);
    struct snapshot_writer_stats stats;
    struct snap snap;
    struct complaint complaint;
    snap_init(&snap, 0, 0, 0);
    cr_assert_eq(snap_write(&snap, sim, &small, &complaint), SNAPSHOT_WRITER_PUBLISHED);
    cr_assert(expect_whole_or_none(&snap, sim, "empty", 0));
    snap_init(&snap, 12, 300, 0);
    struct snapshot_writer_config config = {.memory_max = MIB, .codec = SNAPSHOT_LZ4};
    struct snapshot_writer *writer = snapshot_writer_create(&config, disk, &snap.cut, &snap.epochs);
    snap_add(&snap, writer, sim);
    snapshot_writer_finish(writer);
    cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_CLOSING);
    disk->ops->drain(disk);
    cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_WRITTEN);
    snapshot_writer_publish(writer);
    cr_assert(!snapshot_writer_is_idle(writer));
    cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_PUBLISHING);
    disk->ops->drain(disk);
    snapshot_writer_stats(writer, &stats);
    cr_assert_eq(stats.records, 300);
    cr_assert_eq(stats.bytes_plain, snap_plain(&snap));
    char name[DISK_NAME_MAX];
    snapshot_name(12, name);
    cr_assert_eq(stats.bytes_stored, sim_disk_contents(sim, name).size);
    cr_assert_lt(stats.bytes_stored, stats.bytes_plain * 3 / 4);
    cr_assert(stats.memory <= stats.memory_peak && stats.memory_peak <= MIB);
    snap_drop(writer, sim);
    sim_disk_destroy(sim);
}

Test(snapshot_writer, is_synced_as_it_grows)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct complaint complaint;
    struct snap snap;
    struct snapshot_writer_config config = {.memory_max = 8 * MIB, .codec = SNAPSHOT_PLAIN};
    snap_init(&snap, 12, 320, MIB);
    cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
    cr_assert(expect_whole_or_none(&snap, sim, "large", 0));
    char name[DISK_NAME_MAX];
    snapshot_name(12, name);
    struct snapshot_counts counts;
    uint32_t chain;
    struct gm_bytes bytes = sim_disk_contents(sim, name);
    cr_assert_null(snapshot_parse_footer(bytes.data + bytes.size - SNAPSHOT_FOOTER_SIZE, &counts, &chain));
    /* remove; create, write, sync, names; each block; footer, sync; rename, names; and what snap_read did: open, size,
     * two ends and a window each. What is left over are syncs. */
    uint64_t reads = 2 + 2 + bytes.size / (2 * MIB) + 1;
    uint64_t syncs = sim_disk_calls(sim) - 1 - 4 - counts.blocks - 2 - 2 - reads;
    cr_assert_geq(syncs, 2, "%llu", (unsigned long long)syncs);
    cr_assert_leq(syncs, bytes.size / (8 * MIB) + 1);
    sim_disk_destroy(sim);
}

/* The calls that a run without faults makes. */
static uint64_t calls_of(const struct snap *snap, const struct snapshot_writer_config *config, bool old)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct complaint complaint;
    if (old) {
        sim_disk_put(sim, SNAPSHOT_TEMPORARY, BYTES("of an earlier life"));
    }
    cr_assert_eq(snap_write(snap, sim, config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
    uint64_t calls = sim_disk_calls(sim);
    sim_disk_destroy(sim);
    return calls;
}

Test(snapshot_writer, after_a_crash_at_any_call_there_is_a_whole_snapshot_or_none, .timeout = 120)
{
    uint64_t seed = seed_of_run();
    struct snap snap;
    struct snap older;
    snap_init(&snap, 900, 70, 90000);
    snap_init(&older, 400, 20, 0);
    unsigned there = 0;
    unsigned runs = 0;
    for (enum snapshot_codec codec = SNAPSHOT_PLAIN; codec <= SNAPSHOT_LZ4; codec++) {
        struct snapshot_writer_config config = {.memory_max = 2 * MIB, .codec = codec};
        uint64_t calls = calls_of(&snap, &config, true);
        for (uint64_t at = 1; at <= calls + 1; at++) {
            for (uint64_t turn = 0; turn < 8; turn++) {
                struct complaint complaint;
                struct sim_disk *sim = sim_disk_create(seed + turn);
                cr_assert_eq(snap_write(&older, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
                sim_disk_put(sim, SNAPSHOT_TEMPORARY, BYTES("of an earlier life"));
                sim_disk_fault(sim, SIM_CRASH, at, 1);
                enum snapshot_writer_state state = snap_write(&snap, sim, &config, &complaint);
                cr_assert_eq(state == SNAPSHOT_WRITER_PUBLISHED, at > calls);
                sim_disk_crash(sim, seed * 1000 + at * 100 + turn);
                bool whole = expect_whole_or_none(&snap, sim, "crash at call", at);
                cr_assert(whole || at <= calls, "a published snapshot is gone");
                cr_assert(expect_whole_or_none(&older, sim, "older, crash at call", at), "the older one is gone");
                there += whole;
                runs++;
                /* the next life goes on */
                snap.cut.sequence = 901;
                cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
                cr_assert(expect_whole_or_none(&snap, sim, "after a crash at call", at));
                snap.cut.sequence = 900;
                cr_assert_eq(snap_files(sim), whole ? 3 : 2);
                sim_disk_destroy(sim);
            }
        }
    }
    cr_assert(there > 8 && there < runs, "%u of %u", there, runs);
}

Test(snapshot_writer, a_fault_at_any_call_fails_the_snapshot_with_a_sentence_and_leaves_nothing_behind, .timeout = 60)
{
    struct snap snap;
    snap_init(&snap, 900, 70, 90000);
    struct snapshot_writer_config config = {.memory_max = 2 * MIB, .codec = SNAPSHOT_LZ4};
    uint64_t calls = calls_of(&snap, &config, true);
    unsigned failed = 0;
    for (int kind = SIM_IO; kind <= SIM_SHORT; kind++) {
        for (uint64_t at = 1; at <= calls; at++) {
            for (uint64_t times = 1; times <= 3; times += 2) {
                struct complaint complaint;
                struct sim_disk *sim = sim_disk_create(at);
                sim_disk_put(sim, SNAPSHOT_TEMPORARY, BYTES("of an earlier life"));
                sim_disk_fault(sim, (enum sim_fault)kind, at, times);
                enum snapshot_writer_state state = snap_write(&snap, sim, &config, &complaint);
                sim_disk_fault(sim, SIM_IO, 0, 0);
                bool whole = expect_whole_or_none(&snap, sim, "fault at call", at);
                if (state == SNAPSHOT_WRITER_PUBLISHED) {
                    cr_assert(whole);
                } else {
                    failed++;
                    cr_assert_eq(state, SNAPSHOT_WRITER_FAILED);
                    cr_assert_not_null(strstr(complaint.text, "snapshot was given up: snapshot.tmp cannot be "));
                    cr_assert_eq(strstr(complaint.text, "make room") != NULL, kind == SIM_NO_SPACE, "%s",
                                 complaint.text);
                    /* snapshot_writer P3. Only the disk's refusal to remove it leaves it there; only a folder that
                     * could not be synced leaves a whole one. */
                    bool temporary = sim_disk_contents(sim, SNAPSHOT_TEMPORARY).data != NULL;
                    cr_assert(!temporary || (kind == SIM_IO && (times > 1 || at == 1)), "call %llu",
                              (unsigned long long)at);
                    cr_assert(!whole || at >= calls - 1);
                }
                cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED, "%s",
                             complaint.text);
                cr_assert(expect_whole_or_none(&snap, sim, "after a fault at call", at));
                cr_assert_eq(snap_files(sim), 1);
                sim_disk_destroy(sim);
            }
        }
    }
    cr_assert_gt(failed, calls);
}

Test(snapshot_writer, a_full_disk_gets_its_space_back)
{
    struct sim_disk *sim = sim_disk_create(3);
    struct complaint complaint;
    struct snap snap;
    snap_init(&snap, 5, 100, 100000);
    sim_disk_put(sim, "wal-00000000000000000001.log", BYTES("a log"));
    sim_disk_limit(sim, 200000);
    cr_assert_eq(snap_write(&snap, sim, &small, &complaint), SNAPSHOT_WRITER_FAILED);
    cr_assert_not_null(strstr(complaint.text, "no space left on the disk; make room"));
    cr_assert_eq(sim_disk_used(sim), 5);
    cr_assert_eq(snap_files(sim), 1);
    sim_disk_limit(sim, UINT64_MAX);
    cr_assert_eq(snap_write(&snap, sim, &small, &complaint), SNAPSHOT_WRITER_PUBLISHED);
    sim_disk_destroy(sim);
}

Test(snapshot_writer, with_a_disk_that_does_nothing_memory_ends_at_the_ceiling_and_the_snapshot_fails)
{
    static const size_t ceilings[] = {MIB, 3 * MIB, 20 * MIB};
    for (enum snapshot_codec codec = SNAPSHOT_PLAIN; codec <= SNAPSHOT_ZSTD; codec++) {
        for (size_t i = 0; i < 3; i++) {
            for (unsigned progress = 0; progress < 3; progress++) {
                struct sim_disk *sim = sim_disk_create(3);
                struct snap snap;
                struct snapshot_writer_stats stats;
                struct snapshot_writer_config config = {.memory_max = ceilings[i], .codec = codec};
                snap_init(&snap, 5, 10, 300000);
                struct snapshot_writer *writer =
                    snapshot_writer_create(&config, sim_disk_interface(sim), &snap.cut, &snap.epochs);
                (void)sim_disk_run(sim, progress);
                cr_assert(snapshot_writer_has_room(writer));
                unsigned rounds = 0;
                size_t when_short = 0;
                while (snapshot_writer_state(writer) == SNAPSHOT_WRITER_OPEN && rounds++ < 1000) {
                    snap_add(&snap, writer, NULL);
                    snapshot_writer_stats(writer, &stats);
                    cr_assert_leq(stats.memory, ceilings[i], "%s", codec_names[codec]);
                    if (when_short == 0 && !snapshot_writer_has_room(writer)) {
                        when_short = stats.memory;
                    }
                }
                snapshot_writer_stats(writer, &stats);
                cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_FAILED);
                cr_assert_leq(stats.memory_peak, ceilings[i]);
                cr_assert_geq(stats.memory_peak, ceilings[i] * 7 / 8);
                cr_assert_leq(when_short, ceilings[i] / 2 + 1200000, "%zu", when_short);
                cr_assert_not_null(strstr(snapshot_writer_complaint(writer)->text, "snapshot_memory"));
                snap_drop(writer, sim);
                cr_assert_eq(snap_files(sim), 0);
                sim_disk_destroy(sim);
            }
        }
    }
}

/* ---- records that are larger than all the memory ---- */

#define OUTSIZE (3 * MIB)

/* One of them at a time, and a little for the blocks that it is cut into. */
#define MEMORY_WITH_OUTSIZE (MIB + OUTSIZE + OUTSIZE / 4)

static size_t memory_now(const struct snapshot_writer *writer)
{
    struct snapshot_writer_stats stats;
    snapshot_writer_stats(writer, &stats);
    cr_assert_leq(stats.memory_peak, MEMORY_WITH_OUTSIZE);
    return stats.memory;
}

Test(snapshot_writer, a_record_larger_than_all_memory_is_let_through_and_its_memory_given_back)
{
    for (enum snapshot_codec codec = SNAPSHOT_PLAIN; codec <= SNAPSHOT_ZSTD; codec++) {
        struct sim_disk *sim = sim_disk_create(3);
        struct disk *disk = sim_disk_interface(sim);
        struct snapshot_writer_config config = {.memory_max = MIB, .codec = codec};
        struct snap snap;
        snap_init(&snap, 5, 60, OUTSIZE);
        struct snapshot_writer *writer = snapshot_writer_create(&config, disk, &snap.cut, &snap.epochs);
        snap_add(&snap, writer, sim);
        cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_OPEN, "%s: %s", codec_names[codec],
                     snapshot_writer_complaint(writer)->text);
        disk->ops->drain(disk);
        cr_assert(snapshot_writer_has_room(writer));
        cr_assert_leq(memory_now(writer), MIB);
        snapshot_writer_finish(writer);
        disk->ops->drain(disk);
        snapshot_writer_publish(writer);
        snap_drop(writer, sim);
        cr_assert(expect_whole_or_none(&snap, sim, codec_names[codec], 0));
        sim_disk_destroy(sim);
    }
}

static void add_one(struct snapshot_writer *writer, size_t size)
{
    static const uint8_t body[OUTSIZE];
    struct record record = {.flags = RECORD_FRESH, .op = 1, .type = 3, .key = BYTES("key"), .body = {body, size}};
    snapshot_writer_add(writer, &record);
}

/* Who has no choice has all of memory_max beside it, and not more; nor is there a second such record. */
Test(snapshot_writer, while_an_outsize_record_waits_there_is_room_for_others)
{
    for (unsigned second = 0; second < 2; second++) {
        struct sim_disk *sim = sim_disk_create(3);
        struct snap snap;
        snap_init(&snap, 5, 0, 0);
        struct snapshot_writer *writer =
            snapshot_writer_create(&small, sim_disk_interface(sim), &snap.cut, &snap.epochs);
        snapshot_writer_declare(writer, 3, BYTES("test.first/1"));
        add_one(writer, 300000);
        cr_assert(snapshot_writer_has_room(writer));
        add_one(writer, OUTSIZE);
        cr_assert_not(snapshot_writer_has_room(writer));
        size_t before = memory_now(writer);
        for (unsigned i = 0; i < (second == 1 ? 1 : 8); i++) {
            add_one(writer, second == 1 ? 500000 : 50000); /* which would be outsize itself, were it the first */
        }
        cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_OPEN);
        cr_assert_gt(memory_now(writer), before + 400000);
        for (unsigned i = 0; i < 10; i++) {
            add_one(writer, second == 1 ? OUTSIZE : 50000);
        }
        cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_FAILED);
        cr_assert_not_null(strstr(snapshot_writer_complaint(writer)->text, "snapshot_memory"));
        (void)memory_now(writer);
        snap_drop(writer, sim);
        cr_assert_eq(snap_files(sim), 0);
        sim_disk_destroy(sim);
    }
}

Test(snapshot_writer, given_up_in_any_state_it_goes_away_and_says_why)
{
    struct snap snap;
    snap_init(&snap, 5, 40, 100000);
    for (unsigned done = 0; done < 60; done++) {
        struct sim_disk *sim = sim_disk_create(3);
        struct disk *disk = sim_disk_interface(sim);
        struct snapshot_writer *writer = snapshot_writer_create(&small, disk, &snap.cut, &snap.epochs);
        unsigned steps = done;
        snap_add(&snap, writer, done < 20 ? NULL : sim);
        if (done >= 20) {
            snapshot_writer_finish(writer);
            steps -= 20;
        }
        for (; steps > 0; steps--) {
            (void)sim_disk_run(sim, 1);
            if (snapshot_writer_state(writer) == SNAPSHOT_WRITER_WRITTEN && steps > 2) {
                snapshot_writer_publish(writer);
            }
        }
        bool published = snapshot_writer_state(writer) == SNAPSHOT_WRITER_PUBLISHED;
        bool publishing = snapshot_writer_state(writer) == SNAPSHOT_WRITER_PUBLISHING;
        snapshot_writer_fail(writer, "the value of 'k' cannot be dumped");
        snapshot_writer_finish(writer);
        snap_add(&snap, writer, NULL);
        cr_assert_eq(snapshot_writer_state(writer), published ? SNAPSHOT_WRITER_PUBLISHED : SNAPSHOT_WRITER_FAILED);
        if (!published) {
            cr_assert_str_eq(snapshot_writer_complaint(writer)->text,
                             "the snapshot was given up: the value of 'k' cannot be dumped");
        }
        snap_drop(writer, sim);
        bool whole = expect_whole_or_none(&snap, sim, "given up after step", done);
        cr_assert_eq(whole, published || publishing);
        cr_assert_eq(snap_files(sim), whole ? 1 : 0);
        sim_disk_destroy(sim);
    }
}
