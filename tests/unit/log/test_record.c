/* SPDX-License-Identifier: MIT */

/* One record: bytes and back, and no other bytes. And the tail, which strings records together. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "log/record.h"

static struct record example(void)
{
    return (struct record){.sequence = 0x0102030405060708,
                           .epoch = 9,
                           .time_ms = 1700000000123,
                           .expire_at_ms = 1800000000456,
                           .flags = RECORD_EXPIRE | RECORD_FRESH,
                           .op = 3,
                           .type = 2,
                           .slot = 12739,
                           .database = 259,
                           .key = BYTES("a key"),
                           .body = BYTES("the body\0of it")};
}

static struct gm_bytes encode(const struct record *record, struct buf *out)
{
    buf_clear(out, 0);
    cr_assert(record_encode(record, out));
    cr_assert_eq(out->size, record_size(record));
    cr_assert_eq(out->size % 8, 0);
    return buf_bytes(out);
}

static enum status parse(struct gm_bytes bytes, struct record *out, size_t *size)
{
    struct complaint complaint;
    return record_parse(bytes, out, size, &complaint);
}

/* Seals both checksums of altered bytes anew: what a forger would do. */
static void seal(uint8_t *bytes)
{
    size_t size = codec_u32(bytes + 8);
    codec_put_u32(bytes + 4, crc32c((struct gm_bytes){bytes + 48, size > 48 && size < 200 ? size - 48 : 0}));
    codec_put_u32(bytes, crc32c((struct gm_bytes){bytes + 4, 44}));
}

Test(record, comes_back_as_it_was_from_bytes_of_any_alignment_and_tells_how_much_it_needs)
{
    struct buf buf;
    buf_init(&buf, 4096);
    struct record record = example();
    for (size_t body = 0; body < 20; body++) {
        record.body = (struct gm_bytes){(const uint8_t *)"01234567890123456789", body};
        record.flags = body % 2 == 0 ? RECORD_EXPIRE : RECORD_MORE;
        record.expire_at_ms = body % 2 == 0 ? 5 : 0;
        struct gm_bytes bytes = encode(&record, &buf);
        uint8_t *copy = malloc(bytes.size + 8);
        for (size_t shift = 0; shift < 8; shift++) {
            struct record back;
            size_t size;
            memcpy(copy + shift, bytes.data, bytes.size);
            cr_assert_eq(parse((struct gm_bytes){copy + shift, bytes.size}, &back, &size), STATUS_OK);
            cr_assert_eq(size, bytes.size);
            cr_assert(back.sequence == record.sequence && back.epoch == 9 && back.time_ms == record.time_ms &&
                      back.expire_at_ms == record.expire_at_ms && back.flags == record.flags && back.op == 3 &&
                      back.type == 2 && back.slot == 12739 && back.database == 259);
            cr_assert(gm_bytes_equal(back.key, record.key) && gm_bytes_equal(back.body, record.body));
        }
        for (size_t part = 0; part < bytes.size; part++) {
            struct record back;
            size_t size;
            cr_assert_eq(parse((struct gm_bytes){bytes.data, part}, &back, &size), STATUS_AGAIN);
            cr_assert_eq(size, part < 48 ? 48 : bytes.size);
        }
        free(copy);
    }
    buf_finish(&buf);
}

/* record I1 */
Test(record, every_flipped_bit_is_seen)
{
    struct buf buf;
    buf_init(&buf, 4096);
    struct record record = example();
    struct gm_bytes bytes = encode(&record, &buf);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        struct record back;
        size_t size;
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(parse(bytes, &back, &size), STATUS_CORRUPT, "bit %zu", bit);
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_finish(&buf);
}

/* What is about the file, or about all that is stored, names no database. */
Test(record, a_record_of_no_database_names_none)
{
    static const struct record records[] = {{.op = RECORD_OP_FLUSH},
                                            {.op = RECORD_OP_EPOCH},
                                            {.op = RECORD_OP_TYPE, .flags = RECORD_LOCAL},
                                            {.op = RECORD_OP_DURABLE, .flags = RECORD_LOCAL}};
    struct buf buf;
    buf_init(&buf, 4096);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        struct record back;
        size_t size;
        struct gm_bytes bytes = encode(&records[i], &buf);
        cr_assert_eq(parse(bytes, &back, &size), STATUS_OK);
        buf.data[46] = 1;
        seal(buf.data);
        cr_assert_eq(parse(bytes, &back, &size), STATUS_CORRUPT, "%zu", i);
    }
    buf_finish(&buf);
}

