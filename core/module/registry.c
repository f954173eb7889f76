/* SPDX-License-Identifier: MIT */

/* registry.c - sets of modules made from one another, and commands found by name.
 *
 * Idea    registry_with makes the module aside (module.c), compares its names with those that others have, gives it its
 *         numbers, and only then makes a registry around it: lists of what all its modules have, and a fresh table.
 *             first word -> slot {head, size, entry} -> entry -> command, or one of subs by the second word
 *         The table is open addressing over the first eight bytes in capitals, which for most commands is the whole
 *         name.
 *         Numbers come from two rolls, of the names of all commands and types that there ever were: a name's place in
 *         its roll is its number. A newer registry begins with a copy of the older one's.
 *
 * Promises
 *   P1  A refused module leaves no trace; the old registry is not changed by anything but the count of its modules.
 *   P2  registry_find does not allocate and looks at each byte of a name once.
 *   P3  A number has one name in all registries that were made from one another.
 *   P4  A first word, with all that is under it, is of one module. So is a type.
 *   P5  No registry has more than REGISTRY_TYPES_MAX types.
 * Limits  Names in the table come from modules, so the hash has no key: clients can only look up. A roll never
 *         shrinks: 64 bytes for each name that there ever was.
 */
#include "module/registry.h"

#include "base/memory.h"
#include "module/succession.h"
#include "module/usage/word.h"

#define NAME_SIZE   ((size_t)USAGE_NAME_MAX + 1)
#define SLOTS_LEAST 256

struct slot {
    uint64_t head;
    const struct registry_entry *entry; /* NULL: free */
};

/* A growing array of pointers. */
struct vector {
    const void **items; /* owned */
    uint32_t count;
    uint32_t capacity;
};

/* Names by number. */
struct roll {
    char (*names)[NAME_SIZE]; /* owned */
    uint32_t count;
};

struct registry {
    const struct registry_interface *interfaces;
    uint32_t interface_count;
    uint32_t slot_mask;    /* slots - 1, a power of two, and more than twice the entries */
    struct slot *slots;    /* owned */
    struct vector modules; /* held */
    struct vector types;
    struct vector commands;
    struct vector entries;
    struct roll command_roll;
    struct roll type_roll;
    struct roll module_roll;
    atomic_uint references;
};

/* ---- vectors and rolls ---- */

static void vector_push(struct vector *vector, const void *item)
{
    if (vector->count == vector->capacity) {
        vector->capacity = vector->capacity == 0 ? 16 : vector->capacity * 2;
        vector->items = memory_realloc(vector->items, vector->capacity * sizeof vector->items[0]);
    }
    vector->items[vector->count++] = item;
}

static const void *vector_at(const struct vector *vector, uint32_t index)
{
    check(index < vector->count);
    return vector->items[index];
}

/* A copy with room for `more` names. */
static void roll_copy(struct roll *roll, const struct roll *old, uint32_t more)
{
    roll->names = memory_zeroed((old->count + (size_t)more + 1) * NAME_SIZE);
    roll->count = old->count;
    if (old->count > 0) {
        memcpy(roll->names, old->names, old->count * NAME_SIZE);
    }
}

