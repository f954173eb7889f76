/* SPDX-License-Identifier: MIT */

/* registry.c - modules taken over wholly or not at all, and commands found by name.
 *
 * Idea    registry_add builds everything of a module aside (struct draft): parsed usage lines, copies, pointers. Only
 *         when nothing is left that could be refused is the draft linked in; linking can not fail.
 *             first word -> slot {head, size, entry} -> entry -> command, or one of subs by the second word
 *         The table is open addressing over the first eight bytes in capitals, which for most commands is the whole
 *         name.
 *
 * Promises
 *   P1  A refused module leaves no trace.
 *   P2  registry_find does not allocate and looks at each byte of a name once.
 *   P3  Indexes count up in the order of registry_add and never change.
 * Limits  Names in the table come from modules, so the hash has no key: clients can only look up.
 */
#include "module/registry.h"

#include <stdio.h>

#include "base/memory.h"
#include "module/descriptor.h"
#include "module/usage/word.h"

struct slot {
    uint64_t head;
    struct registry_entry *entry; /* NULL: free */
};

/* A growing array of pointers. */
struct vector {
    void **items; /* owned */
    uint32_t count;
    uint32_t capacity;
};

struct registry {
    const struct registry_interface *interfaces;
    uint32_t interface_count;
    uint32_t slot_mask; /* slots - 1, a power of two */
    struct slot *slots; /* owned */
    struct vector modules;
    struct vector types;
    struct vector commands;
    struct vector entries;
};

struct draft {
    struct registry *registry;
    struct complaint *complaint;
    struct module *module;
    struct type **types;
    struct command **commands;
    uint32_t type_count;
    uint32_t command_count;
};

/* ---- vectors ---- */

static void vector_push(struct vector *vector, void *item)
{
    if (vector->count == vector->capacity) {
        vector->capacity = vector->capacity == 0 ? 16 : vector->capacity * 2;
        vector->items = memory_realloc(vector->items, vector->capacity * sizeof vector->items[0]);
    }
    vector->items[vector->count++] = item;
}

static void *vector_at(const struct vector *vector, uint32_t index)
{
    check(index < vector->count);
    return vector->items[index];
}

/* ---- names to entries ---- */

static uint64_t mix(uint64_t hash)
{
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 32);
}

static uint64_t name_hash(struct gm_bytes name, uint64_t head)
{
    uint64_t hash = mix(head + name.size);
    for (size_t at = 8; at < name.size; at += 8) {
        hash = mix(hash ^ word_capitals(word_load(name.data + at, name.size - at)));
    }
    return hash;
}

static bool is_named(const struct slot *slot, struct gm_bytes name, uint64_t head)
{
    return slot->head == head && slot->entry->name_size == name.size &&
           (name.size <= 8 || word_rest_equal(name.data, (const uint8_t *)slot->entry->name, name.size));
}

/* The slot that holds the name, or the free one where it would go. */
static struct slot *find_slot(const struct registry *registry, struct gm_bytes name)
{
    uint64_t head = word_head(name);
    uint64_t at = name_hash(name, head);
    for (;; at++) {
        struct slot *slot = &registry->slots[at & registry->slot_mask];
        if (slot->entry == NULL || is_named(slot, name, head)) {
            return slot;
        }
    }
}

static struct gm_bytes entry_name(const struct registry_entry *entry)
{
    return (struct gm_bytes){(const uint8_t *)entry->name, entry->name_size};
}

static void link_entry(struct registry *registry, struct registry_entry *entry)
{
    struct slot *slot = find_slot(registry, entry_name(entry));
    check(slot->entry == NULL);
    *slot = (struct slot){word_head(entry_name(entry)), entry};
}

static void grow_slots(struct registry *registry)
{
    memory_free(registry->slots);
    registry->slot_mask = registry->slot_mask * 2 + 1;
    registry->slots = memory_zeroed((registry->slot_mask + (size_t)1) * sizeof registry->slots[0]);
    for (uint32_t i = 0; i < registry->entries.count; i++) {
        link_entry(registry, registry->entries.items[i]);
    }
}

