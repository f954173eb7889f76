/* SPDX-License-Identifier: MIT */

/* test_output.c - every format writes every reply. */
#include "support.h"

#include <locale.h>

#include "base/utf8.h"
#include "cli/show/output.h"

static void expect(enum output_format format, struct gm_bytes reply_bytes, const char *expected)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    struct answer reply = answer_from(reply_bytes);
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    output_answer(file, format, &reply, true);
    fclose(file);
    cr_expect_eq(size, strlen(expected), "%s", expected);
    cr_expect_str_eq(text, expected);
    free(text);
    answer_finish(&reply);
}

#define HUMAN(reply, expected) expect(OUTPUT_HUMAN, BYTES(reply), expected)
#define RAW(reply, expected)   expect(OUTPUT_RAW, BYTES(reply), expected)
#define JSON(reply, expected)  expect(OUTPUT_JSON, BYTES(reply), expected)
#define CSV(reply, expected)   expect(OUTPUT_CSV, BYTES(reply), expected)

Test(output, human_shows_types)
{
    HUMAN("+OK\r\n", "OK\n");
    HUMAN("-ERR bad\r\n", "(error) ERR bad\n");
    HUMAN(":1\r\n", "(integer) 1\n");
    HUMAN("$3\r\na\nb\r\n", "\"a\\nb\"\n");
    HUMAN("$5\r\n\xc3\xa9\xff\x1b\"\r\n", "\"\xc3\xa9\\xff\\x1b\\\"\"\n");
    HUMAN("$-1\r\n", "(nil)\n");
    HUMAN("*0\r\n", "(empty array)\n");
    HUMAN("#t\r\n", "(true)\n");
    HUMAN(",1.5\r\n", "(double) 1.5\n");
    HUMAN("=8\r\ntxt:a\r\nb\r\n", "a\nb\n");
    HUMAN("*2\r\n:1\r\n*2\r\n+a\r\n*1\r\n_\r\n", "1) (integer) 1\n2) 1) a\n   2) 1) (nil)\n");
    HUMAN("*10\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
          " 1) (integer) 1\n 2) (integer) 1\n 3) (integer) 1\n 4) (integer) 1\n 5) (integer) 1\n"
          " 6) (integer) 1\n 7) (integer) 1\n 8) (integer) 1\n 9) (integer) 1\n10) (integer) 1\n");
    HUMAN("%2\r\n$1\r\na\r\n:1\r\n+b\r\n*2\r\n:1\r\n:2\r\n",
          "1# \"a\" => (integer) 1\n2# b =>\n   1) (integer) 1\n   2) (integer) 2\n");
    HUMAN("~1\r\n+a\r\n", "1~ a\n");
    HUMAN(">2\r\n+message\r\n+a\r\n", "1> message\n2> a\n");
}

/* output_human H1 */
Test(output, human_never_controls_the_terminal)
{
    HUMAN("+\x1b[2J\xc2\x9b\xe2\x80\xae\r\n", "\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xae\n");
    HUMAN("-ERR \x07\r\n", "(error) ERR \\x07\n");
    HUMAN("=9\r\ntxt:\x1b[1mz\r\n", "\\x1b[1mz\n");
    HUMAN("%1\r\n$1\r\n\x1b\r\n_\r\n", "1# \"\\x1b\" => (nil)\n");
}

Test(output, raw_is_bytes)
{
    RAW("$4\r\n\xff\x01\"\n\r\n", "\xff\x01\"\n\n");
    RAW("*3\r\n+a\r\n_\r\n*2\r\n:1\r\n,2.5\r\n", "a\n\n1\n2.5\n");
    RAW("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", "a 1\nb 2\n");
    RAW("*0\r\n", "\n");
    RAW("-ERR x\r\n", "ERR x\n");
}

/* output_json J1, J2 */
Test(output, json_is_total)
{
    JSON("+OK\r\n", "\"OK\"\n");
    JSON("-ERR \"x\"\r\n", "{\"error\":\"ERR \\\"x\\\"\"}\n");
    JSON(":-9223372036854775808\r\n", "-9223372036854775808\n");
    JSON("$9\r\na\"\\\n\t\x01\x7f\xc3\xa9\r\n", "\"a\\\"\\\\\\n\\t\\u0001\\u007f\xc3\xa9\"\n");
    JSON("$8\r\na\xe2\x80\xae"
         "b\xef\xbb\xbf\r\n",
         "\"a\\u202eb\\ufeff\"\n");
    JSON("$6\r\n\xc2\x9b\xf3\xa0\x81\x81\r\n", "\"\\u009b\\udb40\\udc41\"\n");
    JSON("$1\r\n\xff\r\n", "{\"base64\":\"/w==\"}\n");
    JSON("$2\r\n\xff\xfe\r\n", "{\"base64\":\"//4=\"}\n");
    JSON("$3\r\n\xff\xfe\xfd\r\n", "{\"base64\":\"//79\"}\n");
    JSON("-\xff\r\n", "{\"error\":{\"base64\":\"/w==\"}}\n");
    JSON("_\r\n", "null\n");
    JSON("#f\r\n", "false\n");
    JSON(",1.50\r\n", "1.50\n");
    JSON(",1e3\r\n", "1e3\n");
    JSON(",.5\r\n", "0.5\n");
    JSON(",007\r\n", "7\n");
    JSON(",inf\r\n", "\"inf\"\n");
    JSON(",-inf\r\n", "\"-inf\"\n");
    JSON(",nan\r\n", "\"nan\"\n");
    JSON("(+0012\r\n", "12\n");
    JSON("(-00\r\n", "-0\n");
    JSON("*2\r\n:1\r\n*0\r\n", "[1,[]]\n");
    JSON("~1\r\n+a\r\n", "[\"a\"]\n");
    JSON("%0\r\n", "{}\n");
    JSON("%2\r\n+a\r\n:1\r\n$1\r\nb\r\n%1\r\n+c\r\n_\r\n", "{\"a\":1,\"b\":{\"c\":null}}\n");
    JSON("%2\r\n:1\r\n:2\r\n+a\r\n:3\r\n", "[[1,2],[\"a\",3]]\n");
    JSON("%1\r\n$1\r\n\xff\r\n:2\r\n", "[[{\"base64\":\"/w==\"},2]]\n");
    JSON(">1\r\n+a\r\n", "{\"push\":[\"a\"]}\n");
}

