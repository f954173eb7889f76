/* SPDX-License-Identifier: MIT */

/* test_killed.c - damage of a log of several segments whose process was killed: it ends in zeros and without a last
 * mark of its closing, so that less stands there to give damage away. What was promised comes back, or is refused, and
 * what is refused has not been changed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "log/mark.h"
#include "log/segment.h"

#define SECTOR 512

enum verdict {
    KEPT,
    REFUSED,
    LOST, /* it begins, without what was promised */
};

/* Two lives, the second one killed: idle for a while (so that its end is marked), or in the middle of its work. */
static struct sim_disk *killed_log(struct harness *harness, uint64_t seed, bool idle)
{
    harness_init(harness, seed, WAL_WRITE_THROUGH);
    harness->config.segment_size = 2500;
    for (int life = 0; life < 2; life++) {
        cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
        for (unsigned i = 0; i < 6; i++) {
            harness_add(harness, 1 + i % 3);
            harness_settle(harness, i % 2 == 0 ? 20 : 300);
        }
        if (life == 0) {
            cr_assert(harness_close(harness));
        }
    }
    harness_add(harness, 2);
    harness_settle(harness, idle ? 500 : 20);
    cr_assert_eq(harness->promised, harness->tail.last_sequence);
    harness_stop(harness);
    return sim_disk_clone(harness->sim, 1);
}

static void expect_unchanged(struct sim_disk *before, struct sim_disk *after, const char *what)
{
    size_t files = 0, others = 0;
    for (; sim_disk_name(before, files) != NULL; files++) {
        const char *name = sim_disk_name(before, files);
        cr_expect(gm_bytes_equal(sim_disk_contents(before, name), sim_disk_contents(after, name)),
                  "%s: refused, and yet %s was changed", what, name);
    }
    while (sim_disk_name(after, others) != NULL) {
        others++;
    }
    cr_expect_eq(files, others, "%s: refused, and yet there are other files", what);
}

static enum verdict judge(struct harness *harness, struct sim_disk *damaged, const char *what)
{
    harness_take_disk(harness, sim_disk_clone(damaged, 1));
    enum status status = harness_recover(harness, true, NULL);
    if (status == STATUS_OK) {
        return harness->end.last_sequence >= harness->promised ? KEPT : LOST;
    }
    cr_assert_eq(status, STATUS_CORRUPT, "%s: %s", what, status_text(status));
    cr_assert_gt(strlen(harness->complaint.text), 20, "a refusal is a sentence");
    expect_unchanged(damaged, harness->sim, what);
    return REFUSED;
}

/* ---- files ---- */

Test(killed, every_lost_file_of_an_idle_log_is_noticed)
{
    struct harness harness;
    struct sim_disk *sim = killed_log(&harness, 3, true);
    size_t files = 0;
    for (; sim_disk_name(sim, files) != NULL; files++) {
        struct sim_disk *damaged = sim_disk_clone(sim, 1);
        sim_disk_delete(damaged, sim_disk_name(sim, files));
        cr_expect_eq(judge(&harness, damaged, "a lost file"), REFUSED, "%s", sim_disk_name(sim, files));
        sim_disk_destroy(damaged);
    }
    cr_assert_geq(files, 5);
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

/* A log that is killed while it works has its newest segment named in the mark file before anything in it is
 * promised. */
Test(killed, every_lost_file_of_a_busy_log_is_noticed)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct harness harness;
        struct sim_disk *sim = killed_log(&harness, seed, false);
        for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
            struct sim_disk *damaged = sim_disk_clone(sim, 1);
            sim_disk_delete(damaged, sim_disk_name(sim, i));
            cr_expect_eq(judge(&harness, damaged, "a lost file"), REFUSED, "seed %llu, %s", (unsigned long long)seed,
                         sim_disk_name(sim, i));
            sim_disk_destroy(damaged);
        }
        sim_disk_destroy(sim);
        harness_finish(&harness);
    }
}

/* ---- sectors ---- */

static bool is_zero(struct gm_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Replaces each sector of each file that is not zero yet by zeros or rubbish, one at a time. Returns how many it
 * were. */
static unsigned damage_sectors(struct harness *harness, struct sim_disk *sim, uint8_t filling, unsigned counts[3])
{
    unsigned sectors = 0;
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        const char *name = sim_disk_name(sim, i);
        size_t size = sim_disk_contents(sim, name).size;
        for (size_t at = 0; at < size; at += SECTOR) {
            char what[96];
            struct gm_bytes whole = sim_disk_contents(sim, name);
            size_t length = size - at < SECTOR ? size - at : SECTOR;
            if (is_zero((struct gm_bytes){whole.data + at, length})) {
                continue;
            }
            uint8_t *bytes = malloc(size);
            memcpy(bytes, whole.data, size);
            memset(bytes + at, filling, length);
            struct sim_disk *damaged = sim_disk_clone(sim, 1);
            sim_disk_put(damaged, name, (struct gm_bytes){bytes, size});
            (void)snprintf(what, sizeof what, "%s, the sector at %zu", name, at);
            enum verdict verdict = judge(harness, damaged, what);
            counts[verdict]++;
            cr_expect_neq(verdict, LOST, "%s", what);
            sim_disk_destroy(damaged);
            free(bytes);
            sectors++;
        }
    }
    return sectors;
}

