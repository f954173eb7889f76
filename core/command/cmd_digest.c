/* SPDX-License-Identifier: MIT */

/* cmd_digest.c - whether two servers, or two keys, hold the same: asked for without holding the others up.
 *
 * Idea     All of it is a sweep (shard/sweep.h), whose target sums what it is told instead of writing it down: so it is
 *          of one moment, while everything goes on changing. There is one sweep at a time; DIGEST waits for a snapshot
 *          that is being made, and a snapshot for it.
 *          A single value is read piece by piece, with a claim on its key meanwhile (shard/claim.h).
 *
 * Promises
 *   P1  A stint is about SLICE_US, and one piece of a dump at least.
 *   P2  What is told of all is the data between two commands, and of a value what it is between two changes.
 *   P3  A value that its type does not dump is an error that names it, not a digest.
 *
 * Limits   Within a transaction, and for a caller without a connection, all of it is done at once. */
#include "command/cmd_digest.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "serve/stint.h"
#include "shard/digest.h"
#include "shard/dump.h"

#define SLICE_US 300
#define TRIES    8

static void reply_digest(struct call *call, uint64_t digest)
{
    reply_format(&call->reply, "%016" PRIx64, digest);
}

/* ---- all of it ---- */

struct digesting {
    struct stint stint;
    struct sweep_target target;
    struct shard *shard;
    bool begun;
    bool failed;
    struct digest_value half; /* of the value that the sweep is dumping in pieces */
    struct digest_value other;
    uint64_t sum;
    char reason[512]; /* once it has failed */
};

static struct digesting *digesting_of(const struct sweep_target *target)
{
    return container_of((struct sweep_target *)(uintptr_t)target, struct digesting, target);
}

static void declare(struct sweep_target *target, uint16_t type, struct gm_bytes name)
{
    (void)target;
    (void)type;
    (void)name;
}

/* A value in pieces has others between them; those come whole. */
static struct digest_value *value_of(struct digesting *digesting, const struct record *record)
{
    const struct entry *half = digesting->shard->sweep.half;
    return half != NULL && entry_key(half).data == record->key.data ? &digesting->half : &digesting->other;
}

static void add(struct sweep_target *target, const struct record *record)
{
    struct digesting *digesting = digesting_of(target);
    struct digest_value *value = value_of(digesting, record);
    if ((record->flags & RECORD_FRESH) != 0) {
        struct digest_head head = {record->database, record->key, digesting->shard->types.by_number[record->type].name,
                                   record->expire_at_ms};
        digesting->sum += digest_begin(value, &head, target->ordered);
    }
    digesting->sum += digest_add(value, record->op, record->body);
}

static bool is_open(const struct sweep_target *target)
{
    return !digesting_of(target)->failed;
}

static bool has_room(const struct sweep_target *target)
{
    (void)target;
    return true;
}

static void fail(struct sweep_target *target, const char *reason)
{
    struct digesting *digesting = digesting_of(target);
    digesting->failed = true;
    (void)snprintf(digesting->reason, sizeof digesting->reason, "%s", reason);
}

static bool is_swept(const struct digesting *digesting)
{
    const struct sweep *sweep = &digesting->shard->sweep;
    return digesting->begun && sweep->active && sweep->target == &digesting->target;
}

static void finish_all(struct stint *stint)
{
    struct digesting *digesting = container_of(stint, struct digesting, stint);
    if (is_swept(digesting)) {
        sweep_abandon(digesting->shard);
    }
    memory_free(digesting);
}

static struct digesting *begin_all(struct shard *shard)
{
    struct digesting *digesting = memory_zeroed(sizeof *digesting);
    digesting->stint = (struct stint){.finish = finish_all, .bytes = sizeof *digesting};
    digesting->shard = shard;
    digesting->target = (struct sweep_target){.declare = declare,
                                              .add = add,
                                              .is_open = is_open,
                                              .has_room = has_room,
                                              .fail = fail,
                                              .remedy = "",
                                              .digests = true};
    return digesting;
}

/* True: there is an answer. */
static bool sweep_on(struct call *call, struct digesting *digesting)
{
    struct shard *shard = call->shard;
    if (!digesting->begun && !shard->sweep.active) {
        shard->sweep.patient = false;
        sweep_begin(shard, &digesting->target);
        digesting->begun = true;
        call_depends_on_all(call); /* cmd_digest P2 */
    }
    if (is_swept(digesting)) {
        (void)sweep_turn(shard, SLICE_US); /* cmd_digest P1 */
    }
    digesting->stint.waits = !digesting->begun;
    return digesting->begun && !is_swept(digesting);
}

static void answer_all(struct call *call, const struct digesting *digesting)
{
    if (digesting->failed) {
        reply_errorf(&call->reply, "ERR %s", digesting->reason); /* cmd_digest P3 */
    } else {
        reply_digest(call, digesting->sum);
    }
}

