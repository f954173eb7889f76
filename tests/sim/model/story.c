/* SPDX-License-Identifier: MIT */

/* story.c - ambushes: scripted beginnings of interleavings that chance seldom finds. */
#include "model.h"

static void stale_yes(struct model *the)
{
    int A = -1, B, C, D, E, p;

    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            A = i;
        }
    }
    if (A < 0 || the->topology.set != 31 || the->count != 5) {
        return;
    }
    int q[4], k = 0;
    for (int i = 0; i < the->count; i++) {
        if (i != A) {
            q[k++] = i;
        }
    }
    for (int i = 3; i > 0; i--) {
        int j = (int)dice_between(the, 0, i), t = q[i];
        q[i] = q[j];
        q[j] = t;
    }
    B = q[0];
    C = q[1];
    D = q[2];
    E = q[3];
    p = A | B << 3 | C << 6 | D << 9 | E << 12;
    int64_t u = the->now + 6000 * MS;
    the->stream_cut[A][E] = the->stream_cut[E][A] = u;
    the->cut[A][B] = the->cut[B][A] = the->cut[A][D] = the->cut[D][A] = u;
    the->cut[D][E] = the->cut[D][C] = the->cut[E][D] = the->cut[C][D] = the->now + dice_between(the, 500, 1500) * MS;
    model_trace(the, "AMBUSH leader %d, named %d, replaced %d, late %d", A, D, B, E);
    struct topology d = the->topology;
    int hp = d.epoch;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].promise_epoch > hp) {
            hp = the->nodes[i].promise_epoch;
        }
    }
    d.epoch = hp + 1;
    d.leader = D;
    queue_push(the, the->now + dice_between(the, 100, 700) * MS, E_FAULT, 0, 0, 2, p);
}

/* story 5: two tails, then the older one again */
static void two_tails(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0) {
        return;
    }
    for (int i = 0; i < the->count; i++) {
        if (i != L) {
            the->stream_cut[L][i] = the->now + dice_between(the, 300, 900) * MS;
            if (dice_chance(the, 500)) {
                the->nodes[i].slowdisk = the->now + 3000 * MS;
            }
        }
    }
    the->strike = L + 1;
    queue_push(the, the->now + dice_between(the, 100, 300) * MS, E_FAULT, 0, 0, 52, L);
    model_trace(the, "STORY 5 leader %d", L);
}

static void two_tails_cut(struct model *the, int p)
{
    for (int i = 0; i <= the->count; i++) {
        if (i != p) {
            the->cut[p][i] = the->cut[i][p] = the->now + 1500 * MS;
        }
    }
}

static void two_tails_strike(struct model *the, int p)
{
    int c = p & 7, l = p >> 3 & 7;
    for (int i = 0; i <= the->count; i++) {
        if (i != c) {
            the->cut[c][i] = the->cut[i][c] = the->now + 1600 * MS;
        }
        if (i != l && i != c && i < the->count) {
            the->cut[l][i] = the->cut[i][l] = 0;
        }
    }
    model_trace(the, "STRIKE %d cut, %d healed", c, l);
}

/* story 6: two candidates, the lower epoch asks late */
static void two_candidates(struct model *the)
{
    if (the->count != 3) {
        return;
    }
    int z = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            z = i;
        }
    }
    if (z < 0) {
        return;
    }
    int x = (z + 1 + (int)dice_between(the, 0, 1)) % 3, y = 3 - z - x;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            if (i != j) {
                the->beat_cut[i][j] = the->now + 1900 * MS;
            }
        }
    }
    the->controllers = 0;
    model_trace(the, "STORY 6 x %d y %d z %d", x, y, z);
    queue_push(the, the->now + dice_between(the, 1020, 1300) * MS, E_FAULT, 0, 0, 61, x | y << 3 | z << 6);
}

static void two_candidates_name(struct model *the, int st, int p)
{
    int A = p & 7;
    int B = p >> 3 & 7;
    int C = p >> 6 & 7;
    int x = st == 61 ? A : B;
    struct topology d = the->topology;
    int hp = d.epoch;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].promise_epoch > hp) {
            hp = the->nodes[i].promise_epoch;
        }
    }
    d.epoch = hp + 1;
    d.leader = x;
    topology_put(the, d);
    struct message *m = post_make(the, M_TOPOLOGY, the->count, x);
    m->c = -1;
    m->topology = the->topology;
    post_send(the, m, BY_CALL);
    if (st == 61) {
        the->cut[A][B] = the->cut[A][C] = the->now + dice_between(the, 20, 200) * MS;
        the->cut[the->count][A] = the->now + 2000 * MS;
        the->cut[B][A] = the->now + 2500 * MS;
        queue_push(the, the->now + dice_between(the, 3, 40) * MS, E_FAULT, 0, 0, 62, p);
    } else {
        the->strike = A + 1;
    }
}

