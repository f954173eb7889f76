/* SPDX-License-Identifier: MIT */

/* test_talk.c - messages of a Talk stream: what is packed comes back, and what comes from outside is anything. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/prng.h"
#include "support/seed.h"
#include "wire/talk.h"

#define ROOM ((size_t)2 * 1024 * 1024)

/* One message of each kind. */
static struct talk_words example(enum talk_kind kind)
{
    struct talk_words words = {.kind = kind};
    switch (kind) {
    case TALK_GREETING:
        words.greeting = (struct talk_greeting){.member = true,
                                                .cluster_id = "the cluster's i",
                                                .folder_id = "the folder's id",
                                                .node = 3,
                                                .start = 7,
                                                .host = BYTES("node3.example"),
                                                .client_port = 6379,
                                                .node_port = 7379,
                                                .version = BYTES("0.1.0")};
        break;
    case TALK_BEAT:
        words.beat = (struct talk_beat){1, 5, 7, -1234567, 1000, true, 12};
        break;
    case TALK_GRANTED:
        words.granted = (struct talk_granted){1, 5, -1234567, 1000, {5, 2, 7}, {4, 99}, true};
        break;
    case TALK_ASK:
        words.ask = (struct talk_ask){77, 1};
        break;
    case TALK_STANDS:
        words.stands = (struct talk_stands){77, 1, {4, 99}, {4, 120}, {5, 2, 7}, true, true, 400};
        break;
    case TALK_VOTE:
        words.vote = (struct talk_vote){78, 1, {6, 3, 2}, {4, 99}, 13};
        break;
    case TALK_VOTED:
        words.voted = (struct talk_voted){78, 1, true, {4, 98}, {6, 3, 2}, 0};
        break;
    case TALK_ENGINE:
        words.engine = BYTES("bytes of an engine");
        break;
    case TALK_SORRY:
    case TALK_KINDS:
        words.kind = TALK_SORRY;
        words.sorry = (struct talk_sorry){4, BYTES("why not")};
        break;
    case TALK_JOIN:
        words.join = (struct talk_join){.number = 79, .relayed = true};
        words.join.who = example(TALK_GREETING).greeting;
        break;
    case TALK_WELCOME:
        words.welcome = BYTES("a topology");
        break;
    }
    return words;
}

Test(talk, what_is_packed_comes_back)
{
    struct arena arena = {0};
    struct buf first, second;
    struct complaint complaint;
    buf_init(&first, ROOM);
    buf_init(&second, ROOM);
    for (unsigned kind = 0; kind < TALK_KINDS; kind++) {
        struct talk_words words = example((enum talk_kind)kind);
        struct talk_words back;
        buf_clear(&first, ROOM);
        buf_clear(&second, ROOM);
        cr_assert(talk_pack(&words, &first));
        cr_assert_eq(talk_unpack(buf_bytes(&first), &back, &arena, &complaint), STATUS_OK, "%u: %s", kind,
                     complaint.text);
        cr_assert_eq(back.kind, words.kind);
        cr_assert(talk_pack(&back, &second));
        cr_assert(gm_bytes_equal(buf_bytes(&first), buf_bytes(&second)), "kind %u", kind);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    buf_finish(&first);
    buf_finish(&second);
}

Test(talk, an_engine_may_say_a_megabyte)
{
    static uint8_t bytes[1024 * 1024 - 16];
    struct arena arena = {0};
    struct buf out;
    struct complaint complaint;
    struct talk_words back;
    struct talk_words words = {.kind = TALK_ENGINE, .engine = {bytes, sizeof bytes}};
    buf_init(&out, 1024 * 1024);
    cr_assert(talk_pack(&words, &out));
    cr_assert_eq(talk_unpack(buf_bytes(&out), &back, &arena, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_eq(back.engine.size, sizeof bytes);
    arena_finish(&arena);
    buf_finish(&out);
}

static void expect_refused(const struct talk_words *words, const char *why)
{
    struct arena arena = {0};
    struct talk_words back;
    struct complaint complaint;
    struct buf out;
    buf_init(&out, ROOM);
    cr_assert(talk_pack(words, &out));
    cr_assert_eq(talk_unpack(buf_bytes(&out), &back, &arena, &complaint), STATUS_CORRUPT);
    cr_assert(strstr(complaint.text, why) != NULL, "%s", complaint.text);
    buf_finish(&out);
    arena_finish(&arena);
}

/* talk P1 */
Test(talk, what_makes_no_sense_is_refused)
{
    struct talk_words words = example(TALK_GREETING);
    words.greeting.node = 0;
    expect_refused(&words, "greeting makes no sense");
    words = example(TALK_BEAT);
    words.beat.epoch = 0;
    expect_refused(&words, "beat makes no sense");
    words = example(TALK_BEAT);
    words.beat.lease_ms = TALK_LEASE_MAX_MS + 1;
    expect_refused(&words, "beat makes no sense");
    words = example(TALK_GRANTED);
    words.granted.lease_ms = UINT32_MAX;
    expect_refused(&words, "grants makes no sense");
    words = example(TALK_VOTE);
    words.vote.promise.leader = 0;
    expect_refused(&words, "a vote for nobody");
}

Test(talk, any_bytes_are_read_or_refused)
{
    struct arena arena = {0};
    struct buf out;
    struct prng prng;
    struct complaint complaint;
    buf_init(&out, ROOM);
    prng_seed(&prng, seed_of_run());
    for (unsigned i = 0; i < 20000; i++) {
        struct talk_words words = example((enum talk_kind)prng_below(&prng, TALK_KINDS));
        struct talk_words back;
        buf_clear(&out, ROOM);
        cr_assert(talk_pack(&words, &out));
        for (uint64_t n = 1 + prng_below(&prng, 4); n > 0; n--) {
            out.data[prng_below(&prng, out.size)] ^= (uint8_t)(1 + prng_below(&prng, 255));
        }
        size_t size = (size_t)prng_below(&prng, out.size + 1);
        complaint.text[0] = '\0';
        enum status status = talk_unpack((struct gm_bytes){out.data, size}, &back, &arena, &complaint);
        cr_assert(status == STATUS_OK || (status == STATUS_CORRUPT && complaint.text[0] != '\0'));
        arena_reset(&arena);
    }
    buf_finish(&out);
    arena_finish(&arena);
}
