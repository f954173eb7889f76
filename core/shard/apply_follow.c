/* SPDX-License-Identifier: MIT */

/* apply_follow.c - what a follower does with a batch of its leader.
 *
 * Why      A follower is asked for the same data at the same sequence, and some day for the same log: so what it
 *          carries out is what it writes down, a whole batch or nothing of it.
 *
 * Idea     The tail checks the batch, bit by bit, and takes it over; what it has taken is carried out from where it
 *          came, by the call that recovery uses. Nobody can see the data between two records of a batch: it is one
 *          call.
 *
 * Promises
 *   I1  A batch is carried out as a whole, and only after the tail has vouched for all of it.
 *   I2  Records keep their sequence and epoch: after the batch the tail is where the leader's was.
 *
 * Limits   A batch of 1 GiB is carried out in one go, as at the leader.
 */
#include "shard/apply_follow.h"

#include "shard/copy.h"
#include "shard/settle.h"

static enum status carry_out(struct source *source, const struct record *record, struct complaint *complaint)
{
    struct shard *shard = source->shard;
    struct record ours = *record;
    if (record->type != 0) {
        check(record->type < SOURCE_TYPES); /* apply_follow I1 */
        ours.type = shard->types.own[source->types[record->type]];
        check(ours.type != 0);
        apply_revise(shard, &ours, true);
    }
    uint64_t hash = databases_hash(&shard->databases, record->key);
    if (__builtin_expect(shard->types.settling, 0)) {
        (void)settle_key(shard, record->database, record->key, hash); /* as source.c: it is for the newest code */
    }
    return copy_or_apply(shard, &ours, hash, complaint);
}

enum status apply_follow(struct source *source, struct gm_bytes batch, bool *halfway, struct complaint *complaint)
{
    struct shard *shard = source->shard;
    struct names_map map = {.ours = source->types, .size = SOURCE_TYPES};
    uint64_t sequence = shard->tail.last_sequence;
    *halfway = false;
    check(shard->role == SHARD_FOLLOWING && !shard->tail.open);
    TRY(tail_adopt(&shard->tail, &map, shard->databases.count, batch, complaint));
    for (size_t at = 0; at < batch.size;) {
        struct record record;
        size_t size;
        record_read(batch.data + at, &record, &size);
        check(record.sequence == ++sequence && record.epoch == shard->tail.epoch); /* apply_follow I2 */
        if (record.type == 0 && record.op == RECORD_OP_EPOCH) {
            gate_changed_all(&shard->gate, sequence); /* cluster C12 */
        }
        enum status status = carry_out(source, &record, complaint);
        if (status != STATUS_OK) {
            *halfway = true;
            return status;
        }
        at += size;
    }
    check(sequence == shard->tail.last_sequence); /* apply_follow I1 */
    return STATUS_OK;
}
