/* SPDX-License-Identifier: MIT */

/* blame.c - the epitaph. Called by a signal handler: no allocation, no formatting function, no lock. */
#include "serve/blame.h"

#include "serve/call.h"

#define KEY_SHOWN  32 /* bytes */
#define NAME_SHOWN 128

struct text {
    char *data;
    size_t size;
    size_t room;
};

static void add(struct text *text, const char *words)
{
    for (size_t i = 0; i < NAME_SHOWN && words[i] != '\0' && text->size < text->room; i++) {
        text->data[text->size++] = words[i];
    }
}

static void add_byte(struct text *text, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    char shown[5] = {(char)byte, '\0'};
    if (byte == '"' || byte == '\\') {
        shown[0] = '\\';
        shown[1] = (char)byte;
    } else if (byte < ' ' || byte > '~') {
        shown[0] = '\\';
        shown[1] = 'x';
        shown[2] = digits[byte >> 4];
        shown[3] = digits[byte & 15];
    }
    add(text, shown);
}

static void add_key(struct text *text, struct gm_bytes key)
{
    add(text, "\"");
    for (size_t i = 0; i < key.size && i < KEY_SHOWN; i++) {
        add_byte(text, key.data[i]);
    }
    add(text, key.size > KEY_SHOWN ? "\"..." : "\"");
}

static void add_number(struct text *text, uint64_t number)
{
    char digits[21] = "";
    size_t at = sizeof digits - 1;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(text, digits + at);
}

static const char *doing(const struct crumb *crumb)
{
    switch (crumb->kind) {
    case CRUMB_APPLY:
        return "applying a record to";
    case CRUMB_DUMP:
        return "dumping";
    case CRUMB_FREE:
        return "freeing";
    case CRUMB_DUE:
        return "asking for the due time of";
    case CRUMB_ELEMENTS:
        return "showing the elements of";
    case CRUMB_PLAN:
        return "planning";
    case CRUMB_NONE:
        break;
    }
    return "working on";
}

/* The type's module is not known to the shard, but the type's name begins with it: "geomys.deque/1". */
static void add_crumb(struct text *text, const struct shard *shard, const char *deed)
{
    const struct crumb *crumb = shard->crumb;
    const char *type = crumb->type < shard->types.count ? shard->types.by_number[crumb->type].name : "unknown";
    add(text, "the type ");
    add(text, type);
    add(text, " ");
    add(text, deed);
    add(text, " while ");
    add(text, doing(crumb));
    add(text, " the value of key ");
    add_key(text, crumb->key);
    if (shard_is_loading(shard)) {
        add(text, ", from record ");
        add_number(text, shard->tail.last_sequence);
        add(text, " of the log");
    }
}

static const struct command *command_of(const struct worker *worker)
{
    return worker->depth > 0 && worker->depth <= 2 ? worker->calls[worker->depth - 1]->command : NULL;
}

/* The host's own commands are in modules without a path: what crashes there is the server. */
static void blame(struct text *text, const struct command *command, const char *deed)
{
    if (command->module->path != NULL) {
        add(text, "the module ");
        add(text, command->module->abi->name);
    } else {
        add(text, "the server itself");
    }
    add(text, " ");
    add(text, deed);
    add(text, " in '");
    add(text, command->usage.name);
    add(text, "'");
}

static void add_command(struct text *text, const struct command *command)
{
    add(text, "; the command under way was '");
    add(text, command->usage.name);
    add(text, "' of the module ");
    add(text, command->module->abi->name);
}

size_t blame_describe(const struct worker *worker, const char *deed, char *data, size_t room)
{
    struct text text = {data, 0, room};
    const struct shard *shard = worker->shard;
    const struct command *command = command_of(worker);
    if (shard != NULL && shard->crumb != NULL && shard->crumb->kind != CRUMB_NONE) {
        add_crumb(&text, shard, deed);
        if (command != NULL) {
            add_command(&text, command);
        }
    } else if (command != NULL) {
        blame(&text, command, deed);
    }
    return text.size;
}

uint64_t blame_progress(const struct worker *worker)
{
    const struct shard *shard = worker->shard;
    uint64_t records = shard != NULL ? shard->tail.last_sequence : 0;
    return worker->meters.counts.commands + records;
}
