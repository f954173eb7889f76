/* SPDX-License-Identifier: MIT */

/* cut.c - copies of a log that end with a certain record. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "geomys_log/say.h"
#include "geomys_log/tool.h"
#include "geomys_log/walk.h"
#include "log/mark.h"
#include "log/snapshot.h"
#include "os/os_disk.h"

/* Where the record `at` ends, if it ends a batch; 0 with a sentence on stderr if not. *last is the last record seen. */
static size_t find_cut(const struct file *file, uint64_t at, struct segment_header *header, uint64_t *last)
{
    struct walk walk;
    struct complaint why;
    struct tally tally = {0};
    bool has_header;
    if (!walk_begin(&walk, file, header, &has_header, &why) || !has_header) {
        say(stderr, "geomys-log: %s: %s\n", file->path, has_header ? why.text : "this is no segment");
        return 0;
    }
    tally.last = header->first_sequence - 1;
    tally.whole = tally.last;
    size_t end = 0;
    const char *fault = NULL;
    while (end == 0 && fault == NULL && walk_next(&walk) == STEP_RECORD) {
        fault = tally_add(&tally, &walk.record, true);
        if (fault == NULL && tally.last == at) { /* the record, or the table of epochs before all records */
            end = walk.offset + walk.size;
        }
    }
    tally_finish(&tally);
    *last = tally.last;
    if (fault != NULL) {
        say(stderr, "geomys-log: %s: byte %zu: %s\n", file->path, walk.offset, fault);
        return 0;
    }
    if (end != 0 && tally.open) {
        say(stderr,
            "geomys-log: record %" PRIu64 " is in the midst of a batch; the batch before ends with %" PRIu64 "\n", at,
            tally.whole);
        return 0;
    }
    if (end == 0) {
        say(stderr, "geomys-log: %s: record %" PRIu64 " cannot be reached: the good records end with %" PRIu64 "\n",
            file->path, at, tally.last);
    }
    return end;
}

static enum status copy_to(struct disk *disk, const char *name, struct gm_bytes bytes)
{
    struct disk_file *file;
    TRY(disk->ops->open(disk, name, DISK_CREATE, &file));
    enum status status = disk->ops->write(disk, file, 0, bytes);
    status = status == STATUS_OK ? disk->ops->sync(disk, file) : status;
    disk->ops->close(disk, file);
    return status;
}

