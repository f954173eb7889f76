/* SPDX-License-Identifier: MIT */

/* What is due in values: planned when its time has come, where a command could write, and as a command would change
 * it. The types that do so as they should are support/due_module.c; those that do not stand below. */
#include <criterion/criterion.h>

#include "geomys/codec.h"
#include "geomys/ext/wait.h"
#include "support/due_module.h"
#include "support/shard_fixture.h"

#define NOW SHARD_FIXTURE_START_MS

static void open(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.module = &due_module});
}

static uint64_t waiting(const struct shard_fixture *at)
{
    return at->shard.databases.ledger.wakes;
}

Test(due, what_lapses_goes_by_a_record)
{
    struct shard_fixture at;
    struct shard_fixture copy;
    open(&at);
    open(&copy);
    expect_said(&at, 0, ":2", "TIMED.PUT k %d a b", NOW + 100);
    expect_said(&at, 0, ":1", "TIMED.PUT k %d c", NOW + 200);
    expect_said(&at, 0, ":1", "TIMED.PUT k 0 for-ever");
    (void)shard_fixture_records(&at);
    shard_fixture_pass(&at, 99);
    expect_said(&at, 0, "[\"a\" \"b\" \"c\" \"for-ever\"]", "TIMED.RAW k");
    expect_records(&at, "");
    cr_expect_eq(turn_next_ms(&at.worker), at.monotonic_ms + 1);
    shard_fixture_pass(&at, 1);
    expect_said(&at, 0, "[\"c\" \"for-ever\"]", "TIMED.RAW k");
    expect_records(&at, "test.timed k");
    cr_expect_eq(turn_next_ms(&at.worker), at.monotonic_ms + 100);
    cr_expect_eq(at.shard.stats.due, 1);
    cr_expect_eq(waiting(&at), 1);
    shard_fixture_pass(&at, 100);
    expect_said(&at, 0, "[\"for-ever\"]", "TIMED.RAW k");
    cr_expect_eq(waiting(&at), 0);
    cr_expect_eq(turn_next_ms(&at.worker), INT64_MAX);
    shard_fixture_replay(&at, &copy);
    expect_said(&copy, 0, "[\"for-ever\"]", "TIMED.RAW k");
    cr_expect_eq(at.faults + copy.faults, 0);
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* Whoever applies again knows what waits, and plans nothing before it leads. due P1 */
Test(due, is_known_to_who_applies_again)
{
    struct shard_fixture at;
    struct shard_fixture copy;
    open(&at);
    open(&copy);
    expect_said(&at, 0, ":1", "TIMED.PUT k %d a", NOW + 100);
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(waiting(&copy), 1);
    shard_keep_still(&copy.shard, true); /* as CLIENT PAUSE does */
    shard_fixture_pass(&copy, 500);
    expect_said(&copy, 0, "[\"a\"]", "TIMED.RAW k");
    expect_said(&copy, 0, "[]", "TIMED.ALL k");
    cr_expect_eq(turn_next_ms(&copy.worker), INT64_MAX);
    shard_keep_still(&copy.shard, false);
    shard_fixture_pass(&copy, 0);
    expect_said(&copy, 0, ":0", "EXISTS k");
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

Test(due, much_of_it_comes_in_pieces)
{
    struct shard_fixture at;
    open(&at);
    for (int i = 0; i < 95; i++) {
        expect_said(&at, 0, ":1", "TIMED.PUT k %d name%d", NOW + 50, i);
    }
    at.one_turn = true;
    shard_fixture_pass(&at, 50);
    shard_fixture_pass(&at, 0);
    expect_said(&at, 0, ":0", "EXISTS k");
    cr_expect_eq(at.shard.stats.due, 10);
    for (int i = 0; i < 450; i++) {
        expect_said(&at, 0, ":1", "TIMED.PUT many%d %d name", i, NOW + 60 + i / 100);
    }
    cr_expect_eq(waiting(&at), 450);
    shard_fixture_pass(&at, 50);
    cr_expect_eq(waiting(&at), 250, "two hundred in a turn");
    shard_fixture_pass(&at, 0);
    shard_fixture_pass(&at, 0);
    cr_expect_eq(waiting(&at), 0);
    cr_expect_eq(at.shard.databases.ledger.keys, 0);
    shard_fixture_close(&at);
}

Test(due, goes_where_the_value_goes)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":1", "TIMED.PUT renamed %d a", NOW + 100);
    expect_said(&at, 0, "OK", "RENAME renamed to");
    expect_said(&at, 0, ":1", "TIMED.PUT copied %d a", NOW + 100);
    expect_said(&at, 0, ":1", "COPY copied copy");
    expect_said(&at, 0, ":1", "COPY copied copy DB 3");
    expect_said(&at, 0, ":1", "TIMED.PUT moved %d a", NOW + 100);
    expect_said(&at, 0, ":1", "MOVE moved 4");
    expect_said(&at, 0, "OK", "SELECT 5");
    expect_said(&at, 0, ":1", "TIMED.PUT swapped %d a", NOW + 100);
    expect_said(&at, 0, "OK", "SWAPDB 5 6");
    expect_said(&at, 0, "OK", "SELECT 0");
    cr_expect_eq(waiting(&at), 6);
    expect_said(&at, 0, ":1", "TIMED.PUT gone %d a", NOW + 100);
    expect_said(&at, 0, ":1", "DEL gone");
    expect_said(&at, 0, ":1", "TIMED.PUT flushed %d a", NOW + 100);
    expect_said(&at, 0, ":1", "TIMED.PUT set %d a", NOW + 100);
    expect_said(&at, 0, "OK", "SET set text");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "TIMED.PUT within %d a b", NOW + 100);
    expect_said(&at, 0, "QUEUED", "TIMED.DROP within b");
    expect_said(&at, 0, "[:2 :1]", "EXEC");
    cr_expect_eq(waiting(&at), 8);
    shard_fixture_pass(&at, 100);
    cr_expect_eq(waiting(&at), 0);
    expect_said(&at, 0, ":0", "EXISTS to copied copy moved within flushed");
    cr_expect_eq(at.shard.databases.ledger.keys, 1, "what was SET");
    shard_fixture_close(&at);
}

