/* SPDX-License-Identifier: MIT */

/* test_origin.c - the secret of a data set: drawn when it begins, the same after each restart, whatever of its files is
 * still there, and never mixed with another's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/segment.h"
#include "log/snapshot.h"
#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);

static struct prng source; /* each draw is another */

static void fill(struct entropy *entropy, void *target, size_t size)
{
    uint8_t *bytes = target;
    (void)entropy;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)prng_next(&source);
    }
}

static const struct entropy_ops drawing = {.fill = fill};

static void prepare(struct node_fixture *at, uint64_t seed)
{
    node_fixture_init(at, seed);
    prng_seed(&source, seed);
    at->entropy.ops = &drawing;
}

static enum status start(struct node_fixture *at)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    return node_fixture_start(at, modules, 1);
}

static void begin(struct node_fixture *at)
{
    cr_assert_eq(start(at), STATUS_OK, "%s", at->complaint.text);
}

static void say(struct node_fixture *at, const char *line)
{
    const char *said = node_fixture_say(at, "%s", line);
    cr_assert_not_null(said, "%s", line);
    cr_assert(strncmp(said, "ERR", 3) != 0, "%s: %s", line, said);
}

static struct gm_secret secret_of(const struct node_fixture *at)
{
    const struct shard *shard = &at->node->replica.shard;
    cr_assert_eq(memcmp(&shard->secret, &shard->tail.epochs.secret, sizeof shard->secret), 0);
    return shard->secret;
}

static void expect_secret(const struct node_fixture *at, const struct gm_secret *wanted, bool same)
{
    struct gm_secret secret = secret_of(at);
    cr_assert_eq(memcmp(&secret, wanted, sizeof secret) == 0, same);
}

static void again(struct node_fixture *at)
{
    node_fixture_settle(at);
    node_fixture_close(at);
    begin(at);
}

/* origin P1 */
Test(origin, a_data_set_keeps_its_secret_over_restarts_flushes_snapshots_and_the_loss_of_its_oldest_segments)
{
    struct node_fixture at;
    prepare(&at, 1);
    begin(&at);
    struct gm_secret first = secret_of(&at);
    again(&at); /* no record has been written yet */
    expect_secret(&at, &first, true);
    say(&at, "SET a 1");
    again(&at);
    expect_secret(&at, &first, true);
    say(&at, "FLUSHALL");
    expect_secret(&at, &first, true);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 60; j++) {
            say(&at,
                "SET b a-hundred-bytes-for-a-segment-of-4096-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        }
        say(&at, "SAVE");
        again(&at);
        expect_secret(&at, &first, true);
    }
    for (size_t i = 0; sim_disk_name(at.sim, i) != NULL; i++) {
        cr_assert_str_neq(sim_disk_name(at.sim, i), "wal-00000000000000000001.log", "it has gone");
    }
    node_fixture_finish(&at);
}

Test(origin, a_crash_before_the_first_record_and_after_it_keeps_it)
{
    struct node_fixture at;
    prepare(&at, 2);
    begin(&at);
    say(&at, "SET a 1");
    struct gm_secret first = secret_of(&at);
    node_fixture_stop(&at);
    sim_disk_crash(at.sim, 7);
    begin(&at);
    expect_secret(&at, &first, true);
    node_fixture_finish(&at);
}

Test(origin, two_data_sets_have_two_and_so_has_one_that_is_kept_nowhere)
{
    struct node_fixture at;
    prepare(&at, 3);
    at.config.persistence = 0; /* none */
    begin(&at);
    struct gm_secret first = secret_of(&at);
    say(&at, "SET a 1");
    node_fixture_close(&at);
    begin(&at);
    expect_secret(&at, &first, false);
    node_fixture_finish(&at);
}

/* A node with a record, a snapshot of it, and a record behind it. */
static void live(struct node_fixture *at, uint64_t seed)
{
    prepare(at, seed);
    begin(at);
    say(at, "SET a 1");
    say(at, "SAVE");
    say(at, "SET b 1");
    node_fixture_settle(at);
    node_fixture_close(at);
}

static const char *file_like(struct sim_disk *sim, const char *beginning)
{
    for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
        if (strncmp(sim_disk_name(sim, i), beginning, strlen(beginning)) == 0) {
            return sim_disk_name(sim, i);
        }
    }
    return NULL;
}

