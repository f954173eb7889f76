/* SPDX-License-Identifier: MIT */

/* event.c - what each node does by itself: syncs end, turns, beats, the controller. */
#include "model.h"

static void at_sync(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (v->a != a->generation) {
        return;
    }
    a->syncing = 0;
    a->synced = v->b;
    if (a->synced > a->length) {
        model_blame(the, "MODEL dur");
        return;
    }
    if (the->on[C7publish]) {
        a->published = a->synced;
    } else {
        queue_after(the, n, dice_between(the, 0, 20 * MS), E_PUBLISH, a->generation, a->synced);
    }
    if (a->owes_epoch && a->storing != 5 && !position_owes(the, n)) {
        model_trace(the, "node %d owes nothing any more", n);
        a->owes_epoch = a->owes_sequence = 0;
    }
    follow_ack(the, n);
    if (a->role == LEADER) {
        commit_count(the, n);
    }
    disk_sync(the, n);
}

static void at_publish(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->generation == v->a && a->published < v->b) {
        a->published = v->b;
    }
}

static void at_told(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->raised_epoch == v->a && a->raised_leader == v->b) {
        vote_tell_worker(the, n, v->a, v->b);
    }
}

static void at_vote_store(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->raised_epoch == v->a && a->raised_leader == v->b && a->storing != 1) {
        vote_store(the, n);
    }
}

static void at_store(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    int k = a->storing;
    a->storing = 0;
    if (k == 1) {
        int e = a->raised_epoch, l = a->raised_leader, st = a->raised_start;
        if (!e) {
            return;
        }
        if (the->store_fails && !the->calm && the->on[C7store] &&
            dice_chance(the, the->store_fails)) { /* nothing was answered for it; the disk may have it all the same */
            model_trace(the, "node %d could not store its promise (%d,%d)", n, e, l);
            if (dice_chance(the, 500)) {
                a->disk_epoch = e;
                a->disk_leader = l;
                a->disk_start = st;
            }
            if (the->on[C7putback]) {
                a->raised_epoch = 0;
            }
            if (l == n && a->role == CANDIDATE && !(a->leads_already && the->on[C18keep])) {
                lead_step_down(the, n, "its disk");
            }
            return;
        }
        process_promise(the, n, e, l, st);
        if (a->raised_version > a->topology_acted) {
            a->topology_acted = a->raised_version;
        }
        a->raised_epoch = 0;
        vote_tell_worker(the, n, e, l);
        model_trace(the, "node %d has promised (%d,%d) at position (%d,%d)", n, e, l, position_epoch(the, n),
                    position_sequence(the, n));
        if (l == n) {
            vote_own(the, n);
        } else if (the->on[C7store]) {
            vote_reply(the, n, a->raised_by, st, e, 1);
        }
    } else if (k == 2) {
        if (a->wanted_lease > a->longest_lease) {
            a->longest_lease = a->wanted_lease;
        }
    } else if (k == 3) {
        a->stranger = 0;
        process_promise(the, n, a->raised_by, a->raised_leader, a->raised_start);
        a->topology_acted = a->raised_version;
        the->counts.admitted++;
        model_trace(the, "node %d is a stranger no more, promise (%d,%d) log %d", n, a->promise_epoch,
                    a->promise_leader, a->synced);
        follow_ack(the, n);
    } else if (k == 4) {
        if (a->join_epoch > a->promise_epoch) {
            process_promise(the, n, a->join_epoch, a->join_leader, a->join_start);
        }
    } else if (k == 5) {
        process_exchange_done(the, n);
    }
    if (k != 1) {
        process_promise(the, n, a->promise_epoch, a->promise_leader, a->promise_start);
    }
    /* the file is written whole */
}

