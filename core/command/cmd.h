/* SPDX-License-Identifier: MIT */

/* cmd.h - between the files of the host's own commands: not for others. Plans that stand in another file than the table
 * that names them, and what several of them need. */
#ifndef GEOMYS_COMMAND_CMD_H
#define GEOMYS_COMMAND_CMD_H

#include "command/commands.h"
#include "serve/call.h"

#define CMD_FIRST_VERSION "0.1.0" /* of the server, that had these commands */

/* The beginning of each entry of a table of the host's commands. */
#define CMD_COMMAND .size = sizeof(struct gm_command), .since = CMD_FIRST_VERSION

/* Whether a listing shows the entry: its time has not come. */
static inline bool cmd_is_alive(const struct shard *shard, const struct entry *entry)
{
    int64_t at_ms = entry_expire_at(entry);
    return at_ms == 0 || at_ms > shard->now_ms;
}

/* What TYPE answers for the entry: the type's name, or its id (which has a slash, as no name can) while its module is
 * absent. */
static inline const char *cmd_type_name(const struct shard *shard, const struct entry *entry)
{
    const struct shard_type *type = shard_type_of(shard, entry);
    return type->abi != NULL ? type->abi->name : type->name;
}

/* cmd_scan.c */
void cmd_scan_keys(struct gm_call *abi);
void cmd_scan_scan(struct gm_call *abi);
void cmd_scan_dbsize(struct gm_call *abi);
void cmd_scan_randomkey(struct gm_call *abi);

/* cmd_object.c */
void cmd_object_encoding(struct gm_call *abi);
void cmd_object_refcount(struct gm_call *abi);
void cmd_object_peek(struct gm_call *abi);
void cmd_object_freq(struct gm_call *abi);
void cmd_object_idletime(struct gm_call *abi);

/* cmd_client.c */
void cmd_client_id(struct gm_call *abi);
void cmd_client_info(struct gm_call *abi);
void cmd_client_list(struct gm_call *abi);
void cmd_client_setname(struct gm_call *abi);
void cmd_client_getname(struct gm_call *abi);
void cmd_client_setinfo(struct gm_call *abi);

/* cmd_client_control.c */
void cmd_client_kill(struct gm_call *abi);
void cmd_client_unblock(struct gm_call *abi);
void cmd_client_pause(struct gm_call *abi);
void cmd_client_unpause(struct gm_call *abi);
void cmd_client_reply(struct gm_call *abi);
void cmd_client_noevict(struct gm_call *abi);
void cmd_client_notouch(struct gm_call *abi);

/* cmd_tracking.c */
void cmd_tracking_tracking(struct gm_call *abi);
void cmd_tracking_caching(struct gm_call *abi);
void cmd_tracking_getredir(struct gm_call *abi);
void cmd_tracking_info(struct gm_call *abi);

/* cmd_waitaof.c */
void cmd_waitaof(struct gm_call *abi);

/* Gives the session the name, or removes it if that is empty. NULL: done; else the error reply. */
const char *cmd_client_name(struct session *session, struct gm_bytes name);

/* cmd_command.c: what a name in COMMAND INFO and COMMAND DOCS stands for: a first word with all under it, or a
 * sub-command. */
struct cmd_subject {
    const struct registry_entry *entry; /* NULL: a sub-command */
    const struct command *command;      /* NULL: only a container */
};

/* The subject of that name, all NULL if there is none. */
struct cmd_subject cmd_command_subject(const struct registry *registry, struct gm_bytes name);

/* The words for a command's flags; `own`: those that Redis does not have, too. Returns how many; `reply` NULL: only
 * that. */
size_t cmd_command_flags(const struct command *command, bool own, struct reply *reply);

/* cmd_docs.c */
void cmd_docs_docs(struct gm_call *abi);
void cmd_docs_usage(struct gm_call *abi);

#endif
