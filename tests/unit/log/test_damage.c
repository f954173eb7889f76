/* SPDX-License-Identifier: MIT */

/* Rot, cut files and lost files: a log either comes back exactly, or is refused. And the proof that the rules are
 * needed: with one of them switched off, these same tests would see a log that came back differently. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "harness.h"
#include "log/mark.h"
#include "log/segment.h"

static const struct replay_rules without_marks = {.heed_marks = false, .heed_bytes = true};
static const struct replay_rules without_bytes = {.heed_marks = true, .heed_bytes = false};

enum verdict {
    EXACT,
    REFUSED,
    DIFFERENT,
};

/* A small log, cleanly closed, that came to be in two lives and several segments. */
static struct sim_disk *closed_log(struct harness *harness)
{
    harness_init(harness, 5, WAL_WRITE_THROUGH);
    harness->config.segment_size = 2500;
    for (int life = 0; life < 2; life++) {
        cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
        for (unsigned i = 0; i < 4; i++) {
            harness_add(harness, 1 + i % 3);
            harness_settle(harness, i % 2 == 0 ? 20 : 300);
        }
        cr_assert(harness_close(harness));
    }
    return sim_disk_clone(harness->sim, 1);
}

static enum verdict judge(struct harness *harness, const struct sim_disk *damaged, bool repair,
                          const struct replay_rules *rules, uint64_t last)
{
    harness_take_disk(harness, sim_disk_clone(damaged, 1)); /* a repair changes it */
    enum status status = harness_recover(harness, repair, rules);
    if (status == STATUS_OK) {
        return harness->end.last_sequence == last ? EXACT : DIFFERENT;
    }
    cr_assert(status == STATUS_CORRUPT || status == STATUS_VERSION, "%s", status_text(status));
    cr_assert_gt(strlen(harness->complaint.text), 20, "a refusal is a sentence");
    return REFUSED;
}

struct counts {
    unsigned of[3];
};

static void flip_all(struct harness *harness, struct sim_disk *sim, const char *name, uint64_t from, uint64_t to,
                     const struct replay_rules *rules, uint64_t last, struct counts *counts)
{
    for (uint64_t bit = from * 8; bit < to * 8; bit++) {
        sim_disk_flip(sim, name, bit);
        enum verdict verdict = judge(harness, sim, bit % 2 == 0, rules, last);
        counts->of[verdict]++;
        cr_assert(verdict != DIFFERENT || rules != NULL, "%s bit %llu", name, (unsigned long long)bit);
        sim_disk_flip(sim, name, bit);
    }
}

Test(damage, every_flipped_bit_of_a_closed_log_is_refused_or_harmless)
{
    struct harness harness;
    struct counts counts = {0};
    struct sim_disk *sim = closed_log(&harness);
    uint64_t last = harness.promised;
    cr_assert_gt(last, 10);
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        const char *name = sim_disk_name(sim, i);
        flip_all(&harness, sim, name, 0, sim_disk_contents(sim, name).size, NULL, last, &counts);
    }
    cr_assert_gt(counts.of[REFUSED], 10000);
    cr_assert_gt(counts.of[EXACT], 1000); /* in the zeros at the end, and in either slot of the mark file */
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

/* Cuts each file to each of its sizes. */
static void cut_all(struct harness *harness, struct sim_disk *sim, const struct replay_rules *rules, uint64_t last,
                    struct counts *counts)
{
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        const char *name = sim_disk_name(sim, i);
        for (uint64_t size = 0; size < sim_disk_contents(sim, name).size; size++) {
            struct sim_disk *damaged = sim_disk_clone(sim, 1);
            sim_disk_cut(damaged, name, size);
            enum verdict verdict = judge(harness, damaged, size % 2 == 0, rules, last);
            counts->of[verdict]++;
            cr_assert(verdict != DIFFERENT || rules != NULL, "%s cut to %llu", name, (unsigned long long)size);
            sim_disk_destroy(damaged);
        }
    }
}

