/* SPDX-License-Identifier: MIT */

/* replicas.c - who follows, and who is followed; the names are those of Redis, since exporters and dashboards read
 * them. What is Geomys' own begins with replication_. */
#include "node/replicas.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve/worker.h"

/* ---- for commands ---- */

static bool is_member(const struct membership *membership)
{
    return membership->config.peer != NULL;
}

/* Where clients reach it, if somebody knows. */
static void locate(const struct membership *membership, uint64_t id, struct copies_node *out)
{
    const struct membership_places *places = membership->config.places;
    out->node = id;
    if (places == NULL || !places->find(places->context, id, out->host, sizeof out->host, &out->port)) {
        (void)snprintf(out->host, sizeof out->host, "node-%" PRIu64, id);
        out->port = 0;
    }
}

static uint64_t seconds_since(const struct membership *membership, int64_t moment_ms)
{
    int64_t passed_ms = membership->config.replica->shard.monotonic_ms - moment_ms;
    return passed_ms > 0 ? (uint64_t)passed_ms / 1000 : 0;
}

static const char *state_of(const struct follow *follow)
{
    switch (follow->state) {
    case FOLLOW_GREETING:
        return "connecting";
    case FOLLOW_TAKING:
        return "sync";
    case FOLLOW_STREAMING:
        return "connected";
    case FOLLOW_OFF:
    case FOLLOW_CLOSING:
        break;
    }
    return "connect";
}

static bool follows(void *context, struct copies_node *leader)
{
    const struct membership *membership = context;
    const struct follow *follow = &membership->follow;
    const struct shard *shard = &membership->config.replica->shard;
    if (!is_member(membership) || (shard->role != SHARD_FOLLOWING && shard->role != SHARD_LOADING)) {
        return false;
    }
    locate(membership, follow->leader, leader);
    leader->state = state_of(follow);
    leader->sequence = shard->tail.last_sequence;
    leader->heard = follow->fed_ms != 0;
    leader->lag_s = seconds_since(membership, follow->fed_ms);
    return true;
}

static bool follower(void *context, uint32_t i, struct copies_node *out)
{
    const struct membership *membership = context;
    uint32_t known = 0;
    for (uint32_t k = 0; is_member(membership) && k < membership->feeds.count; k++) {
        struct feed_view view = feeds_view(&membership->feeds, k);
        if (view.node == 0 || known++ != i) { /* it has not said who it is */
            continue;
        }
        locate(membership, view.node, out);
        out->state = view.streaming ? "online" : view.sending ? "send_bulk" : "wait_bgsave";
        out->sequence = view.synced;
        out->heard = true;
        out->lag_s = seconds_since(membership, view.heard_ms);
        return true;
    }
    return false;
}

static uint32_t count(void *context, uint64_t sequence)
{
    const struct membership *membership = context;
    uint32_t have = 0;
    for (uint32_t k = 0; is_member(membership) && k < membership->feeds.count; k++) {
        struct feed_view view = feeds_view(&membership->feeds, k);
        have += view.streaming && view.synced >= sequence;
    }
    return have;
}

struct copies replicas_copies(struct membership *membership)
{
    static const struct copies_ops ops = {follows, follower, count};
    return (struct copies){&ops, membership};
}

uint32_t replicas_good(const struct membership *membership, int64_t lag_ms)
{
    int64_t now_ms = membership->config.replica->shard.monotonic_ms;
    uint32_t good = 0;
    for (uint32_t k = 0; is_member(membership) && k < membership->feeds.count; k++) {
        struct feed_view view = feeds_view(&membership->feeds, k);
        good += view.streaming && now_ms - view.heard_ms <= lag_ms;
    }
    return good;
}

uint64_t replicas_progress(const struct membership *membership)
{
    uint64_t sum = membership->feeds.count;
    for (uint32_t k = 0; k < membership->feeds.count; k++) {
        struct feed_view view = feeds_view(&membership->feeds, k);
        sum = sum * 31 + (view.streaming ? view.synced + 1 : 0) + view.node;
    }
    return sum;
}

/* ---- for INFO ---- */

/* 40 digits, the same on all nodes of one history: those of the cluster; alone, of the run. */
static void name_history(struct replicas_report *report, const char *run_id)
{
    if (!report->member) {
        (void)snprintf(report->id, sizeof report->id, "%s", run_id);
        return;
    }
    const struct replication_id *cluster = &report->membership->feeds.config.self.cluster;
    for (size_t i = 0; i < (sizeof report->id - 1) / 2; i++) {
        uint8_t byte = i < REPLICATION_ID_SIZE ? cluster->bytes[i] : 0;
        (void)snprintf(report->id + 2 * i, 3, "%02x", byte);
    }
}