Test(due, is_gone_with_a_flush)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":1", "TIMED.PUT a %d x", NOW + 100);
    expect_said(&at, 0, "OK", "FLUSHDB");
    cr_expect_eq(waiting(&at), 0);
    expect_said(&at, 0, ":1", "TIMED.PUT a %d x", NOW + 100);
    expect_said(&at, 0, "OK", "FLUSHALL");
    cr_expect_eq(waiting(&at), 0);
    uint64_t last = at.shard.tail.last_sequence;
    shard_fixture_pass(&at, 200);
    cr_expect_eq(at.shard.tail.last_sequence, last);
    shard_fixture_close(&at);
}

/* The expiry of a key comes first, whichever is earlier. */
Test(due, a_key_may_expire_too)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":2", "TIMED.PUT soon %d a b", NOW + 100);
    expect_said(&at, 0, ":1", "PEXPIRE soon 50");
    expect_said(&at, 0, ":1", "TIMED.PUT same %d a", NOW + 100);
    expect_said(&at, 0, ":1", "PEXPIRE same 100");
    expect_said(&at, 0, ":1", "TIMED.PUT late %d a", NOW + 100);
    expect_said(&at, 0, ":1", "TIMED.PUT late 0 stays");
    expect_said(&at, 0, ":1", "PEXPIRE late 150");
    expect_said(&at, 0, ":1", "PERSIST late");
    expect_said(&at, 0, ":1", "PEXPIRE late 200");
    (void)shard_fixture_records(&at);
    shard_fixture_pass(&at, 60);
    expect_records(&at, "expired soon removes");
    shard_fixture_pass(&at, 50);
    expect_records(&at, "expired same removes; test.timed late");
    expect_said(&at, 0, ":90", "PTTL late");
    shard_fixture_pass(&at, 100);
    expect_records(&at, "expired late removes");
    cr_expect_eq(at.shard.databases.ledger.keys, 0);
    shard_fixture_close(&at);
}

