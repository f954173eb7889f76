/* SPDX-License-Identifier: MIT */

/* test_replication.c - messages of a Follow stream: what is packed comes back, and what comes from outside is anything.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "base/prng.h"
#include "support/seed.h"
#include "wire/replication.h"

#define ROOM ((size_t)1024 * 1024)

static const struct replication_epoch epochs[] = {{1, 1, 1}, {3, 2, 40}, {4, 1, 90}};

static bool is_up(enum replication_kind kind)
{
    return kind == REPLICATION_HELLO || kind == REPLICATION_ACK;
}

static enum status unpack(struct gm_bytes bytes, bool up, struct replication_message *out, struct arena *arena,
                          struct complaint *complaint)
{
    return up ? replication_unpack_up(bytes, out, arena, complaint)
              : replication_unpack_down(bytes, out, arena, complaint);
}

/* One message of each kind. */
static struct replication_message example(enum replication_kind kind)
{
    struct replication_message message = {.kind = kind};
    switch (kind) {
    case REPLICATION_HELLO:
        message.hello = (struct replication_hello){.cluster = {"the cluster's id"},
                                                   .folder = {"the folder's id "},
                                                   .node = 3,
                                                   .start = 7,
                                                   .epochs = epochs,
                                                   .epoch_count = 3,
                                                   .last_sequence = 100,
                                                   .synced = 99,
                                                   .owes = 120,
                                                   .owes_epoch = 4,
                                                   .epoch = 5,
                                                   .leader = 2};
        break;
    case REPLICATION_ACK:
        message.ack = (struct replication_ack){4, 100, 99};
        break;
    case REPLICATION_START:
        message.start = (struct replication_start){.epoch = 4,
                                                   .leader = 1,
                                                   .mode = REPLICATION_REWIND,
                                                   .sequence = 101,
                                                   .secret = {"a secret, secret"},
                                                   .size = 1000,
                                                   .checksum = 77};
        break;
    case REPLICATION_TYPE:
        message.type = (struct replication_type){9, BYTES("geomys.kv/1"), true};
        break;
    case REPLICATION_REVISION:
        message.revision = (struct replication_revision){9, 2, BYTES("kv 1.2")};
        break;
    case REPLICATION_RECORDS:
        message.records = (struct replication_records){101, 105, 3, 20, BYTES("some bytes")};
        break;
    case REPLICATION_PIECE:
        message.piece = (struct replication_piece){4096, BYTES("a piece")};
        break;
    case REPLICATION_PROGRESS:
        message.progress = (struct replication_progress){90, 100, -5};
        break;
    case REPLICATION_REFUSAL:
        message.refusal = (struct replication_refusal){4, BYTES("why not"), 2};
        break;
    }
    return message;
}

Test(replication, what_is_packed_comes_back)
{
    struct arena arena = {0};
    struct buf first, second;
    struct complaint complaint;
    buf_init(&first, ROOM);
    buf_init(&second, ROOM);
    for (unsigned kind = REPLICATION_HELLO; kind <= REPLICATION_REFUSAL; kind++) {
        struct replication_message message = example((enum replication_kind)kind);
        struct replication_message back;
        buf_clear(&first, ROOM);
        buf_clear(&second, ROOM);
        cr_assert(replication_pack(&message, &first));
        cr_assert_eq(unpack(buf_bytes(&first), is_up(message.kind), &back, &arena, &complaint), STATUS_OK, "%u: %s",
                     kind, complaint.text);
        cr_assert_eq(back.kind, message.kind);
        cr_assert(replication_pack(&back, &second));
        cr_assert(gm_bytes_equal(buf_bytes(&first), buf_bytes(&second)), "kind %u", kind);
        cr_assert_eq(unpack(buf_bytes(&first), !is_up(message.kind), &back, &arena, &complaint), STATUS_CORRUPT,
                     "a leader does not take what a leader sends");
        arena_reset(&arena);
    }
    arena_finish(&arena);
    buf_finish(&first);
    buf_finish(&second);
}

