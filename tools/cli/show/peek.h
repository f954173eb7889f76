/* SPDX-License-Identifier: MIT */

/* peek.h - the reply to PEEK, laid out for a person. */
#ifndef GEOMYS_CLI_PEEK_H
#define GEOMYS_CLI_PEEK_H

#include <stdio.h>

#include "cli/talk/answer.h"

/* True if the call is PEEK and the reply what it answers: a map (or the flat array of RESP2) with a type and a
 * value. */
bool peek_is(const struct gm_bytes *argv, size_t argc, const struct answer *reply);

/* Writes two columns of facts and under them the value, as human output. Whatever else the map has is shown too. */
void peek_write(FILE *file, const struct answer *reply, bool utf8);

#endif
