/* SPDX-License-Identifier: MIT */

/* COMMAND DOCS and key specifications. */
#include "module/usage/usage_docs.h"

#include <stdio.h>

#include "words.h"

static void describe(const struct usage *usage, uint8_t first, char *text, size_t room, size_t *used)
{
    for (uint8_t number = first; number != 0;) {
        struct usage_doc doc = usage_docs_at(usage, number);
        *used += (size_t)snprintf(text + *used, room - *used, "%s:%s", doc.name, doc.type);
        if (doc.token.data != NULL) {
            *used += (size_t)snprintf(text + *used, room - *used, ":%.*s", (int)doc.token.size,
                                      (const char *)doc.token.data);
        }
        if (doc.key_spec_index >= 0) {
            *used += (size_t)snprintf(text + *used, room - *used, "#%d", doc.key_spec_index);
        }
        *used += (size_t)snprintf(text + *used, room - *used, "%s%s%s", doc.optional ? "?" : "",
                                  doc.multiple ? "*" : "", doc.multiple_token ? "*" : "");
        if (doc.child != 0) {
            *used += (size_t)snprintf(text + *used, room - *used, "(");
            describe(usage, doc.child, text, room, used);
            *used += (size_t)snprintf(text + *used, room - *used, ")");
        }
        number = doc.next;
        *used += (size_t)snprintf(text + *used, room - *used, "%s", number != 0 ? " " : "");
    }
}

Test(usage_docs, arguments_are_in_the_words_of_command_docs)
{
    static const char *const cases[][2] = {
        {"SET key value [NX|XX] [GET] [EX seconds:int|PXAT at:unix-ms|KEEPTTL]",
         "key:key#0 value:string nx:oneof?(nx:pure-token:NX xx:pure-token:XX) get:pure-token:GET? "
         "ex:oneof?(seconds:integer:EX at:unix-time:PXAT keepttl:pure-token:KEEPTTL)"},
        {"MSET {key value}...", "key:block*(key:key#0 value:string)"},
        {"SORT key [BY by:pattern] [GET pattern:pattern]... [LIMIT offset:int count:int]",
         "key:key#0 by:pattern:BY? pattern:pattern:GET?** "
         "limit:block?(limit:pure-token:LIMIT offset:integer count:integer)"},
        {"LMPOP numkeys:int key{numkeys} <LEFT|RIGHT>",
         "numkeys:integer key:key#0* left:oneof(left:pure-token:LEFT right:pure-token:RIGHT)"},
        {"BLPOP key... timeout:timeout", "key:key#0* timeout:double"},
        {"CLIENT|LIST [ID client-id:int...]", "client-id:integer:ID?*"},
        {"FLUSHALL", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage usage = usage_of(cases[i][0]);
        char text[1024] = "";
        size_t used = 0;
        describe(&usage, usage_docs_first(&usage), text, sizeof text, &used);
        cr_expect_str_eq(text, cases[i][1], "%s", text);
        usage_finish(&usage);
    }
    struct usage usage = usage_of("SET key value [NX|XX]");
    cr_assert_eq(usage_docs_count(&usage, usage_docs_first(&usage)), 3);
    cr_assert_eq(usage_docs_count(&usage, 0), 0);
    usage_finish(&usage);
}

static void describe_spec(const struct usage_key_spec *spec, char *text, size_t room)
{
    size_t used = (size_t)snprintf(text, room, "%s ", spec->written ? "rw" : "ro");
    if (spec->begin == USAGE_BEGIN_INDEX) {
        used += (size_t)snprintf(text + used, room - used, "at %d", spec->index);
    } else if (spec->begin == USAGE_BEGIN_KEYWORD) {
        used += (size_t)snprintf(text + used, room - used, "after %.*s from %d", (int)spec->keyword.size,
                                 (const char *)spec->keyword.data, spec->start_from);
    }
    if (spec->span == USAGE_SPAN_RANGE) {
        snprintf(text + used, room - used, " to %d step %d", spec->last_key, spec->key_step);
    } else if (spec->span == USAGE_SPAN_KEYNUM) {
        snprintf(text + used, room - used, " count %d first %d step %d", spec->keynum, spec->first, spec->key_step);
    }
}

Test(usage_docs, each_key_argument_has_a_specification)
{
    static const struct {
        const char *line;
        const char *specs[3];
    } cases[] = {
        {"GET key", {"rw at 1 to 0 step 1"}},
        {"COPY source:rkey destination:key [REPLACE]", {"ro at 1 to 0 step 1", "rw at 2 to 0 step 1"}},
        {"MSET {key value}...", {"rw at 1 to -1 step 2"}},
        {"BLPOP key... timeout:timeout", {"rw at 1 to -2 step 1"}},
        {"OBJECT|ENCODING key", {"rw at 2 to 0 step 1"}},
        {"BLMPOP timeout:timeout numkeys:int key{numkeys} <LEFT|RIGHT>", {"rw at 2 count 0 first 1 step 1"}},
        {"SORT key [GET p]... [STORE destination:key]", {"rw at 1 to 0 step 1", "rw after STORE from 2 to 0 step 1"}},
        {"ODD a... key", {"rw at -1 to 0 step 1"}},
        {"ODD <A key|B b:rkey c>", {"rw after A from 1 to 0 step 1", "ro "}},
        {"PING", {NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct usage usage = usage_of(cases[i].line);
        uint32_t count = usage_key_spec_count(&usage);
        for (uint32_t k = 0; k < 3 && cases[i].specs[k] != NULL; k++) {
            char text[128] = "";
            cr_assert_lt(k, count);
            struct usage_key_spec spec = usage_key_spec_at(&usage, k);
            describe_spec(&spec, text, sizeof text);
            cr_expect_str_eq(text, cases[i].specs[k], "%s: '%s'", cases[i].line, text);
        }
        cr_expect(count == 3 || cases[i].specs[count] == NULL);
        usage_finish(&usage);
    }
}
