/* SPDX-License-Identifier: MIT */

/* witness.c - the line of states of one client. */
#include "witness.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define LIST_MAX 8 /* elements */

void witness_init(struct witness *witness)
{
    *witness = (struct witness){.count = 1, .capacity = 64};
    witness->states = memory_zeroed(witness->capacity * sizeof *witness->states);
}

void witness_finish(struct witness *witness)
{
    memory_free(witness->states);
}

static const struct witness_state *last(const struct witness *witness)
{
    return &witness->states[witness->count - 1];
}

enum witness_op witness_choose(const struct witness *witness, enum witness_op op)
{
    bool is_long = last(witness)->next - last(witness)->first >= LIST_MAX;
    return is_long && (op == WITNESS_PUSH || op == WITNESS_ALL) ? WITNESS_POP : op;
}

const struct witness_state *witness_send(struct witness *witness, enum witness_op op)
{
    struct witness_state state = *last(witness);
    if (op == WITNESS_SET || op == WITNESS_ALL) {
        state.text = ++witness->texts;
    }
    if (op == WITNESS_INCR || op == WITNESS_ALL) {
        state.number++;
    }
    if (op == WITNESS_PUSH || op == WITNESS_ALL) {
        state.next++;
    }
    if (op == WITNESS_POP) {
        state.first += state.first < state.next;
    }
    if (op == WITNESS_DEL) {
        state.text = 0;
    }
    if (witness->count == witness->capacity) {
        witness->capacity *= 2;
        witness->states = memory_realloc(witness->states, witness->capacity * sizeof *witness->states);
    }
    witness->states[witness->count++] = state;
    return last(witness);
}

void witness_ack(struct witness *witness)
{
    check(witness->acked + 1 < witness->count);
    witness->acked++;
}

static void read_one(uint64_t value, char reply[WITNESS_TEXT])
{
    if (value == 0) {
        (void)snprintf(reply, WITNESS_TEXT, "nil");
    } else {
        (void)snprintf(reply, WITNESS_TEXT, "\"%llu\"", (unsigned long long)value);
    }
}

void witness_reads(const struct witness_state *state, char replies[3][WITNESS_TEXT])
{
    size_t size = 0;
    read_one(state->text, replies[0]);
    read_one(state->number, replies[1]);
    replies[2][size++] = '[';
    for (uint64_t i = state->first; i < state->next; i++) {
        int more = snprintf(replies[2] + size, WITNESS_TEXT - size, "%s\"%llu\"", i > state->first ? " " : "",
                            (unsigned long long)i);
        check(more > 0 && size + (size_t)more + 2 < WITNESS_TEXT);
        size += (size_t)more;
    }
    (void)snprintf(replies[2] + size, WITNESS_TEXT - size, "]");
}

bool witness_find(struct witness *witness, const char *const found[3], bool loses)
{
    for (size_t i = witness->count; i-- > (loses ? 0 : witness->acked);) {
        char replies[3][WITNESS_TEXT];
        witness_reads(&witness->states[i], replies);
        if (strcmp(replies[0], found[0]) == 0 && strcmp(replies[1], found[1]) == 0 &&
            strcmp(replies[2], found[2]) == 0) {
            witness->count = i + 1;
            witness->acked = i;
            return true;
        }
    }
    return false;
}
