/* SPDX-License-Identifier: MIT */

/* content.c - a look at a folder from outside, before anything of it is opened.
 *
 * Why      Where a node begins or enters a cluster it matters whether data would be left behind, or lost; and a server
 *          that was started and stopped without a write leaves files, too.
 *
 * Idea     A snapshot, or a segment that is not the first, comes of writes. The first one holds some if a record of the
 *          history stands in it: what is about the file itself does not count. */
#include "log/content.h"

#include "base/memory.h"
#include "log/record.h"
#include "log/segment.h"
#include "log/snapshot.h"

#define LOOK_SIZE ((size_t)64 * 1024) /* bytes: records about the file are small */

struct content {
    bool any;
    bool first; /* there is a first segment */
};

static bool on_name(void *context, const char *name)
{
    struct content *content = context;
    uint64_t sequence;
    if (snapshot_name_parse(name, &sequence)) {
        content->any = true;
    } else if (segment_name_parse(name, &sequence)) {
        content->any = content->any || sequence > 1;
        content->first = content->first || sequence == 1;
    }
    return !content->any;
}

static bool has_history(struct gm_bytes bytes)
{
    size_t at = SEGMENT_HEADER_SIZE;
    while (at < bytes.size) {
        struct record record;
        size_t size = 0;
        enum status status = record_parse((struct gm_bytes){bytes.data + at, bytes.size - at}, &record, &size, NULL);
        if (status != STATUS_OK) {
            return status == STATUS_AGAIN && size > bytes.size; /* too large for one about the file */
        }
        if ((record.flags & RECORD_LOCAL) == 0) {
            return true;
        }
        at += size;
    }
    return bytes.size == LOOK_SIZE;
}

static bool first_has_history(struct disk *disk)
{
    char name[DISK_NAME_MAX];
    struct disk_file *file = NULL;
    segment_name(1, name);
    if (disk->ops->open(disk, name, DISK_READ, &file) != STATUS_OK) {
        return true;
    }
    uint8_t *bytes = memory_alloc(LOOK_SIZE);
    size_t got = 0;
    bool any = disk->ops->read(disk, file, 0, bytes, LOOK_SIZE, &got) != STATUS_OK ||
               has_history((struct gm_bytes){bytes, got});
    disk->ops->close(disk, file);
    memory_free(bytes);
    return any;
}

enum status content_look(struct disk *disk, bool *any, struct complaint *complaint)
{
    struct content content = {.any = false};
    enum status status = disk->ops->list(disk, on_name, &content);
    if (status != STATUS_OK) {
        complaint_set(complaint, "the data folder cannot be listed: %s", status_text(status));
        return status;
    }
    *any = content.any || (content.first && first_has_history(disk));
    return STATUS_OK;
}
