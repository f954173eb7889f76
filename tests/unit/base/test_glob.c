/* SPDX-License-Identifier: MIT */

/* test_glob.c - patterns mean what they mean in Redis, and none takes long. */
#include "base/glob.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "support/seed.h"

struct example {
    const char *pattern;
    const char *text;
    bool matches;
};

/* Each line has been tried on a Redis server as KEYS with that key, but those with an empty text. */
static const struct example examples[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"**", "", true},
    {"*", "a", true},
    {"a*", "a", true},
    {"a*b", "ab", true},
    {"a*b", "axxb", true},
    {"a*b", "axxbc", false},
    {"*b*", "abc", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"h?llo", "hello", true},
    {"h[ae]llo", "hillo", false},
    {"h[^e]llo", "hello", false},
    {"h[^e]llo", "hallo", true},
    {"h[a-b]llo", "hbllo", true},
    {"h[b-a]llo", "hallo", true},
    {"h[a-b]llo", "hcllo", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\\\", "\\", true},
    {"\\", "\\", true},
    {"a\\", "a\\", true},
    {"\\a", "a", true},
    {"[\\]]", "]", true},
    {"[\\]]x", "]x", true},
    {"[abc", "c", true},
    {"[abc", "d", false},
    {"[^abc", "d", true},
    {"[]", "]", false},
    {"[]a", "a", false},
    {"[^]", "a", true},
    {"[a-]", "b", false},
    {"[a-", "-", true},
    {"[a-]", "a", true},
    {"[a-]", "]", true},
    {"x[", "x", false},
    {"x[^", "xy", true},
    {"[-a]", "-", true},
    {"[a\\-z]", "-", true},
    {"[a\\-z]", "b", false},
    {"*[0-9]", "key7", true},
    {"*[0-9]", "key7x", false},
    {"user:*:7", "user:1:7:7", true},
    {"a*a*a*b", "aaaaaab", true},
    {"*a*b*c", "xxaxbxc", true},
    {"*a*b*c", "xxbxaxc", false},
    {"A", "a", false},
};

Test(glob, means_what_it_means_in_redis)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *it = &examples[i];
        cr_expect_eq(glob_match(gm_bytes_of(it->pattern), gm_bytes_of(it->text), false), it->matches, "%s on %s",
                     it->pattern, it->text);
    }
    cr_expect(glob_match(BYTES("NaMe*"), BYTES("name7"), true));
    cr_expect(glob_match(BYTES("[A-C]x"), BYTES("bX"), true));
    cr_expect_not(glob_match(BYTES("[A-C]x"), BYTES("dX"), true));
    cr_expect(glob_match(BYTES("a\0*"), BYTES("a\0b"), false), "bytes, not a C string");
}

/* The definition, as simple as can be: exponential, so for short patterns only. */
static bool oracle(struct gm_bytes pattern, struct gm_bytes text)
{
    if (pattern.size == 0) {
        return text.size == 0;
    }
    struct gm_bytes rest = {pattern.data + 1, pattern.size - 1};
    if (pattern.data[0] == '*') {
        for (size_t taken = 0; taken <= text.size; taken++) {
            if (oracle(rest, (struct gm_bytes){text.data + taken, text.size - taken})) {
                return true;
            }
        }
        return false;
    }
    if (text.size == 0) {
        return false;
    }
    struct gm_bytes later = {text.data + 1, text.size - 1};
    return (pattern.data[0] == '?' || pattern.data[0] == text.data[0]) && oracle(rest, later);
}

static struct gm_bytes draw(struct prng *prng, char *out, size_t most, const char *letters)
{
    size_t size = prng_below(prng, most + 1);
    for (size_t i = 0; i < size; i++) {
        out[i] = letters[prng_below(prng, strlen(letters))];
    }
    return (struct gm_bytes){(const uint8_t *)out, size};
}

