/* SPDX-License-Identifier: MIT */

/* cmd_command_info.c - commands described to programs.
 *
 * Idea     All of it is derived from the registry: usage lines, flags, groups. A first word is one entry, as in Redis,
 *          with its sub-commands under it, whether it is a command itself or not.
 *
 *          of one command:  | name | arity | flags | first key | last key | step | categories | tips | key specs |
 *          sub-commands |
 *
 * Limits   There are no tips. Key specifications say "read" or "written"; more cannot be known from a usage line. */
#include "command/cmd_command_info.h"

#include <stdio.h>

#include "module/usage/usage_docs.h"
#include "serve/call.h"

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

bool cmd_command_info_has_keys(const struct command *command)
{
    return command->usage.has_keys || command->abi->keys != NULL;
}

/* PING is declared as reading, since it changes nothing; as a word it is kept for what reads data. */
size_t cmd_command_info_flags(const struct command *command, bool own, struct reply *reply)
{
    uint32_t flags = command->abi->flags;
    bool reads = (flags & GM_READ) != 0 && (cmd_command_info_has_keys(command) || (flags & CALL_GLOBAL) != 0);
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

void cmd_command_info_reply_key(struct reply *reply, bool written)
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
        cmd_command_info_reply_key(reply, spec.written && (command->abi->flags & GM_WRITE) != 0);
        reply_text(reply, "begin_search");
        reply_begin_search(reply, &spec);
        reply_text(reply, "find_keys");
        reply_find_keys(reply, &spec);
    }
}

/* ---- one command, one container ---- */

static void reply_own(struct reply *reply, const struct command *command)
{
    const struct usage *usage = &command->usage;
    reply_int(reply, usage->arity);
    reply_set(reply, cmd_command_info_flags(command, false, NULL));
    (void)cmd_command_info_flags(command, false, reply);
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
    reply_categories(reply, CMD_COMMAND_INFO_CONTAINER);
    reply_set(reply, 0);
    reply_set(reply, 0);
}

void cmd_command_info_reply(struct reply *reply, const struct cmd_command_subject *subject)
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
        cmd_command_info_reply(reply, &(struct cmd_command_subject){NULL, subject->entry->subs[i]});
    }
}
