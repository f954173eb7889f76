/* SPDX-License-Identifier: MIT */

/* feed.c - sending the history to those who follow.
 *
 * Why      A follower may be a turn behind, or a day. It says where it stands, and neither it nor the leader has to
 *          know beforehand where what it lacks lies.
 *
 * Idea     The two tables of epochs say up to where both histories are one. From there a reader (log/reader.h) goes on:
 *          through segments, and then the tail. What it gives out is sent as it is, in messages; a batch that does not
 *          fit into one is sent in several, and counts when it is whole.
 *
 *            hello ──► common record ─┬─ the follower's last: CONTINUE behind it
 *                                     ├─ before that:         REWIND: it goes back, and says hello again
 *                                     └─ not in the log any more, or not known: SNAPSHOT
 *
 *          Records leave when they are appended, not when they are synced: two disks work at the same time. What waits
 *          in a link is bounded, and then nothing more is read for it: a follower that stands still costs the leader
 *          SEND_AHEAD bytes and the reader's window, and the log's segments.
 *
 * Promises
 *   P1  Runs are sent without a gap or an overlap, types and revisions before the first record that needs them.
 *   P2  An acknowledgement counts only as far as this stream has come: what was common, and what was sent (cluster
 *       C11).
 *   P3  Nothing is sent while the replica does not lead, and a stream ends with the epoch that it began in.
 *   P5  Who opens a link and says nothing keeps its place for GREETING_MS.
 *   P4  While a snapshot is sent its file and the log behind its cut stay, and some time after: until its follower has
 *       come back for the records behind it (cluster C16).
 *
 * Limits   FEED_MAX streams. A follower that takes longer than KEPT_MS to read a snapshot may need another one. */
#include "replica/feed.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"

#define SEND_AHEAD  ((size_t)1024 * 1024) /* bytes that wait in a link, above which nothing more is read for it */
#define CHUNK       ((size_t)256 * 1024)  /* bytes of records in a message */
#define PROGRESS_MS 200
#define GREETING_MS 5000   /* from the opening of a link to its hello */
#define KEPT_MS     600000 /* that the log behind a snapshot stays for who has been sent that */

_Static_assert(CHUNK + REPLICATION_OVERHEAD < PEER_MESSAGE_MAX, "records fit into a message");

enum feed_state {
    FEED_GREETING, /* no hello yet */
    FEED_MAKING,   /* there is no snapshot yet, or what the follower has is not on our disk yet */
    FEED_SENDING,  /* a snapshot */
    FEED_STREAMING,
    FEED_ENDED, /* closed by us: on_closed is to come */
};

struct feed {
    struct list link; /* in feeds->list */
    struct feeds *feeds;
    struct peer_link *peer;
    enum feed_state state;
    uint64_t node;
    uint64_t epoch; /* that it streams in */
    struct reader *reader;
    struct reader_run run; /* what is being sent; its bytes are the reader's */
    size_t run_at;         /* bytes of it that were sent */
    uint64_t numbering;    /* of the types that were sent; 0: of none */
    size_t declared;       /* names of it */
    bool anew;             /* the next name is the first of its numbering */
    struct revisions said;
    struct snapshot_raw *snapshot; /* owned, while it is sent */
    struct snapshot_raw_about about;
    struct stand_position has; /* what the follower has, or owes: it is not given up before it is on our disk */
    bool announced;            /* the follower knows which one */
    uint64_t file_sent;        /* bytes of it */
    struct wal_hold hold;
    uint64_t sent; /* sequences: the last that was sent, or is common */
    uint64_t received, synced;
    int64_t opened_ms; /* monotonic */
    int64_t heard_ms;  /* monotonic: its last word */
};

/* ---- sending ---- */

/* False: there is no room at the moment, or the link has ended. */
static bool send(struct feed *feed, const struct replication_message *message)
{
    struct buf *out = &feed->feeds->out;
    buf_clear(out, PEER_MESSAGE_MAX);
    bool fits = replication_pack(message, out);
    check(fits && out->size <= PEER_MESSAGE_MAX);
    return peer_send(feed->peer, buf_bytes(out)) == STATUS_OK;
}

