/* SPDX-License-Identifier: MIT */

/* coord_guard.c - the order of events, and what is changed in messages; coord_guard.h has the argument. The functions
 * that the library calls are in coord_guard_io.c. */
#include "cluster/coord_guard.h"

#include "base/memory.h"
#include "cluster/coord_guard_state.h"

#define EVENTS_PER_TURN 256

/* ---- what happens ---- */

void coord_guard_stop(struct coord_guard *guard, const char *why)
{
    if (!guard->stopped) {
        guard->stopped = true;
        complaint_set(&guard->trouble, "%s", why);
    }
}

static struct coord_guard_peer *peer_of(struct coord_guard *guard, uint64_t server)
{
    struct coord_guard_peer *oldest = &guard->peers[0];
    for (size_t i = 0; i < COORD_GUARD_PEERS; i++) {
        if (guard->peers[i].server == server) {
            return &guard->peers[i];
        }
        if (guard->peers[i].heard_us < oldest->heard_us) {
            oldest = &guard->peers[i];
        }
    }
    *oldest = (struct coord_guard_peer){.server = server};
    return oldest;
}

static void note_answer(struct coord_guard *guard, const struct coord_message *message)
{
    struct coord_guard_peer *peer = peer_of(guard, message->from);
    peer->heard_us = guard->now_us;
    if (message->kind == COORD_MESSAGE_APPENDED && message->stamp <= guard->stamp) {
        if (message->term > peer->term) {
            peer->term = message->term;
            peer->stamp = 0;
        }
        if (message->term == peer->term && message->stamp > peer->stamp) {
            peer->stamp = message->stamp;
        }
    }
}

/* The entries of a message, as the library owns them: an array, and one piece of memory for all data. */
static struct raft_entry *take_entries(const struct coord_message *message)
{
    uint32_t count = message->append.count;
    if (count == 0) {
        return NULL;
    }
    struct raft_entry *entries = raft_calloc(count, sizeof *entries);
    uint8_t *batch = raft_malloc(message->append.entries.size);
    check(entries != NULL && batch != NULL);
    struct gm_bytes rest = message->append.entries;
    uint8_t *at = batch;
    for (uint32_t i = 0; i < count; i++) {
        struct coord_store_entry entry = coord_message_entry(&rest);
        if (entry.data.size > 0) {
            memcpy(at, entry.data.data, entry.data.size);
        }
        entries[i] =
            (struct raft_entry){.term = entry.term, .type = entry.type, .buf = {at, entry.data.size}, .batch = batch};
        at += entry.data.size;
    }
    return entries;
}

static void deliver_append(struct coord_guard *guard, const struct coord_message *message, struct raft_message *out)
{
    uint64_t checked = message->append.prev_index + message->append.count;
    out->type = RAFT_IO_APPEND_ENTRIES;
    out->append_entries.term = message->term;
    out->append_entries.prev_log_index = message->append.prev_index;
    out->append_entries.prev_log_term = message->append.prev_term;
    out->append_entries.leader_commit =
        message->append.commit < checked ? message->append.commit : checked; /* coord_guard P4 */
    out->append_entries.n_entries = message->append.count;
    out->append_entries.entries = take_entries(message);
    guard->request.server = message->from;
    guard->request.checked = checked;
    guard->request.stamp = message->stamp;
}

static bool fill_message(struct coord_guard *guard, const struct coord_message *message, struct raft_message *out)
{
    switch (message->kind) {
    case COORD_MESSAGE_APPEND:
        deliver_append(guard, message, out);
        return true;
    case COORD_MESSAGE_APPENDED:
        out->type = RAFT_IO_APPEND_ENTRIES_RESULT;
        out->append_entries_result.term = message->term;
        out->append_entries_result.rejected = message->appended.rejected;
        out->append_entries_result.last_log_index = message->appended.last;
        /* Nobody has more of this log than it has itself. */
        return message->appended.rejected > 0 || message->term != guard->raft.current_term ||
               message->appended.last <= raft_last_index(&guard->raft);
    case COORD_MESSAGE_VOTE:
        out->type = RAFT_IO_REQUEST_VOTE;
        out->request_vote.term = message->term;
        out->request_vote.candidate_id = message->from;
        out->request_vote.last_log_index = message->vote.last_index;
        out->request_vote.last_log_term = message->vote.last_term;
        out->request_vote.disrupt_leader = false; /* coord_guard P5 */
        out->request_vote.pre_vote = message->vote.pre_vote;
        return true;
    case COORD_MESSAGE_VOTED:
        out->type = RAFT_IO_REQUEST_VOTE_RESULT;
        out->request_vote_result.term = message->term;
        out->request_vote_result.vote_granted = message->voted.granted;
        out->request_vote_result.pre_vote = message->voted.pre_vote == 0   ? raft_tribool_unknown
                                            : message->voted.pre_vote == 1 ? raft_tribool_true
                                                                           : raft_tribool_false;
        return true;
    default:
        return false;
    }
}

