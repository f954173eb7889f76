/* SPDX-License-Identifier: MIT */

/* The end of the log in memory: its pieces, and those who read them. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "log/tail_state.h"
#include "support/seed.h"

#define BODY_MAX ((size_t)600 * 1024)

static uint8_t bodies[BODY_MAX];

/* Record `sequence` of every history here has a key that says so, and a body of this size. */
static struct record record_of(uint64_t sequence, size_t size, uint8_t key[static 8])
{
    codec_put_u64(key, sequence);
    return (struct record){
        .time_ms = 1000 + (int64_t)sequence, .op = 3, .type = 7, .key = {key, 8}, .body = {bodies, size}};
}

static void add_batch(struct tail *tail, unsigned records, size_t size)
{
    uint8_t key[8];
    tail_begin(tail);
    for (unsigned i = 0; i < records; i++) {
        struct record record = record_of(tail->last_sequence + 1, size, key);
        tail_add(tail, &record);
    }
    tail_end(tail);
}

/* Whether the slice holds whole batches, these very records. */
static void expect_slice(const struct tail_slice *slice)
{
    uint64_t sequence = slice->first;
    bool more = false;
    for (size_t at = 0; at < slice->bytes.size;) {
        struct record record;
        struct complaint complaint;
        size_t size;
        cr_assert_eq(
            record_parse((struct gm_bytes){slice->bytes.data + at, slice->bytes.size - at}, &record, &size, &complaint),
            STATUS_OK, "%s", complaint.text);
        cr_assert(record.sequence == sequence && codec_u64(record.key.data) == sequence);
        more = (record.flags & RECORD_MORE) != 0;
        sequence++;
        at += size;
    }
    cr_assert(!more && slice->last == sequence - 1);
}

static enum status take(struct tail_cursor *cursor, struct tail_slice *slice)
{
    uint64_t expected = cursor->next;
    enum status status = tail_take(cursor, SIZE_MAX, UINT64_MAX, slice);
    if (status == STATUS_OK) {
        cr_assert_eq(slice->first, expected);
        expect_slice(slice);
    }
    return status;
}

/* Takes and releases all that there is; returns the last sequence. */
static uint64_t drink(struct tail_cursor *cursor)
{
    struct tail_slice slice;
    enum status status;
    while ((status = take(cursor, &slice)) == STATUS_OK) {
        tail_release(cursor->tail, &slice);
    }
    cr_assert_eq(status, STATUS_AGAIN);
    return cursor->next - 1;
}

static void open(struct tail_cursor *cursor, struct tail *tail, uint64_t sequence, bool keeps)
{
    cr_assert_eq(tail_cursor_open(cursor, tail, sequence, keeps), STATUS_OK);
}

static void close_all(struct tail *tail)
{
    while (!list_empty(&tail->cursors)) {
        tail_cursor_close(container_of(tail->cursors.next, struct tail_cursor, link));
    }
    tail_finish(tail);
}

/* ---- adding ---- */

Test(tail, numbers_records_and_marks_all_of_a_batch_but_its_last)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_slice slice;
    tail_init(&tail, 41, 7);
    open(&cursor, &tail, 42, true);
    for (unsigned batch = 1; batch <= 4; batch++) {
        add_batch(&tail, batch, 10);
    }
    tail_begin(&tail);
    tail_end(&tail); /* a command that changed nothing */
    cr_assert_eq(tail.last_sequence, 51);
    cr_assert_eq(tail.last_time_ms, 1051);
    cr_assert_eq(take(&cursor, &slice), STATUS_OK);
    cr_assert(slice.first == 42 && slice.last == 51);
    size_t at = 0;
    for (unsigned batch = 1; batch <= 4; batch++) {
        for (unsigned i = 0; i < batch; i++) {
            struct record back;
            size_t size;
            record_read(slice.bytes.data + at, &back, &size);
            cr_assert_eq(back.epoch, 7);
            cr_assert_eq((back.flags & RECORD_MORE) != 0, i + 1 < batch);
            at += size;
        }
    }
    cr_assert_eq(at, slice.bytes.size);
    tail_release(&tail, &slice);
    close_all(&tail);
}

Test(tail, that_nobody_carries_only_counts)
{
    struct tail tail;
    tail_init(&tail, 0, 1);
    add_batch(&tail, 3, 100);
    cr_assert(tail.last_sequence == 3 && tail.memory == 0 && tail.spare == NULL);
    cr_assert_eq(tail_room(&tail), TAIL_BATCH_MAX);
    close_all(&tail);
}

