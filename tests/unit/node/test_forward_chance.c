/* SPDX-License-Identifier: MIT */

/* test_forward_chance.c - one client at each of three nodes, while nodes die, wires are cut and leaders change at
 * random. A ledger outside of the store knows what was asked and what was answered: each command has one answer, in
 * order, and what was said of writes is true of the data in the end. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/seed.h"
#include "talk.h"

#define ASKED_MAX 64

enum asked {
    ASKED_INCR,
    ASKED_GET,
    ASKED_ECHO,
    ASKED_MULTI,  /* its answer, */
    ASKED_QUEUED, /* that of what it queues, */
    ASKED_EXEC,   /* and of its end, which is one INCR */
    ASKED_PUSH,
    ASKED_POP,
};

struct question {
    enum asked kind;
    uint64_t number; /* of an ECHO; of a GET: what it shows at least */
};

/* One client at each node, whose counter nobody else touches; and what somebody outside of the store knows. */
struct account {
    struct question asked[TRIO_NODES][ASKED_MAX];
    unsigned count[TRIO_NODES];
    uint64_t acked[TRIO_NODES], uncertain[TRIO_NODES], highest[TRIO_NODES];
    uint64_t floor[TRIO_NODES]; /* what its own node shows of its counter at least */
    uint64_t echoes;
    uint64_t pushed;
    bool popped[4096];
    struct stand_promise promises[TRIO_NODES];
    uint64_t epoch;
    int leader;                /* -1: nobody is known to lead */
    uint64_t late[TRIO_NODES]; /* answers of which it is not known whether the node had what they depend on */
    uint64_t answers, refused, popped_count, elections, checked;
};

static bool is_reachable(struct trio *trio, unsigned a, unsigned b)
{
    return trio->runs[a] && trio->runs[b] && (a == b || (!trio_wire(trio, a, b)->cut && !trio_wire(trio, b, a)->cut));
}

static bool votes(struct trio *trio, struct account *ledger, unsigned i, unsigned candidate,
                  struct stand_position position)
{
    struct stand_promise before;
    struct stand_promise yes = {ledger->epoch, candidate + 1, trio->at[candidate].identity.start};
    struct replica *replica = trio_replica(trio, i);
    if (replica->state != REPLICA_SERVING ||
        stand_raise(&replica->stand, &yes, position, i == candidate, &before) != STAND_YES) {
        return false;
    }
    ledger->promises[i] = yes;
    return true;
}

static void elect(struct trio *trio, struct account *ledger)
{
    unsigned candidate = (unsigned)prng_below(&trio->prng, TRIO_NODES);
    bool yes[TRIO_NODES] = {false};
    unsigned count = 0;
    if (!trio->runs[candidate] || trio_replica(trio, candidate)->state != REPLICA_SERVING) {
        return;
    }
    ledger->epoch++;
    struct stand_position position = trio_replica(trio, candidate)->stand.position;
    if (!votes(trio, ledger, candidate, candidate, position)) {
        return;
    }
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        yes[i] = i == candidate || (is_reachable(trio, i, candidate) && votes(trio, ledger, i, candidate, position));
        count += yes[i];
    }
    struct record_epoch set = {.leader = candidate + 1, .replica_count = TRIO_NODES, .replicas = {1, 2, 3}};
    if (count < 2 || !membership_lead(&trio_node(trio, candidate)->membership, ledger->epoch, &set)) {
        return;
    }
    ledger->leader = (int)candidate;
    ledger->elections++;
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (yes[i] && i != candidate) {
            membership_follow(&trio_node(trio, i)->membership, trio_address(candidate), ledger->epoch, candidate + 1);
        }
    }
}