/* The log behind the snapshot stays for a while: its follower reads what it got, and comes back (feed P4). */
static void keep_hold(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;
    if (feed->hold.wal == NULL || feed->file_sent < feed->about.size || feed->about.size == 0) {
        return;
    }
    struct feed_kept *kept = &feeds->kept[feeds->kept_next++ % FEED_KEPT];
    wal_release(&kept->hold);
    kept->node = feed->node;
    kept->until_ms = feeds->config.replica->shard.monotonic_ms + KEPT_MS;
    if (wal_hold(feed->hold.wal, &kept->hold, feed->hold.sequence) != STATUS_OK) {
        kept->node = 0;
    }
}

static void end(struct feed *feed, const char *reason)
{
    feed->state = FEED_ENDED;
    reader_destroy(feed->reader);
    feed->reader = NULL;
    snapshot_raw_destroy(feed->snapshot);
    feed->snapshot = NULL;
    keep_hold(feed);
    wal_release(&feed->hold);
    peer_close(feed->peer, reason);
}

/* One without a lease leads on: its followers need what it has, and it needs their acknowledgements. */
static bool leads(const struct feeds *feeds)
{
    enum shard_role role = feeds->config.replica->shard.role;
    return role == SHARD_LEADING || role == SHARD_FENCED;
}

/* The other side is told why, and the stream ends. */
static void refuse(struct feed *feed, enum status code, const char *sentence)
{
    struct replication_message message = {
        .kind = REPLICATION_REFUSAL,
        .refusal = {.code = (uint32_t)code, .sentence = gm_bytes_of(sentence), .leader = feed->feeds->leader_hint}};
    (void)send(feed, &message);
    enum trace_level level = leads(feed->feeds) ? TRACE_WARNING : TRACE_DEBUG; /* it says so itself, each time */
    trace(feed->feeds->config.trace, level, "node %" PRIu64 " cannot follow: %s", feed->node, sentence);
    end(feed, NULL);
}

/* ---- where it goes on ---- */

static bool start(struct feed *feed, enum replication_mode mode, uint64_t sequence)
{
    const struct shard *shard = &feed->feeds->config.replica->shard;
    struct replication_message message = {.kind = REPLICATION_START,
                                          .start = {.epoch = shard->tail.epoch,
                                                    .leader = feed->feeds->config.self.node,
                                                    .mode = mode,
                                                    .sequence = sequence,
                                                    .secret = shard->secret}};
    return send(feed, &message);
}

/* Whether the log has all from this record on. */
static bool has_from(const struct replica *replica, uint64_t sequence)
{
    const struct tail *tail = &replica->shard.tail;
    uint64_t oldest = replica->wal != NULL ? wal_oldest(replica->wal) : 0;
    return sequence >= tail_first(tail) || (oldest != 0 && sequence >= oldest);
}

static void begin_stream(struct feed *feed, uint64_t common)
{
    struct replica *replica = feed->feeds->config.replica;
    struct reader_config config = {
        .disk = replica->env.disk, .tail = &replica->shard.tail, .wal = replica->wal, .limit = READER_ADDED};
    if (!start(feed, REPLICATION_CONTINUE, common + 1)) {
        end(feed, NULL);
        return;
    }
    feed->reader = reader_create(&config, common + 1);
    feed->epoch = replica->shard.tail.epoch;
    feed->sent = common;
    feed->state = FEED_STREAMING;
}

/* ---- a snapshot ---- */

static void begin_snapshot(struct feed *feed)
{
    struct replica *replica = feed->feeds->config.replica;
    struct saver *saver = &replica->saver;
    if (replica->wal == NULL || wal_hold(replica->wal, &feed->hold, saver->newest + 1) != STATUS_OK) {
        refuse(feed, STATUS_AGAIN, "the log behind the leader's snapshot is being removed: ask again");
        return;
    }
    feed->state = FEED_SENDING;
    feed->snapshot = snapshot_raw_create(&(struct snapshot_raw_config){.disk = replica->env.disk}, saver->newest);
    trace(feed->feeds->config.trace, TRACE_INFO, "node %" PRIu64 " is sent the snapshot of record %" PRIu64, feed->node,
          saver->newest);
}

/* There is a snapshot for it, and what it would give up for that is on our disk: else nobody might have it (cluster
 * C17). */
static bool may_begin(const struct feed *feed)
{
    const struct replica *replica = feed->feeds->config.replica;
    return replica->saver.newest > feed->sent && stand_compare(replica->stand.position, feed->has) >= 0;
}