/* Where there is no next turn. */
static void digest_at_once(struct call *call)
{
    struct complaint complaint;
    uint64_t digest;
    if (digest_try(call->shard, &digest, &complaint)) {
        reply_digest(call, digest);
    } else {
        reply_errorf(&call->reply, "ERR %s", complaint.text);
    }
}

void cmd_digest_plan_all(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    if (!stint_may(call)) {
        digest_at_once(call);
        return;
    }
    struct stint *stint = stint_take(call);
    struct digesting *digesting = stint != NULL ? container_of(stint, struct digesting, stint) : begin_all(call->shard);
    if (!sweep_on(call, digesting)) {
        stint_keep(call, &digesting->stint);
        return;
    }
    answer_all(call, digesting);
    finish_all(&digesting->stint);
}

/* ---- values ---- */

struct valuing {
    struct stint stint;
    struct dump_sink sink;
    struct shard *shard;
    struct claim claim; /* on the key under way, between the stints */
    uint32_t at;        /* number of the key */
    unsigned tries;     /* with it */
    uint64_t cursor;    /* of its dump */
    struct digest_value value;
    uint64_t digests[]; /* of the keys so far; 0: there is no value */
};

static void finish_values(struct stint *stint)
{
    struct valuing *valuing = container_of(stint, struct valuing, stint);
    claim_drop(&valuing->shard->claims, &valuing->claim);
    memory_free(valuing);
}

static void take(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct valuing *valuing = container_of(sink, struct valuing, sink);
    valuing->digests[valuing->at] += digest_add(&valuing->value, op, body);
}

static struct valuing *begin_values(struct call *call)
{
    size_t size = sizeof(struct valuing) + call->abi.key_count * sizeof(uint64_t);
    struct valuing *valuing = memory_zeroed(size);
    valuing->stint = (struct stint){.finish = finish_values, .bytes = size};
    valuing->sink.take = take;
    valuing->shard = call->shard;
    return valuing;
}

/* The key that the stint begins with has changed: what was told of it is of no use. */
static void begin_again_if_broken(struct valuing *valuing)
{
    if (claim_is_broken(&valuing->shard->claims, &valuing->claim)) {
        claim_drop(&valuing->shard->claims, &valuing->claim);
        valuing->cursor = 0;
        valuing->tries++;
    }
}

/* One piece. False: the type does not dump the value. */
static bool step(struct call *call, struct valuing *valuing, struct complaint *complaint)
{
    struct shard *shard = valuing->shard;
    const struct entry *entry = call_entry(call, valuing->at);
    if (entry != NULL && valuing->cursor == 0) {
        struct digest_head head = {.type = shard_type_of(shard, entry)->name};
        valuing->digests[valuing->at] = digest_begin(&valuing->value, &head, dump_digest_ordered(shard, entry));
    }
    if (entry != NULL && !dump_digest_step(shard, entry, &valuing->cursor, &valuing->sink, complaint)) {
        return false;
    }
    if (entry == NULL || valuing->cursor == 0) {
        valuing->digests[valuing->at] = entry == NULL ? 0 : valuing->digests[valuing->at];
        valuing->cursor = 0;
        valuing->tries = 0;
        valuing->at++;
    }
    return true;
}

static bool work(struct call *call, struct valuing *valuing, struct complaint *complaint)
{
    struct stint_slice slice = stint_slice(call, SLICE_US);
    while (valuing->at < call->abi.key_count) {
        if (!step(call, valuing, complaint)) {
            return false;
        }
        if (stint_slice_is_over(&slice)) { /* cmd_digest P1 */
            break;
        }
    }
    return true;
}

static void keep(struct call *call, struct valuing *valuing)
{
    struct change_key key = {call->keys[valuing->at].name, call_hash(call, valuing->at), call->caller.database};
    if (valuing->cursor == 0 || !claim_is_of(&valuing->claim, key.database, key.name)) {
        claim_drop(&call->shard->claims, &valuing->claim);
    }
    if (valuing->cursor != 0 && valuing->claim.name.data == NULL) {
        claim_take(&call->shard->claims, &valuing->claim, &key); /* cmd_digest P2 */
    }
    stint_keep(call, &valuing->stint);
}

static void answer_values(struct call *call, const struct valuing *valuing)
{
    reply_array(&call->reply, call->abi.key_count);
    for (uint32_t i = 0; i < call->abi.key_count; i++) {
        reply_digest(call, valuing->digests[i]);
    }
}

void cmd_digest_plan_values(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct stint *stint = stint_take(call);
    struct valuing *valuing = stint != NULL ? container_of(stint, struct valuing, stint) : begin_values(call);
    struct complaint complaint;
    begin_again_if_broken(valuing);
    if (valuing->tries > TRIES) {
        gm_reply_error(abi, "ERR a value was changed again and again while it was read: try again");
    } else if (!work(call, valuing, &complaint)) {
        reply_errorf(&call->reply, "ERR %s", complaint.text); /* cmd_digest P3 */
    } else if (valuing->at < call->abi.key_count) {
        keep(call, valuing);
        return;
    } else {
        answer_values(call, valuing);
    }
    finish_values(&valuing->stint);
}
