/* SPDX-License-Identifier: MIT */

/* A request is resolved once, and a kept one needs no second look. */
#include <criterion/criterion.h>

#include "base/memory.h"
#include "serve/call.h"
#include "store/slot.h"
#include "support/shard_fixture.h"

#define WORDS_MAX 64

struct words {
    struct gm_bytes argv[WORDS_MAX];
    uint32_t argc;
    char text[1024];
};

/* Splits a line at its blanks. */
static void split(struct words *words, const char *line)
{
    words->argc = 0;
    (void)snprintf(words->text, sizeof words->text, "%s", line);
    for (char *word = words->text; *word != '\0';) {
        size_t size = strcspn(word, " ");
        words->argv[words->argc++] = (struct gm_bytes){(const uint8_t *)word, size};
        word += size + (word[size] == ' ');
    }
}

static struct request resolve(struct shard_fixture *at, struct words *words, const char *line)
{
    struct request request;
    split(words, line);
    request_resolve(&request, at->worker.registry, &at->shard.databases, words->argv, words->argc,
                    &at->worker.requests);
    return request;
}

Test(request, knows_its_command_its_keys_and_the_hash_of_the_first)
{
    struct shard_fixture at;
    struct words words;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct request set = resolve(&at, &words, "set a 1 EX 10");
    cr_expect(request_is_sound(&set));
    cr_expect_str_eq(set.command->usage.name, "set");
    cr_expect_eq(set.bound.key_count, 1);
    cr_expect_eq(set.hash, databases_hash(&at.shard.databases, BYTES("a"))); /* request I1 */
    cr_expect_eq(request_slot(&set), slot_of(BYTES("a")));
    cr_expect((request_flags(&set) & GM_WRITE) != 0);
    struct request many = resolve(&at, &words, "MSET a 1 b 2 c 3");
    cr_expect_eq(many.bound.key_count, 3);
    cr_expect(gm_bytes_equal(request_key(&many, 2), BYTES("c")));
    cr_expect_eq(request_hash(&many, &at.shard.databases, 2), databases_hash(&at.shard.databases, BYTES("c")));
    struct request ping = resolve(&at, &words, "PING");
    cr_expect(request_is_sound(&ping) && ping.hash == 0 && ping.bound.key_count == 0);
    cr_expect_eq(request_slot(&ping), 0);
    shard_fixture_close(&at);
}

/* request I2 */
Test(request, refuses_nothing_and_remembers_what_is_wrong)
{
    struct shard_fixture at;
    struct words words;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct request unknown = resolve(&at, &words, "NOSUCH a b");
    cr_expect_null(unknown.command);
    cr_expect_eq(unknown.lookup.outcome, REGISTRY_UNKNOWN);
    cr_expect(!request_is_sound(&unknown) && request_flags(&unknown) == 0);
    struct request sub = resolve(&at, &words, "CLIENT NOSUCH");
    cr_expect_null(sub.command);
    cr_expect_eq(sub.lookup.outcome, REGISTRY_UNKNOWN_SUB);
    struct request value = resolve(&at, &words, "EXPIRE a soon");
    cr_expect_eq(value.outcome, USAGE_VALUE);
    cr_expect_str_eq(value.bound.error, "ERR value is not an integer or out of range");
    struct request arity = resolve(&at, &words, "MSET a 1 b");
    cr_expect_eq(arity.outcome, USAGE_ARITY);
    cr_expect(!request_is_sound(&arity));
    shard_fixture_close(&at);
}

static void expect_same_args(const struct request_kept *kept, const struct request *request)
{
    struct gm_arg args[USAGE_LEAF_MAX];
    memset(args, 0x55, sizeof args);
    request_kept_args(kept, args);
    size_t size = request->command->usage.leaf_count * sizeof args[0];
    cr_expect_arr_eq(args, request->args, size, "%s", request->command->usage.name);
}

