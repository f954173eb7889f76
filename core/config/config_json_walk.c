/* SPDX-License-Identifier: MIT */

/* config_json_walk.c - JSON, to the letter.
 *
 * Why      cJSON is lenient where a configuration must not be: it takes "[01]", "1.", "1e999", raw control characters,
 *          broken UTF-8, and ends a text at \\u0000; and it does not say where a value stood. So this walk comes first,
 *          refuses what RFC 8259 does not allow, and notes where each value begins and ends. cJSON then builds the
 *          values of a text that is known to be good, in the same order.
 *
 * Promises
 *   P1  STATUS_OK: the text is one JSON value, UTF-8 throughout, without a zero character anywhere.
 *   P2  values[i] is the i-th value that cJSON's tree has in preorder.
 *   P3  No more than CONFIG_JSON_DEPTH_MAX levels and CONFIG_JSON_VALUES_MAX values; the stack is bounded by that.
 */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_json.h"

struct walk {
    struct gm_bytes text;
    size_t at;
    struct config_json_spans *spans;
    struct complaint *complaint;
};

static int peek(const struct walk *walk)
{
    return walk->at < walk->text.size ? walk->text.data[walk->at] : -1;
}

static must_use enum status wrong(struct walk *walk, const char *sentence)
{
    complaint_set(walk->complaint, "%s", sentence);
    return STATUS_INVALID;
}

static void skip_blanks(struct walk *walk)
{
    int byte = peek(walk);
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        walk->at++;
        byte = peek(walk);
    }
}

static must_use enum status unexpected(struct walk *walk, const char *wanted)
{
    int byte = peek(walk);
    if (byte < 0) {
        complaint_set(walk->complaint, "the file ends here, but %s is expected", wanted);
    } else if (byte > ' ' && byte < 0x7f) {
        complaint_set(walk->complaint, "%s is expected, not '%c'", wanted, byte);
    } else {
        complaint_set(walk->complaint, "%s is expected, not byte 0x%02x", wanted, (unsigned)byte);
    }
    return STATUS_INVALID;
}

/* ---- UTF-8 ---- */

/* The size of the character at the front of `bytes`, or 0 if it is none (overlong forms, surrogates and what is above
 * U+10FFFF included). */
static size_t character_size(struct gm_bytes bytes)
{
    uint8_t first = bytes.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size > bytes.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((bytes.data[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if (size >= 3) {
        uint8_t second = bytes.data[1];
        bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                   (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
        return bad ? 0 : size;
    }
    return size;
}

/* ---- strings ---- */

static bool read_hex(struct walk *walk, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        int byte = peek(walk);
        unsigned digit = byte >= '0' && byte <= '9'   ? (unsigned)byte - '0'
                         : byte >= 'a' && byte <= 'f' ? (unsigned)byte - 'a' + 10
                         : byte >= 'A' && byte <= 'F' ? (unsigned)byte - 'A' + 10
                                                      : 16;
        if (digit == 16) {
            return false;
        }
        *out = *out * 16 + digit;
        walk->at++;
    }
    return true;
}

static must_use enum status walk_unicode_escape(struct walk *walk)
{
    unsigned code;
    if (!read_hex(walk, &code)) {
        return wrong(walk, "four hexadecimal digits must follow \\u");
    }
    if (code == 0) {
        return wrong(walk, "a text may not hold \\u0000");
    }
    if (code >= 0xdc00 && code <= 0xdfff) {
        return wrong(walk, "the second half of a surrogate pair without the first");
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        unsigned second;
        if (peek(walk) != '\\') {
            return wrong(walk, "the first half of a surrogate pair without the second");
        }
        walk->at++;
        if (peek(walk) != 'u') {
            return wrong(walk, "the first half of a surrogate pair without the second");
        }
        walk->at++;
        if (!read_hex(walk, &second) || second < 0xdc00 || second > 0xdfff) {
            return wrong(walk, "the first half of a surrogate pair without the second");
        }
    }
    return STATUS_OK;
}

static must_use enum status walk_escape(struct walk *walk)
{
    walk->at++;
    int byte = peek(walk);
    if (byte == 'u') {
        walk->at++;
        return walk_unicode_escape(walk);
    }
    if (byte < 0 || strchr("\"\\/bfnrt", byte) == NULL || byte == 0) {
        return unexpected(walk, "one of \" \\ / b f n r t u after a backslash");
    }
    walk->at++;
    return STATUS_OK;
}

static must_use enum status walk_string(struct walk *walk)
{
    if (peek(walk) != '"') {
        return unexpected(walk, "a text in double quotes");
    }
    walk->at++;
    while (true) {
        int byte = peek(walk);
        if (byte < 0) {
            return wrong(walk, "the file ends inside a text");
        }
        if (byte == '"') {
            walk->at++;
            return STATUS_OK;
        }
        if (byte == '\\') {
            TRY(walk_escape(walk));
            continue;
        }
        if (byte < ' ') {
            return wrong(walk, "a control character inside a text: write it as an escape, as in \\n");
        }
        size_t size = character_size((struct gm_bytes){walk->text.data + walk->at, walk->text.size - walk->at});
        if (size == 0) {
            return wrong(walk, "these bytes are not UTF-8");
        }
        walk->at += size;
    }
}

/* ---- numbers and words ---- */

static size_t skip_digits(struct walk *walk)
{
    size_t count = 0;
    for (int byte = peek(walk); byte >= '0' && byte <= '9'; byte = peek(walk)) {
        walk->at++;
        count++;
    }
    return count;
}

static must_use enum status walk_number(struct walk *walk)
{
    if (peek(walk) == '-') {
        walk->at++;
    }
    bool zero = peek(walk) == '0';
    size_t digits = skip_digits(walk);
    if (digits == 0) {
        return unexpected(walk, "a digit");
    }
    if (zero && digits > 1) {
        return wrong(walk, "a number may not begin with 0");
    }
    if (peek(walk) == '.') {
        walk->at++;
        if (skip_digits(walk) == 0) {
            return unexpected(walk, "a digit after the point");
        }
    }
    if (peek(walk) == 'e' || peek(walk) == 'E') {
        walk->at++;
        if (peek(walk) == '+' || peek(walk) == '-') {
            walk->at++;
        }
        if (skip_digits(walk) == 0) {
            return unexpected(walk, "a digit of the exponent");
        }
    }
    return STATUS_OK;
}

static must_use enum status walk_word(struct walk *walk)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i]);
        if (walk->text.size - walk->at >= size && memcmp(walk->text.data + walk->at, words[i], size) == 0) {
            walk->at += size;
            return STATUS_OK;
        }
    }
    return unexpected(walk, "a value");
}

