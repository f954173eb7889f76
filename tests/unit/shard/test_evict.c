/* SPDX-License-Identifier: MIT */

/* When memory is short: which keys go, that it is logged, what is refused, and what is not touched. The clock
 * is the test's. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "serve/notify.h"
#include "shard/apply.h"
#include "shard/digest.h"
#include "shard/evict.h"
#include "support/seed.h"
#include "support/shard_fixture.h"

#define KEYS 2000

static char big[1001];

static void open_with(struct shard_fixture *fixture, enum evict_policy policy)
{
    memset(big, 'x', sizeof big - 1);
    struct shard_fixture_options options = {.seed = seed_of_run(),
                                            .memory = {.policy = policy, .log_factor = 10, .decay_minutes = 1}};
    shard_fixture_open(fixture, &options);
}

static void set_limit(struct shard_fixture *fixture, uint64_t limit)
{
    struct evict_options options = fixture->shard.evict.options;
    options.limit = limit;
    evict_configure(&fixture->shard, &options);
}

static uint64_t used(const struct shard_fixture *fixture)
{
    return ledger_memory(&fixture->shard.databases.ledger);
}

static uint64_t keys(const struct shard_fixture *fixture)
{
    return fixture->shard.databases.ledger.keys;
}

/* k0, k1 ...; every other one with an expiry if `expiring`, the later the higher its number. */
static void fill(struct shard_fixture *fixture, int count, bool expiring)
{
    for (int i = 0; i < count; i++) {
        if (expiring && i % 2 == 0) {
            expect_said(fixture, 0, "OK", "SET k%d %s PX %d", i, big, 10000000 + i * 1000);
        } else {
            expect_said(fixture, 0, "OK", "SET k%d %s", i, big);
        }
    }
}

static bool has(struct shard_fixture *fixture, int i)
{
    char name[16];
    (void)snprintf(name, sizeof name, "k%d", i);
    return shard_fixture_entry(fixture, name) != NULL;
}

struct left {
    int hot, cold;         /* k0 .. k199; the others */
    int expiring, lasting; /* of even, odd number */
};

static struct left count_left(struct shard_fixture *fixture)
{
    struct left left = {0};
    for (int i = 0; i < KEYS; i++) {
        if (has(fixture, i)) {
            *(i < KEYS / 10 ? &left.hot : &left.cold) += 1;
            *(i % 2 == 0 ? &left.expiring : &left.lasting) += 1;
        }
    }
    return left;
}

/* Time passes, then a tenth of the keys is used several times. */
static void heat_some(struct shard_fixture *fixture)
{
    shard_fixture_pass(fixture, 120000);
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < KEYS / 10; i++) {
            (void)shard_fixture_say(fixture, 0, "GET k%d", i);
        }
    }
}

/* Halves what there is, and says what is left. */
static struct left halve(struct shard_fixture *fixture)
{
    uint64_t before = keys(fixture);
    set_limit(fixture, used(fixture) / 2);
    shard_fixture_pass(fixture, 0);
    cr_assert_leq(used(fixture), fixture->shard.evict.options.limit);
    cr_assert_gt(used(fixture), fixture->shard.evict.options.limit / 10 * 9, "no more went than had to");
    cr_assert_eq(fixture->shard.stats.evicted, before - keys(fixture));
    return count_left(fixture);
}

/* ---- each policy prefers what it should ---- */

static struct left run(enum evict_policy policy, bool expiring, bool heated)
{
    struct shard_fixture fixture;
    open_with(&fixture, policy);
    fill(&fixture, KEYS, expiring);
    if (heated) {
        heat_some(&fixture);
    }
    struct left left = halve(&fixture);
    shard_fixture_close(&fixture);
    return left;
}

