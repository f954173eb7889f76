/* SPDX-License-Identifier: MIT */

/* talk.c - see talk.h. */
#include "talk.h"

#include <criterion/criterion.h>

#include <string.h>

#include "support/resp_text.h"

struct trio *talk_begin(uint64_t seed)
{
    struct trio *trio = trio_begin(seed);
    for (unsigned i = 0; i < TRIO_PATIENCE; i++) {
        trio_turn(trio);
        if (trio_replica(trio, 1)->state == REPLICA_SERVING && trio_replica(trio, 2)->state == REPLICA_SERVING) {
            return trio;
        }
    }
    cr_assert_fail("they do not come to serve");
    return trio;
}

void talk_finish(struct trio *trio)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (trio->runs[i]) {
            trio_stop(trio, i, false);
        }
    }
    trio_finish(trio);
}

const char *talk_take(struct trio *trio, unsigned i)
{
    struct node_fixture *at = &trio->at[i];
    buf_clear(&at->text, SIZE_MAX);
    size_t size = resp_text_reply(buf_bytes(&at->conn.output), &at->text);
    cr_assert_neq(size, RESP_TEXT_BROKEN);
    if (size == 0) {
        return NULL;
    }
    buf_consume(&at->conn.output, size);
    cr_assert(buf_append(&at->text, (struct gm_bytes){(const uint8_t *)"", 1}));
    return (const char *)at->text.data;
}

const char *talk_hear_within(struct trio *trio, unsigned i, unsigned patience)
{
    for (unsigned k = 0; k < patience; k++) {
        const char *text = talk_take(trio, i);
        if (text != NULL) {
            return text;
        }
        trio_turn(trio);
    }
    return NULL;
}

const char *talk_hear(struct trio *trio, unsigned i)
{
    const char *text = talk_hear_within(trio, i, TRIO_PATIENCE);
    cr_assert_not_null(text, "node %u does not answer", i + 1);
    return text;
}

const char *talk_say(struct trio *trio, unsigned i, const char *line)
{
    trio_send(trio, i, line);
    return talk_hear(trio, i);
}

void talk_expect(struct trio *trio, unsigned i, const char *line, const char *answer)
{
    const char *text = talk_say(trio, i, line);
    cr_assert_str_eq(text, answer, "%s: %s, not %s", line, text, answer);
}

void talk_begins(struct trio *trio, unsigned i, const char *line, const char *answer)
{
    const char *text = talk_say(trio, i, line);
    cr_assert(strncmp(text, answer, strlen(answer)) == 0, "%s: %s, not %s", line, text, answer);
}

void talk_next(struct trio *trio, unsigned i, const char *answer)
{
    const char *text = talk_hear(trio, i);
    cr_assert_str_eq(text, answer, "%s, not %s", text, answer);
}

void talk_next_begins(struct trio *trio, unsigned i, const char *answer)
{
    const char *text = talk_hear(trio, i);
    cr_assert(strncmp(text, answer, strlen(answer)) == 0, "%s, not %s", text, answer);
}

void talk_answers(struct trio *trio, unsigned i, const char *const *answers)
{
    for (size_t k = 0; answers[k] != NULL; k++) {
        const char *text = talk_hear(trio, i);
        cr_assert_str_eq(text, answers[k], "answer %zu: %s, not %s", k + 1, text, answers[k]);
    }
}
