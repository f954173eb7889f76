/* SPDX-License-Identifier: MIT */

/* talk.c - between the generated messages and ours. */
#include "wire/talk.h"

#include <string.h>

#include "geomys/v1/cluster.pb-c.h"
#include "wire/proto.h"

#define MEMORY ((size_t)1280 * 1024) /* of an unpacked message: the engine's are the largest, of 1 MiB */

/* ---- packing ---- */

static Geomys__V1__Place place_of(struct talk_place place)
{
    Geomys__V1__Place message = GEOMYS__V1__PLACE__INIT;
    message.epoch = place.epoch;
    message.sequence = place.sequence;
    return message;
}

static Geomys__V1__Promise promise_of(struct talk_promise promise)
{
    Geomys__V1__Promise message = GEOMYS__V1__PROMISE__INIT;
    message.epoch = promise.epoch;
    message.leader = promise.leader;
    message.start = promise.start;
    return message;
}

/* Texts are terminated in the generated messages; ours are not. */
static char *terminated(struct gm_bytes text, size_t max, char *room)
{
    check(text.size <= max);
    if (text.size > 0) {
        memcpy(room, text.data, text.size);
    }
    room[text.size] = '\0';
    return room;
}

/* The texts of a greeting, as the generated message has them. */
struct texts {
    char host[TALK_HOST_MAX + 1];
    char version[TALK_VERSION_MAX + 1];
};

static Geomys__V1__Words__Greeting greeting_of(const struct talk_greeting *greeting, struct texts *texts)
{
    Geomys__V1__Words__Greeting message = GEOMYS__V1__WORDS__GREETING__INIT;
    if (greeting->member) {
        message.cluster_id = proto_data((struct gm_bytes){greeting->cluster_id, TALK_ID_SIZE});
    }
    message.folder_id = proto_data((struct gm_bytes){greeting->folder_id, TALK_ID_SIZE});
    message.node = greeting->node;
    message.start = greeting->start;
    message.host = terminated(greeting->host, TALK_HOST_MAX, texts->host);
    message.client_port = greeting->client_port;
    message.node_port = greeting->node_port;
    message.version = terminated(greeting->version, TALK_VERSION_MAX, texts->version);
    return message;
}

static bool pack_greeting(const struct talk_greeting *greeting, struct buf *out)
{
    struct texts texts;
    Geomys__V1__Words__Greeting message = greeting_of(greeting, &texts);
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_GREETING;
    words.greeting = &message;
    return proto_pack(&words.base, out);
}

static bool pack_beat(const struct talk_beat *beat, struct buf *out)
{
    Geomys__V1__Words__Beat message = GEOMYS__V1__WORDS__BEAT__INIT;
    message.shard = beat->shard;
    message.epoch = beat->epoch;
    message.start = beat->start;
    message.sent_us = beat->sent_us;
    message.lease_ms = beat->lease_ms;
    message.resigned = beat->resigned;
    message.topology = beat->topology;
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_BEAT;
    words.beat = &message;
    return proto_pack(&words.base, out);
}

static bool pack_granted(const struct talk_granted *granted, struct buf *out)
{
    Geomys__V1__Promise promise = promise_of(granted->promise);
    Geomys__V1__Place position = place_of(granted->position);
    Geomys__V1__Words__Granted message = GEOMYS__V1__WORDS__GRANTED__INIT;
    message.shard = granted->shard;
    message.epoch = granted->epoch;
    message.sent_us = granted->sent_us;
    message.lease_ms = granted->lease_ms;
    message.promise = &promise;
    message.position = &position;
    message.fit = granted->fit;
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_GRANTED;
    words.granted = &message;
    return proto_pack(&words.base, out);
}

static bool pack_ask(const struct talk_ask *ask, struct buf *out)
{
    Geomys__V1__Words__Ask message = GEOMYS__V1__WORDS__ASK__INIT;
    message.number = ask->number;
    message.shard = ask->shard;
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_ASK;
    words.ask = &message;
    return proto_pack(&words.base, out);
}

