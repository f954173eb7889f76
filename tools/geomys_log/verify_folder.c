/* SPDX-License-Identifier: MIT */

/* verify_folder.c - whether a server would start from a folder, and whether everything else in it is good too.
 *
 * Idea     Each snapshot is read as a whole. Then recovery is run, without repair, from the newest good one, as the
 *          server does it, and, since that skips older segments, from as far back as the log can be read: from the
 *          beginning, or from the oldest good snapshot that it reaches back to.
 *
 *          A log may grow while it is read: its end is found torn, and by the time that the bytes behind it are looked
 *          at there are whole records, which would be damage. But the bytes of a log come in their order: what seemed
 *          damaged because it grew is whole by the next look. So damage is said when it has been found twice, in the
 *          same words; when it is found somewhere else each time, what lies before is whole, and that is said.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "geomys_log/say.h"
#include "geomys_log/tool.h"
#include "log/mark.h"
#include "log/replay.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "os/os_disk.h"

#define LOOKS_MAX 3 /* at a log that seems to be damaged somewhere else each time: it grows */

struct folder {
    const char *path;
    struct disk *disk;
    uint64_t oldest; /* record that the log must reach back to: what was let go is not missed, nor looked at */
    uint64_t first;  /* of the segment with it, else of the oldest one; UINT64_MAX if there is none */
    bool good;       /* there is a good snapshot */
    uint64_t newest; /* cut of the newest good one */
    bool reaches;    /* the log reaches back to `start` */
    uint64_t start;
    struct epochs newest_epochs; /* of the snapshot `newest` */
    struct epochs start_epochs;  /* of the snapshot `start`, if there is one */
};

static enum status take_type(struct record_sink *sink, uint16_t type, struct gm_bytes name, struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

static enum status take_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    (void)sink, (void)record, (void)complaint;
    return STATUS_OK;
}

static enum outcome report(const struct folder *folder, uint64_t from, const struct replay *replay)
{
    struct replay_progress progress;
    struct replay_end end;
    char behind[64] = "";
    replay_progress(replay, &progress);
    replay_end(replay, &end);
    if (!end.exists) {
        say(stdout, "%s: there is no log%s\n", folder->path, folder->good ? ", the snapshot is all" : " yet");
        return WHOLE;
    }
    if (from > 0) {
        (void)snprintf(behind, sizeof behind, " behind the snapshot of %" PRIu64, from);
    }
    say(stdout,
        "%s: %" PRIu64 " records in %" PRIu64 " batches and %" PRIu64 " segments are good%s, up to sequence %" PRIu64
        "; all up to %" PRIu64 " is marked as on stable storage\n",
        folder->path, progress.records, progress.batches, progress.segments, behind, end.last_sequence,
        progress.durable);
    if (progress.torn_bytes == 0) {
        return WHOLE;
    }
    say(stdout,
        "%s/%s: a torn tail of %" PRIu64 " bytes from byte %" PRIu64
        " on: an interrupted write, which the server keeps aside and cuts when it starts\n",
        folder->path, end.segment, progress.torn_bytes, end.offset);
    return TORN;
}

/* `epochs`: those of the snapshot that shows record `from`. OK: it has been reported, as `*outcome`. */
static enum status read_log(const struct folder *folder, uint64_t from, const struct epochs *epochs,
                            enum outcome *outcome, struct complaint *complaint)
{
    struct replay *replay = NULL;
    struct record_sink sink = {.declare = take_type, .accept = take_record};
    enum status status = replay_create(&replay, folder->disk, false, from, complaint);
    if (status == STATUS_OK && from > 0) {
        replay_expect(replay, epochs);
    }
    while (status == STATUS_OK || status == STATUS_AGAIN) {
        status = replay_step(replay, (size_t)64 * 1024 * 1024, &sink, complaint);
        if (status == STATUS_OK) {
            *outcome = report(folder, from, replay);
            break;
        }
    }
    replay_destroy(replay);
    return status;
}