Test(tail, keeps_a_batch_together_when_it_outgrows_its_piece)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_slice slice;
    tail_init(&tail, 0, 1);
    open(&cursor, &tail, 1, true);
    add_batch(&tail, 1, 100);
    add_batch(&tail, 40, 20000); /* three pieces long */
    add_batch(&tail, 1, 100);
    cr_assert_eq(take(&cursor, &slice), STATUS_OK);
    cr_assert_eq(slice.last, 1);
    tail_release(&tail, &slice);
    cr_assert_eq(take(&cursor, &slice), STATUS_OK);
    cr_assert(slice.first == 2 && slice.last >= 41);
    tail_release(&tail, &slice);
    cr_assert_eq(drink(&cursor), 42);
    add_batch(&tail, 3, BODY_MAX); /* the first batch of a piece, and moved as such */
    cr_assert_eq(take(&cursor, &slice), STATUS_OK);
    cr_assert(slice.first == 43 && slice.last == 45);
    tail_release(&tail, &slice);
    cr_assert_eq(tail.memory, 0, "what is larger than a piece does not stay");
    close_all(&tail);
}

Test(tail, leaves_room_for_a_batch_up_to_what_waits_already)
{
    struct tail tail;
    struct tail_cursor cursor;
    tail_init(&tail, 0, 1);
    open(&cursor, &tail, 1, true);
    cr_assert_eq(tail_room(&tail), TAIL_BATCH_MAX);
    uint8_t key[8];
    struct record record = record_of(1, 1000, key);
    tail_begin(&tail);
    tail_add(&tail, &record);
    cr_assert_eq(tail_room(&tail), TAIL_BATCH_MAX - record_size(&record));
    tail_end(&tail);
    cr_assert_eq(tail_room(&tail), TAIL_BATCH_MAX);
    tail.base += TAIL_PENDING_MAX - 8192; /* as if so much more waited */
    cr_assert_eq(tail_room(&tail), 8192 - record_size(&record));
    tail.base += 8192;
    cr_assert_eq(tail_room(&tail), 0);
    tail.base -= TAIL_PENDING_MAX;
    close_all(&tail);
}

/* ---- cursors ---- */

Test(tail, gives_a_slice_memory_that_does_not_move_until_it_is_released)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_slice slices[20];
    tail_init(&tail, 0, 1);
    open(&cursor, &tail, 1, true);
    for (size_t i = 0; i < 20; i++) {
        add_batch(&tail, 1 + (unsigned)i % 3, i % 4 == 0 ? BODY_MAX : 5000);
        cr_assert_eq(take(&cursor, &slices[i]), STATUS_OK);
        for (size_t k = 0; k <= i; k++) {
            expect_slice(&slices[k]);
        }
    }
    cr_assert_eq(tail.memory, 0, "the list has let go of all of them");
    for (size_t i = 0; i < 20; i++) {
        tail_release(&tail, &slices[i]);
    }
    close_all(&tail);
}

Test(tail, lets_two_pieces_take_turns_when_only_one_reads)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_slice slice = {0};
    const struct tail_piece *seen[2] = {NULL, NULL};
    tail_init(&tail, 0, 1);
    open(&cursor, &tail, 1, true);
    for (size_t i = 0; i < 100; i++) {
        struct tail_slice before = slice;
        add_batch(&tail, 2, 100);
        cr_assert_eq(take(&cursor, &slice), STATUS_OK);
        if (before.piece != NULL) {
            tail_release(&tail, &before);
        }
        seen[i % 2] = i < 2 ? slice.piece : seen[i % 2];
        cr_assert_eq(slice.piece, seen[i % 2]);
    }
    tail_release(&tail, &slice);
    close_all(&tail);
}

Test(tail, stops_a_slice_where_the_reader_wants_it_at_the_end_of_a_batch)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_slice slice;
    tail_init(&tail, 0, 1);
    open(&cursor, &tail, 1, true);
    add_batch(&tail, 3, 100); /* 1 to 3 */
    add_batch(&tail, 2, 100); /* 4, 5 */
    add_batch(&tail, 1, 100); /* 6 */
    cr_assert_eq(tail_take(&cursor, SIZE_MAX, 2, &slice), STATUS_AGAIN, "no part of a batch");
    cr_assert_eq(tail_take(&cursor, SIZE_MAX, 0, &slice), STATUS_AGAIN);
    cr_assert_eq(tail_take(&cursor, 1, UINT64_MAX, &slice), STATUS_OK);
    cr_assert(slice.first == 1 && slice.last == 3, "one batch at least, however large");
    tail_release(&tail, &slice);
    cr_assert_eq(tail_take(&cursor, SIZE_MAX, 5, &slice), STATUS_OK);
    cr_assert(slice.first == 4 && slice.last == 5);
    expect_slice(&slice);
    tail_release(&tail, &slice);
    cr_assert_eq(tail_take(&cursor, SIZE_MAX, 5, &slice), STATUS_AGAIN);
    cr_assert_eq(drink(&cursor), 6);
    close_all(&tail);
}