static void at_beat(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];

    if (a->role != LEADER || a->epoch != v->a) {
        return;
    }
    if (a->raised_epoch > a->epoch) { /* promised to another, its worker has not heard of it */
        queue_after(the, n, the->beat_us, E_BEAT, a->epoch, 0);
        return;
    }
    int64_t c = clock_of(the, n);
    int64_t L = the->calm || !the->on[C3asked] || dice_chance(the, 700) ? the->lease_us : the->lease_us * 2;
    if (!the->on[C3asked]) {
        L = the->lease_us * 2;
    }
    if (a->handing == 1 && (a->matched[a->heir] == a->length && a->synced == a->length)) {
        a->handing = 2;
        the->counts.handed++;
        if (the->on[RESlease]) {
            a->lease_end = 0;
            for (int x = 0; x < the->count; x++) {
                a->grants[x] = 0;
            }
        }
        model_trace(the, "node %d has all at its heir, resigns", n);
        topology_swap(the, n, (a->epoch > a->topology.epoch ? a->epoch : a->topology.epoch) + 1, a->heir,
                      a->topology.set);
    }
    if (a->handing && c > a->handing_until) {
        model_trace(the, "node %d gives the handing over up", n);
        if (a->handing == 2 && the->on[RESlater]) {
            a->beats_from = c;
            for (int x = 0; x < the->count; x++) {
                a->grants[x] = 0;
            }
            a->lease_end = 0;
        }
        a->handing = 0;
    }
    for (int x = 0; x < the->count; x++) {
        if (x != n && (a->leader_set >> x & 1)) {
            struct message *m = post_make(the, M_BEAT, n, x);
            m->epoch = a->epoch;
            m->leader = n;
            m->sent_at = c;
            m->lease = L;
            m->a = a->handing == 2;
            m->c = a->life;
            m->topology = a->topology;
            post_send(the, m, BY_BEATS);
        }
    }
    if (a->swap_pending && c > a->swap_until) {
        a->swap_pending = 0;
    }
    if (a->topology.leader != n && a->topology_read && lease_holds(the, n, c) && a->committed >= a->epoch_sequence &&
        !a->handing && the->on[C3back]) {
        if (!a->back_since) {
            a->back_since = c;
        } else if (c - a->back_since > 1000 * MS && !a->swap_pending) {
            a->back_since = 0;
            model_trace(the, "node %d takes the topology back", n);
            topology_swap(the, n, a->topology.epoch + 1, n, a->topology.set);
        }
    } else {
        a->back_since = 0;
    }
    if (the->on[C18back] && a->former_set && a->former_set != a->leader_set && a->committed < a->epoch_sequence &&
        c - a->led_since > 1500 * MS && !a->swap_pending && !a->handing && a->topology.leader == n &&
        a->topology.epoch == a->epoch && a->topology.set == a->leader_set && lease_holds(the, n, c)) {
        if (the->on[C6back] && set_size(a->former_set) >= 3 && set_size(a->leader_set) <= 2) {
            a->needs_lease = 1;
            a->needs_set = (uint8_t)a->former_set;
            a->needs_version = a->topology.version;
            lease_count(the, n);
        }
        if (lease_holds(the, n, c)) {
            model_trace(the, "node %d takes the change of the set back, %x -> %x", n, a->leader_set, a->former_set);
            topology_swap(the, n, a->epoch + 1, n, a->former_set);
        }
    }
    lead_change_set(the, n);
    queue_after(the, n, a->handing ? 10 * MS : the->beat_us, E_BEAT, a->epoch, 0);
}

static void at_pump(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->role != LEADER || a->epoch != v->a) {
        return;
    }
    for (int x = 0; x < the->count; x++) {
        feed_pump(the, n, x);
    }
    queue_after(the, n, 30 * MS, E_PUMP, a->epoch, 0);
}