Test(request, a_kept_one_has_everything_of_its_own)
{
    static const char *const lines[] = {"SET a 1 EX 10", "SET a 1",    "MSET a 1 b 2 c 3", "BLPOP a b c 0",
                                        "PING",          "NOSUCH a b", "EXPIRE a soon",    "LMPOP 2 a b LEFT COUNT 3"};
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct words words;
        struct request request = resolve(&at, &words, lines[i]);
        struct request_kept *kept = request_keep(&request);
        cr_expect_eq(kept->size, request_kept_size(&request));
        if (request_is_sound(&request)) {
            expect_same_args(kept, &request);
        }
        memset(words.text, 'x', sizeof words.text); /* the client's bytes are gone */
        cr_assert_eq(kept->request.argc, request.argc);
        size_t at_byte = 0;
        for (uint32_t k = 0; k < kept->request.argc; k++) {
            struct gm_bytes word = kept->request.argv[k];
            cr_expect_eq(memcmp(word.data, lines[i] + at_byte, word.size), 0, "%s", lines[i]);
            at_byte += word.size + 1;
        }
        for (uint32_t k = 0; request_is_sound(&request) && k < request.bound.key_count; k++) {
            cr_expect_eq(kept->request.bound.keys[k].index, request.bound.keys[k].index);
        }
        cr_expect_eq(kept->request.hash, request.hash);
        memory_free(kept);
        arena_reset(&at.worker.requests);
    }
    shard_fixture_close(&at);
}

Test(request, keeps_no_room_for_options_that_were_not_given)
{
    struct shard_fixture at;
    struct words words;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct request plain = resolve(&at, &words, "SET a 1");
    struct request_kept *kept = request_keep(&plain);
    cr_expect_eq(kept->args_kept, 2);
    cr_expect_lt(kept->size, 300);
    memory_free(kept);
    shard_fixture_close(&at);
}

/* transaction I3 */
Test(request, a_transaction_knows_the_database_of_each_command)
{
    static const char *const lines[] = {"GET a",     "SELECT 3", "GET a",    "SELECT 16",
                                        "SELECT -1", "GET a",    "SELECT 0", "GET a"};
    static const uint32_t databases[] = {2, 2, 3, 3, 3, 3, 3, 0};
    struct shard_fixture at;
    struct words words;
    struct transaction transaction;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    transaction_init(&transaction);
    transaction_begin(&transaction, 2, 16);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct request request = resolve(&at, &words, lines[i]);
        cr_assert(transaction_queue(&transaction, &request, 10000));
        if ((request_flags(&request) & CALL_SELECTS) != 0) {
            transaction_choose(&transaction, request.args[0].integer);
        }
    }
    size_t count = 0;
    for (const struct request_kept *kept = transaction.queue; kept != NULL; kept = kept->next, count++) {
        cr_expect_eq(kept->database, databases[count], "%s", lines[count]);
    }
    cr_expect_eq(count, sizeof lines / sizeof *lines);
    transaction_discard(&transaction);
    shard_fixture_close(&at);
}

/* transaction I1, I2 */
Test(request, a_transaction_knows_what_its_commands_do)
{
    struct shard_fixture at;
    struct words words;
    struct transaction transaction;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    transaction_init(&transaction);
    transaction_begin(&transaction, 0, 16);
    struct request get = resolve(&at, &words, "GET a");
    cr_assert(transaction_queue(&transaction, &get, 10000));
    cr_expect_eq(transaction.flags & GM_WRITE, 0);
    struct request set = resolve(&at, &words, "SET a 1");
    size_t size = transaction.size + request_kept_size(&set);
    cr_expect(!transaction_queue(&transaction, &set, size - 1));
    cr_expect_eq(transaction.count, 1);
    cr_expect_eq(transaction.flags & GM_WRITE, 0);
    cr_assert(transaction_queue(&transaction, &set, size));
    cr_expect_eq(transaction.size, size);
    cr_expect((transaction.flags & GM_WRITE) != 0);
    transaction_discard(&transaction);
    cr_expect(transaction.queue == NULL && transaction.count == 0 && !transaction.open && transaction.flags == 0);
    shard_fixture_close(&at);
}