Test(tail, is_read_from_any_batch_that_it_still_has)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_slice slice;
    tail_init(&tail, 100, 1);
    tail_keep(&tail, 2 << 20);
    for (unsigned i = 0; i < 300; i++) {
        add_batch(&tail, 2, 2000);
    }
    cr_assert_eq(tail_first(&tail), 101);
    for (uint64_t sequence = 101; sequence <= 700; sequence++) {
        enum status status = tail_cursor_open(&cursor, &tail, sequence, false);
        cr_assert_eq(status, sequence % 2 == 1 ? STATUS_OK : STATUS_INVALID, "only where a batch begins");
        if (status == STATUS_OK) {
            cr_assert_eq(take(&cursor, &slice), STATUS_OK);
            cr_assert_eq(slice.first, sequence);
            tail_release(&tail, &slice);
            cr_assert_eq(drink(&cursor), 700);
            tail_cursor_close(&cursor);
        }
    }
    open(&cursor, &tail, 701, false);
    cr_assert_eq(take(&cursor, &slice), STATUS_AGAIN);
    add_batch(&tail, 1, 0);
    cr_assert_eq(drink(&cursor), 701);
    tail_cursor_close(&cursor);
    cr_assert_eq(tail_cursor_open(&cursor, &tail, 703, false), STATUS_INVALID, "nobody has written it");
    cr_assert_eq(tail_cursor_open(&cursor, &tail, 100, false), STATUS_NOT_FOUND);
    close_all(&tail);
}

/* ---- the window ---- */

Test(tail, keeps_its_newest_bytes_and_not_much_more)
{
    struct tail tail;
    size_t window = 3 * TAIL_PIECE;
    tail_init(&tail, 0, 1);
    tail_keep(&tail, window);
    for (unsigned i = 0; i < 3000; i++) {
        add_batch(&tail, 1, 1000);
        cr_assert(tail.memory <= window + TAIL_PIECE);
    }
    uint64_t kept = tail.last_sequence + 1 - tail_first(&tail);
    cr_assert_geq(kept * 1064, window - TAIL_PIECE);
    add_batch(&tail, 1, BODY_MAX);
    cr_assert(tail.memory <= window + BODY_MAX + 4096);
    tail_keep(&tail, TAIL_PIECE);
    cr_assert_leq(tail.memory, 3 * TAIL_PIECE);
    tail_keep(&tail, 0);
    cr_assert(tail.memory == 0 && !tail.carried);
    close_all(&tail);
}

Test(tail, loses_a_slow_reader_rather_than_wait_for_it)
{
    struct tail tail;
    struct tail_cursor slow;
    struct tail_cursor quick;
    struct tail_slice held;
    struct tail_slice slice;
    tail_init(&tail, 0, 1);
    tail_keep(&tail, TAIL_PIECE);
    open(&slow, &tail, 1, false);
    open(&quick, &tail, 1, false);
    add_batch(&tail, 1, 5000);
    cr_assert_eq(take(&slow, &held), STATUS_OK);
    for (unsigned i = 0; i < 500; i++) {
        add_batch(&tail, 1, 5000);
        cr_assert_eq(drink(&quick), tail.last_sequence);
    }
    cr_assert_eq(take(&slow, &slice), STATUS_NOT_FOUND);
    expect_slice(&held); /* what it holds is there still */
    tail_release(&tail, &held);
    cr_assert_eq(take(&slow, &slice), STATUS_NOT_FOUND, "for good");
    tail_cursor_close(&slow);
    cr_assert_eq(tail_cursor_open(&slow, &tail, 2, false), STATUS_NOT_FOUND);
    open(&slow, &tail, tail_first(&tail), false);
    cr_assert_eq(drink(&slow), tail.last_sequence);
    close_all(&tail);
}

