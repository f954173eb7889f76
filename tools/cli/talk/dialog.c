/* SPDX-License-Identifier: MIT */

/* dialog.c - the conversation.
 *
 * Idea     The commands themselves are the server's business. But a few of them change how a client must go on (whether
 *          the next thing that comes is a reply, what the prompt shows), and those few every client of the protocol has
 *          to know: they stand in one table here, and nowhere else.
 *
 * Promises S1  No command is sent twice: after a loss it may have run, and only the person can know what to do.
 *          S2  What a server sends for the catalog costs at most CATALOG_LIMIT of memory; a server that sends
 *              more is served without hints.
 */
#include "cli/talk/dialog.h"

#define LISTEN_BATCH 64 /* items taken before the caller may look at its keyboard */

enum effect {
    EFFECT_NONE,
    EFFECT_AUTH,        /* who we are changes, and with it what we may ask */
    EFFECT_HELLO,       /* the protocol may change */
    EFFECT_RESET,       /* everything back to the beginning */
    EFFECT_MULTI,       /* a transaction begins */
    EFFECT_MULTI_END,   /* a transaction ends */
    EFFECT_SUBSCRIBE,   /* answered by pushes, one per argument */
    EFFECT_UNSUBSCRIBE, /* the same, or by at least one without arguments */
    EFFECT_MONITOR,     /* answered for ever */
};

static enum effect effect_of(struct gm_bytes name)
{
    static const struct {
        const char *name;
        enum effect effect;
    } table[] = {
        {"auth", EFFECT_AUTH},
        {"hello", EFFECT_HELLO},
        {"reset", EFFECT_RESET},
        {"multi", EFFECT_MULTI},
        {"exec", EFFECT_MULTI_END},
        {"discard", EFFECT_MULTI_END},
        {"subscribe", EFFECT_SUBSCRIBE},
        {"psubscribe", EFFECT_SUBSCRIBE},
        {"ssubscribe", EFFECT_SUBSCRIBE},
        {"unsubscribe", EFFECT_UNSUBSCRIBE},
        {"punsubscribe", EFFECT_UNSUBSCRIBE},
        {"sunsubscribe", EFFECT_UNSUBSCRIBE},
        {"monitor", EFFECT_MONITOR},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (bytes_equal_nocase(name, table[i].name)) {
            return table[i].effect;
        }
    }
    return EFFECT_NONE;
}

void dialog_init(struct dialog *dialog, const struct dialog_wish *wish, struct dialog_listener listener, int wake_fd,
                 bool catalog_wanted)
{
    *dialog = (struct dialog){.wish = wish,
                              .listener = listener,
                              .protocol = 2,
                              .selection = {.database = wish->database},
                              .catalog_due = catalog_wanted,
                              .catalog_wanted = catalog_wanted};
    channel_init(&dialog->channel, wish->reply_limit, wake_fd);
}

void dialog_finish(struct dialog *dialog)
{
    channel_finish(&dialog->channel);
    catalog_finish(&dialog->catalog);
}

void dialog_disconnect(struct dialog *dialog)
{
    channel_close(&dialog->channel);
    dialog->protocol = 2;
    dialog->in_multi = false;
    dialog->selection.queued = false;
    dialog->streaming = false;
    dialog->subscriptions = 0;
}

/* ---- one exchange -------------------------------------------------------------------------------------------- */

/* Whether `push` confirms the subscription command `name`. */
static bool confirms(const struct answer *push, struct gm_bytes name)
{
    if (push->count == 0 || !answer_is_text(&push->items[0]) || push->items[0].text.size != name.size) {
        return false;
    }
    char lower[16] = "";
    for (size_t i = 0; i < name.size && i < sizeof lower - 1; i++) {
        lower[i] = (char)push->items[0].text.data[i];
    }
    return bytes_equal_nocase(name, lower);
}

static void count_subscriptions(struct dialog *dialog, const struct answer *confirmation)
{
    if (confirmation->count == 3 && confirmation->items[2].type == ANSWER_INTEGER) {
        dialog->subscriptions = confirmation->items[2].integer;
    }
}

/* Waits for what answers a command that was sent. */
static enum status await(struct dialog *dialog, const struct gm_bytes *argv, size_t argc, struct answer *out,
                         struct complaint *complaint)
{
    enum effect effect = effect_of(argv[0]);
    bool by_push = effect == EFFECT_SUBSCRIBE || effect == EFFECT_UNSUBSCRIBE;
    size_t missing = by_push && argc > 1 ? argc - 1 : 1;
    for (;;) {
        TRY(channel_receive(&dialog->channel, -1, out, complaint));
        bool confirmed = out->type == ANSWER_PUSH && by_push && confirms(out, argv[0]);
        if (confirmed) {
            count_subscriptions(dialog, out);
        }
        if (out->type != ANSWER_PUSH || (confirmed && --missing == 0)) {
            return STATUS_OK;
        }
        dialog->listener.on_push(dialog->listener.context, out);
        answer_finish(out);
    }
}

