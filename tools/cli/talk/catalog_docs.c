/* SPDX-License-Identifier: MIT */

/* catalog_docs.c - the tree of COMMAND DOCS as a line of text.
 *
 *   pure-token  TOKEN         oneof  a|b        block  a b
 *   with a token before       TOKEN x
 *   optional                  [x]               multiple  x... or {a b}...
 *
 * Limits   Types are left out, since the lines are for hints only. */
#include "cli/talk/catalog_docs.h"

static bool text_is(const struct answer *reply, const char *text)
{
    return reply != NULL && answer_is_text(reply) && gm_bytes_equal(reply->text, gm_bytes_of(text));
}

static bool has_flag(const struct answer *argument, const char *flag)
{
    const struct answer *flags = answer_get(argument, "flags");
    for (size_t i = 0; flags != NULL && i < flags->count; i++) {
        if (text_is(&flags->items[i], flag)) {
            return true;
        }
    }
    return false;
}

static void put_text(struct buf *out, const struct answer *text, const char *otherwise)
{
    if (text != NULL && answer_is_text(text) && text->text.size > 0) {
        buf_append(out, text->text);
    } else {
        buf_append(out, gm_bytes_of(otherwise));
    }
}

static void put_argument(struct buf *out, const struct answer *argument);

static void put_list(struct buf *out, const struct answer *list, const char *between)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        buf_append(out, gm_bytes_of(i > 0 ? between : ""));
        put_argument(out, &list->items[i]);
    }
}

static void put_bare(struct buf *out, const struct answer *argument)
{
    const struct answer *type = answer_get(argument, "type");
    const struct answer *token = answer_get(argument, "token");
    if (text_is(type, "pure-token")) {
        put_text(out, token, "TOKEN");
        return;
    }
    if (token != NULL) {
        put_text(out, token, "");
        buf_append(out, BYTES(" "));
    }
    if (text_is(type, "oneof")) {
        buf_append(out, gm_bytes_of(token != NULL ? "<" : ""));
        put_list(out, answer_get(argument, "arguments"), "|");
        buf_append(out, gm_bytes_of(token != NULL ? ">" : ""));
    } else if (text_is(type, "block")) {
        put_list(out, answer_get(argument, "arguments"), " ");
    } else {
        put_text(out, answer_get(argument, "name"), "arg");
    }
}

static void put_argument(struct buf *out, const struct answer *argument)
{
    bool optional = has_flag(argument, "optional");
    bool multiple = has_flag(argument, "multiple");
    bool each_token = has_flag(argument, "multiple_token");
    bool oneof = text_is(answer_get(argument, "type"), "oneof") && answer_get(argument, "token") == NULL;
    bool block = text_is(answer_get(argument, "type"), "block") || each_token;
    bool group = multiple && block;
    buf_append(out, gm_bytes_of(optional ? "[" : ""));
    buf_append(out, gm_bytes_of(group ? "{" : oneof && (!optional || multiple) ? "<" : ""));
    put_bare(out, argument);
    buf_append(out, gm_bytes_of(group ? "}" : oneof && (!optional || multiple) ? ">" : ""));
    buf_append(out, gm_bytes_of(multiple ? "..." : ""));
    buf_append(out, gm_bytes_of(optional ? "]" : ""));
}

void catalog_docs_usage(struct buf *out, const struct answer *arguments)
{
    for (size_t i = 0; arguments != NULL && i < arguments->count; i++) {
        buf_append(out, BYTES(" "));
        put_argument(out, &arguments->items[i]);
    }
}
