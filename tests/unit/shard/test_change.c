/* SPDX-License-Identifier: MIT */

/* Every change is announced, on every way into a value; and who may change the data is said in one place. */
#include <criterion/criterion.h>

#include "shard/apply.h"
#include "support/shard_fixture.h"

struct ear {
    struct change_listener listener;
    struct shard *shard;
    struct buf heard;
    bool once; /* it takes itself out */
};

static void on_change(struct change_listener *listener, const struct change *change)
{
    struct ear *ear = container_of(listener, struct ear, listener);
    if (change->scope >= CHANGE_DATABASE) {
        static const char *const words[] = {
            [CHANGE_DATABASE] = "database", [CHANGE_SWAP] = "swap", [CHANGE_ALL] = "all"};
        (void)buf_format(&ear->heard, "%s", words[change->scope]);
        for (int i = 0; i < (change->scope == CHANGE_SWAP ? 2 : change->scope == CHANGE_DATABASE); i++) {
            (void)buf_format(&ear->heard, " %u", change->keys[i].database);
        }
        (void)buf_format(&ear->heard, "@%llu/%llu(%llu);", (unsigned long long)change->sequence,
                         (unsigned long long)change->author, (unsigned long long)ear->shard->databases.ledger.keys);
    } else {
        cr_expect_eq(change->keys[0].hash, databases_hash(&ear->shard->databases, change->keys[0].name));
        (void)buf_format(&ear->heard, "%.*s@%llu/%llu;", (int)change->keys[0].name.size,
                         (const char *)change->keys[0].name.data, (unsigned long long)change->sequence,
                         (unsigned long long)change->author);
    }
    if (ear->once) {
        change_ignore(listener);
    }
}

static void open_ear(struct ear *ear, struct shard *shard, enum change_rank rank)
{
    *ear = (struct ear){.shard = shard};
    buf_init(&ear->heard, 65536);
    change_listener_init(&ear->listener, rank, on_change);
    change_listen(&shard->listeners, &ear->listener);
}

static void expect_ear(struct ear *ear, const char *heard)
{
    (void)buf_append(&ear->heard, (struct gm_bytes){(const uint8_t *)"", 1});
    cr_expect_str_eq((const char *)ear->heard.data, heard);
    buf_clear(&ear->heard, SIZE_MAX);
}

static void close_ear(struct ear *ear)
{
    change_ignore(&ear->listener);
    buf_finish(&ear->heard);
}

/* change I1, I3 */
Test(change, a_first_execution_is_announced_with_its_author)
{
    struct shard_fixture at;
    struct ear ear;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    open_ear(&ear, &at.shard, CHANGE_RANK_LAST);
    (void)shard_fixture_say(&at, 0, "MSET a 1 b 2");
    expect_ear(&ear, "a@1/1;b@2/1;");
    (void)shard_fixture_say(&at, 2, "DEL nothing");
    (void)shard_fixture_say(&at, 2, "GET a");
    expect_ear(&ear, "");
    (void)shard_fixture_say(&at, 2, "DEL a nothing");
    (void)shard_fixture_say(&at, 2, "EXPIRE b 1");
    expect_ear(&ear, "a@3/3;b@4/3;");
    shard_fixture_pass(&at, 2000);
    expect_ear(&ear, "b@5/0;");
    close_ear(&ear);
    (void)shard_fixture_say(&at, 0, "SET a 1"); /* nobody listens: nothing happens */
    shard_fixture_close(&at);
}

/* change I2 */
Test(change, a_flush_is_announced_while_the_keys_are_there)
{
    struct shard_fixture at;
    struct ear ear;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    (void)shard_fixture_say(&at, 0, "MSET a 1 b 2");
    open_ear(&ear, &at.shard, CHANGE_RANK_LAST);
    (void)shard_fixture_say(&at, 0, "FLUSHALL");
    expect_ear(&ear, "all@3/1(2);");
    expect_said(&at, 0, ":0", "DBSIZE");
    close_ear(&ear);
    shard_fixture_close(&at);
}

/* A record from elsewhere, as recovery and a follower carry it out, is heard of like a first execution. */
Test(change, a_record_from_elsewhere_is_announced)
{
    struct shard_fixture from;
    struct shard_fixture into;
    struct ear ear;
    shard_fixture_open(&from, &(struct shard_fixture_options){0});
    shard_fixture_open(&into, &(struct shard_fixture_options){.registry = from.registry});
    (void)shard_fixture_say(&from, 0, "SET a 1");
    (void)shard_fixture_say(&from, 0, "RPUSH l x y");
    (void)shard_fixture_say(&from, 0, "DEL a");
    (void)shard_fixture_say(&from, 0, "FLUSHALL");
    open_ear(&ear, &into.shard, CHANGE_RANK_LAST);
    shard_fixture_replay(&from, &into);
    expect_ear(&ear, "a@1/0;l@2/0;a@3/0;all@4/0(1);");
    close_ear(&ear);
    shard_fixture_close(&into);
    shard_fixture_close(&from);
}

