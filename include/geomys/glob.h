/* SPDX-License-Identifier: MIT */

/* geomys/glob.h - whether a text matches a pattern, with the meaning that KEYS and SCAN MATCH have in Redis: without
 * recursion, and without the product of pattern and text. The host matches with the same lines.
 *
 *     *        any bytes, none too
 *     ?        one byte
 *     [abc]    one of these     [a-z]  from a to z, in either order     [^a-z]  any other byte
 *     \x       x itself, also inside brackets; a backslash at the very end is a backslash
 *
 * A bracket that is never closed is closed by the end of the pattern. Bytes, not characters.
 *
 * Why      A pattern comes from a client, and is tried on every key. A matcher that tries all ways to divide the text
 *          among the stars takes time exponential in their number; one that lets only the last star give way still
 *          takes pattern * text: 1 KB of `*aaa...b` on 64 KB of `a` are 64 million steps, and all others wait.
 *
 * Idea     Everything but a star takes exactly one byte. So what stands between two stars, a segment, has a fixed
 *          length, and its first fit is as good as any later one: all that follows has more text left. The first
 *          segment is tried at the beginning alone, the last one at the end alone; each one between is searched for.
 *
 *              pattern  u s e r * [ab] c * : 7          text  u s e r : b c : 1 : 7
 *                       first     searched  last              ^ first   ^ found  ^ last
 *
 *          A search begins by trying one place after the other, which is the fastest for what people write. If that
 *          takes more than a few steps for each place, it goes on with a row of bits, one for each element of the
 *          segment: bit i says that the last i + 1 bytes fit the first i + 1 elements. One byte of text shifts the row
 *          and clears what does not fit that byte ("shift-and", 64 elements in a word), which `?` and classes do not
 *          make slower. Which elements a byte fits is found when the byte is first met.
 *
 * Promises
 *   I1  Never looks outside of pattern and text.
 *   I2  At most GM_GLOB_STEPS_MAX(pattern, text) steps: a walk over the pattern for each different byte, one step for
 *       64 bytes of pattern for each byte of text, and what was tried before.
 *
 * Limits   32 KiB of the stack, for patterns of GM_GLOB_PATTERN_MAX bytes.
 */
#ifndef GEOMYS_GLOB_H
#define GEOMYS_GLOB_H

#include "geomys/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GM_GLOB_PATTERN_MAX 1024 /* bytes: what is longer matches nothing; refuse it where somebody can be told */

/* What one match costs at most, in steps of a nanosecond or two. For each byte of text 64 bytes of pattern are one
 * step; 4 and 64 are tried before; the pattern is walked once for each different byte, and a few times more. */
#define GM_GLOB_STEPS_MAX(pattern, text)                                                                               \
    (264ull * (pattern) + ((pattern) / 64 + 6ull) * (text) + 64ull * ((pattern) + 1))

#define GM_GLOB_WORDS     (GM_GLOB_PATTERN_MAX / 64)
#define GM_GLOB_PATIENCE  4  /* steps for each place that is tried, before the row of bits is worth it */
#define GM_GLOB_FIRST_TRY 64 /* steps that are tried in any case */

