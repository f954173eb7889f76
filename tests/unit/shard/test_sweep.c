/* SPDX-License-Identifier: MIT */

/* test_sweep.c - a picture of one moment, taken while everything goes on.
 *
 * Each test takes a picture with a sweep and a writer over a simulated disk, reads the file back into another shard,
 * and compares digests with the moment of the cut. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "geomys/module.h"
#include "log/snapshot_reader.h"
#include "log/snapshot_writer.h"
#include "replica/snapshot_target.h"
#include "serve/waiters.h"
#include "shard/apply.h"
#include "shard/digest.h"
#include "shard/sweep.h"
#include "support/seed.h"
#include "support/shard_fixture.h"

#define MIB ((size_t)1024 * 1024)

/* ---- a type that dumps what it is told to ---- */

static int apply_odd(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op != 1) {
        return GM_CORRUPT;
    }
    uint8_t *target = gm_resize(apply, record->body.size);
    if (record->body.size > 0) {
        memcpy(target, record->body.data, record->body.size);
    }
    return GM_OK;
}

/* By the value's first letter: refuse, be silent, or silent for ever, go round in a circle; else as it should be. */
static uint64_t dump_odd(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    switch (cell->size > 0 ? cell->data[0] : 0) {
    case 'r':
        return GM_DUMP_REFUSED;
    case 's':
        return 0;
    case 'l':
        return cursor + 1;
    case 'c':
        gm_dump(sink, 1, (struct gm_bytes){cell->data, cell->size});
        return 1;
    default:
        gm_dump(sink, 1, (struct gm_bytes){cell->data, cell->size});
        return 0;
    }
}

static const struct gm_type odd = {
    .size = sizeof odd, .id = "test.odd/1", .name = "odd", .apply = apply_odd, .dump = dump_odd};

static void plan_odd(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = (uint16_t)gm_arg(call, 1)->integer, .body = gm_arg_at(call, 2, 0)));
    gm_reply_status(call, "OK");
}

static const struct gm_command odd_commands[] = {
    {.size = sizeof(struct gm_command),
     .usage = "ODD key op:int body",
     .flags = GM_WRITE | GM_ACCEPT_ANY,
     .type = &odd,
     .plan = plan_odd,
     .summary = "For the test.",
     .complexity = "O(1)"},
};

static const struct gm_type *const odd_types[] = {&odd};

static const struct gm_module odd_module = {
    .size = sizeof odd_module,
    .abi_major = GM_ABI_MAJOR,
    .abi_minor = GM_ABI_MINOR,
    .name = "test.odd",
    .version = "1.0.0",
    .licence = "MIT",
    .summary = "For the test.",
    .types = odd_types,
    .type_count = 1,
    .commands = odd_commands,
    .command_count = 1,
};

/* ---- a picture ---- */

struct picture {
    struct sim_disk *sim;
    struct snapshot_writer *writer;
    struct snapshot_target target;
    uint64_t sequence;
    uint64_t digest;
    uint64_t keys;
};

static void picture_begin(struct picture *picture, struct shard_fixture *at, size_t memory_max)
{
    struct shard *shard = &at->shard;
    struct snapshot_writer_config config = {.memory_max = memory_max, .codec = SNAPSHOT_PLAIN};
    struct snapshot_cut cut = {.sequence = shard->tail.last_sequence,
                               .epoch = epochs_number(&shard->tail.epochs, shard->tail.last_sequence),
                               .time_ms = at->now_ms};
    picture->sim = sim_disk_create(1);
    picture->sequence = cut.sequence;
    picture->digest = digest_shard(shard);
    picture->keys = shard->databases.ledger.keys;
    picture->writer = snapshot_writer_create(&config, sim_disk_interface(picture->sim), &cut, &shard->tail.epochs);
    snapshot_target_init(&picture->target, picture->writer);
    sweep_begin(shard, &picture->target.base);
}

static void run_disk(struct picture *picture)
{
    while (sim_disk_run(picture->sim, SIZE_MAX) > 0) {
    }
}

static void sweep_to_the_end(struct picture *picture, struct shard_fixture *at)
{
    while (at->shard.sweep.active) {
        (void)sweep_turn(&at->shard, 0);
        run_disk(picture);
    }
}

