/* SPDX-License-Identifier: MIT */

/* node_commands.c - the list of the files with commands that ask the node: x.c exports x. They come behind those of
 * core/command (commands.c), in the order of COMMAND.
 *
 * No header names the descriptors, since the files that define them would then need the list that names them. */
#include "node/node_commands.h"

#include "command/commands.h"

#define EACH(DO)                                                                                                       \
    DO(admin)         /* INFO TIME SHUTDOWN DEBUG */                                                                   \
    DO(admin_config)  /* CONFIG */                                                                                     \
    DO(admin_module)  /* MODULE */                                                                                     \
    DO(admin_save)    /* SAVE BGSAVE ... */                                                                            \
    DO(memory_admin)  /* MEMORY */                                                                                     \
    DO(cluster_admin) /* CLUSTER */

#define DECLARE(name)  extern const struct gm_module name;
#define POINT_AT(name) &name,

EACH(DECLARE)

static const struct gm_module *const modules[] = {EACH(POINT_AT)};

static enum status add(const struct registry **registry, const struct gm_module *const *some, uint32_t count,
                       struct complaint *complaint)
{
    for (uint32_t i = 0; i < count; i++) {
        TRY(registry_add(registry, some[i], NULL, complaint));
    }
    return STATUS_OK;
}

enum status node_commands_register(const struct registry **registry, struct complaint *complaint)
{
    uint32_t count;
    const struct gm_module *const *host = commands_all(&count);
    TRY(add(registry, host, count, complaint));
    return add(registry, modules, sizeof modules / sizeof modules[0], complaint);
}