Test(evict, the_hot_survive_where_all_keys_may_go)
{
    for (int i = 0; i < 2; i++) {
        struct left left = run(i == 0 ? EVICT_ALL_RECENCY : EVICT_ALL_FREQUENCY, false, true);
        cr_expect_geq(left.hot, 198, "%d of the 200 hot keys are left", left.hot);
        cr_expect(left.cold > 600 && left.cold < 900, "%d", left.cold);
    }
}

Test(evict, chance_does_not_care_for_heat)
{
    struct left left = run(EVICT_ALL_RANDOM, true, true);
    cr_expect(left.hot > 60 && left.hot < 140, "half of 200: %d", left.hot);
    cr_expect(left.expiring > 400 && left.expiring < 600 && left.lasting > 400 && left.lasting < 600, "%d %d",
              left.expiring, left.lasting);
}

Test(evict, volatile_policies_take_only_what_expires)
{
    static const enum evict_policy policies[] = {EVICT_EXPIRING_RECENCY, EVICT_EXPIRING_FREQUENCY,
                                                 EVICT_EXPIRING_RANDOM, EVICT_EXPIRING_SOONEST};
    for (int i = 0; i < 4; i++) {
        struct shard_fixture fixture;
        open_with(&fixture, policies[i]);
        fill(&fixture, KEYS, true);
        heat_some(&fixture);
        set_limit(&fixture, used(&fixture) / 10 * 7);
        shard_fixture_pass(&fixture, 0);
        struct left left = count_left(&fixture);
        cr_expect_eq(left.lasting, KEYS / 2, "policy %d", policies[i]);
        cr_expect(left.expiring > 300 && left.expiring < 500, "%d", left.expiring);
        if (i < 2) {
            cr_expect_geq(left.hot, 198, "policy %d, %d hot", policies[i], left.hot);
        }
        /* When none is left there is no more to evict, and writes are refused. */
        set_limit(&fixture, used(&fixture) / 10);
        shard_fixture_pass(&fixture, 0);
        left = count_left(&fixture);
        cr_expect_eq(left.expiring, 0);
        cr_expect_eq(left.lasting, KEYS / 2);
        expect_said(&fixture, 0, "-" EVICT_REFUSAL, "SET more x");
        expect_said(&fixture, 0, ":1", "DEL k1");
        shard_fixture_close(&fixture);
    }
}

Test(evict, soonest_is_exact)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_EXPIRING_SOONEST);
    fill(&fixture, KEYS, true);
    set_limit(&fixture, used(&fixture) / 10 * 8);
    shard_fixture_pass(&fixture, 0);
    bool gone = true;
    for (int i = 0; i < KEYS;
         i += 2) { /* in the order of their times: first those that went, then those that are left */
        cr_assert(gone || has(&fixture, i), "k%d", i);
        gone = gone && !has(&fixture, i);
    }
    cr_assert(!has(&fixture, 0) && has(&fixture, KEYS - 2));
    shard_fixture_close(&fixture);
}

/* Uses of one hour ago count for less than those of now. */
Test(evict, frequency_decays)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_FREQUENCY);
    fill(&fixture, KEYS, false);
    heat_some(&fixture);
    shard_fixture_pass(&fixture, 3600000);
    for (int i = KEYS / 10; i < KEYS; i++) {
        (void)shard_fixture_say(&fixture, 0, "GET k%d", i);
    }
    struct left left = halve(&fixture);
    cr_expect_leq(left.hot, 50, "what was hot an hour ago goes first: %d are left", left.hot);
    shard_fixture_close(&fixture);
}

/* ---- what is promised ---- */

