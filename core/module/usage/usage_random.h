/* SPDX-License-Identifier: MIT */

/* usage_random.h - random calls that a usage line allows: for the determinism test, fuzzers and module checks. */
#ifndef GEOMYS_MODULE_USAGE_USAGE_RANDOM_H
#define GEOMYS_MODULE_USAGE_USAGE_RANDOM_H

#include "base/buf.h"
#include "base/prng.h"
#include "module/usage/usage.h"

#define USAGE_WORDS_MAX 256 /* words of a drawn call */

/* Where the words of a caller's come from. A NULL function: a small built-in choice. `leaf` is the argument asked
 * for. */
struct usage_vocabulary {
    void *context;

    /* Appends a key. */
    void (*key)(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out);

    /* Appends any bytes: types string and pattern. */
    void (*string)(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf, struct buf *out);

    /* An integer: types int, count, positive (forced into their range), unix, unix-ms; timeout (taken as
     * milliseconds). */
    int64_t (*integer)(void *context, struct prng *prng, const struct usage *usage, uint32_t leaf);
};

struct usage_words {
    struct buf bytes; /* owned */
    size_t ends[USAGE_WORDS_MAX];
    uint32_t count;
};

void usage_words_init(struct usage_words *words);
void usage_words_finish(struct usage_words *words);

/* Writes the words as an argv of words->count entries; they live until `words` is used again. */
void usage_words_argv(const struct usage_words *words, struct gm_bytes argv[static USAGE_WORDS_MAX]);

/* Replaces `words` by a call, its name first. The same generator state gives the same call. Binding it succeeds, unless
 * the vocabulary's strings look like tokens of the line. False: it would have become too long; draw again. */
must_use bool usage_generate(const struct usage *usage, struct prng *prng, const struct usage_vocabulary *vocabulary,
                             struct usage_words *words);

#endif
