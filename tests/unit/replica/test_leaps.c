/* SPDX-License-Identifier: MIT */

/* test_leaps.c - a log of a few bytes that needs much memory: whoever starts the server is told what takes it. */
#include <criterion/criterion.h>

#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);

static void start(struct node_fixture *at)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    cr_assert_eq(node_fixture_start(at, modules, 1), STATUS_OK, "%s", at->complaint.text);
}

static bool has_said(const struct node_fixture *at, const char *words)
{
    return strstr((const char *)at->log.data, words) != NULL;
}

/* source I3 */
Test(leaps, a_record_that_takes_much_memory_is_told_with_its_key_when_it_is_loaded)
{
    static struct node_fixture at;
    node_fixture_init(&at, 3);
    start(&at);
    cr_assert_str_eq(node_fixture_say(&at, "SETRANGE vast 99999999 x"), ":100000000");
    cr_assert_str_eq(node_fixture_say(&at, "SETRANGE small 999 x"), ":1000");
    node_fixture_close(&at);
    at.config.maxmemory = (int64_t)50 * 1000 * 1000;
    start(&at);
    cr_assert_str_eq(node_fixture_say(&at, "STRLEN vast"), ":100000000");
    cr_expect(has_said(&at, "makes the value of key 'vast' 100.0 MB larger; 1 such records took"), "%s", at.log.data);
    cr_expect(has_said(&at, "the data takes more than maxmemory (50.0 MB) from record"), "%s", at.log.data);
    cr_expect_not(has_said(&at, "small"), "%s", at.log.data);
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

/* What is large because its records are is no surprise, and neither is what fits. */
Test(leaps, what_a_log_brings_along_is_not_told)
{
    static struct node_fixture at;
    node_fixture_init(&at, 4);
    start(&at);
    cr_assert_str_eq(node_fixture_say(&at, "SET k 1"), "OK");
    cr_assert_str_eq(node_fixture_say(&at, "SETRANGE k 1000000 x"), ":1000001");
    node_fixture_close(&at);
    at.config.maxmemory = (int64_t)50 * 1000 * 1000;
    start(&at);
    cr_assert_str_eq(node_fixture_say(&at, "STRLEN k"), ":1000001");
    cr_expect_not(has_said(&at, "larger"), "%s", at.log.data);
    cr_expect_not(has_said(&at, "maxmemory"), "%s", at.log.data);
    node_fixture_close(&at);
    node_fixture_finish(&at);
}
