/* SPDX-License-Identifier: MIT */

/* squeeze.c - the verbs of squeeze.h: to read or not to read, and to close. */
#include "node/squeeze.h"

#include "serve/hold.h"
#include "serve/sessions.h"

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

static void restrain_all(struct node *node)
{
    if (!node->squeezed) {
        node->squeezed = true;
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
    } else {
        crowd_given(holdings);
    }
}

void squeeze_client_slow(struct client *client)
{
    struct holdings *holdings = &client->session->holdings;
    restrain_all(client->node);
    if (crowd_restrains(holdings) && !client->session->doomed) {
        crowd_restrain(holdings);
        on_restrained(holdings);
    }
}

static void ease(struct node *node)
{
    struct holdings *holdings;
    node->squeezed = false;
    while ((holdings = crowd_next_free(&node->worker.sessions.crowd)) != NULL) {
        let_go(node, holdings);
    }
    check(list_empty(&node->worker.held[HOLD_MEMORY])); /* squeeze I1 */
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
    if ((holdings = crowd_favour(crowd)) != NULL) {
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
    return hold_is_held(session) ||
           (client != NULL && !client->stalled && (session->mark_count > 0 || !list_empty(&client->stuffed)));
}

void squeeze_second(struct node *node)
{
    struct crowd *crowd = &node->worker.sessions.crowd;
    if (!crowd->tight || crowd->favoured == NULL) {
        return;
    }
    struct session *session = session_of(crowd->favoured);
    if (waits_for_us(session)) {
        crowd_excused(crowd->favoured, node->monotonic_ms);
    } else if (crowd_is_stuck(crowd, node->monotonic_ms)) {
        sessions_kill(session, SESSION_END_MEMORY);
    }
}
