/* SPDX-License-Identifier: MIT */

/* topology.c - the topology's bytes, by the generated message.
 *
 * Idea     The generated code allocates what a message asks for. So it is given a block of fixed size to take from, and
 *          nothing else: bytes of anybody cost at most that much, for as long as they are looked at.
 *
 * Promises
 *   P1  Decoding takes at most DECODE_MEMORY, whatever the bytes say, and none when it returns.
 *   P2  What is decoded was checked (topology_check), and encoding it gives bytes that decode to the same.
 */
#include "wire/topology.h"

#include "base/memory.h"
#include "geomys/v1/topology.pb-c.h"

#define DECODE_MEMORY ((size_t)4 * 1024 * 1024) /* bytes */

/* ---- looking things up ---- */

const struct topology_member *topology_member(const struct topology *topology, uint64_t id)
{
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (topology->members[i].id == id) {
            return &topology->members[i];
        }
    }
    return NULL;
}

const struct topology_shard *topology_shard(const struct topology *topology, uint32_t id)
{
    for (uint32_t i = 0; i < topology->shard_count; i++) {
        if (topology->shards[i].id == id) {
            return &topology->shards[i];
        }
    }
    return NULL;
}

const char *topology_setting(const struct topology *topology, const char *name)
{
    for (uint32_t i = 0; i < topology->setting_count; i++) {
        if (strcmp(topology->settings[i].name, name) == 0) {
            return topology->settings[i].value;
        }
    }
    return NULL;
}

void topology_copy(struct topology *to, const struct topology *from)
{
    memcpy(to->cluster_id, from->cluster_id, TOPOLOGY_ID_SIZE);
    to->version = from->version;
    to->member_count = from->member_count;
    to->shard_count = from->shard_count;
    to->setting_count = from->setting_count;
    memcpy(to->members, from->members, from->member_count * sizeof to->members[0]);
    memcpy(to->shards, from->shards, from->shard_count * sizeof to->shards[0]);
    memcpy(to->settings, from->settings, from->setting_count * sizeof to->settings[0]);
}

/* ---- encoding ---- */

/* All messages of a document, which point to each other and into the topology. */
struct messages {
    Geomys__V1__Topology topology;
    Geomys__V1__Member members[TOPOLOGY_MEMBERS_MAX];
    Geomys__V1__Member *member_list[TOPOLOGY_MEMBERS_MAX];
    Geomys__V1__TypeOf types[TOPOLOGY_MEMBERS_MAX][TOPOLOGY_TYPES_MAX];
    Geomys__V1__TypeOf *type_lists[TOPOLOGY_MEMBERS_MAX][TOPOLOGY_TYPES_MAX];
    Geomys__V1__Shard shards[TOPOLOGY_SHARDS_MAX];
    Geomys__V1__Shard *shard_list[TOPOLOGY_SHARDS_MAX];
    Geomys__V1__Setting settings[TOPOLOGY_SETTINGS_MAX];
    Geomys__V1__Setting *setting_list[TOPOLOGY_SETTINGS_MAX];
};

/* The generated structs lack a const, though packing only reads. */
static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static ProtobufCBinaryData id_of(const uint8_t id[static TOPOLOGY_ID_SIZE])
{
    return (ProtobufCBinaryData){TOPOLOGY_ID_SIZE, (uint8_t *)(uintptr_t)id};
}

static void fill_member(struct messages *messages, const struct topology_member *from, uint32_t at)
{
    Geomys__V1__Member *to = &messages->members[at];
    geomys__v1__member__init(to);
    to->id = from->id;
    to->folder_id = id_of(from->folder_id);
    to->host = text_of(from->host);
    to->client_port = from->client_port;
    to->node_port = from->node_port;
    to->engine_voter = from->engine_voter;
    to->version = text_of(from->version);
    to->n_types = from->type_count;
    to->types = messages->type_lists[at];
    for (uint32_t i = 0; i < from->type_count; i++) {
        Geomys__V1__TypeOf *type = &messages->types[at][i];
        geomys__v1__type_of__init(type);
        type->name = text_of(from->types[i].name);
        type->revision = from->types[i].revision;
        messages->type_lists[at][i] = type;
    }
    messages->member_list[at] = to;
}

