/* SPDX-License-Identifier: MIT */

/* The descriptor: every usage line parses, and the numbers that plans use for arguments are those of the lines. */
#include <criterion/criterion.h>

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
