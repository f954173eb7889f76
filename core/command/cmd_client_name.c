/* SPDX-License-Identifier: MIT */

/* cmd_client_name.c - which names clients may have. */
#include "command/cmd_client_name.h"

#include <string.h>

bool cmd_client_name_is_printable(struct gm_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

void cmd_client_name_keep(char out[SESSION_NAME_MAX + 1], struct gm_bytes text)
{
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
}

const char *cmd_client_name_set(struct session *session, struct gm_bytes name)
{
    if (!cmd_client_name_is_printable(name)) {
        return "ERR Client names cannot contain spaces, newlines or special characters.";
    }
    if (name.size > SESSION_NAME_MAX) {
        return "ERR Client names cannot be longer than 64 bytes.";
    }
    cmd_client_name_keep(session->name, name);
    return NULL;
}

_Static_assert(SESSION_NAME_MAX == 64, "the text above says so");
