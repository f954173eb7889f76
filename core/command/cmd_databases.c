/* SPDX-License-Identifier: MIT */

/* cmd_databases.c - SELECT, MOVE, SWAPDB, FLUSHDB, FLUSHALL: the numbered keyspaces of a shard.
 *
 * Idea     A connection has chosen a database, the call carries its number (caller.h), and all that looks for a key
 *          looks there. Modules do not see databases: their records get the number of the call.
 *
 * Promises
 *   I1  MOVE, SWAPDB and both FLUSHes are each one record of the host, whatever the values' sizes.
 *
 * Limits   The slot is the key's alone, whatever its database. */
#include "command/cmd_databases.h"

#include "command/cmd_entry.h"
#include "store/databases.h"

bool cmd_databases_is_number(const struct call *call, int64_t number, uint32_t *database)
{
    bool is = number >= 0 && number < (int64_t)call->shard->databases.count;
    *database = is ? (uint32_t)number : 0;
    return is;
}

const struct entry *cmd_databases_entry(const struct call *call, uint32_t database, uint32_t key)
{
    const struct keyspace *keyspace = databases_see(&call->shard->databases, database);
    const struct entry *entry = keyspace_find(keyspace, call->keys[key].name, call_hash(call, key));
    return entry != NULL && !cmd_entry_has_expired(call->shard, entry) ? entry : NULL;
}

/* ---- SELECT ---- */

static void plan_select(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    uint32_t database;
    if (!cmd_databases_is_number(call, gm_arg(abi, 0)->integer, &database)) {
        gm_reply_error(abi, CMD_DATABASES_RANGE);
        return;
    }
    call_session(call)->caller.database = (uint16_t)database;
    gm_reply_status(abi, "OK");
}

/* ---- MOVE ---- */

static void plan_move(struct gm_call *abi)
{
    enum { KEY, DATABASE };
    struct call *call = call_of(abi);
    const struct entry *entry = call_entry(call, 0);
    uint32_t database;
    if (!cmd_databases_is_number(call, gm_arg(abi, DATABASE)->integer, &database)) {
        gm_reply_error(abi, CMD_DATABASES_RANGE);
    } else if (database == call->caller.database) {
        gm_reply_error(abi, CMD_ENTRY_SAME);
    } else if (entry != NULL && (entry->flags & ENTRY_DAMAGED) != 0) {
        gm_reply_error(abi, CMD_ENTRY_DAMAGED);
    } else if (entry == NULL || cmd_databases_entry(call, database, 0) != NULL) {
        gm_reply_int(abi, 0);
    } else {
        call_emit_move(call, 0, database); /* cmd_databases I1 */
        gm_reply_int(abi, 1);
    }
}

/* ---- SWAPDB ---- */

static void plan_swapdb(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    int64_t number[2];
    uint32_t database[2];
    for (uint32_t i = 0; i < 2; i++) {
        if (!bytes_to_int(gm_arg_at(abi, i, 0), &number[i])) {
            gm_reply_error(abi, i == 0 ? "ERR invalid first DB index" : "ERR invalid second DB index");
            return;
        }
    }
    if (!cmd_databases_is_number(call, number[0], &database[0]) ||
        !cmd_databases_is_number(call, number[1], &database[1])) {
        gm_reply_error(abi, CMD_DATABASES_RANGE);
        return;
    }
    if (database[0] != database[1]) {
        call_emit_databases(call, CALL_EMIT_SWAP, database[0], database[1]);
    }
    gm_reply_status(abi, "OK");
}

/* ---- FLUSHALL, FLUSHDB ---- */

/* Memory is always given back step by step, after the answer; SYNC and ASYNC are taken for the sake of clients. */
static void plan_flushall(struct gm_call *abi)
{
    call_emit_databases(call_of(abi), CALL_EMIT_FLUSH, 0, 0);
    gm_reply_status(abi, "OK");
}

static void plan_flushdb(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    call_emit_databases(call, CALL_EMIT_FLUSH_DATABASE, call->caller.database, 0);
    gm_reply_status(abi, "OK");
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "SELECT index:int", .flags = GM_READ | GM_FAST | CALL_LOADING | CALL_SESSION | CALL_SELECTS,
     .plan = plan_select, .complexity = "O(1)",
     .summary = "Chooses the database that the commands of this connection are about; at first it is number 0.",
     .example = "SELECT 0"},
    {CMD_COMMAND, .usage = "MOVE key db:int", .flags = GM_WRITE | GM_FAST | GM_ACCEPT_ANY | CALL_FROZEN,
     .plan = plan_move, .complexity = "O(1)",
     .summary = "Moves a key with its value and expiry to another database, and replies with 1 if it did.",
     .example = "MOVE cart:17 1"},
    {CMD_COMMAND, .usage = "SWAPDB index1 index2", .flags = GM_WRITE | GM_FAST | GM_DANGEROUS, .plan = plan_swapdb,
     .complexity = "O(n), n the watched and awaited keys",
     .summary = "Exchanges all keys of two databases: who has chosen the one sees those of the other at once.",
     .example = "SWAPDB 0 1"},
    {CMD_COMMAND, .usage = "FLUSHALL [ASYNC|SYNC]", .flags = GM_WRITE | GM_DANGEROUS, .plan = plan_flushall,
     .complexity = "O(1), and later O(n), n the keys", .summary = "Deletes all keys of all databases.",
     .example = "FLUSHALL"},
    {CMD_COMMAND, .usage = "FLUSHDB [ASYNC|SYNC]", .flags = GM_WRITE | GM_DANGEROUS, .plan = plan_flushdb,
     .complexity = "O(1), and later O(n), n the keys", .summary = "Deletes all keys of the database.",
     .example = "FLUSHDB"},
};

CMD_MODULE(cmd_databases, .name = "geomys.databases", .group = "generic",
           .summary = "Keeps keys apart by a number, and moves or deletes them all at once.");
