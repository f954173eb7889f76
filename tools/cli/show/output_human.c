/* SPDX-License-Identifier: MIT */

/* output_human.c - replies at a terminal.
 *
 * Idea     As redis-cli writes them, for that is what people read. A nested item begins on the line of its number; its
 *          further lines are indented to stand below it.
 *
 *              1) "a"
 *              2) 1) (integer) 1
 *                 2) (nil)
 *
 * Promises H1  No byte of a reply can control the terminal: controls are written as escapes, everywhere, but for the
 *              line breaks and tabs of a verbatim string that is the whole reply (INFO).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "cli/show/output_formats.h"
#include "cli/text/cells.h"
#include "cli/text/words.h"

static void human_quoted(FILE *file, struct gm_bytes text, bool utf8)
{
    struct buf line;
    buf_init(&line, 4 * text.size + 2); /* \xHH for each byte; the reader keeps texts far below SIZE_MAX / 4 */
    bool fits = words_quote(&line, text, utf8);
    check(fits);
    output_bytes(file, buf_bytes(&line));
    buf_finish(&line);
}

static void safe_text(FILE *file, struct gm_bytes text, bool utf8, bool breaks)
{
    for (size_t at = 0; at < text.size;) {
        struct gm_bytes rest = {text.data + at, text.size - at};
        uint32_t character = 0;
        size_t size = utf8_decode(rest, &character);
        bool shown = size > 0 && (size == 1 || utf8) && cells_of(character) >= 0;
        if (breaks && (character == '\n' || character == '\t')) {
            fputc((int)character, file);
        } else if (breaks && character == '\r' && rest.size > 1 && rest.data[1] == '\n') {
            /* the line break follows */
        } else if (shown) {
            fwrite(rest.data, 1, size, file);
        } else if (character == '\n' || character == '\r') {
            fputs(character == '\n' ? "\\n" : "\\r", file);
        } else {
            fprintf(file, "\\x%02x", rest.data[0]);
            size = 1;
        }
        at += size > 0 ? size : 1;
    }
}

void output_safe(FILE *file, struct gm_bytes text, bool utf8)
{
    safe_text(file, text, utf8, false);
}

static int digits(size_t number)
{
    int count = 1;
    for (; number >= 10; number /= 10) {
        count++;
    }
    return count;
}

static bool is_aggregate(const struct answer *reply)
{
    return reply->type >= ANSWER_ARRAY;
}

static void human_item(FILE *file, const struct answer *reply, bool utf8, int indent);

static void human_items(FILE *file, const struct answer *reply, bool utf8, int indent, char mark)
{
    int width = digits(reply->count);
    for (size_t i = 0; i < reply->count; i++) {
        fprintf(file, "%*s%*zu%c ", i == 0 ? 0 : indent, "", width, i + 1, mark);
        human_item(file, &reply->items[i], utf8, indent + width + 2);
    }
}

static void human_map(FILE *file, const struct answer *reply, bool utf8, int indent)
{
    int width = digits(reply->count / 2);
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        const struct answer *key = &reply->items[i];
        const struct answer *value = &reply->items[i + 1];
        int inner = indent + width + 2;
        fprintf(file, "%*s%*zu# ", i == 0 ? 0 : indent, "", width, i / 2 + 1);
        if (is_aggregate(key) && key->count > 0) {
            human_item(file, key, utf8, inner);
            fprintf(file, "%*s=> ", inner, "");
            human_item(file, value, utf8, inner + 3);
            continue;
        }
        struct answer shown = *key;
        char *text = NULL;
        size_t size = 0;
        FILE *memory = open_memstream(&text, &size);
        if (memory != NULL) {
            human_item(memory, &shown, utf8, 0);
            fclose(memory);
            fwrite(text, 1, size > 0 ? size - 1 : 0, file); /* without its line break */
            free(text);
        }
        if (is_aggregate(value) && value->count > 0) {
            fprintf(file, " =>\n%*s", inner, "");
            human_item(file, value, utf8, inner);
        } else {
            fputs(" => ", file);
            human_item(file, value, utf8, inner);
        }
    }
}

static void human_aggregate(FILE *file, const struct answer *reply, bool utf8, int indent)
{
    if (reply->count == 0) {
        fputs(reply->type == ANSWER_MAP   ? "(empty map)\n"
              : reply->type == ANSWER_SET ? "(empty set)\n"
                                          : "(empty array)\n",
              file);
    } else if (reply->type == ANSWER_MAP) {
        human_map(file, reply, utf8, indent);
    } else {
        human_items(file, reply, utf8, indent,
                    reply->type == ANSWER_SET    ? '~'
                    : reply->type == ANSWER_PUSH ? '>'
                                                 : ')');
    }
}

static void human_item(FILE *file, const struct answer *reply, bool utf8, int indent)
{
    switch (reply->type) {
    case ANSWER_STATUS:
    case ANSWER_VERBATIM:
        safe_text(file, reply->text, utf8, reply->type == ANSWER_VERBATIM && indent == 0);
        break;
    case ANSWER_ERROR:
        fputs("(error) ", file);
        output_safe(file, reply->text, utf8);
        break;
    case ANSWER_INTEGER:
        fprintf(file, "(integer) %" PRId64, reply->integer);
        break;
    case ANSWER_STRING:
        human_quoted(file, reply->text, utf8);
        break;
    case ANSWER_NULL:
        fputs("(nil)", file);
        break;
    case ANSWER_BOOL:
        fputs(reply->integer ? "(true)" : "(false)", file);
        break;
    case ANSWER_DOUBLE:
    case ANSWER_BIG:
        fputs(reply->type == ANSWER_DOUBLE ? "(double) " : "(big number) ", file);
        output_bytes(file, reply->text);
        break;
    default:
        human_aggregate(file, reply, utf8, indent);
        return;
    }
    fputc('\n', file);
}

void output_human(FILE *file, const struct answer *reply, bool utf8)
{
    human_item(file, reply, utf8, 0);
}
