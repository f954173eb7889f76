/* SPDX-License-Identifier: MIT */

/* cmd_scan.c - looking at many keys: KEYS, SCAN, DBSIZE, RANDOMKEY.
 *
 * Idea     What SCAN matches is noted as addresses first, since a reply says how many elements come before they come.
 *          Nothing changes while a plan runs, so that the addresses hold. SCAN's cursor is table_scan's, in decimal.
 *          KEYS goes on from turn to turn (cmd_walk.h).
 *
 * Promises
 *   I1  A key whose time has come is not shown, whether it has been removed yet or not. DBSIZE alone counts it, as in
 *       Redis.
 *   I2  A key that is there from a scan's beginning to its end is shown at least once.
 *
 *   I3  SCAN's matching ends with the bucket that passes SCAN_STEPS: a pattern makes a call return fewer keys, not
 *       take longer.
 *
 * Limits   SCAN visits buckets until `count` keys were looked at, at most 10 buckets for each; its work is what the
 *          caller asks for by COUNT. A pattern has at most GLOB_PATTERN_MAX bytes. */
#include "base/glob.h"
#include "base/memory.h"
#include "command/cmd.h"
#include "command/cmd_entry.h"
#include "command/cmd_walk.h"

#define SCAN_COUNT       10      /* keys, unless the caller says otherwise */
#define SCAN_STEPS       1000000 /* of matching, after which SCAN gives what it has: a few milliseconds */
#define RANDOM_TRIES     100
#define PATTERN_TOO_LONG "ERR the pattern is longer than 1024 bytes"
_Static_assert(GLOB_PATTERN_MAX == 1024, "the text above says so");

struct finder {
    const struct shard *shard;
    const struct keyspace *keyspace;
    struct gm_bytes pattern;
    struct gm_bytes type;       /* data NULL: any */
    const struct entry **found; /* owned */
    size_t count;
    size_t room;
    size_t visited;
    uint64_t steps; /* of matching */
};

static bool is_all(struct gm_bytes pattern)
{
    return pattern.size == 1 && pattern.data[0] == '*';
}

static void visit(void *context, void *element)
{
    struct finder *finder = context;
    const struct entry *entry = element;
    finder->visited++;
    if (cmd_entry_has_expired(finder->shard, entry) ||
        (!is_all(finder->pattern) && !glob_match_counted(finder->pattern, entry_key(entry), false, &finder->steps)) ||
        (finder->type.data != NULL && !bytes_equal_nocase(finder->type, cmd_entry_type_name(finder->shard, entry)))) {
        return;
    }
    if (finder->count == finder->room) {
        finder->room = finder->room == 0 ? 64 : finder->room * 2;
        finder->found = memory_realloc(finder->found, finder->room * sizeof *finder->found);
    }
    finder->found[finder->count++] = entry;
}

static void reply_found(struct reply *reply, struct finder *finder)
{
    reply_array(reply, finder->count);
    for (size_t i = 0; i < finder->count; i++) {
        reply_bytes(reply, entry_key(finder->found[i]));
    }
    memory_free(finder->found);
}

/* ---- KEYS ---- */

static bool is_alive(const struct call *call, const void *element)
{
    return !cmd_entry_has_expired(call->shard, element);
}

static void plan_keys(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct cmd_walk what = {&call_keyspace(call)->table, gm_arg_at(abi, 0, 0), is_alive};
    if (what.pattern.size > GLOB_PATTERN_MAX) {
        gm_reply_error(abi, PATTERN_TOO_LONG);
        return;
    }
    call_depends_on_all(call); /* a later stint shows what was written since the first */
    cmd_walk(call, &what);
}

/* ---- SCAN ---- */

enum { CURSOR, MATCH, PATTERN, COUNT, COUNT_NUMBER, TYPE, TYPE_NAME };

static bool read_cursor(struct gm_bytes text, uint64_t *cursor)
{
    *cursor = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint64_t digit = (uint64_t)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(*cursor, (uint64_t)10, cursor) ||
            __builtin_add_overflow(*cursor, digit, cursor)) {
            return false;
        }
    }
    return text.size > 0;
}

static uint64_t scan(struct finder *finder, uint64_t cursor, uint64_t count)
{
    uint64_t buckets = count > UINT64_MAX / 10 ? UINT64_MAX : count * 10;
    do {
        cursor = table_scan(&finder->keyspace->table, cursor, visit, finder);
    } while (cursor != 0 && finder->visited < count && finder->steps < SCAN_STEPS && --buckets > 0);
    return cursor;
}

