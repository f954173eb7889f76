/* SPDX-License-Identifier: MIT */

/* replay_judge.c - deciding what it means that no further record can be read, and ending the segment, or the log.
 *
 * Why      After a crash the last group may be there in part: the log must go on without it. After rot, or a cut file,
 *          or a lost one, records are missing that somebody was promised: the log must not go on. Both show as a bad
 *          record.
 *
 * Idea     At the first place where no valid record begins:
 *
 *            zeros to the end of the file, no batch open ............ the end of this segment
 *            else, in a segment that is not the last ................ damage
 *            else, something says that the record was synced ........ damage   (a mark before or behind, the mark file,
 *                                                                              the name of a segment)
 *            else, the bytes are not what a crash can leave ......... damage   (tear_possible)
 *            else ................................................... a torn tail: kept aside, cut
 *
 *          And at the very end: a log that is shorter than some mark says is damaged too. A snapshot is a mark as well,
 *          since it is published only when the log is on stable storage up to its record.
 *
 * Promises  P2, P3 and P5 of replay.c: here is the one place where a segment is cut.
 *
 * Limits   What stands behind the bad record is read again, in pieces: once for each question.
 */
#include <inttypes.h>

#include "log/replay_state.h"

#define SEGMENT_COST ((size_t)64 * 1024) /* of a step's budget, for opening one */

/* ---- refusals ---- */

enum status replay_judge_damaged(const struct replay *replay, uint64_t offset, struct complaint *complaint,
                                 const char *why)
{
    complaint_set(complaint, "%s is damaged at byte %" PRIu64 ": %s; to look at it: geomys-log verify %s", replay->name,
                  offset, why, replay->name);
    return STATUS_CORRUPT;
}

enum status replay_judge_no_access(const char *name, enum status status, struct complaint *complaint)
{
    complaint_set(complaint, "%s cannot be read or repaired: %s", name, status_text(status));
    return status;
}

/* ---- the end of a segment, and of the log ---- */

static void end_file(struct replay *replay)
{
    check(replay->at.file != NULL && !replay->done);
    replay->bytes_before += replay->at.size;
    replay->disk->ops->close(replay->disk, replay->at.file);
    replay->at.file = NULL;
}

static enum status next_segment(struct replay *replay, struct complaint *complaint)
{
    uint64_t next = replay->segments[replay->index + 1];
    if (next != replay->whole_sequence + 1) {
        complaint_set(complaint,
                      "the log has a gap: %s ends with record %" PRIu64 ", the next segment begins with %" PRIu64
                      "; to look at it: geomys-log verify %s",
                      replay->name, replay->whole_sequence, next, replay->name);
        return STATUS_CORRUPT;
    }
    check(!replay->batch_open && replay->whole_sequence == replay->last_sequence); /* replay P1 */
    end_file(replay);
    replay->index++;
    replay->effort += SEGMENT_COST;
    return STATUS_AGAIN;
}

/* The log ends here, but the snapshot says that it went on. */
static enum status refuse_short(const struct replay *replay, struct complaint *complaint)
{
    complaint_set(complaint,
                  "%s ends with record %" PRIu64 ", but the snapshot is of record %" PRIu64
                  ": records were lost, or the server has run without a log since. Put the missing files back, or, to "
                  "go on with the snapshot alone, move " MARK_NAME " and all segments away",
                  replay->name, replay->whole_sequence, replay->from);
    return STATUS_CORRUPT;
}

static enum status finish(struct replay *replay, uint64_t offset, struct complaint *complaint)
{
    if (replay->whole_sequence < replay->from) {
        return refuse_short(replay, complaint);
    }
    if (replay->rules.heed_marks && replay->whole_sequence < replay->durable) {
        complaint_set(complaint,
                      "%s ends with record %" PRIu64 ", but all up to %" PRIu64
                      " was on stable storage; to look at it: geomys-log verify %s",
                      replay->name, replay->whole_sequence, replay->durable, replay->name);
        return STATUS_CORRUPT;
    }
    check(replay_is_last(replay));                       /* replay P5 */
    epochs_cut(&replay->epochs, replay->whole_sequence); /* one that begins in a torn batch has never been */
    replay->end_offset = offset;
    end_file(replay);
    replay->done = true;
    return replay_list_put_aside(replay, complaint);
}

