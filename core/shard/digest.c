/* SPDX-License-Identifier: MIT */

/* digest.c - one number for all that a shard stores, so that two of them can be compared.
 *
 * Idea     Each value has a number of its own, and the digest is their sum: so it is no matter in which order they
 *          come, and a value may be told in pieces between others: each piece adds the difference that it makes.
 *
 *              ordered     a chain over head, record, record ...      its end counts
 *              unordered   a chain over the head; each part by itself goes on from there, and the sum counts
 *
 * Limits   It is no secret and resists no one who wants two different data sets to look alike. A value that is frozen
 *          here counts by its records as they are kept, so it is equal only to one that is told by the same. */
#include "shard/digest.h"

#include "shard/dump.h"

static void mix(struct siphash_key *chain, struct gm_bytes bytes)
{
    chain->k1 = siphash(chain, bytes);
    chain->k0 ^= chain->k1;
}

uint64_t digest_begin(struct digest_value *value, const struct digest_head *head, bool ordered)
{
    *value = (struct digest_value){.chain = {0x67656f6d7973, 1}, .ordered = ordered};
    if (head->database != 0) {
        mix(&value->chain, (struct gm_bytes){(const uint8_t *)&head->database, sizeof head->database});
    }
    mix(&value->chain, head->key);
    mix(&value->chain, gm_bytes_of(head->type));
    mix(&value->chain, (struct gm_bytes){(const uint8_t *)&head->expire_at_ms, sizeof head->expire_at_ms});
    return value->chain.k1;
}

uint64_t digest_add(struct digest_value *value, uint16_t op, struct gm_bytes body)
{
    struct siphash_key chain = value->chain;
    mix(&chain, (struct gm_bytes){(const uint8_t *)&op, sizeof op});
    mix(&chain, body);
    if (!value->ordered) {
        return chain.k1;
    }
    uint64_t before = value->chain.k1;
    value->chain = chain;
    return chain.k1 - before;
}

/* ---- all of it at once ---- */

struct digester {
    struct dump_sink sink;
    const struct shard *shard;
    uint32_t database;
    struct digest_value value;
    uint64_t sum;
    bool refused;               /* a value was */
    struct complaint complaint; /* why, the last */
};

static void digest_record(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct digester *digester = container_of(sink, struct digester, sink);
    digester->sum += digest_add(&digester->value, op, body);
}

static void digest_entry(void *context, void *element)
{
    struct digester *digester = context;
    const struct shard *shard = digester->shard;
    const struct entry *entry = element;
    struct digest_head head = {digester->database, entry_key(entry), shard_type_of(shard, entry)->name,
                               entry_expire_at(entry)};
    uint64_t cursor = 0;
    digester->sum += digest_begin(&digester->value, &head, dump_digest_ordered(shard, entry));
    do {
        if (!dump_digest_step(shard, entry, &cursor, &digester->sink, &digester->complaint)) {
            digest_record(&digester->sink, 0, BYTES("refused"));
            digester->refused = true;
        }
    } while (cursor != 0);
}

static void digest_all(struct digester *digester)
{
    const struct shard *shard = digester->shard;
    const struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(&shard->databases, &number)) != NULL;) {
        digester->database = keyspace->number;
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&keyspace->table, cursor, digest_entry, digester);
        } while (cursor != 0);
    }
}

bool digest_try(struct shard *shard, uint64_t *digest, struct complaint *complaint)
{
    struct digester digester = {.sink = {.take = digest_record}, .shard = shard};
    digest_all(&digester);
    *digest = digester.sum;
    *complaint = digester.complaint;
    return !digester.refused;
}

uint64_t digest_shard(struct shard *shard)
{
    struct digester digester = {.sink = {.take = digest_record}, .shard = shard};
    digest_all(&digester);
    return digester.sum;
}
