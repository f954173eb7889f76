/* SPDX-License-Identifier: MIT */

/* fuzz_adopt.c - any bytes as batches that come from another node: each is taken over as a whole or refused as a whole.
 * What is taken over reads as it came, but for the numbers of types; what is refused has changed nothing.
 *
 * Input: one byte of flags; then batches, each a size of two bytes and so many bytes. Flag 1: records get right
 * checksums where their sizes make sense. Flag 2: and the sequence and epoch that come next, a new epoch if the first
 * one begins one. Flag 4: nobody carries. */
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "log/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_SEAL  1
#define FLAG_ORDER 2
#define FLAG_ALONE 4

struct scene {
    struct tail tail;
    struct tail_cursor cursor;
    struct names_map map;
};

static void start(struct scene *scene, bool carried)
{
    *scene = (struct scene){0};
    struct epochs_entry entry = {.epoch = 3, .leader = 1, .first = 1};
    tail_init(&scene->tail, 100, 3);
    tail_set_epochs(&scene->tail, &(struct epochs){.list = &entry, .count = 1});
    for (uint16_t i = 1; i <= 3; i++) {
        const uint8_t name[] = {'t', (uint8_t)('0' + i)};
        tail_declare(&scene->tail, i, (struct gm_bytes){name, sizeof name});
        bool known = names_map_declare(&scene->map, (uint16_t)(4 - i), (struct gm_bytes){name, 2}, &scene->tail.names);
        check(known);
    }
    if (carried && tail_cursor_open(&scene->cursor, &scene->tail, 101, true) != STATUS_OK) {
        check(false);
    }
}

static void seal(const struct scene *scene, uint8_t *bytes, size_t size, bool order)
{
    uint64_t sequence = scene->tail.last_sequence;
    bool begins = size >= RECORD_HEADER_SIZE && codec_u16(bytes + 14) == RECORD_OP_EPOCH && codec_u16(bytes + 40) == 0;
    for (size_t at = 0; at + RECORD_HEADER_SIZE <= size;) {
        uint8_t *head = bytes + at;
        uint32_t claimed = codec_u32(head + 8);
        if (claimed < RECORD_HEADER_SIZE || claimed > size - at) {
            return;
        }
        if (order) {
            codec_put_u64(head + 16, ++sequence);
            codec_put_u64(head + 24, scene->tail.epoch + begins);
        }
        codec_put_u32(head + 4, crc32c((struct gm_bytes){head + RECORD_HEADER_SIZE, claimed - RECORD_HEADER_SIZE}));
        codec_put_u32(head, crc32c((struct gm_bytes){head + 4, RECORD_HEADER_SIZE - 4}));
        at += (claimed + 7) & ~(size_t)7;
    }
}

/* What is in the tail now is what came. */
static void expect_copy(struct scene *scene, struct gm_bytes original)
{
    struct tail_slice slice;
    enum status status = tail_take(&scene->cursor, SIZE_MAX, UINT64_MAX, &slice);
    check(status == STATUS_OK && slice.bytes.size == original.size && slice.last == scene->tail.last_sequence);
    for (size_t at = 0; at < original.size;) {
        struct record ours;
        struct record theirs;
        size_t size;
        check(record_parse((struct gm_bytes){slice.bytes.data + at, slice.bytes.size - at}, &ours, &size, NULL) ==
              STATUS_OK);
        record_read(original.data + at, &theirs, &size);
        check(ours.type == names_map_of(&scene->map, theirs.type) && (ours.type == 0) == (theirs.type == 0));
        check(ours.sequence == theirs.sequence && ours.epoch == theirs.epoch && ours.flags == theirs.flags);
        check(ours.op == theirs.op && ours.slot == theirs.slot && ours.time_ms == theirs.time_ms);
        check(gm_bytes_equal(ours.key, theirs.key) && gm_bytes_equal(ours.body, theirs.body));
        at += size;
    }
    tail_release(&scene->tail, &slice);
}

static void adopt(struct scene *scene, struct gm_bytes batch)
{
    struct complaint complaint = {.text = ""};
    uint64_t last = scene->tail.last_sequence;
    uint64_t epoch = scene->tail.epoch;
    bool carried = scene->tail.carried;
    enum status status = tail_adopt(&scene->tail, &scene->map, 16, batch, &complaint);
    if (status == STATUS_OK) {
        check(scene->tail.last_sequence > last && scene->tail.epoch >= epoch);
        check(scene->tail.epoch == epochs_last(&scene->tail.epochs)); /* tail I7 */
        if (carried) {
            expect_copy(scene, batch);
        }
        return;
    }
    check(complaint.text[0] != '\0');
    check(scene->tail.last_sequence == last && scene->tail.epoch == epoch && !scene->tail.open);
    check(!carried || tail_waiting(&scene->cursor) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene scene;
    uint8_t flags = size > 0 ? data[0] : 0;
    start(&scene, (flags & FLAG_ALONE) == 0);
    for (size_t at = 1; at + 2 <= size;) {
        size_t wanted = codec_u16(data + at);
        at += 2;
        size_t taken = wanted < size - at ? wanted : size - at;
        uint8_t *copy = malloc(taken > 0 ? taken : 1); /* exactly as large: the sanitizer sees every byte too many */
        memcpy(copy, data + at, taken);
        if ((flags & FLAG_SEAL) != 0) {
            seal(&scene, copy, taken, (flags & FLAG_ORDER) != 0);
        }
        adopt(&scene, (struct gm_bytes){copy, taken});
        free(copy);
        at += taken;
    }
    tail_cursor_close(&scene.cursor);
    names_map_finish(&scene.map);
    tail_finish(&scene.tail);
    return 0;
}
