/* SPDX-License-Identifier: MIT */

/* test_copy.c - a value is built anew under another key: over several turns, between the commands of others, as it was
 * at one moment, and the same here, at a follower and after a crash; or nothing has changed. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "geomys/module.h"
#include "shard/build.h"
#include "shard/copy.h"
#include "shard/digest.h"
#include "support/shard_fixture.h"

#define ELEMENTS 60000 /* of about 12 bytes: some fifty pieces */

static void fill(struct shard_fixture *at, const char *key)
{
    size_t room = (size_t)ELEMENTS * 14 + 64;
    char *line = malloc(room);
    int size = snprintf(line, room, "RPUSH %s", key);
    for (unsigned i = 0; i < ELEMENTS; i++) {
        size += snprintf(line + size, 16, " element-%u", i % 1000);
        if (i % 4000 == 3999) {
            line[size++] = '\n';
            cr_assert_eq(shard_fixture_send(at, 3, (struct gm_bytes){(const uint8_t *)line, (size_t)size}),
                         (size_t)size);
            (void)shard_fixture_hear(at, 3);
            size = snprintf(line, room, "RPUSH %s", key);
        }
    }
    free(line);
}

static void open(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){0});
    fill(at, "list");
    at->one_turn = true;
}

/* Turns until the client is answered; how many it took. */
static unsigned wait_for(struct shard_fixture *at, unsigned client, const char *answer)
{
    unsigned turns = 0;
    const char *heard;
    while (*(heard = shard_fixture_hear(at, client)) == '\0' && turns < 1000) {
        shard_fixture_pass(at, 0);
        turns++;
    }
    cr_expect_str_eq(heard, answer);
    return turns;
}

/* A client whose command must wait: it stays in the input. */
static void expect_held(struct shard_fixture *at, unsigned client, const char *line)
{
    cr_expect_eq(shard_fixture_send(at, client, gm_bytes_of(line)), 0, "%s", line);
}

static void expect_held_no_more(struct shard_fixture *at, unsigned client, const char *line, const char *answer)
{
    cr_expect_eq(shard_fixture_send(at, client, gm_bytes_of(line)), strlen(line), "%s", line);
    expect_heard(at, client, answer);
}

static void expect_equal(struct shard_fixture *at, const char *a, const char *b)
{
    const struct entry *one = shard_fixture_entry(at, a);
    const struct entry *other = shard_fixture_entry(at, b);
    cr_assert(one != NULL && other != NULL && one->type == other->type);
    const struct gm_type *type = shard_type_of(&at->shard, one)->abi;
    struct gm_cell cells[] = {shard_cell(one), shard_cell(other)};
    cr_expect_eq(type->length(&cells[0]), type->length(&cells[1]));
    cr_expect_eq(entry_expire_at(one), entry_expire_at(other));
}

static void expect_same_elsewhere(struct shard_fixture *at)
{
    struct shard_fixture other;
    shard_fixture_open(&other, &(struct shard_fixture_options){.registry = at->registry});
    shard_fixture_replay(at, &other);
    cr_expect_eq(digest_shard(&other.shard), digest_shard(&at->shard));
    shard_fixture_close(&other);
}

static void expect_nothing_left(struct shard_fixture *at)
{
    shard_fixture_pass(at, 0);
    cr_expect(list_empty(&at->shard.builds));
    cr_expect_eq(at->shard.claims.count, 0);
}

/* cmd_copy P1, build P2 */
Test(copy, a_large_value_is_copied_between_the_commands_of_others)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":1", "PEXPIRE list 100000");
    uint64_t keys = at.shard.databases.ledger.keys;
    (void)shard_fixture_records(&at);
    expect_said(&at, 0, "", "COPY list copy");
    expect_said(&at, 1, ":0", "EXISTS copy");
    expect_said(&at, 1, ":60000", "LLEN list");                                    /* readers do not wait */
    cr_expect_eq(at.shard.databases.ledger.keys, keys, "what is aside is no key"); /* build P3 */
    expect_held(&at, 1, "RPUSH list late\r\n");                                    /* who would change it does */
    expect_held(&at, 2, "SET copy other\r\n");                                     /* or its target */
    cr_expect_geq(wait_for(&at, 0, ":1"), 2);
    expect_records(&at, "copy copy");
    expect_held_no_more(&at, 1, "RPUSH list late\r\n", ":60001");
    expect_held_no_more(&at, 2, "SET copy other\r\n", "OK");
    expect_said(&at, 0, "\"other\"", "GET copy");
    expect_nothing_left(&at);
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

