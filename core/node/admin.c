/* SPDX-License-Identifier: MIT */

/* admin.c - the node's own commands. */
#include "node/admin.h"

#include <stdio.h>

#include "base/version.h"
#include "command/cmd.h"
#include "geomys/ext/wait.h"
#include "node/info.h"
#include "node/memory_admin.h"

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

static void plan_config_resetstat(struct gm_call *call)
{
    info_reset(admin_node(call));
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

/* ---- SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF ---- */

/* Everybody else is served meanwhile; only this client waits. */
static void plan_save(struct gm_call *call)
{
    struct saver *saver = &admin_node(call)->replica.saver;
    struct complaint complaint;
    if (!call_of(call)->again) {
        enum status status = saver_start(saver, &complaint);
        if (status != STATUS_OK) {
            reply_errorf(&call_of(call)->reply, "ERR %s", complaint.text);
            return;
        }
    }
    bool busy = saver_is_busy(saver);
    if (busy && host_wait_1.wait(call, 0)) {
        return;
    }
    if (busy) {
        gm_reply_error(call, "ERR the snapshot is still being made");
    } else if (saver->failed) {
        gm_reply_error(call, "ERR the snapshot could not be made: see the server's log; the previous one stays");
    } else {
        gm_reply_status(call, "OK");
    }
}

static void begin_in_background(struct gm_call *call, const char *answer, bool patient)
{
    struct saver *saver = &admin_node(call)->replica.saver;
    struct complaint complaint;
    enum status status = saver_start(saver, &complaint);
    if (status == STATUS_EXISTS && patient) {
        saver->wanted = true;
        gm_reply_status(call, "Background saving scheduled");
    } else if (status != STATUS_OK) {
        reply_errorf(&call_of(call)->reply, "ERR %s", complaint.text);
    } else {
        gm_reply_status(call, answer);
    }
}

static void plan_bgsave(struct gm_call *call)
{
    enum { SCHEDULE };
    begin_in_background(call, "Background saving started", gm_given(call, SCHEDULE));
}

/* The log is never rewritten: a snapshot makes its beginning superfluous. */
static void plan_bgrewriteaof(struct gm_call *call)
{
    begin_in_background(call, "Background append only file rewriting started", false);
}

static void plan_lastsave(struct gm_call *call)
{
    gm_reply_int(call, admin_node(call)->replica.saver.last_wall_ms / 1000);
}

/* ---- TIME, SHUTDOWN, DEBUG ---- */

/* The turn's time, as all commands of the turn see it: whole milliseconds. */
static void plan_time(struct gm_call *call)
{
    int64_t now_ms = call_of(call)->shard->now_ms;
    struct reply *reply = &call_of(call)->reply;
    reply_array(reply, 2);
    reply_format(reply, "%lld", (long long)(now_ms / 1000));
    reply_format(reply, "%lld", (long long)(now_ms % 1000 * 1000));
}

static void plan_shutdown(struct gm_call *call)
{
    struct node *node = admin_node(call);
    trace(&node->env.trace, TRACE_INFO, "SHUTDOWN was asked for by client %llu",
          (unsigned long long)call_of(call)->caller.id);
    node_stop(node);
    /* Clients expect the connection to close without an answer, and take an answer for a failure. */
    gm_reply_status(call, "OK");
    struct session *session = call_of(call)->caller.session;
    if (session != NULL) {
        session->overflowed = true;
        session->doomed = true;
    }
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
     .plan = admin_config_get},
    {COMMAND("CONFIG|SET {setting value}...", GM_READ | CALL_LOADING | CALL_SECRET,
             "Changes settings that can be changed while the server runs, all or none of them.", "O(n)", NULL),
     .plan = admin_config_set},
    {COMMAND("CONFIG|RESETSTAT", GM_READ | CALL_LOADING, "Begins the counts in INFO anew.", "O(n), n the commands",
             "CONFIG RESETSTAT"),
     .plan = plan_config_resetstat},
    {COMMAND("CONFIG|REWRITE", GM_READ | CALL_LOADING,
             "Writes the settings as they are now into the configuration file.", "O(n), n the file", NULL),
     .plan = admin_config_rewrite},
    {COMMAND("CONFIG|HELP", GM_READ | CALL_LOADING, "Lists the sub-commands of CONFIG.", "O(1)", "CONFIG HELP"),
     .plan = cmd_help},
    {COMMAND("MODULE|LIST", GM_READ, "Lists the loaded modules with their types.", "O(n)", "MODULE LIST"),
     .plan = plan_module_list},
    {COMMAND("SAVE", GM_READ | CALL_NO_MULTI, "Makes a snapshot, and answers when it is on the disk.",
             "O(n), n the size of the data; other clients are served meanwhile", "SAVE"),
     .plan = plan_save},
    {COMMAND("BGSAVE [SCHEDULE]", GM_READ, "Begins a snapshot.", "O(1); then O(n), n the size of the data, in slices",
             "BGSAVE"),
     .plan = plan_bgsave},
    {COMMAND("BGREWRITEAOF", GM_READ,
             "Begins a snapshot, as BGSAVE: the log before the older of the last two is removed afterwards.",
             "O(1); then O(n), n the size of the data, in slices", "BGREWRITEAOF"),
     .plan = plan_bgrewriteaof},
    {COMMAND("LASTSAVE", GM_READ | GM_FAST | CALL_LOADING,
             "Returns the Unix time of the last snapshot, or of the start.", "O(1)", "LASTSAVE"),
     .plan = plan_lastsave},
    {COMMAND("TIME", GM_READ | GM_FAST | CALL_LOADING,
             "Returns the server's time: seconds since 1970, and microseconds.", "O(1)", "TIME"),
     .plan = plan_time},
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
