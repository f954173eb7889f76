/* SPDX-License-Identifier: MIT */

/* print_snapshot.c - the records of a snapshot, a line each, as far as they can be read.
 *
 * Idea     Block by block, each judged by itself, so that damage costs what it hit and no more. Behind damage the next
 *          place is sought where a head's checksum is right. The parts of a large record are put together; one that
 *          has a part missing is passed over. Nothing is believed beyond that: the verdict is verify's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/memory.h"
#include "geomys_log/say.h"
#include "geomys_log/tool.h"
#include "log/snapshot.h"
#include "log/snapshot_codec.h"

#define CODECS_ALL ((1u << SNAPSHOT_PLAIN) | (1u << SNAPSHOT_LZ4) | (1u << SNAPSHOT_ZSTD))

struct salvage {
    struct gm_bytes bytes;
    size_t at; /* of the block */
    struct types *types;
    struct snapshot_unpacker *unpacker;
    uint8_t *plain; /* SNAPSHOT_BLOCK_MAX */
    struct buf parts;
    enum outcome outcome;
};

static void say_unreadable(struct salvage *salvage, size_t end, const char *why)
{
    say(stdout, "# bytes %zu to %zu cannot be read: %s\n", salvage->at, end, why);
    salvage->outcome = DAMAGED;
}

/* NULL if a block with a sound head begins at `at`, all of it in the file. */
static const char *block_at(const struct salvage *salvage, size_t at, struct snapshot_head *head)
{
    if (salvage->bytes.size - at < SNAPSHOT_HEAD_SIZE) {
        return "the file ends within a block";
    }
    const char *fault = snapshot_parse_head(salvage->bytes.data + at, CODECS_ALL, head);
    if (fault == NULL && head->stored_size > salvage->bytes.size - at - SNAPSHOT_HEAD_SIZE) {
        fault = "the file ends within a block";
    }
    return fault;
}

static size_t find_block(const struct salvage *salvage)
{
    struct snapshot_head head;
    for (size_t at = salvage->at + 1; at < salvage->bytes.size; at++) {
        if (block_at(salvage, at, &head) == NULL) {
            return at;
        }
    }
    return salvage->bytes.size;
}

/* False: no whole record at the end. */
static bool print_records(struct salvage *salvage, struct gm_bytes content)
{
    while (content.size > 0) {
        struct record record;
        size_t size;
        bool open = false;
        if (record_parse(content, &record, &size, NULL) != STATUS_OK) {
            return false;
        }
        line_print(salvage->types, &record, &open);
        content.data += size;
        content.size -= size;
    }
    return true;
}

static bool print_part(struct salvage *salvage, const struct snapshot_head *head, struct gm_bytes content)
{
    struct record record;
    size_t size;
    if (head->records == 1) {
        buf_clear(&salvage->parts, 0);
    }
    if (!buf_append(&salvage->parts, content)) {
        return false;
    }
    enum status status = record_parse(buf_bytes(&salvage->parts), &record, &size, NULL);
    if (status == STATUS_OK) {
        bool printed = print_records(salvage, buf_bytes(&salvage->parts));
        buf_clear(&salvage->parts, 0);
        return printed;
    }
    return status == STATUS_AGAIN;
}

static void print_footer(struct salvage *salvage)
{
    struct snapshot_counts counts;
    uint32_t chain;
    const char *fault = snapshot_parse_footer(salvage->bytes.data + salvage->at, &counts, &chain);
    if (fault != NULL) {
        say_unreadable(salvage, salvage->at + SNAPSHOT_FOOTER_SIZE, fault);
        return;
    }
    say(stdout,
        "# footer: %" PRIu64 " keys in %" PRIu64 " records, %u types, %" PRIu64 " bytes in %" PRIu64 " blocks\n",
        counts.keys, counts.records, counts.types, counts.plain, counts.blocks);
}

static void print_block(struct salvage *salvage, const struct snapshot_head *head)
{
    struct gm_bytes content = {salvage->bytes.data + salvage->at + SNAPSHOT_HEAD_SIZE, head->stored_size};
    size_t end = salvage->at + SNAPSHOT_HEAD_SIZE + head->stored_size;
    if (head->kind == SNAPSHOT_FOOTER) {
        print_footer(salvage);
        return;
    }
    if (crc32c(content) != head->content_crc) {
        say_unreadable(salvage, end, "the checksum of the block is wrong");
        return;
    }
    if (head->codec != SNAPSHOT_PLAIN) {
        if (!snapshot_unpack(salvage->unpacker, (enum snapshot_codec)head->codec, content, salvage->plain,
                             head->plain_size)) {
            say_unreadable(salvage, end, "the block cannot be decompressed");
            return;
        }
        content = (struct gm_bytes){salvage->plain, head->plain_size};
    }
    if (!(head->kind == SNAPSHOT_PART ? print_part(salvage, head, content) : print_records(salvage, content))) {
        say_unreadable(salvage, end, "the block does not hold whole records");
    }
}

static void print_blocks(struct salvage *salvage)
{
    bool ended = false;
    while (salvage->at < salvage->bytes.size) {
        struct snapshot_head head;
        const char *fault = block_at(salvage, salvage->at, &head);
        if (fault != NULL) {
            size_t next = find_block(salvage);
            say_unreadable(salvage, next, fault);
            salvage->at = next;
            continue;
        }
        print_block(salvage, &head);
        ended = head.kind == SNAPSHOT_FOOTER;
        salvage->at += SNAPSHOT_HEAD_SIZE + head.stored_size;
    }
    if (!ended) {
        say(stdout, "# there is no footer at the end: the snapshot is not complete\n");
        salvage->outcome = DAMAGED;
    }
}

enum outcome print_snapshot(const struct file *file, struct types *types)
{
    struct snapshot_cut cut;
    struct complaint why;
    unsigned codecs;
    struct salvage salvage = {.bytes = file->bytes, .types = types};
    enum status status = snapshot_parse_header(file->bytes, &cut, &codecs, &why);
    if (status == STATUS_OK) {
        say(stdout, "# %s: snapshot of record %" PRIu64 ", epoch %" PRIu64 "\n", file->path, cut.sequence, cut.epoch);
    } else {
        say(stderr, "geomys-log: %s: %s\n", file->path, why.text);
        salvage.outcome = status == STATUS_VERSION ? TROUBLE : DAMAGED;
    }
    if (status == STATUS_VERSION || file->bytes.size < SNAPSHOT_HEADER_SIZE) {
        return salvage.outcome;
    }
    salvage.at = SNAPSHOT_HEADER_SIZE;
    salvage.plain = memory_alloc(SNAPSHOT_BLOCK_MAX);
    salvage.unpacker = snapshot_unpacker_create();
    buf_init(&salvage.parts, (size_t)RECORD_BODY_MAX + RECORD_KEY_MAX + RECORD_HEAD_MAX + 8);
    print_blocks(&salvage);
    buf_finish(&salvage.parts);
    snapshot_unpacker_destroy(salvage.unpacker);
    memory_free(salvage.plain);
    return salvage.outcome;
}