/* ---- structure ---- */

static must_use enum status walk_value(struct walk *walk, unsigned depth);

static void note_name(struct walk *walk, size_t start)
{
    struct config_json_spans *spans = walk->spans;
    check(walk->at > start);
    spans->names[spans->name_count++] = (struct config_json_span){start, walk->at};
}

static must_use enum status walk_member(struct walk *walk, unsigned depth)
{
    size_t start = walk->at;
    TRY(walk_string(walk));
    if (depth == 1 && walk->spans->name_count < CONFIG_JSON_VALUES_MAX) {
        note_name(walk, start);
    }
    skip_blanks(walk);
    if (peek(walk) != ':') {
        return unexpected(walk, "a colon");
    }
    walk->at++;
    skip_blanks(walk);
    return walk_value(walk, depth);
}

/* An object, or with ']' as its end an array. */
static must_use enum status walk_group(struct walk *walk, int end, unsigned depth)
{
    if (depth > CONFIG_JSON_DEPTH_MAX) {
        return wrong(walk, "too many levels of brackets");
    }
    walk->at++;
    skip_blanks(walk);
    if (peek(walk) == end) {
        walk->at++;
        return STATUS_OK;
    }
    while (true) {
        if (end == '}') {
            TRY(walk_member(walk, depth));
        } else {
            TRY(walk_value(walk, depth));
        }
        skip_blanks(walk);
        if (peek(walk) == end) {
            walk->at++;
            return STATUS_OK;
        }
        if (peek(walk) != ',') {
            return unexpected(walk, end == '}' ? "a comma or }" : "a comma or ]");
        }
        walk->at++;
        skip_blanks(walk);
    }
}

static must_use enum status walk_value(struct walk *walk, unsigned depth)
{
    struct config_json_spans *spans = walk->spans;
    if (spans->value_count == CONFIG_JSON_VALUES_MAX) {
        return wrong(walk, "too many values");
    }
    check(spans->value_count < CONFIG_JSON_VALUES_MAX && depth <= CONFIG_JSON_DEPTH_MAX); /* config_json_walk P3 */
    size_t index = spans->value_count++;
    size_t start = walk->at;
    int byte = peek(walk);
    if (byte == '{' || byte == '[') {
        TRY(walk_group(walk, byte == '{' ? '}' : ']', depth + 1));
    } else if (byte == '"') {
        TRY(walk_string(walk));
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        TRY(walk_number(walk));
    } else {
        TRY(walk_word(walk));
    }
    spans->values[index] = (struct config_json_span){start, walk->at};
    return STATUS_OK;
}

enum status config_json_walk(struct gm_bytes text, struct config_json_spans *spans, size_t *at,
                             struct complaint *complaint)
{
    *spans = (struct config_json_spans){
        .values = memory_zeroed(CONFIG_JSON_VALUES_MAX * sizeof spans->values[0]),
        .names = memory_zeroed(CONFIG_JSON_VALUES_MAX * sizeof spans->names[0]),
    };
    struct walk walk = {.text = text, .spans = spans, .complaint = complaint};
    enum status status = STATUS_OK;
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
        status = wrong(&walk, "the file begins with a byte order mark, which JSON does not allow");
    } else {
        skip_blanks(&walk);
        status = walk_value(&walk, 0);
    }
    if (status == STATUS_OK) {
        skip_blanks(&walk);
        if (walk.at < text.size) {
            status = wrong(&walk, "something follows after the end of the object");
        }
    }
    *at = walk.at;
    return status;
}

void config_json_spans_finish(struct config_json_spans *spans)
{
    memory_free(spans->values);
    memory_free(spans->names);
    *spans = (struct config_json_spans){0};
}

void config_json_place(struct gm_bytes text, size_t at, size_t *line, size_t *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at && i < text.size; i++) {
        if (text.data[i] == '\n') {
            ++*line;
            *column = 1;
        } else if ((text.data[i] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}
