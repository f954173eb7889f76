/* SPDX-License-Identifier: MIT */

/* topology_check.c - which documents may be kept, and which one may follow which.
 *
 * Why      A topology comes from files, from other nodes and from this one's own mistakes; everything above takes it
 *          for granted: that ids ascend, that a leader is a replica, that a replica has an address. So it is judged
 *          here, once, whoever made it.
 */
#include "wire/topology.h"

#include "base/utf8.h"

static bool is_zero(const uint8_t id[static TOPOLOGY_ID_SIZE])
{
    static const uint8_t zero[TOPOLOGY_ID_SIZE];
    return memcmp(id, zero, TOPOLOGY_ID_SIZE) == 0;
}

/* Whether `text` ends within `room` bytes, is not empty, and has letters, digits and `others` alone. */
static bool is_word(const char *text, size_t room, const char *others)
{
    size_t size = strnlen(text, room);
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool usual = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!usual && strchr(others, c) == NULL) {
            return false;
        }
    }
    return size > 0 && size < room;
}

static bool is_line(const char *text, size_t room)
{
    struct gm_bytes rest = gm_bytes_at(text, strnlen(text, room));
    if (rest.size == room) {
        return false;
    }
    while (rest.size > 0) {
        uint32_t character;
        size_t size = utf8_decode(rest, &character);
        if (size == 0 || !utf8_plain(character)) {
            return false;
        }
        rest = gm_bytes_at(rest.data + size, rest.size - size);
    }
    return true;
}

static enum status refuse(struct complaint *complaint, const char *what, uint64_t id, const char *why)
{
    complaint_set(complaint, "the topology's %s %llu %s", what, (unsigned long long)id, why);
    return STATUS_INVALID;
}

static enum status check_types(const struct topology_member *member, struct complaint *complaint)
{
    if (member->type_count > TOPOLOGY_TYPES_MAX) {
        return refuse(complaint, "member", member->id, "has too many types");
    }
    for (uint32_t i = 0; i < member->type_count; i++) {
        const char *name = member->types[i].name;
        size_t size = strnlen(name, TYPE_ID_MAX + 1);
        if (size > TYPE_ID_MAX || !type_id_is_valid(gm_bytes_at(name, size))) {
            return refuse(complaint, "member", member->id, "has a type whose name is not one");
        }
        if (i > 0 && strcmp(member->types[i - 1].name, name) >= 0) {
            return refuse(complaint, "member", member->id, "has types that are not in order");
        }
    }
    return STATUS_OK;
}

static enum status check_member(const struct topology *topology, uint32_t at, struct complaint *complaint)
{
    const struct topology_member *member = &topology->members[at];
    if (member->id == 0) {
        return refuse(complaint, "member", member->id, "has no id");
    }
    if (at > 0 && topology->members[at - 1].id >= member->id) {
        return refuse(complaint, "member", member->id, "is not in order");
    }
    if (is_zero(member->folder_id)) {
        return refuse(complaint, "member", member->id, "has no folder_id");
    }
    for (uint32_t i = 0; i < at; i++) {
        if (memcmp(topology->members[i].folder_id, member->folder_id, TOPOLOGY_ID_SIZE) == 0) {
            return refuse(complaint, "member", member->id, "has another member's folder_id");
        }
    }
    if (!is_word(member->host, sizeof member->host, ".-_:%")) {
        return refuse(complaint, "member", member->id, "has a host that is no name and no address");
    }
    if (member->client_port == 0 || member->node_port == 0) {
        return refuse(complaint, "member", member->id, "lacks a port");
    }
    if (!is_word(member->version, sizeof member->version, ".-_+~")) {
        return refuse(complaint, "member", member->id, "has a version that is none");
    }
    return check_types(member, complaint);
}

