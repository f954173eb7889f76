/* SPDX-License-Identifier: MIT */

/* deque_plan_ends.c - PUSH, LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LLEN.
 *
 * Idea    One element is a record whose body is the element itself, which the host need not copy. Several are written
 *         as items into records of at most RECORD_SIZE bytes each, so that a command of a gigabyte needs little memory
 *         of its own.
 */
#include "deque_plan.h"

#define RECORD_SIZE ((size_t)64 * 1024) /* bytes of items in one record */

/* Numbers in the usage lines: key element... ; key [count:count] */
enum { PUSH_KEY, PUSH_ELEMENT };
enum { POP_KEY, POP_COUNT };

/* What listeners hear, whichever command it was: BLMOVE pushes and pops as LPUSH and RPOP do. */
static const char *push_event(enum deque_side side)
{
    return side == DEQUE_LEFT ? "lpush" : "rpush";
}

void deque_emit_push(struct gm_call *call, uint32_t key, enum deque_side side, struct gm_bytes element, bool borrowed)
{
    gm_emit(call, &GM_EMISSION(.key = key, .op = side == DEQUE_LEFT ? DEQUE_PUSH_FRONT1 : DEQUE_PUSH_BACK1,
                               .flags = borrowed ? GM_BORROWED : 0, .body = element, .event = push_event(side)));
}

void deque_emit_pop(struct gm_call *call, uint32_t key, enum deque_side side, uint64_t count)
{
    uint8_t body[GM_VARINT_MAX];
    gm_emit(call, &GM_EMISSION(.key = key, .op = side == DEQUE_LEFT ? DEQUE_POP_FRONT : DEQUE_POP_BACK,
                               .body = gm_bytes_between(body, gm_store_varint(body, count)),
                               .event = side == DEQUE_LEFT ? "lpop" : "rpop"));
}

static const struct gm_bytes *element_at(const struct gm_bytes *elements, size_t stride, size_t i)
{
    return (const struct gm_bytes *)(const void *)((const char *)elements + i * stride);
}

static size_t item_size_at(const struct gm_bytes *elements, size_t stride, size_t i)
{
    return gm_item_size(element_at(elements, stride, i)->size);
}

/* How many of the elements go into the next record, and its size: at least one. */
static size_t gather(const struct gm_bytes *elements, size_t stride, size_t count, size_t *size)
{
    size_t taken = 1;
    *size = gm_item_size(elements->size);
    while (taken < count && *size < RECORD_SIZE && item_size_at(elements, stride, taken) <= RECORD_SIZE - *size) {
        *size += item_size_at(elements, stride, taken++);
    }
    return taken;
}

/* One element is a record that is the element itself. */
static uint16_t single_op(uint16_t op)
{
    return op == DEQUE_PUSH_FRONT ? DEQUE_PUSH_FRONT1 : DEQUE_PUSH_BACK1;
}

/* Elements that lie `stride` bytes from one another, which is what argv and an array of gm_element have in common. `as`
 * is the first of its records, but for the body: GM_BORROWED, since the elements stay where they are. */
static void emit_push_many(struct gm_call *call, const struct gm_emission *as, const struct gm_bytes *elements,
                           size_t stride, size_t count)
{
    struct gm_emission emission = *as;
    while (count > 0) {
        size_t size = 0;
        size_t taken = gather(elements, stride, count, &size);
        uint8_t *body = taken > 1 ? gm_scratch_raw(call, size) : NULL;
        if (taken > 1 && body == NULL) {
            return;
        }
        uint8_t *at = body;
        for (size_t i = 0; i < taken && taken > 1; i++) {
            at = gm_store_item(at, *element_at(elements, stride, i));
        }
        emission.op = taken > 1 ? as->op : single_op(as->op);
        emission.body = taken > 1 ? gm_bytes_between(body, at) : elements[0];
        gm_emit(call, &emission);
        emission.flags = GM_BORROWED;
        elements = element_at(elements, stride, taken);
        count -= taken;
    }
}

void deque_plan_elements(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count)
{
    emit_push_many(call, &GM_EMISSION(.key = key, .flags = GM_FRESH | GM_BORROWED, .op = DEQUE_PUSH_BACK),
                   &elements->name, sizeof *elements, count);
}

static void push(struct gm_call *call, enum deque_side side)
{
    const struct gm_arg *given = gm_arg(call, PUSH_ELEMENT);
    const struct gm_bytes *elements = &call->argv[given->first];
    if (__builtin_expect(given->count == 1, 1)) {
        deque_emit_push(call, 0, side, elements[0], true);
    } else {
        emit_push_many(call,
                       &GM_EMISSION(.flags = GM_BORROWED, .op = side == DEQUE_LEFT ? DEQUE_PUSH_FRONT : DEQUE_PUSH_BACK,
                                    .event = push_event(side)),
                       elements, sizeof *elements, given->count);
    }
    gm_reply_int(call, (int64_t)(deque_key_length(call, 0) + given->count));
}

void deque_plan_lpush(struct gm_call *call)
{
    push(call, DEQUE_LEFT);
}

void deque_plan_rpush(struct gm_call *call)
{
    push(call, DEQUE_RIGHT);
}

static void push_existing(struct gm_call *call, enum deque_side side)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, 0);
    } else {
        push(call, side);
    }
}

void deque_plan_lpushx(struct gm_call *call)
{
    push_existing(call, DEQUE_LEFT);
}

void deque_plan_rpushx(struct gm_call *call)
{
    push_existing(call, DEQUE_RIGHT);
}

/* Replies with an array of the first `count` elements from one side, as many as there are at most, and emits their
 * removal. */
void deque_reply_popped(struct gm_call *call, uint32_t key, enum deque_side side, uint64_t count)
{
    uint64_t length = deque_key_length(call, key);
    uint64_t taken = count < length ? count : length;
    struct deque_cursor cursor = deque_end(call, key, side);
    struct gm_bytes element;
    gm_reply_array(call, (size_t)taken);
    for (uint64_t i = 0; i < taken && deque_take(&cursor, side, &element); i++) {
        gm_reply_bytes(call, element);
    }
    if (taken > 0) {
        deque_emit_pop(call, key, side, taken);
    }
}

static void pop(struct gm_call *call, enum deque_side side)
{
    bool counted = gm_given(call, POP_COUNT);
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        if (counted) {
            gm_reply_null_array(call);
        } else {
            gm_reply_null(call);
        }
        return;
    }
    if (counted) {
        deque_reply_popped(call, 0, side, (uint64_t)gm_arg(call, POP_COUNT)->integer);
        return;
    }
    struct deque_cursor cursor = deque_end(call, 0, side);
    struct gm_bytes element = {0};
    (void)deque_take(&cursor, side, &element);
    gm_reply_bytes(call, element);
    deque_emit_pop(call, 0, side, 1);
}

void deque_plan_lpop(struct gm_call *call)
{
    pop(call, DEQUE_LEFT);
}

void deque_plan_rpop(struct gm_call *call)
{
    pop(call, DEQUE_RIGHT);
}

void deque_plan_llen(struct gm_call *call)
{
    gm_reply_int(call, (int64_t)deque_key_length(call, 0));
}
