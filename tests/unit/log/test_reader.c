/* SPDX-License-Identifier: MIT */

/* Reading the log from any batch on while it is written: from segments, from the tail, and from one to the other. */
#include <criterion/criterion.h>

#include "harness.h"
#include "log/reader.h"
#include "log/wal_state.h"
#include "support/seed.h"

#define TYPE_NAME BYTES("test.type/1")

/* One who follows, and checks each record. */
struct follower {
    struct harness *harness;
    struct reader *reader;
    enum reader_limit limit;
    uint64_t next;
    unsigned ready;                 /* calls of on_ready */
    uint64_t from_files, from_tail; /* records */
    struct complaint complaint;
};

static void on_ready(void *context)
{
    struct follower *follower = context;
    follower->ready++;
}

static void follow(struct follower *follower, struct harness *harness, enum reader_limit limit, uint64_t sequence)
{
    *follower = (struct follower){.harness = harness, .limit = limit, .next = sequence};
    struct reader_config config = {.disk = sim_disk_interface(harness->sim),
                                   .tail = &harness->tail,
                                   .wal = harness->wal,
                                   .limit = limit,
                                   .on_ready = on_ready,
                                   .context = follower};
    follower->reader = reader_create(&config, sequence);
}

static uint64_t limit_of(const struct follower *follower)
{
    const struct harness *harness = follower->harness;
    return follower->limit == READER_ADDED    ? harness->tail.last_sequence
           : follower->limit == READER_SYNCED ? wal_synced(harness->wal)
                                              : wal_written(harness->wal);
}

static void expect_run(struct follower *follower, const struct reader_run *run)
{
    cr_assert_eq(run->first, follower->next);
    cr_assert_leq(run->last, limit_of(follower), "nothing behind the limit");
    bool more = true;
    for (size_t at = 0; at < run->bytes.size;) {
        struct record record;
        size_t size;
        cr_assert_eq(record_parse((struct gm_bytes){run->bytes.data + at, run->bytes.size - at}, &record, &size,
                                  &follower->complaint),
                     STATUS_OK, "%s", follower->complaint.text);
        cr_assert(record.sequence == follower->next++ && harness_knows(follower->harness, &record));
        cr_assert(record.type == 0 || gm_bytes_equal(names_of(run->names, record.type), TYPE_NAME));
        more = (record.flags & RECORD_MORE) != 0;
        at += size;
    }
    cr_assert(!more && run->last + 1 == follower->next, "whole batches");
    cr_assert_eq(reader_position(follower->reader), follower->next);
    uint64_t *from = run->numbering == UINT64_MAX ? &follower->from_tail : &follower->from_files;
    *from += run->last - run->first + 1;
}

static enum status step(struct follower *follower, size_t max)
{
    struct reader_run run;
    enum status status = reader_next(follower->reader, max, &run, &follower->complaint);
    if (status == STATUS_OK) {
        expect_run(follower, &run);
    }
    return status;
}

/* Reads until there is no more; the disk carries out its reads meanwhile. */
static enum status catch_up(struct follower *follower, size_t max)
{
    enum status status;
    do {
        status = step(follower, max);
    } while (status == STATUS_OK ||
             (status == STATUS_AGAIN && sim_disk_run_lane(follower->harness->sim, DISK_LANE_READ, 1) > 0));
    return status;
}

static void leave(struct follower *follower)
{
    reader_destroy(follower->reader);
    follower->reader = NULL;
}

static void start(struct harness *harness, uint64_t seed, uint64_t segment_size)
{
    harness_init(harness, seed, WAL_WRITE_THROUGH);
    harness->config.segment_size = segment_size;
    cr_assert_eq(harness_start(harness), STATUS_OK);
}

static void fill(struct harness *harness, unsigned batches)
{
    for (unsigned i = 0; i < batches; i++) {
        harness_add(harness, 1 + i % 3);
        harness_settle(harness, 40);
    }
}

static void end(struct harness *harness)
{
    cr_assert(harness_close(harness));
    harness_finish(harness);
}

/* ---- stories ---- */