/* story 8: a yes of one whose disk is replaced, before the named one's own */
static void early_yes(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0 || the->count != 3) {
        return;
    }
    int b = (L + 1 + (int)dice_between(the, 0, 1)) % 3, d = 3 - L - b;
    the->controllers = 0;
    the->stream_cut[L][d] = the->stream_cut[b][d] = the->now + 6000 * MS;
    the->cut[L][b] = the->cut[b][L] = the->now + 6000 * MS;
    queue_push(the, the->now + dice_between(the, 500, 1200) * MS, E_FAULT, 0, 0, 81, L | b << 3 | d << 6);
    model_trace(the, "STORY 8 leader %d replaced %d named %d", L, b, d);
}

static void early_yes_name(struct model *the, int p)
{
    int C = p >> 6 & 7;
    struct topology d = the->topology;
    int hp = d.epoch;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].promise_epoch > hp) {
            hp = the->nodes[i].promise_epoch;
        }
    }
    d.epoch = hp + 1;
    d.leader = C;
    topology_put(the, d);
    struct message *m = post_make(the, M_TOPOLOGY, the->count, C);
    m->c = -1;
    m->topology = the->topology;
    post_send(the, m, BY_CALL);
    queue_push(the, the->now + dice_between(the, 50, 300) * MS, E_FAULT, 0, 0, 82, p);
}

static void early_yes_replace(struct model *the, int p)
{
    int A = p & 7;
    int B = p >> 3 & 7;
    int C = p >> 6 & 7;

    if (!the->nodes[B].up) {
        return;
    }
    if (process_frail(the)) {
        return;
    }
    process_crash(the, B);
    process_replace(the, B);
    queue_push(the, the->now + dice_between(the, 5, 60) * MS, E_RESTART, B, the->nodes[B].life, 0, 0);
    the->cut[A][B] = the->cut[B][A] = 0;
    the->cut[B][C] = the->cut[C][B] = the->now + 4000 * MS;
    queue_push(the, the->now + dice_between(the, 150, 500) * MS, E_FAULT, 0, 0, 83, p);
}

static void early_yes_cut(struct model *the, int p)
{
    int A = p & 7;
    int C = p >> 6 & 7;

    the->cut[A][C] = the->cut[C][A] = the->now + 4000 * MS;
}

/* story 7: late acknowledgements */
static void late_acks(struct model *the)
{
    the->slowest = dice_between(the, 2000, 4500) * MS;
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0) {
        return;
    }
    int b = (L + 1 + (int)dice_between(the, 0, the->count - 2)) % the->count;
    if (!(the->topology.set >> b & 1)) {
        return;
    }
    the->slow[b][L] = the->now + dice_between(the, 300, 500) * MS;
    model_trace(the, "STORY 7 leader %d, late %d", L, b);
    int64_t d = dice_between(the, 900, 1400) * MS;
    for (int i = 0; i < the->count; i++) {
        if (i != L && i != b) {
            the->cut[L][i] = the->cut[i][L] = the->cut[b][i] = the->cut[i][b] = the->now + d;
        }
    }
    queue_push(the, the->now + d + dice_between(the, 100, 600) * MS, E_FAULT, 0, 0, 72, L);
}

static void late_acks_name(struct model *the, int p)
{
    struct topology d = the->topology;
    int hp = d.epoch;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].promise_epoch > hp) {
            hp = the->nodes[i].promise_epoch;
        }
        for (int j = 0; j < the->count; j++) {
            if (i != j && j != p && i != p) {
                the->beat_cut[i][j] = the->now + 800 * MS;
            }
        }
    }
    d.epoch = hp + 1;
    d.leader = p;
    topology_put(the, d);
}

