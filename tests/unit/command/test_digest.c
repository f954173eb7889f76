/* SPDX-License-Identifier: MIT */

/* test_digest.c - a digest is of one moment, though it takes many turns and everything goes on changing. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/cmd_digest.h"
#include "geomys/module.h"
#include "shard/digest.h"
#include "support/shard_fixture.h"

static int apply_mute(struct gm_apply *apply, const struct gm_record *record)
{
    (void)gm_resize(apply, record->body.size);
    return GM_OK;
}

static uint64_t dump_mute(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell;
    (void)cursor;
    (void)sink;
    return GM_DUMP_REFUSED;
}

static const struct gm_type mute = {
    .size = sizeof mute, .id = "test.mute/1", .name = "mute", .apply = apply_mute, .dump = dump_mute};

static void plan_mute(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .type = &mute));
    gm_reply_status(call, "OK");
}

#define COMMAND(line, of, its_flags, its_plan)                                                                         \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = (line), .type = (of), .flags = (its_flags), .plan = (its_plan),    \
        .summary = "For the test.", .complexity = "O(n)"                                                               \
    }

static const struct gm_command commands[] = {
    COMMAND("DIGEST", NULL, GM_READ, cmd_digest_plan_all),
    COMMAND("VALUES key...", NULL, GM_READ | GM_ACCEPT_ANY, cmd_digest_plan_values),
    COMMAND("MUTE key", &mute, GM_WRITE | GM_ACCEPT_ANY, plan_mute),
};
static const struct gm_type *const types[] = {&mute};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.digests",
                                        .version = "1.0.0",
                                        .summary = "For the test.",
                                        .types = types,
                                        .type_count = 1,
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0]};

#define ROUNDS 150 /* of some 2000 elements: about 250 pieces, four turns */

static void fill(struct shard_fixture *at, const char *key)
{
    char *line = malloc(40000);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int size = snprintf(line, 100, "RPUSH %s", key);
        for (unsigned i = 0; i < 2000; i++) {
            size += snprintf(line + size, 20, " element-%u", i);
        }
        line[size++] = '\n';
        cr_assert_eq(shard_fixture_send(at, 3, (struct gm_bytes){(const uint8_t *)line, (size_t)size}), (size_t)size);
        (void)shard_fixture_hear(at, 3);
    }
    free(line);
}

static void open(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.module = &module});
    fill(at, "list");
    for (unsigned i = 0; i < 500; i++) {
        (void)shard_fixture_say(at, 0, i % 5 == 0 ? "RPUSH l%u a b" : "SET k%u v", i);
    }
    expect_said(at, 0, ":1", "COPY k1 k1 DB 2");
    expect_said(at, 0, ":1", "PEXPIRE k2 100000");
    at->one_turn = true;
}

static const char *shown(uint64_t digest)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "\"%016" PRIx64 "\"", digest);
    return text;
}

static unsigned wait_for(struct shard_fixture *at, unsigned client, const char *answer)
{
    unsigned turns = 0;
    const char *heard;
    while (*(heard = shard_fixture_hear(at, client)) == '\0' && turns < 1000) {
        shard_fixture_pass(at, 0);
        turns++;
    }
    cr_expect(strcmp(heard, answer) == 0, "'%s' instead of '%s'", heard, answer);
    return turns;
}

/* In one go, so that few turns pass. */
static void change_much(struct shard_fixture *at)
{
    char text[16384];
    size_t size = 0;
    for (unsigned i = 0; i < 400; i++) {
        size += (size_t)snprintf(text + size, 32, "APPEND k%u x\n", i); /* those that are not there are new */
    }
    size += (size_t)snprintf(text + size, 64, "DEL k401\nSET new v\nSWAPDB 0 2\nMOVE k450 3\nRPUSH l405 c\n");
    cr_assert_eq(shard_fixture_send(at, 1, (struct gm_bytes){(const uint8_t *)text, size}), size);
}

/* cmd_digest P2 */
Test(digest, all_of_it_is_of_one_moment_while_everything_changes)
{
    struct shard_fixture at;
    open(&at);
    uint64_t digest = digest_shard(&at.shard);
    expect_said(&at, 0, "", "DIGEST");
    change_much(&at);
    (void)wait_for(&at, 0, shown(digest));
    cr_expect_neq(digest_shard(&at.shard), digest);
    digest = digest_shard(&at.shard);
    expect_said(&at, 0, "", "DIGEST");
    (void)wait_for(&at, 0, shown(digest));
    shard_fixture_close(&at);
}

Test(digest, within_a_transaction_it_is_taken_at_once)
{
    struct shard_fixture at;
    open(&at);
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "[%s]", shown(digest_shard(&at.shard)));
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "DIGEST");
    expect_said(&at, 0, wanted, "EXEC");
    shard_fixture_close(&at);
}

Test(digest, a_client_that_goes_leaves_the_next_one_alone)
{
    struct shard_fixture at;
    open(&at);
    uint64_t digest = digest_shard(&at.shard);
    expect_said(&at, 0, "", "DIGEST");
    shard_fixture_hang_up(&at, 0);
    expect_said(&at, 1, "", "DIGEST"); /* there is a sweep to come to its end */
    while (at.shard.sweep.active && at.shard.sweep.target == NULL) {
        (void)sweep_turn(&at.shard, 0);
    }
    (void)wait_for(&at, 1, shown(digest));
    shard_fixture_close(&at);
}

