/* SPDX-License-Identifier: MIT */

/* squeeze.c - the verbs of squeeze.h: to read or not to read, and to close. */
#include "node/squeeze.h"

#include "serve/hold.h"
#include "serve/sessions.h"
#include "serve/stint.h"

#define TELLS_MS 60000 /* between lines about it */

static struct session *session_of(struct holdings *holdings)
{
    return container_of(holdings, struct session, holdings);
}

static void on_restrained(struct holdings *holdings)
{
    const struct client *client = client_of(session_of(holdings));
    if (client != NULL) {
        net_pause(client->conn, true);
    }
}

static void tell(struct node *node)
{
    const struct crowd *crowd = &node->worker.sessions.crowd;
    uint64_t more;
    if (pace_tells(&node->squeezes, node->monotonic_ms, TELLS_MS, &more)) {
        trace(&node->env.trace, TRACE_WARNING,
              "the clients hold %llu bytes, of %llu that they may (maxmemory_clients): what is large waits until there "
              "is room for it; CLIENT LIST shows who holds how much (%llu more times since the last such line)",
              (unsigned long long)(crowd->sum - crowd->leaving), (unsigned long long)crowd->options.limit,
              (unsigned long long)more);
    }
}

static void restrain_all(struct node *node)
{
    if (!node->squeezed) {
        node->squeezed = true;
        tell(node);
        crowd_restrain_all(&node->worker.sessions.crowd, on_restrained);
    }
}

static void let_go(struct node *node, struct holdings *holdings)
{
    struct session *session = session_of(holdings);
    const struct client *client = client_of(session);
    crowd_excused(holdings, node->monotonic_ms);
    if (client != NULL) {
        net_pause(client->conn, false);
    }
    if (session->held_for_memory) {
        hold_end_memory(session); /* and its input is given to it again */
    } else if (holdings->crowd->favoured == holdings) {
        crowd_given(holdings);
    }
}

void squeeze_client_slow(struct client *client)
{
    struct session *session = client->session;
    struct holdings *holdings = &session->holdings;
    restrain_all(client->node);
    if (session->held_for_memory || !list_empty(&holdings->restrained)) {
        on_restrained(holdings);
    } else if (holdings->sum >= CROWD_SMALL && !session->doomed && !crowd_admit(holdings, holdings->needs)) {
        crowd_restrain(holdings);
        on_restrained(holdings);
    }
}

/* Who is held and not restrained is about to be closed. */
static void ease(struct node *node)
{
    struct list *held = &node->worker.held[HOLD_MEMORY];
    struct holdings *holdings;
    node->squeezed = false;
    while ((holdings = crowd_next_free(&node->worker.sessions.crowd)) != NULL) {
        let_go(node, holdings); /* squeeze I1 */
    }
    while (!list_empty(held)) {
        struct session *session = container_of(held->next, struct session, held);
        check(session->doomed);
        hold_forget(session);
    }
}

/* Memory that is kept for what may come is given back first. */
static void cut(struct holdings *holdings)
{
    struct session *session = session_of(holdings);
    if (!session_tidy(session)) {
        sessions_kill(session, SESSION_END_MEMORY);
    }
}

void squeeze_turn_slow(struct node *node)
{
    struct crowd *crowd = &node->worker.sessions.crowd;
    struct holdings *holdings;
    if (crowd_ease(crowd)) {
        ease(node);
        return;
    }
    restrain_all(node);
    while ((holdings = crowd_next_admitted(crowd)) != NULL || (holdings = crowd_favour(crowd)) != NULL) {
        let_go(node, holdings);
    }
    while ((holdings = crowd_worst(crowd, node->monotonic_ms)) != NULL) {
        cut(holdings);
    }
}

/* Whether it is for us, and not for the peer, to go on. */
static bool waits_for_us(struct session *session)
{
    const struct client *client = client_of(session);
    return hold_is_held(session) || stint_is_under_way(session) ||
           (client != NULL && !client->stalled && (session->mark_count > 0 || !list_empty(&client->stuffed)));
}

void squeeze_second(struct node *node)
{
    struct crowd *crowd = &node->worker.sessions.crowd;
    struct holdings *holdings;
    while (crowd->tight && (holdings = crowd_stuck(crowd, node->monotonic_ms)) != NULL) {
        struct session *session = session_of(holdings);
        if (waits_for_us(session)) {
            crowd_excused(holdings, node->monotonic_ms);
        } else {
            sessions_kill(session, SESSION_END_MEMORY);
        }
    }
}