static bool pack_stands(const struct talk_stands *stands, struct buf *out)
{
    Geomys__V1__Place position = place_of(stands->position);
    Geomys__V1__Place owes = place_of(stands->owes);
    Geomys__V1__Promise promise = promise_of(stands->promise);
    Geomys__V1__Words__Stands message = GEOMYS__V1__WORDS__STANDS__INIT;
    message.number = stands->number;
    message.shard = stands->shard;
    message.position = &position;
    message.owes = &owes;
    message.promise = &promise;
    message.fit = stands->fit;
    message.free = stands->free;
    message.wait_ms = stands->wait_ms;
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_STANDS;
    words.stands = &message;
    return proto_pack(&words.base, out);
}

static bool pack_vote(const struct talk_vote *vote, struct buf *out)
{
    Geomys__V1__Promise promise = promise_of(vote->promise);
    Geomys__V1__Place position = place_of(vote->position);
    Geomys__V1__Words__Vote message = GEOMYS__V1__WORDS__VOTE__INIT;
    message.number = vote->number;
    message.shard = vote->shard;
    message.promise = &promise;
    message.position = &position;
    message.topology = vote->topology;
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_VOTE;
    words.vote = &message;
    return proto_pack(&words.base, out);
}

static bool pack_voted(const struct talk_voted *voted, struct buf *out)
{
    Geomys__V1__Place position = place_of(voted->position);
    Geomys__V1__Promise promise = promise_of(voted->promise);
    Geomys__V1__Words__Voted message = GEOMYS__V1__WORDS__VOTED__INIT;
    message.number = voted->number;
    message.shard = voted->shard;
    message.yes = voted->yes;
    message.position = &position;
    message.promise = &promise;
    message.wait_ms = voted->wait_ms;
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_VOTED;
    words.voted = &message;
    return proto_pack(&words.base, out);
}

static bool pack_engine(struct gm_bytes engine, struct buf *out)
{
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_ENGINE;
    words.engine = proto_data(engine);
    return proto_pack(&words.base, out);
}

static bool pack_join(const struct talk_join *join, struct buf *out)
{
    struct texts texts;
    Geomys__V1__Words__Greeting who = GEOMYS__V1__WORDS__GREETING__INIT;
    Geomys__V1__Words__Join message = GEOMYS__V1__WORDS__JOIN__INIT;
    message.number = join->number;
    if (join->relayed) {
        who = greeting_of(&join->who, &texts);
        message.who = &who;
    }
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_JOIN;
    words.join = &message;
    return proto_pack(&words.base, out);
}

static bool pack_welcome(struct gm_bytes welcome, struct buf *out)
{
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_WELCOME;
    words.welcome = proto_data(welcome);
    return proto_pack(&words.base, out);
}

static bool pack_sorry(const struct talk_sorry *sorry, struct buf *out)
{
    char sentence[TALK_SENTENCE_MAX + 1];
    Geomys__V1__Words__Sorry message = GEOMYS__V1__WORDS__SORRY__INIT;
    message.code = sorry->code;
    message.sentence = terminated(sorry->sentence, TALK_SENTENCE_MAX, sentence);
    Geomys__V1__Words words = GEOMYS__V1__WORDS__INIT;
    words.kind_case = GEOMYS__V1__WORDS__KIND_SORRY;
    words.sorry = &message;
    return proto_pack(&words.base, out);
}

bool talk_pack(const struct talk_words *words, struct buf *out)
{
    switch (words->kind) {
    case TALK_GREETING:
        return pack_greeting(&words->greeting, out);
    case TALK_BEAT:
        return pack_beat(&words->beat, out);
    case TALK_GRANTED:
        return pack_granted(&words->granted, out);
    case TALK_ASK:
        return pack_ask(&words->ask, out);
    case TALK_STANDS:
        return pack_stands(&words->stands, out);
    case TALK_VOTE:
        return pack_vote(&words->vote, out);
    case TALK_VOTED:
        return pack_voted(&words->voted, out);
    case TALK_ENGINE:
        return pack_engine(words->engine, out);
    case TALK_SORRY:
        return pack_sorry(&words->sorry, out);
    case TALK_JOIN:
        return pack_join(&words->join, out);
    case TALK_WELCOME:
        return pack_welcome(words->welcome, out);
    case TALK_KINDS:
        break;
    }
    check(false);
    return false;
}

