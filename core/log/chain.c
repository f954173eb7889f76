/* SPDX-License-Identifier: MIT */

/* chain.c - which segments there are, and removing the oldest.
 *
 *            segments   [1..99] [100..199] [200..299] [300..
 *                                      ^oldest = 150  ^being written
 *                       `removed´
 *
 * Promises
 *   P1  A segment is removed only if another one begins at or before `oldest`: so no record from `oldest` on is in it.
 *       The segment being written is the last of the list, and stays.
 *   P2  Oldest first, one at a time, each durable before the next: a crash leaves a log without holes.
 *   P3  A removal that failed is counted, and forgotten until chain_trim is called again: what is superfluous costs
 *       space, and nothing else.
 */
#include "log/chain.h"

#include <stdlib.h>

#include "base/memory.h"
#include "log/segment.h"

#define SEGMENTS_MAX ((size_t)1024 * 1024)

static void on_removed(struct disk_request *request);

void chain_init(struct chain *chain, struct disk *disk)
{
    *chain = (struct chain){.disk = disk};
    chain->request.action = DISK_ACTION_REMOVE;
    chain->request.lane = DISK_LANE_BULK;
    chain->request.on_done = on_removed;
    list_init(&chain->request.link);
}

void chain_finish(struct chain *chain)
{
    check(!chain->under_way);
    memory_free(chain->segments);
}

/* ---- the list ---- */

static void append(struct chain *chain, uint64_t first)
{
    check(first > 0 && chain->count < SEGMENTS_MAX);
    chain->segments = memory_realloc(chain->segments, (chain->count + 1) * sizeof *chain->segments);
    chain->segments[chain->count++] = (struct chain_segment){.first = first};
}

static bool add_name(void *context, const char *name)
{
    struct chain *chain = context;
    uint64_t first;
    if (segment_name_parse(name, &first) && chain->count < SEGMENTS_MAX) {
        append(chain, first);
    }
    return true;
}

static int by_sequence(const void *a, const void *b)
{
    uint64_t first = ((const struct chain_segment *)a)->first;
    uint64_t second = ((const struct chain_segment *)b)->first;
    return first < second ? -1 : first > second;
}

static enum status measure(struct chain *chain, struct chain_segment *segment)
{
    const struct disk_ops *ops = chain->disk->ops;
    struct disk_file *file;
    char name[DISK_NAME_MAX];
    segment_name(segment->first, name);
    TRY(ops->open(chain->disk, name, DISK_READ, &file));
    enum status status = ops->size(chain->disk, file, &segment->size);
    ops->close(chain->disk, file);
    chain->sealed_bytes += segment->size;
    return status;
}

enum status chain_load(struct chain *chain, uint64_t current, struct complaint *complaint)
{
    enum status status = chain->disk->ops->list(chain->disk, add_name, chain);
    if (chain->count > 0) {
        qsort(chain->segments, chain->count, sizeof *chain->segments, by_sequence);
    }
    while (chain->count > 0 && chain->segments[chain->count - 1].first >= current) {
        chain->count--;
    }
    for (size_t i = 0; i < chain->count && status == STATUS_OK; i++) {
        status = measure(chain, &chain->segments[i]);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "the segments of the log cannot be looked at: %s", status_text(status));
        return status;
    }
    append(chain, current);
    return STATUS_OK;
}

void chain_add(struct chain *chain, uint64_t first, uint64_t size)
{
    if (chain->count > 0) {
        check(first > chain->segments[chain->count - 1].first); /* chain P1: the list ascends */
        chain->segments[chain->count - 1].size = size;
        chain->sealed_bytes += size;
    }
    append(chain, first);
}

/* ---- removal ---- */

static void remove_next(struct chain *chain)
{
    if (chain->under_way || chain->stopped || chain->count < 2 || chain->segments[1].first > chain->oldest) {
        return;
    }
    segment_name(chain->segments[0].first, chain->request.name); /* chain P2: the oldest, and one at a time */
    chain->under_way = true;
    chain->disk->ops->submit(chain->disk, &chain->request);
}

static void on_removed(struct disk_request *request)
{
    struct chain *chain = container_of(request, struct chain, request);
    check(chain->under_way);
    chain->under_way = false; /* chain P3: whatever came of it */
    /* Not found: it went before the folder could not be synced, or by somebody's hand. */
    if (request->status != STATUS_OK && request->status != STATUS_NOT_FOUND) {
        chain->failed++;
        return;
    }
    check(chain->count > 1 && chain->segments[1].first <= chain->oldest); /* chain P1 */
    check(chain->sealed_bytes >= chain->segments[0].size);
    chain->removed++;
    chain->sealed_bytes -= chain->segments[0].size;
    chain->count--;
    memmove(chain->segments, chain->segments + 1, chain->count * sizeof *chain->segments);
    remove_next(chain);
}

void chain_trim(struct chain *chain, uint64_t oldest)
{
    chain->oldest = oldest > chain->oldest ? oldest : chain->oldest;
    remove_next(chain);
}

void chain_stop(struct chain *chain)
{
    chain->stopped = true;
}
