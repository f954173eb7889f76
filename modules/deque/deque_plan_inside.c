/* SPDX-License-Identifier: MIT */

/* deque_plan_inside.c - LINDEX, LINSERT, LPOS, LRANGE, LREM, LSET, LTRIM.
 *
 * Idea    Plan finds, apply changes: what is logged are indexes, so that followers need not search again. LREM logs
 *         runs of "so many stay, so many go", in records of at most RUNS_SIZE bytes; each record counts from the
 *         beginning of what the one before it left.
 */
#include "deque_plan.h"

#define RUNS_SIZE  ((size_t)64 * 1024)
#define RUNS_FIRST ((size_t)64) /* most LREMs need no more */

/* Numbers in the usage lines. */
enum { LINDEX_KEY, LINDEX_INDEX };
enum { LINSERT_KEY, LINSERT_BEFORE, LINSERT_AFTER, LINSERT_PIVOT, LINSERT_ELEMENT };
enum {
    LPOS_KEY,
    LPOS_ELEMENT,
    LPOS_RANK,
    LPOS_RANK_VALUE,
    LPOS_COUNT,
    LPOS_COUNT_VALUE,
    LPOS_MAXLEN,
    LPOS_MAXLEN_VALUE
};
enum { LRANGE_KEY, LRANGE_START, LRANGE_STOP };
enum { LREM_KEY, LREM_COUNT, LREM_ELEMENT };
enum { LSET_KEY, LSET_INDEX, LSET_ELEMENT };

#define RANGE_ERROR "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"

/* ---- indexes -------------------------------------------------------------------------------------------------- */

/* An index as clients give it, from the end if negative, as one from the front. False: there is no such element. */
static bool resolve(int64_t index, uint64_t length, uint64_t *resolved)
{
    if (index >= 0) {
        *resolved = (uint64_t)index;
        return (uint64_t)index < length;
    }
    uint64_t back = 0 - (uint64_t)index;
    *resolved = length - back;
    return back <= length;
}

/* The elements from `start` to `stop`, both included and as clients give them: where they begin, and how many. */
static uint64_t resolve_range(int64_t start, int64_t stop, uint64_t length, uint64_t *first)
{
    uint64_t last = 0;
    if (!resolve(start, length, first)) {
        if (start >= 0) {
            return 0;
        }
        *first = 0;
    }
    if (!resolve(stop, length, &last)) {
        if (stop < 0 || length == 0) {
            return 0;
        }
        last = length - 1;
    }
    return last < *first ? 0 : last - *first + 1;
}

void deque_plan_lindex(struct gm_call *call)
{
    uint64_t index = 0;
    if (!resolve(gm_arg(call, LINDEX_INDEX)->integer, deque_key_length(call, 0), &index)) {
        gm_reply_null(call);
        return;
    }
    struct deque_cursor cursor = deque_cell_seek(&gm_key(call, 0)->cell, index);
    struct gm_bytes element = {0};
    (void)deque_next(&cursor, &element);
    gm_reply_bytes(call, element);
}

void deque_plan_lrange(struct gm_call *call)
{
    uint64_t first = 0;
    uint64_t count = resolve_range(gm_arg(call, LRANGE_START)->integer, gm_arg(call, LRANGE_STOP)->integer,
                                   deque_key_length(call, 0), &first);
    gm_reply_array(call, (size_t)count);
    if (count > 0) {
        struct deque_cursor cursor = deque_cell_seek(&gm_key(call, 0)->cell, first);
        struct gm_bytes element;
        for (; count > 0 && deque_next(&cursor, &element); count--) {
            gm_reply_bytes(call, element);
        }
    }
}

void deque_plan_ltrim(struct gm_call *call)
{
    uint64_t length = deque_key_length(call, 0);
    uint64_t first = 0;
    uint64_t count =
        resolve_range(gm_arg(call, LRANGE_START)->integer, gm_arg(call, LRANGE_STOP)->integer, length, &first);
    if (count == 0 && length > 0) {
        gm_emit(call, &GM_EMISSION(.flags = GM_DELETE));
    } else if (count < length) {
        uint8_t body[2 * GM_VARINT_MAX];
        uint8_t *end = gm_store_varint(gm_store_varint(body, first), count);
        gm_emit(call, &GM_EMISSION(.op = DEQUE_TRIM, .body = gm_bytes_between(body, end)));
    }
    gm_reply_status(call, "OK");
}

/* ---- one element ---------------------------------------------------------------------------------------------- */