Test(record, the_bodies_of_records_of_two_databases)
{
    uint8_t body[16];
    uint16_t other;
    struct record_target target;
    struct record swap = {.op = RECORD_OP_SWAP, .database = 7, .body = record_swap_body(3, body)};
    cr_assert(record_read_swap(&swap, &other) && other == 3);
    cr_assert_eq(record_database_last(&swap), 7);
    swap.database = 3;
    cr_assert_not(record_read_swap(&swap, &other), "with itself");
    swap.database = 2;
    cr_assert_eq(record_database_last(&swap), 3);
    swap.key = BYTES("k");
    cr_assert_not(record_read_swap(&swap, &other));
    swap.key = BYTES_NONE;
    swap.body.size = 1;
    cr_assert_not(record_read_swap(&swap, &other));
    cr_assert_eq(record_database_last(&swap), 2);
    struct record move = {.op = RECORD_OP_RENAME,
                          .flags = RECORD_REMOVES,
                          .key = BYTES("k"),
                          .database = 2,
                          .body = record_target_body(&(struct record_target){BYTES("k"), 500}, body)};
    cr_assert(record_read_rename(&move, &target) && target.database == 500 && gm_bytes_equal(target.key, move.key));
    cr_assert_eq(record_database_last(&move), 500);
    move.database = 500;
    cr_assert_not(record_read_rename(&move, &target), "to itself");
    struct record copy = {.op = RECORD_OP_COPY,
                          .key = BYTES("k"),
                          .database = 2,
                          .body = record_target_body(&(struct record_target){BYTES("k"), 500}, body)};
    cr_assert(record_read_copy(&copy, &target) && target.database == 500 && gm_bytes_equal(target.key, copy.key));
    cr_assert_eq(record_database_last(&copy), 500);
    cr_assert_not(record_read_rename(&copy, &target));
    cr_assert_eq(record_expect_known(&copy, NULL), STATUS_OK);
    copy.database = 500;
    cr_assert_not(record_read_copy(&copy, &target), "of itself");
    copy.database = 2;
    copy.flags = RECORD_REMOVES;
    cr_assert_not(record_read_copy(&copy, &target));
}

Test(record, right_checksums_are_not_enough)
{
    struct buf buf;
    buf_init(&buf, 4096);
    struct record record = example();
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } lies[] = {
        {"an unknown flag", 12, 0x80},      {"an unknown flag", 13, 2},       {"a slot above the last", 43, 0x40},
        {"a size below the header", 8, 40}, {"a key above the size", 44, 60}, {"a key above the size", 45, 1},
        {"a size above the limit", 11, 64}, {"an expiry of zero", 0, 0},      {"padding that is not zero", 75, 1},
        {"local, but with a type", 12, 4},  {"a negative expiry", 55, 0x80},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct record back;
        size_t size;
        struct gm_bytes bytes = encode(&record, &buf);
        if (lies[i].at == 0) {
            memset(buf.data + 48, 0, 8);
        } else {
            buf.data[lies[i].at] = lies[i].value;
        }
        seal(buf.data);
        cr_assert_eq(parse(bytes, &back, &size), STATUS_CORRUPT, "%s", lies[i].what);
    }
    buf_finish(&buf);
}

Test(record, a_large_key_and_body_fit_and_the_ceiling_of_the_buffer_holds)
{
    struct buf buf;
    struct record back;
    size_t size;
    buf_init(&buf, (size_t)32 * 1024 * 1024);
    struct record record = example();
    uint8_t *big = calloc(1, 10000000);
    record.key = (struct gm_bytes){big, RECORD_KEY_MAX};
    record.body = (struct gm_bytes){big, 10000000};
    struct gm_bytes bytes = encode(&record, &buf);
    cr_assert_eq(parse(bytes, &back, &size), STATUS_OK);
    cr_assert(back.key.size == RECORD_KEY_MAX && back.body.size == 10000000);
    buf_finish(&buf);
    buf_init(&buf, 100);
    cr_assert(!record_encode(&record, &buf));
    cr_assert_eq(buf.size, 0);
    free(big);
    buf_finish(&buf);
}

