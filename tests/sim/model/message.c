/* SPDX-License-Identifier: MIT */

/* message.c - what each message does to who takes it. */
#include "model.h"

const char *message_name(int type)
{
    static const char *const names[] = {"ASK",        "ASK_REPLY", "VOTE",  "VOTE_REPLY", "BEAT",
                                        "BEAT_REPLY", "HELLO",     "START", "RECORDS",    "ACK",
                                        "ADMIT",      "READ",      "SWAP",  "TOPOLOGY",   "SWAP_REPLY"};
    return names[type];
}

static void take_at_coordinator(struct model *the, struct message *m)
{
    if (m->type == M_READ) {
        struct message *r = post_make(the, M_TOPOLOGY, the->count, m->from);
        r->c = m->c;
        r->topology = the->topology;
        if (the->lies_now && the->histories > 1 && dice_chance(the, 200)) {
            r->topology = the->history[dice_between(the, 0, the->histories - 1)];
        }
        post_send(the, r, BY_CALL);
    } else {
        int ok = m->a == the->topology.version;
        if (ok) {
            struct topology d = m->topology;
            topology_put(the, d);
        }
        struct message *r = post_make(the, M_SWAP_REPLY, the->count, m->from);
        r->c = m->c;
        r->a = ok;
        r->b = m->a;
        r->topology = the->topology;
        post_send(the, r, BY_CALL);
    }
}

static void take_topology(struct model *the, struct message *m)
{
    int n = m->to;
    struct node *a = &the->nodes[n];
    if (m->c == a->life || m->c == -1) {
        topology_take(the, n, &m->topology);
    }
}

static void take_swap_reply(struct model *the, struct message *m)
{
    int n = m->to;
    struct node *a = &the->nodes[n];
    if (m->c != a->life) {
        return;
    }
    a->swap_pending = 0;
    if (!m->a && a->needs_lease && a->needs_version == m->b && m->topology.set != a->needs_set &&
        set_size(m->topology.set) <= 2) {
        a->needs_lease = 0;
    }
    topology_take(the, n, &m->topology);
}

static void take_ask(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];
    struct message *r = post_make(the, M_ASK_REPLY, n, f);
    r->session = m->session;
    r->c = m->c;
    r->at_epoch = a->synced ? a->log[a->synced].epoch : 0;
    r->at_sequence = a->synced;
    r->b = a->promise_epoch > a->raised_epoch ? a->promise_epoch : a->raised_epoch;
    r->a = vote_would(the, n, -1);
    r->first = position_owes(the, n);
    r->leader = a->owes_epoch;
    r->index = a->owes_sequence;
    r->epoch = a->stranger;
    r->topology = a->topology;
    post_send(the, r, BY_CALL);
}

static void take_ask_reply(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];
    if (m->c != a->life || m->session != a->ask_round || m->epoch) {
        topology_take(the, n, &m->topology);
        return;
    }
    a->ask_answers |= 1 << f;
    if (m->a) {
        a->ask_would |= 1 << f;
    }
    a->ask_epochs[f] = m->at_epoch;
    a->ask_sequences[f] = m->at_sequence;
    a->ask_owes_epochs[f] = m->leader;
    a->ask_owes_sequences[f] = m->index;
    if (m->first) {
        a->ask_owing |= 1 << f;
    }
    if (m->b > a->ask_promise) {
        a->ask_promise = m->b;
    }
}

static void take_vote(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    vote_judge(the, n, f, m->c, m->epoch, m->leader, m->at_epoch, m->at_sequence, m->topology.version);
}

static void take_vote_reply(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];
    if (m->c != a->life) {
        return;
    }
    if (m->a && (a->role == CANDIDATE || a->role == LEADER) && m->epoch == a->epoch) {
        a->votes |= 1 << f;
        if (a->role == CANDIDATE && set_size(a->votes & vote_set(the, n)) >= set_majority(vote_set(the, n)) &&
            (a->votes >> n & 1)) {
            lead_begin(the, n);
        }
    } else if (!m->a && a->role == CANDIDATE && m->epoch == a->epoch && m->b > a->epoch) {
        if (a->leads_already && the->on[C10] && !a->swap_pending && lease_holds(the, n, clock_of(the, n))) {
            topology_swap(the, n, (m->b > a->topology.epoch ? m->b : a->topology.epoch) + 1, n, a->topology.set);
        } else if (!a->leads_already) {
            lead_step_down(the, n, "refused: higher promise");
        }
    }
}

