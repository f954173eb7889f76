/* SPDX-License-Identifier: MIT */

/* usage_hint.h - what a person may still type: the rest of a usage line after some words, and the tokens that may be
 * next.
 *
 *     typed      SET mykey hello EX
 *     rest       seconds [NX|XX] [GET]
 *
 * To validate a whole line before it is sent use usage_bind (without room for keys): `at` is the offending word.
 */
#ifndef GEOMYS_MODULE_USAGE_USAGE_HINT_H
#define GEOMYS_MODULE_USAGE_USAGE_HINT_H

#include "base/buf.h"
#include "module/usage/usage.h"

struct usage_hint {
    uint64_t
        tokens;    /* tokens that may be the next word, by leaf number; with a partial word those that it may become */
    int argument;  /* the argument that the next (or the partial) word may be, a leaf number; -1: none */
    bool complete; /* the words are a valid call as they stand */
    bool refused;  /* the words cannot begin any call: nothing was appended */
    uint32_t at;   /* then the offending word: index into words */
};

/* Appends to `rest` what may follow, options already used left out, arguments without their types. `words` begin with
 * the command's name (two words for a sub-command; count >= usage->words). `partial`: the last word is still being
 * typed, and is not the name; it counts as a token if it begins exactly one that fits. `rest` may be NULL.
 * O(words * tokens + nodes). */
void usage_hint(const struct usage *usage, const struct gm_bytes *words, uint32_t count, bool partial, struct buf *rest,
                struct usage_hint *hint);

/* Appends the whole line for people: the name and all arguments, without types. */
void usage_synopsis(const struct usage *usage, struct buf *out);

#endif
