/* SPDX-License-Identifier: MIT */

/* fuzz_record.c - any bytes into record_parse: no access beyond them, and what is accepted encodes to the same bytes
 * again. The checksums are made right in half of the runs, so that the checks behind them are reached. */
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "log/epochs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *bytes, size_t size)
{
    uint32_t claimed = size >= RECORD_HEADER_SIZE ? codec_u32(bytes + 8) : 0;
    if (claimed >= RECORD_HEADER_SIZE && claimed <= size) {
        codec_put_u32(bytes + 4, crc32c((struct gm_bytes){bytes + RECORD_HEADER_SIZE, claimed - RECORD_HEADER_SIZE}));
    }
    if (size >= RECORD_HEADER_SIZE) {
        codec_put_u32(bytes, crc32c((struct gm_bytes){bytes + 4, RECORD_HEADER_SIZE - 4}));
    }
}

static void expect_same(struct gm_bytes bytes, const struct record *record)
{
    struct buf again;
    buf_init(&again, bytes.size + 8);
    check(record_size(record) == bytes.size);
    bool encoded = record_encode(record, &again);
    check(encoded);
    check(gm_bytes_equal(buf_bytes(&again), bytes));
    buf_finish(&again);
}

/* An EPOCH record that makes sense has the one body that it can have. */
static void expect_epoch(const struct record *record)
{
    struct record_epoch epoch;
    uint8_t body[RECORD_EPOCH_MAX];
    if (record_read_epoch(record, &epoch)) {
        check(gm_bytes_equal(record_epoch_body(&epoch, body), record->body));
    }
}

/* So has a table. */
static void expect_table(const struct record *record)
{
    struct epochs epochs = {0};
    struct complaint complaint = {""};
    struct buf again;
    buf_init(&again, EPOCHS_RECORD_MAX);
    enum status status = epochs_decode(&epochs, record, &complaint);
    if (status == STATUS_OK) {
        bool encoded = epochs_encode(&epochs, record->sequence, record->time_ms, &again);
        check(encoded);
        expect_same(buf_bytes(&again), record);
    }
    check(status == STATUS_OK || complaint.text[0] != '\0');
    buf_finish(&again);
    epochs_finish(&epochs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record record;
    struct complaint complaint;
    size_t taken = 0;
    if (size == 0) {
        return 0;
    }
    uint8_t *copy = malloc(size); /* exactly as large: the sanitizer sees every byte too many */
    memcpy(copy, data + 1, size - 1);
    struct gm_bytes bytes = {copy, size - 1};
    if ((data[0] & 1) != 0) {
        seal(copy, size - 1);
    }
    enum status status = record_parse(bytes, &record, &taken, &complaint);
    if (status == STATUS_OK) {
        uint16_t type;
        uint64_t durable;
        uint64_t salt;
        struct gm_bytes name;
        check(taken <= bytes.size);
        expect_same((struct gm_bytes){copy, taken}, &record);
        (void)record_read_type(&record, &type, &name);
        (void)record_read_durable(&record, &durable, &salt);
        expect_epoch(&record);
        expect_table(&record);
    }
    check(status != STATUS_AGAIN || taken > bytes.size);
    free(copy);
    return 0;
}
