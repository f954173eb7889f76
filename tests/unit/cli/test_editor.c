/* SPDX-License-Identifier: MIT */

/* test_editor.c - keys are pressed, a small terminal is looked at.
 *
 * The terminal below understands what the editor writes and nothing else: an unknown sequence fails the test. It wraps
 * like a real one, with the wait in the last column. '|' marks the cursor in what a test expects. */
#include "support.h"

#include <locale.h>
#include <wchar.h>

#include "base/utf8.h"
#include "cli/edit/editor.h"
#include "cli/text/cells.h"
#include "support/seed.h"

#define ROWS    12 /* of the tallest; desks have LOW rows unless said */
#define LOW     8
#define COLUMNS 20

struct screenful {
    size_t rows;
    uint32_t cells[ROWS][COLUMNS + 1];
    size_t row;
    size_t column;
    size_t bells;
    bool dim;
    bool dims[ROWS][COLUMNS + 1];
};

struct desk {
    struct editor editor;
    struct history *history;
    struct screenful screen;
    enum editor_event event;
};

static void scroll(struct screenful *screen)
{
    if (screen->row == screen->rows - 1) {
        memmove(screen->cells[0], screen->cells[1], sizeof screen->cells[0] * (ROWS - 1));
        memset(screen->cells[ROWS - 1], 0, sizeof screen->cells[0]);
    } else {
        screen->row++;
    }
}

static void clear_below(struct screenful *screen)
{
    for (size_t column = screen->column; column <= COLUMNS; column++) {
        screen->cells[screen->row][column] = 0;
    }
    for (size_t row = screen->row + 1; row < ROWS; row++) {
        memset(screen->cells[row], 0, sizeof screen->cells[row]);
    }
}

static size_t take_sequence(struct screenful *screen, const char *text)
{
    size_t number = 0;
    size_t at = 2;
    cr_assert_eq(text[1], '[');
    for (; text[at] >= '0' && text[at] <= '9'; at++) {
        number = number * 10 + (size_t)(text[at] - '0');
    }
    switch (text[at]) {
    case 'A':
        cr_assert_leq(number, screen->row, "above the screen");
        screen->row -= number;
        break;
    case 'C':
        screen->column += number;
        cr_assert_lt(screen->column, COLUMNS);
        break;
    case 'H':
        screen->row = 0;
        screen->column = 0;
        break;
    case 'J':
        if (number == 2) {
            memset(screen->cells, 0, sizeof screen->cells);
        } else {
            clear_below(screen);
        }
        break;
    case 'm':
        screen->dim = number == 2;
        break;
    default:
        cr_assert_fail("unknown sequence ...%c", text[at]);
    }
    return at + 1;
}

static void put(struct screenful *screen, uint32_t character)
{
    size_t width = (size_t)cells_of(character);
    if (screen->column + width > COLUMNS) {
        screen->column = 0;
        scroll(screen);
    }
    if (width == 0) {
        return;
    }
    screen->cells[screen->row][screen->column] = character;
    screen->dims[screen->row][screen->column] = screen->dim;
    if (width == 2) {
        screen->cells[screen->row][screen->column + 1] = UINT32_MAX;
    }
    screen->column += width;
}

static void show(struct desk *desk, bool final)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    editor_draw(&desk->editor, final, &out);
    buf_append(&out, BYTES("\0"));
    struct screenful *screen = &desk->screen;
    for (size_t at = 0; at + 1 < out.size;) {
        const char *text = (const char *)out.data + at;
        uint32_t character;
        if (*text == '\x1b') {
            at += take_sequence(screen, text);
        } else if (*text == '\r') {
            screen->column = 0;
            at++;
        } else if (*text == '\n') {
            scroll(screen);
            at++;
        } else if (*text == '\a') {
            screen->bells++;
            at++;
        } else {
            size_t size = utf8_decode((struct gm_bytes){out.data + at, out.size - 1 - at}, &character);
            cr_assert_gt(size, 0, "broken UTF-8 on the terminal");
            cr_assert_geq(cells_of(character), 0, "a control on the terminal"); /* screen D1 */
            put(screen, character);
            at += size;
        }
    }
    buf_finish(&out);
}

