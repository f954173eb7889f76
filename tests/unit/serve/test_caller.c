/* SPDX-License-Identifier: MIT */

/* Whoever has no connection here can call as well: what is answered, what is refused, what the answer depends on. */
#include <criterion/criterion.h>

#include "serve/exec.h"
#include "support/resp_text.h"
#include "support/shard_fixture.h"

struct visitor {
    struct shard_fixture *at;
    struct caller caller;
    struct buf out;
    char answer[512];
    uint64_t mark;
};

static void visit(struct visitor *visitor, struct shard_fixture *at)
{
    *visitor = (struct visitor){.at = at, .caller = caller_host()};
    visitor->caller.id = 1000;
    buf_init(&visitor->out, 1 << 20);
}

/* Carries out a line of words without blanks, and returns the answer as text. */
static const char *call(struct visitor *visitor, const char *line)
{
    struct gm_bytes argv[16];
    struct request request;
    struct buf text;
    uint32_t argc = 0;
    struct worker *worker = &visitor->at->worker;
    for (const char *word = line; *word != '\0';) {
        size_t size = strcspn(word, " ");
        argv[argc++] = (struct gm_bytes){(const uint8_t *)word, size};
        word += size + (word[size] == ' ');
    }
    turn_begin(worker, visitor->at->now_ms, visitor->at->monotonic_ms);
    request_resolve(&request, worker->registry, &visitor->at->shard.databases, argv, argc, &worker->requests);
    buf_clear(&visitor->out, SIZE_MAX);
    visitor->mark = exec_call(worker, &visitor->caller, &request, &visitor->out);
    buf_init(&text, sizeof visitor->answer - 1);
    cr_assert_eq(resp_text_reply(buf_bytes(&visitor->out), &text), visitor->out.size, "%s: one whole reply", line);
    memcpy(visitor->answer, text.data, text.size);
    visitor->answer[text.size] = '\0';
    buf_finish(&text);
    return visitor->answer;
}

static void leave(struct visitor *visitor)
{
    buf_finish(&visitor->out);
}

/* call I1, I2 */
Test(caller, reads_and_writes_without_a_session)
{
    struct shard_fixture at;
    struct visitor visitor;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true});
    visit(&visitor, &at);
    cr_expect_str_eq(call(&visitor, "SET a 1"), "OK");
    cr_expect_eq(visitor.mark, at.shard.tail.last_sequence, "it shows its own record");
    cr_expect_str_eq(call(&visitor, "GET a"), "\"1\"");
    cr_expect_eq(visitor.mark, 1, "it shows the last change of its key");
    cr_expect_str_eq(call(&visitor, "RPUSH l x y"), ":2");
    cr_expect_str_eq(call(&visitor, "GET a"), "\"1\"");
    cr_expect_eq(visitor.mark, 1, "not of another key");
    cr_expect_str_eq(call(&visitor, "DBSIZE"), ":2");
    cr_expect_eq(visitor.mark, 2, "a look at everything depends on everything");
    cr_expect_str_eq(call(&visitor, "GET l"), "-WRONGTYPE Operation against a key holding the wrong kind of value");
    cr_expect_str_eq(call(&visitor, "NOSUCH"), "-ERR unknown command 'NOSUCH', with args beginning with: ");
    leave(&visitor);
    shard_fixture_close(&at);
}

Test(caller, what_is_about_a_connection_is_not_for_one_without)
{
    static const char *const lines[] = {"MULTI", "EXEC",    "WATCH a",       "SUBSCRIBE a", "CLIENT ID", "HELLO 3",
                                        "RESET", "MONITOR", "WAITAOF 0 0 0", "QUIT",        "AUTH x"};
    struct shard_fixture at;
    struct visitor visitor;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    visit(&visitor, &at);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_expect_str_eq(call(&visitor, lines[i]),
                         "-ERR this command is about the connection: send it to the node that you are connected to",
                         "%s", lines[i]);
    }
    cr_expect_str_eq(call(&visitor, "PING"), "PONG");
    leave(&visitor);
    shard_fixture_close(&at);
}

/* What would wait is answered as when its time is over. */
Test(caller, nothing_waits_and_who_waits_is_served)
{
    struct shard_fixture at;
    struct visitor visitor;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    visit(&visitor, &at);
    cr_expect_str_eq(call(&visitor, "BLPOP l 0"), "nil[]");
    expect_said(&at, 0, "", "BLPOP l 0");
    cr_expect_str_eq(call(&visitor, "RPUSH l x"), ":1");
    shard_fixture_pass(&at, 0);
    expect_heard(&at, 0, "[\"l\" \"x\"]");
    leave(&visitor);
    shard_fixture_close(&at);
}

/* Its changes are its own: a client that tracks with NOLOOP hears of them. */
Test(caller, is_the_author_of_its_changes)
{
    struct shard_fixture at;
    struct visitor visitor;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    visit(&visitor, &at);
    (void)shard_fixture_say(&at, 0, "HELLO 3");
    expect_said(&at, 0, "OK", "CLIENT TRACKING ON NOLOOP");
    expect_said(&at, 0, "OK", "SET a 1");
    expect_said(&at, 0, "\"1\"", "GET a");
    cr_expect_str_eq(call(&visitor, "SET a 2"), "OK");
    shard_fixture_pass(&at, 0);
    expect_heard(&at, 0, "(\"invalidate\" [\"a\"])");
    leave(&visitor);
    shard_fixture_close(&at);
}

Test(caller, a_password_and_a_ceiling_hold_for_it_too)
{
    struct shard_fixture at;
    struct visitor visitor;
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
    visit(&visitor, &at);
    cr_expect_str_eq(call(&visitor, "SET a 1"), "OK", "the host needs none");
    visitor.caller.user = NULL;
    cr_expect_str_eq(call(&visitor, "GET a"), "-NOAUTH Authentication required.");
    leave(&visitor);
    shard_fixture_close(&at);
}
