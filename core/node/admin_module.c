/* SPDX-License-Identifier: MIT */

/* admin_module.c - MODULE: what has been loaded. */
#include <stdio.h>

#include "command/cmd.h"
#include "node/admin.h"

static int64_t number_of(const char *version)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    (void)sscanf(version, "%d.%d.%d", &major, &minor, &patch);
    return (int64_t)major * 10000 + minor * 100 + patch;
}

static void reply_pair(struct reply *reply, const char *name, const char *text)
{
    reply_text(reply, name);
    reply_text(reply, text);
}

static void reply_module(struct reply *reply, const struct module *module)
{
    const struct gm_module *abi = module->abi;
    reply_map(reply, 7);
    reply_pair(reply, "name", abi->name);
    reply_text(reply, "ver");
    reply_int(reply, number_of(abi->version));
    reply_pair(reply, "path", module->path);
    reply_text(reply, "args");
    reply_array(reply, 0);
    reply_pair(reply, "version", abi->version);
    reply_pair(reply, "summary", abi->summary != NULL ? abi->summary : "");
    reply_text(reply, "types");
    reply_array(reply, abi->type_count);
    for (uint32_t i = 0; i < abi->type_count; i++) {
        reply_text(reply, abi->types[i]->id);
    }
}

/* With `reply` NULL they are only counted. The host's own have no path. */
static size_t list(const struct registry *registry, struct reply *reply)
{
    size_t count = 0;
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        const struct module *module = registry_module(registry, i);
        count += module->path != NULL;
        if (module->path != NULL && reply != NULL) {
            reply_module(reply, module);
        }
    }
    return count;
}

static void plan_list(struct gm_call *call)
{
    const struct registry *registry = admin_node(call)->registry;
    struct reply *reply = &call_of(call)->reply;
    reply_array(reply, list(registry, NULL));
    (void)list(registry, reply);
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "MODULE|LIST", .flags = GM_READ | GM_ADMIN, .plan = plan_list, .complexity = "O(n)",
     .summary = "Lists the loaded modules with their types.", .example = "MODULE LIST"},
};

CMD_MODULE(admin_module, .name = "geomys.module", .group = "server", .summary = "Tells about modules.");
