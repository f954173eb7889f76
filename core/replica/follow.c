/* SPDX-License-Identifier: MIT */

/* follow.c - following a leader.
 *
 * Why      A follower is asked for the leader's data, and some day for its log. It must take all that it lacks, nothing
 *          else, and only of the one that it has promised to follow; and never say that it has what it has not.
 *
 * Idea     The stream is opened again and again until it holds. Where it goes on is the leader's decision, by the
 *          tables of epochs; what comes is checked as anything from outside (apply_follow), carried out at once, and
 *          goes into this node's own log, whose disk decides when it is acknowledged: once per sync.
 *
 *            records ─► apply_follow ─► data, tail ─► wal ─► synced ─► stand ─► ack
 *
 *          A follower whose disk is slower than its leader's takes nothing for a while: the link holds back, and so
 *          does the leader's side of it.
 *
 * Promises
 *   P1  Records are taken of the (epoch, leader) alone that is promised, at the moment when they come (cluster C8).
 *   P2  What is acknowledged is on stable storage, was checked by this stream, and was published before (cluster C7,
 *       C11). A yes to a higher epoch ends the stream before anything more is.
 *   P3  A batch is carried out as a whole or not at all, however many messages it took (cluster C14).
 *   P4  What a majority is said to have counts here up to the last record of this stream (cluster C13).
 *   P5  What this node has is given up only for the one that is promised, never below what a majority was said to have,
 *       and nothing of it is removed (replica_rewind).
 *
 * Limits   A batch of 1 GiB is kept until it is whole. A snapshot that is interrupted is sent anew from its beginning;
 *          one that is damaged shows that when it is read, and then the node ends, with all that it had under other
 *          names. */
#include "replica/follow.h"

#include <inttypes.h>

#include "base/memory.h"
#include "log/scan.h"
#include "shard/apply_follow.h"

#define ACK_MS      1000 /* between acknowledgements, if nothing is synced: the leader tells how long ago it heard */
#define RETRY_MS    200
#define BACKLOG_MAX ((size_t)64 * 1024 * 1024) /* bytes that wait for this node's disk, above which nothing is taken */
#define BATCH_KEEP  ((size_t)1024 * 1024)      /* bytes of memory kept between large batches */

/* ---- ending ---- */

static void close_link(struct follow *follow, const char *reason)
{
    if (follow->link != NULL && follow->state != FOLLOW_CLOSING) {
        follow->state = FOLLOW_CLOSING;
        peer_close(follow->link, reason);
    }
}

/* What it does not follow for is told once, until something else is. */
static void give_up(struct follow *follow, const struct complaint *why)
{
    if (strcmp(why->text, follow->refusal.text) != 0) {
        follow->refusal = *why;
        trace(follow->config.trace, TRACE_WARNING, "node %" PRIu64 " at %s is not followed: %s", follow->leader,
              follow->address, why->text);
    }
    close_link(follow, why->text);
}

static void refuse(struct follow *follow, const char *sentence)
{
    struct complaint complaint;
    complaint_set(&complaint, "%s", sentence);
    give_up(follow, &complaint);
}

/* ---- beginning ---- */

static bool send(struct follow *follow, const struct replication_message *message)
{
    buf_clear(&follow->out, PEER_MESSAGE_MAX);
    bool fits = replication_pack(message, &follow->out);
    check(fits);
    return peer_send(follow->link, buf_bytes(&follow->out)) == STATUS_OK;
}

static void say_hello(struct follow *follow)
{
    const struct replica *replica = follow->config.replica;
    const struct tail *tail = &replica->shard.tail;
    struct stand_promise promise;
    struct stand_position position, owes;
    stand_read((struct stand *)&follow->config.replica->stand, &promise, &position, &owes);
    struct replication_epoch entries[REPLICATION_EPOCHS_MAX];
    _Static_assert(EPOCHS_MAX <= REPLICATION_EPOCHS_MAX, "a table fits into a hello");
    for (uint32_t i = 0; i < tail->epochs.count; i++) {
        const struct epochs_entry *entry = &tail->epochs.list[i];
        entries[i] = (struct replication_epoch){entry->epoch, entry->leader, entry->first};
    }
    struct replication_message message = {.kind = REPLICATION_HELLO,
                                          .hello = {.cluster = follow->config.self.cluster,
                                                    .folder = follow->config.self.folder,
                                                    .shard = follow->config.shard,
                                                    .node = follow->config.self.node,
                                                    .start = follow->config.self.start,
                                                    .anew = follow->anew,
                                                    .epochs = entries,
                                                    .epoch_count = tail->epochs.count,
                                                    .last_sequence = tail->last_sequence,
                                                    .synced = position.sequence,
                                                    .owes = owes.sequence,
                                                    .owes_epoch = owes.epoch,
                                                    .epoch = promise.epoch,
                                                    .leader = promise.leader}};
    if (!send(follow, &message)) {
        refuse(follow, "its link takes nothing");
    }
}