static enum snapshot_writer_state picture_end(struct picture *picture, struct shard_fixture *at)
{
    sweep_to_the_end(picture, at);
    snapshot_writer_finish(picture->writer);
    run_disk(picture);
    if (snapshot_writer_state(picture->writer) == SNAPSHOT_WRITER_WRITTEN) {
        snapshot_writer_publish(picture->writer);
        run_disk(picture);
    }
    return snapshot_writer_state(picture->writer);
}

static void picture_finish(struct picture *picture)
{
    run_disk(picture);
    snapshot_writer_destroy(picture->writer);
    sim_disk_destroy(picture->sim);
}

/* Reads the file into a shard that was opened with `options`; its digest. */
static uint64_t picture_digest(struct picture *picture, const struct shard_fixture_options *options)
{
    struct shard_fixture into;
    struct snapshot_reader *reader;
    struct complaint complaint = {""};
    shard_fixture_open(&into, options);
    enum status status =
        snapshot_reader_create(&reader, sim_disk_interface(picture->sim), picture->sequence, &complaint);
    cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
    cr_assert_eq(snapshot_reader_keys(reader), picture->keys, "each key once");
    while ((status = snapshot_reader_step(reader, 4096, &into.source.sink, &complaint)) == STATUS_AGAIN) {
    }
    cr_assert_eq(status, STATUS_OK, "%s", complaint.text);
    snapshot_reader_destroy(reader);
    uint64_t digest = digest_shard(&into.shard);
    shard_fixture_close(&into);
    return digest;
}

/* Each entry's mark is what it should be: the next sweep finds all of them. */
static void check_marks(void *context, void *element)
{
    const struct shard_fixture *at = context;
    const struct entry *entry = element;
    cr_assert_eq(entry->flags & ENTRY_SWEPT, at->shard.databases.ledger.swept);
}

static void expect_settled(struct shard_fixture *at)
{
    const struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(&at->shard.databases, &number)) != NULL;) {
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&keyspace->table, cursor, check_marks, at);
        } while (cursor != 0);
    }
}

/* ---- random lives ---- */

/* Says it if it is taken: a client that is held back, or waits, says nothing. */
__attribute__((format(printf, 3, 4))) static void offer_as(struct shard_fixture *at, unsigned client,
                                                           const char *format, ...)
{
    char *line;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&line, format, args);
    va_end(args);
    cr_assert_geq(size, 0);
    line[size] = '\n'; /* in place of the terminator */
    (void)shard_fixture_send(at, client, (struct gm_bytes){(const uint8_t *)line, (size_t)size + 1});
    (void)shard_fixture_hear(at, client);
    free(line);
}

#define offer(at, ...) offer_as((at), 0, __VA_ARGS__)

#define ELEMENTS_MAX 5000 /* of one inline command */
#define DATABASES    4    /* that are used */

static void fill(struct shard_fixture *at, const char *verb, unsigned key, unsigned elements)
{
    for (; elements > ELEMENTS_MAX; elements -= ELEMENTS_MAX) {
        fill(at, verb, key, ELEMENTS_MAX);
    }
    char *line = memory_alloc((size_t)elements * 12 + 64);
    int size = snprintf(line, 64, "%s k%u", verb, key);
    for (unsigned i = 0; i < elements; i++) {
        size += snprintf(line + size, 12, " e%u", i);
    }
    offer(at, "%s", line);
    memory_free(line);
}

