/* SPDX-License-Identifier: MIT */

/* printable.c - printable.h has the argument.
 *
 * Promises
 *   P1  What is written is UTF-8, and each of its characters is utf8_plain. */
#include "base/printable.h"

#include "base/check.h"
#include "base/utf8.h"

/* The piece that stands for the beginning of `text`: its size in `piece`; returns how many bytes of `text` it is. */
static size_t next(struct gm_bytes text, char piece[5], size_t *size)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t character = 0;
    size_t taken = utf8_decode(text, &character);
    uint8_t byte = text.data[0];
    if (taken > 0 && utf8_plain(character)) {
        memcpy(piece, text.data, taken);
        *size = taken;
        return taken;
    }
    char name = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : '\0';
    piece[0] = '\\';
    if (name != '\0') {
        piece[1] = name;
        *size = 2;
        return 1;
    }
    piece[1] = 'x';
    piece[2] = digits[byte >> 4];
    piece[3] = digits[byte & 15];
    *size = 4;
    return 1;
}

size_t printable_write(char *out, size_t room, struct gm_bytes text)
{
    check(room > 0);
    size_t used = 0;
    for (size_t at = 0; at < text.size;) {
        char piece[5];
        size_t size;
        at += next((struct gm_bytes){text.data + at, text.size - at}, piece, &size); /* printable P1 */
        if (size >= room - used) {
            break;
        }
        memcpy(out + used, piece, size);
        used += size;
    }
    out[used] = '\0';
    return used;
}

void printable_clean(char *text, size_t room)
{
    char dirty[PRINTABLE_MAX];
    size_t size = strlen(text);
    check(size < room && room <= PRINTABLE_MAX);
    size_t plain = 0; /* nearly always all of it */
    while (plain < size && text[plain] >= ' ' && text[plain] < 0x7f) {
        plain++;
    }
    if (plain < size) {
        memcpy(dirty, text, size);
        (void)printable_write(text, room, (struct gm_bytes){(const uint8_t *)dirty, size});
    }
}
