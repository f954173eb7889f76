/* SPDX-License-Identifier: MIT */

/* module.h - one module as the host has it: its types, its commands with their parsed usage lines, and the first words
 * under which they are found.
 *
 * A module is made whole, numbered by the registry that takes it, and from then on constant. Registries share it by a
 * count: a newer one holds all modules that it has in common with the older one, and whoever holds a registry may point
 * into its modules. Counting is the only thing that several threads may do to it at once, and they may.
 */
#ifndef GEOMYS_MODULE_MODULE_H
#define GEOMYS_MODULE_MODULE_H

#include <stdatomic.h>

#include "geomys/module.h"
#include "module/command.h"
#include "module/usage/usage.h"

/* One interface that the host lends to modules which name it in `needs`. */
struct registry_interface {
    const char *name;    /* "wait/2" */
    const void *pointer; /* the struct of functions; may be NULL in tools that only look at descriptors */
};

/* What a module's code lies in, such as an open shared object. `close` is called once, when nobody holds the module any
 * more, and may free the struct. */
struct module_file {
    void (*close)(struct module_file *file);
};

/* Descriptors as this host knows them: one from a module built for an older minor ABI is a copy whose further fields
 * are zero. */
struct module {
    const struct gm_module *abi;
    const char *path;         /* owned; NULL: the host's own */
    const void **interfaces;  /* owned: what `needs` names, in its order: gm_call.interfaces */
    const char *group;        /* never NULL: "module" where the descriptor says nothing */
    struct type *types;       /* owned: abi->type_count of them, in the descriptor's order */
    struct command *commands; /* owned: abi->command_count of them, in the descriptor's order */
    struct setting *settings; /* owned: descriptor_setting_count of them, in the descriptor's order */
    uint32_t setting_count;
    uint32_t index;                 /* number, for arrays: as that of a type */
    struct registry_entry *entries; /* owned: the first words, in the order of their first command */
    uint32_t entry_count;
    struct module_file *file; /* owned by all who hold the module; NULL: nothing to close */
    atomic_uint references;
};

struct type {
    const struct gm_type *abi;
    const struct module *module;
    uint32_t index; /* number, for arrays: equal in each newer registry, also in a newer version of the module */
    struct command
        *plans_due; /* owned: its plan_due, as if it were a command that nobody can call; NULL: it has none */
};

#define COMMAND_NO_INDEX UINT32_MAX /* of a type's plans_due */

struct setting {
    const struct gm_setting *abi;
};

struct command {
    const struct gm_command *abi;
    const struct module *module;
    const struct type *type;            /* of its keys, NULL: any or none */
    const void *const *interfaces;      /* the module's, for gm_call.interfaces */
    struct usage usage;                 /* usage.name is the full name in lower case: "set", "client|setname" */
    const struct registry_entry *entry; /* where it is found */
    uint32_t index;                     /* number, for arrays: as that of a type */
    uint32_t categories;                /* enum command_category, or-ed */
    const char *group;                  /* never NULL: its own, or the module's */
};

/* A first word: a command, a container of sub-commands, or both (COMMAND and COMMAND DOCS). */
struct registry_entry {
    char name[USAGE_NAME_MAX + 1]; /* in lower case */
    uint32_t name_size;
    uint32_t sub_count;
    const struct command *command; /* NULL: only a container */
    const struct command **subs;   /* owned; in the descriptor's order */
};

/* What a module is made of. */
struct module_offer {
    const struct gm_module *abi; /* borrowed for as long as the module lives */
    const char *path;            /* the file it came from, for sentences (copied); NULL: the host's own, whose commands
                                    alone may leave `plan` NULL */
    struct module_file *file;    /* NULL, or what to close in the end; not on a refusal */
    bool replaces;               /* a module of the same name gives way to it: an upgrade; else it is a refusal */
};

/* Takes over all of a descriptor, wholly or not at all. One reference, the caller's. STATUS_INVALID (the descriptor is
 * wrong), STATUS_VERSION (another ABI), STATUS_EXISTS (it declares a name twice), STATUS_NOT_FOUND (it needs what is
 * not among the interfaces), each with one sentence about the module ("its name ..."), without its file. */
must_use enum status module_create(const struct module_offer *offer, const struct registry_interface *interfaces,
                                   uint32_t interface_count, struct module **out, struct complaint *complaint);

/* One more reference; returns the module. */
struct module *module_keep(struct module *module);

/* One less; with the last one the module goes, and then its file is closed. NULL is fine. */
void module_release(struct module *module);

/* For sentences: the file, or "the server itself". */
const char *module_origin(const struct module *module);

#endif
