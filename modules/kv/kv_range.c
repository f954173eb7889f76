/* SPDX-License-Identifier: MIT */

/* kv_range.c - commands that read and write a part of a value: APPEND, STRLEN, GETRANGE, SETRANGE.
 *
 * Idea    A record carries the part, never the value around it. Positions are settled in plan against the value as it
 *         is.
 *
 * Promises
 *   P1  The greatest size is checked before anything is emitted, so that apply never has to refuse.
 *   P2  A write that leaves the bytes as they are emits nothing.
 */
#include "kv_plan.h"

#include "geomys/codec.h"
#include "geomys/number.h"

/* Bytes of a value in one PATCH record: with its head the body stays within GM_VALUE_SIZE_MAX. */
#define PATCH_BYTES_MAX (GM_VALUE_SIZE_MAX / 2)

void kv_plan_patch(struct gm_call *call, uint32_t key, uint64_t offset, struct gm_bytes bytes)
{
    size_t done = 0;
    do {
        size_t left = bytes.size - done;
        size_t size = left < PATCH_BYTES_MAX ? left : PATCH_BYTES_MAX;
        struct gm_bytes part = {size > 0 ? bytes.data + done : NULL, size};
        uint8_t head[KV_PATCH_HEAD];
        gm_store_u64(head, offset + done);
        gm_emit(call, &GM_EMISSION(.key = key, .op = KV_OP_PATCH, .body = {head, sizeof head}, .parts = &part,
                                   .part_count = 1));
        done += size;
    } while (done < bytes.size);
}

void kv_plan_append(struct gm_call *call)
{
    struct gm_bytes old = kv_plan_text(call, 0);
    struct gm_bytes more = gm_arg_at(call, APPEND_VALUE, 0);
    size_t size;
    if (__builtin_add_overflow(old.size, more.size, &size) || size > GM_VALUE_SIZE_MAX) {
        gm_reply_error(call, KV_ERROR_SIZE);
        return;
    }
    if (!kv_plan_afford(call, old, size)) {
        return;
    }
    bool absent = gm_key(call, 0)->state == GM_KEY_ABSENT;
    if (absent || more.size > 0) {
        kv_plan_own(call, 0);
        gm_emit(call,
                &GM_EMISSION(.op = (uint16_t)(absent ? KV_OP_SET : KV_OP_APPEND), .flags = GM_BORROWED, .body = more));
    }
    gm_reply_int(call, (int64_t)size);
}

void kv_plan_strlen(struct gm_call *call)
{
    gm_reply_int(call, (int64_t)kv_plan_text(call, 0).size);
}

void kv_plan_getrange(struct gm_call *call)
{
    struct gm_bytes text = kv_plan_text(call, 0);
    struct kv_range range =
        kv_value_range(gm_arg(call, GETRANGE_START)->integer, gm_arg(call, GETRANGE_END)->integer, text.size);
    const uint8_t *data = range.count > 0 ? text.data + range.first : NULL;
    gm_reply_bytes(call, (struct gm_bytes){data, (size_t)range.count});
}

uint64_t kv_reach_setrange(const struct gm_bytes *argv, uint32_t argc)
{
    int64_t offset;
    (void)argc;
    bool fits = gm_parse_int(argv[2], &offset) && offset >= 0 && (uint64_t)offset <= GM_VALUE_SIZE_MAX;
    return fits ? (uint64_t)offset + argv[3].size : 0;
}

void kv_plan_setrange(struct gm_call *call)
{
    int64_t offset = gm_arg(call, SETRANGE_OFFSET)->integer;
    struct gm_bytes bytes = gm_arg_at(call, SETRANGE_VALUE, 0);
    struct gm_bytes old = kv_plan_text(call, 0);
    uint64_t end;
    if (offset < 0) {
        gm_reply_error(call, "ERR offset is out of range");
        return;
    }
    if (bytes.size == 0) {
        gm_reply_int(call, (int64_t)old.size);
        return;
    }
    if (__builtin_add_overflow((uint64_t)offset, bytes.size, &end) || end > GM_VALUE_SIZE_MAX) {
        gm_reply_error(call, KV_ERROR_SIZE);
        return;
    }
    if (!kv_plan_afford(call, old, end)) {
        return;
    }
    if (end > old.size || memcmp(old.data + offset, bytes.data, bytes.size) != 0) {
        kv_plan_own(call, 0);
        kv_plan_patch(call, 0, (uint64_t)offset, bytes);
    }
    gm_reply_int(call, (int64_t)(end > old.size ? end : old.size));
}