Test(damage, every_cut_of_a_closed_log_is_refused_or_harmless_and_only_the_marks_see_to_that)
{
    struct harness harness;
    struct counts counts = {0};
    struct counts blind = {0};
    struct sim_disk *sim = closed_log(&harness);
    uint64_t last = harness.promised;
    cut_all(&harness, sim, NULL, last, &counts);
    cr_assert_gt(counts.of[REFUSED], 1000);
    cr_assert_gt(counts.of[EXACT], 100);
    cut_all(&harness, sim, &without_marks, last, &blind);
    cr_assert_gt(blind.of[DIFFERENT], 100, "without the marks a cut file must go unnoticed");
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

Test(damage, every_lost_file_of_a_closed_log_is_noticed)
{
    struct harness harness;
    struct sim_disk *sim = closed_log(&harness);
    uint64_t last = harness.promised;
    size_t files = 0;
    for (; sim_disk_name(sim, files) != NULL; files++) {
        struct sim_disk *damaged = sim_disk_clone(sim, 1);
        sim_disk_delete(damaged, sim_disk_name(sim, files));
        cr_assert_eq(judge(&harness, damaged, true, NULL, last), REFUSED, "%s", sim_disk_name(sim, files));
        sim_disk_destroy(damaged);
    }
    cr_assert_geq(files, 4);
    struct sim_disk *bare = sim_disk_create(1);
    sim_disk_put(bare, MARK_NAME, sim_disk_contents(sim, MARK_NAME));
    cr_assert_eq(judge(&harness, bare, true, NULL, last), REFUSED, "all segments are gone");
    sim_disk_destroy(bare);
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

#define UNMARKED_LAST 7 /* record */

/* A log whose last group was synced and promised, but not marked yet: the process died right then. Returns where the
 * group begins. */
static uint64_t unmarked_log(struct harness *harness, char name[static DISK_NAME_MAX], uint64_t *end)
{
    struct wal_stats stats;
    harness_init(harness, 6, WAL_WRITE_THROUGH);
    harness->plain_bodies = true;
    harness->config.segment_size = 65536;
    cr_assert_eq(harness_start(harness), STATUS_OK);
    harness_add(harness, 2);
    harness_settle(harness, 300);
    wal_stats(harness->wal, &stats);
    uint64_t begin = stats.current_segment_size;
    harness_add(harness, 3);
    harness_add(harness, 1);
    harness_settle(harness, 20);
    wal_stats(harness->wal, &stats);
    *end = stats.current_segment_size;
    cr_assert_eq(harness->promised, UNMARKED_LAST);
    harness_stop(harness);
    cr_assert_eq(harness_recover(harness, false, NULL), STATUS_OK);
    memcpy(name, harness->end.segment, DISK_NAME_MAX);
    return begin;
}

Test(damage, rot_in_a_synced_group_that_is_not_marked_yet_does_not_look_torn)
{
    struct harness harness;
    struct counts counts = {0};
    struct counts blind = {0};
    char name[DISK_NAME_MAX];
    uint64_t end;
    uint64_t begin = unmarked_log(&harness, name, &end);
    struct sim_disk *sim = sim_disk_clone(harness.sim, 1);
    flip_all(&harness, sim, name, begin, end, NULL, UNMARKED_LAST, &counts);
    cr_assert_eq(counts.of[DIFFERENT], 0);
    cr_assert_gt(counts.of[REFUSED], 1000);
    flip_all(&harness, sim, name, begin, end, &without_bytes, UNMARKED_LAST, &blind);
    cr_assert_gt(blind.of[DIFFERENT], 1000, "without looking at the bytes, promised batches must get lost");
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

Test(damage, rot_that_looks_torn_is_given_away_by_a_mark_behind_it)
{
    struct harness harness;
    struct counts counts = {0};
    struct wal_stats stats;
    const char *name = "wal-00000000000000000001.log";
    harness_init(&harness, 8, WAL_WRITE_THROUGH);
    harness.config.segment_size = 65536;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    for (unsigned i = 0; i < 40; i++) {
        harness_add(&harness, 1); /* among them bodies of 1800 zeros: whole sectors of them */
        harness_settle(&harness, 20);
    }
    harness_settle(&harness, 300);
    wal_stats(harness.wal, &stats);
    harness_stop(&harness); /* not closed: the mark file knows nothing of all this */
    struct sim_disk *sim = sim_disk_clone(harness.sim, 1);
    for (uint64_t bit = 64 * 8; bit < stats.current_segment_size * 8; bit += 53) {
        sim_disk_flip(sim, name, bit);
        counts.of[judge(&harness, sim, true, NULL, 41)]++;
        sim_disk_flip(sim, name, bit);
    }
    cr_assert_eq(counts.of[DIFFERENT], 0);
    cr_assert_gt(counts.of[REFUSED], 1000);
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

Test(damage, a_torn_tail_is_kept_aside_cut_and_reported_and_damage_changes_no_byte)
{
    struct harness harness;
    char name[DISK_NAME_MAX];
    uint64_t end;
    uint64_t begin = unmarked_log(&harness, name, &end);
    struct gm_bytes whole = sim_disk_contents(harness.sim, name);
    uint8_t *bytes = malloc(whole.size);
    memcpy(bytes, whole.data, whole.size);
    /* The second sector of the group never reached the disk. */
    uint64_t sector = begin / 512 * 512 + 512;
    memset(bytes + sector, 0, 512);
    sim_disk_put(harness.sim, name, (struct gm_bytes){bytes, whole.size});

    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK);
    cr_assert_eq(harness.end.last_sequence, 3);
    cr_assert_eq(harness.progress.torn_bytes, end - begin);
    cr_assert_str_eq(harness.progress.torn_copy, "", "without repair nothing is written");
    cr_assert(gm_bytes_equal(sim_disk_contents(harness.sim, name), (struct gm_bytes){bytes, whole.size}));

    cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK);
    cr_assert_str_eq(harness.progress.torn_copy, "torn-00000000000000000004-1.log");
    struct gm_bytes kept = sim_disk_contents(harness.sim, harness.progress.torn_copy);
    cr_assert(gm_bytes_equal(kept, (struct gm_bytes){bytes + begin, end - begin}));
    cr_assert_eq(sim_disk_contents(harness.sim, name).size, begin);
    cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK);
    cr_assert_eq(harness.progress.torn_bytes, 0, "it is cut only once");

    /* Below the mark nothing is torn. */
    memcpy(bytes, whole.data, begin);
    bytes[100] ^= 4;
    sim_disk_put(harness.sim, name, (struct gm_bytes){bytes, whole.size});
    cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT);
    cr_assert(strstr(harness.complaint.text, name) != NULL &&
                  strstr(harness.complaint.text, "geomys-log verify") != NULL &&
                  strstr(harness.complaint.text, "at byte") != NULL,
              "%s", harness.complaint.text);
    cr_assert(gm_bytes_equal(sim_disk_contents(harness.sim, name), (struct gm_bytes){bytes, whole.size}));
    free(bytes);
    harness_finish(&harness);
}

