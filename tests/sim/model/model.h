/* SPDX-License-Identifier: MIT */

/* model.h - a random model of the cluster's protocol (docs/cluster-protocol.md): its rules as switches, no code of the
 * server. Three to five million steps a second, so it finds what a few thousand runs of real nodes would not.
 *
 * Idea     Nodes, a coordinator that is a register with compare-and-swap, and messages with delay, loss and cuts, in
 *          virtual time (microseconds). One shard, one key. A log's sequence is its index from 1. A turn of the worker
 *          is three steps, and the cluster loop runs between them. What is right is known outside of the nodes:
 *
 *            I1   an acknowledged record is lost           I4  a committed record is lost
 *            I2a  two leases at once                       I5  histories differ below a common point
 *            I2b  a stale read                             I6  a record that was shown is lost
 *            I3   an epoch has two writers                 LIVE  no progress after the faults
 *            MODEL  the model itself is broken or too small
 *
 *          A rule that is off must be seen (tests/unit/sim/test_model.c): so each is needed, as far as chance shows.
 *          Where chance seldom finds the beginning, a story scripts it (story.c).
 *
 * Rules    C and a number: of the page. RES: handing over, its section 7. Xlogset (votes are counted by the set of the
 *          log's newest EPOCH) is not the page, and off. The less obvious ones:
 *
 *            C3start   promises and grants name the leader's start    C3back  a leader takes the topology back
 *            C6begun   alone only if the log's newest EPOCH is its own and its promise; C6local: under `local` only
 *            C6swap    before a swap to three a lease by three; C6back: a swap back to three is one, too
 *            C7order   compare and raise is one step                  C7putback  a failed store puts the promise back
 *            C7stand   the worker looks at the promise before it acknowledges or counts
 *            C7publish ... and publishes its position before that
 *            C8start   an epoch ends with its process                 C10then    asked again with the position of then
 *            C17owes   a full sync leaves a debt                      C17floor   a second one keeps it
 *            C17yes    who owes says yes to one who has all of it     C17ask     the controller names nobody who owes
 *            C17synced it begins only where the leader has synced what the follower has or owes
 *            C17stand  position and debt are lowered before the exchange is on the disk
 *            C18back   a change that cannot be committed is swapped back; C18keep: meanwhile the leader stays
 *            C21epoch  a new epoch before a stranger is taken in      C21grants  what its old folder granted is void
 *
 * Limits   A full sync replaces log and debt as one durable step. Not modelled: snapshots as files (C16), C1's stall,
 *          sessions (C25, C26), raft, crash points within a rewind or an exchange. */
#ifndef GEOMYS_TESTS_SIM_MODEL_H
#define GEOMYS_TESTS_SIM_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { NODES_MAX = 5, LOG_MAX = 240, EPOCHS_MAX = 400, MS = 1000, EVENTS_MAX = 1 << 15, MESSAGES_MAX = 8192 };

#define MODEL_RULES(X)                                                                                                 \
    X(C3margin)                                                                                                        \
    X(C3sent)                                                                                                          \
    X(C3asked)                                                                                                         \
    X(C3clock)                                                                                                         \
    X(C3start)                                                                                                         \
    X(C3back)                                                                                                          \
    X(C4)                                                                                                              \
    X(C5)                                                                                                              \
    X(C5fresh)                                                                                                         \
    X(C6two)                                                                                                           \
    X(C6alone)                                                                                                         \
    X(C6begun)                                                                                                         \
    X(C6local)                                                                                                         \
    X(C6swap)                                                                                                          \
    X(C7grant)                                                                                                         \
    X(C7pos)                                                                                                           \
    X(C7order)                                                                                                         \
    X(C7stand)                                                                                                         \
    X(C7publish)                                                                                                       \
    X(C7store)                                                                                                         \
    X(C7putback)                                                                                                       \
    X(C7topo)                                                                                                          \
    X(C7dur)                                                                                                           \
    X(C7same)                                                                                                          \
    X(C7lower)                                                                                                         \
    X(C7own)                                                                                                           \
    X(C8)                                                                                                              \
    X(C8start)                                                                                                         \
    X(C9)                                                                                                              \
    X(C10)                                                                                                             \
    X(C10same)                                                                                                         \
    X(C10then)                                                                                                         \
    X(C11hello)                                                                                                        \
    X(C11beat)                                                                                                         \
    X(C11checked)                                                                                                      \
    X(C11epoch)                                                                                                        \
    X(C11stream)                                                                                                       \
    X(C12)                                                                                                             \
    X(C13)                                                                                                             \
    X(C15floor)                                                                                                        \
    X(C17owes)                                                                                                         \
    X(C17yes)                                                                                                          \
    X(C17synced)                                                                                                       \
    X(C17ask)                                                                                                          \
    X(C17stand)                                                                                                        \
    X(C17floor)                                                                                                        \
    X(C18next)                                                                                                         \
    X(C18epoch)                                                                                                        \
    X(C18follow)                                                                                                       \
    X(C18back)                                                                                                         \
    X(C18keep)                                                                                                         \
    X(C6back)                                                                                                          \
    X(C19)                                                                                                             \
    X(C19prom)                                                                                                         \
    X(C21)                                                                                                             \
    X(C21all)                                                                                                          \
    X(C21lease)                                                                                                        \
    X(C21epoch)                                                                                                        \
    X(C21grants)                                                                                                       \
    X(C21stream)                                                                                                       \
    X(RESlater)                                                                                                        \
    X(RESlease)                                                                                                        \
    X(RESorder)                                                                                                        \
    X(Xlogset)

