/* SPDX-License-Identifier: MIT */

/* keys.h - from the bytes that a terminal sends to the keys that were pressed. */
#ifndef GEOMYS_CLI_KEYS_H
#define GEOMYS_CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key {
    KEY_NONE, /* nothing yet, or nothing that means anything */
    KEY_TEXT, /* the byte is part of the text */
    KEY_ENTER,
    KEY_TAB,
    KEY_BACK_TAB,
    KEY_ERASE,
    KEY_DELETE,
    KEY_DELETE_OR_END, /* Ctrl-D */
    KEY_LEFT,
    KEY_RIGHT,
    KEY_UP,
    KEY_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_WORD_LEFT,
    KEY_WORD_RIGHT,
    KEY_KILL_END,
    KEY_KILL_START,
    KEY_KILL_WORD,
    KEY_KILL_WORD_RIGHT,
    KEY_YANK,
    KEY_SWAP,
    KEY_CLEAR,
    KEY_SEARCH,
    KEY_CANCEL,
    KEY_INTERRUPT,
    KEY_SUSPEND,
    KEY_ESCAPE, /* alone: only keys_flush tells */
};

#define KEYS_SEQUENCE 16 /* bytes of an escape sequence that are looked at; longer ones mean nothing */

/* Zeroed memory is the beginning. */
struct keys {
    uint8_t sequence[KEYS_SEQUENCE];
    size_t size;  /* bytes of an escape sequence so far */
    bool escaped; /* inside one */
    bool pasting; /* between the brackets of a paste: keys are text */
};

/* Takes one byte. With KEY_TEXT, `text` is the byte to insert (a line break in a paste is '\n'). O(1). */
enum key keys_feed(struct keys *keys, uint8_t byte, uint8_t *text);

/* True if a sequence has begun: when nothing follows for a while, it was the key Escape. */
bool keys_waiting(const struct keys *keys);

/* Ends a sequence that goes no further. */
enum key keys_flush(struct keys *keys);

#endif