static void at_follow(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->role == FOLLOWER && a->topology_read) {
        int free_ = a->stranger || !(a->topology.set >> n & 1);
        int t = free_ && (a->stranger || a->topology.epoch > a->promise_epoch || !the->on[C19prom])
                    ? (a->stranger ? a->follow_to : a->topology.leader)
                    : a->promise_leader;
        if (a->follow_state == 2 &&
            (clock_of(the, n) - a->followed_at > 300 * MS || (a->follow_to != t) ||
             (!free_ && a->follow_epoch != a->promise_epoch) || (a->stranger && dice_chance(the, 100)))) {
            follow_close(the, n);
        }
        if (a->follow_state == 1 && clock_of(the, n) - a->followed_at > 100 * MS) {
            follow_close(the, n);
        }
        if (!a->follow_state) {
            follow_hello(the, n);
        }
    }
    queue_after(the, n, dice_between(the, 20, 60) * MS, E_FOLLOW, 0, 0);
}

static void at_read(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];

    if (a->swap_pending && clock_of(the, n) > a->swap_until) {
        a->swap_pending = 0;
    }
    struct message *m = post_make(the, M_READ, n, the->count);
    m->c = a->life;
    post_send(the, m, BY_CALL);
    if (a->topology.leader == n && (a->topology.set >> n & 1) && lead_may_begin_alone(the, n) && a->role == FOLLOWER &&
        a->topology.epoch <= a->promise_epoch && !a->raised_epoch && !a->stranger && !a->swap_pending &&
        the->on[C8start] && vote_would(the, n, n)) { /* C6: the same leader, a new epoch */
        if (set_size(a->topology.set) == 2) {
            a->alone_epoch = a->promise_epoch + 1;
            the->counts.alone++;
            model_trace(the, "node %d begins again by its own yes", n);
        }
        topology_swap(the, n, a->promise_epoch + 1, n, a->topology.set);
    }
    candidate_begin(the, n);
    queue_after(the, n, dice_between(the, 40, 90) * MS, E_READ, 0, 0);
}

static void at_candidate(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->role != CANDIDATE || a->epoch != v->a) {
        return;
    }
    if (the->now > a->candidate_until && !a->leads_already) {
        lead_step_down(the, n, "no majority");
        return;
    }
    if (the->on[C18back] && a->leads_already && set_size(a->leader_set) && a->topology.set != a->leader_set &&
        a->topology.leader == n && a->topology.epoch == a->epoch && set_size(a->votes & a->leader_set) &&
        the->now > a->candidate_until - 3500 * MS && !a->swap_pending) {
        model_trace(the, "node %d takes the change of the set back", n);
        if (the->on[C6back] && set_size(a->topology.set) <= 2 && set_size(a->leader_set) >= 3) {
            a->needs_lease = 1;
            a->needs_set = a->leader_set;
            a->needs_version = a->topology.version;
        }
        topology_swap(the, n, a->epoch + 1, n, a->leader_set);
    }
    if (a->leads_already && the->on[C18keep] && a->topology.leader != n && a->topology.epoch > a->epoch &&
        lease_holds(the, n, clock_of(the, n)) && !a->swap_pending) {
        if (!a->back_since) {
            a->back_since = clock_of(the, n);
        } else if (clock_of(the, n) - a->back_since > 1000 * MS) {
            a->back_since = 0;
            model_trace(the, "node %d takes the topology back", n);
            topology_swap(the, n, a->topology.epoch + 1, n, a->topology.set);
        }
    }
    if (the->now > a->candidate_until && a->leads_already && the->on[C18keep] &&
        lease_holds(the, n, clock_of(the, n))) {
        a->candidate_until = the->now + 4000 * MS;
    }
    /* it leads by the former set still */
    if (the->now > a->candidate_until && a->leads_already) {
        lead_step_down(the, n, "no majority (led)");
        return;
    }
    if ((!the->on[C7own] || a->leads_already) && !(a->votes >> n & 1) && !a->raised_epoch) {
        vote_judge(the, n, n, a->life, a->epoch, n, 0, 0, a->candidate_version);
    }
    if (a->role == CANDIDATE && (a->votes >> n & 1 || !the->on[C7own])) {
        for (int x = 0; x < the->count; x++) {
            if (x != n && ((a->candidate_set | vote_set(the, n)) >> x & 1) && !(a->votes >> x & 1)) {
                vote_send(the, n, x);
            }
        }
    }
    queue_after(the, n, 100 * MS, E_CANDIDATE, a->epoch, 0);
}

