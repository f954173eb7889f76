/* SPDX-License-Identifier: MIT */

/* cmd_command.c - what commands there are, told to programs: COMMAND, COUNT, LIST, INFO, GETKEYS.
 *
 * Idea     All of it is derived from the registry: usage lines, flags, groups. A first word is one entry, as in Redis,
 *          with its sub-commands under it, whether it is a command itself or not.
 *
 *          of one command:  | name | arity | flags | first key | last key | step | categories | tips | key specs |
 *          sub-commands |
 *
 * Limits   There are no tips. Key specifications say "read" or "written"; more can not be known from a usage line. */
#include "base/glob.h"
#include "command/cmd.h"
#include "command/commands.h"
#include "module/usage/usage_docs.h"

/* ---- flags ---- */

struct flag_word {
    uint32_t flag;
    const char *word;
    bool own; /* Redis has no such flag */
};

static const struct flag_word flag_words[] = {
    {GM_WRITE, "write", false},         {GM_GROWS, "denyoom", false},      {GM_BLOCKS, "blocking", false},
    {CALL_LOADING, "loading", false},   {GM_FAST, "fast", false},          {CALL_NO_AUTH, "no_auth", false},
    {CALL_NO_MULTI, "no_multi", false}, {GM_DANGEROUS, "dangerous", true},
};

static size_t add_word(struct reply *reply, bool applies, const char *word)
{
    if (applies && reply != NULL) {
        reply_status(reply, word);
    }
    return applies;
}

static bool has_keys(const struct command *command)
{
    return command->usage.has_keys || command->abi->keys != NULL;
}

/* PING is declared as reading, since it changes nothing; as a word it is kept for what reads data. */
size_t cmd_command_flags(const struct command *command, bool own, struct reply *reply)
{
    uint32_t flags = command->abi->flags;
    bool reads = (flags & GM_READ) != 0 && (has_keys(command) || (flags & CALL_GLOBAL) != 0);
    size_t count = add_word(reply, reads, "readonly");
    for (size_t i = 0; i < sizeof flag_words / sizeof flag_words[0]; i++) {
        const struct flag_word *it = &flag_words[i];
        count += add_word(reply, (flags & it->flag) != 0 && (own || !it->own), it->word);
    }
    count += add_word(reply, (command->categories & CATEGORY_ADMIN) != 0, "admin");
    return count + add_word(reply, command->usage.movable_keys || command->abi->keys != NULL, "movablekeys");
}

static void reply_categories(struct reply *reply, uint32_t categories)
{
    reply_set(reply, (size_t)__builtin_popcount(categories));
    for (uint32_t left = categories; left != 0; left &= left - 1) {
        char word[64];
        (void)snprintf(word, sizeof word, "@%s", command_category_name((uint32_t)__builtin_ctz(left)));
        reply_status(reply, word);
    }
}

/* ---- key specifications ---- */

static void reply_key_flags(struct reply *reply, bool written)
{
    reply_set(reply, 2);
    reply_status(reply, written ? "RW" : "RO");
    reply_status(reply, written ? "update" : "access");
}

static void reply_begin_search(struct reply *reply, const struct usage_key_spec *spec)
{
    reply_map(reply, 2);
    reply_text(reply, "type");
    if (spec->begin == USAGE_BEGIN_INDEX) {
        reply_text(reply, "index");
        reply_text(reply, "spec");
        reply_map(reply, 1);
        reply_text(reply, "index");
        reply_int(reply, spec->index);
    } else if (spec->begin == USAGE_BEGIN_KEYWORD) {
        reply_text(reply, "keyword");
        reply_text(reply, "spec");
        reply_map(reply, 2);
        reply_text(reply, "keyword");
        reply_bytes(reply, spec->keyword);
        reply_text(reply, "startfrom");
        reply_int(reply, spec->start_from);
    } else {
        reply_text(reply, "unknown");
        reply_text(reply, "spec");
        reply_map(reply, 0);
    }
}

static void reply_find_keys(struct reply *reply, const struct usage_key_spec *spec)
{
    reply_map(reply, 2);
    reply_text(reply, "type");
    if (spec->span == USAGE_SPAN_RANGE) {
        reply_text(reply, "range");
        reply_text(reply, "spec");
        reply_map(reply, 3);
        reply_text(reply, "lastkey");
        reply_int(reply, spec->last_key);
        reply_text(reply, "keystep");
        reply_int(reply, spec->key_step);
        reply_text(reply, "limit");
        reply_int(reply, 0);
    } else if (spec->span == USAGE_SPAN_KEYNUM) {
        reply_text(reply, "keynum");
        reply_text(reply, "spec");
        reply_map(reply, 3);
        reply_text(reply, "keynumidx");
        reply_int(reply, spec->keynum);
        reply_text(reply, "firstkey");
        reply_int(reply, spec->first);
        reply_text(reply, "keystep");
        reply_int(reply, spec->key_step);
    } else {
        reply_text(reply, "unknown");
        reply_text(reply, "spec");
        reply_map(reply, 0);
    }
}

