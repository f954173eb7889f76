/* SPDX-License-Identifier: MIT */

/* coord_guard_io.c - what the raft library calls: its raft_io, over the store and the sender; and its start. */
#include "cluster/coord_guard_state.h"

#include <stdio.h>

#include "base/memory.h"

/* ---- addresses ---- */

uint64_t coord_guard_node(const char *address)
{
    int64_t node;
    return bytes_to_int(gm_bytes_of(address), &node) && node > 0 ? (uint64_t)node : 0;
}

void coord_guard_address(uint64_t node, char out[static 24])
{
    (void)snprintf(out, 24, "%llu", (unsigned long long)node);
}

/* ---- sending ---- */

struct coord_guard_parcel *coord_guard_parcel(struct coord_guard *guard, uint64_t to)
{
    struct coord_guard_parcel *parcel = memory_zeroed(sizeof *parcel);
    parcel->to = to;
    buf_init(&parcel->bytes, COORD_MESSAGE_MAX);
    list_push_back(&guard->outbox, &parcel->link);
    return parcel;
}

/* As many entries as fit into one message: the answer says how far they went, the rest follows. */
static void encode_append(struct coord_guard *guard, struct coord_message *out, const struct raft_append_entries *from,
                          struct buf *bytes)
{
    uint32_t count = 0;
    out->kind = COORD_MESSAGE_APPEND;
    out->term = from->term;
    out->stamp = guard->stamp;
    out->append.prev_index = from->prev_log_index;
    out->append.prev_term = from->prev_log_term;
    out->append.commit = from->leader_commit;
    coord_message_encode(out, bytes);
    for (; count < from->n_entries && count < COORD_MESSAGE_ENTRIES_MAX; count++) {
        const struct raft_entry *entry = &from->entries[count];
        struct coord_store_entry copy = {
            .term = entry->term, .type = entry->type, .data = {entry->buf.base, entry->buf.len}};
        if (copy.data.size + COORD_MESSAGE_ENTRY > COORD_MESSAGE_MAX - bytes->size) {
            break;
        }
        coord_message_add(bytes, &copy);
    }
    coord_message_set_count(bytes, count);
}

static void encode_result(struct coord_guard *guard, struct coord_message *out,
                          const struct raft_append_entries_result *from)
{
    uint64_t last = from->last_log_index;
    bool known = guard->request.server == out->to;
    if (from->rejected == 0 && (!known || last > guard->request.checked)) {
        last = known ? guard->request.checked : 0; /* coord_guard P3 */
    }
    out->kind = COORD_MESSAGE_APPENDED;
    out->term = from->term;
    out->stamp = known ? guard->request.stamp : 0;
    out->appended.rejected = from->rejected;
    out->appended.last = last;
}

static bool encode(struct coord_guard *guard, struct coord_message *out, const struct raft_message *message,
                   struct buf *bytes)
{
    switch (message->type) {
    case RAFT_IO_APPEND_ENTRIES:
        encode_append(guard, out, &message->append_entries, bytes);
        return true;
    case RAFT_IO_APPEND_ENTRIES_RESULT:
        encode_result(guard, out, &message->append_entries_result);
        break;
    case RAFT_IO_REQUEST_VOTE:
        out->kind = COORD_MESSAGE_VOTE;
        out->term = message->request_vote.term;
        out->vote.last_index = message->request_vote.last_log_index;
        out->vote.last_term = message->request_vote.last_log_term;
        out->vote.pre_vote = message->request_vote.pre_vote;
        break;
    case RAFT_IO_REQUEST_VOTE_RESULT:
        out->kind = COORD_MESSAGE_VOTED;
        out->term = message->request_vote_result.term;
        out->voted.granted = message->request_vote_result.vote_granted;
        out->voted.pre_vote = message->request_vote_result.pre_vote == raft_tribool_unknown ? 0
                              : message->request_vote_result.pre_vote == raft_tribool_true  ? 1
                                                                                            : 2;
        break;
    default:
        return false; /* coord_guard P5 */
    }
    coord_message_encode(out, bytes);
    return true;
}

static struct coord_guard *guard_of(struct raft_io *io)
{
    return container_of(io, struct coord_guard, io);
}

static int io_send(struct raft_io *io, struct raft_io_send *send, const struct raft_message *message,
                   raft_io_send_cb cb)
{
    struct coord_guard *guard = guard_of(io);
    uint64_t node = coord_guard_node(message->server_address);
    if (guard->closing || guard->stopped || node == 0) {
        return RAFT_CANCELED;
    }
    struct coord_message out = {.from = guard->config.server, .to = message->server_id};
    struct coord_guard_parcel *parcel = coord_guard_parcel(guard, node);
    if (!encode(guard, &out, message, &parcel->bytes)) {
        list_remove(&parcel->link);
        buf_finish(&parcel->bytes);
        memory_free(parcel);
        return RAFT_CANCELED;
    }
    parcel->send = send;
    parcel->cb = cb;
    return 0;
}

/* ---- storing ---- */