void replicas_report(const struct membership *membership, const char *run_id, int64_t wall_ms,
                     struct replicas_report *out)
{
    const struct replica *replica = membership->config.replica;
    struct copies copies = replicas_copies((struct membership *)(uintptr_t)membership);
    struct copies_node one;
    *out = (struct replicas_report){.membership = membership, .member = is_member(membership), .wall_ms = wall_ms};
    out->follows = copies_follows(&copies, &out->leader);
    while (copies_follower(&copies, out->connected, &one)) {
        out->connected++;
    }
    out->good = replicas_good(membership, replica->options.shard.replicas_lag_ms);
    out->lease = out->member && !out->follows && membership->tenure.may;
    out->committed = out->follows ? replica->told : replica->acks.committed;
    name_history(out, run_id);
}

static const struct replicas_report *report_of(const void *of)
{
    return of;
}

static const struct shard *shard_of(const struct replicas_report *report)
{
    return &report->membership->config.replica->shard;
}

static struct counter_value role_word(const void *of)
{
    return counter_text(report_of(of)->follows ? "slave" : "master");
}

static struct counter_value leader_host(const void *of)
{
    return report_of(of)->follows ? counter_text(report_of(of)->leader.host) : COUNTER_NONE;
}

static struct counter_value leader_port(const void *of)
{
    return report_of(of)->follows ? counter_count(report_of(of)->leader.port) : COUNTER_NONE;
}

static bool is_up(const struct replicas_report *report)
{
    return strcmp(report->leader.state, "connected") == 0;
}

static struct counter_value link_status(const void *of)
{
    const struct replicas_report *report = of;
    return report->follows ? counter_text(is_up(report) ? "up" : "down") : COUNTER_NONE;
}

static struct counter_value last_io_s(const void *of)
{
    const struct replicas_report *report = of;
    if (!report->follows) {
        return COUNTER_NONE;
    }
    return counter_number(report->leader.heard ? (int64_t)report->leader.lag_s : -1);
}

static struct counter_value syncs(const void *of)
{
    const struct replicas_report *report = of;
    return report->follows ? counter_count(strcmp(report->leader.state, "sync") == 0) : COUNTER_NONE;
}

static struct counter_value own_offset(const void *of)
{
    return report_of(of)->follows ? counter_count(report_of(of)->leader.sequence) : COUNTER_NONE;
}

static struct counter_value down_s(const void *of)
{
    const struct replicas_report *report = of;
    bool down = report->follows && !is_up(report) && report->leader.heard;
    return down ? counter_count(report->leader.lag_s) : COUNTER_NONE;
}

static struct counter_value one_if_follows(const void *of)
{
    return report_of(of)->follows ? counter_count(1) : COUNTER_NONE;
}

static struct counter_value connected(const void *of)
{
    return counter_count(report_of(of)->connected);
}

static struct counter_value good(const void *of)
{
    const struct replicas_report *report = of;
    bool wanted = shard_of(report)->options.replicas_wanted > 0;
    return wanted ? counter_count(report->good) : COUNTER_NONE;
}

static const struct counter_row role[] = {
    {"role", "Whether it takes writes.", COUNTER_BY(role_word), .kind = COUNTER_LABEL},
    {"master_host", "Where clients reach the node that it follows.", COUNTER_BY(leader_host), .kind = COUNTER_LABEL},
    {"master_port", "... and at which port; 0: not known.", COUNTER_BY(leader_port), .kind = COUNTER_LABEL},
    {"master_link_status", "Whether records come.", COUNTER_BY(link_status), .kind = COUNTER_LABEL},
    {"master_last_io_seconds_ago", "Since the leader's last word; -1: there was none.", COUNTER_BY(last_io_s),
     .kind = COUNTER_GAUGE, .unit = COUNTER_S},
    {"master_sync_in_progress", "Whether it takes a whole copy.", COUNTER_BY(syncs), .kind = COUNTER_GAUGE,
     .unit = COUNTER_FLAG},
    {"slave_read_repl_offset", "The last record that has come.", COUNTER_BY(own_offset), .kind = COUNTER_GAUGE},
    {"slave_repl_offset", "... that was carried out.", COUNTER_BY(own_offset), .kind = COUNTER_GAUGE},
    {"master_link_down_since_seconds", "Since the leader's last word, while none comes.", COUNTER_BY(down_s),
     .kind = COUNTER_GAUGE, .unit = COUNTER_S},
    {"slave_read_only", "A node that follows takes no writes of its own.", COUNTER_BY(one_if_follows),
     .kind = COUNTER_GAUGE, .unit = COUNTER_FLAG},
    {"connected_slaves", "Nodes that follow this one.", COUNTER_BY(connected), .kind = COUNTER_GAUGE},
    {"min_slaves_good_slaves", "... and were heard within min_replicas_max_lag.", COUNTER_BY(good),
     .kind = COUNTER_GAUGE},
};

const struct counter_table replicas_counters_role = COUNTER_TABLE(struct replicas_report, role);

static struct counter_value node_host(const void *of)
{
    return counter_text(((const struct copies_node *)of)->host);
}

static struct counter_value node_port(const void *of)
{
    return counter_count(((const struct copies_node *)of)->port);
}

static struct counter_value node_state(const void *of)
{
    return counter_text(((const struct copies_node *)of)->state);
}

static struct counter_value node_offset(const void *of)
{
    return counter_count(((const struct copies_node *)of)->sequence);
}