Test(evict, recovery_has_the_same_keys)
{
    for (int policy = EVICT_ALL_RECENCY; policy <= EVICT_EXPIRING_SOONEST; policy++) {
        struct shard_fixture fixture;
        open_with(&fixture, (enum evict_policy)policy);
        set_limit(&fixture, 300000);
        struct prng prng;
        prng_seed(&prng, (uint64_t)policy);
        for (int i = 0; i < 3000; i++) {
            int key = (int)prng_below(&prng, 800);
            (void)shard_fixture_say(&fixture, 0, "SET k%d %.*s PX %d", key, 200 + (int)prng_below(&prng, 800), big,
                                    100000 + key);
            (void)shard_fixture_say(&fixture, 1, "RPUSH l%d %.*s", key, 1 + (int)prng_below(&prng, 300), big);
            (void)shard_fixture_say(&fixture, 1, "GET k%d", (int)prng_below(&prng, 50));
            (void)shard_fixture_say(&fixture, 1, "PEXPIRE l%d 500000", (int)prng_below(&prng, 800));
            if (i % 100 == 0) {
                shard_fixture_pass(&fixture, 1000);
            }
        }
        cr_expect_gt(fixture.shard.stats.evicted, 100, "policy %d", policy);
        struct shard_fixture other;
        shard_fixture_open(&other, &(struct shard_fixture_options){.seed = 77});
        shard_fixture_replay(&fixture, &other);
        cr_expect_eq(digest_shard(&fixture.shard), digest_shard(&other.shard), "policy %d", policy);
        cr_expect_eq(other.shard.stats.evicted, 0, "it has decided nothing");
        cr_expect_eq(other.damages, 0);
        shard_fixture_close(&other);
        shard_fixture_close(&fixture);
    }
}

/* The slack is what one command writes, and one step of the table or the heap. */
Test(evict, memory_stays_below_the_limit_while_much_is_written)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    const uint64_t limit = 4000000;
    set_limit(&fixture, limit);
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    uint64_t most = 0;
    for (int i = 0; i < 20000; i++) {
        (void)shard_fixture_say(&fixture, 0, "SET k%d %.*s", i, (int)prng_below(&prng, 1000), big);
        most = used(&fixture) > most ? used(&fixture) : most;
    }
    cr_expect_leq(most, limit, "at the end of each turn");
    cr_expect_gt(most, limit / 10 * 9);
    /* One value of a quarter of it: as many small ones go. */
    shard_fixture_pass(&fixture, 1000);
    expect_begins(&fixture, 0, ":1000001", "SETRANGE huge 1000000 x");
    cr_expect_leq(used(&fixture), limit);
    cr_expect_not_null(shard_fixture_entry(&fixture, "huge"));
    shard_fixture_close(&fixture);
}

Test(evict, a_command_does_a_bounded_amount_and_turns_do_the_rest)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RANDOM);
    for (int i = 0; i < 5000; i++) {
        (void)shard_fixture_say(&fixture, 0, "SET k%d v", i);
    }
    set_limit(&fixture, 1);
    uint64_t before = keys(&fixture);
    cr_expect(turn_end(&fixture.worker), "there is more to do");
    cr_expect_eq(before - keys(&fixture), EVICT_SLICE); /* evict I2 */
    shard_fixture_pass(&fixture, 0);
    cr_expect_eq(keys(&fixture), 0);
    cr_expect_eq(fixture.shard.databases.ledger.total.bytes, 0);
    expect_said(&fixture, 0, "-" EVICT_REFUSAL, "SET k v");
    expect_said(&fixture, 0, "nil", "GET k");
    set_limit(&fixture, 0);
    expect_said(&fixture, 0, "OK", "SET k v");
    shard_fixture_close(&fixture);
}

Test(evict, a_transaction_is_not_cut_by_it)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    expect_said(&fixture, 0, "OK", "MULTI");
    for (int i = 0; i < 100; i++) {
        expect_said(&fixture, 0, "QUEUED", "SET k%d %s", i, big);
    }
    expect_said(&fixture, 0, "QUEUED", "EXISTS k0 k50 k99");
    set_limit(&fixture, 20000);
    const char *said = shard_fixture_say(&fixture, 0, "EXEC");
    cr_expect_not_null(strstr(said, ":3"), "all were there at its end: %s", said);
    const char *records = shard_fixture_records(&fixture);
    const char *first = strstr(records, "evicted");
    cr_assert_not_null(first, "and some went when it was over");
    cr_expect_not_null(strstr(records, "string k99"));
    cr_expect_lt(strstr(records, "string k99"), first, "behind its batch");
    shard_fixture_close(&fixture);
}