static void take_beat(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];

    if (a->stranger) {
        a->beat_leader = f + 1;
    }
    topology_take(the, n, &m->topology);
    struct message *r = post_make(the, M_BEAT_REPLY, n, f);
    r->epoch = m->epoch;
    r->sent_at = m->sent_at;
    r->lease = m->lease;
    r->c = m->c;
    r->b = a->promise_epoch > a->raised_epoch ? a->promise_epoch : a->raised_epoch;
    r->n = a->synced;
    r->leader = a->raised_epoch ? a->raised_leader : a->promise_leader;
    int64_t clk = the->on[C3clock] ? clock_of(the, n) : a->turn_clock;
    if (!a->stranger && a->promise_epoch == m->epoch && a->promise_leader == f &&
        (a->promise_start == m->c || !the->on[C3start]) && !(a->raised_epoch > m->epoch && the->on[C7order]) &&
        a->role == FOLLOWER) {
        if (m->a) {
            if (!the->on[RESorder] || m->sent_at >= a->newest_beat) {
                if (a->granted_to == f) {
                    a->granted_until = 0;
                }
                model_trace(the, "node %d: resigned by %d", n, f);
            }
        } else {
            int64_t L = the->on[C3asked] ? m->lease : the->lease_us;
            if (L > a->longest_lease && the->on[C5]) {
                if (!a->storing) {
                    a->wanted_lease = L;
                    disk_store(the, n, 2);
                }
            } else {
                if (a->granted_to != f) {
                    a->granted_until = 0;
                }
                a->granted_to = f;
                if (clk + L > a->granted_until) {
                    a->granted_until = clk + L;
                }
                if (m->sent_at > a->newest_beat) {
                    a->newest_beat = m->sent_at;
                }
                r->a = 1;
            }
        }
    }
    post_send(the, r, BY_BEATS);
}

static void take_beat_reply(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];
    if (m->c != a->life || (a->role != LEADER && !(a->role == CANDIDATE && a->leads_already)) ||
        a->raised_epoch > a->epoch) {
        return;
    }
    if (m->a) {
        if (m->folder == a->known_folder[f] || !the->on[C21grants]) {
            if (a->handing != 2 || !the->on[RESlease]) {
                int64_t s = the->on[C3sent] ? m->sent_at : clock_of(the, n);
                int64_t g = s + (the->on[C3margin] ? m->lease * 90 / 100 : m->lease);
                if ((m->sent_at >= a->beats_from || !the->on[RESlater]) && g > a->grants[f]) {
                    a->grants[f] = g;
                    lease_count(the, n);
                }
            }
        }
    }
    if (a->role != LEADER) {
        return;
    }
    if (!the->on[C11beat] && m->n <= a->length) {
        if (m->n > a->matched[f]) {
            a->matched[f] = m->n;
        }
        commit_count(the, n);
    }
    if (m->b > a->epoch || (the->on[C10same] && m->b == a->epoch && m->leader >= 0 && m->leader != n)) {
        if (lease_holds(the, n, clock_of(the, n)) && !a->handing) {
            if (the->on[C10] && !a->swap_pending) {
                topology_swap(the, n, (m->b > a->topology.epoch ? m->b : a->topology.epoch) + 1, n, a->topology.set);
            }
        } else if (!a->handing) {
            lead_step_down(the, n, "refused, without lease");
        }
    } else if (m->b < a->epoch && !m->a && m->epoch == a->epoch) {
        vote_send(the, n, f);
    }
}