/* Who has not said yes is asked again, when the leader's epoch is on its disk. */
static void ask_again(struct trio *trio, struct account *ledger)
{
    unsigned leader = (unsigned)ledger->leader;
    if (ledger->leader < 0 || !trio->runs[leader]) {
        return;
    }
    struct replica *replica = trio_replica(trio, leader);
    struct stand_promise promise = replica->stand.promise;
    if (replica->shard.role != SHARD_LEADING || promise.epoch != replica->shard.tail.epoch ||
        replica->stand.position.epoch != promise.epoch) {
        return;
    }
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        struct stand_promise before;
        if (i == leader || !is_reachable(trio, i, leader) ||
            (trio_replica(trio, i)->state != REPLICA_SERVING && !trio_replica(trio, i)->blank)) {
            continue;
        }
        struct stand *stand = &trio_replica(trio, i)->stand;
        if (stand->promise.epoch < promise.epoch &&
            stand_raise(stand, &promise, replica->stand.position, false, &before) == STAND_YES) {
            ledger->promises[i] = promise;
        }
        if (stand->promise.epoch == promise.epoch) {
            membership_follow(&trio_node(trio, i)->membership, trio_address(leader), promise.epoch, leader + 1);
        }
    }
}

static void quorum(struct trio *trio, unsigned i)
{
    struct node *node = trio_node(trio, i);
    node->worker.sessions.level = GATE_QUORUM;
    node->forward.options.wait_ms = 100 + (int64_t)prng_below(&trio->prng, 2000);
    node->membership.tenure.options.wait_ms = 100 + (int64_t)prng_below(&trio->prng, 2000);
}

static void lose_client(struct account *ledger, unsigned i)
{
    for (unsigned k = 0; k < ledger->count[i]; k++) {
        enum asked kind = ledger->asked[i][k].kind;
        ledger->uncertain[i] += kind == ASKED_INCR || kind == ASKED_EXEC;
    }
    ledger->count[i] = 0;
    ledger->floor[i] = 0; /* what was not on its disk is gone there */
}

static void misfortune(struct trio *trio, struct account *ledger)
{
    unsigned i = (unsigned)prng_below(&trio->prng, TRIO_NODES);
    unsigned k = (unsigned)prng_below(&trio->prng, TRIO_NODES);
    switch (prng_below(&trio->prng, 7)) {
    case 0:
        if (trio->runs[i] && trio_replica(trio, i)->state == REPLICA_SERVING) {
            lose_client(ledger, i);
            trio_stop(trio, i, false);
            ledger->leader = ledger->leader == (int)i ? -1 : ledger->leader;
        }
        break;
    case 1:
        if (i != k) {
            struct sim_wire *wire = trio_wire(trio, i, k);
            wire->cut = !wire->cut;
        }
        break;
    case 2:
    case 3:
        elect(trio, ledger);
        break;
    case 4:
        if (i != k && trio->runs[i] && trio->runs[k]) {
            sim_net_break(trio->net, trio_address(i), trio_address(k));
        }
        break;
    default:
        if (!trio->runs[i]) {
            trio_start(trio, i);
            quorum(trio, i);
            trio_replica(trio, i)->stand.promise = ledger->promises[i];
        }
    }
}

static void ask(struct trio *trio, struct account *ledger, unsigned i, enum asked kind, const char *format, ...)
{
    char line[128];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ledger->asked[i][ledger->count[i]++] = (struct question){kind, ledger->echoes};
    trio_send(trio, i, line);
}