/* What the follower lacks is in no segment any more, or it has nothing that could be gone on from. */
static void need_snapshot(struct feed *feed, uint64_t common)
{
    struct replica *replica = feed->feeds->config.replica;
    struct saver *saver = &replica->saver;
    struct complaint complaint;
    feed->sent = common;
    if (may_begin(feed)) {
        begin_snapshot(feed);
    } else if (saver->newest > common || saver_is_busy(saver) || saver_start(saver, &complaint) == STATUS_OK) {
        feed->state = FEED_MAKING;
    } else {
        refuse(feed, STATUS_REFUSED, complaint.text);
    }
}

static void wait_for_snapshot(struct feed *feed)
{
    const struct saver *saver = &feed->feeds->config.replica->saver;
    if (may_begin(feed)) {
        begin_snapshot(feed);
    } else if (saver->newest <= feed->sent && !saver_is_busy(saver)) {
        refuse(feed, STATUS_AGAIN, "the leader's snapshot could not be made: its log says why");
    }
}

/* OK: the follower knows what comes. */
static enum status announce(struct feed *feed, struct complaint *complaint)
{
    if (feed->announced) {
        return STATUS_OK;
    }
    const struct shard *shard = &feed->feeds->config.replica->shard;
    TRY(snapshot_raw_about(feed->snapshot, &feed->about, complaint));
    struct replication_message message = {.kind = REPLICATION_START,
                                          .start = {.epoch = shard->tail.epoch,
                                                    .leader = feed->feeds->config.self.node,
                                                    .mode = REPLICATION_SNAPSHOT,
                                                    .sequence = feed->about.cut.sequence,
                                                    .secret = shard->secret,
                                                    .size = feed->about.size,
                                                    .checksum = feed->about.checksum}};
    if (!send(feed, &message)) {
        return STATUS_AGAIN;
    }
    feed->announced = true;
    return STATUS_OK;
}

static enum status send_piece(struct feed *feed, struct complaint *complaint)
{
    struct gm_bytes bytes;
    TRY(snapshot_raw_read(feed->snapshot, feed->file_sent, &bytes, complaint));
    bytes.size = bytes.size < CHUNK ? bytes.size : CHUNK;
    if (bytes.size == 0) {
        return STATUS_AGAIN;
    }
    struct replication_message message = {.kind = REPLICATION_PIECE, .piece = {feed->file_sent, bytes}};
    if (!send(feed, &message)) {
        return STATUS_AGAIN;
    }
    feed->file_sent += bytes.size;
    return STATUS_OK;
}

static void send_snapshot(struct feed *feed)
{
    struct complaint complaint;
    enum status status = announce(feed, &complaint);
    while (status == STATUS_OK && feed->file_sent < feed->about.size && peer_queued(feed->peer) < SEND_AHEAD) {
        status = send_piece(feed, &complaint);
    }
    if (status != STATUS_OK && status != STATUS_AGAIN) {
        refuse(feed, status, complaint.text);
    }
}

/* The follower has come, or has not for too long. */
static void let_go(struct feeds *feeds, uint64_t node)
{
    int64_t now_ms = feeds->config.replica->shard.monotonic_ms;
    for (size_t i = 0; i < FEED_KEPT; i++) {
        struct feed_kept *kept = &feeds->kept[i];
        if (kept->node != 0 && (kept->node == node || now_ms >= kept->until_ms)) {
            wal_release(&kept->hold);
            kept->node = 0;
        }
    }
}

static void go_on_from(struct feed *feed, const struct replication_hello *hello, uint64_t common)
{
    if (common < hello->last_sequence && common > 0) {
        (void)start(feed, REPLICATION_REWIND, common);
        end(feed, NULL);
    } else if (common < hello->last_sequence || !has_from(feed->feeds->config.replica, common + 1)) {
        need_snapshot(feed, common);
    } else {
        begin_stream(feed, common);
        let_go(feed->feeds, feed->node);
    }
}