static int io_set_term(struct raft_io *io, raft_term term)
{
    struct coord_guard *guard = guard_of(io);
    if (guard->closing || guard->stopped) {
        return RAFT_IOERR;
    }
    coord_store_set_term(&guard->store, term);
    return 0;
}

static int io_set_vote(struct raft_io *io, raft_id server)
{
    struct coord_guard *guard = guard_of(io);
    if (guard->closing || guard->stopped) {
        return RAFT_IOERR;
    }
    coord_store_set_vote(&guard->store, server);
    return 0;
}

static enum status store_entries(struct coord_guard *guard, const struct raft_entry *from, unsigned count)
{
    struct coord_store_entry *entries = memory_alloc(count * sizeof *entries);
    for (unsigned i = 0; i < count; i++) {
        entries[i] = (struct coord_store_entry){
            .term = from[i].term, .type = from[i].type, .data = {from[i].buf.base, from[i].buf.len}};
    }
    enum status status = coord_store_append(&guard->store, entries, count);
    memory_free(entries);
    return status;
}

static int io_append(struct raft_io *io, struct raft_io_append *append, const struct raft_entry entries[], unsigned n,
                     raft_io_append_cb cb)
{
    struct coord_guard *guard = guard_of(io);
    if (guard->closing || guard->stopped || n == 0) {
        return RAFT_IOERR;
    }
    if (store_entries(guard, entries, n) != STATUS_OK) {
        coord_guard_stop(guard, "the coordinator's log is full, and it takes no more changes of the cluster");
        return RAFT_NOSPACE;
    }
    struct coord_guard_waiter *waiter = memory_alloc(sizeof *waiter);
    *waiter = (struct coord_guard_waiter){.append = append, .cb = cb};
    list_push_back(&guard->appends, &waiter->link);
    return 0;
}

static int io_truncate(struct raft_io *io, raft_index index)
{
    struct coord_guard *guard = guard_of(io);
    if (guard->closing || guard->stopped) {
        return RAFT_IOERR;
    }
    if (index == 0 || index > guard->store.last || index <= guard->store.applied) {
        coord_guard_stop(guard,
                         "the coordinator's log was to be cut where it is committed: this node's folder does not "
                         "belong to its cluster any more");
        return RAFT_IOERR;
    }
    /* A change of servers that is in the log at the start passes for committed there, and is not taken back when it is
     * cut: the next start reads what is right. coord_guard P6 */
    guard->must_restart = guard->must_restart || guard->raft.configuration_index >= index;
    coord_store_truncate(&guard->store, index);
    return 0;
}

/* ---- the start ---- */

static int io_load(struct raft_io *io, raft_term *term, raft_id *vote, struct raft_snapshot **snapshot,
                   raft_index *start_index, struct raft_entry *entries[], size_t *n_entries)
{
    struct coord_guard *guard = guard_of(io);
    struct coord_store *store = &guard->store;
    *term = store->term;
    *vote = store->vote;
    *snapshot = NULL;
    *start_index = 1;
    *entries = NULL;
    *n_entries = (size_t)store->last;
    size_t total = 0;
    for (uint64_t i = 1; i <= store->last; i++) {
        total += coord_store_loaded(store, i).data.size;
    }
    if (store->last > 0) {
        uint8_t *at = raft_malloc(total + 1);
        *entries = raft_calloc(*n_entries, sizeof **entries);
        check(at != NULL && *entries != NULL);
        void *batch = at;
        for (uint64_t i = 1; i <= store->last; i++) {
            struct coord_store_entry entry = coord_store_loaded(store, i);
            if (entry.data.size > 0) {
                memcpy(at, entry.data.data, entry.data.size);
            }
            (*entries)[i - 1] = (struct raft_entry){
                .term = entry.term, .type = entry.type, .buf = {at, entry.data.size}, .batch = batch};
            at += entry.data.size;
        }
    }
    return 0;
}

static int io_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io;
    (void)id;
    (void)address;
    return 0;
}

static void io_close(struct raft_io *io, raft_io_close_cb cb)
{
    guard_of(io)->closed = cb;
}

static int io_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
    struct coord_guard *guard = guard_of(io);
    guard->tick = tick;
    guard->recv = recv;
    guard->tick_us = (int64_t)msecs * 1000;
    guard->next_tick_us = guard->now_us + guard->tick_us;
    return 0;
}

static int io_bootstrap(struct raft_io *io, const struct raft_configuration *configuration)
{
    struct coord_guard *guard = guard_of(io);
    struct raft_buffer buffer;
    if (raft_configuration_encode(configuration, &buffer) != 0) {
        return RAFT_NOMEM;
    }
    struct coord_store_entry entry = {.term = 1, .type = COORD_STORE_CHANGE, .data = {buffer.base, buffer.len}};
    coord_store_set_term(&guard->store, 1);
    enum status status = coord_store_append(&guard->store, &entry, 1);
    raft_free(buffer.base);
    guard->config.disk->ops->drain(guard->config.disk);
    return status == STATUS_OK && coord_store_idle(&guard->store) ? 0 : RAFT_IOERR;
}