Test(reader, reads_segments_that_were_there_before_it_came_and_goes_on_as_the_log_does)
{
    struct harness harness;
    struct follower follower;
    start(&harness, 1, 2048);
    fill(&harness, 100);
    follow(&follower, &harness, READER_SYNCED, 1);
    cr_assert_eq(step(&follower, SIZE_MAX), STATUS_AGAIN, "it never waits for the disk");
    cr_assert_eq(follower.ready, 0);
    cr_assert_eq(catch_up(&follower, 1000), STATUS_AGAIN);
    cr_assert_eq(follower.next, harness.tail.last_sequence + 1);
    cr_assert_gt(follower.ready, 10);
    uint64_t calls = sim_disk_calls(harness.sim);
    cr_assert_eq(step(&follower, SIZE_MAX), STATUS_AGAIN);
    cr_assert_eq(sim_disk_calls(harness.sim), calls);
    fill(&harness, 50);
    cr_assert_eq(catch_up(&follower, 1000), STATUS_AGAIN);
    cr_assert_eq(follower.next, harness.tail.last_sequence + 1);
    leave(&follower);
    end(&harness);
}

Test(reader, changes_over_to_the_tail_when_it_has_caught_up_and_back_when_it_was_too_slow)
{
    struct harness harness;
    struct follower follower;
    start(&harness, 2, 65536);
    fill(&harness, 100);
    tail_keep(&harness.tail, TAIL_PIECE);
    follow(&follower, &harness, READER_SYNCED, 1);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
    cr_assert(reader_in_tail(follower.reader));
    cr_assert_eq(follower.from_tail, 0);
    fill(&harness, 20);
    uint64_t calls = sim_disk_calls(harness.sim);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
    cr_assert_eq(sim_disk_calls(harness.sim), calls, "no disk is needed");
    cr_assert_eq(follower.from_tail, harness.tail.last_sequence + 1 - follower.from_files - 1);
    uint64_t files = follower.from_files;
    fill(&harness, 800); /* more than the window holds */
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
    cr_assert_gt(follower.from_files, files);
    cr_assert_eq(follower.next, harness.tail.last_sequence + 1);
    cr_assert(reader_in_tail(follower.reader));
    leave(&follower);
    end(&harness);
}

Test(reader, does_not_read_a_segment_again_from_its_beginning_each_time_that_the_tail_was_too_short)
{
    struct harness harness;
    struct follower follower;
    start(&harness, 3, 1 << 20);
    follow(&follower, &harness, READER_SYNCED, 1);
    fill(&harness, 300);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
    for (unsigned i = 0; i < 100; i++) {
        fill(&harness, 1);
        unsigned ready = follower.ready;
        cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
        cr_assert_eq(follower.next, harness.tail.last_sequence + 1);
        cr_assert_eq(follower.ready, ready + 1, "one request, for what is new");
    }
    leave(&follower);
    end(&harness);
}

Test(reader, begins_at_any_batch_and_nowhere_else)
{
    struct harness harness;
    struct follower follower;
    start(&harness, 4, 2048);
    fill(&harness, 40);
    uint64_t last = harness.tail.last_sequence;
    for (uint64_t sequence = 1; sequence <= last + 1; sequence++) {
        follow(&follower, &harness, READER_SYNCED, sequence);
        if (harness.ends[sequence - 1]) {
            cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
            cr_assert_eq(follower.next, last + 1);
        } else {
            cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_INVALID);
            cr_assert_neq(strstr(follower.complaint.text, "not one that a batch of the log begins with"), NULL);
        }
        leave(&follower);
    }
    follow(&follower, &harness, READER_SYNCED, last + 2);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_INVALID);
    leave(&follower);
    follow(&follower, &harness, READER_SYNCED, 0);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_INVALID);
    leave(&follower);
    end(&harness);
}

Test(reader, puts_a_batch_together_that_is_larger_than_what_is_read_at_once)
{
    struct harness harness;
    struct follower follower;
    start(&harness, 5, 1 << 22);
    harness_add(&harness, 2);
    harness_add(&harness, 1500);
    harness_add(&harness, 1);
    harness_settle(&harness, 100);
    harness_add(&harness, 1100);
    harness_settle(&harness, 100);
    follow(&follower, &harness, READER_SYNCED, 1);
    cr_assert_eq(catch_up(&follower, 1000), STATUS_AGAIN);
    cr_assert_eq(follower.next, 1 + 2 + 1500 + 1 + 1100 + 1);
    cr_assert_gt(follower.ready, 3);
    leave(&follower);
    end(&harness);
}

