/* SPDX-License-Identifier: MIT */

/* digest.c - one number for all that a shard stores, so that two of them can be compared. */
#include "shard/digest.h"

#include "shard/dump.h"

struct digester {
    struct gm_sink sink;
    const struct shard *shard;
    uint32_t database;
    struct siphash_key chain;
    uint64_t sum;
};

static void mix(struct digester *digester, struct gm_bytes bytes)
{
    digester->chain.k1 = siphash(&digester->chain, bytes);
    digester->chain.k0 ^= digester->chain.k1;
}

static void digest_record(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct digester *digester = container_of(sink, struct digester, sink);
    mix(digester, (struct gm_bytes){(const uint8_t *)&op, sizeof op});
    mix(digester, body);
}

static void digest_entry(void *context, void *element)
{
    struct digester *digester = context;
    const struct entry *entry = element;
    int64_t expire_at_ms = entry_expire_at(entry);
    digester->chain = (struct siphash_key){0x67656f6d7973, 1};
    if (digester->database != 0) {
        mix(digester, (struct gm_bytes){(const uint8_t *)&digester->database, sizeof digester->database});
    }
    mix(digester, entry_key(entry));
    mix(digester, gm_bytes_of(shard_type_of(digester->shard, entry)->name));
    mix(digester, (struct gm_bytes){(const uint8_t *)&expire_at_ms, sizeof expire_at_ms});
    bool told = dump_value(digester->shard, entry, &digester->sink);
    mix(digester, told ? BYTES("") : BYTES("refused"));
    digester->sum += digester->chain.k1;
}

uint64_t digest_shard(struct shard *shard)
{
    struct digester digester = {.sink = {.record = digest_record}, .shard = shard};
    const struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(&shard->databases, &number)) != NULL;) {
        digester.database = keyspace->number;
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&keyspace->table, cursor, digest_entry, &digester);
        } while (cursor != 0);
    }
    return digester.sum;
}