Test(damage, what_a_client_stores_can_not_pass_for_a_mark)
{
    struct harness harness;
    char name[DISK_NAME_MAX];
    uint64_t end;
    struct buf forged;
    uint64_t begin = unmarked_log(&harness, name, &end);
    struct gm_bytes whole = sim_disk_contents(harness.sim, name);
    uint8_t *bytes = malloc(whole.size);
    memcpy(bytes, whole.data, whole.size);
    memset(bytes + begin / 512 * 512 + 512, 0, 512);
    buf_init(&forged, 1024);
    cr_assert(record_encode_durable(100, 0, 100, 12345, &forged));
    memcpy(bytes + (end + 1024) / 8 * 8, forged.data, forged.size);
    sim_disk_put(harness.sim, name, (struct gm_bytes){bytes, whole.size});
    cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK, "%s", harness.complaint.text);
    buf_finish(&forged);
    free(bytes);
    harness_finish(&harness);
}

Test(damage, another_format_is_refused_by_name_and_never_overwritten)
{
    struct harness harness;
    struct sim_disk *sim = sim_disk_create(1);
    harness_init(&harness, 5, WAL_WRITE_THROUGH);
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    cr_assert(harness_close(&harness));
    const char *name = "wal-00000000000000000001.log";
    uint8_t bytes[64 + 48 + 16]; /* the header, and an empty table behind the secret */
    memcpy(bytes, sim_disk_contents(harness.sim, name).data, sizeof bytes);
    struct {
        uint8_t offset;
        uint8_t value;
        bool with_repair_only;
        const char *words;
    } changes[] = {{12, 1, false, "go on with the program that wrote it, or begin with an empty data folder"},
                   {12, 3, false, "go on with the program that wrote it, or begin with an empty data folder"},
                   {12, 5, false, "format version 5"},
                   {16, 1, false, "features 1"},
                   {20, 1, true, "it can be read, but not continued"}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t changed[sizeof bytes];
        memcpy(changed, bytes, sizeof bytes);
        changed[changes[i].offset] = changes[i].value;
        uint32_t crc = crc32c((struct gm_bytes){changed + 12, 52});
        codec_put_u32(changed + 8, crc);
        harness_take_disk(&harness, sim_disk_clone(sim, 1));
        struct mark mark = {.counter = 1, .oldest = 1, .segment = 1};
        cr_assert_eq(mark_create(sim_disk_interface(harness.sim), &mark, &harness.complaint), STATUS_OK);
        sim_disk_put(harness.sim, name, (struct gm_bytes){changed, sizeof changed});
        cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_VERSION);
        cr_assert(strstr(harness.complaint.text, name) != NULL);
        cr_assert_not_null(strstr(harness.complaint.text, changes[i].words), "%s", harness.complaint.text);
        cr_assert_eq(harness_recover(&harness, false, NULL), changes[i].with_repair_only ? STATUS_OK : STATUS_VERSION);
        cr_assert(gm_bytes_equal(sim_disk_contents(harness.sim, name), (struct gm_bytes){changed, sizeof changed}));
    }
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