static struct counter_value node_lag(const void *of)
{
    return counter_count(((const struct copies_node *)of)->lag_s);
}

static struct counter_value node_number(const void *of)
{
    return counter_count(((const struct copies_node *)of)->node);
}

static const struct counter_row following[] = {
    {"ip", "Where clients reach it.", COUNTER_BY(node_host), .kind = COUNTER_LABEL},
    {"port", "... and at which port; 0: not known.", COUNTER_BY(node_port), .kind = COUNTER_LABEL},
    {"state", "Whether it has the log, or gets a whole copy.", COUNTER_BY(node_state), .kind = COUNTER_LABEL},
    {"offset", "The last record that it has on its disk.", COUNTER_BY(node_offset), .kind = COUNTER_GAUGE},
    {"lag", "Since its last word.", COUNTER_BY(node_lag), .kind = COUNTER_GAUGE, .unit = COUNTER_S},
    {"node", "Its node_id.", COUNTER_BY(node_number), .kind = COUNTER_LABEL},
};

const struct counter_table replicas_counters_follower = COUNTER_FAMILY(struct copies_node, following, "slave");

static struct counter_value history(const void *of)
{
    return counter_text(report_of(of)->id);
}

static struct counter_value offset(const void *of)
{
    return counter_count(shard_of(of)->tail.last_sequence);
}

static struct counter_value epoch(const void *of)
{
    const struct replicas_report *report = of;
    return report->member ? counter_count(shard_of(report)->tail.epoch) : COUNTER_NONE;
}

static struct counter_value leader(const void *of)
{
    const struct replicas_report *report = of;
    uint64_t self = report->membership->config.self.node;
    uint64_t followed = report->follows ? report->leader.node : self;
    return report->member && followed != 0 ? counter_count(followed) : COUNTER_NONE;
}

static struct counter_value committed(const void *of)
{
    return report_of(of)->member ? counter_count(report_of(of)->committed) : COUNTER_NONE;
}

static struct counter_value lease(const void *of)
{
    const struct replicas_report *report = of;
    return report->member && !report->follows ? counter_count(report->lease) : COUNTER_NONE;
}

static struct counter_value acks(const void *of)
{
    const struct replicas_report *report = of;
    bool quorum = report->membership->config.worker->sessions.level == GATE_QUORUM;
    return report->member ? counter_text(quorum ? "quorum" : "local") : COUNTER_NONE;
}

static struct counter_value retracted(const void *of)
{
    const struct replicas_report *report = of;
    return report->member ? counter_count(report->membership->tenure.retracted) : COUNTER_NONE;
}

/* How far the time of the data is from this node's clock. */
static struct counter_value ahead_ms(const void *of)
{
    const struct replicas_report *report = of;
    int64_t ahead = 0;
    bool known = report->member && !__builtin_sub_overflow(shard_of(report)->now_ms, report->wall_ms, &ahead);
    return known ? counter_number(ahead) : COUNTER_NONE;
}

/* Of a leader. */
static const struct retain *retain_of(const void *of)
{
    const struct replicas_report *report = of;
    return report->member && !report->follows ? &report->membership->retain : NULL;
}

static struct counter_value away(const void *of)
{
    return retain_of(of) != NULL ? counter_count(retain_of(of)->away) : COUNTER_NONE;
}

static struct counter_value may_sync(const void *of)
{
    return retain_of(of) != NULL ? counter_count(retain_of(of)->lost > 0) : COUNTER_NONE;
}

static const struct counter_row rest[] = {
    {"master_replid", "Another with another history.", COUNTER_BY(history), .kind = COUNTER_LABEL},
    {"master_repl_offset", "The last record.", COUNTER_BY(offset), .kind = COUNTER_GAUGE},
    {"replication_epoch", "Of the last record.", COUNTER_BY(epoch), .kind = COUNTER_GAUGE},
    {"replication_leader", "The node that leads.", COUNTER_BY(leader), .kind = COUNTER_LABEL},
    {"replication_committed", "The last record that a majority has on its disks, as far as is known here.",
     COUNTER_BY(committed), .kind = COUNTER_GAUGE},
    {"replication_lease", "Whether it may answer, as a leader.", COUNTER_BY(lease), .kind = COUNTER_GAUGE,
     .unit = COUNTER_FLAG},
    {"replication_write_acks", "What answers wait for.", COUNTER_BY(acks), .kind = COUNTER_LABEL},
    {"replication_time_ahead_ms", "What the data have as time, less this node's clock.", COUNTER_BY(ahead_ms),
     .kind = COUNTER_GAUGE},
    {"replication_members_away", "Members that count and do not follow now.", COUNTER_BY(away), .kind = COUNTER_GAUGE},
    {"replication_full_sync_may_follow",
     "Whether the log does not reach back to one of them any more (replication_log_limit): it takes a whole copy.",
     COUNTER_BY(may_sync), .kind = COUNTER_GAUGE, .unit = COUNTER_FLAG},
    {"replication_retracted_answers", "Answers that were held, and became errors.", COUNTER_BY(retracted)},
};

const struct counter_table replicas_counters = COUNTER_TABLE(struct replicas_report, rest);