Test(due, whoever_waits_watches_or_listens_hears_of_it)
{
    struct shard_fixture at;
    open(&at);
    at.options.notify = notify_classes("KEA");
    shard_fixture_configure(&at);
    expect_said(&at, 1, "[\"psubscribe\" \"__keyevent@0__:*\" :1]", "PSUBSCRIBE __keyevent@0__:*");
    expect_said(&at, 2, "", "DELAYED.TAKE queue 0");
    expect_said(&at, 0, ":2", "DELAYED.PUT queue 100 x y");
    (void)shard_fixture_hear(&at, 1);
    expect_heard(&at, 2, "");
    expect_said(&at, 3, "OK", "WATCH queue");
    (void)shard_fixture_records(&at);
    shard_fixture_pass(&at, 100);
    expect_heard(&at, 2, "\"x\"");
    expect_said(&at, 3, "OK", "MULTI");
    expect_said(&at, 3, "nil[]", "EXEC");
    expect_heard(&at, 1, "[\"pmessage\" \"__keyevent@0__:*\" \"__keyevent@0__:delayed.take\" \"queue\"]");
    expect_records(&at, "test.delayed queue; test.delayed queue");
    expect_said(&at, 2, "\"y\"", "DELAYED.TAKE queue 0");
    (void)shard_fixture_hear(&at, 1);
    expect_said(&at, 0, ":1", "TIMED.PUT t %d only", (int)at.now_ms + 10);
    (void)shard_fixture_hear(&at, 1);
    shard_fixture_pass(&at, 10);
    expect_heard(&at, 1,
                 "[\"pmessage\" \"__keyevent@0__:*\" \"__keyevent@0__:lapsed\" \"t\"] | [\"pmessage\" "
                 "\"__keyevent@0__:*\" \"__keyevent@0__:del\" \"t\"]");
    shard_fixture_close(&at);
}

Test(due, whoever_keeps_copies_throws_them_away)
{
    struct shard_fixture at;
    open(&at);
    (void)shard_fixture_say(&at, 1, "HELLO 3");
    expect_said(&at, 1, "OK", "CLIENT TRACKING ON NOLOOP");
    expect_said(&at, 1, ":2", "TIMED.PUT k %d a b", NOW + 100);
    expect_said(&at, 1, "[\"a\" \"b\"]", "TIMED.ALL k");
    shard_fixture_pass(&at, 100);
    const char *heard = shard_fixture_hear(&at, 1);
    cr_expect(strstr(heard, "invalidate") != NULL && strstr(heard, "\"k\"") != NULL, "%s", heard);
    shard_fixture_close(&at);
}

/* It is not a use of the key, and what shrinks needs no memory. */
Test(due, goes_on_where_memory_is_short)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){
                                .module = &due_module, .memory = {.limit = 1, .policy = EVICT_NONE, .samples = 5}});
    at.options.output_max = 1 << 20;
    expect_begins(&at, 0, "-OOM", "TIMED.PUT k %d a", NOW + 100);
    struct shard_options options = at.shard.options;
    options.memory.limit = 0;
    shard_configure(&at.shard, &options);
    expect_said(&at, 0, ":2", "TIMED.PUT k %d a b", NOW + 100);
    options.memory.limit = 1;
    shard_configure(&at.shard, &options);
    shard_fixture_pass(&at, 100);
    expect_said(&at, 0, ":0", "EXISTS k");
    shard_fixture_close(&at);
}

/* due P1 */
Test(due, waits_until_the_disk_takes_it)
{
    struct shard_fixture at;
    static char value[60001];
    memset(value, 'v', sizeof value - 1);
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &due_module, .log = true});
    expect_said(&at, 0, ":2", "TIMED.PUT k %d a b", NOW + 100);
    sim_disk_limit(at.sim, sim_disk_used(at.sim));
    for (int i = 0; i < 1000 && !wal_full(at.wal); i++) {
        (void)shard_fixture_say(&at, 0, "SET written %s", value);
    }
    cr_assert(wal_full(at.wal));
    shard_fixture_pass(&at, 200);
    cr_expect_eq(at.shard.stats.due, 0);
    cr_expect_eq(waiting(&at), 1);
    expect_said(&at, 1, "[]", "TIMED.ALL k");
    expect_said(&at, 1, "[\"a\" \"b\"]", "TIMED.RAW k");
    sim_disk_limit(at.sim, UINT64_MAX);
    for (int i = 0; i < 100 && waiting(&at) > 0; i++) {
        shard_fixture_pass(&at, 100);
        shard_fixture_sync(&at);
    }
    cr_expect_eq(at.shard.stats.due, 1);
    expect_said(&at, 1, ":0", "EXISTS k");
    shard_fixture_close(&at);
}

Test(due, is_gone_with_a_key_that_is_evicted)
{
    struct shard_fixture at;
    open(&at);
    for (int i = 0; i < 50; i++) {
        expect_said(&at, 0, ":1", "TIMED.PUT k%d %d a", i, NOW + 100);
    }
    struct shard_options options = at.shard.options;
    options.memory = (struct evict_options){.limit = 1, .policy = EVICT_ALL_RANDOM, .samples = 5};
    shard_configure(&at.shard, &options);
    shard_fixture_pass(&at, 1);
    cr_expect_eq(at.shard.databases.ledger.keys, 0);
    cr_expect_eq(waiting(&at), 0);
    uint64_t last = at.shard.tail.last_sequence;
    shard_fixture_pass(&at, 200);
    cr_expect_eq(at.shard.tail.last_sequence, last);
    shard_fixture_close(&at);
}

