/* SPDX-License-Identifier: MIT */

/* admin_config.c - CONFIG: GET, SET, REWRITE, RESETSTAT.
 *
 * Each setting has its name of the configuration file ("slowlog_max_len"), and those that Redis has too are there
 * under that name as well ("slowlog-max-len"): a pattern that matches both is answered with both, each once. What a
 * name that only Redis has means here: config/config_redis.c.
 *
 * Limits   GET_STEPS of matching in one GET: a million patterns, or a thousand that are made to be dear, are refused
 *          rather than keep all others waiting. */
#include <stdio.h>

#include "base/glob.h"
#include "command/cmd.h"
#include "config/config_keys.h"
#include "node/admin.h"
#include "node/info.h"
#include "node/publish.h"

/* ---- GET ---- */

#define GET_STEPS 5000000 /* of matching: some milliseconds */

/* What a GET asks for, and what it has cost so far. */
struct asked {
    struct gm_call *call;
    uint64_t steps;
    bool count_only;
};

static bool matches_any(struct asked *asked, const char *name)
{
    const struct gm_call *call = asked->call;
    for (uint32_t i = 2; i < call->argc && asked->steps <= GET_STEPS; i++) {
        asked->steps++;
        if (glob_match_counted(call->argv[i], gm_bytes_of(name), true, &asked->steps)) {
            return true;
        }
    }
    return false;
}

/* The setting, if its name matches: 1, else 0. */
static size_t write_setting(struct asked *asked, const char *name, size_t index,
                            void (*describe)(const struct config *config, size_t index, struct buf *value))
{
    struct gm_call *call = asked->call;
    if (!matches_any(asked, name)) {
        return 0;
    }
    if (!asked->count_only) {
        struct buf value;
        buf_init(&value, CONFIG_LIST_MAX * CONFIG_TEXT_MAX);
        describe(admin_node(call)->config, index, &value);
        reply_text(&call_of(call)->reply, name);
        reply_bytes(&call_of(call)->reply, buf_bytes(&value));
        buf_finish(&value);
    }
    return 1;
}

static size_t write_pairs(struct asked *asked)
{
    size_t pairs = 0;
    const struct config *config = admin_node(asked->call)->config;
    for (size_t row = 0; row < config_row_count(config); row++) {
        pairs += write_setting(asked, config_row_name(config, row), row, config_describe);
    }
    for (size_t row = 0; row < config_redis_count(); row++) {
        pairs += write_setting(asked, config_redis_name(row), row, config_redis_describe);
    }
    return pairs;
}

static void plan_get(struct gm_call *call)
{
    struct asked count = {.call = call, .count_only = true};
    struct asked give = {.call = call};
    size_t pairs = write_pairs(&count);
    if (count.steps > GET_STEPS) {
        gm_reply_error(call, "ERR these patterns take too long: ask for fewer settings at once, or for all with *");
        return;
    }
    reply_map(&call_of(call)->reply, pairs);
    (void)write_pairs(&give); /* the same steps */
}

/* ---- SET ---- */

static void refuse_unknown(struct gm_call *call, struct gm_bytes name)
{
    const struct config_key *near = config_key_near(name);
    reply_errorf(&call_of(call)->reply, "ERR Unknown option or number of arguments for CONFIG SET - '%s'%s%s%s",
                 config_show(name).text, near != NULL ? "; did you mean '" : "", near != NULL ? near->name : "",
                 near != NULL ? "'?" : "");
}

static void plan_set(struct gm_call *call)
{
    struct complaint complaint;
    struct gm_bytes blamed;
    enum status status = publish_change(admin_node(call), call->argv + 2, (call->argc - 2) / 2, &blamed, &complaint);
    if (status == STATUS_OK) {
        gm_reply_status(call, "OK");
    } else if (status == STATUS_NOT_FOUND) {
        refuse_unknown(call, blamed);
    } else {
        reply_errorf(&call_of(call)->reply, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                     config_show(blamed).text, complaint.text);
    }
}

/* ---- REWRITE ---- */

static enum status rewrite(struct node *node, struct complaint *complaint)
{
    struct settings *settings = node->env.settings;
    struct buf before;
    struct buf after;
    buf_init(&before, CONFIG_FILE_SIZE_MAX + 8192);
    buf_init(&after, CONFIG_FILE_SIZE_MAX);
    enum status status = settings->ops->read(settings, &before, complaint);
    if (status == STATUS_OK) {
        status = config_rewrite(node->config, node->config->file, buf_bytes(&before), &after, complaint);
    }
    if (status == STATUS_OK) {
        status = settings->ops->replace(settings, buf_bytes(&after), complaint);
    }
    buf_finish(&before);
    buf_finish(&after);
    return status;
}

/* Whoever relies on the file must know that the next start will ask for no password. */
static void warn_of_password(const struct node *node)
{
    const struct config *config = node->config;
    const struct config_key *key = config_key_find(BYTES("password"), false);
    bool from_nowhere = config->origin[key - config_key_at(0)] == CONFIG_ORIGIN_DEFAULT && !config->password_taken;
    if (config->password[0] != '\0' && from_nowhere) {
        trace(&node->env.trace, TRACE_WARNING,
              "CONFIG REWRITE: the password was set while the server ran and is not written; set \"password\" or "
              "\"password_file\" in %s, or the next start will ask for none",
              config->file);
    }
}

static void plan_rewrite(struct gm_call *call)
{
    struct node *node = admin_node(call);
    struct complaint complaint;
    if (node->env.settings == NULL) {
        gm_reply_error(call, "ERR The server is running without a config file");
    } else if (rewrite(node, &complaint) != STATUS_OK) {
        trace(&node->env.trace, TRACE_WARNING, "CONFIG REWRITE: %s", complaint.text);
        reply_errorf(&call_of(call)->reply, "ERR Rewriting config file: %s", complaint.text);
    } else {
        trace(&node->env.trace, TRACE_INFO, "CONFIG REWRITE: the settings are in %s", node->config->file);
        warn_of_password(node);
        gm_reply_status(call, "OK");
    }
}

/* ---- RESETSTAT ---- */

static void plan_resetstat(struct gm_call *call)
{
    info_reset(admin_node(call));
    gm_reply_status(call, "OK");
}

/* ---- the table ---- */

#define ASKS CMD_COMMAND, .flags = GM_READ | GM_ADMIN | CALL_LOADING

static const struct gm_command commands[] = {
    {ASKS, .usage = "CONFIG|GET pattern:pattern...", .plan = plan_get, .complexity = "O(n)",
     .summary = "Returns the settings whose names match.", .example = "CONFIG GET persistence"},
    {CMD_COMMAND, .usage = "CONFIG|SET {setting value}...", .flags = GM_READ | GM_ADMIN | CALL_LOADING | CALL_SECRET,
     .plan = plan_set, .complexity = "O(n)",
     .summary = "Changes settings that can be changed while the server runs, all or none of them."},
    {ASKS, .usage = "CONFIG|RESETSTAT", .plan = plan_resetstat, .complexity = "O(n), n the commands",
     .summary = "Begins the counts in INFO anew.", .example = "CONFIG RESETSTAT"},
    {ASKS, .usage = "CONFIG|REWRITE", .plan = plan_rewrite, .complexity = "O(n), n the file",
     .summary = "Writes the settings as they are now into the configuration file."},
    CMD_HELP("CONFIG", GM_READ | CALL_LOADING),
};

CMD_MODULE(admin_config, .name = "geomys.config", .group = "server", .summary = "Reads and changes settings.");
