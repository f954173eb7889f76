/* SPDX-License-Identifier: MIT */

/* tear.c - sectors, zeros and stray marks; tear.h says what for.
 *
 * Idea     A disk writes a sector as a whole or not at all, and a segment is zero before it is written. So what an
 *          interrupted write left out is seen: a sector that is zero from the end of the older records on.
 *
 *            older records | the group that was under way
 *            ..............|#########|0000000000000000|################|000000
 *                          sector     sector that the  sector           zeros
 *                                     disk left out
 */
#include "log/tear.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/memory.h"
#include "log/record.h"
#include "log/segment.h"

#define CHUNK      ((size_t)64 * 1024) /* bytes, a multiple of the sector */
#define MARK_SIZE  64                  /* bytes of an encoded mark */
#define COPIES_MAX 10000

_Static_assert(CHUNK % SEGMENT_SECTOR == 0, "a chunk is whole sectors");

/* The file from..to in pieces; a visitor returns false to stop. Pieces overlap by `overlap` bytes. */
struct visitor {
    bool (*visit)(struct visitor *, uint64_t offset, struct gm_bytes piece);
};

static enum status walk(const struct tear_file *file, uint64_t from, uint64_t to, size_t overlap,
                        struct visitor *visitor)
{
    uint8_t *chunk = memory_alloc(to > from && to - from < CHUNK ? (size_t)(to - from) : CHUNK);
    enum status status = STATUS_OK;
    bool more = from < to;
    while (more) {
        size_t wanted = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        size_t got = 0;
        status = file->disk->ops->read(file->disk, file->file, from, chunk, wanted, &got);
        if (status != STATUS_OK) {
            break;
        }
        more = visitor->visit(visitor, from, (struct gm_bytes){chunk, got}) && got == wanted && from + got < to;
        from += got - (more ? overlap : 0);
    }
    memory_free(chunk);
    return status;
}

struct zeros {
    struct visitor visitor;
    uint64_t first; /* of the bytes that are not zero */
    uint64_t end;   /* behind the last of them */
    bool found;
    bool stop_at_first;
};

static bool find_data(struct visitor *visitor, uint64_t offset, struct gm_bytes piece)
{
    struct zeros *zeros = container_of(visitor, struct zeros, visitor);
    for (size_t i = 0; i < piece.size; i++) {
        if (i + 8 <= piece.size && codec_u64(piece.data + i) == 0) {
            i += 7;
        } else if (piece.data[i] != 0) {
            zeros->first = zeros->found ? zeros->first : offset + i;
            zeros->end = offset + i + 1;
            zeros->found = true;
            if (zeros->stop_at_first) {
                return false;
            }
        }
    }
    return true;
}

enum status tear_first_data(const struct tear_file *file, uint64_t from, uint64_t *out)
{
    struct zeros zeros = {.visitor.visit = find_data, .stop_at_first = true};
    TRY(walk(file, from, file->size, 0, &zeros.visitor));
    *out = zeros.found ? zeros.first : file->size;
    return STATUS_OK;
}

enum status tear_data_end(const struct tear_file *file, uint64_t from, uint64_t *out)
{
    struct zeros zeros = {.visitor.visit = find_data};
    TRY(walk(file, from, file->size, 0, &zeros.visitor));
    *out = zeros.found ? zeros.end : from;
    return STATUS_OK;
}

enum status tear_possible(const struct tear_file *file, uint64_t at, uint64_t extent, bool *out)
{
    uint64_t end = at + extent;
    *out = end > file->size;
    uint64_t sector = at / SEGMENT_SECTOR * SEGMENT_SECTOR;
    for (; !*out && sector < end; sector += SEGMENT_SECTOR) {
        uint8_t bytes[SEGMENT_SECTOR];
        size_t got = 0;
        TRY(file->disk->ops->read(file->disk, file->file, sector, bytes, sizeof bytes, &got));
        size_t zero = at > sector ? (size_t)(at - sector) : 0;
        while (zero < got && bytes[zero] == 0) {
            zero++;
        }
        *out = zero == got;
    }
    return STATUS_OK;
}