/* Emits a SET or an INSERT; false, with an error as the reply, if the record would be too large. */
static bool emit_at(struct gm_call *call, uint16_t op, uint64_t index, struct gm_bytes element)
{
    uint8_t number[GM_VARINT_MAX];
    size_t width = (size_t)(gm_store_varint(number, index) - number);
    if (element.size > GM_VALUE_SIZE_MAX - width) {
        gm_reply_error(call, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
    }
    gm_emit(call, &GM_EMISSION(.op = op, .body = {number, width}, .parts = &element, .part_count = 1));
    return true;
}

void deque_plan_lset(struct gm_call *call)
{
    uint64_t index = 0;
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_error(call, "ERR no such key");
    } else if (!resolve(gm_arg(call, LSET_INDEX)->integer, deque_key_length(call, 0), &index)) {
        gm_reply_error(call, "ERR index out of range");
    } else if (emit_at(call, DEQUE_SET, index, gm_arg_at(call, LSET_ELEMENT, 0))) {
        gm_reply_status(call, "OK");
    }
}

void deque_plan_linsert(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, 0);
        return;
    }
    struct gm_bytes pivot = gm_arg_at(call, LINSERT_PIVOT, 0);
    struct deque_cursor cursor = deque_end(call, 0, DEQUE_LEFT);
    struct gm_bytes element;
    for (uint64_t index = 0; deque_next(&cursor, &element); index++) {
        if (gm_bytes_equal(element, pivot)) {
            uint64_t place = gm_given(call, LINSERT_AFTER) ? index + 1 : index;
            if (emit_at(call, DEQUE_INSERT, place, gm_arg_at(call, LINSERT_ELEMENT, 0))) {
                gm_reply_int(call, (int64_t)(deque_key_length(call, 0) + 1));
            }
            return;
        }
    }
    gm_reply_int(call, -1);
}

/* ---- LREM ----------------------------------------------------------------------------------------------------- */

/* Runs being written, and the records they go to. */
struct removal {
    struct gm_call *call;
    uint8_t *runs; /* scratch */
    size_t size;
    size_t capacity;
    uint64_t kept; /* elements that stay, of all before the place that was reached */
    uint64_t told; /* of these, counted in `runs` */
    uint64_t drop; /* of the run that is open */
};

static void removal_emit(struct removal *removal)
{
    if (removal->size > 0) {
        gm_emit(removal->call,
                &GM_EMISSION(.op = DEQUE_REMOVE, .flags = GM_BORROWED, .body = {removal->runs, removal->size}));
    }
    removal->size = 0;
    removal->capacity = 0;
    removal->told = 0;
}

/* False: there is no memory for it. */
static bool removal_reserve(struct removal *removal)
{
    size_t need = (size_t)2 * GM_VARINT_MAX;
    if (removal->capacity - removal->size >= need) {
        return true;
    }
    if (removal->size + need > RUNS_SIZE) {
        removal_emit(removal);
    }
    size_t capacity = removal->capacity > 0 ? removal->capacity * 2 : RUNS_FIRST;
    uint8_t *runs = gm_scratch_raw(removal->call, capacity);
    if (runs == NULL) {
        return false;
    }
    if (removal->size > 0) {
        memcpy(runs, removal->runs, removal->size);
    }
    removal->runs = runs;
    removal->capacity = capacity;
    return true;
}

/* The open run, if there is one, is over. */
static void removal_close(struct removal *removal)
{
    if (removal->drop > 0 && removal_reserve(removal)) {
        uint8_t *at = removal->runs + removal->size;
        at = gm_store_varint(at, removal->kept - removal->told);
        at = gm_store_varint(at, removal->drop);
        removal->size = (size_t)(at - removal->runs);
        removal->told = removal->kept;
        removal->drop = 0;
    }
}

/* The index of the `count`-th match from the end, or of the first there is; how many there are from there on. */
static uint64_t last_matches(const struct gm_call *call, struct gm_bytes wanted, uint64_t count, uint64_t *found)
{
    struct deque_cursor cursor = deque_end(call, 0, DEQUE_RIGHT);
    struct gm_bytes element;
    uint64_t from = 0;
    *found = 0;
    for (uint64_t index = deque_key_length(call, 0); *found < count && deque_prev(&cursor, &element); index--) {
        if (gm_bytes_equal(element, wanted)) {
            from = index - 1;
            (*found)++;
        }
    }
    return from;
}

