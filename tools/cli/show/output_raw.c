/* SPDX-License-Identifier: MIT */

/* output_raw.c - replies for a shell: bytes as they are, each item on a line of its own, a map's pair on one line with
 * a blank between, a null as an empty line. What redis-cli gives to a pipe. */
#include <inttypes.h>

#include "cli/show/output_formats.h"

static void raw_item(FILE *file, const struct answer *reply)
{
    switch (reply->type) {
    case ANSWER_INTEGER:
        fprintf(file, "%" PRId64, reply->integer);
        return;
    case ANSWER_NULL:
        return;
    case ANSWER_BOOL:
        fputs(reply->integer ? "(true)" : "(false)", file);
        return;
    case ANSWER_ARRAY:
    case ANSWER_SET:
    case ANSWER_PUSH:
    case ANSWER_MAP:
        for (size_t i = 0; i < reply->count; i++) {
            if (i > 0) {
                fputc(reply->type == ANSWER_MAP && i % 2 == 1 ? ' ' : '\n', file);
            }
            raw_item(file, &reply->items[i]);
        }
        return;
    default:
        output_bytes(file, reply->text);
        return;
    }
}

void output_raw(FILE *file, const struct answer *reply)
{
    raw_item(file, reply);
    fputc('\n', file);
}
