/* SPDX-License-Identifier: MIT */

/* module.c - a descriptor, checked and taken over: parsed lines, completed copies, pointers from one to the other.
 *
 * Idea     One struct module owns all that is made from one descriptor, in three arrays; so a module that is refused
 *          half-way goes like one that has served for a year.
 *
 *              module ── types[] ──► plans_due                       (abi, index)
 *                     ── commands[] ──► type, entry                  (abi, usage, index)
 *                     ── entries[] ──► command, subs ──► commands[]  (first words)
 *
 * Promises
 *   P1  A module that is refused leaves no trace, and its file is not closed: whoever offered it does that.
 *   P2  The file is closed once, after the last look at anything that lies in it.
 *   P3  Pointers into a module stay good for as long as somebody holds a reference.
 */
#include "module/module.h"

#include <stdio.h>

#include "base/memory.h"
#include "module/descriptor.h"

struct draft {
    const struct module_offer *offer;
    const struct registry_interface *interfaces;
    uint32_t interface_count;
    struct module *module;
    struct complaint *complaint;
};

const char *module_origin(const struct module *module)
{
    return module->path == NULL ? "the server itself" : module->path;
}

/* ---- copies of what is shorter than this host knows it ---- */

/* The struct itself, or a copy whose end, which its module does not know, is zero. `size` is its first field. */
static const void *widen(const void *abi, uint32_t size, size_t full)
{
    if (size >= full) {
        return abi;
    }
    void *copy = memory_zeroed(full);
    memcpy(copy, abi, size);
    return copy;
}

/* A copy still says how large the original was: that is how it is known. */
static void narrow(const void *abi, uint32_t size, size_t full)
{
    if (size < full) {
        memory_free((void *)(uintptr_t)abi);
    }
}

/* ---- needs ---- */

static enum status refuse_need(const struct draft *draft, const char *need)
{
    char known[256];
    size_t used = 0;
    bool reserved = strncmp(need, "call/", 5) == 0 || strncmp(need, "observe/", 8) == 0;
    known[0] = '\0';
    for (uint32_t i = 0; i < draft->interface_count && used < sizeof known; i++) {
        int size = snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", draft->interfaces[i].name);
        used += size < 0 ? 0 : (size_t)size;
    }
    complaint_set(draft->complaint, "it needs the interface '%s', %sthis server has %s", need,
                  reserved ? "which is to come: its name is reserved, and no server has it yet; " : "",
                  known[0] == '\0' ? "none" : known);
    return STATUS_NOT_FOUND;
}

static enum status take_needs(const struct draft *draft)
{
    const struct gm_module *abi = draft->module->abi;
    draft->module->interfaces = memory_zeroed((abi->need_count + (size_t)1) * sizeof(void *));
    for (uint32_t need = 0; need < abi->need_count; need++) {
        uint32_t i = 0;
        while (i < draft->interface_count && strcmp(draft->interfaces[i].name, abi->needs[need]) != 0) {
            i++;
        }
        if (i == draft->interface_count) {
            return refuse_need(draft, abi->needs[need]);
        }
        draft->module->interfaces[need] = draft->interfaces[i].pointer;
    }
    return STATUS_OK;
}

/* ---- types ---- */

static enum status refuse_twice(const struct draft *draft, const char *what, const char *name)
{
    complaint_set(draft->complaint, "it declares the %s '%s' twice", what, name);
    return STATUS_EXISTS;
}

/* What is due in a value is planned as a command is, with the key as its only one (serve/due.c). It says no event where
 * an emission has none, and stands in sentences as 'plan_due of acme.set/1'. */
static void take_plan_due(struct type *type)
{
    struct gm_command *abi = memory_zeroed(sizeof *abi);
    *abi = (struct gm_command){
        .size = sizeof *abi, .flags = GM_WRITE, .type = type->abi, .plan = type->abi->plan_due, .event = ""};
    struct command *command = memory_zeroed(sizeof *command);
    *command = (struct command){.abi = abi,
                                .module = type->module,
                                .type = type,
                                .interfaces = type->module->interfaces,
                                .index = COMMAND_NO_INDEX,
                                .group = type->module->group};
    (void)snprintf(command->usage.name, sizeof command->usage.name, "plan_due of %s", type->abi->id);
    type->plans_due = command;
}

