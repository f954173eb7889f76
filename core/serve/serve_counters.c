/* SPDX-License-Identifier: MIT */

/* serve_counters.c - what is told of those who ask. */
#include "serve/serve_counters.h"

#include "serve/worker.h"

#define GAUGE(member) COUNTER_OF(struct serve_counts, member), .kind = COUNTER_GAUGE

static const struct counter_row clients[] = {
    {"connected_clients", "Connections.", GAUGE(sessions)},
    {"blocked_clients", "Clients whose command waits for a key, or for the disk.", GAUGE(blocked)},
    {"tracking_clients", "Clients that are told when what they have read changes.", GAUGE(trackers)},
    {"watching_keys", "Watches of keys by transactions.", GAUGE(watching)},
    {"total_blocking_keys", "Keys that commands wait for.", GAUGE(awaited)},
    {"clients_in_timeout_table", "Clients that wait until a certain time at most.", GAUGE(timeouts)},
};

const struct counter_table serve_counters_clients = COUNTER_TABLE(struct serve_counts, clients);

static const struct counter_row stats[] = {
    {"pubsub_channels", "Channels with subscribers.", GAUGE(channels)},
    {"pubsub_patterns", "Patterns with subscribers.", GAUGE(patterns)},
    {"pubsubshard_channels", "Shard channels with subscribers.", GAUGE(shard_channels)},
    {"pubsub_cut_events", "Events of keys that took too long to try on all patterns of clients: not all were tried.",
     COUNTER_OF(struct serve_counts, cut_events)},
    {"tracking_total_keys", "Keys that are remembered for clients that keep copies.", GAUGE(tracked_keys)},
    {"tracking_total_items", "Clients that are remembered, summed over these keys.", GAUGE(tracked_items)},
    {"tracking_total_prefixes", "Prefixes of which clients want to hear all changes.", GAUGE(tracked_prefixes)},
};

const struct counter_table serve_counters_stats = COUNTER_TABLE(struct serve_counts, stats);

void serve_counters_take(const struct worker *worker, struct serve_counts *out)
{
    *out = (struct serve_counts){.sessions = worker->sessions.count,
                                 .blocked = worker->sessions.blocked,
                                 .timeouts = worker->timeouts.count,
                                 .trackers = worker->tracking.tracker_count,
                                 .watching = worker->interest.watchers,
                                 .awaited = worker->interest.awaited,
                                 .channels = worker->pubsub.topics[PUBSUB_CHANNEL].count,
                                 .patterns = worker->pubsub.topics[PUBSUB_PATTERN].count,
                                 .shard_channels = worker->pubsub.topics[PUBSUB_SHARD].count,
                                 .cut_events = worker->pubsub.cut,
                                 .tracked_keys = worker->tracking.keys.count,
                                 .tracked_items = worker->tracking.items,
                                 .tracked_prefixes = worker->tracking.prefixes.count};
}