static enum status check_members(const struct topology *topology, struct complaint *complaint)
{
    uint32_t voters = 0;
    for (uint32_t i = 0; i < topology->member_count; i++) {
        TRY(check_member(topology, i, complaint));
        voters += topology->members[i].engine_voter ? 1 : 0;
    }
    if (voters != 1 && voters != 3 && voters != 5) { // the protocol, C20
        complaint_set(complaint, "the topology has %u voters; there are 1, 3 or 5", voters);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static bool has_replica(const struct topology_shard *shard, uint64_t id)
{
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        if (shard->replicas[i] == id) {
            return true;
        }
    }
    return false;
}

static enum status check_shard(const struct topology *topology, uint32_t at, struct complaint *complaint)
{
    const struct topology_shard *shard = &topology->shards[at];
    if (at > 0 && topology->shards[at - 1].id >= shard->id) {
        return refuse(complaint, "shard", shard->id, "is not in order");
    }
    if (shard->replica_count == 0 || shard->replica_count > TOPOLOGY_REPLICAS_MAX) {
        return refuse(complaint, "shard", shard->id, "has no replica, or too many");
    }
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        if (i > 0 && shard->replicas[i - 1] >= shard->replicas[i]) {
            return refuse(complaint, "shard", shard->id, "has replicas that are not in order");
        }
        if (topology_member(topology, shard->replicas[i]) == NULL) {
            return refuse(complaint, "shard", shard->id, "has a replica that is no member");
        }
    }
    if ((shard->leader == 0) != (shard->epoch == 0)) {
        return refuse(complaint, "shard", shard->id, "has an epoch without a leader, or a leader without an epoch");
    }
    if (shard->leader != 0 && !has_replica(shard, shard->leader)) {
        return refuse(complaint, "shard", shard->id, "has a leader that is none of its replicas");
    }
    return STATUS_OK;
}

static enum status check_settings(const struct topology *topology, struct complaint *complaint)
{
    for (uint32_t i = 0; i < topology->setting_count; i++) {
        const struct topology_setting *setting = &topology->settings[i];
        if (!is_word(setting->name, sizeof setting->name, "._-/")) {
            return refuse(complaint, "setting", i + 1, "has a name that is none");
        }
        if (i > 0 && strcmp(topology->settings[i - 1].name, setting->name) >= 0) {
            return refuse(complaint, "setting", i + 1, "is not in order");
        }
        if (!is_line(setting->value, sizeof setting->value)) {
            return refuse(complaint, "setting", i + 1, "has a value that is not one line of text");
        }
    }
    return STATUS_OK;
}

enum status topology_check(const struct topology *topology, struct complaint *complaint)
{
    if (is_zero(topology->cluster_id) || topology->version == 0) {
        complaint_set(complaint, "the topology lacks its cluster_id or its version");
        return STATUS_INVALID;
    }
    if (topology->member_count > TOPOLOGY_MEMBERS_MAX || topology->shard_count > TOPOLOGY_SHARDS_MAX ||
        topology->setting_count > TOPOLOGY_SETTINGS_MAX) {
        complaint_set(complaint, "the topology has too many members (at most %d), shards (%d) or settings (%d)",
                      TOPOLOGY_MEMBERS_MAX, TOPOLOGY_SHARDS_MAX, TOPOLOGY_SETTINGS_MAX);
        return STATUS_INVALID;
    }
    TRY(check_members(topology, complaint));
    for (uint32_t i = 0; i < topology->shard_count; i++) {
        TRY(check_shard(topology, i, complaint));
    }
    return check_settings(topology, complaint);
}

static uint32_t difference(const struct topology_shard *a, const struct topology_shard *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->replica_count; i++) {
        count += has_replica(b, a->replicas[i]) ? 0 : 1;
    }
    for (uint32_t i = 0; i < b->replica_count; i++) {
        count += has_replica(a, b->replicas[i]) ? 0 : 1;
    }
    return count;
}

static enum status check_successor(const struct topology_shard *before, const struct topology_shard *after,
                                   struct complaint *complaint)
{
    if (after == NULL) {
        return refuse(complaint, "shard", before->id, "would be gone");
    }
    if (before->epoch > after->epoch) {
        return refuse(complaint, "shard", before->id, "would go back to an earlier epoch");
    }
    uint32_t changed = difference(before, after);
    if (before->epoch == after->epoch && (before->leader != after->leader || (before->leader != 0 && changed > 0))) {
        return refuse(complaint, "shard", before->id, "would change within its epoch");
    }
    if (before->leader != 0 && changed > 1) { // the protocol, C18
        return refuse(complaint, "shard", before->id, "would change by more than one replica at once");
    }
    return STATUS_OK;
}

enum status topology_follows(const struct topology *before, const struct topology *after, struct complaint *complaint)
{
    if (after->version != (before == NULL ? 0 : before->version) + 1) {
        complaint_set(complaint, "a topology of version %llu does not follow version %llu",
                      (unsigned long long)after->version, before == NULL ? 0ull : (unsigned long long)before->version);
        return STATUS_INVALID;
    }
    if (before == NULL) {
        return STATUS_OK;
    }
    if (memcmp(before->cluster_id, after->cluster_id, TOPOLOGY_ID_SIZE) != 0) {
        complaint_set(complaint, "a topology of another cluster does not follow this one's");
        return STATUS_INVALID;
    }
    for (uint32_t i = 0; i < before->shard_count; i++) {
        TRY(check_successor(&before->shards[i], topology_shard(after, before->shards[i].id), complaint));
    }
    return STATUS_OK;
}
