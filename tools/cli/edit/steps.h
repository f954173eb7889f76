/* SPDX-License-Identifier: MIT */

/* steps.h - where a cursor can go in a line: places are byte offsets. [any thread] */
#ifndef GEOMYS_CLI_STEPS_H
#define GEOMYS_CLI_STEPS_H

#include "base/bytes.h"

/* The beginning of the next character, and of the one before; `at` itself at the end of the line. O(1) but for
 * marks. */
size_t steps_after(struct gm_bytes line, size_t at, bool utf8);
size_t steps_before(struct gm_bytes line, size_t at, bool utf8);

/* The end of the word to the right, the beginning of the one to the left. Letters, digits, '_' and what is beyond ASCII
 * are a word; for steps_blank_left all but blanks. O(n). */
size_t steps_word_right(struct gm_bytes line, size_t at);
size_t steps_word_left(struct gm_bytes line, size_t at);
size_t steps_blank_left(struct gm_bytes line, size_t at);

#endif
