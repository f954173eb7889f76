/* SPDX-License-Identifier: MIT */

/* errors.c - counting errors by their first word. */
#include "meter/errors.h"

#include <string.h>

/* A word that could not stand in a line of INFO counts as none. */
static struct gm_bytes first_word(struct gm_bytes answer)
{
    struct gm_bytes word = {answer.data + 1, 0};
    for (size_t i = 1; i < answer.size && answer.data[i] > ' '; i++) {
        bool plain = answer.data[i] < 0x7f && answer.data[i] != ':' && answer.data[i] != '=' && answer.data[i] != ',';
        if (!plain || word.size == ERRORS_WORD) {
            return BYTES_NONE;
        }
        word.size++;
    }
    return word;
}

void errors_count(struct errors *errors, struct gm_bytes answer)
{
    errors->sum++;
    struct gm_bytes word = answer.size > 0 ? first_word(answer) : BYTES_NONE;
    if (word.size == 0) {
        return;
    }
    for (uint32_t i = 0; i < errors->count; i++) {
        if (gm_bytes_equal(gm_bytes_of(errors->kinds[i].word), word)) {
            errors->kinds[i].count++;
            return;
        }
    }
    if (errors->count < ERRORS_KINDS) {
        struct error_kind *kind = &errors->kinds[errors->count++];
        memcpy(kind->word, word.data, word.size);
        kind->word[word.size] = '\0';
        kind->count = 1;
    }
}

void errors_reset(struct errors *errors)
{
    errors->sum = 0;
    errors->count = 0;
}