static void reply_key_specs(struct reply *reply, const struct command *command)
{
    uint32_t count = usage_key_spec_count(&command->usage);
    reply_set(reply, count);
    for (uint32_t i = 0; i < count; i++) {
        struct usage_key_spec spec = usage_key_spec_at(&command->usage, i);
        reply_map(reply, 3);
        reply_text(reply, "flags");
        reply_key_flags(reply, spec.written && (command->abi->flags & GM_WRITE) != 0);
        reply_text(reply, "begin_search");
        reply_begin_search(reply, &spec);
        reply_text(reply, "find_keys");
        reply_find_keys(reply, &spec);
    }
}

/* ---- COMMAND, COMMAND INFO ---- */

static void reply_own(struct reply *reply, const struct command *command)
{
    const struct usage *usage = &command->usage;
    reply_int(reply, usage->arity);
    reply_set(reply, cmd_command_flags(command, false, NULL));
    (void)cmd_command_flags(command, false, reply);
    reply_int(reply, usage->first_key);
    reply_int(reply, usage->last_key);
    reply_int(reply, usage->key_step);
    reply_categories(reply, command->categories);
    reply_set(reply, 0);
    reply_key_specs(reply, command);
}

static void reply_container(struct reply *reply)
{
    reply_int(reply, -2);
    reply_set(reply, 0);
    reply_int(reply, 0);
    reply_int(reply, 0);
    reply_int(reply, 0);
    reply_categories(reply, CATEGORY_SLOW);
    reply_set(reply, 0);
    reply_set(reply, 0);
}

static void reply_info(struct reply *reply, const struct cmd_subject *subject)
{
    uint32_t subs = subject->entry != NULL ? subject->entry->sub_count : 0;
    reply_array(reply, 10);
    reply_text(reply, subject->entry != NULL ? subject->entry->name : subject->command->usage.name);
    if (subject->command != NULL) {
        reply_own(reply, subject->command);
    } else {
        reply_container(reply);
    }
    reply_set(reply, subs);
    for (uint32_t i = 0; i < subs; i++) {
        reply_info(reply, &(struct cmd_subject){NULL, subject->entry->subs[i]});
    }
}

struct cmd_subject cmd_command_subject(const struct registry *registry, struct gm_bytes name)
{
    const struct registry_entry *entry = registry_entry_named(registry, name);
    if (entry != NULL) {
        return (struct cmd_subject){entry, entry->command};
    }
    return (struct cmd_subject){NULL, registry_command_named(registry, name)};
}

static void plan_command(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct registry *registry = call->worker->registry;
    reply_array(&call->reply, registry_entry_count(registry));
    for (uint32_t i = 0; i < registry_entry_count(registry); i++) {
        const struct registry_entry *entry = registry_entry(registry, i);
        reply_info(&call->reply, &(struct cmd_subject){entry, entry->command});
    }
}

static void plan_info(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    uint32_t names = abi->args[0].count;
    if (names == 0) {
        plan_command(abi);
        return;
    }
    reply_array(&call->reply, names);
    for (uint32_t i = 0; i < names; i++) {
        struct cmd_subject subject = cmd_command_subject(call->worker->registry, gm_arg_at(abi, 0, i));
        if (subject.entry == NULL && subject.command == NULL) {
            reply_null_array(&call->reply);
        } else {
            reply_info(&call->reply, &subject);
        }
    }
}

static void plan_count(struct gm_call *abi)
{
    gm_reply_int(abi, registry_entry_count(call_of(abi)->worker->registry));
}

/* ---- COMMAND LIST ---- */

enum { FILTERBY, MODULE, MODULE_NAME, ACLCAT, CATEGORY, PATTERN, PATTERN_TEXT };

static bool has_category(const struct command *command, struct gm_bytes name)
{
    for (uint32_t left = command->categories; left != 0; left &= left - 1) {
        if (bytes_equal_nocase(name, command_category_name((uint32_t)__builtin_ctz(left)))) {
            return true;
        }
    }
    return false;
}

