/* SPDX-License-Identifier: MIT */

/* output_json.c - replies as JSON (RFC 8259), one value on one line.
 *
 *   string, status, verbatim   a string if it is UTF-8, else {"base64": "..."}
 *   error                      {"error": as above}
 *   integer, big number        a number
 *   double                     a number; "inf", "-inf", "nan" as strings, which JSON has no numbers for
 *   null, boolean              null, true, false
 *   array, set                 an array
 *   map                        an object if all keys are UTF-8 strings, else an array of [key, value]
 *   push                       {"push": [...]}
 *
 * Promises J1  The output is valid JSON and valid UTF-8, whatever the reply.
 *          J2  It has no control characters, not even the one that is DEL, and none that turns the text around or is
 *              not seen, so it is safe at a terminal.
 */
#include <inttypes.h>
#include <math.h>

#include "base/utf8.h"
#include "cli/show/output_formats.h"

static void json_base64(FILE *file, struct gm_bytes bytes)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t three = (uint32_t)bytes.data[at] << 16;
        three |= left > 1 ? (uint32_t)bytes.data[at + 1] << 8 : 0;
        three |= left > 2 ? (uint32_t)bytes.data[at + 2] : 0;
        fputc(alphabet[three >> 18], file);
        fputc(alphabet[three >> 12 & 63], file);
        fputc(left > 1 ? alphabet[three >> 6 & 63] : '=', file);
        fputc(left > 2 ? alphabet[three & 63] : '=', file);
    }
}

static void json_escaped(FILE *file, struct gm_bytes text)
{
    static const char *const names[32] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    for (size_t at = 0; at < text.size;) {
        uint32_t character = 0;
        size_t size = utf8_decode((struct gm_bytes){text.data + at, text.size - at}, &character);
        check(size > 0);
        if (character < 32 && names[character] != NULL) {
            fputs(names[character], file);
        } else if (character == '"' || character == '\\') {
            fprintf(file, "\\%c", (int)character);
        } else if (!utf8_plain(character) && character > 0xffff) {
            fprintf(file, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((character - 0x10000) >> 10),
                    0xdc00 + (character & 0x3ff));
        } else if (!utf8_plain(character)) {
            fprintf(file, "\\u%04" PRIx32, character);
        } else {
            fwrite(text.data + at, 1, size, file);
        }
        at += size;
    }
}

static void json_text(FILE *file, struct gm_bytes text)
{
    bool valid = utf8_valid(text);
    fputs(valid ? "\"" : "{\"base64\":\"", file);
    if (valid) {
        json_escaped(file, text);
    } else {
        json_base64(file, text);
    }
    fputs(valid ? "\"" : "\"}", file);
}

/* Whether `text` is a number as JSON writes it: no "+", no leading zeros, digits on both sides of a point. */
static bool json_number_form(struct gm_bytes text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.size;
    at += at < end && *at == '-' ? 1 : 0;
    const uint8_t *whole = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    if (at == whole || (*whole == '0' && at - whole > 1)) {
        return false;
    }
    if (at < end && *at == '.') {
        const uint8_t *fraction = ++at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        if (at == fraction) {
            return false;
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+') ? 1 : 0;
        const uint8_t *exponent = at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        if (at == exponent) {
            return false;
        }
    }
    return at == end;
}

static void json_double(FILE *file, const struct answer *reply)
{
    if (isnan(reply->number)) {
        fputs("\"nan\"", file);
    } else if (isinf(reply->number)) {
        fputs(reply->number > 0 ? "\"inf\"" : "\"-inf\"", file);
    } else if (json_number_form(reply->text)) {
        output_bytes(file, reply->text);
    } else {
        fprintf(file, "%.17g", reply->number);
    }
}

static void json_big(FILE *file, struct gm_bytes text)
{
    if (text.data[0] == '-') {
        fputc('-', file);
    }
    size_t at = text.data[0] == '-' || text.data[0] == '+' ? 1 : 0;
    while (at + 1 < text.size && text.data[at] == '0') {
        at++;
    }
    output_bytes(file, (struct gm_bytes){text.data + at, text.size - at});
}

static bool keys_are_text(const struct answer *map)
{
    for (size_t i = 0; i < map->count; i += 2) {
        if (!answer_is_text(&map->items[i]) || !utf8_valid(map->items[i].text)) {
            return false;
        }
    }
    return true;
}

static void json_item(FILE *file, const struct answer *reply);

static void json_items(FILE *file, const struct answer *reply)
{
    fputc('[', file);
    for (size_t i = 0; i < reply->count; i++) {
        fputs(i > 0 ? "," : "", file);
        json_item(file, &reply->items[i]);
    }
    fputc(']', file);
}

static void json_map(FILE *file, const struct answer *reply)
{
    bool object = keys_are_text(reply);
    fputc(object ? '{' : '[', file);
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        fputs(i > 0 ? "," : "", file);
        fputs(object ? "" : "[", file);
        json_item(file, &reply->items[i]);
        fputc(object ? ':' : ',', file);
        json_item(file, &reply->items[i + 1]);
        fputs(object ? "" : "]", file);
    }
    fputc(object ? '}' : ']', file);
}

static void json_item(FILE *file, const struct answer *reply)
{
    switch (reply->type) {
    case ANSWER_STATUS:
    case ANSWER_STRING:
    case ANSWER_VERBATIM:
        json_text(file, reply->text);
        return;
    case ANSWER_ERROR:
        fputs("{\"error\":", file);
        json_text(file, reply->text);
        fputc('}', file);
        return;
    case ANSWER_INTEGER:
        fprintf(file, "%" PRId64, reply->integer);
        return;
    case ANSWER_NULL:
        fputs("null", file);
        return;
    case ANSWER_BOOL:
        fputs(reply->integer ? "true" : "false", file);
        return;
    case ANSWER_DOUBLE:
        json_double(file, reply);
        return;
    case ANSWER_BIG:
        json_big(file, reply->text);
        return;
    case ANSWER_ARRAY:
    case ANSWER_SET:
        json_items(file, reply);
        return;
    case ANSWER_PUSH:
        fputs("{\"push\":", file);
        json_items(file, reply);
        fputc('}', file);
        return;
    case ANSWER_MAP:
        json_map(file, reply);
        return;
    }
}

void output_json_value(FILE *file, const struct answer *reply)
{
    json_item(file, reply);
}

void output_json(FILE *file, const struct answer *reply)
{
    json_item(file, reply);
    fputc('\n', file);
}