static bool may_follow(const struct follow *follow)
{
    const struct replica *replica = follow->config.replica;
    return follow->address[0] != '\0' && (replica->blank || replica->shard.role == SHARD_FOLLOWING);
}

/* ---- what comes ---- */

/* The data that the leader has are ours, or there are none here. False: the stream has been ended. */
static bool expect_data(struct follow *follow, const struct replication_start *start)
{
    struct replica *replica = follow->config.replica;
    struct complaint complaint;
    if (replica->blank) {
        replica_take_origin(replica, &start->secret);
        return replica->state == REPLICA_SERVING;
    }
    if (shard_expect_secret(&replica->shard, &start->secret, "the leader", &complaint) != STATUS_OK) {
        give_up(follow, &complaint);
        return false;
    }
    return true;
}

/* What this node has behind the record is in no history. It says hello again when everything has been read. */
static void go_back(struct follow *follow, uint64_t sequence)
{
    struct replica *replica = follow->config.replica;
    struct complaint complaint;
    if (replica->blank || sequence >= replica->shard.tail.last_sequence) {
        refuse(follow, "it would have this node go back to what is not behind it");
    } else {
        enum status status = replica_rewind(replica, sequence, &complaint); /* follow P5 */
        if (status == STATUS_OK || status == STATUS_NOT_FOUND) {
            follow->anew = status == STATUS_NOT_FOUND;
            close_link(follow, NULL);
        } else {
            give_up(follow, &complaint);
        }
    }
}

/* A snapshot of the leader comes, and will take the place of what is here. Until it is there all stays. */
static void begin_taking(struct follow *follow, const struct replication_start *start)
{
    struct replica *replica = follow->config.replica;
    struct complaint complaint;
    bool ours =
        replica->blank || shard_expect_secret(&replica->shard, &start->secret, "the leader", &complaint) == STATUS_OK;
    if (!ours) {
        give_up(follow, &complaint);
    } else if (start->size == 0 || start->sequence == 0 || replica->env.disk == NULL) {
        refuse(follow, "it would send a snapshot of nothing, or there is no disk for it");
    } else if (intake_begin(&follow->intake, start->size, &complaint) != STATUS_OK) {
        give_up(follow, &complaint);
    } else {
        follow->cut = start->sequence;
        follow->secret = start->secret;
        follow->state = FOLLOW_TAKING;
        follow->refusal.text[0] = '\0';
        trace(follow->config.trace, TRACE_INFO,
              "node %" PRIu64 " at %s sends its snapshot of record %" PRIu64 ", %.1f MB", follow->leader,
              follow->address, follow->cut, (double)start->size / 1e6);
    }
}

static enum status on_piece(struct follow *follow, const struct replication_piece *piece, struct complaint *complaint)
{
    if (follow->intake.state != INTAKE_READY) {
        complaint_set(complaint, "a piece of the snapshot comes that was not expected");
        return STATUS_CORRUPT;
    }
    TRY(intake_take(&follow->intake, piece->offset, piece->bytes, complaint));
    peer_pause(follow->link, true);
    return STATUS_OK;
}

/* The file is whole: everything begins anew with it. */
static void take_place(struct follow *follow)
{
    struct replica *replica = follow->config.replica;
    struct complaint complaint;
    intake_stop(&follow->intake);
    follow->anew = false;
    if (!stand_allows(&replica->stand, follow->epoch, follow->leader)) { /* follow P1 */
        refuse(follow, "this node has promised another leader");
    } else if (replica_replace(replica, follow->cut, &follow->secret, &complaint) != STATUS_OK) {
        give_up(follow, &complaint);
    } else {
        close_link(follow, NULL);
    }
}

