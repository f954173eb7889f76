/* SPDX-License-Identifier: MIT */

/* uri.c - cutting a URI.
 *
 * Idea     Pieces only shrink when they are decoded, so they stay where they are, ended where the mark behind them was.
 *          The last '@' before the path ends the user: a password may hold one that nobody encoded. */
#include "cli/options/uri.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/escape.h"

static int hex(char digit)
{
    return escape_hex((uint8_t)digit);
}

/* Decodes %HH; false if one is malformed or stands for a zero byte. */
static bool decode(char *text)
{
    char *out = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *out++ = *from;
            continue;
        }
        if (hex(from[1]) < 0 || hex(from[2]) < 0 || (hex(from[1]) == 0 && hex(from[2]) == 0)) {
            return false;
        }
        *out++ = (char)(hex(from[1]) * 16 + hex(from[2]));
        from += 2;
    }
    *out = '\0';
    return true;
}

static bool read_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
    return bytes_to_int(gm_bytes_of(text), out) && *out >= least && *out <= most;
}

/* "user:password", ":password" or "password". */
static bool cut_user(char *text, struct uri *out)
{
    char *colon = strchr(text, ':');
    out->password = colon != NULL ? colon + 1 : text;
    if (colon != NULL && colon > text) {
        *colon = '\0';
        out->user = text;
    }
    return (out->user == NULL || decode(out->user)) && decode(out->password);
}

/* "host", "host:port", "[address]:port", or a part of it. */
static bool cut_host(char *text, struct uri *out)
{
    char *end = text + strcspn(text, ":");
    char *behind = end;
    if (*text == '[') {
        text++;
        end = strchr(text, ']');
        if (end == NULL) {
            return false;
        }
        behind = end + 1;
    }
    int64_t number;
    if (*behind != '\0') {
        out->port = behind + 1;
        if (*behind != ':' || !read_number(out->port, 1, 65535, &number)) {
            return false;
        }
    }
    *end = '\0';
    out->host = *text != '\0' ? text : NULL;
    return true;
}

/* What stands from the '/' or '?' on, if there is one. NULL, or what is wrong. */
static const char *cut_rest(char mark, const char *rest, struct uri *out)
{
    int64_t database = 0;
    if (mark == '/' && *rest != '\0' && !read_number(rest, 0, 65535, &database)) {
        return "after the host there may only be the number of a database";
    }
    out->database = (int)database;
    out->database_said = mark == '/' && *rest != '\0';
    return mark == '?' ? "it has parameters, which mean nothing here" : NULL;
}

const char *uri_cut(char *text, struct uri *out)
{
    *out = (struct uri){0};
    if (strncmp(text, "unix://", 7) == 0) {
        out->path = text + 7;
        return *out->path == '/' && decode(out->path) ? NULL : "unix:// must be followed by a path";
    }
    size_t scheme = strncmp(text, "redis://", 8) == 0 ? 8 : strncmp(text, "geomys://", 9) == 0 ? 9 : 0;
    if (scheme == 0) {
        return "a URI begins with redis://, geomys:// or unix://";
    }
    char *from = text + scheme;
    char *end = from + strcspn(from, "/?");
    char mark = *end;
    *end = '\0';
    char *at = strrchr(from, '@');
    if (at != NULL) {
        *at = '\0';
        out->secret = true;
        if (!cut_user(from, out)) {
            return "the user or the password is not encoded as %HH should be";
        }
        from = at + 1;
    }
    if (!cut_host(from, out)) {
        return "the host or the port makes no sense";
    }
    return cut_rest(mark, mark != '\0' ? end + 1 : end, out);
}
