/* SPDX-License-Identifier: MIT */

/* test_transaction.c - MULTI and EXEC on a shard: one batch in the log, and what breaks a watch. */
#include <criterion/criterion.h>

#include "serve/hold.h"
#include "support/shard_fixture.h"

static void multi(struct shard_fixture *at, unsigned client, const char *const *lines, const char *heard)
{
    expect_said(at, client, "OK", "MULTI");
    for (; *lines != NULL; lines++) {
        expect_said(at, client, "QUEUED", "%s", *lines);
    }
    expect_said(at, client, heard, "EXEC");
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* cmd_transaction I1 */
Test(transaction, is_one_batch_of_the_log)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "MSET x 1 y 2");
    expect_records(&at, "string x fresh more; string y fresh");
    multi(&at, 0, LINES("SET a 1", "GET a", "INCR n", "RPUSH q v", "DEL a"), "[OK \"1\" :1 :1 :1]");
    expect_records(&at, "string a fresh more; counter n fresh more; deque q fresh more; delete a removes");
    multi(&at, 0, LINES("SET b 1"), "[OK]");
    expect_records(&at, "string b fresh");
    multi(&at, 0, LINES("GET b", "PING"), "[\"1\" PONG]");
    expect_records(&at, "");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "[]", "EXEC");
    expect_records(&at, "");
    shard_fixture_close(&at);
}

Test(transaction, an_expiry_found_on_the_way_belongs_to_the_batch)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET a 1 PX 100");
    expect_said(&at, 0, "OK", "SET b 1 PX 100");
    (void)shard_fixture_records(&at);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SET z 1");
    expect_said(&at, 0, "QUEUED", "MGET a b");
    expect_said(&at, 0, "QUEUED", "APPEND a x");
    shard_fixture_jump(&at, at.now_ms + 100);
    expect_said(&at, 0, "[OK [nil nil] :1]", "EXEC");
    expect_records(&at, "string z fresh more; expired a removes more; expired b removes more; string a fresh");
    shard_fixture_close(&at);
}

/* cmd_transaction I3 */
Test(transaction, an_error_stops_nothing_but_itself)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET s text");
    multi(&at, 0, LINES("RPUSH s a", "INCR s", "SET t 1", "EXPIRE t x", "LRANGE q 0 x"),
          "[-WRONGTYPE Operation against a key holding the wrong kind of value -ERR value is not an integer or out of "
          "range OK "
          "-ERR value is not an integer or out of range -ERR value is not an integer or out of range]");
    expect_said(&at, 0, "\"1\"", "GET t");
    expect_said(&at, 0, "PONG", "PING");
    shard_fixture_close(&at);
}

Test(transaction, what_could_not_be_queued_aborts)
{
    static const char *const wrong[] = {"NOSUCH", "GET", "GET a b", "OBJECT NOSUCH", "SET"};
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_said(&at, 0, "OK", "MULTI");
        expect_said(&at, 0, "QUEUED", "SET a 1");
        expect_begins(&at, 0, "-ERR", "%s", wrong[i]);
        expect_said(&at, 0, "QUEUED", "SET b 1");
        expect_said(&at, 0, "-EXECABORT Transaction discarded because of previous errors.", "EXEC");
        expect_said(&at, 0, ":0", "DBSIZE");
        expect_begins(&at, 0, "-ERR EXEC without MULTI", "EXEC");
    }
    expect_said(&at, 0, "OK", "MULTI");
    expect_begins(&at, 0, "-ERR", "NOSUCH");
    expect_said(&at, 0, "OK", "DISCARD");
    multi(&at, 0, LINES("SET a 1"), "[OK]");
    shard_fixture_close(&at);
}

/* ---- WATCH ---- */