static void judge(struct feed *feed, const struct replication_hello *hello)
{
    const struct tail *tail = &feed->feeds->config.replica->shard.tail;
    struct epochs theirs = {.list = memory_alloc(hello->epoch_count * sizeof *theirs.list + 1),
                            .count = (uint32_t)hello->epoch_count,
                            .secret = tail->epochs.secret}; /* whether the data are the same, the follower sees */
    for (size_t i = 0; i < hello->epoch_count; i++) {
        const struct replication_epoch *entry = &hello->epochs[i];
        theirs.list[i] = (struct epochs_entry){entry->epoch, entry->leader, entry->first};
    }
    uint64_t common = 0;
    bool broken = false;
    bool known = epochs_common(&tail->epochs, tail->last_sequence, &theirs, hello->last_sequence, &common, &broken);
    memory_free(theirs.list);
    if (broken) { /* cluster C9 */
        refuse(feed, STATUS_CORRUPT,
               "one epoch has two beginnings, here and there: somebody wrote who must not; compare the two logs with "
               "geomys-log");
    } else if (!known || hello->anew) {
        need_snapshot(feed, 0);
    } else {
        go_on_from(feed, hello, common);
    }
}

/* A node has one stream: the older one is of a connection that is dead, or about to be. */
static void end_older(const struct feed *feed)
{
    struct list *all = &feed->feeds->list;
    for (struct list *at = all->next; at != all; at = at->next) {
        struct feed *other = container_of(at, struct feed, link);
        if (other != feed && other->node == feed->node && other->state == FEED_STREAMING) {
            end(other, "this node has opened another stream");
        }
    }
}

/* The last of what it has, or has said to have. */
static struct stand_position greatest(const struct replication_hello *hello)
{
    uint64_t epoch = hello->epoch_count > 0 ? hello->epochs[hello->epoch_count - 1].epoch : 0;
    struct stand_position has = {epoch, hello->last_sequence};
    struct stand_position owes = {hello->owes_epoch, hello->owes};
    return stand_compare(owes, has) > 0 ? owes : has;
}

static void on_hello(struct feed *feed, const struct replication_hello *hello)
{
    const struct feeds_config *config = &feed->feeds->config;
    feed->node = hello->node;
    const char *why = NULL;
    if (memcmp(&hello->cluster, &config->self.cluster, sizeof hello->cluster) != 0) {
        why = "it is of another cluster";
    } else if (hello->shard != config->shard) {
        why = "there is no such shard here";
    } else if (hello->node == config->self.node) {
        why = "it has the node_id of this node: give it another one";
    } else if (!leads(feed->feeds)) {
        why = "this node does not lead";
    } else if (hello->epoch > config->replica->shard.tail.epoch) {
        why = "it has promised a higher epoch to another leader";
    } else if (config->judge != NULL) {
        why = config->judge(config->context, hello);
    }
    feed->has = greatest(hello);
    if (why == NULL &&
        stand_compare(feed->has, (struct stand_position){config->replica->shard.tail.epoch, UINT64_MAX}) > 0) {
        why = "it has records of a later epoch than this node leads in";
    }
    if (why != NULL) {
        refuse(feed, STATUS_REFUSED, why);
    } else {
        end_older(feed);
        judge(feed, hello);
    }
}

static void on_ack(struct feed *feed, const struct replication_ack *ack)
{
    struct replica *replica = feed->feeds->config.replica;
    if (ack->received > feed->sent || ack->epoch != feed->epoch) { /* feed P2 */
        refuse(feed, STATUS_CORRUPT, "it acknowledges what was not sent to it");
        return;
    }
    feed->received = ack->received > feed->received ? ack->received : feed->received;
    feed->synced = ack->synced > feed->synced ? ack->synced : feed->synced;
    if (leads(feed->feeds) && replica->shard.tail.epoch == feed->epoch) {
        (void)acks_add(&replica->acks, feed->node, feed->synced); /* cluster C11 */
    }
}

/* ---- the link ---- */

static void on_message(void *user, struct gm_bytes bytes)
{
    struct feed *feed = user;
    struct replication_message message;
    struct complaint complaint;
    if (feed->state == FEED_ENDED) {
        return;
    }
    feed->heard_ms = feed->feeds->config.replica->shard.monotonic_ms;
    enum status status = replication_unpack_up(bytes, &message, &feed->feeds->arena, &complaint);
    bool expected = status == STATUS_OK && (message.kind == REPLICATION_HELLO) == (feed->state == FEED_GREETING);
    if (status != STATUS_OK) {
        refuse(feed, status, complaint.text);
    } else if (!expected) {
        refuse(feed, STATUS_CORRUPT, "its messages come in no order");
    } else if (message.kind == REPLICATION_HELLO) {
        on_hello(feed, &message.hello);
    } else {
        on_ack(feed, &message.ack);
    }
    arena_reset(&feed->feeds->arena);
}