Test(killed, no_sector_of_an_idle_log_can_become_zeros_or_rubbish_unnoticed)
{
    struct harness harness;
    struct sim_disk *sim = killed_log(&harness, 3, true);
    unsigned zeroed[3] = {0}, rubbish[3] = {0};
    cr_assert_gt(damage_sectors(&harness, sim, 0, zeroed), 20);
    cr_assert_gt(damage_sectors(&harness, sim, 0xd6, rubbish), 20);
    cr_assert(zeroed[REFUSED] > 15 && rubbish[REFUSED] > 15, "%u, %u", zeroed[REFUSED], rubbish[REFUSED]);
    cr_assert_leq(zeroed[KEPT], 2, "of the two slots of the mark file one is enough, and nothing else is spare");
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

/* ---- records ---- */

#define RECORDS_MAX 64

struct placed {
    size_t at, size;
    bool local; /* about the file: a mark, a name, the table of epochs */
};

/* Finds the records of a segment, up to the first place where there is none. */
static size_t find_records(struct gm_bytes bytes, struct placed out[static RECORDS_MAX])
{
    size_t count = 0;
    for (size_t at = SEGMENT_HEADER_SIZE; at < bytes.size && count < RECORDS_MAX; count++) {
        struct record record;
        struct complaint complaint;
        size_t size;
        if (record_parse((struct gm_bytes){bytes.data + at, bytes.size - at}, &record, &size, &complaint) !=
            STATUS_OK) {
            break;
        }
        out[count] = (struct placed){at, size, (record.flags & RECORD_LOCAL) != 0};
        at += size;
    }
    return count;
}

enum change {
    CUT_OUT,
    DOUBLED,
    EXCHANGED,  /* with the next one */
    MOVED_BACK, /* to the end of the records */
    CHANGES,
};

static void put(uint8_t *target, size_t *size, const uint8_t *from, size_t count)
{
    memcpy(target + *size, from, count);
    *size += count;
}

/* The segment after the change of record `i`, as long as it was unless it has grown. Returns its size. */
static size_t change_record(struct gm_bytes bytes, const struct placed *records, size_t count, size_t i,
                            enum change change, uint8_t *target)
{
    const struct placed *it = &records[i];
    size_t end = records[count - 1].at + records[count - 1].size;
    size_t behind = it->at + it->size;
    size_t size = 0;
    put(target, &size, bytes.data, it->at);
    if (change == DOUBLED) {
        put(target, &size, bytes.data + it->at, it->size);
        put(target, &size, bytes.data + it->at, it->size);
        put(target, &size, bytes.data + behind, end - behind);
    } else if (change == EXCHANGED && i + 1 < count) {
        size_t next = records[i + 1].size;
        put(target, &size, bytes.data + behind, next);
        put(target, &size, bytes.data + it->at, it->size);
        put(target, &size, bytes.data + behind + next, end - behind - next);
    } else {
        put(target, &size, bytes.data + behind, end - behind);
        if (change == MOVED_BACK) {
            put(target, &size, bytes.data + it->at, it->size);
        }
    }
    if (size < bytes.size) {
        memset(target + size, 0, bytes.size - size);
        size = bytes.size;
    }
    return size;
}

static void change_records(struct harness *harness, struct sim_disk *sim, const char *name, unsigned counts[3])
{
    struct placed records[RECORDS_MAX];
    struct gm_bytes whole = sim_disk_contents(sim, name);
    uint8_t *before = malloc(whole.size);
    uint8_t *after = malloc(2 * whole.size);
    memcpy(before, whole.data, whole.size);
    struct gm_bytes bytes = {before, whole.size};
    size_t count = find_records(bytes, records);
    cr_assert_gt(count, 1);
    for (size_t i = 0; i < count; i++) {
        for (enum change change = CUT_OUT; change < CHANGES; change++) {
            char what[96];
            size_t size = change_record(bytes, records, count, i, change, after);
            struct sim_disk *damaged = sim_disk_clone(sim, 1);
            sim_disk_put(damaged, name, (struct gm_bytes){after, size});
            (void)snprintf(what, sizeof what, "%s, record %zu of %zu, change %d", name, i, count, (int)change);
            enum verdict verdict = judge(harness, damaged, what);
            counts[verdict]++;
            cr_expect_neq(verdict, LOST, "%s", what);
            bool same = size == bytes.size && memcmp(after, before, size) == 0;
            cr_expect(records[i].local || same || verdict == REFUSED, "%s: a record of the history", what);
            sim_disk_destroy(damaged);
        }
    }
    free(before);
    free(after);
}

Test(killed, a_record_cut_out_doubled_exchanged_or_moved_is_noticed)
{
    struct harness harness;
    struct sim_disk *sim = killed_log(&harness, 3, true);
    unsigned counts[3] = {0};
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        uint64_t first;
        if (segment_name_parse(sim_disk_name(sim, i), &first)) {
            change_records(&harness, sim, sim_disk_name(sim, i), counts);
        }
    }
    cr_assert_gt(counts[REFUSED], 100);
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

/* ---- of another log ---- */

/* The mark file of another log says more than ours holds, and is refused, or less, and hides nothing. */
Test(killed, the_marks_of_another_log_are_noticed_or_say_less)
{
    struct harness harness;
    struct sim_disk *sim = killed_log(&harness, 3, true);
    unsigned counts[3] = {0};
    for (uint64_t lives = 0; lives < 6; lives++) {
        struct harness other;
        struct sim_disk *foreign = killed_log(&other, 20 + lives, lives % 2 == 0);
        for (uint64_t i = 0; i < lives; i++) {
            harness_take_disk(&other, foreign);
            cr_assert_eq(harness_start(&other), STATUS_OK, "%s", other.complaint.text);
            harness_add(&other, 3);
            harness_settle(&other, 300);
            harness_stop(&other);
            foreign = sim_disk_clone(other.sim, 1);
        }
        struct sim_disk *mixed = sim_disk_clone(sim, 1);
        sim_disk_put(mixed, MARK_NAME, sim_disk_contents(foreign, MARK_NAME));
        enum verdict verdict = judge(&harness, mixed, "marks");
        counts[verdict]++;
        cr_expect_neq(verdict, LOST, "%llu lives more", (unsigned long long)lives);
        sim_disk_destroy(mixed);
        sim_disk_destroy(foreign);
        harness_finish(&other);
    }
    cr_assert(counts[REFUSED] >= 3, "%u", counts[REFUSED]);
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

/* ---- repairs ---- */

/* Whether the file holds the bytes somewhere. */
static bool somewhere(struct sim_disk *sim, struct gm_bytes bytes)
{
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        struct gm_bytes all = sim_disk_contents(sim, sim_disk_name(sim, i));
        if (all.size >= bytes.size && memmem(all.data, all.size, bytes.data, bytes.size) != NULL) {
            return true;
        }
    }
    return false;
}

/* A process that is killed in each call of the repair of a torn tail: what is promised is there afterwards, and so is
 * every byte that was cut. */
Test(killed, in_any_call_of_a_repair_it_loses_neither_a_promise_nor_a_torn_byte)
{
    unsigned crashes = 0;
    for (uint64_t n = 1;; n++) {
        struct harness harness;
        struct sim_disk *sim = killed_log(&harness, 3, true);
        char name[DISK_NAME_MAX];
        harness_take_disk(&harness, sim);
        cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK);
        memcpy(name, harness.end.segment, DISK_NAME_MAX);
        uint64_t end = harness.end.offset;
        struct gm_bytes whole = sim_disk_contents(sim, name);
        size_t size = (size_t)(end + SECTOR - 1) / SECTOR * SECTOR + 2 * SECTOR;
        uint8_t *bytes = calloc(1, size > whole.size ? size : whole.size);
        memcpy(bytes, whole.data, whole.size);
        uint8_t *torn = bytes + size - SECTOR; /* the sector before was left out */
        memset(torn, 0x5b, SECTOR);
        sim_disk_put(sim, name, (struct gm_bytes){bytes, size > whole.size ? size : whole.size});
        sim_disk_fault(sim, SIM_CRASH, n, 1);
        enum status status = harness_recover(&harness, true, NULL);
        bool died = sim_disk_dead(sim);
        cr_assert(died || status == STATUS_OK, "%s", harness.complaint.text);
        sim_disk_crash(sim, n);
        cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK, "call %llu: %s", (unsigned long long)n,
                     harness.complaint.text);
        cr_expect_geq(harness.end.last_sequence, harness.promised, "call %llu", (unsigned long long)n);
        cr_expect(somewhere(sim, (struct gm_bytes){torn, SECTOR}), "call %llu: what was torn is gone",
                  (unsigned long long)n);
        free(bytes);
        harness_finish(&harness);
        crashes += died;
        if (!died) {
            break;
        }
    }
    cr_assert_gt(crashes, 8);
}
