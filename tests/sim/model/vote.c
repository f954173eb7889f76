/* SPDX-License-Identifier: MIT */

/* vote.c - a yes: judged and raised in one step, stored, answered (C5, C7). */
#include "model.h"

void vote_reply(struct model *the, int n, int to, int start, int e, int yes)
{
    struct node *a = &the->nodes[n];
    struct message *m = post_make(the, M_VOTE_REPLY, n, to);
    m->epoch = e;
    m->a = yes;
    m->b = a->promise_epoch > a->raised_epoch ? a->promise_epoch : a->raised_epoch;
    m->c = start;
    m->topology = a->topology;
    post_send(the, m, BY_CALL);
}

void vote_send(struct model *the, int n, int to)
{
    struct node *a = &the->nodes[n];
    struct message *m = post_make(the, M_VOTE, n, to);
    m->epoch = a->epoch;
    m->leader = n;
    m->c = a->life;
    m->topology.version = a->candidate_version;
    if (the->on[C10then]) { /* as a candidate too: a sync may have ended since its own yes */
        m->at_epoch = a->synced ? a->log[a->synced].epoch : 0;
        m->at_sequence = a->synced;
    } else {
        m->at_epoch = a->candidate_at_epoch;
        m->at_sequence = a->candidate_at_sequence;
    }
    post_send(the, m, BY_CALL);
}

void vote_own(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (a->role != CANDIDATE) {
        return;
    }
    a->votes |= 1 << n;
    a->candidate_at_epoch = a->synced ? a->log[a->synced].epoch : 0;
    a->candidate_at_sequence = a->synced;
    int vs = vote_set(the, n);
    if (set_size(a->votes & vs) >= set_majority(vs) || !the->on[C8] ||
        (set_size(vs) == 2 && a->alone_epoch == a->epoch)) {
        lead_begin(the, n);
    }
    for (int x = 0; x < the->count; x++) {
        if (x != n && ((a->candidate_set | vs) >> x & 1)) {
            vote_send(the, n, x);
        }
    }
}

int vote_set(struct model *the, int n)
{
    /* by which set the votes are counted */
    struct node *a = &the->nodes[n];
    if (the->on[Xlogset]) {
        for (int s = a->length; s > 0; s--) {
            if (a->log[s].kind) {
                return a->log[s].set;
            }
        }
    }
    return a->candidate_set;
}

int vote_would(struct model *the, int n, int l)
{
    struct node *a = &the->nodes[n];
    int64_t c = clock_of(the, n);
    if (a->stranger) {
        return 0;
    }
    if (l == n && a->storing == 5 && the->on[C17stand]) {
        return 0;
    }
    if (position_owes(the, n) && (!the->on[C17yes] || l == n)) {
        return 0;
    }
    /* l unknown, -1: the asker compares with what it owes */
    if (the->on[C5] && c < a->says_no_until) {
        return 0;
    }
    if (the->on[C7grant] && a->granted_to != l && a->granted_until > c) {
        return 0;
    }
    if (the->on[C7grant] && (a->role == LEADER || (a->role == CANDIDATE && a->leads_already)) && l != n &&
        lease_holds(the, n, c)) {
        return 0;
    }
    return 1;
}

/* the worker hears that the promise was raised; with the stand (section 2) it sees it before it acknowledges or counts
 * anything */
void vote_tell_worker(struct model *the, int n, int e, int l)
{
    struct node *a = &the->nodes[n];
    if (a->follow_state && a->follow_epoch < e) {
        follow_close(the, n);
    }
    if (a->role != FOLLOWER && l != n) {
        lead_step_down(the, n, "promised to another");
    }
}

void vote_store(struct model *the, int n)
{
    /* store what was raised; the answer goes when it is stored */
    struct node *a = &the->nodes[n];
    if (!a->raised_epoch) {
        return;
    }
    if (a->storing) {
        queue_after(the, n, 500, E_VOTE_STORE, a->raised_epoch, a->raised_leader);
        return;
    }
    if (!the->on[C7store]) {
        a->promise_epoch = a->raised_epoch;
        a->promise_leader = a->raised_leader;
        a->promise_start = a->raised_start;
    }
    /* not on the disk: see crash */
    disk_store(the, n, 1);
    if (!the->on[C7store] && a->raised_leader != n) {
        vote_reply(the, n, a->raised_by, a->raised_start, a->raised_epoch, 1);
    }
}

int vote_is_behind(struct model *the, int n, int pe, int ps)
{
    /* behind the own position, or behind what this replica owes */
    struct node *a = &the->nodes[n];
    return position_before(pe, ps, position_epoch(the, n), position_sequence(the, n)) ||
           (the->on[C17owes] && a->owes_epoch && position_before(pe, ps, a->owes_epoch, a->owes_sequence));
}

void vote_judge(struct model *the, int n, int from, int start, int e, int l, int pe, int ps, int ver)
{
    /* one step: compare, and raise the promise */
    struct node *a = &the->nodes[n];
    const char *w = NULL;
    int raised = the->on[C7order] && a->raised_epoch, he = raised ? a->raised_epoch : a->promise_epoch,
        hl = raised ? a->raised_leader : a->promise_leader, hs = raised ? a->raised_start : a->promise_start;
    if (a->stranger) {
        return;
    }
    if (the->on[C7lower] && e < he) {
        w = "lower epoch";
    } else if (the->on[C7same] && e == he && l != hl) {
        w = "same epoch, another leader";
    } else if (the->on[C3start] && e == he && start != hs) {
        w = "same epoch, another start";
    } else if (the->on[C7topo] && ver < a->topology_acted) {
        w = "older topology";
    } else if (!vote_would(the, n, l)) {
        w = "grant, wait or owes";
    } else if (a->raised_epoch && (a->raised_epoch != e || a->raised_leader != l) &&
               (a->raised_epoch >= e || a->storing == 1)) {
        w = "storing another";
    }
    if (!w && e == a->promise_epoch && l == a->promise_leader && l != n) {
        vote_reply(the, n, from, start, e, 1);
        return;
    }
    if (!w && a->raised_epoch == e && a->raised_leader == l) {
        return;
    }
    /* on its way to the disk */
    if (!w && the->on[C7pos] && l != n && vote_is_behind(the, n, pe, ps)) {
        w = "behind my position";
    }
    if (w) {
        model_trace(the, "node %d says no to (%d,%d) at (%d,%d): %s, mine is (%d,%d) owes (%d,%d)", n, e, l, pe, ps, w,
                    position_epoch(the, n), position_sequence(the, n), a->owes_epoch, a->owes_sequence);
        if (l != n) {
            vote_reply(the, n, from, start, e, 0);
        } else if (a->role == CANDIDATE && the->on[C7own]) {
            lead_step_down(the, n, w);
        }
        return;
    }
    a->raised_epoch = e;
    a->raised_leader = l;
    a->raised_start = start;
    a->raised_by = from;
    a->raised_at_epoch = pe;
    a->raised_at_sequence = ps;
    a->raised_version = ver;
    model_trace(the, "node %d raises its promise to (%d,%d) log %d/%d", n, e, l, a->synced, a->length);
    if ((the->on[C7order] && the->on[C7stand]) || l == n) {
        vote_tell_worker(the, n, e, l);
    } else if (the->on[C7order]) {
        queue_after(the, n, dice_between(the, 0, 20 * MS), E_TOLD, e, l);
    }
    vote_store(the, n);
}