Test(tail, waits_for_a_reader_that_keeps_whatever_the_window_is)
{
    struct tail tail;
    struct tail_cursor wal;
    struct tail_cursor follower;
    tail_init(&tail, 0, 1);
    open(&wal, &tail, 1, true);
    open(&follower, &tail, 1, false);
    for (unsigned i = 0; i < 500; i++) {
        add_batch(&tail, 1, 5000);
    }
    cr_assert_eq(tail_first(&tail), 1);
    cr_assert_eq(drink(&follower), 500);
    cr_assert_eq(tail_first(&tail), 1, "a follower's reading lets nothing go");
    cr_assert_eq(drink(&wal), 500);
    cr_assert_eq(tail_first(&tail), 501);
    cr_assert_eq(tail.memory, 0);
    close_all(&tail);
}

Test(tail, says_so_when_records_have_passed_that_nobody_carried)
{
    struct tail tail;
    struct tail_cursor cursor;
    struct tail_cursor other;
    struct tail_slice slice;
    tail_init(&tail, 0, 1);
    open(&cursor, &tail, 1, false);
    open(&other, &tail, 1, false);
    add_batch(&tail, 1, 10);
    cr_assert_eq(take(&cursor, &slice), STATUS_NOT_FOUND);
    tail_keep(&tail, TAIL_PIECE);
    add_batch(&tail, 1, 10);
    cr_assert_eq(take(&other, &slice), STATUS_NOT_FOUND, "the next is there, but not the one before");
    cr_assert_eq(tail_first(&tail), 2);
    tail_cursor_close(&cursor);
    open(&cursor, &tail, 2, false);
    tail_continue(&tail, 900, 4);
    cr_assert_eq(take(&cursor, &slice), STATUS_NOT_FOUND);
    cr_assert(tail.last_sequence == 900 && tail.epoch == 4 && tail.carried && tail_first(&tail) == 901);
    close_all(&tail);
}

/* ---- all at once ---- */

#define READERS 4

struct reader {
    struct tail_cursor cursor;
    struct tail_slice held[8];
    size_t held_count;
    bool opened;
};

static void use_reader(struct tail *tail, struct reader *reader, struct prng *prng, bool keeps)
{
    struct tail_slice slice;
    if (!reader->opened) {
        uint64_t first = tail_first(tail);
        uint64_t sequence = keeps ? tail->last_sequence + 1 : first + prng_below(prng, tail->last_sequence + 2 - first);
        reader->opened = tail_cursor_open(&reader->cursor, tail, sequence, keeps) == STATUS_OK;
        return;
    }
    if (reader->held_count > 0 && prng_below(prng, 2) == 0) {
        expect_slice(&reader->held[0]);
        tail_release(tail, &reader->held[0]);
        reader->held[0] = reader->held[--reader->held_count];
    }
    uint64_t next = reader->cursor.next;
    uint64_t up_to = prng_below(prng, 3) == 0 ? next + prng_below(prng, 20) : UINT64_MAX;
    size_t max = prng_below(prng, 2) == 0 ? (size_t)prng_below(prng, 100000) : SIZE_MAX;
    enum status status = reader->held_count < 8 ? tail_take(&reader->cursor, max, up_to, &slice) : STATUS_AGAIN;
    if (status == STATUS_OK) {
        cr_assert(slice.first == next && slice.last <= up_to);
        expect_slice(&slice);
        reader->held[reader->held_count++] = slice;
    } else if (status == STATUS_NOT_FOUND || prng_below(prng, 200) == 0) {
        cr_assert(status != STATUS_NOT_FOUND || !keeps);
        tail_cursor_close(&reader->cursor);
        reader->opened = false;
    }
}

Test(tail, holds_its_promises_under_any_mixture)
{
    struct prng prng;
    uint64_t seed = seed_of_run();
    for (uint64_t run = 0; run < 8; run++) {
        struct tail tail;
        struct reader readers[READERS] = {0};
        prng_seed(&prng, seed + run);
        tail_init(&tail, prng_below(&prng, 1000), 1);
        for (unsigned step = 0; step < 3000; step++) {
            uint64_t what = prng_below(&prng, 40);
            if (what == 0) {
                tail_keep(&tail, (size_t)prng_below(&prng, 4) * TAIL_PIECE / 2);
            } else if (what < 16) {
                add_batch(&tail, (unsigned)prng_below(&prng, 4),
                          (size_t)prng_below(&prng, what == 1 ? BODY_MAX : 4000));
            } else {
                size_t which = (size_t)prng_below(&prng, READERS);
                use_reader(&tail, &readers[which], &prng, which < 2);
            }
        }
        for (size_t i = 0; i < READERS; i++) {
            for (size_t k = 0; k < readers[i].held_count; k++) {
                expect_slice(&readers[i].held[k]);
                tail_release(&tail, &readers[i].held[k]);
            }
        }
        close_all(&tail);
    }
}
