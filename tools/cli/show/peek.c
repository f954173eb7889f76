/* SPDX-License-Identifier: MIT */

/* peek.c - a key at a glance.
 *
 *      list  geomys.deque/1, module geomys.deque, alive
 *      encoding  listpack
 *      expiry    never
 *      length    3
 *      memory    117 bytes
 *
 *      1) "a"
 *      2) "b"
 */
#include "cli/show/peek.h"

#include <inttypes.h>

#include "cli/show/output_formats.h"

static const char *const head[] = {"type", "id", "module", "state"};

#define HEAD (sizeof head / sizeof *head)

bool peek_is(const struct gm_bytes *argv, size_t argc, const struct answer *reply)
{
    const struct answer *type = answer_get(reply, "type");
    return argc > 1 && bytes_equal_nocase(argv[0], "peek") && type != NULL && answer_is_text(type) &&
           answer_get(reply, "value") != NULL;
}

static bool in_head(const struct answer *key)
{
    for (size_t i = 0; i < HEAD; i++) {
        if (answer_is_text(key) && bytes_equal_nocase(key->text, head[i])) {
            return true;
        }
    }
    return answer_is_text(key) && bytes_equal_nocase(key->text, "value");
}

static void write_head(FILE *file, const struct answer *reply, bool utf8)
{
    static const char *const before[HEAD] = {"", "  ", ", module ", ", "};
    for (size_t i = 0; i < HEAD; i++) {
        const struct answer *value = answer_get(reply, head[i]);
        if (value != NULL && answer_is_text(value)) {
            fputs(before[i], file);
            output_safe(file, value->text, utf8);
        }
    }
    fputc('\n', file);
}

static void write_fact(FILE *file, const struct answer *key, const struct answer *value, bool utf8)
{
    bool memory = answer_is_text(key) && bytes_equal_nocase(key->text, "memory");
    bool expiry = answer_is_text(key) && bytes_equal_nocase(key->text, "expiry");
    if (answer_is_text(key)) {
        output_safe(file, key->text, utf8);
        fprintf(file, "%*s", key->text.size < 10 ? (int)(10 - key->text.size) : 1, "");
    }
    if (value->type == ANSWER_INTEGER) {
        fprintf(file, "%" PRId64 "%s\n", value->integer, memory ? " bytes" : "");
    } else if (answer_is_text(value)) {
        output_safe(file, value->text, utf8);
        fputc('\n', file);
    } else if (value->type == ANSWER_NULL) {
        fputs(expiry ? "never\n" : "-\n", file);
    } else {
        output_human(file, value, utf8);
    }
}

void peek_write(FILE *file, const struct answer *reply, bool utf8)
{
    write_head(file, reply, utf8);
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (!in_head(&reply->items[i])) {
            write_fact(file, &reply->items[i], &reply->items[i + 1], utf8);
        }
    }
    fputc('\n', file);
    output_human(file, answer_get(reply, "value"), utf8);
}
