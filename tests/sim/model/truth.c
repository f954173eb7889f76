/* SPDX-License-Identifier: MIT */

/* truth.c - what must hold, known outside of the nodes: kept records, leases, who may begin. */
#include "model.h"

void truth_lease(struct model *the, int n)
{
    for (int x = 0; x < the->count; x++) {
        if (x != n && the->nodes[x].up && the->nodes[x].role == LEADER && lease_holds(the, x, clock_of(the, x)) &&
            the->nodes[n].role == LEADER && lease_holds(the, n, clock_of(the, n))) {
            model_blame(the, "I2a two leases at once: node %d epoch %d, node %d epoch %d", n, the->nodes[n].epoch, x,
                        the->nodes[x].epoch);
        }
    }
}

void truth_keep(struct model *the, int n, int seq, int flag, int epoch)
{
    struct node *a = &the->nodes[n];
    if (the->mode_local) {
        return;
    }
    if (seq > a->length) {
        model_blame(the, "MODEL keep");
        return;
    }
    int c = seq < the->truth_top ? seq : the->truth_top;
    if (c > 0 && a->log[c].hash != the->truth_hash[c]) {
        int w = 0, at_ = 0;
        for (int s = 1; s <= the->truth_top; s++) {
            if (s > a->length || a->log[s].hash != the->truth_hash[s]) {
                w |= the->truth_flags[s];
                if (!at_) {
                    at_ = s;
                }
            }
        }
        model_blame(the, "%s node %d epoch %d %s seq %d, differs from what was kept from %d on (%s%s%s)",
                    w & 1   ? "I1"
                    : w & 2 ? "I6"
                            : "I4",
                    n, epoch,
                    flag & 1   ? "acks"
                    : flag & 2 ? "shows"
                               : "commits",
                    seq, at_, w & 1 ? "acked " : "", w & 2 ? "shown " : "", w & 4 ? "committed" : "");
        return;
    }
    for (int s = the->truth_top + 1; s <= seq; s++) {
        the->truth_hash[s] = a->log[s].hash;
        the->truth_flags[s] = 0;
        the->truth_epoch[s] = epoch;
    }
    for (int s = seq; s >= 1 && (the->truth_flags[s] & flag) != flag; s--) {
        the->truth_flags[s] |= (uint8_t)flag;
    }
    if (seq > the->truth_top) {
        for (int e = epoch + 1; e <= the->last_epoch; e++) {
            if (the->epochs[e].begun && (the->epochs[e].length < seq || the->epochs[e].hash[seq] != a->log[seq].hash)) {
                model_blame(the, "%s node %d epoch %d %s seq %d, but leader %d of epoch %d has begun without it",
                            flag & 1   ? "I1"
                            : flag & 2 ? "I6"
                                       : "I4",
                            n, epoch,
                            flag & 1   ? "acks"
                            : flag & 2 ? "shows"
                                       : "commits",
                            seq, the->epochs[e].by, e);
            }
        }
        the->truth_top = seq;
    }
    if ((flag & 3) && seq > the->kept) {
        the->kept = seq;
    }
}

void truth_begin(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (the->mode_local) {
        return;
    }
    int top = the->truth_top;
    while (top > 0 && the->truth_epoch[top] >= a->epoch) {
        top--;
    }
    if (top && (a->length < top || a->log[top].hash != the->truth_hash[top])) {
        int w = 0, f = 0;
        for (int s = 1; s <= top; s++) {
            if (s > a->length || a->log[s].hash != the->truth_hash[s]) {
                w |= the->truth_flags[s];
                if (!f) {
                    f = s;
                }
            }
        }
        model_blame(the, "%s node %d begins epoch %d without seq %d.. (%s%s%s)",
                    w & 1   ? "I1"
                    : w & 2 ? "I6"
                            : "I4",
                    n, a->epoch, f, w & 1 ? "acked " : "", w & 2 ? "shown " : "", w & 4 ? "committed" : "");
    }
}