static struct registry_entry *find_entry(const struct registry *registry, struct gm_bytes name)
{
    return name.size == 0 || name.size > USAGE_NAME_MAX ? NULL : find_slot(registry, name)->entry;
}

static struct gm_bytes first_word(const struct command *command)
{
    return (struct gm_bytes){(const uint8_t *)command->usage.name, strcspn(command->usage.name, "|")};
}

static struct command *find_sub(const struct registry_entry *entry, struct gm_bytes word)
{
    for (uint32_t i = 0; i < entry->sub_count; i++) {
        if (bytes_equal_nocase(word, entry->subs[i]->usage.name + entry->name_size + 1)) {
            return entry->subs[i];
        }
    }
    return NULL;
}

struct registry_lookup registry_find(const struct registry *registry, const struct gm_bytes *argv, uint32_t argc)
{
    const struct registry_entry *entry = find_entry(registry, argv[0]);
    if (entry == NULL) {
        return (struct registry_lookup){REGISTRY_UNKNOWN, NULL, NULL};
    }
    if (entry->sub_count == 0 || (argc == 1 && entry->command != NULL)) {
        return (struct registry_lookup){REGISTRY_FOUND, entry->command, entry};
    }
    if (argc == 1) {
        return (struct registry_lookup){REGISTRY_MISSING_SUB, NULL, entry};
    }
    const struct command *sub = find_sub(entry, argv[1]);
    return (struct registry_lookup){sub == NULL ? REGISTRY_UNKNOWN_SUB : REGISTRY_FOUND, sub, entry};
}

const struct registry_entry *registry_entry_named(const struct registry *registry, struct gm_bytes name)
{
    return find_entry(registry, name);
}

const struct command *registry_command_named(const struct registry *registry, struct gm_bytes name)
{
    size_t size = 0;
    while (size < name.size && name.data[size] != '|' && name.data[size] != ' ') {
        size++;
    }
    const struct registry_entry *entry = find_entry(registry, (struct gm_bytes){name.data, size});
    if (entry == NULL || size == name.size) {
        return entry == NULL ? NULL : entry->command;
    }
    return find_sub(entry, (struct gm_bytes){name.data + size + 1, name.size - size - 1});
}

/* ---- refusals ---- */

static const char *origin(const struct module *module)
{
    return module->path == NULL ? "the server itself" : module->path;
}

static enum status refuse_taken(struct draft *draft, const char *what, const char *name, const struct module *owner)
{
    if (owner == draft->module) {
        complaint_set(draft->complaint, "it declares the %s '%s' twice", what, name);
    } else {
        complaint_set(draft->complaint, "its %s '%s' (%s %s) is there already, from %s %s (%s)", what, name,
                      draft->module->abi->name, draft->module->abi->version, owner->abi->name, owner->abi->version,
                      origin(owner));
    }
    return STATUS_EXISTS;
}

/* ---- needs ---- */

static enum status refuse_need(struct draft *draft, const char *need)
{
    char known[256];
    size_t used = 0;
    known[0] = '\0';
    for (uint32_t i = 0; i < draft->registry->interface_count && used < sizeof known; i++) {
        int size = snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ",
                            draft->registry->interfaces[i].name);
        used += size < 0 ? 0 : (size_t)size;
    }
    complaint_set(draft->complaint, "it needs the interface '%s', this server has %s", need,
                  known[0] == '\0' ? "none" : known);
    return STATUS_NOT_FOUND;
}

static enum status take_needs(struct draft *draft, const struct gm_module *abi)
{
    draft->module->interfaces = memory_zeroed((abi->need_count + (size_t)1) * sizeof(void *));
    for (uint32_t need = 0; need < abi->need_count; need++) {
        uint32_t i = 0;
        while (i < draft->registry->interface_count &&
               strcmp(draft->registry->interfaces[i].name, abi->needs[need]) != 0) {
            i++;
        }
        if (i == draft->registry->interface_count) {
            return refuse_need(draft, abi->needs[need]);
        }
        draft->module->interfaces[need] = draft->registry->interfaces[i].pointer;
    }
    return STATUS_OK;
}