static void go_on_taking(struct follow *follow)
{
    switch (follow->intake.state) {
    case INTAKE_WHOLE:
        take_place(follow);
        break;
    case INTAKE_FAILED:
        give_up(follow, &follow->intake.complaint);
        break;
    case INTAKE_READY:
        peer_pause(follow->link, false);
        break;
    case INTAKE_WRITING:
    case INTAKE_OFF:
        break;
    }
}

static void on_start(struct follow *follow, const struct replication_start *start)
{
    struct replica *replica = follow->config.replica;
    uint64_t last = replica->shard.tail.last_sequence;
    if (start->epoch != follow->epoch || start->leader != follow->leader ||
        !stand_allows(&replica->stand, start->epoch, start->leader)) { /* follow P1 */
        refuse(follow, "it does not lead in the epoch that this node has promised");
    } else if (start->mode == REPLICATION_REWIND) {
        go_back(follow, start->sequence);
    } else if (start->mode == REPLICATION_SNAPSHOT) {
        begin_taking(follow, start);
    } else if (start->sequence != last + 1) {
        refuse(follow, "it goes on somewhere else than this node's log ends");
    } else if (expect_data(follow, start)) {
        source_init(&follow->source, &replica->shard);
        follow->source.serves = true;
        follow->state = FOLLOW_STREAMING;
        follow->began = last;
        follow->acked = 0;
        follow->streams++;
        follow->refusal.text[0] = '\0';
        trace(follow->config.trace, TRACE_INFO,
              "following node %" PRIu64 " at %s, epoch %" PRIu64 ", from record %" PRIu64, follow->leader,
              follow->address, follow->epoch, last + 1);
    }
}

static enum status on_type(struct follow *follow, const struct replication_type *type, struct complaint *complaint)
{
    if (type->anew) {
        bool serves = follow->source.serves;
        source_init(&follow->source, &follow->config.replica->shard);
        follow->source.serves = serves;
    }
    return follow->source.sink.declare(&follow->source.sink, type->index, type->name, complaint);
}

static enum status on_revision(struct follow *follow, const struct replication_revision *revision,
                               struct complaint *complaint)
{
    struct record_revision ours = {revision->index, revision->revision, revision->writer};
    return follow->source.sink.revise(&follow->source.sink, &ours, complaint);
}

/* The bytes of the batch at the beginning of these. */
static enum status batch_size(struct gm_bytes bytes, size_t *out, struct complaint *complaint)
{
    struct record record;
    size_t end = 0;
    do {
        size_t size = 0;
        enum status status =
            record_parse((struct gm_bytes){bytes.data + end, bytes.size - end}, &record, &size, complaint);
        if (status == STATUS_AGAIN) {
            complaint_set(complaint, "its records end in the midst of a batch");
            return STATUS_CORRUPT;
        }
        TRY(status);
        end += size;
    } while ((record.flags & RECORD_MORE) != 0);
    *out = end;
    return STATUS_OK;
}

/* Batches, whole ones. */
static enum status take_batches(struct follow *follow, struct gm_bytes bytes, struct complaint *complaint)
{
    struct replica *replica = follow->config.replica;
    for (size_t at = 0; at < bytes.size;) {
        struct gm_bytes rest = {bytes.data + at, bytes.size - at};
        size_t size = 0;
        bool halfway = false;
        TRY(batch_size(rest, &size, complaint));
        enum status status =
            apply_follow(&follow->source, (struct gm_bytes){rest.data, size}, &halfway, complaint); /* follow P3 */
        if (halfway) {
            struct complaint why = *complaint;
            trace(follow->config.trace, TRACE_ERROR, "%s: everything is read again", why.text);
            TRY(replica_reload(replica, complaint));
            *complaint = why;
        }
        TRY(status);
        at += size;
    }
    datatime_hear(&replica->time, replica->shard.tail.last_time_ms, replica->shard.monotonic_ms); /* cluster C27 */
    return STATUS_OK;
}

