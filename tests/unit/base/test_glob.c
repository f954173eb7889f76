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

Test(glob, any_bytes_and_many_stars_end_soon, .timeout = 20)
{
    struct prng prng;
    prng_seed(&prng, 7);
    for (int i = 0; i < 200000; i++) {
        char *p = malloc(12); /* of the exact size, so that a reader out of bounds is caught */
        struct gm_bytes pattern = draw(&prng, p, 12, "[]^-\\*?a");
        pattern.data = memcpy(malloc(pattern.size + 1), p, pattern.size);
        pattern.data = realloc((void *)(uintptr_t)pattern.data, pattern.size == 0 ? 1 : pattern.size);
        (void)glob_match(pattern, BYTES("a-]^a"), (i & 1) != 0); /* glob I1: a sanitizer sees it */
        free((void *)(uintptr_t)pattern.data);
        free(p);
    }
    static uint8_t stars[GLOB_PATTERN_MAX];
    static uint8_t text[65535];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof stars; i++) {
        stars[i] = i % 2 == 0 ? '*' : 'a';
    }
    stars[sizeof stars - 1] = 'b';
    /* glob I2: in time */
    cr_expect_not(glob_match((struct gm_bytes){stars, sizeof stars}, (struct gm_bytes){text, sizeof text}, false));
    static const uint8_t all[GLOB_PATTERN_MAX + 1] = {'*'};
    cr_expect_not(glob_match((struct gm_bytes){all, sizeof all}, BYTES("a"), false), "too long: matches nothing");
}
