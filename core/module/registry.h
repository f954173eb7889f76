/* SPDX-License-Identifier: MIT */

/* registry.h - what the host can do: its modules, the types by id, the commands by name.
 *
 * Idea     A registry is a value: it never changes. Another module, a newer version of one, or one less make another
 *          registry, which shares with the older all modules that both have:
 *
 *              registry_with(old, kv 2)        old: keys  kv 1  counter      new: keys  kv 2  counter
 *                                                    └────────── shared, counted ──────────┘
 *
 *          So any number of shards may read one registry at once, each goes over to a newer one at a moment of its own,
 *          and the code of a module is there as long as anybody can still call it.
 *
 * The rule for pointers: whoever keeps a pointer to a module, a type, a command, an entry, or to a name in one of them
 * longer than it is in one function keeps a reference to the registry that it is from (registry_keep), or asks again by
 * name once a newer one was adopted (registry_successor). A shard holds a reference, which covers all that happens
 * within one command.
 *
 * Numbers: each module, command and type has one (`index`), from 0, under which others keep arrays. In all registries
 * that were made from one another a number has one name for ever: a newer version of a command has the number of the
 * older one, and a command that went and comes back, too. So arrays grow, and nothing in them moves.
 *
 * Contexts: registry_keep and registry_release on any thread; all else reads only.
 */
#ifndef GEOMYS_MODULE_REGISTRY_H
#define GEOMYS_MODULE_REGISTRY_H

#include "module/module.h"

#define REGISTRY_TYPES_MAX 255 /* as many as entries have numbers for */

struct registry;

/* Without modules. `interfaces` are borrowed for the life of this registry and of all that are made from it. One
 * reference, the caller's. */
const struct registry *registry_create(const struct registry_interface *interfaces, uint32_t count);

/* One more reference; returns the registry. */
const struct registry *registry_keep(const struct registry *registry);

/* One less; the last one ends the registry, and those of its modules that no other has. NULL is fine. */
void registry_release(const struct registry *registry);

/* A registry with all modules of `old` and the one that is offered, or in place of its namesake (offer->replaces).
 * Wholly or not at all: `old` stays as it is, and its caller's. `*out` has one reference, the caller's, and the offer's
 * file then belongs to the module. STATUS_INVALID (the descriptor is wrong), STATUS_VERSION (another ABI),
 * STATUS_EXISTS (another module has a command or type of that name, or the module is there and may not be replaced),
 * STATUS_NOT_FOUND (it needs what the host does not have), STATUS_TOO_BIG (there would be more than REGISTRY_TYPES_MAX
 * types), each with one sentence that names the file and the reason. O(commands). */
must_use enum status registry_with(const struct registry *old, const struct module_offer *offer,
                                   const struct registry **out, struct complaint *complaint);

/* A registry without the module of that name. STATUS_NOT_FOUND: there is none; STATUS_REFUSED: it is the host's own.
 * O(commands). */
must_use enum status registry_without(const struct registry *old, struct gm_bytes name, const struct registry **out,
                                      struct complaint *complaint);

/* For those who build one step by step: the caller's reference to `*registry` becomes one to a registry that also has
 * the module. Else as registry_with. */
must_use enum status registry_add(const struct registry **registry, const struct gm_module *module, const char *path,
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

/* What the command is in this registry: itself, a newer or older version, or NULL. The command is of a registry from
 * which this one was made, or the other way round, that somebody still holds. */
const struct command *registry_successor(const struct registry *registry, const struct command *command);

const struct registry_entry *registry_entry_named(const struct registry *registry, struct gm_bytes name);
const struct type *registry_type_named(const struct registry *registry, struct gm_bytes id); /* O(types) */
const struct module *registry_module_named(const struct registry *registry, struct gm_bytes name);

/* To iterate: `at` from 0 to the count, in the order of the modules. */
uint32_t registry_module_count(const struct registry *registry);
uint32_t registry_type_count(const struct registry *registry);
uint32_t registry_command_count(const struct registry *registry);
uint32_t registry_entry_count(const struct registry *registry);
const struct module *registry_module(const struct registry *registry, uint32_t at);
const struct type *registry_type(const struct registry *registry, uint32_t at);
const struct command *registry_command(const struct registry *registry, uint32_t at);
const struct registry_entry *registry_entry(const struct registry *registry, uint32_t at);

/* For arrays by number: all numbers so far are below it, those of what has gone, too. Not less in a newer registry. */
uint32_t registry_command_numbers(const struct registry *registry);
uint32_t registry_type_numbers(const struct registry *registry);
uint32_t registry_module_numbers(const struct registry *registry);

/* The full name of the command with that number, also of one that has gone. Valid as long as the registry. */
const char *registry_command_name(const struct registry *registry, uint32_t number);

/* Whether `newer` has the numbers of `older`: it was made from it, in any number of steps. O(commands). */
bool registry_follows(const struct registry *newer, const struct registry *older);

#endif
