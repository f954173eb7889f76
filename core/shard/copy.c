/* SPDX-License-Identifier: MIT */

/* copy.c - a value is built anew under another key because a record says so.
 *
 * Promises
 *   P1  What its author could build and we cannot is never passed over: the records of the source are kept under the
 *       target as a damaged value, or, if its type does not even dump it here, nothing goes on. */
#include "shard/copy.h"

#include <inttypes.h>

#include "shard/build.h"

static enum status refuse(const struct record *record, const char *what, struct complaint *complaint)
{
    complaint_set(complaint, "record %" PRIu64 " copies a key %s", record->sequence, what);
    return STATUS_CORRUPT;
}

/* copy P1 */
static enum status keep_damaged(struct build *build, const struct record *record, const struct complaint *why,
                                struct complaint *complaint)
{
    if (!build_damaged(build, complaint)) {
        complaint_prefix(complaint,
                         "record %" PRIu64 " copies a value that cannot be copied here: load the module that "
                         "its author had",
                         record->sequence);
        return STATUS_CORRUPT;
    }
    struct complaint reason = *why;
    struct record copied = *record;
    copied.type = build->type;
    complaint_prefix(&reason, "copies a value");
    apply_tell_damage(build->shard, &copied, reason.text);
    return STATUS_OK;
}

static enum status carry_out(struct build *build, const struct record *record, uint64_t hash,
                             struct complaint *complaint)
{
    struct complaint why;
    enum build_state state;
    while ((state = build_step(build, &why)) == BUILD_GOES_ON) {
    }
    if (state != BUILD_DONE) {
        TRY(keep_damaged(build, record, &why, complaint));
    }
    struct apply_aside aside = build_ready(build);
    apply_copied(build->shard, record, hash, &aside);
    return STATUS_OK;
}

enum status copy_or_apply_slow(struct shard *shard, const struct record *record, uint64_t hash,
                               struct complaint *complaint)
{
    struct record_target source;
    if (!record_read_copy(record, &source)) {
        return refuse(record, "in a way that makes no sense", complaint);
    }
    struct change_key from = {source.key, databases_hash(&shard->databases, source.key), source.database};
    struct change_key to = {record->key, hash, record->database};
    if (keyspace_find(databases_see(&shard->databases, from.database), from.name, from.hash) == NULL) {
        return refuse(record, "that is not there", complaint);
    }
    struct build *build = build_begin(shard, &from, &to);
    enum status status = carry_out(build, record, hash, complaint);
    build_drop(build);
    return status;
}