/* ---- types ---- */

/* The struct itself, or a copy whose end, which its module does not know, is zero. */
static const void *widen(const void *abi, uint32_t size, size_t full)
{
    if (size >= full) {
        return abi;
    }
    void *copy = memory_zeroed(full);
    memcpy(copy, abi, size);
    return copy;
}

static void narrow(const void *widened, const void *abi)
{
    if (widened != abi) {
        memory_free((void *)(uintptr_t)widened);
    }
}

const struct type *registry_type_named(const struct registry *registry, struct gm_bytes id)
{
    for (uint32_t i = 0; i < registry->types.count; i++) {
        const struct type *type = registry->types.items[i];
        if (gm_bytes_equal(gm_bytes_of(type->abi->id), id)) {
            return type;
        }
    }
    return NULL;
}

static enum status check_type_free(struct draft *draft, const struct gm_type *abi, uint32_t before)
{
    const struct type *taken = registry_type_named(draft->registry, gm_bytes_of(abi->id));
    for (uint32_t i = 0; i < before && taken == NULL; i++) {
        taken = strcmp(draft->types[i]->abi->id, abi->id) == 0 ? draft->types[i] : NULL;
    }
    return taken == NULL ? STATUS_OK : refuse_taken(draft, "type", abi->id, taken->module);
}

static enum status take_types(struct draft *draft, const struct gm_module *abi)
{
    draft->types = memory_zeroed((abi->type_count + (size_t)1) * sizeof(struct type *));
    for (uint32_t i = 0; i < abi->type_count; i++) {
        TRY(check_type_free(draft, abi->types[i], i));
        struct type *type = memory_zeroed(sizeof *type);
        type->abi = widen(abi->types[i], abi->types[i]->size, sizeof(struct gm_type));
        type->module = draft->module;
        type->index = draft->registry->types.count + i;
        draft->types[draft->type_count++] = type;
    }
    return STATUS_OK;
}

static const struct type *draft_type(const struct draft *draft, const struct gm_type *abi)
{
    for (uint32_t i = 0; i < draft->type_count; i++) {
        if (draft->module->abi->types[i] == abi) {
            return draft->types[i];
        }
    }
    return NULL;
}

/* ---- commands ---- */

