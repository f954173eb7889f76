/* SPDX-License-Identifier: MIT */

/* lease.c - until when nobody else leads: by the grants of a majority (C3, C6). */
#include "model.h"

/* ---------------------------------------------------------------- invariants */
int lease_holds(struct model *the, int n, int64_t clk)
{
    struct node *a = &the->nodes[n];
    if (a->handing == 2 && the->on[RESlease]) {
        return 0;
    }
    if (set_size(a->leader_set) <= 2 && !a->needs_lease) {
        return 1;
    }
    return a->lease_end > clk;
}

void lease_count(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (a->role == FOLLOWER || a->handing == 2) {
        return;
    }
    int set = a->needs_lease ? a->needs_set : a->leader_set;
    int64_t v[NODES_MAX];
    int k = 0;
    for (int x = 0; x < the->count; x++) {
        if (x != n && (set >> x & 1)) {
            v[k++] = a->grants[x];
        }
    }
    int need = set_majority(set) - ((set >> n & 1) ? 1 : 0);
    if (need <= 0) {
        return;
    }
    for (int i = 0; i < k; i++) {
        for (int j = i + 1; j < k; j++) {
            if (v[j] > v[i]) {
                int64_t t = v[i];
                v[i] = v[j];
                v[j] = t;
            }
        }
    }
    int64_t l = v[need - 1];
    a->lease_end = l;
    if (a->role == LEADER && l > clock_of(the, n)) {
        truth_lease(the, n);
    }
}

int64_t lease_without(struct model *the, int n, int w)
{
    struct node *a = &the->nodes[n];
    int set = a->leader_set;
    int64_t v[NODES_MAX];
    int k = 0;
    if (set_size(set) <= 2) {
        return INT64_MAX;
    }
    for (int x = 0; x < the->count; x++) {
        if (x != n && x != w && (set >> x & 1)) {
            v[k++] = a->grants[x];
        }
    }
    int need = set_majority(set) - 1;
    if (need > k) {
        return 0;
    }
    if (need <= 0) {
        return INT64_MAX;
    }
    for (int i = 0; i < k; i++) {
        for (int j = i + 1; j < k; j++) {
            if (v[j] > v[i]) {
                int64_t t = v[i];
                v[i] = v[j];
                v[j] = t;
            }
        }
    }
    return v[need - 1];
}
