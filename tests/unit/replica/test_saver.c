/* SPDX-License-Identifier: MIT */

/* test_saver.c - a whole node with snapshots on a disk that loses, fills up and rots: what was answered is there, or
 * the node refuses to start.
 *
 * The life of each test is a row of steps; step n sets, in one transaction, the number n and something that follows
 * from it. So what is found after a crash tells how far it came, and whether it is whole. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "log/snapshot.h"
#include "serve/pipeline.h"
#include "serve/sessions.h"
#include "serve/waiters.h"
#include "support/node_fixture.h"
#include "support/seed.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

#define STEPS 60

static enum status start(struct node_fixture *at)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    return node_fixture_start(at, modules, 3);
}

/* ---- the life ---- */

static bool is_answered(const char *said, const char *wanted)
{
    cr_assert(said == NULL || wanted == NULL || strcmp(said, wanted) == 0, "heard '%s' instead of '%s'", said, wanted);
    return said != NULL;
}

/* Step n. False: not answered, and nothing more will be. While the disk is full it is tried again. */
static bool step(struct node_fixture *at, unsigned n)
{
    const char *said;
    if (n % 9 == 4 && !is_answered(node_fixture_say(at, "BGSAVE"), NULL)) {
        return false;
    }
    do {
        if (!is_answered(node_fixture_say(at, "MULTI"), "OK") ||
            !is_answered(node_fixture_say(at, "SET n %u", n), "QUEUED") ||
            !is_answered(node_fixture_say(at, "RPUSH list %u", n), "QUEUED") ||
            !is_answered(node_fixture_say(at, "INCRBY sum %u", n), "QUEUED") ||
            !is_answered(node_fixture_say(at, "SET text%u %0*u", n % 7, (int)(n * 37 % 900) + 1, n), "QUEUED") ||
            !is_answered(node_fixture_say(at, "DEL text%u", (n + 3) % 7), "QUEUED")) {
            return false;
        }
        said = node_fixture_say(at, "EXEC");
    } while (said != NULL && strstr(said, "DISKFULL") != NULL);
    cr_assert(said == NULL || said[0] == '[', "heard '%s'", said);
    return said != NULL;
}

/* The steps after `from`, until one is not answered. The last one that was. */
static unsigned live(struct node_fixture *at, unsigned from, unsigned to)
{
    unsigned n = from;
    while (n < to && step(at, n + 1)) {
        n++;
    }
    return n;
}

/* How far it came; checks that everything else fits to that. */
static unsigned found(struct node_fixture *at, const char *where)
{
    const char *said = node_fixture_say(at, "GET n");
    cr_assert_not_null(said, "%s", where);
    unsigned n = strcmp(said, "nil") == 0 ? 0 : (unsigned)strtoul(said + 1, NULL, 10);
    char wanted[4096];
    (void)snprintf(wanted, sizeof wanted, ":%u", n);
    cr_assert_str_eq(node_fixture_say(at, "LLEN list"), wanted, "%s", where);
    (void)snprintf(wanted, sizeof wanted, "\"%u\"", n * (n + 1) / 2);
    if (n > 0) {
        cr_assert_str_eq(node_fixture_say(at, "GET sum"), wanted, "%s", where);
        (void)snprintf(wanted, sizeof wanted, "\"%u\"", n);
        cr_assert_str_eq(node_fixture_say(at, "LINDEX list -1"), wanted, "%s", where);
        (void)snprintf(wanted, sizeof wanted, "\"%0*u\"", (int)(n * 37 % 900) + 1, n);
        cr_assert_str_eq(node_fixture_say(at, "GET text%u", n % 7), wanted, "%s", where);
        cr_assert_str_eq(node_fixture_say(at, "EXISTS text%u", (n + 3) % 7), ":0", "%s", where);
    }
    return n;
}

static unsigned count_snapshots(struct node_fixture *at)
{
    unsigned count = 0;
    uint64_t sequence;
    for (size_t i = 0; sim_disk_name(at->sim, i) != NULL; i++) {
        count += snapshot_name_parse(sim_disk_name(at->sim, i), &sequence);
    }
    return count;
}