/* What a snapshot is in the middle of waits, and is what it was in the snapshot. */
Test(due, waits_for_what_is_claimed)
{
    struct shard_fixture at;
    open(&at);
    struct claim claim = {0};
    struct change_key key = {gm_bytes_of("k"), databases_hash(&at.shard.databases, gm_bytes_of("k")), 0};
    list_init(&claim.link);
    expect_said(&at, 0, ":1", "TIMED.PUT k %d a", NOW + 100);
    claim_take(&at.shard.claims, &claim, &key);
    shard_fixture_pass(&at, 200);
    cr_expect_eq(waiting(&at), 1);
    cr_expect_eq(turn_next_ms(&at.worker), INT64_MAX);
    claim_drop(&at.shard.claims, &claim);
    shard_fixture_pass(&at, 0);
    cr_expect_eq(waiting(&at), 0);
    shard_fixture_close(&at);
}

Test(due, the_earliest_of_all_databases_comes_first)
{
    struct shard_fixture at;
    open(&at);
    for (int database = 0; database < 8; database++) {
        expect_said(&at, 0, "OK", "SELECT %d", database);
        expect_said(&at, 0, ":1", "TIMED.PUT k %d a", NOW + 100 + (database * 5) % 8);
    }
    for (int ms = 0; ms < 8; ms++) {
        shard_fixture_pass(&at, ms == 0 ? 100 : 1);
        cr_expect_eq(waiting(&at), (uint64_t)(7 - ms));
    }
    cr_expect_eq(at.shard.stats.due, 8);
    shard_fixture_close(&at);
}

/* ---- modules that come and go ---- */

Test(due, waits_for_its_module)
{
    struct shard_fixture at;
    struct complaint complaint;
    const struct registry *with = shard_fixture_registry(&(struct shard_fixture_options){.module = &due_module});
    const struct registry *without;
    const struct registry *back;
    shard_fixture_open(&at, &(struct shard_fixture_options){.registry = with});
    expect_said(&at, 0, ":1", "TIMED.PUT k %d a", NOW + 100);
    expect_said(&at, 0, ":1", "TIMED.PUT k 0 stays");
    cr_assert_eq(registry_without(with, BYTES("test.due"), &without, &complaint), STATUS_OK, "%s", complaint.text);
    shard_fixture_adopt(&at, without);
    shard_fixture_pass(&at, 500);
    cr_expect_eq(waiting(&at), 0, "it is frozen");
    cr_expect_eq(at.shard.databases.numbered[0]->frozen, 1);
    const struct module_offer offer = {.abi = &due_module, .path = "due.so"};
    cr_assert_eq(registry_with(without, &offer, &back, &complaint), STATUS_OK, "%s", complaint.text);
    shard_fixture_adopt(&at, back);
    shard_fixture_pass(&at, 1);
    shard_fixture_pass(&at, 1);
    expect_said(&at, 0, "[\"stays\"]", "TIMED.RAW k");
    cr_expect_eq(at.faults, 0);
    shard_fixture_close(&at);
    registry_release(back);
    registry_release(without);
    registry_release(with);
}

/* ---- types that are wrong ---- */

/* The value is its bytes: the letter says how plan_due is wrong. */
enum { WRITE = 1, REFUSED = 2 };

static int apply_odd(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op == REFUSED) {
        return GM_CORRUPT;
    }
    uint8_t *target = gm_resize(apply, record->body.size);
    if (record->body.size > 0) {
        memcpy(target, record->body.data, record->body.size);
    }
    return GM_OK;
}

static uint64_t dump_odd(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, WRITE, (struct gm_bytes){cell->data, cell->size});
    return 0;
}

static int64_t due_odd(const struct gm_cell *cell)
{
    return cell->data[0] == '-' ? INT64_MIN : cell->data[0] == '.' ? 0 : NOW + 100;
}

