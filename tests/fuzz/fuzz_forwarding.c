/* SPDX-License-Identifier: MIT */

/* Any bytes as a message of a Forward stream, from either side, and as answers that it brings. */
#include "wire/forwarding.h"
#include "wire/replies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_replies(struct gm_bytes bytes)
{
    struct replies replies = {0};
    size_t before = 0;
    enum replies_result result;
    do {
        result = replies_next(&replies, bytes);
        check(result == REPLIES_BROKEN || replies.position >= before);
        check(result == REPLIES_MORE || result == REPLIES_BROKEN || replies.position <= bytes.size);
        before = replies.position;
    } while (result == REPLIES_REPLY || result == REPLIES_PUSH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gm_bytes bytes = gm_bytes_at(data, size);
    struct arena arena = {0};
    struct complaint complaint;
    struct forwarding_message message;
    struct buf out;
    buf_init(&out, (size_t)256 * 1024);
    for (int up = 0; up < 2; up++) {
        enum status status = up ? forwarding_unpack_up(bytes, &message, &arena, &complaint)
                                : forwarding_unpack_down(bytes, &message, &arena, &complaint);
        check(status == STATUS_OK || status == STATUS_CORRUPT);
        if (status == STATUS_OK) { /* what was taken can be said again */
            bool fits = forwarding_pack(&message, &out);
            check(fits);
        }
        if (status == STATUS_OK && message.kind == FORWARDING_ANSWER) {
            look_at_replies(message.answer.bytes);
        }
        arena_reset(&arena);
    }
    look_at_replies(bytes);
    arena_finish(&arena);
    buf_finish(&out);
    return 0;
}
