/* SPDX-License-Identifier: MIT */

/* usage_read.c - one word as its type wants it, and words that are tokens. */
#include "module/usage/usage.h"

#include <math.h>

#include "module/usage/word.h"

/* Half of what fits, so that the host may add the time of day. */
#define TIMEOUT_MAX_MS ((double)(INT64_MAX / 2))

static const char not_an_int[] = "ERR value is not an integer or out of range";

static const char *read_int(const struct usage *usage, uint32_t leaf, int64_t least, struct gm_bytes word,
                            struct gm_arg *arg)
{
    const char *error = least == 0 ? "ERR value is out of range, must be positive" : usage->range_errors[leaf];
    return bytes_to_int(word, &arg->integer) && arg->integer >= least ? NULL : error;
}

/* Seconds to milliseconds, rounded up; what is only the error of a float (35.00000000000001) is not. */
static int64_t timeout_ms(double seconds)
{
    double ms = seconds * 1000;
    double nearest = nearbyint(ms);
    double rounded = fabs(ms - nearest) < 1e-6 ? nearest : ceil(ms);
    return seconds > 0 && rounded < 1 ? 1 : (int64_t)rounded;
}

static const char *read_timeout(struct gm_bytes word, struct gm_arg *arg)
{
    double seconds;
    if (!bytes_to_double(word, &seconds)) {
        return "ERR timeout is not a float or out of range";
    }
    if (seconds < 0) {
        return "ERR timeout is negative";
    }
    if (seconds * 1000 > TIMEOUT_MAX_MS) {
        return "ERR timeout is out of range";
    }
    arg->integer = timeout_ms(seconds);
    return NULL;
}

static bool is_word(struct gm_bytes word, const char *capitals)
{
    struct gm_bytes wanted = gm_bytes_of(capitals);
    bool equal = word.size == wanted.size;
    for (size_t i = 0; equal && i < wanted.size; i++) {
        uint8_t c = word.data[i];
        equal = (c >= 'a' && c <= 'z' ? c - 32 : c) == wanted.data[i];
    }
    return equal;
}

static bool read_score(struct gm_bytes word, double *out)
{
    bool signed_ = word.size > 0 && (word.data[0] == '+' || word.data[0] == '-');
    struct gm_bytes rest = signed_ ? (struct gm_bytes){word.data + 1, word.size - 1} : word;
    if (is_word(rest, "INF") || is_word(rest, "INFINITY")) {
        *out = signed_ && word.data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    return bytes_to_double(word, out);
}

static bool read_bound(struct gm_bytes word, double *out)
{
    bool exclusive = word.size > 0 && word.data[0] == '(';
    return read_score(exclusive ? (struct gm_bytes){word.data + 1, word.size - 1} : word, out);
}

const char *usage_read(const struct usage *usage, uint32_t leaf, struct gm_bytes word, struct gm_arg *arg)
{
    switch ((enum usage_type)usage->nodes[usage->leaves[leaf]].type) {
    case USAGE_INT:
    case USAGE_UNIX:
    case USAGE_UNIX_MS:
        return bytes_to_int(word, &arg->integer) ? NULL : not_an_int;
    case USAGE_COUNT:
        return read_int(usage, leaf, 0, word, arg);
    case USAGE_POSITIVE:
        return read_int(usage, leaf, 1, word, arg);
    case USAGE_FLOAT:
        return bytes_to_double(word, &arg->number) ? NULL : "ERR value is not a valid float";
    case USAGE_SCORE:
        return read_score(word, &arg->number) ? NULL : "ERR value is not a valid float";
    case USAGE_BOUND:
        return read_bound(word, &arg->number) ? NULL : "ERR min or max is not a float";
    case USAGE_TIMEOUT:
        return read_timeout(word, arg);
    case USAGE_STRING:
    case USAGE_PATTERN:
    case USAGE_KEY:
    case USAGE_RKEY:
        break;
    }
    return NULL;
}

static bool is_token(const struct usage *usage, uint32_t leaf, struct gm_bytes word, uint64_t head)
{
    return usage->heads[leaf] == head && usage->sizes[leaf] == word.size &&
           (word.size <= 8 || word_rest_equal(word.data, usage_leaf_text(usage, leaf).data, word.size));
}

bool usage_is_token(const struct usage *usage, uint32_t leaf, struct gm_bytes word)
{
    return is_token(usage, leaf, word, word_head(word));
}

int usage_token_among(const struct usage *usage, uint64_t tokens, struct gm_bytes word)
{
    uint64_t head = word_head(word);
    for (uint64_t left = tokens; left != 0; left &= left - 1) {
        uint32_t leaf = (uint32_t)__builtin_ctzll(left);
        if (is_token(usage, leaf, word, head)) {
            return (int)leaf;
        }
    }
    return -1;
}