static void plan_scan(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    uint64_t cursor = 0;
    int64_t count = gm_given(abi, COUNT) ? gm_arg(abi, COUNT_NUMBER)->integer : SCAN_COUNT;
    struct finder finder = {
        .shard = call->shard,
        .keyspace = call_keyspace(call),
        .pattern = gm_given(abi, MATCH) ? gm_arg_at(abi, PATTERN, 0) : BYTES("*"),
        .type = gm_given(abi, TYPE) ? gm_arg_at(abi, TYPE_NAME, 0) : BYTES_NONE,
    };
    if (gm_given(abi, TYPE) && finder.type.data == NULL) {
        finder.type = BYTES("");
    }
    if (!read_cursor(gm_arg_at(abi, CURSOR, 0), &cursor)) {
        gm_reply_error(abi, "ERR invalid cursor");
        return;
    }
    if (count < 1) {
        gm_reply_error(abi, "ERR syntax error");
        return;
    }
    if (finder.pattern.size > GLOB_PATTERN_MAX) {
        gm_reply_error(abi, PATTERN_TOO_LONG);
        return;
    }
    cursor = scan(&finder, cursor, (uint64_t)count);
    reply_array(&call->reply, 2);
    reply_format(&call->reply, "%llu", (unsigned long long)cursor);
    reply_found(&call->reply, &finder);
}

/* ---- DBSIZE, RANDOMKEY ---- */

static void plan_dbsize(struct gm_call *abi)
{
    gm_reply_int(abi, (int64_t)call_keyspace(call_of(abi))->table.count);
}

struct first_alive {
    const struct shard *shard;
    const struct entry *entry;
};

static void take_first(void *context, void *element)
{
    struct first_alive *first = context;
    if (first->entry == NULL && !cmd_entry_has_expired(first->shard, element)) {
        first->entry = element;
    }
}

/* Where nearly all keys have expired and not been removed yet, chance may not hit the others. */
static const struct entry *any_alive(const struct shard *shard, const struct keyspace *keyspace)
{
    struct first_alive first = {.shard = shard};
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&keyspace->table, cursor, take_first, &first);
    } while (cursor != 0 && first.entry == NULL);
    return first.entry;
}

static void plan_randomkey(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct shard *shard = call->shard;
    const struct keyspace *keyspace = call_keyspace(call);
    const struct entry *entry = NULL;
    for (int i = 0; i < RANDOM_TRIES; i++) {
        entry = table_random(&keyspace->table, &shard->prng);
        if (entry == NULL || !cmd_entry_has_expired(shard, entry)) {
            break;
        }
        entry = NULL;
    }
    if (entry == NULL) {
        entry = any_alive(shard, keyspace);
    }
    if (entry == NULL) {
        reply_null(&call->reply);
    } else {
        reply_bytes(&call->reply, entry_key(entry));
    }
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "KEYS pattern:pattern", .flags = GM_READ | GM_DANGEROUS | CALL_GLOBAL, .plan = plan_keys,
     .complexity = "O(n), n all keys",
     .summary =
         "Lists all keys of the database that match a pattern, while others are served: use SCAN where there are many.",
     .example = "KEYS cart:*"},
    {CMD_COMMAND, .usage = "SCAN cursor [MATCH pattern:pattern] [COUNT count:int] [TYPE type]",
     .flags = GM_READ | CALL_GLOBAL, .plan = plan_scan, .complexity = "O(count)",
     .summary = "Lists some keys and where to go on; from cursor 0 to cursor 0 a key that was always there is seen.",
     .example = "SCAN 0 MATCH cart:* COUNT 100"},
    {CMD_COMMAND, .usage = "DBSIZE", .flags = GM_READ | GM_FAST | CALL_GLOBAL, .plan = plan_dbsize,
     .complexity = "O(1)", .summary = "Counts the keys of the database.", .example = "DBSIZE"},
    {CMD_COMMAND, .usage = "RANDOMKEY", .flags = GM_READ | CALL_GLOBAL, .plan = plan_randomkey, .complexity = "O(1)",
     .summary = "Picks a key at random.", .example = "RANDOMKEY"},
};

CMD_MODULE(cmd_scan, .name = "geomys.scan", .group = "generic", .summary = "Looks through all keys.");
