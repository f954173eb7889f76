/* SPDX-License-Identifier: MIT */

/* cluster_admin.c - CLUSTER STATUS: who belongs to the cluster, who leads, who counts, who is heard, as this node knows
 * it. One map per member, so that a client that knows maps can make a table of them. */
#include "base/memory.h"
#include "cluster/loop.h"
#include "command/cmd.h"
#include "node/admin.h"

#define FIELDS 7

static const char *state_of(const struct loop_view *view, const struct loop_member *member)
{
    if (!member->linked) {
        return "away";
    }
    if (member->node == view->leader) {
        return view->leader_lost_us == 0 ? "leads" : "led last";
    }
    return "follows";
}

static void name_and_port(struct reply *reply, const char *name, const char *host, uint16_t port)
{
    reply_text(reply, name);
    reply_format(reply, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

static void yes_or_no(struct reply *reply, const char *name, bool is)
{
    reply_text(reply, name);
    reply_text(reply, is ? "yes" : "no");
}

static void tell_member(struct reply *reply, const struct loop_view *view, const struct loop_member *member,
                        int64_t now_us)
{
    reply_map(reply, FIELDS);
    reply_text(reply, "node");
    reply_int(reply, (int64_t)member->node);
    reply_text(reply, "state");
    reply_text(reply, state_of(view, member));
    name_and_port(reply, "clients", member->host, member->client_port);
    name_and_port(reply, "nodes", member->host, member->node_port);
    yes_or_no(reply, "counts", member->replica);
    yes_or_no(reply, "votes", member->voter);
    reply_text(reply, "heard_ms");
    if (member->heard_us > 0 && now_us >= member->heard_us) {
        reply_int(reply, (now_us - member->heard_us) / 1000);
    } else {
        reply_null(reply);
    }
}

static void plan_status(struct gm_call *call)
{
    const struct node *node = admin_node(call);
    struct reply *reply = &call_of(call)->reply;
    if (node->env.loop == NULL) {
        reply_error(reply, "ERR this node is in no cluster: one is begun with --bootstrap and entered with --join, at "
                           "the start of a server");
        return;
    }
    struct loop_view *view = memory_alloc(sizeof *view);
    loop_look(node->env.loop, view);
    if (view->phase == LOOP_ENTERING) {
        reply_errorf(reply, "CLUSTERDOWN this node is in no cluster yet%s%s", view->waiting[0] != '\0' ? ": " : "",
                     view->waiting);
    } else {
        int64_t now_us = view->now_us;
        reply_array(reply, view->member_count);
        for (uint32_t i = 0; i < view->member_count; i++) {
            tell_member(reply, view, &view->members[i], now_us);
        }
    }
    memory_free(view);
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "CLUSTER|STATUS", .flags = GM_READ | CALL_LOADING, .plan = plan_status,
     .complexity = "O(n), n the members",
     .summary = "Tells who belongs to the cluster, who leads, and who counts, as this node knows it.",
     .example = "CLUSTER STATUS"},
    CMD_HELP("CLUSTER", GM_READ | CALL_LOADING),
};

CMD_MODULE(cluster_admin, .name = "geomys.cluster", .group = "server", .summary = "Tells of the cluster.");
