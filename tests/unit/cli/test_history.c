/* SPDX-License-Identifier: MIT */

/* test_history.c - lines are remembered, on disk too, and only by their owner. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cli/edit/history.h"

static void expect_at(const struct history *history, size_t index, const char *line)
{
    cr_assert_lt(index, history->count);
    struct gm_bytes found = history_at(history, index);
    cr_expect(gm_bytes_equal(found, gm_bytes_of(line)), "%zu: %.*s", index, (int)found.size, (const char *)found.data);
}

Test(history, some_lines_are_not_worth_keeping)
{
    struct history *history = calloc(1, sizeof *history);
    history_add(history, BYTES("get a"));
    history_add(history, BYTES("get a"));
    history_add(history, BYTES(" secretly"));
    history_add(history, BYTES(""));
    history_add(history, BYTES("two\nlines"));
    history_add(history, BYTES("escape \x1b"));
    char *huge = calloc(1, HISTORY_LINE + 1);
    memset(huge, 'x', HISTORY_LINE + 1);
    history_add(history, (struct gm_bytes){(const uint8_t *)huge, HISTORY_LINE + 1});
    free(huge);
    history_add(history, BYTES("set a 1"));
    history_add(history, BYTES("get a"));
    cr_expect_eq(history->count, 3);
    expect_at(history, 0, "get a");
    expect_at(history, 1, "set a 1");
    history_finish(history);
    free(history);
}

Test(history, it_is_found_by_its_beginning_and_by_its_middle)
{
    struct history *history = calloc(1, sizeof *history);
    history_add(history, BYTES("get a"));
    history_add(history, BYTES("set a 1"));
    history_add(history, BYTES("get b"));
    cr_expect_eq(history_before(history, 3, BYTES("get")), 2);
    cr_expect_eq(history_before(history, 2, BYTES("get")), 0);
    cr_expect_eq(history_before(history, 0, BYTES("get")), 0, "none");
    cr_expect_eq(history_after(history, 0, BYTES("get")), 2);
    cr_expect_eq(history_after(history, 2, BYTES("get")), 3, "none");
    cr_expect_eq(history_before(history, 3, BYTES("")), 2);
    cr_expect_eq(history_containing(history, 3, BYTES(" a")), 1);
    cr_expect_eq(history_containing(history, 1, BYTES(" a")), 0);
    cr_expect_eq(history_containing(history, 3, BYTES("zzz")), 3, "none");
    history_finish(history);
    free(history);
}

Test(history, the_oldest_are_forgotten)
{
    struct history *history = calloc(1, sizeof *history);
    for (int i = 0; i < HISTORY_LINES + 5; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %d", i);
        history_add(history, gm_bytes_of(line));
    }
    cr_expect_eq(history->count, HISTORY_LINES);
    expect_at(history, 0, "line 5");
    expect_at(history, HISTORY_LINES - 1, "line 1004");
    history_finish(history);
    free(history);
}

static size_t lines_in(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t count = 0;
    for (int byte; (byte = fgetc(file)) != EOF;) {
        count += byte == '\n';
    }
    fclose(file);
    return count;
}

Test(history, it_lasts)
{
    char folder[] = "/tmp/geomys-history-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    char path[128];
    snprintf(path, sizeof path, "%s/inner/cli_history", folder);
    struct history *history = calloc(1, sizeof *history);
    cr_assert_eq(history_open(history, path), STATUS_OK);
    for (int i = 0; i < 5 * HISTORY_LINES; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %d", i);
        history_add(history, gm_bytes_of(line));
    }
    history_finish(history);
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_mode & 0777, 0600);
    cr_expect_eq(lines_in(path), 5 * HISTORY_LINES);
    cr_expect_eq(chmod(path, 0644), 0);
    cr_assert_eq(history_open(history, path), STATUS_OK);
    cr_expect_eq(history->count, HISTORY_LINES);
    expect_at(history, HISTORY_LINES - 1, "line 4999");
    cr_expect_eq(lines_in(path), HISTORY_LINES, "cut to what is kept");
    cr_assert_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_mode & 0777, 0600, "others have no business here");
    history_finish(history);
    cr_expect_eq(unlink(path), 0);
    cr_expect_eq(symlink("/etc/passwd", path), 0);
    cr_expect_eq(history_open(history, path), STATUS_REFUSED, "links are not followed");
    cr_expect_eq(unlink(path), 0);
    snprintf(path, sizeof path, "%s/inner", folder);
    cr_expect_eq(history_open(history, path), STATUS_REFUSED, "a folder");
    cr_expect_eq(rmdir(path), 0);
    cr_expect_eq(rmdir(folder), 0);
    free(history);
}