/* Overwrites all of many keys at once, while the disk stands still. */
static void overwrite_all(struct node_fixture *at, unsigned keys)
{
    struct buf lines;
    buf_init(&lines, (size_t)1 << 20);
    for (unsigned i = 0; i < keys; i++) {
        cr_assert(buf_format(&lines, "SET key%u %u\r\n", i, i));
    }
    cr_assert(buf_append(&lines, (struct gm_bytes){(const uint8_t *)"", 1}));
    node_fixture_send(at, (const char *)lines.data);
    buf_finish(&lines);
    for (unsigned i = 0; i < 200; i++) {
        node_fixture_turn(at, 0);
    }
}

/* saver P5: what clients change before the snapshot has memory up to a setting; if that was not enough, they wait. */
Test(saver, after_one_that_was_given_up_for_want_of_memory_the_next_one_ends)
{
    struct node_fixture at;
    node_fixture_init(&at, 9);
    at.config.snapshot_memory = 1024 * 1024;
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3000; i++) {
            cr_assert_str_eq(node_fixture_say(&at, "SET key%u %01000u", i, i), "OK");
        }
        node_fixture_settle(&at);
        cr_assert_str_eq(node_fixture_say(&at, "BGSAVE"), "Background saving started");
        overwrite_all(&at, 3000);
        const struct saver *saver = &at.node->replica.saver;
        cr_expect_eq(saver->told, round == 0, "round %u: %s", round, (const char *)at.log.data);
        node_fixture_settle(&at);
        buf_clear(&at.conn.output, SIZE_MAX);
        cr_expect_eq(saver->newest != 0, round == 1);
        cr_expect_eq(saver->patient, round == 0);
        cr_expect_str_eq(node_fixture_say(&at, "GET key2999"), "\"2999\"", "nobody waits for ever");
    }
    cr_expect_not_null(strstr((const char *)at.log.data, "a larger snapshot_memory helps"));
    node_fixture_finish(&at);
}

/* ---- crashes ---- */

/* Dies at call `n`, comes back, goes on, dies again wherever that meets it, and comes back. */
static uint64_t die_at(uint64_t seed, uint64_t n, int64_t persistence)
{
    struct node_fixture at;
    char where[96];
    (void)snprintf(where, sizeof where, "seed %llu, call %llu", (unsigned long long)seed, (unsigned long long)n);
    node_fixture_init(&at, seed);
    at.config.persistence = persistence;
    if (n > 0) {
        sim_disk_fault(at.sim, SIM_CRASH, n, 1);
    }
    unsigned answered = start(&at) == STATUS_OK ? live(&at, 0, STEPS) : 0;
    uint64_t calls = sim_disk_calls(at.sim);
    for (unsigned again = 0; again < 3; again++) {
        if (at.registry != NULL) {
            node_fixture_stop(&at);
        }
        sim_disk_crash(at.sim, seed * 31 + n + again);
        sim_disk_fault(at.sim, SIM_CRASH, 1 + prng_below(&at.prng, 60), 1); /* recovery P3 */
        if (start(&at) == STATUS_OK) {
            node_fixture_stop(&at);
        }
        sim_disk_crash(at.sim, seed * 37 + n + again);
        cr_assert_eq(start(&at), STATUS_OK, "%s: %s", where, at.complaint.text);
        unsigned back = found(&at, where);
        bool kept = back >= answered && back <= answered + 1;
        cr_assert(persistence != WAL_WRITE_THROUGH || kept, "%s: %u answered, %u found", where, answered, back);
        cr_assert_leq(back, answered + 1, "%s", where);
        sim_disk_fault(at.sim, SIM_CRASH, 1 + prng_below(&at.prng, 300), 1);
        answered = live(&at, back, back + 25);
    }
    node_fixture_finish(&at);
    return calls;
}

static void die_at_every_call(int64_t persistence, uint64_t seed)
{
    uint64_t calls = die_at(seed, 0, persistence);
    cr_assert_gt(calls, 200);
    for (uint64_t n = 1; n <= calls; n++) {
        (void)die_at(seed + n % 5, n, persistence);
    }
}

