/* SPDX-License-Identifier: MIT */

/* call.c - what is wrong with a call: whose fault it is, and what there is no memory for. */
#include "serve/call.h"

#include <stdio.h>

/* What is wrong with the reply by now; NULL: nothing that is the module's fault. */
static const char *reply_fault(const struct reply *reply)
{
    switch ((enum reply_wrong)reply->wrong) {
    case REPLY_MORE:
        return "went on answering though its answer was whole";
    case REPLY_ENDLESS:
        return "announced more elements than there can be";
    case REPLY_SIZE:
        return "answered with more bytes than there can be";
    case REPLY_UNOPENED:
        return "ended what it has not begun";
    case REPLY_EARLY:
        return "ended what lacks elements that it announced, or half of a pair";
    case REPLY_RIGHT:
    case REPLY_ROOM:
        break;
    }
    return NULL;
}

/* Whether the command was named in the log already. */
static bool *blamed_of(struct call *call)
{
    const struct command *command = call->command;
    if (command->index == COMMAND_NO_INDEX) {
        return &call->worker->due.blamed[call->shard->types.numbers[command->type->index]];
    }
    return &call->worker->meters.commands[command->index].blamed;
}

#define WHO_MAX 160

static const char *name_type(char who[WHO_MAX], const char *type, const char *module)
{
    (void)snprintf(who, WHO_MAX, "the type %s of the module %s", type, module);
    return who;
}

/* `who` has done it; NULL: the command's module. */
__attribute__((format(printf, 3, 0))) static void blame(struct call *call, const char *who, const char *format,
                                                        va_list args)
{
    char text[256];
    const char *earlier = reply_fault(&call->reply); /* call I3 */
    (void)vsnprintf(text, sizeof text, format, args);
    call->reply.bad |= REPLY_WRONG; /* whatever else it says: exec.c makes the sentence the answer */
    if (call->fault[0] != '\0') {
        return; /* the first says most */
    }
    const struct command *command = call->command;
    char module[RECORD_TYPE_NAME_MAX + 16];
    if (earlier != NULL || who == NULL) {
        (void)snprintf(module, sizeof module, "the module %s", command->module->abi->name);
        who = module;
    }
    (void)snprintf(call->fault, sizeof call->fault, "ERR %s %s, in '%s': %s", who, earlier != NULL ? earlier : text,
                   command->usage.name, call->answering ? "what it has changed stands" : "nothing was changed by it");
    bool *blamed = blamed_of(call);
    if (!*blamed) { /* call I4 */
        *blamed = true;
        const struct shard_events *events = &call->shard->events;
        if (events->on_fault != NULL) {
            events->on_fault(events->context, call->fault + strlen("ERR "));
        }
    }
}

void call_fault(struct call *call, const char *format, ...)
{
    char who[WHO_MAX];
    const char *type = call->lent != NULL ? call->lent->abi->id : NULL;
    va_list args;
    va_start(args, format);
    blame(call, type == NULL ? NULL : name_type(who, type, call->lent->module->abi->name), format, args);
    va_end(args);
}

void call_fault_of(struct call *call, const struct shard_type *type, const char *format, ...)
{
    char who[WHO_MAX];
    va_list args;
    va_start(args, format);
    blame(call, name_type(who, type->name, type->module), format, args);
    va_end(args);
}

void call_fault_unfinished(struct call *call)
{
    const struct reply *reply = &call->reply;
    if (reply->open_count > 0) {
        call_fault(call, "left open what it has begun");
    } else if (reply->out->size == reply->start) {
        call_fault(call, "gave no answer");
    } else {
        call_fault(call, "left out %llu of the elements that it announced", (unsigned long long)reply->owed);
    }
}

void call_lacks(struct call *call, const char *error)
{
    call->needs.lack = call->needs.lack != NULL ? call->needs.lack : error;
    call->reply.bad |= REPLY_WRONG; /* whatever else it says: exec.c makes the error the answer */
}
