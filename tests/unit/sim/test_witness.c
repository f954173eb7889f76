/* SPDX-License-Identifier: MIT */

/* What a client's witness takes for possible. */
#include <criterion/criterion.h>

#include "witness.h"

static bool finds(struct witness *witness, const char *text, const char *number, const char *list, bool loses)
{
    const char *const found[3] = {text, number, list};
    return witness_find(witness, found, loses);
}

static void prepare(struct witness *witness)
{
    witness_init(witness);
    (void)witness_send(witness, WITNESS_SET);
    (void)witness_send(witness, WITNESS_ALL);
    witness_ack(witness);
    witness_ack(witness);
    (void)witness_send(witness, WITNESS_PUSH);
    (void)witness_send(witness, WITNESS_DEL);
}

Test(witness, knows_what_must_be_and_what_may_be)
{
    static const struct {
        const char *text, *number, *list;
        bool loses, possible;
    } cases[] = {
        {"\"2\"", "\"1\"", "[\"0\"]", false, true},           /* what was acknowledged */
        {"\"2\"", "\"1\"", "[\"0\" \"1\"]", false, true},     /* one more */
        {"nil", "\"1\"", "[\"0\" \"1\"]", false, true},       /* all that was sent */
        {"nil", "\"1\"", "[\"0\"]", false, false},            /* the later one without the earlier */
        {"\"1\"", "nil", "[]", false, false},                 /* lost */
        {"\"1\"", "nil", "[]", true, true},                   /* where it may be */
        {"\"2\"", "nil", "[\"0\"]", true, false},             /* half of a transaction */
        {"nil", "\"1\"", "[\"0\" \"1\" \"2\"]", true, false}, /* nobody sent it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct witness witness;
        prepare(&witness);
        cr_expect_eq(finds(&witness, cases[i].text, cases[i].number, cases[i].list, cases[i].loses), cases[i].possible,
                     "case %zu", i);
        witness_finish(&witness);
    }
}

Test(witness, goes_on_from_what_was_found)
{
    struct witness witness;
    prepare(&witness);
    cr_assert(finds(&witness, "\"2\"", "\"1\"", "[\"0\"]", false));
    cr_expect_not(finds(&witness, "nil", "\"1\"", "[\"0\" \"1\"]", false), "it was not there the last time");
    cr_expect_eq(witness_send(&witness, WITNESS_SET)->text, 3, "no text comes twice");
    witness_finish(&witness);
}