static void ask_something(struct trio *trio, struct account *ledger, unsigned i)
{
    unsigned other = (unsigned)prng_below(&trio->prng, 2);
    if (!trio->runs[i] || ledger->count[i] > ASKED_MAX - 4) {
        return;
    }
    ledger->echoes++;
    switch (prng_below(&trio->prng, 8)) {
    case 0:
    case 1:
    case 2:
        ask(trio, ledger, i, ASKED_INCR, "INCR c%u", i);
        break;
    case 3:
        ask(trio, ledger, i, ASKED_GET, "GET c%u", i);
        break;
    case 4:
        ask(trio, ledger, i, ASKED_ECHO, "ECHO e%llu", (unsigned long long)ledger->echoes);
        break;
    case 5:
        ask(trio, ledger, i, ASKED_MULTI, "MULTI");
        ask(trio, ledger, i, ASKED_QUEUED, "INCR c%u", i);
        ask(trio, ledger, i, ASKED_EXEC, "EXEC");
        break;
    case 6:
        if (ledger->pushed + 1 < sizeof ledger->popped) {
            ask(trio, ledger, i, ASKED_PUSH, "RPUSH q%u %llu", other, (unsigned long long)++ledger->pushed);
        }
        break;
    default:
        ask(trio, ledger, i, ASKED_POP, "BLPOP q%u 0.1", other);
    }
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void take_count(struct account *ledger, unsigned i, const char *text)
{
    if (begins(text, "-UNCERTAIN")) {
        ledger->uncertain[i]++;
    } else if (begins(text, "-CLUSTERDOWN") || begins(text, "-LOADING")) {
        ledger->refused++;
    } else {
        uint64_t number = strtoull(text + 1, NULL, 10);
        cr_assert_eq(text[0], ':', "%s", text);
        cr_assert_gt(number, ledger->highest[i]);
        ledger->highest[i] = number;
        ledger->floor[i] = number;
        ledger->acked[i]++;
    }
}

static void take_pop(struct account *ledger, const char *text)
{
    if (text[0] == '[') {
        uint64_t id = strtoull(strchr(text + 3, ' ') + 2, NULL, 10);
        cr_assert(id > 0 && id <= ledger->pushed && !ledger->popped[id], "%s came twice", text);
        ledger->popped[id] = true;
        ledger->popped_count++;
    } else {
        cr_assert(begins(text, "nil[]") || begins(text, "-UNBLOCKED") || begins(text, "-LOADING") ||
                      begins(text, "-UNCERTAIN") || begins(text, "-CLUSTERDOWN"),
                  "%s", text);
    }
}

static void take_answer(struct account *ledger, unsigned i, const char *text)
{
    char echo[32];
    cr_assert_gt(ledger->count[i], 0, "nobody has asked for %s", text);
    struct question question = ledger->asked[i][0];
    ledger->count[i]--;
    memmove(ledger->asked[i], ledger->asked[i] + 1, ledger->count[i] * sizeof question);
    ledger->answers++;
    (void)snprintf(echo, sizeof echo, "\"e%llu\"", (unsigned long long)question.number);
    bool error = text[0] == '-';
    bool held = begins(text, "-UNCERTAIN") || begins(text, "-CLUSTERDOWN") ||
                begins(text, "-LOADING"); /* what came with it may have written */
    switch (question.kind) {
    case ASKED_INCR:
        take_count(ledger, i, text);
        break;
    case ASKED_EXEC:
        if (begins(text, "[:")) {
            take_count(ledger, i, text + 1);
        } else if (!begins(text, "-EXECABORT")) {
            take_count(ledger, i, text);
        }
        break;
    case ASKED_GET:
        cr_assert(held || text[0] == '"' || begins(text, "nil"), "%s", text);
        if (!held && ledger->late[i] == 0) { /* forward_answer P1 */
            uint64_t value = text[0] == '"' ? strtoull(text + 1, NULL, 10) : 0;
            cr_assert_geq(value, ledger->floor[i], "node %u shows %llu after %llu", i + 1, (unsigned long long)value,
                          (unsigned long long)ledger->floor[i]);
            ledger->checked++;
        }
        break;
    case ASKED_ECHO:
        cr_assert(held || strcmp(text, echo) == 0, "%s", text);
        break;
    case ASKED_MULTI:
        cr_assert(held || strcmp(text, "OK") == 0, "%s", text);
        break;
    case ASKED_QUEUED:
        cr_assert(held || strcmp(text, "QUEUED") == 0, "%s", text);
        break;
    case ASKED_PUSH:
        cr_assert(text[0] == ':' || error, "%s", text);
        break;
    case ASKED_POP:
        take_pop(ledger, text);
        break;
    }
}

static void hear_all(struct trio *trio, struct account *ledger)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        const char *text = NULL;
        while (trio->runs[i] && (text = talk_take(trio, i)) != NULL) {
            ledger->late[i] = trio_node(trio, i)->forward.late;
            take_answer(ledger, i, text);
        }
    }
}

