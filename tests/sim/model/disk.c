/* SPDX-License-Identifier: MIT */

/* disk.c - a log that is appended to and synced, and cluster.state, which takes a while to store. */
#include "model.h"

void disk_append(struct model *the, int n, struct record r, int fresh)
{
    struct node *a = &the->nodes[n];
    if (a->length >= LOG_MAX) {
        model_blame(the, "MODEL log full");
        return;
    }
    int s = ++a->length;
    r.hash = (a->log[s - 1].hash ^ (uint64_t)r.id) * 0x9E3779B97F4A7C15u;
    r.hash ^= r.hash >> 29;
    a->log[s] = r;
    if (r.epoch >= EPOCHS_MAX) {
        model_blame(the, "MODEL epoch");
        return;
    }
    if (r.epoch > the->last_epoch) {
        the->last_epoch = r.epoch;
    }
    if (fresh) {
        if (the->epochs[r.epoch].begun && (the->epochs[r.epoch].by != n || the->epochs[r.epoch].life != a->life)) {
            model_blame(the, "I3 two writers of epoch %d: node %d and node %d%s", r.epoch, the->epochs[r.epoch].by, n,
                        the->epochs[r.epoch].by == n ? " (restarted)" : "");
        }
    }
    if (!the->named[r.epoch][r.leader][s].id) {
        the->named[r.epoch][r.leader][s].id = r.id;
        the->named[r.epoch][r.leader][s].hash = r.hash;
    } else if (the->named[r.epoch][r.leader][s].id != r.id) {
        model_blame(the, "I3 (epoch %d, leader %d, seq %d) names two records", r.epoch, r.leader, s);
    } else if (the->named[r.epoch][r.leader][s].hash != r.hash) {
        model_blame(the, "I5 logs agree at (epoch %d, leader %d, seq %d), not before it (node %d)", r.epoch, r.leader,
                    s, n);
    }
}

/* ---------------------------------------------------------------- disk */
void disk_sync(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (a->syncing || a->length <= a->synced) {
        return;
    }
    a->syncing = 1;
    a->target = a->length;
    int64_t d = dice_between(the, 200, 1500);
    if (a->slowdisk > the->now) {
        d = dice_between(the, 200, the->slowest_sync);
    }
    queue_after(the, n, d, E_SYNC, a->generation, a->length);
}

void disk_store(struct model *the, int n, int kind)
{
    struct node *a = &the->nodes[n];
    a->storing = kind;
    int64_t d = dice_between(the, 200, 1500);
    if (a->slowdisk > the->now) {
        d = dice_between(the, 200, the->slowest_sync);
    }
    queue_after(the, n, d, E_STORE, kind, 0);
    if (the->strikes_windows && !the->calm && dice_chance(the, 120)) {
        queue_push(the, the->now + dice_between(the, 0, 2 * d), E_FAULT, 0, 0, 9, n);
    }
}
