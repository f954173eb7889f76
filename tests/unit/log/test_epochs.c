/* SPDX-License-Identifier: MIT */

/* The table of epochs: what it takes, what it refuses and with which words, and where two histories parted. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/prng.h"
#include "log/epochs.h"
#include "support/seed.h"

static struct epochs_entry entry(uint64_t epoch, uint64_t leader, uint64_t first)
{
    return (struct epochs_entry){.epoch = epoch, .leader = leader, .first = first};
}

static void add(struct epochs *epochs, uint64_t epoch, uint64_t leader, uint64_t first)
{
    struct complaint complaint;
    struct epochs_entry added = entry(epoch, leader, first);
    cr_assert_eq(epochs_add(epochs, &added, &complaint), STATUS_OK, "%s", complaint.text);
}

/* 1 of node 1 from 1 on, 3 of node 2 from 10 on, 4 of node 1 from 20 on. */
static void three(struct epochs *epochs)
{
    *epochs = (struct epochs){0};
    add(epochs, 1, 1, 1);
    add(epochs, 3, 2, 10);
    add(epochs, 4, 1, 20);
}

static void expect_refused(const struct epochs *known, struct epochs_entry wrong, const char *words)
{
    struct epochs epochs = {0};
    struct complaint complaint = {""};
    epochs_copy(&epochs, known);
    cr_assert_eq(epochs_add(&epochs, &wrong, &complaint), STATUS_CORRUPT, "%s", words);
    cr_assert_not_null(strstr(complaint.text, words), "'%s' instead of '%s'", complaint.text, words);
    cr_assert(epochs_agree(&epochs, known) && epochs.count == known->count, "a refusal changes nothing");
    epochs_finish(&epochs);
}

