/* SPDX-License-Identifier: MIT */

/* editor_line.h - the line that is edited: its bytes, the cursor in it, and what was killed. It knows no screen. */
#ifndef GEOMYS_CLI_EDITOR_LINE_H
#define GEOMYS_CLI_EDITOR_LINE_H

#include "base/buf.h"
#include "cli/edit/keys.h"

#define EDITOR_LINE ((size_t)1024 * 1024) /* bytes of a line; more is refused */

struct editor_line {
    struct buf text;
    size_t cursor; /* byte offset, at the beginning of a character */
    struct buf killed;
    bool killing; /* the last key killed too: what is killed now is added */
    bool utf8;
};

void editor_line_init(struct editor_line *line, bool utf8);
void editor_line_finish(struct editor_line *line);

/* Empties the line. What was killed stays. */
void editor_line_clear(struct editor_line *line);

/* Puts the bytes before the cursor. False if they do not fit: nothing has changed then. */
bool editor_line_insert(struct editor_line *line, struct gm_bytes bytes);

/* Removes [from, to) and puts the cursor there. */
void editor_line_cut(struct editor_line *line, size_t from, size_t to);

/* The cursor is at the end then. False if the text does not fit: the line is empty then. */
bool editor_line_replace(struct editor_line *line, struct gm_bytes text);

/* Does what a key that moves or edits means; any other means nothing. `was_killing`: the key before has killed. False
 * if there is nothing that it could be done to, or no room. */
bool editor_line_key(struct editor_line *line, enum key key, bool was_killing);

#endif