static enum status exchange(struct dialog *dialog, const struct gm_bytes *argv, size_t argc, struct answer *out,
                            struct complaint *complaint)
{
    enum status status = channel_send(&dialog->channel, argv, argc, complaint);
    if (status == STATUS_OK) {
        status = await(dialog, argv, argc, out, complaint);
    }
    if (status != STATUS_OK) {
        dialog_disconnect(dialog);
    }
    return status;
}

/* ---- connecting ---------------------------------------------------------------------------------------------- */

/* Runs one command of the handshake. STATUS_INVALID: the server answered with an error, which is the complaint. */
static enum status shake(struct dialog *dialog, const struct gm_bytes *argv, size_t argc, struct complaint *complaint)
{
    struct answer reply = {0};
    TRY(exchange(dialog, argv, argc, &reply, complaint));
    bool error = reply.type == ANSWER_ERROR;
    if (error) {
        complaint_set(complaint, "%.*s", (int)(reply.text.size < 400 ? reply.text.size : 400),
                      (const char *)reply.text.data);
        for (char *at = complaint->text; *at != '\0'; at++) {
            *at = *at >= 0x20 && *at < 0x7f ? *at : '?';
        }
    }
    answer_finish(&reply);
    return error ? STATUS_INVALID : STATUS_OK;
}

static enum status authenticate(struct dialog *dialog, struct complaint *complaint)
{
    const struct dialog_wish *wish = dialog->wish;
    if (wish->password == NULL) {
        return STATUS_OK;
    }
    struct gm_bytes argv[3] = {BYTES("AUTH")};
    size_t argc = 1;
    if (wish->user != NULL) {
        argv[argc++] = gm_bytes_of(wish->user);
    }
    argv[argc++] = gm_bytes_of(wish->password);
    enum status status = shake(dialog, argv, argc, complaint);
    if (status == STATUS_INVALID) {
        complaint_prefix(complaint, "AUTH failed");
    }
    return status;
}

static enum status agree_on_protocol(struct dialog *dialog, struct complaint *complaint)
{
    if (dialog->wish->protocol != 3) {
        return STATUS_OK;
    }
    struct gm_bytes argv[] = {BYTES("HELLO"), BYTES("3")};
    enum status status = shake(dialog, argv, 2, complaint);
    if (status == STATUS_OK) {
        dialog->protocol = 3;
    }
    if (status == STATUS_INVALID && !dialog->wish->protocol_needed) {
        return STATUS_OK;
    }
    if (status == STATUS_INVALID) {
        complaint_prefix(complaint, "HELLO 3 failed");
    }
    return status;
}

static enum status select_database(struct dialog *dialog, struct complaint *complaint)
{
    int database = dialog->selection.database;
    if (database == 0) {
        return STATUS_OK;
    }
    char number[20];
    struct gm_bytes argv[] = {BYTES("SELECT"), {(const uint8_t *)number, bytes_from_int(number, database)}};
    enum status status = shake(dialog, argv, 2, complaint);
    if (status == STATUS_INVALID) {
        complaint_prefix(complaint, "SELECT %d failed", database);
        dialog->selection.database = 0;
    }
    return status;
}

/* Goes on after a refusal, keeping the first one; stops when there is no connection any more. */
static enum status shake_hands(struct dialog *dialog, struct complaint *complaint)
{
    enum status (*const steps[])(struct dialog *, struct complaint *) = {authenticate, agree_on_protocol,
                                                                         select_database};
    enum status first = STATUS_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct complaint reason = {0};
        enum status status = steps[i](dialog, &reason);
        if (status != STATUS_OK && first == STATUS_OK) {
            *complaint = reason;
            first = status;
        }
        if (!channel_is_open(&dialog->channel)) {
            *complaint = reason;
            return status;
        }
    }
    return first;
}

static enum status open_connection(struct dialog *dialog, struct complaint *complaint)
{
    dialog_disconnect(dialog);
    dialog->catalog_due = dialog->catalog_wanted;
    return channel_open(&dialog->channel, &dialog->wish->address, dialog->wish->connect_timeout_ms, complaint);
}

/* ---- the catalog --------------------------------------------------------------------------------------------- */

static bool has_code(const struct answer *reply, const char *code)
{
    size_t size = strlen(code);
    return reply->type == ANSWER_ERROR && reply->text.size >= size && memcmp(reply->text.data, code, size) == 0;
}

/* True if the server answered, with whatever; `taken` if it was a catalog. */
static bool ask_catalog(struct dialog *dialog, bool usage, bool *taken)
{
    struct gm_bytes argv[] = {BYTES("COMMAND"), usage ? BYTES("USAGE") : BYTES("DOCS")};
    struct complaint ignored;
    struct answer reply = {0};
    size_t limit = dialog->channel.reader.limit;
    dialog->channel.reader.limit = CATALOG_LIMIT;
    enum status status = exchange(dialog, argv, 2, &reply, &ignored);
    dialog->channel.reader.limit = limit;
    *taken = false;
    if (status != STATUS_OK) {
        return false;
    }
    dialog->catalog_due = has_code(&reply, "LOADING") || has_code(&reply, "NOAUTH");
    *taken = usage ? catalog_from_usage(&dialog->catalog, &reply) : catalog_from_docs(&dialog->catalog, &reply);
    answer_finish(&reply);
    return true;
}