static void press(struct desk *desk, struct gm_bytes keys)
{
    while (keys.size > 0) {
        size_t used;
        desk->event = editor_feed(&desk->editor, keys, &used);
        cr_assert(used > 0 && used <= keys.size);
        keys = (struct gm_bytes){keys.data + used, keys.size - used};
    }
    show(desk, false);
}

#define PRESS(desk, keys) press(desk, BYTES(keys))

/* Compares the screen's rows, trailing blanks dropped; '|' stands before the cursor. */
static void expect_screen(struct desk *desk, int line, const char *expected)
{
    char text[4096];
    size_t size = 0;
    size_t last = desk->screen.row;
    for (size_t row = 0; row < ROWS; row++) {
        last = desk->screen.cells[row][0] != 0 && row > last ? row : last;
    }
    for (size_t row = 0; row <= last; row++) {
        size_t end = 0;
        for (size_t column = 0; column < COLUMNS; column++) {
            end = desk->screen.cells[row][column] > ' ' ? column + 1 : end;
        }
        end = row == desk->screen.row && desk->screen.column > end ? desk->screen.column : end;
        for (size_t column = 0; column <= end; column++) {
            if (row == desk->screen.row && column == desk->screen.column) {
                text[size++] = '|';
            }
            uint32_t cell = column < end ? desk->screen.cells[row][column] : UINT32_MAX;
            if (cell == UINT32_MAX) {
                continue;
            }
            size += wcrtomb(text + size, cell == 0 ? L' ' : (wchar_t)cell, &(mbstate_t){0});
        }
        text[size++] = row < last ? '\n' : '\0';
    }
    cr_expect_str_eq(text, expected, "line %d:\n%s\ninstead of\n%s", line, text, expected);
}

#define EXPECT(desk, expected) expect_screen(desk, __LINE__, expected)

static void complete(void *context, struct gm_bytes before, struct completions *out)
{
    (void)context;
    size_t start = before.size;
    while (start > 0 && before.data[start - 1] != ' ') {
        start--;
    }
    static const char *const words[] = {"apple", "apply", "banana"};
    out->start = start;
    for (size_t i = 0; i < 3; i++) {
        size_t size = before.size - start;
        if (size == 0 || (size <= strlen(words[i]) && memcmp(words[i], before.data + start, size) == 0)) {
            completions_add(out, gm_bytes_of(words[i]));
        }
    }
}

static void hint(void *context, struct gm_bytes line, struct buf *out)
{
    (void)context;
    if (gm_bytes_equal(line, BYTES("set "))) {
        buf_append(out, BYTES("key value"));
    }
    if (gm_bytes_equal(line, BYTES("long "))) {
        for (int i = 0; i < 12; i++) {
            buf_append(out, BYTES("[option] "));
        }
    }
}

static struct desk *desk_create(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    struct desk *desk = calloc(1, sizeof *desk);
    desk->history = calloc(1, sizeof *desk->history);
    editor_init(&desk->editor, (struct editor_hooks){.hint = hint, .complete = complete}, desk->history, true, true);
    desk->screen.rows = LOW;
    screen_resize(&desk->editor.screen, COLUMNS, LOW);
    editor_begin(&desk->editor, "> ");
    show(desk, false);
    return desk;
}

static void desk_destroy(struct desk *desk)
{
    editor_finish(&desk->editor);
    history_finish(desk->history);
    free(desk->history);
    free(desk);
}

Test(editor, typing_and_moving)
{
    struct desk *desk = desk_create();
    PRESS(desk, "get abc");
    EXPECT(desk, "> get abc|");
    PRESS(desk, "\x01");
    EXPECT(desk, "> |get abc");
    PRESS(desk, "\x06\x1b[C\x1bOCX");
    EXPECT(desk, "> getX| abc");
    PRESS(desk, "\x7f\x05\x02\x1b[D");
    EXPECT(desk, "> get a|bc");
    PRESS(desk, "\x1b[3~");
    EXPECT(desk, "> get a|c");
    PRESS(desk, "\x1b[H\x04");
    EXPECT(desk, "> |et ac");
    PRESS(desk, "\x1b[F\x1b[1;5D");
    EXPECT(desk, "> et |ac");
    PRESS(desk, "\x1b"
                "b");
    EXPECT(desk, "> |et ac");
    PRESS(desk, "\x1b"
                "f\x1b[1;5C");
    EXPECT(desk, "> et ac|");
    PRESS(desk, "\x1b[99~\x1b[1;2;3x\x1bOQ\x1b[200z"); /* keys K1 */
    EXPECT(desk, "> et ac|");
    PRESS(desk, "\x02\x14");
    EXPECT(desk, "> et ca|");
    PRESS(desk, "\x14");
    EXPECT(desk, "> et ac|");
    desk_destroy(desk);
}

