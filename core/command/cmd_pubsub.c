/* SPDX-License-Identifier: MIT */

/* cmd_pubsub.c - SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their ends, PUBLISH, SPUBLISH, PUBSUB.
 *
 * A subscription answers once per channel, with a push in RESP3 and an array in RESP2. In RESP2 nothing tells a message
 * from an answer, so a connection that has subscriptions takes few other commands (admit.c, CALL_SUBSCRIBED).
 *
 * Promises
 *   I1  Each topic that a command names has an answer of its own: an error for one that is refused.
 *   I2  MULTI does not take these commands, but those that publish: one answer too many would shift all of EXEC's.
 *
 * The plans of those who subscribe change the session itself: each of them runs once. PUBSUB CHANNELS goes on from turn
 * to turn where there are many (cmd_walk.h).
 *
 * Limits   PUBLISH is refused where the clients' patterns take more than PUBSUB_STEPS_MAX to try. */
#include "base/glob.h"
#include "command/cmd.h"
#include "command/cmd_walk.h"

/* ---- subscribing ---- */

static void answer(struct call *call, enum pubsub_kind kind, const char *word, const struct gm_bytes *name)
{
    const struct session *session = call_session(call);
    struct reply *reply = &call->reply;
    reply_push(reply, 3);
    reply_text(reply, word);
    if (name != NULL) {
        reply_bytes(reply, *name);
    } else {
        reply_null(reply);
    }
    uint32_t shards = session->topic_count[PUBSUB_SHARD];
    reply_int(reply, kind == PUBSUB_SHARD ? shards : session_topics(session) - shards);
}

static void subscribe(struct gm_call *abi, enum pubsub_kind kind, const char *word)
{
    struct call *call = call_of(abi);
    uint32_t count = gm_arg(abi, 0)->count;
    reply_expect(&call->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        struct gm_bytes name = gm_arg_at(abi, 0, i);
        const char *error = pubsub_subscribe(&call->worker->pubsub, call_session(call), kind, name);
        if (error != NULL) {
            reply_error_element(&call->reply, error);
        } else {
            answer(call, kind, word, &name);
        }
    }
}

static void unsubscribe_all(struct call *call, enum pubsub_kind kind, const char *word)
{
    struct session *session = call_session(call);
    struct list *topics = &session->topics[kind];
    if (list_empty(topics)) {
        answer(call, kind, word, NULL);
        return;
    }
    reply_expect(&call->reply, session->topic_count[kind]);
    while (!list_empty(topics)) {
        const struct pubsub_topic *topic = container_of(topics->next, struct pubsub_link, in_session)->topic;
        uint8_t *copy = arena_alloc(&call->worker->arena, topic->size + 1u);
        struct gm_bytes name = {memcpy(copy, topic->name, topic->size), topic->size};
        pubsub_unsubscribe(&call->worker->pubsub, session, kind, name);
        answer(call, kind, word, &name);
    }
}

static void unsubscribe(struct gm_call *abi, enum pubsub_kind kind, const char *word)
{
    struct call *call = call_of(abi);
    uint32_t count = gm_arg(abi, 0)->count;
    if (count == 0) {
        unsubscribe_all(call, kind, word);
        return;
    }
    reply_expect(&call->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        struct gm_bytes name = gm_arg_at(abi, 0, i);
        pubsub_unsubscribe(&call->worker->pubsub, call_session(call), kind, name);
        answer(call, kind, word, &name);
    }
}

static void plan_subscribe(struct gm_call *abi)
{
    subscribe(abi, PUBSUB_CHANNEL, "subscribe");
}

static void plan_unsubscribe(struct gm_call *abi)
{
    unsubscribe(abi, PUBSUB_CHANNEL, "unsubscribe");
}

static void plan_psubscribe(struct gm_call *abi)
{
    subscribe(abi, PUBSUB_PATTERN, "psubscribe");
}

static void plan_punsubscribe(struct gm_call *abi)
{
    unsubscribe(abi, PUBSUB_PATTERN, "punsubscribe");
}