static void on_writable(void *user)
{
    (void)user; /* the next turn sends on */
}

static void forget(struct feed *feed)
{
    reader_destroy(feed->reader);
    snapshot_raw_destroy(feed->snapshot);
    wal_release(&feed->hold);
    revisions_finish(&feed->said);
    list_remove(&feed->link);
    feed->feeds->count--;
    memory_free(feed);
}

static void on_closed(void *user, enum peer_end why, const char *reason)
{
    struct feed *feed = user;
    struct feeds *feeds = feed->feeds;
    if (feed->state == FEED_STREAMING) {
        trace(feeds->config.trace, TRACE_INFO, "node %" PRIu64 " follows no more: %s", feed->node,
              why == PEER_LOST    ? "the connection is lost"
              : reason[0] != '\0' ? reason
                                  : "it has ended the stream");
    }
    if (feed->state != FEED_ENDED) {
        keep_hold(feed);
    }
    forget(feed);
}

static const struct peer_user_ops user_ops = {on_message, on_writable, on_closed};

static bool on_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason)
{
    struct feeds *feeds = context;
    if (feeds->count >= FEED_MAX) {
        *reason = "too many streams are open already";
        return false;
    }
    struct feed *feed = memory_zeroed(sizeof *feed);
    feed->feeds = feeds;
    feed->peer = link;
    feed->opened_ms = feeds->config.replica->shard.monotonic_ms;
    list_push_back(&feeds->list, &feed->link);
    feeds->count++;
    *ops = &user_ops;
    *user = feed;
    return true;
}

/* ---- streaming ---- */

/* The names of the run that the follower has not been told. False: there is no room. */
static bool declare(struct feed *feed)
{
    const struct reader_run *run = &feed->run;
    if (run->numbering != feed->numbering) {
        feed->numbering = run->numbering;
        feed->declared = 0;
        feed->anew = true;
        revisions_clear(&feed->said);
    }
    while (feed->declared < run->names->count) {
        const struct name *name = &run->names->list[feed->declared];
        struct replication_message message = {.kind = REPLICATION_TYPE,
                                              .type = {name->type, names_text(name), feed->anew}};
        if (!send(feed, &message)) {
            return false;
        }
        feed->anew = false;
        feed->declared++;
    }
    struct record_revision revision;
    while (revisions_next(run->revisions, run->first - 1, &feed->said, &revision)) {
        struct replication_message message = {.kind = REPLICATION_REVISION,
                                              .revision = {revision.type, revision.revision, revision.writer}};
        if (!send(feed, &message)) {
            return false;
        }
        revisions_note(&feed->said, &revision, 0);
    }
    return true;
}

/* False: there is no room. */
static bool send_run(struct feed *feed)
{
    struct reader_run *run = &feed->run;
    if (feed->run_at == 0 && !declare(feed)) { /* feed P1 */
        return false;
    }
    while (feed->run_at < run->bytes.size) {
        size_t rest = run->bytes.size - feed->run_at;
        size_t size = rest < CHUNK ? rest : CHUNK;
        struct replication_message message = {.kind = REPLICATION_RECORDS,
                                              .records = {.first = run->first,
                                                          .last = run->last,
                                                          .offset = feed->run_at,
                                                          .total = run->bytes.size,
                                                          .bytes = {run->bytes.data + feed->run_at, size}}};
        if (!send(feed, &message)) {
            return false;
        }
        feed->run_at += size;
    }
    feed->sent = run->last;
    *run = (struct reader_run){.first = 0};
    feed->run_at = 0;
    return true;
}

/* True: it could go on at once. */
static bool stream(struct feed *feed)
{
    struct complaint complaint;
    while (peer_queued(feed->peer) < SEND_AHEAD) {
        if (feed->run.bytes.size > 0 && !send_run(feed)) {
            return false;
        }
        enum status status = reader_next(feed->reader, CHUNK, &feed->run, &complaint);
        if (status == STATUS_AGAIN) {
            feed->run = (struct reader_run){.first = 0};
            return false;
        }
        if (status != STATUS_OK) {
            refuse(feed, status, complaint.text);
            return false;
        }
        check(feed->run.first == feed->sent + 1); /* feed P1 */
    }
    return false; /* on_writable, or what the link takes, has the loop turn again */
}