static void change_something(struct shard_fixture *at, struct prng *prng)
{
    unsigned key = (unsigned)prng_below(prng, 600);
    unsigned number = (unsigned)prng_below(prng, 1000);
    switch (prng_below(prng, 20)) {
    case 0:
    case 1:
        offer(at, "SET k%u value%u", key, number);
        break;
    case 2:
        offer(at, "APPEND k%u %u", key, number);
        break;
    case 3:
        offer(at, "INCRBY n%u %u", key, number);
        break;
    case 4:
    case 5:
        offer(at, "RPUSH l%u %u %u", key, number, number + 1);
        break;
    case 6:
        offer(at, "LPOP l%u", key);
        break;
    case 7:
        offer(at, "DEL k%u l%u", key, number % 600);
        break;
    case 8:
        offer(at, "PEXPIRE k%u %u", key, 1 + number % 50);
        break;
    case 9:
        /* rename P1 */
        offer(at, "RENAME l%u l%u", key, number % 600);
        break;
    case 10:
        offer(at, "COPY k%u l%u REPLACE", key, number % 600);
        break;
    case 11:
        offer(at, "PERSIST k%u", key);
        break;
    case 12: /* and somebody waits for one list, to change another */
        offer_as(at, 1 + number % 3, "BLMOVE l%u k%u LEFT RIGHT 0.05", key, number % 600);
        break;
    case 13:
        shard_fixture_pass(at, (int64_t)prng_below(prng, 5));
        break;
    case 14: /* sweep P5 */
        offer(at, "SELECT %u", number % DATABASES);
        break;
    case 15:
        offer(at, "MOVE %c%u %u", number % 2 == 0 ? 'k' : 'l', key, number / 2 % DATABASES);
        break;
    case 16:
        offer(at, "COPY k%u l%u DB %u REPLACE", key, number % 600, number % DATABASES);
        break;
    case 17:
        offer(at, "SWAPDB %u %u", key % DATABASES, number % DATABASES);
        break;
    case 18:
        if (at->shard.evict.options.limit == 0 && number % 50 == 0) { /* else a snapshot may be given up for it */
            offer(at, number == 0 ? "FLUSHALL" : "FLUSHDB");
        }
        break;
    default:
        fill(at, prng_below(prng, 2) == 0 ? "RPUSH" : "LPUSH", key, prng_below(prng, 20) == 0 ? 8000 : 20);
        break;
    }
}

/* Several pictures of the same life, each of which shows exactly its moment. */
static void live(uint64_t seed, enum evict_policy policy)
{
    struct shard_fixture at;
    struct prng prng;
    prng_seed(&prng, seed);
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = seed});
    if (policy != EVICT_NONE) {
        struct evict_options memory = {.limit = (uint64_t)100 * 1024, .policy = policy, .samples = 5};
        evict_configure(&at.shard, &memory);
        for (unsigned i = 0; i < 20; i++) { /* which any policy can take */
            offer(&at, "SET last%u value PX 3600000", i);
        }
    }
    for (unsigned i = 0; i < 2000; i++) {
        change_something(&at, &prng);
    }
    for (unsigned i = 0; i < 50 && policy != EVICT_NONE && at.shard.stats.evicted == 0; i++) {
        fill(&at, "RPUSH", i, 8000); /* not every life is a rich one */
    }
    for (unsigned round = 0; round < 4; round++) {
        struct picture picture;
        picture_begin(&picture, &at, 16 * MIB);
        unsigned pace = 1 + (unsigned)prng_below(&prng, 40);
        while (at.shard.sweep.active) {
            for (unsigned i = 0; i < pace; i++) {
                change_something(&at, &prng);
            }
            (void)sweep_turn(&at.shard, 0);
            (void)sim_disk_run(picture.sim, prng_below(&prng, 3));
        }
        cr_assert_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
        struct shard_fixture_options options = {.seed = seed + 1};
        cr_assert_eq(picture_digest(&picture, &options), picture.digest, "seed %llu, round %u",
                     (unsigned long long)seed, round);
        expect_settled(&at);
        picture_finish(&picture);
    }
    cr_assert(policy == EVICT_NONE || at.shard.stats.evicted > 0, "%llu evicted",
              (unsigned long long)at.shard.stats.evicted);
    shard_fixture_close(&at);
}

Test(sweep, it_shows_the_moment_of_the_cut_whatever_happens_meanwhile)
{
    uint64_t seed = seed_of_run();
    for (uint64_t i = 0; i < 10; i++) {
        live(seed + i, EVICT_NONE);
    }
}

/* Memory is short, so keys are evicted all the time, owed or not, large or small. */
Test(sweep, keys_that_are_evicted_meanwhile_are_in_the_picture)
{
    static const enum evict_policy policies[] = {EVICT_ALL_RECENCY, EVICT_ALL_RANDOM, EVICT_EXPIRING_SOONEST};
    uint64_t seed = seed_of_run();
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        live(seed + i, policies[i]);
    }
}

/* ---- large values ---- */

static void open_with_large(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){0});
    fill(at, "RPUSH", 1, 20000);
    fill(at, "RPUSH", 2, 20000);
    expect_said(at, 0, "OK", "SET small v");
}

