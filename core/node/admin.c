/* SPDX-License-Identifier: MIT */

/* admin.c - the node's own commands.
 *
 * CONFIG GET also answers for a few names of Redis that tools ask for before they do anything (redis-benchmark: save,
 * appendonly), with what is true here. */
#include "node/admin.h"

#include <stdio.h>

#include "base/glob.h"
#include "base/version.h"
#include "node/config_keys.h"
#include "node/info.h"
#include "node/memory_admin.h"
#include "shard/notify.h"

/* ---- INFO ---- */

static void plan_info(struct gm_call *call)
{
    struct buf out;
    buf_init(&out, INFO_SIZE_MAX);
    info_write(admin_node(call), call->argv + 1, call->argc - 1, &out);
    reply_verbatim(&call_of(call)->reply, buf_bytes(&out));
    buf_finish(&out);
}

/* ---- CONFIG ---- */

struct alias {
    const char *name;
    const char *value;
};

static const struct alias aliases[] = {
    {"save", ""},
    {"databases", "1"},
    {"cluster-enabled", "no"},
};

static bool matches_any(struct gm_call *call, const char *name)
{
    for (uint32_t i = 2; i < call->argc; i++) {
        if (glob_match(call->argv[i], gm_bytes_of(name), true)) {
            return true;
        }
    }
    return false;
}

static const char *appendonly(const struct node *node)
{
    return node->config->persistence == WAL_NONE ? "no" : "yes";
}

static const char *appendfsync(const struct node *node)
{
    switch (node->config->persistence) {
    case WAL_NONE:
        return "no";
    case WAL_BUFFERED:
        return "everysec";
    default:
        return "always";
    }
}

/* Redis' names of settings that tools ask for; CONFIG SET takes dashes for any. */
static const char *const dashed[] = {"maxmemory-policy", "maxmemory-samples", "lfu-log-factor", "lfu-decay-time"};

static void write_setting(struct gm_call *call, const char *name, size_t key)
{
    struct buf value;
    buf_init(&value, CONFIG_LIST_MAX * CONFIG_TEXT_MAX);
    config_describe(admin_node(call)->config, key, &value);
    reply_text(&call_of(call)->reply, name);
    reply_bytes(&call_of(call)->reply, buf_bytes(&value));
    buf_finish(&value);
}

static size_t write_dashed(struct gm_call *call, bool count_only)
{
    size_t pairs = 0;
    for (size_t i = 0; i < sizeof dashed / sizeof dashed[0]; i++) {
        if (matches_any(call, dashed[i])) {
            pairs++;
            if (!count_only) {
                const struct config_key *key = config_key_find(gm_bytes_of(dashed[i]), true);
                write_setting(call, dashed[i], (size_t)(key - config_key_at(0)));
            }
        }
    }
    return pairs;
}

static size_t write_pairs(struct gm_call *call, bool count_only)
{
    struct node *node = admin_node(call);
    struct reply *reply = &call_of(call)->reply;
    const struct alias derived[] = {{"appendonly", appendonly(node)}, {"appendfsync", appendfsync(node)}};
    size_t pairs = 0;
    for (size_t key = 0; key < config_key_count(); key++) {
        if (matches_any(call, config_key_name(key))) {
            pairs++;
            if (!count_only) {
                write_setting(call, config_key_name(key), key);
            }
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0] + 2; i++) {
        const struct alias *alias = i < 2 ? &derived[i] : &aliases[i - 2];
        if (matches_any(call, alias->name)) {
            pairs++;
            if (!count_only) {
                reply_text(reply, alias->name);
                reply_text(reply, alias->value);
            }
        }
    }
    return pairs + write_dashed(call, count_only);
}

static void plan_config_get(struct gm_call *call)
{
    reply_map(&call_of(call)->reply, write_pairs(call, true));
    (void)write_pairs(call, false);
}

/* What the running parts took over from the configuration. */
static void take_over(struct node *node)
{
    const struct config *config = node->config;
    struct shard_options *options = &node->shard.options;
    options->limits.bulk_max = (size_t)config->max_bulk;
    options->limits.query_max = (size_t)config->client_query_limit;
    options->output_max = (size_t)config->client_output_limit;
    options->queue_max = (size_t)config->client_query_limit;
    options->default_expiry_ms = config->default_expiry_ms;
    options->password = config->password;
    struct evict_options memory = memory_options(config);
    evict_configure(&node->shard, &memory);
    options->notify = notify_classes(config->notify_keyspace_events);
    node->env.trace.least = (enum trace_level)config->log_level;
}

