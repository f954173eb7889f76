/* SPDX-License-Identifier: MIT */

/* What somebody who is typing is shown. */
#include "module/usage/usage_hint.h"

#include "words.h"

struct typed {
    const char *line;
    const char *words; /* a "~" at the end: the last word is not finished */
    const char *rest;  /* NULL: refused */
    const char *next;  /* tokens and, in brackets, the argument */
    bool complete;
};

static void list_next(const struct usage *usage, const struct usage_hint *hint, struct buf *out)
{
    for (uint64_t left = hint->tokens; left != 0; left &= left - 1) {
        (void)buf_append(out, usage_leaf_text(usage, (uint32_t)__builtin_ctzll(left)));
        (void)buf_append(out, BYTES(" "));
    }
    if (hint->argument >= 0) {
        (void)buf_append(out, BYTES("("));
        (void)buf_append(out, usage_leaf_text(usage, (uint32_t)hint->argument));
        (void)buf_append(out, BYTES(")"));
    }
}

static void expect_hint(const struct typed *typed)
{
    struct usage usage = usage_of(typed->line);
    struct words words = words_of(typed->words);
    struct gm_bytes *last = &words.argv[words.argc - 1];
    bool partial = last->size > 0 && last->data[last->size - 1] == '~';
    last->size -= partial ? 1 : 0;
    struct buf rest;
    struct buf next;
    struct usage_hint hint;
    buf_init(&rest, 4096);
    buf_init(&next, 4096);
    usage_hint(&usage, words.argv, words.argc, partial, &rest, &hint);
    list_next(&usage, &hint, &next);
    cr_expect_eq(hint.refused, typed->rest == NULL, "%s: refused at %u", typed->words, hint.at);
    cr_expect(gm_bytes_equal(buf_bytes(&rest), gm_bytes_of(typed->rest == NULL ? "" : typed->rest)), "%s: '%.*s'",
              typed->words, (int)rest.size, rest.data == NULL ? "" : (const char *)rest.data);
    cr_expect(typed->rest == NULL || gm_bytes_equal(buf_bytes(&next), gm_bytes_of(typed->next)), "%s: next '%.*s'",
              typed->words, (int)next.size, next.data == NULL ? "" : (const char *)next.data);
    cr_expect_eq(hint.complete, typed->complete, "%s: complete", typed->words);
    buf_finish(&rest);
    buf_finish(&next);
    usage_finish(&usage);
}

#define SET   "SET key value [ms:int] [NX|XX] [GET] [EX seconds:int|EXAT at:unix|KEEPTTL]"
#define LMPOP "LMPOP numkeys:int key{numkeys} <LEFT|RIGHT> [COUNT count:int]"
#define SORT  "SORT key [GET pattern:pattern]... [ASC|DESC]"

Test(usage_hint, the_rest_of_the_line_without_what_is_used_up)
{
    static const struct typed cases[] = {
        {SET, "SET", "key value [ms] [NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "(key)", false},
        {SET, "SET k", "value [ms] [NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "(value)", false},
        {SET, "SET k v", "[ms] [NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "NX XX GET EX EXAT KEEPTTL (ms)", true},
        {SET, "SET k v 5", "[NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "NX XX GET EX EXAT KEEPTTL ", true},
        {SET, "SET k v nx", "[GET] [EX seconds|EXAT at|KEEPTTL]", "GET EX EXAT KEEPTTL ", true},
        {SET, "SET k v EX", "seconds [NX|XX] [GET]", "(seconds)", false},
        {SET, "SET k v EX 10", "[NX|XX] [GET]", "NX XX GET ", true},
        {SET, "SET k v EX 10 GET XX", "", "", true},
        {SET, "SET k v EX ten", NULL, "", false},
        {SET, "SET k v NX XX", NULL, "", false},
        {SET, "SET k~", "value [ms] [NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "(key)", false},
        {SET, "SET k v k~", "[NX|XX] [GET]", "KEEPTTL (ms)", false},
        {SET, "SET k v e~", "[ms] [NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "EX EXAT (ms)", false},
        {SET, "SET k v ex~", "seconds [NX|XX] [GET]", "EX EXAT (ms)", false},
        {SET, "SET k v 1~", "[NX|XX] [GET] [EX seconds|EXAT at|KEEPTTL]", "(ms)", true},
        {SET, "SET k v q~", NULL, "", false},
        {"MSET {key value}...", "MSET", "{key value}...", "(key)", false},
        {"MSET {key value}...", "MSET a", "value [key value]...", "(value)", false},
        {"MSET {key value}...", "MSET a 1", "[key value]...", "(key)", true},
        {"LPUSH key element...", "LPUSH k a b", "[element...]", "(element)", true},
        {"BLPOP key... timeout:timeout", "BLPOP a b", "[key...] timeout", "(key)", false},
        {LMPOP, "LMPOP", "numkeys key... <LEFT|RIGHT> [COUNT count]", "(numkeys)", false},
        {LMPOP, "LMPOP 3 a", "key... <LEFT|RIGHT> [COUNT count]", "(key)", false},
        {LMPOP, "LMPOP 2 a", "key <LEFT|RIGHT> [COUNT count]", "(key)", false},
        {LMPOP, "LMPOP 1 a", "<LEFT|RIGHT> [COUNT count]", "LEFT RIGHT ", false},
        {LMPOP, "LMPOP 1 a r~", "[COUNT count]", "RIGHT ", false},
        {LMPOP, "LMPOP 1 a LEFT", "[COUNT count]", "COUNT ", true},
        {LMPOP, "LMPOP 1 a MIDDLE", NULL, "", false},
        {SORT, "SORT k GET a", "[GET pattern]... [ASC|DESC]", "GET ASC DESC ", true},
        {SORT, "SORT k DESC", "[GET pattern]...", "GET ", true},
        {SORT, "SORT k GET", "pattern [GET pattern]... [ASC|DESC]", "(pattern)", false},
        {"BITCOUNT key [start:int end:int [BYTE|BIT]]", "BITCOUNT k 0", "end [BYTE|BIT]", "(end)", false},
        {"OBJECT|ENCODING key", "OBJECT ENCODING", "key", "(key)", false},
        {"FCALL function numkeys:int [key{numkeys}] [arg...]", "FCALL f 0", "[arg...]", "(arg)", true},
        {"AUTH [username] password", "AUTH x", "password", "(password)", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_hint(&cases[i]);
    }
}

Test(usage_hint, the_synopsis_is_the_line_without_types)
{
    static const char *const cases[][2] = {
        {"CLIENT|LIST [TYPE <A|B>] [ID client-id:int...]", "CLIENT LIST [TYPE <A|B>] [ID client-id...]"},
        {"X {a b:int}... c:key", "X {a b}... c"},
        {"X [<GET a|SET b>...] [K k]...", "X [GET a|SET b]... [K k]..."},
        {"PING", "PING"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage usage = usage_of(cases[i][0]);
        struct buf out;
        buf_init(&out, 4096);
        usage_synopsis(&usage, &out);
        cr_expect(gm_bytes_equal(buf_bytes(&out), gm_bytes_of(cases[i][1])), "%.*s", (int)out.size,
                  (const char *)out.data);
        buf_finish(&out);
        usage_finish(&usage);
    }
}
