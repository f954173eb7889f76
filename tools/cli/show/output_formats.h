/* SPDX-License-Identifier: MIT */

/* output_formats.h - the formats of output.h, each by itself, and what they have in common. */
#ifndef GEOMYS_CLI_OUTPUT_FORMATS_H
#define GEOMYS_CLI_OUTPUT_FORMATS_H

#include <stdio.h>

#include "cli/talk/answer.h"

/* Each writes `reply` and a line break, as output_answer does. */
void output_human(FILE *file, const struct answer *reply, bool utf8);
void output_raw(FILE *file, const struct answer *reply);
void output_json(FILE *file, const struct answer *reply);
void output_csv(FILE *file, const struct answer *reply);
void output_jsonl(FILE *file, const struct answer *reply);
void output_table(FILE *file, const struct answer *reply, bool utf8);

/* Writes `reply` as one JSON value, without a line break. */
void output_json_value(FILE *file, const struct answer *reply);

/* Writes text of the server's for a person, on one line: controls and what is not UTF-8 as \n, \xHH. */
void output_safe(FILE *file, struct gm_bytes text, bool utf8);

static inline void output_bytes(FILE *file, struct gm_bytes bytes)
{
    if (bytes.size > 0) {
        fwrite(bytes.data, 1, bytes.size, file);
    }
}

#endif