Test(reader, says_when_what_it_wants_is_gone_and_keeps_what_it_has_begun_with)
{
    struct harness harness;
    struct follower early;
    struct follower late;
    start(&harness, 6, 2048);
    fill(&harness, 30);
    follow(&early, &harness, READER_SYNCED, 1);
    cr_assert_eq(step(&early, SIZE_MAX), STATUS_AGAIN);
    uint64_t needed = wal_synced(harness.wal) + 1;
    wal_keep_from(harness.wal, needed);
    harness_settle(&harness, 300);
    cr_assert_eq(wal_oldest(harness.wal), 1);
    fill(&harness, 30);
    cr_assert_eq(catch_up(&early, 500), STATUS_AGAIN, "%s", early.complaint.text);
    cr_assert_eq(early.next, harness.tail.last_sequence + 1);
    harness_settle(&harness, 300);
    uint64_t oldest = wal_oldest(harness.wal);
    cr_assert(oldest > 20 && oldest <= needed, "what it has read may go");
    struct wal_place place;
    wal_find(harness.wal, needed, true, &place);
    cr_assert_eq(oldest, place.first, "up to the segment that the snapshots need");
    follow(&late, &harness, READER_SYNCED, 1);
    cr_assert_eq(catch_up(&late, SIZE_MAX), STATUS_NOT_FOUND);
    cr_assert_neq(strstr(late.complaint.text, "record 1 is not in the log any more"), NULL, "%s", late.complaint.text);
    cr_assert_eq(step(&late, SIZE_MAX), STATUS_NOT_FOUND, "for good");
    leave(&early);
    leave(&late);
    end(&harness);
}

Test(reader, may_be_left_while_the_disk_is_at_work_for_it)
{
    struct harness harness;
    struct follower follower;
    start(&harness, 7, 2048);
    fill(&harness, 30);
    follow(&follower, &harness, READER_SYNCED, 1);
    cr_assert_eq(step(&follower, SIZE_MAX), STATUS_AGAIN);
    leave(&follower);
    cr_assert(list_empty(&harness.wal->holds) || harness.wal->holds.next == &harness.wal->snapshots.link);
    (void)sim_disk_run(harness.sim, 10);
    cr_assert_eq(follower.ready, 0);
    end(&harness);
}

Test(reader, needs_no_log_as_long_as_the_tail_has_all)
{
    struct harness harness;
    struct follower follower;
    harness_init(&harness, 8, WAL_NONE);
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    tail_keep(&harness.tail, TAIL_PIECE);
    follow(&follower, &harness, READER_ADDED, 1);
    for (unsigned i = 0; i < 50; i++) {
        harness_add(&harness, 2);
        cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_AGAIN);
        cr_assert_eq(follower.next, harness.tail.last_sequence + 1);
    }
    for (unsigned i = 0; i < 1000; i++) {
        harness_add(&harness, 2);
    }
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_NOT_FOUND);
    leave(&follower);
    harness_finish(&harness);
}

/* ---- damage ---- */

/* A log that is not the reader's fault: what it says, and that it gave out nothing wrong before. */
static void expect_refusal(struct harness *harness, enum status status, const char *name, const char *part)
{
    struct follower follower;
    follow(&follower, harness, READER_SYNCED, 1);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), status);
    cr_assert(strstr(follower.complaint.text, name) != NULL && strstr(follower.complaint.text, part) != NULL,
              "'%s' says nothing of %s and '%s'", follower.complaint.text, name, part);
    cr_assert_eq(step(&follower, SIZE_MAX), status, "for good");
    leave(&follower);
}

Test(reader, refuses_a_segment_with_any_bit_that_differs_and_gives_out_nothing_of_it)
{
    struct harness harness;
    start(&harness, 9, 4096);
    fill(&harness, 20);
    char name[DISK_NAME_MAX];
    segment_name(1, name);
    struct wal_place place;
    wal_find(harness.wal, 1, true, &place);
    struct gm_bytes contents = sim_disk_contents(harness.sim, name);
    uint64_t used = SEGMENT_HEADER_SIZE; /* where the last record of it ends */
    for (uint64_t at = used; at < contents.size;) {
        struct record record;
        size_t size;
        if (record_parse((struct gm_bytes){contents.data + at, contents.size - at}, &record, &size, NULL) !=
            STATUS_OK) {
            break;
        }
        at += size;
        used = (record.flags & RECORD_LOCAL) == 0 ? at : used;
    }
    for (uint64_t bit = 0; bit < used * 8; bit += bit < 600 ? 1 : 37) {
        sim_disk_flip(harness.sim, name, bit);
        struct follower follower;
        follow(&follower, &harness, READER_SYNCED, 1);
        enum status status = catch_up(&follower, SIZE_MAX);
        /* What may be ignored in a header is outside the checks, its checksum aside: nothing is. */
        cr_assert(status == STATUS_CORRUPT, "bit %llu: %s", (unsigned long long)bit, status_text(status));
        cr_assert(strstr(follower.complaint.text, name) != NULL, "%s", follower.complaint.text);
        leave(&follower);
        sim_disk_flip(harness.sim, name, bit);
    }
    end(&harness);
}