/* recovery P4, epochs I4 */
Test(origin, files_of_two_data_sets_are_never_mixed)
{
    struct node_fixture one;
    struct node_fixture other;
    live(&one, 4);
    live(&other, 5);
    const char *snapshot = file_like(one.sim, "snapshot-");
    cr_assert_not_null(snapshot);
    sim_disk_put(one.sim, snapshot, sim_disk_contents(other.sim, snapshot));
    cr_assert_neq(start(&one), STATUS_OK, "their epochs, sequences and times are alike");
    cr_assert_not_null(strstr(one.complaint.text, "the snapshot has another secret: it is of another data set"), "%s",
                       one.complaint.text);
    node_fixture_finish(&one);
    node_fixture_finish(&other);
}

/* recovery P4: the newest snapshot, whose beginning is good and of another data set, is passed over in the end. */
Test(origin, a_damaged_snapshot_of_another_data_set_does_not_lend_its_secret)
{
    struct node_fixture one;
    struct node_fixture other;
    live(&one, 6);
    live(&other, 7);
    const char *snapshot = file_like(one.sim, "snapshot-");
    struct gm_bytes bytes = sim_disk_contents(other.sim, snapshot);
    uint8_t *damaged = malloc(bytes.size);
    memcpy(damaged, bytes.data, bytes.size);
    damaged[bytes.size - 1] ^= 1; /* the footer: the file cannot even be opened */
    sim_disk_put(one.sim, snapshot, (struct gm_bytes){damaged, bytes.size});
    free(damaged);
    begin(&one);
    cr_assert_str_eq(node_fixture_say(&one, "GET b"), "\"1\"");
    node_fixture_finish(&one);
    node_fixture_finish(&other);
}

Test(origin, a_disk_that_cannot_be_read_refuses_the_start_and_draws_nothing)
{
    struct node_fixture at;
    live(&at, 8);
    for (uint64_t n = 1; n < 8; n++) {
        sim_disk_fault(at.sim, SIM_IO, n, 1);
        if (start(&at) == STATUS_OK) {
            node_fixture_stop(&at);
        } else {
            cr_assert(strstr(at.complaint.text, "secret") == NULL, "%s", at.complaint.text);
            if (at.registry != NULL) {
                node_fixture_stop(&at);
            }
        }
        sim_disk_fault(at.sim, SIM_IO, 0, 0);
    }
    begin(&at);
    cr_assert_str_eq(node_fixture_say(&at, "GET b"), "\"1\"");
    node_fixture_finish(&at);
}

/* What a stream's head says is compared as a file's is. */
Test(origin, a_shard_says_no_to_another_data_set_and_yes_to_its_own)
{
    struct node_fixture at;
    struct complaint complaint;
    prepare(&at, 9);
    begin(&at);
    struct gm_secret secret = secret_of(&at);
    const struct shard *shard = &at.node->replica.shard;
    cr_assert_eq(shard_expect_secret(shard, &secret, "node 2", &complaint), STATUS_OK);
    secret.bytes[15] ^= 128;
    cr_assert_eq(shard_expect_secret(shard, &secret, "node 2", &complaint), STATUS_CORRUPT);
    cr_assert_str_eq(complaint.text, "node 2 has another secret than the data here: it is of another data set, and the "
                                     "two cannot be mixed");
    node_fixture_finish(&at);
}

/* "[cursor [key ...]]": the cursor, and how many keys were new. */
static uint64_t scan(struct node_fixture *at, uint64_t cursor, bool *seen, unsigned count)
{
    const char *said = node_fixture_say(at, "SCAN %llu COUNT 10", (unsigned long long)cursor);
    cr_assert_not_null(said);
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "\"key%u\"", i);
        seen[i] = seen[i] || strstr(said, key) != NULL;
    }
    return strtoull(said + 2, NULL, 10);
}

/* shard P2: the places of keys come of the secret. */
Test(origin, a_cursor_of_scan_goes_on_over_a_restart)
{
    enum { COUNT = 200 };
    struct node_fixture at;
    bool seen[COUNT] = {false};
    prepare(&at, 10);
    begin(&at);
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET key%u 1", i), "OK");
    }
    uint64_t cursor = 0;
    unsigned steps = 0;
    do {
        cursor = scan(&at, cursor, seen, COUNT);
        again(&at);
        cr_assert_lt(++steps, COUNT);
    } while (cursor != 0);
    cr_assert_gt(steps, 5);
    for (unsigned i = 0; i < COUNT; i++) {
        cr_assert(seen[i], "key%u", i);
    }
    node_fixture_finish(&at);
}