static struct raft_server *own_server(struct coord_guard *guard)
{
    struct raft_configuration *servers = &guard->raft.configuration;
    for (unsigned i = 0; i < servers->n; i++) {
        if (servers->servers[i].id == guard->config.server) {
            return &servers->servers[i];
        }
    }
    return NULL;
}

/* The library looks at its own role before it answers, and reads it nowhere else meanwhile. */
static void receive(struct coord_guard *guard, struct raft_message *message)
{
    struct raft_server *own = message->type == RAFT_IO_REQUEST_VOTE ? own_server(guard) : NULL;
    int role = own != NULL ? own->role : 0;
    if (own != NULL) {
        own->role = RAFT_VOTER; /* coord_guard P9 */
    }
    guard->recv(&guard->io, message);
    own = own != NULL ? own_server(guard) : NULL;
    if (own != NULL) {
        own->role = role;
    }
}

static void deliver(struct coord_guard *guard, struct coord_guard_letter *letter)
{
    struct coord_message message;
    struct raft_message out = {0};
    char address[24];
    if (coord_message_decode(gm_bytes_at(letter->bytes, letter->size), &message) != STATUS_OK ||
        (message.to != guard->config.server && message.to != 0)) {
        return;
    }
    note_answer(guard, &message);
    if (message.kind >= COORD_MESSAGE_SWAP) {
        guard->config.on_ask(guard->config.context, letter->from, &message);
        return;
    }
    if (fill_message(guard, &message, &out)) {
        coord_guard_address(letter->from, address);
        out.server_id = message.from;
        out.server_address = address;
        receive(guard, &out);
    }
}

/* ---- the order ---- */

static void on_barrier(struct raft_barrier *barrier, int status)
{
    struct coord_guard *guard = barrier->data;
    if (status == 0) {
        guard->settled_term = guard->barrier_term;
    }
}

/* coord_guard P2: before anything else is heard. */
static void begin_to_lead(struct coord_guard *guard)
{
    if (raft_state(&guard->raft) != RAFT_LEADER || guard->barrier_term == guard->raft.current_term) {
        return;
    }
    guard->barrier_term = guard->raft.current_term;
    guard->barrier.data = guard;
    if (raft_barrier(&guard->raft, &guard->barrier, on_barrier) != 0) {
        coord_guard_stop(guard, "the coordinator's barrier could not be stored: its log is full");
    }
}

static bool give_back_appends(struct coord_guard *guard)
{
    if (list_empty(&guard->appends)) {
        return false;
    }
    struct coord_guard_waiter *waiter = container_of(guard->appends.next, struct coord_guard_waiter, link);
    list_remove(&waiter->link);
    struct raft_io_append *append = waiter->append;
    raft_io_append_cb cb = waiter->cb;
    memory_free(waiter);
    cb(append, 0);
    return true;
}

static void give_back_parcel(struct coord_guard *guard, bool send)
{
    struct coord_guard_parcel *parcel = container_of(guard->outbox.next, struct coord_guard_parcel, link);
    list_remove(&parcel->link);
    if (send) {
        guard->config.sender.send(guard->config.sender.context, parcel->to, buf_bytes(&parcel->bytes));
    }
    if (parcel->send != NULL && parcel->cb != NULL) {
        parcel->cb(parcel->send, send ? 0 : RAFT_CANCELED);
    }
    buf_finish(&parcel->bytes);
    memory_free(parcel);
}

static bool next_event(struct coord_guard *guard)
{
    guard->request.server = 0;
    if (!list_empty(&guard->inbox)) {
        struct coord_guard_letter *letter = container_of(guard->inbox.next, struct coord_guard_letter, link);
        list_remove(&letter->link);
        guard->inbox_size -= letter->size;
        deliver(guard, letter);
        memory_free(letter);
        return true;
    }
    if (guard->now_us >= guard->next_tick_us) {
        guard->next_tick_us = guard->now_us + guard->tick_us;
        guard->tick(&guard->io);
        return true;
    }
    return false;
}

static bool is_quiet(const struct coord_guard *guard)
{
    return coord_store_idle(&guard->store) && list_empty(&guard->appends) && list_empty(&guard->outbox);
}

/* One thing of the order; false: nothing is left to do, or the disk is waited for. */
static bool step(struct coord_guard *guard)
{
    if (!coord_store_idle(&guard->store)) { /* coord_guard P1 */
        return false;
    }
    if (guard->must_restart) {
        coord_guard_stop(guard, "a change of the coordinator's servers was taken back: start this node again");
        return false;
    }
    if (give_back_appends(guard)) {
        return true;
    }
    if (!list_empty(&guard->outbox)) {
        give_back_parcel(guard, true);
        return true;
    }
    return next_event(guard);
}