/* story 9: a follower in a full sync from an older cut when the leader is cut off (interleaving 19) */
static void old_cut(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0 || the->count != 3 || process_frail(the)) {
        return;
    }
    int b = (L + 1 + (int)dice_between(the, 0, 1)) % 3, c = 3 - L - b;
    the->stream_cut[L][c] = the->now + 2500 * MS;
    queue_push(the, the->now + dice_between(the, 100, 600) * MS, E_FAULT, 0, 0, 91, L | b << 3 | c << 6);
    model_trace(the, "STORY 9 leader %d, full sync %d, behind %d", L, b, c);
}

/* story 10: the leader's worker ends a sync while its cluster loop says yes to another (interleaving 20) */
static void late_sync(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0 || the->count != 3) {
        return;
    }
    int b = (L + 1 + (int)dice_between(the, 0, 1)) % 3, c = 3 - L - b;
    for (int i = 0; i < 3; i++) {
        the->beat_cut[L][i] = the->now + 1700 * MS;
    }
    the->slowest_sync = dice_between(the, 50, 700) * MS;
    the->controllers = 0;
    queue_push(the, the->now + dice_between(the, 300, 500) * MS, E_FAULT, 0, 0, 101, L | b << 3 | c << 6);
    model_trace(the, "STORY 10 leader %d, named %d", L, c);
}

static void late_sync_slow(struct model *the, int p)
{
    int A = p & 7;
    int C = p >> 6 & 7;

    the->nodes[A].slowdisk = the->now + 1500 * MS;
    the->stream_cut[A][C] = the->now + 1500 * MS;
    queue_push(the, the->now + dice_between(the, 50, 400) * MS, E_FAULT, 0, 0, 102, p);
}

static void late_sync_name(struct model *the, int p)
{
    int C = p >> 6 & 7;
    struct topology d = the->topology;
    int hp = d.epoch;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].promise_epoch > hp) {
            hp = the->nodes[i].promise_epoch;
        }
    }
    d.epoch = hp + 1;
    d.leader = C;
    topology_put(the, d);
    struct message *m = post_make(the, M_TOPOLOGY, the->count, C);
    m->c = -1;
    m->topology = the->topology;
    post_send(the, m, BY_CALL);
}

/* story 11: a pair; the follower gives up what its leader has not synced */
static void pair_unsynced(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER &&
            the->nodes[i].committed >= the->nodes[i].epoch_sequence) {
            L = i;
        }
    }
    if (L < 0 || set_size(the->topology.set) != 2 || process_frail(the)) {
        return;
    }
    int b = __builtin_ctz((unsigned)(the->topology.set & ~(1 << L)));
    the->nodes[L].slowdisk = the->now + 1000 * MS;
    the->slowest_sync = 900 * MS;
    queue_push(the, the->now + dice_between(the, 5, 200) * MS, E_FAULT, 0, 0, 91, L | b << 3);
    model_trace(the, "STORY 11 leader %d", L);
}

/* story 12: the one with the greatest position and ID owes, the leader stays away */
static void debtor_named(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0 || the->topology.set != 31 || process_frail(the)) {
        return;
    }
    int b = L == 4 ? 3 : 4;
    for (int i = 0; i < the->count; i++) {
        if (i != b) {
            the->stream_cut[L][i] = the->now + 7000 * MS;
        }
    }
    the->story_leader = L + 1;
    queue_push(the, the->now + dice_between(the, 100, 600) * MS, E_FAULT, 0, 0, 91, L | b << 3);
    model_trace(the, "STORY 12 leader %d, full sync %d", L, b);
}

static void full_sync(struct model *the, int p)
{
    int A = p & 7;
    int B = p >> 3 & 7;

    if (!the->nodes[B].up || the->nodes[A].role != LEADER || process_frail(the)) {
        return;
    }
    the->nodes[B].wants_full_sync = 1;
    follow_close(the, B);
}

static void cut_leader(struct model *the, int p)
{
    for (int i = 0; i <= the->count; i++) {
        if (i != p) {
            the->cut[p][i] = the->cut[i][p] = the->now + (the->story == 12 ? 7000 : 1800) * MS;
        }
    }
    model_trace(the, "STORY 9 cuts %d off", p);
}

static void crash_in_window(struct model *the, int p)
{
    if (the->nodes[p].up) {
        model_trace(the, "FAULT crash %d in its window", p);
        process_crash(the, p);
        queue_push(the, the->now + (dice_chance(the, 600) ? dice_between(the, 2, 60) : dice_between(the, 5, 1500)) * MS,
                   E_RESTART, p, the->nodes[p].life, 0, 0);
    }
}

