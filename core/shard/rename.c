/* SPDX-License-Identifier: MIT */

/* rename.c - RENAME and MOVE as one record of the host.
 *
 * Why      Dumping a value and applying it under another name costs a second and more for 128 MB or a million elements,
 *          and writes all of it to the log, though nothing of the value changes.
 *
 * Idea     The entry's word, its run of bytes, or the address of a run that lies apart (store/entry.h) goes to an entry
 *          of the other key. No type is asked, so frozen and damaged values go as they are, and it cannot fail. The
 *          same function is called for the node that planned it, for recovery and for followers.
 *
 * Promises
 *   P1  A snapshot under way gets both keys as they were: what it is still owed of either is dumped first, by the
 *       caller; the keyspace checks it.
 *   P2  The value comes with its expiry, its heat and its frozen or damaged state; nothing of it is copied or allocated
 *       but the entry.
 *   P3  A record from elsewhere that names a value that is not here is refused, not passed over: the data would not be
 *       the author's any more.
 *
 * Limits   Both keys are of one shard. A stream that is filtered by slot, which does not exist
 *          yet, has to write the record as a deletion and a dump where only one of both keys is in it. */
#include "shard/rename.h"

#include <inttypes.h>

void rename_value(const struct keyspace_place *from, const struct keyspace_place *to)
{
    check(from->keyspace != to->keyspace || !gm_bytes_equal(from->key, to->key)); /* record_read_rename says so */
    if (keyspace_find(to->keyspace, to->key, to->hash) != NULL) {
        keyspace_remove(to->keyspace, to->key, to->hash);
    }
    keyspace_move(*from, *to); /* rename P2 */
    check_slow(keyspace_find(from->keyspace, from->key, from->hash) == NULL);
    check_slow(keyspace_find(to->keyspace, to->key, to->hash) != NULL);
}

enum status rename_refuse(const struct record *record, struct complaint *complaint)
{
    struct record_target target;
    bool sound = record_read_rename(record, &target);
    complaint_set(complaint, "record %" PRIu64 " renames a key %s", record->sequence,
                  sound ? "that is not there" : "in a way that makes no sense");
    return STATUS_CORRUPT; /* rename P3 */
}
