/* SPDX-License-Identifier: MIT */

/* glob.c - matching without recursion.
 *
 * Why      A pattern comes from a client, and is tried on every key. A matcher that tries all ways to divide the text
 *          among the stars takes time exponential in their number.
 *
 * Idea     Everything but a star takes exactly one byte. So what stands between two stars has a fixed length, and its
 *          first fit is as good as any later one: all that follows has more text left. Only the last star ever has to
 *          give way, one byte at a time, and earlier ones are forgotten.
 *
 *              pattern  *  u s e r  *  : 7          text  t h e u s e r : 1 : 7
 *                                   ^ star                              ^ resume
 *
 * Promises
 *   I1  Never looks outside of pattern and text.
 *   I2  At most pattern * text steps: each time that the last star gives way costs one walk over what follows it. */
#include "base/glob.h"

static uint8_t folded(uint8_t byte, bool nocase)
{
    return nocase && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static bool is_between(uint8_t a, uint8_t b, uint8_t byte, bool nocase)
{
    uint8_t low = folded(a < b ? a : b, nocase);
    uint8_t high = folded(a < b ? b : a, nocase);
    return byte >= low && byte <= high;
}

/* A class, `*at` behind its '['; moves on behind its ']'. `byte` is folded. */
static bool match_class(struct gm_bytes pattern, size_t *at, uint8_t byte, bool nocase)
{
    const uint8_t *data = pattern.data;
    size_t i = *at;
    bool negated = i < pattern.size && data[i] == '^';
    bool found = false;
    for (i += negated; i < pattern.size && data[i] != ']'; i++) {
        size_t left = pattern.size - i;
        if (data[i] == '\\' && left >= 2) {
            i++;
            found = found || folded(data[i], nocase) == byte;
        } else if (left >= 3 && data[i + 1] == '-') {
            found = found || is_between(data[i], data[i + 2], byte, nocase);
            i += 2;
        } else {
            found = found || folded(data[i], nocase) == byte;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != negated;
}

/* One element that is not a star; moves `*at` behind it. */
static bool match_one(struct gm_bytes pattern, size_t *at, uint8_t byte, bool nocase)
{
    byte = folded(byte, nocase);
    uint8_t wanted = pattern.data[(*at)++];
    if (wanted == '?') {
        return true;
    }
    if (wanted == '[') {
        return match_class(pattern, at, byte, nocase);
    }
    if (wanted == '\\' && *at < pattern.size) {
        wanted = pattern.data[(*at)++];
    }
    return folded(wanted, nocase) == byte;
}

bool glob_match(struct gm_bytes pattern, struct gm_bytes text, bool nocase)
{
    size_t at = 0;          /* in the pattern */
    size_t taken = 0;       /* of the text */
    size_t star = SIZE_MAX; /* behind the last star */
    size_t resume = 0;      /* what the last star has taken */
    if (pattern.size > GLOB_PATTERN_MAX) {
        return false;
    }
    while (taken < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            star = ++at;
            resume = taken;
            if (star == pattern.size) {
                return true;
            }
            continue;
        }
        if (at < pattern.size && match_one(pattern, &at, text.data[taken], nocase)) {
            taken++;
            continue;
        }
        if (star == SIZE_MAX) {
            return false;
        }
        at = star;
        taken = ++resume;
    }
    while (at < pattern.size && pattern.data[at] == '*') {
        at++;
    }
    return at == pattern.size;
}