enum model_rule {
#define X(name) name,
    MODEL_RULES(X)
#undef X
        RULES,
};

struct record {
    int16_t epoch;
    int8_t leader;
    uint8_t kind, set; /* kind 1: EPOCH, with the set */
    int id;
    uint64_t hash; /* of it and all before it */
};

struct topology {
    int version, epoch, leader;
    uint8_t set; /* of replicas, a bit each */
};

struct table_row { /* of epochs */
    int16_t epoch, leader, first;
};

enum message_type {
    M_ASK,
    M_ASK_REPLY,
    M_VOTE,
    M_VOTE_REPLY,
    M_BEAT,
    M_BEAT_REPLY,
    M_HELLO,
    M_START,
    M_RECORDS,
    M_ACK,
    M_ADMIT,
    M_READ,
    M_SWAP,
    M_TOPOLOGY,
    M_SWAP_REPLY,
};

enum { BY_BEATS, BY_CALL, BY_STREAM };

struct message {
    int type, from, to, from_life, to_life, folder;
    int epoch, leader;
    int at_epoch, at_sequence; /* a position */
    int session, index, first, n, committed;
    int a, b, c; /* by the type */
    int64_t sent_at, lease;
    struct topology topology;
    struct record r[4];
    struct table_row *table; /* owned */
    struct record *snapshot; /* owned */
    int tab_count;
    int next; /* among those that are free */
};

enum event_type {
    E_MSG,
    E_SYNC,
    E_STORE,
    E_BEAT,
    E_FOLLOW,
    E_TURN_BEGIN,
    E_TURN_MIDDLE,
    E_TURN_END,
    E_CONTROLLER,
    E_CONTROLLER_END,
    E_READ,
    E_CANDIDATE,
    E_RESTART,
    E_FAULT,
    E_PUMP,
    E_VOTE_STORE,
    E_TOLD,
    E_PUBLISH,
};

struct event {
    int64_t t;
    uint32_t q; /* its number: of two at one moment the first */
    int type, n, life, a, b;
};

enum { FOLLOWER, CANDIDATE, LEADER };