struct marks {
    struct visitor visitor;
    uint64_t salt;
    uint64_t highest;
};

static bool find_marks(struct visitor *visitor, uint64_t offset, struct gm_bytes piece)
{
    struct marks *marks = container_of(visitor, struct marks, visitor);
    const uint64_t wanted = MARK_SIZE | (uint64_t)RECORD_LOCAL << 32 | (uint64_t)RECORD_OP_DURABLE << 48;
    for (size_t at = (size_t)(-offset & 7); at + MARK_SIZE <= piece.size; at += 8) {
        struct record record;
        size_t size;
        uint64_t durable;
        uint64_t salt;
        if (codec_u64(piece.data + at + 8) == wanted &&
            record_parse((struct gm_bytes){piece.data + at, MARK_SIZE}, &record, &size, NULL) == STATUS_OK &&
            record_read_durable(&record, &durable, &salt) && salt == marks->salt && durable > marks->highest) {
            marks->highest = durable;
        }
    }
    return true;
}

enum status tear_highest_mark(const struct tear_file *file, uint64_t from, uint64_t salt, uint64_t *out)
{
    struct marks marks = {.visitor.visit = find_marks, .salt = salt};
    TRY(walk(file, from, file->size, MARK_SIZE, &marks.visitor));
    *out = marks.highest;
    return STATUS_OK;
}

/* ---- keeping ---- */

struct copy {
    struct visitor visitor;
    struct disk *disk;
    struct disk_file *target;
    uint64_t from;
    enum status status;
};

static bool copy_piece(struct visitor *visitor, uint64_t offset, struct gm_bytes piece)
{
    struct copy *copy = container_of(visitor, struct copy, visitor);
    copy->status = copy->disk->ops->write(copy->disk, copy->target, offset - copy->from, piece);
    return copy->status == STATUS_OK;
}

static enum status create_copy(struct disk *disk, const char *stem, char name[static DISK_NAME_MAX],
                               struct disk_file **out)
{
    for (unsigned n = 1; n <= COPIES_MAX; n++) {
        (void)snprintf(name, DISK_NAME_MAX, "%.*s-%u.log", TEAR_STEM_MAX - 1, stem, n);
        enum status status = disk->ops->open(disk, name, DISK_CREATE, out);
        if (status != STATUS_EXISTS) {
            return status;
        }
    }
    return STATUS_EXISTS;
}

void tear_stem(uint64_t sequence, char out[static TEAR_STEM_MAX])
{
    (void)snprintf(out, TEAR_STEM_MAX, "torn-%020" PRIu64, sequence);
}

enum status tear_keep(const struct tear_file *file, uint64_t from, uint64_t to, const char *stem,
                      char name[static DISK_NAME_MAX])
{
    struct disk *disk = file->disk;
    struct copy copy = {.visitor.visit = copy_piece, .disk = disk, .from = from};
    TRY(create_copy(disk, stem, name, &copy.target));
    enum status status = walk(file, from, to, 0, &copy.visitor);
    status = status == STATUS_OK ? copy.status : status;
    status = status == STATUS_OK ? disk->ops->sync(disk, copy.target) : status;
    disk->ops->close(disk, copy.target);
    if (status != STATUS_OK) {
        (void)disk->ops->remove(disk, name); /* a part of a copy helps nobody, and the next attempt makes it again */
        return status;
    }
    return disk->ops->sync_names(disk);
}

enum status tear_put_aside(struct disk *disk, const char *source, const char *stem, char name[static DISK_NAME_MAX])
{
    struct disk_file *reserved;
    TRY(create_copy(disk, stem, name, &reserved));
    disk->ops->close(disk, reserved);
    TRY(disk->ops->rename(disk, source, name));
    return disk->ops->sync_names(disk);
}
