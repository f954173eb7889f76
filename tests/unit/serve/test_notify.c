/* SPDX-License-Identifier: MIT */

/* test_notify.c - keyspace events: exactly what has happened, to whoever it is, and not before it is durable. */
#include <criterion/criterion.h>

#include "serve/notify.h"
#include "support/shard_fixture.h"

Test(notify, classes)
{
    cr_expect_eq(notify_classes(""), 0);
    cr_expect_eq(notify_classes("?"), 0);
    cr_expect_eq(notify_classes("K$"), notify_classes("K") | notify_classes("$"));
    cr_expect_eq(notify_classes("KAn") & notify_classes("g$lshztdxe"), notify_classes("g$lshztdxe"));
    cr_expect_eq(notify_classes("A") & notify_classes("KEn"), 0);
}

Test(notify, an_event_waits_for_what_it_tells_of)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true});
    at.options.notify = notify_classes("KA");
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 1, "PSUBSCRIBE *");
    expect_said(&at, 0, "", "SET a 1");
    expect_heard(&at, 1, "");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "[\"pmessage\" \"*\" \"__keyspace@0__:a\" \"set\"]");
    shard_fixture_close(&at);
}

Test(notify, nothing_is_told_that_has_not_happened)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    at.options.notify = notify_classes("EAn");
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 1, "PSUBSCRIBE *");
    (void)shard_fixture_say(&at, 0, "SET a x NX PX 100");
    expect_heard(&at, 1,
                 "[\"pmessage\" \"*\" \"__keyevent@0__:new\" \"a\"] | "
                 "[\"pmessage\" \"*\" \"__keyevent@0__:set\" \"a\"] | "
                 "[\"pmessage\" \"*\" \"__keyevent@0__:expire\" \"a\"]");
    (void)shard_fixture_say(&at, 0, "SET a x NX");
    (void)shard_fixture_say(&at, 0, "INCR a");
    (void)shard_fixture_say(&at, 0, "DEL b b");
    (void)shard_fixture_say(&at, 0, "PERSIST b");
    (void)shard_fixture_say(&at, 0, "RENAME b c");
    expect_heard(&at, 1, "");
    shard_fixture_pass(&at, 100);
    expect_heard(&at, 1, "[\"pmessage\" \"*\" \"__keyevent@0__:expired\" \"a\"]");
    (void)shard_fixture_say(&at, 0, "MSET a 1 b 2");
    (void)shard_fixture_hear(&at, 1);
    (void)shard_fixture_say(&at, 0, "DEL a a b");
    expect_heard(&at, 1,
                 "[\"pmessage\" \"*\" \"__keyevent@0__:del\" \"a\"] | "
                 "[\"pmessage\" \"*\" \"__keyevent@0__:del\" \"b\"]");
    (void)shard_fixture_say(&at, 0, "SET a 1");
    (void)shard_fixture_hear(&at, 1);
    (void)shard_fixture_say(&at, 0, "FLUSHALL");
    expect_heard(&at, 1, "");
    shard_fixture_close(&at);
}

#define EVENT(name, key) "[\"pmessage\" \"*\" \"__keyevent@0__:" name "\" \"" key "\"]"

/* A time that has passed: the log never has it, and who listens hears of a deletion alone. */
Test(notify, what_would_be_expired_at_once_is_deleted)
{
    static const struct {
        const char *line, *reply, *events;
    } cases[] = {
        {"EXPIRE a -1", ":1", EVENT("del", "a")},    {"PEXPIREAT a 1", ":1", EVENT("del", "a")},
        {"EXPIREAT a 0", ":1", EVENT("del", "a")},   {"GETEX a PXAT 1", "\"x\"", EVENT("del", "a")},
        {"SET a y PXAT 1", "OK", EVENT("del", "a")},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    at.options.notify = notify_classes("EA");
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 1, "PSUBSCRIBE *");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)shard_fixture_say(&at, 0, "SET a x");
        (void)shard_fixture_hear(&at, 1);
        (void)shard_fixture_records(&at);
        expect_said(&at, 0, cases[i].reply, "%s", cases[i].line);
        expect_heard(&at, 1, cases[i].events);
        expect_records(&at, "delete a removes");
    }
    shard_fixture_close(&at);
}

Test(notify, each_event_once_and_in_order)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    at.options.notify = notify_classes("EAn");
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 1, "PSUBSCRIBE *");
    (void)shard_fixture_say(&at, 0, "SET a 1");
    expect_heard(&at, 1, EVENT("new", "a") " | " EVENT("set", "a"));
    (void)shard_fixture_say(&at, 0, "SET a 2");
    expect_heard(&at, 1, EVENT("set", "a"));
    (void)shard_fixture_say(&at, 0, "INCR n");
    (void)shard_fixture_hear(&at, 1);
    (void)shard_fixture_say(&at, 0, "APPEND n x"); /* two records: the number becomes a string first */
    expect_heard(&at, 1, EVENT("append", "n"));    /* notify I2 */
    (void)shard_fixture_say(&at, 0, "EXPIRE a 100");
    expect_heard(&at, 1, EVENT("expire", "a"));
    (void)shard_fixture_say(&at, 0, "PERSIST a");
    expect_heard(&at, 1, EVENT("persist", "a"));
    (void)shard_fixture_say(&at, 0, "RENAME a b");
    expect_heard(&at, 1, EVENT("new", "b") " | " EVENT("rename_from", "a") " | " EVENT("rename_to", "b"));
    (void)shard_fixture_say(&at, 0, "EXPIRE b -1"); /* gone at once: it has no time */
    expect_heard(&at, 1, EVENT("del", "b"));
    shard_fixture_close(&at);
}

/* The events of one's own commands come behind their answers, also behind EXEC's; those of waiters, too. */
Test(notify, who_listens_to_himself)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 1});
    at.options.notify = notify_classes("Elg");
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 1, "HELLO 3");
    (void)shard_fixture_say(&at, 1, "PSUBSCRIBE *");
    (void)shard_fixture_say(&at, 1, "MULTI");
    (void)shard_fixture_say(&at, 1, "RPUSH l a");
    (void)shard_fixture_say(&at, 1, "LPOP l");
    expect_said(
        &at, 1,
        "[:1 \"a\"] | (\"pmessage\" \"*\" \"__keyevent@0__:rpush\" \"l\") | "
        "(\"pmessage\" \"*\" \"__keyevent@0__:lpop\" \"l\") | (\"pmessage\" \"*\" \"__keyevent@0__:del\" \"l\")",
        "EXEC");
    expect_said(&at, 1, "", "BLPOP l 0");
    expect_said(&at, 0, ":1", "RPUSH l b");
    expect_heard(
        &at, 1,
        "(\"pmessage\" \"*\" \"__keyevent@0__:rpush\" \"l\") | [\"l\" \"b\"] | "
        "(\"pmessage\" \"*\" \"__keyevent@0__:lpop\" \"l\") | (\"pmessage\" \"*\" \"__keyevent@0__:del\" \"l\")");
    shard_fixture_close(&at);
}
