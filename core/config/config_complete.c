/* SPDX-License-Identifier: MIT */

/* config_complete.c - what no single value can say, and what follows from others. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "config/config_keys.h"

/* ---- addresses ---- */

static must_use enum status check_addresses(const struct config *config, struct complaint *complaint)
{
    if (config->external_port != 0 && config->bind.count == 0) {
        complaint_set(complaint,
                      "\"bind\" must name at least one address; to have no port, set \"external_port\" to 0");
        return STATUS_INVALID;
    }
    if (config->external_port == 0 && config->unix_socket[0] == '\0') {
        complaint_set(complaint,
                      "\"external_port\" is 0 and \"unix_socket\" is not set, so nobody could talk to the server");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static must_use enum status derive_internal_port(struct config *config, struct complaint *complaint)
{
    if (config->internal_port == 0 && config->external_port != 0 && config->external_port + 1000 <= 65535) {
        config->internal_port = config->external_port + 1000;
    }
    if (config->internal_port != 0 && config->internal_port == config->external_port) {
        complaint_set(complaint, "\"internal_port\" and \"external_port\" are both %lld: they must differ",
                      (long long)config->internal_port);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* ---- the person's folder ---- */

static must_use enum status expand(const struct config *config, const char *name, char **path,
                                   struct complaint *complaint)
{
    if ((*path)[0] != '~') {
        return STATUS_OK;
    }
    if ((*path)[1] != '/' && (*path)[1] != '\0') {
        complaint_set(complaint, "\"%s\" is \"%s\": only \"~/\" is understood, not another person's folder", name,
                      config_show(gm_bytes_of(*path)).text);
        return STATUS_INVALID;
    }
    if (config->home[0] == '\0') {
        complaint_set(complaint, "\"%s\" is \"%s\", but HOME is not set: give the whole path", name,
                      config_show(gm_bytes_of(*path)).text);
        return STATUS_INVALID;
    }
    size_t size = strlen(config->home) + strlen(*path + 1);
    char *whole = memory_alloc(size + 1);
    (void)snprintf(whole, size + 1, "%s%s", config->home, *path + 1);
    memory_free(*path);
    *path = whole;
    return STATUS_OK;
}

static must_use enum status expand_all(struct config *config, struct complaint *complaint)
{
    for (size_t i = 0; i < config_key_count(); i++) {
        const struct config_key *key = config_key_at(i);
        if (key->type == CONFIG_PATH) {
            TRY(expand(config, key->name, config_field(config, key), complaint));
        } else if (key->type == CONFIG_PATHS) {
            struct config_list *list = config_field(config, key);
            for (size_t k = 0; k < list->count; k++) {
                TRY(expand(config, key->name, &list->items[k], complaint));
            }
        }
    }
    return STATUS_OK;
}

enum status config_complete(struct config *config, struct complaint *complaint)
{
    if (config->password[0] != '\0' && config->password_file[0] != '\0' && !config->password_taken) {
        complaint_set(complaint, "\"password\" and \"password_file\" are both set: one of them must go");
        return STATUS_INVALID;
    }
    if (config->data_folder[0] == '\0') {
        complaint_set(complaint, "\"data_folder\" is empty");
        return STATUS_INVALID;
    }
    TRY(check_addresses(config, complaint));
    TRY(config_check_open(config, complaint));
    TRY(derive_internal_port(config, complaint));
    TRY(config_cluster_complete(config, complaint));
    return expand_all(config, complaint);
}