static uint32_t roll_number(struct roll *roll, const char *name)
{
    uint32_t number = 0;
    while (number < roll->count && strcmp(roll->names[number], name) != 0) {
        number++;
    }
    if (number == roll->count) {
        size_t size = strlen(name) + 1;
        check(size <= NAME_SIZE);
        memcpy(roll->names[roll->count++], name, size);
    }
    return number;
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

static const struct registry_entry *find_entry(const struct registry *registry, struct gm_bytes name)
{
    return name.size == 0 || name.size > USAGE_NAME_MAX ? NULL : find_slot(registry, name)->entry;
}

static const struct command *find_sub(const struct registry_entry *entry, struct gm_bytes word)
{
    for (uint32_t i = 0; i < entry->sub_count; i++) {
        if (bytes_equal_nocase(word, entry->subs[i]->usage.name + entry->name_size + 1)) {
            return entry->subs[i];
        }
    }
    return NULL;
}

/* registry P2: nothing on the way to the answer allocates. */
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

const struct command *registry_successor(const struct registry *registry, const struct command *command)
{
    return registry_command_named(registry, gm_bytes_of(command->usage.name));
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

/* ---- names that others have ---- */

static enum status refuse_taken(const struct module *module, const char *what, const char *name,
                                const struct module *owner, struct complaint *complaint)
{
    complaint_set(complaint, "its %s '%s' (%s %s) is there already, from %s %s (%s)", what, name, module->abi->name,
                  module->abi->version, owner->abi->name, owner->abi->version, module_origin(owner));
    return STATUS_EXISTS;
}

/* `taken` has the name already. A module of the host is never replaced, and the host replaces none. */
static enum status check_module_free(const struct module *module, const struct module *taken, bool replaces,
                                     struct complaint *complaint)
{
    if (taken == NULL || (replaces && taken->path != NULL && module->path != NULL)) {
        return STATUS_OK;
    }
    complaint_set(complaint,
                  "there is a module %s already, version %s (%s), and this one is its version %s: load one of the two",
                  module->abi->name, taken->abi->version, module_origin(taken), module->abi->version);
    return STATUS_EXISTS;
}

static const struct module *entry_owner(const struct registry_entry *entry)
{
    return entry->command != NULL ? entry->command->module : entry->subs[0]->module;
}

/* `replaced`, which may be NULL, gives its names away. */
static enum status check_names_free(const struct registry *old, const struct module *module,
                                    const struct module *replaced, struct complaint *complaint)
{
    for (uint32_t i = 0; i < module->abi->type_count; i++) {
        const char *id = module->types[i].abi->id;
        const struct type *taken = registry_type_named(old, gm_bytes_of(id));
        if (taken != NULL && taken->module != replaced) {
            return refuse_taken(module, "type", id, taken->module, complaint);
        }
    }
    for (uint32_t i = 0; i < module->abi->command_count; i++) {
        const struct command *command = &module->commands[i];
        const struct registry_entry *taken = find_entry(old, entry_name(command->entry));
        if (taken != NULL && entry_owner(taken) != replaced) {
            return refuse_taken(module, "command", command->usage.name, entry_owner(taken), complaint);
        }
    }
    return STATUS_OK;
}

/* ---- a registry around its modules ---- */

static struct registry *begin(const struct registry_interface *interfaces, uint32_t count)
{
    struct registry *registry = memory_zeroed(sizeof *registry);
    atomic_init(&registry->references, 1);
    registry->interfaces = interfaces;
    registry->interface_count = count;
    return registry;
}

/* The module's names get their numbers. Nobody else knows the module yet. */
static void number(struct registry *registry, const struct registry *old, struct module *module)
{
    roll_copy(&registry->command_roll, &old->command_roll, module != NULL ? module->abi->command_count : 0);
    roll_copy(&registry->type_roll, &old->type_roll, module != NULL ? module->abi->type_count : 0);
    roll_copy(&registry->module_roll, &old->module_roll, 1);
    if (module != NULL) {
        module->index = roll_number(&registry->module_roll, module->abi->name);
    }
    for (uint32_t i = 0; module != NULL && i < module->abi->command_count; i++) {
        module->commands[i].index = roll_number(&registry->command_roll, module->commands[i].usage.name);
    }
    for (uint32_t i = 0; module != NULL && i < module->abi->type_count; i++) {
        module->types[i].index = roll_number(&registry->type_roll, module->types[i].abi->id);
    }
}

static void list_module(struct registry *registry, const struct module *module)
{
    vector_push(&registry->modules, module);
    for (uint32_t i = 0; i < module->abi->type_count; i++) {
        vector_push(&registry->types, &module->types[i]);
    }
    for (uint32_t i = 0; i < module->abi->command_count; i++) {
        vector_push(&registry->commands, &module->commands[i]);
    }
    for (uint32_t i = 0; i < module->entry_count; i++) {
        vector_push(&registry->entries, &module->entries[i]);
    }
}

static void fill_slots(struct registry *registry)
{
    uint64_t slots = SLOTS_LEAST;
    while (slots <= registry->entries.count * (uint64_t)2) {
        slots *= 2;
    }
    registry->slot_mask = (uint32_t)(slots - 1);
    registry->slots = memory_zeroed(slots * sizeof registry->slots[0]);
    for (uint32_t i = 0; i < registry->entries.count; i++) {
        const struct registry_entry *entry = registry->entries.items[i];
        struct slot *slot = find_slot(registry, entry_name(entry));
        check(slot->entry == NULL); /* registry P4 */
        *slot = (struct slot){word_head(entry_name(entry)), entry};
    }
}

static void check_numbers(const struct registry *registry)
{
    for (uint32_t i = 0; i < registry->commands.count; i++) {
        const struct command *command = registry->commands.items[i];
        check(strcmp(registry_command_name(registry, command->index), command->usage.name) == 0); /* registry P3 */
    }
    for (uint32_t i = 0; i < registry->types.count; i++) {
        const struct type *type = registry->types.items[i];
        check(type->index < registry->type_roll.count);
        check(strcmp(registry->type_roll.names[type->index], type->abi->id) == 0); /* registry P3 */
    }
}

/* All modules of `old` but `leaves`, in whose place stands `comes`, or at the end; either may be NULL. Takes over the
 * caller's reference to `comes`. */
static const struct registry *make(const struct registry *old, const struct module *leaves, struct module *comes)
{
    struct registry *registry = begin(old->interfaces, old->interface_count);
    number(registry, old, comes);
    for (uint32_t i = 0; i < old->modules.count; i++) {
        const struct module *module = old->modules.items[i];
        if (module != leaves) {
            list_module(registry, module_keep((struct module *)(uintptr_t)module));
        } else if (comes != NULL) {
            list_module(registry, comes);
        }
    }
    if (comes != NULL && leaves == NULL) {
        list_module(registry, comes);
    }
    fill_slots(registry);
    check_numbers(registry);
    return registry;
}

const struct registry *registry_create(const struct registry_interface *interfaces, uint32_t count)
{
    struct registry *registry = begin(interfaces, count);
    fill_slots(registry);
    return registry;
}

static enum status check_free(const struct registry *old, const struct module *module, const struct module *taken,
                              bool replaces, struct complaint *complaint)
{
    TRY(check_module_free(module, taken, replaces, complaint));
    uint32_t others = old->types.count - (taken != NULL ? taken->abi->type_count : 0);
    if (others + module->abi->type_count > REGISTRY_TYPES_MAX) { /* registry P5 */
        complaint_set(complaint, "with its types there would be %u, %d are the limit", others + module->abi->type_count,
                      REGISTRY_TYPES_MAX);
        return STATUS_TOO_BIG;
    }
    TRY(succession_check_free(old, module, taken, complaint));
    return check_names_free(old, module, taken, complaint);
}

enum status registry_with(const struct registry *old, const struct module_offer *offer, const struct registry **out,
                          struct complaint *complaint)
{
    struct module *module = NULL;
    const struct module *taken = NULL;
    enum status status = module_create(offer, old->interfaces, old->interface_count, &module, complaint);
    if (status == STATUS_OK) {
        taken = registry_module_named(old, gm_bytes_of(module->abi->name));
        status = check_free(old, module, taken, offer->replaces, complaint);
    }
    if (status != STATUS_OK) { /* registry P1 */
        if (module != NULL) {
            module->file = NULL; /* stays the offerer's */
        }
        module_release(module);
        complaint_prefix(complaint, "module %s", offer->path == NULL ? "of the server" : offer->path);
        return status;
    }
    *out = make(old, taken, module);
    return STATUS_OK;
}

enum status registry_without(const struct registry *old, struct gm_bytes name, const struct registry **out,
                             struct complaint *complaint)
{
    const struct module *module = registry_module_named(old, name);
    if (module == NULL) {
        complaint_set(complaint, "there is no module of that name");
        return STATUS_NOT_FOUND;
    }
    if (module->path == NULL) {
        complaint_set(complaint, "the module %s is the server's own and stays", module->abi->name);
        return STATUS_REFUSED;
    }
    *out = make(old, module, NULL);
    return STATUS_OK;
}

enum status registry_add(const struct registry **registry, const struct gm_module *module, const char *path,
                         struct complaint *complaint)
{
    const struct registry *newer;
    TRY(registry_with(*registry, &(struct module_offer){.abi = module, .path = path}, &newer, complaint));
    registry_release(*registry);
    *registry = newer;
    return STATUS_OK;
}

/* ---- counting ---- */

/* The only member of a registry that changes. */
static atomic_uint *references(const struct registry *registry)
{
    return &((struct registry *)(uintptr_t)registry)->references;
}

const struct registry *registry_keep(const struct registry *registry)
{
    unsigned before = atomic_fetch_add_explicit(references(registry), 1, memory_order_relaxed);
    check(before > 0);
    return registry;
}

static void destroy(struct registry *registry)
{
    for (uint32_t i = 0; i < registry->modules.count; i++) {
        module_release((struct module *)(uintptr_t)registry->modules.items[i]);
    }
    memory_free(registry->modules.items);
    memory_free(registry->types.items);
    memory_free(registry->commands.items);
    memory_free(registry->entries.items);
    memory_free(registry->command_roll.names);
    memory_free(registry->type_roll.names);
    memory_free(registry->module_roll.names);
    memory_free(registry->slots);
    memory_free(registry);
}

void registry_release(const struct registry *registry)
{
    if (registry == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(references(registry), 1, memory_order_acq_rel);
    check(before > 0);
    if (before == 1) {
        destroy((struct registry *)(uintptr_t)registry);
    }
}

/* ---- numbers ---- */

uint32_t registry_command_numbers(const struct registry *registry)
{
    return registry->command_roll.count;
}

uint32_t registry_module_numbers(const struct registry *registry)
{
    return registry->module_roll.count;
}

uint32_t registry_type_numbers(const struct registry *registry)
{
    return registry->type_roll.count;
}

const char *registry_command_name(const struct registry *registry, uint32_t number)
{
    check(number < registry->command_roll.count);
    return registry->command_roll.names[number];
}

static bool begins_with(const struct roll *roll, const struct roll *beginning)
{
    return roll->count >= beginning->count &&
           (beginning->count == 0 || memcmp(roll->names, beginning->names, beginning->count * NAME_SIZE) == 0);
}

bool registry_follows(const struct registry *newer, const struct registry *older)
{
    return begins_with(&newer->command_roll, &older->command_roll) &&
           begins_with(&newer->type_roll, &older->type_roll) && begins_with(&newer->module_roll, &older->module_roll);
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

const struct module *registry_module(const struct registry *registry, uint32_t at)
{
    return vector_at(&registry->modules, at);
}

const struct type *registry_type(const struct registry *registry, uint32_t at)
{
    return vector_at(&registry->types, at);
}

const struct command *registry_command(const struct registry *registry, uint32_t at)
{
    return vector_at(&registry->commands, at);
}

const struct registry_entry *registry_entry(const struct registry *registry, uint32_t at)
{
    return vector_at(&registry->entries, at);
}