static void expect_refused(const struct replication_message *message, const char *why)
{
    struct arena arena = {0};
    struct replication_message back;
    struct complaint complaint;
    struct buf out;
    buf_init(&out, ROOM);
    cr_assert(replication_pack(message, &out));
    cr_assert_eq(unpack(buf_bytes(&out), is_up(message->kind), &back, &arena, &complaint), STATUS_CORRUPT);
    cr_assert(strstr(complaint.text, why) != NULL, "%s", complaint.text);
    buf_finish(&out);
    arena_finish(&arena);
}

/* replication P1 */
Test(replication, what_makes_no_sense_is_refused)
{
    struct replication_message message = example(REPLICATION_HELLO);
    message.hello.synced = message.hello.last_sequence + 1;
    expect_refused(&message, "makes no sense");
    static const struct replication_epoch back_and_forth[] = {{2, 1, 1}, {1, 1, 5}};
    message = example(REPLICATION_HELLO);
    message.hello.epochs = back_and_forth;
    message.hello.epoch_count = 2;
    expect_refused(&message, "in no order");
    message = example(REPLICATION_ACK);
    message.ack.synced = message.ack.received + 1;
    expect_refused(&message, "more than it has received");
    message = example(REPLICATION_RECORDS);
    message.records.offset = message.records.total;
    expect_refused(&message, "make no sense");
    message = example(REPLICATION_RECORDS);
    message.records.first = 0;
    expect_refused(&message, "make no sense");
    message = example(REPLICATION_START);
    message.start.leader = 0;
    expect_refused(&message, "makes no sense");
    message = example(REPLICATION_REVISION);
    message.revision.revision = 1;
    expect_refused(&message, "makes no sense");
}

/* proto P1: two bytes of an empty entry take forty of memory, and there is a ceiling on those. */
Test(replication, a_small_message_does_not_become_a_large_one)
{
    static uint8_t bytes[300000];
    struct arena arena = {0};
    struct replication_message back;
    struct complaint complaint;
    size_t size = sizeof bytes;
    uint32_t inner = (uint32_t)(size - 4);
    bytes[0] = 0x0a; /* hello, of so many bytes */
    bytes[1] = (uint8_t)(inner | 0x80);
    bytes[2] = (uint8_t)(inner >> 7 | 0x80);
    bytes[3] = (uint8_t)(inner >> 14);
    for (size_t i = 4; i + 2 <= size; i += 2) {
        bytes[i] = 0x3a; /* an empty entry of the table */
    }
    cr_assert_eq(replication_unpack_up((struct gm_bytes){bytes, size}, &back, &arena, &complaint), STATUS_CORRUPT);
    arena_finish(&arena);
}

Test(replication, any_bytes_are_read_or_refused)
{
    struct arena arena = {0};
    struct buf out;
    struct prng prng;
    struct complaint complaint;
    buf_init(&out, ROOM);
    prng_seed(&prng, seed_of_run());
    for (unsigned i = 0; i < 20000; i++) {
        struct replication_message message =
            example((enum replication_kind)prng_below(&prng, REPLICATION_REFUSAL + UINT64_C(1)));
        struct replication_message back;
        buf_clear(&out, ROOM);
        cr_assert(replication_pack(&message, &out));
        for (uint64_t n = 1 + prng_below(&prng, 4); n > 0; n--) {
            out.data[prng_below(&prng, out.size)] ^= (uint8_t)(1 + prng_below(&prng, 255));
        }
        size_t size = (size_t)prng_below(&prng, out.size + 1);
        for (unsigned up = 0; up < 2; up++) {
            complaint.text[0] = '\0';
            enum status status = unpack((struct gm_bytes){out.data, size}, up == 1, &back, &arena, &complaint);
            cr_assert(status == STATUS_OK || (status == STATUS_CORRUPT && complaint.text[0] != '\0'));
        }
        arena_reset(&arena);
    }
    buf_finish(&out);
    arena_finish(&arena);
}