Test(sweep, who_would_change_a_large_value_waits_for_it_and_nobody_else_does)
{
    struct shard_fixture at;
    struct picture picture;
    open_with_large(&at);
    picture_begin(&picture, &at, 16 * MIB);
    struct gm_bytes more = BYTES("RPUSH k1 more\r\n");
    struct gm_bytes exec = BYTES("EXEC\r\n");
    cr_expect_eq(shard_fixture_send(&at, 0, more), 0);
    expect_said(&at, 1, ":20000", "LLEN k1");
    expect_said(&at, 1, "OK", "SET small w");
    expect_said(&at, 1, ":1", "RPUSH fresh element");
    expect_said(&at, 2, "OK", "MULTI");
    expect_said(&at, 2, "QUEUED", "DEL k2");
    cr_expect_eq(shard_fixture_send(&at, 2, exec), 0);
    cr_expect_eq(at.worker.sessions.blocked, 2);
    sweep_to_the_end(&picture, &at);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    cr_expect_eq(shard_fixture_send(&at, 0, more), more.size);
    cr_expect_eq(shard_fixture_send(&at, 2, exec), exec.size);
    expect_heard(&at, 0, ":20001");
    expect_heard(&at, 2, "[:1]");
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* The value goes piece by piece: no turn dumps much more than its budget. */
Test(sweep, a_large_value_is_dumped_over_several_turns)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < 20; i++) {
        fill(&at, "RPUSH", 1, 20000);
    }
    picture_begin(&picture, &at, 64 * MIB);
    uint64_t before = 0;
    unsigned turns = 0;
    while (at.shard.sweep.active) {
        (void)sweep_turn(&at.shard, 0);
        struct snapshot_writer_stats stats;
        snapshot_writer_stats(picture.writer, &stats);
        cr_expect_lt(stats.bytes_plain - before, 2 * MIB); /* sweep P2 */
        before = stats.bytes_plain;
        turns++;
    }
    cr_expect_geq(turns, 2);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* What does not ask (a record that comes from elsewhere) finds it half dumped: the rest follows, and nothing of it
 * comes twice. */
Test(sweep, a_value_that_goes_while_it_is_half_dumped_is_in_the_picture_once)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < 20; i++) {
        fill(&at, "RPUSH", 1, 20000);
    }
    picture_begin(&picture, &at, 64 * MIB);
    (void)sweep_turn(&at.shard, 0);
    cr_assert(at.shard.sweep.half != NULL && at.shard.sweep.half_cursor != 0);
    struct complaint complaint;
    struct record gone = {.sequence = 1000, .epoch = 1, .op = RECORD_OP_DELETE, .flags = RECORD_REMOVES};
    gone.key = BYTES("k1");
    uint64_t hash = databases_hash(&at.shard.databases, gone.key);
    cr_assert_eq(apply_again(&at.shard, &gone, hash, &complaint), STATUS_OK);
    cr_expect_eq(at.shard.databases.ledger.keys, 0);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

