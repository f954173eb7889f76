/* SPDX-License-Identifier: MIT */

/* answer.c - the room, the commit, and what is believed of the answer; answer.h has the argument. */
#include "serve/answer.h"

#include "serve/commit.h"

#define ERROR_ROOM ((size_t)1024) /* bytes: for the error in an answer's place */

bool answer_is_due(const struct call *call)
{
    return call->command->abi->answer != NULL && reply_is_blank(&call->reply);
}

/* answer P3 */
static void hide_keys(struct call *call)
{
    for (uint32_t i = 0; i < call->abi.key_count; i++) {
        call->keys[i].state = GM_KEY_ABSENT;
        call->keys[i].cell = (struct gm_cell){0};
        call->keys[i].host = NULL;
    }
    call->abi.key_count = 0;
}

static void ask(struct call *call)
{
    const struct gm_command *command = call->command->abi;
    hide_keys(call);
    call->answering = true;
    command->answer(&call->abi);
    size_t size = reply_written(&call->reply).size;
    if (call->reply.error) {
        call_fault(call, "refuses what it has changed already");
    } else if (size > command->answer_max) {
        call_fault(call, "answers with %zu bytes, and declares %zu", size, command->answer_max);
    } else if (call->emission_count > 0) {
        call_fault(call, "emits a record after its change");
    } else if (!reply_whole(&call->reply)) {
        call_fault_unfinished(call);
    }
    if (call->fault[0] != '\0') { /* answer P2 */
        call->out->full = false;
        reply_error(&call->reply, call->fault);
        check((call->reply.bad & REPLY_WRONG) == 0); /* answer P1 */
    }
}

bool answer(struct call *call)
{
    uint32_t count = call->emission_count;
    call->outcomes = arena_try(&call->worker->arena, count * sizeof *call->outcomes);
    if (call->outcomes == NULL) {
        call_lacks(call, CALL_NO_MEMORY);
        return false;
    }
    if (buf_reserve(call->out, call->command->abi->answer_max + ERROR_ROOM) == NULL) { /* answer P1 */
        call->outcomes = NULL;
        call->reply.bad |= REPLY_WRONG;
        return false;
    }
    commit(call);
    call->outcome_count = count;
    call->emission_count = 0; /* they are history */
    if (!call->reply.error) {
        ask(call);
    }
    call->outcomes = NULL;
    call->answering = false;
    return true;
}
