/* SPDX-License-Identifier: MIT */

/* secret.c - passwords are kept out of the history.
 *
 * Idea     Two sieves. One knows the words by which every client of the protocol names a password, so it also holds
 *          when the server declares nothing. The other asks the catalog, so it holds for commands nobody has heard of.
 *          */
#include "cli/interactive/secret.h"

#include "cli/text/words.h"

static bool mentions(struct gm_bytes word, const char *part)
{
    size_t size = strlen(part);
    for (size_t at = 0; at + size <= word.size; at++) {
        if (bytes_equal_nocase((struct gm_bytes){word.data + at, size}, part)) {
            return true;
        }
    }
    return false;
}

static bool any_word(const struct words *words, size_t from, const char *text)
{
    for (size_t i = from; i < words->count; i++) {
        if (bytes_equal_nocase(words->argv[i], text)) {
            return true;
        }
    }
    return false;
}

static bool sets_password(const struct words *words)
{
    for (size_t i = 2; i < words->count; i++) {
        if (mentions(words->argv[i], "pass") || mentions(words->argv[i], "auth") ||
            mentions(words->argv[i], "secret")) {
            return true;
        }
    }
    return false;
}

static bool known_secret(const struct words *words)
{
    struct gm_bytes name = words->argv[0];
    if (bytes_equal_nocase(name, "auth") || bytes_equal_nocase(name, "acl")) {
        return true;
    }
    if (bytes_equal_nocase(name, "hello") || bytes_equal_nocase(name, "migrate")) {
        return any_word(words, 1, "auth") || any_word(words, 1, "auth2");
    }
    bool config = bytes_equal_nocase(name, "config") && words->count > 1 && bytes_equal_nocase(words->argv[1], "set");
    return config && sets_password(words);
}

bool secret_line(const struct catalog *catalog, struct gm_bytes line)
{
    struct words words;
    words_split_open(&words, line);
    bool secret = words.count > 0 && (known_secret(&words) || catalog_secret(catalog, words.argv, words.count));
    words_finish(&words);
    return secret;
}