static void take_hello(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];

    if (a->role != LEADER) {
        return;
    }
    int x = f;
    int c = follow_common(the, n, m);
    a->session[x] = m->session;
    a->stream_index[x] = 0;
    a->next[x] = c + 1;
    a->matched[x] = 0;
    a->is_stranger[x] = m->a;
    if (!the->on[C11hello] && !m->a) {
        a->matched[x] = m->n <= a->length ? m->n : a->length;
        commit_count(the, n);
    }
    if (the->nodes[x].wants_full_sync && !m->a && a->committed &&
        (!the->on[C17synced] || !position_before(position_epoch(the, n), a->synced, m->at_epoch, m->index))) {
        struct message *q = post_make(the, M_START, n, x);
        q->session = m->session;
        q->epoch = a->epoch;
        q->leader = n;
        q->b = 1;
        q->n = the->story == 12 ? a->committed
                                : (int)dice_between(the, a->committed > 12 ? a->committed - 12 : 1, a->committed);
        q->snapshot = memory_alloc(sizeof a->log);
        memcpy(q->snapshot, a->log, sizeof a->log);
        a->session[x] = 0;
        post_send(the, q, BY_STREAM);
        return;
    }
    if (m->a && (a->leader_set >> x & 1)) {
        if (a->seen_folder[x] != m->folder) {
            a->seen_folder[x] = m->folder;
            a->seen_epoch[x] = a->epoch;
        }
        if (the->on[C21epoch] && a->seen_epoch[x] == a->epoch) {
            if (!a->swap_pending && lease_holds(the, n, clock_of(the, n)) && a->committed >= a->epoch_sequence &&
                !a->handing && the->on[C10]) {
                topology_swap(the, n, (a->epoch > a->topology.epoch ? a->epoch : a->topology.epoch) + 1, n,
                              a->topology.set);
            }
        } else if (a->taken_folder[x] != m->folder && feed_can_take(the, n, x)) {
            a->taken_folder[x] = m->folder;
            a->taken_target[x] = the->on[C21all] ? a->length : commit_without(the, n, x, set_size(a->leader_set) - 1);
            if (the->on[C21grants]) {
                a->grants[x] = 0;
                a->known_folder[x] = m->folder;
                lease_count(the, n);
            }
            model_trace(the, "node %d takes in the stranger %d: needs seq %d", n, x, a->taken_target[x]);
        }
    } else if (!m->a) {
        a->known_folder[x] = m->folder;
    }
    struct message *r = post_make(the, M_START, n, x);
    r->session = m->session;
    r->epoch = a->epoch;
    r->leader = n;
    r->n = c;
    post_send(the, r, BY_STREAM);
    feed_pump(the, n, x);
}

static void take_start(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];

    if (a->follow_state != 1 || m->session != a->follow_session || a->role != FOLLOWER) {
        return;
    }
    int free_ = a->stranger || !(a->topology.set >> n & 1);
    if (a->raised_epoch) {
        follow_close(the, n);
        return;
    }
    if (!free_ && !(a->promise_epoch == m->epoch && a->promise_leader == f &&
                    (a->promise_start == m->from_life || !the->on[C3start]))) {
        follow_close(the, n);
        return;
    }
    if (free_ && m->epoch < a->promise_epoch) {
        follow_close(the, n);
        return;
    }
    if (free_ && !a->stranger && the->on[C19prom]) {
        if (m->epoch == a->promise_epoch &&
            (f != a->promise_leader || (m->from_life != a->promise_start && the->on[C3start]))) {
            follow_close(the, n);
            return;
        }
        if (m->epoch > a->promise_epoch) {
            if (!a->storing) {
                a->join_epoch = m->epoch;
                a->join_leader = f;
                a->join_start = m->from_life;
                disk_store(the, n, 4);
            }
            follow_close(the, n);
            return;
        }
    }
    if (m->b) { /* the whole data set: the exchange is on the disk, or not, as one */
        follow_close(the, n);
        if (a->storing || a->stranger) {
            return;
        }
        memcpy(a->exchange_log, m->snapshot, sizeof a->exchange_log);
        a->exchange_cut = m->n;
        a->owed_epoch = a->owes_epoch;
        a->owed_sequence = a->owes_sequence;
        if (the->on[C17stand] && the->on[C17owes] && the->on[C17floor]) {
            a->owes_epoch = a->hello_epoch;
            a->owes_sequence = a->hello_sequence;
        }
        disk_store(the, n, 5);
        return;
    }
    if (m->n < a->length) {
        if (m->n < a->known && !the->mode_local) {
            if (the->on[C15floor]) {
                the->counts.floors++;
                model_trace(the, "node %d refuses to rewind below committed (leader %d epoch %d)", n, f, m->epoch);
                follow_close(the, n);
                return;
            }
            model_blame(the, "I4 node %d rewinds to %d below committed %d (as it knew)", n, m->n, a->known);
            if (the->on[C15floor]) {
                follow_close(the, n);
                return;
            }
        }
        model_trace(the, "node %d rewinds %d -> %d (leader %d epoch %d)", n, a->length, m->n, f, m->epoch);
        the->counts.rewinds++;
        a->length = m->n;
        if (a->synced > a->length) {
            a->synced = a->length;
        }
        a->generation++;
        a->syncing = 0;
    }
    a->follow_state = 2;
    a->follow_index = 0;
    a->checked = m->n;
    a->follow_epoch = m->epoch;
    a->followed_at = clock_of(the, n);
    follow_ack(the, n);
    disk_sync(the, n);
}

