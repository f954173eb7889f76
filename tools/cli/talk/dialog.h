/* SPDX-License-Identifier: MIT */

/* dialog.h - a conversation with a server: connected as asked for, and aware of what the answers change. */
#ifndef GEOMYS_CLI_DIALOG_H
#define GEOMYS_CLI_DIALOG_H

#include "cli/talk/catalog.h"
#include "cli/talk/channel.h"
#include "cli/talk/selection.h"

/* What the conversation is to be like. Borrowed. */
struct dialog_wish {
    struct channel_address address;
    const char *user;     /* NULL: the default user */
    const char *password; /* NULL: none */
    int database;
    int protocol;         /* 2 or 3 */
    bool protocol_needed; /* a server without it is refused; otherwise RESP2 will do */
    int connect_timeout_ms;
    size_t reply_limit; /* bytes of memory for one reply */
};

/* Takes what comes in without being asked for; it is released after the call. */
struct dialog_listener {
    void *context;
    void (*on_push)(void *context, const struct answer *push);
};

struct dialog {
    const struct dialog_wish *wish;
    struct dialog_listener listener;
    struct channel channel;
    int protocol;               /* spoken now */
    struct selection selection; /* the database; it is chosen again when the connection has to be made again */
    int64_t subscriptions;      /* open ones */
    bool in_multi;              /* between MULTI and EXEC */
    bool streaming;         /* the server sends on and on, and takes no more commands (MONITOR; SUBSCRIBE in RESP2) */
    bool catalog_due;       /* the catalog has still to be asked for */
    bool catalog_wanted;    /* by the caller */
    struct catalog catalog; /* what the server declares; empty if it does not say */
};

void dialog_init(struct dialog *dialog, const struct dialog_wish *wish, struct dialog_listener listener, int wake_fd,
                 bool catalog_wanted);
void dialog_finish(struct dialog *dialog);

/* Connects, authenticates, agrees on the protocol, and asks for the catalog if it is wanted. STATUS_REFUSED: not
 * connected. STATUS_INVALID: connected, but the server refused a part of the wish (the password, the protocol, the
 * database); the complaint says which. STATUS_AGAIN: interrupted, not connected. */
must_use enum status dialog_connect(struct dialog *dialog, struct complaint *complaint);

/* Ends the connection and what belonged to it: the transaction, the subscriptions. */
void dialog_disconnect(struct dialog *dialog);

/* Sends a command and waits for its reply, which the caller owns; pushes on the way go to the listener. Connects first
 * if there is no connection, and anew if the server has hung up while the dialog was idle. A command is never sent
 * twice. STATUS_AGAIN: interrupted; the dialog is disconnected, for the reply may still come. Any other refusal: with a
 * complaint, disconnected. */
must_use enum status dialog_command(struct dialog *dialog, const struct gm_bytes *argv, size_t argc, struct answer *out,
                                    struct complaint *complaint);

/* Waits at most `timeout_ms` (-1: for ever) for something to come in, and gives it to the listener with what came
 * along, a bounded number. STATUS_OK: something came, there may be more. STATUS_AGAIN: nothing, or interrupted. */
must_use enum status dialog_listen(struct dialog *dialog, int timeout_ms, struct complaint *complaint);

/* Asks for the catalog again. */
void dialog_refresh(struct dialog *dialog);

#endif