/* ---- unpacking ---- */

static enum status refuse(struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "what the other node says cannot be read: %s", why);
    return STATUS_CORRUPT;
}

/* A message that is not there is one of zeros. */
static struct talk_place take_place(const Geomys__V1__Place *message)
{
    return message != NULL ? (struct talk_place){message->epoch, message->sequence} : (struct talk_place){0, 0};
}

static struct talk_promise take_promise(const Geomys__V1__Promise *message)
{
    return message != NULL ? (struct talk_promise){message->epoch, message->leader, message->start}
                           : (struct talk_promise){0, 0, 0};
}

/* False: it is longer than it may be. */
static bool take_text(const char *text, size_t max, struct gm_bytes *out)
{
    size_t size = strnlen(text, max + 1);
    *out = (struct gm_bytes){(const uint8_t *)text, size};
    return size <= max;
}

static enum status take_greeting(const Geomys__V1__Words__Greeting *message, struct talk_greeting *out,
                                 struct complaint *complaint)
{
    *out = (struct talk_greeting){.member = message->cluster_id.len > 0,
                                  .node = message->node,
                                  .start = message->start,
                                  .client_port = (uint16_t)message->client_port,
                                  .node_port = (uint16_t)message->node_port};
    bool ids = message->folder_id.len == TALK_ID_SIZE && (!out->member || message->cluster_id.len == TALK_ID_SIZE);
    bool texts = take_text(message->host, TALK_HOST_MAX, &out->host) &&
                 take_text(message->version, TALK_VERSION_MAX, &out->version);
    if (!ids || !texts || message->node == 0 || message->start == 0 || message->client_port > UINT16_MAX ||
        message->node_port > UINT16_MAX) {
        return refuse(complaint, "its greeting makes no sense");
    }
    memcpy(out->folder_id, message->folder_id.data, TALK_ID_SIZE);
    if (out->member) {
        memcpy(out->cluster_id, message->cluster_id.data, TALK_ID_SIZE);
    }
    return STATUS_OK;
}

static enum status take_beat(const Geomys__V1__Words__Beat *message, struct talk_beat *out, struct complaint *complaint)
{
    *out = (struct talk_beat){.shard = message->shard,
                              .epoch = message->epoch,
                              .start = message->start,
                              .sent_us = message->sent_us,
                              .lease_ms = message->lease_ms,
                              .resigned = message->resigned,
                              .topology = message->topology};
    bool sound = message->epoch > 0 && message->lease_ms <= TALK_LEASE_MAX_MS;
    return sound ? STATUS_OK : refuse(complaint, "its beat makes no sense");
}

static enum status take_granted(const Geomys__V1__Words__Granted *message, struct talk_granted *out,
                                struct complaint *complaint)
{
    *out = (struct talk_granted){.shard = message->shard,
                                 .epoch = message->epoch,
                                 .sent_us = message->sent_us,
                                 .lease_ms = message->lease_ms,
                                 .promise = take_promise(message->promise),
                                 .position = take_place(message->position),
                                 .fit = message->fit};
    bool sound = message->epoch > 0 && message->lease_ms <= TALK_LEASE_MAX_MS;
    return sound ? STATUS_OK : refuse(complaint, "what it grants makes no sense");
}

static void take_stands(const Geomys__V1__Words__Stands *message, struct talk_stands *out)
{
    *out = (struct talk_stands){.number = message->number,
                                .shard = message->shard,
                                .position = take_place(message->position),
                                .owes = take_place(message->owes),
                                .promise = take_promise(message->promise),
                                .fit = message->fit,
                                .free = message->free,
                                .wait_ms = message->wait_ms};
}