Test(saver, a_crash_at_any_call_loses_nothing_that_was_answered, .timeout = 300)
{
    die_at_every_call(WAL_WRITE_THROUGH, seed_of_run());
}

Test(saver, the_same_with_bufferedwrite_comes_back_whole, .timeout = 300)
{
    die_at_every_call(WAL_BUFFERED, seed_of_run() + 1);
}

/* ---- damage ---- */

/* A node that has lived with snapshots, and ended; how far it came. */
static unsigned grow(struct node_fixture *at, uint64_t seed)
{
    node_fixture_init(at, seed);
    cr_assert_eq(start(at), STATUS_OK, "%s", at->complaint.text);
    unsigned answered = live(at, 0, STEPS);
    cr_assert_eq(answered, STEPS);
    node_fixture_settle(at);
    node_fixture_close(at);
    return answered;
}

static void damage(struct sim_disk *sim, const char *name, uint64_t bit, uint64_t cut)
{
    if (bit != UINT64_MAX) {
        sim_disk_flip(sim, name, bit);
    } else if (cut != UINT64_MAX) {
        sim_disk_cut(sim, name, cut);
    } else {
        sim_disk_delete(sim, name);
    }
}

static void expect_same_files(struct sim_disk *sim, struct sim_disk *other, const char *where)
{
    size_t i = 0;
    for (; sim_disk_name(other, i) != NULL; i++) {
        const char *name = sim_disk_name(other, i);
        bool same = gm_bytes_equal(sim_disk_contents(sim, name), sim_disk_contents(other, name));
        cr_assert(same, "%s: %s has changed", where, name);
    }
    cr_assert_null(sim_disk_name(sim, i), "%s: there is a file more", where);
}

/* One file of a copy is damaged: the node comes back with everything, or refuses; never with something else. */
static bool survives(const struct node_fixture *grown, unsigned answered, const char *name, uint64_t bit, uint64_t cut)
{
    struct node_fixture at;
    char where[160];
    (void)snprintf(where, sizeof where, "%s, bit %llu, cut %llu", name, (unsigned long long)bit,
                   (unsigned long long)cut);
    node_fixture_init(&at, 1);
    sim_disk_destroy(at.sim);
    at.sim = sim_disk_clone(grown->sim, bit);
    damage(at.sim, name, bit, cut);
    bool back = start(&at) == STATUS_OK;
    if (back) {
        cr_assert_eq(found(&at, where), answered, "%s", where); /* recovery P1 */
        /* What was damaged is still there, perhaps under another name. */
        cr_assert(bit == UINT64_MAX || count_snapshots(&at) >= 1, "%s", where);
    } else {
        struct sim_disk *before = sim_disk_clone(grown->sim, bit);
        damage(before, name, bit, cut);
        cr_assert_gt(strlen(at.complaint.text), 20, "%s: %s", where, at.complaint.text);
        expect_same_files(at.sim, before, where); /* recovery P2 */
        sim_disk_destroy(before);
    }
    node_fixture_finish(&at);
    return back;
}

Test(saver, damage_in_any_file_is_survived_or_refused, .timeout = 300)
{
    struct node_fixture grown;
    uint64_t seed = seed_of_run();
    unsigned answered = grow(&grown, seed);
    cr_assert_eq(count_snapshots(&grown), 2);
    struct prng prng;
    prng_seed(&prng, seed);
    unsigned snapshots_survived = 0;
    for (size_t i = 0; sim_disk_name(grown.sim, i) != NULL; i++) {
        const char *name = sim_disk_name(grown.sim, i);
        uint64_t sequence;
        uint64_t size = sim_disk_contents(grown.sim, name).size;
        bool is_snapshot = snapshot_name_parse(name, &sequence);
        for (unsigned round = 0; round < 150; round++) {
            bool back = survives(&grown, answered, name, prng_below(&prng, size * 8), UINT64_MAX);
            cr_assert(back || !is_snapshot, "one damaged snapshot is no reason to refuse: %s", name);
        }
        for (unsigned round = 0; round < 20; round++) {
            bool back = survives(&grown, answered, name, UINT64_MAX, prng_below(&prng, size));
            cr_assert(back || !is_snapshot, "one cut snapshot is no reason to refuse: %s", name);
        }
        bool back = survives(&grown, answered, name, UINT64_MAX, UINT64_MAX);
        cr_assert(back || !is_snapshot, "one lost snapshot is no reason to refuse: %s", name);
        snapshots_survived += is_snapshot;
    }
    cr_assert_eq(snapshots_survived, 2);
    node_fixture_finish(&grown);
}

