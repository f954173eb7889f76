/* SPDX-License-Identifier: MIT */

/* test_topology.c - the document: its bytes, what is refused, and what may follow what. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/prng.h"
#include "support/seed.h"
#include "support/topology_sample.h"

static uint8_t bytes[TOPOLOGY_BYTES_MAX];

static bool same(const struct topology *a, const struct topology *b)
{
    uint8_t *other = memory_alloc(TOPOLOGY_BYTES_MAX);
    size_t size = topology_encode(a, bytes, sizeof bytes);
    size_t other_size = topology_encode(b, other, TOPOLOGY_BYTES_MAX);
    bool equal = size == other_size && memcmp(bytes, other, size) == 0;
    memory_free(other);
    return equal;
}

static void expect_refused(const struct topology *topology, const char *words)
{
    struct complaint complaint = {""};
    cr_expect_eq(topology_check(topology, &complaint), STATUS_INVALID, "%s", words);
    cr_expect(strstr(complaint.text, words) != NULL, "'%s' for '%s'", complaint.text, words);
}

Test(topology, what_is_encoded_is_decoded) /* topology P2 */
{
    for (uint32_t members = 1; members <= TOPOLOGY_MEMBERS_MAX; members += 9) {
        struct topology *topology = topology_sample(members, members, members >= 3 ? 3 : 1);
        struct topology *back = memory_zeroed(sizeof *back);
        struct complaint complaint = {""};
        cr_assert_eq(topology_check(topology, &complaint), STATUS_OK, "%s", complaint.text);
        size_t size = topology_encode(topology, bytes, sizeof bytes);
        cr_assert_eq(topology_decode(gm_bytes_at(bytes, size), back, &complaint), STATUS_OK, "%s", complaint.text);
        cr_expect(memcmp(topology, back, sizeof *back) == 0);
        struct topology *copy = memory_zeroed(sizeof *copy);
        topology_copy(copy, topology);
        cr_expect(same(copy, topology));
        memory_free(copy);
        memory_free(back);
        memory_free(topology);
    }
}

