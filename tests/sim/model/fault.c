/* SPDX-License-Identifier: MIT */

/* fault.c - what befalls nodes and wires at random. */
#include "model.h"

static void cut_wires(struct model *the, int x, int y)
{
    int64_t d;
    if (x == y) {
        return;
    }
    d = dice_between(the, 50, 2000) * MS;
    the->cut[x][y] = the->now + d;
    if (dice_chance(the, 500)) {
        the->cut[y][x] = the->now + d;
    }
    model_trace(the, "FAULT cut %d-%d %d ms", x, y, (int)(d / MS));
}

static void slow_wires(struct model *the, int x, int y)
{
    int64_t d;
    if (x == y) {
        return;
    }
    d = dice_between(the, 50, 2000) * MS;
    if (dice_chance(the, 500)) {
        the->slow[x][y] = the->now + d;
    } else {
        the->slow[y][x] = the->now + d;
    }
    model_trace(the, "FAULT slow %d-%d", x, y);
}

static void pause_one(struct model *the, int x)
{
    int64_t d;
    if (the->nodes[x].up) {
        d = dice_between(the, 20, 1800) * MS;
        the->nodes[x].paused = the->now + d;
        model_trace(the, "FAULT pause %d for %d ms", x, (int)(d / MS));
    }
}

static void crash_one(struct model *the, int x)
{
    if (dice_chance(the, 300)) {
        for (int i = 0; i < the->count; i++) {
            if (the->nodes[i].up && the->nodes[i].storing) {
                x = i;
            }
        }
    }
    if (the->nodes[x].up) {
        model_trace(the, "FAULT crash %d", x);
        process_crash(the, x);
        queue_push(the, the->now + (dice_chance(the, 400) ? dice_between(the, 2, 60) : dice_between(the, 5, 1500)) * MS,
                   E_RESTART, x, the->nodes[x].life, 0, 0);
    }
}

static void replace_one(struct model *the, int x)
{
    int ok = 0, set = the->topology.set;
    for (int i = 0; i < the->count; i++) {
        if (i != x && (set >> i & 1) && !the->nodes[i].stranger && the->nodes[i].synced > 0) {
            ok++;
        }
    }
    /* at most as many at once as the set survives, by every set that may count */
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].swap_pending || the->now < the->wished_at + 5000 * MS || the->nodes[i].wants_full_sync ||
            the->nodes[i].owes_epoch) {
            ok = 0;
        }
    }
    {
        int l = -1;
        for (int i = 0; i < the->count; i++) {
            if (the->nodes[i].up &&
                (the->nodes[i].role == LEADER || (the->nodes[i].role == CANDIDATE && the->nodes[i].leads_already)) &&
                (l < 0 || the->nodes[i].epoch > the->nodes[l].epoch)) {
                l = i;
            }
        }
        if (l >= 0 && (set >> x & 1) && !(the->nodes[l].leader_set >> x & 1) && the->nodes[l].up &&
            the->topology.leader == l && set_size(the->nodes[l].leader_set) >= 1) {
            int g = 1;
            for (int i = 0; i < the->count; i++) {
                if (the->nodes[i].stranger) {
                    g = 0;
                }
            }
            if (g && the->mode == 2 && dice_chance(the, 700)) {
                model_trace(the, "the joining one is wiped");
                the->wiped = l + 1;
                the->wiped_set = the->nodes[l].leader_set;
                process_crash(the, x);
                process_replace(the, x);
                queue_push(the, the->now + dice_between(the, 5, 600) * MS, E_RESTART, x, the->nodes[x].life, 0, 0);
                return;
            }
        }
    }
    if (the->nodes[x].up && set_size(set) >= 3 && (set >> x & 1) && !the->nodes[x].stranger &&
        ok >= set_majority(set) && ok == set_size(set & ~(1 << x))) {
        process_crash(the, x);
        process_replace(the, x);
        queue_push(the, the->now + dice_between(the, 5, 600) * MS, E_RESTART, x, the->nodes[x].life, 0, 0);
    }
}

