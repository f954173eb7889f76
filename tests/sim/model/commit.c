/* SPDX-License-Identifier: MIT */

/* commit.c - what a majority has synced, in the own epoch (C11). */
#include "model.h"

int commit_without(struct model *the, int n, int without, int of)
{
    struct node *a = &the->nodes[n];
    int v[NODES_MAX], k = 0;
    for (int x = 0; x < the->count; x++) {
        if (x != without && (a->leader_set >> x & 1)) {
            v[k++] = x == n ? a->synced : a->matched[x];
        }
    }
    int need = of;
    if (need > k) {
        return 0;
    }
    for (int i = 0; i < k; i++) {
        for (int j = i + 1; j < k; j++) {
            if (v[j] > v[i]) {
                int t = v[i];
                v[i] = v[j];
                v[j] = t;
            }
        }
    }
    return v[need - 1];
}

void commit_count(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (a->role != LEADER) {
        return;
    }
    int c = commit_without(the, n, -1, set_majority(a->leader_set));
    if (c > a->length) {
        c = a->length;
    }
    if (c > a->committed && (c >= a->epoch_sequence || !the->on[C11epoch])) {
        a->committed = c;
        truth_keep(the, n, c, 4, a->epoch);
    }
}
