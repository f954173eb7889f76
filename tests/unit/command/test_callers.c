/* SPDX-License-Identifier: MIT */

/* test_callers.c - all commands of a server, carried out for somebody whose connection is elsewhere: each of them is
 * answered, and those about the connection are refused. A plan that uses call_session without CALL_SESSION among its
 * command's flags dies here. */
#include <criterion/criterion.h>
#include <string.h>

#include "module/usage/usage_random.h"
#include "serve/exec.h"
#include "support/node_fixture.h"
#include "support/resp_text.h"
#include "support/seed.h"

#define CALLS_EACH 40
#define ELSEWHERE  "-ERR this command is about the connection: send it to the node that you are connected to\r\n"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

struct visitor {
    struct node_fixture at;
    struct prng prng;
    struct caller caller;
    struct usage_words words;
    struct arena arena;
    struct buf out;
    struct buf text;
};

static void visit(struct visitor *visitor, uint64_t seed)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    node_fixture_init(&visitor->at, seed);
    cr_assert_eq(node_fixture_start(&visitor->at, modules, 3), STATUS_OK);
    prng_seed(&visitor->prng, seed);
    visitor->caller = caller_host();
    visitor->caller.id = 1000;
    usage_words_init(&visitor->words);
    buf_init(&visitor->out, 1 << 26);
    buf_init(&visitor->text, 1 << 26);
}

static void leave(struct visitor *visitor)
{
    usage_words_finish(&visitor->words);
    arena_finish(&visitor->arena);
    buf_finish(&visitor->out);
    buf_finish(&visitor->text);
    node_fixture_stop(&visitor->at);
    node_fixture_finish(&visitor->at);
}

/* Carries out what was drawn. The answer is one whole reply. */
static void carry_out(struct visitor *visitor, const struct command *command)
{
    struct worker *worker = &visitor->at.node->worker;
    struct gm_bytes argv[USAGE_WORDS_MAX];
    struct request request;
    usage_words_argv(&visitor->words, argv);
    visitor->caller.resp3 = prng_below(&visitor->prng, 2) == 1;
    buf_clear(&visitor->out, 1 << 20);
    buf_clear(&visitor->text, 1 << 20);
    request_resolve(&request, worker->registry, &worker->shard->databases, argv, visitor->words.count, &visitor->arena);
    cr_assert_eq(request.command, command);
    (void)exec_call(worker, &visitor->caller, &request, &visitor->out);
    cr_assert_eq(resp_text_reply(buf_bytes(&visitor->out), &visitor->text), visitor->out.size, "%s: one whole reply",
                 command->usage.name);
    arena_reset(&visitor->arena);
}

static bool says(const struct visitor *visitor, const char *part)
{
    return memmem(visitor->out.data, visitor->out.size, part, strlen(part)) != NULL;
}

static void call_often(struct visitor *visitor, const struct command *command)
{
    static const struct usage_vocabulary vocabulary = {0};
    const char *name = command->usage.name;
    bool elsewhere = (command->abi->flags & CALL_SESSION) != 0;
    for (int i = 0; i < CALLS_EACH; i++) {
        if (!usage_generate(&command->usage, &visitor->prng, &vocabulary, &visitor->words)) {
            continue;
        }
        carry_out(visitor, command);
        cr_assert_not(says(visitor, "incompletely") || says(visitor, "DAMAGED"), "%s", name);
        cr_assert_eq(says(visitor, ELSEWHERE), elsewhere, "%s", name);
        node_fixture_turn(&visitor->at, 8);
    }
}

Test(callers, all_commands_answer_whoever_has_no_connection_here)
{
    static struct visitor visitor;
    visit(&visitor, seed_of_run());
    const struct registry *registry = visitor.at.registry;
    const struct command *last = registry_command_named(registry, BYTES("shutdown")); /* after it there are no turns */
    for (uint32_t i = 0; i < registry_command_count(registry); i++) {
        if (registry_command(registry, i) != last) {
            call_often(&visitor, registry_command(registry, i));
        }
    }
    cr_assert_eq(visitor.at.node->state, NODE_SERVING);
    call_often(&visitor, last);
    cr_assert_eq(visitor.at.node->state, NODE_STOPPING);
    leave(&visitor);
}