Test(editor, killing_and_yanking)
{
    struct desk *desk = desk_create();
    PRESS(desk, "one two three\x17");
    EXPECT(desk, "> one two |");
    PRESS(desk, "\x17");
    EXPECT(desk, "> one |");
    PRESS(desk, "\x19");
    EXPECT(desk, "> one two three|");
    PRESS(desk, "\x01\x06\x06\x06\x0b");
    EXPECT(desk, "> one|");
    PRESS(desk, "\x15");
    EXPECT(desk, "> |");
    PRESS(desk, "\x19");
    EXPECT(desk, "> one two three|");
    PRESS(desk, "\x01\x1b"
                "d");
    EXPECT(desk, "> | two three");
    PRESS(desk, "\x1b\x7f\x0b\x0b");
    EXPECT(desk, "> |");
    desk_destroy(desk);
}

Test(editor, characters_are_whole)
{
    struct desk *desk = desk_create();
    PRESS(desk, "\xc3\xa9\xe6\x97\xa5"
                "e\xcc\x81x");
    cr_expect_eq(desk->screen.column, 7);
    PRESS(desk, "\x02\x02");
    cr_expect_eq(desk->screen.column, 5, "the accent stays with its letter"); /* editor_line E1; steps S1 */
    PRESS(desk, "\x02");
    cr_expect_eq(desk->screen.column, 3);
    PRESS(desk, "\x7f");
    EXPECT(desk, "> |\xe6\x97\xa5"
                 "ex");
    PRESS(desk, "\x06\x06\x7f");
    cr_expect(gm_bytes_equal(editor_line(&desk->editor), BYTES("\xe6\x97\xa5x")));
    PRESS(desk, "\x15\xff\xc3");
    EXPECT(desk, "> \\xff\\xc3|x");
    PRESS(desk, "\x7f");
    EXPECT(desk, "> \\xff|x");
    desk_destroy(desk);
}

Test(editor, long_lines_wrap_and_scroll)
{
    struct desk *desk = desk_create();
    PRESS(desk, "0123456789abcdefg");
    EXPECT(desk, "> 0123456789abcdefg|");
    PRESS(desk, "h");
    EXPECT(desk, "> 0123456789abcdefgh\n|");
    PRESS(desk, "i");
    EXPECT(desk, "> 0123456789abcdefgh\ni|");
    PRESS(desk, "\x01");
    EXPECT(desk, "> |0123456789abcdefgh\ni");
    PRESS(desk, "\x05\x7f\x7f");
    EXPECT(desk, "> 0123456789abcdefg|");
    PRESS(desk, "\xe6\x97\xa5");
    EXPECT(desk, "> 0123456789abcdefg\n\xe6\x97\xa5|");
    PRESS(desk, "\x15");
    for (int i = 0; i < 20; i++) {
        PRESS(desk, "0123456789");
    }
    EXPECT(desk, "89012345678901234567\n89012345678901234567\n89012345678901234567\n89012345678901234567\n"
                 "89012345678901234567\n89012345678901234567\n89012345678901234567\n89|");
    PRESS(desk, "\x01");
    cr_expect_eq(desk->screen.row, 0);
    cr_expect_eq(desk->screen.cells[0][0], '>');
    PRESS(desk, "\x15\x0b"
                "ab");
    EXPECT(desk, "> ab|");
    desk_destroy(desk);
}

Test(editor, hints_are_dim_and_do_not_flood)
{
    struct desk *desk = desk_create();
    PRESS(desk, "set ");
    EXPECT(desk, "> set |key value");
    cr_expect(desk->screen.dims[0][6]);
    cr_expect_not(desk->screen.dims[0][2]);
    PRESS(desk, "\x02");
    EXPECT(desk, "> set|");
    PRESS(desk, "\x15long ");
    EXPECT(desk, "> long |");
    PRESS(desk, "\x0b\x15long ");
    EXPECT(desk, "> long |[option] [opt\nion] [option] [optio\nn] [option] [option>");
    size_t used;
    cr_expect_eq(editor_feed(&desk->editor, BYTES("\r"), &used), EDITOR_ENTERED);
    show(desk, true);
    EXPECT(desk, "> long\n|");
    desk_destroy(desk);
}