static void fill_shard(struct messages *messages, const struct topology_shard *from, uint32_t at)
{
    Geomys__V1__Shard *to = &messages->shards[at];
    geomys__v1__shard__init(to);
    to->id = from->id;
    to->epoch = from->epoch;
    to->leader = from->leader;
    to->n_replicas = from->replica_count;
    to->replicas = (uint64_t *)(uintptr_t)from->replicas;
    messages->shard_list[at] = to;
}

static void fill(struct messages *messages, const struct topology *topology)
{
    Geomys__V1__Topology *to = &messages->topology;
    geomys__v1__topology__init(to);
    to->cluster_id = id_of(topology->cluster_id);
    to->version = topology->version;
    to->n_members = topology->member_count;
    to->members = messages->member_list;
    to->n_shards = topology->shard_count;
    to->shards = messages->shard_list;
    to->n_settings = topology->setting_count;
    to->settings = messages->setting_list;
    for (uint32_t i = 0; i < topology->member_count; i++) {
        fill_member(messages, &topology->members[i], i);
    }
    for (uint32_t i = 0; i < topology->shard_count; i++) {
        fill_shard(messages, &topology->shards[i], i);
    }
    for (uint32_t i = 0; i < topology->setting_count; i++) {
        Geomys__V1__Setting *setting = &messages->settings[i];
        geomys__v1__setting__init(setting);
        setting->name = text_of(topology->settings[i].name);
        setting->value = text_of(topology->settings[i].value);
        messages->setting_list[i] = setting;
    }
}

size_t topology_encode(const struct topology *topology, uint8_t *out, size_t room)
{
    struct messages *messages = memory_alloc(sizeof *messages);
    fill(messages, topology);
    size_t size = geomys__v1__topology__get_packed_size(&messages->topology);
    check(size <= room); /* TOPOLOGY_BYTES_MAX holds what the arrays hold */
    size_t written = geomys__v1__topology__pack(&messages->topology, out);
    check(written == size);
    memory_free(messages);
    return size;
}

/* ---- decoding ---- */

struct block {
    ProtobufCAllocator allocator;
    uint8_t *bytes;
    size_t used;
};

static void *block_alloc(void *data, size_t size)
{
    struct block *block = data;
    if (size > DECODE_MEMORY - block->used) { /* topology P1 */
        return NULL;
    }
    void *piece = block->bytes + block->used;
    block->used += (size + 15) & ~(size_t)15; /* DECODE_MEMORY is a multiple of 16 */
    return piece;
}

static void block_free(void *data, void *piece)
{
    (void)data;
    (void)piece;
}

static bool take_text(char *out, size_t room, const char *text)
{
    size_t size = strlen(text);
    if (size >= room) {
        return false;
    }
    memcpy(out, text, size + 1);
    return true;
}

static bool take_id(uint8_t out[static TOPOLOGY_ID_SIZE], const ProtobufCBinaryData *data)
{
    if (data->len != TOPOLOGY_ID_SIZE) {
        return false;
    }
    memcpy(out, data->data, TOPOLOGY_ID_SIZE);
    return true;
}