static void plan_odd(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    const struct gm_emission same = GM_EMISSION(.op = WRITE, .body = gm_bytes_of("same"));
    const struct gm_emission done = GM_EMISSION(.op = WRITE, .body = gm_bytes_of("."));
    struct gm_emission other = done;
    switch (gm_key(call, 0)->cell.data[0]) {
    case 'a': /* answers */
        gm_emit(call, &done);
        gm_reply_int(call, 1);
        return;
    case 'e':
        gm_emit(call, &done);
        gm_reply_error(call, "ERR no");
        return;
    case 'f': /* far */
        other.key = 1;
        gm_emit(call, &other);
        return;
    case 'r': /* refused by its type */
        other.op = REFUSED;
        gm_emit(call, &other);
        return;
    case 's': /* the same, for ever */
        gm_emit(call, &same);
        return;
    case 'd':
        gm_emit_delete(call, 0);
        return;
    case 'w':
        if (!wait->wait(call, 0, (struct gm_bytes){0})) {
            gm_emit(call, &done);
        }
        return;
    case 'm': /* more than there is */
        if (gm_afford(call, (uint64_t)1 << 40)) {
            gm_emit(call, &done);
        }
        return;
    case 'x': /* expires the key instead */
        gm_emit_expire(call, 0, call->now_ms + 1000);
        gm_emit(call, &done);
        return;
    default: /* nothing */
        return;
    }
}

static const struct gm_type odd = {.size = sizeof odd,
                                   .id = "test.odd/1",
                                   .name = "odd",
                                   .apply = apply_odd,
                                   .dump = dump_odd,
                                   .due = due_odd,
                                   .plan_due = plan_odd};

static void plan_odd_put(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = WRITE, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static void plan_odd_get(struct gm_call *call)
{
    bool there = gm_key(call, 0)->state == GM_KEY_OWN;
    gm_reply_bytes(call, there ? (struct gm_bytes){gm_key(call, 0)->cell.data, gm_key(call, 0)->cell.size}
                               : gm_bytes_of("nothing"));
}

static const struct gm_type *const types[] = {&odd};
static const char *const needs[] = {GM_WAIT_2};
#define WORDS .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)", .type = &odd
static const struct gm_command commands[] = {
    {WORDS, .usage = "ODD.PUT key text", .flags = GM_WRITE, .plan = plan_odd_put},
    {WORDS, .usage = "ODD.GET key", .flags = GM_READ, .plan = plan_odd_get},
};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.odd",
                                        .version = "1.0.0",
                                        .summary = "Plans what is due in odd ways.",
                                        .types = types,
                                        .type_count = 1,
                                        .commands = commands,
                                        .command_count = 2,
                                        .needs = needs,
                                        .need_count = 1};

static char fault[512];

static void on_fault(void *context, const char *sentence)
{
    struct shard_fixture *at = context;
    at->faults++;
    (void)snprintf(fault, sizeof fault, "%s", sentence);
}

static void open_odd(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.module = &module});
    at->shard.events.on_fault = on_fault;
}

