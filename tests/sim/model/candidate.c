/* SPDX-License-Identifier: MIT */

/* candidate.c - the named one: its own yes first, then it asks the others (C7, C8). */
#include "model.h"

void candidate_begin(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (!a->up || a->stranger || a->topology.leader != n || !(a->topology.set >> n & 1)) {
        return;
    }
    int again =
        !the->on[C8start] && a->topology.epoch == a->promise_epoch && a->promise_leader == n && a->role == FOLLOWER;
    if (a->topology.epoch <= a->promise_epoch && !again) {
        return;
    }
    if (a->role == CANDIDATE && a->epoch >= a->topology.epoch) {
        return;
    }
    if (a->role == LEADER && a->epoch >= a->topology.epoch) {
        return;
    }
    if (a->raised_epoch && !(a->raised_leader == n && a->raised_epoch < a->topology.epoch && a->storing != 1)) {
        return;
    }
    if (the->on[C7own] && !vote_would(the, n, n)) {
        return;
    }
    {
        uint8_t k = a->candidate_set;
        a->candidate_set = a->topology.set;
        int vs = vote_set(the, n);
        a->candidate_set = k;
        if (!(vs >> n & 1)) {
            return;
        }
    }
    a->leads_already = a->role == LEADER || (a->role == CANDIDATE && a->leads_already);
    if (a->leads_already && a->handing) {
        a->handing = 0;
        for (int x = 0; x < the->count; x++) {
            a->grants[x] = 0;
        }
        a->lease_end = 0;
        a->beats_from = clock_of(the, n);
    }
    a->role = CANDIDATE;
    a->epoch = a->topology.epoch;
    a->candidate_set = a->topology.set;
    a->candidate_version = a->topology.version;
    a->votes = 0;
    a->candidate_until = the->now + (a->leads_already ? 4000 : the->calm ? 1000 : dice_between(the, 300, 4000)) * MS;
    a->candidate_at_epoch = a->candidate_at_sequence = 0;
    for (int x = 0; x < the->count; x++) {
        a->session[x] = 0;
    }
    a->raised_epoch = 0;
    model_trace(the, "node %d is named for epoch %d set %x topo v%d%s", n, a->epoch, a->candidate_set,
                a->candidate_version, a->leads_already ? " (leads already)" : "");
    if (again) {
        a->votes |= 1 << n;
        a->candidate_at_epoch = a->synced ? a->log[a->synced].epoch : 0;
        a->candidate_at_sequence = a->synced;
        for (int x = 0; x < the->count; x++) {
            if (x != n && (a->candidate_set >> x & 1)) {
                vote_send(the, n, x);
            }
        }
    } else {
        a->raised_epoch = 0;
        vote_judge(the, n, n, a->life, a->epoch, n, 0, 0, a->candidate_version);
        if (!the->on[C7own] && a->role == CANDIDATE) {
            a->candidate_at_epoch = a->synced ? a->log[a->synced].epoch : 0;
            a->candidate_at_sequence = a->synced;
            for (int x = 0; x < the->count; x++) {
                if (x != n && (a->candidate_set >> x & 1)) {
                    vote_send(the, n, x);
                }
            }
        }
    }
    queue_after(the, n, 100 * MS, E_CANDIDATE, a->epoch, 0);
}