Test(copy, the_copy_is_equal_and_has_the_expiry_and_the_record_is_short)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":1", "PEXPIRE list 100000");
    expect_said(&at, 0, "OK", "SET copy old");
    (void)shard_fixture_records(&at);
    size_t before = at.history.size;
    expect_said(&at, 0, "", "COPY list copy REPLACE");
    expect_said(&at, 1, "\"old\"", "GET copy"); /* build P1 */
    (void)wait_for(&at, 0, ":1");
    expect_records(&at, "copy copy");
    cr_expect_lt(at.history.size - before, 128);
    expect_equal(&at, "list", "copy");
    expect_said(&at, 0, ":100000", "PTTL copy"); /* cmd_copy P2 */
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

Test(copy, within_a_transaction_it_is_done_at_once)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "COPY list copy");
    expect_said(&at, 0, "QUEUED", "RPUSH list more");
    expect_said(&at, 0, "QUEUED", "COPY list second");
    expect_said(&at, 0, "[:1 :60001 :1]", "EXEC");
    expect_said(&at, 0, ":60000", "LLEN copy");
    expect_said(&at, 0, ":60001", "LLEN second");
    expect_nothing_left(&at);
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

Test(copy, a_small_value_is_copied_in_the_same_turn)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.default_expiry_ms = 5000});
    expect_said(&at, 0, "OK", "SET a v");
    expect_said(&at, 0, ":1", "PERSIST a");
    expect_said(&at, 0, ":1", "COPY a b");
    expect_said(&at, 0, ":-1", "PTTL b");
    expect_said(&at, 0, ":0", "COPY a b");
    expect_said(&at, 0, ":0", "COPY absent b REPLACE");
    expect_said(&at, 0, ":1", "COPY a a DB 3");
    expect_said(&at, 0, ":1", "INCR n");
    expect_said(&at, 0, ":1", "COPY n b REPLACE");
    expect_said(&at, 0, ":2", "INCR b");
    expect_nothing_left(&at);
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

/* And back, within one turn. */
static void swap_twice(struct shard_fixture *at)
{
    struct gm_bytes lines = BYTES("SWAPDB 0 1\r\nSWAPDB 0 1\r\n");
    cr_assert_eq(shard_fixture_send(at, 1, lines), lines.size);
    (void)shard_fixture_hear(at, 1);
}

/* claim I1: by what does not ask. */
Test(copy, a_source_that_changes_meanwhile_is_copied_as_it_is_then)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "", "COPY list copy");
    expect_said(&at, 1, "OK", "FLUSHALL");
    (void)wait_for(&at, 0, ":0");
    expect_said(&at, 1, ":0", "DBSIZE");
    fill(&at, "list");
    expect_said(&at, 0, "", "COPY list copy");
    expect_said(&at, 1, "OK", "SWAPDB 0 1"); /* the list is elsewhere */
    (void)wait_for(&at, 0, ":0");
    expect_said(&at, 1, "OK", "SWAPDB 0 1");
    fill(&at, "list");
    expect_said(&at, 0, "", "COPY list copy");
    swap_twice(&at); /* it begins again */
    (void)wait_for(&at, 0, ":1");
    expect_said(&at, 1, ":120000", "LLEN copy");
    expect_nothing_left(&at);
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

Test(copy, one_whose_source_changes_again_and_again_ends)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "", "COPY list copy");
    const char *heard = "";
    for (unsigned i = 0; i < 20 && *heard == '\0'; i++) {
        swap_twice(&at);
        heard = shard_fixture_hear(&at, 0);
    }
    cr_expect(strstr(heard, "again and again") != NULL, "%s", heard);
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