void coord_guard_turn(struct coord_guard *guard, int64_t now_us)
{
    guard->now_us = now_us > guard->now_us ? now_us : guard->now_us;
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        if (guard->store.failed) {
            coord_guard_stop(guard, guard->store.trouble.text); /* coord_guard P7 */
        }
        if (guard->stopped || !step(guard)) {
            return;
        }
        begin_to_lead(guard);
    }
}

uint32_t coord_guard_next_ms(const struct coord_guard *guard, int64_t now_us)
{
    if (guard->stopped) {
        return UINT32_MAX;
    }
    if (!coord_store_idle(&guard->store)) {
        return guard->store.failed ? 0 : UINT32_MAX; /* the disk's answer brings the next turn */
    }
    if (!list_empty(&guard->inbox) || !list_empty(&guard->outbox) || !list_empty(&guard->appends) ||
        now_us >= guard->next_tick_us) {
        return 0;
    }
    return (uint32_t)((guard->next_tick_us - now_us + 999) / 1000);
}

bool coord_guard_ready(const struct coord_guard *guard)
{
    return !guard->stopped && !guard->must_restart && is_quiet(guard);
}

bool coord_guard_settled(const struct coord_guard *guard)
{
    return !guard->stopped && guard->raft.state == RAFT_LEADER && guard->settled_term == guard->raft.current_term;
}

uint64_t coord_guard_leader(const struct coord_guard *guard)
{
    raft_id id = 0;
    const char *address = NULL;
    raft_leader((struct raft *)(uintptr_t)&guard->raft, &id, &address);
    return id == 0 || address == NULL ? 0 : coord_guard_node(address);
}

/* ---- who has answered what ---- */

uint64_t coord_guard_stamp(struct coord_guard *guard)
{
    return ++guard->stamp;
}

bool coord_guard_confirmed(const struct coord_guard *guard, uint64_t stamp) /* coord_guard P8 */
{
    unsigned voters = 0;
    unsigned yes = 0;
    for (unsigned i = 0; i < guard->raft.configuration.n; i++) {
        const struct raft_server *server = &guard->raft.configuration.servers[i];
        if (server->role != RAFT_VOTER) {
            continue;
        }
        voters++;
        if (server->id == guard->config.server) {
            yes++;
            continue;
        }
        for (size_t p = 0; p < COORD_GUARD_PEERS; p++) {
            const struct coord_guard_peer *peer = &guard->peers[p];
            if (peer->server == server->id && peer->term == guard->raft.current_term && peer->stamp >= stamp) {
                yes++;
            }
        }
    }
    return yes > voters / 2;
}

int64_t coord_guard_heard_us(const struct coord_guard *guard, uint64_t server)
{
    for (size_t i = 0; i < COORD_GUARD_PEERS; i++) {
        if (guard->peers[i].server == server) {
            return guard->peers[i].heard_us;
        }
    }
    return INT64_MIN;
}

/* ---- messages ---- */

void coord_guard_receive(struct coord_guard *guard, uint64_t from, struct gm_bytes message)
{
    if (message.size > COORD_MESSAGE_MAX || message.size > COORD_GUARD_INBOX_MAX - guard->inbox_size ||
        guard->stopped) {
        return;
    }
    struct coord_guard_letter *letter = memory_alloc(sizeof *letter + message.size);
    letter->from = from;
    letter->size = message.size;
    if (message.size > 0) {
        memcpy(letter->bytes, message.data, message.size);
    }
    guard->inbox_size += message.size;
    list_push_back(&guard->inbox, &letter->link);
}

void coord_guard_send(struct coord_guard *guard, uint64_t to, const struct coord_message *message)
{
    struct coord_guard_parcel *parcel = coord_guard_parcel(guard, to);
    coord_message_encode(message, &parcel->bytes);
    check(!parcel->bytes.full);
}

/* ---- the end ---- */

/* The library is given back what it waits for as done, which is the way that it goes every day; what it then sends
 * nobody hears. Cancelling instead has crashed it. */
static void settle(struct coord_guard *guard)
{
    while (!list_empty(&guard->appends) || !list_empty(&guard->outbox)) {
        if (!list_empty(&guard->outbox)) {
            give_back_parcel(guard, false);
        } else {
            (void)give_back_appends(guard);
        }
    }
}

static void on_closed(struct raft *raft)
{
    (void)raft;
}

void coord_guard_finish(struct coord_guard *guard)
{
    guard->closing = true;
    if (guard->running) {
        settle(guard);
        raft_close(&guard->raft, on_closed);
        settle(guard);
        if (guard->closed != NULL) {
            guard->closed(&guard->io);
        }
        guard->running = false;
    }
    while (!list_empty(&guard->inbox)) {
        struct coord_guard_letter *letter = container_of(guard->inbox.next, struct coord_guard_letter, link);
        list_remove(&letter->link);
        memory_free(letter);
    }
    coord_store_close(&guard->store);
}