Test(output, csv_is_a_record)
{
    CSV("*5\r\n$3\r\na\"b\r\n:1\r\n_\r\n#t\r\n*1\r\n,1.5\r\n", "\"a\"\"b\",1,NULL,true,1.5\n");
    CSV("-ERR x\r\n", "ERROR,\"ERR x\"\n");
    CSV("$0\r\n\r\n", "\"\"\n");
    CSV("*0\r\n", "\n");
    CSV("%1\r\n+a\r\n:1\r\n", "\"a\",1\n");
}

Test(output, jsonl_is_an_item_per_line)
{
    expect(OUTPUT_JSONL, BYTES("*3\r\n:1\r\n*1\r\n$1\r\na\r\n$3\r\na\nb\r\n"), "1\n[\"a\"]\n\"a\\nb\"\n");
    expect(OUTPUT_JSONL, BYTES("%2\r\n+a\r\n:1\r\n:2\r\n_\r\n"),
           "{\"key\":\"a\",\"value\":1}\n{\"key\":2,\"value\":null}\n");
    expect(OUTPUT_JSONL, BYTES("-ERR no\r\n"), "{\"error\":\"ERR no\"}\n");
    expect(OUTPUT_JSONL, BYTES("~1\r\n#t\r\n"), "true\n");
    expect(OUTPUT_JSONL, BYTES("*0\r\n"), "");
}

Test(output, table_finds_rows_and_columns)
{
    expect(OUTPUT_TABLE, BYTES("*2\r\n%2\r\n+k\r\n+one\r\n+n\r\n:5\r\n%2\r\n+n\r\n:500\r\n+z\r\n_\r\n"),
           "k    n    z\none    5  \n     500  \n(2 rows)\n");
    expect(OUTPUT_TABLE, BYTES("%2\r\n+a\r\n:1\r\n+bb\r\n*1\r\n+x\r\n"),
           "key  value\na        1\nbb   [\"x\"]\n(2 rows)\n");
    expect(OUTPUT_TABLE, BYTES("%1\r\n+a\r\n%1\r\n+f\r\n:1\r\n"), "key  f\na    1\n(1 row)\n");
    expect(OUTPUT_TABLE, BYTES("*2\r\n*1\r\n:1\r\n*2\r\n:22\r\n$2\r\n\x1b[\r\n"),
           "1   2\n 1  \n22  \\x1b[\n(2 rows)\n"); /* output_table T2 */
    expect(OUTPUT_TABLE, BYTES("*2\r\n+a\r\n-ERR b\r\n"), "value\na\n{\"error\":\"ERR b\"}\n(2 rows)\n");
    expect(OUTPUT_TABLE, BYTES(":7\r\n"), "(integer) 7\n");
    expect(OUTPUT_TABLE, BYTES("*1\r\n*0\r\n"), "1) (empty array)\n");
    char wide[200] = "*1\r\n$100\r\n";
    memset(wide + strlen(wide), 'x', 100);
    strcat(wide, "\r\n");
    char wanted[200] = "value\n";
    memset(wanted + strlen(wanted), 'x', 57);
    strcat(wanted, "...\n(1 row)\n");
    expect(OUTPUT_TABLE, gm_bytes_of(wide), wanted); /* output_table T1 */
}

Test(output, formats_have_names)
{
    enum output_format format;
    cr_expect(output_named("JSON", &format) && format == OUTPUT_JSON);
    cr_expect(output_named("human", &format) && format == OUTPUT_HUMAN);
    cr_expect_not(output_named("yaml", &format));
}

Test(output, utf8_is_strict)
{
    uint32_t character;
    cr_expect_eq(utf8_decode(BYTES("\xf0\x9f\xa6\xa6"), &character), 4);
    cr_expect_eq(character, 0x1f9a6);
    static const char *const broken[] = {"\xc0\x80",
                                         "\xc1\xbf",
                                         "\xe0\x80\x80",
                                         "\xed\xa0\x80",
                                         "\xf0\x80\x80\x80",
                                         "\xf4\x90\x80\x80",
                                         "\xf5\x80\x80\x80",
                                         "\x80",
                                         "\xe2\x82",
                                         "\xe2(",
                                         "\xff"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        cr_expect_eq(utf8_decode(gm_bytes_of(broken[i]), &character), 0, "%zu", i);
        cr_expect_not(utf8_valid(gm_bytes_of(broken[i])));
    }
    cr_expect(utf8_valid(BYTES("a\0\xc3\xa9\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")));
}