static enum status check_command_keys(struct draft *draft, const struct command *command)
{
    bool keyed = command->usage.has_keys || command->abi->keys != NULL;
    if (keyed && command->type == NULL && (command->abi->flags & GM_ACCEPT_ANY) == 0) {
        complaint_set(draft->complaint, "its command '%s' has keys but no type, and is not GM_ACCEPT_ANY",
                      command->usage.name);
        return STATUS_INVALID;
    }
    if (command->abi->plan == NULL && draft->module->path != NULL) {
        complaint_set(draft->complaint, "its command '%s' has no plan", command->usage.name);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static const struct module *entry_owner(const struct registry_entry *entry)
{
    return entry->command != NULL ? entry->command->module : entry->subs[0]->module;
}

/* A name is taken by a command of that name; a first word, with all that is under it, belongs to one module. */
static enum status check_command_free(struct draft *draft, const struct command *command, uint32_t before)
{
    const struct registry_entry *entry = find_entry(draft->registry, first_word(command));
    if (entry != NULL) {
        return refuse_taken(draft, "command", command->usage.name, entry_owner(entry));
    }
    for (uint32_t i = 0; i < before; i++) {
        if (strcmp(draft->commands[i]->usage.name, command->usage.name) == 0) {
            return refuse_taken(draft, "command", command->usage.name, draft->module);
        }
    }
    return STATUS_OK;
}

static enum status take_command(struct draft *draft, const struct gm_command *abi)
{
    struct command *command = memory_zeroed(sizeof *command);
    draft->commands[draft->command_count] = command;
    command->index = draft->registry->commands.count + draft->command_count;
    draft->command_count++;
    command->abi = widen(abi, abi->size, sizeof(struct gm_command));
    command->module = draft->module;
    command->interfaces = draft->module->interfaces;
    command->type = abi->type == NULL ? NULL : draft_type(draft, abi->type);
    TRY(usage_parse(&command->usage, abi->usage, draft->complaint));
    command->categories = command_categories(command);
    TRY(check_command_keys(draft, command));
    return check_command_free(draft, command, draft->command_count - 1);
}

static enum status take_commands(struct draft *draft, const struct gm_module *abi)
{
    draft->commands = memory_zeroed((abi->command_count + (size_t)1) * sizeof(struct command *));
    for (uint32_t i = 0; i < abi->command_count; i++) {
        TRY(take_command(draft, descriptor_command(abi, i)));
    }
    return STATUS_OK;
}

/* ---- modules ---- */

const struct module *registry_module_named(const struct registry *registry, struct gm_bytes name)
{
    for (uint32_t i = 0; i < registry->modules.count; i++) {
        const struct module *module = registry->modules.items[i];
        if (gm_bytes_equal(gm_bytes_of(module->abi->name), name)) {
            return module;
        }
    }
    return NULL;
}

static enum status take_module(struct draft *draft, const struct gm_module *abi, const char *path)
{
    const struct module *taken = registry_module_named(draft->registry, gm_bytes_of(abi->name));
    if (taken != NULL) {
        complaint_set(draft->complaint, "the module %s %s is there already, version %s (%s)", abi->name, abi->version,
                      taken->abi->version, origin(taken));
        return STATUS_EXISTS;
    }
    struct module *module = memory_zeroed(sizeof *module);
    draft->module = module;
    module->abi = widen(abi, abi->size, sizeof(struct gm_module));
    if (path != NULL) {
        size_t size = strlen(path) + 1;
        module->path = memcpy(memory_alloc(size), path, size);
    }
    module->group = abi->group == NULL ? "module" : abi->group;
    module->index = draft->registry->modules.count;
    module->first_type = draft->registry->types.count;
    module->first_command = draft->registry->commands.count;
    TRY(take_needs(draft, abi));
    TRY(take_types(draft, abi));
    return take_commands(draft, abi);
}

/* ---- linking, which can not fail ---- */

static struct registry_entry *entry_for(struct registry *registry, const struct command *command)
{
    struct gm_bytes name = first_word(command);
    struct registry_entry *entry = find_entry(registry, name);
    if (entry == NULL) {
        entry = memory_zeroed(sizeof *entry);
        memcpy(entry->name, name.data, name.size);
        entry->name_size = (uint32_t)name.size;
        vector_push(&registry->entries, entry);
        if (registry->entries.count * (uint64_t)2 > registry->slot_mask) {
            grow_slots(registry);
        } else {
            link_entry(registry, entry);
        }
    }
    return entry;
}

static void link_command(struct registry *registry, struct command *command)
{
    struct registry_entry *entry = entry_for(registry, command);
    command->entry = entry;
    vector_push(&registry->commands, command);
    if (command->usage.words == 1) {
        entry->command = command;
        return;
    }
    entry->subs = memory_realloc(entry->subs, (entry->sub_count + (size_t)1) * sizeof entry->subs[0]);
    entry->subs[entry->sub_count++] = command;
}

static void link_draft(struct draft *draft)
{
    vector_push(&draft->registry->modules, draft->module);
    for (uint32_t i = 0; i < draft->type_count; i++) {
        vector_push(&draft->registry->types, draft->types[i]);
    }
    for (uint32_t i = 0; i < draft->command_count; i++) {
        link_command(draft->registry, draft->commands[i]);
    }
}

/* ---- releasing ---- */

static void destroy_command(struct command *command, const struct gm_command *abi)
{
    usage_finish(&command->usage);
    narrow(command->abi, abi);
    memory_free(command);
}

static void destroy_type(struct type *type, const struct gm_type *abi)
{
    narrow(type->abi, abi);
    memory_free(type);
}

static void destroy_module(struct module *module, const struct gm_module *abi)
{
    narrow(module->abi, abi);
    memory_free((void *)(uintptr_t)module->path);
    memory_free(module->interfaces);
    memory_free(module);
}

static void drop_draft(struct draft *draft, const struct gm_module *abi)
{
    for (uint32_t i = 0; i < draft->command_count; i++) {
        destroy_command(draft->commands[i], descriptor_command(abi, i));
    }
    for (uint32_t i = 0; i < draft->type_count; i++) {
        destroy_type(draft->types[i], abi->types[i]);
    }
    if (draft->module != NULL) {
        destroy_module(draft->module, abi);
    }
}

enum status registry_add(struct registry *registry, const struct gm_module *module, const char *path,
                         struct complaint *complaint)
{
    struct draft draft = {.registry = registry, .complaint = complaint};
    enum status status = descriptor_check(module, path == NULL, complaint);
    if (status == STATUS_OK) {
        status = take_module(&draft, module, path);
    }
    if (status == STATUS_OK) {
        link_draft(&draft);
    } else {
        drop_draft(&draft, module);
        complaint_prefix(complaint, "module %s", path == NULL ? "of the server" : path);
    }
    memory_free(draft.types);
    memory_free(draft.commands);
    return status;
}

struct registry *registry_create(const struct registry_interface *interfaces, uint32_t count)
{
    struct registry *registry = memory_zeroed(sizeof *registry);
    registry->interfaces = interfaces;
    registry->interface_count = count;
    registry->slot_mask = 255;
    registry->slots = memory_zeroed((registry->slot_mask + (size_t)1) * sizeof registry->slots[0]);
    return registry;
}

static void destroy_entries(struct registry *registry)
{
    for (uint32_t i = 0; i < registry->entries.count; i++) {
        struct registry_entry *entry = registry->entries.items[i];
        memory_free(entry->subs);
        memory_free(entry);
    }
}

void registry_destroy(struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    destroy_entries(registry);
    for (uint32_t i = 0; i < registry->commands.count; i++) {
        struct command *command = registry->commands.items[i];
        uint32_t number = command->index - command->module->first_command;
        destroy_command(command, descriptor_command(command->module->abi, number));
    }
    for (uint32_t i = 0; i < registry->types.count; i++) {
        struct type *type = registry->types.items[i];
        destroy_type(type, type->module->abi->types[type->index - type->module->first_type]);
    }
    for (uint32_t i = 0; i < registry->modules.count; i++) {
        struct module *module = registry->modules.items[i];
        bool widened = module->abi->size < sizeof(struct gm_module);
        destroy_module(module, widened ? NULL : module->abi);
    }
    memory_free(registry->modules.items);
    memory_free(registry->types.items);
    memory_free(registry->commands.items);
    memory_free(registry->entries.items);
    memory_free(registry->slots);
    memory_free(registry);
}

/* ---- iteration ---- */

uint32_t registry_module_count(const struct registry *registry)
{
    return registry->modules.count;
}

uint32_t registry_type_count(const struct registry *registry)
{
    return registry->types.count;
}

uint32_t registry_command_count(const struct registry *registry)
{
    return registry->commands.count;
}

uint32_t registry_entry_count(const struct registry *registry)
{
    return registry->entries.count;
}

const struct module *registry_module(const struct registry *registry, uint32_t index)
{
    return vector_at(&registry->modules, index);
}

const struct type *registry_type(const struct registry *registry, uint32_t index)
{
    return vector_at(&registry->types, index);
}

const struct command *registry_command(const struct registry *registry, uint32_t index)
{
    return vector_at(&registry->commands, index);
}

const struct registry_entry *registry_entry(const struct registry *registry, uint32_t index)
{
    return vector_at(&registry->entries, index);
}