static void release_plan_due(struct type *type)
{
    if (type->plans_due != NULL) {
        memory_free((void *)(uintptr_t)type->plans_due->abi);
        memory_free(type->plans_due);
    }
}

static enum status take_types(const struct draft *draft)
{
    struct module *module = draft->module;
    const struct gm_module *abi = module->abi;
    module->types = memory_zeroed((abi->type_count + (size_t)1) * sizeof module->types[0]);
    for (uint32_t i = 0; i < abi->type_count; i++) {
        for (uint32_t before = 0; before < i; before++) {
            if (strcmp(abi->types[before]->id, abi->types[i]->id) == 0) {
                return refuse_twice(draft, "type", abi->types[i]->id);
            }
        }
        module->types[i].abi = widen(abi->types[i], abi->types[i]->size, sizeof(struct gm_type));
        module->types[i].module = module;
        if (module->types[i].abi->plan_due != NULL) {
            take_plan_due(&module->types[i]);
        }
    }
    return STATUS_OK;
}

static void take_settings(struct module *module)
{
    module->setting_count = descriptor_setting_count(module->abi);
    module->settings = memory_zeroed((module->setting_count + (size_t)1) * sizeof module->settings[0]);
    for (uint32_t i = 0; i < module->setting_count; i++) {
        const struct gm_setting *abi = descriptor_setting(module->abi, i);
        module->settings[i].abi = widen(abi, abi->size, sizeof(struct gm_setting));
    }
}

static const struct type *type_of(const struct module *module, const struct gm_type *abi)
{
    uint32_t i = 0;
    while (abi != NULL && module->abi->types[i] != abi) {
        i++;
        check(i < module->abi->type_count); /* descriptor_check: a command's type is one of its module's */
    }
    return abi == NULL ? NULL : &module->types[i];
}

/* ---- first words ---- */

static size_t first_word_size(const struct command *command)
{
    return strcspn(command->usage.name, "|");
}

static struct registry_entry *entry_for(struct module *module, const struct command *command)
{
    size_t size = first_word_size(command);
    for (uint32_t i = 0; i < module->entry_count; i++) {
        struct registry_entry *entry = &module->entries[i];
        if (entry->name_size == size && memcmp(entry->name, command->usage.name, size) == 0) {
            return entry;
        }
    }
    struct registry_entry *entry = &module->entries[module->entry_count++];
    memcpy(entry->name, command->usage.name, size);
    entry->name_size = (uint32_t)size;
    return entry;
}

/* False: the name is there already. */
static bool add_to_entry(struct registry_entry *entry, struct command *command)
{
    command->entry = entry;
    if (command->usage.words == 1) {
        bool is_free = entry->command == NULL;
        entry->command = is_free ? command : entry->command;
        return is_free;
    }
    for (uint32_t i = 0; i < entry->sub_count; i++) {
        if (strcmp(entry->subs[i]->usage.name, command->usage.name) == 0) {
            return false;
        }
    }
    entry->subs = memory_realloc(entry->subs, (entry->sub_count + (size_t)1) * sizeof entry->subs[0]);
    entry->subs[entry->sub_count++] = command;
    return true;
}

/* ---- commands ---- */