Test(epochs, knows_whose_each_record_is)
{
    struct epochs epochs;
    three(&epochs);
    cr_assert_eq(epochs_last(&epochs), 4);
    cr_assert_null(epochs_find(&epochs, 0));
    static const struct {
        uint64_t sequence, epoch;
    } cases[] = {{1, 1}, {9, 1}, {10, 3}, {19, 3}, {20, 4}, {UINT64_MAX, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(epochs_find(&epochs, cases[i].sequence)->epoch, cases[i].epoch);
        cr_assert_eq(epochs_number(&epochs, cases[i].sequence), cases[i].epoch);
    }
    cr_assert_eq(epochs_number(&epochs, 0), 0);
    epochs_finish(&epochs);
    cr_assert_eq(epochs_last(&epochs), 0);
}

/* epochs I1 */
Test(epochs, go_forward_and_have_one_leader_and_one_beginning)
{
    struct epochs epochs;
    three(&epochs);
    expect_refused(&epochs, entry(3, 2, 30), "record 30 is of epoch 3, but epoch 4 has begun before, with record 20");
    expect_refused(&epochs, entry(4, 2, 30),
                   "epoch 4 has two leaders: node 1 from record 20 on, and node 2 from record");
    expect_refused(&epochs, entry(4, 1, 30), "epoch 4 begins twice: with record 20 and with record 30");
    expect_refused(&epochs, entry(5, 1, 20), "an epoch never goes back");
    expect_refused(&epochs, entry(5, 1, 19), "an epoch never goes back");
    expect_refused(&epochs, entry(5, 0, 30), "has the number 0");
    expect_refused(&epochs, entry(5, 1, 0), "has the number 0");
    expect_refused(&(struct epochs){0}, entry(0, 1, 1), "has the number 0");
    epochs_finish(&epochs);
}

static enum status take(struct epochs *epochs, uint64_t sequence, uint64_t epoch, uint64_t leader, bool within,
                        struct complaint *complaint)
{
    uint8_t body[RECORD_EPOCH_MAX];
    struct record record = {.sequence = sequence, .epoch = epoch, .type = 5};
    if (leader > 0) {
        record.type = 0;
        record.op = RECORD_OP_EPOCH;
        record.body = record_epoch_body(&(struct record_epoch){.leader = leader}, body);
    }
    return epochs_take(epochs, &record, within, complaint);
}

/* epochs I2 */
Test(epochs, follow_a_history_and_refuse_what_no_history_is)
{
    struct epochs epochs = {0};
    struct complaint why;
    cr_assert_eq(take(&epochs, 1, 0, 0, false, &why), STATUS_CORRUPT);
    cr_assert_str_eq(why.text, "record 1 is of epoch 0, which no record has begun: the newest is 0");
    cr_assert_eq(take(&epochs, 1, 2, 7, false, &why), STATUS_OK);
    cr_assert_eq(take(&epochs, 2, 2, 0, true, &why), STATUS_OK);
    cr_assert_eq(take(&epochs, 3, 3, 0, false, &why), STATUS_CORRUPT);
    cr_assert_str_eq(why.text, "record 3 is of epoch 3, which no record has begun: the newest is 2");
    cr_assert_eq(take(&epochs, 3, 3, 8, true, &why), STATUS_CORRUPT);
    cr_assert_str_eq(why.text, "record 3 begins an epoch in the midst of a batch");
    cr_assert_eq(take(&epochs, 3, 3, 8, false, &why), STATUS_OK);
    cr_assert_eq(take(&epochs, 4, 2, 0, false, &why), STATUS_CORRUPT);
    cr_assert_str_eq(why.text,
                     "record 4 is of epoch 2, but epoch 3 has begun before, with record 3: an epoch never goes back");
    struct record senseless = {.sequence = 4, .epoch = 4, .op = RECORD_OP_EPOCH, .body = BYTES("1234567")};
    cr_assert_eq(epochs_take(&epochs, &senseless, false, &why), STATUS_CORRUPT);
    cr_assert_str_eq(why.text, "record 4 begins an epoch, but makes no sense");
    cr_assert(epochs.count == 2 && epochs_find(&epochs, 3)->leader == 8);
    epochs_finish(&epochs);
}

/* epochs I3 */
Test(epochs, have_a_ceiling_at_which_the_oldest_goes)
{
    struct epochs epochs = {0};
    for (uint64_t i = 1; i <= EPOCHS_MAX + 10; i++) {
        add(&epochs, i, 1, 10 * i);
    }
    cr_assert_eq(epochs.count, EPOCHS_MAX);
    cr_assert_eq(epochs_last(&epochs), EPOCHS_MAX + 10);
    cr_assert_null(epochs_find(&epochs, 109));
    cr_assert_eq(epochs_find(&epochs, 110)->epoch, 11);
    epochs_finish(&epochs);
}

Test(epochs, end_where_the_history_is_cut_and_forget_what_nobody_needs)
{
    struct epochs epochs;
    struct epochs whole;
    three(&epochs);
    three(&whole);
    epochs_cut(&epochs, 20);
    cr_assert_eq(epochs_last(&epochs), 4);
    epochs_cut(&epochs, 19);
    cr_assert_eq(epochs_last(&epochs), 3);
    cr_assert_not(epochs_agree(&epochs, &whole));
    epochs_forget(&whole, 9);
    cr_assert_eq(whole.count, 3, "record 9 is still of the first one");
    epochs_forget(&whole, 19);
    cr_assert(whole.count == 2 && whole.list[0].first == 10);
    epochs_forget(&whole, 100);
    cr_assert(whole.count == 1 && epochs_last(&whole) == 4, "the newest stays");
    epochs_cut(&epochs, 0);
    cr_assert_eq(epochs.count, 0);
    cr_assert_not(epochs_agree(&epochs, &whole), "no epoch at all is another history");
    epochs_finish(&epochs);
    epochs_finish(&whole);
}

Test(epochs, agree_as_far_back_as_both_reach)
{
    struct epochs one;
    struct epochs other;
    three(&one);
    three(&other);
    cr_assert(epochs_agree(&one, &other));
    epochs_forget(&other, 15);
    cr_assert(epochs_agree(&one, &other) && epochs_agree(&other, &one));
    other.list[0].leader++;
    cr_assert_not(epochs_agree(&one, &other));
    cr_assert(epochs_agree(&(struct epochs){0}, &(struct epochs){0}));
    epochs_finish(&one);
    epochs_finish(&other);
}

/* ---- where two histories parted: cluster C15 */

static void expect_common(const struct epochs *one, uint64_t one_last, const struct epochs *other, uint64_t other_last,
                          uint64_t expected, bool expected_broken)
{
    for (unsigned turn = 0; turn < 2; turn++) { /* it is the same from either side */
        uint64_t sequence = 12345;
        bool broken = !expected_broken;
        bool found = turn == 0 ? epochs_common(one, one_last, other, other_last, &sequence, &broken)
                               : epochs_common(other, other_last, one, one_last, &sequence, &broken);
        cr_assert(found);
        cr_assert_eq(sequence, expected);
        cr_assert_eq(broken, expected_broken);
    }
}

Test(epochs, tell_the_last_record_that_two_histories_have_in_common)
{
    struct epochs one;
    struct epochs other;
    three(&one);
    three(&other);
    expect_common(&one, 30, &other, 25, 25, false); /* one is only behind */
    expect_common(&one, 30, &one, 30, 30, false);
    epochs_cut(&other, 19);
    expect_common(&one, 30, &other, 12, 12, false);
    expect_common(&one, 30, &other, 19, 19, false);
    expect_common(&one, 30, &other, 27, 19, false); /* it went on in epoch 3, which the leader of 4 never saw */
    add(&other, 6, 3, 28);
    expect_common(&one, 30, &other, 40, 19, false); /* 4 and 6 are each other's strangers */
    epochs_cut(&other, 9);
    add(&other, 5, 3, 15);
    expect_common(&one, 30, &other, 40, 9, false);
    expect_common(&one, 30, &(struct epochs){0}, 0, 0, false); /* a new node */
    expect_common(&(struct epochs){0}, 0, &(struct epochs){0}, 0, 0, false);
    epochs_cut(&other, 0);
    add(&other, 2, 9, 1);
    expect_common(&one, 30, &other, 40, 0, false); /* never one history */
    epochs_finish(&one);
    epochs_finish(&other);
}

/* A node that sees it raises the alarm, and follows neither. */
Test(epochs, of_one_number_and_two_leaders_are_a_difference_and_an_alarm)
{
    struct epochs one;
    struct epochs other;
    three(&one);
    three(&other);
    epochs_cut(&other, 19);
    add(&other, 4, 2, 20);
    expect_common(&one, 30, &other, 30, 19, true);
    epochs_cut(&other, 19);
    add(&other, 4, 1, 21); /* nor can one leader begin it twice */
    expect_common(&one, 30, &other, 30, 19, true);
    epochs_finish(&one);
    epochs_finish(&other);
}

Test(epochs, that_do_not_reach_back_far_enough_say_so)
{
    struct epochs one;
    struct epochs other;
    uint64_t sequence;
    bool broken;
    three(&one);
    three(&other);
    epochs_forget(&one, 25); /* it knows of epoch 4 only */
    epochs_cut(&other, 19);  /* which the other has not seen */
    cr_assert_not(epochs_common(&one, 30, &other, 15, &sequence, &broken));
    cr_assert_not(epochs_common(&other, 15, &one, 30, &sequence, &broken));
    cr_assert_not(broken);
    cr_assert_not(epochs_common(&one, 30, &(struct epochs){0}, 0, &sequence, &broken));
    epochs_finish(&one);
    epochs_finish(&other);
}

/* Random histories that part at a random record: the tables find that record. */
Test(epochs, find_where_random_histories_parted)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (unsigned round = 0; round < 2000; round++) {
        struct epochs sides[2] = {{0}, {0}};
        uint64_t last[2];
        uint64_t epoch = 0;
        uint64_t at = 1;
        unsigned shared = (unsigned)prng_below(&prng, 6);
        for (unsigned i = 0; i < shared; i++) {
            epoch += 1 + prng_below(&prng, 3);
            uint64_t leader = 1 + prng_below(&prng, 5);
            add(&sides[0], epoch, leader, at);
            add(&sides[1], epoch, leader, at);
            at += 1 + prng_below(&prng, 20);
        }
        uint64_t parted = at - 1;
        for (unsigned side = 0; side < 2; side++) {
            uint64_t own = epoch + 1 + side; /* so that no number is there twice */
            last[side] = parted;
            for (unsigned i = (unsigned)prng_below(&prng, 4); i > 0; i--) {
                add(&sides[side], own, 6 + side, last[side] + 1);
                last[side] += 1 + prng_below(&prng, 20);
                own += 2 * (1 + prng_below(&prng, 3));
            }
        }
        if (shared > 1) { /* nobody needs to know of more than the last one that is shared */
            epochs_forget(&sides[round % 2], sides[0].list[shared - 1].first);
        }
        expect_common(&sides[0], last[0], &sides[1], last[1], parted, false);
        epochs_finish(&sides[0]);
        epochs_finish(&sides[1]);
    }
}