static void isolate_begun(struct model *the, int p)
{
    int64_t d = dice_between(the, 200, 2000) * MS;
    int how = (int)dice_between(the, 1, 3);
    for (int i = 0; i < the->count; i++) {
        if (i != p) {
            if (how & 1) {
                the->cut[p][i] = the->now + d;
            }
            if (how & 2) {
                the->cut[i][p] = the->now + d;
            }
        }
    }
    model_trace(the, "FAULT isolate %d after it began", p);
}

/* story 2: two removals while two are behind */
static void two_removals(struct model *the)
{
    int p;
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0 || the->count != 5 || the->topology.set != 31) {
        return;
    }
    int q[4], k = 0;
    for (int i = 0; i < the->count; i++) {
        if (i != L) {
            q[k++] = i;
        }
    }
    for (int i = 3; i > 0; i--) {
        int j = (int)dice_between(the, 0, i), t = q[i];
        q[i] = q[j];
        q[j] = t;
    }
    for (int i = 2; i < 4; i++) {
        the->stream_cut[L][q[i]] = the->now + 4000 * MS;
    }
    p = L | q[0] << 3 | q[1] << 6;
    queue_push(the, the->now + dice_between(the, 50, 300) * MS, E_FAULT, 0, 0, 21, p);
    model_trace(the, "STORY leader %d removes %d, %d; %d, %d behind", L, q[0], q[1], q[2], q[3]);
}

static void two_removals_first(struct model *the, int p)
{
    int B = p >> 3 & 7;

    the->wish = 2;
    the->wish_node = B;
    queue_push(the, the->now + dice_between(the, 150, 500) * MS, E_FAULT, 0, 0, 22, p);
}

static void two_removals_second(struct model *the, int p)
{
    int C = p >> 6 & 7;

    the->wish = 2;
    the->wish_node = C;
    queue_push(the, the->now + dice_between(the, 150, 600) * MS, E_FAULT, 0, 0, 23, p);
}

static void two_removals_cut(struct model *the, int p)
{
    int A = p & 7;

    for (int i = 0; i <= the->count; i++) {
        if (i != A) {
            the->cut[A][i] = the->cut[i][A] = the->now + 5000 * MS;
        }
    }
}

/* story 3: the stranger is let in too early */
static void early_stranger(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i))) {
            L = i;
        }
    }
    if (L < 0 || the->count != 3) {
        return;
    }
    int b = (L + 1) % 3, c = (L + 2) % 3;
    if (dice_chance(the, 500)) {
        int t = b;
        b = c;
        c = t;
    }
    the->stream_cut[L][c] = the->now + 6000 * MS;
    queue_push(the, the->now + dice_between(the, 300, 900) * MS, E_FAULT, 0, 0, 31, L | b << 3 | c << 6);
    model_trace(the, "STORY leader %d, replaced %d, behind %d", L, b, c);
}

static void early_stranger_replace(struct model *the, int p)
{
    int A = p & 7;
    int B = p >> 3 & 7;

    if (!the->nodes[B].up || the->nodes[A].role != LEADER) {
        return;
    }
    if (process_frail(the)) {
        return;
    }
    process_crash(the, B);
    process_replace(the, B);
    queue_push(the, the->now + dice_between(the, 5, 100) * MS, E_RESTART, B, the->nodes[B].life, 0, 0);
    queue_push(the, the->now + dice_between(the, 20, 500) * MS, E_FAULT, 0, 0, 32, p);
}

static void early_stranger_cut(struct model *the, int p)
{
    int A = p & 7;

    for (int i = 0; i <= the->count; i++) {
        if (i != A) {
            the->cut[A][i] = the->cut[i][A] = the->now + 4000 * MS;
        }
    }
}

/* story 4: resigned, given up, late answers */
static void resigned(struct model *the)
{
    int L = -1;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].up && the->nodes[i].role == LEADER && lease_holds(the, i, clock_of(the, i)) &&
            the->nodes[i].committed >= the->nodes[i].epoch_sequence) {
            L = i;
        }
    }
    if (L < 0) {
        return;
    }
    the->slowest = dice_between(the, 250, 900) * MS;
    for (int i = 0; i < the->count; i++) {
        if (i != L) {
            if (the->reorders_beats) {
                the->slow[L][i] = the->now + dice_between(the, 400, 900) * MS;
            } else {
                the->slow[i][L] = the->now + dice_between(the, 200, 400) * MS;
            }
        }
    }
    the->cut[L][the->count] = the->now + 2000 * MS;
    queue_push(the, the->now + dice_between(the, 50, 300) * MS, E_FAULT, 0, 0, 41, L);
}

