/* SPDX-License-Identifier: MIT */

/* process.c - what outlives a crash, what a full sync leaves, what a replaced disk forgets. */
#include "model.h"

void process_promise(struct model *the, int n, int e, int l, int st)
{
    struct node *a = &the->nodes[n];
    a->promise_epoch = a->disk_epoch = e;
    a->promise_leader = a->disk_leader = l;
    a->promise_start = a->disk_start = st;
}

void process_exchange_done(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    int e = a->hello_epoch, s = a->hello_sequence;
    if (!the->on[C17floor]) {
        e = position_epoch(the, n);
        s = a->synced;
    }
    /* it forgets what it owed before */
    model_trace(the, "node %d full sync: (%d,%d) -> cut %d", n, e, s, a->exchange_cut);
    a->owes_epoch = e;
    a->owes_sequence = s;
    memcpy(a->log, a->exchange_log, sizeof a->log);
    a->length = a->synced = a->published = a->exchange_cut;
    a->generation++;
    a->syncing = 0;
    a->known = 0;
    a->wants_full_sync = 0;
    follow_close(the, n);
    if (!the->on[C17owes] || !position_owes(the, n)) {
        a->owes_epoch = a->owes_sequence = 0;
    } else {
        the->counts.owes++;
    }
    the->counts.full_syncs++;
    if (the->story == 11 && !the->calm && a->follow_to >= 0) {
        queue_push(the, the->now + dice_between(the, 0, 3 * MS), E_FAULT, 0, 0, 9, a->follow_to);
    }
    if ((the->story == 9 || the->story == 12) && !the->calm && a->follow_to >= 0) {
        queue_push(the, the->now + dice_between(the, 0, 3 * MS), E_FAULT, 0, 0, 92, a->follow_to);
    }
}

void process_crash(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    if (the->wiped == n + 1 && a->leader_set == the->wiped_set) {
        return;
    }
    /* open on the page: the leader restarts while the one that joins is wiped */
    a->up = 0;
    a->life = ++the->lives;
    int keep_ = a->synced + (a->length > a->synced ? (int)dice_between(the, 0, a->length - a->synced) : 0),
        k = dice_chance(the, 500) ? a->storing : 0;
    a->length = a->synced = a->published = keep_;
    a->generation++;
    a->syncing = 0;
    if (k == 1 && the->on[C7store]) {
        process_promise(the, n, a->raised_epoch, a->raised_leader, a->raised_start);
        if (a->raised_version > a->topology_acted) {
            a->topology_acted = a->raised_version;
        }
    } else if (k == 2) {
        a->longest_lease = a->wanted_lease;
    } else if (k == 3) {
        a->stranger = 0;
        process_promise(the, n, a->raised_by, a->raised_leader, a->raised_start);
    } else if (k == 4) {
        process_promise(the, n, a->join_epoch, a->join_leader, a->join_start);
    } else if (k == 5) {
        process_exchange_done(the, n);
    } else if (a->storing == 5) {
        a->owes_epoch = a->owed_epoch;
        a->owes_sequence = a->owed_sequence;
    }
    /* the exchange had not begun on the disk */
    a->storing = 0;
    process_promise(the, n, a->disk_epoch, a->disk_leader, a->disk_start);
    if (a->owes_epoch && !position_owes(the, n)) {
        a->owes_epoch = a->owes_sequence = 0;
    }
    a->alone_epoch = 0;
    a->role = FOLLOWER;
    a->raised_epoch = 0;
    a->granted_to = -1;
    a->granted_until = 0;
    a->follow_state = 0;
    a->committed = 0;
    a->known = 0;
    a->handing = 0;
    a->needs_lease = 0;
    a->reading = 0;
    a->swap_pending = 0;
    a->leads_already = 0;
    for (int x = 0; x < NODES_MAX; x++) {
        a->grants[x] = 0;
        a->matched[x] = 0;
        a->session[x] = 0;
        a->taken_folder[x] = 0;
        a->seen_folder[x] = 0;
    }
    a->topology = (struct topology){0, 0, -1, 0};
    if (!the->on[C7dur]) {
        a->topology_acted = 0;
    }
    a->lease_end = 0;
    a->ask_round = 0;
    a->paused = 0;
    a->newest_beat = 0;
    a->beats_from = 0;
    a->leader_set = 0;
    a->ask_again_at = 0;
    a->swap_until = 0;
    a->back_since = 0;
    a->followed_at = 0;
    a->topology_read = 0;
    a->handing_until = 0;
}

void process_start(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    a->up = 1;
    a->life = ++the->lives;
    a->clock_offset = dice_between(the, 0, 100000 * MS);
    int64_t c = clock_of(the, n);
    a->says_no_until = c + a->longest_lease;
    a->beats_from = c;
    a->turn_clock = c;
    for (int x = 0; x < the->count; x++) {
        a->known_folder[x] = the->nodes[x].folder;
        a->heard[x] = c;
    }
    model_trace(the, "node %d starts: log %d promise (%d,%d) fold %d%s", n, a->length, a->promise_epoch,
                a->promise_leader, a->folder, a->stranger ? " STRANGER" : "");
    queue_after(the, n, dice_between(the, 0, 5 * MS), E_READ, 0, 0);
    queue_after(the, n, dice_between(the, 0, 50 * MS), E_FOLLOW, 0, 0);
    queue_after(the, n, dice_between(the, 0, 30 * MS), E_TURN_BEGIN, 0, 0);
    queue_after(the, n, dice_between(the, 0, 100 * MS), E_CONTROLLER, 0, 0);
}

void process_replace(struct model *the, int n)
{
    struct node *a = &the->nodes[n];
    a->length = a->synced = 0;
    process_promise(the, n, 0, -1, 0);
    a->published = a->owes_epoch = a->owes_sequence = a->wants_full_sync = 0;
    a->topology_acted = 0;
    a->longest_lease = the->on[C5fresh] ? 0 : the->lease_us;
    a->folder = ++the->folders;
    a->stranger = the->on[C21] ? 1 : 0;
    a->known = 0;
    model_trace(the, "node %d: DISK REPLACED", n);
    the->counts.replaced++;
}

int process_frail(struct model *the)
{
    /* replicas that do not have what they should have */
    int k = 0;
    for (int i = 0; i < the->count; i++) {
        k += the->nodes[i].stranger || the->nodes[i].wants_full_sync || the->nodes[i].owes_epoch;
    }
    return k;
}
