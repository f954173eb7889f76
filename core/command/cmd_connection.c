/* SPDX-License-Identifier: MIT */

/* cmd_connection.c - how a client and the server come to terms: HELLO, AUTH, PING, RESET, QUIT; and what a
 * connection is used for beside data: MONITOR.
 *
 * There is one user, "default", with the configured password or none.
 *
 * Promises
 *   I1  How long it takes to refuse a password tells nothing of the right one but, at most, its length.
 *   I2  HELLO does all that it was asked for or nothing.
 *
 * These plans change the session itself: each of them runs once. */
#include "command/cmd.h"
#include "command/cmd_client_name.h"
#include "serve/guard.h"
#include "serve/sessions.h"

#define WRONG_PASSWORD "WRONGPASS invalid username-password pair or user is disabled."

/* ---- passwords ---- */

static bool is_same_secret(const char *secret, struct gm_bytes given)
{
    size_t size = strlen(secret);
    /* cmd_connection I1: every byte given is compared, whatever those before it were */
    volatile uint8_t differs = size != given.size;
    for (size_t i = 0; i < given.size; i++) {
        differs = (uint8_t)(differs | (given.data[i] ^ (uint8_t)secret[i % (size + 1)]));
    }
    return differs == 0;
}

static bool is_welcome(struct session *session, struct gm_bytes user, struct gm_bytes password)
{
    const struct worker *worker = session->worker;
    bool known = gm_bytes_equal(user, BYTES(CALLER_USER));
    bool right = known && (!worker_needs_password(worker) || is_same_secret(worker->options.password, password));
    guard_note(session, right);
    return right;
}

static void plan_auth(struct gm_call *abi)
{
    enum { USER, PASSWORD };
    struct call *call = call_of(abi);
    if (!gm_given(abi, USER) && !worker_needs_password(call->worker)) {
        gm_reply_error(abi,
                       "ERR AUTH <password> called without any password configured for the default user. Are you sure "
                       "your configuration is correct?");
        return;
    }
    struct gm_bytes user = gm_given(abi, USER) ? gm_arg_at(abi, USER, 0) : BYTES(CALLER_USER);
    if (!is_welcome(call_session(call), user, gm_arg_at(abi, PASSWORD, 0))) {
        gm_reply_error(abi, WRONG_PASSWORD);
        return;
    }
    call_session(call)->caller.user = CALLER_USER;
    gm_reply_status(abi, "OK");
}

/* ---- HELLO ---- */

enum { VERSION, AUTH, AUTH_USER, AUTH_PASSWORD, SETNAME, CLIENT_NAME };

/* What stands against the wish; NULL: it has been fulfilled. */
static const char *come_to_terms(struct gm_call *abi, struct session *session)
{
    int64_t version = session->caller.resp3 ? 3 : 2;
    bool authenticated = session->caller.user != NULL;
    if (gm_given(abi, VERSION) && !bytes_to_int(gm_arg_at(abi, VERSION, 0), &version)) {
        return "ERR Protocol version is not an integer or out of range";
    }
    if (version != 2 && version != 3) {
        return "NOPROTO unsupported protocol version";
    }
    if (gm_given(abi, AUTH)) {
        authenticated = is_welcome(session, gm_arg_at(abi, AUTH_USER, 0), gm_arg_at(abi, AUTH_PASSWORD, 0));
        if (!authenticated) {
            return WRONG_PASSWORD;
        }
    }
    if (!authenticated) {
        return "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH "
               "<user> <pass> "
               "option can be used to authenticate the client and select the RESP protocol version at the same time";
    }
    if (gm_given(abi, SETNAME)) {
        const char *error = cmd_client_name_set(session, gm_arg_at(abi, CLIENT_NAME, 0));
        if (error != NULL) {
            return error;
        }
    }
    session->caller.user = CALLER_USER;
    session->caller.resp3 = version == 3;
    return NULL;
}

static void reply_modules(struct reply *reply, const struct registry *registry)
{
    size_t count = 0;
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        count += registry_module(registry, i)->path != NULL;
    }
    reply_array(reply, count);
    for (uint32_t i = 0; i < registry_module_count(registry); i++) {
        const struct module *module = registry_module(registry, i);
        if (module->path != NULL) {
            int number[3] = {0};
            (void)sscanf(module->abi->version, "%d.%d.%d", &number[0], &number[1], &number[2]);
            reply_map(reply, 2);
            reply_text(reply, "name");
            reply_text(reply, module->abi->name);
            reply_text(reply, "ver");
            reply_int(reply, (int64_t)number[0] * 10000 + number[1] * 100 + number[2]);
        }
    }
}