/* ---- bytes ---- */

static enum status decode(struct epochs *epochs, struct buf *bytes, struct complaint *complaint)
{
    struct record record;
    size_t size;
    cr_assert_eq(record_parse(buf_bytes(bytes), &record, &size, complaint), STATUS_OK, "%s", complaint->text);
    cr_assert_eq(size, bytes->size);
    return epochs_decode(epochs, &record, complaint);
}

Test(epochs, come_back_from_bytes_as_they_were_at_a_record)
{
    struct epochs epochs;
    struct epochs back = {0};
    struct complaint complaint;
    struct buf bytes;
    three(&epochs);
    buf_init(&bytes, EPOCHS_RECORD_MAX);
    for (uint64_t sequence = 0; sequence < 30; sequence++) {
        buf_clear(&bytes, SIZE_MAX);
        cr_assert(epochs_encode(&epochs, sequence, 5, &bytes));
        cr_assert_eq(decode(&back, &bytes, &complaint), STATUS_OK, "%s", complaint.text);
        cr_assert_eq(epochs_last(&back), epochs_number(&epochs, sequence));
    }
    cr_assert(epochs_agree(&back, &epochs) && back.count == 3);
    for (uint64_t i = 5; i < EPOCHS_MAX + 100; i++) {
        add(&epochs, i, i, 100 + i);
    }
    buf_clear(&bytes, SIZE_MAX);
    cr_assert(epochs_encode(&epochs, 5000, 5, &bytes));
    cr_assert_eq(bytes.size, EPOCHS_RECORD_MAX);
    cr_assert_eq(decode(&back, &bytes, &complaint), STATUS_OK);
    cr_assert(epochs_agree(&back, &epochs) && back.count == EPOCHS_MAX);
    buf_finish(&bytes);
    epochs_finish(&epochs);
    epochs_finish(&back);
}