Test(evict, nothing_goes_while_clients_may_not_write)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    fill(&fixture, 100, false);
    expect_said(&fixture, 0, "OK", "CLIENT PAUSE 10000 WRITE");
    set_limit(&fixture, 10000);
    expect_said(&fixture, 1, ":1", "EXISTS k5");
    shard_fixture_pass(&fixture, 100);
    cr_expect_eq(keys(&fixture), 100);
    shard_fixture_pass(&fixture, 10000);
    cr_expect_lt(keys(&fixture), 20);
    shard_fixture_close(&fixture);
}

Test(evict, nothing_goes_while_the_log_is_read)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    fill(&fixture, 100, false);
    set_limit(&fixture, 10000);
    fixture.shard.role = SHARD_LOADING;
    expect_begins(&fixture, 0, "-LOADING", "SET k v");
    shard_fixture_pass(&fixture, 1);
    cr_expect_eq(keys(&fixture), 100);
    fixture.shard.role = SHARD_ALONE;
    shard_fixture_pass(&fixture, 1);
    cr_expect_lt(keys(&fixture), 20);
    shard_fixture_close(&fixture);
}

/* Where a sweep goes that does not get on. */
struct quiet {
    struct sweep_target target;
    bool open; /* it takes records now */
    int records;
};

static void quiet_declare(struct sweep_target *target, uint16_t type, struct gm_bytes name)
{
    (void)target, (void)type, (void)name;
}

static void quiet_add(struct sweep_target *target, const struct record *record)
{
    (void)record;
    container_of(target, struct quiet, target)->records++;
}

static bool quiet_is_open(const struct sweep_target *target)
{
    (void)target;
    return true;
}

static bool quiet_has_room(const struct sweep_target *target)
{
    return container_of((struct sweep_target *)(uintptr_t)target, struct quiet, target)->open;
}

static void quiet_fail(struct sweep_target *target, const char *reason)
{
    (void)target;
    cr_assert_fail("%s", reason);
}

static const struct sweep_target quiet_target = {
    .declare = quiet_declare,
    .add = quiet_add,
    .is_open = quiet_is_open,
    .has_room = quiet_has_room,
    .fail = quiet_fail,
};

#define COLD 10

/* Evicts some: until that many bytes less are used. */
static void squeeze(struct shard_fixture *fixture, uint64_t bytes)
{
    uint64_t before = fixture->shard.stats.evicted;
    fixture->shard.evict.options.limit = used(fixture) - bytes; /* other settings would empty the pool */
    (void)evict_turn(&fixture->shard);
    cr_assert_gt(fixture->shard.stats.evicted, before);
    fixture->shard.evict.options.limit = 0;
}

static int cold_left(struct shard_fixture *fixture)
{
    int left = 0;
    for (int i = 0; i < COLD; i++) {
        left += has(fixture, i);
    }
    return left;
}

/* A key that was seen to be cold, and is used or made to last before its turn comes, stays. */
Test(evict, a_candidate_is_judged_anew)
{
    static const char *const commands[] = {"GET", "PERSIST"};
    for (int round = 0; round < 2; round++) {
        struct shard_fixture fixture;
        open_with(&fixture, EVICT_EXPIRING_RECENCY);
        struct evict_options options = fixture.shard.evict.options;
        options.samples = EVICT_SAMPLES_MAX;
        evict_configure(&fixture.shard, &options);
        for (int i = 0; i < 60; i++) {
            if (i == COLD) {
                shard_fixture_pass(&fixture, 60000);
            }
            (void)shard_fixture_say(&fixture, 0, "SET k%d %s PX 10000000", i, big);
        }
        squeeze(&fixture, 1);
        int left = cold_left(&fixture);
        cr_expect_eq(left, COLD - 1);
        int seen = 0;
        for (uint32_t i = 0; i < fixture.shard.evict.pool_count; i++) {
            seen += fixture.shard.evict.pool[i].coldness >= 60;
        }
        cr_assert_gt(seen, 1, "they are at hand");
        shard_fixture_pass(&fixture, 2000); /* what is used now is hotter than all others */
        (void)shard_fixture_say(&fixture, 0, "CLIENT NO-TOUCH %s", round == 0 ? "OFF" : "ON");
        for (int i = 0; i < COLD; i++) {
            (void)shard_fixture_say(&fixture, 0, "%s k%d", commands[round], i);
        }
        squeeze(&fixture, 1000);
        cr_expect_eq(cold_left(&fixture), left, "after %s", commands[round]);
        shard_fixture_close(&fixture);
    }
}