Test(damage, a_record_of_a_snapshot_has_no_place_in_a_log)
{
    static const uint16_t flags[] = {RECORD_DUMP, RECORD_DUMP | RECORD_DAMAGED, RECORD_DUMP | RECORD_MORE};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct harness harness;
        struct sim_disk *sim = closed_log(&harness);
        const char *name = "wal-00000000000000000001.log";
        struct gm_bytes bytes = sim_disk_contents(sim, name);
        uint8_t *copy = malloc(bytes.size);
        memcpy(copy, bytes.data, bytes.size);
        size_t at = 64;
        while ((codec_u16(copy + at + 12) & RECORD_LOCAL) != 0) {
            at += (codec_u32(copy + at + 8) + 7) & ~(size_t)7;
        }
        codec_put_u16(copy + at + 12, flags[i]);
        codec_put_u32(copy + at, crc32c((struct gm_bytes){copy + at + 4, 44}));
        sim_disk_put(sim, name, (struct gm_bytes){copy, bytes.size});
        cr_assert_eq(judge(&harness, sim, true, NULL, 0), REFUSED);
        cr_assert_not_null(strstr(harness.complaint.text, "a record of a snapshot stands in the log"));
        free(copy);
        sim_disk_destroy(sim);
        harness_finish(&harness);
    }
}

/* ---- right checksums prove nothing ---- */

/* The name of the type in the first segment becomes another of the same size, with right checksums. */
static void forge_name(struct sim_disk *sim, size_t at, const void *text, size_t size)
{
    const char *segment = "wal-00000000000000000001.log";
    struct gm_bytes old = sim_disk_contents(sim, segment);
    uint8_t *bytes = malloc(old.size);
    memcpy(bytes, old.data, old.size);
    struct record record;
    size_t taken = 0;
    size_t offset = SEGMENT_HEADER_SIZE;
    do {
        offset += taken;
        cr_assert_eq(record_parse((struct gm_bytes){bytes + offset, old.size - offset}, &record, &taken, NULL),
                     STATUS_OK);
    } while ((record.flags & RECORD_LOCAL) == 0 || record.op != RECORD_OP_TYPE);
    cr_assert_leq(at + size, record.body.size - 2);
    memcpy(bytes + offset + RECORD_HEADER_SIZE + 2 + at, text, size);
    uint32_t unpadded = codec_u32(bytes + offset + 8);
    codec_put_u32(bytes + offset + 4,
                  crc32c((struct gm_bytes){bytes + offset + RECORD_HEADER_SIZE, unpadded - RECORD_HEADER_SIZE}));
    codec_put_u32(bytes + offset, crc32c((struct gm_bytes){bytes + offset + 4, RECORD_HEADER_SIZE - 4}));
    sim_disk_put(sim, segment, (struct gm_bytes){bytes, old.size});
    free(bytes);
}

Test(damage, a_name_that_no_type_can_have_is_refused_by_name)
{
    static const struct {
        size_t at;
        const char *text;
        size_t size;
        const char *told;
    } forged[] = {
        {0, "\0", 1, "\"\\x00est.type/1\""},
        {9,
         "\0"
         "1",
         2, "\"test.type\\x001\""},
        {4, "\033", 1, "\"test\\x1btype/1\""},
        {0, "T", 1, "\"Test.type/1\""},
        {4, "_", 1, "\"test_type/1\""},
        {10, "0", 1, "\"test.type/0\""},
    };
    struct harness harness;
    struct sim_disk *sim = closed_log(&harness);
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        struct sim_disk *damaged = sim_disk_clone(sim, 1);
        forge_name(damaged, forged[i].at, forged[i].text, forged[i].size);
        cr_expect_eq(judge(&harness, damaged, true, NULL, harness.promised), REFUSED, "%zu", i);
        cr_expect_not_null(strstr(harness.complaint.text, forged[i].told), "'%s'", harness.complaint.text);
        cr_expect_not_null(strstr(harness.complaint.text, "geomys-log verify"), "'%s'", harness.complaint.text);
        sim_disk_destroy(damaged);
    }
    forge_name(sim, 0, "test", 4);
    cr_expect_eq(judge(&harness, sim, true, NULL, harness.promised), EXACT, "a right one");
    sim_disk_destroy(sim);
    harness_finish(&harness);
}
