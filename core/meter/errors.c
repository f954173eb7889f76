/* SPDX-License-Identifier: MIT */

/* errors.c - counting errors by their first word.
 *
 * Promises
 *   I1  The kinds are part of the sum: none is larger, nor are all of them together.
 *   I2  A kind's word can stand in a line of INFO: no separator of it, and nothing that is not printed. */
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

static const struct counter_row all[] = {
    {"total_error_replies", "Errors that clients were answered.", COUNTER_OF(struct errors, sum), .resets = true},
    {NULL, "Kinds of errors that are counted by themselves.", COUNTER_OF(struct errors, count), .merge = COUNTER_FIRST,
     .resets = true},
};

const struct counter_table errors_counters = COUNTER_TABLE(struct errors, all);

static const struct counter_row by_kind[] = {
    {"count", "Errors that begin with this word.", COUNTER_OF(struct error_kind, count), .resets = true},
};

const struct counter_table errors_kind_counters = COUNTER_FAMILY(struct error_kind, by_kind, "errorstat_");

/* NULL: there are too many. */
static struct error_kind *find(struct errors *errors, struct gm_bytes word)
{
    check(errors->count <= ERRORS_KINDS);
    check(word.size > 0 && word.size <= ERRORS_WORD); /* errors I2 */
    for (uint32_t i = 0; i < errors->count; i++) {
        if (gm_bytes_equal(gm_bytes_of(errors->kinds[i].word), word)) {
            return &errors->kinds[i];
        }
    }
    if (errors->count == ERRORS_KINDS) {
        return NULL;
    }
    struct error_kind *kind = &errors->kinds[errors->count++];
    *kind = (struct error_kind){.count = 0};
    memcpy(kind->word, word.data, word.size);
    return kind;
}

static void add(struct errors *errors, struct gm_bytes word, uint64_t count)
{
    struct error_kind *kind = find(errors, word);
    if (kind != NULL) {
        kind->count += count;
        check(kind->count <= errors->sum); /* errors I1 */
    }
}

void errors_count(struct errors *errors, struct gm_bytes answer)
{
    check(errors->sum >= errors->count); /* errors I1 */
    errors->sum++;
    struct gm_bytes word = answer.size > 0 ? first_word(answer) : BYTES_NONE;
    if (word.size > 0) {
        add(errors, word, 1);
    }
}

void errors_merge(struct errors *into, const struct errors *part)
{
    counters_merge(&errors_counters, into, part);
    for (uint32_t i = 0; i < part->count; i++) {
        add(into, gm_bytes_of(part->kinds[i].word), part->kinds[i].count);
    }
}