/* epochs I4 */
Test(epochs, of_two_data_sets_have_nothing_in_common)
{
    struct epochs one;
    struct epochs other;
    struct epochs back = {0};
    struct complaint complaint;
    struct buf bytes;
    uint64_t sequence;
    bool broken;
    three(&one);
    three(&other);
    memcpy(one.secret.bytes, "sixteen bytes...", GM_SECRET_SIZE);
    cr_assert(!epochs_agree(&one, &other) && !epochs_same_data(&one, &other));
    cr_assert(!epochs_common(&one, 40, &other, 40, &sequence, &broken) && sequence == 0 && !broken);
    buf_init(&bytes, EPOCHS_RECORD_MAX);
    cr_assert(epochs_encode(&one, 40, 5, &bytes));
    cr_assert_eq(decode(&back, &bytes, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert(epochs_agree(&one, &back) && epochs_same_data(&one, &back));
    epochs_copy(&other, &back);
    cr_assert(epochs_common(&one, 40, &other, 40, &sequence, &broken) && sequence == 40);
    buf_finish(&bytes);
    epochs_finish(&one);
    epochs_finish(&other);
    epochs_finish(&back);
}

Test(epochs, refuse_bytes_that_are_no_table)
{
    static const uint8_t body[GM_SECRET_SIZE + (EPOCHS_MAX + 1) * EPOCHS_ENTRY_SIZE];
    uint8_t one[GM_SECRET_SIZE + EPOCHS_ENTRY_SIZE] = {[16] = 1, [24] = 1, [32] = 7};
    const struct {
        struct record record;
        const char *words;
    } cases[] = {
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_DURABLE}, "makes no sense"},
        {{.op = RECORD_OP_EPOCHS}, "makes no sense"},
        {{.flags = RECORD_LOCAL | RECORD_FRESH, .op = RECORD_OP_EPOCHS}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .epoch = 1}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .slot = 1}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .key = BYTES("k")}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .body = {body, 39}}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .body = {body, 15}}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .body = {body, 24}}, "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .body = {body, sizeof body}}, "1025 entries, more than 1024"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .body = {body, 40}}, "has the number 0"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .sequence = 1, .body = {body, 16}},
         "is empty, but there are records before it"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .sequence = 6, .body = {one, 40}}, "that begins behind it"},
    };
    struct epochs epochs = {0};
    struct complaint complaint;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(epochs_decode(&epochs, &cases[i].record, &complaint), STATUS_CORRUPT, "%zu", i);
        cr_assert_not_null(strstr(complaint.text, cases[i].words), "%zu: %s", i, complaint.text);
    }
    struct record good = {.flags = RECORD_LOCAL, .op = RECORD_OP_EPOCHS, .sequence = 7, .body = {one, 40}};
    cr_assert_eq(epochs_decode(&epochs, &good, &complaint), STATUS_OK);
    epochs_finish(&epochs);
}