Test(glob, agrees_with_the_definition_on_random_patterns)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int i = 0; i < 100000; i++) {
        char p[8];
        char t[8];
        struct gm_bytes pattern = draw(&prng, p, sizeof p, "ab**?");
        struct gm_bytes text = draw(&prng, t, sizeof t, "ab");
        cr_assert_eq(glob_match(pattern, text, false), oracle(pattern, text), "%.*s on %.*s", (int)pattern.size, p,
                     (int)text.size, t);
    }
}

/* ---- the whole grammar, and long texts ---- */

#define REFERENCE_TEXT_MAX 512

static uint8_t lower(uint8_t byte, bool nocase)
{
    return nocase && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* One element from `*at` on, as Redis reads it, and which bytes it takes. */
static void read_element(struct gm_bytes pattern, size_t *at, bool nocase, bool takes[256])
{
    const uint8_t *p = pattern.data;
    size_t end = pattern.size;
    size_t i = *at;
    memset(takes, 0, 256);
    if (p[i] == '?') {
        memset(takes, 1, 256);
        i++;
    } else if (p[i] != '[') {
        i += p[i] == '\\' && i + 1 < end;
        takes[lower(p[i++], nocase)] = true;
    } else {
        i++;
        bool not = i < end && p[i] == '^';
        for (i += not ; i < end && p[i] != ']'; i++) {
            if (p[i] == '\\' && i + 1 < end) {
                takes[lower(p[++i], nocase)] = true;
            } else if (i + 2 < end && p[i + 1] == '-') {
                uint8_t low = lower(p[i] < p[i + 2] ? p[i] : p[i + 2], nocase);
                uint8_t high = lower(p[i] < p[i + 2] ? p[i + 2] : p[i], nocase);
                for (unsigned byte = low; byte <= high; byte++) {
                    takes[byte] = true;
                }
                i += 2;
            } else {
                takes[lower(p[i], nocase)] = true;
            }
        }
        i += i < end;
        for (size_t byte = 0; not &&byte < 256; byte++) {
            takes[byte] = !takes[byte];
        }
    }
    *at = i;
}

/* By the set of all places of the text that the pattern so far can end at: pattern * text steps, and no thought. */
static bool reference(struct gm_bytes pattern, struct gm_bytes text, bool nocase)
{
    bool ends[REFERENCE_TEXT_MAX + 1] = {true};
    cr_assert(text.size <= REFERENCE_TEXT_MAX);
    for (size_t at = 0; at < pattern.size;) {
        bool takes[256];
        if (pattern.data[at] == '*') {
            at++;
            for (size_t i = 1; i <= text.size; i++) {
                ends[i] = ends[i] || ends[i - 1];
            }
            continue;
        }
        read_element(pattern, &at, nocase, takes);
        for (size_t i = text.size; i > 0; i--) {
            ends[i] = ends[i - 1] && takes[lower(text.data[i - 1], nocase)];
        }
        ends[0] = false;
    }
    return ends[text.size];
}

/* Of pieces that fit often enough to lead far into the text. */
static struct gm_bytes draw_pattern(struct prng *prng, char *out, size_t pieces)
{
    static const char *const letters[] = {"a",    "a",     "a",   "a", "?",     "b", "[ab]",
                                          "[^b]", "[a-c]", "\\a", "A", "[B-a]", "*"};
    size_t size = 0;
    size_t kinds = sizeof letters / sizeof letters[0];
    for (size_t i = 0; i < pieces; i++) {
        const char *piece = letters[prng_below(prng, prng_below(prng, 3) == 0 ? kinds : 8)];
        memcpy(out + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return (struct gm_bytes){(const uint8_t *)out, size};
}

Test(glob, agrees_with_a_plain_matcher_on_long_texts, .timeout = 60)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    int fits = 0;
    for (int i = 0; i < 20000; i++) {
        char p[8 + 5 * 150];
        char t[REFERENCE_TEXT_MAX];
        p[0] = '*';
        bool open = prng_below(&prng, 4) != 0;
        struct gm_bytes pattern =
            draw_pattern(&prng, p + open, prng_below(&prng, prng_below(&prng, 2) == 0 ? 150 : 12));
        pattern = (struct gm_bytes){(const uint8_t *)p, pattern.size + open};
        if (prng_below(&prng, 2) == 0) {
            p[pattern.size++] = '*';
        }
        struct gm_bytes text = draw(&prng, t, sizeof t, i % 3 == 0 ? "aab" : i % 3 == 1 ? "aaaaaaaaaaaab" : "aAaabc");
        bool nocase = prng_below(&prng, 2) != 0;
        bool expected = reference(pattern, text, nocase);
        fits += expected;
        cr_assert_eq(glob_match(pattern, text, nocase), expected, "%.*s on %.*s", (int)pattern.size, p, (int)text.size,
                     t);
    }
    cr_expect(fits > 1000 && fits < 19000, "%d of 20000 fit: the patterns say little", fits);
}

Test(glob, any_bytes_are_read_within_their_bounds, .timeout = 20)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int i = 0; i < 200000; i++) {
        char p[12];
        struct gm_bytes drawn = draw(&prng, p, sizeof p, "[]^-\\*?a");
        uint8_t *exact = malloc(drawn.size + (drawn.size == 0)); /* so that a reader out of bounds is caught */
        memcpy(exact, p, drawn.size);
        struct gm_bytes pattern = {exact, drawn.size};
        bool nocase = (i & 1) != 0;
        /* glob I1: a sanitizer sees it */
        cr_assert_eq(glob_match(pattern, BYTES("a-]^a"), nocase), reference(pattern, BYTES("a-]^a"), nocase), "%.*s",
                     (int)drawn.size, p);
        free(exact);
    }
    static const uint8_t all[GLOB_PATTERN_MAX + 1] = {'*'};
    cr_expect_not(glob_match((struct gm_bytes){all, sizeof all}, BYTES("a"), false), "too long: matches nothing");
}

