/* SPDX-License-Identifier: MIT */

/* The descriptor: every usage line parses, and the numbers that plans use for arguments are those of the lines. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "base/check.h"
#include "geomys/module.h"
#include "module/usage/usage.h"

const struct gm_module *geomys_module(void);

Test(deque, has_usage_lines_that_parse_and_whose_numbers_are_those_of_the_plans)
{
    static const struct {
        const char *name;
        const char *word;
        int number;
    } numbers[] = {
        {"push", "element", 1},   {"lpop", "count", 1},         {"lrange", "stop", 2},     {"lset", "element", 2},
        {"linsert", "AFTER", 2},  {"linsert", "pivot", 3},      {"linsert", "element", 4}, {"lrem", "element", 2},
        {"lpos", "rank", 3},      {"lpos", "matches", 5},       {"lpos", "length", 7},     {"lmove", "LEFT", 2},
        {"blmove", "timeout", 6}, {"brpoplpush", "timeout", 2}, {"lmpop", "LEFT", 2},      {"lmpop", "COUNT", 4},
        {"lmpop", "count", 5},    {"blpop", "timeout", 1},      {"blmpop", "timeout", 0},  {"blmpop", "LEFT", 3},
        {"blmpop", "count", 6},
    };
    const struct gm_module *module = geomys_module();
    size_t found = 0;
    for (uint32_t i = 0; i < module->command_count; i++) {
        const struct gm_command *command = &module->commands[i];
        struct usage usage = {0};
        struct complaint complaint = {0};
        cr_assert_eq(usage_parse(&usage, command->usage, &complaint), STATUS_OK, "%s", command->usage);
        cr_assert(command->summary != NULL && command->complexity != NULL && command->example != NULL, "%s",
                  usage.name);
        cr_assert(((command->flags & GM_READ) != 0) != ((command->flags & GM_WRITE) != 0), "%s", usage.name);
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
            if (strcmp(numbers[j].name, usage.name) == 0) {
                cr_assert_eq(usage_find(&usage, numbers[j].word), numbers[j].number, "%s %s", usage.name,
                             numbers[j].word);
                found++;
            }
        }
        usage_finish(&usage);
    }
    cr_assert_eq(found, sizeof numbers / sizeof numbers[0]);
}

/* ---- records of many elements ---- */

#define ELEMENTS     500
#define ELEMENT_SIZE 1000
#define RECORD_BYTES ((size_t)64 * 1024) /* what deque_plan_ends promises of one */

struct push {
    struct gm_call call;
    struct gm_bytes argv[2 + ELEMENTS];
    struct gm_arg args[2];
    struct gm_key key;
    size_t most, sum; /* bytes of bodies */
    unsigned records;
    int64_t replied;
    void *lent[ELEMENTS];
    size_t lent_count;
};

static void measure(struct gm_call *call, const struct gm_emission *emission)
{
    struct push *push = container_of(call, struct push, call);
    push->most = emission->body.size > push->most ? emission->body.size : push->most;
    push->sum += emission->body.size;
    push->records++;
}

static void *lend(struct gm_call *call, size_t size)
{
    struct push *push = container_of(call, struct push, call);
    cr_assert_lt(push->lent_count, ELEMENTS);
    return push->lent[push->lent_count++] = malloc(size);
}

static void hear(struct gm_call *call, int64_t number)
{
    container_of(call, struct push, call)->replied = number;
}

Test(deque, a_push_of_many_is_records_of_bounded_size)
{
    static const struct gm_call_ops ops = {
        .size = sizeof ops, .emit = measure, .scratch = lend, .scratch_raw = lend, .reply_int = hear};
    static uint8_t element[ELEMENT_SIZE];
    static struct push push;
    const struct gm_module *module = geomys_module();
    push.call = (struct gm_call){.ops = &ops,
                                 .argv = push.argv,
                                 .args = push.args,
                                 .keys = &push.key,
                                 .argc = 2 + ELEMENTS,
                                 .key_count = 1,
                                 .arg_stride = sizeof(struct gm_arg),
                                 .key_stride = sizeof(struct gm_key)};
    push.args[0] = (struct gm_arg){.count = 1, .first = 1};
    push.args[1] = (struct gm_arg){.count = ELEMENTS, .first = 2, .stride = 1};
    for (size_t i = 0; i < ELEMENTS; i++) {
        push.argv[2 + i] = (struct gm_bytes){element, ELEMENT_SIZE};
    }
    for (uint32_t i = 0; i < module->command_count; i++) {
        if (strncmp(module->commands[i].usage, "RPUSH ", 6) == 0) {
            module->commands[i].plan(&push.call);
        }
    }
    cr_expect_eq(push.replied, ELEMENTS);
    cr_expect_geq(push.sum, (size_t)ELEMENTS * ELEMENT_SIZE);
    cr_expect_leq(push.most, RECORD_BYTES);
    cr_expect_eq(push.records, 8, "no more than are needed: %u", push.records);
    for (size_t i = 0; i < push.lent_count; i++) {
        free(push.lent[i]);
    }
}