static inline uint8_t gm_glob_folded(uint8_t byte, bool nocase)
{
    return nocase && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

static inline bool gm_glob_between(uint8_t a, uint8_t b, uint8_t byte, bool nocase)
{
    uint8_t low = gm_glob_folded(a < b ? a : b, nocase);
    uint8_t high = gm_glob_folded(a < b ? b : a, nocase);
    return byte >= low && byte <= high;
}

/* A class, `*at` behind its '['; moves on behind its ']'. `byte` is folded. */
__attribute__((noinline, unused)) static bool gm_glob_class(struct gm_bytes pattern, size_t *at, uint8_t byte,
                                                            bool nocase)
{
    const uint8_t *data = pattern.data;
    size_t i = *at;
    bool negated = i < pattern.size && data[i] == '^';
    bool found = false;
    for (i += negated; i < pattern.size && data[i] != ']'; i++) {
        size_t left = pattern.size - i;
        if (data[i] == '\\' && left >= 2) {
            i++;
            found = found || gm_glob_folded(data[i], nocase) == byte;
        } else if (left >= 3 && data[i + 1] == '-') {
            found = found || gm_glob_between(data[i], data[i + 2], byte, nocase);
            i += 2;
        } else {
            found = found || gm_glob_folded(data[i], nocase) == byte;
        }
    }
    *at = i < pattern.size ? i + 1 : i;
    return found != negated;
}

/* One element that is not a star; moves `*at` behind it. */
static inline bool gm_glob_one(struct gm_bytes pattern, size_t *at, uint8_t byte, bool nocase)
{
    byte = gm_glob_folded(byte, nocase);
    uint8_t wanted = pattern.data[(*at)++];
    if (wanted == '?') {
        return true;
    }
    if (wanted == '[') {
        return gm_glob_class(pattern, at, byte, nocase);
    }
    if (wanted == '\\' && *at < pattern.size) {
        wanted = pattern.data[(*at)++];
    }
    return gm_glob_folded(wanted, nocase) == byte;
}

/* One match under way. */
struct gm_glob_match {
    struct gm_bytes pattern;
    struct gm_bytes text;
    bool nocase;
    uint64_t steps;
};

/* What stands between two stars. */
struct gm_glob_segment {
    size_t begin, end; /* in the pattern */
    size_t length;     /* elements, each of which takes one byte */
};

/* How far pattern and text fit each other, byte for byte, from `*at` and `place` on, up to `end` of the pattern or to a
 * star; false: not so far. The text is long enough, or its end is where it does not fit. */
static inline bool gm_glob_fits_from(struct gm_glob_match *glob, size_t *at, size_t end, size_t *place)
{
    const struct gm_bytes pattern = glob->pattern;
    const struct gm_bytes text = glob->text;
    const bool nocase = glob->nocase;
    size_t i = *at;
    size_t taken = *place;
    bool fits = true;
    while (i < end && pattern.data[i] != '*') {
        if (taken == text.size || !gm_glob_one(pattern, &i, text.data[taken++], nocase)) {
            fits = false;
            break;
        }
    }
    glob->steps += i - *at;
    *at = i;
    *place = taken;
    return fits;
}

/* Whether the segment fits the text at `place`. */
static inline bool gm_glob_fits_at(struct gm_glob_match *glob, const struct gm_glob_segment *segment, size_t place)
{
    size_t at = segment->begin;
    return gm_glob_fits_from(glob, &at, segment->end, &place);
}

/* From `begin` to the next star, or to the end; not further than `length_max` elements and one. */
static inline struct gm_glob_segment gm_glob_read_segment(struct gm_glob_match *glob, size_t begin, size_t length_max)
{
    struct gm_glob_segment segment = {begin, begin, 0};
    while (segment.end < glob->pattern.size && glob->pattern.data[segment.end] != '*' && segment.length <= length_max) {
        (void)gm_glob_one(glob->pattern, &segment.end, 0, false);
        segment.length++;
    }
    glob->steps += segment.end - begin;
    return segment;
}

/* ---- the row of bits ---- */

struct gm_glob_rows {
    uint64_t fits[256][GM_GLOB_WORDS]; /* by byte: the elements that it fits; of those that are known */
    uint64_t known[256 / 64];
};

static inline const uint64_t *gm_glob_row(struct gm_glob_match *glob, const struct gm_glob_segment *segment,
                                          struct gm_glob_rows *rows, uint8_t byte)
{
    uint64_t *row = rows->fits[byte];
    uint64_t bit = 1ull << (byte % 64);
    if ((rows->known[byte / 64] & bit) == 0) {
        rows->known[byte / 64] |= bit;
        memset(row, 0, sizeof rows->fits[byte]);
        size_t at = segment->begin;
        for (size_t i = 0; at < segment->end; i++) {
            row[i / 64] |= (uint64_t)gm_glob_one(glob->pattern, &at, byte, glob->nocase) << (i % 64);
        }
        glob->steps += segment->end - segment->begin;
    }
    return row;
}

/* `*place`: where to begin, then where the first fit ends. The segment is not empty, and no longer than a pattern. */
__attribute__((noinline, unused)) static bool gm_glob_search_bits(struct gm_glob_match *glob,
                                                                  const struct gm_glob_segment *segment, size_t *place)
{
    struct gm_glob_rows rows;
    uint64_t row[GM_GLOB_WORDS];
    size_t words = (segment->length + 63) / 64;
    uint64_t last = 1ull << ((segment->length - 1) % 64);
    memset(rows.known, 0, sizeof rows.known);
    memset(row, 0, sizeof row);
    while (*place < glob->text.size) {
        const uint64_t *fits = gm_glob_row(glob, segment, &rows, glob->text.data[(*place)++]);
        uint64_t carry = 1; /* a fit may begin anywhere */
        for (size_t i = 0; i < words; i++) {
            uint64_t above = row[i] >> 63;
            row[i] = (row[i] << 1 | carry) & fits[i];
            carry = above;
        }
        glob->steps += words;
        if ((row[words - 1] & last) != 0) {
            return true;
        }
    }
    return false;
}

/* The first fit at or behind `*place`, which is then behind it. */
static inline bool gm_glob_search(struct gm_glob_match *glob, const struct gm_glob_segment *segment, size_t *place)
{
    uint64_t patience = glob->steps + GM_GLOB_FIRST_TRY;
    for (; segment->length <= glob->text.size - *place; (*place)++) {
        if (gm_glob_fits_at(glob, segment, *place)) {
            *place += segment->length;
            return true;
        }
        patience += GM_GLOB_PATIENCE;
        if (glob->steps > patience) {
            (*place)++;
            return gm_glob_search_bits(glob, segment, place);
        }
    }
    return false;
}

/* What begins with a star, at `at` of the pattern and `place` of the text. */
static inline bool gm_glob_stars(struct gm_glob_match *glob, size_t at, size_t place)
{
    for (;;) {
        while (at < glob->pattern.size && glob->pattern.data[at] == '*') {
            at++;
            glob->steps++;
        }
        if (at == glob->pattern.size) {
            return true;
        }
        size_t left = glob->text.size - place;
        struct gm_glob_segment segment = gm_glob_read_segment(glob, at, left);
        if (segment.length > left) {
            return false;
        }
        if (segment.end == glob->pattern.size) {
            return gm_glob_fits_at(glob, &segment, glob->text.size - segment.length);
        }
        if (!gm_glob_search(glob, &segment, &place)) {
            return false;
        }
        at = segment.end;
    }
}

static inline bool gm_glob_all(struct gm_glob_match *glob)
{
    size_t at = 0;
    size_t place = 0;
    if (!gm_glob_fits_from(glob, &at, glob->pattern.size, &place)) {
        return false;
    }
    return at < glob->pattern.size ? gm_glob_stars(glob, at, place) : place == glob->text.size;
}

/* ---- what to call ---- */

/* `nocase`: without regard to the case of ASCII letters; adds the steps that it took to `*steps`. No allocation.
 * O(pattern + text) for patterns as people write them, GM_GLOB_STEPS_MAX steps at worst. [any context] */
static inline bool gm_glob_counted(struct gm_bytes pattern, struct gm_bytes text, bool nocase, uint64_t *steps)
{
    struct gm_glob_match glob = {pattern, text, nocase, 0};
    bool matches = pattern.size <= GM_GLOB_PATTERN_MAX && gm_glob_all(&glob);
    *steps += glob.steps;
    return matches;
}

static inline bool gm_glob(struct gm_bytes pattern, struct gm_bytes text, bool nocase)
{
    uint64_t steps = 0;
    return gm_glob_counted(pattern, text, nocase, &steps);
}

#ifdef __cplusplus
}
#endif

#endif