/* ---- a disk that refuses ---- */

/* A failure of the snapshot's own calls fails the snapshot; one of the log's stops the process. Both lose nothing. */
static void fail_at(uint64_t seed, uint64_t n, enum sim_fault fault, uint64_t calls)
{
    struct node_fixture at;
    char where[96];
    (void)snprintf(where, sizeof where, "seed %llu, fault %d, call %llu", (unsigned long long)seed, (int)fault,
                   (unsigned long long)n);
    node_fixture_init(&at, seed);
    cr_assert_eq(start(&at), STATUS_OK);
    sim_disk_fault(at.sim, fault, n, calls);
    unsigned answered = live(&at, 0, STEPS);
    cr_assert(answered == STEPS || at.node->state == NODE_FAILED, "%s: %u steps", where, answered);
    node_fixture_stop(&at);
    sim_disk_crash(at.sim, n);
    cr_assert_eq(start(&at), STATUS_OK, "%s: %s", where, at.complaint.text);
    unsigned back = found(&at, where);
    cr_assert(back >= answered && back <= answered + 1, "%s: %u answered, %u found", where, answered, back);
    cr_assert_eq(live(&at, back, back + 10), back + 10, "%s", where);
    node_fixture_finish(&at);
}

Test(saver, an_error_at_any_call_loses_nothing, .timeout = 300)
{
    uint64_t seed = seed_of_run();
    for (uint64_t n = 1; n < 500; n += 2) {
        fail_at(seed, n, SIM_IO, 1);
        fail_at(seed, n + 1, SIM_NO_SPACE, 1 + n % 30);
    }
}

Test(saver, a_full_disk_fails_the_snapshot_and_not_the_writes)
{
    struct node_fixture at;
    node_fixture_init(&at, 3);
    cr_assert_eq(start(&at), STATUS_OK);
    for (unsigned i = 0; i < 400; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %0900u", i, i), "OK");
    }
    cr_assert_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    cr_assert_eq(count_snapshots(&at), 1);
    cr_assert_str_eq(node_fixture_say(&at, "SET more 1"), "OK");
    sim_disk_limit(at.sim, sim_disk_used(at.sim) + (uint64_t)100 * 1024);
    const char *said = node_fixture_say(&at, "SAVE");
    cr_assert_not_null(said);
    cr_expect(strncmp(said, "-ERR the snapshot could not be made", 30) == 0, "%s", said);
    cr_expect_not_null(strstr((const char *)buf_bytes(&at.log).data, "no space left"));
    cr_expect_str_eq(node_fixture_say(&at, "SET even_more 1"), "OK");
    cr_expect_eq(count_snapshots(&at), 1);
    cr_expect_null(sim_disk_contents(at.sim, SNAPSHOT_TEMPORARY).data); /* saver P3 */
    sim_disk_limit(at.sim, UINT64_MAX);
    cr_expect_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    cr_expect_eq(count_snapshots(&at), 2);
    node_fixture_finish(&at);
}

/* ---- who waits for what the sweep is busy with ---- */

/* A client beside the fixture's, whose answers nobody reads. */
static void say_beside(struct node_fixture *at, struct session *session, const char *line)
{
    size_t wants;
    struct gm_bytes bytes = gm_bytes_of(line);
    node_turn(at->node, at->now_ms, at->monotonic_ms);
    cr_assert_eq(pipeline_input(session, bytes.data, bytes.size, &wants), bytes.size);
    list_remove(&session->dirty);
}

/* Waits for the large list during a snapshot. Whether the sweep was over in the turn in which it let go of the list:
 * then there must be another turn at once, as nothing else may happen for a while. */