/* The connection may be lost on the way, when a server sends too much. */
static void fetch_catalog(struct dialog *dialog)
{
    bool taken;
    if (!dialog->catalog_due || dialog->in_multi || dialog->streaming || dialog->subscriptions > 0) {
        return;
    }
    dialog->catalog_due = false;
    if (ask_catalog(dialog, true, &taken) && !taken && !dialog->catalog_due) {
        (void)ask_catalog(dialog, false, &taken);
    }
}

void dialog_refresh(struct dialog *dialog)
{
    dialog->catalog_due = channel_is_open(&dialog->channel);
    if (dialog->catalog_due) {
        fetch_catalog(dialog);
    }
}

enum status dialog_connect(struct dialog *dialog, struct complaint *complaint)
{
    TRY(open_connection(dialog, complaint));
    enum status status = shake_hands(dialog, complaint);
    if (!channel_is_open(&dialog->channel)) {
        return status;
    }
    fetch_catalog(dialog);
    if (!channel_is_open(&dialog->channel)) { /* because of the catalog: do without it */
        struct complaint again;
        TRY(open_connection(dialog, &again));
        dialog->catalog_due = false;
        status = shake_hands(dialog, complaint);
    }
    return status;
}

/* ---- commands ------------------------------------------------------------------------------------------------ */

static bool is_ok(const struct answer *reply)
{
    return reply->type == ANSWER_STATUS && gm_bytes_equal(reply->text, BYTES("OK"));
}

static void note_protocol(struct dialog *dialog, const struct answer *reply)
{
    const struct answer *protocol = answer_get(reply, "proto");
    if (protocol != NULL && protocol->type == ANSWER_INTEGER) {
        dialog->protocol = protocol->integer == 3 ? 3 : 2;
    }
}

static void note_effect(struct dialog *dialog, const struct gm_bytes *argv, const struct answer *reply)
{
    if (reply->type == ANSWER_STATUS && gm_bytes_equal(reply->text, BYTES("QUEUED"))) {
        return; /* it has no effect yet */
    }
    switch (effect_of(argv[0])) {
    case EFFECT_NONE:
    case EFFECT_AUTH:
        break;
    case EFFECT_HELLO:
        note_protocol(dialog, reply);
        break;
    case EFFECT_RESET:
        if (reply->type == ANSWER_STATUS) {
            dialog->protocol = 2;
            dialog->in_multi = false;
            dialog->subscriptions = 0;
        }
        break;
    case EFFECT_MULTI:
        dialog->in_multi = dialog->in_multi || is_ok(reply);
        break;
    case EFFECT_MULTI_END:
        dialog->in_multi = false;
        break;
    case EFFECT_SUBSCRIBE:
        dialog->streaming = reply->type == ANSWER_ARRAY;
        if (dialog->streaming) {
            count_subscriptions(dialog, reply);
        }
        break;
    case EFFECT_UNSUBSCRIBE:
        break;
    case EFFECT_MONITOR:
        dialog->streaming = is_ok(reply);
        break;
    }
}

enum status dialog_command(struct dialog *dialog, const struct gm_bytes *argv, size_t argc, struct answer *out,
                           struct complaint *complaint)
{
    if (!channel_alive(&dialog->channel)) {
        TRY(dialog_connect(dialog, complaint));
    }
    TRY(exchange(dialog, argv, argc, out, complaint));
    note_effect(dialog, argv, out);
    struct selection_step step = selection_step(argv, argc);
    selection_follow(&dialog->selection, &step, out);
    if (effect_of(argv[0]) == EFFECT_AUTH && is_ok(out) && dialog->protocol == 2) {
        struct complaint ignored;
        (void)agree_on_protocol(dialog, &ignored); /* was refused before, for want of authentication */
    }
    if (dialog->catalog_due && out->type != ANSWER_ERROR && channel_is_open(&dialog->channel)) {
        fetch_catalog(dialog);
    }
    return STATUS_OK;
}

enum status dialog_listen(struct dialog *dialog, int timeout_ms, struct complaint *complaint)
{
    if (!channel_is_open(&dialog->channel)) {
        return STATUS_AGAIN;
    }
    for (int i = 0; i < LISTEN_BATCH; i++) {
        struct answer reply = {0};
        enum status status = channel_receive(&dialog->channel, timeout_ms, &reply, complaint);
        if (status == STATUS_OK) {
            dialog->listener.on_push(dialog->listener.context, &reply);
            answer_finish(&reply);
            timeout_ms = 0;
            continue;
        }
        if (status != STATUS_AGAIN) {
            dialog_disconnect(dialog);
        }
        return i > 0 && status == STATUS_AGAIN ? STATUS_OK : status;
    }
    return STATUS_OK;
}
