/* SPDX-License-Identifier: MIT */

/* usage_docs.h - a usage line in the form of COMMAND DOCS ("arguments") and COMMAND INFO (key specifications).
 *
 *     for (uint8_t n = usage_docs_first(usage); n != 0;) {
 *         struct usage_doc doc = usage_docs_at(usage, n);
 *         ...                             doc.child != 0: nested arguments begin there
 *         n = doc.next;
 *     }
 */
#ifndef GEOMYS_MODULE_USAGE_USAGE_DOCS_H
#define GEOMYS_MODULE_USAGE_USAGE_DOCS_H

#include "module/usage/usage.h"

struct usage_doc {
    char name[64];    /* terminated, longer ones are cut */
    const char *type; /* "string" "integer" "double" "key" "pattern" "unix-time" "pure-token" "oneof" "block"; static */
    struct gm_bytes token; /* the word that stands before it, or is it; data NULL: none; lives as long as the usage */
    int key_spec_index;    /* of type key: which key specification; -1 otherwise */
    bool optional;
    bool multiple;       /* may be given several times */
    bool multiple_token; /* then the token comes again each time */
    uint8_t child;       /* the first nested argument, 0 = none */
    uint8_t next;        /* the next at this level, 0 = none */
};

/* 0: the command has no arguments. How many there are: usage_docs_count, of a level that begins at `first`. */
uint8_t usage_docs_first(const struct usage *usage);
uint32_t usage_docs_count(const struct usage *usage, uint8_t first);
struct usage_doc usage_docs_at(const struct usage *usage, uint8_t number);

enum usage_begin { USAGE_BEGIN_UNKNOWN, USAGE_BEGIN_INDEX, USAGE_BEGIN_KEYWORD };
enum usage_span { USAGE_SPAN_UNKNOWN, USAGE_SPAN_RANGE, USAGE_SPAN_KEYNUM };

/* One key specification of COMMAND INFO. */
struct usage_key_spec {
    bool written; /* type key; rkey otherwise */
    enum usage_begin begin;
    int32_t index;           /* USAGE_BEGIN_INDEX: into argv */
    struct gm_bytes keyword; /* USAGE_BEGIN_KEYWORD */
    int32_t start_from;      /* USAGE_BEGIN_KEYWORD */
    enum usage_span span;
    int32_t last_key; /* USAGE_SPAN_RANGE: from the begin, negative: from the end */
    int32_t keynum;   /* USAGE_SPAN_KEYNUM: where the count is, from the begin */
    int32_t first;    /* USAGE_SPAN_KEYNUM: where the first key is, from the begin */
    int32_t key_step;
};

uint32_t usage_key_spec_count(const struct usage *usage);
struct usage_key_spec usage_key_spec_at(const struct usage *usage, uint32_t index);

#endif
