/* SPDX-License-Identifier: MIT */

/* cmd_command_docs.c - commands described to people's tools: to those of others in the form of Redis, to ours in our
 * own.
 *
 * Limits   The depth of a tree of arguments is that of a usage line, USAGE_DEPTH_MAX. */
#include "command/cmd_command_docs.h"

#include "module/usage/usage_docs.h"

/* ---- arguments ---- */

static void reply_arguments(struct reply *reply, const struct usage *usage, uint8_t first);

static size_t count_flags(const struct usage_doc *doc)
{
    return (size_t)doc->optional + doc->multiple + doc->multiple_token;
}

static void reply_argument_flags(struct reply *reply, const struct usage_doc *doc)
{
    reply_text(reply, "flags");
    reply_set(reply, count_flags(doc));
    if (doc->optional) {
        reply_status(reply, "optional");
    }
    if (doc->multiple) {
        reply_status(reply, "multiple");
    }
    if (doc->multiple_token) {
        reply_status(reply, "multiple_token");
    }
}

static void reply_argument(struct reply *reply, const struct usage *usage, const struct usage_doc *doc)
{
    bool keyed = doc->key_spec_index >= 0;
    bool token = doc->token.data != NULL;
    bool flags = count_flags(doc) > 0;
    bool nested = doc->child != 0;
    reply_map(reply, (size_t)2 + !nested + keyed + token + flags + nested);
    reply_text(reply, "name");
    reply_text(reply, doc->name);
    reply_text(reply, "type");
    reply_text(reply, doc->type);
    if (!nested) {
        reply_text(reply, "display_text");
        reply_text(reply, doc->name);
    }
    if (keyed) {
        reply_text(reply, "key_spec_index");
        reply_int(reply, doc->key_spec_index);
    }
    if (token) {
        reply_text(reply, "token");
        reply_bytes(reply, doc->token);
    }
    if (flags) {
        reply_argument_flags(reply, doc);
    }
    if (nested) {
        reply_text(reply, "arguments");
        reply_arguments(reply, usage, doc->child);
    }
}

static void reply_arguments(struct reply *reply, const struct usage *usage, uint8_t first)
{
    reply_array(reply, usage_docs_count(usage, first));
    for (uint8_t number = first; number != 0;) {
        struct usage_doc doc = usage_docs_at(usage, number);
        reply_argument(reply, usage, &doc);
        number = doc.next;
    }
}

/* ---- COMMAND DOCS ---- */

static void reply_pair(struct reply *reply, const char *name, const char *text)
{
    reply_text(reply, name);
    reply_text(reply, text);
}

static const char *subject_name(const struct cmd_command_subject *subject)
{
    return subject->entry != NULL ? subject->entry->name : subject->command->usage.name;
}

static void reply_summary(struct reply *reply, const struct cmd_command_subject *subject)
{
    const struct command *command = subject->command;
    reply_text(reply, "summary");
    if (command != NULL) {
        reply_text(reply, command->abi->summary);
    } else {
        reply_format(reply, "The commands that begin with %s.", subject->entry->name);
    }
    reply_pair(reply, "complexity", command != NULL ? command->abi->complexity : "Depends on the sub-command.");
}

/* A module that does not say since when it has a command has it in this version. */
static const char *since_of(const struct command *command)
{
    return command->abi->since != NULL ? command->abi->since : command->module->abi->version;
}

void cmd_command_docs_reply(struct reply *reply, const struct cmd_command_subject *subject)
{
    const struct command *any = subject->command != NULL ? subject->command : subject->entry->subs[0];
    bool module = any->module->path != NULL;
    bool arguments = subject->command != NULL && usage_docs_first(&any->usage) != 0;
    uint32_t subs = subject->entry != NULL ? subject->entry->sub_count : 0;
    reply_text(reply, subject_name(subject));
    reply_map(reply, (size_t)4 + module + arguments + (subs > 0));
    reply_summary(reply, subject);
    reply_pair(reply, "since", since_of(any));
    reply_pair(reply, "group", any->group);
    if (module) {
        reply_pair(reply, "module", any->module->abi->name);
    }
    if (arguments) {
        reply_text(reply, "arguments");
        reply_arguments(reply, &any->usage, usage_docs_first(&any->usage));
    }
    if (subs > 0) {
        reply_text(reply, "subcommands");
        reply_map(reply, subs);
        for (uint32_t i = 0; i < subs; i++) {
            cmd_command_docs_reply(reply, &(struct cmd_command_subject){NULL, subject->entry->subs[i]});
        }
    }
}

/* ---- COMMAND USAGE ---- */

static void reply_optional(struct reply *reply, const char *name, const char *text)
{
    reply_text(reply, name);
    if (text != NULL) {
        reply_text(reply, text);
    } else {
        reply_null(reply);
    }
}

void cmd_command_docs_reply_usage(struct reply *reply, const struct command *command)
{
    reply_text(reply, command->usage.name);
    reply_map(reply, 8);
    reply_pair(reply, "usage", command->usage.line);
    reply_pair(reply, "summary", command->abi->summary);
    reply_pair(reply, "complexity", command->abi->complexity);
    reply_text(reply, "flags");
    reply_array(reply, cmd_command_info_flags(command, true, NULL));
    (void)cmd_command_info_flags(command, true, reply);
    reply_pair(reply, "group", command->group);
    reply_pair(reply, "module", command->module->abi->name);
    reply_optional(reply, "since", command->abi->since);
    reply_optional(reply, "example", command->abi->example);
}