static bool wait_for_large(struct node_fixture *at, struct session *beside)
{
    const struct shard *shard = &at->node->replica.shard;
    node_fixture_send(at, "BLMOVE queue large LEFT RIGHT 0");
    node_fixture_turn(at, 0);
    say_beside(at, beside, "BGSAVE\r\n");
    (void)node_turn_end(at->node);
    cr_assert_not_null(shard->sweep.half);
    say_beside(at, beside, "RPUSH queue element\r\n");
    int64_t due_ms = node_turn_end(at->node);
    for (unsigned turns = 0; shard->sweep.half != NULL; turns++) {
        cr_assert_lt(turns, 1000);
        cr_assert_eq(at->conn.output.size, 0, "it waits on");
        (void)sim_disk_run(at->sim, SIZE_MAX);
        node_turn(at->node, at->now_ms, at->monotonic_ms);
        due_ms = node_turn_end(at->node);
    }
    cr_assert(waiters_ready(&at->node->worker));
    cr_expect_eq(due_ms, at->monotonic_ms);
    bool over = !shard->sweep.active;
    node_fixture_settle(at);
    cr_expect(gm_bytes_equal(buf_bytes(&at->conn.output), BYTES("$7\r\nelement\r\n")));
    buf_clear(&at->conn.output, SIZE_MAX);
    return over;
}

Test(saver, who_waits_for_a_value_is_served_as_soon_as_it_is_dumped)
{
    enum { ELEMENTS = 400, ROUNDS = 10 };
    struct node_fixture at;
    node_fixture_init(&at, 9);
    cr_assert_eq(start(&at), STATUS_OK);
    struct session *beside = sessions_open(&at.node->worker, 1000);
    for (unsigned i = 1; i < ELEMENTS; i++) {
        cr_assert_not_null(node_fixture_say(&at, "RPUSH large %04000u", i));
    }
    unsigned over = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        cr_assert_not_null(node_fixture_say(&at, "RPUSH large %04000u", round));
        node_fixture_settle(&at);
        over += wait_for_large(&at, beside);
    }
    cr_expect_gt(over, 0);
    char length[16];
    (void)snprintf(length, sizeof length, ":%d", ELEMENTS - 1 + 2 * ROUNDS);
    cr_expect_str_eq(node_fixture_say(&at, "LLEN large"), length);
    cr_expect_eq(at.node->replica.saver.made, ROUNDS);
    sessions_close(beside);
    node_fixture_finish(&at);
}

/* ---- by itself ---- */

Test(saver, the_log_does_not_grow_for_ever)
{
    struct node_fixture at;
    node_fixture_init(&at, 5);
    at.config.snapshot_log_size = 16384;
    cr_assert_eq(start(&at), STATUS_OK);
    uint64_t most = 0;
    for (unsigned i = 0; i < 2000; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %0200u", i % 20, i), "OK");
        uint64_t used = sim_disk_used(at.sim);
        most = used > most ? used : most;
    }
    /* Twice what lies between two snapshots, and segments that are not full, of 600 KB that were written. */
    cr_expect_lt(most, 150000);
    cr_expect_eq(count_snapshots(&at), 2);
    node_fixture_finish(&at);
}

/* What the log had before is not counted again, nor is it taken for less than nothing. */
Test(saver, counts_the_log_from_the_snapshot_on_though_all_is_loaded_again)
{
    struct node_fixture at;
    struct saver_counts counts;
    struct complaint complaint;
    node_fixture_init(&at, 8);
    cr_assert_eq(start(&at), STATUS_OK);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %0900u", i, i), "OK");
    }
    cr_assert_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    cr_assert_str_eq(node_fixture_say(&at, "SET more 1"), "OK");
    struct replica *replica = &at.node->replica;
    cr_assert_eq(replica_reload(replica, &complaint), STATUS_OK, "%s", complaint.text);
    while (replica->state == REPLICA_LOADING) {
        (void)replica_turn(replica);
    }
    cr_assert_eq(replica->state, REPLICA_SERVING);
    saver_count(&replica->saver, &counts);
    cr_expect(counts.log_since > 0 && counts.log_since < 2000, "%llu", (unsigned long long)counts.log_since);
    cr_expect_eq(counts.changes, 1);
    node_fixture_finish(&at);
}

