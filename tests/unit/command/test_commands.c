/* SPDX-License-Identifier: MIT */

/* test_commands.c - what a row of a table must say, in all tables of the host's own commands. COMMAND DOCS, HELP and
 * hints have nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "command/cmd.h"
#include "node/node.h"
#include "node/node_commands.h"

static const struct registry *registry_of_host(void)
{
    uint32_t count;
    const struct registry_interface *interfaces = node_interfaces(&count);
    const struct registry *registry = registry_create(interfaces, count);
    struct complaint complaint;
    cr_assert_eq(node_commands_register(&registry, &complaint), STATUS_OK, "%s", complaint.text);
    return registry;
}

static bool is_sentence(const char *text)
{
    return text != NULL && text[0] >= 'A' && text[0] <= 'Z' && text[strlen(text) - 1] == '.';
}

Test(commands, every_row_says_since_when_what_for_and_at_what_cost)
{
    const struct registry *registry = registry_of_host();
    cr_assert_gt(registry_command_count(registry), 90);
    for (uint32_t i = 0; i < registry_command_count(registry); i++) {
        const struct command *command = registry_command(registry, i);
        const char *name = command->usage.name;
        cr_expect_not_null(command->abi->since, "%s: {CMD_COMMAND, ...}", name);
        cr_expect(is_sentence(command->abi->summary), "%s", name);
        cr_expect_not_null(command->abi->complexity, "%s", name);
        cr_expect_not_null(command->abi->plan, "%s", name);
        cr_expect_str_neq(command->module->group, "module", "%s: the descriptor's group", name);
    }
    registry_release(registry);
}

/* A container is one file: its sub-commands are of one descriptor. */
Test(commands, every_container_is_of_one_file)
{
    const struct registry *registry = registry_of_host();
    for (uint32_t i = 0; i < registry_entry_count(registry); i++) {
        const struct registry_entry *entry = registry_entry(registry, i);
        for (uint32_t s = 1; s < entry->sub_count; s++) {
            cr_expect_eq(entry->subs[s]->module, entry->subs[0]->module, "%s", entry->subs[s]->usage.name);
        }
    }
    registry_release(registry);
}

/* HELP is not written by hand. */
Test(commands, help_is_the_same_everywhere)
{
    const struct registry *registry = registry_of_host();
    uint32_t found = 0;
    for (uint32_t i = 0; i < registry_command_count(registry); i++) {
        const struct command *command = registry_command(registry, i);
        const char *bar = strchr(command->usage.name, '|');
        if (bar != NULL && strcmp(bar, "|help") == 0) {
            cr_expect_eq(command->abi->plan, cmd_help, "%s", command->usage.name);
            found++;
        }
    }
    cr_expect_geq(found, 8);
    registry_release(registry);
}
