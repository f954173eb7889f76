/* SPDX-License-Identifier: MIT */

/* keys.c - control bytes and escape sequences.
 *
 *     ESC [ parameters final    arrows, Home, Delete, paste brackets
 *     ESC O letter              the same, from terminals in application mode
 *     ESC letter                Alt with a letter
 *
 * Promises K1  An unknown sequence is swallowed whole: its bytes never become text.
 *          K2  Inside a paste nothing is a command but the bracket that ends it.
 */
#include "cli/edit/keys.h"

#include <string.h>

static enum key control_key(uint8_t byte)
{
    static const uint8_t table[32] = {
        [1] = KEY_HOME,      [2] = KEY_LEFT,   [3] = KEY_INTERRUPT,   [4] = KEY_DELETE_OR_END, [5] = KEY_END,
        [6] = KEY_RIGHT,     [7] = KEY_CANCEL, [8] = KEY_ERASE,       [9] = KEY_TAB,           [10] = KEY_ENTER,
        [11] = KEY_KILL_END, [12] = KEY_CLEAR, [13] = KEY_ENTER,      [14] = KEY_DOWN,         [16] = KEY_UP,
        [18] = KEY_SEARCH,   [20] = KEY_SWAP,  [21] = KEY_KILL_START, [23] = KEY_KILL_WORD,    [25] = KEY_YANK,
        [26] = KEY_SUSPEND,
    };
    return table[byte];
}

static enum key alt_key(uint8_t byte)
{
    switch (byte) {
    case 'b':
    case 'B':
        return KEY_WORD_LEFT;
    case 'f':
    case 'F':
        return KEY_WORD_RIGHT;
    case 'd':
    case 'D':
        return KEY_KILL_WORD_RIGHT;
    case 8:
    case 127:
        return KEY_KILL_WORD;
    default:
        return KEY_NONE;
    }
}

static enum key arrow_key(uint8_t final, bool by_word)
{
    switch (final) {
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return by_word ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
        return by_word ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    case 'Z':
        return KEY_BACK_TAB;
    default:
        return KEY_NONE;
    }
}

/* "ESC [ number ~" */
static enum key numbered_key(struct keys *keys, int number)
{
    switch (number) {
    case 1:
    case 7:
        return KEY_HOME;
    case 4:
    case 8:
        return KEY_END;
    case 3:
        return KEY_DELETE;
    case 200:
        keys->pasting = true;
        return KEY_NONE;
    case 201:
        keys->pasting = false;
        return KEY_NONE;
    default:
        return KEY_NONE;
    }
}

/* A whole "ESC [ ..." in `sequence`, without the ESC. */
static enum key bracket_key(struct keys *keys)
{
    uint8_t final = keys->sequence[keys->size - 1];
    int number = 0;
    int modifier = 0;
    int *into = &number;
    for (size_t i = 1; i + 1 < keys->size; i++) {
        uint8_t byte = keys->sequence[i];
        if (byte == ';') {
            into = &modifier;
            *into = 0;
        } else if (byte >= '0' && byte <= '9' && *into < 1000) {
            *into = *into * 10 + (byte - '0');
        }
    }
    if (keys->pasting && !(final == '~' && number == 201)) {
        return KEY_NONE;
    }
    return final == '~' ? numbered_key(keys, number) : arrow_key(final, modifier >= 3);
}

static enum key escaped_byte(struct keys *keys, uint8_t byte)
{
    if (keys->size == 0 && byte == 27) {
        return KEY_NONE; /* ESC ESC: stay */
    }
    if (keys->size < KEYS_SEQUENCE) {
        keys->sequence[keys->size++] = byte;
    }
    bool bracket = keys->sequence[0] == '[';
    bool more =
        (keys->size == 1 && (bracket || byte == 'O')) || (bracket && keys->size > 1 && byte >= 0x20 && byte < 0x40);
    if (more) {
        return KEY_NONE;
    }
    enum key key = KEY_NONE;
    if (bracket && keys->size > 1) {
        keys->sequence[keys->size - 1] = byte; /* the final byte, also of a sequence that is too long */
        key = bracket_key(keys);
    } else if (!keys->pasting) {
        key = keys->size == 2 ? arrow_key(byte, false) : alt_key(byte);
    }
    keys->escaped = false;
    return key;
}

enum key keys_feed(struct keys *keys, uint8_t byte, uint8_t *text)
{
    if (keys->escaped) {
        return escaped_byte(keys, byte);
    }
    if (byte == 27) {
        keys->escaped = true;
        keys->size = 0;
        return KEY_NONE;
    }
    *text = keys->pasting && byte == '\r' ? '\n' : byte;
    if (byte >= 32 && byte != 127) {
        return KEY_TEXT;
    }
    if (keys->pasting) {
        return byte == 0 ? KEY_NONE : KEY_TEXT;
    }
    return byte == 127 ? KEY_ERASE : control_key(byte);
}

bool keys_waiting(const struct keys *keys)
{
    return keys->escaped && !keys->pasting;
}

enum key keys_flush(struct keys *keys)
{
    bool alone = keys->escaped && keys->size == 0;
    keys->escaped = false;
    keys->size = 0;
    return alone ? KEY_ESCAPE : KEY_NONE;
}
