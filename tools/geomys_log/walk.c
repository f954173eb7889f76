/* SPDX-License-Identifier: MIT */

/* walk.c - see walk.h. */
#include "geomys_log/walk.h"

static bool zeros_from(struct gm_bytes bytes, size_t offset)
{
    for (; offset < bytes.size; offset++) {
        if (bytes.data[offset] != 0) {
            return false;
        }
    }
    return true;
}

/* Goes to what begins behind the present record. */
enum step walk_next(struct walk *walk)
{
    walk->offset += walk->size;
    walk->size = 0;
    struct gm_bytes rest = {walk->bytes.data + walk->offset, walk->bytes.size - walk->offset};
    enum status status = record_parse(rest, &walk->record, &walk->size, &walk->why);
    if (status == STATUS_OK) {
        return STEP_RECORD;
    }
    if (zeros_from(walk->bytes, walk->offset)) {
        return STEP_END;
    }
    if (status == STATUS_AGAIN) {
        complaint_set(&walk->why, "the file ends within a record");
    }
    return STEP_BAD;
}

/* The next place where a valid record begins, at least 8 bytes on. */
size_t walk_find(const struct walk *walk)
{
    for (size_t at = walk->offset + 8; at + RECORD_HEADER_SIZE <= walk->bytes.size; at += 8) {
        struct record record;
        size_t size;
        if (record_parse((struct gm_bytes){walk->bytes.data + at, walk->bytes.size - at}, &record, &size, NULL) ==
            STATUS_OK) {
            return at;
        }
    }
    return walk->bytes.size;
}

/* Begins behind the header, if there is one. False: there is one, but it is not good. */
bool walk_begin(struct walk *walk, const struct file *file, struct segment_header *header, bool *has_header,
                struct complaint *why)
{
    *walk = (struct walk){.bytes = file->bytes};
    *has_header = file_begins_with(file, SEGMENT_MAGIC);
    if (!*has_header) {
        return true;
    }
    walk->offset = SEGMENT_HEADER_SIZE;
    return segment_parse(file->bytes, header, why) == STATUS_OK;
}

void tally_finish(struct tally *tally)
{
    epochs_finish(&tally->epochs);
}

/* The epochs, which of a piece without a header are known only from its first EPOCH record on. */
static const char *tally_epochs(struct tally *tally, const struct record *record, bool has_header)
{
    struct complaint complaint;
    enum status status = STATUS_OK;
    bool table = (record->flags & RECORD_LOCAL) != 0 && record->op == RECORD_OP_EPOCHS;
    bool begins = record->type == 0 && record->op == RECORD_OP_EPOCH;
    if (has_header && table == tally->has_epochs) {
        return table ? "it has a second table of epochs" : "it does not begin with a table of epochs";
    }
    if (table) {
        status = epochs_decode(&tally->epochs, record, &complaint);
    } else if ((record->flags & RECORD_LOCAL) == 0 && (tally->has_epochs || begins)) {
        status = epochs_take(&tally->epochs, record, tally->open, &complaint);
    }
    tally->has_epochs = tally->has_epochs || table || begins;
    if (status != STATUS_OK) {
        memcpy(tally->why, complaint.text, sizeof tally->why);
    }
    return status == STATUS_OK ? NULL : tally->why;
}

const char *tally_add(struct tally *tally, const struct record *record, bool has_header)
{
    uint64_t durable;
    uint64_t salt;
    uint16_t type;
    struct gm_bytes name;
    bool local = (record->flags & RECORD_LOCAL) != 0;
    bool known = has_header || tally->records > 0;
    if (known && record->sequence != tally->last + (local ? 0 : 1)) {
        return "a record has the wrong sequence";
    }
    if ((record->flags & RECORD_DUMP) != 0) {
        return "a record of a snapshot stands in the log";
    }
    struct complaint unknown;
    if (!local && record_expect_known(record, &unknown) != STATUS_OK) {
        memcpy(tally->why, unknown.text, sizeof tally->why);
        return tally->why;
    }
    const char *fault = tally_epochs(tally, record, has_header);
    if (fault != NULL) {
        return fault;
    }
    if (local && record_read_durable(record, &durable, &salt)) {
        tally->durable = durable > tally->durable ? durable : tally->durable;
    } else if (local && record->op != RECORD_OP_EPOCHS && !record_read_type(record, &type, &name)) {
        struct complaint why;
        record_explain_local(record, &why);
        memcpy(tally->why, why.text, sizeof tally->why);
        return tally->why;
    }
    if (!local) {
        tally->records++;
        tally->last = record->sequence;
        tally->open = (record->flags & RECORD_MORE) != 0;
        tally->whole = tally->open ? tally->whole : record->sequence;
    }
    return NULL;
}