static void slow_disk(struct model *the, int x)
{
    the->nodes[x].slowdisk = the->now + dice_between(the, 50, 2000) * MS;
    model_trace(the, "FAULT slow disk %d", x);
}

static void cut_streams(struct model *the, int x, int y)
{
    int64_t d;
    if (x == y || y == the->count) {
        return;
    }
    d = dice_between(the, 50, 2000) * MS;
    the->stream_cut[x][y] = the->now + d;
    model_trace(the, "FAULT stream %d-%d cut", x, y);
}

/* all others crash and are back at once, the leader is cut off */
static void crash_all_but(struct model *the, int x)
{
    int64_t d;

    if (!the->nodes[x].up) {
        return;
    }
    int half = dice_chance(the, 500);
    d = dice_between(the, 200, 1500) * MS;
    for (int i = 0; i < the->count; i++) {
        if (i != x) {
            if (the->nodes[i].up && (!half || dice_chance(the, 500))) {
                process_crash(the, i);
                queue_push(the, the->now + dice_between(the, 2, 40) * MS, E_RESTART, i, the->nodes[i].life, 0, 0);
            }
            if (dice_chance(the, 700)) {
                the->cut[i][x] = the->cut[x][i] = the->now + d;
            }
        }
    }
    model_trace(the, "FAULT all but %d crash", x);
}

/* beats are cut, streams work, disks are slow */
static void cut_beats(struct model *the, int x)
{
    int64_t d;

    d = dice_between(the, 200, 2000) * MS;
    for (int i = 0; i < the->count; i++) {
        if (i != x && dice_chance(the, 700)) {
            the->beat_cut[x][i] = the->now + d;
            if (dice_chance(the, 600)) {
                the->nodes[i].slowdisk = the->now + d;
            }
        }
    }
    model_trace(the, "FAULT beats of %d cut", x);
}

static void choose_controllers(struct model *the, int x)
{
    the->controllers = 1 << x;
    if (dice_chance(the, 300)) {
        the->controllers |= 1 << (int)dice_between(the, 0, the->count - 1);
    }
    model_trace(the, "FAULT controllers %x", the->controllers);
}

static void name_another(struct model *the, int x)
{
    struct topology d2 = the->topology;
    int hp = the->topology.epoch;
    if (dice_chance(the, 600)) {
        for (int i = 0; i < the->count; i++) {
            if (the->nodes[i].promise_epoch > hp) {
                hp = the->nodes[i].promise_epoch;
            }
        }
    }
    d2.epoch = hp + 1;
    d2.leader = x;
    if (!(d2.set >> x & 1) || set_size(d2.set) <= 2) {
        return;
    }
    topology_put(the, d2);
    struct message *m = post_make(the, M_TOPOLOGY, the->count, x);
    m->c = -1;
    m->topology = the->topology;
    post_send(the, m, BY_CALL);
    if (dice_chance(the, 500)) {
        int z = (int)dice_between(the, 0, the->count - 1);
        if (z != x && (the->topology.set >> z & 1)) {
            m = post_make(the, M_TOPOLOGY, the->count, z);
            m->c = -1;
            m->topology = the->topology;
            m->topology.leader = z;
            model_trace(the, "COORD lies: epoch %d to %d too", the->topology.epoch, z);
            post_send(the, m, BY_CALL);
        }
    }
}

static void hand_over(struct model *the, int x)
{
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && !the->nodes[i].handing &&
            the->nodes[i].committed >= the->nodes[i].epoch_sequence && (the->nodes[i].leader_set >> x & 1) && x != i &&
            set_size(the->nodes[i].leader_set) >= 2 && lease_holds(the, i, clock_of(the, i))) {
            the->nodes[i].handing = 1;
            the->nodes[i].heir = x;
            the->nodes[i].handing_until = clock_of(the, i) + 250 * MS;
            model_trace(the, "node %d hands over to %d", i, x);
        }
    }
}

