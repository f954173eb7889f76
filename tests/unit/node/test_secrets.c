/* SPDX-License-Identifier: MIT */

/* test_secrets.c - what nobody may guess comes from the system's entropy, and what everybody sees tells nothing of
 * it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "support/node_fixture.h"

#define DRAWS_MAX 16

static struct node_fixture at;
static struct {
    uint8_t bytes[64];
    size_t size;
} draws[DRAWS_MAX];
static size_t drawn;
static struct prng source;

static void fill(struct entropy *entropy, void *target, size_t size)
{
    (void)entropy;
    cr_assert(drawn < DRAWS_MAX && size <= sizeof draws[0].bytes);
    for (size_t i = 0; i < size; i++) {
        draws[drawn].bytes[i] = (uint8_t)prng_next(&source);
    }
    memcpy(target, draws[drawn].bytes, size);
    draws[drawn++].size = size;
}

static const struct entropy_ops ops = {.fill = fill};

static void begin(uint64_t seed)
{
    drawn = 0;
    node_fixture_init(&at, 5);
    at.entropy.ops = &ops;
    prng_seed(&source, seed);
    cr_assert_eq(node_fixture_start(&at, NULL, 0), STATUS_OK, "%s", at.complaint.text);
}

static void finish(void)
{
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

/* The draw that is exactly these bytes; DRAWS_MAX: none. */
static size_t draw_of(const void *bytes, size_t size)
{
    size_t i = 0;
    while (i < drawn && (draws[i].size != size || memcmp(draws[i].bytes, bytes, size) != 0)) {
        i++;
    }
    return i < drawn ? i : DRAWS_MAX;
}

Test(secrets, that_of_the_data_and_run_id_are_draws_of_their_own)
{
    begin(1);
    const struct gm_secret *secret = &at.node->replica.shard.secret;
    size_t of_key = draw_of(secret, sizeof *secret);
    uint8_t id[20];
    cr_assert_eq(strlen(at.node->run_id), 2 * sizeof id);
    for (size_t i = 0; i < sizeof id; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(at.node->run_id + 2 * i, "%2x", &byte), 1);
        id[i] = (uint8_t)byte;
    }
    size_t of_id = draw_of(id, sizeof id);
    cr_expect_neq(of_key, DRAWS_MAX);
    cr_expect_neq(of_id, DRAWS_MAX);
    cr_expect_neq(of_key, of_id);
    const struct siphash_key *key = &at.node->replica.shard.databases.none.table.hash_key;
    cr_expect_eq(draw_of(key, sizeof *key), DRAWS_MAX, "the keyspace's key is made of it by a hash"); /* shard P2 */
    cr_expect_neq(memcmp(key, secret, 8), 0);
    finish();
}

/* The fixture's node has the same seed in both lives. */
Test(secrets, with_one_seed_two_lives_have_nothing_secret_in_common)
{
    begin(1);
    struct siphash_key key = at.node->replica.shard.databases.none.table.hash_key;
    struct gm_secret secret = at.node->replica.shard.secret;
    char run_id[sizeof at.node->run_id];
    memcpy(run_id, at.node->run_id, sizeof run_id);
    finish();
    begin(2);
    cr_expect_neq(key.k0, at.node->replica.shard.databases.none.table.hash_key.k0);
    cr_expect_neq(key.k1, at.node->replica.shard.databases.none.table.hash_key.k1);
    cr_expect_neq(memcmp(&secret, &at.node->replica.shard.secret, sizeof secret), 0);
    cr_expect_str_neq(run_id, at.node->run_id);
    finish();
}