Test(topology, its_bytes_are_as_released)
{
    static const char golden[] = "0a10c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
                                 "124208011210010101010101010101010101010101011a093132372e302e302e3120882728f02e30"
                                 "013a05302e312e3042120a0e67656f6d79732e64657175652f311002"
                                 "1a140a0a77726974655f61636b73120671756f72756d"
                                 "2207100118012201012807";
    struct topology *topology = topology_sample(7, 1, 1);
    size_t size = topology_encode(topology, bytes, sizeof bytes);
    char text[512] = "";
    for (size_t i = 0; i < size && i < 200; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    cr_expect_str_eq(text, golden);
    memory_free(topology);
}

Test(topology, the_largest_has_room)
{
    struct topology *topology = topology_sample(UINT64_MAX, TOPOLOGY_MEMBERS_MAX, 5);
    struct topology *back = memory_zeroed(sizeof *back);
    struct complaint complaint = {""};
    for (uint32_t i = 0; i < TOPOLOGY_MEMBERS_MAX; i++) {
        struct topology_member *member = &topology->members[i];
        member->id = UINT64_MAX - TOPOLOGY_MEMBERS_MAX + i;
        memset(member->host, 'h', TOPOLOGY_HOST_MAX);
        memset(member->version, '9', TOPOLOGY_VERSION_MAX);
        member->type_count = TOPOLOGY_TYPES_MAX;
        for (uint32_t t = 0; t < TOPOLOGY_TYPES_MAX; t++) {
            memset(member->types[t].name, 'a', TYPE_ID_MAX);
            memcpy(member->types[t].name + 20, ".b", 2);
            (void)snprintf(member->types[t].name + TYPE_ID_MAX - 3, 4, "/%02u", t + 10);
            member->types[t].revision = UINT32_MAX;
        }
    }
    topology->shard_count = TOPOLOGY_SHARDS_MAX;
    for (uint32_t i = 0; i < TOPOLOGY_SHARDS_MAX; i++) {
        struct topology_shard *shard = &topology->shards[i];
        *shard = (struct topology_shard){.id = UINT32_MAX - TOPOLOGY_SHARDS_MAX + i, .epoch = UINT64_MAX};
        shard->replica_count = TOPOLOGY_REPLICAS_MAX;
        for (uint32_t r = 0; r < TOPOLOGY_REPLICAS_MAX; r++) {
            shard->replicas[r] = topology->members[r].id;
        }
        shard->leader = shard->replicas[0];
    }
    topology->setting_count = TOPOLOGY_SETTINGS_MAX;
    for (uint32_t i = 0; i < TOPOLOGY_SETTINGS_MAX; i++) {
        struct topology_setting *setting = &topology->settings[i];
        memset(setting->name, 'n', TOPOLOGY_NAME_MAX);
        memset(setting->value, 'v', TOPOLOGY_VALUE_MAX);
        setting->name[0] = (char)('A' + i / 26);
        setting->name[1] = (char)('a' + i % 26);
    }
    cr_assert_eq(topology_check(topology, &complaint), STATUS_OK, "%s", complaint.text);
    size_t size = topology_encode(topology, bytes, sizeof bytes);
    cr_expect_leq(size, TOPOLOGY_BYTES_MAX);
    cr_assert_eq(topology_decode(gm_bytes_at(bytes, size), back, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect(same(topology, back));
    memory_free(back);
    memory_free(topology);
}

Test(topology, what_may_not_be_kept_is_named)
{
    struct topology *good = topology_sample(1, 3, 3);
    struct topology *bad = memory_zeroed(sizeof *bad);
#define REFUSED(words, ...)                                                                                            \
    do {                                                                                                               \
        *bad = *good;                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        expect_refused(bad, words);                                                                                    \
    } while (0)
    REFUSED("lacks its cluster_id", memset(bad->cluster_id, 0, TOPOLOGY_ID_SIZE));
    REFUSED("its version", bad->version = 0);
    REFUSED("too many members", bad->member_count = TOPOLOGY_MEMBERS_MAX + 1);
    REFUSED("too many members", bad->shard_count = UINT32_MAX);
    REFUSED("too many members", bad->setting_count = TOPOLOGY_SETTINGS_MAX + 1);
    REFUSED("member 0 has no id", bad->members[0].id = 0);
    REFUSED("member 1 is not in order", bad->members[1].id = 1);
    REFUSED("member 2 has no folder_id", memset(bad->members[1].folder_id, 0, TOPOLOGY_ID_SIZE));
    REFUSED("member 3 has another member's folder_id", memset(bad->members[2].folder_id, 1, TOPOLOGY_ID_SIZE));
    REFUSED("member 1 has a host", bad->members[0].host[0] = '\0');
    REFUSED("member 1 has a host", bad->members[0].host[2] = ' ');
    REFUSED("member 1 has a host", memset(bad->members[0].host, 'a', sizeof bad->members[0].host));
    REFUSED("member 2 lacks a port", bad->members[1].node_port = 0);
    REFUSED("member 2 has a version", bad->members[1].version[0] = '\n');
    REFUSED("member 1 has too many types", bad->members[0].type_count = TOPOLOGY_TYPES_MAX + 1);
    REFUSED("type whose name", bad->members[0].types[0].name[0] = '/');
    REFUSED("types that are not in order",
            (bad->members[0].type_count = 2, bad->members[0].types[1] = bad->members[0].types[0]));
    REFUSED("2 voters", bad->members[0].engine_voter = false);
    REFUSED("0 voters", bad->member_count = 0);
    REFUSED("shard 0 is not in order", (bad->shard_count = 2, bad->shards[1] = bad->shards[0]));
    REFUSED("shard 0 has no replica", bad->shards[0].replica_count = 0);
    REFUSED("shard 0 has no replica", bad->shards[0].replica_count = TOPOLOGY_REPLICAS_MAX + 1);
    REFUSED("replicas that are not in order", bad->shards[0].replicas[2] = 2);
    REFUSED("a replica that is no member", bad->shards[0].replicas[2] = 4);
    REFUSED("an epoch without a leader", bad->shards[0].leader = 0);
    REFUSED("an epoch without a leader", bad->shards[0].epoch = 0);
    REFUSED("none of its replicas", bad->shards[0].leader = 9);
    REFUSED("setting 1 has a name", bad->settings[0].name[0] = ' ');
    REFUSED("setting 2 is not in order", (bad->setting_count = 2, bad->settings[1] = bad->settings[0]));
    REFUSED("not one line of text", bad->settings[0].value[0] = '\n');
    REFUSED("not one line of text", memset(bad->settings[0].value, 'v', sizeof bad->settings[0].value));
#undef REFUSED
    memory_free(bad);
    memory_free(good);
}

Test(topology, what_may_not_follow_is_named)
{
    struct topology *before = topology_sample(4, 3, 3);
    struct topology *after = memory_zeroed(sizeof *after);
    struct complaint complaint = {""};
    before->shards[0].epoch = 5;
#define FOLLOWS(expected, words, ...)                                                                                  \
    do {                                                                                                               \
        *after = *before;                                                                                              \
        after->version++;                                                                                              \
        complaint.text[0] = '\0';                                                                                      \
        __VA_ARGS__;                                                                                                   \
        cr_expect_eq(topology_follows(before, after, &complaint), expected, "%s: %s", words, complaint.text);          \
        cr_expect(strstr(complaint.text, words) != NULL, "'%s' for '%s'", complaint.text, words);                      \
    } while (0)
    FOLLOWS(STATUS_OK, "", (void)0);
    FOLLOWS(STATUS_OK, "", (after->shards[0].epoch = 6, after->shards[0].leader = 3));
    FOLLOWS(STATUS_OK, "", (after->shards[0].epoch = 6, after->shards[0].replica_count = 2));
    FOLLOWS(STATUS_INVALID, "does not follow version 4", after->version = 4);
    FOLLOWS(STATUS_INVALID, "does not follow version 4", after->version = 6);
    FOLLOWS(STATUS_INVALID, "another cluster", after->cluster_id[0]++);
    FOLLOWS(STATUS_INVALID, "would be gone", after->shard_count = 0);
    FOLLOWS(STATUS_INVALID, "earlier epoch", after->shards[0].epoch = 4);
    FOLLOWS(STATUS_INVALID, "within its epoch", after->shards[0].leader = 2);
    FOLLOWS(STATUS_INVALID, "within its epoch", after->shards[0].replica_count = 2);
    FOLLOWS(STATUS_INVALID, "more than one replica", (after->shards[0].epoch = 6, after->shards[0].replica_count = 1));
#undef FOLLOWS
    cr_expect_eq(topology_follows(NULL, before, &complaint), STATUS_INVALID);
    before->version = 1;
    cr_expect_eq(topology_follows(NULL, before, &complaint), STATUS_OK);
    memory_free(after);
    memory_free(before);
}

Test(topology, bytes_that_ask_for_much_get_little) /* topology P1 */
{
    struct topology *back = memory_zeroed(sizeof *back);
    struct complaint complaint = {""};
    for (size_t i = 0; i + 1 < sizeof bytes; i += 2) { /* members, empty ones, 229 376 of them */
        bytes[i] = 0x12;
        bytes[i + 1] = 0;
    }
    cr_expect_eq(topology_decode(gm_bytes_at(bytes, sizeof bytes), back, &complaint), STATUS_CORRUPT);
    cr_expect(strstr(complaint.text, "are no topology") != NULL, "%s", complaint.text);
    cr_expect_eq(topology_decode(gm_bytes_at(bytes, sizeof bytes + 1), back, &complaint), STATUS_TOO_BIG);
    cr_expect_eq(topology_decode(gm_bytes_at(bytes, 2 * 65), back, &complaint), STATUS_INVALID);
    cr_expect_eq(topology_decode(gm_bytes_at(bytes, 0), back, &complaint), STATUS_INVALID);
    memory_free(back);
}

Test(topology, bytes_that_are_damaged_are_refused_or_are_another_document)
{
    struct prng prng;
    struct topology *topology = topology_sample(3, 5, 5);
    struct topology *back = memory_zeroed(sizeof *back);
    size_t size = topology_encode(topology, bytes, sizeof bytes);
    uint8_t *copy = memory_alloc(size);
    memcpy(copy, bytes, size);
    prng_seed(&prng, seed_of_run());
    for (int i = 0; i < 3000; i++) {
        struct complaint complaint = {""};
        uint8_t *damaged = memory_alloc(size);
        memcpy(damaged, copy, size);
        for (uint64_t n = 1 + prng_below(&prng, 3); n > 0; n--) {
            damaged[prng_below(&prng, size)] = (uint8_t)prng_next(&prng);
        }
        size_t kept = prng_below(&prng, 4) == 0 ? prng_below(&prng, size) : size;
        enum status status = topology_decode(gm_bytes_at(damaged, kept), back, &complaint);
        cr_expect_eq(status == STATUS_OK, complaint.text[0] == '\0');
        cr_expect(status != STATUS_OK || topology_check(back, &complaint) == STATUS_OK);
        memory_free(damaged);
    }
    memory_free(copy);
    memory_free(back);
    memory_free(topology);
}
