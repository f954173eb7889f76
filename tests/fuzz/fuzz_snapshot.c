/* SPDX-License-Identifier: MIT */

/* fuzz_snapshot.c - any bytes as a snapshot: reading comes to an end without a wrong access, and what is accepted is
 * the same in steps of any size, and can be written again and read back the same.
 *
 * Input: one byte of flags, then the file. Flag 1: all checksums, the chain and the cut of header, blocks, records and
 * footer are made right, so that what lies behind them is reached. Flag 2: steps of 64 bytes. */
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "log/snapshot_reader.h"
#include "log/snapshot_writer.h"
#include "support/sim_disk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_SEAL  1
#define FLAG_STEPS 2
#define SEQUENCE   123456789
#define NAME       "snapshot-00000000000123456789.snap"
#define MEMORY     ((size_t)64 * 1024 * 1024)

struct taker {
    struct record_sink sink;
    struct snapshot_writer *writer; /* NULL: what comes is only counted */
    uint64_t records;
    uint32_t crc; /* of all that came */
};

static void note(struct taker *taker, uint16_t a, uint16_t b, struct gm_bytes first, struct gm_bytes second)
{
    uint8_t numbers[12];
    codec_put_u16(numbers, a);
    codec_put_u16(numbers + 2, b);
    codec_put_u32(numbers + 4, (uint32_t)first.size);
    codec_put_u32(numbers + 8, (uint32_t)second.size);
    taker->crc = crc32c_more(taker->crc, (struct gm_bytes){numbers, sizeof numbers});
    taker->crc = crc32c_more(crc32c_more(taker->crc, first), second);
}

static enum status on_declare(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                              struct complaint *complaint)
{
    struct taker *taker = container_of(sink, struct taker, sink);
    (void)complaint;
    check(type > 0 && name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    note(taker, type, 0, name, BYTES_NONE);
    if (taker->writer != NULL) {
        snapshot_writer_declare(taker->writer, type, name);
    }
    return STATUS_OK;
}

static enum status on_accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct taker *taker = container_of(sink, struct taker, sink);
    (void)complaint;
    check(record->sequence == SEQUENCE && record->type > 0 && (record->flags & RECORD_DUMP) != 0);
    taker->records++;
    note(taker, record->type, record->flags, record->key, record->body);
    if (taker->writer != NULL) {
        snapshot_writer_add(taker->writer, record);
    }
    return STATUS_OK;
}

static enum status read_back(struct sim_disk *sim, size_t budget, struct taker *taker, struct snapshot_cut *cut,
                             struct epochs *epochs)
{
    struct snapshot_reader *reader;
    struct complaint complaint = {""};
    taker->sink = (struct record_sink){.declare = on_declare, .accept = on_accept};
    enum status status = snapshot_reader_create(&reader, sim_disk_interface(sim), SEQUENCE, &complaint);
    if (status == STATUS_OK) {
        snapshot_reader_cut(reader, cut);
        do {
            status = snapshot_reader_step(reader, budget, &taker->sink, &complaint);
        } while (status == STATUS_AGAIN);
        check(status != STATUS_OK || snapshot_reader_keys(reader) <= taker->records);
        epochs_copy(epochs, snapshot_reader_epochs(reader));
        snapshot_reader_destroy(reader);
    }
    check(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_VERSION);
    check(status == STATUS_OK || complaint.text[0] != '\0');
    return status;
}

static void write_again(struct sim_disk *from, struct taker *taker, const struct snapshot_cut *cut,
                        const struct epochs *epochs, uint8_t flags)
{
    struct epochs back = {0};
    struct sim_disk *sim = sim_disk_create(1);
    struct disk *disk = sim_disk_interface(sim);
    struct snapshot_cut same = *cut;
    struct snapshot_writer_config config = {.memory_max = MEMORY, .codec = (enum snapshot_codec)(flags / 4 % 3)};
    struct taker copier = {.writer = snapshot_writer_create(&config, disk, cut, epochs)};
    struct taker again = {0};
    enum status status = read_back(from, SIZE_MAX, &copier, &same, &back);
    check(status == STATUS_OK && copier.crc == taker->crc);
    snapshot_writer_finish(copier.writer);
    disk->ops->drain(disk);
    snapshot_writer_publish(copier.writer);
    disk->ops->drain(disk);
    check(snapshot_writer_state(copier.writer) == SNAPSHOT_WRITER_PUBLISHED);
    snapshot_writer_destroy(copier.writer);
    status = read_back(sim, SIZE_MAX, &again, &same, &back);
    check(status == STATUS_OK && again.crc == taker->crc && again.records == taker->records);
    check(epochs_agree(&back, epochs) && back.count == epochs->count);
    epochs_finish(&back);
    sim_disk_destroy(sim);
}

