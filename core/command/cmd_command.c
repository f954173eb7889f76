/* SPDX-License-Identifier: MIT */

/* cmd_command.c - COMMAND: what commands there are, told to programs and to people's tools.
 *
 * Idea     All of it is derived from the registry. COMMAND INFO is for clients, which look for keys and flags
 *          (cmd_command_info.c). COMMAND USAGE hands out the usage lines themselves, which the command-line client
 *          parses with the same code as the server; COMMAND DOCS is for the tools of others, which expect a tree of
 *          arguments (cmd_command_docs.c). Names that are not known are left out of both, as Redis does it.
 *
 * Limits   NAMES_MAX names in one call: a name of 4 bytes makes some KB of answer, so a million of them would be work
 *          for many seconds, and thrown away at the end. */
#include "command/cmd.h"
#include "command/cmd_command_docs.h"
#include "command/cmd_command_info.h"
#include "command/cmd_command_list.h"

#define NAMES_MAX      1024 /* names of commands in one call */
#define TOO_MANY_NAMES "ERR too many names: ask for at most 1024 commands at once, or for all without a name"
_Static_assert(NAMES_MAX == 1024, "the text above says so");

/* ---- COMMAND, COUNT, INFO ---- */

/* False: the call asks about too many names, and has been answered. */
static bool check_names(struct gm_call *abi)
{
    if (gm_arg(abi, 0)->count > NAMES_MAX) {
        gm_reply_error(abi, TOO_MANY_NAMES);
        return false;
    }
    return true;
}

/* The subject of that name, all NULL if there is none. */
static struct cmd_command_subject subject_named(const struct registry *registry, struct gm_bytes name)
{
    const struct registry_entry *entry = registry_entry_named(registry, name);
    if (entry != NULL) {
        return (struct cmd_command_subject){entry, entry->command};
    }
    return (struct cmd_command_subject){NULL, registry_command_named(registry, name)};
}

static bool is_known(const struct cmd_command_subject *subject)
{
    return subject->entry != NULL || subject->command != NULL;
}

static void plan_command(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct registry *registry = call->worker->registry;
    reply_array(&call->reply, registry_entry_count(registry));
    for (uint32_t i = 0; i < registry_entry_count(registry); i++) {
        const struct registry_entry *entry = registry_entry(registry, i);
        cmd_command_info_reply(&call->reply, &(struct cmd_command_subject){entry, entry->command});
    }
}

static void plan_info(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    uint32_t names = gm_arg(abi, 0)->count;
    if (!check_names(abi)) {
        return;
    }
    if (names == 0) {
        plan_command(abi);
        return;
    }
    reply_array(&call->reply, names);
    for (uint32_t i = 0; i < names; i++) {
        struct cmd_command_subject subject = subject_named(call->worker->registry, gm_arg_at(abi, 0, i));
        if (is_known(&subject)) {
            cmd_command_info_reply(&call->reply, &subject);
        } else {
            reply_null_array(&call->reply);
        }
    }
}

static void plan_count(struct gm_call *abi)
{
    gm_reply_int(abi, registry_entry_count(call_of(abi)->worker->registry));
}

/* ---- DOCS, USAGE ---- */

/* The subject number i of the call: of those named, or of all. */
static struct cmd_command_subject subject_at(struct gm_call *abi, uint32_t i)
{
    const struct registry *registry = call_of(abi)->worker->registry;
    if (gm_arg(abi, 0)->count > 0) {
        return subject_named(registry, gm_arg_at(abi, 0, i));
    }
    const struct registry_entry *entry = registry_entry(registry, i);
    return (struct cmd_command_subject){entry, entry->command};
}

static uint32_t subject_count(struct gm_call *abi)
{
    uint32_t named = gm_arg(abi, 0)->count;
    return named > 0 ? named : registry_entry_count(call_of(abi)->worker->registry);
}

static void plan_docs(struct gm_call *abi)
{
    struct reply *reply = &call_of(abi)->reply;
    uint32_t count = subject_count(abi);
    size_t known = 0;
    if (!check_names(abi)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct cmd_command_subject subject = subject_at(abi, i);
        known += is_known(&subject);
    }
    reply_map(reply, known);
    for (uint32_t i = 0; i < count; i++) {
        struct cmd_command_subject subject = subject_at(abi, i);
        if (is_known(&subject)) {
            cmd_command_docs_reply(reply, &subject);
        }
    }
}

/* `command` NULL: a mere container, which has no usage line; `reply` NULL: it is only counted. */
static size_t usage_one(const struct command *command, struct reply *reply)
{
    if (command != NULL && reply != NULL) {
        cmd_command_docs_reply_usage(reply, command);
    }
    return command != NULL;
}

static size_t usage_all(struct gm_call *abi, struct reply *reply)
{
    size_t pairs = 0;
    for (uint32_t i = 0; i < subject_count(abi); i++) {
        struct cmd_command_subject subject = subject_at(abi, i);
        pairs += usage_one(subject.command, reply);
        for (uint32_t s = 0; subject.entry != NULL && s < subject.entry->sub_count; s++) {
            pairs += usage_one(subject.entry->subs[s], reply);
        }
    }
    return pairs;
}

static void plan_usage(struct gm_call *abi)
{
    struct reply *reply = &call_of(abi)->reply;
    if (!check_names(abi)) {
        return;
    }
    reply_map(reply, usage_all(abi, NULL));
    (void)usage_all(abi, reply);
}

/* ---- LIST ---- */

enum { FILTERBY, MODULE, MODULE_NAME, ACLCAT, CATEGORY, PATTERN, PATTERN_TEXT };