/* ---- the record that begins one */

/* record I2 */
Test(epochs, the_record_of_one_comes_back_and_has_one_form)
{
    uint8_t body[RECORD_EPOCH_MAX];
    struct record_epoch back;
    struct record_epoch full = {.leader = 9, .replica_count = RECORD_REPLICAS_MAX};
    for (uint32_t i = 0; i < RECORD_REPLICAS_MAX; i++) {
        full.replicas[i] = i * 3 + 1;
    }
    struct record record = {.op = RECORD_OP_EPOCH, .body = record_epoch_body(&full, body)};
    cr_assert(record_read_epoch(&record, &back) && back.leader == 9 && back.replica_count == RECORD_REPLICAS_MAX);
    cr_assert_arr_eq(back.replicas, full.replicas, sizeof full.replicas);
    static const struct {
        size_t at;
        uint8_t value;
    } lies[] = {{0, 0}, {8, 63}, {8, 65}, {12, 1}, {16, 0}, {24, 1}, {24, 0}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        uint8_t lie[RECORD_EPOCH_MAX];
        memcpy(lie, body, sizeof lie);
        lie[lies[i].at] = lies[i].value;
        record.body.data = lie;
        cr_assert_not(record_read_epoch(&record, &back), "byte %zu", lies[i].at);
    }
    record.body = record_epoch_body(&(struct record_epoch){.leader = 1}, body);
    cr_assert(record_read_epoch(&record, &back) && back.replica_count == 0);
    record.flags = RECORD_MORE;
    cr_assert(record_read_epoch(&record, &back));
    struct record others[] = {record, record, record, record, record};
    others[0].flags = RECORD_REMOVES;
    others[1].key = BYTES("k");
    others[2].slot = 1;
    others[3].type = 1;
    others[4].op = RECORD_OP_FLUSH;
    for (size_t i = 0; i < 5; i++) {
        cr_assert_not(record_read_epoch(&others[i], &back), "%zu", i);
    }
}
