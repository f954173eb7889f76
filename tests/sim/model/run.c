/* SPDX-License-Identifier: MIT */

/* run.c - one run: its random circumstances, its faults, and whether all is well afterwards. */
#include "model.h"

#include <stdio.h>

int run_is_well(struct model *the, char *why)
{
    int l = -1, alone = the->mode_local && the->dead >= 0;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].role == LEADER &&
            (alone ? the->nodes[i].synced : the->nodes[i].committed) >= the->nodes[i].epoch_sequence &&
            lease_holds(the, i, clock_of(the, i)) && (the->topology.set >> i & 1)) {
            if (l >= 0) {
                sprintf(why, "two leaders %d %d", l, i);
                return 0;
            }
            l = i;
        }
    }
    if (l < 0) {
        sprintf(why, "no leader");
        return 0;
    }
    if (the->nodes[l].committed != the->nodes[l].length && !(alone && set_size(the->nodes[l].leader_set) == 2)) {
        sprintf(why, "leader %d: committed %d of %d", l, the->nodes[l].committed, the->nodes[l].length);
        return 0;
    }
    for (int i = 0; i < the->count; i++) {
        if ((the->nodes[l].leader_set >> i & 1) && i != the->dead) {
            if (the->nodes[i].stranger || the->nodes[i].length != the->nodes[l].length ||
                the->nodes[i].log[the->nodes[i].length].hash != the->nodes[l].log[the->nodes[l].length].hash ||
                (i != l && the->nodes[i].follow_state != 2)) {
                sprintf(why, "node %d does not follow %d%s", i, l, the->nodes[i].stranger ? " (stranger)" : "");
                return 0;
            }
        }
    }
    return 1;
}