static void plan_list(struct gm_call *abi)
{
    struct cmd_command_filter filter = {CMD_COMMAND_ALL, BYTES_NONE};
    if (gm_given(abi, MODULE)) {
        filter = (struct cmd_command_filter){CMD_COMMAND_OF_MODULE, gm_arg_at(abi, MODULE_NAME, 0)};
    } else if (gm_given(abi, ACLCAT)) {
        filter = (struct cmd_command_filter){CMD_COMMAND_OF_CATEGORY, gm_arg_at(abi, CATEGORY, 0)};
    } else if (gm_given(abi, PATTERN)) {
        filter = (struct cmd_command_filter){CMD_COMMAND_LIKE, gm_arg_at(abi, PATTERN_TEXT, 0)};
    }
    cmd_command_list_reply(&call_of(abi)->reply, call_of(abi)->worker->registry, &filter);
}

/* ---- GETKEYS, GETKEYSANDFLAGS ---- */

#define WORDS 2 /* of the name: what is asked about begins at argv[2] */

static const char *bind_asked(struct gm_call *abi, const struct command *command, struct usage_bound *bound)
{
    struct gm_arg args[USAGE_LEAF_MAX];
    const struct gm_bytes *argv = abi->argv + WORDS;
    uint32_t argc = abi->argc - WORDS;
    if (!cmd_command_info_has_keys(command)) {
        return "ERR The command has no key arguments";
    }
    enum usage_outcome outcome = command_bind(command, argv, argc, args, bound);
    if (outcome == USAGE_OK && bound->key_count > 0) {
        bound->key_room = bound->key_count;
        bound->keys = gm_scratch(abi, bound->key_count * sizeof *bound->keys);
        if (bound->keys == NULL) {
            return CALL_NO_MEMORY;
        }
        outcome = command_bind(command, argv, argc, args, bound);
    }
    switch (outcome) {
    case USAGE_OK:
        return NULL;
    case USAGE_ARITY:
        return "ERR Invalid number of arguments specified for command";
    default:
        return "ERR Invalid arguments specified for command";
    }
}

static void get_keys(struct gm_call *abi, bool with_flags)
{
    struct call *call = call_of(abi);
    struct registry_lookup lookup = registry_find(call->worker->registry, abi->argv + WORDS, abi->argc - WORDS);
    if (lookup.outcome != REGISTRY_FOUND) {
        gm_reply_error(abi, "ERR Invalid command specified");
        return;
    }
    struct usage_bound bound = {0};
    const char *error = bind_asked(abi, lookup.command, &bound);
    if (error != NULL) {
        gm_reply_error(abi, error);
        return;
    }
    bool writes = (lookup.command->abi->flags & GM_WRITE) != 0;
    reply_array(&call->reply, bound.key_count);
    for (uint32_t i = 0; i < bound.key_count; i++) {
        if (with_flags) {
            reply_array(&call->reply, 2);
        }
        reply_bytes(&call->reply, abi->argv[WORDS + bound.keys[i].index]);
        if (with_flags) {
            cmd_command_info_reply_key(&call->reply, writes && bound.keys[i].written != 0);
        }
    }
}

static void plan_getkeys(struct gm_call *abi)
{
    get_keys(abi, false);
}

static void plan_getkeysandflags(struct gm_call *abi)
{
    get_keys(abi, true);
}

/* ---- the table ---- */

#define ASKS CMD_COMMAND, .flags = GM_READ | CALL_LOADING

static const struct gm_command commands[] = {
    {ASKS, .usage = "COMMAND", .plan = plan_command, .complexity = "O(n), n all commands",
     .summary = "Describes all commands to a program.", .example = "COMMAND"},
    {ASKS, .usage = "COMMAND|COUNT", .plan = plan_count, .complexity = "O(1)",
     .summary = "Counts the commands, those with sub-commands once.", .example = "COMMAND COUNT"},
    {ASKS, .usage = "COMMAND|LIST [FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]",
     .plan = plan_list, .complexity = "O(n), n all commands", .summary = "Lists the names of commands.",
     .example = "COMMAND LIST FILTERBY PATTERN *expire*"},
    {ASKS, .usage = "COMMAND|INFO [command-name...]", .plan = plan_info,
     .complexity = "O(n), n the commands asked for, at most 1024", .summary = "Describes commands to a program.",
     .example = "COMMAND INFO del"},
    {ASKS, .usage = "COMMAND|DOCS [command-name...]", .plan = plan_docs,
     .complexity = "O(n), n the commands asked for, at most 1024",
     .summary = "Documents commands, with a tree of their arguments.", .example = "COMMAND DOCS del"},
    {ASKS, .usage = "COMMAND|USAGE [command-name...]", .plan = plan_usage,
     .complexity = "O(n), n the commands asked for, at most 1024",
     .summary = "Tells the usage lines of commands, and what else was declared for people.",
     .example = "COMMAND USAGE del"},
    {ASKS, .usage = "COMMAND|GETKEYS command [arg...]", .plan = plan_getkeys, .complexity = "O(n), n the arguments",
     .summary = "Tells which arguments of a whole command line are keys.", .example = "COMMAND GETKEYS DEL a b"},
    {ASKS, .usage = "COMMAND|GETKEYSANDFLAGS command [arg...]", .plan = plan_getkeysandflags,
     .complexity = "O(n), n the arguments",
     .summary = "Tells which arguments of a whole command line are keys, and whether they are written.",
     .example = "COMMAND GETKEYSANDFLAGS COPY a b"},
    CMD_HELP("COMMAND", GM_READ | CALL_LOADING),
};

CMD_MODULE(cmd_command, .name = "geomys.command", .group = "server", .summary = "Tells what commands there are.");