Test(sweep, a_large_value_whose_time_has_come_is_gone_for_readers_and_removed_later)
{
    struct shard_fixture at;
    struct picture picture;
    open_with_large(&at);
    expect_said(&at, 0, ":1", "PEXPIRE k1 10");
    expect_said(&at, 0, ":1", "PEXPIRE small 20");
    picture_begin(&picture, &at, 16 * MIB);
    shard_fixture_pass(&at, 30);
    expect_said(&at, 0, ":0", "EXISTS k1 small");
    cr_expect_eq(at.shard.databases.ledger.keys, 2); /* the small one is gone, looked at; the large one is owed */
    sweep_to_the_end(&picture, &at);
    shard_fixture_pass(&at, 0);
    cr_expect_eq(at.shard.databases.ledger.keys, 1);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* ---- who has waited for a key, and would change a large value when the turn comes ---- */

/* Two wait for one list, the first of them to move what comes to a large one. */
static void open_with_waiters(struct shard_fixture *at, const struct shard_fixture_options *options)
{
    shard_fixture_open(at, options);
    fill(at, "RPUSH", 1, 20000);
    expect_said(at, 0, "", "BLMOVE queue k1 LEFT RIGHT 1");
    expect_said(at, 1, "", "BLPOP queue 0");
}

static void expect_delayed(struct shard_fixture *at, const char *length)
{
    expect_heard(at, 0, "");
    expect_heard(at, 1, "");
    expect_said(at, 2, length, "LLEN queue");
    expect_said(at, 2, ":20000", "LLEN k1");
    cr_expect_eq(at->shard.sweep.before, 0, "nothing was dumped in one go");
    cr_expect_eq(at->worker.sessions.blocked, 2);
    cr_expect(!waiters_ready(&at->worker) && list_empty(&at->worker.interest.ready), "nobody tries again and again");
}

static void expect_right(struct picture *picture, struct shard_fixture *at)
{
    cr_expect_eq(picture_end(picture, at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(picture, &(struct shard_fixture_options){0}), picture->digest);
    picture_finish(picture);
    shard_fixture_close(at);
}

Test(sweep, who_has_waited_waits_on_and_keeps_the_place)
{
    struct shard_fixture at;
    struct picture picture;
    open_with_waiters(&at, &(struct shard_fixture_options){0});
    picture_begin(&picture, &at, 16 * MIB);
    expect_said(&at, 2, ":1", "RPUSH queue first");
    expect_delayed(&at, ":1");
    cr_assert_not_null(at.shard.sweep.half);
    expect_said(&at, 2, ":2", "RPUSH queue second");
    expect_delayed(&at, ":2");
    sweep_to_the_end(&picture, &at);
    cr_expect(waiters_ready(&at.worker), "whoever drives the shard takes a turn at once");
    shard_fixture_pass(&at, 0);
    expect_heard(&at, 0, "\"first\"");
    expect_heard(&at, 1, "[\"queue\" \"second\"]");
    expect_said(&at, 2, "[\"first\"]", "LRANGE k1 -1 -1");
    cr_expect_eq(at.worker.sessions.blocked, 0);
    expect_right(&picture, &at);
}

/* Those behind get their turn as soon as the one for whom the key was put off is gone: by the clock, by a command, by
 * hanging up. */
Test(sweep, who_is_gone_holds_nobody_up)
{
    for (unsigned way = 0; way < 3; way++) {
        struct shard_fixture at;
        struct picture picture;
        open_with_waiters(&at, &(struct shard_fixture_options){0});
        picture_begin(&picture, &at, 16 * MIB);
        expect_said(&at, 2, ":1", "RPUSH queue first");
        shard_fixture_pass(&at, 999);
        expect_delayed(&at, ":1");
        if (way == 0) {
            shard_fixture_pass(&at, 1);
            expect_heard(&at, 0, "nil[]");
        } else if (way == 1) {
            expect_said(&at, 2, ":1", "CLIENT UNBLOCK %llu", (unsigned long long)at.clients[0]->caller.id);
            expect_heard(&at, 0, "nil[]");
        } else {
            shard_fixture_hang_up(&at, 0);
            shard_fixture_pass(&at, 0);
        }
        expect_heard(&at, 1, "[\"queue\" \"first\"]");
        cr_expect(at.shard.sweep.active);
        cr_expect_eq(at.shard.sweep.before, 0);
        cr_expect_eq(at.worker.interest.key_count, 0);
        expect_right(&picture, &at);
    }
}

/* Nobody is left who could be tried, or nothing to try it with. */
Test(sweep, a_key_that_was_put_off_goes_with_those_who_wait_for_it)
{
    struct shard_fixture at;
    struct picture picture;
    open_with_waiters(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 3, "", "BLMOVE other k1 LEFT RIGHT 0");
    picture_begin(&picture, &at, 16 * MIB);
    expect_said(&at, 2, ":1", "RPUSH queue first");
    expect_said(&at, 2, ":1", "DEL queue");
    expect_said(&at, 2, ":1", "RPUSH other element");
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 0);
    cr_expect_eq(at.worker.interest.key_count, 2); /* of client 3, who waits for both keys */
    expect_said(&at, 2, "OK", "FLUSHALL");
    expect_heard(&at, 3, "");
    expect_said(&at, 2, ":1", "RPUSH other again");
    expect_heard(&at, 3, "\"again\"");
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* By the time the sweep lets go there is another reason to wait, and then none. */
Test(sweep, who_waits_on_waits_for_the_end_of_a_pause_too)
{
    struct shard_fixture at;
    struct picture picture;
    open_with_waiters(&at, &(struct shard_fixture_options){0});
    picture_begin(&picture, &at, 16 * MIB);
    expect_said(&at, 2, ":1", "RPUSH queue first");
    expect_said(&at, 2, "OK", "CLIENT PAUSE 50 WRITE");
    sweep_to_the_end(&picture, &at);
    shard_fixture_pass(&at, 49);
    expect_heard(&at, 0, "");
    cr_expect(!waiters_ready(&at.worker), "nor is there a turn at once");
    shard_fixture_pass(&at, 1);
    expect_heard(&at, 0, "\"first\"");
    expect_right(&picture, &at);
}

Test(sweep, who_waits_on_waits_for_space_on_the_disk_too)
{
    static char value[60001];
    struct shard_fixture at;
    struct picture picture;
    memset(value, 'v', sizeof value - 1);
    open_with_waiters(&at, &(struct shard_fixture_options){.log = true});
    picture_begin(&picture, &at, 16 * MIB);
    expect_said(&at, 2, ":1", "RPUSH queue first");
    sim_disk_limit(at.sim, sim_disk_used(at.sim));
    for (unsigned i = 0; i < 1000 && !wal_full(at.wal); i++) {
        (void)shard_fixture_say(&at, 3, "SET written %s", value);
    }
    cr_assert(wal_full(at.wal));
    sweep_to_the_end(&picture, &at);
    shard_fixture_pass(&at, 0);
    cr_expect(at.clients[0]->waiting);
    sim_disk_limit(at.sim, UINT64_MAX);
    for (unsigned i = 0; i < 9 && wal_full(at.wal); i++) {
        shard_fixture_pass(&at, 100);
    }
    cr_assert_not(wal_full(at.wal));
    shard_fixture_pass(&at, 0);
    expect_heard(&at, 0, "\"first\"");
    expect_right(&picture, &at);
}

/* ---- what fails ---- */

static void refuse_with(const char *value)
{
    struct shard_fixture at;
    struct picture picture;
    const struct shard_fixture_options options = {.module = &odd_module};
    shard_fixture_open(&at, &options);
    for (unsigned i = 0; i < 300; i++) {
        (void)shard_fixture_say(&at, 0, "SET k%u v", i);
    }
    expect_said(&at, 0, "OK", "ODD fine 1 good");
    expect_said(&at, 0, "OK", "ODD culprit 1 %s", value);
    picture_begin(&picture, &at, 16 * MIB);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_FAILED);
    const char *why = snapshot_writer_complaint(picture.writer)->text;
    /* sweep P4 */
    cr_expect(strstr(why, "the type test.odd/1 of the module test.odd") != NULL && strstr(why, "\"culprit\"") != NULL,
              "%s", why);
    expect_settled(&at);
    picture_finish(&picture);
    expect_said(&at, 0, ":1", "DEL culprit");
    picture_begin(&picture, &at, 16 * MIB);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &options), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

Test(sweep, a_value_that_its_type_does_not_dump_is_named_and_nothing_else_suffers)
{
    refuse_with("refused");
    refuse_with("silent");
    refuse_with("loops");
    refuse_with("circles");
}

Test(sweep, the_same_when_a_client_is_about_to_change_it)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &odd_module});
    expect_said(&at, 0, "OK", "ODD culprit 1 refused");
    expect_said(&at, 0, "OK", "SET other v");
    picture_begin(&picture, &at, 16 * MIB);
    expect_said(&at, 0, ":1", "DEL culprit");
    expect_said(&at, 0, "OK", "SET other w");
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_FAILED);
    expect_settled(&at);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