static void plan_ssubscribe(struct gm_call *abi)
{
    subscribe(abi, PUBSUB_SHARD, "ssubscribe");
}

static void plan_sunsubscribe(struct gm_call *abi)
{
    unsubscribe(abi, PUBSUB_SHARD, "sunsubscribe");
}

/* ---- publishing, asking ---- */

/* False: nobody can listen to a channel of so long a name, patterns would be tried on it in vain; the call is
 * answered. */
static bool check_channel(struct gm_call *abi)
{
    if (gm_arg_at(abi, 0, 0).size > PUBSUB_CHANNEL_MAX) {
        gm_reply_error(abi, PUBSUB_CHANNEL_TOO_LONG);
        return false;
    }
    return true;
}

static void plan_publish(struct gm_call *abi)
{
    uint64_t sent;
    if (!check_channel(abi)) {
        return;
    }
    if (!pubsub_publish(&call_of(abi)->worker->pubsub, gm_arg_at(abi, 0, 0), gm_arg_at(abi, 1, 0), &sent)) {
        gm_reply_error(abi, "ERR it takes too long to try all patterns that clients listen to on so long a name of a "
                            "channel: nobody was told; publish to a shorter one");
        return;
    }
    gm_reply_int(abi, (int64_t)sent);
}

static void plan_spublish(struct gm_call *abi)
{
    const struct pubsub *pubsub = &call_of(abi)->worker->pubsub;
    if (check_channel(abi)) {
        gm_reply_int(abi, (int64_t)pubsub_publish_shard(pubsub, gm_arg_at(abi, 0, 0), gm_arg_at(abi, 1, 0)));
    }
}

static void channels(struct gm_call *abi, enum pubsub_kind kind)
{
    struct call *call = call_of(abi);
    struct cmd_walk what = {.table = &call->worker->pubsub.topics[kind],
                            .pattern = gm_given(abi, 0) ? gm_arg_at(abi, 0, 0) : BYTES("*")};
    if (what.pattern.size > GLOB_PATTERN_MAX) {
        gm_reply_error(abi, "ERR the pattern is longer than 1024 bytes");
        return;
    }
    cmd_walk(call, &what);
}

static void plan_channels(struct gm_call *abi)
{
    channels(abi, PUBSUB_CHANNEL);
}

static void plan_shardchannels(struct gm_call *abi)
{
    channels(abi, PUBSUB_SHARD);
}

static void numsub(struct gm_call *abi, enum pubsub_kind kind)
{
    const struct pubsub *pubsub = &call_of(abi)->worker->pubsub;
    uint32_t count = gm_arg(abi, 0)->count;
    gm_reply_array(abi, (size_t)count * 2);
    for (uint32_t i = 0; i < count; i++) {
        struct gm_bytes name = gm_arg_at(abi, 0, i);
        gm_reply_bytes(abi, name);
        gm_reply_int(abi, (int64_t)pubsub_subscribers(pubsub, kind, name));
    }
}

static void plan_numsub(struct gm_call *abi)
{
    numsub(abi, PUBSUB_CHANNEL);
}

static void plan_shardnumsub(struct gm_call *abi)
{
    numsub(abi, PUBSUB_SHARD);
}

static void plan_numpat(struct gm_call *abi)
{
    gm_reply_int(abi, (int64_t)call_of(abi)->worker->pubsub.topics[PUBSUB_PATTERN].count);
}

/* ---- the table ---- */

