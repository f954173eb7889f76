/* SPDX-License-Identifier: MIT */

/* Any bytes as a message between engines of the coordinator, and as a patch of themselves: what is taken stays within
 * its bytes. */
#include "cluster/coord_message.h"
#include "cluster/coord_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gm_bytes bytes = gm_bytes_at(data, size);
    struct coord_message message;
    struct buf out;
    if (coord_message_decode(bytes, &message) == STATUS_OK && message.kind == COORD_MESSAGE_APPEND) {
        for (uint32_t i = 0; i < message.append.count; i++) {
            struct coord_store_entry entry = coord_message_entry(&message.append.entries);
            check(entry.data.size == 0 || entry.data.data + entry.data.size <= data + size);
        }
        check(message.append.entries.size == 0);
    }
    buf_init(&out, TOPOLOGY_BYTES_MAX);
    enum status status = coord_patch_apply(bytes, bytes, &out);
    check(status == STATUS_OK || status == STATUS_CORRUPT);
    buf_finish(&out);
    return 0;
}
