/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>
#include <string.h>

#include "base/printable.h"
#include "base/prng.h"
#include "base/status.h"
#include "base/trace.h"
#include "base/utf8.h"
#include "support/seed.h"

static void expect(const char *text, const char *wanted)
{
    char out[256];
    size_t size = printable_write(out, sizeof out, gm_bytes_of(text));
    cr_expect_str_eq(out, wanted);
    cr_expect_eq(size, strlen(wanted));
    char again[256];
    (void)printable_write(again, sizeof again, gm_bytes_of(out));
    cr_expect_str_eq(again, wanted, "what is clean stays as it is");
}

Test(printable, what_a_person_sees_stays)
{
    expect("", "");
    expect("set a:1 \\ \"x\" ~", "set a:1 \\ \"x\" ~");
    expect("gr\xc3\xbc\xc3\x9f \xe2\x86\x92 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80\xef\xb8\x8f",
           "gr\xc3\xbc\xc3\x9f \xe2\x86\x92 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80\xef\xb8\x8f");
}

Test(printable, what_steers_a_terminal_or_hides_is_escaped)
{
    expect("a\x1b[2Jb", "a\\x1b[2Jb");
    expect("a\nb\rc\td\x7f\x01", "a\\nb\\rc\\td\\x7f\\x01");
    expect("\xc2\x9b"
           "2J",
           "\\xc2\\x9b"
           "2J"); /* CSI in one character */
    expect("a\xe2\x80\xae"
           "b",
           "a\\xe2\\x80\\xae"
           "b"); /* from right to left */
    expect("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf", "\\xe2\\x81\\xa6\\xe2\\x80\\x8b\\xef\\xbb\\xbf");
    expect("\xe2\x80\xa8\xc2\xad", "\\xe2\\x80\\xa8\\xc2\\xad");
    expect("\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81"); /* a tag */
    expect("\xff\xc3", "\\xff\\xc3");                   /* no UTF-8 */
    expect("\xed\xa0\x80\xc0\xaf", "\\xed\\xa0\\x80\\xc0\\xaf");
}

Test(printable, cuts_between_characters)
{
    for (size_t room = 1; room < 12; room++) {
        char out[16];
        memset(out, '#', sizeof out);
        size_t size = printable_write(out, room,
                                      BYTES("a\xc3\xbc\x1b"
                                            "b"));
        static const size_t sizes[] = {0, 0, 1, 1, 3, 3, 3, 3, 7, 8, 8, 8};
        cr_expect_eq(size, sizes[room], "%zu: %zu", room, size);
        cr_expect(out[size] == '\0' && out[room] == '#');
    }
}

/* printable P1 */
Test(printable, random_bytes)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[64];
        char out[4 * sizeof bytes + 1];
        size_t size = (size_t)prng_below(&prng, sizeof bytes);
        for (size_t k = 0; k < size; k++) {
            static const uint8_t dear[] = {0xe2, 0x80, 0xae, 0xc2, 0xf3, 0xa0, 0x1b, 'a'};
            uint64_t drawn = prng_next(&prng);
            bytes[k] = (drawn & 1) != 0 ? (uint8_t)(drawn >> 8) : dear[drawn >> 8 & 7];
        }
        size_t used = printable_write(out, 1 + (size_t)prng_below(&prng, sizeof out), (struct gm_bytes){bytes, size});
        for (size_t at = 0; at < used;) {
            uint32_t character;
            size_t step = utf8_decode((struct gm_bytes){(const uint8_t *)out + at, used - at}, &character);
            cr_assert(step > 0 && utf8_plain(character));
            at += step;
        }
    }
}

static char line[2048];

static void take(void *context, enum trace_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)strcpy(line, text);
}

Test(printable, lines_of_the_log_and_complaints_are)
{
    struct trace to = {.line = take, .least = TRACE_INFO};
    trace(&to, TRACE_INFO, "the type %s is odd", "evil\x1b]0;x\x07\n\xe2\x80\xae");
    cr_expect_str_eq(line, "the type evil\\x1b]0;x\\x07\\n\\xe2\\x80\\xae is odd");
    struct complaint complaint;
    complaint_set(&complaint, "the type %s is odd", "evil\x1b\xff");
    cr_expect_str_eq(complaint.text, "the type evil\\x1b\\xff is odd");
    complaint_prefix(&complaint, "%s", "f\xe2\x80\x8b");
    cr_expect_str_eq(complaint.text, "f\\xe2\\x80\\x8b: the type evil\\x1b\\xff is odd");
    char full[600];
    memset(full, 0x1b, sizeof full);
    full[599] = '\0';
    complaint_set(&complaint, "%s", full);
    cr_expect_eq(strlen(complaint.text), 508, "whole escapes");
}