#define SUBSCRIBING (GM_READ | CALL_LOADING | CALL_NO_MULTI | CALL_SUBSCRIBED | CALL_SESSION)
#define ASKING      (GM_READ | CALL_LOADING)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "SUBSCRIBE channel...", .flags = SUBSCRIBING, .plan = plan_subscribe,
     .complexity = "O(n), n the channels", .summary = "Listens to channels: their messages arrive by themselves.",
     .example = "SUBSCRIBE news"},
    {CMD_COMMAND, .usage = "UNSUBSCRIBE [channel...]", .flags = SUBSCRIBING, .plan = plan_unsubscribe,
     .complexity = "O(n), n the channels", .summary = "Listens no more to channels, or to any channel.",
     .example = "UNSUBSCRIBE news"},
    {CMD_COMMAND, .usage = "PSUBSCRIBE pattern:pattern...", .flags = SUBSCRIBING, .plan = plan_psubscribe,
     .complexity = "O(n), n the patterns", .summary = "Listens to all channels whose names match.",
     .example = "PSUBSCRIBE news.*"},
    {CMD_COMMAND, .usage = "PUNSUBSCRIBE [pattern:pattern...]", .flags = SUBSCRIBING, .plan = plan_punsubscribe,
     .complexity = "O(n), n the patterns", .summary = "Listens no more to patterns, or to any pattern.",
     .example = "PUNSUBSCRIBE news.*"},
    {CMD_COMMAND, .usage = "SSUBSCRIBE shardchannel...", .flags = SUBSCRIBING, .plan = plan_ssubscribe,
     .complexity = "O(n), n the channels", .summary = "Listens to shard channels, which no pattern matches.",
     .example = "SSUBSCRIBE orders"},
    {CMD_COMMAND, .usage = "SUNSUBSCRIBE [shardchannel...]", .flags = SUBSCRIBING, .plan = plan_sunsubscribe,
     .complexity = "O(n), n the channels", .summary = "Listens no more to shard channels, or to any of them.",
     .example = "SUNSUBSCRIBE orders"},
    {CMD_COMMAND, .usage = "PUBLISH channel message", .flags = GM_READ | GM_FAST | CALL_LOADING | CALL_WRITE_ALIKE,
     .plan = plan_publish, .complexity = "O(n+m), n those who listen, m the patterns of all clients",
     .summary = "Sends a message to all who listen to the channel now, and tells how many these are.",
     .example = "PUBLISH news hello"},
    {CMD_COMMAND, .usage = "SPUBLISH shardchannel message",
     .flags = GM_READ | GM_FAST | CALL_LOADING | CALL_WRITE_ALIKE, .plan = plan_spublish,
     .complexity = "O(n), n those who listen",
     .summary = "Sends a message to all who listen to the shard channel now, and tells how many these are.",
     .example = "SPUBLISH orders hello"},
    {CMD_COMMAND, .usage = "PUBSUB|CHANNELS [pattern:pattern]", .flags = ASKING, .plan = plan_channels,
     .complexity = "O(n), n the channels", .summary = "Lists the channels that somebody listens to.",
     .example = "PUBSUB CHANNELS news.*"},
    {CMD_COMMAND, .usage = "PUBSUB|NUMSUB [channel...]", .flags = ASKING, .plan = plan_numsub,
     .complexity = "O(n), n the channels", .summary = "Tells how many listen to each channel, not counting patterns.",
     .example = "PUBSUB NUMSUB news"},
    {CMD_COMMAND, .usage = "PUBSUB|NUMPAT", .flags = ASKING, .plan = plan_numpat, .complexity = "O(1)",
     .summary = "Tells how many patterns clients listen to.", .example = "PUBSUB NUMPAT"},
    {CMD_COMMAND, .usage = "PUBSUB|SHARDCHANNELS [pattern:pattern]", .flags = ASKING, .plan = plan_shardchannels,
     .complexity = "O(n), n the shard channels", .summary = "Lists the shard channels that somebody listens to.",
     .example = "PUBSUB SHARDCHANNELS"},
    {CMD_COMMAND, .usage = "PUBSUB|SHARDNUMSUB [shardchannel...]", .flags = ASKING, .plan = plan_shardnumsub,
     .complexity = "O(n), n the shard channels", .summary = "Tells how many listen to each shard channel.",
     .example = "PUBSUB SHARDNUMSUB orders"},
    CMD_HELP("PUBSUB", ASKING),
};

CMD_MODULE(cmd_pubsub, .name = "geomys.pubsub", .group = "pubsub", .summary = "Sends messages to those who listen.");