static void take_records(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];

    if (a->follow_state != 2 || m->session != a->follow_session) {
        return;
    }
    if (m->index != a->follow_index + 1 || (m->n && m->first != a->length + 1)) {
        follow_close(the, n);
        return;
    }
    if (a->raised_epoch > a->follow_epoch && the->on[C7order] && the->on[C7stand]) {
        follow_close(the, n);
        return;
    }
    if (a->promise_epoch > a->follow_epoch && !a->stranger && the->on[C7lower]) {
        follow_close(the, n);
        return;
    }
    a->follow_index++;
    a->followed_at = clock_of(the, n);
    for (int i = 0; i < m->n; i++) {
        disk_append(the, n, m->r[i], 0);
    }
    if (m->n) {
        a->checked = a->length;
        model_trace(the, "node %d has written %d from %d", n, a->length, f);
    }
    int c = m->committed < a->checked ? m->committed : a->checked;
    if (c > a->known && !position_owes(the, n)) {
        a->known = c;
    }
    if (!m->n) {
        follow_ack(the, n);
    }
    /* an acknowledgement may have been lost: a real stream would be broken */
    disk_sync(the, n);
}

static void take_ack(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];
    if (a->role != LEADER || m->session != a->session[f] || m->epoch != a->epoch) {
        if (the->on[C11stream] || a->role != LEADER) {
            return;
        }
    }
    if (m->n > a->length) {
        if (the->on[C11checked] && the->on[C11stream]) {
            model_blame(the, "MODEL ack beyond the log");
        }
        m->n = a->length;
    }
    if (m->a) {
        if (a->taken_folder[f] == m->folder && m->n >= a->taken_target[f] &&
            (the->on[C21lease] ? lease_without(the, n, f) > clock_of(the, n) : 1)) {
            struct message *r = post_make(the, M_ADMIT, n, f);
            r->epoch = a->epoch;
            r->leader = n;
            r->b = m->folder;
            r->session = m->session;
            r->n = a->taken_target[f];
            r->topology = a->topology;
            post_send(the, r, BY_CALL);
        }
        return;
    }
    if (m->n > a->matched[f]) {
        a->matched[f] = m->n;
        a->known_folder[f] = m->folder;
        commit_count(the, n);
        if (the->story == 5 && !the->calm && m->n < a->epoch_sequence && dice_chance(the, 300)) {
            queue_push(the, the->now, E_FAULT, 0, 0, 9, f);
            queue_push(the, the->now + dice_between(the, 0, 2 * MS), E_FAULT, 0, 0, 52, n);
            for (int i = 0; i < the->count; i++) {
                for (int j = 0; j < the->count; j++) {
                    if (i != n && j != n) {
                        the->cut[i][j] = 0;
                    }
                }
            }
        }
    }
}

static void take_admission(struct model *the, struct message *m)
{
    int n = m->to;
    int f = m->from;
    struct node *a = &the->nodes[n];
    if (the->on[C21stream] && (a->follow_state != 2 || a->follow_session != m->session || a->synced < m->n)) {
        return;
    }
    if (!a->stranger || m->b != a->folder || a->storing || m->epoch < a->promise_epoch) {
        return;
    }
    a->raised_epoch = 0;
    a->raised_by = m->epoch;
    a->raised_version = m->topology.version;
    a->raised_leader = f;
    a->raised_start = m->from_life;
    disk_store(the, n, 3);
}

void message_take(struct model *the, struct message *m)
{
    int n = m->to, f = m->from;
    if (n == the->count) {
        take_at_coordinator(the, m);
        return;
    }
    if (f < the->count) {
        the->nodes[n].heard[f] = clock_of(the, n);
    }
    switch (m->type) {
    case M_TOPOLOGY:
        take_topology(the, m);
        break;
    case M_SWAP_REPLY:
        take_swap_reply(the, m);
        break;
    case M_ASK:
        take_ask(the, m);
        break;
    case M_ASK_REPLY:
        take_ask_reply(the, m);
        break;
    case M_VOTE:
        take_vote(the, m);
        break;
    case M_VOTE_REPLY:
        take_vote_reply(the, m);
        break;
    case M_BEAT:
        take_beat(the, m);
        break;
    case M_BEAT_REPLY:
        take_beat_reply(the, m);
        break;
    case M_HELLO:
        take_hello(the, m);
        break;
    case M_START:
        take_start(the, m);
        break;
    case M_RECORDS:
        take_records(the, m);
        break;
    case M_ACK:
        take_ack(the, m);
        break;
    case M_ADMIT:
        take_admission(the, m);
        break;
    }
}
