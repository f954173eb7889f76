/* SPDX-License-Identifier: MIT */

/* Taking over batches that another has numbered: what continues the history is the same here, but for the numbers of
 * types; all else is refused, and changes nothing. */
#include <criterion/criterion.h>

#include "base/crc32c.h"
#include "base/prng.h"
#include "log/tail.h"
#include "support/seed.h"

/* A leader's tail and a follower's. The types have other numbers there. */
struct pair {
    struct tail leader;
    struct tail follower;
    struct tail_cursor source;
    struct tail_cursor copy;
    struct names_map map;
    struct complaint complaint;
};

static const struct {
    uint16_t leader, follower;
    const char *name;
} types[] = {{1, 3, "a.text/1"}, {2, 2, "a.list/1"}, {300, 1, "a.set/1"}};

static void start(struct pair *pair)
{
    *pair = (struct pair){0};
    static struct epochs_entry entries[] = {{.epoch = 4, .leader = 1, .first = 1},
                                            {.epoch = 5, .leader = 2, .first = 7}};
    tail_init(&pair->leader, 10, 5);
    tail_init(&pair->follower, 10, 5);
    tail_set_epochs(&pair->leader, &(struct epochs){.list = entries, .count = 2});
    tail_set_epochs(&pair->follower, &pair->leader.epochs);
    for (size_t i = 0; i < 3; i++) {
        struct gm_bytes name = gm_bytes_of(types[i].name);
        tail_declare(&pair->leader, types[i].leader, name);
        tail_declare(&pair->follower, types[i].follower, name);
        cr_assert(names_map_declare(&pair->map, types[i].leader, name, &pair->follower.names));
    }
    cr_assert_eq(tail_cursor_open(&pair->source, &pair->leader, 11, true), STATUS_OK);
    cr_assert_eq(tail_cursor_open(&pair->copy, &pair->follower, 11, true), STATUS_OK);
}

static void finish(struct pair *pair)
{
    tail_cursor_close(&pair->source);
    tail_cursor_close(&pair->copy);
    names_map_finish(&pair->map);
    tail_finish(&pair->leader);
    tail_finish(&pair->follower);
}

/* A batch of the leader; `out` gets its bytes, which may be changed. */
static void make_batch(struct pair *pair, unsigned records, size_t body_max, struct prng *prng, struct buf *out)
{
    static uint8_t body[5000];
    struct tail_slice slice;
    tail_begin(&pair->leader);
    for (unsigned i = 0; i < records; i++) {
        bool host = prng_below(prng, 4) == 0;
        struct record record = {.time_ms = 77,
                                .op = RECORD_OP_DELETE,
                                .type = host ? 0 : types[prng_below(prng, 3)].leader,
                                .key = {body, (size_t)prng_below(prng, 20)},
                                .body = {body, (size_t)prng_below(prng, body_max + 1)}};
        tail_add(&pair->leader, &record);
    }
    tail_end(&pair->leader);
    buf_clear(out, SIZE_MAX);
    while (tail_take(&pair->source, SIZE_MAX, UINT64_MAX, &slice) == STATUS_OK) {
        cr_assert(buf_append(out, slice.bytes));
        tail_release(&pair->leader, &slice);
    }
}

static enum status adopt(struct pair *pair, const struct buf *batch)
{
    return tail_adopt(&pair->follower, &pair->map, 16, buf_bytes(batch), &pair->complaint);
}

/* Whether these are the leader's records but for the numbers of their types, and each whole by its checksums. */
static void expect_copy(const struct pair *pair, struct gm_bytes copy, struct gm_bytes original)
{
    cr_assert_eq(copy.size, original.size); /* tail_adopt I3 */
    for (size_t at = 0; at < copy.size;) {
        struct record ours;
        struct record theirs;
        struct complaint complaint;
        size_t size;
        cr_assert_eq(record_parse((struct gm_bytes){copy.data + at, copy.size - at}, &ours, &size, &complaint),
                     STATUS_OK, "%s", complaint.text);
        record_read(original.data + at, &theirs, &size);
        cr_assert(
            gm_bytes_equal(names_of(&pair->follower.names, ours.type), names_of(&pair->leader.names, theirs.type)));
        cr_assert_eq(ours.type == 0, theirs.type == 0);
        cr_assert(ours.sequence == theirs.sequence && ours.epoch == theirs.epoch && ours.flags == theirs.flags &&
                  ours.time_ms == theirs.time_ms && ours.op == theirs.op);
        cr_assert(gm_bytes_equal(ours.key, theirs.key) && gm_bytes_equal(ours.body, theirs.body));
        at += size;
    }
}