/* ---- right checksums ---- */

static void seal_records(uint8_t *bytes, size_t size, const uint8_t *header)
{
    for (size_t at = 0; at + RECORD_HEADER_SIZE <= size;) {
        uint32_t claimed = codec_u32(bytes + at + 8);
        if (claimed < RECORD_HEADER_SIZE || claimed > size - at) {
            break;
        }
        bool local = (bytes[at + 12] & RECORD_LOCAL) != 0;
        memcpy(bytes + at + 16, header + 32, 8);
        memcpy(bytes + at + 24, header + 40, 8);
        memcpy(bytes + at + 32, header + 48, 8);
        if (local) {
            memset(bytes + at + 24, 0, 8);
        }
        codec_put_u32(bytes + at + 4,
                      crc32c((struct gm_bytes){bytes + at + RECORD_HEADER_SIZE, claimed - RECORD_HEADER_SIZE}));
        codec_put_u32(bytes + at, crc32c((struct gm_bytes){bytes + at + 4, RECORD_HEADER_SIZE - 4}));
        at += (claimed + 7u) & ~7u;
    }
}

static void seal_block(uint8_t *block, uint32_t content, uint32_t *chain)
{
    codec_put_u32(block + 4, crc32c((struct gm_bytes){block + SNAPSHOT_HEAD_SIZE, content}));
    codec_put_u32(block + 8, *chain);
    codec_put_u32(block, crc32c((struct gm_bytes){block + 4, SNAPSHOT_HEAD_SIZE - 4}));
    *chain = codec_u32(block);
}

static void seal(uint8_t *bytes, size_t size)
{
    if (size < SNAPSHOT_HEADER_SIZE + SNAPSHOT_FOOTER_SIZE) {
        return;
    }
    size_t end = size - SNAPSHOT_FOOTER_SIZE;
    codec_put_u64(bytes + 32, SEQUENCE);
    codec_put_u32(bytes + 8, crc32c((struct gm_bytes){bytes + 12, SNAPSHOT_HEADER_SIZE - 12}));
    uint32_t chain = codec_u32(bytes + 8);
    for (size_t at = SNAPSHOT_HEADER_SIZE; at + SNAPSHOT_HEAD_SIZE <= end;) {
        uint32_t stored = codec_u32(bytes + at + 16);
        if (stored > end - at - SNAPSHOT_HEAD_SIZE) {
            break;
        }
        if (codec_u16(bytes + at + 14) == SNAPSHOT_PLAIN) {
            seal_records(bytes + at + SNAPSHOT_HEAD_SIZE, stored, bytes);
        }
        seal_block(bytes + at, stored, &chain);
        at += SNAPSHOT_HEAD_SIZE + stored;
    }
    codec_put_u64(bytes + end + SNAPSHOT_HEAD_SIZE, SEQUENCE);
    seal_block(bytes + end, SNAPSHOT_COUNTS_SIZE, &chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taker taker = {0};
    struct taker other = {0};
    struct snapshot_cut cut;
    struct epochs epochs = {0};
    if (size == 0) {
        return 0;
    }
    uint8_t *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    if ((data[0] & FLAG_SEAL) != 0) {
        seal(copy, size - 1);
    }
    struct sim_disk *sim = sim_disk_create(1);
    sim_disk_put(sim, NAME, (struct gm_bytes){copy, size - 1});
    enum status status = read_back(sim, (data[0] & FLAG_STEPS) != 0 ? 64 : 4096, &taker, &cut, &epochs);
    enum status second = read_back(sim, SIZE_MAX, &other, &cut, &epochs);
    check(status == second && taker.crc == other.crc && taker.records == other.records);
    if (status == STATUS_OK) {
        write_again(sim, &taker, &cut, &epochs, data[0]);
    }
    epochs_finish(&epochs);
    sim_disk_destroy(sim);
    free(copy);
    return 0;
}