/* ---- what it costs ---- */

static uint8_t long_text[1 << 20];

static uint64_t steps_of(const char *begin, const char *piece, const char *end)
{
    static uint8_t bytes[GLOB_PATTERN_MAX];
    size_t size = strlen(begin);
    memcpy(bytes, begin, size);
    while (size + strlen(piece) + strlen(end) <= sizeof bytes) {
        memcpy(bytes + size, piece, strlen(piece));
        size += strlen(piece);
    }
    memcpy(bytes + size, end, strlen(end));
    size += strlen(end);
    uint64_t steps = 0;
    (void)glob_match_counted((struct gm_bytes){bytes, size}, (struct gm_bytes){long_text, sizeof long_text}, false,
                             &steps);
    cr_expect(steps <= GLOB_STEPS_MAX(size, sizeof long_text), "%s%s...%s: %llu", begin, piece, end,
              (unsigned long long)steps); /* glob I2 */
    return steps;
}

/* The same with the last star giving way byte by byte: 1000 steps for each byte of the text. */
Test(glob, no_pattern_costs_the_product_of_pattern_and_text)
{
    static const char *const worst[][3] = {
        {"*", "a", "b*"},       {"*", "a", "b"},     {"", "*a", "b"},           {"*", "?", "b*"},
        {"*", "[ab]", "c*"},    {"*", "[^b]", "b*"}, {"*", "[aaaaaaaa", "]c*"}, {"*a*", "\\a", "b*?"},
        {"*", "aaaaaaab*", ""}, {"*b*", "aa?", "*"},
    };
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 0; i < sizeof worst / sizeof worst[0]; i++) {
        uint64_t steps = steps_of(worst[i][0], worst[i][1], worst[i][2]);
        cr_expect(steps < 23 * (uint64_t)sizeof long_text, "%s%s...%s: %llu", worst[i][0], worst[i][1], worst[i][2],
                  (unsigned long long)steps);
    }
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (size_t i = 0; i < sizeof long_text; i++) {
        long_text[i] = (uint8_t)prng_below(&prng, 256);
    }
    cr_expect(steps_of("*", "?", "b*") < 23 * (uint64_t)sizeof long_text, "every byte has a row to be made");
}