static bool write_file(const char *path, struct gm_bytes bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool written = fd >= 0;
    for (size_t done = 0; written && done < bytes.size;) {
        ssize_t piece = write(fd, bytes.data + done, bytes.size - done);
        written = piece > 0 || (piece < 0 && errno == EINTR);
        done += piece > 0 ? (size_t)piece : 0;
    }
    written = written && fsync(fd) == 0;
    if (!written) {
        say(stderr, "geomys-log: %s cannot be written: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return written;
}

static enum outcome cut_file(const struct options *options)
{
    struct file file;
    struct segment_header header;
    uint64_t last;
    if (!file_map(&file, options->paths[0])) {
        return TROUBLE;
    }
    size_t end = find_cut(&file, options->at, &header, &last);
    bool done = end > 0 && write_file(options->to, (struct gm_bytes){file.bytes.data, end});
    file_unmap(&file);
    return done ? WHOLE : end == 0 ? DAMAGED : TROUBLE;
}

struct segments {
    uint64_t *list;
    size_t count;
};

static bool add_segment(void *context, const char *name)
{
    struct segments *segments = context;
    uint64_t first;
    if (segment_name_parse(name, &first)) {
        segments->list = memory_realloc(segments->list, (segments->count + 1) * sizeof *segments->list);
        segments->list[segments->count++] = first;
    }
    return true;
}

static int by_sequence(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

/* One segment up to and including record `at`. Without a target it is only found out whether that can be. */
static bool cut_segment(const char *folder, uint64_t first, uint64_t at, struct disk *target)
{
    char name[DISK_NAME_MAX];
    char path[4096];
    struct file file;
    struct segment_header header;
    uint64_t last;
    segment_name(first, name);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path || !file_map(&file, path)) {
        return false;
    }
    size_t end = find_cut(&file, at, &header, &last);
    enum status status = end > 0 && header.first_sequence == first ? STATUS_OK : STATUS_CORRUPT;
    if (status == STATUS_OK && target != NULL) {
        status = copy_to(target, name, (struct gm_bytes){file.bytes.data, end});
        if (status != STATUS_OK) {
            say(stderr, "geomys-log: the copy of %s cannot be written: %s\n", name, status_text(status));
        }
    }
    file_unmap(&file);
    return status == STATUS_OK;
}

/* The same for all segments that have records up to `at`. mark->segment becomes the last of them. */
static bool cut_segments(const struct options *options, const struct segments *segments, struct disk *target,
                         struct mark *mark)
{
    for (size_t i = 0; i < segments->count && segments->list[i] <= options->at; i++) {
        uint64_t next = i + 1 < segments->count ? segments->list[i + 1] - 1 : UINT64_MAX;
        if (!cut_segment(options->paths[0], segments->list[i], next < options->at ? next : options->at, target)) {
            return false;
        }
        mark->segment = segments->list[i];
    }
    return true;
}

/* The newest good snapshot of a record up to `at`, from which the log goes on without a hole. False: there is none. */
static bool find_snapshot(struct disk *source, const struct options *options, uint64_t first, char path[static 4096],
                          char name[static DISK_NAME_MAX])
{
    struct snapshot_found *found = NULL;
    struct complaint complaint;
    size_t count = 0;
    bool good = false;
    if (snapshot_list(source, &found, &count, &complaint) != STATUS_OK) {
        say(stderr, "geomys-log: %s\n", complaint.text);
        return false;
    }
    struct epochs epochs = {0};
    for (size_t i = 0; i < count && !good; i++) {
        if (found[i].sequence <= options->at && found[i].sequence >= first - 1) {
            snapshot_name(found[i].sequence, name);
            good = (size_t)snprintf(path, 4096, "%s/%s", options->paths[0], name) < 4096 &&
                   verify_snapshot(path, &epochs) == WHOLE;
        }
    }
    epochs_finish(&epochs);
    memory_free(found);
    return good;
}

static enum status copy_snapshot(struct disk *target, const char *path, const char *name)
{
    struct file file;
    if (!file_map(&file, path)) {
        return STATUS_IO;
    }
    enum status status = copy_to(target, name, file.bytes);
    file_unmap(&file);
    return status;
}

static enum outcome write_folder(const struct options *options, const struct segments *segments, struct disk *source)
{
    char path[4096];
    char name[DISK_NAME_MAX];
    bool snapshot = find_snapshot(source, options, segments->list[0], path, name);
    if (!snapshot && segments->list[0] > 1) {
        say(stderr,
            "geomys-log: the log begins with record %" PRIu64
            ", and there is no good snapshot of a record from %" PRIu64 " to %" PRIu64 "\n",
            segments->list[0], segments->list[0] - 1, options->at);
        return DAMAGED;
    }
    struct os_disk *target;
    struct complaint complaint;
    struct mark mark = {.counter = 1, .durable = options->at, .oldest = segments->list[0]};
    if (!cut_segments(options, segments, NULL, &mark)) {
        return DAMAGED;
    }
    enum status status = os_disk_create(&target, options->to, NULL, &complaint);
    if (status == STATUS_OK) {
        bool copied = cut_segments(options, segments, os_disk_interface(target), &mark) &&
                      (!snapshot || copy_snapshot(os_disk_interface(target), path, name) == STATUS_OK);
        complaint_set(&complaint, "%s is not complete", options->to);
        status = copied ? mark_create(os_disk_interface(target), &mark, &complaint) : STATUS_IO;
        os_disk_destroy(target);
    }
    if (status != STATUS_OK) {
        say(stderr, "geomys-log: %s\n", complaint.text);
    }
    return status == STATUS_OK ? WHOLE : TROUBLE;
}

static enum outcome cut_folder(const struct options *options)
{
    struct os_disk *source;
    struct complaint complaint;
    struct segments segments = {0};
    if (access(options->to, F_OK) == 0) {
        say(stderr, "geomys-log: %s exists already\n", options->to);
        return TROUBLE;
    }
    if (os_disk_inspect(&source, options->paths[0], &complaint) != STATUS_OK) {
        say(stderr, "geomys-log: %s\n", complaint.text);
        return TROUBLE;
    }
    enum status status = os_disk_interface(source)->ops->list(os_disk_interface(source), add_segment, &segments);
    enum outcome outcome = TROUBLE;
    if (segments.count > 0) {
        qsort(segments.list, segments.count, sizeof *segments.list, by_sequence);
    }
    if (status != STATUS_OK || segments.count == 0 || options->at < segments.list[0]) {
        say(stderr, "geomys-log: %s has no segment with record %" PRIu64 "\n", options->paths[0], options->at);
    } else {
        outcome = write_folder(options, &segments, os_disk_interface(source));
    }
    os_disk_destroy(source);
    memory_free(segments.list);
    return outcome;
}

enum outcome cut_path(const struct options *options)
{
    return file_is_folder(options->paths[0]) ? cut_folder(options) : cut_file(options);
}