static enum outcome verify_log(const struct folder *folder, uint64_t from, const struct epochs *epochs)
{
    struct complaint complaint = {""};
    struct complaint before;
    enum outcome outcome = TROUBLE;
    enum status status;
    int looks = 0;
    do {
        before = complaint;
        status = read_log(folder, from, epochs, &outcome, &complaint);
    } while (status == STATUS_CORRUPT && ++looks < LOOKS_MAX && strcmp(before.text, complaint.text) != 0);
    if (status == STATUS_CORRUPT && strcmp(before.text, complaint.text) != 0) {
        say(stdout,
            "%s: the log grows while it is read: what it had at the first look is good; for more, stop the server that "
            "writes to it\n",
            folder->path);
        return TORN;
    }
    if (status != STATUS_OK) {
        say(stdout, "%s: %s\n", folder->path, complaint.text);
        outcome = status == STATUS_CORRUPT ? DAMAGED : TROUBLE;
    }
    return outcome;
}

/* TORN is no damage, though its number is higher. */
static enum outcome worse(enum outcome one, enum outcome other)
{
    static const int weight[] = {[WHOLE] = 0, [TORN] = 1, [DAMAGED] = 2, [TROUBLE] = 3};
    return weight[one] > weight[other] ? one : other;
}

/* A good snapshot; they come from the newest on. */
static void take_good(struct folder *folder, uint64_t sequence, const struct epochs *epochs)
{
    if (!folder->good) {
        folder->newest = sequence;
        folder->good = true;
        epochs_copy(&folder->newest_epochs, epochs);
    }
    if (folder->first == UINT64_MAX || sequence >= folder->first - 1) {
        folder->start = sequence;
        folder->reaches = true;
        epochs_copy(&folder->start_epochs, epochs);
    } else {
        say(stdout,
            "%s: the log does not reach back to the snapshot of record %" PRIu64 ": it is of no use to the server\n",
            folder->path, sequence);
    }
}

static enum outcome verify_snapshots(struct folder *folder)
{
    struct snapshot_found *found;
    struct complaint complaint;
    size_t count;
    enum outcome outcome = WHOLE;
    if (snapshot_list(folder->disk, &found, &count, &complaint) != STATUS_OK) {
        say(stderr, "geomys-log: %s\n", complaint.text);
        return TROUBLE;
    }
    struct epochs epochs = {0};
    for (size_t i = 0; i < count; i++) {
        char name[DISK_NAME_MAX];
        char path[4096];
        snapshot_name(found[i].sequence, name);
        bool fits = (size_t)snprintf(path, sizeof path, "%s/%s", folder->path, name) < sizeof path;
        enum outcome one = fits ? verify_snapshot(path, &epochs) : TROUBLE;
        outcome = worse(outcome, one);
        if (one == WHOLE) {
            take_good(folder, found[i].sequence, &epochs);
        }
    }
    epochs_finish(&epochs);
    memory_free(found);
    return outcome;
}

static bool find_first(void *context, const char *name)
{
    struct folder *folder = context;
    uint64_t first;
    if (segment_name_parse(name, &first)) {
        bool better =
            folder->first <= folder->oldest ? first > folder->first && first <= folder->oldest : first < folder->first;
        folder->first = better ? first : folder->first;
    }
    return true;
}

static enum outcome verify_all(struct folder *folder)
{
    struct mark mark;
    struct complaint complaint;
    if (mark_read(folder->disk, &mark, &complaint) == STATUS_OK) {
        folder->oldest = mark.oldest;
    }
    if (folder->disk->ops->list(folder->disk, find_first, folder) != STATUS_OK) {
        say(stderr, "geomys-log: %s cannot be read\n", folder->path);
        return TROUBLE;
    }
    enum outcome outcome = verify_snapshots(folder);
    if (folder->first == 1) {
        folder->start = 0;
        folder->reaches = true;
    }
    if (folder->reaches && folder->start != folder->newest) {
        outcome = worse(outcome, verify_log(folder, folder->start, &folder->start_epochs));
    }
    return worse(outcome, verify_log(folder, folder->newest, &folder->newest_epochs));
}

enum outcome verify_folder(const char *path)
{
    struct os_disk *os;
    struct complaint complaint;
    if (os_disk_inspect(&os, path, &complaint) != STATUS_OK) {
        say(stderr, "geomys-log: %s\n", complaint.text);
        return TROUBLE;
    }
    struct folder folder = {.path = path, .disk = os_disk_interface(os), .first = UINT64_MAX};
    enum outcome outcome = verify_all(&folder);
    epochs_finish(&folder.newest_epochs);
    epochs_finish(&folder.start_epochs);
    os_disk_destroy(os);
    return outcome;
}
