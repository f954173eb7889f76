/* SPDX-License-Identifier: MIT */

/* cmd_weigh.c - what the records of a transaction will weigh.
 *
 * Why     A batch has a ceiling, and the commands of a transaction change values one by one: when the one that does not
 *         fit comes, those before it have changed theirs. So EXEC looks before the first.
 *
 * Idea    A record carries what its command was given, or what a key held that its usage line declares as only read
 *         (rkey: BITOP). The first is known. The second is the value as it is, or as the commands before it in
 *         the queue can have made it: a table has, for each key that they name, the most that it can weigh by then.
 *
 *             SET k <1000 bytes>   COPY k a   BITOP NOT b a   BITOP NOT c b
 *             k: 1000              a: 1000    b: 1000         c: 1000
 *
 *         Of several keys that are only read the largest counts.
 *
 *         What makes a value large by a number (SETRANGE at an offset) is asked how large: gm_command.reach.
 *
 * Limits  An estimate. Too low: a type whose records combine several values; LMOVE of elements of hundreds of MiB. The
 *         command that does not fit is refused by itself then (commit.c). Too high: a value that was large, is replaced
 *         or shortened in the transaction, and then copied; COPY, whose record has nothing of the value. */
#include "command/cmd_weigh.h"

#include "command/cmd_copy.h"
#include "command/cmd_entry.h"

#define RECORD_BYTES (RECORD_HEADER_SIZE + 32)    /* of a record without key and body, rounded up */
#define APART        UINT64_C(0x9e3779b97f4a7c15) /* between equal keys of two databases */
#define WORD_BYTES   8                            /* what stands beside a word within a body */

/* The most that the value of a key can weigh. */
struct weight {
    uint64_t hash;
    uint64_t bytes;
    bool known;
};

struct weigher {
    const struct shard *shard;
    struct weight *weights; /* scratch, by hash, at most half full; NULL: nothing is copied */
    size_t mask;
};

static bool writes(const struct request *request)
{
    return request_is_sound(request) && (request_flags(request) & GM_WRITE) != 0;
}

/* All that it was given. */
static uint64_t words_of(const struct request *request)
{
    uint64_t bytes = 0;
    for (uint32_t i = 1; i < request->argc; i++) {
        bytes += request->argv[i].size + WORD_BYTES;
    }
    return bytes;
}

/* Whether its records carry what a key holds that is only read. Those of COPY name the key. */
static bool copies(const struct request *request)
{
    if (request->command->abi->plan == cmd_copy_plan) {
        return false;
    }
    for (uint32_t i = 0; i < request->bound.key_count; i++) {
        if (request->bound.keys[i].written == 0) {
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

static uint64_t stored(const struct shard *shard, const struct entry *entry)
{
    if (entry == NULL || cmd_entry_has_expired(shard, entry)) {
        return 0;
    }
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    bool owns = (entry->flags & (ENTRY_WORD | ENTRY_FROZEN)) == ENTRY_WORD && type != NULL && type->memory != NULL;
    return owns ? shard_owned_memory(shard, entry) : entry->value_size;
}

static struct weight *weight_of(struct weigher *weigher, const struct request_kept *kept, uint32_t i)
{
    const struct request *request = &kept->request;
    const struct databases *databases = &weigher->shard->databases;
    const struct keyspace *keyspace = databases_see(databases, kept->database);
    uint64_t hash = request_hash(request, databases, i) + kept->database * APART;
    size_t at = hash & weigher->mask;
    while (weigher->weights[at].known && weigher->weights[at].hash != hash) {
        at = (at + 1) & weigher->mask;
    }
    struct weight *weight = &weigher->weights[at];
    if (!weight->known) {
        const struct entry *entry =
            keyspace_find(keyspace, request_key(request, i), request_hash(request, databases, i));
        *weight = (struct weight){.hash = hash, .bytes = stored(weigher->shard, entry), .known = true};
    }
    return weight;
}

/* The most that a value may have by the numbers among the command's words. */
static uint64_t reach_of(const struct request *request)
{
    const struct gm_command *abi = request->command->abi;
    bool has = abi->size >= offsetof(struct gm_command, reach) + sizeof abi->reach && abi->reach != NULL;
    uint64_t bytes = has ? abi->reach(request->argv, request->argc) : 0;
    return bytes < GM_VALUE_SIZE_MAX ? bytes : GM_VALUE_SIZE_MAX;
}

/* What the command copies; and its keys are as heavy afterwards as they can be. */
static uint64_t follow(struct weigher *weigher, const struct request_kept *kept, uint64_t words)
{
    const struct request *request = &kept->request;
    uint64_t copied = 0;
    uint64_t most = 0;
    for (uint32_t i = 0; i < request->bound.key_count; i++) {
        uint64_t bytes = weight_of(weigher, kept, i)->bytes;
        most = bytes > most ? bytes : most;
        copied = request->bound.keys[i].written == 0 && bytes > copied ? bytes : copied;
    }
    uint64_t reach = reach_of(request);
    for (uint32_t i = 0; i < request->bound.key_count; i++) {
        if (request->bound.keys[i].written != 0) {
            weight_of(weigher, kept, i)->bytes = (most > reach ? most : reach) + words;
        }
    }
    return copies(request) ? copied : 0;
}

/* ---- the queue ---- */

static bool begin(struct weigher *weigher, struct call *call, uint64_t keys)
{
    size_t size = 16;
    while (size < keys * 2) {
        size *= 2;
    }
    weigher->weights = arena_try(&call->worker->arena, size * sizeof *weigher->weights);
    weigher->mask = size - 1;
    if (weigher->weights == NULL) {
        return false;
    }
    memset(weigher->weights, 0, size * sizeof *weigher->weights);
    return true;
}

uint64_t cmd_weigh(struct call *call, const struct transaction *transaction)
{
    struct weigher weigher = {.shard = call->shard};
    uint64_t sum = 0;
    uint64_t keys = 0;
    bool copied = false;
    for (const struct request_kept *kept = transaction->queue; kept != NULL; kept = kept->next) {
        if (writes(&kept->request)) {
            keys += kept->request.bound.key_count;
            sum += words_of(&kept->request) + RECORD_BYTES;
            copied = copied || copies(&kept->request);
        }
    }
    sum += keys * RECORD_BYTES;
    if (!copied || !begin(&weigher, call, keys)) {
        return sum;
    }
    for (const struct request_kept *kept = transaction->queue; kept != NULL; kept = kept->next) {
        if (writes(&kept->request)) {
            sum += follow(&weigher, kept, words_of(&kept->request));
        }
    }
    return sum;
}