/* All that its leader has, a majority has. */
static bool is_whole(struct trio *trio, const struct account *ledger)
{
    if (ledger->leader < 0 || ledger->count[0] + ledger->count[1] + ledger->count[2] > 0) {
        return false;
    }
    const struct replica *replica = trio_replica(trio, (unsigned)ledger->leader);
    return replica->shard.role == SHARD_LEADING && replica->acks.committed == replica->shard.tail.last_sequence;
}

static void heal(struct trio *trio, struct account *ledger)
{
    trio_mend(trio);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (!trio->runs[i]) {
            trio_start(trio, i);
            quorum(trio, i);
            trio_replica(trio, i)->stand.promise = ledger->promises[i];
        }
    }
    for (unsigned i = 0; i < TRIO_PATIENCE; i++) {
        if (i % 1000 == 500 && (ledger->leader < 0 || !is_whole(trio, ledger))) {
            elect(trio, ledger);
        }
        ask_again(trio, ledger);
        trio_turn(trio);
        hear_all(trio, ledger);
        if (i > 7000 && is_whole(trio, ledger)) {
            return;
        }
    }
    cr_assert_fail("seed: commands are not answered: %u %u %u", ledger->count[0], ledger->count[1], ledger->count[2]);
}

static void one_life(uint64_t seed, struct account *ledger)
{
    struct trio *trio = talk_begin(seed);
    *ledger = (struct account){.epoch = 1, .leader = 0};
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        quorum(trio, i);
        ledger->promises[i] = trio_replica(trio, i)->stand.promise;
    }
    for (unsigned step = 0; step < 4000; step++) {
        trio_turn(trio);
        hear_all(trio, ledger);
        if (prng_below(&trio->prng, 8) == 0) {
            ask_again(trio, ledger);
        }
        if (prng_below(&trio->prng, 150) == 0) {
            misfortune(trio, ledger);
        }
        if (prng_below(&trio->prng, 3) == 0) {
            ask_something(trio, ledger, (unsigned)prng_below(&trio->prng, TRIO_NODES));
        }
    }
    heal(trio, ledger);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "GET c%u", i);
        const char *text = talk_say(trio, (unsigned)ledger->leader, line);
        uint64_t value = text[0] == '"' ? strtoull(text + 1, NULL, 10) : 0;
        cr_assert(value >= ledger->acked[i] && value <= ledger->acked[i] + ledger->uncertain[i],
                  "seed %llu, node %u: %s (%llu), acknowledged %llu, uncertain %llu", (unsigned long long)seed, i + 1,
                  text, (unsigned long long)value, (unsigned long long)ledger->acked[i],
                  (unsigned long long)ledger->uncertain[i]);
        cr_assert_geq(value, ledger->highest[i]);
    }
    talk_finish(trio);
}

/* forward_answer P2, forward_answer P3; cluster C25 */
Test(forward, each_command_gets_one_answer_that_is_true_whatever_comes, .timeout = 300)
{
    uint64_t seed = seed_of_run();
    uint64_t acked = 0, uncertain = 0, popped = 0, elections = 0, refused = 0, checked = 0;
    for (unsigned run = 0; run < 20; run++) {
        static struct account ledger;
        one_life(seed + run, &ledger);
        for (unsigned i = 0; i < TRIO_NODES; i++) {
            acked += ledger.acked[i];
            uncertain += ledger.uncertain[i];
        }
        popped += ledger.popped_count;
        elections += ledger.elections;
        refused += ledger.refused;
        checked += ledger.checked;
    }
    printf("%llu acknowledged, %llu uncertain, %llu refused, %llu popped, %llu reads of own writes, %llu leaders\n",
           (unsigned long long)acked, (unsigned long long)uncertain, (unsigned long long)refused,
           (unsigned long long)popped, (unsigned long long)checked, (unsigned long long)elections);
    cr_assert(acked > 500 && uncertain > 10 && popped > 20 && elections > 40 && checked > 100);
}
