/* SPDX-License-Identifier: MIT */

/* registry.h - what the host can do: its modules, the types by id, the commands by name.
 *
 * Idea    A descriptor is checked wholly before anything of it is taken over, so a registry never holds half a module.
 *         Once the server runs nothing in here changes (statistics live elsewhere, under struct command's index), so
 *         any number of shards may read one registry.
 *
 * Pointers to modules, types and commands live as long as the registry. Indexes are dense, from 0, in the order of
 * registry_add, and stay as they are.
 */
#ifndef GEOMYS_MODULE_REGISTRY_H
#define GEOMYS_MODULE_REGISTRY_H

#include "geomys/module.h"
#include "module/command.h"
#include "module/usage/usage.h"

/* One interface that the host lends to modules which name it in `needs`. */
struct registry_interface {
    const char *name;    /* "wait/1" */
    const void *pointer; /* the struct of functions; may be NULL in tools that only look at descriptors */
};

/* Descriptors as this host knows them: one from a module built for an older minor ABI is a copy whose further fields
 * are zero. */
struct module {
    const struct gm_module *abi;
    const char *path;        /* owned by the registry; NULL: the host's own */
    const void **interfaces; /* what `needs` names, in its order: gm_call.interfaces */
    const char *group;       /* never NULL: "module" where the descriptor says nothing */
    uint32_t index;
    uint32_t first_type;    /* index of its first type; its others follow */
    uint32_t first_command; /* index of its first command; its others follow */
};

struct type {
    const struct gm_type *abi;
    const struct module *module;
    uint32_t index;
};

struct command {
    const struct gm_command *abi;
    const struct module *module;
    const struct type *type;            /* of its keys, NULL: any or none */
    const void *const *interfaces;      /* the module's, for gm_call.interfaces */
    struct usage usage;                 /* usage.name is the full name in lower case: "set", "client|setname" */
    const struct registry_entry *entry; /* where it is found */
    uint32_t index;
    uint32_t categories; /* enum command_category, or-ed */
};

/* A first word: a command, a container of sub-commands, or both (COMMAND and COMMAND DOCS). */
struct registry_entry {
    char name[USAGE_NAME_MAX + 1]; /* in lower case */
    uint32_t name_size;
    uint32_t sub_count;
    struct command *command; /* NULL: only a container */
    struct command **subs;   /* in the order of their registration */
};

struct registry;

/* `interfaces` are borrowed for the life of the registry, and so are the descriptors given to registry_add. */
struct registry *registry_create(const struct registry_interface *interfaces, uint32_t count);

/* Destroying NULL is fine. Descriptors must still be mapped. */
void registry_destroy(struct registry *registry);

/* Takes a module over, wholly or not at all. `path` is the file it came from, for sentences (copied); NULL for the
 * host's own, whose commands alone may leave `plan` NULL. STATUS_INVALID (the descriptor is wrong), STATUS_VERSION
 * (another ABI), STATUS_EXISTS (a command, type or module of that name is there), STATUS_NOT_FOUND (it needs what the
 * host does not have), each with one sentence that names the file and the reason. */
must_use enum status registry_add(struct registry *registry, const struct gm_module *module, const char *path,
                                  struct complaint *complaint);

enum registry_outcome {
    REGISTRY_FOUND,
    REGISTRY_UNKNOWN,     /* no such command */
    REGISTRY_UNKNOWN_SUB, /* the container has no such sub-command */
    REGISTRY_MISSING_SUB, /* the container alone is not a command: an arity error in its name */
};

struct registry_lookup {
    enum registry_outcome outcome;
    const struct command *command;      /* with REGISTRY_FOUND */
    const struct registry_entry *entry; /* unless REGISTRY_UNKNOWN */
};

/* Finds the command of a call, without regard to case. argc >= 1. No allocation. O(name), and O(sub-commands) in a
 * container. */
struct registry_lookup registry_find(const struct registry *registry, const struct gm_bytes *argv, uint32_t argc);

/* By full name, "client|setname" or "client setname", or a command's own name; NULL if there is none. */
const struct command *registry_command_named(const struct registry *registry, struct gm_bytes name);

const struct registry_entry *registry_entry_named(const struct registry *registry, struct gm_bytes name);
const struct type *registry_type_named(const struct registry *registry, struct gm_bytes id); /* O(types) */
const struct module *registry_module_named(const struct registry *registry, struct gm_bytes name);

/* To iterate: index from 0 to the count. */
uint32_t registry_module_count(const struct registry *registry);
uint32_t registry_type_count(const struct registry *registry);
uint32_t registry_command_count(const struct registry *registry);
uint32_t registry_entry_count(const struct registry *registry);
const struct module *registry_module(const struct registry *registry, uint32_t index);
const struct type *registry_type(const struct registry *registry, uint32_t index);
const struct command *registry_command(const struct registry *registry, uint32_t index);
const struct registry_entry *registry_entry(const struct registry *registry, uint32_t index);

#endif