static void isolate(struct model *the, int x)
{
    int64_t d;
    int how = (int)dice_between(the, 1, 3);
    d = dice_between(the, 100, 2500) * MS;
    int co = dice_chance(the, 500);
    for (int i = 0; i <= the->count; i++) {
        if (i != x && (i < the->count || co || how == 3)) {
            if (how & 1) {
                the->cut[x][i] = the->now + d;
            }
            if (how & 2) {
                the->cut[i][x] = the->now + d;
            }
        }
    }
    model_trace(the, "FAULT isolate %d how %d for %d", x, how, (int)(d / MS));
}

static void wish_for_a_set(struct model *the, int x)
{
    the->wish = dice_chance(the, 500) ? 1 : 2;
    the->wish_node = (int)dice_between(the, 0, the->count - 1);
    the->wished_at = the->now;
    if (dice_chance(the, 300)) {
        isolate(the, x);
    }
    /* the change is cut off in the middle */
}

static void want_full_sync(struct model *the, int x)
{
    /* x must take a full sync */
    int w = (set_size(the->topology.set) - 1) / 2;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].owes_epoch && dice_chance(the, 400)) {
            x = i;
        }
    }
    /* once more, while it still owes */
    if (!the->nodes[x].up || the->nodes[x].stranger ||
        process_frail(the) - (the->nodes[x].owes_epoch != 0) >= (w > 1 ? w : 1)) {
        return;
    }
    model_trace(the, "FAULT node %d must take a full sync", x);
    the->nodes[x].wants_full_sync = 1;
    if (the->nodes[x].role == FOLLOWER) {
        follow_close(the, x);
    }
}

/* a partition in two, the leader's side kept small */
static void part(struct model *the, int x)
{
    int64_t d;

    d = dice_between(the, 200, 2500) * MS;
    int side = 1 << x;
    for (int i = 0; i < the->count; i++) {
        if (set_size(side) < (the->count - 1) / 2 && dice_chance(the, 500)) {
            side |= 1 << i;
        }
    }
    for (int i = 0; i < the->count; i++) {
        for (int j = 0; j < the->count; j++) {
            if ((side >> i & 1) != (side >> j & 1)) {
                the->cut[i][j] = the->now + d;
            }
        }
    }
    model_trace(the, "FAULT partition %x for %d", side, (int)(d / MS));
}

void fault_strike(struct model *the)
{
    int k = 0, r = (int)dice_between(the, 0, the->fault_weight - 1);
    while (r >= the->fault_weights[k]) {
        r -= the->fault_weights[k];
        k++;
    }
    int x = (int)dice_between(the, 0, the->count - 1), y = (int)dice_between(the, 0, the->count);
    if (k != 4 && k != 6 && dice_chance(the, 400)) {
        for (int i = 0; i < the->count; i++) {
            if (the->nodes[i].up && the->nodes[i].role != FOLLOWER) {
                x = i;
            }
        }
    }
    switch (k) {
    case 0:
        cut_wires(the, x, y);
        break;
    case 1:
        slow_wires(the, x, y);
        break;
    case 2:
        pause_one(the, x);
        break;
    case 3:
        crash_one(the, x);
        break;
    case 4:
        replace_one(the, x);
        break;
    case 5:
        slow_disk(the, x);
        break;
    case 12:
        cut_streams(the, x, y);
        break;
    case 13:
        crash_all_but(the, x);
        break;
    case 14:
        cut_beats(the, x);
        break;
    case 6:
        choose_controllers(the, x);
        break;
    case 7:
        name_another(the, x);
        break;
    case 8:
        hand_over(the, x);
        break;
    case 9:
        wish_for_a_set(the, x);
        break;
    case 10:
        isolate(the, x);
        break;
    case 15:
        want_full_sync(the, x);
        break;
    case 11:
        part(the, x);
        break;
    }
}
