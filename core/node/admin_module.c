/* SPDX-License-Identifier: MIT */

/* admin_module.c - MODULE: what has been loaded. */
#include <stdio.h>

#include "command/cmd.h"
#include "node/admin.h"

static void plan_list(struct gm_call *call)
{
    const struct registry *registry = admin_node(call)->registry;
    struct reply *reply = &call_of(call)->reply;
    size_t count = 0;
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        count += registry_module(registry, i)->path != NULL;
    }
    reply_array(reply, count);
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        const struct module *module = registry_module(registry, i);
        if (module->path == NULL) {
            continue;
        }
        int major = 0;
        int minor = 0;
        int patch = 0;
        (void)sscanf(module->abi->version, "%d.%d.%d", &major, &minor, &patch);
        reply_map(reply, 7);
        reply_text(reply, "name");
        reply_text(reply, module->abi->name);
        reply_text(reply, "ver");
        reply_int(reply, major * 10000 + minor * 100 + patch);
        reply_text(reply, "path");
        reply_text(reply, module->path);
        reply_text(reply, "args");
        reply_array(reply, 0);
        reply_text(reply, "version");
        reply_text(reply, module->abi->version);
        reply_text(reply, "summary");
        reply_text(reply, module->abi->summary != NULL ? module->abi->summary : "");
        reply_text(reply, "types");
        reply_array(reply, module->abi->type_count);
        for (uint32_t t = 0; t < module->abi->type_count; t++) {
            reply_text(reply, module->abi->types[t]->id);
        }
    }
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "MODULE|LIST", .flags = GM_READ, .plan = plan_list, .complexity = "O(n)",
     .summary = "Lists the loaded modules with their types.", .example = "MODULE LIST"},
};

CMD_MODULE(admin_module, .name = "geomys.module", .group = "server", .summary = "Tells about modules.");
