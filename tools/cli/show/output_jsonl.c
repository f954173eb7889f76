/* SPDX-License-Identifier: MIT */

/* output_jsonl.c - replies as lines of JSON: each item of an array or set is a line; each pair of a map is a line
 * {"key":...,"value":...}; what is neither is one line, as in json. */
#include "cli/show/output_formats.h"

static void jsonl_pairs(FILE *file, const struct answer *map)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        fputs("{\"key\":", file);
        output_json_value(file, &map->items[i]);
        fputs(",\"value\":", file);
        output_json_value(file, &map->items[i + 1]);
        fputs("}\n", file);
    }
}

void output_jsonl(FILE *file, const struct answer *reply)
{
    if (reply->type == ANSWER_MAP) {
        jsonl_pairs(file, reply);
    } else if (reply->type == ANSWER_ARRAY || reply->type == ANSWER_SET) {
        for (size_t i = 0; i < reply->count; i++) {
            output_json(file, &reply->items[i]);
        }
    } else {
        output_json(file, reply);
    }
}
