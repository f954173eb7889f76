/* SPDX-License-Identifier: MIT */

/* completions.h - a bounded list of what a word may become. */
#ifndef GEOMYS_CLI_COMPLETIONS_H
#define GEOMYS_CLI_COMPLETIONS_H

#include "base/bytes.h"

#define COMPLETIONS_MAX  1024 /* candidates; further ones are dropped */
#define COMPLETIONS_TEXT 64   /* bytes of one, with its terminator; longer ones are dropped */

struct completions {
    size_t start; /* offset into the line of the word that they replace */
    size_t count;
    char texts[COMPLETIONS_MAX][COMPLETIONS_TEXT];
};

/* Adds `text` if it fits and is not there already. O(count). */
static inline void completions_add(struct completions *completions, struct gm_bytes text)
{
    if (text.size == 0 || text.size >= COMPLETIONS_TEXT || completions->count == COMPLETIONS_MAX) {
        return;
    }
    for (size_t i = 0; i < completions->count; i++) {
        if (gm_bytes_equal(gm_bytes_of(completions->texts[i]), text)) {
            return;
        }
    }
    memcpy(completions->texts[completions->count], text.data, text.size);
    completions->texts[completions->count++][text.size] = '\0';
}

#endif
