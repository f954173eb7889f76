/* SPDX-License-Identifier: MIT */

/* test_forwarding.c - messages of a Forward stream: what is packed comes back, and what comes from outside is
 * anything. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/prng.h"
#include "support/seed.h"
#include "wire/forwarding.h"

#define ROOM ((size_t)128 * 1024)

static struct forwarding_message example(unsigned kind)
{
    struct forwarding_message message = {.kind = (enum forwarding_kind)kind};
    switch (message.kind) {
    case FORWARDING_OPEN:
        message.open = (struct forwarding_open){.address = BYTES("127.0.0.1:5000"),
                                                .user = BYTES("default"),
                                                .name = BYTES("bob"),
                                                .database = 3,
                                                .resp3 = true,
                                                .quorum = true,
                                                .no_touch = true,
                                                .waited_ms = 1234,
                                                .written = {4, 5}};
        break;
    case FORWARDING_DATA:
        message.data = BYTES("*1\r\n$4\r\nPING\r\n");
        break;
    case FORWARDING_CREDIT:
        message.credit = 4096;
        break;
    case FORWARDING_ANSWER:
        message.answer = (struct forwarding_answer){BYTES("+PONG\r\n"), {7, 99}, 14, true};
        break;
    case FORWARDING_NOT_BEGUN:
        message.not_begun = (struct forwarding_not_begun){14, true};
        break;
    case FORWARDING_CLOSE:
        message.reason = BYTES("why not");
        break;
    }
    return message;
}

static enum status unpack(struct gm_bytes bytes, enum forwarding_kind kind, struct forwarding_message *out,
                          struct arena *arena)
{
    struct complaint complaint = {""};
    enum status status = kind <= FORWARDING_CREDIT ? forwarding_unpack_up(bytes, out, arena, &complaint)
                                                   : forwarding_unpack_down(bytes, out, arena, &complaint);
    cr_assert(status == STATUS_OK || (status == STATUS_CORRUPT && complaint.text[0] != '\0'));
    return status;
}

Test(forwarding, what_is_packed_comes_back)
{
    struct arena arena = {0};
    struct buf first, second;
    buf_init(&first, ROOM);
    buf_init(&second, ROOM);
    for (unsigned kind = 0; kind <= FORWARDING_CLOSE; kind++) {
        struct forwarding_message message = example(kind);
        struct forwarding_message back;
        buf_clear(&first, ROOM);
        buf_clear(&second, ROOM);
        cr_assert(forwarding_pack(&message, &first));
        cr_assert_eq(unpack(buf_bytes(&first), message.kind, &back, &arena), STATUS_OK);
        cr_assert_eq(back.kind, message.kind);
        cr_assert(forwarding_pack(&back, &second));
        cr_assert(gm_bytes_equal(buf_bytes(&first), buf_bytes(&second)), "kind %u", kind);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    buf_finish(&first);
    buf_finish(&second);
}

static void expect_refused(const struct forwarding_message *message)
{
    struct arena arena = {0};
    struct forwarding_message back;
    struct buf out;
    buf_init(&out, ROOM);
    cr_assert(forwarding_pack(message, &out));
    cr_assert_eq(unpack(buf_bytes(&out), message->kind, &back, &arena), STATUS_CORRUPT);
    buf_finish(&out);
    arena_finish(&arena);
}

/* forwarding P1 */
Test(forwarding, what_is_out_of_its_limits_is_refused)
{
    struct forwarding_message message = example(FORWARDING_CREDIT);
    message.credit = 0;
    expect_refused(&message);
    message.credit = FORWARDING_WINDOW + 1;
    expect_refused(&message);
    message = example(FORWARDING_OPEN);
    message.open.database = UINT16_MAX + 1;
    expect_refused(&message);
    message = example(FORWARDING_ANSWER);
    message.answer.bytes = BYTES_NONE;
    expect_refused(&message);
}

Test(forwarding, the_largest_piece_fits)
{
    static uint8_t bytes[FORWARDING_DATA_MAX];
    struct arena arena = {0};
    struct forwarding_message back;
    for (unsigned kind = FORWARDING_DATA; kind <= FORWARDING_ANSWER; kind += 2) {
        struct forwarding_message message = example(kind);
        struct buf out;
        buf_init(&out, ROOM);
        *(kind == FORWARDING_DATA ? &message.data : &message.answer.bytes) = (struct gm_bytes){bytes, sizeof bytes};
        cr_assert(forwarding_pack(&message, &out));
        cr_assert_eq(unpack(buf_bytes(&out), message.kind, &back, &arena), STATUS_OK);
        buf_finish(&out);
    }
    arena_finish(&arena);
}

Test(forwarding, any_bytes_are_read_or_refused)
{
    struct arena arena = {0};
    struct buf out;
    struct prng prng;
    buf_init(&out, ROOM);
    prng_seed(&prng, seed_of_run());
    for (unsigned i = 0; i < 20000; i++) {
        struct forwarding_message message = example((unsigned)prng_below(&prng, FORWARDING_CLOSE + 1));
        struct forwarding_message back;
        buf_clear(&out, ROOM);
        cr_assert(forwarding_pack(&message, &out));
        for (uint64_t n = 1 + prng_below(&prng, 4); n > 0; n--) {
            out.data[prng_below(&prng, out.size)] ^= (uint8_t)(1 + prng_below(&prng, 255));
        }
        (void)unpack((struct gm_bytes){out.data, (size_t)prng_below(&prng, out.size + 1)}, message.kind, &back, &arena);
        arena_reset(&arena);
    }
    buf_finish(&out);
    arena_finish(&arena);
}