static int io_recover(struct raft_io *io, const struct raft_configuration *configuration)
{
    (void)io;
    (void)configuration;
    return RAFT_INVALID;
}

static int io_snapshot_put(struct raft_io *io, unsigned trailing, struct raft_io_snapshot_put *put,
                           const struct raft_snapshot *snapshot, raft_io_snapshot_put_cb cb)
{
    (void)io;
    (void)trailing;
    (void)put;
    (void)snapshot;
    (void)cb;
    return RAFT_INVALID; /* coord_guard P5 */
}

static int io_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *get, raft_io_snapshot_get_cb cb)
{
    (void)io;
    (void)get;
    (void)cb;
    return RAFT_INVALID;
}

static raft_time io_time(struct raft_io *io)
{
    return (raft_time)(guard_of(io)->now_us / 1000);
}

static int io_random(struct raft_io *io, int min, int max)
{
    struct coord_guard *guard = guard_of(io);
    return max <= min ? min : min + (int)prng_below(&guard->prng, (uint64_t)(max - min));
}

static void fill_io(struct coord_guard *guard)
{
    guard->io = (struct raft_io){
        .version = 1,
        .init = io_init,
        .close = io_close,
        .load = io_load,
        .start = io_start,
        .bootstrap = io_bootstrap,
        .recover = io_recover,
        .set_term = io_set_term,
        .set_vote = io_set_vote,
        .send = io_send,
        .append = io_append,
        .truncate = io_truncate,
        .snapshot_put = io_snapshot_put,
        .snapshot_get = io_snapshot_get,
        .time = io_time,
        .random = io_random,
    };
}

/* The library trusts the bytes of a change of servers. */
static enum status check_changes(const struct coord_store *store, struct complaint *complaint)
{
    for (uint64_t i = 1; i <= store->last; i++) {
        struct coord_store_entry entry = coord_store_loaded(store, i);
        if (entry.type == COORD_STORE_CHANGE && !coord_message_is_change(entry.data)) {
            complaint_set(complaint, "entry %llu of '" COORD_STORE_LOG "' is no change of servers; nothing was changed",
                          (unsigned long long)i);
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

static int bootstrap(struct coord_guard *guard, const char *address)
{
    struct raft_configuration configuration;
    raft_configuration_init(&configuration);
    int code = raft_configuration_add(&configuration, guard->config.server, address, RAFT_VOTER);
    if (code == 0) {
        code = raft_bootstrap(&guard->raft, &configuration);
    }
    raft_configuration_close(&configuration);
    return code;
}

static int init_library(struct coord_guard *guard)
{
    char address[24];
    coord_guard_address(guard->config.node, address);
    int code = raft_init(&guard->raft, &guard->io, guard->config.fsm, guard->config.server, address);
    if (code != 0) {
        return code;
    }
    guard->running = true;
    raft_set_heartbeat_timeout(&guard->raft, guard->config.beat_ms);
    raft_set_election_timeout(&guard->raft, guard->config.elect_ms);
    raft_set_snapshot_threshold(&guard->raft, UINT32_MAX); /* coord_guard P5 */
    raft_set_pre_vote(&guard->raft, true);
    if (guard->config.bootstrap && guard->store.last == 0 && guard->store.term == 0) {
        code = bootstrap(guard, address);
    }
    return code;
}

static enum status open_store(struct coord_guard *guard, struct complaint *complaint)
{
    const struct coord_guard_config *config = &guard->config;
    return coord_store_open(&guard->store, config->disk, config->server, config->log_size, complaint);
}

enum status coord_guard_start(struct coord_guard *guard, const struct coord_guard_config *config,
                              struct complaint *complaint)
{
    memset(guard, 0, sizeof *guard);
    guard->config = *config;
    guard->now_us = config->now_us;
    prng_seed(&guard->prng, config->seed);
    list_init(&guard->inbox);
    list_init(&guard->outbox);
    list_init(&guard->appends);
    fill_io(guard);
    TRY(open_store(guard, complaint));
    enum status status = check_changes(&guard->store, complaint);
    if (status == STATUS_OK) {
        int code = init_library(guard);
        if (code != 0) {
            complaint_set(complaint, "the coordinator's engine does not begin: %s", raft_strerror(code));
            status = STATUS_IO;
        }
    }
    if (status != STATUS_OK) {
        coord_guard_finish(guard);
    }
    return status;
}

enum status coord_guard_run(struct coord_guard *guard, struct complaint *complaint)
{
    if (guard->store.loaded == NULL || guard->store.last != guard->store.read) { /* it was written since */
        coord_store_close(&guard->store);
        TRY(open_store(guard, complaint));
    }
    int code = raft_start(&guard->raft);
    coord_store_forget(&guard->store);
    if (code != 0) {
        complaint_set(complaint, "the coordinator's engine does not start: %s", raft_strerror(code));
        return STATUS_IO;
    }
    return STATUS_OK;
}
