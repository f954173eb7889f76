/* SPDX-License-Identifier: MIT */

/* editor_line.h - between the files of the editor: changing its line. What does not fit rings the bell. */
#ifndef GEOMYS_CLI_EDITOR_LINE_H
#define GEOMYS_CLI_EDITOR_LINE_H

#include "cli/edit/editor.h"

/* Puts the bytes before the cursor. */
void editor_line_insert(struct editor *editor, struct gm_bytes bytes);

/* Removes [from, to) and puts the cursor there. */
void editor_line_cut(struct editor *editor, size_t from, size_t to);

/* The cursor is at the end then. */
void editor_line_replace(struct editor *editor, struct gm_bytes text);

/* Does what a key that moves or edits means; any other means nothing. `was_killing`: the key before has killed. */
void editor_line_key(struct editor *editor, enum key key, bool was_killing);

#endif
