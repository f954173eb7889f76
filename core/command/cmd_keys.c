/* SPDX-License-Identifier: MIT */

/* cmd_keys.c - commands that take any key, whatever it holds: DEL, EXISTS, TYPE, RENAME, COPY ...
 *
 * Idea     They are planned like a module's commands and emit the host's records: a deletion, a renaming, a copy
 *          (cmd_copy.c). So they also take values whose module is absent.
 *
 * Promises
 *   I1  RENAME carries the expiry along, and never the default one.
 *   I2  A damaged value is not copied or renamed by a client: as it is, nobody can say what it holds. DEL removes it.
 *
 * Limits   RENAME costs what releasing the old value of the target costs. */
#include "command/cmd.h"
#include "command/cmd_copy.h"
#include "command/cmd_entry.h"

#define NO_SUCH_KEY "ERR no such key"

/* ---- DEL, UNLINK, EXISTS, TOUCH, TYPE ---- */

/* A set of entries, by address; in scratch memory, at most half full. */
struct seen {
    const struct entry **slots;
    size_t mask;
};

static struct seen seen_make(struct gm_call *abi)
{
    size_t size = 16;
    while (size < (size_t)abi->key_count * 2) {
        size *= 2;
    }
    return (struct seen){gm_scratch(abi, size * sizeof(struct entry *)), size - 1};
}

/* False: it was there already. */
static bool seen_add(struct seen *seen, const struct entry *entry, uint64_t hash)
{
    size_t at = hash & seen->mask;
    while (seen->slots[at] != NULL && seen->slots[at] != entry) {
        at = (at + 1) & seen->mask;
    }
    bool added = seen->slots[at] == NULL;
    seen->slots[at] = entry;
    return added;
}

/* A key that is named twice is deleted, and counted, once. */
static void plan_del(struct gm_call *abi)
{
    const struct call *call = call_of(abi);
    struct seen seen = seen_make(abi);
    if (seen.slots == NULL) {
        return;
    }
    int64_t deleted = 0;
    for (uint32_t i = 0; i < abi->key_count; i++) {
        const struct entry *entry = call_entry(call, i);
        if (entry != NULL && seen_add(&seen, entry, call_hash(call, i))) {
            gm_emit_delete(abi, i);
            deleted++;
        }
    }
    gm_reply_int(abi, deleted);
}

static void plan_exists(struct gm_call *abi)
{
    int64_t found = 0;
    for (uint32_t i = 0; i < abi->key_count; i++) {
        found += call_entry(call_of(abi), i) != NULL;
    }
    gm_reply_int(abi, found);
}

static void plan_type(struct gm_call *abi)
{
    const struct entry *entry = call_entry(call_of(abi), 0);
    gm_reply_status(abi, entry == NULL ? "none" : cmd_entry_type_name(call_of(abi)->shard, entry));
}

/* ---- RENAME, RENAMENX ---- */

enum { SOURCE, TARGET };

static bool is_damaged(const struct entry *entry)
{
    return (entry->flags & ENTRY_DAMAGED) != 0;
}

/* NULL: the source can be moved to the target; else the error reply. */
static const char *check_source(const struct call *call)
{
    const struct entry *source = call_entry(call, SOURCE);
    if (source == NULL) {
        return NO_SUCH_KEY;
    }
    return is_damaged(source) ? CMD_ENTRY_DAMAGED : NULL;
}

static bool is_same_key(const struct gm_call *abi)
{
    return gm_bytes_equal(gm_key(abi, SOURCE)->name, gm_key(abi, TARGET)->name);
}

static void plan_rename(struct gm_call *abi)
{
    const char *error = check_source(call_of(abi));
    if (error != NULL) {
        gm_reply_error(abi, error);
        return;
    }
    if (!is_same_key(abi)) {
        call_emit_rename(call_of(abi), SOURCE, TARGET);
    }
    gm_reply_status(abi, "OK");
}

static void plan_renamenx(struct gm_call *abi)
{
    const char *error = check_source(call_of(abi));
    if (error != NULL) {
        gm_reply_error(abi, error);
        return;
    }
    bool moves = call_entry(call_of(abi), TARGET) == NULL;
    if (moves) {
        call_emit_rename(call_of(abi), SOURCE, TARGET);
    }
    gm_reply_int(abi, moves);
}

/* ---- the table ---- */

#define ANY  (GM_ACCEPT_ANY | CALL_FROZEN)
#define LOOK (GM_READ | ANY | CALL_NO_TOUCH)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "DEL key...", .flags = GM_WRITE | ANY, .plan = plan_del, .complexity = "O(n), n the keys",
     .summary = "Deletes keys, and replies with how many there were.", .example = "DEL cart:17 cart:18"},
    {CMD_COMMAND, .usage = "UNLINK key...", .flags = GM_WRITE | GM_FAST | ANY, .plan = plan_del,
     .complexity = "O(n), n the keys", .summary = "Deletes keys, as DEL does.", .example = "UNLINK cart:17"},
    {CMD_COMMAND, .usage = "EXISTS key...", .flags = LOOK | GM_FAST, .plan = plan_exists,
     .complexity = "O(n), n the keys", .summary = "Counts the keys that exist; one named twice counts twice.",
     .example = "EXISTS cart:17"},
    {CMD_COMMAND, .usage = "TOUCH key...", .flags = GM_READ | GM_FAST | ANY | CALL_TOUCH, .plan = plan_exists,
     .complexity = "O(n), n the keys", .summary = "Counts the keys that exist, as EXISTS does; they count as used now.",
     .example = "TOUCH cart:17"},
    {CMD_COMMAND, .usage = "TYPE key", .flags = LOOK | GM_FAST, .plan = plan_type, .complexity = "O(1)",
     .summary =
         "Tells the type of the value at a key: none if there is none, the type's id if its module is not loaded.",
     .example = "TYPE cart:17"},
    {CMD_COMMAND, .usage = "RENAME key newkey:key", .flags = GM_WRITE | ANY, .plan = plan_rename,
     .complexity = "O(1), and what removing the value of newkey costs",
     .summary = "Gives a value another key, with its expiry; what was there is replaced."},
    {CMD_COMMAND, .usage = "RENAMENX key newkey:key", .flags = GM_WRITE | GM_FAST | ANY, .plan = plan_renamenx,
     .complexity = "O(1), and what removing the value of newkey costs",
     .summary = "Gives a value another key, with its expiry, if that key is free."},
    {CMD_COMMAND, .usage = "COPY source:rkey destination:key [DB destination-db:int] [REPLACE]",
     .flags = GM_WRITE | GM_GROWS | ANY, .plan = cmd_copy_plan, .complexity = "O(n), n the size of the value",
     .summary = "Copies a value with its expiry to another key, or another database, and replies with 1 if it did.",
     .example = "COPY cart:17 cart:backup REPLACE"},
};

CMD_MODULE(cmd_keys, .name = "geomys.keys", .group = "generic", .summary = "Moves and deletes keys of any type.");