bool model_run(struct model *the, uint64_t seed)
{
    the->dice = seed * 0x9E3779B97F4A7C15u + 0x1234567;
    for (int i = 0; i < 8; i++) {
        dice_next(the);
    }
    for (int e = 0; e <= the->last_epoch; e++) {
        the->epochs[e].begun = 0;
        memset(the->named[e], 0, sizeof the->named[e]);
    }
    for (int i = 0; i < the->events; i++) {
        if (the->heap[i].type == E_MSG) {
            memory_free(the->pool[the->heap[i].a].table);
            memory_free(the->pool[the->heap[i].a].snapshot);
            the->pool[the->heap[i].a].table = NULL;
            the->pool[the->heap[i].a].snapshot = NULL;
        }
    }
    the->events = 0;
    the->free_message = -1;
    the->messages = 0;
    the->now = 0;
    the->event_number = 0;
    the->violated = 0;
    memset(the->nodes, 0, sizeof the->nodes);
    memset(the->cut, 0, sizeof the->cut);
    memset(the->stream_cut, 0, sizeof the->stream_cut);
    memset(the->beat_cut, 0, sizeof the->beat_cut);
    memset(the->slow, 0, sizeof the->slow);
    memset(the->last_delivery, 0, sizeof the->last_delivery);
    memset(the->truth_flags, 0, sizeof the->truth_flags);
    memset(the->truth_hash, 0, sizeof the->truth_hash);
    the->truth_top = the->kept = 0;
    the->strike = 0;
    the->ids = the->sessions = the->folders = the->lives = 0;
    the->last_epoch = 0;
    the->wish = 0;
    the->histories = 0;
    the->calm = 0;
    the->dead = -1;
    the->wiped = 0;
    the->story_leader = 0;
    the->count = the->mode == 2 ? 3 : the->mode;
    int set0 = the->mode == 3 ? 7 : the->mode == 2 ? (dice_chance(the, 500) ? 3 : 1) : (dice_chance(the, 600) ? 31 : 7);
    the->mode_local = dice_chance(the, the->mode == 2 ? 250 : 50);
    the->strikes_windows = dice_chance(the, 400);
    the->slowest = dice_between(the, 5, 1200) * MS;
    the->slowest_sync = dice_between(the, 5, 900) * MS;
    the->loss = dice_chance(the, 300) ? (int)dice_between(the, 1, 100) : 0;
    the->lies_now = the->lies && dice_chance(the, 500);
    the->reorders_beats = !the->on[RESorder] || the->lies == 2 ? dice_chance(the, 500) : 0;
    memset(the->fault_weights, 0, sizeof the->fault_weights);
    for (int i = 0; i < 7; i++) {
        the->fault_weights[i] = dice_chance(the, 600) ? (int)dice_between(the, 1, 10) : 0;
    }
    the->fault_weights[3] = the->fault_weights[3] / 2;
    the->fault_weights[4] = the->fault_weights[4] / 2;
    the->fault_weights[7] = the->lies && dice_chance(the, 500) ? (int)dice_between(the, 1, 10) : 0;
    the->fault_weights[8] = dice_chance(the, 400) ? (int)dice_between(the, 1, 8) : 0;
    the->fault_weights[9] = the->mode != 3 && dice_chance(the, 700) ? (int)dice_between(the, 1, 12) : 0;
    the->fault_weights[6]++;
    the->fault_weights[10] = dice_chance(the, 600) ? (int)dice_between(the, 1, 10) : 0;
    the->fault_weights[13] = dice_chance(the, 350) ? (int)dice_between(the, 1, 6) : 0;
    the->fault_weights[14] = dice_chance(the, 400) ? (int)dice_between(the, 1, 8) : 0;
    the->fault_weights[12] = dice_chance(the, 400) ? (int)dice_between(the, 1, 6) : 0;
    the->fault_weights[11] = dice_chance(the, 500) ? (int)dice_between(the, 1, 8) : 0;
    the->fault_weights[15] = dice_chance(the, 400) ? (int)dice_between(the, 1, 10) : 0;
    the->store_fails = dice_chance(the, 300) ? (int)dice_between(the, 1, 200) : 0;
    the->wished_at = -10000 * MS;
    the->fault_weight = 0;
    for (int i = 0; i < 16; i++) {
        the->fault_weight += the->fault_weights[i];
    }
    int64_t fint = dice_between(the, 20, 400) * MS;
    the->faults_until = dice_between(the, 1500, 8000) * MS;
    the->writes_until = the->faults_until + 3000 * MS;
    the->ends_at = the->faults_until + (the->safety_only ? 1000 : 20000) * MS;
    the->controllers = 1 << (int)dice_between(the, 0, the->count - 1);
    the->topology = (struct topology){1, 1, 0, (uint8_t)set0};
    the->history[the->histories++] = the->topology;
    for (int i = 0; i < the->count; i++) {
        struct node *a = &the->nodes[i];
        a->clock_rate = (int)(the->fastest_clock > 1000 ? dice_between(the, 0, 1) ? 1000 : the->fastest_clock : 1000);
        if (the->fastest_clock < 0) {
            a->clock_rate = dice_chance(the, 500) ? 1000 + the->fastest_clock : 1000 - the->fastest_clock;
        }
        a->folder = ++the->folders;
        a->promise_leader = a->disk_leader = -1;
        a->granted_to = -1;
        a->topology.leader = -1;
        a->longest_lease = the->lease_us;
    }
    for (int i = 0; i < the->count; i++) {
        process_start(the, i);
        the->nodes[i].says_no_until = 0;
    }
    queue_push(the, 800 * MS, E_FAULT, 0, 0, 0, 0);
    if (the->story > 1) {
        fint = 3000 * MS;
        for (int k = 0; k < (the->story == 12 ? 1 : 3); k++) {
            queue_push(the, dice_between(the, 700 + 1800 * k, 1500 + 1800 * k) * MS, E_FAULT, 0, 0, the->story * 10, 0);
        }
        the->faults_until = 7000 * MS;
    }
    if (the->story == 1) {
        the->faults_until = 6000 * MS;
        fint = 2000 * MS;
        queue_push(the, dice_between(the, 700, 1500) * MS, E_FAULT, 0, 0, 1, 0);
        if (dice_chance(the, 500)) {
            queue_push(the, dice_between(the, 2500, 3500) * MS, E_FAULT, 0, 0, 1, 0);
        }
    }
    the->writes_until = the->faults_until + 3000 * MS;
    the->ends_at = the->faults_until + (the->safety_only ? 1000 : 20000) * MS;
    char why[100] = "";
    int64_t nextchk = the->faults_until + 3000 * MS;
    int live = 0;
    while (the->events && !the->violated) {
        struct event v = queue_pop(the);
        the->now = v.t;
        if (the->now > the->ends_at) {
            break;
        }
        the->steps++;
        if (!the->calm && the->now >= the->faults_until) {
            the->calm = 1;
            memset(the->cut, 0, sizeof the->cut);
            memset(the->stream_cut, 0, sizeof the->stream_cut);
            memset(the->beat_cut, 0, sizeof the->beat_cut);
            memset(the->slow, 0, sizeof the->slow);
            the->loss = 0;
            the->lies_now = 0;
            the->controllers = 1 << (int)dice_between(the, 0, the->count - 1);
            the->wish = 0;
            for (int i = 0; i < the->count; i++) {
                the->nodes[i].paused = 0;
                the->nodes[i].slowdisk = 0;
            }
            model_trace(the, "FAULTS END");
            if (the->lies) {
                topology_put(the, the->topology);
            }
            the->dead = -1;
            if (dice_chance(the, 300) || the->story_leader) { /* one stays away for ever, if the set survives it */
                int x = the->story_leader ? the->story_leader - 1 : (int)dice_between(the, 0, the->count - 1),
                    ok = the->now > the->wished_at + 5000 * MS && (the->topology.set >> x & 1) &&
                         !the->nodes[x].wants_full_sync && !the->nodes[x].owes_epoch;
                for (int i = 0; i < the->count; i++) {
                    ok &= !the->nodes[i].swap_pending && (!(the->topology.set >> i & 1) || !the->nodes[i].leader_set ||
                                                          the->nodes[i].leader_set == the->topology.set);
                }
                int l = the->topology.leader; /* C6: under `local` a pair survives it, if the other one leads */
                if (the->mode_local && set_size(the->topology.set) == 2 && (the->topology.set >> x & 1) && x != l &&
                    the->nodes[l].up && the->nodes[l].role == LEADER && the->nodes[l].epoch == the->topology.epoch &&
                    the->nodes[l].leader_set == the->topology.set &&
                    the->nodes[l].synced >= the->nodes[l].epoch_sequence && !the->nodes[l].wants_full_sync &&
                    !the->nodes[l].handing && !the->nodes[l].swap_pending &&
                    the->nodes[l].promise_epoch == the->nodes[l].epoch && !the->nodes[l].raised_epoch && !the->wiped) {
                    model_trace(the, "node %d stays away, its leader %d restarts", x, l);
                    if (the->nodes[x].up) {
                        process_crash(the, x);
                    }
                    the->nodes[x].life = ++the->lives;
                    the->dead = x;
                    process_crash(the, l);
                    queue_push(the, the->now + dice_between(the, 2, 60) * MS, E_RESTART, l, the->nodes[l].life, 0, 0);
                    while (the->controllers == 1 << x) {
                        the->controllers = 1 << (int)dice_between(the, 0, the->count - 1);
                    }
                } else if (ok &&
                           process_frail(the) - the->nodes[x].stranger + 1 <= (set_size(the->topology.set) - 1) / 2) {
                    model_trace(the, "node %d stays away", x);
                    if (the->nodes[x].up) {
                        process_crash(the, x);
                    }
                    the->nodes[x].life = ++the->lives;
                    the->dead = x;
                    while (the->controllers == 1 << x) {
                        the->controllers = 1 << (int)dice_between(the, 0, the->count - 1);
                    }
                }
            }
        }
        if (the->calm && the->now >= nextchk) {
            nextchk = the->now + 500 * MS;
            if (the->now > the->writes_until && run_is_well(the, why)) {
                live = 1;
                break;
            }
        }
        if (v.type == E_FAULT && v.a) {
            if (!the->calm) {
                story_step(the, v.a, v.b);
            }
            continue;
        }
        if (v.type == E_FAULT) {
            if (!the->calm) {
                fault_strike(the);
                queue_push(the, the->now + dice_between(the, 1, 2 * fint), E_FAULT, 0, 0, 0, 0);
            }
            continue;
        }
        if (v.type == E_MSG) {
            struct message *m = &the->pool[v.a];
            if (v.n < the->count) {
                struct node *a = &the->nodes[v.n];
                if (!a->up || m->to_life != a->life) {
                    post_free(the, m);
                    continue;
                }
                if (a->paused > the->now) {
                    queue_push(the, a->paused, v.type, v.n, 0, v.a, 0);
                    continue;
                }
                if (m->type != M_RECORDS && m->type != M_ACK && m->type != M_READ && m->type != M_TOPOLOGY &&
                    m->type != M_ASK && m->type != M_ASK_REPLY && m->type != M_BEAT && m->type != M_BEAT_REPLY) {
                    model_trace(the, "  %s %d->%d e%d a%d b%d n%d", message_name(m->type), m->from, m->to, m->epoch,
                                m->a, m->b, m->n);
                }
            }
            message_take(the, m);
            post_free(the, m);
            continue;
        }
        if (v.type == E_RESTART) {
            if (the->nodes[v.n].life == v.life && !the->nodes[v.n].up) {
                process_start(the, v.n);
            }
            continue;
        }
        if (the->nodes[v.n].life != v.life || !the->nodes[v.n].up) {
            continue;
        }
        if (the->nodes[v.n].paused > the->now) {
            queue_push(the, the->nodes[v.n].paused, v.type, v.n, v.life, v.a, v.b);
            continue;
        }
        event_take(the, &v);
    }
    the->runs_done++;
    if (!the->violated && !live && !the->safety_only) {
        model_blame(the, "LIVE after the faults: %s", why);
    }
    return the->violated;
}
