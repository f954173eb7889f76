/* SPDX-License-Identifier: MIT */

/* farewell.c - farewell.h has the argument.
 *
 * Promises
 *   I1  One line of a kind in ENDS_MS, and of clients that speak another protocol in FOREIGN_MS, each with how many
 *       more there were. */
#include "node/farewell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/client.h"
#include "wire/foreign.h"

#define ENDS_MS    1000
#define FOREIGN_MS 60000

static const char *reason_of(enum session_end why)
{
    static const char *const reasons[] = {
        [SESSION_END_OUTPUT] = "it does not read the messages that it is sent (client_push_limit), or has more waiting "
                               "than it may",
        [SESSION_END_STALLED] = "it has read nothing for client_stall_s",
        [SESSION_END_PROTOCOL] = "what it sent is not RESP",
        [SESSION_END_FOREIGN] = "it speaks another protocol",
        [SESSION_END_IDLE] = "it was silent for timeout_s",
        [SESSION_END_KILLED] = "another client has killed it (CLIENT KILL)",
        [SESSION_END_MEMORY] = "the clients hold more than maxmemory_clients, and this one much of it, or it makes no "
                               "progress",
        [SESSION_END_RETRACTED] = "an answer that it waited for does not come, since this node leads no more, or hears "
                                  "from no majority, and the connection carries messages as well, or a transaction",
    };
    check(why > SESSION_END_NONE && why < sizeof reasons / sizeof reasons[0]);
    return reasons[why];
}

/* Somebody takes this port for another one, or makes a browser or another program do so. */
static void tell_foreign(const struct client *client)
{
    struct node *node = client->node;
    uint64_t more;
    if (!pace_tells(&node->farewell.foreign, node->monotonic_ms, FOREIGN_MS, &more)) { /* farewell I1 */
        return;
    }
    trace(
        &node->env.trace, TRACE_WARNING,
        "client %llu (%s) is disconnected: it speaks %s, not RESP, and what it sent behind that is not carried out; a "
        "web page may be trying to reach this server through the browser of somebody on that machine (%llu more since "
        "the last such line)",
        (unsigned long long)client->session->caller.id, client->session->address,
        foreign_name(client->session->parser.error), (unsigned long long)more);
}

/* A line about one, now and then. */
static void tell(const struct client *client, enum trace_level level, const char *reason)
{
    struct node *node = client->node;
    const struct session *session = client->session;
    uint64_t more;
    if (level < node->env.trace.least || !pace_tells(&node->farewell.ends, node->monotonic_ms, ENDS_MS, &more)) {
        return; /* farewell I1 */
    }
    trace(&node->env.trace, level,
          "client %llu (%s) is disconnected: %s; %zu bytes of output waited for it, it held %zu bytes",
          (unsigned long long)session->caller.id, session->address, reason, session_unsent(session),
          session->holdings.sum);
    if (more > 0) {
        trace(&node->env.trace, level,
              "%llu more clients were disconnected since the line before; INFO stats counts why",
              (unsigned long long)more);
    }
}

void farewell(const struct client *client)
{
    enum session_end why = client->session->ended;
    check(why != SESSION_END_NONE);
    if (why == SESSION_END_FOREIGN) {
        tell_foreign(client);
    } else {
        bool usual = why == SESSION_END_IDLE || why == SESSION_END_KILLED;
        tell(client, usual ? TRACE_INFO : TRACE_WARNING, reason_of(why));
    }
}

void farewell_lost(const struct client *client, int error)
{
    struct meters_counts *counts = &client->node->worker.meters.counts;
    bool reset = error == ECONNRESET || error == EPIPE;
    char reason[128];
    (void)snprintf(reason, sizeof reason, "the connection broke: %s", strerrordesc_np(error));
    counts->reset += reset;
    counts->lost += !reset;
    tell(client, reset ? TRACE_DEBUG : TRACE_INFO, reason);
}

void farewell_unknown(const struct client *client)
{
    tell(client, TRACE_INFO, "it has not shown the password within auth_timeout_s, or others came for its place");
}