/* cmd_transaction I2 */
Test(transaction, a_watch_is_broken_by_every_change)
{
    static const struct {
        unsigned client;
        const char *line;
        bool breaks;
    } changes[] = {
        {1, "SET a 2", true},      {0, "SET a 2", true},          {1, "DEL a", true},      {1, "APPEND a x", true},
        {1, "EXPIRE a 100", true}, {1, "PERSIST a", true},        {1, "FLUSHALL", true},   {1, "RENAME a z", true},
        {1, "RENAME b a", true},   {1, "COPY b a REPLACE", true}, {1, "LPUSH a x", false}, {1, "GET a", false},
        {1, "SET b 2", false},     {1, "SET a 2 NX", false},      {1, "DEL c", false},     {1, "EXPIRE b 100", false},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        expect_said(&at, 0, "OK", "FLUSHALL");
        expect_said(&at, 0, "OK", "MSET a 1 b 1");
        expect_said(&at, 0, ":1", "EXPIRE a 50");
        expect_said(&at, 0, "OK", "WATCH x a");
        (void)shard_fixture_say(&at, changes[i].client, "%s", changes[i].line);
        multi(&at, 0, LINES("PING"), changes[i].breaks ? "nil[]" : "[PONG]");
        cr_expect_eq(at.worker.interest.key_count, 0, "EXEC forgets the watches");
        multi(&at, 0, LINES("PING"), "[PONG]");
    }
    shard_fixture_close(&at);
}

Test(transaction, a_watch_is_broken_by_expiry_also_before_anybody_looks)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (int removed = 0; removed < 2; removed++) {
        expect_said(&at, 0, "OK", "SET a 1 PX 100");
        expect_said(&at, 0, "OK", "WATCH a");
        expect_said(&at, 0, "OK", "MULTI");
        expect_said(&at, 0, "QUEUED", "SET b 1");
        if (removed) {
            shard_fixture_pass(&at, 100);
        } else {
            shard_fixture_jump(&at, at.now_ms + 100);
        }
        expect_said(&at, 0, "nil[]", "EXEC");
    }
    expect_said(&at, 0, ":0", "EXISTS b");
    shard_fixture_close(&at);
}

Test(transaction, unwatch_and_discard_forget)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "WATCH a b");
    expect_said(&at, 1, "OK", "SET a 1");
    expect_said(&at, 0, "OK", "UNWATCH");
    multi(&at, 0, LINES("PING"), "[PONG]");
    expect_said(&at, 0, "OK", "WATCH a b");
    expect_said(&at, 0, "OK", "MULTI");
    expect_begins(&at, 0, "-ERR", "WATCH c");
    expect_said(&at, 1, "OK", "SET a 2");
    expect_said(&at, 0, "OK", "DISCARD");
    multi(&at, 0, LINES("PING"), "[PONG]");
    cr_expect_eq(at.worker.interest.watchers, 0);
    shard_fixture_close(&at);
}

/* A key that is named twice, in one WATCH or in two, is one link, whoever else watches it. */
Test(transaction, watching_twice_is_watching_once)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        expect_said(&at, i, "OK", "WATCH a b a");
        expect_said(&at, i, "OK", "WATCH b a c");
    }
    cr_expect_eq(at.worker.interest.watchers, 3 * SHARD_FIXTURE_CLIENTS);
    cr_expect_eq(at.worker.interest.watching.count, 3 * SHARD_FIXTURE_CLIENTS);
    expect_said(&at, 0, "OK", "UNWATCH");
    expect_said(&at, 0, "OK", "WATCH a");
    cr_expect_eq(at.worker.interest.watchers, 3 * SHARD_FIXTURE_CLIENTS - 2);
    shard_fixture_hang_up(&at, 1);
    cr_expect_eq(at.worker.interest.watching.count, at.worker.interest.watchers);
    shard_fixture_close(&at);
}

Test(transaction, the_watched_keys_of_one_client_have_a_ceiling)
{
    struct shard_fixture at;
    struct buf call;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    buf_init(&call, 1 << 22);
    (void)buf_format(&call, "*%d\r\n$5\r\nWATCH\r\n", SESSION_WATCH_MAX);
    for (int i = 1; i < SESSION_WATCH_MAX; i++) {
        (void)buf_format(&call, "$6\r\nk%05d\r\n", i);
    }
    (void)shard_fixture_send(&at, 0, buf_bytes(&call));
    expect_heard(&at, 0, "OK");
    cr_expect_eq(at.clients[0]->watch_count, SESSION_WATCH_MAX - 1);
    expect_begins(&at, 0, "-ERR too many watched keys: at most 65536", "WATCH a b");
    expect_said(&at, 0, "OK", "WATCH a");
    expect_begins(&at, 0, "-ERR too many watched keys", "WATCH b");
    expect_said(&at, 1, "OK", "SET k00001 x");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "nil[]", "EXEC"); /* what was watched before still counts */
    expect_said(&at, 0, "OK", "WATCH a b");
    buf_finish(&call);
    shard_fixture_close(&at);
}