Test(sweep, one_that_is_given_up_half_way_leaves_the_next_one_whole)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < 3000; i++) {
        (void)shard_fixture_say(&at, 0, "SET k%u v", i);
    }
    picture_begin(&picture, &at, 16 * MIB);
    (void)sweep_turn(&at.shard, 0);
    cr_assert(at.shard.sweep.active);
    snapshot_writer_fail(picture.writer, "somebody pulled the plug");
    expect_said(&at, 0, "OK", "SET k1 w");
    sweep_to_the_end(&picture, &at);
    expect_settled(&at);
    picture_finish(&picture);
    picture_begin(&picture, &at, 16 * MIB);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* A client's keys are worth more than a snapshot: nobody is refused, and none of them goes, for what was flushed. */
Test(sweep, what_was_flushed_does_not_stay_for_it_where_memory_is_short)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (int i = 0; i < 3000; i++) {
        (void)shard_fixture_say(&at, 0, "SET k%d v", i);
    }
    picture_begin(&picture, &at, 16 * MIB);
    uint64_t held = ledger_memory(&at.shard.databases.ledger);
    struct evict_options memory = {.limit = held + 65536, .policy = EVICT_ALL_RECENCY};
    evict_configure(&at.shard, &memory);
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_said(&at, 0, "OK", "SET a 1");
    cr_expect(at.shard.sweep.active && at.shard.databases.ledger.flushed == 3000);
    memory.limit = held / 2;
    evict_configure(&at.shard, &memory);
    expect_said(&at, 0, "OK", "SET b 2");
    for (int i = 0; i < 10; i++) {
        shard_fixture_pass(&at, 1);
    }
    expect_said(&at, 0, ":2", "EXISTS a b");
    cr_expect_eq(at.shard.databases.ledger.flushed, 0);
    cr_expect_eq(at.shard.stats.evicted, 0);
    cr_expect(at.shard.sweep.flushed);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_FAILED);
    picture_finish(&picture);
    picture_begin(&picture, &at, 16 * MIB);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* sweep P5: what was flushed is in the picture, and nobody waits for it any more. */