static enum status take_vote(const Geomys__V1__Words__Vote *message, struct talk_vote *out, struct complaint *complaint)
{
    *out = (struct talk_vote){.number = message->number,
                              .shard = message->shard,
                              .promise = take_promise(message->promise),
                              .position = take_place(message->position),
                              .topology = message->topology};
    bool sound = out->promise.epoch > 0 && out->promise.leader > 0 && out->promise.start > 0;
    return sound ? STATUS_OK : refuse(complaint, "it asks for a vote for nobody");
}

static void take_voted(const Geomys__V1__Words__Voted *message, struct talk_voted *out)
{
    *out = (struct talk_voted){.number = message->number,
                               .shard = message->shard,
                               .yes = message->yes,
                               .position = take_place(message->position),
                               .promise = take_promise(message->promise),
                               .wait_ms = message->wait_ms};
}

enum status talk_unpack(struct gm_bytes bytes, struct talk_words *out, struct arena *arena, struct complaint *complaint)
{
    const Geomys__V1__Words *words =
        (const Geomys__V1__Words *)(const void *)proto_unpack(&geomys__v1__words__descriptor, bytes, MEMORY, arena);
    switch (words != NULL ? words->kind_case : GEOMYS__V1__WORDS__KIND__NOT_SET) {
    case GEOMYS__V1__WORDS__KIND_GREETING:
        out->kind = TALK_GREETING;
        return take_greeting(words->greeting, &out->greeting, complaint);
    case GEOMYS__V1__WORDS__KIND_BEAT:
        out->kind = TALK_BEAT;
        return take_beat(words->beat, &out->beat, complaint);
    case GEOMYS__V1__WORDS__KIND_GRANTED:
        out->kind = TALK_GRANTED;
        return take_granted(words->granted, &out->granted, complaint);
    case GEOMYS__V1__WORDS__KIND_ASK:
        out->kind = TALK_ASK;
        out->ask = (struct talk_ask){words->ask->number, words->ask->shard};
        return STATUS_OK;
    case GEOMYS__V1__WORDS__KIND_STANDS:
        out->kind = TALK_STANDS;
        take_stands(words->stands, &out->stands);
        return STATUS_OK;
    case GEOMYS__V1__WORDS__KIND_VOTE:
        out->kind = TALK_VOTE;
        return take_vote(words->vote, &out->vote, complaint);
    case GEOMYS__V1__WORDS__KIND_VOTED:
        out->kind = TALK_VOTED;
        take_voted(words->voted, &out->voted);
        return STATUS_OK;
    case GEOMYS__V1__WORDS__KIND_ENGINE:
        out->kind = TALK_ENGINE;
        out->engine = proto_bytes(words->engine);
        return STATUS_OK;
    case GEOMYS__V1__WORDS__KIND_SORRY:
        out->kind = TALK_SORRY;
        out->sorry = (struct talk_sorry){.code = words->sorry->code};
        return take_text(words->sorry->sentence, TALK_SENTENCE_MAX, &out->sorry.sentence)
                   ? STATUS_OK
                   : refuse(complaint, "it is sorry at too great a length");
    case GEOMYS__V1__WORDS__KIND_JOIN:
        out->kind = TALK_JOIN;
        out->join = (struct talk_join){.number = words->join->number, .relayed = words->join->who != NULL};
        return out->join.relayed ? take_greeting(words->join->who, &out->join.who, complaint) : STATUS_OK;
    case GEOMYS__V1__WORDS__KIND_WELCOME:
        out->kind = TALK_WELCOME;
        out->welcome = proto_bytes(words->welcome);
        return STATUS_OK;
    case GEOMYS__V1__WORDS__KIND__NOT_SET:
    default:
        return refuse(complaint, "it is of no kind that nodes send");
    }
}
