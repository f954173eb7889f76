/* SPDX-License-Identifier: MIT */

/* options_saved.c - a saved connection says what flags would say; see connections.c for the file. */
#include "cli/options/options_saved.h"

#include "base/memory.h"
#include "cli/options/connections.h"
#include "cli/options/options_value.h"

const char *options_saved_name(int argc, char **argv)
{
    const char *name = NULL;
    for (int at = 1; at < argc && argv[at][0] == '-' && argv[at][1] != '\0' && strcmp(argv[at], "--") != 0; at++) {
        char *value = NULL;
        const struct option_row *row = options_table_find(argv[at], &value);
        if (row == NULL) {
            return NULL;
        }
        if (row->value != NULL && value == NULL) {
            value = ++at < argc ? argv[at] : NULL;
        }
        name = row->option == OPTION_CONNECTION ? value : name;
    }
    return name;
}

/* NULL, or what is wrong. */
static const char *apply_connection(struct options *options, const struct connection *connection)
{
    static const enum option meaning[CONNECTIONS_COUNT] = {
        [CONNECTIONS_HOST] = OPTION_HOST,         [CONNECTIONS_PORT] = OPTION_PORT,
        [CONNECTIONS_SOCKET] = OPTION_SOCKET,     [CONNECTIONS_URI] = OPTION_URI,
        [CONNECTIONS_USER] = OPTION_USER,         [CONNECTIONS_PASSWORD] = OPTION_PASSWORD,
        [CONNECTIONS_DATABASE] = OPTION_DATABASE,
    };
    for (size_t i = 0; i < CONNECTIONS_COUNT; i++) {
        struct gm_bytes value = connection->values[i];
        if (value.data == NULL) {
            continue;
        }
        if (i == CONNECTIONS_PROTOCOL) {
            bool known = value.size == 1 && (*value.data == '2' || *value.data == '3');
            if (!known) {
                return "protocol: 2 or 3";
            }
            options->wish.protocol = *value.data - '0';
            options->wish.protocol_needed = true;
            continue;
        }
        const char *wrong = options_value_apply(options, meaning[i], options_own(options, value));
        if (wrong != NULL) {
            return wrong;
        }
    }
    options->unsafe_password = false; /* it does not stand on the command line */
    return NULL;
}

enum status options_saved_read(struct options *options, const char *name, char *(*get)(const char *),
                               struct complaint *complaint)
{
    const char *home = get("HOME");
    char path[4096];
    struct connection connection;
    if (home == NULL || (size_t)snprintf(path, sizeof path, "%s/.geomys/cli.conf", home) >= sizeof path) {
        complaint_set(complaint, "-c: HOME does not say where ~/.geomys/cli.conf is");
        return STATUS_INVALID;
    }
    uint8_t *text = memory_zeroed(CONNECTIONS_SIZE);
    enum status status = connections_read(path, name, text, &connection, complaint);
    const char *wrong = status == STATUS_OK ? apply_connection(options, &connection) : NULL;
    if (wrong != NULL) {
        complaint_set(complaint, "%s: [%s]: %s", path, name, wrong);
    }
    explicit_bzero(text, CONNECTIONS_SIZE);
    memory_free(text);
    return status == STATUS_OK && wrong == NULL ? STATUS_OK : STATUS_INVALID;
}