Test(editor, history_goes_by_prefix)
{
    struct desk *desk = desk_create();
    history_add(desk->history, BYTES("get a"));
    history_add(desk->history, BYTES("set a 1"));
    history_add(desk->history, BYTES("get b"));
    PRESS(desk, "\x1b[A");
    EXPECT(desk, "> get b|");
    PRESS(desk, "\x1b[A\x1b[A\x1b[A");
    EXPECT(desk, "> get a|");
    cr_expect_eq(desk->screen.bells, 1);
    PRESS(desk, "\x0e\x0e\x0e");
    EXPECT(desk, "> |");
    PRESS(desk, "get\x10\x10");
    EXPECT(desk, "> get a|");
    PRESS(desk, "\x0e\x0e");
    EXPECT(desk, "> get|");
    desk_destroy(desk);
}

Test(editor, history_is_searched)
{
    struct desk *desk = desk_create();
    history_add(desk->history, BYTES("get a"));
    history_add(desk->history, BYTES("set a 1"));
    history_add(desk->history, BYTES("get b"));
    PRESS(desk, "mine\x12");
    EXPECT(desk, "(search) '': mine|");
    PRESS(desk, " a");
    EXPECT(desk, "(search) ' a': set a\n 1|");
    PRESS(desk, "\x12");
    EXPECT(desk, "(search) ' a': get a\n|");
    PRESS(desk, "\x07");
    EXPECT(desk, "> mine|");
    PRESS(desk, "\x12zz");
    EXPECT(desk, "(no such line) 'zz':\n mine|");
    PRESS(desk, "\x7f\x7fset");
    EXPECT(desk, "(search) 'set': set\na 1|");
    PRESS(desk, "\x01");
    EXPECT(desk, "> |set a 1");
    PRESS(desk, "\x12get\x1b");
    editor_idle(&desk->editor);
    show(desk, false);
    EXPECT(desk, "> get b|");
    PRESS(desk, "\x12set\r");
    cr_expect_eq(desk->event, EDITOR_ENTERED);
    cr_expect(gm_bytes_equal(editor_line(&desk->editor), BYTES("set a 1")));
    desk_destroy(desk);
}

Test(editor, tab_completes_lists_and_goes_round)
{
    struct desk *desk = desk_create();
    PRESS(desk, "x b\t");
    EXPECT(desk, "> x banana |");
    PRESS(desk, "\x15"
                "a\t");
    EXPECT(desk, "> appl|\napple  apply");
    PRESS(desk, "\t");
    EXPECT(desk, "> apple|\napple  apply");
    PRESS(desk, "\t");
    EXPECT(desk, "> apply|\napple  apply");
    PRESS(desk, "\t");
    EXPECT(desk, "> apple|\napple  apply");
    PRESS(desk, "\x1b[Z");
    EXPECT(desk, "> apply|\napple  apply");
    PRESS(desk, " z");
    EXPECT(desk, "> apply z|");
    size_t bells = desk->screen.bells;
    PRESS(desk, "\t");
    EXPECT(desk, "> apply z|");
    cr_expect_eq(desk->screen.bells, bells + 1);
    desk_destroy(desk);
}

static void complete_many(void *context, struct gm_bytes before, struct completions *out)
{
    (void)context;
    out->start = before.size;
    for (int i = 0; i < 30; i++) {
        char word[16];
        (void)snprintf(word, sizeof word, "n%02d", i);
        completions_add(out, gm_bytes_of(word));
    }
}

Test(editor, a_long_list_leaves_half_of_the_screen_free)
{
    struct desk *desk = desk_create();
    desk->editor.hooks.complete = complete_many;
    PRESS(desk, "\t");
    EXPECT(desk, "> n|\nn00  n01  n02\n... and 27 more");
    PRESS(desk, "\x15");
    desk->screen.rows = ROWS;
    screen_resize(&desk->editor.screen, COLUMNS, ROWS);
    PRESS(desk, "\t");
    EXPECT(desk, "> n|\nn00  n01  n02\nn03  n04  n05\nn06  n07  n08\nn09  n10  n11\nn12  n13  n14\n... and 15 more");
    desk_destroy(desk);
}

