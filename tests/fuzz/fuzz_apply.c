/* SPDX-License-Identifier: MIT */

/* fuzz_apply.c - a shard given arbitrary records of all types, as a damaged log or a hostile peer could bring them.
 *
 * Input   any number of: type u8, op u8, flags u8, key u8, size u8, body. Types are those of the three modules, one
 *         whose module is absent, and the host. With FLAG_LONG the size counts 16 bytes.
 *
 * Checks  Two shards with different tables end with the same digest, damaged keys included; what is not damaged dumps
 *         and rebuilds to the same; with everything removed the accounts are empty.
 *
 * Limits  Offsets of strings are cut to OFFSET_MAX, or every other input would be half a gigabyte of zeros. */
#include "kv/kv_type.h"
#include "log/record.h"
#include "shard/digest.h"
#include "support/little.h"
#include "support/shard_fixture.h"

#define OFFSET_MAX ((uint64_t)1 << 15)
#define BODY_MAX   (255 * 16)
#define FLAG_LONG  128
#define KEYS       8
#define HEAD       5 /* bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {NULL, "geomys.string/1", "geomys.counter/1", "geomys.deque/1", "absent.type/1"};
#define TYPES (sizeof types / sizeof types[0])

static void tame(const char *type, uint16_t op, uint8_t *body, size_t size)
{
    size_t width = op == KV_OP_PATCH ? 8 : op == KV_OP_BIT ? 4 : 0;
    uint64_t limit = op == KV_OP_PATCH ? OFFSET_MAX : OFFSET_MAX * 8;
    if (type == types[1] && width > 0 && size >= width) {
        little_store(body, little_load(body, width) % limit, width);
    }
}

/* What record_parse would let through: it has seen to the fields, not to what they mean. */
static struct record make(const uint8_t *head, struct gm_bytes body)
{
    static const uint8_t names[KEYS] = "abcdefgh";
    uint16_t flags = head[2] & (RECORD_DUMP | RECORD_FRESH | RECORD_KEEP_EXPIRY | RECORD_EXPIRE | RECORD_REMOVES);
    return (struct record){
        .op = head[1],
        .flags = flags,
        .time_ms = 5,
        .expire_at_ms = (flags & RECORD_EXPIRE) != 0 ? 1 + head[1] * 1000 : 0,
        .key = {names + head[3] % KEYS, 1},
        .body = body,
    };
}

static void give(struct shard_fixture *first, struct shard_fixture *second, const uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= HEAD;) {
        const uint8_t *head = data + at;
        uint8_t body[BODY_MAX];
        size_t length = (size_t)head[4] * ((head[2] & FLAG_LONG) != 0 ? 16 : 1);
        at += HEAD;
        length = length < size - at ? length : size - at;
        memcpy(body, data + at, length);
        at += length;
        const char *type = types[head[0] % TYPES];
        tame(type, head[1], body, length);
        struct record record = make(head, (struct gm_bytes){body, length});
        enum status one = shard_fixture_accept(first, type, record);
        enum status two = shard_fixture_accept(second, type, record);
        first->shard.tail.last_sequence++;
        second->shard.tail.last_sequence++;
        check(one == two);
        check(first->damages == second->damages);
    }
}

static void remove_damaged(struct shard_fixture *fixture)
{
    for (char name[2] = "a"; name[0] < 'a' + KEYS; name[0]++) {
        const struct entry *entry = shard_fixture_entry(fixture, name);
        if (entry != NULL && (entry->flags & ENTRY_DAMAGED) != 0) {
            struct record record = {.op = RECORD_OP_DELETE, .flags = RECORD_REMOVES, .key = gm_bytes_of(name)};
            check(shard_fixture_accept(fixture, NULL, record) == STATUS_OK);
        }
    }
    check(databases_frozen(&fixture->shard.databases).damaged == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct registry *registry; /* made once: it costs more than an input does */
    static struct shard_fixture first, second;
    if (registry == NULL) {
        registry = shard_fixture_registry(&(struct shard_fixture_options){0});
    }
    shard_fixture_open(&first, &(struct shard_fixture_options){.registry = registry, .seed = 1});
    shard_fixture_open(&second, &(struct shard_fixture_options){.registry = registry, .seed = 2});
    give(&first, &second, data, size);
    check(digest_shard(&first.shard) == digest_shard(&second.shard));
    remove_damaged(&first);
    check(shard_fixture_rebuilt_digest(&first.shard) == digest_shard(&first.shard));
    shard_fixture_close(&first);
    shard_fixture_close(&second);
    return 0;
}
