/* SPDX-License-Identifier: MIT */

/* topology.c - the small document behind compare-and-swap, which may lie. */
#include "model.h"

void topology_take(struct model *the, int n, const struct topology *d)
{
    struct node *a = &the->nodes[n];
    if (d->version > a->topology.version) {
        a->topology = *d;
        a->topology_read = 1;
        /* C18 off: the leader counts by the topology, without an epoch */
        if (!the->on[C18epoch] && a->role == LEADER && d->leader == n && d->epoch == a->epoch) {
            a->leader_set = d->set;
            lease_count(the, n);
            commit_count(the, n);
        }
        if (a->role == CANDIDATE && d->epoch > a->epoch && d->leader != n &&
            !(a->leads_already && the->on[C18keep] && lease_holds(the, n, clock_of(the, n)))) {
            lead_step_down(the, n, "newer topology");
        }
    }
    if (a->topology.leader == n) {
        candidate_begin(the, n);
    }
}

void topology_swap(struct model *the, int n, int epoch, int leader, int set)
{
    struct node *a = &the->nodes[n];
    struct message *m = post_make(the, M_SWAP, n, the->count);
    m->a = a->topology.version;
    m->c = a->life;
    m->topology.epoch = epoch;
    m->topology.leader = leader;
    m->topology.set = (uint8_t)set;
    a->swap_pending = 1;
    a->swap_until = clock_of(the, n) + 300 * MS;
    post_send(the, m, BY_CALL);
}

void topology_put(struct model *the, struct topology d)
{
    d.version = the->topology.version + 1;
    the->topology = d;
    if (the->histories < 2000) {
        the->history[the->histories++] = d;
    }
    model_trace(the, "COORD v%d epoch %d leader %d set %x", d.version, d.epoch, d.leader, d.set);
}