Test(reader, refuses_what_is_cut_lost_or_unreadable)
{
    struct harness harness;
    char name[DISK_NAME_MAX];
    start(&harness, 10, 4096);
    fill(&harness, 40);
    segment_name(1, name);
    struct sim_disk *whole = sim_disk_clone(harness.sim, 1);
    size_t size = sim_disk_contents(harness.sim, name).size;
    sim_disk_cut(harness.sim, name, 1000);
    expect_refusal(&harness, STATUS_IO, name, "cannot be read");
    sim_disk_put(harness.sim, name, sim_disk_contents(whole, name));
    cr_assert_eq(sim_disk_contents(harness.sim, name).size, size);
    sim_disk_delete(harness.sim, name);
    expect_refusal(&harness, STATUS_IO, name, "not found");
    char other[DISK_NAME_MAX];
    segment_name(harness.wal->chain.segments[1].first, other);
    sim_disk_put(harness.sim, name, sim_disk_contents(whole, other));
    expect_refusal(&harness, STATUS_CORRUPT, name, "belongs to another segment");
    sim_disk_put(harness.sim, name, sim_disk_contents(whole, name));
    struct follower follower;
    follow(&follower, &harness, READER_SYNCED, 1);
    cr_assert_eq(step(&follower, SIZE_MAX), STATUS_AGAIN);
    sim_disk_fault(harness.sim, SIM_IO, 1, 1);
    cr_assert_eq(catch_up(&follower, SIZE_MAX), STATUS_IO);
    leave(&follower);
    sim_disk_destroy(whole);
    end(&harness);
}

/* ---- all at once ---- */

#define FOLLOWERS 3

/* Batches are written, segments begin and end, snapshots let segments go, followers come, read and leave, the disk
 * works on any lane: each follower hears all from where it began, in order, and nothing too early. */
static void live(uint64_t seed)
{
    struct harness harness;
    struct follower followers[FOLLOWERS] = {0};
    struct prng prng;
    prng_seed(&prng, seed);
    harness_init(&harness, seed, seed % 3 == 0 ? WAL_BUFFERED : WAL_WRITE_THROUGH);
    harness.config.segment_size = seed % 2 == 0 ? 2048 : 16384;
    harness.snapshots = 15;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    for (unsigned i = 0; i < 1200; i++) {
        struct follower *follower = &followers[prng_below(&prng, FOLLOWERS)];
        if (prng_below(&prng, 100) == 0) {
            tail_keep(&harness.tail, (size_t)prng_below(&prng, 3) * 20000);
        }
        if (prng_below(&prng, 4) == 0) {
            harness_script(&harness, 1);
        }
        if (follower->reader == NULL) {
            uint64_t oldest = wal_oldest(harness.wal);
            uint64_t from = oldest + prng_below(&prng, harness.tail.last_sequence + 2 - oldest);
            while (from > oldest && !harness.ends[from - 1]) {
                from--;
            }
            follow(follower, &harness, (enum reader_limit)prng_below(&prng, 3), from);
        } else if (prng_below(&prng, 100) == 0) {
            leave(follower);
        } else {
            enum status status = step(follower, prng_below(&prng, 2) == 0 ? 1000 : SIZE_MAX);
            cr_assert(status == STATUS_OK || status == STATUS_AGAIN, "%s", follower->complaint.text);
        }
        if (prng_below(&prng, 3) == 0) {
            (void)sim_disk_run(harness.sim, 1);
        }
    }
    harness_settle(&harness, 500);
    for (size_t i = 0; i < FOLLOWERS; i++) {
        if (followers[i].reader != NULL) {
            cr_assert_eq(catch_up(&followers[i], SIZE_MAX), STATUS_AGAIN, "%s", followers[i].complaint.text);
            cr_assert_eq(followers[i].next, harness.tail.last_sequence + 1);
            leave(&followers[i]);
        }
    }
    end(&harness);
}

Test(reader, follows_a_log_that_lives)
{
    uint64_t seed = seed_of_run();
    for (uint64_t run = 0; run < 100; run++) {
        live(seed + run);
    }
}
