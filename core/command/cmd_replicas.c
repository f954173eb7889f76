/* SPDX-License-Identifier: MIT */

/* cmd_replicas.c - where else a client's data are by now: ROLE, WAIT, WAITAOF.
 *
 * Other nodes are known by what the worker was given (serve/copies.h); without a cluster there are none, and a client
 * that waits for them waits for nobody: its time runs out, as with a Redis that has no replicas.
 *
 * These plans change nothing: one that waits is run again, when the log has synced or another node has more. */
#include "command/cmd.h"
#include "geomys/ext/wait.h"
#include "serve/copies.h"

static const struct copies *copies_of(struct gm_call *abi)
{
    return call_of(abi)->worker->copies;
}

/* ---- ROLE ---- */

static void tell_follower(struct reply *reply, const struct copies_node *leader)
{
    reply_array(reply, 5);
    reply_text(reply, "slave");
    reply_text(reply, leader->host);
    reply_int(reply, leader->port);
    reply_text(reply, leader->state);
    reply_int(reply, (int64_t)leader->sequence);
}

static void tell_leader(struct gm_call *abi, struct reply *reply)
{
    const struct copies *copies = copies_of(abi);
    struct copies_node one;
    uint32_t count = 0;
    while (copies_follower(copies, count, &one)) {
        count++;
    }
    reply_array(reply, 3);
    reply_text(reply, "master");
    /* Alone there is no stream to replicas: nothing has left yet. */
    reply_int(reply, copies != NULL ? (int64_t)call_of(abi)->shard->tail.last_sequence : 0);
    reply_array(reply, count);
    for (uint32_t i = 0; i < count && copies_follower(copies, i, &one); i++) {
        reply_array(reply, 3);
        reply_text(reply, one.host);
        reply_format(reply, "%u", one.port);
        reply_format(reply, "%llu", (unsigned long long)one.sequence);
    }
}

static void plan_role(struct gm_call *abi)
{
    struct reply *reply = &call_of(abi)->reply;
    struct copies_node leader;
    if (copies_follows(copies_of(abi), &leader)) {
        tell_follower(reply, &leader);
    } else {
        tell_leader(abi, reply);
    }
}

/* ---- WAIT ---- */

#define AT_REPLICA                                                                                                     \
    " cannot be used with replica instances. Please also note that writes to replicas are just local and are not "     \
    "propagated."

static bool refuse_at_follower(struct gm_call *abi, const char *error)
{
    struct copies_node leader;
    bool follows = copies_follows(copies_of(abi), &leader);
    if (follows) {
        gm_reply_error(abi, error);
    }
    return follows;
}

/* How many others have on their disks what this connection has written last. */
static uint32_t have_it(struct gm_call *abi)
{
    return copies_count(copies_of(abi), call_session(call_of(abi))->written);
}

static void plan_wait(struct gm_call *abi)
{
    enum { REPLICAS, TIMEOUT };
    int64_t timeout_ms;
    if (!bytes_to_int(gm_arg_at(abi, TIMEOUT, 0), &timeout_ms)) {
        gm_reply_error(abi, "ERR timeout is not an integer or out of range");
    } else if (timeout_ms < 0) {
        gm_reply_error(abi, "ERR timeout is negative");
    } else if (!refuse_at_follower(abi, "ERR WAIT" AT_REPLICA) &&
               (gm_arg(abi, REPLICAS)->integer <= have_it(abi) || !host_wait_2.wait(abi, timeout_ms, BYTES_NONE))) {
        gm_reply_int(abi, have_it(abi));
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
    int64_t replicas = gm_arg(abi, REPLICAS)->integer;
    if (local < 0 || local > 1) {
        gm_reply_error(abi, "ERR value is out of range, must be between 0 and 1");
        return;
    }
    if (replicas < 0) {
        gm_reply_error(abi, "ERR value is out of range, must be positive");
        return;
    }
    if (refuse_at_follower(abi, "ERR WAITAOF" AT_REPLICA)) {
        return;
    }
    if (local == 1 && call->shard->wal == NULL) {
        gm_reply_error(abi, "ERR WAITAOF cannot be used when numlocal is set but persistence is none");
        return;
    }
    bool enough = (local == 0 || is_synced(call)) && replicas <= have_it(abi);
    if (enough || !host_wait_2.wait(abi, gm_arg(abi, TIMEOUT)->integer, BYTES_NONE)) {
        gm_reply_array(abi, 2);
        gm_reply_int(abi, is_synced(call) ? 1 : 0);
        gm_reply_int(abi, have_it(abi));
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
         "Waits for other nodes to have what this connection has written on their disks, some milliseconds at most, "
         "0 for ever, and tells how many have.",
     .example = "WAIT 0 100"},
    {CMD_COMMAND, .usage = "WAITAOF numlocal:int numreplicas:int timeout:count",
     .flags = GM_READ | GM_BLOCKS | CALL_SESSION, .plan = plan_waitaof, .complexity = "O(1)",
     .summary =
         "Waits until what this connection has written is on the disk, here and of other nodes, some milliseconds "
         "at most, 0 for ever.",
     .example = "WAITAOF 0 0 100"},
};

static const char *const needs[] = {GM_WAIT_2};

CMD_MODULE(cmd_replicas, .name = "geomys.replicas", .group = "connection",
           .summary = "Tells where the data are by now.", .needs = needs, .need_count = sizeof needs / sizeof needs[0]);
