/* SPDX-License-Identifier: MIT */

/* due_module.c - "test.timed/1" and "test.delayed/1".
 *
 *     ops     PUT   { i64 time, item name }...     what is there gets the time
 *             DROP  { item name }...
 *             READY { item name }...               their time becomes 0 */
#include "support/due_module.h"

#include "geomys/codec.h"
#include "geomys/ext/wait.h"

enum { PUT = 1, DROP = 2, READY = 3 };

struct item {
    int64_t at_ms;
    struct gm_bytes name; /* owned */
};

struct list {
    struct item *items; /* owned */
    uint64_t held;
    size_t count;
    size_t room;
    int64_t due_ms; /* the least of all times but 0; 0: there is none */
};

static struct list *list_of(const struct gm_cell *cell)
{
    return (struct list *)(uintptr_t)cell->word;
}

static size_t find(const struct list *list, struct gm_bytes name)
{
    size_t i = 0;
    while (i < list->count && !gm_bytes_equal(list->items[i].name, name)) {
        i++;
    }
    return i;
}

static bool is_sound(const struct gm_record *record)
{
    struct gm_reader in = gm_reader_of(record->body);
    bool sound = record->op >= PUT && record->op <= READY && record->body.size > 0;
    while (gm_read_left(&in) > 0) {
        sound = (record->op != PUT || (int64_t)gm_read_u64(&in) >= 0) && sound;
        (void)gm_read_item(&in);
    }
    return sound && gm_read_fine(&in);
}

static void put(struct gm_apply *apply, struct list *list, struct gm_bytes name, int64_t at_ms)
{
    size_t at = find(list, name);
    if (at == list->count) {
        if (list->count == list->room) {
            list->room = list->room == 0 ? 2 : list->room * 2;
            list->items = gm_realloc_counted(apply, list->items, list->room * sizeof *list->items, &list->held);
        }
        uint8_t *copy = gm_alloc_counted(apply, name.size + 1, &list->held);
        memcpy(copy, name.data, name.size);
        list->items[list->count++] = (struct item){0, {copy, name.size}};
    }
    list->items[at].at_ms = at_ms;
}

static void drop(struct gm_apply *apply, struct list *list, struct gm_bytes name)
{
    size_t at = find(list, name);
    if (at < list->count) {
        gm_release_counted(apply, (void *)(uintptr_t)list->items[at].name.data, &list->held);
        list->count--;
        memmove(list->items + at, list->items + at + 1, (list->count - at) * sizeof *list->items);
    }
}

static void settle_due(struct list *list)
{
    list->due_ms = 0;
    for (size_t i = 0; i < list->count; i++) {
        int64_t at_ms = list->items[i].at_ms;
        list->due_ms = at_ms != 0 && (list->due_ms == 0 || at_ms < list->due_ms) ? at_ms : list->due_ms;
    }
}

static int apply_list(struct gm_apply *apply, const struct gm_record *record)
{
    if (!is_sound(record) || (apply->cell.form == GM_ABSENT && record->op != PUT)) {
        return GM_CORRUPT;
    }
    if (apply->cell.form == GM_ABSENT) {
        struct list *fresh = gm_alloc(apply, sizeof *fresh);
        fresh->held = gm_held(apply, fresh);
        gm_set_word(apply, (uint64_t)(uintptr_t)fresh);
    }
    struct list *list = list_of(&apply->cell);
    for (struct gm_reader in = gm_reader_of(record->body); gm_read_left(&in) > 0;) {
        int64_t at_ms = record->op == PUT ? (int64_t)gm_read_u64(&in) : 0;
        struct gm_bytes name = gm_read_item(&in);
        if (record->op == DROP) {
            drop(apply, list, name);
        } else if (record->op == PUT || find(list, name) < list->count) {
            put(apply, list, name, at_ms);
        }
    }
    settle_due(list);
    return GM_OK;
}

static uint64_t dump_list(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    const struct list *list = list_of(cell);
    uint8_t head[8 + GM_VARINT_MAX];
    const struct item *item = &list->items[cursor];
    uint8_t *end = gm_store_varint(gm_store_u64(head, (uint64_t)item->at_ms), item->name.size);
    const struct gm_bytes parts[] = {gm_bytes_between(head, end), item->name};
    gm_dump_parts(sink, PUT, parts, 2);
    return cursor + 1 < list->count ? cursor + 1 : 0;
}

static void free_list(struct gm_apply *apply)
{
    struct list *list = list_of(&apply->cell);
    for (size_t i = 0; i < list->count; i++) {
        gm_release(apply, (void *)(uintptr_t)list->items[i].name.data);
    }
    gm_release(apply, list->items);
    gm_release(apply, list);
}

static uint64_t memory(const struct gm_cell *cell)
{
    return list_of(cell)->held;
}

static bool is_empty(const struct gm_cell *cell)
{
    return list_of(cell)->count == 0;
}

static int64_t due(const struct gm_cell *cell)
{
    return list_of(cell)->due_ms;
}

/* ---- what is due ---- */

static const struct list none = {0};

static const struct list *list_at(const struct gm_call *call)
{
    return gm_key(call, 0)->state == GM_KEY_OWN ? list_of(&gm_key(call, 0)->cell) : &none;
}

static bool is_over(const struct gm_call *call, const struct item *item)
{
    return item->at_ms != 0 && item->at_ms <= call->now_ms;
}

static void emit_over(struct gm_call *call, uint16_t op, const char *event)
{
    const struct list *list = list_at(call);
    size_t size = 0;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        size += is_over(call, &list->items[i]) ? gm_item_size(list->items[i].name.size) : 0;
    }
    uint8_t *body = gm_scratch_raw(call, size);
    if (body == NULL) {
        return;
    }
    uint8_t *end = body;
    for (size_t i = 0; i < list->count && count < DUE_MODULE_PAGE; i++) {
        if (is_over(call, &list->items[i])) {
            end = gm_store_item(end, list->items[i].name);
            count++;
        }
    }
    gm_emit(call, &GM_EMISSION(.op = op, .flags = GM_BORROWED, .body = gm_bytes_between(body, end), .event = event));
}

