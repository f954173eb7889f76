/* SPDX-License-Identifier: MIT */

/* refusal.h - why a line is not sent: the sentence, the line with the place marked, the usage. */
#ifndef GEOMYS_CLI_REFUSAL_H
#define GEOMYS_CLI_REFUSAL_H

#include <stdio.h>

#include "cli/talk/catalog.h"
#include "cli/text/words.h"

/* True, and said so, if the usage line of its command refuses `words`, split from `line`; false if it may be sent, as
 * far as the catalog tells. */
bool refusal_say(FILE *file, const struct catalog *catalog, struct gm_bytes line, const struct words *words, bool utf8);

/* The line, and marks under its bytes [from, to); one mark if there are none. `from` may be one past its end. */
void refusal_point(FILE *file, struct gm_bytes line, size_t from, size_t to, bool utf8);

#endif