static void plan_config_set(struct gm_call *call)
{
    struct node *node = admin_node(call);
    struct complaint complaint;
    for (uint32_t i = 2; i + 1 < call->argc; i += 2) {
        if (config_set(node->config, call->argv[i], call->argv[i + 1], &complaint) != STATUS_OK) {
            take_over(node);
            reply_errorf(&call_of(call)->reply, "ERR CONFIG SET failed: %s%s", complaint.text,
                         i > 2 ? " (the settings before it were changed)" : "");
            return;
        }
    }
    take_over(node);
    gm_reply_status(call, "OK");
}

/* Counts of what has happened begin anew; what is wrong with the data (damaged records) stays to be seen. */
static void plan_config_resetstat(struct gm_call *call)
{
    struct node *node = admin_node(call);
    struct shard *shard = &node->shard;
    uint64_t damaged = shard->stats.damaged;
    shard->stats = (struct shard_stats){.damaged = damaged};
    memset(shard->command_stats, 0, registry_command_count(node->registry) * sizeof *shard->command_stats);
    node->commands_before = 0;
    node->connections = 0;
    node->connections_rejected = 0;
    node->net_input = 0;
    node->net_output = 0;
    node->peak_memory = 0;
    gm_reply_status(call, "OK");
}

/* ---- MODULE ---- */

static void plan_module_list(struct gm_call *call)
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

/* ---- SHUTDOWN, DEBUG ---- */

static void plan_shutdown(struct gm_call *call)
{
    struct node *node = admin_node(call);
    trace(&node->env.trace, TRACE_INFO, "SHUTDOWN was asked for by client %llu",
          (unsigned long long)call_of(call)->session->id);
    node_stop(node);
    /* Clients expect the connection to close without an answer, and take an answer for a failure. */
    gm_reply_status(call, "OK");
    call_of(call)->session->overflowed = true;
    call_of(call)->session->doomed = true;
}

static void plan_debug_digest(struct gm_call *call)
{
    reply_format(&call_of(call)->reply, "%016llx", (unsigned long long)shard_digest(call_of(call)->shard));
}

#define COMMAND(name, flag_bits, text, cost, example_line)                                                             \
    .size = sizeof(struct gm_command), .usage = name, .flags = (flag_bits), .summary = text, .complexity = cost,       \
    .example = example_line

static const struct gm_command commands[] = {
    {COMMAND("INFO [section...]", GM_READ | CALL_LOADING | CALL_UNPAUSED, "Tells how the server is doing, by sections.",
             "O(1)", "INFO memory"),
     .plan = plan_info},
    {COMMAND("CONFIG|GET pattern:pattern...", GM_READ | CALL_LOADING, "Returns the settings whose names match.", "O(n)",
             "CONFIG GET persistence"),
     .plan = plan_config_get},
    {COMMAND("CONFIG|SET {setting value}...", GM_READ | CALL_LOADING | CALL_SECRET,
             "Changes settings that can be changed while the server runs.", "O(n)", NULL),
     .plan = plan_config_set},
    {COMMAND("CONFIG|RESETSTAT", GM_READ | CALL_LOADING, "Begins the counts in INFO anew.", "O(n), n the commands",
             "CONFIG RESETSTAT"),
     .plan = plan_config_resetstat},
    {COMMAND("MODULE|LIST", GM_READ, "Lists the loaded modules with their types.", "O(n)", "MODULE LIST"),
     .plan = plan_module_list},
    {COMMAND("SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE]", GM_READ | CALL_LOADING | CALL_NO_MULTI | GM_DANGEROUS,
             "Writes everything down and ends the server.", "O(n), n what is not on the disk yet", NULL),
     .plan = plan_shutdown},
    {COMMAND("DEBUG|DIGEST", GM_READ | CALL_GLOBAL,
             "Returns a digest of all keys and values: equal digests mean equal data.", "O(n), n the size of the data",
             "DEBUG DIGEST"),
     .plan = plan_debug_digest},
};

const struct gm_module *admin_commands(void)
{
    static const struct gm_module module = {
        .size = sizeof module,
        .abi_major = GM_ABI_MAJOR,
        .abi_minor = GM_ABI_MINOR,
        .name = "geomys.admin",
        .version = GEOMYS_VERSION,
        .licence = "MIT",
        .summary = "Asks and steers the server.",
        .group = "server",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
    };
    return &module;
}