static void plan_hello(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct session *session = call_session(call);
    struct reply *reply = &call->reply;
    const char *error = come_to_terms(abi, session);
    if (error != NULL) {
        gm_reply_error(abi, error);
        return;
    }
    reply->resp3 = session->caller.resp3;
    reply_map(reply, 8);
    reply_text(reply, "server");
    reply_text(reply, "geomys");
    reply_text(reply, "version"); /* clients take it for that of a Redis */
    reply_text(reply, GEOMYS_REDIS_VERSION);
    reply_text(reply, "proto");
    reply_int(reply, session->caller.resp3 ? 3 : 2);
    reply_text(reply, "id");
    reply_int(reply, (int64_t)session->caller.id);
    reply_text(reply, "mode");
    reply_text(reply, "standalone");
    reply_text(reply, "role");
    reply_text(reply, "master");
    reply_text(reply, "modules");
    reply_modules(reply, call->worker->registry);
    reply_text(reply, "geomys_version");
    reply_text(reply, GEOMYS_VERSION);
}

/* ---- the small ones ---- */

/* A listener of RESP2 hears it like a message. */
static void ping_listener(struct gm_call *abi)
{
    gm_reply_array(abi, 2);
    gm_reply_bytes(abi, BYTES("pong"));
    gm_reply_bytes(abi, gm_given(abi, 0) ? gm_arg_at(abi, 0, 0) : BYTES_NONE);
}

static void plan_ping(struct gm_call *abi)
{
    const struct caller *caller = &call_of(abi)->caller;
    if (!caller->resp3 && caller->session != NULL && session_listens(caller->session)) {
        ping_listener(abi);
    } else if (gm_given(abi, 0)) {
        gm_reply_bytes(abi, gm_arg_at(abi, 0, 0));
    } else {
        gm_reply_status(abi, "PONG");
    }
}

static void plan_echo(struct gm_call *abi)
{
    gm_reply_bytes(abi, gm_arg_at(abi, 0, 0));
}

static void plan_quit(struct gm_call *abi)
{
    call_of(abi)->closes = true;
    gm_reply_status(abi, "OK");
}

static void plan_reset(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    sessions_reset(call_session(call));
    call->reply.resp3 = call_session(call)->caller.resp3;
    gm_reply_status(abi, "RESET");
}

static void plan_monitor(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct session *session = call_session(call);
    if (list_empty(&session->monitors)) {
        list_push_back(&call->worker->monitors, &session->monitors);
    }
    gm_reply_status(abi, "OK");
}

/* ---- the table ---- */

#define FIRST_CONTACT (GM_READ | GM_FAST | CALL_NO_AUTH | CALL_LOADING | CALL_SESSION)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "PING [message]", .flags = GM_READ | GM_FAST | CALL_SUBSCRIBED, .plan = plan_ping,
     .complexity = "O(1)", .summary = "Replies with PONG, or with the message.", .example = "PING"},
    {CMD_COMMAND, .usage = "ECHO message", .flags = GM_READ | GM_FAST | CALL_LOADING, .plan = plan_echo,
     .complexity = "O(1)", .summary = "Replies with the message.", .example = "ECHO hello"},
    {CMD_COMMAND, .usage = "HELLO [protover [AUTH username password] [SETNAME clientname]]",
     .flags = FIRST_CONTACT | CALL_NO_MULTI | CALL_SECRET, .plan = plan_hello, .complexity = "O(1)",
     .unfit = "ERR Syntax error in HELLO option '%'",
     .summary = "Chooses the protocol, RESP 2 or 3, shows a password if it must, and tells about the server.",
     .example = "HELLO 3"},
    {CMD_COMMAND, .usage = "AUTH [username] password", .flags = FIRST_CONTACT | CALL_SECRET, .plan = plan_auth,
     .complexity = "O(n), n the length of the password",
     .summary = "Shows the password; the user, if given, is default."},
    {CMD_COMMAND, .usage = "QUIT", .flags = FIRST_CONTACT | CALL_NO_QUEUE | CALL_SUBSCRIBED | CALL_UNPAUSED,
     .plan = plan_quit, .complexity = "O(1)", .summary = "Closes the connection, after the answer."},
    {CMD_COMMAND, .usage = "RESET", .flags = FIRST_CONTACT | CALL_NO_QUEUE | CALL_SUBSCRIBED | CALL_UNPAUSED,
     .plan = plan_reset, .complexity = "O(1)",
     .summary = "Puts the connection back to how it began: no transaction, no subscription, no name, RESP 2, no "
                "password shown.",
     .example = "RESET"},

    {CMD_COMMAND, .usage = "MONITOR", .group = "server",
     .flags = GM_READ | GM_ADMIN | CALL_LOADING | CALL_NO_MULTI | CALL_SESSION, .plan = plan_monitor,
     .complexity = "O(1)",
     .summary = "Shows all commands of all clients as they are carried out, until RESET or QUIT."},
};

CMD_MODULE(cmd_connection, .name = "geomys.connection", .group = "connection",
           .summary = "Steers a client's connection.");
