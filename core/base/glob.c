/* SPDX-License-Identifier: MIT */

/* glob.c - matching without recursion, and without the product of pattern and text.
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
 *   I2  At most GLOB_STEPS_MAX(pattern, text) steps: a walk over the pattern for each different byte, one step for 64
 *       bytes of pattern for each byte of text, and what was tried before.
 *
 * Limits   32 KiB of the stack, for patterns of GLOB_PATTERN_MAX bytes. */
#include "base/glob.h"

#include "base/check.h"

#define WORDS     (GLOB_PATTERN_MAX / 64)
#define PATIENCE  4  /* steps for each place that is tried, before the row of bits is worth it */
#define FIRST_TRY 64 /* steps that are tried in any case */

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
static __attribute__((noinline)) bool match_class(struct gm_bytes pattern, size_t *at, uint8_t byte, bool nocase)
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
static inline bool match_one(struct gm_bytes pattern, size_t *at, uint8_t byte, bool nocase)
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

/* One match under way. */
struct glob {
    struct gm_bytes pattern;
    struct gm_bytes text;
    bool nocase;
    uint64_t steps;
};

/* What stands between two stars. */
struct segment {
    size_t begin, end; /* in the pattern */
    size_t length;     /* elements, each of which takes one byte */
};

/* How far pattern and text fit each other, byte for byte, from `*at` and `place` on, up to `end` of the pattern or to a
 * star; false: not so far. The text is long enough, or its end is where it does not fit. */
static inline bool fits_from(struct glob *glob, size_t *at, size_t end, size_t *place)
{
    const struct gm_bytes pattern = glob->pattern;
    const struct gm_bytes text = glob->text;
    const bool nocase = glob->nocase;
    size_t i = *at;
    size_t taken = *place;
    bool fits = true;
    while (i < end && pattern.data[i] != '*') {
        if (taken == text.size || !match_one(pattern, &i, text.data[taken++], nocase)) {
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
static bool fits_at(struct glob *glob, const struct segment *segment, size_t place)
{
    size_t at = segment->begin;
    check_slow(segment->length <= glob->text.size && place <= glob->text.size - segment->length); /* glob I1 */
    return fits_from(glob, &at, segment->end, &place);
}

/* From `begin` to the next star, or to the end; not further than `length_max` elements and one. */
static struct segment read_segment(struct glob *glob, size_t begin, size_t length_max)
{
    struct segment segment = {begin, begin, 0};
    while (segment.end < glob->pattern.size && glob->pattern.data[segment.end] != '*' && segment.length <= length_max) {
        (void)match_one(glob->pattern, &segment.end, 0, false);
        segment.length++;
    }
    glob->steps += segment.end - begin;
    return segment;
}

/* ---- the row of bits ---- */

struct rows {
    uint64_t fits[256][WORDS]; /* by byte: the elements that it fits; of those that are known */
    uint64_t known[256 / 64];
};

static const uint64_t *row_of(struct glob *glob, const struct segment *segment, struct rows *rows, uint8_t byte)
{
    uint64_t *row = rows->fits[byte];
    uint64_t bit = 1ull << (byte % 64);
    if ((rows->known[byte / 64] & bit) == 0) {
        rows->known[byte / 64] |= bit;
        memset(row, 0, sizeof rows->fits[byte]);
        size_t at = segment->begin;
        for (size_t i = 0; at < segment->end; i++) {
            row[i / 64] |= (uint64_t)match_one(glob->pattern, &at, byte, glob->nocase) << (i % 64);
        }
        glob->steps += segment->end - segment->begin;
    }
    return row;
}

/* `*place`: where to begin, then where the first fit ends. */
static __attribute__((noinline)) bool search_by_bits(struct glob *glob, const struct segment *segment, size_t *place)
{
    struct rows rows;
    uint64_t row[WORDS] = {0};
    size_t words = (segment->length + 63) / 64;
    uint64_t last = 1ull << ((segment->length - 1) % 64);
    check(words > 0 && words <= WORDS);
    memset(rows.known, 0, sizeof rows.known);
    while (*place < glob->text.size) {
        const uint64_t *fits = row_of(glob, segment, &rows, glob->text.data[(*place)++]);
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
static bool search(struct glob *glob, const struct segment *segment, size_t *place)
{
    uint64_t patience = glob->steps + FIRST_TRY;
    for (; segment->length <= glob->text.size - *place; (*place)++) {
        if (fits_at(glob, segment, *place)) {
            *place += segment->length;
            return true;
        }
        patience += PATIENCE;
        if (glob->steps > patience) {
            (*place)++;
            return search_by_bits(glob, segment, place);
        }
    }
    return false;
}

/* What begins with a star, at `at` of the pattern and `place` of the text. */
static bool match_stars(struct glob *glob, size_t at, size_t place)
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
        struct segment segment = read_segment(glob, at, left);
        if (segment.length > left) {
            return false;
        }
        if (segment.end == glob->pattern.size) {
            return fits_at(glob, &segment, glob->text.size - segment.length);
        }
        if (!search(glob, &segment, &place)) {
            return false;
        }
        at = segment.end;
    }
}

static bool match(struct glob *glob)
{
    size_t at = 0;
    size_t place = 0;
    if (!fits_from(glob, &at, glob->pattern.size, &place)) {
        return false;
    }
    return at < glob->pattern.size ? match_stars(glob, at, place) : place == glob->text.size;
}

bool glob_match_counted(struct gm_bytes pattern, struct gm_bytes text, bool nocase, uint64_t *steps)
{
    struct glob glob = {pattern, text, nocase, 0};
    bool matches = pattern.size <= GLOB_PATTERN_MAX && match(&glob);
    check_slow(glob.steps <= GLOB_STEPS_MAX(pattern.size, text.size)); /* glob I2 */
    *steps += glob.steps;
    return matches;
}

bool glob_match(struct gm_bytes pattern, struct gm_bytes text, bool nocase)
{
    uint64_t steps = 0;
    return glob_match_counted(pattern, text, nocase, &steps);
}
