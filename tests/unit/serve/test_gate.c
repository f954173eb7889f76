/* SPDX-License-Identifier: MIT */

/* test_gate.c - nobody is shown what a crash could take back: answers leave when what they could have seen is
 * released. */
#include <criterion/criterion.h>

#include "shard/gate.h"
#include "support/shard_fixture.h"

static void open_held(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.held = true});
    uint64_t a = databases_hash(&at->shard.databases, BYTES("a"));
    uint64_t b = databases_hash(&at->shard.databases, BYTES("b"));
    cr_assert_neq(a % GATE_STRIPES, b % GATE_STRIPES, "choose another seed");
}

Test(gate, the_answer_to_a_write_leaves_with_its_sequence)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "", "SET b 2");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, "OK");
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 1, "OK");
    expect_said(&at, 0, "nil", "SET a 3 NX");
    expect_said(&at, 0, ":0", "DEL nothing");
    shard_fixture_close(&at);
}

/* gate I1: the record that begins the epoch comes first, and the change has the sequence behind it. */
Test(gate, the_first_write_of_an_epoch_has_the_sequence_of_its_own_record)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true, .begins_epoch = true});
    expect_said(&at, 0, "nil", "GET a");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "DEL a");
    expect_said(&at, 0, "QUEUED", "DBSIZE");
    expect_said(&at, 0, "[:0 :0]", "EXEC");
    cr_assert_eq(at.shard.tail.last_sequence, 0);
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "", "GET a");
    expect_records(&at, "epoch more; string a fresh");
    cr_assert_eq(gate_mark(&at.shard.gate, databases_hash(&at.shard.databases, BYTES("a"))), 2);
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, "");
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 0, "OK");
    expect_heard(&at, 1, "\"1\"");
    shard_fixture_close(&at);
}

Test(gate, a_read_waits_for_what_it_saw_and_for_nothing_else)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "nil", "GET b");
    expect_said(&at, 1, ":0", "EXISTS b");
    expect_said(&at, 1, "PONG", "PING");
    expect_said(&at, 1, "", "GET a");
    expect_said(&at, 2, "", "MGET b a");
    expect_said(&at, 3, "", "DBSIZE");
    shard_fixture_release(&at, 0);
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "\"1\"");
    expect_heard(&at, 2, "[nil \"1\"]");
    expect_heard(&at, 3, ":1");
    expect_said(&at, 1, "", "DEL a");
    expect_said(&at, 2, "", "GET a");
    expect_said(&at, 2, "", "GET b");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 2, "nil | nil");
    shard_fixture_close(&at);
}

Test(gate, a_flush_is_a_change_of_every_key)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 0, "", "FLUSHALL");
    expect_said(&at, 1, "", "GET b");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "nil");
    expect_said(&at, 1, "nil", "GET a");
    shard_fixture_close(&at);
}

Test(gate, answers_of_one_connection_leave_in_order)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 0, "nil", "GET b");
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 0, "", "PING");
    expect_said(&at, 0, "", "GET b");
    expect_said(&at, 0, "", "SET b 1");
    expect_said(&at, 0, "", "ECHO x");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, "OK | PONG | nil");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 0, "OK | \"x\"");
    shard_fixture_close(&at);
}

/* A key that is found to have expired is removed by a record, and the answer depends on that record. */
Test(gate, who_finds_an_expired_key_waits_for_its_removal)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 0, "", "SET a 1 PX 100");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, "OK");
    shard_fixture_jump(&at, at.now_ms + 100);
    expect_said(&at, 1, "", "GET a");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 1, "nil");
    shard_fixture_close(&at);
}

Test(gate, who_was_served_waits_for_the_record_that_took_the_element)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 1, "", "BLPOP a 0");
    expect_said(&at, 0, "", "RPUSH a x");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, ":1");
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 1, "[\"a\" \"x\"]");
    shard_fixture_close(&at);
}

Test(gate, a_transaction_waits_for_its_last_record)
{
    struct shard_fixture at;
    open_held(&at);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SET a 1");
    expect_said(&at, 0, "QUEUED", "SET b 2");
    expect_said(&at, 0, "QUEUED", "GET a");
    expect_said(&at, 0, "", "EXEC");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, "");
    shard_fixture_release(&at, 2);
    expect_heard(&at, 0, "[OK OK \"1\"]");
    expect_said(&at, 1, "", "SET a 3");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "GET a");
    expect_said(&at, 0, "", "EXEC");
    shard_fixture_release(&at, 3);
    expect_heard(&at, 0, "[\"3\"]");
    shard_fixture_close(&at);
}

static unsigned count_ok(const char *heard)
{
    unsigned count = 0;
    for (; (heard = strstr(heard, "OK")) != NULL; heard++) {
        count++;
    }
    return count;
}

/* What has no mark of its own leaves later than it might, never earlier, and in the end. */
Test(gate, more_turns_than_marks)
{
    struct shard_fixture at;
    open_held(&at);
    enum { WRITES = 3 * SESSION_MARKS };
    for (unsigned i = 1; i <= WRITES; i++) {
        expect_said(&at, 0, "", "SET a %u", i);
        cr_assert_leq(at.clients[0]->mark_count, SESSION_MARKS);
    }
    unsigned heard = 0;
    for (unsigned released = 1; released <= WRITES; released++) {
        shard_fixture_release(&at, released);
        heard += count_ok(shard_fixture_hear(&at, 0));
        cr_assert_leq(heard, released);
        if (released < SESSION_MARKS) {
            cr_assert_eq(heard, released);
        }
    }
    cr_expect_eq(heard, WRITES);
    expect_said(&at, 0, "\"48\"", "GET a");
    shard_fixture_close(&at);
}

Test(gate, with_a_log_it_is_the_disk_that_releases)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true, .log = true});
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "nil", "GET b");
    expect_said(&at, 1, "", "GET a");
    shard_fixture_sync(&at);
    expect_heard(&at, 0, "OK");
    expect_heard(&at, 1, "\"1\"");
    shard_fixture_close(&at);
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET a 1");
    shard_fixture_close(&at);
}

/* session I1: a command that waits shows nothing, so what it depends on must not hold back, nor let go, anything. */
Test(gate, what_waits_marks_no_output)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true});
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "", "RPUSH l x");
    expect_said(&at, 1, "", "DEL l");
    expect_said(&at, 0, "", "BLPOP l 0"); /* it depends on the third record */
    shard_fixture_release(&at, 1);
    expect_heard(&at, 0, "OK");
    expect_said(&at, 2, "", "RPUSH l y");
    shard_fixture_release(&at, 3);
    expect_heard(&at, 0, "");
    shard_fixture_release(&at, at.shard.tail.last_sequence);
    expect_heard(&at, 0, "[\"l\" \"y\"]");
    shard_fixture_close(&at);
}