static void at_controller(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if ((the->controllers >> n & 1) && a->topology_read && clock_of(the, n) >= a->ask_again_at &&
        set_size(a->topology.set) >= (the->on[C6two] ? 2 : 3)) {
        a->ask_round = ++the->sessions;
        a->ask_answers = a->ask_would = a->ask_owing = 0;
        a->ask_promise = 0;
        a->ask_set = a->topology.set;
        a->ask_version = a->topology.version;
        for (int x = 0; x < the->count; x++) {
            if (a->topology.set >> x & 1) {
                struct message *m = post_make(the, M_ASK, n, x);
                m->session = a->ask_round;
                m->c = a->life;
                post_send(the, m, BY_CALL);
            }
        }
        queue_after(the, n, dice_chance(the, 300) ? dice_between(the, 2, 200) * MS : 200 * MS, E_CONTROLLER_END,
                    a->ask_round, 0);
    }
    queue_after(the, n, dice_between(the, 210, 300) * MS, E_CONTROLLER, 0, 0);
}

static void at_controller_end(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    if (a->ask_round != v->a || a->topology.version != a->ask_version) {
        return;
    }
    if (set_size(a->ask_would & a->ask_set) >= set_majority(a->ask_set)) {
        int b = -1, k = 0;
        for (int x = 0; x < the->count; x++) {
            if ((a->ask_answers >> x & 1) && (!the->on[C17ask] || !(a->ask_owing >> x & 1))) {
                if (b < 0 ||
                    !position_before(a->ask_epochs[x], a->ask_sequences[x], a->ask_epochs[b], a->ask_sequences[b])) {
                    b = x;
                }
            }
        }
        if (b < 0) {
            return;
        }
        for (int x = 0; x < the->count; x++) {
            if ((a->ask_would & a->ask_set) >> x & 1) {
                if (!the->on[C17ask] ||
                    (!position_before(a->ask_epochs[b], a->ask_sequences[b], a->ask_epochs[x], a->ask_sequences[x]) &&
                     !position_before(a->ask_epochs[b], a->ask_sequences[b], a->ask_owes_epochs[x],
                                      a->ask_owes_sequences[x]))) {
                    k++;
                }
            }
        }
        if (k < set_majority(a->ask_set)) {
            return;
        }
        int e = a->ask_promise > a->topology.epoch ? a->ask_promise : a->topology.epoch;
        model_trace(the, "controller %d names %d for %d (would %x)", n, b, e + 1, a->ask_would);
        topology_swap(the, n, e + 1, b, a->topology.set);
        a->ask_again_at = clock_of(the, n) + dice_between(the, 300, 700) * MS;
    }
}

static void at_turn_begin(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    a->turn_clock = clock_of(the, n);
    queue_after(the, n,
                dice_chance(the, 50) && !the->calm ? dice_between(the, 0, 900) * MS : dice_between(the, 0, 2) * MS,
                E_TURN_MIDDLE, 0, 0);
}