/* So the clients of a follower see what happens: WATCH breaks, who waits is served, who tracks is told. */
Test(change, clients_of_a_copy_hear_of_records_from_elsewhere)
{
    struct shard_fixture from;
    struct shard_fixture into;
    shard_fixture_open(&from, &(struct shard_fixture_options){0});
    shard_fixture_open(&into, &(struct shard_fixture_options){.registry = from.registry});
    expect_said(&into, 0, "OK", "WATCH a");
    expect_said(&into, 0, "OK", "MULTI");
    (void)shard_fixture_say(&into, 1, "HELLO 3");
    expect_said(&into, 1, "OK", "CLIENT TRACKING ON");
    expect_said(&into, 1, "nil", "GET a");
    (void)shard_fixture_say(&from, 0, "SET a 1");
    shard_fixture_replay(&from, &into);
    shard_fixture_pass(&into, 0);
    expect_heard(&into, 1, "(\"invalidate\" [\"a\"])");
    expect_said(&into, 0, "nil[]", "EXEC");
    shard_fixture_close(&into);
    shard_fixture_close(&from);
}

Test(change, ears_hear_by_rank_and_may_leave_while_they_hear)
{
    struct shard_fixture at;
    struct ear last;
    struct ear first;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    open_ear(&last, &at.shard, CHANGE_RANK_LAST);
    open_ear(&first, &at.shard, CHANGE_RANK_INTEREST);
    cr_expect_eq(at.shard.listeners.next, &first.listener.link);
    first.once = true;
    (void)shard_fixture_say(&at, 0, "SET a 1");
    (void)shard_fixture_say(&at, 0, "SET a 2");
    expect_ear(&first, "a@1/1;");
    expect_ear(&last, "a@1/1;a@2/1;");
    change_listen(&at.shard.listeners, &first.listener);
    change_listen(&at.shard.listeners, &first.listener); /* once is enough */
    (void)shard_fixture_say(&at, 0, "SET a 3");
    expect_ear(&first, "a@3/1;");
    close_ear(&first);
    close_ear(&last);
    shard_fixture_close(&at);
}

/* Who has nothing to look for does not listen: a change costs one comparison then. */
Test(change, nobody_listens_who_has_nothing_to_look_for)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    cr_expect(list_empty(&at.shard.listeners));
    expect_said(&at, 0, "OK", "WATCH a");
    cr_expect(!list_empty(&at.shard.listeners));
    expect_said(&at, 0, "OK", "UNWATCH");
    cr_expect(list_empty(&at.shard.listeners));
    (void)shard_fixture_say(&at, 1, "HELLO 3");
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON");
    cr_expect(!list_empty(&at.shard.listeners));
    expect_said(&at, 1, "OK", "CLIENT TRACKING OFF");
    cr_expect(list_empty(&at.shard.listeners));
    at.options.notify = notify_classes("Ex");
    shard_fixture_configure(&at);
    cr_expect(!list_empty(&at.shard.listeners));
    at.options.notify = notify_classes("Eg");
    shard_fixture_configure(&at);
    cr_expect(list_empty(&at.shard.listeners));
    shard_fixture_close(&at);
}

/* ---- roles ---- */

Test(role, only_an_open_shard_takes_writes_and_a_reading_one_reads)
{
    static const struct {
        enum shard_role role;
        const char *said;
    } cases[] = {
        {SHARD_FOLLOWING, "-READONLY You can't write against a read only replica: ask the shard's leader"},
        {SHARD_FENCED, "-CLUSTERDOWN this leader may not write now: ask again, here or at another node"},
        {SHARD_LOADING, "-LOADING Geomys is loading the dataset in memory"},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET a 1 PX 100");
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "SET a 3");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        at.shard.role = cases[i].role;
        cr_expect_neq(shard_refusal(&at.shard), SHARD_OPEN);
        expect_said(&at, 0, cases[i].said, "SET a 2");
        cr_expect(!shard_may_change(&at.shard));
    }
    at.shard.role = SHARD_FOLLOWING;
    expect_said(&at, 0, "\"1\"", "GET a");
    shard_fixture_pass(&at, 200);
    expect_said(&at, 0, "nil", "GET a"); /* its time has come, but the leader decides */
    expect_said(&at, 0, ":1", "DBSIZE");
    expect_begins(&at, 1, "-EXECABORT Transaction discarded because of: READONLY", "EXEC");
    at.shard.role = SHARD_LEADING;
    shard_fixture_pass(&at, 0);
    expect_said(&at, 0, ":0", "DBSIZE");
    expect_said(&at, 0, "OK", "SET a 2");
    shard_fixture_close(&at);
}

/* ---- levels ---- */

Test(gate, an_answer_waits_for_the_level_of_its_caller)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true});
    at.clients[1]->caller.level = GATE_QUORUM;
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 1, "", "SET b 2");
    gate_release(&at.shard.gate, 2, 1);
    expect_heard(&at, 0, "OK");
    expect_heard(&at, 1, "");
    gate_release(&at.shard.gate, 2, 2);
    expect_heard(&at, 1, "OK");
    shard_fixture_close(&at);
}

Test(change, writes_that_need_replicas_are_refused_where_there_are_none)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    cr_expect_eq(shard_refusal(&at.shard), SHARD_OPEN);
    at.shard.options.replicas_wanted = 1;
    cr_expect_eq(shard_refusal(&at.shard), SHARD_IS_LONELY);
    cr_expect_eq(strncmp(shard_fixture_say(&at, 0, "SET k v"), "-NOREPLICAS ", 12), 0);
    expect_said(&at, 0, "nil", "GET k");
    shard_fixture_close(&at);
}