/* due P3 */
Test(due, what_is_wrong_with_a_plan_is_said_once_and_it_is_let_alone)
{
    static const struct {
        const char *letter;
        const char *sentence;
        const char *then;
    } cases[] = {
        {"a",
         "the module test.odd answers, though nobody has called it, in 'plan_due of test.odd/1': nothing was changed "
         "by it",
         "\"a\""},
        {"e", "the module test.odd answers, though nobody has called it", "\"e\""},
        {"f", "the module test.odd emitted a record for its key number 1, but the call has 1", "\"f\""},
        {"n", "the module test.odd emits nothing, though something is due in the value of key \"k\", in", "\"n\""},
        {"-", "the module test.odd emits nothing, though something is due in the value of key \"k\", in", "\"-\""},
        {"s",
         "the module test.odd has emitted 65536 times in a row what leaves the value of key \"k\" as due as it was, in "
         "'plan_due of test.odd/1': what it has changed stands",
         "\"same\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shard_fixture at;
        open_odd(&at);
        expect_said(&at, 0, "OK", "ODD.PUT k %s", cases[i].letter);
        shard_fixture_pass(&at, cases[i].letter[0] == '-' ? 0 : 100); /* a time before 1970 has come at once */
        cr_expect_eq(at.faults, 1, "%s: %u", cases[i].letter, at.faults);
        cr_expect(strncmp(fault, cases[i].sentence, strlen(cases[i].sentence)) == 0, "%s: %s", cases[i].letter, fault);
        expect_said(&at, 0, cases[i].then, "ODD.GET k");
        uint64_t planned = at.shard.stats.due;
        for (int64_t delay_ms = 1000; delay_ms <= 4000; delay_ms *= 2) {
            shard_fixture_pass(&at, delay_ms - 1);
            cr_expect_eq(at.shard.stats.due, planned, "%s: not before %lld", cases[i].letter, (long long)delay_ms);
            shard_fixture_pass(&at, 1);
            cr_expect_eq(at.shard.stats.due, ++planned, "%s: then", cases[i].letter);
        }
        cr_expect_eq(at.faults, 1, "%s: named once", cases[i].letter);
        expect_said(&at, 0, "OK", "ODD.PUT k .");
        cr_expect_eq(waiting(&at), 0);
        shard_fixture_close(&at);
    }
}

Test(due, a_type_that_refuses_what_it_planned_has_a_damaged_value)
{
    struct shard_fixture at;
    open_odd(&at);
    expect_said(&at, 0, "OK", "ODD.PUT k r");
    shard_fixture_pass(&at, 100);
    cr_expect_eq(at.damages, 1);
    cr_expect_eq(waiting(&at), 0);
    expect_begins(&at, 0, "-DAMAGED", "ODD.GET k");
    shard_fixture_close(&at);
}

Test(due, records_of_the_host_are_planned_as_well)
{
    struct shard_fixture at;
    open_odd(&at);
    expect_said(&at, 0, "OK", "ODD.PUT k d");
    expect_said(&at, 0, "OK", "ODD.PUT l x");
    expect_said(&at, 0, "OK", "ODD.PUT m w");
    (void)shard_fixture_records(&at);
    shard_fixture_pass(&at, 100);
    const char *records = shard_fixture_records(&at);
    cr_expect(strstr(records, "deleted k") != NULL || strstr(records, "k removes") != NULL, "%s", records);
    expect_said(&at, 0, ":1000", "PTTL l");
    expect_said(&at, 0, "\".\"", "ODD.GET m");
    cr_expect_eq(at.faults, 0);
    shard_fixture_close(&at);
}

/* That is nobody's fault: it is tried each second. */
Test(due, what_there_is_no_memory_for_comes_later)
{
    struct shard_fixture at;
    open_odd(&at);
    struct shard_options options = at.shard.options;
    options.memory.limit = 1 << 30;
    shard_configure(&at.shard, &options);
    expect_said(&at, 0, "OK", "ODD.PUT k m");
    for (uint64_t i = 1; i < 5; i++) {
        shard_fixture_pass(&at, i == 1 ? 100 : 1000);
        cr_expect_eq(at.shard.stats.due, i);
    }
    cr_expect_eq(at.faults, 0);
    expect_said(&at, 0, "\"m\"", "ODD.GET k");
    options.memory.limit = 0;
    shard_configure(&at.shard, &options);
    shard_fixture_close(&at);
}

/* ---- a type of earlier headers ---- */

static const struct gm_type brief = {.size = offsetof(struct gm_type, free_some),
                                     .id = "test.brief/1",
                                     .name = "brief",
                                     .apply = apply_odd,
                                     .dump = dump_odd};
static const struct gm_type *const brief_types[] = {&brief};
#define BRIEF .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)", .type = &brief
static const struct gm_command brief_commands[] = {
    {BRIEF, .usage = "BRIEF.PUT key text", .flags = GM_WRITE, .plan = plan_odd_put},
    {BRIEF, .usage = "BRIEF.GET key", .flags = GM_READ, .plan = plan_odd_get},
};
static const struct gm_module brief_module = {.size = sizeof brief_module,
                                              .abi_major = GM_ABI_MAJOR,
                                              .abi_minor = GM_ABI_MINOR,
                                              .name = "test.brief",
                                              .version = "1.0.0",
                                              .summary = "A type without what came later.",
                                              .types = brief_types,
                                              .type_count = 1,
                                              .commands = brief_commands,
                                              .command_count = 2};

/* Its struct ends before `due` and more: that is read as zero, and its values are its own. */
Test(due, a_type_that_is_shorter_has_none)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &brief_module});
    expect_said(&at, 0, "OK", "BRIEF.PUT k one");
    expect_said(&at, 0, "OK", "BRIEF.PUT k two");
    expect_said(&at, 0, "\"two\"", "BRIEF.GET k");
    expect_said(&at, 0, ":1", "COPY k l");
    expect_said(&at, 0, "\"two\"", "BRIEF.GET l");
    cr_expect_eq(waiting(&at), 0);
    shard_fixture_close(&at);
}