static void resigned_give_up(struct model *the, int p)
{
    int A = p & 7;

    if (the->nodes[A].role != LEADER || the->nodes[A].handing || !lease_holds(the, A, clock_of(the, A))) {
        return;
    }
    the->nodes[A].handing = 1;
    the->nodes[A].heir = (A + 1 + (int)dice_between(the, 0, the->count - 2)) % the->count;
    the->nodes[A].handing_until = clock_of(the, A) + 250 * MS;
    model_trace(the, "STORY %d hands over to %d", A, the->nodes[A].heir);
}

static void stale_yes_name(struct model *the, int p)
{
    int D = p >> 9 & 7;
    struct topology d = the->topology;
    int hp = d.epoch;
    for (int i = 0; i < the->count; i++) {
        if (the->nodes[i].promise_epoch > hp) {
            hp = the->nodes[i].promise_epoch;
        }
    }
    d.epoch = hp + 1;
    d.leader = D;
    topology_put(the, d);
    queue_push(the, the->now + dice_between(the, 300, 1200) * MS, E_FAULT, 0, 0, 3, p);
}

static void stale_yes_replace(struct model *the, int p)
{
    int A = p & 7;
    int B = p >> 3 & 7;
    int C = p >> 6 & 7;
    int D = p >> 9 & 7;
    int E = p >> 12 & 7;

    if (!the->nodes[B].up || the->nodes[B].stranger) {
        return;
    }
    if (process_frail(the)) {
        return;
    }
    process_crash(the, B);
    process_replace(the, B);
    queue_push(the, the->now + dice_between(the, 5, 100) * MS, E_RESTART, B, the->nodes[B].life, 0, 0);
    the->cut[A][B] = the->cut[B][A] = 0;
    the->cut[A][E] = the->cut[E][A] = the->now + 6000 * MS;
    the->cut[D][E] = the->cut[E][D] = 0;
    the->cut[D][C] = the->cut[C][D] = the->now + 3000 * MS;
}

void story_step(struct model *the, int st, int p)
{
    switch (st) {
    case 1:
        stale_yes(the);
        break;
    case 2:
        stale_yes_name(the, p);
        break;
    case 3:
        stale_yes_replace(the, p);
        break;
    case 9:
        crash_in_window(the, p);
        break;
    case 10:
        isolate_begun(the, p);
        break;
    case 20:
        two_removals(the);
        break;
    case 21:
        two_removals_first(the, p);
        break;
    case 22:
        two_removals_second(the, p);
        break;
    case 23:
        two_removals_cut(the, p);
        break;
    case 30:
        early_stranger(the);
        break;
    case 31:
        early_stranger_replace(the, p);
        break;
    case 32:
        early_stranger_cut(the, p);
        break;
    case 40:
        resigned(the);
        break;
    case 41:
        resigned_give_up(the, p);
        break;
    case 50:
        two_tails(the);
        break;
    case 51:
        two_tails_strike(the, p);
        break;
    case 52:
        two_tails_cut(the, p);
        break;
    case 60:
        two_candidates(the);
        break;
    case 61:
        two_candidates_name(the, st, p);
        break;
    case 62:
        two_candidates_name(the, st, p);
        break;
    case 70:
        late_acks(the);
        break;
    case 72:
        late_acks_name(the, p);
        break;
    case 80:
        early_yes(the);
        break;
    case 81:
        early_yes_name(the, p);
        break;
    case 82:
        early_yes_replace(the, p);
        break;
    case 83:
        early_yes_cut(the, p);
        break;
    case 90:
        old_cut(the);
        break;
    case 91:
        full_sync(the, p);
        break;
    case 92:
        cut_leader(the, p);
        break;
    case 100:
        late_sync(the);
        break;
    case 101:
        late_sync_slow(the, p);
        break;
    case 102:
        late_sync_name(the, p);
        break;
    case 110:
        pair_unsynced(the);
        break;
    case 120:
        debtor_named(the);
        break;
    }
}
