/* SPDX-License-Identifier: MIT */

/* output.c - the table of formats. */
#include "cli/show/output.h"

#include <strings.h>

#include "cli/show/output_formats.h"

bool output_named(const char *name, enum output_format *out)
{
    static const char *const names[] = {
#define X(format, text) text,
        OUTPUT_FORMATS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            *out = (enum output_format)i;
            return true;
        }
    }
    return false;
}

void output_answer(FILE *file, enum output_format format, const struct answer *reply, bool utf8)
{
    switch (format) {
    case OUTPUT_HUMAN:
        output_human(file, reply, utf8);
        return;
    case OUTPUT_RAW:
        output_raw(file, reply);
        return;
    case OUTPUT_JSON:
        output_json(file, reply);
        return;
    case OUTPUT_JSONL:
        output_jsonl(file, reply);
        return;
    case OUTPUT_TABLE:
        output_table(file, reply, utf8);
        return;
    case OUTPUT_CSV:
        output_csv(file, reply);
        return;
    }
}
