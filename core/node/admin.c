/* SPDX-License-Identifier: MIT */

/* admin.c - commands about the server as a whole: INFO, TIME, SHUTDOWN, DEBUG. */
#include "node/admin.h"

#include "command/cmd.h"
#include "command/cmd_digest.h"
#include "node/info.h"

/* ---- INFO ---- */

static void plan_info(struct gm_call *call)
{
    struct buf out;
    buf_init(&out, INFO_SIZE_MAX);
    info_write(admin_node(call), call->argv + 1, call->argc - 1, &out);
    if (out.full) { /* a part would be taken for the whole */
        gm_reply_error(call, "ERR all of it would be larger than 16 MiB: ask for fewer sections");
    } else {
        reply_verbatim(&call_of(call)->reply, buf_bytes(&out));
    }
    buf_finish(&out);
}

/* ---- TIME, SHUTDOWN, DEBUG ---- */

static void plan_time(struct gm_call *call)
{
    struct worker_moment now = worker_moment(call_of(call)->worker);
    struct reply *reply = &call_of(call)->reply;
    reply_array(reply, 2);
    reply_format(reply, "%lld", (long long)now.seconds);
    reply_format(reply, "%u", now.us);
}

static void plan_shutdown(struct gm_call *call)
{
    enum { NOSAVE, SAVE, NOW, FORCE, ABORT };
    struct node *node = admin_node(call);
    if (gm_given(call, ABORT)) {
        /* Whoever can still ask is asked before a shutdown begins, and none waits for anything. */
        gm_reply_error(call, call->argc > 2 ? "ERR syntax error" : "ERR No shutdown in progress.");
        return;
    }
    trace(&node->env.trace, TRACE_INFO, "SHUTDOWN was asked for by client %llu",
          (unsigned long long)call_of(call)->caller.id);
    node_stop(node);
    /* Clients expect the connection to close without an answer, and take an answer for a failure. */
    gm_reply_status(call, "OK");
    struct session *session = call_of(call)->caller.session;
    if (session != NULL) {
        session->overflowed = true;
        session->doomed = true;
    }
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "INFO [section...]", .flags = GM_READ | GM_DANGEROUS | CALL_LOADING | CALL_UNPAUSED,
     .plan = plan_info, .complexity = "O(1)", .summary = "Tells how the server is doing, by sections.",
     .example = "INFO memory"},
    {CMD_COMMAND, .usage = "TIME", .flags = GM_READ | GM_FAST | CALL_LOADING, .plan = plan_time, .complexity = "O(1)",
     .summary = "Returns the server's time: seconds since 1970, and microseconds.", .example = "TIME"},
    {CMD_COMMAND, .usage = "SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
     .flags = GM_READ | CALL_LOADING | CALL_NO_MULTI | GM_DANGEROUS, .plan = plan_shutdown,
     .complexity = "O(n), n what is not on the disk yet", .summary = "Writes everything down and ends the server."},
    {CMD_COMMAND, .usage = "DEBUG|DIGEST", .flags = GM_READ | GM_ADMIN | CALL_GLOBAL, .plan = cmd_digest_plan_all,
     .complexity = "O(n), n the size of the data",
     .summary = "Returns a digest of all keys and values: equal digests mean equal data.", .example = "DEBUG DIGEST"},
    {CMD_COMMAND, .usage = "DEBUG|DIGEST-VALUE key...",
     .flags = GM_READ | GM_ADMIN | GM_ACCEPT_ANY | CALL_FROZEN | CALL_NO_TOUCH, .plan = cmd_digest_plan_values,
     .complexity = "O(n), n the size of the values",
     .summary = "Returns a digest of each key's value, whatever its name and expiry: equal digests mean equal values.",
     .example = "DEBUG DIGEST-VALUE cart:17 cart:backup"},
};

CMD_MODULE(admin, .name = "geomys.admin", .group = "server", .summary = "Asks and steers the server.");