static bool work(struct feed *feed)
{
    switch (feed->state) {
    case FEED_MAKING:
        wait_for_snapshot(feed);
        break;
    case FEED_SENDING:
        send_snapshot(feed);
        break;
    case FEED_STREAMING:
        return stream(feed);
    case FEED_GREETING:
    case FEED_ENDED:
        break;
    }
    return false;
}

static void tell_progress(struct feeds *feeds)
{
    const struct replica *replica = feeds->config.replica;
    const struct shard *shard = &replica->shard;
    struct replication_message message = {
        .kind = REPLICATION_PROGRESS,
        .progress = {.committed = replica->acks.committed, .last = shard->tail.last_sequence, .now_ms = shard->now_ms}};
    for (struct list *at = feeds->list.next; at != &feeds->list; at = at->next) {
        struct feed *feed = container_of(at, struct feed, link);
        if (feed->state == FEED_STREAMING) {
            (void)send(feed, &message); /* without room the next one says more */
        }
    }
    feeds->told = replica->acks.committed;
    feeds->told_ms = shard->monotonic_ms;
}

void feeds_init(struct feeds *feeds, const struct feeds_config *config)
{
    *feeds = (struct feeds){.config = *config};
    list_init(&feeds->list);
    buf_init(&feeds->out, PEER_MESSAGE_MAX);
}

void feeds_stop(struct feeds *feeds, const char *reason)
{
    for (struct list *at = feeds->list.next; at != &feeds->list; at = at->next) {
        struct feed *feed = container_of(at, struct feed, link);
        if (feed->state != FEED_ENDED) {
            end(feed, reason);
        }
    }
}

void feeds_drop(struct feeds *feeds)
{
    feeds_stop(feeds, "this node's log is read again: ask again");
    for (size_t i = 0; i < FEED_KEPT; i++) {
        wal_release(&feeds->kept[i].hold);
        feeds->kept[i].node = 0;
    }
}

void feeds_finish(struct feeds *feeds)
{
    while (!list_empty(&feeds->list)) {
        forget(container_of(feeds->list.next, struct feed, link));
    }
    feeds_drop(feeds);
    arena_finish(&feeds->arena);
    buf_finish(&feeds->out);
}

struct peer_acceptor feeds_acceptor(struct feeds *feeds)
{
    return (struct peer_acceptor){.on_accept = on_accept, .context = feeds};
}

bool feeds_turn(struct feeds *feeds)
{
    const struct shard *shard = &feeds->config.replica->shard;
    bool more = false;
    let_go(feeds, 0);
    for (struct list *at = feeds->list.next; at != &feeds->list; at = at->next) {
        struct feed *feed = container_of(at, struct feed, link);
        if (feed->state == FEED_GREETING && shard->monotonic_ms >= feed->opened_ms + GREETING_MS) {
            end(feed, "it has not said who it is"); /* feed P5 */
        }
        if (feed->state == FEED_GREETING || feed->state == FEED_ENDED) {
            continue;
        }
        if (!leads(feeds) || (shard->tail.epoch != feed->epoch && feed->state == FEED_STREAMING)) { /* feed P3 */
            end(feed, "the leader leads no more, or in a new epoch: ask again");
            continue;
        }
        more = work(feed) || more;
    }
    bool news = feeds->config.replica->acks.committed != feeds->told;
    if (leads(feeds) && (news || shard->monotonic_ms >= feeds->told_ms + PROGRESS_MS)) {
        tell_progress(feeds);
    }
    return more;
}

int64_t feeds_next_ms(const struct feeds *feeds)
{
    return feeds->count > 0 ? feeds->told_ms + PROGRESS_MS : INT64_MAX;
}

struct feed_view feeds_view(const struct feeds *feeds, uint32_t i)
{
    const struct list *at = feeds->list.next;
    check(i < feeds->count);
    while (i-- > 0) {
        at = at->next;
    }
    const struct feed *feed = container_of((struct list *)(uintptr_t)at, struct feed, link);
    return (struct feed_view){.node = feed->state != FEED_ENDED ? feed->node : 0,
                              .sent = feed->sent,
                              .received = feed->received,
                              .synced = feed->synced,
                              .streaming = feed->state == FEED_STREAMING,
                              .sending = feed->state == FEED_SENDING,
                              .heard_ms = feed->heard_ms};
}