Test(sweep, removing_everything_does_not_end_it)
{
    struct shard_fixture at;
    struct picture picture;
    open_with_large(&at);
    picture_begin(&picture, &at, 16 * MIB);
    struct gm_bytes more = BYTES("RPUSH k1 more\r\n");
    cr_expect_eq(shard_fixture_send(&at, 0, more), 0);
    expect_said(&at, 1, "OK", "FLUSHALL");
    cr_expect(at.shard.sweep.active);
    cr_expect_gt(at.shard.databases.ledger.flushed, 0);
    cr_expect_eq(shard_fixture_send(&at, 0, more), more.size);
    expect_heard(&at, 0, ":1");
    expect_said(&at, 1, "OK", "FLUSHALL");
    expect_said(&at, 1, "OK", "SET new v");
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    picture_begin(&picture, &at, 16 * MIB);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* ---- a disk that does not move ---- */

static uint64_t memory_of(const struct picture *picture)
{
    struct snapshot_writer_stats stats;
    snapshot_writer_stats(picture->writer, &stats);
    return stats.memory_peak;
}

Test(sweep, while_the_disk_stands_still_the_sweep_waits_and_clients_do_not)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < 200; i++) {
        fill(&at, "RPUSH", i, 2000);
    }
    picture_begin(&picture, &at, MIB);
    unsigned turns = 0;
    while (sweep_turn(&at.shard, 0)) {
        turns++;
        cr_assert_lt(turns, 1000);
    }
    cr_expect(at.shard.sweep.active);
    cr_expect_leq(memory_of(&picture), MIB);
    cr_expect_eq(snapshot_writer_state(picture.writer), SNAPSHOT_WRITER_OPEN);
    expect_said(&at, 0, ":1", "DEL k0");
    /* Clients that change more than fits are not made to wait: the snapshot is given up. */
    for (unsigned i = 0; i < 200; i++) {
        expect_begins(&at, 0, ":", "RPUSH k%u more", i);
    }
    cr_expect_eq(snapshot_writer_state(picture.writer), SNAPSHOT_WRITER_FAILED);
    cr_expect_leq(memory_of(&picture), MIB);
    sweep_to_the_end(&picture, &at);
    expect_settled(&at);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* ---- records that are larger than what may wait for the disk ---- */

#define OUTSIZE (3 * MIB)

