/* SPDX-License-Identifier: MIT */

/* output.h - a reply, written for its reader. Each format is total: there is no reply that it cannot write, and none
 * that makes it fail. docs/cli.md specifies them.
 *
 *   human  for a person at a terminal: types are visible, nothing reaches the terminal that could control it
 *   raw    for a shell: bytes as they are, one item per line
 *   json   for programs: one value on one line
 *   jsonl  for programs that read lines: each item of the reply on a line of its own
 *   table  for a person: rows and columns, where the reply has them
 *   csv    for tables: one record
 */
#ifndef GEOMYS_CLI_OUTPUT_H
#define GEOMYS_CLI_OUTPUT_H

#include <stdio.h>

#include "cli/talk/answer.h"

#define OUTPUT_FORMATS(X)                                                                                              \
    X(OUTPUT_HUMAN, "human")                                                                                           \
    X(OUTPUT_RAW, "raw")                                                                                               \
    X(OUTPUT_JSON, "json")                                                                                             \
    X(OUTPUT_JSONL, "jsonl")                                                                                           \
    X(OUTPUT_TABLE, "table")                                                                                           \
    X(OUTPUT_CSV, "csv")

enum output_format {
#define X(name, text) name,
    OUTPUT_FORMATS(X)
#undef X
};

/* Sets `out` if `name` is a format. */
bool output_named(const char *name, enum output_format *out);

/* Writes `reply` and a line break. With `utf8`, human output shows printable characters beyond ASCII. Errors of the
 * file stay in ferror(file). O(size). */
void output_answer(FILE *file, enum output_format format, const struct answer *reply, bool utf8);

#endif