static enum status check_keys(const struct draft *draft, const struct command *command)
{
    bool keyed = command->usage.has_keys || command->abi->keys != NULL;
    bool any =
        (command->abi->flags & GM_ACCEPT_ANY) != 0 || (!command->usage.has_own_keys && command->abi->keys == NULL);
    if (keyed && command->type == NULL && !any) {
        complaint_set(
            draft->complaint,
            "its command '%s' has keys but no type, and is not GM_ACCEPT_ANY: name the type, or write key-any "
            "or rkey-any for each key that takes values of every type",
            command->usage.name);
        return STATUS_INVALID;
    }
    bool writes = (command->abi->flags & GM_WRITE) != 0;
    if (writes && !command->usage.has_written_keys && command->abi->keys == NULL && draft->offer->path != NULL) {
        complaint_set(draft->complaint,
                      "its command '%s' is GM_WRITE, but its usage line has no key that it could change (an rkey is "
                      "only read): name one, or make it GM_READ",
                      command->usage.name);
        return STATUS_INVALID;
    }
    if (command->abi->plan == NULL && draft->offer->path != NULL) {
        complaint_set(draft->complaint, "its command '%s' has no plan", command->usage.name);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status take_command(const struct draft *draft, const struct gm_command *abi, struct command *command)
{
    command->abi = widen(abi, abi->size, sizeof(struct gm_command));
    command->module = draft->module;
    command->interfaces = draft->module->interfaces;
    command->type = type_of(draft->module, abi->type);
    TRY(usage_parse(&command->usage, abi->usage, draft->complaint));
    command->group = command->abi->group != NULL ? command->abi->group : draft->module->group;
    command->categories = command_categories(command);
    TRY(check_keys(draft, command));
    return add_to_entry(entry_for(draft->module, command), command)
               ? STATUS_OK
               : refuse_twice(draft, "command", command->usage.name);
}

static enum status take_commands(const struct draft *draft)
{
    struct module *module = draft->module;
    size_t room = module->abi->command_count + (size_t)1;
    module->commands = memory_zeroed(room * sizeof module->commands[0]);
    module->entries = memory_zeroed(room * sizeof module->entries[0]);
    for (uint32_t i = 0; i < module->abi->command_count; i++) {
        TRY(take_command(draft, descriptor_command(module->abi, i), &module->commands[i]));
    }
    return STATUS_OK;
}

/* ---- beginning and end ---- */

/* What was not reached is zero: its abi is NULL. */
static void destroy(struct module *module)
{
    for (uint32_t i = 0; i < module->entry_count; i++) {
        memory_free(module->entries[i].subs);
    }
    for (uint32_t i = 0; module->commands != NULL && i < module->abi->command_count; i++) {
        struct command *command = &module->commands[i];
        usage_finish(&command->usage);
        narrow(command->abi, command->abi != NULL ? command->abi->size : 0, sizeof(struct gm_command));
    }
    for (uint32_t i = 0; module->types != NULL && i < module->abi->type_count; i++) {
        struct type *type = &module->types[i];
        release_plan_due(type);
        narrow(type->abi, type->abi != NULL ? type->abi->size : 0, sizeof(struct gm_type));
    }
    for (uint32_t i = 0; i < module->setting_count; i++) {
        const struct gm_setting *setting = module->settings[i].abi;
        narrow(setting, setting->size, sizeof(struct gm_setting));
    }
    memory_free(module->settings);
    memory_free(module->entries);
    memory_free(module->commands);
    memory_free(module->types);
    memory_free(module->interfaces);
    memory_free((void *)(uintptr_t)module->path);
    narrow(module->abi, module->abi->size, sizeof(struct gm_module));
    memory_free(module);
}

static struct module *begin(const struct module_offer *offer)
{
    const struct gm_module *abi = offer->abi;
    struct module *module = memory_zeroed(sizeof *module);
    atomic_init(&module->references, 1);
    module->abi = widen(abi, abi->size, sizeof(struct gm_module));
    module->group = abi->group == NULL ? "module" : abi->group;
    if (offer->path != NULL) {
        size_t size = strlen(offer->path) + 1;
        module->path = memcpy(memory_alloc(size), offer->path, size);
    }
    return module;
}

enum status module_create(const struct module_offer *offer, const struct registry_interface *interfaces,
                          uint32_t interface_count, struct module **out, struct complaint *complaint)
{
    TRY(descriptor_check(offer->abi, offer->path == NULL, complaint));
    struct draft draft = {offer, interfaces, interface_count, begin(offer), complaint};
    take_settings(draft.module);
    enum status status = take_needs(&draft);
    if (status == STATUS_OK) {
        status = take_types(&draft);
    }
    if (status == STATUS_OK) {
        status = take_commands(&draft);
    }
    if (status != STATUS_OK) {
        destroy(draft.module); /* module P1 */
        return status;
    }
    draft.module->file = offer->file;
    *out = draft.module;
    return STATUS_OK;
}

struct module *module_keep(struct module *module)
{
    unsigned before = atomic_fetch_add_explicit(&module->references, 1, memory_order_relaxed);
    check(before > 0); /* module P3: what nobody holds cannot be kept again */
    return module;
}

void module_release(struct module *module)
{
    if (module == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&module->references, 1, memory_order_acq_rel);
    check(before > 0); /* module P2 */
    if (before == 1) {
        struct module_file *file = module->file;
        destroy(module);
        if (file != NULL) {
            file->close(file);
        }
    }
}
