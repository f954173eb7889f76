/* SPDX-License-Identifier: MIT */

/* output_csv.c - replies as one CSV record (RFC 4180): texts in quotes, a quote inside doubled, bytes as they are;
 * numbers, true, false and NULL without quotes; an error as the two fields ERROR,"text". What is nested is made
 * flat. */
#include <inttypes.h>

#include "cli/show/output_formats.h"

static void csv_text(FILE *file, struct gm_bytes text)
{
    fputc('"', file);
    const uint8_t *at = text.data;
    const uint8_t *end = at + text.size;
    while (at < end) {
        const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
        const uint8_t *stop = quote != NULL ? quote + 1 : end;
        fwrite(at, 1, (size_t)(stop - at), file);
        fputs(quote != NULL ? "\"" : "", file);
        at = stop;
    }
    fputc('"', file);
}

static void csv_item(FILE *file, const struct answer *reply, bool *first)
{
    if (reply->type >= ANSWER_ARRAY) {
        for (size_t i = 0; i < reply->count; i++) {
            csv_item(file, &reply->items[i], first);
        }
        return;
    }
    fputs(*first ? "" : ",", file);
    *first = false;
    switch (reply->type) {
    case ANSWER_ERROR:
        fputs("ERROR,", file);
        csv_text(file, reply->text);
        return;
    case ANSWER_INTEGER:
        fprintf(file, "%" PRId64, reply->integer);
        return;
    case ANSWER_NULL:
        fputs("NULL", file);
        return;
    case ANSWER_BOOL:
        fputs(reply->integer ? "true" : "false", file);
        return;
    case ANSWER_DOUBLE:
    case ANSWER_BIG:
        output_bytes(file, reply->text);
        return;
    default:
        csv_text(file, reply->text);
        return;
    }
}

void output_csv(FILE *file, const struct answer *reply)
{
    bool first = true;
    csv_item(file, reply, &first);
    fputc('\n', file);
}
