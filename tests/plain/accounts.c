/* SPDX-License-Identifier: MIT */

/* accounts.c - every byte of the data is on an account, with the allocator that the server has.
 *
 * Why      maxmemory is compared with a running sum. What was charged is computed from sizes, not asked of the
 *          allocator (base/memory.h), so a wrong computation would go unseen until the sum had drifted.
 *
 * Idea     Random commands of all modules, with values that grow, shrink, change their type and expire. Then each piece
 *          is asked of the allocator itself: entry by entry and value by value it must come to what the accounts say,
 *          and to nothing once all is removed.
 *
 * The seed is printed; GEOMYS_SEED sets it. Exit code 0: passed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "support/seed.h"
#include "support/shard_fixture.h"

#define STEPS 30000

struct sum {
    const struct shard *shard;
    uint64_t entries[ENTRY_TYPE_COUNT]; /* bytes, by type */
    uint64_t values[ENTRY_TYPE_COUNT];  /* bytes that values own beside their entries */
    uint64_t expiring;
};

static void add(void *context, void *element)
{
    struct sum *sum = context;
    const struct entry *entry = element;
    const struct gm_type *type = shard_type_of(sum->shard, entry)->abi;
    size_t reserved = memory_size(entry);
    reserved += entry->value_size > ENTRY_INLINE_MAX ? memory_size(entry_value(entry)) : 0;
    check(keyspace_held(entry) == reserved);
    check((entry->flags & ENTRY_VACANT) == 0);
    sum->entries[entry->type] += reserved;
    sum->expiring += (entry->flags & ENTRY_EXPIRES) != 0;
    if ((entry->flags & ENTRY_FROZEN) == 0 && type->memory != NULL) {
        struct gm_cell cell = shard_cell(entry);
        sum->values[entry->type] += type->memory(&cell);
    }
}

static void compare(const struct shard *shard)
{
    struct sum sum = {.shard = shard};
    uint64_t cursor = 0;
    uint64_t total = 0;
    do {
        cursor = table_scan(&databases_see(&shard->databases, 0)->table, cursor, add, &sum);
    } while (cursor != 0);
    for (uint32_t i = 0; i < ENTRY_TYPE_COUNT; i++) {
        uint64_t found = sum.entries[i] + sum.values[i];
        if (found != shard->databases.ledger.account[i].bytes) {
            (void)fprintf(stderr, "accounts: type %s has %" PRIu64 " + %" PRIu64 " bytes, its account %" PRIu64 "\n",
                          shard->types.by_number[i].name, sum.entries[i], sum.values[i],
                          shard->databases.ledger.account[i].bytes);
            exit(1);
        }
        total += found;
    }
    check(total == shard->databases.ledger.total.bytes);
    check(sum.expiring == shard->databases.ledger.expires);
    check(expire_memory(&databases_see(&shard->databases, 0)->expire) <=
          16 * sizeof(struct expire_item) + sum.expiring * 64);
    check(ledger_memory(&shard->databases.ledger) == total + shard->databases.ledger.overhead);
}

static const char *text(struct prng *prng)
{
    static char bytes[30001]; /* APPEND and COPY make values that lie apart; two fit into a line of RPUSH */
    size_t size = prng_below(prng, prng_below(prng, 30) == 0 ? 30000 : 150);
    memset(bytes, 'a', size);
    bytes[size] = '\0';
    return size > 0 ? bytes : "\"\"";
}

static void step(struct shard_fixture *fixture, struct prng *prng)
{
    int key = (int)prng_below(prng, 300);
    switch (prng_below(prng, 16)) {
    case 0:
    case 1:
    case 2:
        (void)shard_fixture_say(fixture, 0, "SET k%d %s", key, text(prng));
        break;
    case 3:
        (void)shard_fixture_say(fixture, 0, "SET k%d %s PX %d", key, text(prng), 1 + (int)prng_below(prng, 300));
        break;
    case 4:
        (void)shard_fixture_say(fixture, 0, "APPEND k%d %s", key, text(prng));
        break;
    case 5:
        (void)shard_fixture_say(fixture, 0, "INCR k%d", key);
        break;
    case 6:
        (void)shard_fixture_say(fixture, 0, "RPUSH k%d %s b %s", key, text(prng), text(prng));
        break;
    case 7:
        (void)shard_fixture_say(fixture, 0, "LPOP k%d %d", key, 1 + (int)prng_below(prng, 3));
        break;
    case 8:
        (void)shard_fixture_say(fixture, 0, "DEL k%d", key);
        break;
    case 9:
        (void)shard_fixture_say(fixture, 0, "PEXPIRE k%d %d", key, 1 + (int)prng_below(prng, 300));
        break;
    case 10:
        (void)shard_fixture_say(fixture, 0, "PERSIST k%d", key);
        break;
    case 11:
        (void)shard_fixture_say(fixture, 0, "COPY k%d k%d REPLACE", key, (int)prng_below(prng, 300));
        break;
    case 12:
        (void)shard_fixture_say(fixture, 0, "RENAME k%d k%d", key, (int)prng_below(prng, 300));
        break;
    case 13:
        (void)shard_fixture_say(fixture, 0, "SETRANGE k%d %d x", key, (int)prng_below(prng, 400));
        break;
    case 14:
        (void)shard_fixture_say(fixture, 0, "LTRIM k%d 0 %d", key, (int)prng_below(prng, 5));
        break;
    default:
        shard_fixture_pass(fixture, (int64_t)prng_below(prng, 20));
        break;
    }
}

static void check_pieces(struct prng *prng)
{
    check(memory_classes_hold());
    for (int i = 0; i < 20000; i++) {
        size_t size = prng_below(prng, prng_below(prng, 100) == 0 ? 5000000 : 20000);
        void *piece = memory_alloc(size);
        check(memory_held(piece, size) == memory_size(piece));
        memory_free(piece);
    }
}

int main(void)
{
    uint64_t seed = seed_of_run();
    struct prng prng;
    prng_seed(&prng, seed);
    check_pieces(&prng);
    static struct shard_fixture fixture;
    shard_fixture_open(&fixture, &(struct shard_fixture_options){.seed = seed});
    for (int i = 0; i < STEPS; i++) {
        step(&fixture, &prng);
        if (i % 50 == 0) {
            compare(&fixture.shard);
        }
    }
    compare(&fixture.shard);
    uint64_t keys = fixture.shard.databases.ledger.keys;
    (void)shard_fixture_say(&fixture, 0, "FLUSHALL");
    check(fixture.shard.databases.ledger.total.bytes == 0 && fixture.shard.databases.ledger.total.blocks == 0);
    compare(&fixture.shard);
    shard_fixture_close(&fixture);
    (void)printf("%d steps, %" PRIu64 " keys in the end: every byte is on an account\n", STEPS, keys);
    return 0;
}