/* The transaction's own commands break nobody's watch but that of others. */
Test(transaction, two_who_watch_the_same)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "WATCH a");
    expect_said(&at, 1, "OK", "WATCH a");
    multi(&at, 0, LINES("SET a 1", "SET a 2"), "[OK OK]");
    multi(&at, 1, LINES("SET a 3"), "nil[]");
    expect_said(&at, 1, "\"2\"", "GET a");
    shard_fixture_close(&at);
}

/* ---- the ceiling ---- */

Test(transaction, the_queue_has_a_ceiling)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.queue_max = 10000});
    expect_said(&at, 0, "OK", "MULTI");
    unsigned queued = 0;
    while (strcmp(shard_fixture_say(&at, 0, "SET key value"), "QUEUED") == 0 && queued < 10000) {
        queued++;
    }
    cr_expect_gt(queued, 30);
    cr_expect_lt(queued, 500);
    cr_expect_leq(at.clients[0]->transaction.size, 10000);
    expect_begins(&at, 0, "-EXECABORT", "EXEC");
    cr_expect_eq(at.clients[0]->transaction.size, 0);
    multi(&at, 0, LINES("SET key value"), "[OK]");
    shard_fixture_close(&at);
}

Test(transaction, ends_with_its_connection)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 1, "OK", "WATCH a");
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "SET a 1");
    shard_fixture_hang_up(&at, 1);
    expect_begins(&at, 1, "-ERR EXEC without MULTI", "EXEC");
    expect_said(&at, 0, ":0", "DBSIZE");
    cr_expect_eq(at.worker.interest.key_count, 0);
    shard_fixture_close(&at);
}

/* ---- what a sweep has not dumped yet ---- */

struct dumped {
    struct sweep_target base;
    uint64_t records;
};

static void declare_nothing(struct sweep_target *target, uint16_t type, struct gm_bytes name)
{
    (void)target, (void)type, (void)name;
}

static void count_record(struct sweep_target *target, const struct record *record)
{
    struct dumped *dumped = container_of(target, struct dumped, base);
    dumped->records += record->key.size > 0;
}

static bool always(const struct sweep_target *target)
{
    (void)target;
    return true;
}

static void never_fails(struct sweep_target *target, const char *reason)
{
    (void)target;
    cr_assert_fail("%s", reason);
}

/* A large value of database 3 is about to be changed by a transaction that begins in another one. */
Test(transaction, waits_for_the_sweep_in_whichever_database_its_command_will_be)
{
    struct shard_fixture at;
    struct dumped dumped = {.base = {.declare = declare_nothing,
                                     .add = count_record,
                                     .is_open = always,
                                     .has_room = always,
                                     .fail = never_fails}};
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, ":100000", "SETRANGE large 99999 x");
    expect_said(&at, 0, ":1", "MOVE large 3");
    sweep_begin(&at.shard, &dumped.base);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "APPEND large x"); /* another key */
    expect_said(&at, 0, "[:1]", "EXEC");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SELECT 3");
    expect_said(&at, 0, "QUEUED", "APPEND large x");
    cr_expect_eq(shard_fixture_send(&at, 0, gm_bytes_of("EXEC\r\n")), 0, "it stays in the input");
    cr_expect(hold_is_held(at.clients[0]));
    cr_expect_eq(dumped.records, 0, "a value that changes was not dumped in one go");
    while (sweep_turn(&at.shard, 1000)) {
    }
    cr_expect_gt(dumped.records, 0);
    shard_fixture_pass(&at, 0);
    cr_expect(!hold_is_held(at.clients[0]));
    expect_said(&at, 0, "[OK :100001]", "EXEC");
    shard_fixture_close(&at);
}