Test(editor, a_paste_is_text)
{
    struct desk *desk = desk_create();
    PRESS(desk, "\x1b[200~get a\rget\tb\n\x03\x04\x1b[A\x1b[201~");
    cr_expect_eq(desk->event, EDITOR_NONE);
    cr_expect(gm_bytes_equal(editor_line(&desk->editor), BYTES("get a\nget\tb\n\x03\x04"))); /* keys K2 */
    EXPECT(desk, "> get a^Jget^Ib^J^C\n^D|");
    PRESS(desk, "\r");
    cr_expect_eq(desk->event, EDITOR_ENTERED);
    desk_destroy(desk);
}

Test(editor, events)
{
    struct desk *desk = desk_create();
    PRESS(desk, "\x04");
    cr_expect_eq(desk->event, EDITOR_ENDED);
    PRESS(desk, "a\x03");
    cr_expect_eq(desk->event, EDITOR_ABANDONED);
    PRESS(desk, "\x1a");
    cr_expect_eq(desk->event, EDITOR_SUSPEND);
    editor_begin(&desk->editor, "> ");
    desk->screen = (struct screenful){.row = 5};
    PRESS(desk, "abc");
    PRESS(desk, "\x0c");
    EXPECT(desk, "> abc|");
    cr_expect_eq(desk->screen.row, 0);
    size_t used;
    cr_expect_eq(editor_feed(&desk->editor, BYTES("d\rnext"), &used), EDITOR_ENTERED);
    cr_expect_eq(used, 2, "what is typed ahead is for the next line");
    desk_destroy(desk);
}

Test(editor, another_size)
{
    struct desk *desk = desk_create();
    PRESS(desk, "0123456789abcdefghijklmno");
    cr_expect_eq(desk->editor.screen.cursor_row, 1);
    screen_resize(&desk->editor.screen, 10, 4);
    cr_expect_eq(desk->editor.screen.cursor_row, 2, "each row has become two");
    screen_resize(&desk->editor.screen, 1, 0);
    struct buf out;
    buf_init(&out, 65536);
    editor_draw(&desk->editor, false, &out);
    buf_finish(&out);
    desk_destroy(desk);
}

Test(editor, random_keys_do_no_harm)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    static const char *const keys[] = {"\x01",
                                       "\x02",
                                       "\x05",
                                       "\x06",
                                       "\x0b",
                                       "\x0c",
                                       "\x0e",
                                       "\x10",
                                       "\x12",
                                       "\x14",
                                       "\x15",
                                       "\x17",
                                       "\x19",
                                       "\x1b",
                                       "\x1b[A",
                                       "\x1b[B",
                                       "\x1b[3~",
                                       "\x1b[Z",
                                       "\x1b"
                                       "b",
                                       "\x1b"
                                       "d",
                                       "\x1b[200~",
                                       "\x1b[201~",
                                       "\t",
                                       "\x7f",
                                       "a",
                                       " ",
                                       "appl",
                                       "\xc3\xa9",
                                       "\xcc\x81",
                                       "\xe6\x97\xa5",
                                       "\xff",
                                       "\xf0\x9f",
                                       "get",
                                       "\x04",
                                       "\x03",
                                       "\r",
                                       "\n"};
    struct desk *desk = desk_create();
    history_add(desk->history, BYTES("apple"));
    history_add(desk->history, BYTES("get \xe6\x97\xa5"));
    for (int round = 0; round < 30000; round++) {
        const char *key = keys[prng_below(&prng, sizeof keys / sizeof *keys)];
        press(desk, gm_bytes_of(key));
        cr_assert_leq(desk->editor.line.cursor, desk->editor.line.text.size);
        cr_assert_lt(desk->editor.screen.cursor_row, ROWS); /* screen D2 */
        if (desk->event == EDITOR_ENTERED || desk->editor.line.text.size > 300) {
            show(desk, true);
            history_add(desk->history, editor_line(&desk->editor));
            editor_begin(&desk->editor, "> ");
        }
        if (prng_below(&prng, 50) == 0) {
            editor_idle(&desk->editor);
        }
    }
    desk_destroy(desk);
}
