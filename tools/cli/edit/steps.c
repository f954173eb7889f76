/* SPDX-License-Identifier: MIT */

/* steps.c - characters and words.
 *
 * Promises S1  From the beginning of a character a step leads to the beginning of one (of UTF-8; a broken byte is one
 * of
 *              its own), and never between a character and the marks that combine with it. */
#include "cli/edit/steps.h"

#include "base/utf8.h"
#include "cli/text/cells.h"

static size_t character_size(struct gm_bytes line, size_t at, bool utf8, bool *combines)
{
    uint32_t character = 0;
    struct gm_bytes rest = {line.data + at, line.size - at};
    size_t size = utf8 || (rest.size > 0 && rest.data[0] < 0x80) ? utf8_decode(rest, &character) : 0;
    *combines = size > 0 && cells_of(character) == 0;
    return size > 0 ? size : 1;
}

size_t steps_after(struct gm_bytes line, size_t at, bool utf8)
{
    bool combines = true;
    if (at < line.size) {
        at += character_size(line, at, utf8, &combines);
    }
    while (at < line.size) {
        size_t size = character_size(line, at, utf8, &combines);
        if (!combines) {
            break;
        }
        at += size;
    }
    return at;
}

size_t steps_before(struct gm_bytes line, size_t at, bool utf8)
{
    while (at > 0) {
        size_t start = at - 1;
        for (size_t size = 2; size <= 4 && size <= at; size++) {
            bool ignored;
            if (character_size(line, at - size, utf8, &ignored) == size) {
                start = at - size;
            }
        }
        bool combines;
        character_size(line, start, utf8, &combines);
        at = start;
        if (!combines) {
            break;
        }
    }
    return at;
}

static bool is_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           byte == '_' || byte >= 0x80;
}

size_t steps_word_right(struct gm_bytes line, size_t at)
{
    while (at < line.size && !is_word(line.data[at])) {
        at++;
    }
    while (at < line.size && is_word(line.data[at])) {
        at++;
    }
    return at;
}

size_t steps_word_left(struct gm_bytes line, size_t at)
{
    while (at > 0 && !is_word(line.data[at - 1])) {
        at--;
    }
    while (at > 0 && is_word(line.data[at - 1])) {
        at--;
    }
    return at;
}

size_t steps_blank_left(struct gm_bytes line, size_t at)
{
    while (at > 0 && line.data[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && line.data[at - 1] != ' ') {
        at--;
    }
    return at;
}