/* Emits the removal of the first `count` matches at or behind `from`; how many there were. */
static uint64_t remove_matches(struct gm_call *call, struct gm_bytes wanted, uint64_t from, uint64_t count)
{
    struct removal removal = {.call = call, .kept = from};
    struct deque_cursor cursor = deque_cell_seek(&gm_key(call, 0)->cell, from);
    struct gm_bytes element;
    uint64_t found = 0;
    while (found < count && deque_next(&cursor, &element)) {
        if (gm_bytes_equal(element, wanted)) {
            removal.drop++;
            found++;
        } else {
            removal_close(&removal);
            removal.kept++;
        }
    }
    removal_close(&removal);
    removal_emit(&removal);
    return found;
}

void deque_plan_lrem(struct gm_call *call)
{
    int64_t count = gm_arg(call, LREM_COUNT)->integer;
    struct gm_bytes wanted = gm_arg_at(call, LREM_ELEMENT, 0);
    uint64_t found = 0;
    if (count == INT64_MIN) {
        gm_reply_error(call, RANGE_ERROR);
        return;
    }
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, 0);
        return;
    }
    if (count >= 0) {
        found = remove_matches(call, wanted, 0, count == 0 ? UINT64_MAX : (uint64_t)count);
    } else {
        uint64_t from = last_matches(call, wanted, (uint64_t)-count, &found);
        if (found > 0) {
            (void)remove_matches(call, wanted, from, found);
        }
    }
    gm_reply_int(call, (int64_t)found);
}

/* ---- LPOS ----------------------------------------------------------------------------------------------------- */

struct search {
    struct gm_bytes wanted;
    enum deque_side from;
    uint64_t skip;   /* matches to pass over                 */
    uint64_t limit;  /* matches wanted                       */
    uint64_t maxlen; /* elements to look at                  */
};

/* How many matches there are, at most `limit`; replies with the index of each if `reply`. */
static uint64_t search_run(struct gm_call *call, const struct search *search, bool reply)
{
    uint64_t length = deque_key_length(call, 0);
    uint64_t seen = 0;
    uint64_t found = 0;
    struct deque_cursor cursor = deque_end(call, 0, search->from);
    struct gm_bytes element;
    for (uint64_t step = 0;
         found < search->limit && step < search->maxlen && deque_take(&cursor, search->from, &element); step++) {
        if (gm_bytes_equal(element, search->wanted) && seen++ >= search->skip) {
            found++;
            if (reply) {
                gm_reply_int(call, (int64_t)(search->from == DEQUE_LEFT ? step : length - 1 - step));
            }
        }
    }
    return found;
}

void deque_plan_lpos(struct gm_call *call)
{
    int64_t rank = gm_given(call, LPOS_RANK) ? gm_arg(call, LPOS_RANK_VALUE)->integer : 1;
    int64_t count = gm_given(call, LPOS_COUNT) ? gm_arg(call, LPOS_COUNT_VALUE)->integer : 1;
    int64_t maxlen = gm_given(call, LPOS_MAXLEN) ? gm_arg(call, LPOS_MAXLEN_VALUE)->integer : 0;
    if (rank == INT64_MIN) {
        gm_reply_error(call, RANGE_ERROR);
        return;
    }
    if (rank == 0) {
        gm_reply_error(call,
                       "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
                       "negative to start from the end of the list");
        return;
    }
    if (count < 0 || maxlen < 0) {
        gm_reply_error(call, count < 0 ? "ERR COUNT can't be negative" : "ERR MAXLEN can't be negative");
        return;
    }
    struct search search = {
        .wanted = gm_arg_at(call, LPOS_ELEMENT, 0),
        .from = rank > 0 ? DEQUE_LEFT : DEQUE_RIGHT,
        .skip = (uint64_t)(rank > 0 ? rank : -rank) - 1,
        .limit = count == 0 ? UINT64_MAX : (uint64_t)count,
        .maxlen = maxlen == 0 ? UINT64_MAX : (uint64_t)maxlen,
    };
    bool present = gm_key(call, 0)->state == GM_KEY_OWN;
    if (gm_given(call, LPOS_COUNT)) {
        /* An array is announced before its elements: a second pass costs less than remembering any number of
         * indexes. */
        gm_reply_array(call, present ? (size_t)search_run(call, &search, false) : 0);
        if (present) {
            (void)search_run(call, &search, true);
        }
    } else if (!present || search_run(call, &search, true) == 0) {
        gm_reply_null(call);
    }
}