/* ---- the end of what can be read ---- */

static enum status cut(struct replay *replay, uint64_t from, uint64_t to, struct complaint *complaint)
{
    check(replay->repair && replay_is_last(replay) && !replay->done); /* replay P2 */
    check(from < to && to <= replay->at.size);
    char stem[TEAR_STEM_MAX];
    tear_stem(replay->whole_sequence + 1, stem);
    enum status status = tear_keep(&replay->at, from, to, stem, replay->progress.torn_copy);
    if (status == STATUS_NO_SPACE) { /* it can be read all the same; replay_repair does it before it goes on */
        replay->torn_end = to;
        replay->unrepaired = true;
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = replay->disk->ops->truncate(replay->disk, replay->at.file, from);
    }
    if (status == STATUS_OK) {
        status = replay->disk->ops->sync(replay->disk, replay->at.file);
    }
    return status == STATUS_OK ? STATUS_OK : replay_judge_no_access(replay->name, status, complaint);
}

/* The log ends with what cannot be delivered: a bad record of `extent` bytes at `at`, or (extent 0) an unfinished
 * batch. */
static enum status judge_tail(struct replay *replay, uint64_t at, uint64_t extent, const char *why,
                              struct complaint *complaint)
{
    if (!replay_is_last(replay)) {
        return replay_judge_damaged(replay, at, complaint, why);
    }
    uint64_t later = 0;
    bool torn = true;
    uint64_t end = at;
    uint64_t from = replay->batch_open ? replay->base + replay->batch_start : at;
    enum status status = tear_highest_mark(&replay->at, at, replay->header.salt, &later);
    if (status == STATUS_OK && replay->rules.heed_bytes && extent > 0) {
        status = tear_possible(&replay->at, at, extent, &torn);
    }
    if (status == STATUS_OK) {
        status = tear_data_end(&replay->at, at, &end);
        end = (end + 7) & ~(uint64_t)7; /* a record's padding belongs to it */
        end = end < replay->at.size ? end : replay->at.size;
    }
    if (status != STATUS_OK) {
        return replay_judge_no_access(replay->name, status, complaint);
    }
    replay->durable = later > replay->durable ? later : replay->durable;
    if (!torn || (replay->rules.heed_marks && replay->durable > replay->whole_sequence)) {
        return replay_judge_damaged(replay, at, complaint, why);
    }
    if (replay->whole_sequence < replay->from) {
        return refuse_short(replay, complaint);
    }
    check(from <= at && from < end); /* replay P2: whole batches stay */
    replay->progress.torn_bytes = end - from;
    if (replay->repair) {
        TRY(cut(replay, from, end, complaint));
    }
    return finish(replay, from, complaint);
}

enum status replay_judge(struct replay *replay, uint64_t extent, const char *why, struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    uint64_t data = 0;
    check(replay->at.file != NULL && replay->whole_sequence <= replay->last_sequence);
    if (!replay->has_table) { /* a segment that is not abandoned was synced with its table before it was named */
        return replay_judge_damaged(replay, at, complaint, "its table of epochs cannot be read");
    }
    enum status status = tear_first_data(&replay->at, at, &data);
    if (status != STATUS_OK) {
        return replay_judge_no_access(replay->name, status, complaint);
    }
    if (data < replay->at.size) {
        return judge_tail(replay, at, extent, why, complaint);
    }
    if (replay->batch_open) {
        return judge_tail(replay, at, 0, "the last batch is not complete", complaint);
    }
    return replay_is_last(replay) ? finish(replay, at, complaint) : next_segment(replay, complaint);
}