static void at_turn_middle(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    a->reading = 0;
    if (a->role == LEADER) {
        int64_t c = the->on[C4] ? clock_of(the, n) : a->turn_clock;
        if (lease_holds(the, n, c) && !a->handing && a->length < LOG_MAX - 25 && the->now < the->writes_until &&
            dice_chance(the, a->length < 10 ? 600 : 250)) {
            struct record r = {(int16_t)a->epoch, (int8_t)n, 0, 0, ++the->ids, 0};
            disk_append(the, n, r, 1);
            model_trace(the, "node %d writes seq %d in epoch %d", n, a->length, a->epoch);
            disk_sync(the, n);
            for (int x = 0; x < the->count; x++) {
                if (a->session[x]) {
                    feed_pump(the, n, x);
                }
            }
        }
        if (dice_chance(the, 700)) {
            a->reading = 1;
            int w = a->length;
            while (w > 0 && a->log[w].kind) {
                w--;
            }
            a->read_sequence = w;
            a->read_hash = a->log[w].hash;
            a->read_gate =
                the->on[C12] ? (w > a->epoch_sequence ? w : a->epoch_sequence) : (w > a->begun_length ? w : 0);
            a->read_kept = the->kept;
            a->read_epoch = a->epoch;
        }
    } else if (a->role == FOLLOWER && !the->mode_local) {
        int s = the->on[C13] ? a->known : a->synced;
        if (s > a->length) {
            model_blame(the, "MODEL known");
        } else if (s > 0 && dice_chance(the, 300)) {
            the->counts.follower_reads++;
            truth_keep(the, n, s, 2, the->on[C13] ? a->follow_epoch : a->log[s].epoch);
        }
    }
    queue_after(the, n,
                dice_chance(the, 50) && !the->calm ? dice_between(the, 0, 600) * MS : dice_between(the, 0, 1) * MS,
                E_TURN_END, 0, 0);
}

static void at_turn_end(struct model *the, struct event *v)
{
    int n = v->n;
    struct node *a = &the->nodes[n];
    int64_t c = the->on[C4] ? clock_of(the, n) : a->turn_clock;
    if (a->role == LEADER && lease_holds(the, n, c)) {
        if (the->on[C4]) {
            truth_lease(the, n);
        }
        int lv = the->mode_local ? a->synced : a->committed;
        int g = 0;
        for (int s = a->epoch_sequence + 1; s <= lv; s++) {
            g = s;
        }
        if (g && lv >= a->epoch_sequence) {
            truth_keep(the, n, g, 1, a->epoch);
            the->counts.acks++;
        }
        if (a->reading && a->read_epoch == a->epoch && lv >= a->read_gate) {
            the->counts.reads++;
            if (!the->mode_local) {
                int w = the->kept < a->read_kept ? the->kept : a->read_kept;
                while (w > 0 && w <= a->length && a->log[w].kind && the->truth_hash[w] == a->log[w].hash) {
                    w--;
                }
                if (w > 0 && (a->read_sequence < w || a->length < w || a->log[w].hash != the->truth_hash[w])) {
                    model_blame(the, "I2b stale read at node %d epoch %d: shows %d, kept before it began %d", n,
                                a->epoch, a->read_sequence, a->read_kept);
                } else if (a->read_sequence) {
                    truth_keep(the, n, a->read_sequence, 2, a->epoch);
                }
            }
        }
    }
    queue_after(the, n, dice_between(the, 3, 30) * MS, E_TURN_BEGIN, 0, 0);
}

void event_take(struct model *the, struct event *v)
{
    switch (v->type) {
    case E_SYNC:
        at_sync(the, v);
        break;
    case E_PUBLISH:
        at_publish(the, v);
        break;
    case E_TOLD:
        at_told(the, v);
        break;
    case E_VOTE_STORE:
        at_vote_store(the, v);
        break;
    case E_STORE:
        at_store(the, v);
        break;
    case E_BEAT:
        at_beat(the, v);
        break;
    case E_PUMP:
        at_pump(the, v);
        break;
    case E_FOLLOW:
        at_follow(the, v);
        break;
    case E_READ:
        at_read(the, v);
        break;
    case E_CANDIDATE:
        at_candidate(the, v);
        break;
    case E_CONTROLLER:
        at_controller(the, v);
        break;
    case E_CONTROLLER_END:
        at_controller_end(the, v);
        break;
    case E_TURN_BEGIN:
        at_turn_begin(the, v);
        break;
    case E_TURN_MIDDLE:
        at_turn_middle(the, v);
        break;
    case E_TURN_END:
        at_turn_end(the, v);
        break;
    }
}