/* A snapshot that is larger than the log since the last one would be written more often than it is worth. */
Test(saver, a_snapshot_is_not_made_before_the_log_is_as_long)
{
    struct node_fixture at;
    node_fixture_init(&at, 6);
    cr_assert_eq(start(&at), STATUS_OK);
    for (unsigned i = 0; i < 300; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %0900u", i, i), "OK");
    }
    cr_assert_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    cr_assert_gt(at.node->replica.saver.newest_size, 270000);
    cr_assert_str_eq(node_fixture_say(&at, "CONFIG SET snapshot_log_size 1000"), "OK");
    for (unsigned i = 0; i < 600; i++) { /* about twice as much log as that */
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %0900u", i % 300, i), "OK");
    }
    node_fixture_settle(&at);
    cr_expect_geq(at.node->replica.saver.made, 2);
    cr_expect_leq(at.node->replica.saver.made, 3, "%llu", (unsigned long long)at.node->replica.saver.made);
    node_fixture_finish(&at);
}

/* Of the lines in the log, those with this text. */
static unsigned count_lines(const struct node_fixture *at, const char *text)
{
    unsigned count = 0;
    for (const char *found = (const char *)at->log.data; (found = strstr(found, text)) != NULL; found++) {
        count++;
    }
    return count;
}

static void pass(struct node_fixture *at, int64_t ms)
{
    at->now_ms += ms;
    at->monotonic_ms += ms;
    for (unsigned i = 0; i < 100; i++) { /* a millisecond each */
        node_fixture_turn(at, SIZE_MAX);
    }
}

/* The reason of a failure is often still there a moment later. When it was space, and some came, it is gone. */
Test(saver, a_failed_snapshot_is_tried_again_after_a_while_or_when_space_came)
{
    static const char failed[] = "no space left";
    struct node_fixture at;
    node_fixture_init(&at, 11);
    at.config.snapshot_interval_s = 1000;
    at.config.disk_reserve = 0;
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    for (unsigned i = 0; i < 400; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %0900u", i, i), "OK");
    }
    sim_disk_limit(at.sim, sim_disk_used(at.sim) + (uint64_t)100 * 1024);
    pass(&at, 1000000);
    cr_assert_eq(count_lines(&at, failed), 1, "%s", (const char *)at.log.data);
    for (unsigned i = 0; i < 20; i++) {
        pass(&at, 100);
    }
    cr_expect_eq(count_lines(&at, failed), 1, "not at once: %s", (const char *)at.log.data);
    pass(&at, 10000);
    cr_expect_eq(count_lines(&at, failed), 2, "but after a while");
    pass(&at, 100);
    cr_assert_eq(at.node->replica.saver.made, 0);
    sim_disk_limit(at.sim, UINT64_MAX);
    pass(&at, 100);
    cr_expect_eq(at.node->replica.saver.made, 0, "nobody has told it yet");
    saver_space_came(&at.node->replica.saver);
    pass(&at, 0);
    cr_expect_eq(at.node->replica.saver.made, 1);
    node_fixture_finish(&at);
}

/* What was written while the snapshot was made is not in it. */
Test(saver, counts_the_log_from_the_cut_on_and_not_from_the_end_of_the_snapshot)
{
    struct node_fixture at;
    struct saver_counts counts;
    node_fixture_init(&at, 12);
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    cr_assert_str_eq(node_fixture_say(&at, "SET before 1"), "OK");
    node_fixture_send(&at, "BGSAVE");
    node_fixture_turn(&at, 0);
    cr_assert_not_null(at.node->replica.saver.writer);
    char line[2100];
    (void)snprintf(line, sizeof line, "SET meanwhile %02000u", 1);
    node_fixture_send(&at, line);
    node_fixture_settle(&at);
    cr_assert_eq(at.node->replica.saver.made, 1);
    saver_count(&at.node->replica.saver, &counts);
    cr_expect_geq(counts.log_since, 2000, "%llu", (unsigned long long)counts.log_since);
    cr_expect_eq(counts.changes, 1);
    node_fixture_finish(&at);
}