struct node {
    struct record log[LOG_MAX + 2];
    int length, synced;
    int disk_epoch, disk_leader, disk_start; /* the promise on the disk */
    int owes_epoch, owes_sequence;           /* owes */
    int topology_acted;
    int64_t longest_lease;
    int stranger, folder;                             /* up to here: on the disk */
    int promise_epoch, promise_leader, promise_start; /* the promise: epoch, leader, start */
    int published;                                    /* the position as the cluster loop sees it */
    int wants_full_sync, exchange_cut, hello_epoch, hello_sequence, owed_epoch, owed_sequence, former_set;
    int64_t led_since;
    struct record exchange_log[LOG_MAX + 2];
    int64_t heard[NODES_MAX];
    int alone_epoch;
    int up, life;
    int64_t paused, clock_offset;
    int clock_rate;
    int role, epoch;
    uint8_t leader_set;
    struct topology topology;
    int topology_read;
    int raised_epoch, raised_leader, raised_start, raised_by, raised_at_epoch, raised_at_sequence,
        raised_version; /* a promise that is raised and not stored yet */
    int generation, syncing, target, storing;
    int64_t slowdisk;
    int64_t says_no_until;
    int granted_to;
    int64_t granted_until; /* my grant */
    int64_t grants[NODES_MAX], lease_end, beats_from;
    int known_folder[NODES_MAX], matched[NODES_MAX], session[NODES_MAX], next[NODES_MAX], stream_index[NODES_MAX],
        taken_folder[NODES_MAX], taken_target[NODES_MAX], seen_folder[NODES_MAX], seen_epoch[NODES_MAX],
        is_stranger[NODES_MAX];
    int needs_lease;
    uint8_t needs_set;
    int needs_version;
    int committed, epoch_sequence, votes;
    int64_t candidate_until;
    uint8_t candidate_set;
    int candidate_version, candidate_at_epoch, candidate_at_sequence, leads_already, begun_length;
    int handing, heir;
    int64_t handing_until;
    int swap_pending;
    int64_t swap_until;
    int follow_session, follow_state, follow_index, checked, follow_to, follow_epoch;
    int64_t followed_at;
    int64_t turn_clock;
    int reading, read_sequence, read_gate, read_kept, read_epoch;
    uint64_t read_hash;
    int ask_round, ask_answers, ask_would;
    int ask_epochs[NODES_MAX], ask_sequences[NODES_MAX], ask_promise;
    int64_t ask_again_at;
    uint8_t ask_set;
    int ask_version;
    int join_start, ask_owes_epochs[NODES_MAX], ask_owes_sequences[NODES_MAX], ask_owing;
    int64_t newest_beat;
    int64_t wanted_lease;
    int64_t back_since;
    int join_epoch, join_leader;
    int beat_leader;
    int known; /* committed as this node knew it, for the check of I4 (this life) */
};

struct model_counts {
    long acks, leads, reads, same_leader, sets, handed, admitted, rewinds, replaced, follower_reads, floors, full_syncs,
        owes, alone;
};

struct model {
    /* what is asked for */
    uint8_t on[RULES];
    int mode;          /* 3: three nodes; 5: five and changes of the set; 2: three, the set begins as one or two */
    int lies;          /* 1: the coordinator lies; 2: beats are reordered, too */
    int story;         /* 0: none */
    int fastest_clock; /* per mille; negative: each within so many of 1000 */
    int64_t lease_us, beat_us;
    bool safety_only;
    bool tracing;
    /* what came out of it */
    int violated;
    char violation[300];
    int64_t now;
    uint64_t steps, runs_done;
    struct model_counts counts;
    /* the run */
    uint64_t dice;
    struct event heap[EVENTS_MAX];
    int events;
    uint32_t event_number;
    struct message pool[MESSAGES_MAX];
    int free_message, messages;
    struct node nodes[NODES_MAX];
    int count, mode_local;
    struct topology topology, history[2000];
    int histories, controllers, lies_now;
    int64_t cut[NODES_MAX + 1][NODES_MAX + 1], slow[NODES_MAX + 1][NODES_MAX + 1]; /* until when */
    int64_t stream_cut[NODES_MAX + 1][NODES_MAX + 1], beat_cut[NODES_MAX + 1][NODES_MAX + 1];
    int64_t last_delivery[3][NODES_MAX + 1][NODES_MAX + 1];
    int64_t slowest, slowest_sync;
    int loss; /* per mille */
    int fault_weights[16], fault_weight;
    int64_t faults_until, ends_at, writes_until;
    int ids, sessions, lives, folders;
    int wish, wish_node; /* 1: it shall enter the set, 2: leave it */
    int64_t wished_at;
    int reorders_beats, calm;
    int story_leader, wiped, wiped_set, dead, strikes_windows, strike, store_fails;
    /* the truth */
    int truth_epoch[LOG_MAX + 2];
    uint64_t truth_hash[LOG_MAX + 2];
    uint8_t truth_flags[LOG_MAX + 2]; /* 1 acknowledged, 2 shown, 4 committed */
    int truth_top, kept;
    struct {
        int begun, by, life, length;
        uint64_t hash[LOG_MAX + 2];
    } epochs[EPOCHS_MAX];
    struct {
        uint64_t hash;
        int id;
    } named[EPOCHS_MAX][NODES_MAX][LOG_MAX + 2];
    int last_epoch;
};