/* stint I2 */
Test(copy, a_client_that_goes_leaves_nothing_behind)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "", "COPY list copy");
    expect_held(&at, 1, "DEL list\r\n");
    shard_fixture_hang_up(&at, 0);
    shard_fixture_pass(&at, 0);
    expect_held_no_more(&at, 1, "DEL list\r\n", ":1"); /* claim I2 */
    expect_nothing_left(&at);
    expect_said(&at, 1, ":0", "DBSIZE");
    shard_fixture_close(&at);
}

/* What has its time waits, and is gone for readers. */
Test(copy, a_source_whose_time_comes_is_not_copied)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, ":1", "PEXPIRE list 10");
    expect_said(&at, 0, "", "COPY list copy");
    shard_fixture_pass(&at, 10);
    expect_said(&at, 1, ":0", "EXISTS list");
    (void)wait_for(&at, 0, ":0");
    shard_fixture_pass(&at, 1);
    expect_said(&at, 1, ":0", "DBSIZE");
    expect_nothing_left(&at);
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

Test(copy, it_waits_while_the_data_are_kept_still)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "", "COPY list copy");
    expect_said(&at, 1, "OK", "CLIENT PAUSE 50 WRITE");
    for (unsigned i = 0; i < 40; i++) {
        shard_fixture_pass(&at, 0);
    }
    expect_heard(&at, 0, "");
    expect_said(&at, 1, ":0", "EXISTS copy");
    shard_fixture_pass(&at, 60);
    (void)wait_for(&at, 0, ":1");
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

/* A run of bytes is built in the memory that it will have. */
Test(copy, a_large_string_is_copied_in_turns_without_moving)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    at.one_turn = true;
    expect_said(&at, 0, ":3000005", "SETRANGE s 3000000 tail!");
    expect_said(&at, 0, "", "COPY s t");
    shard_fixture_pass(&at, 0);
    shard_fixture_pass(&at, 0);
    const struct build *build = container_of(at.shard.builds.next, const struct build, link);
    const struct entry *copy = keyspace_find(&build->aside, build->target.name, build->target.hash);
    cr_assert(copy != NULL && entry_lies_apart(copy->value_size));
    const uint8_t *run = entry_value(copy);
    (void)wait_for(&at, 0, ":1");
    cr_expect_eq(entry_value(shard_fixture_entry(&at, "t")), run);
    expect_said(&at, 0, ":3000005", "STRLEN t");
    expect_said(&at, 0, "\"tail!\"", "GETRANGE t -5 -1");
    cr_expect_eq(keyspace_held(shard_fixture_entry(&at, "t")), keyspace_held(shard_fixture_entry(&at, "s")));
    expect_nothing_left(&at);
    expect_same_elsewhere(&at);
    shard_fixture_close(&at);
}

Test(copy, a_value_whose_module_is_absent_is_copied_as_its_records)
{
    struct shard_fixture full;
    struct shard_fixture plain;
    open(&full);
    shard_fixture_open(&plain, &(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE});
    shard_fixture_replay(&full, &plain);
    if (strcmp(shard_fixture_say(&plain, 0, "COPY list copy"), ":1") != 0) {
        (void)wait_for(&plain, 0, ":1");
    }
    expect_said(&plain, 0, "\"frozen\"", "OBJECT ENCODING copy");
    const struct entry *source = shard_fixture_entry(&plain, "list");
    const struct entry *copy = shard_fixture_entry(&plain, "copy");
    cr_assert_eq(copy->value_size, source->value_size);
    cr_expect_eq(memcmp(entry_value(copy), entry_value(source), copy->value_size), 0);
    expect_nothing_left(&plain);
    /* And the other way round: what is alive at its author is not here. */
    expect_said(&full, 0, "", "COPY list other");
    (void)wait_for(&full, 0, ":1");
    shard_fixture_close(&plain);
    shard_fixture_open(&plain, &(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE});
    shard_fixture_replay(&full, &plain);
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 2);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* ---- a type that does not accept what it dumps ---- */

static int apply_odd(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op != 1) {
        return GM_CORRUPT;
    }
    memcpy(gm_resize(apply, record->body.size), record->body.data, record->body.size);
    return GM_OK;
}