Test(adopt, keeps_sequence_and_epoch_and_gives_types_our_numbers)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    struct tail_slice slice;
    uint64_t seed = seed_of_run();
    prng_seed(&prng, seed);
    buf_init(&batch, (size_t)1 << 30);
    start(&pair);
    for (unsigned i = 0; i < 300; i++) {
        size_t body_max = i % 50 == 0 ? 5000 : 100;
        make_batch(&pair, i % 50 == 0 ? 200 : 1 + (unsigned)prng_below(&prng, 4), body_max, &prng, &batch);
        cr_assert_eq(adopt(&pair, &batch), STATUS_OK, "%s", pair.complaint.text);
        cr_assert_eq(pair.follower.last_sequence, pair.leader.last_sequence);
        cr_assert(pair.follower.epoch == 5 && pair.follower.last_time_ms == 77);
        cr_assert_eq(tail_take(&pair.copy, SIZE_MAX, UINT64_MAX, &slice), STATUS_OK);
        cr_assert(slice.last == pair.leader.last_sequence);
        expect_copy(&pair, slice.bytes, buf_bytes(&batch));
        tail_release(&pair.follower, &slice);
        pair.leader.epoch = 5;
    }
    cr_assert_eq(tail_take(&pair.copy, SIZE_MAX, UINT64_MAX, &slice), STATUS_AGAIN);
    buf_finish(&batch);
    finish(&pair);
}

Test(adopt, counts_where_nobody_carries)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    prng_seed(&prng, 1);
    buf_init(&batch, 1 << 20);
    start(&pair);
    tail_cursor_close(&pair.copy);
    make_batch(&pair, 3, 100, &prng, &batch);
    cr_assert_eq(adopt(&pair, &batch), STATUS_OK);
    cr_assert(pair.follower.last_sequence == 13 && pair.follower.memory == 0 && pair.follower.epoch == 5);
    buf_finish(&batch);
    finish(&pair);
}

/* What is refused, and the sentence; nothing has changed. */
static void expect_refused(struct pair *pair, const struct buf *batch, enum status expected, const char *part)
{
    struct tail before = pair->follower;
    cr_assert_eq(adopt(pair, batch), expected, "%s", pair->complaint.text);
    cr_assert(strstr(pair->complaint.text, part) != NULL, "'%s' says nothing of '%s'", pair->complaint.text, part);
    cr_assert(before.last_sequence == pair->follower.last_sequence && before.epoch == pair->follower.epoch &&
              before.filling.size == pair->follower.filling.size && !pair->follower.open);
    cr_assert_eq(tail_waiting(&pair->copy), 0);
}

static void seal(uint8_t *head)
{
    codec_put_u32(head, crc32c((struct gm_bytes){head + 4, RECORD_HEADER_SIZE - 4}));
}

Test(adopt, refuses_what_does_not_continue_the_history)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    prng_seed(&prng, 2);
    buf_init(&batch, 1 << 20);
    start(&pair);
    make_batch(&pair, 2, 100, &prng, &batch); /* 11, 12 */
    make_batch(&pair, 1, 100, &prng, &batch); /* 13 */
    expect_refused(&pair, &batch, STATUS_INVALID, "begins with record 13, but the next one is 11");
    pair.follower.last_sequence = 13;
    pair.copy.next = 14;
    expect_refused(&pair, &batch, STATUS_INVALID, "begins with record 13, but the next one is 14");
    pair.follower.last_sequence = 12;
    pair.copy.next = 13;
    struct epochs_entry newer = {.epoch = 6, .leader = 3, .first = 12};
    cr_assert_eq(epochs_add(&pair.follower.epochs, &newer, &pair.complaint), STATUS_OK);
    expect_refused(&pair, &batch, STATUS_INVALID, "record 13 is of epoch 5, but epoch 6 has begun before");
    epochs_cut(&pair.follower.epochs, 11);
    cr_assert_eq(adopt(&pair, &batch), STATUS_OK, "%s", pair.complaint.text);
    buf_finish(&batch);
    finish(&pair);
}

Test(adopt, refuses_what_is_not_one_whole_batch)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    struct record record;
    size_t size;
    prng_seed(&prng, 3);
    buf_init(&batch, 1 << 20);
    start(&pair);
    expect_refused(&pair, &batch, STATUS_CORRUPT, "not whole"); /* nothing at all */
    make_batch(&pair, 3, 100, &prng, &batch);
    record_read(batch.data, &record, &size);
    size_t whole = batch.size;
    for (size_t cut = 0; cut < whole; cut += 8) {
        batch.size = cut;
        expect_refused(&pair, &batch, STATUS_CORRUPT, "not whole");
    }
    batch.size = whole;
    cr_assert(buf_append(&batch, (struct gm_bytes){batch.data, 8}));
    expect_refused(&pair, &batch, STATUS_CORRUPT, "behind the batch");
    batch.size = whole;
    record_set_more(batch.data, false);
    expect_refused(&pair, &batch, STATUS_CORRUPT, "behind the batch");
    record_set_more(batch.data, true);
    codec_put_u64(batch.data + size + 16, 13); /* the second's sequence */
    seal(batch.data + size);
    expect_refused(&pair, &batch, STATUS_CORRUPT, "do not belong together");
    codec_put_u64(batch.data + size + 16, 12);
    codec_put_u64(batch.data + size + 24, 6); /* its epoch */
    seal(batch.data + size);
    expect_refused(&pair, &batch, STATUS_CORRUPT, "do not belong together");
    codec_put_u64(batch.data + size + 24, 5);
    seal(batch.data + size);
    cr_assert_eq(adopt(&pair, &batch), STATUS_OK, "%s", pair.complaint.text);
    buf_finish(&batch);
    finish(&pair);
}

