/* SPDX-License-Identifier: MIT */

/* lead.c - beginning to lead, leaving it, changing the set (C6, C8, C18). */
#include "model.h"

void lead_step_down(struct model *the, int n, const char *why)
{
    struct node *a = &the->nodes[n];
    if (a->role != FOLLOWER) {
        model_trace(the, "node %d leaves role %s of epoch %d: %s", n, a->role == LEADER ? "leader" : "candidate",
                    a->epoch, why);
    }
    a->role = FOLLOWER;
    a->handing = 0;
    a->needs_lease = 0;
    a->leads_already = 0;
    for (int x = 0; x < the->count; x++) {
        a->session[x] = 0;
        a->grants[x] = 0;
        a->taken_folder[x] = 0;
    }
    a->lease_end = 0;
}

void lead_begin(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    int keepg = a->leads_already;
    if (!keepg) {
        a->former_set = 0;
    } else if (a->leader_set != a->candidate_set) {
        a->former_set = a->leader_set;
    } else if (a->committed >= a->epoch_sequence) {
        a->former_set = 0;
    }
    a->led_since = clock_of(the, n);
    a->role = LEADER;
    a->leader_set = a->candidate_set;
    a->handing = 0;
    a->needs_lease = a->needs_lease && the->on[C6back] && set_size(a->candidate_set) <= 2 &&
                     set_size(a->needs_set) >= 3 &&
                     a->needs_version == a->topology.version; /* a swap back to three is on its way */
    for (int x = 0; x < the->count; x++) {
        a->matched[x] = 0;
        a->session[x] = 0;
        a->taken_folder[x] = 0;
        if (!keepg) {
            a->grants[x] = 0;
        }
    }
    if (!keepg) {
        a->beats_from = clock_of(the, n);
    } else if (a->beats_from > clock_of(the, n)) {
        a->beats_from = clock_of(the, n);
    }
    model_trace(the, "node %d LEADS epoch %d set %x yes %x log %d (topo v%d)", n, a->epoch, a->leader_set, a->votes,
                a->length, a->candidate_version);
    the->counts.leads++;
    if (keepg) {
        the->counts.same_leader++;
    }
    if (!keepg) {
        a->lease_end = 0;
    }
    follow_close(the, n);
    truth_begin(the, n);
    a->begun_length = a->length;
    struct record r = {(int16_t)a->epoch, (int8_t)n, 1, a->leader_set, ++the->ids, 0};
    if (a->epoch >= EPOCHS_MAX) {
        model_blame(the, "MODEL epoch");
        return;
    }
    if (a->length >= LOG_MAX - 2) {
        model_blame(the, "MODEL log full");
        return;
    }
    disk_append(the, n, r, 1);
    a->epoch_sequence = a->length;
    if (!the->epochs[a->epoch].begun) {
        the->epochs[a->epoch].begun = 1;
        the->epochs[a->epoch].by = n;
        the->epochs[a->epoch].life = a->life;
        the->epochs[a->epoch].length = a->length;
        for (int s = 0; s <= a->length; s++) {
            the->epochs[a->epoch].hash[s] = a->log[s].hash;
        }
    }
    lease_count(the, n);
    disk_sync(the, n);
    commit_count(the, n);
    if (the->strike && !the->calm && the->strike != n + 1) {
        queue_push(the, the->now + dice_between(the, 0, 3 * MS), E_FAULT, 0, 0, 51, n | (the->strike - 1) << 3);
        the->strike = 0;
    }
    if (the->strikes_windows && !the->calm && dice_chance(the, 250)) {
        queue_push(the, the->now + dice_between(the, 0, dice_chance(the, 500) ? 4 * MS : 150 * MS), E_FAULT, 0, 0,
                   dice_chance(the, 500) ? 9 : 10, n);
    }
    queue_after(the, n, 0, E_BEAT, a->epoch, 0);
    queue_after(the, n, 5 * MS, E_PUMP, a->epoch, 0);
}

void lead_change_set(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    int x = the->wish_node;
    if (!the->wish || x == n || a->role != LEADER || a->handing || a->swap_pending ||
        !lease_holds(the, n, clock_of(the, n))) {
        return;
    }
    if (the->on[C18next]) {
        if (a->committed < a->epoch_sequence || a->topology.epoch != a->epoch || a->topology.set != a->leader_set) {
            return;
        }
    } else if (a->topology.epoch != a->epoch) {
        return;
    }
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].stranger && (a->topology.set >> i & 1) && the->wish == 2) {
            return;
        }
    }
    /* the environment's promise: see report */
    int s = a->topology.set;
    if (the->wish == 1) {
        if (s >> x & 1) {
            the->wish = 0;
            return;
        }
        if (the->on[C19] && (!a->session[x] || a->matched[x] < a->length - 3 || a->is_stranger[x])) {
            return;
        }
        s |= 1 << x;
    } else {
        if (!(s >> x & 1) || set_size(s) <= (the->mode == 2 ? 1 : 2)) {
            the->wish = 0;
            return;
        }
        s &= ~(1 << x);
    }
    if (the->on[C6swap] && set_size(s) >= 3 &&
        set_size(a->leader_set) <= 2) { /* needs grants before the swap is sent */
        if (!a->needs_lease) {
            a->needs_lease = 1;
            a->needs_set = (uint8_t)s;
            a->needs_version = -1;
            lease_count(the, n);
        }
        a->needs_set = (uint8_t)s;
        lease_count(the, n);
        if (a->lease_end <= clock_of(the, n)) {
            return;
        }
        a->needs_version = a->topology.version;
    }
    {
        int k = 1;
        for (int i = 0; i < the->count; i++) {
            if (i != n && (s >> i & 1) && a->session[i] && a->matched[i] >= a->length - 10) {
                k++;
            }
        }
        if (the->on[C18follow] && k < set_majority(s)) {
            return;
        }
    }
    model_trace(the, "node %d wants the set %x -> %x", n, a->topology.set, s);
    the->counts.sets++;
    topology_swap(the, n, the->on[C18epoch] ? a->epoch + 1 : a->epoch, n, s);
    the->wish = 0;
}

int lead_may_begin_alone(struct model *the, int n)
{
    /* C6: the leader that the topology names, restarted, with the other one away */
    struct node *a = &the->nodes[n];
    int set = a->topology.set, begun = 0, w;
    if (set_size(set) == 1) {
        return 1;
    }
    if (set_size(set) != 2 || !the->on[C6alone] || (the->on[C6local] && !the->mode_local)) {
        return 0;
    }
    w = __builtin_ctz((unsigned)(set & ~(1 << n)));
    if (the->on[C6two] && clock_of(the, n) - a->heard[w] < 1000 * MS) {
        return 0;
    }
    if (a->promise_leader != n || a->promise_epoch != a->topology.epoch) {
        return 0;
    }
    for (int s = a->synced; s > 0 && !begun; s--) {
        if (a->log[s].kind) {
            begun = a->log[s].epoch == a->promise_epoch && a->log[s].leader == n ? 1 : -1;
        }
    }
    return begun == 1 || !the->on[C6begun];
}
