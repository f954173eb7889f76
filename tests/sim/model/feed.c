/* SPDX-License-Identifier: MIT */

/* feed.c - the side of a stream that gives records, and whether it may take in a stranger (C21). */
#include "model.h"

void feed_pump(struct model *the, int n, int x)
{
    struct node *a = &the->nodes[n];
    if (a->role != LEADER || !a->session[x]) {
        return;
    }
    int k = 0;
    do {
        struct message *m = post_make(the, M_RECORDS, n, x);
        m->session = a->session[x];
        m->epoch = a->epoch;
        m->index = ++a->stream_index[x];
        m->first = a->next[x];
        m->committed = a->committed;
        while (m->n < 4 && a->next[x] <= a->length) {
            m->r[m->n++] = a->log[a->next[x]++];
        }
        post_send(the, m, BY_STREAM);
    } while (a->next[x] <= a->length && ++k < (a->is_stranger[x] ? 1 : 30));
}

int feed_can_take(struct model *the, int n, int x)
{
    struct node *a = &the->nodes[n];
    if (!the->on[C21lease]) {
        return 1;
    }
    if (lease_without(the, n, x) <= clock_of(the, n)) {
        return 0;
    }
    if (set_size(a->leader_set) > 2 && commit_without(the, n, x, set_majority(a->leader_set)) < a->epoch_sequence) {
        return 0;
    }
    return 1;
}