/* While a snapshot is owed a value that is large, it stays until that is dumped, and goes then. */
Test(evict, what_a_snapshot_is_owed_is_claimed_and_not_removed)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    expect_said(&fixture, 0, ":1000000", "SETRANGE large 999999 x");
    struct quiet quiet = {.target = quiet_target};
    sweep_begin(&fixture.shard, &quiet.target);
    fixture.shard.evict.options.limit = 1000;
    (void)evict_turn(&fixture.shard);
    cr_expect_eq(fixture.shard.stats.evicted, 0);
    cr_expect_not_null(shard_fixture_entry(&fixture, "large"));
    cr_expect_not_null(fixture.shard.sweep.half);
    quiet.open = true;
    for (int i = 0; i < 100 && fixture.shard.sweep.active; i++) {
        (void)sweep_turn(&fixture.shard, 1000);
    }
    cr_assert(!fixture.shard.sweep.active && quiet.records > 0);
    (void)evict_turn(&fixture.shard);
    fixture.shard.evict.options.limit = 0;
    cr_expect_eq(fixture.shard.stats.evicted, 1);
    shard_fixture_close(&fixture);
}

/* What it moves was there before, and what woke it was let in. */
Test(evict, who_has_waited_is_served_above_the_limit)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_NONE);
    expect_said(&fixture, 0, ":2", "RPUSH source first second");
    expect_said(&fixture, 1, "", "BLMOVE a b LEFT RIGHT 0");
    expect_said(&fixture, 2, "", "BLMOVE b c LEFT RIGHT 0");
    set_limit(&fixture, 1);
    expect_said(&fixture, 3, "-" EVICT_REFUSAL, "LMOVE source a LEFT RIGHT");
    expect_said(&fixture, 3, "-" EVICT_REFUSAL, "BLMOVE source a LEFT RIGHT 0");
    expect_said(&fixture, 0, "OK", "RENAME source a"); /* which needs no memory */
    expect_heard(&fixture, 1, "\"first\"");
    expect_heard(&fixture, 2, "\"first\"");
    expect_said(&fixture, 0, "[\"second\"]", "LRANGE a 0 -1");
    expect_said(&fixture, 0, "[\"first\"]", "LRANGE c 0 -1");
    shard_fixture_close(&fixture);
}

/* ---- others who have to do with the key ---- */

Test(evict, whoever_watches_or_waits_for_the_key_hears_of_it)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    fixture.options.notify = notify_classes("KEA");
    shard_fixture_configure(&fixture);
    expect_said(&fixture, 2, "[\"psubscribe\" \"__keyevent*\" :1]", "PSUBSCRIBE __keyevent*");
    expect_said(&fixture, 0, "OK", "SET k v");
    expect_said(&fixture, 1, "OK", "WATCH k");
    expect_said(&fixture, 3, "", "BLPOP list 0");
    set_limit(&fixture, 1);
    shard_fixture_pass(&fixture, 0);
    set_limit(&fixture, 0);
    expect_said(&fixture, 1, "OK", "MULTI");
    expect_said(&fixture, 1, "QUEUED", "PING");
    expect_said(&fixture, 1, "nil[]", "EXEC");
    const char *heard = shard_fixture_hear(&fixture, 2);
    cr_expect_not_null(strstr(heard, "__keyevent@0__:evicted"), "%s", heard);
    expect_heard(&fixture, 3, "");
    expect_said(&fixture, 0, ":1", "RPUSH list a");
    expect_heard(&fixture, 3, "[\"list\" \"a\"]");
    shard_fixture_close(&fixture);
}