Test(record, written_in_pieces_it_has_the_same_bytes)
{
    struct buf whole;
    struct buf pieces;
    buf_init(&whole, 4096);
    buf_init(&pieces, 4096);
    struct record record = example();
    for (size_t body = 0; body < 20; body++) {
        uint8_t head[RECORD_HEAD_MAX];
        record.body = (struct gm_bytes){(const uint8_t *)"01234567890123456789", body};
        record.flags = body % 2 == 0 ? RECORD_EXPIRE : RECORD_DUMP | RECORD_DAMAGED;
        record.expire_at_ms = body % 2 == 0 ? 5 : 0;
        struct gm_bytes expected = encode(&record, &whole);
        buf_clear(&pieces, 0);
        size_t size = record_encode_head(&record, head);
        cr_assert(buf_append(&pieces, (struct gm_bytes){head, size}));
        cr_assert(buf_append(&pieces, record.key) && buf_append(&pieces, record.body));
        cr_assert(buf_append(&pieces, (struct gm_bytes){(const uint8_t[8]){0}, expected.size - pieces.size}));
        cr_assert(gm_bytes_equal(buf_bytes(&pieces), expected));
    }
    buf_finish(&whole);
    buf_finish(&pieces);
}

Test(record, damaged_goes_with_dump_only)
{
    struct buf buf;
    struct record back;
    size_t size;
    buf_init(&buf, 4096);
    struct record record = example();
    record.flags = RECORD_EXPIRE | RECORD_DUMP | RECORD_DAMAGED;
    struct gm_bytes bytes = encode(&record, &buf);
    cr_assert_eq(parse(bytes, &back, &size), STATUS_OK);
    cr_assert_eq(back.flags, record.flags);
    codec_put_u16(buf.data + 12, RECORD_EXPIRE | RECORD_DAMAGED);
    seal(buf.data);
    cr_assert_eq(parse(bytes, &back, &size), STATUS_CORRUPT);
    codec_put_u16(buf.data + 12, RECORD_EXPIRE | RECORD_DUMP | RECORD_DAMAGED | RECORD_MISFIT);
    seal(buf.data);
    cr_assert_eq(parse(bytes, &back, &size), STATUS_OK);
    codec_put_u16(buf.data + 12, RECORD_EXPIRE | RECORD_DUMP | RECORD_MISFIT);
    seal(buf.data);
    cr_assert_eq(parse(bytes, &back, &size), STATUS_CORRUPT, "a misfit is damaged");
    buf_finish(&buf);
}

Test(record, the_two_records_about_the_file_come_back)
{
    struct buf buf;
    struct record back;
    size_t size;
    uint16_t type;
    struct gm_bytes name;
    uint64_t durable;
    uint64_t salt;
    buf_init(&buf, 4096);
    cr_assert(record_encode_type(12, 34, 56, BYTES("acme.sum/1"), &buf));
    cr_assert_eq(parse(buf_bytes(&buf), &back, &size), STATUS_OK);
    cr_assert(record_read_type(&back, &type, &name) && type == 56 && gm_bytes_equal(name, BYTES("acme.sum/1")));
    cr_assert(back.sequence == 12 && back.time_ms == 34 && back.flags == RECORD_LOCAL);
    cr_assert(!record_read_durable(&back, &durable, &salt));
    buf_clear(&buf, 4096);
    cr_assert(record_encode_durable(12, 34, 11, 0xabcdef, &buf));
    cr_assert_eq(buf.size, 64);
    cr_assert_eq(parse(buf_bytes(&buf), &back, &size), STATUS_OK);
    cr_assert(record_read_durable(&back, &durable, &salt) && durable == 11 && salt == 0xabcdef);
    cr_assert(!record_read_type(&back, &type, &name));
    buf_finish(&buf);
}
