/* SPDX-License-Identifier: MIT */

/* test_load.c - finding commands in a stream, and remembering a place in it. */
#include "support.h"

#include <unistd.h>

#include "base/crc32c.h"
#include "cli/text/script.h"
#include "cli/tools/load_state.h"

/* Feeds `input` in pieces of at most `piece` bytes and writes down all that comes out: "line:word,word;", "line!" for a
 * line that is no command, "line?" for the end by a broken array. */
static void read_script(struct gm_bytes input, size_t piece, struct buf *out, struct script_place *place)
{
    struct script script;
    script_init(&script);
    enum status status = STATUS_AGAIN;
    while (status != STATUS_CLOSED && status != STATUS_CORRUPT) {
        const struct gm_bytes *argv;
        size_t argc;
        uint64_t line = 0;
        struct complaint complaint = {""};
        status = script_next(&script, &argv, &argc, &line, &complaint);
        if (status == STATUS_AGAIN) {
            size_t size = input.size < piece ? input.size : piece;
            cr_assert(script_feed(&script, (struct gm_bytes){input.data, size}));
            input = (struct gm_bytes){input.data + size, input.size - size};
        } else if (status == STATUS_OK) {
            buf_format(out, "%d:", (int)line);
            for (size_t i = 0; i < argc; i++) {
                buf_format(out, "%s%.*s", i > 0 ? "," : "", (int)argv[i].size, (const char *)argv[i].data);
            }
            buf_format(out, ";");
        } else if (status == STATUS_INVALID || status == STATUS_CORRUPT) {
            cr_expect(strlen(complaint.text) > 5, "a sentence");
            buf_format(out, "%d%c", (int)line, status == STATUS_INVALID ? '!' : '?');
        }
    }
    *place = script.place;
    script_finish(&script);
}

Test(script, lines_and_arrays_in_pieces_of_any_size)
{
    static const struct {
        const char *input;
        const char *found;
    } cases[] = {
        {"", ""},
        {"set a 1\n\n  get 'a b'\r\nget \"x\ny z", "1:set,a,1;3:get,a b;4!5:y,z;"},
        {"*2\r\n$3\r\nget\r\n$3\r\na\nb\r\nping\n*1\r\n$4\r\nping\r\n", "1:get,a\nb;7:ping;8:ping;"},
        {"*0\r\nping", "2:ping;"},
        {"*1\r\n$0\r\n\r\n", "1:;"},
        {"ping\n*2\r\n$3\r\nget\r\n$3\r\na", "1:ping;2?"},
        {"*x\r\n", "1?"},
        {"*1\n$4\nping\n", "1?"},
        {"*-1\r\n", "1?"},
        {"*1\r\n:4\r\n", "1?"},
        {"*1\r\n$2\r\nabc\r\n", "1?"},
        {"*1\r\n$99999999999999999999\r\n", "1?"},
        {"*1\r\n$536870913\r\n", "1?"},
        {"*1111111111111111111111111111111111", "1?"},
        {"*2000000\r\n", "1?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t piece = 1; piece < 40; piece += 3) {
            struct buf out;
            struct script_place place;
            buf_init(&out, 4096);
            read_script(gm_bytes_of(cases[i].input), piece, &out, &place);
            cr_assert(gm_bytes_equal(buf_bytes(&out), gm_bytes_of(cases[i].found)), "%s in %zu: %.*s", cases[i].input,
                      piece, (int)out.size, (const char *)out.data);
            if (strchr(cases[i].found, '?') == NULL) {
                cr_expect_eq(place.offset, strlen(cases[i].input));
                cr_expect_eq(place.crc, crc32c(gm_bytes_of(cases[i].input)));
            }
            buf_finish(&out);
        }
    }
}