/* The whole of what several messages bring. */
static enum status collect(struct follow *follow, const struct replication_records *records,
                           struct complaint *complaint)
{
    if (records->offset == 0) {
        buf_clear(&follow->batch, BATCH_KEEP);
        follow->batch_total = records->total;
    }
    if (records->total > TAIL_BATCH_MAX || records->total != follow->batch_total ||
        records->offset != follow->batch.size || !buf_append(&follow->batch, records->bytes)) {
        complaint_set(complaint, "the pieces of a batch do not fit together");
        return STATUS_CORRUPT;
    }
    if (follow->batch.size < follow->batch_total) {
        return STATUS_OK;
    }
    enum status status = take_batches(follow, buf_bytes(&follow->batch), complaint);
    buf_clear(&follow->batch, BATCH_KEEP);
    return status;
}

static enum status on_records(struct follow *follow, const struct replication_records *records,
                              struct complaint *complaint)
{
    struct replica *replica = follow->config.replica;
    if (!stand_allows(&replica->stand, follow->epoch, follow->leader)) { /* follow P1 */
        complaint_set(complaint, "this node has promised another leader");
        return STATUS_REFUSED;
    }
    bool whole = records->offset == 0 && records->bytes.size == records->total && follow->batch.size == 0;
    TRY(whole ? take_batches(follow, records->bytes, complaint) : collect(follow, records, complaint));
    bool complete = follow->batch.size == 0;
    if (complete && replica->shard.tail.last_sequence != records->last) {
        complaint_set(complaint, "its records end with another than it says");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static void on_progress(struct follow *follow, const struct replication_progress *progress)
{
    struct replica *replica = follow->config.replica;
    uint64_t last = replica->shard.tail.last_sequence;
    uint64_t told = progress->committed < last ? progress->committed : last; /* follow P4 */
    replica->told = told > replica->told ? told : replica->told;
    follow->reached = progress->last;
    datatime_hear(&replica->time, progress->now_ms, replica->shard.monotonic_ms); /* cluster C27 */
}

static enum status dispatch(struct follow *follow, const struct replication_message *message,
                            struct complaint *complaint)
{
    bool streaming = follow->state == FOLLOW_STREAMING;
    if (streaming && message->kind != REPLICATION_REFUSAL) {
        follow->fed_ms = follow->config.replica->shard.monotonic_ms;
    }
    bool greeting = follow->state == FOLLOW_GREETING;
    switch (message->kind) {
    case REPLICATION_REFUSAL:
        complaint_set(complaint, "%.*s", (int)message->refusal.sentence.size,
                      (const char *)message->refusal.sentence.data);
        return STATUS_REFUSED;
    case REPLICATION_START:
        if (greeting) {
            on_start(follow, &message->start);
            return STATUS_OK;
        }
        break;
    case REPLICATION_TYPE:
        if (streaming) {
            return on_type(follow, &message->type, complaint);
        }
        break;
    case REPLICATION_REVISION:
        if (streaming) {
            return on_revision(follow, &message->revision, complaint);
        }
        break;
    case REPLICATION_RECORDS:
        if (streaming) {
            return on_records(follow, &message->records, complaint);
        }
        break;
    case REPLICATION_PROGRESS:
        if (streaming) {
            on_progress(follow, &message->progress);
            return STATUS_OK;
        }
        break;
    case REPLICATION_PIECE:
        if (follow->state == FOLLOW_TAKING) {
            return on_piece(follow, &message->piece, complaint);
        }
        break;
    case REPLICATION_HELLO:
    case REPLICATION_ACK:
        break;
    }
    complaint_set(complaint, "its messages come in no order");
    return STATUS_CORRUPT;
}

/* ---- the link ---- */

static void on_message(void *user, struct gm_bytes bytes)
{
    struct follow *follow = user;
    struct replication_message message;
    struct complaint complaint;
    if (follow->state == FOLLOW_CLOSING || !may_follow(follow)) {
        close_link(follow, "this node follows nobody now");
        return;
    }
    follow->heard_ms = follow->config.replica->shard.monotonic_ms;
    enum status status = replication_unpack_down(bytes, &message, &follow->arena, &complaint);
    if (status == STATUS_OK) {
        status = dispatch(follow, &message, &complaint);
    }
    if (status != STATUS_OK) {
        give_up(follow, &complaint);
    }
    arena_reset(&follow->arena);
}

static void on_closed(void *user, enum peer_end why, const char *reason)
{
    struct follow *follow = user;
    if (follow->state == FOLLOW_STREAMING) {
        trace(follow->config.trace, TRACE_INFO, "node %" PRIu64 " at %s is followed no more: %s%s", follow->leader,
              follow->address, why == PEER_LOST ? "the connection is lost" : "it has ended the stream",
              reason[0] != '\0' && why != PEER_LOST ? " (see its log)" : "");
    }
    intake_stop(&follow->intake);
    follow->link = NULL;
    follow->state = FOLLOW_OFF;
    follow->paused = false;
    buf_clear(&follow->batch, BATCH_KEEP);
    follow->next_ms = follow->config.replica->shard.monotonic_ms + RETRY_MS;
}

static const struct peer_user_ops user_ops = {on_message, NULL, on_closed};

/* ---- turns ---- */

static void acknowledge(struct follow *follow)
{
    struct replica *replica = follow->config.replica;
    const struct tail *tail = &replica->shard.tail;
    uint64_t synced = replica->wal != NULL ? wal_synced(replica->wal) : tail->last_sequence;
    int64_t now_ms = replica->shard.monotonic_ms;
    if (synced <= follow->acked && now_ms < follow->acked_ms + ACK_MS) {
        return; /* one for each sync, however many messages it took in, and a sign of life */
    }
    struct stand_position position = {epochs_number(&tail->epochs, synced), synced};
    if (!stand_publish(&replica->stand, position, follow->epoch)) { /* follow P2 */
        refuse(follow, "this node has promised a higher epoch");
        return;
    }
    struct replication_message message = {
        .kind = REPLICATION_ACK, .ack = {.epoch = follow->epoch, .received = tail->last_sequence, .synced = synced}};
    if (send(follow, &message)) {
        follow->acked = synced;
        follow->acked_ms = now_ms;
    }
}

/* This node's disk is behind, or no more. */
static void hold_back(struct follow *follow)
{
    const struct replica *replica = follow->config.replica;
    bool behind = replica_backlog(replica) > (follow->paused ? BACKLOG_MAX / 2 : BACKLOG_MAX);
    if (behind != follow->paused) {
        follow->paused = behind;
        peer_pause(follow->link, behind);
    }
}

void follow_init(struct follow *follow, const struct follow_config *config)
{
    *follow = (struct follow){.config = *config, .state = FOLLOW_OFF};
    buf_init(&follow->batch, TAIL_BATCH_MAX);
    buf_init(&follow->out, PEER_MESSAGE_MAX);
    intake_init(&follow->intake, config->replica->env.disk);
}

void follow_finish(struct follow *follow)
{
    intake_finish(&follow->intake);
    buf_finish(&follow->batch);
    buf_finish(&follow->out);
    arena_finish(&follow->arena);
}

void follow_choose(struct follow *follow, const char *address, uint64_t epoch, uint64_t leader)
{
    bool same = strcmp(address, follow->address) == 0 && epoch == follow->epoch && leader == follow->leader;
    check(strlen(address) < sizeof follow->address);
    if (same) {
        return;
    }
    close_link(follow, "this node follows another one");
    memcpy(follow->address, address, strlen(address) + 1);
    follow->epoch = epoch;
    follow->leader = leader;
    follow->next_ms = follow->config.replica->shard.monotonic_ms;
    follow->refusal.text[0] = '\0';
}

void follow_turn(struct follow *follow)
{
    int64_t now_ms = follow->config.replica->shard.monotonic_ms;
    if (follow->link == NULL && may_follow(follow) && now_ms >= follow->next_ms) {
        follow->next_ms = now_ms + RETRY_MS;
        follow->state = FOLLOW_GREETING;
        follow->link = peer_open(follow->config.peer, follow->address, PEER_FOLLOW, &user_ops, follow);
        say_hello(follow);
    } else if (follow->link != NULL && !may_follow(follow)) {
        close_link(follow, "this node follows nobody now");
    }
    if (follow->state == FOLLOW_TAKING) {
        go_on_taking(follow);
    }
    if (follow->state == FOLLOW_STREAMING) {
        acknowledge(follow);
    }
    if (follow->state == FOLLOW_STREAMING) {
        hold_back(follow);
    }
}

int64_t follow_next_ms(const struct follow *follow)
{
    if (follow->state == FOLLOW_STREAMING) {
        return follow->acked_ms + ACK_MS;
    }
    return follow->link == NULL && follow->address[0] != '\0' ? follow->next_ms : INT64_MAX;
}
