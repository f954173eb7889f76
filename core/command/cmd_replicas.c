/* SPDX-License-Identifier: MIT */

/* cmd_replicas.c - where else a client's data are by now: ROLE, WAIT, WAITAOF.
 *
 * This version has one copy of the data, in memory, and one log. So a client that waits for replicas waits for nobody:
 * its time runs out, as with a Redis that has none.
 *
 * These plans change nothing: one that waits is run again. */
#include "command/cmd.h"
#include "geomys/ext/wait.h"

/* ---- ROLE ---- */

static void plan_role(struct gm_call *abi)
{
    struct reply *reply = &call_of(abi)->reply;
    reply_array(reply, 3);
    reply_text(reply, "master");
    reply_int(reply, 0); /* of a stream to replicas: nothing has left yet */
    reply_array(reply, 0);
}

/* ---- WAIT ---- */

static void plan_wait(struct gm_call *abi)
{
    enum { REPLICAS, TIMEOUT };
    int64_t timeout_ms;
    if (!bytes_to_int(gm_arg_at(abi, TIMEOUT, 0), &timeout_ms)) {
        gm_reply_error(abi, "ERR timeout is not an integer or out of range");
    } else if (timeout_ms < 0) {
        gm_reply_error(abi, "ERR timeout is negative");
    } else if (gm_arg(abi, REPLICAS)->integer <= 0 || !host_wait_2.wait(abi, timeout_ms, BYTES_NONE)) {
        gm_reply_int(abi, 0);
    }
}

/* ---- WAITAOF ---- */

/* Under writethroughdisk every answer waits until what it shows is on the disk; under bufferedwrite a client asks for
 * it where it matters. plan runs again when the log has synced (waiters_synced). */
static bool is_synced(const struct call *call)
{
    const struct wal *wal = call->shard->wal;
    return wal != NULL && wal_synced(wal) >= call_session(call)->written;
}

static void plan_waitaof(struct gm_call *abi)
{
    enum { LOCAL, REPLICAS, TIMEOUT };
    struct call *call = call_of(abi);
    int64_t local = gm_arg(abi, LOCAL)->integer;
    if (local < 0 || local > 1) {
        gm_reply_error(abi, "ERR value is out of range, must be between 0 and 1");
        return;
    }
    if (gm_arg(abi, REPLICAS)->integer != 0) {
        gm_reply_error(abi, "ERR numreplicas must be 0: this version has no replicas");
        return;
    }
    if (local == 1 && call->shard->wal == NULL) {
        gm_reply_error(abi, "ERR WAITAOF cannot be used when numlocal is set but persistence is none");
        return;
    }
    if (local == 0 || is_synced(call) || !host_wait_2.wait(abi, gm_arg(abi, TIMEOUT)->integer, BYTES_NONE)) {
        gm_reply_array(abi, 2);
        gm_reply_int(abi, is_synced(call) ? 1 : 0);
        gm_reply_int(abi, 0);
    }
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "ROLE", .group = "server", .flags = GM_READ | GM_FAST | GM_ADMIN | CALL_LOADING,
     .plan = plan_role, .complexity = "O(1)", .summary = "Tells whether this node takes writes, and who copies it.",
     .example = "ROLE"},
    {CMD_COMMAND, .usage = "WAIT numreplicas:int timeout", .flags = GM_READ | GM_BLOCKS | CALL_SESSION,
     .plan = plan_wait, .complexity = "O(1)",
     .summary =
         "Waits for replicas to have what this connection has written, some milliseconds at most, 0 for ever, and "
         "tells how many have: none.",
     .example = "WAIT 0 100"},
    {CMD_COMMAND, .usage = "WAITAOF numlocal:int numreplicas:int timeout:count",
     .flags = GM_READ | GM_BLOCKS | CALL_SESSION, .plan = plan_waitaof, .complexity = "O(1)",
     .summary = "Waits until what this connection has written is on the disk, some milliseconds at most, 0 for ever.",
     .example = "WAITAOF 0 0 100"},
};

static const char *const needs[] = {GM_WAIT_2};

CMD_MODULE(cmd_replicas, .name = "geomys.replicas", .group = "connection",
           .summary = "Tells where the data are by now.", .needs = needs, .need_count = sizeof needs / sizeof needs[0]);
