/* SPDX-License-Identifier: MIT */

/* follow.c - the side of a stream that takes records: hello with the table of epochs, acknowledgements (C11, C15). */
#include "model.h"

void follow_close(struct model *the, int n)
{
    the->nodes[n].follow_state = 0;
    the->nodes[n].follow_session = 0;
}

void follow_hello(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    int free_ = a->stranger || !(a->topology.set >> n & 1);
    int t =
        free_ && (a->stranger || a->topology.epoch > a->promise_epoch || !the->on[C19prom])
            ? (a->stranger && a->beat_leader && (a->topology.leader == n || dice_chance(the, 500)) ? a->beat_leader - 1
                                                                                                   : a->topology.leader)
            : a->promise_leader;
    if (t < 0 || t == n || a->role != FOLLOWER || a->raised_epoch || a->storing == 5) {
        return;
    }
    a->follow_session = ++the->sessions;
    a->follow_state = 1;
    a->follow_to = t;
    a->followed_at = clock_of(the, n);
    struct message *m = post_make(the, M_HELLO, n, t);
    m->session = a->follow_session;
    m->at_sequence = a->length;
    m->n = a->synced;
    m->a = a->stranger;
    m->c = a->promise_epoch;
    int o = a->owes_epoch && position_before(position_epoch(the, n), a->synced, a->owes_epoch, a->owes_sequence);
    m->at_epoch = o ? a->owes_epoch : position_epoch(the, n);
    m->n = a->synced;
    m->index = o ? a->owes_sequence : a->synced; /* what it has, or owes; nothing is acknowledged until START */
    a->hello_epoch = m->at_epoch;
    a->hello_sequence = m->index;
    m->table = memory_alloc(sizeof(struct table_row) * (LOG_MAX + 1));
    m->tab_count = 0;
    for (int s = 1; s <= a->length; s++) {
        if (s == 1 || a->log[s].epoch != a->log[s - 1].epoch || a->log[s].leader != a->log[s - 1].leader) {
            m->table[m->tab_count++] = (struct table_row){a->log[s].epoch, a->log[s].leader, (int16_t)s};
        }
    }
    post_send(the, m, BY_STREAM);
    if (!the->on[C11checked]) {
        follow_ack(the, n);
    }
}

int follow_common(struct model *the, int n, const struct message *m)
{
    struct node *a = &the->nodes[n];
    struct table_row lt[LOG_MAX + 1];
    int nl = 0, c = 0;
    for (int s = 1; s <= a->length; s++) {
        if (s == 1 || a->log[s].epoch != a->log[s - 1].epoch || a->log[s].leader != a->log[s - 1].leader) {
            lt[nl++] = (struct table_row){a->log[s].epoch, a->log[s].leader, (int16_t)s};
        }
    }
    for (int i = 0; i < nl && i < m->tab_count; i++) {
        if (lt[i].epoch != m->table[i].epoch || lt[i].first != m->table[i].first ||
            (the->on[C9] && lt[i].leader != m->table[i].leader)) {
            break;
        }
        int fe = i + 1 < m->tab_count ? m->table[i + 1].first - 1 : m->at_sequence,
            le = i + 1 < nl ? lt[i + 1].first - 1 : a->length;
        c = fe < le ? fe : le;
        if (fe != le) {
            break;
        }
    }
    return c;
}

void follow_ack(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (!the->on[C11checked] && a->follow_state == 1) {
        struct message *m = post_make(the, M_ACK, n, a->follow_to);
        m->session = a->follow_session;
        m->epoch = a->promise_epoch;
        m->n = a->synced;
        m->a = a->stranger;
        post_send(the, m, BY_STREAM);
        return;
    }
    if (a->follow_state != 2) {
        return;
    }
    if (a->raised_epoch > a->follow_epoch && the->on[C7order] && the->on[C7stand]) {
        return;
    }
    /* what was in a sync was not acknowledged, and will not be */
    struct message *m = post_make(the, M_ACK, n, a->follow_to);
    m->session = a->follow_session;
    m->epoch = a->follow_epoch;
    int c = a->synced < a->checked || !the->on[C11checked] ? a->synced : a->checked;
    m->n = c;
    m->a = a->stranger;
    post_send(the, m, BY_STREAM);
}