static inline int set_size(int set)
{
    return __builtin_popcount((unsigned)set);
}

static inline int set_majority(int set)
{
    return set_size(set) / 2 + 1;
}

static inline int position_before(int e1, int s1, int e2, int s2)
{
    return e1 < e2 || (e1 == e2 && s1 < s2);
}

/* ---- for its users ---- */

/* All rules of the page on; three nodes, no lies. Large: some megabytes. */
struct model *model_create(void);
void model_destroy(struct model *the);

const char *model_rule_name(enum model_rule rule);

/* RULES: there is none of this name. */
enum model_rule model_rule_find(const char *name);

/* One run. True: `violation` says what must not be. */
bool model_run(struct model *the, uint64_t seed);

/* ---- for its parts ---- */

__attribute__((format(printf, 2, 3))) void model_trace(struct model *the, const char *f, ...);
__attribute__((format(printf, 2, 3))) void model_blame(struct model *the, const char *f, ...);

/* dice.c */
uint64_t dice_next(struct model *the);
int64_t dice_between(struct model *the, int64_t a, int64_t b);
int dice_chance(struct model *the, int permille);

/* clock.c */
int64_t clock_of(struct model *the, int n);

/* queue.c */
void queue_push(struct model *the, int64_t t, int type, int n, int life, int a, int b);
struct event queue_pop(struct model *the);
void queue_after(struct model *the, int n, int64_t delay, int type, int a, int b);

/* post.c */
struct message *post_make(struct model *the, int type, int from, int to);
void post_free(struct model *the, struct message *m);
void post_send(struct model *the, struct message *m, int ch);

/* position.c */
int position_sequence(struct model *the, int n);
int position_epoch(struct model *the, int n);
int position_owes(struct model *the, int n);

/* lease.c */
int lease_holds(struct model *the, int n, int64_t clk);
void lease_count(struct model *the, int n);
int64_t lease_without(struct model *the, int n, int w);

/* truth.c */
void truth_lease(struct model *the, int n);
void truth_keep(struct model *the, int n, int seq, int flag, int epoch);
void truth_begin(struct model *the, int n);

/* disk.c */
void disk_append(struct model *the, int n, struct record r, int fresh);
void disk_sync(struct model *the, int n);
void disk_store(struct model *the, int n, int kind);

/* commit.c */
int commit_without(struct model *the, int n, int without, int of);
void commit_count(struct model *the, int n);

/* follow.c */
void follow_close(struct model *the, int n);
void follow_hello(struct model *the, int n);
int follow_common(struct model *the, int n, const struct message *m);
void follow_ack(struct model *the, int n);

/* feed.c */
void feed_pump(struct model *the, int n, int x);
int feed_can_take(struct model *the, int n, int x);

/* lead.c */
void lead_step_down(struct model *the, int n, const char *why);
void lead_begin(struct model *the, int n);
void lead_change_set(struct model *the, int n);
int lead_may_begin_alone(struct model *the, int n);

/* vote.c */
void vote_reply(struct model *the, int n, int to, int start, int e, int yes);
void vote_send(struct model *the, int n, int to);
void vote_own(struct model *the, int n);
int vote_set(struct model *the, int n);
int vote_would(struct model *the, int n, int l);
void vote_tell_worker(struct model *the, int n, int e, int l);
void vote_store(struct model *the, int n);
int vote_is_behind(struct model *the, int n, int pe, int ps);
void vote_judge(struct model *the, int n, int from, int start, int e, int l, int pe, int ps, int ver);

/* candidate.c */
void candidate_begin(struct model *the, int n);

/* topology.c */
void topology_take(struct model *the, int n, const struct topology *d);
void topology_swap(struct model *the, int n, int epoch, int leader, int set);
void topology_put(struct model *the, struct topology d);

/* process.c */
void process_promise(struct model *the, int n, int e, int l, int st);
void process_exchange_done(struct model *the, int n);
void process_crash(struct model *the, int n);
void process_start(struct model *the, int n);
void process_replace(struct model *the, int n);
int process_frail(struct model *the);

/* run.c */
int run_is_well(struct model *the, char *why);

/* message.c */
const char *message_name(int type);
void message_take(struct model *the, struct message *m);

/* event.c */
void event_take(struct model *the, struct event *v);

/* fault.c */
void fault_strike(struct model *the);

/* story.c */
void story_step(struct model *the, int st, int p);

#endif
