/* SPDX-License-Identifier: MIT */

/* snapshot_raw.c - a snapshot file as it lies on the disk.
 *
 * Why      A node that has lost the thread needs everything: a snapshot that is there already costs the shard nothing,
 *          and can be resumed at any byte, which a new sweep cannot.
 *
 * Idea     First the header, then the footer, which the chain of all blocks leads to: its checksum, with cut and size,
 *          names the file. Then pieces, on the lane for reading. Whoever puts them together checks them all, as
 *          recovery does; here nothing is parsed but the two ends.
 *
 * Promises
 *   I1  All pieces are of one file, the one that `about` tells of: it is opened once, and may lose its name meanwhile.
 *   I2  Memory: one piece.
 */
#include "log/snapshot_raw.h"

#include "base/memory.h"

#define PIECE ((size_t)256 * 1024) /* bytes read at a time */

enum step {
    STEP_HEADER,
    STEP_FOOTER,
    STEP_READY, /* `about` is known */
    STEP_FAILED,
};

struct snapshot_raw {
    struct snapshot_raw_config config;
    enum step step;
    enum status failure;
    struct complaint complaint;
    struct disk_request request;
    bool under_way;
    bool abandoned; /* by its owner: goes when the request is done */
    struct snapshot_raw_about about;
    uint64_t at; /* offset of what `data` holds */
    size_t filled;
    uint8_t data[PIECE];
};

static void on_read(struct disk_request *request);

struct snapshot_raw *snapshot_raw_create(const struct snapshot_raw_config *config, uint64_t sequence)
{
    struct snapshot_raw *raw = memory_alloc(sizeof *raw);
    memset(raw, 0, offsetof(struct snapshot_raw, data));
    raw->config = *config;
    raw->about.cut.sequence = sequence;
    raw->request.action = DISK_ACTION_READ;
    raw->request.lane = DISK_LANE_READ;
    raw->request.on_done = on_read;
    raw->request.into = raw->data;
    snapshot_name(sequence, raw->request.name);
    list_init(&raw->request.link);
    return raw;
}

void snapshot_raw_destroy(struct snapshot_raw *raw)
{
    if (raw == NULL) {
        return;
    }
    raw->abandoned = true;
    if (!raw->under_way) { /* else on_read comes back to it */
        raw->config.disk->ops->close(raw->config.disk, raw->request.file);
        memory_free(raw);
    }
}

static void fail(struct snapshot_raw *raw, enum status status, const char *why)
{
    raw->step = STEP_FAILED;
    raw->failure = status;
    complaint_set(&raw->complaint, "%s cannot be sent: %s", raw->request.name, why);
}

static enum status ask(struct snapshot_raw *raw, uint64_t offset, size_t size)
{
    check(!raw->under_way && size <= sizeof raw->data);
    check(raw->step == STEP_HEADER || raw->request.file != NULL); /* snapshot_raw I1: opened once */
    raw->filled = 0;
    raw->at = offset;
    raw->request.offset = offset;
    raw->request.size = size;
    raw->under_way = true;
    raw->config.disk->ops->submit(raw->config.disk, &raw->request);
    return STATUS_AGAIN;
}

static void take_header(struct snapshot_raw *raw)
{
    unsigned codecs;
    struct complaint why;
    uint64_t sequence = raw->about.cut.sequence;
    enum status status =
        snapshot_parse_header((struct gm_bytes){raw->data, raw->filled}, &raw->about.cut, &codecs, &why);
    raw->about.size = raw->request.file_size;
    if (status != STATUS_OK) {
        fail(raw, status, why.text);
    } else if (raw->about.cut.sequence != sequence || raw->about.size < SNAPSHOT_HEADER_SIZE + SNAPSHOT_FOOTER_SIZE) {
        fail(raw, STATUS_CORRUPT, "its header belongs to another file, or the file is too short");
    } else {
        raw->step = STEP_FOOTER;
        (void)ask(raw, raw->about.size - SNAPSHOT_FOOTER_SIZE, SNAPSHOT_FOOTER_SIZE);
    }
}

static void take_footer(struct snapshot_raw *raw)
{
    struct snapshot_counts counts;
    uint32_t chain;
    const char *fault = snapshot_parse_footer(raw->data, &counts, &chain);
    if (fault == NULL && counts.sequence != raw->about.cut.sequence) {
        fault = "its footer belongs to another file";
    }
    if (fault != NULL) {
        fail(raw, STATUS_CORRUPT, fault);
        return;
    }
    raw->about.checksum = snapshot_chain_of_head(raw->data);
    raw->filled = 0;
    raw->step = STEP_READY;
}

static void on_read(struct disk_request *request)
{
    struct snapshot_raw *raw = container_of(request, struct snapshot_raw, request);
    check(raw->under_way && request->got <= sizeof raw->data); /* snapshot_raw I2 */
    raw->under_way = false;
    if (raw->abandoned) {
        snapshot_raw_destroy(raw);
        return;
    }
    raw->filled = request->got;
    if (request->status != STATUS_OK) {
        fail(raw, request->status, status_text(request->status));
    } else if (raw->step != STEP_HEADER && request->got < request->size) {
        fail(raw, STATUS_IO, "it has become shorter"); /* somebody cuts the file while it is read */
    } else if (raw->step == STEP_HEADER) {
        take_header(raw);
    } else if (raw->step == STEP_FOOTER) {
        take_footer(raw);
    }
    if (!raw->under_way && raw->config.on_ready != NULL) {
        raw->config.on_ready(raw->config.context);
    }
}

enum status snapshot_raw_about(struct snapshot_raw *raw, struct snapshot_raw_about *out, struct complaint *complaint)
{
    check(!raw->abandoned);
    if (raw->step == STEP_FAILED) {
        *complaint = raw->complaint;
        return raw->failure;
    }
    if (raw->step == STEP_READY) {
        *out = raw->about;
        return STATUS_OK;
    }
    return raw->under_way ? STATUS_AGAIN : ask(raw, 0, SNAPSHOT_HEADER_SIZE);
}

enum status snapshot_raw_read(struct snapshot_raw *raw, uint64_t offset, struct gm_bytes *out,
                              struct complaint *complaint)
{
    struct snapshot_raw_about about = {.size = 0};
    TRY(snapshot_raw_about(raw, &about, complaint));
    check(offset <= about.size);
    if (raw->under_way) {
        return STATUS_AGAIN;
    }
    *out = BYTES_NONE;
    if (offset == about.size) {
        return STATUS_OK;
    }
    if (raw->filled == 0 || offset < raw->at || offset >= raw->at + raw->filled) {
        uint64_t rest = about.size - offset;
        return ask(raw, offset, rest < PIECE ? (size_t)rest : PIECE);
    }
    size_t from = (size_t)(offset - raw->at);
    *out = (struct gm_bytes){raw->data + from, raw->filled - from};
    return STATUS_OK;
}