static bool take_member(struct topology_member *to, const Geomys__V1__Member *from)
{
    if (from->n_types > TOPOLOGY_TYPES_MAX || from->client_port > UINT16_MAX || from->node_port > UINT16_MAX ||
        !take_id(to->folder_id, &from->folder_id) || !take_text(to->host, sizeof to->host, from->host) ||
        !take_text(to->version, sizeof to->version, from->version)) {
        return false;
    }
    to->id = from->id;
    to->client_port = (uint16_t)from->client_port;
    to->node_port = (uint16_t)from->node_port;
    to->engine_voter = from->engine_voter != 0;
    to->type_count = (uint32_t)from->n_types;
    for (uint32_t i = 0; i < to->type_count; i++) {
        if (!take_text(to->types[i].name, sizeof to->types[i].name, from->types[i]->name)) {
            return false;
        }
        to->types[i].revision = from->types[i]->revision;
    }
    return true;
}

static bool take_shard(struct topology_shard *to, const Geomys__V1__Shard *from)
{
    if (from->n_replicas > TOPOLOGY_REPLICAS_MAX) {
        return false;
    }
    to->id = from->id;
    to->epoch = from->epoch;
    to->leader = from->leader;
    to->replica_count = (uint32_t)from->n_replicas;
    for (uint32_t i = 0; i < to->replica_count; i++) {
        to->replicas[i] = from->replicas[i];
    }
    return true;
}

/* Lengths and counts; all else is topology_check's. */
static enum status take(struct topology *to, const Geomys__V1__Topology *from, struct complaint *complaint)
{
    if (!take_id(to->cluster_id, &from->cluster_id) || from->n_members > TOPOLOGY_MEMBERS_MAX ||
        from->n_shards > TOPOLOGY_SHARDS_MAX || from->n_settings > TOPOLOGY_SETTINGS_MAX) {
        complaint_set(complaint,
                      "the topology has no cluster_id of %d bytes, or more than %d members, %d shards or %d "
                      "settings",
                      TOPOLOGY_ID_SIZE, TOPOLOGY_MEMBERS_MAX, TOPOLOGY_SHARDS_MAX, TOPOLOGY_SETTINGS_MAX);
        return STATUS_INVALID;
    }
    to->version = from->version;
    to->member_count = (uint32_t)from->n_members;
    to->shard_count = (uint32_t)from->n_shards;
    to->setting_count = (uint32_t)from->n_settings;
    for (uint32_t i = 0; i < to->member_count; i++) {
        if (!take_member(&to->members[i], from->members[i])) {
            complaint_set(complaint, "member %u of the topology has something that is too long or too much", i + 1);
            return STATUS_INVALID;
        }
    }
    for (uint32_t i = 0; i < to->shard_count; i++) {
        if (!take_shard(&to->shards[i], from->shards[i])) {
            complaint_set(complaint, "shard %u of the topology has too many replicas", i + 1);
            return STATUS_INVALID;
        }
    }
    for (uint32_t i = 0; i < to->setting_count; i++) {
        if (!take_text(to->settings[i].name, sizeof to->settings[i].name, from->settings[i]->name) ||
            !take_text(to->settings[i].value, sizeof to->settings[i].value, from->settings[i]->value)) {
            complaint_set(complaint, "setting %u of the topology is too long", i + 1);
            return STATUS_INVALID;
        }
    }
    return topology_check(to, complaint); /* topology P2 */
}

enum status topology_decode(struct gm_bytes bytes, struct topology *out, struct complaint *complaint)
{
    if (bytes.size > TOPOLOGY_BYTES_MAX) {
        complaint_set(complaint, "a topology of %zu bytes is larger than the limit of %zu", bytes.size,
                      TOPOLOGY_BYTES_MAX);
        return STATUS_TOO_BIG;
    }
    struct block block = {.allocator = {block_alloc, block_free, NULL}, .bytes = memory_alloc(DECODE_MEMORY)};
    block.allocator.allocator_data = &block;
    Geomys__V1__Topology *message = geomys__v1__topology__unpack(&block.allocator, bytes.size, bytes.data);
    enum status status = STATUS_CORRUPT;
    if (message == NULL) {
        complaint_set(complaint, "these %zu bytes are no topology", bytes.size);
    } else {
        status = take(out, message, complaint);
    }
    memory_free(block.bytes);
    return status;
}
