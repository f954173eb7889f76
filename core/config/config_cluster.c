/* SPDX-License-Identifier: MIT */

/* config_cluster.c - what the settings of a cluster say together.
 *
 * Idea     A node is in a cluster if bootstrap, join or cluster_mode say so, or if its folder does, which is found out
 *          later; then the two older words, cluster_mode and replication_enabled, say what is so. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"

static bool is_given(const struct config *config, struct gm_bytes name)
{
    return config_origin(config, config_key_find(name, false)) != CONFIG_ORIGIN_DEFAULT;
}

/* ---- places ---- */

static bool is_port(const char *text)
{
    int64_t port;
    return bytes_to_int(gm_bytes_of(text), &port) && port >= 1 && port <= 65535;
}

/* "host:6000", "10.0.0.1:6000", "[::1]:6000" */
static bool is_place(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !is_port(colon + 1)) {
        return false;
    }
    bool bracketed = text[0] == '[' && colon - text > 2 && colon[-1] == ']';
    return bracketed || (memchr(text, ':', (size_t)(colon - text)) == NULL && strpbrk(text, "[] /@") == NULL);
}

static must_use enum status check_join(const struct config *config, struct complaint *complaint)
{
    if (config->join.count > CONFIG_JOIN_MAX) {
        complaint_set(complaint, "\"join\" names %zu places; %d are as many as it may", config->join.count,
                      CONFIG_JOIN_MAX);
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < config->join.count; i++) {
        if (!is_place(config->join.items[i])) {
            complaint_set(complaint,
                          "\"join\" names %s, which is no host:port; the port is a node's internal_port, as in "
                          "127.0.0.1:6000 or [::1]:6000",
                          config_show(gm_bytes_of(config->join.items[i])).text);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/* ---- the node port ---- */

static void take_bind(struct config *config)
{
    const struct config_key *key = config_key_find(BYTES("node_bind"), false);
    for (size_t i = 0; i < config->bind.count; i++) {
        struct complaint complaint;
        enum status status = config_put_text(config, key, gm_bytes_of(config->bind.items[i]), &complaint);
        check(status == STATUS_OK); /* bind has taken it */
    }
}

static must_use enum status check_node_port(const struct config *config, struct complaint *complaint)
{
    if (config->internal_port == 0) {
        complaint_set(complaint,
                      "a node of a cluster has a port for the others: set \"internal_port\", which does not follow "
                      "from \"external_port\" %lld",
                      (long long)config->external_port);
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < config->node_bind.count && !config->allow_insecure; i++) {
        if (!config_is_loopback(config->node_bind.items[i])) {
            complaint_set(complaint,
                          "\"%s\" names %s, and nodes talk without encryption and without a password yet: whoever "
                          "reaches the port %lld could read and change all data. Set \"node_bind\" to addresses of "
                          "this machine alone, or \"allow_insecure\" in a network that is yours",
                          is_given(config, BYTES("node_bind")) ? "node_bind" : "bind",
                          config_show(gm_bytes_of(config->node_bind.items[i])).text, (long long)config->internal_port);
            return STATUS_REFUSED;
        }
    }
    return STATUS_OK;
}

/* ---- all together ---- */

static must_use enum status check_times(const struct config *config, struct complaint *complaint)
{
    if (config->beat_ms * 2 >= config->lease_ms) {
        complaint_set(complaint,
                      "\"beat_ms\" is %lld and \"lease_ms\" %lld: a lease must outlive two beats, so that one may be "
                      "late",
                      (long long)config->beat_ms, (long long)config->lease_ms);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* replication_enabled: false is an older word for one copy. */
static must_use enum status settle_copies(struct config *config, struct complaint *complaint)
{
    if (is_given(config, BYTES("replication_enabled")) && !config->replication_enabled) {
        if (is_given(config, BYTES("replicas")) && config->replicas > 1) {
            complaint_set(complaint, "\"replication_enabled\" is false, and \"replicas\" is %lld: one of them must go",
                          (long long)config->replicas);
            return STATUS_INVALID;
        }
        config->replicas = 1;
    }
    config->replication_enabled = config->replicas > 1;
    return STATUS_OK;
}

enum status config_enter_cluster(struct config *config, struct complaint *complaint)
{
    if (is_given(config, BYTES("cluster_mode")) && !config->cluster_mode) {
        complaint_set(complaint, "\"cluster_mode\" is false, and %s: one of them must go",
                      config->bootstrap        ? "\"bootstrap\" is set"
                      : config->join.count > 0 ? "\"join\" names nodes of a cluster"
                                               : "the data folder is that of a node of a cluster");
        return STATUS_INVALID;
    }
    config->cluster_mode = true;
    if (config->persistence == CONFIG_PERSISTENCE_NONE) {
        complaint_set(complaint, "\"persistence\" is none, and a node of a cluster must keep what it has told the "
                                 "others: choose \"writethroughdisk\" or \"bufferedwrite\"");
        return STATUS_REFUSED;
    }
    TRY(settle_copies(config, complaint));
    return check_node_port(config, complaint);
}

/* Several nodes of one person must not share a folder. */
static void choose_folder(struct config *config)
{
    char folder[64];
    (void)snprintf(folder, sizeof folder, "~/.geomys/node-%lld", (long long)config->node_id);
    const struct config_key *key = config_key_find(BYTES("data_folder"), false);
    struct complaint complaint;
    enum status status = config_put_text(config, key, gm_bytes_of(folder), &complaint);
    check(status == STATUS_OK); /* it is short */
}

enum status config_cluster_complete(struct config *config, struct complaint *complaint)
{
    bool wanted = config->bootstrap || config->join.count > 0 || config->cluster_mode;
    TRY(check_join(config, complaint));
    TRY(check_times(config, complaint));
    if (config->node_bind.count == 0) {
        take_bind(config);
    }
    if (!wanted && config->replication_enabled) {
        complaint_set(complaint, "\"replication_enabled\" is true, and this node is in no cluster: begin one with "
                                 "--bootstrap or enter one with --join=host:port");
        return STATUS_INVALID;
    }
    if (wanted && !config_data_folder_given(config)) {
        choose_folder(config);
    }
    return wanted ? config_enter_cluster(config, complaint) : STATUS_OK;
}