static void push_outsize(struct shard_fixture *at, const char *key)
{
    struct buf command;
    buf_init(&command, 2 * OUTSIZE);
    cr_assert(buf_format(&command, "*3\r\n$5\r\nRPUSH\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(key), key, OUTSIZE));
    for (size_t i = 0; i < OUTSIZE; i += 8) {
        cr_assert(buf_append(&command, BYTES("abcdefgh")));
    }
    cr_assert(buf_append(&command, BYTES("\r\n")));
    cr_assert_eq(shard_fixture_send(at, 0, buf_bytes(&command)), command.size);
    expect_begins(at, 0, ":", "LLEN %s", key);
    buf_finish(&command);
}

/* Two in a list, and one in another, while clients change what the sweep has not come to yet. */
Test(sweep, records_larger_than_its_memory_are_in_the_picture)
{
    struct shard_fixture at;
    struct picture picture;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < 2000; i++) {
        (void)shard_fixture_say(&at, 0, "SET k%u %0200u", i, i);
    }
    push_outsize(&at, "first");
    push_outsize(&at, "first");
    push_outsize(&at, "second");
    (void)shard_fixture_hear(&at, 0);
    picture_begin(&picture, &at, MIB);
    unsigned changed = 0;
    while (at.shard.sweep.active) {
        (void)sweep_turn(&at.shard, 0);
        (void)sim_disk_run(picture.sim, 1);
        (void)shard_fixture_say(&at, 0, "APPEND k%u x", changed++ % 2000);
    }
    cr_expect_gt(at.shard.sweep.before, 20);
    cr_expect_leq(memory_of(&picture), MIB + OUTSIZE + OUTSIZE / 4);
    cr_expect_eq(picture_end(&picture, &at), SNAPSHOT_WRITER_PUBLISHED, "%s",
                 snapshot_writer_complaint(picture.writer)->text);
    cr_expect_eq(picture_digest(&picture, &(struct shard_fixture_options){0}), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&at);
}

/* ---- what cannot be read here ---- */

Test(sweep, frozen_and_damaged_values_are_carried_as_they_are)
{
    struct shard_fixture full, plain;
    struct picture picture;
    const struct shard_fixture_options without = {.without = SHARD_FIXTURE_DEQUE, .seed = 3};
    shard_fixture_open(&full, &(struct shard_fixture_options){0});
    shard_fixture_open(&plain, &without);
    fill(&full, "RPUSH", 1, 20000);
    expect_said(&full, 0, ":2", "RPUSH list a b");
    expect_said(&full, 0, ":1", "PEXPIRE list 100000");
    expect_said(&full, 0, "OK", "SET text v");
    shard_fixture_replay(&full, &plain);
    struct record misfit = {.op = 250, .key = BYTES("text"), .body = BYTES("?")};
    cr_expect_eq(shard_fixture_accept(&plain, "geomys.string/1", misfit), STATUS_OK);
    /* One that would be taken for a value, if nothing said that it is damaged. */
    struct record orphan = {.op = 2, .key = BYTES("orphan"), .body = BYTES("appended to nothing")};
    cr_expect_eq(shard_fixture_accept(&plain, "geomys.string/1", orphan), STATUS_OK);
    cr_assert_eq(databases_frozen(&plain.shard.databases).damaged, 2);
    picture_begin(&picture, &plain, 16 * MIB);
    cr_expect_eq(picture_end(&picture, &plain), SNAPSHOT_WRITER_PUBLISHED);
    cr_expect_eq(picture_digest(&picture, &without), picture.digest);
    picture_finish(&picture);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* ---- what is announced to the sink ---- */

Test(sweep, a_key_that_was_announced_and_never_came_is_not_taken_for_the_next_one)
{
    struct shard_fixture at;
    char bytes[] = "a";
    struct complaint complaint;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct record_sink *sink = &at.source.sink;
    cr_assert_eq(sink->declare(sink, 9, BYTES("geomys.string/1"), &complaint), STATUS_OK);
    struct record record = {.sequence = 1,
                            .epoch = 1,
                            .flags = RECORD_FRESH,
                            .op = 1,
                            .type = 9,
                            .key = {(const uint8_t *)bytes, 1},
                            .body = BYTES("value")};
    sink->foresee(sink, &record);
    sink->foresee(sink, NULL);
    bytes[0] = 'b'; /* another key at the same place */
    cr_assert_eq(sink->accept(sink, &record, &complaint), STATUS_OK);
    expect_said(&at, 0, "\"value\"", "GET b");
    expect_said(&at, 0, "nil", "GET a");
    shard_fixture_close(&at);
}