/* `command` is NULL for a mere container, of `module`. */
static bool is_listed(const struct gm_call *abi, const char *name, const struct command *command,
                      const struct module *module)
{
    if (gm_given(abi, MODULE)) {
        return bytes_equal_nocase(gm_arg_at(abi, MODULE_NAME, 0), module->abi->name);
    }
    if (gm_given(abi, ACLCAT)) {
        return command != NULL && has_category(command, gm_arg_at(abi, CATEGORY, 0));
    }
    return !gm_given(abi, PATTERN) || glob_match(gm_arg_at(abi, PATTERN_TEXT, 0), gm_bytes_of(name), true);
}

static size_t list_one(struct gm_call *abi, const char *name, const struct command *command,
                       const struct module *module, struct reply *reply)
{
    bool listed = is_listed(abi, name, command, module);
    if (listed && reply != NULL) {
        reply_text(reply, name);
    }
    return listed;
}

/* The names, or with `reply` NULL only how many. */
static size_t list(struct gm_call *abi, struct reply *reply)
{
    const struct registry *registry = call_of(abi)->worker->registry;
    size_t count = 0;
    for (uint32_t i = 0; i < registry_entry_count(registry); i++) {
        const struct registry_entry *entry = registry_entry(registry, i);
        const struct command *any = entry->command != NULL ? entry->command : entry->subs[0];
        count += list_one(abi, entry->name, entry->command, any->module, reply);
        for (uint32_t s = 0; s < entry->sub_count; s++) {
            count += list_one(abi, entry->subs[s]->usage.name, entry->subs[s], any->module, reply);
        }
    }
    return count;
}

static void plan_list(struct gm_call *abi)
{
    struct reply *reply = &call_of(abi)->reply;
    reply_array(reply, list(abi, NULL));
    (void)list(abi, reply);
}

/* ---- COMMAND GETKEYS, GETKEYSANDFLAGS ---- */

#define WORDS 2 /* of the name: what is asked about begins at argv[2] */

static const char *bind_asked(struct gm_call *abi, const struct command *command, struct usage_bound *bound)
{
    struct gm_arg args[USAGE_LEAF_MAX];
    const struct gm_bytes *argv = abi->argv + WORDS;
    uint32_t argc = abi->argc - WORDS;
    if (!has_keys(command)) {
        return "ERR The command has no key arguments";
    }
    enum usage_outcome outcome = command_bind(command, argv, argc, args, bound);
    if (outcome == USAGE_OK && bound->key_count > 0) {
        bound->key_room = bound->key_count;
        bound->keys = gm_scratch(abi, bound->key_count * sizeof *bound->keys);
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
            reply_key_flags(&call->reply, writes && bound.keys[i].written != 0);
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
    {ASKS, .usage = "COMMAND|INFO [command-name...]", .plan = plan_info, .complexity = "O(n), n the commands asked for",
     .summary = "Describes commands to a program.", .example = "COMMAND INFO del"},
    {ASKS, .usage = "COMMAND|DOCS [command-name...]", .plan = cmd_docs_docs,
     .complexity = "O(n), n the commands asked for", .summary = "Documents commands, with a tree of their arguments.",
     .example = "COMMAND DOCS del"},
    {ASKS, .usage = "COMMAND|USAGE [command-name...]", .plan = cmd_docs_usage,
     .complexity = "O(n), n the commands asked for",
     .summary = "Tells the usage lines of commands, and what else was declared for people.",
     .example = "COMMAND USAGE del"},
    {ASKS, .usage = "COMMAND|GETKEYS command [arg...]", .plan = plan_getkeys, .complexity = "O(n), n the arguments",
     .summary = "Tells which arguments of a whole command line are keys.", .example = "COMMAND GETKEYS DEL a b"},
    {ASKS, .usage = "COMMAND|GETKEYSANDFLAGS command [arg...]", .plan = plan_getkeysandflags,
     .complexity = "O(n), n the arguments",
     .summary = "Tells which arguments of a whole command line are keys, and whether they are written.",
     .example = "COMMAND GETKEYSANDFLAGS COPY a b"},
    {ASKS, .usage = "COMMAND|HELP", .plan = cmd_help, .complexity = "O(1)",
     .summary = "Lists the sub-commands of COMMAND.", .example = "COMMAND HELP"},
};

const struct gm_module *commands_command(void)
{
    static const struct gm_module module = {
        .size = sizeof module,
        .abi_major = GM_ABI_MAJOR,
        .abi_minor = GM_ABI_MINOR,
        .name = "geomys.command",
        .version = CMD_FIRST_VERSION,
        .licence = "MIT",
        .summary = "Tells what commands there are.",
        .group = "server",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
    };
    return &module;
}