static void plan_lapse(struct gm_call *call)
{
    emit_over(call, DROP, "lapsed");
}

static void plan_ready(struct gm_call *call)
{
    emit_over(call, READY, NULL);
}

#define LIST .size = sizeof(struct gm_type), .apply = apply_list, .dump = dump_list, .free = free_list, .memory = memory
static const struct gm_type timed = {LIST,       .id = "test.timed/1",  .name = "timed", .empty = is_empty,
                                     .due = due, .plan_due = plan_lapse};
static const struct gm_type delayed = {LIST,       .id = "test.delayed/1", .name = "delayed", .empty = is_empty,
                                       .due = due, .plan_due = plan_ready};

/* ---- commands ---- */

static void emit_put(struct gm_call *call, int64_t at_ms)
{
    size_t size = 0;
    uint32_t count = gm_arg(call, 2)->count;
    for (uint32_t i = 0; i < count; i++) {
        size += 8 + gm_item_size(gm_arg_at(call, 2, i).size);
    }
    uint8_t *body = gm_scratch_raw(call, size);
    uint8_t *end = body;
    if (body == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        end = gm_store_item(gm_store_u64(end, (uint64_t)at_ms), gm_arg_at(call, 2, i));
    }
    gm_emit(call, &GM_EMISSION(.op = PUT, .flags = GM_BORROWED, .body = gm_bytes_between(body, end)));
    gm_reply_int(call, count);
}

static void plan_put(struct gm_call *call)
{
    int64_t at_ms = gm_arg(call, 1)->integer;
    emit_put(call, at_ms < 0 ? 0 : at_ms);
}

static void plan_put_in(struct gm_call *call)
{
    int64_t ms = gm_arg(call, 1)->integer;
    emit_put(call, ms < 0 || ms > INT64_MAX - call->now_ms ? 0 : call->now_ms + ms);
}

static void emit_drop(struct gm_call *call, struct gm_bytes name)
{
    uint8_t *body = gm_scratch_raw(call, gm_item_size(name.size));
    if (body != NULL) {
        struct gm_bytes whole = gm_bytes_between(body, gm_store_item(body, name));
        gm_emit(call, &GM_EMISSION(.op = DROP, .flags = GM_BORROWED, .body = whole));
    }
}

static void plan_drop(struct gm_call *call)
{
    const struct list *list = list_at(call);
    int64_t dropped = 0;
    for (uint32_t i = 0; i < gm_arg(call, 1)->count; i++) {
        if (find(list, gm_arg_at(call, 1, i)) < list->count) {
            emit_drop(call, gm_arg_at(call, 1, i));
            dropped = 1;
            break; /* one at a time: enough for the tests */
        }
    }
    gm_reply_int(call, dropped);
}

static void reply_names(struct gm_call *call, bool raw)
{
    const struct list *list = list_at(call);
    gm_reply_begin(call, GM_REPLY_ARRAY);
    for (size_t i = 0; i < list->count; i++) {
        if (raw || !is_over(call, &list->items[i])) {
            gm_reply_bytes(call, list->items[i].name);
        }
    }
    gm_reply_end(call);
}

static void plan_all(struct gm_call *call)
{
    reply_names(call, false);
}

static void plan_raw(struct gm_call *call)
{
    reply_names(call, true);
}

static void plan_take(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    const struct list *list = list_at(call);
    size_t i = 0;
    while (i < list->count && list->items[i].at_ms != 0) {
        i++;
    }
    if (i < list->count) {
        emit_drop(call, list->items[i].name);
        gm_reply_bytes(call, list->items[i].name);
    } else if (!wait->wait(call, gm_arg(call, 1)->integer, (struct gm_bytes){0})) {
        gm_reply_null(call);
    }
}

#define WORDS .size = sizeof(struct gm_command), .summary = "For the tests.", .complexity = "O(n)"

static const struct gm_type *const types[] = {&timed, &delayed};
static const char *const needs[] = {GM_WAIT_2};
static const struct gm_command commands[] = {
    {WORDS, .usage = "TIMED.PUT key at:unix-ms name...", .flags = GM_WRITE | GM_GROWS, .type = &timed,
     .plan = plan_put},
    {WORDS, .usage = "TIMED.DROP key name...", .flags = GM_WRITE, .type = &timed, .plan = plan_drop},
    {WORDS, .usage = "TIMED.ALL key", .flags = GM_READ, .type = &timed, .plan = plan_all},
    {WORDS, .usage = "TIMED.RAW key", .flags = GM_READ, .type = &timed, .plan = plan_raw},
    {WORDS, .usage = "DELAYED.PUT key ms:int name...", .flags = GM_WRITE | GM_GROWS, .type = &delayed,
     .plan = plan_put_in},
    {WORDS, .usage = "DELAYED.TAKE key timeout:timeout", .flags = GM_WRITE | GM_BLOCKS, .type = &delayed,
     .plan = plan_take},
};
const struct gm_module due_module = {.size = sizeof due_module,
                                     .abi_major = GM_ABI_MAJOR,
                                     .abi_minor = GM_ABI_MINOR,
                                     .name = "test.due",
                                     .version = "1.0.0",
                                     .summary = "Values that change by themselves.",
                                     .types = types,
                                     .type_count = 2,
                                     .commands = commands,
                                     .command_count = sizeof commands / sizeof commands[0],
                                     .needs = needs,
                                     .need_count = 1};