Test(evict, keys_whose_time_has_come_are_expired_and_not_evicted)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_EXPIRING_SOONEST);
    fill(&fixture, 20, true);
    (void)shard_fixture_records(&fixture);
    set_limit(&fixture, 1);
    fixture.now_ms += 100000000;
    (void)shard_fixture_say(&fixture, 0, "PING");
    cr_expect_eq(fixture.shard.stats.evicted, 0);
    cr_expect_eq(fixture.shard.stats.expired, 10);
    shard_fixture_close(&fixture);
}

/* What was flushed is given back first: nobody is refused, and nothing new goes, for memory that is nobody's. */
Test(evict, flushed_memory_goes_before_any_key)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_NONE);
    for (int i = 0; i < 6000; i++) {
        (void)shard_fixture_say(&fixture, 0, "SET k%d %.*s", i, 100, big);
    }
    set_limit(&fixture, used(&fixture) / 10);
    expect_said(&fixture, 0, "-" EVICT_REFUSAL, "SET k v");
    databases_flush_all(&fixture.shard.databases);
    size_t consumed = shard_fixture_send(&fixture, 0, BYTES("SET a 1\r\nSET b 2\r\nSET c 3\r\n"));
    cr_expect_eq(consumed, 27);
    expect_heard(&fixture, 0, "OK | OK | OK");
    shard_fixture_close(&fixture);
}

/* ---- the note ---- */

Test(evict, another_kind_of_policy_begins_anew)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_ALL_RECENCY);
    expect_said(&fixture, 0, "OK", "SET k v");
    shard_fixture_pass(&fixture, 500000);
    expect_said(&fixture, 0, ":500", "OBJECT IDLETIME k");
    struct evict_options options = {.policy = EVICT_EXPIRING_FREQUENCY, .log_factor = 10, .decay_minutes = 1};
    evict_configure(&fixture.shard, &options);
    expect_said(&fixture, 0, ":5", "OBJECT FREQ k");
    shard_fixture_pass(&fixture, 120000);
    expect_said(&fixture, 0, ":3", "OBJECT FREQ k");
    options.policy = EVICT_ALL_FREQUENCY;
    evict_configure(&fixture.shard, &options);
    expect_said(&fixture, 0, ":3", "OBJECT FREQ k");
    options.policy = EVICT_NONE;
    evict_configure(&fixture.shard, &options);
    expect_said(&fixture, 0, ":0", "OBJECT IDLETIME k");
    shard_fixture_pass(&fixture, 7000);
    expect_said(&fixture, 0, ":7", "OBJECT IDLETIME k");
    shard_fixture_close(&fixture);
}

Test(evict, a_value_that_grows_and_moves_keeps_its_idle_time)
{
    struct shard_fixture fixture;
    open_with(&fixture, EVICT_NONE);
    expect_said(&fixture, 0, "OK", "SET k v");
    expect_said(&fixture, 0, "OK", "CLIENT NO-TOUCH ON");
    shard_fixture_pass(&fixture, 9000);
    (void)shard_fixture_say(&fixture, 0, "SETRANGE k 5000 x");
    (void)shard_fixture_say(&fixture, 0, "EXPIRE k 1000");
    for (int i = 0; i < 1000; i++) { /* the table grows */
        (void)shard_fixture_say(&fixture, 0, "SET other%d v", i);
    }
    expect_said(&fixture, 0, ":9", "OBJECT IDLETIME k");
    shard_fixture_close(&fixture);
}
