/* SPDX-License-Identifier: MIT */

/* fuzz_cli_script.c - any bytes as a file for --load.
 *
 * Input   the first byte is the size of the pieces that the rest is fed in
 * Holds   the pieces make no difference; every byte is passed over once, so that a place can be found again; a command
 *         that was read and is written down, as an array or as a quoted line, is read as the same command
 */
#include <stdint.h>
#include <stdlib.h>

#include "cli/text/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a script came to. */
struct story {
    struct buf commands; /* written down again */
    uint64_t refused;
    enum status end;
    struct script_place place;
};

static void write_down(struct buf *out, const struct gm_bytes *argv, size_t argc, bool as_line)
{
    check(as_line || buf_format(out, "*%zu\r\n", argc));
    for (size_t i = 0; i < argc; i++) {
        if (as_line) {
            check(words_quote(out, argv[i], i % 2 == 0) && buf_append(out, BYTES(" ")));
        } else {
            check(buf_format(out, "$%zu\r\n", argv[i].size) && buf_append(out, argv[i]));
            check(buf_append(out, BYTES("\r\n")));
        }
    }
    check(!as_line || buf_append(out, BYTES("\n")));
}

/* Reads what there is; true: more can be fed. */
static bool read_on(struct script *script, struct story *story, bool as_lines)
{
    uint64_t last = 0;
    for (;;) {
        const struct gm_bytes *argv = NULL;
        size_t argc = 0;
        uint64_t line = 0;
        struct complaint complaint = {""};
        story->end = script_next(script, &argv, &argc, &line, &complaint);
        check(script->place.line + 1 >= line);
        if (story->end == STATUS_OK) {
            check(argc > 0 && line >= last);
            last = line;
            write_down(&story->commands, argv, argc, as_lines);
        } else if (story->end == STATUS_INVALID) {
            check(complaint.text[0] != '\0');
            story->refused++;
        } else {
            check(story->end != STATUS_CORRUPT || complaint.text[0] != '\0');
            return story->end == STATUS_AGAIN;
        }
    }
}

static void tell(struct gm_bytes text, size_t piece, bool as_lines, struct story *story)
{
    struct script script;
    *story = (struct story){.end = STATUS_AGAIN};
    buf_init(&story->commands, (size_t)64 << 20);
    script_init(&script);
    bool more = true;
    for (size_t at = 0; more && at < text.size;) {
        size_t size = text.size - at < piece ? text.size - at : piece;
        uint8_t *copy = malloc(size); /* so that it is seen if it is kept */
        check(copy != NULL);
        memcpy(copy, text.data + at, size);
        check(script_feed(&script, (struct gm_bytes){copy, size}));
        free(copy);
        at += size;
        more = read_on(&script, story, as_lines);
    }
    if (more) {
        check(script_feed(&script, BYTES_NONE));
        check(!read_on(&script, story, as_lines));
    }
    story->place = script.place;
    script_finish(&script);
}

static void check_place(struct gm_bytes text, const struct story *story)
{
    struct script again;
    check(story->place.offset <= text.size && (story->end != STATUS_CLOSED || story->place.offset == text.size));
    script_init(&again);
    script_skip(&again, (struct gm_bytes){text.data, (size_t)story->place.offset});
    check(again.place.line == story->place.line && again.place.crc == story->place.crc);
    script_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct gm_bytes text = {data + 1, size - 1};
    struct story whole;
    struct story pieces;
    struct story lines;
    struct story again;
    tell(text, text.size, false, &whole);
    tell(text, (size_t)*data + 1, false, &pieces);
    check(whole.end == pieces.end && whole.refused == pieces.refused);
    check(gm_bytes_equal(buf_bytes(&whole.commands), buf_bytes(&pieces.commands)));
    check(whole.place.offset == pieces.place.offset);
    check_place(text, &whole);
    check_place(text, &pieces);
    tell(buf_bytes(&whole.commands), 65536, true, &lines);
    check(lines.end == STATUS_CLOSED && lines.refused == 0);
    tell(buf_bytes(&lines.commands), 65536, false, &again);
    check(again.end == STATUS_CLOSED && again.refused == 0);
    check(gm_bytes_equal(buf_bytes(&again.commands), buf_bytes(&whole.commands)));
    buf_finish(&whole.commands);
    buf_finish(&pieces.commands);
    buf_finish(&lines.commands);
    buf_finish(&again.commands);
    return 0;
}
