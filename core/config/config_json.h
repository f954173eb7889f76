/* SPDX-License-Identifier: MIT */

/* config_json.h - the strict walk over a JSON text: whether it is exactly JSON, and where its values stand. */
#ifndef GEOMYS_CONFIG_CONFIG_JSON_H
#define GEOMYS_CONFIG_CONFIG_JSON_H

#include "base/bytes.h"
#include "base/status.h"

#define CONFIG_JSON_DEPTH_MAX  8
#define CONFIG_JSON_VALUES_MAX 4096

/* Bytes of the text, from `start` to before `end`. */
struct config_json_span {
    size_t start;
    size_t end;
};

struct config_json_spans {
    struct config_json_span *values; /* of all values, in the order in which they begin     */
    struct config_json_span *names;  /* of the members of the outermost object, with quotes */
    size_t value_count;
    size_t name_count;
};

/* Walks the whole text. INVALID with a complaint, and `at` is the byte where it goes wrong. The spans are to be
 * finished in any case. O(size). */
must_use enum status config_json_walk(struct gm_bytes text, struct config_json_spans *spans, size_t *at,
                                      struct complaint *complaint);
void config_json_spans_finish(struct config_json_spans *spans);

/* Line and column, both from 1, of a byte of the text; a column is a character. O(size). */
void config_json_place(struct gm_bytes text, size_t at, size_t *line, size_t *column);

#endif
