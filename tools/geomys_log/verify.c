/* SPDX-License-Identifier: MIT */

/* verify.c - whether a file is whole: a segment, a mark file or a snapshot. */
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "geomys_log/say.h"
#include "geomys_log/tool.h"
#include "geomys_log/walk.h"
#include "log/snapshot_reader.h"
#include "log/tear.h"
#include "os/os_disk.h"

/* Whether an interrupted write can have left the bytes at `walk`: asks the same functions as recovery does. */
static bool may_be_torn(const struct file *file, const struct walk *walk, uint64_t salt, uint64_t durable,
                        uint64_t whole)
{
    struct os_disk *os;
    struct complaint complaint;
    struct tear_file tear = {.size = file->bytes.size};
    uint64_t later = 0;
    bool torn = false;
    char *folder = strdup(file->path);
    char *name = strdup(file->path);
    bool opened = folder != NULL && name != NULL && os_disk_inspect(&os, dirname(folder), &complaint) == STATUS_OK;
    if (opened) {
        tear.disk = os_disk_interface(os);
        size_t extent = walk->size > 0 ? walk->size : RECORD_HEADER_SIZE;
        if (tear.disk->ops->open(tear.disk, basename(name), DISK_READ, &tear.file) == STATUS_OK) {
            opened = tear_possible(&tear, walk->offset, extent, &torn) == STATUS_OK &&
                     tear_highest_mark(&tear, walk->offset, salt, &later) == STATUS_OK;
            tear.disk->ops->close(tear.disk, tear.file);
        }
        os_disk_destroy(os);
    }
    free(folder);
    free(name);
    return opened && torn && later <= whole && durable <= whole;
}

static enum outcome report_segment(const struct file *file, const struct walk *walk, const struct tally *tally,
                                   enum step step, const char *fault, uint64_t salt)
{
    say(stdout,
        "%s: %" PRIu64 " records are good, up to sequence %" PRIu64 "; all up to %" PRIu64
        " is marked as on stable storage\n",
        file->path, tally->records, tally->last, tally->durable);
    if (fault != NULL) {
        say(stdout, "%s: damaged at byte %zu: %s\n", file->path, walk->offset, fault);
        return DAMAGED;
    }
    if (step == STEP_BAD && !may_be_torn(file, walk, salt, tally->durable, tally->whole)) {
        say(stdout, "%s: damaged at byte %zu: %s; no interrupted write leaves bytes like these\n", file->path,
            walk->offset, walk->why.text);
        return DAMAGED;
    }
    if (step == STEP_BAD || tally->open) {
        say(stdout,
            "%s: %s at byte %zu: an interrupted write, if this is the newest segment; the batches up to %" PRIu64
            " are whole\n",
            file->path, step == STEP_BAD ? walk->why.text : "the last batch is not complete", walk->offset,
            tally->whole);
        return TORN;
    }
    return WHOLE;
}

static enum outcome verify_segment(const struct file *file)
{
    struct walk walk;
    struct segment_header header = {0};
    struct complaint why;
    struct tally tally = {0};
    bool has_header;
    if (!walk_begin(&walk, file, &header, &has_header, &why)) {
        say(stdout, "%s: damaged at byte 0: %s\n", file->path, why.text);
        return DAMAGED;
    }
    tally.last = has_header ? header.first_sequence - 1 : 0;
    tally.whole = tally.last;
    tally.durable = tally.last;
    const char *fault = NULL;
    enum step step = STEP_END;
    while (fault == NULL && (step = walk_next(&walk)) == STEP_RECORD) {
        fault = tally_add(&tally, &walk.record, has_header);
    }
    if (fault == NULL && step == STEP_END && has_header && !tally.has_epochs) {
        fault = "it does not begin with a table of epochs";
    }
    enum outcome outcome = report_segment(file, &walk, &tally, step, fault, header.salt);
    tally_finish(&tally);
    return outcome;
}

/* ---- snapshots ---- */

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

static enum status read_snapshot(const char *path, struct snapshot_reader *reader, struct epochs *epochs,
                                 struct complaint *complaint)
{
    struct record_sink sink = {.declare = take_type, .accept = take_record};
    struct snapshot_progress progress;
    struct snapshot_cut cut;
    enum status status = STATUS_AGAIN;
    while (status == STATUS_AGAIN) {
        status = snapshot_reader_step(reader, (size_t)64 * 1024 * 1024, &sink, complaint);
    }
    if (status == STATUS_OK) {
        epochs_copy(epochs, snapshot_reader_epochs(reader));
        snapshot_reader_progress(reader, &progress);
        snapshot_reader_cut(reader, &cut);
        say(stdout, "%s: a good snapshot of record %" PRIu64 ": %" PRIu64 " keys in %" PRIu64 " records\n", path,
            cut.sequence, snapshot_reader_keys(reader), progress.records);
    }
    return status;
}

static enum status check_snapshot(struct os_disk *os, const char *path, const char *name, struct epochs *epochs,
                                  struct complaint *complaint)
{
    struct snapshot_reader *reader;
    uint64_t sequence;
    struct disk *disk = os_disk_interface(os);
    if (strlen(name) >= DISK_NAME_MAX || name[0] == '.') {
        complaint_set(complaint, "the server has no files with names like this");
        return STATUS_INVALID;
    }
    TRY(snapshot_name_parse(name, &sequence) ? snapshot_reader_create(&reader, disk, sequence, complaint)
                                             : snapshot_reader_create_named(&reader, disk, name, complaint));
    enum status status = read_snapshot(path, reader, epochs, complaint);
    snapshot_reader_destroy(reader);
    return status;
}

enum outcome verify_snapshot(const char *path, struct epochs *epochs)
{
    struct os_disk *os = NULL;
    struct complaint complaint = {"out of memory"};
    char *folder = strdup(path);
    char *name = strdup(path);
    enum status status = STATUS_IO;
    if (folder != NULL && name != NULL) {
        status = os_disk_inspect(&os, dirname(folder), &complaint);
    }
    if (status == STATUS_OK) {
        status = check_snapshot(os, path, basename(name), epochs, &complaint);
    }
    os_disk_destroy(os);
    if (status != STATUS_OK) {
        say(stdout, "%s: %s\n", path, complaint.text);
    }
    free(folder);
    free(name);
    return status == STATUS_OK ? WHOLE : status == STATUS_CORRUPT ? DAMAGED : TROUBLE;
}

/* ---- any path ---- */

enum outcome verify_path(const char *path)
{
    struct file file;
    if (file_is_folder(path)) {
        return verify_folder(path);
    }
    if (!file_map(&file, path)) {
        return TROUBLE;
    }
    struct epochs epochs = {0};
    enum outcome outcome = file_is_snapshot(&file)                    ? verify_snapshot(path, &epochs)
                           : file_begins_with(&file, FILE_MARK_MAGIC) ? print_mark(&file)
                                                                      : verify_segment(&file);
    epochs_finish(&epochs);
    file_unmap(&file);
    return outcome;
}