Test(adopt, refuses_records_that_stand_in_no_history)
{
    static const struct {
        struct record record;
        const char *part;
    } cases[] = {
        {{.type = 2, .flags = RECORD_DUMP}, "not of a history"},
        {{.type = 2, .flags = RECORD_DUMP | RECORD_DAMAGED}, "not of a history"},
        {{.op = RECORD_OP_TYPE, .flags = RECORD_LOCAL}, "not of a history"},
        {{.type = 4}, "type number 4, which was not declared"},
        {{.type = 65535}, "type number 65535, which was not declared"},
        {{.op = 16}, "record 11 has operation 16 of the host, which this program does not know"},
        {{.type = 2, .database = 16}, "record 11 names database 16, but there are 16 here"},
    };
    struct pair pair;
    struct buf batch;
    buf_init(&batch, 1 << 20);
    start(&pair);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record record = cases[i].record;
        record.sequence = 11;
        record.epoch = 5;
        buf_clear(&batch, SIZE_MAX);
        cr_assert(record_encode(&record, &batch));
        expect_refused(&pair, &batch,
                       record.op == 16        ? STATUS_VERSION
                       : record.database != 0 ? STATUS_REFUSED
                                              : STATUS_CORRUPT,
                       cases[i].part);
    }
    buf_finish(&batch);
    finish(&pair);
}

/* tail_adopt I2 */
Test(adopt, enters_a_new_epoch_with_the_record_that_begins_it_only)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    struct buf second;
    struct record record;
    size_t size;
    prng_seed(&prng, 6);
    buf_init(&batch, 1 << 20);
    buf_init(&second, 1 << 20);
    start(&pair);
    tail_lead(&pair.follower, 6, &(struct record_epoch){.leader = 9});
    tail_lead(&pair.leader, 8, &(struct record_epoch){.leader = 4, .replica_count = 2, .replicas = {2, 4}});
    make_batch(&pair, 2, 100, &prng, &batch); /* 11 begins the epoch, 12 and 13 are of it */
    make_batch(&pair, 1, 100, &prng, &second);
    record_read(batch.data, &record, &size);
    cr_assert(record.sequence == 11 && record.op == RECORD_OP_EPOCH && record.type == 0);
    for (size_t at = 0, taken = 0; at < batch.size; at += taken) { /* the record is lost, and all are numbered anew */
        struct record next;
        record_read(batch.data + at, &next, &taken);
        codec_put_u64(batch.data + at + 16, next.sequence - 1);
        seal(batch.data + at);
    }
    batch.data += size;
    batch.size -= size;
    expect_refused(&pair, &batch, STATUS_INVALID, "record 11 is of epoch 8, which no record has begun");
    batch.data -= size;
    batch.size += size;
    codec_put_u64(batch.data + 16, 11);
    seal(batch.data);
    for (size_t at = size, taken = 0; at < batch.size; at += taken) {
        struct record next;
        record_read(batch.data + at, &next, &taken);
        codec_put_u64(batch.data + at + 16, next.sequence + 1);
        seal(batch.data + at);
    }
    cr_assert_eq(adopt(&pair, &batch), STATUS_OK, "%s", pair.complaint.text);
    cr_assert_eq(adopt(&pair, &second), STATUS_OK, "%s", pair.complaint.text);
    cr_assert(epochs_agree(&pair.leader.epochs, &pair.follower.epochs));
    cr_assert(epochs_find(&pair.follower.epochs, 14)->leader == 4 && epochs_number(&pair.follower.epochs, 10) == 5);
    cr_assert_eq(tail_next(&pair.follower), 15, "whoever follows does not lead");
    buf_finish(&batch);
    buf_finish(&second);
    finish(&pair);
}

Test(adopt, notices_any_bit_that_differs)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    prng_seed(&prng, 4);
    buf_init(&batch, 1 << 20);
    start(&pair);
    make_batch(&pair, 2, 60, &prng, &batch);
    for (size_t bit = 0; bit < batch.size * 8; bit++) {
        batch.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_refused(&pair, &batch, STATUS_CORRUPT, "");
        batch.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_eq(adopt(&pair, &batch), STATUS_OK);
    buf_finish(&batch);
    finish(&pair);
}

Test(adopt, takes_no_more_than_may_wait)
{
    struct pair pair;
    struct prng prng;
    struct buf batch;
    prng_seed(&prng, 5);
    buf_init(&batch, 1 << 20);
    start(&pair);
    make_batch(&pair, 1, 60, &prng, &batch);
    pair.follower.base += TAIL_PENDING_MAX; /* as if so much waited */
    cr_assert_eq(adopt(&pair, &batch), STATUS_TOO_BIG);
    pair.follower.base -= TAIL_PENDING_MAX;
    cr_assert_eq(adopt(&pair, &batch), STATUS_OK);
    buf_finish(&batch);
    finish(&pair);
}