/* 420 kB byte by byte: seconds if each piece goes on where the last one ended, hours if it begins anew. */
Test(script, a_long_array_costs_its_length, .timeout = 30)
{
    const struct gm_bytes *argv = NULL;
    size_t argc = 0;
    uint64_t line;
    struct complaint complaint = {""};
    struct script script;
    script_init(&script);
    cr_assert(script_feed(&script, BYTES("*60000\r\n")));
    for (size_t i = 0; i < 60000; i++) {
        for (const char *at = "$1\r\nx\r\n"; *at != '\0'; at++) {
            cr_assert_eq(script_next(&script, &argv, &argc, &line, &complaint), STATUS_AGAIN);
            cr_assert(script_feed(&script, (struct gm_bytes){(const uint8_t *)at, 1}));
        }
    }
    cr_assert_eq(script_next(&script, &argv, &argc, &line, &complaint), STATUS_OK);
    cr_expect_eq(argc, 60000);
    cr_expect(gm_bytes_equal(argv[0], BYTES("x")) && gm_bytes_equal(argv[59999], BYTES("x")));
    cr_expect_eq(script.place.line, 120001);
    script_finish(&script);
}

Test(script, a_place_is_found_again)
{
    struct script script;
    script_init(&script);
    script_skip(&script, BYTES("a\nb"));
    script_skip(&script, BYTES("\nc\n"));
    cr_expect_eq(script.place.offset, 6);
    cr_expect_eq(script.place.line, 3);
    cr_expect_eq(script.place.crc, crc32c(BYTES("a\nb\nc\n")));
    cr_assert(script_feed(&script, BYTES("get x\n")));
    const struct gm_bytes *argv;
    size_t argc;
    uint64_t line;
    struct complaint complaint;
    cr_assert_eq(script_next(&script, &argv, &argc, &line, &complaint), STATUS_OK);
    cr_expect_eq(line, 4);
    script_finish(&script);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(load_state, is_what_was_written_or_refused)
{
    char folder[] = "/tmp/geomys-load-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/state", folder);
    struct load_state state = {{UINT64_MAX, 2, 0xdeadbeef}, 65535, 4, 5};
    struct load_state again;
    struct complaint complaint = {""};
    cr_expect_eq(load_state_read(path, &again, &complaint), STATUS_NOT_FOUND);
    cr_assert_eq(load_state_write(path, &state, &complaint), STATUS_OK, "%s", complaint.text);
    state.commands = 6;
    cr_assert_eq(load_state_write(path, &state, &complaint), STATUS_OK);
    cr_assert_eq(load_state_read(path, &again, &complaint), STATUS_OK);
    cr_expect(again.place.offset == UINT64_MAX && again.place.line == 2 && again.place.crc == 0xdeadbeef &&
              again.database == 65535 && again.commands == 6 && again.errors == 5);
    static const char *const broken[] = {
        "",
        "geomys-load 2\n",
        "set a 1\n",
        "geomys-load 1\noffset 1\nline 1\ncommands 1\nerrors 0\ncrc32c 00000000\n",
        "geomys-load 3\noffset 1\nline 1\ndatabase 0\ncommands 1\nerrors 0\ncrc32c 00000000\n",
        "geomys-load 2\noffset -1\nline 1\ndatabase 0\ncommands 1\nerrors 0\ncrc32c 00000000\n",
        "geomys-load 2\noffset 1\nline 1\ndatabase -1\ncommands 1\nerrors 0\ncrc32c 00000000\n",
        "geomys-load 2\noffset 1\nline 1\ndatabase 0\ncommands 1\nerrors 0\ncrc32c 0\n",
        "geomys-load 2\noffset 1\nline 1\ndatabase 0\ncommands 1\nerrors 0\ncrc32c 00000000\nmore\n",
        "geomys-load 2\noffset 99999999999999999999\nline 1\ndatabase 0\ncommands 1\nerrors 0\ncrc32c 00000000\n"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_text(path, broken[i]);
        cr_expect_eq(load_state_read(path, &again, &complaint), STATUS_INVALID, "%s", broken[i]);
    }
    unlink(path);
    rmdir(folder);
    cr_expect_eq(load_state_write(path, &state, &complaint), STATUS_IO);
}
