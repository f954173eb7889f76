/* SPDX-License-Identifier: MIT */

/* command.c - categories derived from flags and group, and calls bound with the keys of the escape hatch. */
#include "module/command.h"

#include "module/module.h"

struct group_category {
    const char *group;
    uint32_t category;
    bool data; /* its commands read or write values, with keys or without (FLUSHALL) */
};

static const struct group_category groups[] = {
    {"generic", CATEGORY_KEYSPACE, true},
    {"string", CATEGORY_STRING, true},
    {"list", CATEGORY_LIST, true},
    {"hash", CATEGORY_HASH, true},
    {"set", CATEGORY_SET, true},
    {"sorted-set", CATEGORY_SORTEDSET, true},
    {"bitmap", CATEGORY_BITMAP, true},
    {"hyperloglog", CATEGORY_HYPERLOGLOG, true},
    {"geo", CATEGORY_GEO, true},
    {"stream", CATEGORY_STREAM, true},
    {"pubsub", CATEGORY_PUBSUB, false},
    {"connection", CATEGORY_CONNECTION, false},
    {"transactions", CATEGORY_TRANSACTION, false},
    {"scripting", CATEGORY_SCRIPTING, false},
    {"server", 0, false},
    {"cluster", 0, false},
};

const char *command_category_name(uint32_t bit)
{
    static const char *const names[] = {
#define X(name, bit, text) [bit] = (text),
        CATEGORY_TABLE(X)
#undef X
    };
    check(bit < sizeof names / sizeof names[0]);
    return names[bit];
}

static struct group_category category_of(const char *group)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (strcmp(groups[i].group, group) == 0) {
            return groups[i];
        }
    }
    return (struct group_category){group, 0, true};
}

uint32_t command_categories(const struct command *command)
{
    uint32_t flags = command->abi->flags;
    struct group_category group = category_of(command->group);
    uint32_t categories = group.category;
    bool keyed = command->usage.has_keys || command->abi->keys != NULL;
    if (keyed || group.data) {
        categories |= (flags & GM_WRITE) != 0 ? CATEGORY_WRITE : CATEGORY_READ;
    }
    categories |= (flags & GM_FAST) != 0 ? CATEGORY_FAST : CATEGORY_SLOW;
    categories |= (flags & GM_BLOCKS) != 0 ? CATEGORY_BLOCKING : 0;
    categories |= (flags & GM_DANGEROUS) != 0 ? CATEGORY_DANGEROUS : 0;
    bool server = strcmp(command->group, "server") == 0 || strcmp(command->group, "cluster") == 0;
    categories |= server && (flags & GM_DANGEROUS) != 0 ? CATEGORY_ADMIN : 0;
    categories |= (flags & GM_ADMIN) != 0 ? CATEGORY_ADMIN | CATEGORY_DANGEROUS : 0;
    return categories;
}

static enum usage_outcome refuse_keys(struct usage_bound *bound)
{
    bound->error = "ERR Invalid arguments specified for command";
    bound->at = 1;
    return USAGE_VALUE;
}

/* The module writes bare indexes into the caller's room, which is twice as large; they are then spread out from the
 * end. */
static enum usage_outcome find_keys(const struct command *command, const struct gm_bytes *argv, uint32_t argc,
                                    struct usage_bound *bound)
{
    uint32_t *indexes = bound->key_room == 0 ? NULL : &bound->keys[0].index;
    int found = command->abi->keys(argv, argc, indexes, bound->key_room);
    if (found < 0) {
        return refuse_keys(bound);
    }
    bound->key_count = (uint32_t)found;
    uint32_t held = bound->key_count < bound->key_room ? bound->key_count : bound->key_room;
    for (uint32_t i = held; i-- > 0;) {
        uint32_t index;
        memcpy(&index, (const char *)bound->keys + i * sizeof index, sizeof index);
        if (index == 0 || index >= argc) {
            return refuse_keys(bound);
        }
        bound->keys[i] = (struct usage_key){index, 1, USAGE_ACCEPTS_OWN};
    }
    return USAGE_OK;
}

enum usage_outcome command_bind(const struct command *command, const struct gm_bytes *argv, uint32_t argc,
                                struct gm_arg *args, struct usage_bound *bound)
{
    enum usage_outcome outcome = usage_bind(&command->usage, argv, argc, args, bound);
    if (outcome == USAGE_OK && __builtin_expect(command->abi->keys != NULL, 0)) {
        return find_keys(command, argv, argc, bound);
    }
    return outcome;
}
