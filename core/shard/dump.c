/* SPDX-License-Identifier: MIT */

/* dump.c - a value as the records that make it. A living one is dumped by its type, a frozen one is such records.
 *
 * Why      A dump is what snapshots, copies and digests rest on, and it is a module's: it may refuse, say nothing, or
 *          go round in a circle for ever. Each of them must then end, and say whose fault it is.
 *
 * Idea     The cursor is a number that only grows, so whether a dump comes forward is seen after each call, by looking
 *          at that call alone.
 *
 * Promises
 *   P1  Each call of a type's dump, or digest, that is more than the last brings a record, and a cursor greater than
 *       the one before: else the dump is over, with a sentence that names key, type and module.
 *   P2  A record is handed on in one piece, of at most RECORD_BODY_MAX bytes; what a call is lent is bounded.
 *
 * Limits   A call that does not return hangs the server. What it emits it emits all at once.
 */
#include "shard/dump.h"

#include "base/memory.h"
#include "shard/frozen.h"

/* What a type emits on its way to who wants it. */
struct mouth {
    struct gm_sink abi;
    const struct shard *shard;
    struct dump_sink *out;
    uint64_t records;
    size_t lent;       /* bytes of the shard's scratch memory */
    const char *fault; /* what is wrong with it, first; NULL: nothing */
};

static void blame(struct mouth *mouth, const char *fault)
{
    mouth->fault = mouth->fault == NULL ? fault : mouth->fault;
}

/* False: they are larger than a record can be. */
static bool sum_of(const struct gm_bytes *parts, uint32_t count, size_t *size)
{
    *size = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(*size, parts[i].size, size)) {
            return false;
        }
    }
    return *size <= RECORD_BODY_MAX;
}

static void give_joined(struct mouth *mouth, uint16_t op, const struct gm_bytes *parts, uint32_t count, size_t size)
{
    uint8_t *body = memory_try(size > 0 ? size : 1);
    if (body == NULL) {
        blame(mouth, "the system has no memory for one of its records");
        return;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].size > 0) {
            memcpy(body + at, parts[i].data, parts[i].size);
            at += parts[i].size;
        }
    }
    check(at == size); /* dump P2 */
    mouth->records++;
    mouth->out->take(mouth->out, op, (struct gm_bytes){body, size});
    memory_free(body);
}

static void take_record(struct gm_sink *abi, uint16_t op, const struct gm_bytes *parts, uint32_t count)
{
    struct mouth *mouth = container_of(abi, struct mouth, abi);
    size_t size;
    if (!sum_of(parts, count, &size)) {
        blame(mouth, "it emits a record of more than 512 MiB"); /* dump P2 */
    } else if (mouth->fault != NULL) {
        return;
    } else if (count == 1) {
        mouth->records++;
        mouth->out->take(mouth->out, op, parts[0]);
    } else {
        give_joined(mouth, op, parts, count, size);
    }
}

static void *lend_scratch(struct gm_sink *abi, size_t size)
{
    struct mouth *mouth = container_of(abi, struct mouth, abi);
    if (size > GM_DUMP_SCRATCH - mouth->lent) { /* dump P2 */
        return NULL;
    }
    uint8_t *memory = mouth->shard->dump_scratch + mouth->lent;
    size_t step = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    mouth->lent = step < GM_DUMP_SCRATCH - mouth->lent ? mouth->lent + step : GM_DUMP_SCRATCH;
    return memory;
}

static const struct gm_secret *lend_secret(struct gm_sink *abi)
{
    return &container_of(abi, struct mouth, abi)->shard->secret;
}

static const struct gm_sink_ops lent = {
    .size = sizeof(struct gm_sink_ops), .record = take_record, .scratch = lend_scratch, .secret = lend_secret};

/* ---- one step ---- */

static void dump_frozen(const struct entry *entry, uint64_t *cursor, struct dump_sink *sink)
{
    check(*cursor <= entry->value_size);
    size_t at = (size_t)*cursor;
    struct frozen_record record;
    while (frozen_next(entry, &at, &record)) {
        sink->type = record.type;
        sink->take(sink, record.op, record.body);
        if (at - *cursor >= GM_DUMP_BODY && at < entry->value_size) {
            *cursor = at;
            return;
        }
    }
    *cursor = 0;
}

static void complain(const struct shard *shard, const struct entry *entry, const char *fault,
                     struct complaint *complaint)
{
    char key[192];
    const struct shard_type *type = shard_type_of(shard, entry);
    struct gm_text text = {.data = key, .capacity = sizeof key - 1};
    gm_text_quote(&text, entry_key(entry), 32);
    key[text.size] = '\0';
    complaint_set(complaint, "the type %s of the module %s does not dump the value of key %s: %s", type->name,
                  type->module, key, fault);
}

/* What is wrong with a call that went from one cursor to another; NULL: nothing. */
static const char *judge(const struct mouth *mouth, uint64_t before, uint64_t after)
{
    if (after == GM_DUMP_REFUSED) {
        return "it refuses to";
    }
    if (mouth->fault != NULL) {
        return mouth->fault;
    }
    if (after != 0 && after <= before) {
        return "its cursor does not grow, so it would never end"; /* dump P1 */
    }
    if (mouth->records == 0 && after != 0) {
        return "a call emitted nothing, though more is to come"; /* dump P1 */
    }
    return mouth->records == 0 && before == 0 ? "it emits nothing at all" : NULL;
}

typedef uint64_t (*teller)(const struct gm_cell *, uint64_t cursor, struct gm_sink *);

static bool step(const struct shard *shard, const struct entry *entry, teller tell, uint64_t *cursor,
                 struct dump_sink *sink, struct complaint *complaint)
{
    struct mouth mouth = {.abi = {.ops = &lent}, .shard = shard, .out = sink};
    struct gm_cell cell = shard_cell(entry);
    check_slow((entry->flags & ENTRY_VACANT) == 0);
    sink->type = entry->type;
    crumb_drop(shard->crumb, CRUMB_DUMP, entry->type, entry_key(entry));
    uint64_t after = tell(&cell, *cursor, &mouth.abi);
    crumb_clear(shard->crumb);
    const char *fault = judge(&mouth, *cursor, after);
    *cursor = fault == NULL ? after : 0;
    if (fault != NULL) {
        complain(shard, entry, fault, complaint);
    }
    return fault == NULL;
}

static bool is_frozen(const struct entry *entry)
{
    return (entry->flags & ENTRY_FROZEN) != 0;
}

bool dump_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor, struct dump_sink *sink,
               struct complaint *complaint)
{
    if (is_frozen(entry)) {
        dump_frozen(entry, cursor, sink);
        return true;
    }
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    check_slow(type != NULL); /* types P1 */
    return step(shard, entry, type->dump, cursor, sink, complaint);
}

bool dump_value(const struct shard *shard, const struct entry *entry, struct dump_sink *sink,
                struct complaint *complaint)
{
    uint64_t cursor = 0;
    do {
        if (!dump_step(shard, entry, &cursor, sink, complaint)) {
            return false;
        }
    } while (cursor != 0);
    return true;
}

bool dump_digest_ordered(const struct shard *shard, const struct entry *entry)
{
    return is_frozen(entry) || shard_type_of(shard, entry)->abi->digest == NULL;
}

bool dump_digest_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor, struct dump_sink *sink,
                      struct complaint *complaint)
{
    if (dump_digest_ordered(shard, entry)) {
        return dump_step(shard, entry, cursor, sink, complaint);
    }
    return step(shard, entry, shard_type_of(shard, entry)->abi->digest, cursor, sink, complaint);
}