/* cmd_digest P3 */
Test(digest, a_value_that_is_not_dumped_is_named)
{
    struct shard_fixture at;
    open(&at);
    const char *wanted =
        "-ERR the type test.mute/1 of the module test.digests does not dump the value of key \"mute\": it refuses to";
    expect_said(&at, 0, "OK", "MUTE mute");
    expect_said(&at, 0, "", "DIGEST");
    (void)wait_for(&at, 0, wanted);
    expect_said(&at, 0, wanted, "VALUES k1 mute");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "DIGEST");
    cr_expect(strstr(shard_fixture_say(&at, 0, "EXEC"), wanted) != NULL);
    expect_said(&at, 0, ":1", "DEL mute");
    expect_said(&at, 0, "", "DIGEST");
    (void)wait_for(&at, 0, shown(digest_shard(&at.shard)));
    shard_fixture_close(&at);
}

/* What two keys hold is compared, whatever they are called and until when. */
Test(digest, of_values)
{
    struct shard_fixture at;
    char small[128];
    open(&at);
    at.one_turn = false;
    (void)snprintf(small, sizeof small, "%s", shard_fixture_say(&at, 0, "VALUES k1 k2 k3 absent l0 l5"));
    at.one_turn = true;
    char k1[24], k2[24], k3[24], absent[24], l0[24], l5[24];
    cr_assert_eq(sscanf(small,
                        "[\"%16[0-9a-f]\" \"%16[0-9a-f]\" \"%16[0-9a-f]\" \"%16[0-9a-f]\" \"%16[0-9a-f]\" "
                        "\"%16[0-9a-f]\"]",
                        k1, k2, k3, absent, l0, l5),
                 6, "%s", small);
    cr_expect(strcmp(k1, k2) == 0 && strcmp(k1, k3) == 0 && strcmp(l0, l5) == 0 && strcmp(k1, l0) != 0);
    cr_expect_str_eq(absent, "0000000000000000");
    (void)shard_fixture_say(&at, 0, "COPY list other");
    (void)wait_for(&at, 0, ":1");
    expect_said(&at, 0, "", "VALUES list k1 other"); /* in turns */
    struct gm_bytes late = BYTES("RPUSH list late\r\n");
    cr_expect_eq(shard_fixture_send(&at, 1, late), 0);
    unsigned turns = 0;
    const char *heard;
    while (*(heard = shard_fixture_hear(&at, 0)) == '\0' && turns++ < 1000) {
        shard_fixture_pass(&at, 0);
    }
    char list[24], other[24];
    cr_assert_eq(sscanf(heard, "[\"%16[0-9a-f]\" \"%16[0-9a-f]\" \"%16[0-9a-f]\"]", list, k2, other), 3, "%s", heard);
    cr_expect(strcmp(list, other) == 0 && strcmp(k1, k2) == 0);
    cr_expect_eq(shard_fixture_send(&at, 1, late), late.size);
    expect_heard(&at, 1, ":300001");
    cr_expect_eq(at.shard.claims.count, 0);
    shard_fixture_close(&at);
}

Test(digest, of_a_value_that_changes_meanwhile)
{
    struct shard_fixture at;
    open(&at);
    (void)shard_fixture_say(&at, 0, "COPY list other");
    (void)wait_for(&at, 0, ":1");
    expect_said(&at, 0, "", "VALUES other");
    expect_said(&at, 1, "OK", "FLUSHALL"); /* which does not ask */
    (void)wait_for(&at, 0, "[\"0000000000000000\"]");
    cr_expect_eq(at.shard.claims.count, 0);
    shard_fixture_close(&at);
}

/* What it answers at its end, in however many turns. */
static void wait_for_any(struct shard_fixture *at, unsigned client, char out[static 64])
{
    const char *heard;
    for (unsigned turns = 0; *(heard = shard_fixture_hear(at, client)) == '\0'; turns++) {
        cr_assert_lt(turns, 1000);
        shard_fixture_pass(at, 0);
    }
    (void)snprintf(out, 64, "%s", heard);
}

/* cmd_digest P2: the beginning of the one and the end of the other are nobody's value. */
Test(digest, of_a_value_that_is_exchanged_meanwhile)
{
    struct shard_fixture at;
    char meanwhile[64];
    char afterwards[64];
    open(&at);
    (void)shard_fixture_say(&at, 0, "COPY list other DB 1");
    (void)wait_for(&at, 0, ":1");
    expect_said(&at, 1, "OK", "SELECT 1");
    expect_said(&at, 1, ":300001", "LPUSH other early");
    expect_said(&at, 1, "OK", "RENAME other list");
    expect_said(&at, 0, "", "VALUES list");
    shard_fixture_pass(&at, 0);
    expect_said(&at, 1, "OK", "SWAPDB 0 1"); /* which does not ask */
    wait_for_any(&at, 0, meanwhile);
    expect_said(&at, 0, "", "VALUES list");
    wait_for_any(&at, 0, afterwards);
    cr_expect_str_eq(meanwhile, afterwards);
    cr_expect_eq(at.shard.claims.count, 0);
    shard_fixture_close(&at);
}