/* By its first letter: refuse, tell what nobody takes after what is right, nothing of it. */
static uint64_t dump_odd(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    if (cell->data[0] == 'r') {
        return GM_DUMP_REFUSED;
    }
    bool wrong = cell->data[0] == 'w' && cursor > 0;
    gm_dump(sink, wrong ? 7 : 1, cell->data[0] == 'e' ? BYTES("0") : (struct gm_bytes){cell->data, cell->size});
    return cursor == 0 ? 1 : 0;
}

static bool is_empty(const struct gm_cell *cell)
{
    return cell->data[0] == '0';
}

static const struct gm_type odd = {
    .size = sizeof odd, .id = "test.odd/1", .name = "odd", .apply = apply_odd, .dump = dump_odd, .empty = is_empty};

static void plan_odd(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = GM_FRESH, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static const struct gm_command odd_commands[] = {{.size = sizeof(struct gm_command),
                                                  .usage = "ODD key body",
                                                  .flags = GM_WRITE | GM_ACCEPT_ANY,
                                                  .type = &odd,
                                                  .plan = plan_odd,
                                                  .summary = "For the test.",
                                                  .complexity = "O(1)"}};
static const struct gm_type *const odd_types[] = {&odd};
static const struct gm_module odd_module = {.size = sizeof odd_module,
                                            .abi_major = GM_ABI_MAJOR,
                                            .abi_minor = GM_ABI_MINOR,
                                            .name = "test.odd",
                                            .version = "1.0.0",
                                            .summary = "For the test.",
                                            .types = odd_types,
                                            .type_count = 1,
                                            .commands = odd_commands,
                                            .command_count = 1};

/* build P1 */
Test(copy, a_dump_that_is_not_accepted_leaves_both_as_they_are)
{
    static const struct {
        const char *value;
        const char *why;
    } cases[] = {
        {"refused", "does not dump the value of key \"k\": it refuses to"},
        {"wrong", "does not accept what it dumped itself of the value of key \"k\""},
        {"empty", "makes nothing of what it dumped itself of the value of key \"k\""},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &odd_module});
    expect_said(&at, 0, "OK", "SET target old");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_said(&at, 0, "OK", "ODD k %s", cases[i].value);
        uint64_t digest = digest_shard(&at.shard);
        (void)shard_fixture_records(&at);
        const char *heard = shard_fixture_say(&at, 0, "COPY k target REPLACE");
        cr_expect(strstr(heard, "-ERR the type test.odd/1 of the module test.odd ") == heard &&
                      strstr(heard, cases[i].why) != NULL && strstr(heard, "; nothing was changed") != NULL,
                  "%s: %s", cases[i].value, heard);
        expect_records(&at, "");
        cr_expect_eq(digest_shard(&at.shard), digest);
        expect_said(&at, 0, "\"old\"", "GET target");
        cr_expect_eq(at.damages, 0);
        expect_nothing_left(&at);
    }
    shard_fixture_close(&at);
}

static enum status copy_record(struct shard_fixture *at, const char *source, const char *target)
{
    uint8_t body[32];
    struct record record = {.op = RECORD_OP_COPY,
                            .key = gm_bytes_of(target),
                            .body = record_target_body(&(struct record_target){.key = gm_bytes_of(source)}, body)};
    return shard_fixture_accept(at, NULL, record);
}

/* copy P1: what its author could do, and we cannot. */
Test(copy, a_record_that_cannot_be_carried_out_is_never_passed_over)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &odd_module});
    expect_said(&at, 0, "OK", "SET target old");
    cr_expect_eq(copy_record(&at, "absent", "target"), STATUS_CORRUPT);
    cr_expect_eq(copy_record(&at, "target", "target"), STATUS_CORRUPT, "to itself");
    expect_said(&at, 0, "OK", "ODD k refused");
    cr_expect_eq(copy_record(&at, "k", "target"), STATUS_CORRUPT);
    expect_said(&at, 0, "\"old\"", "GET target");
    expect_said(&at, 0, "OK", "ODD k wrong");
    cr_expect_eq(copy_record(&at, "k", "target"), STATUS_OK);
    expect_begins(&at, 0, "-DAMAGED", "GET target");
    cr_expect_eq(at.damages, 1);
    cr_expect(strstr(at.damage.text, "key \"target\" is damaged") != NULL, "%s", at.damage.text);
    expect_said(&at, 0, ":1", "EXISTS k");
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}
